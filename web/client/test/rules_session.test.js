/**
 * Rules of one session (docs/protocol.md, section 6), one test for each. The test is the peer: it writes frames and
 * reads those of the session, so nothing but the rule is between the two.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { ACK_DELAY_MS, LINKS_MAX, PIECES_MAX, PROBE_MIN_MS } from '../core/session/constants.js';
import { Link } from '../core/session/link.js';
import { Session } from '../core/session/session.js';
import { concat } from '../core/bytes.js';
import { decode, encode, frames } from '../core/wire.js';
import { DATA_FLAG_END_OF_CHANNEL, DATA_FLAG_END_OF_MESSAGE, FRAME, REASON } from '../wire_table.js';

const area = new Uint8Array(65536);
const HUGE = 1n << 63n;
const PEER = 77n;
const NAMES = Object.fromEntries(Object.entries(FRAME).map(([name, type]) => [type, name.toLowerCase()]));
const MESSAGES = { probe_reply: 'probe' };

/** One frame, as the peer writes it. */
function frame(name, fields) {
  const body = encode(`frame_${MESSAGES[name] ?? name}`, fields);
  return concat(Uint8Array.of(FRAME[name.toUpperCase()], body.length >> 8, body.length & 255), body);
}
const hello = (fields = {}) =>
  frame('hello', {
    ...{ epoch: PEER, peer_epoch: 0n, link_seq: 1, message_max: 1000, channel_window: 5000, session_limit: 20000n },
    ...{ channels: [], ...fields },
  });
const data = (offset, size, flags = DATA_FLAG_END_OF_MESSAGE, channel = 0) =>
  frame('data', { channel, flags, offset: BigInt(offset), bytes: new Uint8Array(size) });
const ack = (counter, ...channels) =>
  frame('ack', {
    counter: BigInt(counter),
    channels: channels.map(([channel, received_to, taken_to]) => ({
      ...{ channel, received_to: BigInt(received_to), taken_to: BigInt(taken_to) },
    })),
  });
const credit = (session_limit, ...channels) =>
  frame('credit', {
    session_limit: BigInt(session_limit),
    channels: channels.map(([channel, limit]) => ({ channel, limit: BigInt(limit) })),
  });
const close = () => frame('close', { reason: REASON.CLOSED, text: new Uint8Array(0) });

/** @type {Session} */
let session;
/** What the application was told, and what the engine was asked for. */
let told;
let epochs;

const start = (config = {}) => {
  told = [];
  epochs = [5n, 6n, 8n];
  session = new Session({ messageMax: 1000, channelWindow: 5000, sessionWindow: 20000, ...config }, host, 1000);
};
const host = {
  emit: (action) => told.push(action),
  reset: (link, reason) => told.push({ type: 'drop', link: link.number, reason }),
  newEpoch: () => epochs.shift(),
  linked: (link) => told.push({ type: 'linked', link: link.number }),
  peerClosed: (reason) => told.push({ type: 'peer_closed', reason }),
  closeEnded: (error) => told.push({ type: 'close_ended', error }),
};
beforeEach(() => start());

let links = 0;
function open({ opener = false, bySmaller = false } = {}) {
  const link = new Link(++links, opener, new Uint8Array(32), new Uint8Array(8), session.now);
  Object.assign(link, { bySmaller, noise: { nextCounter: 0, receivedCounter: -1 } });
  session.linkUp(link);
  return link;
}
function give(link, ...list) {
  link.noise.receivedCounter++;
  session.record(link, concat(...list));
}
/** Returns the frames that the session writes on a link, record by record. */
function records(link) {
  const out = [];
  for (let size; ({ size } = session.produce(link, area, 65536)).size;) {
    link.noise.nextCounter++;
    const list = [...frames(area.slice(0, size))];
    out.push(
      list.map(({ type, body }) => ({
        name: NAMES[type],
        ...decode(`frame_${MESSAGES[NAMES[type]] ?? NAMES[type]}`, body),
      })),
    );
  }
  return out;
}
const written = (link, name) =>
  records(link)
    .flat()
    .filter((entry) => !name || entry.name === name);
const of = (type) => told.filter((entry) => entry.type === type);
const later = (ms) => {
  session.now += ms;
  if (session.now >= session.deadline()) session.time();
};
const broken = (link, ...list) =>
  expect(() => give(link, ...list)).toThrow(expect.objectContaining({ code: 'EPROTOCOL' }));
/** A link that carries data: the peer called. */
function linked(fields, options) {
  const link = open(options);
  give(link, hello(fields));
  records(link);
  return link;
}

