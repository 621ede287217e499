/**
 * The JavaScript client through the real relay: its public API, sessions that resume after kills, and sessions with the
 * command-line program.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  PairlinkError,
  errorText,
  idFromSeed,
  newSeed,
  parseId,
  parseInviteLink,
  ready,
} from '../../web/client/index.js';
import { idOf, newIdentity, startCli } from '../support/cli.js';
import { start, tempDir, within } from '../support/process.js';
import { clientsOf, event, online } from '../support/js_client.js';
import { startProxy } from '../support/proxy.js';
import { SHORT_TIMERS, startRelay } from '../support/relay.js';

let relay;
const clients = clientsOf(() => relay);
const makeClient = clients.make;
beforeAll(async () => {
  relay = await startRelay({ args: SHORT_TIMERS });
});
afterAll(async () => {
  clients.stopAll();
  await relay.stop();
});

/** Returns both sessions after ana has called bo. */
async function pair(a = {}, b = {}) {
  const bo = await online(await makeClient({ name: 'Bo', acceptAll: true, ...b }));
  const ana = await makeClient({ name: 'Ana', ...a });
  const incoming = event(bo, 'session');
  const session = ana.connect(bo.id);
  const linked = event(session, 'linked');
  const other = await incoming;
  await linked;
  return { ana, bo, session, other };
}
const text = (data) => Buffer.from(data).toString();

describe('sessions', () => {
  test('messages in both directions, with receipts', async () => {
    const { ana, bo, session, other } = await pair();
    expect(ana.relayId).toBe(relay.id);
    expect([session.id, session.name, session.application, session.state]).toEqual([bo.id, 'Bo', 'test/1', 'linked']);
    expect([other.id, other.name, other.application]).toEqual([ana.id, 'Ana', 'test/1']);
    const got = event(other, 'message');
    const { place, delivered } = await session.send('hello');
    expect(text((await got).data)).toBe('hello');
    await delivered;
    expect(place).toBe(6);
    const answer = event(session, 'message');
    await other.send(new Uint8Array([0, 255]), { channel: 7 });
    expect(await answer).toMatchObject({ channel: 7, data: new Uint8Array([0, 255]) });
    expect(ana.connect(bo.id)).toBe(session);
  });
  test('bytes to send are copied, unless `take` is set', async () => {
    const { session, other } = await pair();
    for (const take of [false, true]) {
      const data = new Uint8Array([1, 2, 3]);
      const got = event(other, 'message');
      const sent = session.send(data, { take });
      data[0] = 9;
      await sent;
      expect((await got).data).toEqual(new Uint8Array([take ? 9 : 1, 2, 3]));
    }
  });
  test('messages that arrive before there is a listener are kept', async () => {
    const { session, other } = await pair();
    for (let i = 0; i < 10; i++) await session.send(`${i}`);
    const marker = event(other, 'volatile');
    while (!session.sendVolatile('now')) await event(session, 'linked');
    await marker;
    const seen = [];
    await within(
      new Promise((resolve) => {
        other.on('message', ({ data }) => {
          seen.push(text(data));
          if (seen.length === 10) resolve();
        });
      }),
      'ten messages',
    );
    expect(seen).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
  });
  test('a message counts as delivered when the application has taken it', async () => {
    const { session, other } = await pair({}, { options: { manualTake: true } });
    const messages = [];
    const both = within(
      new Promise((resolve) => other.on('message', (m) => messages.push(m) === 2 && resolve())),
      'two messages',
    );
    const first = await session.send('one');
    const second = await session.send('two');
    await both;
    const done = [];
    first.delivered.then(() => done.push(1));
    second.delivered.then(() => done.push(2));
    messages[1].taken(); // waits for the first
    const { delivered } = await session.send('three', { channel: 1 });
    await event(other, 'message').then(({ taken }) => taken());
    await delivered;
    expect(done).toEqual([]);
    messages[0].taken();
    await second.delivered;
    expect(done).toEqual([1, 2]);
  });
  test('sending waits for the window', async () => {
    const windows = { messageMax: 10000, channelWindow: 20000, sessionWindow: 40000 };
    const { session, other } = await pair({ options: windows }, { options: { ...windows, manualTake: true } });
    const held = [];
    other.on('message', (m) => (m.channel === 0 ? held.push(m) : m.taken()));
    await session.send(new Uint8Array(9000));
    await session.send(new Uint8Array(9000));
    let third = false;
    const waiting = session.send(new Uint8Array(9000)).then(() => (third = true));
    await (
      await session.send('another channel', { channel: 1 })
    ).delivered;
    expect(third).toBe(false);
    held[0].taken();
    await waiting;
  });
  test('a message that is too large, or after the end, is refused', async () => {
    const { session } = await pair();
    await expect(session.send(new Uint8Array(262145))).rejects.toThrow(PairlinkError);
    await expect(session.send(new Uint8Array(262145))).rejects.toMatchObject({
      code: 'EMSGSIZE',
      hint: expect.any(String),
    });
    await session.finish();
    await expect(session.send('more')).rejects.toMatchObject({ code: 'ESTATE' });
  });
  test('closing tells both, with reason and text', async () => {
    const { session, other } = await pair();
    const closed = event(other, 'closed');
    expect(await session.close('REFUSED', 'not today')).toEqual({ error: null, reason: 'REFUSED', text: 'not today' });
    expect(await closed).toEqual({ error: 'EREFUSED', reason: 'REFUSED', text: 'not today' });
    await expect(session.send('x')).rejects.toThrow(PairlinkError);
    expect([session.state, other.state]).toEqual(['closed', 'closed']);
  });
  test('a stopped client ends its sessions', async () => {
    const { ana, other } = await pair();
    const closed = event(other, 'closed');
    ana.stop();
    expect(await closed).toMatchObject({ error: 'ECLOSED' });
    expect(() => ana.connect(other.id)).toThrow(PairlinkError);
  });
});

