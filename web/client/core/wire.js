/**
 * The wire codec: `encode` and `decode` for every message of schema/wire.def, envelopes in a WebSocket message and
 * frames in a record. Integers of up to 32 bits are numbers, those of 64 bits bigints, and byte fields are views of the
 * decoded bytes. Bytes that do not decode throw PairlinkError EPROTOCOL.
 */
import { Reader, Writer, getU16, putU16, putU32 } from './bytes.js';
import { PairlinkError } from './errors.js';
import {
  ENVELOPE_HEADER_BYTES,
  FRAME_HEADER_BYTES,
  LINK_GENERATION_MAX,
  MESSAGES,
  REASON,
  REASON_TEXT,
} from '../wire_table.js';

/** @typedef {Record<string, any>} Message fields by name, as wire.def names them */

/** @type {Record<string, number>} */
const UINT_BYTES = { u8: 1, u16: 2, u32: 4, u64: 8 };

/**
 * @param {string} name of wire.def
 * @param {Reader} reader
 * @returns {Message}
 */
export function read(name, reader) {
  /** @type {Message} */
  const out = {};
  for (const [kind, field, argument] of MESSAGES[name]) {
    switch (kind) {
      case 'u8':
      case 'u16':
      case 'u32':
      case 'u64':
        out[field] = reader[kind]();
        break;
      case 'bytes':
        out[field] = reader.view(Number(argument));
        break;
      case 'list': {
        const count = reader.u8();
        const items = [];
        for (let i = 0; i < count; i++) items.push(read(String(argument), reader));
        out[field] = items;
        break;
      }
      default: {
        const size = kind === 'rest' ? reader.left : kind === 'var8' ? reader.u8() : reader.u16();
        if (size > Number(argument)) throw new PairlinkError('EPROTOCOL', `${name}.${field} too large`);
        out[field] = reader.view(size);
      }
    }
  }
  return out;
}

/**
 * Decodes exactly all of `bytes`.
 * @param {string} name
 * @param {Uint8Array} bytes
 */
export function decode(name, bytes) {
  const reader = new Reader(bytes);
  const out = read(name, reader);
  if (reader.left) throw new PairlinkError('EPROTOCOL', `${name} too long`);
  return out;
}

/**
 * @param {string} name
 * @param {Message} message
 * @param {Writer} writer
 */
function write(name, message, writer) {
  for (const [kind, field, argument] of MESSAGES[name]) {
    const value = message[field];
    if (kind in UINT_BYTES) writer.uint(value, UINT_BYTES[kind]);
    else if (kind === 'bytes') {
      if (value.length !== argument) throw new PairlinkError('EINVAL', `${name}.${field} has another size`);
      writer.put(value);
    } else if (kind === 'list') {
      writer.uint(value.length, 1);
      for (const item of value) write(String(argument), item, writer);
    } else {
      if (value.length > Number(argument)) throw new PairlinkError('EMSGSIZE', `${name}.${field} too large`);
      if (kind === 'var8') writer.uint(value.length, 1);
      if (kind === 'var16') writer.uint(value.length, 2);
      writer.put(value);
    }
  }
}

/**
 * @param {string} name
 * @param {Message} message
 */
export function encode(name, message) {
  const writer = new Writer();
  write(name, message, writer);
  return writer.take();
}

/** @typedef {{type: number, flags: number, link: number, payload: Uint8Array}} Envelope */

/**
 * Yields the envelopes of one WebSocket message in order. Throws EPROTOCOL at one that runs past the end.
 * @param {Uint8Array} message
 * @returns {Generator<Envelope>}
 */
export function* envelopes(message) {
  let at = 0;
  while (at < message.length) {
    if (message.length - at < ENVELOPE_HEADER_BYTES) throw new PairlinkError('EPROTOCOL', 'envelope cut short');
    const end = at + ENVELOPE_HEADER_BYTES + getU16(message, at + 2);
    if (end > message.length) throw new PairlinkError('EPROTOCOL', 'envelope cut short');
    const link = getU16(message, at + 4) * 65536 + getU16(message, at + 6);
    yield {
      type: message[at],
      flags: message[at + 1],
      link,
      payload: message.subarray(at + ENVELOPE_HEADER_BYTES, end),
    };
    at = end;
  }
}

/**
 * @param {Uint8Array} out
 * @param {number} at
 * @param {number} type
 * @param {number} flags
 * @param {number} length
 * @param {number} link
 */
export function putEnvelopeHeader(out, at, type, flags, length, link) {
  out[at] = type;
  out[at + 1] = flags;
  putU16(out, at + 2, length);
  putU32(out, at + 4, link);
}

/**
 * Returns a whole envelope.
 * @param {number} type
 * @param {Uint8Array} payload
 * @param {number} [link]
 * @param {number} [flags]
 */
export function makeEnvelope(type, payload, link = 0, flags = 0) {
  const out = new Uint8Array(ENVELOPE_HEADER_BYTES + payload.length);
  putEnvelopeHeader(out, 0, type, flags, payload.length, link);
  out.set(payload, ENVELOPE_HEADER_BYTES);
  return out;
}

/**
 * Yields the frames of one record in order. Throws EPROTOCOL at one that runs past the end.
 * @param {Uint8Array} plaintext
 * @returns {Generator<{type: number, body: Uint8Array}>}
 */
export function* frames(plaintext) {
  let at = 0;
  while (at < plaintext.length) {
    if (plaintext.length - at < FRAME_HEADER_BYTES) throw new PairlinkError('EPROTOCOL', 'frame cut short');
    const start = at + FRAME_HEADER_BYTES;
    const end = start + getU16(plaintext, at + 1);
    if (end > plaintext.length) throw new PairlinkError('EPROTOCOL', 'frame cut short');
    yield { type: plaintext[at], body: plaintext.subarray(start, end) };
    at = end;
  }
}

/** @param {number} link */
export const linkSlot = (link) => link & 0xffff;
/** @param {number} link */
export const linkGeneration = (link) => (link >>> 16) & LINK_GENERATION_MAX;
/** @param {number} link */
export const linkRelaySide = (link) => link >>> 31 === 1;
/** @param {boolean} relaySide @param {number} generation @param {number} slot */
export const makeLink = (relaySide, generation, slot) =>
  ((relaySide ? 0x80000000 : 0) | (generation << 16) | slot) >>> 0;

/** @type {Record<number, string>} */
const REASON_NAMES = Object.fromEntries(Object.entries(REASON).map(([name, number]) => [number, name]));
/** @param {number} reason */
export const reasonName = (reason) => REASON_NAMES[reason] ?? 'reason';
/** @param {number} reason */
export const reasonText = (reason) => REASON_TEXT[reason] ?? 'for a reason this version does not know';
/** @param {number} reason */
export const isRetryable = (reason) => reason < 0x100;

/** @param {Uint8Array} list extensions of a handshake: type, length, value
 * @returns {Map<number, Uint8Array>} value by type; of several with one type, the first */
export function readExtensions(list) {
  const reader = new Reader(list);
  const out = new Map();
  while (reader.left) {
    const { type, value } = read('extension', reader);
    if (!out.has(type)) out.set(type, value);
  }
  return out;
}

/** @param {[number, Uint8Array][]} list */
export function writeExtensions(list) {
  const writer = new Writer();
  for (const [type, value] of list) write('extension', { type, value }, writer);
  return writer.take();
}