describe('HELLO', () => {
  test.each([
    ['an epoch of 0', { epoch: 0n }],
    ['a message_max of 0', { message_max: 0 }],
    ['a channel_window of message_max', { message_max: 1000, channel_window: 1000 }],
    ['a session_limit of 2^63', { session_limit: HUGE }],
  ])('%s breaks the protocol', (_, fields) => broken(open(), hello(fields)));
  test("a channel's limit of 2^63 breaks it, too", () => {
    session.send(0, new Uint8Array(10));
    broken(open(), hello({ channels: [{ channel: 0, received_to: 0n, taken_to: 0n, limit: HUGE }] }));
  });
  test("a later link has a higher number than the peer's links", () => {
    linked({ link_seq: 41 });
    const [{ link_seq: seq }] = written(open({ opener: true }), 'hello');
    expect(seq).toBe(42);
  });
  test('is repeated each second until it is answered', () => {
    const link = open({ opener: true });
    expect(written(link, 'hello').length).toBe(1);
    later(999);
    expect(written(link, 'hello')).toEqual([]);
    later(1);
    expect(written(link, 'hello').length).toBe(1);
    give(link, hello({ peer_epoch: 5n }));
    later(1000);
    expect(written(link, 'hello')).toEqual([]);
  });
  test('a link on which none comes is dropped after ten seconds, the next one after twenty', () => {
    for (const wait of [10000, 20000, 40000]) {
      const link = open();
      later(wait - 1);
      expect(of('drop').map((drop) => drop.link)).not.toContain(link.number);
      later(1);
      expect(of('drop').at(-1)).toMatchObject({ link: link.number, reason: REASON.TIMEOUT });
    }
  });
  test("with the peer's old epoch: its state is kept", () => {
    give(linked(), data(0, 10));
    linked({ peer_epoch: 5n, link_seq: 2 });
    expect(of('stream_reset')).toEqual([]);
  });
  test.each([
    ['with another epoch of the peer, which lost its state', { epoch: 78n, peer_epoch: 0n }, 78n],
    ['with another epoch of this side, which the peer takes for new', { peer_epoch: 9n }, 0n],
    [
      'with places that were never sent',
      { peer_epoch: 5n, channels: [{ channel: 0, received_to: 99n, taken_to: 0n, limit: 5000n }] },
      PEER,
    ],
  ])('%s: all starts again', (_, fields, peerEpoch) => {
    const before = linked();
    give(before, data(0, 10));
    const place = session.send(3, new Uint8Array(10));
    const link = open();
    give(link, hello({ link_seq: 2, ...fields }));
    expect(of('lost')).toMatchObject([{ channel: 3, place }]);
    expect(of('stream_reset').length).toBe(1);
    expect(of('drop')).toMatchObject([{ link: before.number, reason: REASON.REPLACED }]);
    expect(written(link, 'hello')).toMatchObject([{ epoch: 6n, peer_epoch: peerEpoch, channels: [] }]);
  });
  test('a limit never goes back', () => {
    const link = linked({ channel_window: 3000 });
    session.send(0, new Uint8Array(900));
    records(link);
    give(link, credit(20000, [0, 4000]));
    const channels = [{ channel: 0, received_to: 0n, taken_to: 0n, limit: 10n }];
    const next = linked({ peer_epoch: 5n, link_seq: 2, channel_window: 3000, channels });
    for (let i = 0; i < 3; i++) session.send(0, new Uint8Array(1000));
    expect(session.outgoing.get(0).limit).toBe(4000);
    give(next, credit(10), ack(0));
    expect(session.sessionLimit).toBe(20000);
  });
  test('a message that is too large for the peer ends the session only before it was started', () => {
    session.send(0, new Uint8Array(900));
    expect(() => give(open(), hello({ message_max: 500 }))).toThrow(expect.objectContaining({ code: 'EMSGSIZE' }));
    start();
    const link = linked();
    session.send(0, new Uint8Array(900));
    records(link);
    linked({ peer_epoch: 5n, link_seq: 2, message_max: 500 });
    expect(session.current?.seq).toBe(2);
  });
});

