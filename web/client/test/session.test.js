/** What a session promises (docs/protocol.md, section 6), over a model of the relay with virtual time. */
import { beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../core/bytes.js';
import { loadSodium } from '../core/sodium.js';
import { LINK_CONFIRM_MS } from '../core/session/constants.js';
import { Link } from '../core/session/link.js';
import { Session } from '../core/session/session.js';
import { encode } from '../core/wire.js';
import { ENVELOPE, REASON } from '../wire_table.js';
import { World, makeRandom, pair } from './model.js';

beforeAll(loadSodium);

const texts = (n, from = 0) => Array.from({ length: n }, (_, i) => `message ${from + i}`);
const sizes = [0, 1, 100, 16383, 16384, 16385, 65498, 65499, 70000, 200000];

/** Sends all messages as the window allows. */
function sendAll(world, peer, session, list, channel = 0) {
  const rest = [...list];
  const more = () => {
    while (rest.length) {
      const { error } = peer.try('send', { session, channel, data: rest[0] });
      if (error) {
        expect(error.code).toBe('EAGAIN');
        return;
      }
      rest.shift();
    }
  };
  more();
  const act = peer.act;
  peer.act = function (action) {
    act.call(this, action);
    if (action.type === 'writable' && action.channel === channel) more();
  };
}

describe('messages', () => {
  test('messages of all sizes, and empty ones, arrive whole and in order', () => {
    const { world, ana, bo, session } = pair();
    const random = makeRandom(5);
    const list = [...sizes, ...sizes].map((size) => random.bytes(size));
    sendAll(world, ana, session, list);
    world.until(() => bo.messages.length === list.length, 'all');
    expect(bo.messages.map(({ data }) => toHex(data))).toEqual(list.map(toHex));
    world.until(
      () => ana.last('delivered')?.place === list.reduce((sum, data) => sum + data.length + 1, 0),
      'receipts',
    );
  });
  test('messages in parts on several channels are assembled separately and do not change afterwards', () => {
    const { world, ana, bo, session } = pair();
    const random = makeRandom(6);
    const lists = [0, 1, 2].map(() => [150000, 40000, 262144, 70000].map((size) => random.bytes(size)));
    lists.forEach((list, channel) => sendAll(world, ana, session, list, channel));
    world.until(() => bo.messages.length === 12, 'all');
    for (const [channel, list] of lists.entries())
      expect(bo.messages.filter((m) => m.channel === channel).map(({ data }) => toHex(data))).toEqual(list.map(toHex));
  });
  test('a message larger than the other side accepts is refused at send', () => {
    const { ana, session } = pair({}, {}, { messageMax: 1000, channelWindow: 5000 });
    expect(() => ana.send(session, new Uint8Array(1001))).toThrow(expect.objectContaining({ code: 'EMSGSIZE' }));
    expect(ana.send(session, new Uint8Array(1000))).toBe(1001);
  });
  test('a message sent before the limit was known, and too large, ends the session with a reason', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    const bo = world.peer('bo', { acceptAll: true, messageMax: 1000, channelWindow: 5000 }).start();
    ana.send(ana.connect(bo), new Uint8Array(2000));
    world.until(() => ana.last('session_closed'), 'closed');
    expect(ana.last('session_closed').error).toBe('EMSGSIZE');
    expect(ana.last('lost').place).toBe(2001);
    world.until(() => bo.engine.entries.size === 0, 'the other side too');
  });
  test('volatile messages arrive or are dropped, out of order', () => {
    const { world, ana, bo, session } = pair();
    ana.do('send_volatile', { session, channel: 3, data: Uint8Array.of(1, 2) });
    world.until(() => bo.last('volatile'), 'volatile');
    expect(bo.last('volatile')).toMatchObject({ channel: 3, data: Uint8Array.of(1, 2) });
    expect(world.forwarded.some(({ flags }) => flags === 1)).toBe(true);
    world.loses = (peer, payload, flags) => flags === 1;
    ana.do('send_volatile', { session, channel: 3, data: Uint8Array.of(3) });
    ana.send(session, 'after');
    world.until(() => bo.texts().length, 'message');
    expect(bo.of('volatile').length).toBe(1);
  });
  test('half-close: the end arrives after all messages, and the other direction stays open', () => {
    const { world, ana, bo, session, other } = pair();
    ana.send(session, 'last words');
    ana.do('finish', { session, channel: 0 });
    expect(() => ana.send(session, 'more')).toThrow(expect.objectContaining({ code: 'ESTATE' }));
    world.until(() => bo.last('end'), 'end');
    expect(bo.texts()).toEqual(['last words']);
    bo.send(other, 'I am still here');
    world.until(() => ana.texts().length, 'answer');
    world.until(() => ana.last('delivered')?.place === 12, 'the end was taken');
  });
  test('a direction given up', () => {
    const { world, ana, bo, session, other } = pair({}, {}, { channelWindow: 300000 });
    bo.autoTake = false;
    for (let i = 0; i < 3; i++) ana.send(session, new Uint8Array(200000).fill(i));
    world.pass(2000);
    expect(bo.messages.length).toBe(1);
    ana.do('channel_reset', { session, channel: 0, value: REASON.CLOSED });
    world.until(() => bo.last('channel_reset'), 'reset');
    expect(bo.last('channel_reset')).toMatchObject({ channel: 0, reason: REASON.CLOSED });
    const { place } = bo.last('channel_reset');
    bo.do('take', { session: other, channel: 0, place });
    world.until(() => ana.last('delivered')?.place === place, 'taken');
    ana.send(session, 'other channels go on', 1);
    world.until(() => bo.texts(1).length, 'message');
  });
});

