/**
 * A hostile relay and a hostile peer: whatever they send, the engine keeps working, and it answers a broken protocol.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { concat, utf8 } from '../core/bytes.js';
import { ENVELOPES } from '../core/engine/incoming.js';
import { loadSodium } from '../core/sodium.js';
import { encode, envelopes, makeEnvelope, makeLink } from '../core/wire.js';
import { ENVELOPE, ENVELOPE_SENDER, FRAME, MESSAGES, REASON, SENDER } from '../wire_table.js';
import { World, makeRandom, pair } from './model.js';

beforeAll(loadSodium);

/** A random value for a field, often an edge case. */
function fieldOf(random, kind, argument) {
  const pick = (n) => Math.floor(random.next() * n);
  const edge = (bits) =>
    [0n, 1n, 2n, 37n, (1n << BigInt(bits)) - 1n, 1n << BigInt(bits - 1), 1000000n][pick(7)] &
    ((1n << BigInt(bits)) - 1n);
  if (kind === 'u64') return edge(64);
  if (kind[0] === 'u') return Number(edge(Number(kind.slice(1))));
  if (kind === 'bytes') return random.bytes(argument);
  if (kind === 'list') return Array.from({ length: pick(4) }, () => messageOf(random, argument));
  return random.bytes(Math.min(argument, pick(60)));
}
const messageOf = (random, name) =>
  Object.fromEntries(MESSAGES[name].map(([kind, field, argument]) => [field, fieldOf(random, kind, argument)]));

/** The message in the payload of each envelope that has a message of its name. */
const BODIES = Object.fromEntries(
  Object.keys(ENVELOPE)
    .map((name) => [name, name.toLowerCase()])
    .filter(([, message]) => MESSAGES[message]),
);

function randomEnvelope(random, links) {
  const names = Object.keys(ENVELOPE);
  const name = names[Math.floor(random.next() * names.length)];
  const link =
    random.next() < 0.6 ? links[Math.floor(random.next() * links.length)] : Math.floor(random.next() * 0x100000000);
  const type = random.next() < 0.02 ? Math.floor(random.next() * 256) : ENVELOPE[name];
  const body =
    BODIES[name] && random.next() < 0.9
      ? encode(BODIES[name], messageOf(random, BODIES[name]))
      : random.bytes(Math.floor(random.next() * 80));
  return makeEnvelope(type, body, link, Math.floor(random.next() * 3));
}

