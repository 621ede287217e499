/** The engine's part of files: two desks, each with its database, and a line between them that the test can cut. */
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { takesUnasked } from '../engine/files/accepting.js';
import { Desk } from '../engine/files/desk.js';
import { fileCommands } from '../engine/files/files.js';
import { encode } from '../../client/core/wire.js';
import {
  FILE_CANCELLED,
  FILE_CHANNEL,
  FILE_DATA,
  FILE_DECLINED,
  FILE_FLAG_FOLDER,
  FILE_FLAG_STREAM,
  FILE_OFFER,
  FILE_STOP,
} from '../../client/wire_table.js';
import { downloadZip } from 'client-zip';
import { cardsOf, zipParts } from '../view/files.js';
import { zipEntries } from '../../../tests/support/zip.js';
import { MemoryDb, MemoryFileStore, Sha256 } from './memory-db.js';

vi.setConfig({ testTimeout: 60_000 }); // much is hashed, and the machine may be busy

/** One end of a session: a message goes to the other desk, and is delivered once that desk has taken it. */
class Line {
  state = 'linked';
  other = null;
  cut = false;
  priorities = {};
  messageMax = 262144;
  largest = 0;
  constructor(desk) {
    this.desk = desk;
  }
  setPriority(channel, priority) {
    this.priorities[channel] = priority;
  }
  async send(data, { channel }) {
    let done;
    const delivered = new Promise((resolve) => (done = resolve));
    if (data.length > this.messageMax) throw new Error('EMSGSIZE');
    if (channel === FILE_CHANNEL) this.largest = Math.max(this.largest, data.length);
    await null;
    if (!this.cut) this.other.comes(data, channel, done);
    return { place: 0, delivered };
  }
  comes(data, channel, done) {
    if (this.cut) return;
    const taken = () => !this.cut && done();
    if (channel === FILE_CHANNEL) return this.desk.take({ channel, data, taken });
    this.desk.message(data);
    taken();
  }
}

class Person {
  constructor(name) {
    this.name = name;
    this.db = new MemoryDb();
    this.store = this.db.files = new MemoryFileStore();
    this.heldNow = false;
    this.lines = [];
    this.received = [];
    this.now = () => performance.now();
    this.most = undefined;
    this.pictures = [];
    this.start();
  }
  /** Starts a new engine with the same database. */
  start() {
    const world = {
      db: this.db,
      store: this.store,
      now: () => this.now(),
      sha256: () => new Sha256(),
      room: async () => this.room ?? Infinity,
      shown() {},
      received: (_, message) => this.received.push(message),
      picture: (record, bytes) => this.pictures.push({ record, bytes }),
      takes: (_, card) => takesUnasked(this.most, card, { room: world.room, cards: () => this.desk.cards.values() }),
      held: () => this.heldNow,
      touch() {},
      log: (text) => this.lines.push(text),
    };
    this.desk = new Desk('them', world);
  }
  async restart() {
    this.desk.stopAll();
    this.start();
    for (const { card } of await this.store.open()) await this.desk.open(card);
    await this.desk.serial(() => this.desk.feed());
  }
  card(name) {
    const message = this.db.list.findLast((one) => one.text === name);
    return message && { ...message, live: this.desk.cards.get(message.n)?.shown(this.now(), this.desk.linked) };
  }
  async until(holds, what) {
    const look = async () => {
      if (!(await holds())) throw new Error(`never: ${what} (${this.lines.join('; ')})`);
    };
    await vi.waitFor(look, { timeout: 10_000, interval: 1 });
  }
  state(name, wanted) {
    return this.until(
      () => this.card(name)?.state === wanted,
      `${this.name}: ${name} is ${wanted}, it is ${this.card(name)?.state}`,
    );
  }
  async bytes(name) {
    const [record] = await this.store.ofCard(this.card(name).n);
    return Buffer.from(await (await this.store.whole(record.key, '')).arrayBuffer());
  }
}

let ana, bo;
function link(messageMax = 262144) {
  const [a, b] = [new Line(ana.desk), new Line(bo.desk)];
  a.messageMax = b.messageMax = messageMax;
  a.other = b;
  b.other = a;
  ana.desk.begin(a);
  bo.desk.begin(b);
  return () => {
    a.cut = b.cut = true;
    a.state = b.state = 'waiting';
  };
}
beforeEach(() => {
  ana = new Person('ana');
  bo = new Person('bo');
});

const fileOf = (name, bytes, lastModified = 7) => new File([bytes], name, { lastModified });
const offer = (person, list) => Promise.all(cardsOf(list).map((card) => person.desk.offer(card)));
const one = (name, bytes) => [{ file: fileOf(name, bytes), path: name }];
const MIB = 1048576;

