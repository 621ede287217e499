/**
 * Memory runs out: every command, and a host with a poll loop of its own, runs with each of its allocations failing once,
 * and with all failing from one on. Every program ends, a program that fails says why, and nothing that was lost is
 * called delivered.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { idOf, newIdentity, startCli } from '../support/cli.js';
import { binary, start, tempDir } from '../support/process.js';
import { startRelay } from '../support/relay.js';
import { starve, sweep } from '../support/shortage.js';

const SOAK = Boolean(process.env.PAIRLINK_SOAK);
const ONLY = process.env.SHORTAGE_ONLY; // a scenario; SHORTAGE_AT: numbers, with + for "and all later"
const CODE = /^Code {2}(\S+)/m;
let relay;
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=2000'] });
});
afterAll(() => relay.stop());

/** Makes a person with a home; `start` takes the settings that make allocations fail, or nothing. */
async function person() {
  const identity = newIdentity();
  const state = tempDir('pairlink-state-');
  return {
    id: await idOf(identity),
    start: (starving, ...args) =>
      startCli({ relay: relay.ws, identity, env: { XDG_STATE_HOME: state, ...starving } }, ...args),
  };
}

/** Starts both; allocations fail in the one named `starved`. The second starts once `first` has printed something. */
const people = async () => [await person(), await person()];
const only = (name, starved, starving) => (name === starved ? starving : {});
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

const pipe = (starved, size) => async (starving) => {
  const [listener, caller] = await people();
  const data = randomBytes(size);
  const listen = listener.start(only('listen', starved, starving), 'listen', '--accept', 'all');
  listen.end('and back');
  const connect = caller.start(only('connect', starved, starving), 'connect', listener.id);
  connect.end(data);
  return {
    programs: { listen, connect },
    starved,
    lies: () => {
      if (connect.result.code === 0 && hash(listen.stdoutBytes) !== hash(data))
        return `${listen.stdoutBytes.length} of ${size} bytes arrived`;
      return listen.result.code === 0 && connect.stdout !== 'and back' ? 'the way back is incomplete' : '';
    },
  };
};

/** By code: starts the maker, and the claimer once the code is known; or the maker alone if it ends before. */
const byCode = async (maker, claim) => {
  const code = await maker.waitFor(CODE).catch(() => null);
  return code ? claim(code[1]) : undefined;
};

const pair = (starved) => async (starving) => {
  const [ana, bo] = await people();
  const maker = ana.start(only('pair', starved, starving), 'pair');
  maker.end();
  const claim = await byCode(maker, (code) => {
    const program = bo.start(only('claim', starved, starving), 'pair', '--code');
    program.end(`${code}\n`);
    return program;
  });
  return {
    programs: claim ? { pair: maker, claim } : { pair: maker },
    starved,
    lies: () => {
      const known = (program) => /Paired with/.test(program.stderr);
      return [maker, claim].some((one) => one && one.result.code === 0 && !known(one)) ? 'paired, but with nobody' : '';
    },
  };
};

/** What is sent: the arguments of `send`, its stdin, and where the file will be. */
const aFile = (data) => {
  const path = join(tempDir('pairlink-from-'), 'file');
  writeFileSync(path, data);
  return { args: [path], name: 'file' };
};
const aFolder = (data) => {
  const folder = join(tempDir('pairlink-from-'), 'folder');
  mkdirSync(join(folder, 'below'), { recursive: true });
  for (const name of ['file', 'second', 'third']) writeFileSync(join(folder, 'below', name), data);
  return { args: [folder], name: 'folder/below/file' };
};
const aPipe = (data) => ({ args: ['-'], input: data, name: 'stdin' });

const files =
  (starved, size, make = aFile) =>
  async (starving) => {
    const [ana, bo] = await people();
    const into = tempDir('pairlink-into-');
    const data = randomBytes(size);
    const what = make(data);
    const send = ana.start(only('send', starved, starving), 'send', ...what.args);
    send.end(what.input);
    const receive = await byCode(send, (code) => {
      const program = bo.start(only('receive', starved, starving), 'receive', '--into', into, '--yes');
      program.end(`${code}\n`);
      return program;
    });
    return {
      programs: receive ? { send, receive } : { send },
      starved,
      lies: () => {
        if (send.result.code !== 0 && receive?.result.code !== 0) return '';
        const path = join(into, what.name);
        const there = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
        return hash(there) === hash(data) ? '' : `${there.length} of ${size} bytes were saved`;
      },
    };
  };

