/** What an offer says about a file: its type, and the time of its last change. */
import { FILE_FLAG_FOLDER } from '../../../client/wire_table.js';

/** @typedef {import('../types.js').TransferFile} TransferFile */

const MEDIA_TYPE = /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/;
const NS_OF_MS = 1_000_000n;
/** A later time cannot be said (docs/protocol.md, "Time"): it is in the year 2262. */
const LATEST_MS = Number(2n ** 63n / NS_OF_MS) - 1;
/** A time that the other side says of a file may lie this far in the future, as clocks differ. */
const AHEAD_MS = 24 * 60 * 60 * 1000;
const decoder = new TextDecoder();

/** @param {{flags: number}} file */
export const isFolder = ({ flags }) => (flags & FILE_FLAG_FOLDER) !== 0;

/** @param {TransferFile} file */
export function typeOf(file) {
  const type = decoder.decode(file.mediaType).toLowerCase();
  return !isFolder(file) && MEDIA_TYPE.test(type) ? type : '';
}

/** Returns a time as it is said to the other side; 0n: it has none, or one that cannot be said. @param {number} [ms] */
export const nsOf = (ms = 0) => (ms > 0 && ms <= LATEST_MS ? BigInt(ms) * NS_OF_MS : 0n);

/** Returns when a file was changed last, as far as that was said and can be. @param {TransferFile} file
 *  @param {number} now */
export function modifiedOf({ modifiedNs }, now) {
  const modified = Number(modifiedNs / NS_OF_MS);
  return modifiedNs && modified <= now + AHEAD_MS ? modified : undefined;
}
