/**
 * The two directions of one channel (docs/protocol.md, section 6, "Channels and offsets"). Places count bytes and
 * ends alike. What the peer says is checked by the caller's catch of PairlinkError EPROTOCOL.
 */
import { PairlinkError } from '../errors.js';
import { DATA_FLAG_END_OF_CHANNEL, DATA_FLAG_END_OF_MESSAGE } from '../../wire_table.js';

const EMPTY = new Uint8Array(0);
const DEFAULT_PRIORITY = 4;

/** Returns how many places the ends in these flags take. @param {number} flags DATA_FLAG_… */
export const ends = (flags) => (flags & 1) + ((flags >> 1) & 1);

/** @typedef {{start: number, end: number, data: Uint8Array, flags: number}} Piece one message, or the end */

/** What this side sends. taken_to ≤ received_to ≤ sentMax ≤ end, and received_to ≤ sentTo ≤ sentMax. */
export class Outgoing {
  /** @param {number} number @param {number} limit */
  constructor(number, limit) {
    this.number = number;
    /** The next place the application gets. */
    this.end = 0;
    /** The next place to send; goes back when something was lost. */
    this.sentTo = 0;
    this.sentMax = 0;
    this.receivedTo = 0;
    this.takenTo = 0;
    this.limit = limit;
    this.priority = DEFAULT_PRIORITY;
    this.finished = false;
    /** The application was told to wait. */
    this.blocked = false;
    /** @type {Piece[]} all that is not taken, in order */
    this.pieces = [];
    this.cursor = 0;
    /** Losses of records below it were acted on. */
    this.resendCounter = 0;
    /** All messages that were begun end below this place: the session's credit is reserved for them, since only a
     * whole message can be taken. */
    this.begunTo = 0;
    /** @type {number | null} the reason, when this direction was given up; its last place is then CHANNEL_RESET's */
    this.resetReason = null;
  }
  get kept() {
    return this.end - this.takenTo;
  }
  get unsent() {
    return this.end - this.sentTo;
  }
  /** @param {Uint8Array} data owned from now on
   * @param {number} flags */
  add(data, flags) {
    const end = this.end + data.length + ends(flags);
    this.pieces.push({ start: this.end, end, data, flags });
    this.end = end;
    return end;
  }
  /**
   * The message, or the end, that the next place belongs to: only while there is a next place, and not after giving up.
   */
  get piece() {
    while (this.cursor < this.pieces.length && this.pieces[this.cursor].end <= this.sentTo) this.cursor++;
    return this.pieces[this.cursor];
  }
  /** Sends again from what the peer has. */
  goBack() {
    if (this.sentTo <= this.receivedTo) return;
    this.sentTo = this.receivedTo;
    this.cursor = 0;
  }
  /** @param {number} receivedTo @param {number} takenTo
   * @returns {{progress: boolean, taken: boolean}} */
  acknowledge(receivedTo, takenTo) {
    if (receivedTo > this.sentMax || takenTo > receivedTo)
      throw new PairlinkError('EPROTOCOL', 'acknowledged what was not sent');
    const result = { progress: false, taken: false };
    if (receivedTo > this.receivedTo) {
      this.receivedTo = receivedTo;
      if (this.sentTo < receivedTo) this.sentTo = receivedTo;
      result.progress = true;
    }
    if (takenTo > this.takenTo) {
      this.takenTo = takenTo;
      let gone = 0;
      while (gone < this.pieces.length && this.pieces[gone].end <= takenTo) gone++;
      this.pieces.splice(0, gone);
      this.cursor = Math.max(0, this.cursor - gone);
      result.progress = result.taken = true;
    }
    return result;
  }
  /** No more of it: what was never sent is forgotten, CHANNEL_RESET takes the place after the last one sent.
   * @param {number} reason
   * @returns {number} places of the session that are not reserved any more */
  giveUp(reason) {
    if (this.resetReason !== null || (this.finished && this.receivedTo === this.end)) throw new PairlinkError('ESTATE');
    const final = this.finished && this.sentMax === this.end ? this.end : this.sentMax + 1;
    const freed = this.begunTo - this.sentMax;
    this.begunTo = this.sentMax;
    this.resetReason = reason;
    this.pieces = [];
    this.cursor = 0;
    this.end = final;
    this.sentTo = final - 1;
    this.finished = true;
    this.blocked = false;
    return freed;
  }
}

/** Memory that the last message in parts was put together in: used again, for new memory costs more than the copy into it.
 * @type {Uint8Array | null} */
