/** Decides what of a channel goes into the next DATA frame, within the limits of channel and session. */
import { DATA_FLAG_END_OF_CHANNEL, DATA_FLAG_END_OF_MESSAGE } from '../../wire_table.js';

/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./channel.js').Outgoing} Outgoing */
/**
 * @typedef {{offset: number, bytes: Uint8Array, flags: number, reset: boolean}} Chunk `reset`: a CHANNEL_RESET instead
 *   of DATA
 */

const EMPTY = new Uint8Array(0);

/** Returns what is left of the session's credit after what started messages still need. @param {Session} s */
const freeCredit = (s) => Math.max(0, s.sessionLimit - s.sentSum - s.reserved);

/** Returns how far new places may go. A message is started only when the session's credit covers it to its end;
 * otherwise many started messages could use up the credit and none could be completed. One channel at a time is exempt
 * (`stretched`) and may use the credit there is: its message ends once everything else is taken, so small messages
 * cannot starve a large one.
 * @param {Session} s @param {Outgoing} c @param {number} messageEnd */
function allowedTo(s, c, messageEnd) {
  const free = freeCredit(s);
  let to = c.begunTo;
  if (c.sentMax === c.begunTo) {
    if (messageEnd - c.sentMax <= free) to = messageEnd;
    else if (s.reserved === 0 && (!s.stretched || s.stretched === c)) to = c.sentMax + free;
  }
  return Math.min(to, c.limit);
}

/** Returns true when there is credit to send the end of the channel with its last message.
 * @param {Session} s @param {Outgoing} c @param {number} messageEnd */
function endFits(s, c, messageEnd) {
  if (c.sentMax >= c.end) return true;
  const more = c.begunTo < messageEnd ? messageEnd - c.sentMax : 0;
  return c.end <= c.limit && s.sentSum + s.reserved + more < s.sessionLimit;
}

/** Returns the channel's next chunk with at most `room` bytes, or null when nothing may be sent now.
 * @param {Session} s @param {Outgoing} c @param {number} room
 * @returns {Chunk | null} */
export function nextChunk(s, c, room) {
  if (c.sentTo >= c.end) return null;
  /** @type {Chunk} */
  const chunk = { offset: c.sentTo, bytes: EMPTY, flags: 0, reset: c.resetReason !== null };
  if (chunk.reset) return chunk;
  const { start, end, data, flags } = c.piece;
  const to = end > c.sentMax ? Math.max(c.sentMax, allowedTo(s, c, end)) : c.sentMax;
  if (!(flags & DATA_FLAG_END_OF_MESSAGE)) {
    chunk.flags = DATA_FLAG_END_OF_CHANNEL; // only the end of the channel is left
    return to >= c.end ? chunk : null;
  }
  const allowed = to - c.sentTo;
  if (allowed <= 0) return null;
  const size = Math.min(end - 1 - c.sentTo, room, allowed);
  chunk.bytes = data.subarray(c.sentTo - start, c.sentTo - start + size);
  if (c.sentTo + size === end - 1 && allowed > size) {
    chunk.flags = DATA_FLAG_END_OF_MESSAGE;
    if (c.finished && end === c.end - 1 && endFits(s, c, end)) chunk.flags |= DATA_FLAG_END_OF_CHANNEL;
  }
  return size > 0 || chunk.flags ? chunk : null;
}

/** @param {Session} s @param {Outgoing} c */
export const waitsForCredit = (s, c) => c.sentTo < c.end && !nextChunk(s, c, 1);

/** Accounts for a chunk that was written. @param {Session} s @param {Outgoing} c @param {Chunk} chunk */
export function chunkSent(s, c, chunk) {
  let to = chunk.offset + chunk.bytes.length;
  if (chunk.flags & DATA_FLAG_END_OF_MESSAGE) to++;
  if (chunk.flags & DATA_FLAG_END_OF_CHANNEL) to++;
  if (chunk.reset) to = c.end;
  if (to > c.sentMax) newPlacesSent(s, c, to, chunk.reset);
  c.sentTo = to;
  if (to === c.end) s.sending[c.priority].delete(c);
}

/** @param {Session} s @param {Outgoing} c @param {number} to @param {boolean} reset */
function newPlacesSent(s, c, to, reset) {
  const messageEnd = reset ? to : c.piece.end;
  if (c.begunTo === c.sentMax) {
    // A message starts: reserve the session's credit that it needs.
    const end = messageEnd - c.sentMax > freeCredit(s) && to < messageEnd ? to : messageEnd;
    s.reserved += end - c.sentMax;
    c.begunTo = end;
  }
  s.reserved -= Math.min(to, c.begunTo) - c.sentMax;
  s.sentSum += to - c.sentMax;
  c.sentMax = to;
  if (c.begunTo < to) c.begunTo = to;
  if (s.stretched === c) s.stretched = null;
  if (to < messageEnd && c.begunTo === to) s.stretched = c;
}