describe('room in a record', () => {
  test('a channel given up when a record is nearly full: CHANNEL_RESET is never cut short', () => {
    for (let left = 0; left < 40; left++) {
      const { world, ana, bo, session } = pair();
      ana.send(session, 'x', 1);
      world.until(() => ana.last('delivered'), 'taken');
      ana.do('priority', { session, channel: 0, value: 0 });
      ana.do('channel_reset', { session, channel: 1, value: REASON.CLOSED });
      ana.send(session, new Uint8Array(16384 + 4096 - 13 - left)); // the smallest record, without the header of DATA
      world.until(() => bo.last('channel_reset') && bo.messages.length === 2, `both, ${left} bytes before the end`);
      expect([ana, bo].flatMap((peer) => [...peer.of('session_closed'), ...peer.of('unlinked')])).toEqual([]);
    }
  });
});

describe('flow', () => {
  test('a reader that takes nothing holds up only its channel; memory stays within the windows', () => {
    const windows = { channelWindow: 400000, sessionWindow: 1000000 };
    const { world, ana, bo, session, other } = pair({}, windows, windows);
    bo.autoTake = false;
    let sent = 0;
    while (!ana.try('send', { session, channel: 1, data: new Uint8Array(50000) }).error) sent++;
    expect(sent).toBe(7);
    world.pass(5000);
    expect(bo.messages.length).toBe(7);
    expect(ana.try('send', { session, channel: 1, data: new Uint8Array(50000) }).error.code).toBe('EAGAIN');
    ana.send(session, 'through', 2);
    world.until(() => bo.texts(2).length, 'the other channel');
    bo.do('take', { session: other, channel: 1, place: bo.messages[4].place });
    world.until(() => ana.of('writable').some(({ channel }) => channel === 1), 'writable');
    expect(ana.try('send', { session, channel: 1, data: new Uint8Array(50000) }).error).toBeNull();
  });
  test('the session window limits all channels together, and half-sent messages cannot block it', () => {
    const windows = { messageMax: 60000, channelWindow: 100000, sessionWindow: 100000 };
    const { world, ana, bo, session } = pair({}, { ...windows, sessionWindow: 1000000 }, windows);
    for (let channel = 0; channel < 6; channel++) ana.send(session, new Uint8Array(60000).fill(channel), channel);
    world.until(() => bo.messages.length === 6, 'all');
  });
  test('a chat line does not wait for a file', () => {
    const { world, ana, bo, session } = pair({ delay: 20 });
    sendAll(
      world,
      ana,
      session,
      Array.from({ length: 100 }, () => new Uint8Array(200000)),
      1,
    );
    world.pass(500);
    const at = world.now;
    ana.do('priority', { session, channel: 0, value: 0 });
    ana.send(session, 'hi');
    world.until(() => bo.texts().length, 'line');
    expect(world.now - at).toBeLessThan(100);
    world.until(() => bo.messages.length === 101, 'file');
  });
  test('at 1 Mbit/s a chat line arrives within a second while a file is sent', () => {
    const { world, ana, bo, session } = pair({ delay: 25, bandwidth: 125 });
    sendAll(
      world,
      ana,
      session,
      Array.from({ length: 60 }, () => new Uint8Array(200000)),
      1,
    );
    const times = [];
    for (let i = 0; i < 40; i++) {
      world.pass(900);
      const at = world.now;
      ana.send(session, `line ${i}`);
      world.until(() => bo.texts().length === i + 1, 'line', 5000);
      times.push(world.now - at);
    }
    expect(Math.max(...times)).toBeLessThan(1000);
    expect(bo.texts(1).length).toBeLessThan(60); // the file was still being sent
    expect(bo.texts(1).length * 200000).toBeGreaterThan((world.now - 2000) * 100); // and used the whole rate
  });
  test('equal channels take turns', () => {
    const { world, ana, bo, session } = pair();
    for (const channel of [1, 2])
      sendAll(
        world,
        ana,
        session,
        Array.from({ length: 5 }, () => new Uint8Array(200000)),
        channel,
      );
    world.until(() => bo.messages.length === 10, 'all');
    expect(
      bo.messages
        .slice(0, 4)
        .map(({ channel }) => channel)
        .sort(),
    ).toEqual([1, 1, 2, 2]);
  });
  test('the bytes in flight stay within the link window', () => {
    const { world, ana, bo, session } = pair({ delay: 200, limits: [{ id: 2, value: 131072 }] });
    let most = 0;
    world.loses = () => {
      most = Math.max(most, ana.sessionOf(session).current.pacing.inFlight);
      return false;
    };
    sendAll(
      world,
      ana,
      session,
      Array.from({ length: 20 }, () => new Uint8Array(100000)),
    );
    world.until(() => bo.messages.length === 20, 'all');
    expect(most).toBeLessThanOrEqual(131072);
  });
});

