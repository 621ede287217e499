/** A session outlives its relay, its sockets and its network: nothing is lost, doubled or out of order. */
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { idOf, newIdentity, startCli } from '../support/cli.js';
import { TYPE, loggedIn } from '../support/login.js';
import { tempDir, until } from '../support/process.js';
import { startProxy } from '../support/proxy.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 180_000 };
const FAST = ['--ping-interval', '1000ms', '--dead-after', '3000ms'];
const open = [];
afterEach(async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
});

/** Starts a pair of commands over the relay, or over a proxy before it: `{listen, connect}`; ended after the test. */
async function pair(url) {
  const callee = newIdentity();
  const id = await idOf(callee);
  const listen = startCli({ relay: url, identity: callee }, 'listen', '--accept', 'all');
  const connect = startCli({ relay: url }, 'connect', id);
  open.push(listen, connect);
  return { listen, connect };
}

/** Sends numbered lines in both directions, and waits for each at the other side. */
async function converse({ listen, connect }, from, to) {
  for (let i = from; i < to; i++) {
    await connect.write(`a${i}\n`);
    await listen.write(`b${i}\n`);
    await listen.waitFor(`a${i}\n`, { stream: 'stdout', ms: 60_000 });
    await connect.waitFor(`b${i}\n`, { stream: 'stdout', ms: 60_000 });
  }
}

async function endBoth({ listen, connect }, count) {
  connect.end();
  listen.end();
  expect((await connect.wait(60_000)).code, connect.stderr).toBe(0);
  expect((await listen.wait(60_000)).code, listen.stderr).toBe(0);
  const lines = (letter) => Array.from({ length: count }, (_, i) => `${letter}${i}\n`).join('');
  expect(listen.stdout).toBe(lines('a'));
  expect(connect.stdout).toBe(lines('b'));
}

describe('lines in both directions', () => {
  test('through twenty kills of the relay', LONG, async () => {
    const relay = await startRelay({ args: FAST });
    const both = await pair(relay.ws);
    for (let round = 0; round < 20; round++) {
      await converse(both, round * 3, round * 3 + 3);
      await relay.restart({ hard: true });
    }
    await converse(both, 60, 63);
    await endBoth(both, 63);
    await relay.stop();
  });

  test('a relay that is stopped for good names another with the same key, and both continue there', LONG, async () => {
    const second = await startRelay({ args: FAST });
    const data = join(tempDir(), 'data');
    mkdirSync(data, { mode: 0o700 });
    copyFileSync(join(second.data, 'relay.key'), join(data, 'relay.key'));
    const first = await startRelay({
      args: [...FAST, '--alternative', 'ws://127.0.0.1:1/pairlink', '--alternative', `${second.ws}/pairlink`],
      data,
    });
    expect(first.id).toBe(second.id);
    const both = await pair(first.ws);
    await converse(both, 0, 3);
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    await converse(both, 3, 6);
    await endBoth(both, 6);
    await second.stop();
  });

  test('written while there is no relay', LONG, async () => {
    const relay = await startRelay({ args: FAST });
    const both = await pair(relay.ws);
    await converse(both, 0, 3);
    await relay.kill9();
    await both.connect.write('a3\n');
    await both.listen.write('b3\n');
    await relay.restart();
    await both.listen.waitFor('a3\n', { stream: 'stdout', ms: 60_000 });
    await both.connect.waitFor('b3\n', { stream: 'stdout', ms: 60_000 });
    await endBoth(both, 4);
    await relay.stop();
  });

  test('through cut, silent and half-closed connections', LONG, async () => {
    const relay = await startRelay({ args: FAST });
    const proxy = await startProxy(relay.port, { record: false });
    const both = await pair(proxy.ws);
    await converse(both, 0, 3);
    proxy.cut();
    await converse(both, 3, 6);
    proxy.stall();
    await both.connect.write('a6\n');
    await both.listen.write('b6\n');
    // Both sides notice the silence and close; from then on the network works again.
    const closed = new Set();
    await new Promise((done) => proxy.on('over', (connection) => closed.add(connection).size >= 2 && done()));
    proxy.resume();
    await both.listen.waitFor('a6\n', { stream: 'stdout', ms: 60_000 });
    await both.connect.waitFor('b6\n', { stream: 'stdout', ms: 60_000 });
    proxy.halfClose('relay');
    await converse(both, 7, 9);
    proxy.halfClose('client');
    await converse(both, 9, 11);
    await endBoth(both, 11);
    await proxy.stop();
    await relay.stop();
  });

  test('while one side is stopped for longer than every timeout', LONG, async () => {
    const relay = await startRelay({ args: ['--ping-interval', '200ms', '--dead-after', '600ms'] });
    const proxy = await startProxy(relay.port, { record: false });
    const both = await pair(proxy.ws);
    await converse(both, 0, 3);
    both.listen.signal('SIGSTOP');
    const closed = new Promise((done) => proxy.once('over', done)); // the relay closes its socket
    await both.connect.write('a3\n');
    await closed;
    both.listen.signal('SIGCONT');
    await both.listen.write('b3\n');
    await both.listen.waitFor('a3\n', { stream: 'stdout', ms: 60_000 });
    await both.connect.waitFor('b3\n', { stream: 'stdout', ms: 60_000 });
    await endBoth(both, 4);
    await proxy.stop();
    await relay.stop();
  });

  test('while one side is stopped for as long as the relay waits: over the same connections', LONG, async () => {
    const relay = await startRelay({ args: ['--ping-interval', '1s', '--dead-after', '10s'] });
    const proxy = await startProxy(relay.port);
    const both = await pair(proxy.ws);
    await converse(both, 0, 3);
    both.listen.signal('SIGSTOP');
    await both.connect.write('a3\n');
    // The relay pings the stopped side, which has been silent for longer than an interval, but does not close it yet.
    await new Promise((done) => proxy.on('received', (chunk) => chunk[0] === 0x89 && done()));
    both.listen.signal('SIGCONT');
    await both.listen.write('b3\n');
    await both.listen.waitFor('a3\n', { stream: 'stdout' });
    await both.connect.waitFor('b3\n', { stream: 'stdout' });
    await endBoth(both, 4);
    expect(proxy.connections).toBe(2);
    for (const { stderr } of [both.listen, both.connect]) expect(stderr.match(/Connected with/g)).toHaveLength(1);
    await proxy.stop();
    await relay.stop();
  });
});

