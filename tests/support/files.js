/** For the tests of `send` and `receive`: two people who send files to each other with the real programs. */
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

/** Returns the objects of --json; fails when a line does not parse. */
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

/** For afterEach: ends the programs that a test left running. */
export const endAll = (open) => async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
};

/** `relay` is a function, because the relay is started later. `open`: the programs that were started. */
export function filesOf(relay) {
  const open = [];

  /** Makes two people, each with a home; `send` and `receive` start their programs. */
  async function people(url = relay().ws, makeIdentity = newIdentity) {
    const sender = makeIdentity();
    const receiver = makeIdentity();
    const ids = { sender: await idOf(sender), receiver: await idOf(receiver) };
    const folder = tempDir('pairlink-into-');
    const start = (identity, where, args) => {
      const program = startCli({ relay: url, identity, ...where }, ...args);
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
