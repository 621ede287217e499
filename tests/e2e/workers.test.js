/**
 * A relay with several workers and real sockets. The kernel chooses the worker of a socket, so the tests make many.
 */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { REASON, TYPE, linked, loggedIn, makeIdentity } from '../support/login.js';
import { envelope } from '../support/raw.js';
import { startRelay } from '../support/relay.js';

const ARGS = ['--workers', '3', '--log-level', 'debug'];

test('pairs on one worker and across workers: links, data both ways, ends', async () => {
  const relay = await startRelay({ args: ARGS });
  const pairs = await Promise.all(Array.from({ length: 30 }, () => linked(relay.port)));
  for (const { caller, callee, callerLink, calleeLink } of pairs) {
    caller.send(TYPE.DATA, Buffer.from('up'), { link: callerLink });
    callee.send(TYPE.DATA, Buffer.from('down'), { link: calleeLink });
  }
  for (const { caller, callee, callerLink } of pairs) {
    expect((await callee.until(TYPE.DATA)).payload.toString()).toBe('up');
    expect((await caller.until(TYPE.DATA)).payload.toString()).toBe('down');
    caller.send(TYPE.RESET, Buffer.from([0x02, 0x01]), { link: callerLink });
    expect((await callee.until(TYPE.RESET)).payload.readUInt16BE(0)).toBe(0x201);
    caller.close();
    callee.close();
  }
  for (const worker of [0, 1, 2]) expect(relay.log).toMatch(new RegExp(`event=login worker=${worker} `));
  expect((await relay.stop()).code).toBe(0);
});

/** Changes a socket's list as fast as the relay reads, until the relay ends the socket. Returns the reason. */
async function floodPeers(port) {
  const peer = await loggedIn(port);
  const ids = randomBytes(32 * 32);
  const batch = (op) => envelope(TYPE.PEERS, Buffer.concat([Buffer.from([op, 32]), ids]));
  const message = Buffer.concat(Array.from({ length: 60 }, (_, i) => batch(1 + (i % 2))));
  const flooding = setInterval(() => peer.sendMessage(message), 1);
  return peer.refusal().finally(() => clearInterval(flooding));
}

test('strangers that change their lists as fast as they can do not end links between workers', async () => {
  const relay = await startRelay({ args: ARGS });
  const pairs = await Promise.all(Array.from({ length: 20 }, () => linked(relay.port)));
  for (let round = 0; round < 5; round++)
    expect(await Promise.all([floodPeers(relay.port), floodPeers(relay.port)])).toEqual([REASON.RATE, REASON.RATE]);
  for (const { caller, callee, callerLink } of pairs) {
    caller.send(TYPE.DATA, Buffer.from('still there'), { link: callerLink });
    expect((await callee.next()).type).toBe(TYPE.DATA);
    caller.close();
    callee.close();
  }
  await relay.stop();
});

test('the newest login of an instance wins, wherever it is', async () => {
  const relay = await startRelay({ args: ARGS });
  const identity = makeIdentity();
  const instance = randomBytes(8);
  let older = await loggedIn(relay.port, { identity, instance });
  for (let i = 0; i < 20; i++) {
    const newer = await loggedIn(relay.port, { identity, instance });
    expect(await older.refusal()).toBe(REASON.SUPERSEDED);
    older = newer;
  }
  const { callee, caller } = await linked(relay.port, { callee: older });
  caller.close();
  callee.close();
  await relay.stop();
});
