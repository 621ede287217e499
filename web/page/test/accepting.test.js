/** Files that are taken without asking, from several contacts at once: the real `Files`, with the offers of peers. */
import { beforeEach, expect, test, vi } from 'vitest';
import { encode } from '../../client/core/wire.js';
import { FILE_CANCELLED, FILE_DECLINED, FILE_OFFER, FILE_STOP } from '../../client/wire_table.js';
import { Files } from '../engine/files/files.js';
import { MemoryDb, MemoryFileStore, Sha256 } from './memory-db.js';

let db, files, engine, space, rooms;

beforeEach(() => {
  db = new MemoryDb();
  files = null;
  space = 1000;
  rooms = [];
  const contact = (id) => [id, { id, accepts: 1000, blocked: false }];
  engine = {
    ...{ db, lib: { Sha256 }, now: () => 1, server: { changed: null }, doubt: () => null, log() {}, received() {} },
    contacts: new Map(['ana', 'bo', 'cem'].map(contact)),
    tell: { messages() {}, files() {}, state() {} },
    room: async () => space,
  };
  start();
});

/** Starts an engine with the same database. */
function start() {
  const store = files?.store ?? new MemoryFileStore();
  files = new Files(engine);
  files.store = files.services.store = db.files = store;
  for (const id of engine.contacts.keys())
    files.desk(id).begin({ state: 'linked', messageMax: 262144, setPriority() {}, send: async () => ({}) });
}

const idOf = (n) => new Uint8Array(16).fill(n);
/** A contact offers a file, or one of a group. */
const offers = (contact, n, size, group = {}) =>
  files.desk(contact).message(
    encode('file_offer', {
      ...{ type: FILE_OFFER, id: idOf(n), flags: 0, size, name: Buffer.from(`${n}`), media_type: Buffer.from('') },
      ...{ group: idOf(0), group_files: 0, group_bytes: 0, ...group },
    }),
  );
const decided = async () => {
  for (const desk of files.desks.values()) await desk.jobs;
};
const states = () => db.list.map(({ state }) => state);
const stores = (contact, n, size) => {
  const file = files.desk(contact).transfer.incoming.get(Buffer.from(idOf(n)).toString('hex'));
  Object.assign(file, { stored: size });
  space -= size;
};

test('what was taken and is not here yet counts as room that is needed', async () => {
  for (const n of [1, 2, 3, 4]) offers('ana', n, 200);
  await decided();
  // Half of what is free: 500, 400, 300 and 200.
  expect(states()).toEqual(['open', 'open', 'open', 'open']);
  offers('ana', 5, 101);
  await decided();
  expect(states().at(-1)).toBe('asking');
  offers('ana', 6, 100);
  await decided();
  expect(states().at(-1)).toBe('open');
});

test('it is the same after some of it arrived, and after a restart', async () => {
  offers('ana', 1, 400);
  await decided();
  stores('ana', 1, 300);
  offers('bo', 2, 301); // 700 are free, of which 100 are still to come
  await decided();
  expect(states()).toEqual(['open', 'asking']);
  await files.store.putPieces([
    { key: `ana:0:${Buffer.from(idOf(1)).toString('hex')}`, from: 0, to: 300, blob: new Blob() },
  ]);
  files.stop();
  start();
  for (const { contact, card } of await files.store.open()) await files.desk(contact).open(card);
  offers('cem', 3, 301);
  offers('cem', 4, 300);
  await decided();
  expect(states()).toEqual(['open', 'asking', 'asking', 'open']);
});

test('two contacts whose offers come at the same time do not both get the same room', async () => {
  let go;
  const asked = new Promise((done) => (go = done));
  engine.room = () => (rooms.push(1), asked);
  const change = db.changeMessage.bind(db);
  let stored;
  const writes = new Promise((done) => (stored = done));
  db.changeMessage = async (...args) => (await writes, change(...args)); // nothing is stored as open yet
  for (const [n, contact] of ['ana', 'bo', 'cem'].entries()) offers(contact, n + 1, 500);
  await vi.waitFor(() => expect(rooms.length).toBe(3));
  go(1000);
  stored();
  await decided();
  expect(states().sort()).toEqual(['asking', 'asking', 'open']);
});

test.each([
  ['is declined here', () => files.desk('ana').stop(1, FILE_DECLINED)],
  [
    'is cancelled there',
    () => files.desk('ana').message(encode('file_stop', { type: FILE_STOP, id: idOf(1), why: FILE_CANCELLED })),
  ],
  ['could not be stored as taken', () => {}, 'fails'],
])('what %s needs no room', async (_, end, fails) => {
  const change = db.changeMessage.bind(db);
  if (fails) db.changeMessage = () => Promise.reject(new Error('disk'));
  offers('ana', 1, 500);
  await decided();
  db.changeMessage = change;
  await end();
  await decided();
  offers('bo', 2, 500);
  await decided();
  expect(states()).toEqual([fails ? 'asking' : 'over', 'open']);
});

test('an offer that waits for the person needs no room; one that they accepted does', async () => {
  engine.contacts.get('ana').accepts = undefined;
  offers('ana', 1, 600);
  offers('bo', 2, 200);
  await decided();
  expect(states()).toEqual(['asking', 'open']);
  await files.desk('ana').accept(1);
  offers('cem', 3, 101); // 200 are free
  offers('cem', 4, 100);
  await decided();
  expect(states()).toEqual(['open', 'open', 'asking', 'open']);
});

test('a group that grows needs room for what it has become', async () => {
  const group = { group: idOf(9), group_files: 3, group_bytes: 2 };
  offers('ana', 1, 1, group);
  offers('ana', 2, 499, group);
  await decided();
  expect(states()).toEqual(['open']);
  offers('bo', 4, 251);
  await decided();
  expect(states()).toEqual(['open', 'asking']);
  offers('ana', 3, 1, group);
  await decided();
  expect(states()).toEqual(['asking', 'asking']);
});
