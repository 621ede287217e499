/**
 * CPace with the group ristretto255 and SHA-512 (draft-irtf-cfrg-cpace): two sides that share a few words agree on a
 * strong key, and a side that guesses the words wrong learns only that. It is pure: the caller passes the scalars.
 * Mirrors client/core/cpace.
 *
 * The initiator makes Ya, the responder Yb. Both compute the same key exactly when PRS, CI, sid, both shares and both
 * associated data are the same. The key does not prove that the other side has it, so confirm it.
 */
import { concat, utf8 } from './bytes.js';
import { PairlinkError } from './errors.js';
import { sodium } from './sodium.js';

const DSI = utf8('CPaceRistretto255');
const DSI_ISK = utf8('CPaceRistretto255_ISK');
const HASH_BLOCK_BYTES = 128;
/** The largest length that fits two bytes of the draft's encoding. */
const PART_MAX = 16383;

/** @typedef {{share: Uint8Array, associatedData: Uint8Array}} CpaceSide the share that a side sends and its associated
 *   data */

/** Returns the length in the draft's encoding (LEB128), then the bytes. @param {Uint8Array} part */
function sized(part) {
  const n = part.length;
  if (n > PART_MAX) throw new PairlinkError('EMSGSIZE');
  return concat(n < 128 ? Uint8Array.of(n) : Uint8Array.of((n & 127) | 128, n >> 7), part);
}

/**
 * Multiplies. Throws ECRYPTO when `point` is not a point of the group or the result is the neutral element.
 * @param {Uint8Array} scalar @param {Uint8Array} point
 */
function multiply(scalar, point) {
  try {
    return sodium.crypto_scalarmult_ristretto255(scalar, point);
  } catch {
    throw new PairlinkError('ECRYPTO', 'not a point of the group');
  }
}

/** Returns the secret generator of a password-related string, a channel identifier and a session identifier.
 * @param {Uint8Array} prs @param {Uint8Array} ci @param {Uint8Array} sid */
export function cpaceGenerator(prs, ci, sid) {
  const head = concat(sized(DSI), sized(prs));
  // zpad fills the first block, so that hashing the password alone takes a whole block whatever its length.
  const pad = new Uint8Array(Math.max(0, HASH_BLOCK_BYTES - head.length - 1));
  const text = concat(head, sized(pad), sized(ci), sized(sid));
  const digest = sodium.crypto_hash_sha512(text);
  const generator = sodium.crypto_core_ristretto255_from_hash(digest);
  for (const secret of [head, text, digest]) sodium.memzero(secret);
  return generator;
}

/** Returns a side's share. The scalar is 32 uniform random bytes; wipe it after `cpaceKey`.
 * @param {Uint8Array} generator @param {Uint8Array} scalar */
export const cpaceShare = (generator, scalar) => multiply(scalar, generator);

/** Returns the key ISK, 64 bytes. Throws ECRYPTO when the other share is not a point of the group or gives the neutral
 * element; the run is over then, and counts as a guess.
 * @param {Uint8Array} scalar @param {boolean} ownIsInitiator true when the scalar is the initiator's
 * @param {Uint8Array} sid @param {CpaceSide} initiator @param {CpaceSide} responder */
export function cpaceKey(scalar, ownIsInitiator, sid, initiator, responder) {
  const k = multiply(scalar, (ownIsInitiator ? responder : initiator).share);
  const text = concat(
    ...[DSI_ISK, sid, k].map(sized),
    ...[initiator, responder].flatMap(({ share, associatedData }) => [sized(share), sized(associatedData)]),
  );
  const key = sodium.crypto_hash_sha512(text);
  sodium.memzero(k);
  sodium.memzero(text);
  return key;
}
