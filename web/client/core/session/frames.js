/** Writes session frames into the memory in which a record is sealed. The caller must have checked that there is room.
 */
import { putPlace, putU16, putU32 } from '../bytes.js';
import { FRAME } from '../../wire_table.js';

/** Sizes in bytes, with the frame's header; ITEM is for each channel. */
export const DATA_OVERHEAD = 3 + 10;
export const ACK_FRAME_BYTES = 3 + 9;
export const ACK_ITEM = 17;
export const CREDIT_FRAME_BYTES = 3 + 9;
export const CREDIT_ITEM = 9;
export const CHANNEL_RESET_BYTES = 3 + 12;

export class FrameWriter {
  /** @param {Uint8Array} area @param {number} size how many of its bytes may be used */
  constructor(area, size) {
    this.area = area;
    this.size = size;
    this.at = 0;
  }
  get left() {
    return this.size - this.at;
  }
  /** @param {number} type @param {number} length @private */
  header(type, length) {
    this.area[this.at] = type;
    putU16(this.area, this.at + 1, length);
    this.at += 3;
  }
  /** @param {number} type @param {Uint8Array} body */
  put(type, body) {
    this.header(type, body.length);
    this.area.set(body, this.at);
    this.at += body.length;
  }
  /** @param {number} value @private */
  place(value) {
    putPlace(this.area, this.at, value);
    this.at += 8;
  }
  /** @param {number} channel @param {number} flags @param {number} offset @param {Uint8Array} bytes */
  data(channel, flags, offset, bytes) {
    this.header(FRAME.DATA, 10 + bytes.length);
    this.area[this.at] = channel;
    this.area[this.at + 1] = flags;
    this.at += 2;
    this.place(offset);
    this.area.set(bytes, this.at);
    this.at += bytes.length;
  }
  /** @param {number} counter -1 when no record was received @param {[number, import('./channel.js').Incoming][]}
   *   channels */
  ack(counter, channels) {
    this.header(FRAME.ACK, 9 + ACK_ITEM * channels.length);
    if (counter < 0 || counter === Infinity) this.area.fill(0xff, this.at, this.at + 8);
    else putPlace(this.area, this.at, counter);
    this.area[this.at + 8] = channels.length;
    this.at += 9;
    for (const [number, channel] of channels) {
      this.area[this.at++] = number;
      this.place(channel.receivedTo);
      this.place(channel.takenTo);
    }
  }
  /** @param {number} sessionLimit @param {[number, import('./channel.js').Incoming][]} channels */
  credit(sessionLimit, channels) {
    this.header(FRAME.CREDIT, 9 + CREDIT_ITEM * channels.length);
    this.place(sessionLimit);
    this.area[this.at++] = channels.length;
    for (const [number, channel] of channels) {
      this.area[this.at++] = number;
      this.place(channel.limit);
    }
  }
  /** @param {number} type PROBE or PROBE_REPLY @param {number} number */
  probe(type, number) {
    this.header(type, 4);
    putU32(this.area, this.at, number);
    this.at += 4;
  }
}
