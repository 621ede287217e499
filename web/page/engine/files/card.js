/**
 * One card of a thread: a file, or the files of one folder. Its message in the database says what it is and how it
 * ended; this object has what changes while bytes move.
 */
import { FILE_HELD_DISK_FULL } from '../../../client/wire_table.js';
import { Meter } from './meter.js';

/** @typedef {import('../types.js').FileMessage} FileMessage */
/** @typedef {import('../types.js').FileRecord} FileRecord */
/** @typedef {import('../types.js').FileProgress} FileProgress */
/** @typedef {import('../types.js').TransferFile} TransferFile */

/** @param {number} held FILE_HELD_… @returns {'' | 'full' | 'person'} */
const heldWord = (held) => (held === FILE_HELD_DISK_FULL ? 'full' : held ? 'person' : '');

/** Returns true when bytes of it should move. @param {TransferFile} file */
const moves = ({ state, heldHere, heldThere, stored, size }) =>
  (state === 'moving' || (state === 'ending' && stored < size)) && !heldHere && !heldThere;

export class Card {
  /** @param {FileMessage} message */
  constructor(message) {
    this.message = message;
    /** @type {Map<string, FileRecord>} by id */
    this.records = new Map();
    /** The transfer's files that are not over, by id. @type {Map<string, TransferFile>} */
    this.files = new Map();
    /** How many bytes of incoming files were in the database at the start, by id. @type {Map<string, number>} */
    this.here = new Map();
    this.count = message.file.count;
    this.meter = new Meter();
    /** Bytes that this engine sent, repeated ones included. */
    this.passed = 0;
    this.missing = false;
    /** Nobody has decided yet whether the person is asked. */
    this.isNew = false;
    /** The size for which there was room when the card was taken without asking; 0: it was not. */
    this.roomFor = 0;
    this.checking = false;
    this.paused = false;
  }

  get n() {
    return this.message.n;
  }
  get mine() {
    return this.message.mine === 1;
  }

  /** In bytes. Until all files are offered, it is what the other side claims. */
  get size() {
    let known = 0;
    for (const record of this.records.values()) known += this.files.get(record.id)?.size ?? record.size;
    return Math.max(known, this.message.file.size);
  }
  get stored() {
    let sum = 0;
    for (const record of this.records.values()) sum += this.storedOf(record);
    return sum;
  }
  /** @param {FileRecord} record */
  storedOf({ id, state, size }) {
    return state === 'saved' ? size : Math.max(this.files.get(id)?.stored ?? 0, this.here.get(id) ?? 0);
  }
  /** How many bytes are still to be stored if the person wants it. A file that failed needs no room. */
  get toCome() {
    let settled = 0;
    for (const record of this.records.values())
      settled += record.state === 'over' ? record.size : this.storedOf(record);
    return Math.max(0, this.size - settled);
  }
  /** How many bytes of room it will need and may not be given to others. */
  get claim() {
    return !this.mine && (this.message.state === 'open' || this.roomFor > 0) ? this.toCome : 0;
  }
  get savedCount() {
    return [...this.records.values()].filter(({ state }) => state === 'saved').length;
  }
  get isOver() {
    return (
      this.records.size >= this.count &&
      [...this.records.values()].every(({ state }) => state === 'saved' || state === 'over')
    );
  }

  /** @param {number} bytes @param {number} now */
  moved(bytes, now) {
    this.meter.add(bytes, now);
  }
  /** @param {number} bytes */
  sent(bytes) {
    this.passed += bytes;
  }

  /**
   * Returns what the tabs see.
   * @param {number} now @param {boolean} linked whether a session carries files @returns {FileProgress}
   */
  shown(now, linked) {
    const files = [...this.files.values()];
    /** @param {'heldHere' | 'heldThere'} side */
    const held = (side) => heldWord(Math.max(0, ...files.map((file) => file[side])));
    const { size, stored } = this;
    const unknown = files.some(({ isStream }) => isStream);
    this.meter.expect(linked && !this.paused && files.some(moves), now);
    return {
      size: unknown ? null : size,
      stored,
      rate: this.meter.rate(now),
      left: unknown ? null : this.meter.left(size - stored, now),
      still: this.meter.still(now),
      accepted: files.some(({ state }) => state !== 'asking') || this.savedCount > 0,
      heldHere: this.paused ? 'person' : held('heldHere'),
      heldThere: held('heldThere'),
      missing: this.missing,
      checking: this.checking,
      saved: this.savedCount,
      passed: this.passed,
      contact: this.message.contact,
      asking: this.message.state === 'asking',
      count: this.message.file.count,
      folder: this.message.file.folder,
    };
  }
}