test('a file is offered, accepted, stored in pieces, and arrives unchanged', async () => {
  const bytes = randomBytes(3 * MIB + 5);
  link();
  await offer(ana, one('a.bin', bytes));
  await bo.state('a.bin', 'asking');
  expect(bo.received.map(({ text }) => text)).toEqual(['a.bin']);
  expect(ana.desk.session.priorities).toEqual({ [FILE_CHANNEL]: 6 });
  await bo.desk.accept(bo.card('a.bin').n);
  await Promise.all([bo.state('a.bin', 'saved'), ana.state('a.bin', 'saved')]);
  expect((await bo.bytes('a.bin')).equals(bytes)).toBe(true);
  expect(ana.card('a.bin').passed).toBe(bytes.length);
  expect([...bo.store.pieces.values()].flat().every(({ blob }) => blob.size <= MIB)).toBe(true);
  expect([...ana.desk.cards, ...bo.desk.cards, ...ana.store.sources]).toEqual([]);
});
test('pieces are as large as the other side accepts, even when that changes', async () => {
  const bytes = randomBytes(MIB + 5);
  let cut = link(65536);
  await offer(ana, one('small.bin', bytes));
  await bo.state('small.bin', 'asking');
  await bo.desk.accept(bo.card('small.bin').n);
  await bo.until(() => bo.card('small.bin').live?.stored > 0 || bo.card('small.bin').state === 'saved', 'some');
  expect(ana.desk.session.largest).toBe(65536);
  ana.desk.session.messageMax = 70000; // a smaller limit is noticed at the first message that is too large
  ana.desk.transfer.messageMax(200000);
  await Promise.all([bo.state('small.bin', 'saved'), ana.state('small.bin', 'saved')]);
  expect((await bo.bytes('small.bin')).equals(bytes)).toBe(true);
  cut();
  cut = link(65535);
  await offer(ana, one('none.bin', bytes));
  await ana.state('none.bin', 'over');
  expect(ana.card('none.bin').why).toBe(7);
  cut();
});
test.each([
  ['a small file: 1 MiB', 8 * MIB, MIB],
  ['a large file: 4 MiB', 600 * MIB, 4 * MIB],
])('what may be lost is limited; what arrives while the database works is one piece: %s', async (_, size, most) => {
  const file = fileOf('held.bin', '');
  Object.defineProperty(file, 'size', { value: size });
  file.slice = (from, to) => new Blob([new Uint8Array(Math.min(to, size) - from)]);
  const writes = [];
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  const put = bo.store.putPieces.bind(bo.store);
  bo.store.putPieces = async (pieces) => {
    writes.push(pieces.reduce((sum, { blob }) => sum + blob.size, 0));
    await (writes.length === 1 ? opened : new Promise(() => {}));
    return put(pieces);
  };
  link();
  await offer(ana, [{ file, path: 'held.bin' }]);
  await bo.state('held.bin', 'asking');
  await bo.desk.accept(bo.card('held.bin').n);
  const passed = () => ana.desk.cards.get(ana.card('held.bin').n).passed;
  await ana.until(() => passed() >= most && ana.desk.busyWith.send === null, 'the sender waits');
  expect(passed()).toBe(most);
  await bo.until(() => bo.desk.incoming.waiting + writes[0] === most, 'all of it arrived');
  open();
  await bo.until(() => writes.length > 1, 'the rest is stored');
  expect(writes[0]).toBe(MIB / 2);
  expect(writes[1]).toBeGreaterThanOrEqual(most - MIB / 2);
  for (const { desk } of [ana, bo]) desk.stopAll();
});
test('the end of a file is repeated to a side that did not hear of it', async () => {
  ana.room = 0;
  let cut = link();
  const file = fileOf('fails.bin', randomBytes(8 * MIB));
  bo.store.room = MIB;
  await offer(ana, [{ file, path: 'fails.bin' }]);
  await bo.state('fails.bin', 'asking');
  await bo.desk.accept(bo.card('fails.bin').n);
  await ana.until(() => ana.card('fails.bin').live?.heldThere === 'full', 'some of it went');
  ana.desk.session.cut = true; // messages are lost from now on, and neither side has noticed
  await ana.desk.stop(ana.card('fails.bin').n, FILE_CANCELLED);
  await ana.state('fails.bin', 'over');
  cut();
  cut = link();
  await bo.state('fails.bin', 'over');
  expect(bo.card('fails.bin')).toMatchObject({ why: FILE_CANCELLED, byPeer: true });
});
test('a file whose stored bytes cannot be read any more is given up, and both sides are told', async () => {
  const cut = link();
  bo.store.room = 2 * MIB;
  await offer(ana, one('u.bin', randomBytes(8 * MIB)));
  await bo.state('u.bin', 'asking');
  await bo.desk.accept(bo.card('u.bin').n);
  await ana.until(() => ana.card('u.bin').live?.heldThere === 'full', 'some of it is stored');
  cut();
  bo.store.room = Infinity;
  bo.store.piece = async () => undefined;
  await bo.restart();
  link();
  await Promise.all([bo.state('u.bin', 'over'), ana.state('u.bin', 'over')]);
  expect([bo.card('u.bin').why, ana.card('u.bin').why, ana.card('u.bin').byPeer]).toEqual([5, 5, true]);
});
test('an empty file arrives, and a repeated offer sends it once', async () => {
  link();
  const [card] = cardsOf(one('empty', ''));
  await ana.desk.offer(card);
  await ana.desk.offer(card);
  await bo.state('empty', 'asking');
  expect(bo.db.list.length).toBe(1);
  await bo.desk.accept(bo.card('empty').n);
  await Promise.all([bo.state('empty', 'saved'), ana.state('empty', 'saved')]);
});
test('what may be a picture is handed on: by the sender at once, by the receiver when it is whole', async () => {
  link();
  await offer(ana, [{ file: new File(['pixels'], 'a.png', { type: 'image/png' }), path: 'a.png' }]);
  expect(ana.pictures.map(({ record }) => [record.path, record.card])).toEqual([['a.png', ana.card('a.png').n]]);
  expect(await (await ana.pictures[0].bytes()).text()).toBe('pixels');
  await bo.state('a.png', 'asking');
  expect(bo.pictures).toEqual([]);
  await bo.desk.accept(bo.card('a.png').n);
  await bo.state('a.png', 'saved');
  expect(bo.pictures.map(({ record }) => [record.type, record.mine])).toEqual([['image/png', 0]]);
  expect(await (await bo.pictures[0].bytes()).text()).toBe('pixels');
});

