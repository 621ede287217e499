/**
 * Sends bytes: reads slices of the person's file, hashes them, and sends as much as the window allows. A copy in the
 * database, if there is one, is read instead of the file, which may be moved or changed.
 */
import { asError, codeOf } from '../errors.js';
import { FILE_CHANGED, FILE_PIECE_BYTES, FILE_UNREADABLE } from '../../../client/wire_table.js';

/** Messages that are prepared at a time. */
const AHEAD = 4;
/** Bytes that are read at a time: for a browser, each request costs more than the bytes. */
const BLOCK_BYTES = 8 * FILE_PIECE_BYTES;
/** Blocks of one contact: for each file that is being sent, the present block and the next. */
const BLOCKS_MAX = 8;
const HASH_BYTES = 1048576;
/**
 * Bytes that may be under way: sent, and not stored by the other side. More is faster over a distance, but a browser
 * that ends loses them, and they are sent again. So it is this part of all that is being sent, within limits.
 */
const UNDER_WAY_PART = 128;
const UNDER_WAY_LEAST = 1048576;
const UNDER_WAY_MOST = 4194304;
/** A larger file is not copied, so it has to be chosen again after all tabs were closed. */
const COPY_MAX_BYTES = 2 * 2 ** 30;

/** @typedef {import('../types.js').TransferFile} TransferFile */
/** @typedef {import('../types.js').Want} Want */
/** @typedef {import('./incoming.js').Hash} Hash */
/** @typedef {{file: TransferFile, from: number, to: number, bytes: Promise<Uint8Array>}} Block */

/**
 * @typedef {object} OutgoingServices
 * @property {import('../types.js').Transfer} transfer
 * @property {import('./store.js').FileStore} store
 * @property {() => Hash} sha256
 * @property {() => Promise<number>} room how many more bytes the browser would store
 * @property {(text: string) => void} log
 */

/** One outgoing file. */
class Departure {
  /**
   * @param {TransferFile} file @param {Blob | undefined} source undefined: the bytes are not here @param {Hash} hash
   */
  constructor(file, source, hash) {
    this.file = file;
    this.source = source;
    this.hash = hash;
    this.hashed = 0;
    /** While bytes that were sent before are being hashed. @type {Promise<void> | null} */
    this.catching = null;
    /** @type {Uint8Array | null} */
    this.sha256 = null;
  }
}

export class Outgoing {
  /** @param {OutgoingServices} desk */
  constructor(desk) {
    this.desk = desk;
    /** @type {Map<string, Departure>} by file id */
    this.departures = new Map();
    /** What was read and not sent yet; the most recently used block is the last. @type {Block[]} */
    this.blocks = [];
    /** What was last passed to the transfer, which sends it during that call. @type {Want | null} */
    this.sending = null;
    /** Bytes that are under way in the present session. */
    this.underWay = { bytes: 0 };
  }

  /** A session begins, or begins again: what was under way before is lost. */
  begin() {
    this.underWay = { bytes: 0 };
  }

  /**
   * Counts bytes that are sent. Returns a function to be called once when the other side has stored them, or when they
   * are lost.
   * @param {number} bytes
   */
  sent(bytes) {
    const { underWay } = this;
    underWay.bytes += bytes;
    return () => {
      underWay.bytes -= bytes;
    };
  }

  /** Returns how many more bytes may be sent now. */
  get allowance() {
    let all = 0;
    for (const { size } of this.desk.transfer.outgoing.values()) all += size;
    const most = Math.min(UNDER_WAY_MOST, Math.max(UNDER_WAY_LEAST, Math.floor(all / UNDER_WAY_PART)));
    return most - this.underWay.bytes;
  }

  /** @param {TransferFile} file @param {Blob | undefined} source */
  add(file, source) {
    this.departures.set(file.id, new Departure(file, source, this.desk.sha256()));
  }

  /** Keeps a copy of a file, if there is room for it. @param {string} id @param {string} key @param {Blob} source */
  async keep(id, key, source) {
    const { store, room, log } = this.desk;
    if (source.size > COPY_MAX_BYTES || source.size > (await room()) / 2) return;
    try {
      await store.putSource(key, source);
      const copy = await store.source(key);
      const departure = this.departures.get(id);
      if (departure && copy?.size === source.size) departure.source = copy;
      else if (!departure) await store.dropSources(key);
    } catch (error) {
      log(`no copy of what is sent: ${asError(error).name ?? error}`);
    }
  }

  /**
   * Reads and sends what the transfer wants next. Returns false when it wants nothing, or nothing more may go.
   * @param {() => Promise<unknown>} sent returns a promise that settles when the last message was accepted
   */
  async sendSome(sent) {
    const { transfer } = this.desk;
    /** @type {Want[]} */
    const wants = [];
    for (let left = this.allowance; left > 0 && wants.length < AHEAD;) {
      const want = transfer.nextWant();
      if (!want) break;
      wants.push(want);
      left -= want.size;
    }
    const reads = wants.map((want) => (want.end ? null : this.read(want)));
    for (const [i, want] of wants.entries()) {
      if (want.end) await this.end(want);
      else if (!(await this.hand(want, await reads[i]))) return true;
      await sent();
    }
    return wants.length > 0;
  }

