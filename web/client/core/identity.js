/**
 * Peer IDs, which are Ed25519 public keys (docs/protocol.md, section 3): their text form, their checks, and the proofs
 * of a login. Mirrors client/core/identity.
 */
import { concat, putU16, utf8 } from './bytes.js';
import { PairlinkError } from './errors.js';
import { sodium } from './sodium.js';
import { ID_BYTES, ID_CHARS, LABEL, TOKEN_HINT_BYTES } from '../wire_table.js';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const KEY_CHARS = 52;

/** @typedef {{id: Uint8Array, secret: Uint8Array}} Identity `secret` is in libsodium's form, seed ‖ public key */

/** @param {Uint8Array} seed 32 bytes
 * @returns {Identity} */
export function identityFromSeed(seed) {
  if (!(seed instanceof Uint8Array) || seed.length !== 32) throw new PairlinkError('EINVAL', 'a seed has 32 bytes');
  const { publicKey, privateKey } = sodium.crypto_sign_seed_keypair(seed);
  return { id: publicKey, secret: privateKey };
}

/** The first ten bits of the check hash, as two digits. @param {Uint8Array} id */
function checkDigits(id) {
  const sum = sodium.crypto_hash_sha256(concat(utf8(LABEL.ID_CHECK), id));
  return ALPHABET[sum[0] >> 3] + ALPHABET[((sum[0] & 7) << 2) | (sum[1] >> 6)];
}

/** @param {Uint8Array} id 32 bytes
 * @returns {string} 54 characters */
export function formatId(id) {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of id) {
    bits = ((bits & 31) << 8) | byte;
    for (held += 8; held >= 5; held -= 5) text += ALPHABET[(bits >> (held - 5)) & 31];
  }
  text += ALPHABET[(bits << (5 - held)) & 31]; // 256 bits leave one, padded with four zeros
  return text + checkDigits(id);
}

/** Returns true when the ID is a canonical point of the prime-order group and not the identity element. Such an ID can
 * also be converted to X25519.
 * @param {Uint8Array} id */
export const isValidId = (id) => id.length === ID_BYTES && sodium.crypto_core_ed25519_is_valid_point(id);

/** Reads exactly one ID, in lower or upper case. Throws EID.
 * @param {string} text
 * @returns {Uint8Array} */
export function parseId(text) {
  const lower = text.toLowerCase();
  if (text.length !== ID_CHARS || lower.length !== ID_CHARS) throw new PairlinkError('EID');
  const id = new Uint8Array(ID_BYTES);
  let bits = 0;
  let held = 0;
  let n = 0;
  for (let i = 0; i < KEY_CHARS; i++) {
    const digit = ALPHABET.indexOf(lower[i]);
    if (digit < 0) throw new PairlinkError('EID');
    bits = ((bits & 0xff) << 5) | digit;
    held += 5;
    if (held >= 8) {
      held -= 8;
      id[n++] = bits >> held;
    }
  }
  if (bits & 15) throw new PairlinkError('EID'); // stray bits: each key has exactly one text
  if (lower.slice(KEY_CHARS) !== checkDigits(id)) throw new PairlinkError('EID');
  if (!isValidId(id)) throw new PairlinkError('EID');
  return id;
}

/** @param {Uint8Array} part */
function sized(part) {
  const length = new Uint8Array(2);
  putU16(length, 0, part.length);
  return concat(length, part);
}

/** Returns the transcript T. `hello` is the whole payload as received, `login` the payload without its signature (for
 * the proof of a token also without the length of that proof).
 * @param {Uint8Array} hello @param {Uint8Array} login */
export const loginTranscript = (hello, login) =>
  sodium.crypto_hash_sha512(concat(utf8(LABEL.LOGIN), sized(hello), sized(login)));

/** @param {Uint8Array} t @param {Identity} client */
export const signLoginClient = (t, client) =>
  sodium.crypto_sign_detached(concat(utf8(LABEL.LOGIN_CLIENT), t), client.secret);

/** @param {Uint8Array} signature @param {Uint8Array} message @param {Uint8Array} id */
function verify(signature, message, id) {
  if (signature.length !== 64 || !isValidId(id)) return false;
  return sodium.crypto_sign_verify_detached(signature, message, id);
}

/** @param {Uint8Array} signature @param {Uint8Array} t @param {Uint8Array} clientId */
export const verifyLoginClient = (signature, t, clientId) =>
  verify(signature, concat(utf8(LABEL.LOGIN_CLIENT), t), clientId);

/** `welcome` is the WELCOME payload without its signature.
 * @param {Uint8Array} t @param {Uint8Array} welcome @param {Identity} relay */
export const signLoginRelay = (t, welcome, relay) =>
  sodium.crypto_sign_detached(concat(utf8(LABEL.LOGIN_RELAY), t, welcome), relay.secret);

/** @param {Uint8Array} signature @param {Uint8Array} t @param {Uint8Array} welcome @param {Uint8Array} relayId */
export const verifyLoginRelay = (signature, t, welcome, relayId) =>
  verify(signature, concat(utf8(LABEL.LOGIN_RELAY), t, welcome), relayId);

/** HMAC-SHA-256 with a key of any length. @param {Uint8Array} key @param {Uint8Array} data */
export function hmac(key, data) {
  const state = sodium.crypto_auth_hmacsha256_init(key);
  sodium.crypto_auth_hmacsha256_update(state, data);
  return sodium.crypto_auth_hmacsha256_final(state);
}

/** Returns the proof that this side has a token: a hint that names the token, and an HMAC.
 * @param {Uint8Array} token @param {Uint8Array} t the transcript up to the proof */
export function tokenProof(token, t) {
  const key = sodium.crypto_hash_sha256(token);
  const hint = sodium.crypto_hash_sha256(concat(utf8(LABEL.TOKEN_HINT), key)).subarray(0, TOKEN_HINT_BYTES);
  return concat(hint, hmac(key, t));
}