let spare = null;
const SPARE_MAX_BYTES = 262144;
const ASSEMBLY_MIN_BYTES = 1024;

/** One message that comes in parts. */
class Assembly {
  constructor() {
    this.size = 0;
    /** @private @type {Uint8Array} */
    this.room = EMPTY;
  }
  /** @param {Uint8Array} part borrowed */
  add(part) {
    const size = this.size + part.length;
    if (this.room.length < size) this.grow(size);
    this.room.set(part, this.size);
    this.size = size;
  }
  /** @param {number} size @private */
  grow(size) {
    const old = this.room;
    if (spare && spare.length >= size) {
      this.room = spare;
      spare = null;
    } else {
      let most = ASSEMBLY_MIN_BYTES;
      while (most < size) most *= 2;
      this.room = new Uint8Array(most);
    }
    this.room.set(old.subarray(0, this.size));
  }
  /** The whole message; ends it. */
  take() {
    const message = this.room.slice(0, this.size);
    this.drop();
    return message;
  }
  drop() {
    if (this.room.length <= SPARE_MAX_BYTES && this.room.length > (spare?.length ?? 0)) spare = this.room;
    this.room = EMPTY;
    this.size = 0;
  }
}

/** What the peer sends. taken_to ≤ received_to ≤ limit. */
export class Incoming {
  /** @param {number} window */
  constructor(window) {
    this.window = window;
    this.receivedTo = 0;
    this.takenTo = 0;
    this.limit = window;
    this.ended = false;
    /** Up to here the application has been told. */
    this.delivered = 0;
    /** The message that is not complete. */
    this.partial = new Assembly();
    this.ackDue = false;
    this.creditDue = false;
  }
  /**
   * @param {number} offset
   * @param {number} flags
   * @param {Uint8Array} bytes borrowed
   * @param {number} messageMax
   * @param {(data: Uint8Array, place: number) => void} onMessage
   * @param {(place: number) => void} onEnd
   * @returns {number} new places; -1 for a gap
   */
  receive(offset, flags, bytes, messageMax, onMessage, onEnd) {
    const end = offset + bytes.length + ends(flags);
    if (end > this.limit) throw new PairlinkError('EPROTOCOL', 'beyond the limit');
    this.ackDue = true; // a repetition too: its acknowledgement may have been what was lost
    if (this.ended && end > this.receivedTo) throw new PairlinkError('EPROTOCOL', 'beyond the end');
    if (offset > this.receivedTo) return -1;
    if (end <= this.receivedTo) return 0;
    const before = this.receivedTo;
    const skip = before - offset;
    const fresh = skip < bytes.length ? bytes.subarray(skip) : EMPTY;
    if (this.partial.size + fresh.length > messageMax) throw new PairlinkError('EPROTOCOL', 'message too large');
    let place = offset + bytes.length;
    if (flags & DATA_FLAG_END_OF_MESSAGE) {
      place++;
      if (place > before) {
        let message;
        if (this.partial.size) {
          this.partial.add(fresh);
          message = this.partial.take();
        } else message = fresh.slice();
        this.receivedTo = this.delivered = place;
        onMessage(message, place);
      }
    } else if (fresh.length) this.partial.add(fresh);
    if (flags & DATA_FLAG_END_OF_CHANNEL) {
      place++;
      if (place > before) {
        if (this.partial.size) throw new PairlinkError('EPROTOCOL', 'end inside a message');
        this.ended = true;
        this.receivedTo = this.delivered = place;
        onEnd(place);
      }
    }
    this.receivedTo = end;
    return end - before;
  }
  /** The application took all below `place`. @param {number} place @returns {boolean} whether that is news */
  take(place) {
    if (place > this.delivered) throw new PairlinkError('EINVAL', 'taken before it was delivered');
    if (place <= this.takenTo) return false;
    this.takenTo = place;
    this.ackDue = true;
    const limit = place + this.window;
    if (limit > this.limit) {
      this.limit = limit;
      this.creditDue = true;
    }
    return true;
  }
  /** The peer gave up its direction: what is missing below never comes.
   * @param {number} final @returns {number} new places, 0 for a repetition */
  cutOff(final) {
    this.ackDue = true;
    if (this.ended && final === this.receivedTo) return 0;
    if (this.ended || final <= this.receivedTo || final > this.limit + 1)
      throw new PairlinkError('EPROTOCOL', 'wrong end of a channel');
    const fresh = final - this.receivedTo;
    this.ended = true;
    this.partial.drop();
    this.receivedTo = this.delivered = final;
    return fresh;
  }
}