const chat = (starved) => async (starving) => {
  const [ana, bo] = await people();
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}\n`).join('');
  const reader = ana.start(only('reader', starved, starving), 'chat', bo.id);
  const writer = bo.start(only('writer', starved, starving), 'chat', ana.id);
  writer.end(lines);
  void writer.exited.then(() => reader.end());
  return {
    programs: { reader, writer },
    starved,
    lies: () =>
      writer.result.code === 0 && reader.stdout !== lines ? `the reader has ${JSON.stringify(reader.stdout)}` : '',
  };
};

const ping = (starved) => async (starving) => {
  const [ana, bo] = await people();
  const listen = ana.start(only('listen', starved, starving), 'listen', '--accept', 'all', '--keep');
  const pinging = bo.start(only('ping', starved, starving), 'ping', '--count', '1', ana.id);
  listen.interrupted = true; // otherwise it would keep listening
  void pinging.exited.then(() => listen.signal('SIGINT'));
  return {
    programs: { ping: pinging, listen },
    starved,
    lies: () => (pinging.result.code === 0 && !/answered in/.test(pinging.stdout) ? 'no answer' : ''),
  };
};

const host = async (starving) => {
  const program = start(binary('host_poll'), [relay.ws, tempDir(), '5', '70000'], {
    env: { HOME: tempDir(), no_proxy: '*', ...starving },
  });
  return {
    programs: { host: program },
    starved: 'host',
    lies: () => (program.result.code === 0 && !/^OK 5 messages/.test(program.stdout) ? program.stdout : ''),
  };
};

/** A command that needs no peer. */
const alone =
  (...args) =>
  async (starving) => {
    const me = await person();
    const program = me.start(starving, ...args);
    program.end();
    return { programs: { [args[0]]: program }, starved: args[0], lies: () => '' };
  };

const size = SOAK ? 720_000 : 200_000;
const scenarios = {
  listen: pipe('listen', size),
  connect: pipe('connect', size),
  pair: pair('pair'),
  'pair --code': pair('claim'),
  send: files('send', size),
  receive: files('receive', size),
  'send, a folder': files('send', 1000, aFolder),
  'send, a pipe': files('send', size, aPipe),
  'chat, reading': chat('reader'),
  'chat, writing': chat('writer'),
  ping: ping('ping'),
  'listen, pinged': ping('listen'),
  'a host with a poll loop': host,
  name: alone('name', 'Ana'),
  contacts: alone('contacts'),
  id: alone('id'),
};

/** Returns which allocations fail: those of SHORTAGE_AT, else each one (soak), else some, evenly spread. */
function numbers(asked, most) {
  if (process.env.SHORTAGE_AT)
    return process.env.SHORTAGE_AT.split(',').map((text) => ({ at: parseInt(text, 10), from: text.endsWith('+') }));
  const step = SOAK ? 1 : Math.max(1, Math.ceil(asked / most));
  const list = [];
  for (let at = 1; at <= asked; at += step) list.push({ at, from: false }, { at, from: true });
  return list;
}

for (const [name, scenario] of Object.entries(scenarios).filter(([key]) => !ONLY || ONLY === key)) {
  test(`without memory: ${name}`, { timeout: SOAK || ONLY ? 3_600_000 : 180_000 }, async () => {
    const { env, report } = starve({ at: 0 });
    const { programs } = await scenario(env);
    for (const program of Object.values(programs))
      expect((await program.wait()).code, program.stderr).toBe(program.interrupted ? 130 : 0);
    const { asked } = report();
    expect(asked).toBeGreaterThan(0);
    const { wrong, failed } = await sweep(name, scenario, numbers(asked, 5));
    if (ONLY) console.log(`${name}: ${asked} allocations, ${failed} runs with a failed one`);
    expect(wrong.join('\n\n')).toBe('');
    expect(failed).toBeGreaterThan(0);
  });
}
