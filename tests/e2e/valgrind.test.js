/**
 * Every refused case, one after another, against the release build under valgrind: no report, nothing leaked. Each step
 * is a test of its own, so that one that fails has a name. Its error has the log of the relay.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TYPE, helloPeer, linked, loginPayload, makeIdentity } from '../support/login.js';
import { PATIENCE_MS } from '../support/process.js';
import { connectWebSocket, rawHttp } from '../support/raw.js';
import { HTTP_CASES, WEBSOCKET_CASES } from '../support/refusal_cases.js';
import { stillServes } from '../support/refusal_fixture.js';
import { startRelay } from '../support/relay.js';

const SLOW_MS = 2 * PATIENCE_MS;
const VALGRIND = [
  'valgrind',
  '--quiet',
  '--error-exitcode=99',
  '--leak-check=full',
  '--show-leak-kinds=definite',
  '--errors-for-leak-kinds=definite',
];
const LOGINS = {
  'a random signature': () => ({ signature: randomBytes(64) }),
  'version 9': () => ({ version: 9 }),
  'a key of zeros': () => ({ publicKey: Buffer.alloc(32) }),
};

describe('under valgrind', () => {
  let relay;
  let stopped = false;

  const step = (name, body) =>
    test(name, async () => {
      try {
        await body(relay.port);
      } catch (error) {
        error.message += `\nThe relay said:\n${relay.log}`;
        throw error;
      }
    });

  beforeAll(async () => {
    relay = await startRelay({ args: ['--limit', 'MESSAGE_MAX=66000'], wrap: VALGRIND });
  });
  afterAll(async () => {
    if (relay && !stopped) await relay.kill9();
  });

  for (const { name, bytes } of HTTP_CASES) step(`HTTP: ${name}`, async (port) => rawHttp(port, bytes(port)));

  for (const { name, frames } of WEBSOCKET_CASES)
    step(`WebSocket: ${name}`, async (port) => {
      const raw = await connectWebSocket(port);
      for (const bytes of frames({ messageMax: 66000 })) raw.send(bytes);
      await raw.closeCode(SLOW_MS);
      raw.destroy();
    });

  for (const [name, change] of Object.entries(LOGINS))
    step(`LOGIN: ${name}`, async (port) => {
      const peer = await helloPeer(port);
      peer.send(TYPE.LOGIN, loginPayload(makeIdentity(), peer.hello, change()));
      expect(await peer.refusal(SLOW_MS)).toBeGreaterThan(0);
    });

  step('a link whose caller is cut off', async (port) => {
    const { caller, callee, callerLink } = await linked(port);
    caller.send(TYPE.DATA, randomBytes(60_000), { link: callerLink });
    await callee.until(TYPE.DATA, SLOW_MS);
    caller.raw.socket.resetAndDestroy();
    await callee.until(TYPE.RESET, SLOW_MS);
    callee.close();
  });

  step('it still serves', async () => stillServes(relay));

  step('it stops, without a report', async () => {
    const end = await relay.process.stop(SLOW_MS);
    stopped = true;
    expect(end).toEqual({ code: 0, signal: null });
    expect(relay.log).not.toMatch(/==\d+==/);
  });
});
