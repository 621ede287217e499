/** Files between two peers: the vectors made by C, and two sides between which everything can be lost. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex, utf8 } from '../core/bytes.js';
import { encode } from '../core/wire.js';
import { Transfer } from '../core/transfer/transfer.js';
import { numberedName, safeName } from '../core/transfer/name.js';
import {
  CHAT_CHANNEL,
  ERROR,
  FILE_CANCELLED,
  FILE_CHANGED,
  FILE_CHANNEL,
  FILE_DAMAGED,
  FILE_DATA,
  FILE_DECLINED,
  FILE_END,
  FILE_FLAG_FOLDER,
  FILE_FLAG_STREAM,
  FILE_GET,
  FILE_HELD_BY_PERSON,
  FILE_HELD_DISK_FULL,
  FILE_HOLD,
  FILE_OFFER,
  FILE_PIECE_BYTES,
  FILE_SAVED,
  FILE_STOP,
  FILE_TOO_LARGE,
  FILE_UNWRITABLE,
} from '../wire_table.js';
import { makeRandom } from './model.js';

const vectors = JSON.parse(readFileSync(new URL('../../../schema/vectors/transfer.json', import.meta.url), 'utf8'));
const NONE = '0'.repeat(32);
const ID = '01'.repeat(16);
const GROUP = 'ee'.repeat(16);

test.each([[-1n], [2n ** 63n], [7]])('%s is no time of a file', (modifiedNs) => {
  const t = new Transfer({ act() {}, send: () => true });
  expect(() => t.add({ id: ID, name: utf8('a'), modifiedNs })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

describe('vectors', () => {
  test.each(vectors.names)('$name is $safe', ({ name, safe }) => {
    expect(safeName(fromHex(name))).toBe(safe);
  });
  test.each(vectors.numbered)('$name again', ({ name, number, then }) => {
    expect(numberedName(name, number)).toBe(then);
  });
  test.each(vectors.traces)('$name', ({ steps }) => {
    let then = [];
    let said = 0;
    const t = new Transfer({
      act: (a) => then.push(acted(a)),
      send(head, body) {
        then.push({ act: 'send', head: toHex(head), body_size: body?.length ?? 0 });
        return true;
      },
    });
    for (const [n, step] of steps.entries()) {
      then = [];
      const error = perform(t, step);
      for (let word; (word = t.nextWord()); t.wordSent(++said)) then.push({ act: 'say', message: toHex(word) });
      expect({ n, then, error }).toEqual({ n, then: step.then, error: step.error ?? 0 });
    }
  });
});

/** Returns an action as the vectors write it. */
function acted({ type, file, first, byPeer, why, offset, size, data, sha256 }) {
  const more = {
    offered: () => ({ first: Number(first) }),
    store: () => ({ offset, bytes: toHex(data) }),
    finish: () => ({
      ...(file.modifiedNs && { modified_ns: String(file.modifiedNs) }),
      size,
      sha256: toHex(sha256),
    }),
    told: () => ({ held_there: file.heldThere }),
    over: () => ({ why, by_peer: Number(byPeer) }),
  }[type];
  return { act: type, id: file.id, ...more?.() };
}

/** Does one step of a vector. Returns the error number, 0 for success. */
function perform(
  t,
  {
    do: what,
    id,
    channel,
    message,
    offset,
    why,
    flags,
    size,
    name,
    media_type: mediaType,
    modified_ns: modified = '0',
    message_max: messageMax,
    sha256,
  },
) {
  const about = {
    begun: () => t.begun(),
    heard: () => t.heard(offset),
    message_max: () => t.messageMax(size),
    message: () => t.message(channel, fromHex(message)),
    add: () => t.add({ id, flags, size, name: utf8(name), mediaType: utf8(mediaType), modifiedNs: BigInt(modified) }),
    read: () => t.read(wantOf(t, id, offset), new Uint8Array(size)),
    read_after: () => {
      const want = wantOf(t, id, offset);
      t.messageMax(messageMax);
      t.read(want, new Uint8Array(size));
    },
    read_end: () => t.readEnd(wantOf(t, id, offset), fromHex(sha256)),
    read_failed: () => t.readFailed(id, why),
    taken: () => t.taken(id, offset),
    kept: () => t.kept(id, offset),
    pause: () => t.pause(id),
    resume: () => t.resume(id),
    stop: () => t.stop(id, why),
    accept: () => t.accept(id),
    ready: () => t.ready(id, offset),
    stored: () => t.stored(id, offset),
    store_failed: () => t.storeFailed(id, offset, why),
    room: () => t.room(id),
    again: () => t.again(id),
    finished: () => t.finished(id, why),
  }[what];
  expect(about, what).toBeDefined();
  try {
    about();
    return 0;
  } catch (error) {
    expect(error.code).toBeDefined();
    return ERROR[error.code].number ?? ERROR[error.code];
  }
}
function wantOf(t, id, offset) {
  const want = t.nextWant();
  expect([want.file.id, want.offset]).toEqual([id, offset]);
  return want;
}

