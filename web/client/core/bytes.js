/**
 * Bytes, big-endian integers, comparisons. No input is trusted: a reader that runs past its end throws PairlinkError
 * EPROTOCOL.
 */
import { PairlinkError } from './errors.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true }); // keeps a byte order mark as a character

/** @param {string} text */
export const utf8 = (text) => encoder.encode(text);
/** Decodes UTF-8. Invalid sequences become U+FFFD: texts are shown to people, never compared.
 * @param {Uint8Array} bytes */
export const fromUtf8 = (bytes) => decoder.decode(bytes);

/** Returns the longest prefix of whole characters that has at most `max` bytes.
 * @param {string} text
 * @param {number} max */
export function utf8Within(text, max) {
  const bytes = encoder.encode(text);
  if (bytes.length <= max) return bytes;
  let end = max;
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
  return bytes.slice(0, end);
}

/** @param {...Uint8Array} parts */
export function concat(...parts) {
  let size = 0;
  for (const part of parts) size += part.length;
  const out = new Uint8Array(size);
  size = 0;
  for (const part of parts) {
    out.set(part, size);
    size += part.length;
  }
  return out;
}

/** @param {Uint8Array} a @param {Uint8Array} b */
export function equal(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Returns a number below, at or above zero when `a` is smaller than, equal to or larger than `b`.
 * @param {Uint8Array} a @param {Uint8Array} b */
export function compare(a, b) {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** @param {Uint8Array} bytes */
export const isZero = (bytes) => bytes.every((b) => b === 0);

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  let text = '';
  for (const b of bytes) text += (b < 16 ? '0' : '') + b.toString(16);
  return text;
}

/** @param {string} text */
export function fromHex(text) {
  if (text.length % 2 || /[^0-9a-f]/i.test(text)) throw new PairlinkError('EINVAL', 'not hexadecimal');
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

const TWO_32 = 0x100000000;

/** Converts a u64 to a number: exact up to 2^53 - 1, Infinity beyond. No honest place, limit or counter gets there, and
 * a peer's number is only ever compared.
 * @param {bigint} value */
export const toPlace = (value) => (value > 9007199254740991n ? Infinity : Number(value));

/** @param {Uint8Array} bytes @param {number} at */
export function getPlace(bytes, at) {
  const high = bytes[at] * 0x1000000 + ((bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
  const low = bytes[at + 4] * 0x1000000 + ((bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7]);
  return high > 0x1fffff ? Infinity : high * TWO_32 + low;
}

/** @param {Uint8Array} bytes @param {number} at @param {number} value below 2^53 */
export function putPlace(bytes, at, value) {
  putU32(bytes, at, Math.floor(value / TWO_32));
  putU32(bytes, at + 4, value % TWO_32);
}

/** @param {Uint8Array} bytes @param {number} at @param {number} value */
export function putU32(bytes, at, value) {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** @param {Uint8Array} bytes @param {number} at */
export const getU16 = (bytes, at) => (bytes[at] << 8) | bytes[at + 1];

/** @param {Uint8Array} bytes @param {number} at @param {number} value */
export function putU16(bytes, at, value) {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export class Reader {
  /** @param {Uint8Array} bytes borrowed */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  get left() {
    return this.bytes.length - this.at;
  }
  /** A view of the next `size` bytes. @param {number} size */
  view(size) {
    if (size > this.left) throw new PairlinkError('EPROTOCOL', 'cut short');
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }
  u8() {
    if (this.left < 1) throw new PairlinkError('EPROTOCOL', 'cut short');
    return this.bytes[this.at++];
  }
  u16() {
    return this.u8() * 256 + this.u8();
  }
  u32() {
    return this.u16() * 65536 + this.u16();
  }
  u64() {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
}

/** Collects parts; used for small messages only. */
export class Writer {
  constructor() {
    /** @type {Uint8Array[]} */
    this.parts = [];
  }
  /** @param {number | bigint} value @param {number} size in bytes */
  uint(value, size) {
    let rest = BigInt(value);
    if (rest < 0n || rest >> BigInt(8 * size)) throw new PairlinkError('EINVAL', 'number out of range');
    const out = new Uint8Array(size);
    for (let i = size - 1; i >= 0; i--) {
      out[i] = Number(rest & 255n);
      rest >>= 8n;
    }
    this.parts.push(out);
  }
  /** @param {Uint8Array} bytes borrowed until `take` */
  put(bytes) {
    this.parts.push(bytes);
  }
  take() {
    return concat(...this.parts);
  }
}
