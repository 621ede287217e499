/**
 * Starts a real relay for a test, on a port that the system chooses and with its own data folder.
 *
 *   const relay = await startRelay();
 *   relay.ws     ws://127.0.0.1:PORT          relay.http   http://127.0.0.1:PORT
 *   relay.port   relay.id   relay.data        await relay.restart()   await relay.stop()
 */
import { Program, binary, run, tempDir } from './process.js';
import { join } from 'node:path';

/** Arguments of every relay, so that all suites can run with PAIRLINK_RELAY_ARGS='--workers 2', for example. */
const EVERYWHERE = (process.env.PAIRLINK_RELAY_ARGS ?? '').split(' ').filter(Boolean);

/** Settings that keep tests short: every limit and timer of the relay is a setting. */
export const SHORT_TIMERS = ['--limit', 'OPEN_TIMEOUT_MS=500', '--ping-interval', '300ms', '--dead-after', '1000ms'];

const READY = /pairlink-relay ready (https?):\/\/(\S+):(\d+)\S*(?: relay-id=(\S+))?(?: data=(.*))?/;

export class Relay {
  constructor({ args, data, wrap, env, listen, tls, program }) {
    this.args = args;
    this.data = data;
    this.wrap = wrap;
    this.env = env;
    this.listen = listen;
    this.tls = tls;
    this.program = program;
  }

  /** @private */
  async launch() {
    const command = [
      ...this.wrap,
      this.program,
      '--listen',
      this.listen,
      '--data',
      this.data,
      ...EVERYWHERE,
      ...this.args,
    ];
    this.process = new Program(command[0], command.slice(1), { env: this.env });
    const ready = await this.process.waitFor(READY, { ms: this.wrap.length ? 120_000 : undefined });
    this.port = Number(ready[3]);
    this.id = ready[4];
    this.listen = this.listen.replace(/:0$/, `:${this.port}`);
    const name = this.tls ? 'localhost' : '127.0.0.1';
    this.http = `${this.tls ? 'https' : 'http'}://${name}:${this.port}`;
    this.ws = `${this.tls ? 'wss' : 'ws'}://${name}:${this.port}`;
    return this;
  }

  get pid() {
    return this.process.pid;
  }
  get log() {
    return `${this.process.stdout}\n${this.process.stderr}`;
  }

  /** Sends SIGTERM and waits for the end. Returns `{code, signal}`. */
  stop() {
    return this.process.stop();
  }
  /** Sends SIGKILL and waits for the end. */
  kill9() {
    return this.process.kill9();
  }
  /** Ends it (`hard`: by SIGKILL) unless it has ended, and starts it again on the same port and data. */
  async restart({ hard = false } = {}) {
    if (this.process.running) await (hard ? this.kill9() : this.stop());
    return this.launch();
  }
}

/**
 * @param {{args?: string[], data?: string, wrap?: string[], env?: object, listen?: string, tls?: boolean, program?:
 * string}} [options]
 *   args: further arguments; wrap: a program that runs it, such as valgrind with its options; tls: give --tls-cert and
 *   --tls-key in `args` too
 */
export function startRelay({
  args = [],
  data = join(tempDir(), 'data'),
  wrap = [],
  env = {},
  listen = '127.0.0.1:0',
  tls = false,
  program = binary('pairlink-relay'),
} = {}) {
  return new Relay({ args, data, wrap, env, listen, tls, program }).launch();
}

/** Starts a relay that should fail to start. Returns `{code, signal, stdout, stderr}`. */
export function runRelay(args, options = {}) {
  return run(binary('pairlink-relay'), args, options);
}
