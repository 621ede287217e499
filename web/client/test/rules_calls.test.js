/** Rules of calls and of the connection to the relay (docs/protocol.md, sections 4, 5, 7 and 9), one test for each. */
import { beforeAll, describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../core/bytes.js';
import { identityFromSeed } from '../core/identity.js';
import { loadSodium } from '../core/sodium.js';
import { Slots } from '../core/engine/slots.js';
import { Link } from '../core/session/link.js';
import { encode, envelopes, linkSlot, makeEnvelope, makeLink } from '../core/wire.js';
import { ENVELOPE, REASON } from '../wire_table.js';
import { World, pair } from './model.js';

beforeAll(loadSodium);

/** Two that are online, and the times of the calls. */
function strangers(options = {}) {
  const world = new World();
  const ana = world.peer('ana').start();
  const bo = world.peer('bo', options).start();
  world.until(() => ana.last('online') && bo.last('online'), 'online');
  const calls = [];
  const { takeOpen } = world;
  world.takeOpen = (socket, ...rest) => {
    calls.push(world.now);
    takeOpen.call(world, socket, ...rest);
  };
  return { world, ana, bo, calls };
}
const nobody = () => ({ identity: identityFromSeed(new Uint8Array(32).fill(4)) });

describe('a call', () => {
  test('that nobody answers is made again at once three times, and again after each login', () => {
    const { world, ana, calls } = strangers();
    ana.connect(nobody());
    world.pass(9500);
    expect(calls.length).toBe(4);
    world.pass(180000);
    const before = calls.length;
    world.cut(ana);
    world.until(() => ana.of('online').length === 2 && calls.length > before, 'called again', 30000);
    world.pass(9500);
    expect(calls.length - before).toBe(4);
  });
  test('that waited is accepted as soon as the own one has failed', () => {
    const { world, ana, bo } = strangers();
    const [first, second] = [ana, bo].sort((a, b) => Buffer.compare(a.identity.id, b.identity.id));
    const { offer } = world;
    world.offer = (link) => link.target !== toHex(second.identity.id) && offer.call(world, link);
    const began = world.now;
    first.connect(second);
    world.pass(500);
    second.connect(first);
    world.until(() => first.last('linked'), 'linked');
    expect(world.now - began).toBeLessThan(3100);
  });
  test('of which nothing follows is given up by the callee after ten seconds', () => {
    const { world, ana, bo } = strangers({ acceptAll: true });
    const links = () => [...bo.engine.slots.byNumber.values()].map(({ state }) => state);
    world.loses = (from) => from === ana;
    ana.connect(bo);
    world.until(() => links().includes('accepted'), 'accepted');
    world.peers = [bo];
    world.pass(9900);
    expect(links()).toEqual(['accepted']);
    world.pass(200);
    expect(links()).toEqual([]);
  });
  test('that names another instance outside than inside is dropped', () => {
    const { world, ana, bo } = strangers({ acceptAll: true });
    const { toClient } = world;
    world.toClient = (socket, type, payload, ...rest) => {
      if (type === ENVELOPE.OFFER) payload[32] ^= 1;
      toClient.call(world, socket, type, payload, ...rest);
    };
    ana.connect(bo);
    world.pass(20000);
    expect([...bo.of('session'), ...ana.of('linked')]).toEqual([]);
  });
  test('of a peer that is blocked before its first record claims no invite', () => {
    const { world, ana, bo } = strangers();
    const secret = new Uint8Array(16).fill(5);
    bo.do('invite_add', { secret, place: world.now + 60000, value: 1 });
    let blocked = false;
    world.loses = () => !blocked;
    ana.connect(bo, secret);
    world.until(() => [...bo.engine.slots.byNumber.values()].some(({ state }) => state === 'accepted'), 'accepted');
    bo.do('block', { peer: ana.identity.id });
    blocked = true;
    world.pass(5000);
    expect([...bo.of('invite_claimed'), ...bo.of('session'), ...bo.of('knock')]).toEqual([]);
  });
  test('whose message the peer cannot take ends with REFUSED', () => {
    const { world, ana, bo } = strangers({ acceptAll: true, messageMax: 1000, channelWindow: 5000 });
    ana.send(ana.connect(bo), new Uint8Array(2000));
    world.until(() => ana.last('session_closed'), 'closed');
    expect(ana.last('session_closed')).toMatchObject({ error: 'EMSGSIZE', reason: REASON.REFUSED });
  });
});

describe('the connection', () => {
  test('a program that slept asks the relay at once', () => {
    const { world, ana } = pair();
    world.flush();
    world.now += 120000;
    ana.do('time');
    const types = [...envelopes(ana.engine.produce(world.now, 65543))].map(({ type }) => type);
    expect(types).toContain(ENVELOPE.PING);
    expect(ana.last('offline')).toBeUndefined();
  });
  test('a client that was superseded does not fight', () => {
    const { world, ana } = pair();
    const reset = encode('reset', { reason: REASON.SUPERSEDED, text: new Uint8Array(0) });
    ana.do('socket_message', { data: makeEnvelope(ENVELOPE.RESET, reset) });
    expect(ana.last('offline').time - world.now).toBeGreaterThanOrEqual(10000);
  });
  test('another relay at an address of GOING_AWAY is left, and the configured one is tried', () => {
    const { world, ana } = pair();
    const urls = utf8('ws://b.test/pairlink');
    ana.do('socket_message', { data: makeEnvelope(ENVELOPE.GOING_AWAY, encode('going_away', { delay_ms: 0, urls })) });
    const { identity } = world;
    world.identity = nobody().identity;
    world.until(() => ana.last('connect').url, 'moves');
    world.until(() => ana.of('offline').length === 2, 'left');
    expect(ana.of('relay_changed')).toEqual([]);
    world.identity = identity;
    world.until(() => ana.of('online').length === 2, 'online at the configured one');
    expect(ana.last('connect').url).toBeUndefined();
  });
  test.each(['ORIGIN', 'DENIED', 'LOGIN_FAILED', 'UNSUPPORTED'])(
    '%s at an address of GOING_AWAY is not final',
    (name) => {
      const { world, ana } = pair();
      const urls = utf8('ws://b.test/pairlink');
      const login = world.login;
      ana.do('socket_message', {
        data: makeEnvelope(ENVELOPE.GOING_AWAY, encode('going_away', { delay_ms: 0, urls })),
      });
      world.login = (socket) =>
        world.toClient(socket, ENVELOPE.RESET, encode('reset', { reason: REASON[name], text: new Uint8Array(0) }));
      world.until(() => ana.of('offline').length === 2, 'refused');
      expect(ana.last('connect').url).toBe('ws://b.test/pairlink');
      expect(ana.last('offline')).toMatchObject({ reason: REASON[name] });
      expect(ana.last('offline').time).not.toBe(Infinity);
      world.login = login;
      world.until(() => ana.of('online').length === 2, 'online at the configured one');
      expect(ana.last('connect').url).toBeUndefined();
      world.login = (socket) =>
        world.toClient(socket, ENVELOPE.RESET, encode('reset', { reason: REASON[name], text: new Uint8Array(0) }));
      world.cut(ana);
      world.until(() => ana.last('offline').time === Infinity, 'final at the configured one');
    },
  );
  test('limits start again with each HELLO, and stay within their range', () => {
    const limits = [
      { id: 1, value: 1 },
      { id: 3, value: 1_000_000 },
    ];
    const { world, ana } = pair({ limits });
    expect(ana.engine.relay.limits).toMatchObject({ MESSAGE_MAX: 66000, LINK_SLOTS: 65535 });
    world.limits = [];
    world.cut(ana);
    world.until(() => ana.of('online').length === 2, 'online again');
    expect(ana.engine.relay.limits).toMatchObject({ MESSAGE_MAX: 262144, LINK_SLOTS: 1024 });
  });
});

describe('a link number', () => {
  test('is not used twice in a row, and the relay has none of generation 0', () => {
    const slots = new Slots(4);
    const first = slots.take();
    slots.add(new Link(first, true, nobody().identity.id, null, 0));
    slots.release(slots.get(first));
    expect(linkSlot(slots.take())).toBe(linkSlot(first));
    expect(slots.isRelayNumber(makeLink(true, 1, 3))).toBe(true);
    for (const number of [makeLink(true, 0, 3), makeLink(true, 1, 4), makeLink(false, 1, 3)])
      expect(slots.isRelayNumber(number)).toBe(false);
    expect(slots.generations[linkSlot(first)]).toBe(2);
  });
});
