/**
 * Child processes for tests. Every wait is for an event (a line, the exit), never for some time. A child is ended by
 * its own process ID, also when the test run itself dies first.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The folder of the programs: PAIRLINK_BIN (such as build/asan/bin), or the release build. */
export const BIN = resolve(ROOT, process.env.PAIRLINK_BIN ?? 'build/release/bin');

/** How long a test waits for an event that should come soon, in ms. It is long because the machine may be busy. */
export const PATIENCE_MS = Number(process.env.PAIRLINK_PATIENCE_MS ?? 30_000);

/** Returns the path of one of this project's programs. Its error says what to do when the program is missing. */
export function binary(name) {
  const path = join(BIN, name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run ./dev build first`);
  return path;
}

const living = new Set();
const folders = new Set();
// Vitest ends a worker with SIGTERM, which by itself would skip what is done at exit.
process.once('SIGTERM', () => process.exit(143));
process.on('exit', leaveNothing);

/** What has just been killed may still be writing, so a removal is tried again. */
const REMOVAL = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 };

function leaveNothing() {
  for (const child of living) {
    try {
      child.signalGroup('SIGKILL');
    } catch (error) {
      console.error(`${child.commandLine} is left: ${error.message}`); // the others are ended all the same
    }
  }
  for (const dir of folders) {
    try {
      rmSync(dir, REMOVAL);
    } catch (error) {
      console.error(`${dir} is left: ${error.message}`); // the others are removed all the same
    }
  }
}

/** Removes what is left after the handlers that others have added for the exit, such as those that end a browser. */
export function cleanUpLast() {
  process.off('exit', leaveNothing);
  process.on('exit', leaveNothing);
}

/** Creates a folder for one test, which is removed at the end of the run. */
export function tempDir(prefix = 'pairlink-test-') {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  folders.add(dir);
  return dir;
}

/** Removes a folder of `tempDir` before the end of the run: vitest kills a worker that takes long to end. */
export async function removeDir(dir) {
  await rm(dir, REMOVAL);
  folders.delete(dir);
}

/** Rejects after `ms` unless `promise` settles first. `what` is what it waited for. */
export function within(promise, what, ms = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${typeof what === 'function' ? what() : what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Waits for one event of an emitter. Fails when it takes too long. */
export function once(emitter, event, ms = PATIENCE_MS) {
  return within(new Promise((done) => emitter.once(event, (...args) => done(args))), `event "${event}"`, ms);
}

/** Calls `probe` every `interval_ms` until it returns something truthy. Use it only for things that send no event, such
 *  as a file or another process's memory. */
export async function until(probe, what, { ms = PATIENCE_MS, interval_ms = 20 } = {}) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not so within ${ms} ms: ${what}`);
    await new Promise((done) => setTimeout(done, interval_ms));
  }
}

/** A running program. `stdout` and `stderr` hold its output so far as text, `stdoutBytes` as bytes. */
export class Program {
  /**
   * @param {string} command
   * @param {string[]} args
   * @param {{env?: object, cwd?: string, keepOutput?: boolean, uid?: number, gid?: number}} [options]
   *   keepOutput: false when stdout is too large to hold; read it with `program.child.stdout.on('data')`
   */
  constructor(command, args, { env = {}, cwd = ROOT, keepOutput = true, uid, gid } = {}) {
    this.commandLine = [command, ...args].join(' ');
    this.child = spawn(command, args, {
      cwd,
      uid,
      gid,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true, // its own process group, so that it ends with wrappers such as valgrind
    });
    this.pid = this.child.pid;
    this.chunks = { stdout: [], stderr: [] };
    this.watchers = new Set();
    this.child.stdin.on('error', () => {}); // the program may end before it has read everything
    for (const name of ['stdout', 'stderr']) {
      if (name === 'stdout' && !keepOutput) continue;
      this.child[name].on('data', (chunk) => {
        this.chunks[name].push(chunk);
        for (const check of this.watchers) check();
      });
    }
    living.add(this);
    this.child.once('exit', (code, signal) => (this.ended = { code, signal }));
    /** Resolves to `{code, signal}` once the program has ended and all its output was read. A process that it started
     *  and that still holds its output delays this. */
    this.exited = new Promise((done, fail) => {
      this.child.once('error', (error) => {
        if (this.pid !== undefined) return fail(error);
        living.delete(this);
        this.failure = new Error(`could not start ${this.commandLine}: ${error.message}`, { cause: error });
        fail(this.failure);
      });
      this.child.once('close', (code, signal) => {
        living.delete(this);
        this.result = { code, signal };
        done(this.result);
        for (const check of this.watchers) check();
      });
    });
    this.exited.catch(() => {});
  }