test('all offers that wait are accepted at once; a repeated call accepts nothing that came since', async () => {
  link();
  for (const name of ['a', 'b', 'c']) await offer(ana, one(name, randomBytes(10)));
  for (const name of ['a', 'b', 'c']) await bo.state(name, 'asking');
  await bo.desk.stop(bo.card('b').n, FILE_DECLINED);
  const engine = { files: { desk: () => bo.desk } };
  const args = { contact: 'them', list: ['a', 'b', 'c'].map((name) => bo.card(name).n).concat(99) };
  await fileCommands.acceptFiles(engine, args);
  for (const name of ['a', 'c']) await bo.state(name, 'saved');
  expect(bo.card('b').state).toBe('over');
  await offer(ana, one('late', randomBytes(10)));
  await bo.state('late', 'asking');
  expect(bo.card('late').live).toMatchObject({ contact: 'them', asking: true });
  await fileCommands.acceptFiles(engine, args);
  expect(bo.card('late').state).toBe('asking');
  expect(bo.card('b').state).toBe('over');
});

test('sessions end and start again in the middle: nothing is asked twice, and little is sent twice', async () => {
  const bytes = randomBytes(24 * MIB);
  let cut = link();
  await offer(ana, one('b.bin', bytes));
  await bo.state('b.bin', 'asking');
  await bo.desk.accept(bo.card('b.bin').n);
  for (const share of [0.2, 0.4, 0.6]) {
    await bo.until(
      () => bo.card('b.bin').live?.stored > share * bytes.length || bo.card('b.bin').state === 'saved',
      'some',
    );
    cut();
    if (share === 0.4) await bo.restart();
    cut = link();
  }
  await Promise.all([bo.state('b.bin', 'saved'), ana.state('b.bin', 'saved')]);
  expect((await bo.bytes('b.bin')).equals(bytes)).toBe(true);
  expect(bo.received.length).toBe(1);
});
test('a restarted sender resumes from its copy; without one, it asks for the file and accepts no other', async () => {
  const bytes = randomBytes(8 * MIB);
  for (const copied of [true, false]) {
    ana = new Person('ana');
    bo = new Person('bo');
    ana.room = copied ? Infinity : 0;
    bo.store.room = 2 * MIB; // it fails from there on
    let cut = link();
    await offer(ana, one('c.bin', bytes));
    await bo.state('c.bin', 'asking');
    await bo.desk.accept(bo.card('c.bin').n);
    await bo.until(() => bo.card('c.bin').live?.heldHere === 'full', 'some');
    cut();
    await ana.restart();
    bo.store.room = Infinity;
    bo.desk.tryAgain();
    cut = link();
    if (!copied) {
      expect(ana.card('c.bin').live.missing).toBe(true);
      await bo.until(() => bo.card('c.bin').live.heldThere === 'person', 'told');
      const { n } = ana.card('c.bin');
      expect(await ana.desk.chooseAgain(n, one('c.bin', randomBytes(8 * MIB - 1)))).toBe(false);
      expect(await ana.desk.chooseAgain(n, [{ file: fileOf('c.bin', bytes, 8), path: 'c.bin' }])).toBe(false);
      expect(await ana.desk.chooseAgain(n, one('c.bin', bytes))).toBe(true);
    }
    await Promise.all([bo.state('c.bin', 'saved'), ana.state('c.bin', 'saved')]);
    expect((await bo.bytes('c.bin')).equals(bytes)).toBe(true);
    expect(ana.card('c.bin').passed).toBeLessThan(bytes.length);
  }
});
test('a full disk is reported, and the transfer resumes once there is room, without loss', async () => {
  const bytes = randomBytes(6 * MIB);
  bo.store.room = 2 * MIB;
  link();
  await offer(ana, one('d.bin', bytes));
  await bo.state('d.bin', 'asking');
  await bo.desk.accept(bo.card('d.bin').n);
  await ana.until(() => ana.card('d.bin').live?.heldThere === 'full', 'the sender is told');
  expect(bo.card('d.bin').live.heldHere).toBe('full');
  bo.store.room = Infinity;
  bo.desk.tryAgain();
  await Promise.all([bo.state('d.bin', 'saved'), ana.state('d.bin', 'saved')]);
  expect((await bo.bytes('d.bin')).equals(bytes)).toBe(true);
});
test('any other error of the disk ends it on both sides, and nothing is kept', async () => {
  link();
  await offer(ana, one('e.bin', randomBytes(2 * MIB)));
  await bo.state('e.bin', 'asking');
  bo.store.error = Object.assign(new Error('broken'), { name: 'UnknownError' });
  await bo.desk.accept(bo.card('e.bin').n);
  await Promise.all([bo.state('e.bin', 'over'), ana.state('e.bin', 'over')]);
  expect([bo.card('e.bin').why, ana.card('e.bin').why, ana.card('e.bin').byPeer]).toEqual([5, 5, true]);
  expect(bo.store.used).toBe(0);
});
test('a file that can no longer be read ends the transfer, with the reason', async () => {
  ana.room = 0;
  link();
  const file = fileOf('f.bin', randomBytes(4 * MIB));
  await offer(ana, [{ file, path: 'f.bin' }]);
  await bo.state('f.bin', 'asking');
  file.slice = () => ({
    arrayBuffer: () => Promise.reject(Object.assign(new Error('gone'), { name: 'NotReadableError' })),
  });
  await bo.desk.accept(bo.card('f.bin').n);
  await Promise.all([bo.state('f.bin', 'over'), ana.state('f.bin', 'over')]);
  expect([ana.card('f.bin').why, bo.card('f.bin').why]).toEqual([4, 4]);
});
test('a file without a name is sent; one that cannot be offered ends, and those after it are sent', async () => {
  link();
  await offer(ana, one('', randomBytes(10)));
  await bo.state('file', 'asking');
  const { transfer } = ana.desk;
  const add = transfer.add.bind(transfer);
  transfer.add = (file) => {
    if (file.size === 11) throw Object.assign(new Error('wrong'), { code: 'EINVAL' });
    return add(file);
  };
  await offer(ana, one('wrong.bin', randomBytes(11)));
  await offer(ana, one('after.bin', randomBytes(10)));
  await bo.state('after.bin', 'asking');
  expect(ana.card('wrong.bin')).toMatchObject({ state: 'over', why: 4, byPeer: false });
  expect(await ana.store.open()).toHaveLength(2);
});
test('what cannot be stored says so to whoever asked for it, and is not done', async () => {
  const full = Object.assign(new Error('full'), { code: 'EUNSAVED' });
  link();
  const [card] = cardsOf(one('u.bin', randomBytes(4 * MIB)));
  ana.db.error = full;
  await expect(ana.desk.offer(card)).rejects.toBe(full);
  expect([ana.card('u.bin'), ana.desk.cards.size, ana.store.records.size]).toEqual([undefined, 0, 0]);
  ana.db.error = null;
  await ana.desk.offer(card);
  await bo.state('u.bin', 'asking');
  const { n } = bo.card('u.bin');
  bo.db.error = full;
  await expect(bo.desk.accept(n)).rejects.toBe(full);
  await expect(
    fileCommands.acceptFiles({ files: { desk: () => bo.desk } }, { contact: 'them', list: [n] }),
  ).rejects.toBe(full);
  expect(bo.card('u.bin').state).toBe('asking');
  bo.db.error = null;
  ana.db.error = full;
  await expect(ana.desk.hold(ana.card('u.bin').n, true)).rejects.toBe(full);
  expect(ana.card('u.bin').live.heldHere).toBe('');
  ana.db.error = null;
  await bo.desk.accept(n);
  await Promise.all([bo.state('u.bin', 'saved'), ana.state('u.bin', 'saved')]);
});
test('a decline while the other side is away reaches it later', async () => {
  let cut = link();
  await offer(ana, one('g.bin', randomBytes(1000)));
  await bo.state('g.bin', 'asking');
  cut();
  await bo.desk.stop(bo.card('g.bin').n, FILE_DECLINED);
  await bo.restart();
  cut = link();
  await ana.state('g.bin', 'over');
  expect([ana.card('g.bin').why, ana.card('g.bin').byPeer, bo.card('g.bin').state]).toEqual([
    FILE_DECLINED,
    true,
    'over',
  ]);
});
test('a pause survives a restart of the one who paused', async () => {
  let cut = link();
  await offer(ana, one('h.bin', randomBytes(6 * MIB)));
  await bo.state('h.bin', 'asking');
  await bo.desk.accept(bo.card('h.bin').n);
  await bo.desk.hold(bo.card('h.bin').n, true);
  cut();
  await bo.restart();
  cut = link();
  await ana.until(() => ana.card('h.bin').live?.heldThere === 'person', 'told again');
  expect(bo.card('h.bin').live.heldHere).toBe('person');
  await bo.desk.hold(bo.card('h.bin').n, false);
  await Promise.all([bo.state('h.bin', 'saved'), ana.state('h.bin', 'saved')]);
});