// ---- two sides -------------------------------------------------------------------------------------------------

const hash = (bytes) => createHash('sha256').update(bytes).digest();

/** A side and its disk: the files to send and what it stored. Its connection can be cut, which loses what is in flight.
 */
class Side {
  constructor(options = {}) {
    this.options = options;
    this.source = new Map();
    this.disk = new Map();
    this.saved = new Map();
    this.ended = [];
    this.asked = [];
    this.sent = 0;
    this.make();
  }
  make() {
    this.t = new Transfer({ act: (a) => this.act(a), send: (head, body) => this.send(head, body) });
  }
  act({ type, file, data, sha256, why, byPeer, first, offset }) {
    if (type === 'offered') {
      this.asked.push({ id: file.id, first });
      if (this.options.accept !== false) this.t.accept(file.id);
    } else if (type === 'prepare') {
      if (this.saved.has(file.id) || file.flags & FILE_FLAG_FOLDER) return this.t.finished(file.id, 0);
      this.t.ready(file.id, this.disk.get(file.id)?.length ?? 0);
    } else if (type === 'store') {
      const before = this.disk.get(file.id) ?? Buffer.alloc(0);
      if (this.options.room !== undefined && before.length + data.length > this.options.room)
        return this.t.storeFailed(file.id, before.length, FILE_HELD_DISK_FULL);
      expect(offset).toBe(before.length);
      this.disk.set(file.id, Buffer.concat([before, data]));
      this.t.stored(file.id, offset + data.length);
    } else if (type === 'finish') {
      const bytes = this.disk.get(file.id) ?? Buffer.alloc(0);
      const fits = hash(bytes).equals(Buffer.from(sha256));
      if (fits) this.saved.set(file.id, bytes);
      else this.disk.delete(file.id);
      this.t.finished(file.id, fits ? 0 : FILE_DAMAGED);
    } else if (type === 'over') this.ended.push({ id: file.id, why, byPeer });
  }
  send(head, body) {
    if (!this.out) return false;
    if (body) this.sent += body.length;
    this.out.push({ channel: FILE_CHANNEL, message: Buffer.concat([head, body ?? Buffer.alloc(0)]) });
    return true;
  }
  offer(id, bytes, more = {}) {
    this.source.set(id, bytes);
    return this.t.add({ id, size: bytes.length, name: utf8(`f${id.slice(0, 2)}`), ...more });
  }
  /** Sends one word, or reads and sends one piece. Returns false when there is nothing to do. */
  work() {
    const word = this.out && this.t.nextWord();
    if (word) {
      this.words = (this.words ?? 0) + 1;
      this.out.push({ channel: CHAT_CHANNEL, message: word, place: this.words });
      this.t.wordSent(this.words);
      return true;
    }
    const want = this.out && this.t.nextWant();
    if (!want) return false;
    const bytes = this.source.get(want.file.id);
    if (want.end) this.t.readEnd(want, this.options.wrongHash ? new Uint8Array(32) : hash(bytes));
    else this.t.read(want, bytes.subarray(want.offset, want.offset + want.size));
    return true;
  }
}

class Pair {
  constructor(a = {}, b = {}) {
    this.a = new Side(a);
    this.b = new Side(b);
    this.link();
  }
  link() {
    this.a.out = [];
    this.b.out = [];
    this.a.t.begun();
    this.b.t.begun();
  }
  /** Delivers one message, or does one piece of work. */
  turn(side, other) {
    const next = other.out.shift();
    if (next) side.t.message(next.channel, next.message);
    if (next?.place) other.t.heard(next.place);
    return side.work() || next !== undefined;
  }
  run(most = 100000) {
    for (let i = 0; i < most; i++) {
      const moved = this.turn(this.a, this.b);
      if (!this.turn(this.b, this.a) && !moved) return;
    }
  }
}

const idOf = (n) => n.toString(16).padStart(2, '0').repeat(16);
const bytesOf = (n, size) => Buffer.alloc(size, `${n}: some bytes that do not come twice at one place. `);

