/** `pairlink chat`: every line arrives once, in order, whatever is killed. The test itself keeps the record of lines. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { loadSodium, sodium } from '../../web/client/core/sodium.js';
import { decode, encode } from '../../web/client/core/wire.js';
import { createClient, newSeed } from '../../web/client/index.js';
import { CHAT_NOTE, CHAT_READ, CHAT_TYPING } from '../../web/client/wire_table.js';
import { idOf, newIdentity, startCli } from '../support/cli.js';
import { tempDir, within } from '../support/process.js';
import { IN_TERMINAL, plain } from '../support/pty.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 180_000 };
const SOON = { stream: 'stdout', ms: 60_000 };
const open = [];
afterEach(async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
});

async function people(url) {
  const make = async () => {
    const identity = newIdentity();
    return { identity, id: await idOf(identity), env: { XDG_STATE_HOME: tempDir('pairlink-state-') } };
  };
  const [ana, bo] = [await make(), await make()];
  const chat = (who, to, ...more) => {
    const program = startCli({ relay: url, identity: who.identity, env: who.env }, 'chat', to.id, ...more);
    open.push(program);
    return program;
  };
  return { ana, bo, chat };
}

const lines = (letter, from, to) => Array.from({ length: to - from }, (_, i) => `${letter}${from + i}\n`).join('');

test('two chats exchange lines; at the end of stdin, one exits with 0 when everything is delivered', LONG, async () => {
  const relay = await startRelay();
  const { ana, bo, chat } = await people(relay.ws);
  const a = chat(ana, bo);
  const b = chat(bo, ana);
  for (let i = 0; i < 5; i++) {
    await a.write(`a${i}\n`);
    await b.write(`b${i}\n`);
    await b.waitFor(`a${i}\n`, SOON);
    await a.waitFor(`b${i}\n`, SOON);
  }
  a.end('last \u001b[2J\u202e line');
  expect((await a.wait(60_000)).code, a.stderr).toBe(0);
  await b.waitFor('last \\x1b[2J', SOON);
  expect(b.stdout).toBe(`${lines('a', 0, 5)}last \\x1b[2J\\xe2\\x80\\xae line\n`);
  expect(a.stdout).toBe(lines('b', 0, 5));
  await b.stop();
  await relay.stop();
});

test('--send exits with 0 once it is delivered, and reaches a pipe, too', LONG, async () => {
  const relay = await startRelay();
  const { ana, bo, chat } = await people(relay.ws);
  const send = chat(ana, bo, '--send', 'hello');
  await send.waitFor('Saved.', { ms: 60_000 });
  const b = chat(bo, ana);
  expect((await send.wait(60_000)).code, send.stderr).toBe(0);
  await b.waitFor('hello\n', SOON);
  await b.stop();
  const pipe = startCli({ relay: relay.ws, identity: bo.identity }, 'listen', '--accept', ana.id);
  open.push(pipe);
  expect((await chat(ana, bo, '--send', 'to a pipe').wait(60_000)).code).toBe(0);
  await pipe.waitFor('to a pipe\n', SOON);
  await relay.stop();
});

test('a sender that is killed before its messages were taken sends them after its restart, once', LONG, async () => {
  const relay = await startRelay();
  const { ana, bo, chat } = await people(relay.ws);
  const first = chat(ana, bo);
  await first.write(lines('a', 0, 50));
  await first.waitFor('Saved.', { ms: 60_000 });
  await first.kill9();
  const second = chat(ana, bo);
  await second.write(lines('a', 50, 60));
  const b = chat(bo, ana);
  await b.waitFor('a59\n', SOON);
  await second.kill9(); // the third sends again only what may not have been delivered
  const third = chat(ana, bo);
  third.end('end\n');
  expect((await third.wait(60_000)).code, third.stderr).toBe(0);
  await b.waitFor('end\n', SOON);
  expect(b.stdout).toBe(`${lines('a', 0, 60)}end\n`);
  await b.stop();
  await relay.stop();
});

test('a second chat with the same contact is refused while one runs', LONG, async () => {
  const relay = await startRelay();
  const { ana, bo, chat } = await people(relay.ws);
  const first = chat(ana, bo);
  await first.waitFor('not here yet', { ms: 60_000 });
  const second = chat(ana, bo);
  expect((await second.wait()).code).not.toBe(0);
  expect(second.stderr).toContain('is already running');
  await relay.stop();
});

test('receivers killed in the middle of a burst, and the relay, too: nothing is lost or doubled', LONG, async () => {
  const relay = await startRelay();
  const { ana, bo, chat } = await people(relay.ws);
  const count = 3000;
  const a = chat(ana, bo);
  await a.write(lines('a', 0, count));
  let seen = '';
  for (let round = 0; round < 6; round++) {
    const next = seen.split('\n').length - 1;
    if (next >= count) break; // a fast machine finishes before the last kill
    const b = chat(bo, ana);
    await b.waitFor(`a${next}\n`, SOON);
    if (round === 3) await relay.restart({ hard: true });
    await b.kill9();
    seen += b.stdout;
  }
  const b = chat(bo, ana);
  a.end();
  expect((await a.wait(120_000)).code, a.stderr).toBe(0);
  await b.stop();
  seen += b.stdout;
  // A kill between writing a line and storing that it was written shows that line once more. There is no other case.
  const got = seen.split('\n').slice(0, -1);
  const again = got.filter((line, i) => i > 0 && line === got[i - 1]).length;
  expect(again).toBeLessThanOrEqual(6);
  expect(got.filter((line, i) => line !== got[i - 1]).join('\n')).toBe(lines('a', 0, count).trimEnd());
  await relay.stop();
});

test('with the JavaScript client: chat/1 in both directions, and a repeated message is shown once', LONG, async () => {
  const relay = await startRelay();
  const { ana, chat } = await people(relay.ws);
  const page = await createClient({
    url: relay.ws,
    seed: newSeed(),
    application: 'chat/1',
    acceptAll: true,
    WebSocket,
  });
  const a = chat(ana, page);
  const session = await within(new Promise((done) => page.on('session', done)), 'session');
  const came = [];
  const heard = new Promise((done) =>
    session.on('message', ({ data }) => came.push(Buffer.from(data)) === 2 && done()),
  );
  await a.write('hällo\nagain\n');
  await within(heard, 'two messages');
  expect(came.map((data) => data[0])).toEqual([1, 1]);
  expect(came.map((data) => data.subarray(17).toString())).toEqual(['hällo', 'again']);
  expect(came[0].subarray(1, 17).equals(came[1].subarray(1, 17))).toBe(false);
  const message = (id, text) => Buffer.concat([Buffer.from([1]), id, Buffer.from(text)]);
  const id = randomBytes(16);
  for (const one of [
    message(id, 'once'),
    message(id, 'once'),
    Buffer.from([9, 9]),
    message(randomBytes(16), 'two\nlines'),
  ]) {
    const { delivered } = await session.send(one);
    await within(delivered, 'delivery');
  }
  await a.waitFor('lines\n', SOON);
  expect(a.stdout).toBe('once\ntwo\\nlines\n');
  await a.stop();
  page.stop();
  await relay.stop();
});

/** Makes everything in an outbox an hour older. */
async function age(state) {
  await loadSodium();
  await sodium.ready;
  const folder = join(state, 'pairlink/outbox');
  const path = join(
    folder,
    readdirSync(folder).find((name) => !/\.(seen|lock)$/.test(name)),
  );
  const all = readFileSync(path);
  for (let at = 0; at < all.length; at += 8 + all.readUInt32BE(at)) {
    const body = all.subarray(at + 8, at + 8 + all.readUInt32BE(at));
    if (String.fromCharCode(body[0]) !== 'T') continue;
    body.writeBigUInt64BE(body.readBigUInt64BE(17) - 3_600_000n, 17);
    all.set(sodium.crypto_generichash(16, body).subarray(0, 4), at + 4);
  }
  writeFileSync(path, all);
}

