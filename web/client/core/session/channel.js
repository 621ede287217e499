/**
 * The two directions of one channel (docs/protocol.md, section 6, "Channels and offsets"). Places count bytes and ends
 * alike. Numbers from the peer are checked here; wrong ones throw PairlinkError EPROTOCOL.
 */
import { PairlinkError } from '../errors.js';
import { DATA_FLAG_END_OF_CHANNEL, DATA_FLAG_END_OF_MESSAGE } from '../../wire_table.js';

const EMPTY = new Uint8Array(0);
const DEFAULT_PRIORITY = 4;

/** Returns how many places the ends in these flags take. @param {number} flags DATA_FLAG_… */
export const ends = (flags) => (flags & 1) + ((flags >> 1) & 1);

/** @typedef {{start: number, end: number, data: Uint8Array, flags: number}} Piece one message, or the end of the
 *   channel */

/** The direction that this side sends: takenTo ≤ receivedTo ≤ sentTo ≤ sentMax ≤ end. */
export class Outgoing {
  /** @param {number} number @param {number} limit */
  constructor(number, limit) {
    this.number = number;
    /** The place after everything that the application has queued. */
    this.end = 0;
    /** The next place to send; it goes back when something was lost. */
    this.sentTo = 0;
    /** The place after everything that was ever sent. */
    this.sentMax = 0;
    /** What the peer has received, and what its application has taken. */
    this.receivedTo = 0;
    this.takenTo = 0;
    /** The peer's limit for this channel. */
    this.limit = limit;
    this.priority = DEFAULT_PRIORITY;
    this.finished = false;
    /** The application got EAGAIN and waits for 'writable'. */
    this.blocked = false;
    /** @type {Piece[]} everything that the peer has not taken, in order */
    this.pieces = [];
    /** Index of the piece that `sentTo` is in. */
    this.cursor = 0;
    /** Losses of records with a smaller counter are already being resent. */
    this.resendCounter = 0;
    /** The end of the last message that was started. The session's credit is reserved up to here, because only whole
     * messages can be taken. */
    this.begunTo = 0;
    /** @type {number | null} the reason when this direction was given up; CHANNEL_RESET then has its last place */
    this.resetReason = null;
  }
  get kept() {
    return this.end - this.takenTo;
  }
  get unsent() {
    return this.end - this.sentTo;
  }
  /** Queues a message, or the end. Returns the place after it.
   * @param {Uint8Array} data owned from now on @param {number} flags DATA_FLAG_… */
  add(data, flags) {
    const end = this.end + data.length + ends(flags);
    this.pieces.push({ start: this.end, end, data, flags });
    this.end = end;
    return end;
  }
  /**
   * The message, or the end, that contains `sentTo`. Valid only while `sentTo` < `end`, and not after `giveUp`.
   */
  get piece() {
    while (this.cursor < this.pieces.length && this.pieces[this.cursor].end <= this.sentTo) this.cursor++;
    return this.pieces[this.cursor];
  }
  /** Goes back to the first place that the peer has not received. */
  goBack() {
    if (this.sentTo <= this.receivedTo) return;
    this.sentTo = this.receivedTo;
    this.cursor = 0;
  }
  /** Applies the peer's ACK. @param {number} receivedTo @param {number} takenTo
   * @returns {{progress: boolean, taken: boolean}} whether anything is new, and whether `takenTo` is */
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
  /** Gives this direction up. What was never sent is forgotten, and CHANNEL_RESET gets the place after the last one
   * sent. Throws ESTATE when it is given up already or the peer has received the end.
   * @param {number} reason
   * @returns {number} places of the session's credit that are no longer reserved */
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

/** The buffer of the last message that arrived in parts. It is reused, because allocating costs more than the copying.
 * @type {Uint8Array | null} */
let spare = null;
const SPARE_MAX_BYTES = 262144;
const ASSEMBLY_MIN_BYTES = 1024;

/** One message that arrives in parts. */
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
  /** Returns a copy of the whole message and empties the buffer. */
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

/** The direction that the peer sends: takenTo ≤ delivered ≤ receivedTo ≤ limit (plus one for CHANNEL_RESET). */
export class Incoming {
  /** @param {number} window */
  constructor(window) {
    this.window = window;
    this.receivedTo = 0;
    this.takenTo = 0;
    this.limit = window;
    this.ended = false;
    /** Everything below this place was handed to the application. */
    this.delivered = 0;
    /** The message that is not complete yet. */
    this.partial = new Assembly();
    this.ackDue = false;
    this.creditDue = false;
  }
  /**
   * Takes the content of a DATA frame. Parts that were received before are skipped.
   * @param {number} offset
   * @param {number} flags
   * @param {Uint8Array} bytes borrowed
   * @param {number} messageMax
   * @param {(data: Uint8Array, place: number) => void} onMessage
   * @param {(place: number) => void} onEnd
   * @returns {number} how many places are new, or -1 when places before `offset` are missing
   */
  receive(offset, flags, bytes, messageMax, onMessage, onEnd) {
    const end = offset + bytes.length + ends(flags);
    if (end > this.limit) throw new PairlinkError('EPROTOCOL', 'beyond the limit');
    this.ackDue = true; // for a repetition, too: the ACK of the first may have been lost
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
  /** The application has taken everything below `place`. Throws EINVAL for a place that was not delivered.
   * @param {number} place @returns {boolean} whether that is new */
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
  /** The peer gave its direction up: what is missing below `final` will never arrive.
   * @param {number} final @returns {number} how many places are new, 0 for a repetition */
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