describe('folders', () => {
  const many = (count) =>
    Array.from({ length: count }, (_, i) => ({ file: fileOf(`${i}.txt`, `file ${i}`), path: `album/part/${i}.txt` }));
  test('with more files than may be offered at a time: one card, one question, and every file arrives', async () => {
    link();
    await offer(ana, many(150));
    await bo.state('album', 'asking');
    expect(bo.card('album').file).toMatchObject({ folder: true, count: 150 });
    await bo.desk.accept(bo.card('album').n);
    await Promise.all([bo.state('album', 'saved'), ana.state('album', 'saved')]);
    expect([bo.db.list.length, bo.card('album').saved, ana.card('album').saved]).toEqual([1, 150, 150]);
    const records = await bo.store.ofCard(bo.card('album').n);
    expect(records.map(({ path }) => path).sort()).toEqual(
      many(150)
        .map(({ path }) => path)
        .sort(),
    );
  });
  test.each([
    ['declined by the receiver', () => bo.desk.stop(bo.card('album').n, FILE_DECLINED), FILE_DECLINED],
    ['cancelled by the sender', () => ana.desk.stop(ana.card('album').n, FILE_CANCELLED), FILE_CANCELLED],
  ])('%s: all of it, also what was not offered yet', async (_, end, why) => {
    link();
    await offer(ana, many(150));
    await bo.state('album', 'asking');
    await end();
    await Promise.all([bo.state('album', 'over'), ana.state('album', 'over')]);
    expect([bo.card('album').why, ana.card('album').why]).toEqual([why, why]);
    expect([...ana.desk.transfer.files(), ...bo.desk.transfer.files()]).toEqual([]);
    expect(await ana.store.open()).toEqual([]);
  });
  test('files keep their times, and empty folders stay, in the archive too', async () => {
    const now = Date.now();
    ana.now = bo.now = () => now;
    const DAY = 86_400_000;
    const of = (path, at) => ({ path, file: fileOf(path.split('/').at(-1), path, at) });
    const times = [
      ['album/a.txt', Date.UTC(2020, 1, 29, 12, 30, 8)],
      ['album/future.txt', now + 2 * DAY],
      ['album/soon.txt', now + DAY / 2],
      ['album/old.txt', -5],
      ['album/far.txt', 8.64e15],
      ['album/first.txt', 1000],
    ];
    const list = [
      { path: 'album/deep/empty', file: null },
      { path: 'nothing', file: null },
      ...times.map(([path, at]) => of(path, at)),
    ];
    link();
    await offer(ana, list);
    const records = [];
    for (const name of ['album', 'nothing']) {
      await bo.state(name, 'asking');
      expect(bo.card(name).file.folder).toBe(true);
      await bo.desk.accept(bo.card(name).n);
      await Promise.all([bo.state(name, 'saved'), ana.state(name, 'saved')]);
      records.push(...(await bo.store.ofCard(bo.card(name).n)));
    }
    expect(Object.fromEntries(records.map(({ path, modified }) => [path, modified]))).toEqual({
      'album/deep/empty': undefined,
      nothing: undefined,
      ...Object.fromEntries(times),
      'album/future.txt': undefined,
      'album/far.txt': undefined,
      'album/old.txt': undefined,
    });
    const rows = records.map(({ flags, ...record }) => ({ ...record, folder: flags === FILE_FLAG_FOLDER }));
    const blobs = (id) => bo.store.whole(records.find((record) => record.id === id).key, '');
    const archive = zipEntries(Buffer.from(await downloadZip(zipParts(rows, blobs)).arrayBuffer()));
    expect(archive.map(({ name, size }) => [name, size])).toEqual(
      records.map(({ path, flags, size }) => [flags ? `${path}/` : path, size]),
    );
    const modified = (name) => archive.find((entry) => entry.name === name).modified;
    expect(modified('album/a.txt')).toEqual(new Date(times[0][1]));
    expect(modified('album/first.txt')).toEqual(new Date(1980, 0, 1)); // an archive knows no earlier time
  });
  test('an empty folder waits for nothing after a restart, and a pause of it ends', async () => {
    let cut = link();
    await offer(ana, [{ path: 'album/empty', file: null }, ...many(1)]);
    await bo.state('album', 'asking');
    cut();
    await ana.restart();
    const { n } = ana.card('album');
    expect(ana.card('album').live.missing).toBe(false);
    await ana.desk.hold(n, true);
    await ana.desk.hold(n, false);
    expect(ana.card('album').live.heldHere).toBe('');
    cut = link();
    await bo.desk.accept(bo.card('album').n);
    await Promise.all([bo.state('album', 'saved'), ana.state('album', 'saved')]);
    expect((await bo.store.ofCard(bo.card('album').n)).map(({ path }) => path)).toEqual([
      'album/empty',
      'album/part/0.txt',
    ]);
    cut();
  });
  test('what is sent together is one card: a folder, and all loose files, whose names differ', () => {
    const loose = (...names) => names.map((name) => ({ file: fileOf(name, ''), path: name }));
    const about = (list) =>
      cardsOf(list).map(({ group, name, folder, files }) => [
        Boolean(group),
        name,
        folder,
        files.map(({ path }) => path),
      ]);
    expect(about(loose('a.txt'))).toEqual([[false, 'a.txt', false, ['a.txt']]]);
    expect(about([...loose('a.txt', 'b.txt'), ...many(2)])).toEqual([
      [true, 'album', true, ['album/part/0.txt', 'album/part/1.txt']],
      [true, 'a.txt', false, ['a.txt', 'b.txt']],
    ]);
    expect(about(loose('image.png', 'image.png', 'image (2).png', 'image.png', '.x', '.x'))[0][3]).toEqual([
      'image.png',
      'image (2).png',
      'image (2) (2).png',
      'image (3).png',
      '.x',
      '.x (2)',
    ]);
  });
});