describe('several links', () => {
  test('the one with the highest number is used; the opener drops the others, the other side does not', () => {
    const first = linked();
    const second = linked({ peer_epoch: 5n, link_seq: 2 });
    expect(session.current).toBe(second);
    expect(of('drop')).toEqual([]);
    const own = open({ opener: true });
    records(own);
    give(own, hello({ peer_epoch: 5n, link_seq: 3 }));
    expect(session.current).toBe(own);
    expect(of('drop').map(({ link }) => link)).toEqual([first.number, second.number]);
  });
  test.each([true, false])("of two with the same number the smaller side's is used (first: %s)", (bySmaller) => {
    const first = linked({ link_seq: 5 }, { bySmaller });
    const second = linked({ peer_epoch: 5n, link_seq: 5 }, { bySmaller: !bySmaller });
    expect(session.current).toBe(bySmaller ? first : second);
  });
  test('there are at most LINKS_MAX', () => {
    for (let i = 0; i < LINKS_MAX; i++) open();
    expect(() => open()).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
  });
  test('an ACK on a link that is not used any more resends nothing', () => {
    const first = linked();
    session.send(0, new Uint8Array(10));
    records(first);
    const second = open();
    give(second, hello({ peer_epoch: 5n, link_seq: 2 }));
    expect(written(second, 'data').length).toBe(1);
    give(first, ack(1));
    expect(written(second, 'data')).toEqual([]);
  });
});

describe('CLOSE', () => {
  test('is said once a second until it is answered, for ten seconds', () => {
    const link = linked();
    session.startClose(REASON.CLOSED, new Uint8Array(0));
    expect(written(link, 'close').length).toBe(1);
    for (let i = 0; i < 9; i++) {
      later(999);
      expect(written(link, 'close')).toEqual([]);
      later(1);
      expect(written(link, 'close').length).toBe(1);
    }
    later(1000);
    expect(of('close_ended')).toMatchObject([{ error: 'ETIMEDOUT' }]);
    expect(written(link, 'close')).toEqual([]);
  });
  test('is said again at once on a new link', () => {
    const link = linked();
    session.startClose(REASON.CLOSED, new Uint8Array(0));
    records(link);
    session.linkDown(link);
    const next = open();
    give(next, hello({ peer_epoch: 5n, link_seq: 2 }));
    expect(written(next, 'close').length).toBe(1);
  });
  test('carries the ACK ahead of it', () => {
    const link = linked();
    give(link, data(0, 10));
    session.startClose(REASON.CLOSED, new Uint8Array(0));
    later(ACK_DELAY_MS - 1);
    expect(records(link)[0].map(({ name }) => name)).toEqual(['ack', 'credit', 'close']);
  });
  test('the closer still hears what was taken, and takes nothing more', () => {
    const link = linked();
    const place = session.send(0, new Uint8Array(10));
    records(link);
    session.startClose(REASON.CLOSED, new Uint8Array(0));
    give(link, ack(0, [0, place, place]), data(0, 10));
    expect(of('delivered')).toMatchObject([{ place }]);
    expect(of('message')).toEqual([]);
    give(link, close());
    expect(of('close_ended')).toMatchObject([{ error: null }]);
  });
  test('is answered, and answered again when it comes again', () => {
    const link = linked();
    for (let i = 0; i < 2; i++) {
      give(link, close());
      expect(session.close).toBe('peerClosed');
      expect(written(link, 'close').length).toBe(1);
      expect(session.close).toBe('answered');
    }
    expect(of('peer_closed').length).toBe(1);
  });
  test("of both sides at once: each one's is the answer to the other", () => {
    const link = linked();
    session.startClose(REASON.CLOSED, new Uint8Array(0));
    give(link, close());
    expect(of('close_ended')).toMatchObject([{ error: null }]);
    expect(written(link, 'close').length).toBe(1);
  });
  test('is answered as well by a peer that has lost its state', () => {
    const link = linked();
    session.startClose(REASON.CLOSED, new Uint8Array(0));
    records(link);
    give(open(), hello({ epoch: 78n, link_seq: 2 }));
    expect(of('close_ended')).toMatchObject([{ error: null }]);
    expect(of('stream_reset')).toEqual([]);
  });
});