  get stdoutBytes() {
    return Buffer.concat(this.chunks.stdout);
  }
  get stdout() {
    return this.stdoutBytes.toString('utf8');
  }
  get stderr() {
    return Buffer.concat(this.chunks.stderr).toString('utf8');
  }
  get running() {
    return this.pid !== undefined && this.result === undefined;
  }

  /** Waits until the program's output (`stream`: stdout, stderr or both) matches. Returns the match. */
  waitFor(pattern, { stream = 'both', ms = PATIENCE_MS } = {}) {
    const text = () => (stream === 'both' ? `${this.stdout}\n${this.stderr}` : this[stream]);
    let check;
    const found = new Promise((done, fail) => {
      check = () => {
        const match =
          typeof pattern === 'string' ? (text().includes(pattern) ? [pattern] : null) : text().match(pattern);
        if (match) done(match);
        else if (this.failure) fail(this.failure);
        else if (this.result)
          fail(new Error(`${this.commandLine}\nended (${JSON.stringify(this.result)}) before ${pattern}:\n${text()}`));
      };
      this.watchers.add(check);
      this.exited.catch(fail);
      check();
    });
    return within(found, () => `${pattern} from ${this.commandLine}\nso far:\n${text()}`, ms).finally(() =>
      this.watchers.delete(check),
    );
  }

  /** Waits for the end. Returns `{code, signal}`. */
  wait(ms = PATIENCE_MS) {
    const held = () =>
      this.ended ? `\n(it has ended: ${JSON.stringify(this.ended)}; what it started still holds its output)` : '';
    return within(this.exited, () => `end of ${this.commandLine}${held()}\nsaid:\n${this.stdout}\n${this.stderr}`, ms);
  }

  /** Writes to stdin and waits until the pipe has accepted it. */
  write(data) {
    return new Promise((done, fail) => this.child.stdin.write(data, (error) => (error ? fail(error) : done())));
  }
  end(data) {
    if (data !== undefined) this.child.stdin.end(data);
    else this.child.stdin.end();
  }

  /** Sends a signal, also to a program that has ended. One that could not be started has no process to send it to. */
  signal(name) {
    if (this.pid === undefined) return;
    try {
      process.kill(this.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
  signalGroup(name) {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }

  /**
   * Sends SIGTERM to it and its children, and waits for the end. A wrapper that runs the program as its child, such as
   * a script without `exec`, would not pass the signal on: it would end alone, and the program would run for ever.
   */
  async stop(ms = PATIENCE_MS) {
    if (this.running) this.signalGroup('SIGTERM');
    return this.wait(ms);
  }
  /** Sends SIGKILL to it and its children, and waits for the end. */
  async kill9() {
    if (this.running) this.signalGroup('SIGKILL');
    return this.wait();
  }

  /** Returns a value of /proc/PID/status in KiB: VmRSS (now) or VmHWM (highest so far). */
  memoryKiB(field = 'VmRSS') {
    const line = readFileSync(`/proc/${this.pid}/status`, 'utf8').match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'));
    return line ? Number(line[1]) : 0;
  }
}

/** Starts a program; see `Program`. */
export const start = (command, args = [], options = {}) => new Program(command, args, options);

/** Runs a program until it ends. Returns `{code, signal, stdout, stderr}`. `input` goes to its stdin. */
export async function run(command, args = [], { input, ms = PATIENCE_MS, ...options } = {}) {
  const program = start(command, args, options);
  program.end(input);
  try {
    const { code, signal } = await program.wait(ms);
    return { code, signal, stdout: program.stdout, stderr: program.stderr };
  } finally {
    if (program.running) await program.kill9();
  }
}
