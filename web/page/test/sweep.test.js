/** What is kept of files goes with their contact, and what was left behind is found at the start. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { commands } from '../engine/commands.js';
import { Db } from '../engine/db.js';
import { Engine } from '../engine/engine.js';
import { sweep } from '../engine/files/sweep.js';
import { keyOf } from '../engine/files/store.js';
import { MemoryIdb, MemoryKeyRange } from './memory-idb.js';

vi.stubGlobal('IDBKeyRange', MemoryKeyRange);

let idb, db;
beforeEach(() => {
  idb = new MemoryIdb();
  db = new Db(idb, null);
});

const contact = (id) => ({
  id,
  how: 'invite',
  name: id,
  hint: '',
  createdAt: 1,
  pairedAt: 1,
  unread: 0,
  blocked: false,
});
/** A card with one file: its message, record, pieces or copy, as far as `has` names them. */
function card(id, n, { mine = 0, state = 'open', has = ['messages', 'files', 'pieces'] } = {}) {
  const file = `${n}`.padStart(32, '0');
  const key = keyOf(id, mine, file);
  const message = { n, contact: id, mine, id: `m${n}`, kind: 'file', text: 'a', at: 1, state: 'open' };
  message.file = { name: 'a', size: 6, type: '', count: 1, folder: false, group: '' };
  const record = { key, contact: id, mine, id: file, card: n, path: 'a', size: 6, flags: 0, type: '', state, n: 0 };
  if (state === 'open' || state === 'queued') record.open = 1;
  const rows = {
    messages: [[n, message]],
    files: [[key, record]],
    pieces: [
      [[key, 0, 2], new Blob(['ab'])],
      [[key, 2, 4], new Blob(['cd'])],
    ],
    sources: [[key, new Blob(['abcdef'])]],
  };
  for (const name of has) idb.fill(name, ...rows[name]);
  return key;
}
/** The keys of files of which there are bytes or records, with short ids. */
const left = () =>
  Object.fromEntries(
    ['files', 'pieces', 'sources'].map((name) => [
      name,
      [...new Set(idb.keys(name).map((key) => [key].flat()[0].replace(/:0+(?=[^:]+$)/, ':')))],
    ]),
  );

describe('a contact that is deleted', () => {
  let engine, received, sent;
  beforeEach(async () => {
    const world = { db, lib: {}, now: () => 1000, random: (n) => new Uint8Array(n), room: async () => Infinity };
    engine = new Engine(world, { state() {}, messages() {}, files() {}, news() {} });
    for (const id of ['ana', 'anabel', 'bo']) {
      idb.fill('contacts', [id, contact(id)]);
      engine.know(contact(id));
    }
    const kept = ['messages', 'files', 'sources'];
    received = card('ana', 1);
    sent = card('ana', 2, { mine: 1, has: kept });
    card('ana', 3, { has: ['pieces'] }); // what an older version left
    card('anabel', 4);
    card('bo', 5, { mine: 1, has: kept });
    await engine.files.open(() => true);
  });

  test('takes all its files with it, and nothing of others', async () => {
    await commands.forget(engine, { contact: 'ana' });
    expect(left()).toEqual({
      files: ['anabel:0:4', 'bo:1:5'],
      pieces: ['anabel:0:4'],
      sources: ['bo:1:5'],
    });
    expect([idb.keys('messages'), idb.keys('contacts')]).toEqual([
      [4, 5],
      ['anabel', 'bo'],
    ]);
    expect([...engine.files.desks.keys()]).toEqual(['anabel', 'bo']);
  });

  test.each(['pieces', 'sources', 'files', 'contacts'])(
    'and cannot be because %s fail: it is here whole, with its transfers',
    async (store) => {
      const before = left();
      const picked = new File(['abcdef'], 'a'); // too large for a copy in the database
      engine.files.desk('ana').sources.set(sent, picked);
      idb.broken = store;
      await expect(commands.forget(engine, { contact: 'ana' })).rejects.toThrow('disk');
      idb.broken = '';
      expect(left()).toEqual(before);
      expect([idb.keys('messages'), idb.keys('contacts')]).toEqual([
        [1, 2, 4, 5],
        ['ana', 'anabel', 'bo'],
      ]);
      await vi.waitFor(() => expect(engine.files.desk('ana').transfer.outgoing.size).toBe(1));
      expect([...engine.files.desk('ana').cards.keys()]).toEqual([1, 2]);
      expect(engine.files.desk('ana').sources.get(sent)).toBe(picked);
    },
  );

  test('waits for what is being written, so that nothing of it comes afterwards', async () => {
    const { store } = engine.files;
    const desk = engine.files.desk('ana');
    let go;
    const held = new Promise((done) => (go = done));
    void desk.incoming.serial(() =>
      held.then(() => store.putPieces([{ key: received, from: 4, to: 6, blob: new Blob(['ef']) }])),
    );
    void desk.serial(async () => {
      await held;
      await store.put({ ...(await store.get(received)), key: 'ana:0:late' });
    });
    const forgotten = commands.forget(engine, { contact: 'ana' });
    go();
    await forgotten;
    await desk.idle();
    expect(
      Object.values(left())
        .flat()
        .filter((key) => key.startsWith('ana:')),
    ).toEqual([]);
  });
});

describe('at the start', () => {
  beforeEach(() => idb.fill('contacts', ['ana', contact('ana')]));

  test('what nothing refers to is deleted', async () => {
    card('ana', 1, { has: ['pieces', 'sources'] }); // no record
    card('ana', 2, { state: 'saved', has: ['files', 'pieces'] }); // the message was deleted
    card('ana', 3, { state: 'over' }); // it failed
    card('ana', 4, { state: 'saved', mine: 1, has: ['messages', 'files', 'sources'] }); // it was sent
    card('eve', 5, { state: 'saved', has: ['files', 'pieces'] }); // the contact was deleted
    card('eve', 6, { state: 'over', has: ['files'] });
    expect(await sweep(db)).toBe(6);
    // Records of a contact answer offers that are repeated.
    expect(left()).toEqual({ files: ['ana:0:2', 'ana:0:3', 'ana:1:4'], pieces: [], sources: [] });
    expect(await sweep(db)).toBe(0);
  });

  test('what is wanted stays: received files, and what is being received or sent', async () => {
    card('ana', 1);
    card('ana', 2, { state: 'saved' });
    card('ana', 3, { mine: 1, has: ['messages', 'files', 'sources'] });
    card('ana', 4, { mine: 1, state: 'queued', has: ['messages', 'files', 'sources'] });
    card('new', 5); // the contact is not stored yet
    const before = left();
    const writes = vi.spyOn(db, 'write');
    expect(await sweep(db)).toBe(0);
    expect([left(), writes.mock.calls]).toEqual([before, []]);
  });

  test('what is wanted again by the time it would be deleted stays', async () => {
    const key = card('ana', 1, { state: 'over' });
    const write = db.write.bind(db);
    db.write = async (...args) => {
      card('ana', 1, { has: [] });
      Object.assign(idb.stores.files.rows[0][1], { state: 'open', open: 1 });
      return write(...args);
    };
    expect(await sweep(db)).toBe(0);
    expect(idb.keys('pieces').map(([of]) => of)).toEqual([key, key]);
  });

  test('however many there are', async () => {
    for (let n = 1; n <= 204; n += 1) card('ana', n, n % 2 ? { state: 'saved' } : { has: ['pieces', 'sources'] });
    expect(await sweep(db)).toBe(102);
    expect([left().pieces.length, left().sources.length]).toEqual([102, 0]);
  });
});