describe('receiving', () => {
  test.each([
    [
      'DATA beyond the end of the channel',
      data(0, 10, DATA_FLAG_END_OF_MESSAGE | DATA_FLAG_END_OF_CHANNEL),
      data(12, 5),
    ],
    ['an end of the channel inside a message', data(0, 10, 0), data(10, 0, DATA_FLAG_END_OF_CHANNEL)],
    ["DATA beyond the channel's limit", data(4999, 10, 0)],
    ['a message over message_max', data(0, 1001)],
    ['an ACK of what was not sent on this link', ack(99)],
    ['a CREDIT of 2^63', credit(HUGE)],
    ['a CREDIT of channel 255', credit(20000, [255, 1])],
    ['VOLATILE on channel 255', frame('volatile', { channel: 255, bytes: new Uint8Array(1) })],
  ])('%s breaks the protocol', (_, ...list) => {
    const link = linked();
    for (const one of list.slice(0, -1)) give(link, one);
    broken(link, list.at(-1));
  });
  test('new places beyond the session limit break it; CHANNEL_RESET needs no credit', () => {
    start({ sessionWindow: 1200 });
    const link = linked();
    give(link, data(0, 999), data(0, 199, DATA_FLAG_END_OF_MESSAGE, 1));
    for (let channel = 2; channel < 100; channel++)
      give(link, frame('channel_reset', { channel, direction: 0, reason: 1, offset: 1n }));
    broken(link, data(0, 500, DATA_FLAG_END_OF_MESSAGE, 200));
  });
  test('a CHANNEL_RESET of another direction, a frame of a later version and repetitions change nothing', () => {
    const link = linked();
    give(link, data(0, 10));
    give(link, frame('channel_reset', { channel: 0, direction: 1, reason: 1, offset: 3n }));
    give(link, Uint8Array.of(0x7f, 0, 1, 9), data(0, 10));
    expect(told.map(({ type }) => type)).toEqual(['linked', 'message']);
  });
  test('a repetition, and a frame of a later version, are acknowledged', () => {
    const link = linked();
    give(link, data(0, 10));
    later(ACK_DELAY_MS);
    records(link);
    give(link, data(0, 10));
    later(ACK_DELAY_MS);
    expect(written(link, 'ack')).toMatchObject([{ channels: [{ channel: 0, received_to: 11n }] }]);
    give(link, Uint8Array.of(0x7f, 0, 1, 9));
    later(ACK_DELAY_MS);
    expect(written(link, 'ack').length).toBe(1);
    give(link, ack(0), credit(20000));
    later(ACK_DELAY_MS);
    expect(records(link)).toEqual([]);
  });
  test('PROBE is answered at once, with all that was received', () => {
    const link = linked();
    give(link, data(0, 10), data(0, 20, DATA_FLAG_END_OF_MESSAGE, 4));
    later(ACK_DELAY_MS);
    records(link);
    give(link, frame('probe', { number: 3 }));
    const [reply, { channels }] = written(link);
    expect(reply).toMatchObject({ name: 'probe_reply', number: 3 });
    expect(channels.map(({ channel, received_to }) => [channel, received_to])).toEqual([
      [0, 11n],
      [4, 21n],
    ]);
  });
  test('what was not delivered cannot be taken, and what belongs to earlier streams is not taken', () => {
    const link = linked();
    give(link, data(0, 10));
    expect(() => session.take(0, 12, 0)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    give(open(), hello({ epoch: 78n, link_seq: 2 }));
    session.take(0, 11, 0);
    expect(session.takenSum).toBe(0);
  });
  test('a quarter of the window that was taken is told at once, less after a while', () => {
    const link = linked();
    give(link, data(0, 500), data(501, 900));
    later(ACK_DELAY_MS);
    records(link);
    session.take(0, 501, 0);
    expect(records(link)).toEqual([]);
    session.take(0, 1402, 0);
    expect(written(link, 'credit')).toMatchObject([
      { session_limit: 21402n, channels: [{ channel: 0, limit: 6402n }] },
    ]);
  });
});

describe('sending', () => {
  test('what an ACK shows to be lost is sent again, once', () => {
    const link = linked();
    session.send(0, new Uint8Array(10));
    records(link);
    session.send(1, new Uint8Array(20));
    records(link);
    give(link, ack(2));
    expect(written(link, 'data').map(({ channel }) => channel)).toEqual([0, 1]);
    give(link, ack(2));
    expect(written(link, 'data')).toEqual([]);
  });
  test('records that were sent before the loss was noticed do not cause it to be sent again', () => {
    const link = linked();
    for (let i = 0; i < 3; i++) {
      session.send(0, new Uint8Array(10));
      records(link);
    }
    give(link, ack(1));
    expect(written(link, 'data').map(({ offset }) => offset)).toEqual([0n, 11n, 22n]);
    give(link, ack(3));
    expect(written(link, 'data')).toEqual([]);
  });
  test('a direction that was given up ends one place behind what was sent, or where its end was sent', () => {
    const link = linked();
    session.send(0, new Uint8Array(10));
    session.finish(1);
    records(link);
    session.send(0, new Uint8Array(50));
    session.resetChannel(0, REASON.CLOSED);
    session.resetChannel(1, REASON.CLOSED);
    expect(written(link, 'channel_reset').map(({ channel, offset }) => [channel, offset])).toEqual([
      [0, 12n],
      [1, 1n],
    ]);
  });
  test('a channel holds at most PIECES_MAX messages', () => {
    start({ channelWindow: 1 << 20, sessionWindow: 1 << 21 });
    for (let i = 0; i < PIECES_MAX; i++) session.send(0, new Uint8Array(0));
    expect(() => session.send(0, new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
    session.send(1, new Uint8Array(0));
  });
  test('volatile messages go in records of their own, which are marked', () => {
    const link = linked();
    session.sendVolatile(3, new Uint8Array(5));
    session.send(0, new Uint8Array(10));
    const seen = [];
    for (let one; (one = session.produce(link, area, 65536)).size; link.noise.nextCounter++)
      seen.push([one.flags, ...[...frames(area.slice(0, one.size))].map(({ type }) => NAMES[type])]);
    expect(seen.sort()).toEqual([
      [0, 'ack', 'credit', 'data'],
      [1, 'volatile'],
    ]);
  });
});

describe('probes', () => {
  /** Lets time pass as the session asks. Returns the waits between its probes, until it drops the link. */
  function probes(link) {
    const out = [];
    for (let at = session.now; !of('drop').some((drop) => drop.link === link.number);) {
      session.now = Math.max(session.now, Math.ceil(session.deadline()));
      session.time();
      if (written(link, 'probe').length) {
        out.push(session.now - at);
        at = session.now;
      }
    }
    return out;
  }
  test('three without an answer cost the link, and the next one gets twice the time', () => {
    const link = linked();
    session.send(0, new Uint8Array(10));
    records(link);
    expect(probes(link)).toEqual([PROBE_MIN_MS, PROBE_MIN_MS, PROBE_MIN_MS]);
    expect(of('drop')).toMatchObject([{ reason: REASON.TIMEOUT }]);
    const next = linked({ peer_epoch: 5n, link_seq: 2 });
    expect(probes(next)).toEqual([2 * PROBE_MIN_MS, 2 * PROBE_MIN_MS, 2 * PROBE_MIN_MS]);
    const third = linked({ peer_epoch: 5n, link_seq: 3 });
    give(third, data(0, 10));
    expect(session.patience).toBe(0);
  });
  test('more time is given until a new place is received, not until one is taken', () => {
    const link = linked();
    session.send(0, new Uint8Array(10));
    records(link);
    give(link, ack(link.noise.nextCounter - 1, [0, 11, 0]));
    session.patience = 2;
    give(link, ack(link.noise.nextCounter - 1, [0, 11, 11]));
    expect(of('delivered').length).toBe(1);
    expect(session.patience).toBe(2);
    session.send(0, new Uint8Array(10));
    records(link);
    give(link, ack(link.noise.nextCounter - 1, [0, 22, 11]));
    expect(session.patience).toBe(0);
  });
  test('the wait starts with the first record in flight', () => {
    const link = linked();
    later(100000);
    session.send(0, new Uint8Array(10));
    records(link);
    expect(session.deadline()).toBe(session.now + PROBE_MIN_MS);
    give(link, ack(link.noise.nextCounter - 1, [0, 11, 11]));
    later(100000);
    session.sendVolatile(0, new Uint8Array(10));
    records(link);
    expect(session.deadline()).toBe(session.now + PROBE_MIN_MS);
  });
  test('a peer that takes late is asked less and less often', () => {
    const link = linked();
    const place = session.send(0, new Uint8Array(10));
    records(link);
    give(link, ack(link.noise.nextCounter - 1, [0, place, 0]));
    const waits = [];
    for (let i = 0; i < 5; i++) {
      const at = session.now;
      session.now = session.deadline();
      session.time();
      const [{ number }] = written(link, 'probe');
      give(link, ack(link.noise.nextCounter - 1), frame('probe_reply', { number }));
      waits.push(session.now - at);
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16000]);
  });
  test('a program that slept starts its wait again once, and takes no sample from what was on its way', () => {
    const link = linked();
    session.send(0, new Uint8Array(10));
    records(link);
    session.late(session.now + 50000);
    expect(session.deadline()).toBe(session.now + PROBE_MIN_MS);
    const first = session.deadline();
    session.late(session.now + 500);
    expect(session.deadline()).toBe(first);
    give(link, ack(link.noise.nextCounter - 1));
    expect([session.rtt, link.pacing.minRtt]).toEqual([null, Infinity]);
  });
});
