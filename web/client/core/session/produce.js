/** Writes the next record of a link: which frames, in which order, and how many bytes (docs/protocol.md, section 6,
 * "Pacing"). */
import { concat, putU16 } from '../bytes.js';
import {
  ENVELOPE_FLAG_VOLATILE,
  ENVELOPE_HEADER_BYTES,
  ENVELOPE_PAYLOAD_MAX,
  FRAME,
  RECORD_PLAINTEXT_MAX,
} from '../../wire_table.js';
import {
  ACK_FRAME_BYTES,
  ACK_ITEM,
  CHANNEL_RESET_BYTES,
  CREDIT_FRAME_BYTES,
  CREDIT_ITEM,
  DATA_OVERHEAD,
  FrameWriter,
} from './frames.js';
import { BULK_FROM_BYTES, RECORD_COST, RECORD_ROOM_MIN, RECORD_TAIL_PART, SHARED_CHUNK_BYTES } from './constants.js';
import { encode } from '../wire.js';
import { chunkSent, nextChunk } from './chunk.js';
import { makeHello } from './hello.js';

/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./link.js').Link} Link */
/** @typedef {import('./channel.js').Outgoing} Outgoing */
/** @typedef {import('./chunk.js').Chunk} Chunk */

const NOTHING = { size: 0, flags: 0 };

/** Bytes of the largest envelope. */
const ENVELOPE_BYTES_MAX = ENVELOPE_HEADER_BYTES + ENVELOPE_PAYLOAD_MAX;

/** Returns how many bytes may be in flight: less for bulk, so that the rest of the window stays free for other
 * channels.
 * @param {Link} link @param {boolean} bulk */
function flightLimit(link, bulk) {
  const whole = Math.max(ENVELOPE_BYTES_MAX, link.window - ENVELOPE_BYTES_MAX);
  return bulk ? Math.min(whole, link.pacing.bulkWindow) : whole;
}

/** Returns the channel that sends next and its chunk: the most urgent one, by turns among equals.
 * @param {Session} s @param {Link} link @param {number} room @param {number} used
 * @returns {[Outgoing, Chunk] | null} */
function nextChannel(s, link, room, used) {
  for (const equals of s.sending)
    for (const channel of equals) {
      if (link.pacing.inFlight + used >= flightLimit(link, channel.unsent > BULK_FROM_BYTES)) continue;
      const chunk = nextChunk(s, channel, room);
      if (chunk) return [channel, chunk];
    }
  return null;
}

/** Returns true when more than one channel has anything to send. @param {Session} s */
function severalSend(s) {
  let n = 0;
  for (const equals of s.sending) n += equals.size;
  return n > 1;
}

/** @param {Session} s @param {Link} link */
const hasData = (s, link) => s.close === 'open' && nextChannel(s, link, 1, 0) !== null;

/** @param {Session} s @param {Link} link */
const hasVolatile = (s, link) => s.volatiles.length > 0 && link.pacing.inFlight < flightLimit(link, false);

/** @param {Session} s @param {Link} link */
export function hasOutput(s, link) {
  if (link.helloDue) return true;
  if (!link.confirmed) return false;
  if (link.probeReply !== null) return true;
  if (link !== s.current) return false;
  if (s.closeDue || s.ackNow || s.probeDue) return true;
  return (s.close === 'open' && hasVolatile(s, link)) || hasData(s, link);
}

/** Writes ACK and CREDIT, always together, so that a lost record cannot lose only one of them.
 * @param {Session} s @param {Link} link @param {FrameWriter} w */
function writeAck(s, link, w) {
  /** @type {[number, import('./channel.js').Incoming][]} */
  const changed = [];
  for (const entry of s.incoming) if (entry[1].ackDue || entry[1].creditDue) changed.push(entry);
  const counter = /** @type {any} */ (link.noise).receivedCounter;
  w.ack(counter, changed);
  w.credit(s.takenSum + s.config.sessionWindow, changed);
  for (const [, channel] of changed) channel.ackDue = channel.creditDue = false;
  s.ackDue = s.ackNow = false;
  s.ackAt = Infinity;
  s.unackedBytes = s.untoldTaken = 0;
}

/** @param {Session} s */
const ackRoom = (s) => ACK_FRAME_BYTES + CREDIT_FRAME_BYTES + (ACK_ITEM + CREDIT_ITEM) * s.incoming.size;

/** @param {Outgoing} channel @param {Chunk} chunk @param {FrameWriter} w */
function writeChunk({ number, resetReason, end }, { offset, bytes, flags, reset }, w) {
  if (reset)
    w.put(
      FRAME.CHANNEL_RESET,
      encode('frame_channel_reset', { channel: number, direction: 0, reason: resetReason, offset: end }),
    );
  else w.data(number, flags, offset, bytes);
}

