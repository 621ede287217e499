/**
 * What is kept of files, in IndexedDB: a record of each (`files`), the bytes that came so far as Blobs (`pieces`, by
 * file, place and end), and copies of what is being sent (`sources`), so that a reload of all tabs goes on by itself.
 * Blobs are references to what the browser has on its disk: no file is ever whole in memory.
 */
import { committed, done } from '../db.js';

/** All pieces of a file, or those from one place on: lists sort after numbers. */
const from = (key, ...place) => IDBKeyRange.bound([key, ...place], [key, []]);

export const keyOf = (contact, mine, id) => `${contact}:${mine}:${id}`;

export class FileStore {
  /** @param {import('../db.js').Db} db */
  constructor(db) {
    this.db = db;
  }

  /* ---- records --------------------------------------------------------------------------------------- */

  /** Those of all contacts that are not over. */
  open() {
    return done(this.db.read('files').index('open').getAll());
  }
  get(key) {
    return done(this.db.read('files').get(key));
  }
  /** Of one card, in the order in which they were added. */
  ofCard(card) {
    return done(
      this.db
        .read('files')
        .index('card')
        .getAll(IDBKeyRange.bound([card, 0], [card, Infinity])),
    );
  }
  put(...records) {
    return this.db.write('files', (store) => Promise.all(records.map((record) => done(store.put(record)))));
  }

  /* ---- bytes that came ------------------------------------------------------------------------------- */

  /** @param {{key: string, from: number, to: number, blob: Blob}[]} pieces all of them, or none */
  async putPieces(pieces) {
    const transaction = this.db.db.transaction('pieces', 'readwrite');
    const end = committed(transaction);
    end.catch(() => {});
    const store = transaction.objectStore('pieces');
    for (const piece of pieces) store.put(piece.blob, [piece.key, piece.from, piece.to]);
    await end;
  }
  /** How far a file is here. */
  async storedTo(key) {
    const keys = await done(this.db.read('pieces').getAllKeys(from(key)));
    let to = 0;
    for (const [, at, end] of keys) {
      if (at !== to) break;
      to = end;
    }
    return to;
  }
  /** The piece at this place. @returns {Promise<Blob | undefined>} */
  piece(key, at) {
    return done(this.db.read('pieces').get(IDBKeyRange.bound([key, at], [key, at, []])));
  }
  /** The whole file, without reading it. @returns {Promise<Blob>} */
  async whole(key, type) {
    return new Blob(await done(this.db.read('pieces').getAll(from(key))), { type });
  }
  dropPieces(...keys) {
    return this.db.write('pieces', (store) => Promise.all(keys.map((key) => done(store.delete(from(key))))));
  }

  /* ---- what is sent ---------------------------------------------------------------------------------- */

  /** @returns {Promise<Blob | undefined>} */
  source(key) {
    return done(this.db.read('sources').get(key));
  }
  putSource(key, file) {
    return this.db.write('sources', (store) => done(store.put(file, key)));
  }
  dropSources(...keys) {
    return this.db.write('sources', (store) => Promise.all(keys.map((key) => done(store.delete(key)))));
  }

  /** Everything of one contact. */
  async forget(contact) {
    const records = await done(this.db.read('files').getAll(IDBKeyRange.bound(`${contact}:`, `${contact}:\uffff`)));
    const keys = records.map(({ key }) => key);
    await Promise.all([this.dropPieces(...keys), this.dropSources(...keys)]);
    await this.db.write('files', (store) => Promise.all(keys.map((key) => done(store.delete(key)))));
  }
}
