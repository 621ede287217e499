/**
 * Checks of what the application passes in, made before anything else is done with it. Each check returns the value, or
 * throws PairlinkError EINVAL; `what` names the value in the error's text.
 */
import { utf8 } from './bytes.js';
import { PairlinkError } from './errors.js';
import { CHANNELS_MAX, REASON } from '../wire_table.js';

/** A BufferSource. Shared memory is refused. @typedef {ArrayBuffer | ArrayBufferView} Bytes */

/** @param {string} what @returns {never} */
function refuse(what) {
  throw new PairlinkError('EINVAL', what);
}

/** @param {unknown} value */
const kind = (value) => Object.prototype.toString.call(value).slice(8, -1);

/** @param {unknown} value @param {string} what @returns {string} */
export const checkText = (value, what) => (typeof value === 'string' ? value : refuse(`${what} is a string`));

/** @param {unknown} value @param {string} what @returns {any} */
export const checkFunction = (value, what) => (typeof value === 'function' ? value : refuse(`${what} is a function`));

/** @param {unknown} value @param {string} what */
export const checkBoolean = (value, what) => (typeof value === 'boolean' ? value : refuse(`${what} is true or false`));

/** @param {unknown} value @param {number} least @param {number} most @param {string} what @returns {number} */
export function checkWhole(value, least, most, what) {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(`${what} is a whole number from ${least} to ${most}`);
}

/** @param {unknown} value @param {string} what @returns {number} */
export function checkTime(value, what) {
  return typeof value === 'number' && value >= 0 ? value : refuse(`${what} is a number of milliseconds`);
}

/** Refuses an object with unknown keys, because a misspelled option would silently have no effect.
 * @param {unknown} value @param {string[]} keys @param {string} what */
export function checkKeys(value, keys, what) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(`${what}: an object`);
  for (const key of Object.keys(value)) if (!keys.includes(key)) refuse(`${what}: there is no ${key}`);
}

/** Returns a view of the bytes. Memory shared with other threads is refused: they could change it while it is read.
 * @param {unknown} value @param {string} what @returns {Uint8Array} */
export function checkBytes(value, what) {
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(value)
    ? value
    : { buffer: /** @type {ArrayBuffer} */ (value), byteOffset: 0, byteLength: /** @type {any} */ (value)?.byteLength };
  if (kind(buffer) !== 'ArrayBuffer') return refuse(`${what} is an ArrayBuffer, a typed array or a DataView`);
  try {
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch {
    return refuse(`${what}: its memory was transferred`);
  }
}

/** @param {unknown} value @param {number} size @param {string} what */
export function checkSize(value, size, what) {
  const bytes = checkBytes(value, what);
  return bytes.length === size ? bytes : refuse(`${what} has ${size} bytes`);
}

/**
 * Returns the bytes of a message that is sent.
 * @param {unknown} data
 * @param {boolean} take the bytes need not be copied, because the caller does not change them any more
 */
export function checkMessage(data, take) {
  if (typeof data === 'string') return utf8(data);
  const bytes = checkBytes(data, 'a message that is not a string');
  return take ? bytes : bytes.slice();
}

/** @param {unknown} channel */
export const checkChannel = (channel) => checkWhole(channel, 0, CHANNELS_MAX - 1, 'a channel');

/** Returns the number of a reason. @param {unknown} reason a name such as 'REFUSED', or its number
 * @returns {number} */
export function checkReason(reason) {
  if (typeof reason !== 'string') return checkWhole(reason, 0, 0xffff, 'a reason that is not a name');
  if (!Object.hasOwn(REASON, reason)) return refuse(`there is no reason ${reason}`);
  return /** @type {Record<string, number>} */ (REASON)[reason];
}
