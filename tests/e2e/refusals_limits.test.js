/** Limits and timers that protect the relay's resources from strangers: each is set low and must take effect. */
import { randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { newIdentity, startCli } from '../support/cli.js';
import { REASON, TYPE, helloPeer, linked, loggedIn, loginPayload, makeIdentity } from '../support/login.js';
import { until } from '../support/process.js';
import { connectRaw, connectWebSocket, frame, rawHttp } from '../support/raw.js';
import { SANITIZER_REPORT } from '../support/refusal_fixture.js';
import { startRelay } from '../support/relay.js';

let relay;
afterEach(async () => {
  const { code } = await relay.stop();
  expect(relay.log).not.toMatch(SANITIZER_REPORT);
  expect(code, relay.log).toBe(0);
});

async function withLimits(limits, args = []) {
  relay = await startRelay({
    args: [...args, ...Object.entries(limits).flatMap(([name, value]) => ['--limit', `${name}=${value}`])],
  });
  return relay.port;
}

const open = (peer, slot, target = randomBytes(32)) =>
  peer.send(TYPE.OPEN, Buffer.concat([target, Buffer.alloc(8), Buffer.alloc(96)]), { link: 0x10000 | slot });

test('a connection that sends nothing, or half a header, is closed', async () => {
  const port = await withLimits({ LOGIN_TIMEOUT_MS: 200 });
  const silent = await connectRaw(port);
  const slow = await connectRaw(port);
  slow.send('GET / HTTP/1.1\r\nHost: x\r\nX: ');
  await Promise.all([silent.whenClosed(), slow.whenClosed()]);
});

test('a connection that upgrades and does not log in is closed', async () => {
  const port = await withLimits({ LOGIN_TIMEOUT_MS: 200 });
  const raw = await connectWebSocket(port);
  await raw.whenClosed();
});

test('an expired challenge is refused', async () => {
  const port = await withLimits({ CHALLENGE_MS: 20 });
  const peer = await helloPeer(port);
  const since = Date.now();
  await until(() => Date.now() - since > 100, 'the challenge is old');
  peer.send(TYPE.LOGIN, loginPayload(makeIdentity(), peer.hello));
  expect(await peer.refusal()).toBe(REASON.TIMEOUT);
});

test('a connection that sends a close frame and stays open is closed', async () => {
  const port = await withLimits({ CLOSE_TIMEOUT_MS: 100 });
  const { raw } = await loggedIn(port);
  raw.send(frame(8, Buffer.from([3, 232])));
  await raw.whenClosed();
  raw.destroy();
});

test('a logged-in socket that falls silent is closed', async () => {
  const port = await withLimits({}, ['--ping-interval', '100ms', '--dead-after', '300ms']);
  const { raw } = await loggedIn(port);
  await raw.whenClosed();
  raw.destroy();
});

test('beyond the maximum of sockets, a GET is answered 503 and a login FULL', async () => {
  const port = await withLimits({ SOCKETS_MAX: 2 });
  const peers = [await loggedIn(port), await loggedIn(port)];
  expect((await rawHttp(port, `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)).status).toBe(503);
  const third = await connectWebSocket(port).then(
    () => helloPeer(port),
    () => null,
  );
  if (third) expect(await third.refusal()).toBe(REASON.FULL);
  for (const peer of peers) {
    peer.send(TYPE.PING, randomBytes(8));
    await peer.until(TYPE.PONG);
    peer.close();
  }
  await until(
    async () => (await rawHttp(port, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)).status === 200,
    'room again once they left',
  );
});

test('beyond its share of the sockets, an address is answered 503 and FULL; other addresses are served', async () => {
  const port = await withLimits({ SOCKETS_MAX: 12, LOOPBACK_EXEMPT: 0 });
  const peers = [await loggedIn(port), await loggedIn(port), await loggedIn(port)];
  expect((await rawHttp(port, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)).status).toBe(503);
  const fourth = await helloPeer(port).catch(() => null); // the refusal may come with HELLO
  if (fourth) expect(await fourth.refusal()).toBe(REASON.FULL);
  for (const from of ['127.0.0.2', '127.0.0.3']) peers.push(await loggedIn(port, { from }));
  for (const peer of peers) peer.close();
  await until(
    async () => (await rawHttp(port, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)).status === 200,
    'room again once they left',
  );
});

test('a command whose identity is in use too often is told so', async () => {
  await withLimits({ INSTANCES_PER_ID: 1 });
  const identity = newIdentity();
  const first = startCli({ relay, identity }, 'listen');
  await first.waitFor(/Waiting/);
  const second = startCli({ relay, identity }, '--relay-wait', '1', 'listen');
  const { code } = await second.wait();
  expect(second.stderr).toMatch(/turns us away \(the relay has no room/);
  expect(second.stderr).not.toMatch(/does not answer|cannot be reached/);
  expect(code).toBe(4);
  await first.stop();
});

test('a socket that reads nothing is closed after a time, even when it sends something now and then', async () => {
  const port = await withLimits({ STALL_TIMEOUT_MS: 300, PING_INTERVAL_MS: 100, DEAD_AFTER_MS: 60000 });
  const { caller, callee, callerLink } = await linked(port);
  callee.raw.socket.pause();
  const record = Buffer.alloc(60000);
  const more = () => caller.raw.socket.writableLength < 1 << 20 && caller.send(TYPE.DATA, record, { link: callerLink });
  const filling = setInterval(more, 1);
  const talking = setInterval(() => callee.raw.send(frame(10)), 20);
  const { payload } = await caller.until(TYPE.RESET).finally(() => [filling, talking].forEach(clearInterval));
  expect(payload.readUInt16BE(0)).toBe(REASON.OVERFLOW);
  caller.close();
  callee.close();
});

test('a flood of OPENs ends with RATE', async () => {
  const port = await withLimits({ OPEN_BURST: 5, OPENS_PER_MINUTE: 1, OPEN_TIMEOUT_MS: 60000 });
  const peer = await loggedIn(port);
  for (let slot = 0; slot < 6; slot++) open(peer, slot);
  const answer = await peer.until(TYPE.RESET);
  expect(answer.link).toBe(0x10005);
  expect(answer.payload.readUInt16BE(0)).toBe(REASON.RATE);
  peer.close();
});

test('a flood of OPENs to one ID is not passed on', async () => {
  const port = await withLimits({ OFFERS_PER_ID: 3, OPEN_TIMEOUT_MS: 2000 });
  const callee = await loggedIn(port);
  const callers = await Promise.all(Array.from({ length: 6 }, () => loggedIn(port)));
  for (const caller of callers) open(caller, 0, callee.identity.publicKey);
  for (const caller of callers)
    expect((await caller.until(TYPE.RESET)).payload.readUInt16BE(0)).toBe(REASON.UNAVAILABLE);
  callee.send(TYPE.PING, randomBytes(8));
  let offers = 0;
  for (let one; (one = await callee.next()).type !== TYPE.PONG;) offers += one.type === TYPE.OFFER;
  expect(offers).toBe(3);
  for (const peer of [callee, ...callers]) peer.close();
});

test('a flood of new IDs from one address ends with RATE, and known ones still log in', async () => {
  const port = await withLimits({ REGISTRATIONS_PER_HOUR: 3, LOOPBACK_EXEMPT: 0 });
  const known = makeIdentity();
  for (const identity of [known, makeIdentity(), makeIdentity()]) (await loggedIn(port, { identity })).close();
  const peer = await helloPeer(port);
  peer.send(TYPE.LOGIN, loginPayload(makeIdentity(), peer.hello));
  expect(await peer.refusal()).toBe(REASON.RATE);
  (await loggedIn(port, { identity: known })).close();
});

test('a flood of connections from one address is cut off', async () => {
  const port = await withLimits({ CONNECTS_PER_MINUTE: 10, LOOPBACK_EXEMPT: 0 });
  const answers = [];
  for (let i = 0; i < 20; i++) {
    try {
      answers.push((await rawHttp(port, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)).status);
    } catch {
      answers.push(0);
    }
  }
  expect(answers.filter((status) => status === 200).length).toBeGreaterThan(0);
  expect(answers.filter((status) => status !== 200).length).toBeGreaterThan(0);
});

test('a login with an origin that is not a public URL is refused with ORIGIN', async () => {
  const port = await withLimits({}, ['--public-url', 'https://relay.example']);
  const peer = await helloPeer(port);
  peer.send(TYPE.LOGIN, loginPayload(makeIdentity(), peer.hello, { origin: 'https://impostor.example' }));
  expect(await peer.refusal()).toBe(REASON.ORIGIN);
  (await loggedIn(port, { origin: 'https://relay.example' })).close();
});

test('X-Forwarded-For is believed only from a trusted proxy', async () => {
  const get = async (port, from) =>
    (await rawHttp(port, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Forwarded-For: ${from}\r\n\r\n`))
      .status;
  const port = await withLimits({ CONNECTS_PER_MINUTE: 3 }, ['--trust-proxy', '127.0.0.0/8']);
  for (let i = 0; i < 3; i++) expect(await get(port, '198.51.100.9, 192.0.2.1, 127.0.0.2')).toBe(200);
  expect(await get(port, '203.0.113.3, 192.0.2.1')).toBe(429); // the client's own entry has no effect
  expect(await get(port, '192.0.2.2')).toBe(200);
  for (let i = 0; i < 3; i++) expect(await get(port, '192.0.2.3, 127.0.0.1')).toBe(200);
  await relay.stop();
  const other = await withLimits({ CONNECTS_PER_MINUTE: 3 }, ['--trust-proxy', '10.0.0.0/8']);
  for (let i = 0; i < 6; i++) expect(await get(other, '192.0.2.1')).toBe(200); // forged: loopback itself is exempt
});