describe('two sides', () => {
  test('files of all sizes arrive in both directions, and both sides know it', () => {
    const sizes = [0, 1, FILE_PIECE_BYTES - 1, FILE_PIECE_BYTES, FILE_PIECE_BYTES + 1, 3 * FILE_PIECE_BYTES + 5];
    const p = new Pair();
    const { a, b } = p;
    sizes.forEach((size, i) => a.offer(idOf(i + 1), bytesOf(i, size)));
    b.offer(idOf(99), bytesOf(99, 300000));
    p.run();
    sizes.forEach((size, i) => expect(b.saved.get(idOf(i + 1)).equals(bytesOf(i, size))).toBe(true));
    expect(a.saved.get(idOf(99)).equals(bytesOf(99, 300000))).toBe(true);
    expect(a.ended.map(({ why }) => why)).toEqual(Array(7).fill(0));
    expect(a.sent).toBe(sizes.reduce((sum, size) => sum + size));
    expect([...a.t.files(), ...b.t.files()]).toEqual([]);
  });
  test('whatever is lost, files arrive once; what is stored is not sent again', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = makeRandom(seed);
      const p = new Pair();
      const total = 5;
      for (let i = 1; i <= total; i++) p.a.offer(idOf(i), bytesOf(i, Math.floor(random.next() * 500000)));
      for (let i = 0; i < 20; i++) {
        p.run(Math.floor(random.next() * 20));
        const restarted = random.next();
        if (restarted < 0.3) {
          // The receiver's program restarts: only its disk is left.
          p.b.make();
        } else if (restarted < 0.5) {
          const open = [...p.a.t.outgoing.values()];
          p.a.make();
          for (const file of open) p.a.offer(file.id, p.a.source.get(file.id));
        }
        p.link();
      }
      p.run();
      for (let i = 1; i <= total; i++) expect(p.b.saved.get(idOf(i)).equals(p.a.source.get(idOf(i)))).toBe(true);
      expect(p.a.ended.filter(({ why }) => why !== 0)).toEqual([]);
      expect([...p.a.t.files(), ...p.b.t.files()]).toEqual([]);
    }
  });
  test('a decline, a cancel of either side, a pause of either side', () => {
    const p = new Pair({}, { accept: false });
    p.a.offer(idOf(1), bytesOf(1, 10));
    p.run();
    p.b.t.stop(idOf(1), FILE_DECLINED);
    p.run();
    expect(p.a.ended).toEqual([{ id: idOf(1), why: FILE_DECLINED, byPeer: true }]);
    expect(p.b.ended).toEqual([{ id: idOf(1), why: FILE_DECLINED, byPeer: false }]);
    p.a.offer(idOf(2), bytesOf(2, 900000));
    p.run();
    p.b.t.accept(idOf(2));
    p.b.t.pause(idOf(2));
    p.run();
    expect(p.a.sent).toBe(0);
    p.a.t.pause(idOf(2));
    p.b.t.resume(idOf(2));
    p.run();
    expect(p.a.sent).toBe(0);
    expect(p.b.t.incoming.get(idOf(2)).heldThere).toBe(FILE_HELD_BY_PERSON);
    p.a.t.resume(idOf(2));
    p.run(6);
    expect(p.b.disk.get(idOf(2)).length).toBeGreaterThan(0);
    p.a.t.stop(idOf(2), FILE_CANCELLED);
    p.run();
    expect(p.b.ended.at(-1)).toEqual({ id: idOf(2), why: FILE_CANCELLED, byPeer: true });
    expect([...p.a.t.files(), ...p.b.t.files()]).toEqual([]);
  });
  test('a full disk holds the file, which continues once there is room, without sending a byte twice', () => {
    const options = { room: 200000 };
    const p = new Pair({}, options);
    p.a.offer(ID, bytesOf(1, 600000));
    p.run();
    expect(p.a.t.outgoing.get(ID).heldThere).toBe(FILE_HELD_DISK_FULL);
    const wasted = p.a.sent - p.b.disk.get(ID).length;
    expect(wasted).toBeLessThanOrEqual(5 * FILE_PIECE_BYTES); // what was in flight
    options.room = undefined;
    p.b.t.room(ID);
    p.run();
    expect(p.b.saved.get(ID).equals(bytesOf(1, 600000))).toBe(true);
    expect(p.a.sent).toBe(600000 + wasted);
  });
  test('the user is asked about a folder once, and accepts all of it, including later offers', () => {
    const p = new Pair({}, { accept: false });
    const add = (n) => p.a.offer(idOf(n), bytesOf(n, 10), { group: GROUP, groupFiles: 100, groupBytes: 1000 });
    for (let n = 1; n <= 64; n++) add(n);
    expect(() => add(65)).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
    p.run();
    expect(p.b.asked.filter(({ first }) => first)).toEqual([{ id: idOf(1), first: true }]);
    p.b.t.accept(GROUP);
    p.run();
    expect(p.b.saved.size).toBe(64);
    for (let n = 65; n <= 99; n++) add(n);
    p.a.t.add({
      id: idOf(100),
      flags: FILE_FLAG_FOLDER,
      group: GROUP,
      groupFiles: 100,
      groupBytes: 1000,
      name: utf8('d/empty'),
    });
    p.run();
    expect(p.b.saved.size).toBe(99);
    expect(p.a.ended.filter(({ why }) => why === 0).length).toBe(100);
    expect(p.b.asked.length).toBe(64);
  });
  test('a file with a wrong hash is not saved, and the sender is told', () => {
    const p = new Pair({ wrongHash: true });
    p.a.offer(ID, bytesOf(1, 300000));
    p.run();
    expect(p.b.saved.size + p.b.disk.size).toBe(0);
    expect(p.a.ended).toEqual([{ id: ID, why: FILE_DAMAGED, byPeer: true }]);
  });
  test('large files take turns', () => {
    const p = new Pair();
    for (let n = 1; n <= 3; n++) p.a.offer(idOf(n), bytesOf(n, 10 * FILE_PIECE_BYTES));
    p.run(20);
    const stored = [1, 2, 3].map((n) => p.b.disk.get(idOf(n))?.length ?? 0);
    expect(Math.max(...stored) - Math.min(...stored)).toBeLessThanOrEqual(FILE_PIECE_BYTES);
  });
});