/** @param {Session} s @param {Link} link @param {FrameWriter} w
 * @returns {import('./pacing.js').Places[]} what was written, to be compared with the peer's ACKs */
function writeData(s, link, w) {
  const shared = severalSend(s);
  /** @type {import('./pacing.js').Places[]} */
  const places = [];
  // CHANNEL_RESET_BYTES is enough for the smallest DATA frame, too.
  while (w.left >= CHANNEL_RESET_BYTES) {
    const room = w.left - DATA_OVERHEAD;
    const next = nextChannel(s, link, shared ? Math.min(room, SHARED_CHUNK_BYTES) : room, w.at);
    if (!next) break;
    const [channel, chunk] = next;
    const isTail = room < Math.floor((room + w.at) / RECORD_TAIL_PART) && places.length > 0;
    if (isTail && !chunk.flags && !chunk.reset) break;
    writeChunk(channel, chunk, w);
    chunkSent(s, channel, chunk);
    const last = places[places.length - 1];
    if (last?.channel === channel.number && last.to === chunk.offset) last.to = channel.sentTo;
    else places.push({ channel: channel.number, to: channel.sentTo });
    const equals = s.sending[channel.priority];
    if (equals.delete(channel)) equals.add(channel); // its next turn is after its equals
  }
  return places;
}

/** @param {Session} s @param {FrameWriter} w */
function writeVolatiles(s, w) {
  while (s.volatiles.length && w.left >= s.volatiles[0].data.length + 4) {
    const { channel, data } = /** @type {{channel: number, data: Uint8Array}} */ (s.volatiles.shift());
    s.volatileBytes -= data.length + 3;
    w.put(FRAME.VOLATILE, concat(Uint8Array.of(channel), data));
  }
}

/** @param {Session} s @param {FrameWriter} w */
function writeClose(s, w) {
  const body = new Uint8Array(2 + s.closeText.length);
  putU16(body, 0, s.closeReason);
  body.set(s.closeText, 2);
  w.put(FRAME.CLOSE, body);
  s.closeDue = false;
  s.closeSentAt = s.now;
  if (s.close === 'peerClosed') s.close = 'answered';
}

/** Returns the size of the next record: the room that pacing leaves, but at least RECORD_ROOM_MIN.
 * @param {Link} link @param {number} room */
function recordRoom(link, room) {
  const left = Math.min(flightLimit(link, true) - link.pacing.inFlight, link.pacing.recordMax);
  return Math.min(room, RECORD_PLAINTEXT_MAX, Math.max(RECORD_ROOM_MIN, left));
}

/** @param {Session} s @param {Link} link @param {Uint8Array} area @param {number} room */
export function produce(s, link, area, room) {
  if (room < RECORD_ROOM_MIN || !hasOutput(s, link)) return NOTHING;
  const counter = /** @type {any} */ (link.noise).nextCounter;
  const w = new FrameWriter(area, recordRoom(link, room));
  let asks = false;
  let flags = 0;
  /** @type {import('./pacing.js').Places[]} */
  let places = [];
  if (link.helloDue || link !== s.current) {
    if (link.helloDue) {
      w.put(FRAME.HELLO, makeHello(s, link));
      link.helloDue = false;
      link.helloAt = s.now;
      asks = true;
    }
    if (link.confirmed && link.probeReply !== null) w.probe(FRAME.PROBE_REPLY, link.probeReply);
    link.probeReply = null;
  } else {
    const volatiles = s.close === 'open' && hasVolatile(s, link);
    const control = s.closeDue || s.ackNow || s.probeDue || link.probeReply !== null;
    const data = hasData(s, link);
    if (volatiles && !control && (!data || s.volatileTurn)) {
      w.size = Math.min(room, RECORD_PLAINTEXT_MAX); // a volatile message cannot be split, so pacing does not limit it
      writeVolatiles(s, w);
      if (w.at) s.volatileTurn = false;
      flags = ENVELOPE_FLAG_VOLATILE;
      asks = true;
    } else {
      s.volatileTurn = true;
      asks = s.closeDue || s.probeDue;
      if (link.probeReply !== null) w.probe(FRAME.PROBE_REPLY, link.probeReply);
      link.probeReply = null;
      if (s.probeDue) w.probe(FRAME.PROBE, s.probeNumber);
      s.probeDue = false;
      if ((s.ackDue || s.ackNow) && w.left >= ackRoom(s)) writeAck(s, link, w);
      if (s.closeDue) writeClose(s, w); // after the ACK, because the peer ignores an ACK after CLOSE
      if (data) places = writeData(s, link, w);
      asks ||= places.length > 0;
    }
  }
  if (asks && w.at) {
    if (link.pacing.inFlight === 0 && s.probesOpen === 0) s.progressAt = s.now;
    link.pacing.sent(counter, w.at + RECORD_COST, s.now, places);
  }
  return { size: w.at, flags };
}