describe('streams', () => {
  const hashOf = async (readable) => {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of readable) {
      hash.update(chunk);
      size += chunk.length;
    }
    return { size, hash: hash.digest('hex') };
  };
  const source = (blocks, hash) =>
    new ReadableStream({
      pull(controller) {
        if (blocks-- <= 0) return controller.close();
        const block = randomBytes(100000);
        hash.update(block);
        controller.enqueue(new Uint8Array(block));
      },
    });
  test('bytes through pipeTo, in both directions at the same time', async () => {
    const { session, other } = await pair();
    const hashes = [createHash('sha256'), createHash('sha256')];
    const results = await Promise.all([
      hashOf(other.readable),
      hashOf(session.readable),
      source(60, hashes[0]).pipeTo(session.writable),
      source(30, hashes[1]).pipeTo(other.writable),
    ]);
    expect(results[0]).toEqual({ size: 6000000, hash: hashes[0].digest('hex') });
    expect(results[1]).toEqual({ size: 3000000, hash: hashes[1].digest('hex') });
  });
  test('a writer waits for a reader that does not read', async () => {
    const { session, other } = await pair();
    const writer = session.writable.getWriter();
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 100; i++) {
        await writer.write(new Uint8Array(65000));
        written++;
      }
      await writer.close();
    })();
    const reader = other.readable.getReader();
    const got = event(other, 'message', ({ channel }) => channel === 1);
    await session.send('all that fits was sent', { channel: 1 });
    await got;
    expect(written).toBeLessThan(40); // 2 MiB: both windows
    let size = 0;
    for (let chunk; !(chunk = await reader.read()).done;) size += chunk.value.length;
    await writing;
    expect(size).toBe(6500000);
  });
  test('a closed session ends a stream with an error', async () => {
    const { session, other } = await pair();
    const reading = other.readable.getReader().read();
    reading.catch(() => {});
    await session.close();
    await expect(reading).rejects.toThrow(PairlinkError);
  });
});

