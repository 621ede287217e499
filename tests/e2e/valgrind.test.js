/** Every refused case, one after another, against the release build under valgrind: no report, nothing leaked. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { TYPE, helloPeer, linked, loginPayload, makeIdentity } from '../support/login.js';
import { connectWebSocket, rawHttp } from '../support/raw.js';
import { HTTP_CASES, WEBSOCKET_CASES } from '../support/refusal_cases.js';
import { stillServes } from '../support/refusal_fixture.js';
import { startRelay } from '../support/relay.js';

const LONG = 300_000;

test('0 reports', { timeout: LONG }, async () => {
  const relay = await startRelay({
    args: ['--limit', 'MESSAGE_MAX=66000'],
    wrap: [
      'valgrind',
      '--quiet',
      '--error-exitcode=99',
      '--leak-check=full',
      '--show-leak-kinds=definite',
      '--errors-for-leak-kinds=definite',
    ],
  });
  const { port } = relay;
  for (const { bytes } of HTTP_CASES) await rawHttp(port, bytes(port));
  for (const { frames } of WEBSOCKET_CASES) {
    const raw = await connectWebSocket(port);
    for (const bytes of frames({ messageMax: 66000 })) raw.send(bytes);
    await raw.closeCode(LONG);
    raw.destroy();
  }
  for (const change of [{ signature: randomBytes(64) }, { version: 9 }, { publicKey: Buffer.alloc(32) }]) {
    const peer = await helloPeer(port);
    peer.send(TYPE.LOGIN, loginPayload(makeIdentity(), peer.hello, change));
    expect(await peer.refusal(LONG)).toBeGreaterThan(0);
  }
  const { caller, callee, callerLink } = await linked(port);
  caller.send(TYPE.DATA, randomBytes(60_000), { link: callerLink });
  await callee.until(TYPE.DATA, LONG);
  caller.raw.socket.resetAndDestroy();
  await callee.until(TYPE.RESET, LONG);
  callee.close();
  await stillServes(relay);
  const { code } = await relay.process.stop(LONG);
  expect(code, relay.log).toBe(0);
  expect(relay.log).not.toMatch(/==\d+==/);
});