test.each([
  ['saved', 'saved', 1],
  ['offered', 'over', 0],
])(
  'a group of which one file was %s, and nothing was heard since, can be ended after a restart',
  async (_, end, saved) => {
    const cut = link();
    const { transfer } = ana.desk;
    const add = transfer.add.bind(transfer);
    transfer.add = (file) => {
      if (transfer.outgoing.size > 0 || ana.card('album').live.saved > 0)
        throw Object.assign(new Error('never'), { code: 'EAGAIN' });
      return add(file);
    };
    const inside = (name) => ({ file: fileOf(name, randomBytes(10)), path: `album/${name}` });
    await offer(ana, ['a.bin', 'b.bin'].map(inside));
    await bo.state('album', 'asking');
    const { n } = bo.card('album');
    if (saved) {
      await bo.desk.accept(n);
      await bo.until(
        async () => (await bo.store.open()).length === 0 && bo.card('album').saved === 1,
        'the first is saved',
      );
    } else bo.store.records.clear(); // stored after the message, so it may be missing
    cut();
    await bo.restart();
    expect(bo.desk.cards.size).toBe(0);
    await bo.desk.stop(n, FILE_CANCELLED);
    expect(bo.card('album')).toMatchObject({ state: end, saved, failed: 0 });
    await bo.desk.stop(n, FILE_CANCELLED); // a repeated call
    expect([bo.card('album').state, bo.desk.cards.size]).toEqual([end, 0]);
  },
);