describe('strangers and invites', () => {
  test('a knock, allowed', async () => {
    const bo = await online(await makeClient({ name: 'Bo' }));
    const ana = await makeClient({ name: 'Ana' });
    const knock = event(bo, 'knock');
    const session = ana.connect(bo.id);
    expect(await knock).toEqual({ id: ana.id, name: 'Ana' });
    const [incoming, linked] = [event(bo, 'session'), event(session, 'linked')];
    bo.allow(ana.id);
    expect((await incoming).id).toBe(ana.id);
    await linked;
  });
  test('a peer whose knock is allowed too late is called back', async () => {
    const bo = await online(await makeClient());
    const ana = await makeClient();
    const knock = event(bo, 'knock');
    const session = ana.connect(bo.id);
    await knock;
    await event(session, 'unlinked');
    const linked = event(session, 'linked');
    bo.allow(ana.id);
    await linked;
  });
  test('an invite link lets one peer in', async () => {
    const bo = await online(await makeClient());
    const { link, secret, expiresAt } = bo.createInvite({ pageUrl: relay.http, lifetimeMs: 60000 });
    expect(parseInviteLink(link)).toMatchObject({ id: bo.id, relayId: relay.id, url: relay.ws, secret });
    expect(expiresAt).toBeGreaterThan(Date.now());
    const ana = await makeClient();
    const [claimed, incoming] = [event(bo, 'inviteClaimed'), event(bo, 'session')];
    ana.connect(link);
    expect(await claimed).toEqual({ id: ana.id, secret });
    expect((await incoming).id).toBe(ana.id);
  });
  test('a used or expired invite link is refused with a reason', async () => {
    const bo = await online(await makeClient());
    const { link: used } = bo.createInvite();
    const [first, late] = [await makeClient(), await makeClient()];
    await event(first.connect(used), 'linked');
    const { link: expired } = bo.createInvite({ lifetimeMs: 0 });
    for (const link of [used, expired])
      expect(await event(late.connect(link), 'closed')).toMatchObject({ error: 'EREFUSED', reason: 'REFUSED' });
  });
  test('an invite of an earlier run can be added again', async () => {
    const seed = newSeed();
    const first = await online(await makeClient({ seed }));
    const { link, secret, expiresAt } = first.createInvite({ pageUrl: relay.http });
    first.stop();
    const second = await online(await makeClient({ seed }));
    second.addInvite({ secret, expiresAt });
    const incoming = event(second, 'session');
    const ana = await makeClient();
    ana.connect(link);
    expect((await incoming).id).toBe(ana.id);
  });
});

describe('the relay', () => {
  test('a pinned relay that shows another key is an error', async () => {
    const client = await makeClient({ relayId: idFromSeed(newSeed()) });
    const [changed, offline] = await Promise.all([event(client, 'relayChanged'), event(client, 'offline')]);
    expect(changed.got).toBe(relay.id);
    expect(offline).toMatchObject({ error: 'ERELAYKEY', retryAt: null });
  });
  test('kills and restarts during traffic lose, double and reorder nothing', async () => {
    const own = await startRelay({ args: SHORT_TIMERS });
    try {
      const { session, other } = await pair({ url: own.ws }, { url: own.ws });
      const seen = [[], []];
      const count = 400;
      const all = [other, session].map((one, i) =>
        within(
          new Promise((resolve) => one.on('message', ({ data }) => seen[i].push(text(data)) === count && resolve())),
          () => `all; ${seen.map((s) => s.length)}`,
          90_000,
        ),
      );
      const send = async (one) => {
        for (let i = 0; i < count; i++) {
          await one.send(`${i}`.padEnd(i % 7 ? 10 : 20000, '.'));
          if (i % 80 === 79 && one === session) await own.restart({ hard: true });
        }
      };
      await Promise.all([send(session), send(other), ...all]);
      for (const list of seen)
        expect(list.map((s) => Number.parseInt(s))).toEqual(Array.from({ length: count }, (_, i) => i));
    } finally {
      await own.stop();
    }
  });
  test('a connection that is cut, stalled or refused for a while', async () => {
    const proxy = await startProxy(relay.port);
    try {
      const { session, other } = await pair({ url: proxy.ws });
      const seen = [];
      other.on('message', ({ data }) => seen.push(text(data)));
      await (
        await session.send('1')
      ).delivered;
      proxy.cut();
      await (
        await session.send('2')
      ).delivered;
      const lost = event(session, 'unlinked');
      proxy.stall();
      const third = await session.send('3');
      await lost;
      proxy.resume();
      await third.delivered;
      expect(seen).toEqual(['1', '2', '3']);
    } finally {
      await proxy.stop();
    }
  });
});