describe('resuming', () => {
  /** Cuts one side after each number of forwarded records in turn. */
  const cutAt = (n, cut) => {
    const { world, ana, bo, session, other } = pair({ seed: 7 });
    let count = 0;
    const forwarded = world.loses;
    world.loses = (...args) => {
      if (++count === n) world.later(() => cut({ world, ana, bo }), 0);
      return forwarded(...args);
    };
    const list = texts(20);
    list.forEach((text, i) => {
      ana.send(session, text);
      if (i % 2) bo.send(other, text);
    });
    ana.send(session, new Uint8Array(100000), 1);
    ana.do('finish', { session, channel: 0 });
    world.until(
      () => bo.texts().length === 20 && ana.texts().length === 10 && bo.texts(1).length && bo.last('end'),
      `all after a cut at ${n}`,
    );
    expect(bo.texts()).toEqual(list);
    expect(bo.of('end').length).toBe(1);
    expect([ana, bo].flatMap((peer) => peer.of('lost'))).toEqual([]);
    world.until(
      () => ana.of('delivered').some((e) => e.channel === 0 && e.place === list.join('').length + 21),
      'receipts',
    );
    return world;
  };
  test('at every point: the caller loses its socket', () => {
    for (let n = 1; n <= 14; n++) cutAt(n, ({ world, ana }) => world.cut(ana));
  });
  test('at every point: the callee loses its socket', () => {
    for (let n = 1; n <= 14; n++) cutAt(n, ({ world, bo }) => world.cut(bo));
  });
  test('at every point: the relay dies and comes back', () => {
    for (let n = 1; n <= 14; n++)
      cutAt(n, ({ world }) => {
        world.crash();
        world.later(() => (world.up = true), 2000);
      });
  });
  test('at every point: one envelope is lost on a link that lives', () => {
    for (let n = 1; n <= 14; n++) {
      const { world, ana, bo, session } = pair({ seed: 3 });
      let count = 0;
      world.loses = () => ++count === n;
      const list = texts(30);
      sendAll(
        world,
        ana,
        session,
        Array.from({ length: 6 }, (_, i) => new Uint8Array(50000).fill(i)),
        1,
      );
      for (const text of list) ana.send(session, text);
      world.until(() => bo.texts().length === 30 && bo.texts(1).length === 6, `all with record ${n} lost`);
      expect(bo.texts()).toEqual(list);
      world.until(() => ana.sessionOf(session).waiting === 0, 'receipts');
      expect([ana, bo].flatMap((peer) => [...peer.of('lost'), ...peer.of('unlinked')])).toEqual([]);
    }
  });
  test('after an hour without traffic and a lost link', () => {
    const { world, ana, bo, session } = pair();
    world.pass(3500000);
    world.crash();
    world.pass(10000);
    world.up = true;
    ana.send(session, 'still there?');
    world.until(() => bo.texts().length, 'message', 60000);
  });
  test('the side that was called dials when the opener does not come back with a call', () => {
    const { world, ana, bo, other } = pair();
    ana.engine.entries.forEach((entry) => Object.defineProperty(entry, 'dialAt', { get: () => Infinity, set() {} }));
    world.cut(bo);
    bo.send(other, 'it is me');
    world.until(() => ana.texts().length, 'message', 30000);
    expect(bo.of('online').length).toBe(2);
  });
  test('without a link for too long: ends, and names what did not arrive', () => {
    const { world, ana, session } = pair({}, { sessionTimeoutMs: 60000 });
    world.crash();
    const place = ana.send(session, 'too late');
    world.pass(61000);
    expect(ana.last('lost')).toMatchObject({ channel: 0, place });
    expect(ana.last('session_closed')).toMatchObject({ error: 'ETIMEDOUT', reason: REASON.TIMEOUT });
  });
  test('new keys after a quarter of an hour of use, without a pause', () => {
    const { world, ana, bo, session } = pair();
    const first = ana.sessionOf(session).current;
    for (let i = 0; i < 20; i++) {
      ana.send(session, new Uint8Array(1000));
      world.pass(60000);
    }
    expect(bo.messages.length).toBe(20);
    expect(ana.sessionOf(session).current).not.toBe(first);
    expect([ana, bo].flatMap((peer) => peer.of('unlinked'))).toEqual([]);
    expect(ana.sessionOf(session).links.length).toBe(1);
  });
  test('a replacement link that is refused: the old link stays, and the application is not told', () => {
    const { world, ana, bo, session } = pair();
    const { takeOpen } = world;
    let calls = 0;
    world.takeOpen = function (socket, number) {
      calls++;
      this.toClient(
        socket,
        ENVELOPE.RESET,
        encode('reset', { reason: REASON.REFUSED, text: new Uint8Array(0) }),
        number,
      );
    };
    for (let i = 0; i < 20; i++) {
      ana.send(session, new Uint8Array(1000));
      world.pass(60000);
    }
    expect(calls).toBeGreaterThan(0);
    expect([ana, bo].flatMap((peer) => [...peer.of('unlinked'), ...peer.of('session_closed')])).toEqual([]);
    world.takeOpen = takeOpen;
    const { current } = ana.sessionOf(session);
    world.until(() => ana.sessionOf(session).current !== current, 'new keys after all');
  });
  test('three probes without an answer: another link', () => {
    const { world, ana, bo, session } = pair();
    const first = ana.sessionOf(session).current;
    world.loses = () => ana.sessionOf(session).current === first;
    ana.send(session, 'anyone?');
    world.until(() => bo.texts().length, 'message', 30000);
    expect(ana.last('unlinked').reason).toBe(REASON.TIMEOUT);
  });
});