test('a card whose last file is saved while the end of another is being stored is over, too', async () => {
  const [change, put] = [bo.db.changeMessage.bind(bo.db), bo.store.put.bind(bo.store)];
  let saves = 0;
  let changed = false;
  bo.store.put = async (record, ...more) => {
    if (record.state === 'saved' && record.why === undefined && (saves += 1) === 2)
      await bo.until(() => changed, 'the end of the first is stored');
    return put(record, ...more);
  };
  bo.db.changeMessage = async (n, next) => {
    const message = await change(n, next);
    if (message.saved === 1) await bo.until(() => saves === 2, 'the second is being saved');
    setTimeout(() => (changed ||= message.saved === 1));
    return message;
  };
  link();
  const inside = (name) => ({ file: fileOf(name, randomBytes(10)), path: `album/${name}` });
  await offer(ana, ['a.bin', 'b.bin'].map(inside));
  await bo.state('album', 'asking');
  await bo.desk.accept(bo.card('album').n);
  await bo.state('album', 'saved');
  expect(bo.card('album')).toMatchObject({ saved: 2, failed: 0 });
  expect(bo.desk.cards.size).toBe(0);
});

describe('a hostile offer', () => {
  const say = (more) => {
    const id = new Uint8Array(16).fill(9);
    const words = {
      type: FILE_OFFER,
      id,
      flags: 0,
      size: 5,
      group: new Uint8Array(16),
      group_files: 0,
      group_bytes: 0,
      name: Buffer.from('x'),
      media_type: Buffer.from('text/plain'),
      ...more,
    };
    bo.desk.message(encode('file_offer', words));
    return id;
  };
  beforeEach(() => {
    const line = new Line(bo.desk);
    line.other = { comes() {} };
    bo.desk.begin(line);
  });
  test.each([
    ['../../etc/passwd', 'passwd'],
    ['a\u0000b\u001b[31m\u202egnp.exe', 'a_b_[31m_gnp.exe'],
    ['<img src=x onerror=alert(1)>', '_img src=x onerror=alert(1)_'],
    ['', 'file'],
  ])('%j is called %j', async (name, safe) => {
    say({ name: Buffer.from(name) });
    await bo.state(safe, 'asking');
  });
  test('a media type is shown only if it is valid', async () => {
    say({ media_type: Buffer.from('image/png;<script>') });
    await bo.state('x', 'asking');
    expect(bo.card('x').file.type).toBe('');
  });
  test('more bytes than announced count as damage, and nothing is kept', async () => {
    const id = say({});
    await bo.state('x', 'asking');
    await bo.desk.accept(bo.card('x').n);
    await bo.until(() => bo.desk.transfer.incoming.get('09'.repeat(16))?.getSaid, 'wanted');
    let taken = 0;
    bo.desk.take({
      data: encode('file_data', { type: FILE_DATA, id, offset: 0, bytes: new Uint8Array(6) }),
      taken: () => (taken += 1),
    });
    await bo.state('x', 'over');
    await bo.until(() => taken === 1, 'taken all the same');
    expect([bo.card('x').why, bo.store.used]).toEqual([6, 0]);
  });
  test('absurd sizes and counts do no harm', async () => {
    say({
      group: new Uint8Array(16).fill(3),
      group_files: 0xffffffff,
      group_bytes: 2n ** 64n - 1n,
      name: Buffer.from('d/x'),
    });
    await bo.state('d', 'asking');
    expect(Number.isSafeInteger(bo.card('d').file.size)).toBe(true);
    await bo.desk.stop(bo.card('d').n, FILE_DECLINED);
    await bo.state('d', 'over');
  });
  test('offers beyond a limit are declined', async () => {
    for (let n = 0; n < 1500; n += 1) say({ id: Buffer.from(n.toString(16).padStart(32, '0'), 'hex') });
    await bo.until(() => bo.db.list.length >= 1024, 'the first ones');
    expect(bo.db.list.length).toBe(1024);
  });
});

