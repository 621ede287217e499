/**
 * Rules of docs/protocol.md, section 6, that heal by themselves when one side breaks them. So they are tested by the
 * frames that are said, not only by what arrives.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { concat } from '../core/bytes.js';
import { loadSodium } from '../core/sodium.js';
import { Session } from '../core/session/session.js';
import { encode, frames, makeEnvelope } from '../core/wire.js';
import { DATA_FLAG_END_OF_MESSAGE, ENVELOPE, FRAME, REASON } from '../wire_table.js';
import { World, pair } from './model.js';

beforeAll(loadSodium);

/** What each session said: the numbers of its frames by type. @type {Map<Session, Record<number, number>>} */
let said;
/** Returns true for a frame whose record is lost. @type {(session: Session, type: number) => boolean} */
let losesFrame;
/** Whether each record of a client, in the order of its sending, is lost. @type {boolean[]} */
let fates;

beforeEach(() => {
  said = new Map();
  losesFrame = () => false;
  fates = [];
  const { produce } = Session.prototype;
  vi.spyOn(Session.prototype, 'produce').mockImplementation(function (link, area, room) {
    const result = produce.call(this, link, area, room);
    if (result.size === 0) return result;
    const counts = said.get(this) ?? {};
    said.set(this, counts);
    let lost = false;
    for (const { type } of frames(area.subarray(0, result.size))) {
      counts[type] = (counts[type] ?? 0) + 1;
      lost ||= losesFrame(this, type);
    }
    fates.push(lost);
    return result;
  });
});
afterEach(() => vi.restoreAllMocks());

const saidBy = (session, type) => said.get(session)?.[type] ?? 0;

/** Loses what `losesFrame` says. A record goes to the relay as soon as it is sealed, and in this order. */
function loseRecords(world) {
  world.loses = () => fates.shift() ?? false;
}

const frame = (type, body) => encode('frame', { type, body });
const data = (text) =>
  frame(
    FRAME.DATA,
    encode('frame_data', {
      channel: 0,
      flags: DATA_FLAG_END_OF_MESSAGE,
      offset: 0n,
      bytes: new TextEncoder().encode(text),
    }),
  );
const hello = (epoch, peer_epoch) =>
  frame(
    FRAME.HELLO,
    encode('frame_hello', {
      epoch,
      peer_epoch,
      link_seq: 1,
      message_max: 1000,
      channel_window: 2000,
      session_limit: 5000n,
      channels: [],
    }),
  );

/** Sends any plaintext, sealed with the keys of this client's link. */
function inject(world, from, plaintext) {
  const { current } = [...from.engine.entries.values()][0].session;
  const record = current.noise.seal(ENVELOPE.DATA, 0, plaintext);
  world.deliver(from.socket, makeEnvelope(ENVELOPE.DATA, record, current.number));
  fates.push(false);
}

describe('the first frames of a link', () => {
  test.each([
    ['for another epoch of this side', (ana) => hello(ana.epoch, 55n)],
    ['with another epoch of the peer', (ana, bo) => hello(77n, bo.epoch)],
  ])('a HELLO %s is not in step', (name, make) => {
    const { world, ana, bo, session, other } = pair();
    ana.send(session, 'history');
    world.until(() => ana.last('delivered'), 'receipt');
    inject(world, ana, concat(make(ana.sessionOf(session), bo.sessionOf(other)), data('of other streams')));
    world.until(() => bo.last('stream_reset'), 'reset', 1000);
    expect(bo.texts()).toEqual(['history']);
  });
  test('each side says HELLO once, since nobody answers an answer', () => {
    const { world, ana, bo, session, other } = pair();
    world.pass(60000);
    expect(saidBy(ana.sessionOf(session), FRAME.HELLO)).toBe(1);
    expect(saidBy(bo.sessionOf(other), FRAME.HELLO)).toBe(1);
  });
  test('a lost HELLO is said again each second', () => {
    const world = new World();
    const [ana, bo] = [world.peer('ana').start(), world.peer('bo', { acceptAll: true }).start()];
    let left = 4;
    losesFrame = (session, type) => type === FRAME.HELLO && left-- > 0;
    loseRecords(world);
    const session = ana.connect(bo);
    world.until(() => bo.last('session'), 'session', 6000);
    expect(saidBy(ana.sessionOf(session), FRAME.HELLO)).toBe(5);
  });
});