describe('waiting', () => {
  test('starts when something is to be sent, also for a channel that is given up after a silence', () => {
    const { world, ana, session } = pair();
    ana.send(session, 'x');
    world.until(() => ana.last('delivered'), 'receipt');
    world.pass(15000);
    ana.do('channel_reset', { session, channel: 0, value: REASON.CLOSED });
    expect(ana.sessionOf(session).deadline()).toBeGreaterThan(world.now);
    const place = ana.last('delivered').place + 1;
    world.until(() => ana.last('delivered').place === place, 'the end is taken', 100);
    expect(ana.sessionOf(session).probeNumber).toBe(0);
  });
});

describe('a slow line', () => {
  test('each link on which no HELLO comes has twice as long as the one before, until something gets through', () => {
    const host = { emit() {}, reset() {}, newEpoch: () => 1n, linked() {}, peerClosed() {}, closeEnded() {} };
    const s = new Session({ messageMax: 100, channelWindow: 1000, sessionWindow: 1000 }, host, 0);
    const wait = () => {
      const from = s.now;
      s.linkUp(new Link(1, true, new Uint8Array(32), null, from));
      s.now = s.deadline();
      s.time();
      expect(s.links).toEqual([]);
      return s.now - from;
    };
    expect(Array.from({ length: 8 }, wait)).toEqual([1, 2, 4, 8, 16, 32, 32, 32].map((n) => n * LINK_CONFIRM_MS));
  });
  test('received data makes the waits short again', () => {
    const { world, ana, bo, session, other } = pair();
    ana.sessionOf(session).patience = 3;
    bo.sessionOf(other).patience = 3;
    bo.send(other, 'through');
    world.until(() => ana.texts().length, 'message');
    expect(ana.sessionOf(session).patience).toBe(0);
    world.until(() => bo.last('delivered'), 'receipt');
    expect(bo.sessionOf(other).patience).toBe(0);
  });
});

