/**
 * Receives bytes: gathers them into pieces, stores and hashes them. A message counts as taken only once its bytes are
 * stored. So the sender is never ahead by more than the window, and after any crash the database knows how far each
 * file is.
 */
import { asError } from '../errors.js';
import { FILE_DAMAGED, FILE_FLAG_FOLDER, FILE_HELD_DISK_FULL, FILE_UNWRITABLE } from '../../../client/wire_table.js';

/**
 * Bytes of all files of one contact that are stored together, at least. What arrives while the database works is the
 * next piece: the slower it is, the larger the pieces, up to the channel's window.
 */
const PIECE_BYTES = 524288;
/** Fewer bytes than a piece wait this long for more. */
const REST_MS = 100;

/** @typedef {import('../types.js').TransferFile} TransferFile */
/** @typedef {{update: (bytes: Uint8Array) => void, digest: () => Uint8Array, drop: () => void}} Hash */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{arrival: Arrival, parts: Bytes[], key: string, from: number, to: number, blob: Blob}} Piece */

/**
 * @typedef {object} IncomingServices
 * @property {import('../types.js').Transfer} transfer
 * @property {import('./store.js').FileStore} store
 * @property {() => Hash} sha256
 * @property {(file: TransferFile) => Promise<void>} saved stores that the file is complete
 * @property {(file: TransferFile, bytes: number) => void} progress
 * @property {(file: TransferFile, is: boolean) => void} checking
 * @property {() => void} full the disk is full
 * @property {() => void} work there may be something to send
 * @property {(text: string) => void} log
 */

/** @param {Uint8Array[]} parts */
const sizeOf = (parts) => parts.reduce((sum, part) => sum + part.length, 0);
/** @param {Uint8Array} a @param {Uint8Array} b */
const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** One incoming file. */
class Arrival {
  /** @param {TransferFile} file @param {string} key @param {Hash} hash */
  constructor(file, key, hash) {
    this.file = file;
    this.key = key;
    /** Bytes in the database. */
    this.stored = 0;
    /** Where `parts` start in the file. */
    this.at = 0;
    /** Bytes that are not stored yet. @type {Bytes[]} */
    this.parts = [];
    this.hash = hash;
    this.hashed = 0;
    /** While stored bytes are being hashed. @type {Promise<void> | null} */
    this.catching = null;
  }
}

export class Incoming {
  /** @param {IncomingServices} desk */
  constructor(desk) {
    this.desk = desk;
    /** @type {Map<string, Arrival>} by file id */
    this.arrivals = new Map();
    /** To be called, in order, once the bytes that came before are stored. @type {(() => void)[]} */
    this.takens = [];
    /** Bytes in the parts of all arrivals. */
    this.waiting = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** How many calls of `write` are queued or running. */
    this.writes = 0;
    /** What was stored and is not hashed yet. @type {Piece[]} */
    this.unhashed = [];
    /** The last of the jobs that write or delete pieces; they run one after the other. */
    this.writing = Promise.resolve();
  }

  /** @param {() => unknown} job @returns {Promise<void>} */
  serial(job) {
    this.writing = this.writing
      .then(async () => void (await job()))
      .catch((error) => this.desk.log(`files: ${asError(error).stack ?? error}`));
    return this.writing;
  }

  /**
   * Prepares to receive a file; tells the transfer how much of it is stored.
   * @param {TransferFile} file @param {string} key
   */
  prepare(file, key) {
    return this.serial(async () => {
      const { transfer, store, sha256, work } = this.desk;
      if (file.flags & FILE_FLAG_FOLDER) {
        await this.finished(file, 0);
        return;
      }
      let stored = await store.storedTo(key);
      if (!file.isStream && stored > file.size) {
        await store.dropPieces(key);
        stored = 0;
      }
      if (transfer.incoming.get(file.id) !== file || file.state !== 'preparing') return;
      this.forget(file.id);
      const arrival = new Arrival(file, key, sha256());
      arrival.stored = arrival.at = stored;
      this.arrivals.set(file.id, arrival);
      transfer.ready(file.id, stored);
      void this.catchUp(arrival);
      work();
    });
  }

  /** @param {TransferFile} file @param {Uint8Array} data which the arrival keeps */
  put(file, data) {
    const arrival = this.arrivals.get(file.id);
    if (!arrival) return;
    arrival.parts.push(/** @type {Bytes} */ (data));
    this.waiting += data.length;
  }

  /** Called after each message, to take it once its bytes are stored. @param {() => void} taken */
  due(taken) {
    this.takens.push(taken);
    if (this.waiting < PIECE_BYTES) this.timer ??= setTimeout(() => this.flush(), REST_MS);
    else if (this.writes === 0) void this.flush();
  }

