/** Refusals of all kinds at the same time, while a linked pair talks undisturbed. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { TYPE, helloPeer, linked, loginPayload, makeIdentity } from '../support/login.js';
import { binary, start } from '../support/process.js';
import { connectWebSocket, rawHttp } from '../support/raw.js';
import { HTTP_CASES, WEBSOCKET_CASES } from '../support/refusal_cases.js';
import { useRelay } from '../support/refusal_fixture.js';

const fixture = useRelay({ args: ['--limit', 'MESSAGE_MAX=66000'] });

test('a pair keeps talking while all refusals happen', async () => {
  const { port } = fixture.relay;
  const { caller, callee, callerLink } = await linked(port);
  let storming = true;
  const storm = (async () => {
    const cases = [
      ...HTTP_CASES.map(
        ({ bytes }) =>
          () =>
            rawHttp(port, bytes(port)),
      ),
      ...WEBSOCKET_CASES.map(({ frames }) => async () => {
        const raw = await connectWebSocket(port);
        for (const bytes of frames({ messageMax: 66000 })) raw.send(bytes);
        await raw.closeCode();
        raw.destroy();
      }),
      ...Array.from({ length: 20 }, () => async () => {
        const peer = await helloPeer(port);
        peer.send(TYPE.LOGIN, loginPayload(makeIdentity(), peer.hello, { signature: randomBytes(64) }));
        await peer.refusal();
      }),
    ];
    while (cases.length) await Promise.all(cases.splice(0, 8).map((one) => one()));
    storming = false;
  })();
  let count = 0;
  for (; storming; count++) {
    const bytes = randomBytes(200);
    caller.send(TYPE.DATA, bytes, { link: callerLink });
    expect((await callee.until(TYPE.DATA)).payload.equals(bytes)).toBe(true);
  }
  await storm;
  expect(count).toBeGreaterThan(10);
  caller.close();
  callee.close();
});

test('a peer that never reads costs bounded memory and only its own link', async () => {
  const { port } = fixture.relay;
  const { caller, callee, callerLink } = await linked(port);
  const other = await linked(port);
  callee.raw.socket.pause();
  const before = fixture.relay.process.memoryKiB();
  const chunk = randomBytes(60_000);
  // The sender ignores the window: the relay must reset the link with OVERFLOW instead of keeping everything.
  const reset = caller.until(TYPE.RESET);
  let open = true;
  reset.then(() => (open = false)).catch(() => (open = false));
  for (let i = 0; open && i < 2000; i++) {
    caller.send(TYPE.DATA, chunk, { link: callerLink });
    if (caller.raw.socket.writableLength > 1 << 20) await new Promise((done) => caller.raw.socket.once('drain', done));
    await new Promise(setImmediate);
  }
  const answer = await reset;
  expect(answer.payload.readUInt16BE(0)).toBe(8); // OVERFLOW
  expect(fixture.relay.process.memoryKiB() - before).toBeLessThan(
    process.env.PAIRLINK_BIN?.includes('asan') ? 131072 : 16384,
  );
  const bytes = randomBytes(500);
  other.caller.send(TYPE.DATA, bytes, { link: other.callerLink });
  expect((await other.callee.until(TYPE.DATA)).payload.equals(bytes)).toBe(true);
  for (const peer of [caller, callee, other.caller, other.callee]) peer.close();
});

test('a pair keeps talking beside bulk that saturates the relay, and the bulk gets through too', async () => {
  const { port } = fixture.relay;
  const { caller, callee, callerLink, calleeLink } = await linked(port);
  const args = ['--pairs', 20, '--window', 16, '--size', 16_384, '--warmup', 0, '--seconds', 1, '--announce'];
  const bulk = start(binary('pl-bench-load'), ['--server', 'pairlink', '--port', port, ...args].map(String));
  await bulk.waitFor(/"event":"rounds"/);
  for (let i = 0; i < 100; i++) {
    const bytes = randomBytes(64);
    caller.send(TYPE.DATA, bytes, { link: callerLink });
    expect((await callee.until(TYPE.DATA)).payload.equals(bytes)).toBe(true);
    callee.send(TYPE.DATA, bytes, { link: calleeLink });
    expect((await caller.until(TYPE.DATA)).payload.equals(bytes)).toBe(true);
  }
  expect((await bulk.wait()).code).toBe(0);
  const row = JSON.parse(bulk.stdout.trim().split('\n').at(-1));
  expect(row).toMatchObject({ failed: 0, resets: 0 });
  expect(row.envelopes).toBeGreaterThan(0);
  caller.close();
  callee.close();
});
