/**
 * The texts of channel 0: those of `chat/1` (type, id, text) and of `pipe/1`. See docs/protocol.md, section 8.
 */
import { CHAT_TEXT } from '../../client/wire_table.js';

export const CHAT = 'chat/1';
export const PIPE = 'pipe/1';
const ID_BYTES = 16;
const HEAD_BYTES = 1 + ID_BYTES;

/** A pipe's text is shown in bubbles of about this many characters. */
export const PIECE_CHARS = 32768;
/** The longest text a person can send at once; it fits any message_max. */
export const TEXT_MAX_CHARS = 16000;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true }); // a byte order mark is kept like any other character

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
/** @param {string} text */
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** @param {{id: string, text: string}} message its id as 32 hex digits @param {string} application */
export function encodeMessage({ id, text }, application) {
  if (application === PIPE) return encoder.encode(`${text}\n`);
  const body = encoder.encode(text);
  const bytes = new Uint8Array(HEAD_BYTES + body.length);
  bytes[0] = CHAT_TEXT;
  bytes.set(unhex(id), 1);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

/** Returns the message, or null for a type that is not text. @param {Uint8Array} bytes */
export function decodeMessage(bytes) {
  if (bytes.length < HEAD_BYTES || bytes[0] !== CHAT_TEXT) return null;
  return { id: hex(bytes.subarray(1, HEAD_BYTES)), text: decoder.decode(bytes.subarray(HEAD_BYTES)) };
}

// Control characters and direction marks: a name must not change how the text around it is shown.
const UNFIT_IN_NAMES = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Returns a name that can be shown and stored safely. @param {unknown} name */
export function cleanName(name) {
  return String(name ?? '')
    .replace(UNFIT_IN_NAMES, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 48)
    .trim();
}
