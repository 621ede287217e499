/**
 * Bytes that go: read from the person's file by slices, hashed on the way, sent as far as the window reaches. Where a
 * copy is kept in the database it takes the place of the file, which may be moved or changed.
 */
import { FILE_CHANGED, FILE_PIECE_BYTES, FILE_UNREADABLE } from '../../../client/wire_table.js';

/** Messages that are made at one time. */
const AHEAD = 4;
/** Read at one time: to ask for bytes costs a browser more than to read them. */
const BLOCK_BYTES = AHEAD * FILE_PIECE_BYTES;
/** Of all files of one contact: of each that takes its turn the one that goes out, and the next. */
const BLOCKS_MAX = 8;
const HASH_BYTES = 1048576;
/** A larger file is not copied: after a reload of all tabs it has to be chosen again. */
const COPY_MAX_BYTES = 2 * 2 ** 30;

class Departure {
  constructor(file, source, hash) {
    this.file = file;
    this.source = source;
    this.hash = hash;
    this.hashed = 0;
    this.catching = null;
    this.sha256 = null;
  }
}

export class Outgoing {
  /**
   * @param {{transfer: object, store: import('./store.js').FileStore, sha256: () => object, room: () =>
   * Promise<number>,
   *   log: (text: string) => void}} desk
   */
  constructor(desk) {
    this.desk = desk;
    /** @type {Map<string, Departure>} */
    this.departures = new Map();
    /**
     * What was read and is not sent yet; the last used is the last. @type {{file: object, from: number, to: number,
     * bytes: Promise<Uint8Array>}[]}
     */
    this.blocks = [];
    /** What the transfer is taking right now: it sends a part of this. */
    this.sending = null;
  }

  /** @param {object} file of the transfer  @param {Blob} source */
  add(file, source) {
    this.departures.set(file.id, new Departure(file, source, this.desk.sha256()));
  }

  /** Keeps a copy, if there is room for it. */
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
      log(`no copy of what is sent: ${error?.name ?? error}`);
    }
  }

  /**
   * Reads and hands over what the transfer wants next. False: nothing. @param {() => Promise<unknown>} sent of the last
   * message
   */
  async sendSome(sent) {
    const { transfer } = this.desk;
    const wants = [];
    for (let want; wants.length < AHEAD && (want = transfer.nextWant());) wants.push(want);
    const reads = wants.map((want) => (want.end ? null : this.read(want)));
    for (const [i, want] of wants.entries()) {
      if (want.end) await this.end(want);
      else if (!(await this.hand(want, await reads[i]))) return true;
      await sent();
    }
    return wants.length > 0;
  }

  /** @returns {Promise<Uint8Array | null>} null: it could not be read */
  async read({ file, offset, size }) {
    const block = this.blockWith(file, offset, size);
    try {
      return (await block.bytes).subarray(offset - block.from, offset - block.from + size);
    } catch (error) {
      this.blocks = this.blocks.filter((one) => one !== block);
      this.desk.log(`cannot read: ${error?.name ?? error}`);
      return null;
    }
  }

  /** The block with these bytes; the one after it is read meanwhile. */
  blockWith(file, offset, size) {
    const found = this.blocks.find((one) => one.file === file && one.from <= offset && offset + size <= one.to);
    const block = found ?? this.readBlock(file, offset);
    this.blocks = [...this.blocks.filter((one) => one !== block), block];
    if (block.to < file.size && !this.blocks.some((one) => one.file === file && one.from === block.to))
      this.readBlock(file, block.to);
    if (this.blocks.length > BLOCKS_MAX) this.blocks.splice(0, this.blocks.length - BLOCKS_MAX);
    return block;
  }

  readBlock(file, from) {
    const to = Math.min(from + BLOCK_BYTES, file.size);
    const bytes = bytesOf(this.departures.get(file.id)?.source, from, to);
    bytes.catch(() => {}); // whoever wants them hears of it
    const block = { file, from, to, bytes };
    this.blocks.push(block);
    return block;
  }

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
    } else if (departure.hashed < want.offset) this.catchUp(departure);
    this.sending = want;
    return attempt(() => transfer.read(want, bytes));
  }

  async end(want) {
    const { transfer } = this.desk;
    const departure = this.departures.get(want.file.id);
    if (!departure) return;
    try {
      departure.sha256 ??= await this.digest(departure);
    } catch (error) {
      this.desk.log(`cannot read: ${error?.name ?? error}`);
      if (transfer.outgoing.get(want.file.id) === want.file) transfer.readFailed(want.file.id, FILE_UNREADABLE);
      return;
    }
    attempt(() => transfer.readEnd(want, departure.sha256));
  }

  async digest(departure) {
    while (departure.hashed < departure.file.size) await this.catchUp(departure);
    return departure.hash.digest();
  }

  /** Hashes what was sent before this engine was there, beside what goes on. */
  catchUp(departure) {
    departure.catching ??= this.hashSource(departure).finally(() => (departure.catching = null));
    departure.catching.catch(() => {}); // whoever waits for the hash hears of it
    return departure.catching;
  }

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

  /** It is over, or its source is gone. */
  forget(id) {
    this.departures.get(id)?.hash.drop();
    this.departures.delete(id);
    this.blocks = this.blocks.filter(({ file }) => file.id !== id);
  }

  stop() {
    for (const id of [...this.departures.keys()]) this.forget(id);
  }
}

/** @param {Blob} source */
async function bytesOf(source, from, to) {
  return new Uint8Array(await source.slice(from, to).arrayBuffer());
}

/** False: not now, and the transfer wants it again later. */
function attempt(call) {
  try {
    call();
    return true;
  } catch (error) {
    if (error?.code !== 'EAGAIN') throw error;
    return false;
  }
}