describe('a hostile relay', () => {
  test('random bytes in every state', () => {
    const random = makeRandom(11);
    for (let i = 0; i < 120; i++) {
      const world = new World({ seed: i });
      const ana = world.peer('ana', { acceptAll: true }).start();
      const bo = world.peer('bo', { acceptAll: true }).start();
      ana.connect(bo);
      world.pass(Math.floor(random.next() * 80));
      if (!ana.socket) continue;
      ana.try('socket_message', { data: random.bytes(1 + Math.floor(random.next() * 100)) });
      world.until(() => ana.last('linked') && ana.engine.relay.online, `run ${i} recovers`, 120000);
    }
  });
  test('envelopes that decode, in any order, on any link', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = makeRandom(seed);
      const { world, ana, bo, session } = pair({ seed });
      ana.do('code_claim', { value: 4821, words: ['copper', 'violin'] });
      for (let i = 0; i < 60; i++) {
        if (i % 10 === 0) ana.try('code_make');
        const links = [0, ...ana.engine.slots.byNumber.keys(), makeLink(true, 1, 0), makeLink(true, 2, 5)];
        if (ana.socket)
          ana.try('socket_message', {
            data: concat(...Array.from({ length: 3 }, () => randomEnvelope(random, links))),
          });
        world.later(() => {}, 20);
        world.pass(20);
        ana.try('network_up');
      }
      expect(ana.engine.queue.length).toBeLessThan(9000);
      expect(ana.engine.slots.byNumber.size).toBeLessThan(2100);
      // A relay may refuse for good or end sessions; it may not break the engine.
      if (ana.engine.entries.has(session) && ana.engine.relay.retryAt !== Infinity)
        ana.try('send', { session, channel: 0, data: utf8('x') });
      world.pass(1000);
      expect(bo.engine.relay.online).toBe(true);
    }
  });
  test.each([
    ['an envelope that runs past the message', Uint8Array.of(0x13, 0, 0xff, 0xff, 0, 0, 0, 0)],
    ['half a header', Uint8Array.of(0x13, 0, 0)],
    ['an unknown type', makeEnvelope(0x70, new Uint8Array(0))],
    ...Object.entries(ENVELOPE)
      .filter(([, type]) => ENVELOPE_SENDER[type] === SENDER.CLIENT)
      .map(([name, type]) => [`${name}, which only a client sends`, makeEnvelope(type, new Uint8Array(10))]),
    ['a second HELLO', makeEnvelope(ENVELOPE.HELLO, new Uint8Array(73))],
    [
      'an OFFER on a link number of this side',
      makeEnvelope(ENVELOPE.OFFER, new Uint8Array(140), makeLink(false, 1, 9)),
    ],
    ['an OFFER beyond the slots', makeEnvelope(ENVELOPE.OFFER, new Uint8Array(140), makeLink(true, 1, 60000))],
    ['a payload over its maximum', makeEnvelope(ENVELOPE.RESET, new Uint8Array(129), 0)],
  ])('%s: PROTOCOL, and another try', (_, data) => {
    const { world, ana } = pair();
    ana.do('socket_message', { data });
    expect(ana.last('offline').error).toBe('EPROTOCOL');
    world.until(() => ana.of('online').length === 2, 'online again');
  });
  const names = Object.fromEntries(Object.entries(ENVELOPE).map(([name, type]) => [type, name]));
  test('the table has a row for each envelope that a relay sends, and no other', () => {
    const sent = Object.entries(ENVELOPE_SENDER).filter(([, sender]) => sender & SENDER.RELAY);
    expect(Object.keys(ENVELOPES)).toEqual(sent.map(([type]) => type));
  });
  test.each(
    ['connecting', 'hello', 'login', 'online'].flatMap((state) =>
      Object.entries(ENVELOPES)
        .filter(([, { states }]) => !states.includes(state))
        .map(([type]) => [names[type], state, Number(type)]),
    ),
  )('%s in the state %s: PROTOCOL', (_, state, type) => {
    const world = new World();
    const ana = world.peer('ana').start();
    if (state !== 'connecting') ana.do('socket_open');
    if (state === 'login') world.until(() => ana.engine.relay.state === 'login', 'login');
    if (state === 'online') world.until(() => ana.last('online'), 'online');
    expect(ana.engine.relay.state).toBe(state);
    ana.do('socket_message', { data: makeEnvelope(type, new Uint8Array(0)) });
    expect(ana.last('offline')).toMatchObject({ error: 'EPROTOCOL', reason: REASON.PROTOCOL });
    expect(ana.last('log').text).toContain(`in the state ${state}`);
  });
  test('unknown types from 0x80 on are skipped', () => {
    const { ana } = pair();
    ana.do('socket_message', { data: makeEnvelope(0xfe, new Uint8Array(300)) });
    expect(ana.last('offline')).toBeUndefined();
  });
  test('envelopes for a closed link or another generation are dropped without an answer', () => {
    const { world, ana } = pair();
    ana.engine.produce(world.now, 65543);
    for (const type of [ENVELOPE.DATA, ENVELOPE.RESET, ENVELOPE.ACCEPT]) {
      ana.do('socket_message', { data: makeEnvelope(type, new Uint8Array(60), makeLink(false, 77, 3)) });
      ana.do('socket_message', { data: makeEnvelope(type, new Uint8Array(60), makeLink(true, 77, 3)) });
    }
    expect(ana.engine.produce(world.now, 65543)).toBeNull();
    expect(ana.last('offline')).toBeUndefined();
  });
  test('a changed record resets its link; the session continues on another', () => {
    const { world, ana, bo, session } = pair();
    let changed = false;
    world.loses = (peer, payload) => {
      if (peer === ana && !changed) {
        changed = true;
        payload[20] ^= 1;
      }
      return false;
    };
    ana.send(session, 'hello');
    world.until(() => bo.texts().length, 'message', 30000);
    expect(ana.last('unlinked').reason).toBe(REASON.CORRUPT);
    expect(bo.last('unlinked').reason).toBe(REASON.CORRUPT);
  });
  test.each(['REFUSED', 'PROTOCOL', 'REVOKED', 'CLOSED'])('RESET %s on a link in use ends only the link', (name) => {
    const { world, ana, bo, session } = pair();
    for (const peer of [ana, bo])
      for (const number of [...peer.engine.slots.byNumber.keys()])
        peer.do('socket_message', {
          data: makeEnvelope(
            ENVELOPE.RESET,
            encode('reset', { reason: REASON[name], text: new Uint8Array(0) }),
            number,
          ),
        });
    ana.send(session, 'still here');
    world.until(() => bo.texts().length, 'message', 30000);
    for (const peer of [ana, bo]) {
      expect(peer.last('session_closed')).toBeUndefined();
      expect(peer.of('unlinked').length).toBe(1);
      expect(peer.last('unlinked').reason).toBe(REASON[name]);
    }
  });
  test('while every record is changed, the calls become rarer; the session continues afterwards', () => {
    const { world, ana, bo, session } = pair();
    let changes = true;
    world.loses = (peer, payload) => {
      if (changes && peer === ana && payload.length < 100) payload[20] ^= 1;
      return false;
    };
    ana.send(session, 'hello');
    world.pass(60000);
    const early = ana.of('unlinked').length;
    world.pass(240000);
    expect(early).toBeGreaterThan(0);
    expect(ana.of('unlinked').length - early).toBeLessThan(120);
    changes = false;
    world.until(() => bo.texts().length, 'message', 60000);
    expect(ana.last('session_closed')).toBeUndefined();
  });
  test('a repeated record resets its link; nothing is delivered twice', () => {
    const { world, ana, bo, session } = pair();
    let once = false;
    world.loses = (peer, payload, flags) => {
      if (peer === ana && !once) {
        once = true;
        const link = [...bo.socket.links.entries()][0];
        world.toClient(bo.socket, ENVELOPE.DATA, payload, link[0], flags);
      }
      return false;
    };
    ana.send(session, 'hello');
    world.pass(30000);
    expect(bo.texts()).toEqual(['hello']);
    expect(bo.of('linked').length).toBe(2);
  });
});

