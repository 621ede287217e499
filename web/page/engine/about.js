/** The messages of `chat/1` about texts: CHAT_NOTE, CHAT_TYPING, CHAT_READ. See docs/protocol.md, section 8. */
import { decode, encode } from '../../client/core/wire.js';
import { CHAT_NOTE, CHAT_READ, CHAT_TYPING } from '../../client/wire_table.js';
import { hex, unhex } from './chat.js';

const NO_ID = new Uint8Array(16);

/**
 * What is said about a text. written: Unix time in ms, 0 if it is not said. reply: the id of what it answers, or ''.
 * @typedef {{id: string, written: number, reply: string}} Note
 */

/** @param {Note} note */
export const encodeNote = ({ id, written, reply }) =>
  encode('chat_note', {
    type: CHAT_NOTE,
    id: unhex(id),
    written_ms: BigInt(written),
    reply_to: reply ? unhex(reply) : NO_ID,
  });
export const encodeTyping = () => encode('chat_typing', { type: CHAT_TYPING });
/** @param {string} id of the newest message that was read */
export const encodeRead = (id) => encode('chat_read', { type: CHAT_READ, id: unhex(id) });

/**
 * Returns what a message says about texts or about the person, or null if it says neither.
 * @param {Uint8Array} bytes @returns {{note?: Note, typing?: true, read?: string} | null}
 */
export function decodeAbout(bytes) {
  try {
    if (bytes[0] === CHAT_NOTE) return { note: noteOf(decode('chat_note', bytes)) };
    if (bytes[0] === CHAT_TYPING && decode('chat_typing', bytes)) return { typing: true };
    if (bytes[0] === CHAT_READ) return { read: hex(decode('chat_read', bytes).id) };
  } catch {
    // a length that this version does not know
  }
  return null;
}

/** @param {import('../../client/core/wire.js').Message} fields @returns {Note} */
const noteOf = ({ id, written_ms, reply_to }) => ({
  id: hex(id),
  written: Number(written_ms),
  reply: reply_to.some((/** @type {number} */ byte) => byte !== 0) ? hex(reply_to) : '',
});