test('a relay that was stopped for longer than --dead-after reads waiting data before it closes anyone', async () => {
  const relay = await startRelay({ args: ['--ping-interval', '300ms', '--dead-after', '2500ms'] });
  const peers = await Promise.all([loggedIn(relay.port), loggedIn(relay.port)]);
  relay.process.signal('SIGSTOP');
  const stopped = Date.now();
  for (const peer of peers) peer.send(TYPE.PING, Buffer.alloc(8));
  await until(() => Date.now() - stopped > 4_000, 'all timeouts have passed', { interval_ms: 200 });
  relay.process.signal('SIGCONT');
  for (const peer of peers) await peer.until(TYPE.PONG);
  expect(relay.log).not.toContain('event=dead');
  for (const peer of peers) peer.close();
  expect((await relay.stop()).code, relay.log).toBe(0);
});

test('40 MiB through a relay that is killed repeatedly: same SHA-256, exit code 0', LONG, async () => {
  const relay = await startRelay({ args: FAST });
  const bytes = randomBytes(40 << 20);
  const callee = newIdentity();
  const id = await idOf(callee);
  const listen = startCli({ relay: relay.ws, identity: callee, keepOutput: false }, 'listen', '--accept', 'all');
  listen.end();
  const connect = startCli({ relay: relay.ws }, 'connect', id);
  open.push(listen, connect);
  const got = createHash('sha256');
  let size = 0;
  let kills = 0;
  let next = 4 << 20;
  listen.child.stdout.on('data', (chunk) => {
    got.update(chunk);
    size += chunk.length;
    if (size < next || kills >= 6) return;
    next += 5 << 20;
    kills += 1;
    relay.restart({ hard: true }).catch((error) => expect.unreachable(error));
  });
  connect.end(bytes);
  expect((await connect.wait(170_000)).code, connect.stderr).toBe(0);
  expect((await listen.wait(60_000)).code, listen.stderr).toBe(0);
  expect(kills).toBeGreaterThanOrEqual(5);
  expect(size).toBe(bytes.length);
  expect(got.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  await relay.stop();
});