describe('the program at the other end', () => {
  test('C listens, JavaScript calls: 20 MB one way, a line back', async () => {
    await ready;
    const identity = newIdentity();
    const id = await idOf(identity);
    const program = startCli({ relay, identity, keepOutput: false }, 'listen', '--accept', 'all');
    const hash = createHash('sha256');
    let size = 0;
    program.child.stdout.on('data', (chunk) => {
      hash.update(chunk);
      size += chunk.length;
    });
    program.end('from C\n');
    const client = await makeClient({ application: 'pipe/1' });
    const session = client.connect(id);
    const back = (async () => {
      let all = '';
      for await (const chunk of session.readable) all += text(chunk);
      return all;
    })();
    const block = randomBytes(1000000);
    const expected = createHash('sha256');
    const writer = session.writable.getWriter();
    for (let i = 0; i < 20; i++) {
      expected.update(block);
      await writer.write(block);
    }
    await writer.close();
    expect(await back).toBe('from C\n');
    await session.close();
    expect((await program.wait()).code).toBe(0);
    expect([size, hash.digest('hex')]).toEqual([20000000, expected.digest('hex')]);
  });
  test('C calls, JavaScript listens', async () => {
    const client = await online(await makeClient({ application: 'pipe/1', acceptAll: true }));
    const incoming = event(client, 'session');
    const program = startCli({ relay }, 'connect', client.id);
    program.end('hello from C');
    const session = await incoming;
    let all = '';
    for await (const chunk of session.readable) all += text(chunk);
    expect(all).toBe('hello from C');
    await (
      await session.send('good day')
    ).delivered;
    await (
      await session.finish()
    ).delivered;
    expect((await program.wait()).code).toBe(0);
    expect(program.stdout).toBe('good day');
  });
});

describe('over and over a killed relay', () => {
  test('8 MB from JavaScript to the program and back, both with the same hash', async () => {
    await ready;
    const own = await startRelay({ args: SHORT_TIMERS });
    try {
      const identity = newIdentity();
      const id = await idOf(identity);
      const program = startCli({ relay: own, identity, keepOutput: false }, 'listen', '--accept', 'all');
      const hashes = [0, 1, 2, 3].map(() => createHash('sha256'));
      program.child.stdout.on('data', (chunk) => hashes[1].update(chunk));
      const client = await makeClient({ url: own.ws, application: 'pipe/1' });
      const session = client.connect(id);
      let kills = 0;
      const there = (async () => {
        const writer = session.writable.getWriter();
        for (let i = 0; i < 80; i++) {
          const block = randomBytes(100000);
          hashes[0].update(block);
          await writer.write(block);
          if (i % 16 === 8) {
            await own.restart({ hard: true });
            kills++;
          }
        }
        await writer.close();
      })();
      const back = (async () => {
        for (let i = 0; i < 80; i++) {
          const block = randomBytes(100000);
          hashes[2].update(block);
          await program.write(block);
        }
        program.end();
      })();
      for await (const chunk of session.readable) hashes[3].update(chunk);
      await Promise.all([there, back]);
      await session.close();
      expect((await program.wait()).code).toBe(0);
      const [sent, got, sentBack, gotBack] = hashes.map((hash) => hash.digest('hex'));
      expect([got, gotBack]).toEqual([sent, sentBack]);
      expect(kills).toBe(5);
    } finally {
      await own.stop();
    }
  });
});

test('the program of the readme', async () => {
  const readme = readFileSync(new URL('../../web/client/README.md', import.meta.url), 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(readme)[1].replace('ws://127.0.0.1:8787', relay.ws);
  const file = join(tempDir(), 'hello.mjs');
  // The program is run in the package's folder, where it finds the package.
  const client = new URL('../../web/client/index.js', import.meta.url).href;
  const ws = new URL('../../node_modules/ws/wrapper.mjs', import.meta.url).href;
  writeFileSync(file, code.replace("'pairlink-client'", `'${client}'`).replace("'ws'", `'${ws}'`));
  const one = start('node', [file]);
  const [, id] = await one.waitFor(/my ID: (\w{54})/);
  const two = start('node', [file, id]);
  await Promise.all([
    one.waitFor('Ana: hello'),
    one.waitFor('delivered'),
    two.waitFor('Ana: hello'),
    two.waitFor('delivered'),
  ]);
  await Promise.all([one.kill9(), two.kill9()]);
});

test('texts for people', async () => {
  await ready;
  expect(errorText('EUNAVAILABLE')).toMatch(/not there/);
  expect(errorText('CROSSED')).toMatch(/both called/);
  const id = idFromSeed(newSeed());
  expect(parseId(` ${id.toUpperCase()} `)).toBe(id);
  expect(() => parseId(`${id.slice(0, -1)}${id.endsWith('a') ? 'b' : 'a'}`)).toThrow(PairlinkError);
  expect(() => parseInviteLink('https://relay.example/#abc')).toThrow(expect.objectContaining({ code: 'ELINK' }));
});