describe('a hostile peer', () => {
  /** Sends any plaintext, sealed with the keys of ana's link. */
  const inject = (world, ana, plaintext) => {
    const { current } = [...ana.engine.entries.values()][0].session;
    const record = current.noise.seal(ENVELOPE.DATA, 0, plaintext);
    world.deliver(ana.socket, makeEnvelope(ENVELOPE.DATA, record, current.number));
  };
  const frame = (type, body) => encode('frame', { type, body });
  const data = (channel, flags, offset, bytes = new Uint8Array(0)) =>
    frame(FRAME.DATA, encode('frame_data', { channel, flags, offset, bytes }));
  const state = (fields) => ({ channel: 0, received_to: 0, taken_to: 0, limit: 0, ...fields });
  const hello = (fields) =>
    frame(
      FRAME.HELLO,
      encode('frame_hello', {
        epoch: 5n,
        peer_epoch: 0n,
        link_seq: 1,
        message_max: 100,
        channel_window: 200,
        session_limit: 1000n,
        channels: [],
        ...fields,
      }),
    );
  const ack = (counter, channels) => frame(FRAME.ACK, encode('frame_ack', { counter, channels }));

  test.each([
    ['a frame cut short', () => Uint8Array.of(2, 0, 9, 1)],
    ['DATA beyond the limit', () => data(0, 1, 2n ** 40n)],
    ['DATA at the largest offset', () => data(0, 3, 2n ** 64n - 1n)],
    [
      'a message too large',
      () => concat(data(0, 0, 0n, new Uint8Array(60000)), data(0, 0, 60000n, new Uint8Array(60000)).slice(0, 0)),
    ],
    ['beyond an end', () => concat(data(0, 2, 0n), data(0, 1, 1n))],
    ['an end inside a message', () => concat(data(0, 0, 0n, new Uint8Array(3)), data(0, 2, 3n))],
    ['a channel number that does not exist', () => data(255, 1, 0n)],
    ['an ACK of what was not sent', () => ack(2n ** 50n, [])],
    ['an ACK of places that were not sent', () => ack(0n, [state({ received_to: 9n, taken_to: 0n })])],
    ['taken before it was received', () => ack(0n, [state({ received_to: 0n, taken_to: 1n })])],
    [
      'a limit that cannot be',
      () => frame(FRAME.CREDIT, encode('frame_credit', { session_limit: 2n ** 63n, channels: [] })),
    ],
    ['HELLO without an epoch', () => hello({ epoch: 0n })],
    ['HELLO with a window smaller than a message', () => hello({ channel_window: 100 })],
    [
      'a reset of a channel before its end',
      () =>
        concat(
          data(0, 1, 0n, new Uint8Array(9)),
          frame(
            FRAME.CHANNEL_RESET,
            encode('frame_channel_reset', { channel: 0, direction: 0, reason: 1, offset: 4n }),
          ),
        ),
    ],
    ['CLOSE cut short', () => frame(FRAME.CLOSE, new Uint8Array(1))],
  ])('%s: the session closes with PROTOCOL', (name, plaintext) => {
    const messageMax = 50000;
    const { world, ana, bo } = pair({}, {}, { messageMax, channelWindow: 100000, sessionWindow: 200000 });
    inject(world, ana, plaintext());
    world.until(() => bo.last('session_closed'), name);
    expect(bo.last('session_closed')).toMatchObject({ error: 'EPROTOCOL', reason: REASON.PROTOCOL });
    expect(bo.engine.relay.online).toBe(true);
    world.pass(100);
    expect(bo.engine.slots.byNumber.size).toBe(0);
  });
  test('beyond the session limit', () => {
    const { world, ana, bo } = pair({}, {}, { messageMax: 50000, channelWindow: 60000, sessionWindow: 60000 });
    bo.autoTake = false;
    for (let channel = 0; channel < 2; channel++) inject(world, ana, data(channel, 1, 0n, new Uint8Array(40000)));
    world.until(() => bo.last('session_closed'), 'closed');
    expect(bo.last('session_closed').error).toBe('EPROTOCOL');
  });
  test('random frames, plausible and not', () => {
    const bodies = {
      HELLO: 'frame_hello',
      DATA: 'frame_data',
      ACK: 'frame_ack',
      CREDIT: 'frame_credit',
      CHANNEL_RESET: 'frame_channel_reset',
      PROBE: 'frame_probe',
      PROBE_REPLY: 'frame_probe',
      VOLATILE: 'frame_volatile',
      CLOSE: 'frame_close',
    };
    const ended = new Set();
    for (let seed = 1; seed <= 150; seed++) {
      const random = makeRandom(seed);
      const { world, ana, bo, other } = pair({ seed });
      bo.try('send', { session: other, channel: 0, data: utf8('something to acknowledge') });
      for (let i = 0; i < 12 && ana.engine.entries.size; i++) {
        const entry = [...ana.engine.entries.values()][0];
        if (!entry.session.current || !ana.socket) break;
        const names = Object.keys(bodies);
        const list = Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => {
          const name = names[Math.floor(random.next() * names.length)];
          const type = random.next() < 0.05 ? Math.floor(random.next() * 256) : FRAME[name];
          return frame(
            type,
            random.next() < 0.1
              ? random.bytes(Math.floor(random.next() * 40))
              : encode(bodies[name], messageOf(random, bodies[name])),
          );
        });
        inject(world, ana, concat(...list));
        world.pass(30);
      }
      world.pass(3000);
      for (const { error } of bo.of('session_closed')) ended.add(error);
      expect(bo.engine.relay.online, `seed ${seed}`).toBe(true);
    }
    expect(ended.has('EPROTOCOL')).toBe(true);
  });
  test('a peer that sends PROBE again and again gets a limited number of answers', () => {
    const { world, ana, bo } = pair();
    const probe = frame(FRAME.PROBE, encode('frame_probe', { number: 1 }));
    bo.world.flush = () => {};
    for (let i = 0; i < 1000; i++) inject(world, ana, probe);
    world.pass(100);
    const answer = bo.engine.produce(world.now, 65543);
    expect([...envelopes(answer)].length).toBe(1);
  });
});