  /** Stores all bytes that wait. */
  flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writes++;
    return this.serial(() => this.write().finally(() => this.writes--)).then(() => {
      if (this.writes === 0 && this.waiting >= PIECE_BYTES) void this.flush();
    });
  }

  async write() {
    const takens = this.takens.splice(0);
    /** @type {Piece[]} */
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
      const stored = pieces.length > 0 ? this.desk.store.putPieces(pieces) : null;
      this.hashNow(); // the pieces before these, while the database works
      await stored;
      for (const piece of pieces) this.wrote(piece);
    } catch (error) {
      for (const { arrival, from } of pieces) this.failed(arrival, from, error);
    }
    for (const taken of takens) taken();
    this.desk.work();
    if (this.waiting < PIECE_BYTES) this.hashNow();
  }

  /** @param {Piece} piece */
  wrote(piece) {
    const { arrival, from, to } = piece;
    const { file } = arrival;
    const { transfer, progress } = this.desk;
    arrival.stored = to;
    if (this.arrivals.get(file.id) !== arrival) return;
    transfer.stored(file.id, to);
    progress(file, to - from);
    this.unhashed.push(piece);
  }

  /** Hashes what was stored, from memory. What it leaves out is read from the database by `catchUp`. */
  hashNow() {
    for (const { arrival, parts, from, to } of this.unhashed.splice(0)) {
      if (this.arrivals.get(arrival.file.id) !== arrival || arrival.catching || arrival.hashed !== from) continue;
      for (const part of parts) arrival.hash.update(part);
      arrival.hashed = to;
    }
  }

  /** @param {Arrival} arrival @param {number} place @param {unknown} error */
  failed(arrival, place, error) {
    const { file } = arrival;
    if (this.arrivals.get(file.id) !== arrival) return;
    this.waiting -= sizeOf(arrival.parts);
    arrival.parts = [];
    arrival.at = place;
    const { name } = asError(error);
    const full = name === 'QuotaExceededError';
    this.desk.log(`cannot store: ${name ?? error}`);
    this.desk.transfer.storeFailed(file.id, place, full ? FILE_HELD_DISK_FULL : FILE_UNWRITABLE);
    if (full) this.desk.full();
  }

  /**
   * Hashes bytes that are stored already: after a restart, while more arrive.
   * @param {Arrival} arrival @returns {Promise<void>}
   */
  catchUp(arrival) {
    arrival.catching ??= this.hashStored(arrival)
      .catch((error) => this.unreadable(arrival, error))
      .finally(() => (arrival.catching = null));
    return arrival.catching;
  }

  /** What is stored cannot be read, so the file can never be saved: gives it up. @param {Arrival} arrival
   *  @param {unknown} error */
  unreadable(arrival, error) {
    const { file } = arrival;
    this.desk.log(`cannot read what is stored: ${asError(error).name}`);
    if (this.arrivals.get(file.id) !== arrival || (file.state !== 'moving' && file.state !== 'ending')) return;
    this.desk.transfer.storeFailed(file.id, arrival.stored, FILE_UNWRITABLE);
    this.desk.work();
  }

  /** @param {Arrival} arrival */
  async hashStored(arrival) {
    while (arrival.hashed < arrival.stored && this.arrivals.get(arrival.file.id) === arrival) {
      const piece = await this.desk.store.piece(arrival.key, arrival.hashed);
      if (!piece) throw new Error('a stored piece is missing');
      const bytes = new Uint8Array(await piece.arrayBuffer());
      if (this.arrivals.get(arrival.file.id) !== arrival) return;
      arrival.hash.update(bytes);
      arrival.hashed += bytes.length;
    }
  }

  /**
   * All bytes have arrived: stores the rest and checks the hash.
   * @param {TransferFile} file @param {Uint8Array} sha256
   */
  async finish(file, sha256) {
    const arrival = this.arrivals.get(file.id);
    if (!arrival) return;
    const wanted = sha256.slice();
    await this.flush();
    this.hashNow();
    this.desk.checking(file, true);
    try {
      while (file.state === 'ending' && arrival.hashed < arrival.stored && this.arrivals.get(file.id) === arrival)
        await this.catchUp(arrival);
    } finally {
      this.desk.checking(file, false);
    }
    if (file.state !== 'ending' || this.arrivals.get(file.id) !== arrival || arrival.stored !== file.size) return;
    const fits = equal(arrival.hash.digest(), wanted);
    await this.serial(() => this.finished(file, fits ? 0 : FILE_DAMAGED));
  }

  /**
   * Ends a file; the database learns that it is saved before the sender does.
   * @param {TransferFile} file @param {number} why 0, or FILE_…
   */
  async finished(file, why) {
    const { transfer, saved, work } = this.desk;
    if (transfer.incoming.get(file.id) !== file) return;
    if (why === 0) await saved(file);
    transfer.finished(file.id, why);
    work();
  }

  /** @param {string} id */
  forget(id) {
    const arrival = this.arrivals.get(id);
    if (!arrival) return;
    this.waiting -= sizeOf(arrival.parts);
    this.unhashed = this.unhashed.filter((piece) => piece.arrival !== arrival);
    arrival.hash.drop();
    this.arrivals.delete(id);
  }

  /** Deletes what is stored of a file that ended without being saved. @param {string} id @param {string} key */
  drop(id, key) {
    this.forget(id);
    return this.serial(() => this.desk.store.dropPieces(key));
  }

  stop() {
    clearTimeout(this.timer);
    for (const id of [...this.arrivals.keys()]) this.forget(id);
  }
}