describe('a hostile peer', () => {
  const message = {
    offer: (id, size, { flags = 0, group = NONE, name = 'x' } = {}) => [
      CHAT_CHANNEL,
      encode('file_offer', {
        type: FILE_OFFER,
        id: fromHex(id),
        flags,
        size,
        group: fromHex(group),
        group_files: 0,
        group_bytes: 0,
        name: utf8(name),
        media_type: utf8(''),
      }),
    ],
    data: (id, offset, size) => [
      FILE_CHANNEL,
      encode('file_data', { type: FILE_DATA, id: fromHex(id), offset, bytes: new Uint8Array(size) }),
    ],
    end: (id, size) => [
      FILE_CHANNEL,
      encode('file_end', { type: FILE_END, id: fromHex(id), size, sha256: new Uint8Array(32) }),
    ],
    get: (id, offset) => [CHAT_CHANNEL, encode('file_get', { type: FILE_GET, id: fromHex(id), offset })],
  };
  function side(options) {
    const s = new Side(options);
    s.out = [];
    s.t.begun();
    return s;
  }
  const wanted = (size, flags = 0) => {
    const s = side();
    s.t.message(...message.offer(ID, size, { flags }));
    while (s.work());
    s.out = [];
    return s;
  };
  test('too many offers are declined; nothing is kept of them', () => {
    const s = side({ accept: false });
    for (let n = 0; n < 3000; n++) s.t.message(...message.offer(n.toString(16).padStart(32, '0'), 5));
    expect(s.t.incoming.size).toBe(1024);
    expect(s.t.lastWords.length).toBeLessThanOrEqual(1200);
    expect(s.t.lastWords[0]).toEqual({
      type: FILE_STOP,
      id: (1024).toString(16).padStart(32, '0'),
      why: FILE_DECLINED,
    });
  });
  test.each([
    ['more than was announced', () => wanted(10), message.data(ID, 5, 6), FILE_DAMAGED],
    ['bytes beyond the end', () => wanted(10), message.data(ID, 2n ** 64n - 1n, 1), FILE_DAMAGED],
    ['an end before all bytes arrived', () => wanted(10), message.end(ID, 9), FILE_DAMAGED],
    ['an end at the largest number', () => wanted(10), message.end(ID, 2n ** 64n - 1n), FILE_DAMAGED],
    [
      'a stream larger than any disk',
      () => wanted(0, FILE_FLAG_STREAM),
      message.data(ID, 2n ** 63n, 1),
      FILE_TOO_LARGE,
    ],
    ['one id for two files', () => wanted(10), message.offer(ID, 11), FILE_DAMAGED],
  ])('%s', (_, make, said, why) => {
    const s = make();
    s.t.message(...said);
    expect(s.ended).toEqual([{ id: ID, why, byPeer: false }]);
    expect(s.t.lastWords).toEqual([{ type: FILE_STOP, id: ID, why }]);
  });
  test('a size larger than any disk is refused', () => {
    const s = side();
    s.t.message(...message.offer(ID, 2n ** 64n - 1n));
    expect(s.asked).toEqual([]);
    expect(s.t.lastWords).toEqual([{ type: FILE_STOP, id: ID, why: FILE_TOO_LARGE }]);
  });
  test('bytes that nobody asked for are dropped', () => {
    const s = side({ accept: false });
    s.t.message(...message.data(ID, 0, 5));
    s.t.message(...message.offer(ID, 5));
    s.t.message(...message.data(ID, 0, 5));
    s.t.message(...message.end(ID, 5));
    expect([s.disk.size, s.ended]).toEqual([0, []]);
  });
  test('bytes that were in flight are not a gap; a later gap is asked for once', () => {
    const s = wanted(100);
    const says = (...said) => {
      s.t.message(...said);
      const word = s.t.nextWord();
      if (word) s.t.wordSent(1);
      return word?.[0];
    };
    expect(says(...message.data(ID, 50, 10))).toBeUndefined();
    expect(says(...message.data(ID, 0, 10))).toBeUndefined();
    expect(says(...message.data(ID, 50, 10))).toBe(FILE_GET);
    expect(says(...message.data(ID, 50, 10))).toBeUndefined();
  });
  test.each([0, FILE_FLAG_STREAM])('after the end nothing comes until it is asked for again (flags %s)', (flags) => {
    const s = wanted(100, flags);
    const acts = [];
    s.act = ({ type }) => acts.push(type);
    const whole = () => {
      s.t.message(...message.data(ID, 0, 100));
      s.t.message(...message.end(ID, 100));
    };
    whole();
    s.t.message(...message.data(ID, 100, 10));
    whole();
    s.t.message(...message.end(ID, 110));
    expect(acts).toEqual(['store', 'finish']);
    expect(s.t.nextWord()).toBeFalsy();
    s.t.again(ID);
    expect(s.t.nextWord()[0]).toBe(FILE_GET);
    s.t.wordSent(1);
    whole();
    expect(acts).toEqual(['store', 'finish', 'store', 'finish']);
    s.t.finished(ID, 0);
    expect(s.t.lastWords).toEqual([{ type: FILE_SAVED, id: ID, why: 0 }]);
  });
  test('a request beyond the end of a file, or for an unknown file, gets FILE_STOP', () => {
    const s = side();
    s.offer(ID, bytesOf(1, 10));
    s.t.message(...message.get(ID, 11));
    s.t.message(...message.get(idOf(7), 0));
    expect(s.ended).toEqual([{ id: ID, why: FILE_CHANGED, byPeer: false }]);
    expect(s.t.lastWords).toEqual([
      { type: FILE_STOP, id: ID, why: FILE_CHANGED },
      { type: FILE_STOP, id: idOf(7), why: FILE_CANCELLED },
    ]);
  });
  test('the sender is told of an unwritable disk', () => {
    const s = wanted(10);
    s.t.storeFailed(ID, 0, FILE_UNWRITABLE);
    expect(s.t.lastWords).toEqual([{ type: FILE_STOP, id: ID, why: FILE_UNWRITABLE }]);
  });
  test('any bytes, on both channels: nothing is thrown, nothing grows', () => {
    const random = makeRandom(5);
    const s = side();
    const kinds = [FILE_OFFER, FILE_GET, FILE_STOP, FILE_HOLD, FILE_SAVED, FILE_DATA, FILE_END];
    s.offer(idOf(1), bytesOf(1, 1000));
    for (let i = 0; i < 50000; i++) {
      const bytes = random.bytes(Math.floor(random.next() * 90));
      if (bytes.length) bytes[0] = kinds[Math.floor(random.next() * kinds.length)];
      if (bytes.length > 17 && random.next() < 0.9) bytes.fill(1 + Math.floor(random.next() * 3), 1, 17);
      s.t.message(random.next() < 0.5 ? CHAT_CHANNEL : FILE_CHANNEL, bytes);
      if (i % 16 === 0) s.work();
      s.out = [];
    }
    expect(s.t.incoming.size + s.t.outgoing.size).toBeLessThan(1100);
  });
  test('wrong calls of the owner are refused', () => {
    const { t } = side();
    for (const call of [
      () => t.pause(ID),
      () => t.ready(ID, 0),
      () => t.stop(ID, FILE_CANCELLED),
      () => t.finished(ID, 0),
      () => t.taken(ID, 1),
      () => t.room(ID),
    ])
      expect(call).toThrow(expect.objectContaining({ code: 'ESTATE' }));
    for (const call of [
      () => t.stop(ID, 0),
      () => t.accept(''),
      () => t.add({ id: ID, name: utf8('') }),
      () => t.add({ id: 'ab', name: utf8('x') }),
    ])
      expect(call).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});
