/**
 * One card of a thread: a file, or the files of one folder. Its message in the database says what it is and how it
 * ended; here is what changes while bytes go.
 */
import { FILE_HELD_DISK_FULL } from '../../../client/wire_table.js';
import { Meter } from './meter.js';

const heldWords = (held) => (held === FILE_HELD_DISK_FULL ? 'full' : held ? 'person' : '');

export class Card {
  /** @param {object} message of the database, kind 'file' */
  constructor(message) {
    this.message = message;
    /** @type {Map<string, object>} records by id */
    this.records = new Map();
    /** What the transfer knows of those that are not over: its own objects. @type {Map<string, object>} */
    this.files = new Map();
    /** Bytes of those that come, as they were found in the database. @type {Map<string, number>} */
    this.here = new Map();
    this.count = message.file.count;
    this.meter = new Meter();
    /** Bytes that went out in this engine, repeated ones too. */
    this.passed = 0;
    this.missing = false;
    this.checking = false;
    this.paused = false;
  }

  get n() {
    return this.message.n;
  }
  get mine() {
    return this.message.mine === 1;
  }

  /** Sizes are the other side's word until all is offered. */
  get size() {
    let known = 0;
    for (const record of this.records.values()) known += this.files.get(record.id)?.size ?? record.size;
    return Math.max(known, this.message.file.size);
  }
  get stored() {
    let sum = 0;
    for (const { id, state, size } of this.records.values())
      sum += state === 'saved' ? size : Math.max(this.files.get(id)?.stored ?? 0, this.here.get(id) ?? 0);
    return sum;
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

  moved(bytes, now) {
    this.meter.add(bytes, now);
  }
  sent(bytes) {
    this.passed += bytes;
  }

  /** What a tab is shown. */
  shown(now) {
    const files = [...this.files.values()];
    const held = (side) => heldWords(Math.max(0, ...files.map((file) => file[side])));
    const { size, stored } = this;
    const unknown = files.some(({ isStream }) => isStream);
    return {
      size: unknown ? null : size,
      stored,
      rate: this.meter.rate(now),
      left: unknown ? null : this.meter.left(size - stored, now),
      accepted: files.some(({ state }) => state !== 'asking') || this.savedCount > 0,
      heldHere: this.paused ? 'person' : held('heldHere'),
      heldThere: held('heldThere'),
      missing: this.missing,
      checking: this.checking,
      saved: this.savedCount,
      passed: this.passed,
    };
  }
}
