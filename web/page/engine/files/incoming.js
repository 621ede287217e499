/**
 * Bytes that come: gathered to pieces, stored, hashed. What came is said to be taken only once it is stored, so the
 * sender never is further ahead than the window, and after a crash of whatever kind the place in the database is the
 * truth.
 */
import { FILE_DAMAGED, FILE_FLAG_FOLDER, FILE_HELD_DISK_FULL, FILE_UNWRITABLE } from '../../../client/wire_table.js';

/** Of all files of one contact together: half of a channel's window, so that the sender goes on meanwhile. */
const PIECE_BYTES = 524288;
/** What is less than a piece waits no longer than this for more. */
const REST_MS = 100;

const sizeOf = (parts) => parts.reduce((sum, part) => sum + part.length, 0);
const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** One file that comes. */
class Arrival {
  /** @param {object} file of the transfer  @param {string} key @param {object} hash */
  constructor(file, key, hash) {
    this.file = file;
    this.key = key;
    /** In the database. */
    this.stored = 0;
    /** Where `parts` begin. */
    this.at = 0;
    this.parts = [];
    this.hash = hash;
    this.hashed = 0;
    this.catching = null;
  }
}

export class Incoming {
  /**
   * @param {{transfer: object, store: import('./store.js').FileStore, sha256: () => object,
   *   saved: (file: object) => Promise<void>, progress: (file: object, bytes: number) => void, checking: (file: object,
   * is: boolean) => void, full: () => void,
   *   work: () => void, log: (text: string) => void}} desk
   */
  constructor(desk) {
    this.desk = desk;
    /** @type {Map<string, Arrival>} */
    this.arrivals = new Map();
    /** To be called, in order, once all that came before is stored. */
    this.takens = [];
    this.waiting = 0;
    this.timer = undefined;
    /** One after the other: what is written, and what is dropped. */
    this.writing = Promise.resolve();
  }

  serial(job) {
    this.writing = this.writing.then(job).catch((error) => this.desk.log(`files: ${error?.stack ?? error}`));
    return this.writing;
  }

  /** A file is wanted: says what is here of it. */
  prepare(file, key) {
    return this.serial(async () => {
      const { transfer, store, sha256, work } = this.desk;
      if (file.flags & FILE_FLAG_FOLDER) return this.finished(file, 0);
      let stored = await store.storedTo(key);
      if (!file.isStream && stored > file.size) {
        await store.dropPieces(key);
        stored = 0;
      }
      if (transfer.incoming.get(file.id) !== file || file.state !== 'preparing') return undefined;
      this.forget(file.id);
      const arrival = new Arrival(file, key, sha256());
      arrival.stored = arrival.at = stored;
      this.arrivals.set(file.id, arrival);
      transfer.ready(file.id, stored);
      this.catchUp(arrival);
      work();
      return undefined;
    });
  }

  /** @param {object} file @param {Uint8Array} data */
  put(file, data) {
    const arrival = this.arrivals.get(file.id);
    if (!arrival) return;
    arrival.parts.push(data);
    this.waiting += data.length;
  }

  /** After each message: it is taken once what it brought is stored. */
  due(taken) {
    this.takens.push(taken);
    if (this.waiting >= PIECE_BYTES) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), REST_MS);
  }

  /** Stores all that waits. */
  flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    return this.serial(() => this.write());
  }

  async write() {
    const takens = this.takens.splice(0);
    const pieces = [];
    for (const arrival of this.arrivals.values()) {
      if (arrival.parts.length === 0) continue;
      const { parts, key, at } = arrival;
      arrival.parts = [];
      arrival.at = at + sizeOf(parts);
      pieces.push({ arrival, parts, key, from: at, to: arrival.at, blob: new Blob(parts) });
    }
    this.waiting = 0;
    try {
      if (pieces.length > 0) await this.desk.store.putPieces(pieces);
      for (const piece of pieces) this.wrote(piece);
    } catch (error) {
      for (const { arrival, from } of pieces) this.failed(arrival, from, error);
    }
    for (const taken of takens) taken();
    this.desk.work();
  }

  wrote({ arrival, parts, from, to }) {
    const { file } = arrival;
    const { transfer, progress } = this.desk;
    arrival.stored = to;
    if (this.arrivals.get(file.id) !== arrival) return;
    transfer.stored(file.id, to);
    progress(file, to - from);
    if (arrival.catching || arrival.hashed !== from) return;
    for (const part of parts) arrival.hash.update(part);
    arrival.hashed = to;
  }

  failed(arrival, place, error) {
    const { file } = arrival;
    if (this.arrivals.get(file.id) !== arrival) return;
    this.waiting -= sizeOf(arrival.parts);
    arrival.parts = [];
    arrival.at = place;
    const full = error?.name === 'QuotaExceededError';
    this.desk.log(`cannot store: ${error?.name ?? error}`);
    this.desk.transfer.storeFailed(file.id, place, full ? FILE_HELD_DISK_FULL : FILE_UNWRITABLE);
    if (full) this.desk.full();
  }

  /** Hashes what is stored already: after a restart, beside what comes. */
  catchUp(arrival) {
    arrival.catching ??= this.hashStored(arrival).finally(() => (arrival.catching = null));
    return arrival.catching;
  }

  async hashStored(arrival) {
    while (arrival.hashed < arrival.stored && this.arrivals.get(arrival.file.id) === arrival) {
      const piece = await this.desk.store.piece(arrival.key, arrival.hashed);
      const bytes = new Uint8Array(await piece.arrayBuffer());
      if (this.arrivals.get(arrival.file.id) !== arrival) return;
      arrival.hash.update(bytes);
      arrival.hashed += bytes.length;
    }
  }

  /** All was handed over. */
  async finish(file, sha256) {
    const arrival = this.arrivals.get(file.id);
    if (!arrival) return;
    const wanted = sha256.slice();
    await this.flush();
    this.desk.checking(file, true);
    try {
      while (arrival.hashed < arrival.stored && this.arrivals.get(file.id) === arrival) await this.catchUp(arrival);
    } finally {
      this.desk.checking(file, false);
    }
    if (file.state !== 'ending' || this.arrivals.get(file.id) !== arrival || arrival.stored !== file.size) return;
    const fits = equal(arrival.hash.digest(), wanted);
    await this.serial(() => this.finished(file, fits ? 0 : FILE_DAMAGED));
  }

  /** First the database knows that it is saved, then the sender. */
  async finished(file, why) {
    const { transfer, saved, work } = this.desk;
    if (transfer.incoming.get(file.id) !== file) return;
    if (why === 0) await saved(file);
    transfer.finished(file.id, why);
    work();
  }

  forget(id) {
    const arrival = this.arrivals.get(id);
    if (!arrival) return;
    this.waiting -= sizeOf(arrival.parts);
    arrival.hash.drop();
    this.arrivals.delete(id);
  }

  /** It ended without being saved. */
  drop(id, key) {
    this.forget(id);
    return this.serial(() => this.desk.store.dropPieces(key));
  }

  stop() {
    clearTimeout(this.timer);
    for (const id of [...this.arrivals.keys()]) this.forget(id);
  }
}