describe('lost state', () => {
  test('a peer that restarts: all messages that did not arrive are named, and the session continues empty', () => {
    const { world, ana, bo, session } = pair();
    ana.send(session, 'taken');
    world.until(() => ana.last('delivered'), 'receipt');
    bo.autoTake = false;
    ana.send(session, 'not taken');
    world.until(() => bo.texts().length === 2, 'message');
    world.cut(bo);
    const lost = [17, ana.send(session, 'never sent')];
    bo.begin();
    bo.autoTake = true;
    bo.messages = [];
    bo.start();
    world.until(() => ana.last('stream_reset'), 'reset', 30000);
    expect(ana.of('lost').map(({ place }) => place)).toEqual([16, lost[1]]);
    expect(ana.send(session, 'afresh')).toBe(7);
    world.until(() => bo.texts().length, 'message');
    expect(bo.texts()).toEqual(['afresh']);
  });
  test('a caller that restarts', () => {
    const { world, ana, bo, session, other } = pair();
    ana.send(session, 'one');
    bo.send(other, 'two');
    world.until(() => ana.texts().length && bo.texts().length, 'messages');
    world.cut(ana);
    const place = bo.send(other, 'into the void');
    ana.begin();
    ana.messages = [];
    ana.start();
    const again = ana.connect(bo);
    ana.send(again, 'new life');
    world.until(() => bo.last('stream_reset') && bo.texts().length === 2, 'reset');
    expect(bo.of('lost').map((e) => e.place)).toContain(place);
    expect(bo.texts()).toEqual(['one', 'new life']);
    bo.send(other, 'welcome back');
    world.until(() => ana.texts().length, 'answer');
  });
  test('an unsent message of a side without history is kept', () => {
    const { world, ana, bo, session } = pair();
    ana.send(session, 'x');
    world.until(() => bo.texts().length, 'message');
    world.cut(bo);
    bo.begin();
    const other = bo.connect(ana);
    bo.send(other, 'kept');
    bo.start();
    world.until(() => ana.texts().length, 'message', 30000);
    expect(ana.texts()).toEqual(['kept']);
    expect(bo.of('lost')).toEqual([]);
  });
});