test('a line that waited says when it was written, and one that did not says nothing', LONG, async () => {
  const relay = await startRelay();
  const { ana, chat } = await people(relay.ws);
  const options = { url: relay.ws, seed: newSeed(), application: 'chat/1', acceptAll: true, WebSocket };
  const page = await createClient(options);
  page.stop();
  const early = chat(ana, page);
  await early.write('written early\n');
  await early.waitFor('Saved.', { ms: 60_000 });
  await early.kill9();
  await age(ana.env.XDG_STATE_HOME);
  const here = await createClient(options);
  const came = [];
  const two = new Promise((done) =>
    here.on('session', (session) =>
      session.on('message', ({ data }) => {
        came.push(Buffer.from(data));
        if (came.at(-1).toString('latin1').endsWith('late')) done();
      }),
    ),
  );
  const later = chat(ana, page);
  await later.write('written late');
  await later.write('\n');
  await within(two, 'both texts');
  expect(came.map((data) => data[0])).toEqual([CHAT_NOTE, 1, 1]);
  const note = decode('chat_note', came[0]);
  expect(Buffer.from(note.id).equals(came[1].subarray(1, 17))).toBe(true);
  const minutes = (Date.now() - Number(note.written_ms)) / 60_000;
  expect(minutes).toBeGreaterThan(59);
  expect(minutes).toBeLessThan(70);
  here.stop();
  await relay.stop();
});

test(
  'in a terminal, a text that came late shows when it was written; typing and reading are skipped',
  LONG,
  async () => {
    const relay = await startRelay();
    const { ana } = await people(relay.ws);
    const page = await createClient({
      url: relay.ws,
      seed: newSeed(),
      application: 'chat/1',
      acceptAll: true,
      WebSocket,
    });
    const a = startCli({ relay: relay.ws, identity: ana.identity, env: ana.env, wrap: IN_TERMINAL }, 'chat', page.id);
    open.push(a);
    const session = await within(new Promise((done) => page.on('session', done)), 'session');
    const say = async (id, text, note) => {
      if (note) await session.send(encode('chat_note', { type: CHAT_NOTE, id, reply_to: new Uint8Array(16), ...note }));
      await session.send(Buffer.concat([Buffer.from([1]), id, Buffer.from(text)]));
    };
    const ago = (minutes) => ({ written_ms: BigInt(Date.now() - minutes * 60_000) });
    expect(session.sendVolatile(encode('chat_typing', { type: CHAT_TYPING }))).toBe(true);
    expect(session.sendVolatile(encode('chat_read', { type: CHAT_READ, id: randomBytes(16) }))).toBe(true);
    await say(randomBytes(16), 'first', ago(3 * 24 * 60));
    await say(randomBytes(16), 'second', ago(-60));
    await say(randomBytes(16), 'third', { written_ms: 2n ** 64n - 1n });
    await say(randomBytes(16), 'fourth', { written_ms: 0n });
    await say(randomBytes(16), 'last');
    await a.waitFor('last', SOON);
    const shown = plain(a.stdout)
      .split('\n')
      .filter((line) => /first|second|third|fourth|last/.test(line));
    const name = shown.at(-1).slice(0, -': last'.length);
    expect(shown[0].replace(/\d/g, '9')).toBe(`${name} (written 9999-99-99 99:99): first`.replace(/\d/g, '9'));
    expect(shown.slice(1)).toEqual(['second', 'third', 'fourth', 'last'].map((text) => `${name}: ${text}`));
    await a.kill9();
    page.stop();
    await relay.stop();
  },
);
