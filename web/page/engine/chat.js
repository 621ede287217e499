/**
 * What is said on channel 0: `chat/1` (type, id, text) and the text side of `pipe/1`. See docs/protocol.md, section 7.
 */

export const CHAT = 'chat/1';
export const PIPE = 'pipe/1';
const TYPE_TEXT = 1;
const ID_BYTES = 16;
const HEAD_BYTES = 1 + ID_BYTES;

/** A pipe's text is shown in pieces of about so many characters. */
export const PIECE_CHARS = 32768;
/** The longest text a person can send at once: far below any message_max. */
export const TEXT_MAX_CHARS = 16000;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true }); // it stays, as any other character

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** @param {{id: string, text: string}} message id as 32 hex digits */
export function encodeMessage({ id, text }, application) {
  if (application === PIPE) return encoder.encode(`${text}\n`);
  const body = encoder.encode(text);
  const bytes = new Uint8Array(HEAD_BYTES + body.length);
  bytes[0] = TYPE_TEXT;
  bytes.set(unhex(id), 1);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

/** The message, or null for a type that this version does not know. */
export function decodeMessage(bytes) {
  if (bytes.length < HEAD_BYTES || bytes[0] !== TYPE_TEXT) return null;
  return { id: hex(bytes.subarray(1, HEAD_BYTES)), text: decoder.decode(bytes.subarray(HEAD_BYTES)) };
}

// Controls, and the marks that turn the direction of what follows: a name must not rewrite the page around it.
const UNFIT_IN_NAMES = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A name as it may be shown and kept. */
export function cleanName(name) {
  return String(name ?? '')
    .replace(UNFIT_IN_NAMES, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 48)
    .trim();
}
