/**
 * What IndexedDB keeps of files: a record of each (`files`), the received bytes as Blobs (`pieces`, by file, start and
 * end), and copies of what is being sent (`sources`), so that transfers resume by themselves after all tabs were
 * reloaded. A Blob refers to data on the browser's disk, so no file is ever in memory as a whole.
 */
import { committed, done } from '../db.js';

/** @typedef {import('../types.js').FileRecord} FileRecord */

/**
 * The range of all pieces of a file, or of those from one place on. It ends in an empty list, which sorts after all
 * numbers.
 * @param {string} key @param {number[]} place
 */
const from = (key, ...place) => IDBKeyRange.bound([key, ...place], [key, []]);

/** @param {string} contact @param {0 | 1} mine @param {string} id */
export const keyOf = (contact, mine, id) => `${contact}:${mine}:${id}`;

export class FileStore {
  /** @param {import('../db.js').Db} db */
  constructor(db) {
    this.db = db;
  }

  /* ---- records --------------------------------------------------------------------------------------- */

  /** Returns the records of all contacts that are not over. @returns {Promise<FileRecord[]>} */
  open() {
    return done(this.db.read('files').index('open').getAll());
  }
  /** @param {string} key @returns {Promise<FileRecord | undefined>} */
  get(key) {
    return done(this.db.read('files').get(key));
  }
  /**
   * Returns the records of one card, in the order in which they were added.
   * @param {number} card @returns {Promise<FileRecord[]>}
   */
  ofCard(card) {
    return done(
      this.db
        .read('files')
        .index('card')
        .getAll(IDBKeyRange.bound([card, 0], [card, Infinity])),
    );
  }
  /** @param {FileRecord[]} records */
  put(...records) {
    return this.db.write('files', (store) => Promise.all(records.map((record) => done(store.put(record)))));
  }

  /* ---- received bytes -------------------------------------------------------------------------------- */

  /** Stores all of these pieces, or none. @param {{key: string, from: number, to: number, blob: Blob}[]} pieces */
  async putPieces(pieces) {
    const transaction = this.db.db.transaction('pieces', 'readwrite');
    const end = committed(transaction);
    end.catch(() => {});
    const store = transaction.objectStore('pieces');
    for (const piece of pieces) store.put(piece.blob, [piece.key, piece.from, piece.to]);
    await end;
  }
  /** Returns how many bytes of a file are stored without a gap. @param {string} key */
  async storedTo(key) {
    const keys = /** @type {[string, number, number][]} */ (await done(this.db.read('pieces').getAllKeys(from(key))));
    let to = 0;
    for (const [, at, end] of keys) {
      if (at !== to) break;
      to = end;
    }
    return to;
  }
  /**
   * Returns the piece that starts at this place.
   * @param {string} key @param {number} at @returns {Promise<Blob | undefined>}
   */
  piece(key, at) {
    return done(this.db.read('pieces').get(IDBKeyRange.bound([key, at], [key, at, []])));
  }
  /** Returns the whole file, without reading it. @param {string} key @param {string} type */
  async whole(key, type) {
    return new Blob(await done(this.db.read('pieces').getAll(from(key))), { type });
  }
  /** @param {string[]} keys */
  dropPieces(...keys) {
    return this.db.write('pieces', (store) => Promise.all(keys.map((key) => done(store.delete(from(key))))));
  }

  /* ---- sources of outgoing files ---------------------------------------------------------------------- */

  /** @param {string} key @returns {Promise<Blob | undefined>} */
  source(key) {
    return done(this.db.read('sources').get(key));
  }
  /** @param {string} key @param {Blob} file */
  putSource(key, file) {
    return this.db.write('sources', (store) => done(store.put(file, key)));
  }
  /** @param {string[]} keys */
  dropSources(...keys) {
    return this.db.write('sources', (store) => Promise.all(keys.map((key) => done(store.delete(key)))));
  }
}