describe('the end of a record', () => {
  test.each([
    ['is not where a message begins that fits the next record', [61465, 61465, 61465, 61465]],
    ['is where one begins that ends there', [61465, 100, 61465, 100]],
  ])('%s', (name, sizes) => {
    const { world, ana, bo, session } = pair();
    Object.assign(ana.sessionOf(session).current.pacing, { rate: 10_000, minRtt: 10 }); // on a fast connection
    for (const size of sizes) ana.send(session, new Uint8Array(size));
    world.until(() => bo.of('message').length === sizes.length, 'messages');
    expect(saidBy(ana.sessionOf(session), FRAME.DATA)).toBe(sizes.length);
  });
});

describe('acknowledging', () => {
  test('only an answer to the last PROBE counts as one', () => {
    const { world, ana, bo, session } = pair();
    const sender = ana.sessionOf(session);
    losesFrame = (s) => s !== sender;
    loseRecords(world);
    fates = [];
    ana.send(session, 'anyone?');
    const reply = frame(FRAME.PROBE_REPLY, encode('frame_probe', { number: 65536 }));
    for (let i = 0; i < 12 && !ana.last('unlinked'); i++) {
      world.pass(500);
      if (sender.current) inject(world, bo, reply);
    }
    expect(ana.last('unlinked')?.reason).toBe(REASON.TIMEOUT);
    expect(saidBy(sender, FRAME.PROBE)).toBe(3);
  });
  test('a limit never goes back', () => {
    const { world, ana, bo, session } = pair();
    ana.send(session, 'one');
    world.until(() => ana.last('delivered'), 'receipt');
    const channels = [{ channel: 0, limit: 0n }];
    inject(world, bo, frame(FRAME.CREDIT, encode('frame_credit', { session_limit: 0n, channels })));
    world.pass(20);
    ana.send(session, 'two');
    world.pass(20);
    expect(bo.texts()).toEqual(['one', 'two']);
  });
  test('what was taken is told within 25 ms', () => {
    const { world, ana, bo, session, other } = pair();
    bo.autoTake = false;
    ana.send(session, 'x');
    world.pass(500);
    expect(ana.last('delivered')).toBeUndefined();
    bo.do('take', { session: other, channel: 0, place: 2 });
    world.pass(25 + 2 * world.delay + 5);
    expect(ana.last('delivered')?.place).toBe(2);
  });
});

describe('the end', () => {
  test('CLOSE is said each second for ten seconds', () => {
    const { world, ana, session } = pair();
    const closing = ana.sessionOf(session);
    losesFrame = (s, type) => type === FRAME.CLOSE;
    loseRecords(world);
    fates = [];
    ana.do('close', { session });
    world.pass(9950);
    expect(saidBy(closing, FRAME.CLOSE)).toBe(10);
    expect(ana.last('session_closed')).toBeUndefined();
    world.pass(100);
    expect(ana.last('session_closed').error).toBe('ETIMEDOUT');
  });
  test('nothing new is said after CLOSE', () => {
    const { world, ana, bo, session } = pair();
    const closing = ana.sessionOf(session);
    losesFrame = (s, type) => s !== closing && type === FRAME.CLOSE;
    loseRecords(world);
    fates = [];
    ana.send(session, 'too late');
    const before = saidBy(closing, FRAME.DATA);
    ana.do('close', { session });
    world.pass(5000);
    expect([saidBy(closing, FRAME.DATA), saidBy(closing, FRAME.PROBE)]).toEqual([before, 0]);
    expect(bo.texts()).toEqual([]);
  });
});