describe('accepted without asking', () => {
  const sizes = (...list) =>
    list.map((size, i) => ({ file: fileOf(`${i}.bin`, randomBytes(size)), path: `album/${i}.bin` }));
  test.each([
    ['up to the limit', 1000, Infinity, 'saved'],
    ['not beyond it', 999, Infinity, 'asking'],
    ['if half of the room is enough', 1000, 2000, 'saved'],
    ['not with less room', 1000, 1999, 'asking'],
    ['never, if nothing was chosen', undefined, Infinity, 'asking'],
  ])('%s', async (_, most, room, state) => {
    Object.assign(bo, { most, room });
    link();
    await offer(ana, one('a.bin', randomBytes(1000)));
    await bo.state('a.bin', state);
    await offer(ana, sizes(600, 400));
    await bo.state('album', state);
    expect(bo.received.map(({ text }) => text)).toEqual(['a.bin', 'album']); // each is announced all the same
  });
  test('a group that brings more than it said: it asks about the rest, once', async () => {
    bo.most = 1000;
    const [card] = cardsOf(sizes(600, 300, 200, 100));
    const add = ana.desk.transfer.add.bind(ana.desk.transfer);
    ana.desk.transfer.add = (file) => add({ ...file, groupBytes: 5 });
    link();
    await ana.desk.offer(card);
    await bo.state('album', 'asking');
    await bo.until(() => bo.card('album').live.saved === 2, 'what fits is taken');
    await bo.until(() => bo.desk.cards.get(bo.card('album').n).records.size === 4, 'all are offered');
    expect(bo.card('album')).toMatchObject({ state: 'asking', live: { saved: 2 } });
    await bo.desk.accept(bo.card('album').n);
    await Promise.all([bo.state('album', 'saved'), ana.state('album', 'saved')]);
  });
  test('a file of a group that is taken back and offered again is asked about if it is larger now', async () => {
    bo.most = 1000;
    const line = new Line(bo.desk);
    line.other = { comes() {} };
    bo.desk.begin(line);
    const [id, group] = [1, 2].map((n) => new Uint8Array(16).fill(n));
    const none = { type: FILE_OFFER, flags: 0, group, group_files: 2, group_bytes: 2, media_type: new Uint8Array(0) };
    const say = (own, size) =>
      bo.desk.message(encode('file_offer', { ...none, id: own, size, name: Buffer.from(`d/${own[0]}`) }));
    say(id, 1);
    say(new Uint8Array(16).fill(3), 1);
    await bo.state('d', 'open');
    bo.desk.message(encode('file_stop', { type: FILE_STOP, id, why: FILE_CANCELLED }));
    await bo.desk.jobs;
    say(id, 5000);
    await bo.state('d', 'asking');
    expect(bo.desk.transfer.incoming.get('01'.repeat(16)).state).toBe('asking');
  });
  test('a stream, whose size nobody knows, is asked about', async () => {
    bo.most = 1000;
    const add = ana.desk.transfer.add.bind(ana.desk.transfer);
    ana.desk.transfer.add = (file) => add({ ...file, flags: FILE_FLAG_STREAM });
    link();
    await offer(ana, one('stream', ''));
    await bo.state('stream', 'asking');
  });
  test('what was accepted goes on after a restart, whatever is chosen then; what was declined stays so', async () => {
    bo.most = 10 * MIB;
    bo.store.room = MIB;
    let cut = link();
    await offer(ana, one('b.bin', randomBytes(2 * MIB)));
    await bo.until(() => bo.card('b.bin')?.live?.heldHere === 'full', 'some of it is here');
    await bo.desk.stop(bo.card('b.bin').n, FILE_DECLINED);
    await ana.state('b.bin', 'over');
    await offer(ana, one('c.bin', randomBytes(2 * MIB)));
    await bo.until(() => bo.card('c.bin')?.live?.heldHere === 'full', 'some of it is here');
    cut();
    Object.assign(bo, { most: undefined });
    bo.store.room = Infinity;
    await bo.restart();
    cut = link();
    await Promise.all([bo.state('c.bin', 'saved'), ana.state('c.bin', 'saved')]);
    expect([bo.card('b.bin').state, bo.received.length]).toEqual(['over', 2]);
    cut();
  });
});

