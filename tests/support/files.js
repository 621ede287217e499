/** Two people who send each other files with the real programs, for the tests of `send` and `receive`. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { idOf, newIdentity, startCli } from './cli.js';
import { tempDir } from './process.js';

const MiB = 1 << 20;
export const CODE = /^Code {2}(\S+)/m;

export async function sha256(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: MiB })) hash.update(chunk);
  return hash.digest('hex');
}

export function makeFile(path, size) {
  writeFileSync(path, '');
  for (let left = size; left > 0; left -= MiB) writeFileSync(path, randomBytes(Math.min(left, MiB)), { flag: 'a' });
  return path;
}

/** Parses the output of --json, one object per line. */
const events = (program) =>
  program.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
export const ofKind = (program, kind) => events(program).filter(({ event }) => event === kind);

export async function bothEnd(send, receive, code = 0, ms = 120_000) {
  expect((await send.wait(ms)).code, send.stderr).toBe(code);
  expect((await receive.wait(ms)).code, receive.stderr).toBe(code);
}

/** Ends whatever a test left running. Called by afterEach. */
export const endAll = (open) => async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
};

/** `relay` is a function, because the relay is started later. `open` collects the programs that were started. */
export function filesOf(relay) {
  const open = [];

  /** Two people, each with a home folder. `send` and `receive` start their programs. */
  async function people(url = relay().ws, identity = newIdentity) {
    const sender = identity();
    const receiver = identity();
    const ids = { sender: await idOf(sender), receiver: await idOf(receiver) };
    const folder = tempDir('pairlink-into-');
    const start = (home, where, args) => {
      const program = startCli({ relay: url, identity: home, ...where }, ...args);
      open.push(program);
      return program;
    };
    return {
      sender,
      receiver,
      ids,
      folder,
      send: (args, where = {}) => start(sender, where, ['send', ...args]),
      receive: (args, where = {}) => start(receiver, where, ['receive', '--into', folder, ...args]),
    };
  }

  /** Types the code that a `send` shows into a new `receive`. */
  async function byCode(p, args, where) {
    const send = p.send(args, where);
    const code = (await send.waitFor(CODE, { stream: 'stderr' }))[1];
    const receive = p.receive(['--json']);
    receive.end(`${code}\n`);
    return { send, receive, code };
  }

  return { open, people, byCode };
}