  /** Returns the bytes of a want, or null if they could not be read. @param {Want} want */
  async read({ file, offset, size }) {
    const block = this.blockWith(file, offset, size);
    try {
      return (await block.bytes).subarray(offset - block.from, offset - block.from + size);
    } catch (error) {
      this.blocks = this.blocks.filter((one) => one !== block);
      this.desk.log(`cannot read: ${asError(error).name ?? error}`);
      return null;
    }
  }

  /**
   * Returns the block with these bytes; starts to read the one after it.
   * @param {TransferFile} file @param {number} offset @param {number} size
   */
  blockWith(file, offset, size) {
    const found = this.blocks.find((one) => one.file === file && one.from <= offset && offset + size <= one.to);
    const block = found ?? this.readBlock(file, offset);
    this.blocks = [...this.blocks.filter((one) => one !== block), block];
    if (block.to < file.size && !this.blocks.some((one) => one.file === file && one.from === block.to))
      this.readBlock(file, block.to);
    if (this.blocks.length > BLOCKS_MAX) this.blocks.splice(0, this.blocks.length - BLOCKS_MAX);
    return block;
  }

  /** @param {TransferFile} file @param {number} from */
  readBlock(file, from) {
    const to = Math.min(from + BLOCK_BYTES, file.size);
    const bytes = bytesOf(this.departures.get(file.id)?.source, from, to);
    bytes.catch(() => {}); // reported to the caller that awaits them
    const block = { file, from, to, bytes };
    this.blocks.push(block);
    return block;
  }

  /**
   * Passes bytes to the transfer. Returns false if they cannot be sent now.
   * @param {Want} want @param {Uint8Array | null} bytes
   */
  async hand(want, bytes) {
    const { transfer } = this.desk;
    const departure = this.departures.get(want.file.id);
    if (!departure || transfer.outgoing.get(want.file.id) !== want.file) return true;
    if (!bytes || bytes.length !== want.size) {
      transfer.readFailed(want.file.id, bytes ? FILE_CHANGED : FILE_UNREADABLE);
      return true;
    }
    if (!departure.catching && departure.hashed === want.offset && !departure.sha256) {
      departure.hash.update(bytes);
      departure.hashed += bytes.length;
    } else if (departure.hashed < want.offset) void this.catchUp(departure);
    this.sending = want;
    return attempt(() => transfer.read(want, bytes));
  }

  /** @param {Want} want */
  async end(want) {
    const { transfer } = this.desk;
    const departure = this.departures.get(want.file.id);
    if (!departure) return;
    let sha256;
    try {
      sha256 = departure.sha256 ??= await this.digest(departure);
    } catch (error) {
      this.desk.log(`cannot read: ${asError(error).name ?? error}`);
      if (transfer.outgoing.get(want.file.id) === want.file) transfer.readFailed(want.file.id, FILE_UNREADABLE);
      return;
    }
    attempt(() => transfer.readEnd(want, sha256));
  }

  /** @param {Departure} departure */
  async digest(departure) {
    while (departure.hashed < departure.file.size) await this.catchUp(departure);
    return departure.hash.digest();
  }

  /**
   * Hashes bytes that were sent before this engine started, while more are sent.
   * @param {Departure} departure @returns {Promise<void>}
   */
  catchUp(departure) {
    departure.catching ??= this.hashSource(departure).finally(() => (departure.catching = null));
    departure.catching.catch(() => {}); // reported to the caller that awaits the hash
    return departure.catching;
  }

  /** @param {Departure} departure */
  async hashSource(departure) {
    const { file } = departure;
    do {
      const to = Math.min(departure.hashed + HASH_BYTES, file.size);
      const bytes = await bytesOf(departure.source, departure.hashed, to);
      if (this.departures.get(file.id) !== departure) throw new Error('over');
      if (bytes.length !== to - departure.hashed) throw new Error('shorter than it was');
      departure.hash.update(bytes);
      departure.hashed = to;
    } while (departure.hashed < Math.min(file.next, file.size));
  }

  /** Forgets a file that is over or has lost its source. @param {string} id */
  forget(id) {
    this.departures.get(id)?.hash.drop();
    this.departures.delete(id);
    this.blocks = this.blocks.filter(({ file }) => file.id !== id);
  }

  stop() {
    for (const id of [...this.departures.keys()]) this.forget(id);
  }
}

/** @param {Blob | undefined} source @param {number} from @param {number} to */
async function bytesOf(source, from, to) {
  if (!source) throw new Error('the file is not here');
  return new Uint8Array(await source.slice(from, to).arrayBuffer());
}

/** Returns false when the transfer cannot send now; it will want the same again. @param {() => void} call */
function attempt(call) {
  try {
    call();
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EAGAIN') throw error;
    return false;
  }
}