test('nothing is sent to a contact who is in doubt', async () => {
  ana.heldNow = true;
  link();
  await offer(ana, one('i.bin', 'text'));
  await ana.desk.jobs;
  expect(bo.db.list).toEqual([]);
  ana.heldNow = false;
  ana.desk.work();
  await bo.state('i.bin', 'asking');
});

test('what is paused, held or without a connection does not stand', async () => {
  let now = 0;
  ana.now = () => now;
  const cut = link();
  bo.store.putPieces = () => new Promise(() => {}); // nothing is ever stored
  await offer(ana, one('still.bin', randomBytes(2 * MIB)));
  await bo.state('still.bin', 'asking');
  const still = () => ana.card('still.bin').live.still;
  now = 60_000;
  expect(still()).toBeNull(); // it waits to be accepted
  await bo.desk.accept(bo.card('still.bin').n);
  await ana.until(() => ana.card('still.bin').live.accepted, 'accepted');
  expect(still()).toBeNull();
  now = 70_000;
  expect(still()).toBe(10_000);
  const { n } = ana.card('still.bin');
  await ana.desk.hold(n, true);
  expect(still()).toBeNull();
  await ana.desk.hold(n, false);
  expect(still()).toBeNull();
  now = 80_000;
  expect(still()).toBe(10_000);
  cut();
  expect(still()).toBeNull();
});