describe('end', () => {
  test('closed by one side, closed for both, with reason and text', () => {
    const { world, ana, bo, session, other } = pair();
    ana.do('close', { session, value: REASON.REFUSED, text: 'not today' });
    world.until(() => ana.last('session_closed') && bo.last('session_closed'), 'closed');
    expect(ana.last('session_closed')).toMatchObject({ error: null, reason: REASON.REFUSED, text: 'not today' });
    expect(bo.last('session_closed')).toMatchObject({
      session: other,
      error: 'EREFUSED',
      reason: REASON.REFUSED,
      text: 'not today',
    });
    world.pass(1000);
    expect([ana.engine.slots.byNumber.size, bo.engine.slots.byNumber.size]).toEqual([0, 0]);
    expect(() => ana.send(session, 'x')).toThrow(expect.objectContaining({ code: 'ESTATE' }));
  });
  test('what was not taken is reported to its sender', () => {
    const { world, ana, bo, session, other } = pair();
    bo.autoTake = false;
    const place = ana.send(session, 'unread');
    world.until(() => bo.texts().length, 'message');
    bo.do('close', { session: other });
    world.until(() => ana.last('session_closed'), 'closed');
    expect(ana.last('lost')).toMatchObject({ channel: 0, place });
  });
  test('CLOSE and its answer survive loss', () => {
    for (let n = 1; n <= 6; n++) {
      const { world, ana, bo, session } = pair({ seed: n });
      let count = 0;
      world.loses = () => ++count === n;
      ana.do('close', { session });
      world.until(() => ana.last('session_closed') && bo.last('session_closed'), 'closed', 20000);
      expect(ana.last('session_closed').error).toBeNull();
    }
  });
  test('CLOSE is sent again on a new link', () => {
    const { world, ana, bo, session } = pair();
    world.cut(ana);
    ana.do('close', { session });
    world.until(() => ana.last('session_closed') && bo.last('session_closed'), 'closed', 20000);
    expect(ana.last('session_closed').error).toBeNull();
    expect(bo.last('session_closed').error).toBe('ECLOSED');
  });
  test('without an answer the session ends after ten seconds', () => {
    const { world, ana, session } = pair();
    world.crash();
    ana.do('close', { session });
    world.pass(11000);
    expect(ana.last('session_closed').error).toBe('ETIMEDOUT');
  });
  test('both sides close at the same time', () => {
    const { world, ana, bo, session, other } = pair();
    ana.do('close', { session });
    bo.do('close', { session: other });
    world.until(() => ana.last('session_closed') && bo.last('session_closed'), 'closed', 5000);
    expect([ana.last('session_closed').error, bo.last('session_closed').error]).toEqual([null, null]);
  });
  test('closed while the first HELLO is on its way: the other side, which has the session already, is told', () => {
    const world = new World();
    const [ana, bo] = [world.peer('ana').start(), world.peer('bo', { acceptAll: true }).start()];
    const session = ana.connect(bo);
    world.until(() => ana.sessionOf(session).links.length, 'accepted');
    expect(ana.sessionOf(session).current).toBeNull();
    ana.do('close', { session });
    expect(ana.last('session_closed')).toBeUndefined();
    world.until(() => ana.last('session_closed') && bo.last('session_closed'), 'closed');
    expect([ana.last('session_closed').error, bo.last('session_closed').error]).toEqual([null, 'ECLOSED']);
    expect([ana, bo].flatMap((peer) => [...peer.of('unlinked'), ...peer.of('stream_reset')])).toEqual([]);
    expect(bo.of('session').length).toBe(1);
  });
  test('a peer that missed the end of one of several sessions is told of that one', () => {
    const { world, ana, bo, session } = pair();
    ana.do('close', { session });
    world.until(() => bo.last('session_closed'), 'the first session is closed');
    const again = ana.connect(bo);
    world.until(() => bo.of('linked').length === 2, 'the second one');
    bo.send(bo.last('session').session, 'history');
    world.until(() => ana.texts().length, 'message');
    world.loses = (from) => from === ana;
    ana.do('close', { session: again });
    world.until(() => ana.of('session_closed').length === 2, 'ana gives up', 11000);
    world.loses = () => false;
    world.until(() => bo.of('session_closed').length === 2, 'bo is told', 10000);
    expect(bo.last('session_closed').error).toBe('ECLOSED');
    expect([...bo.of('stream_reset'), ...ana.of('knock')]).toEqual([]); // its call is not taken for a new session
  });
  test('after the end a new session can start', () => {
    const { world, ana, bo, session } = pair();
    ana.do('close', { session });
    world.until(() => bo.last('session_closed'), 'closed');
    const again = ana.connect(bo);
    expect(again).not.toBe(session);
    ana.send(again, 'again');
    world.until(() => bo.texts().length, 'message');
    expect(bo.of('session').length).toBe(2);
  });
  test.each([false, true])('a new session can follow at once, before the close is answered (%s: lost)', (lossy) => {
    const { world, ana, bo, session } = pair();
    if (lossy) world.loses = () => true;
    ana.do('close', { session });
    const again = ana.connect(bo);
    expect(again).not.toBe(session);
    ana.send(again, 'again');
    world.pass(3000);
    world.loses = () => false;
    world.until(() => bo.texts().length, 'message');
    world.pass(60000);
    expect(bo.texts()).toEqual(['again']);
    expect(ana.of('session_closed')).toMatchObject([{ session, error: null }]);
    expect(ana.of('lost')).toEqual([]);
    expect(ana.last('delivered')).toMatchObject({ session: again });
  });
  test('stop tells all peers', () => {
    const { world, ana, bo } = pair();
    ana.do('stop');
    expect(ana.last('session_closed')).toMatchObject({ error: null });
    world.until(() => bo.last('session_closed'), 'closed');
    world.pass(100000);
    expect(ana.of('connect').length).toBe(1);
  });
});

describe('what the other side took before the end', () => {
  test('is known to the closer: the answer carries it', () => {
    const { world, ana, bo, session, other } = pair();
    bo.autoTake = false;
    const place = ana.send(session, 'read at the last moment');
    world.until(() => bo.texts().length, 'message');
    bo.do('take', { session: other, channel: 0, place });
    ana.do('close', { session });
    world.until(() => ana.last('session_closed'), 'closed');
    expect(ana.of('lost')).toEqual([]);
    expect(ana.last('delivered').place).toBe(place);
  });
});
