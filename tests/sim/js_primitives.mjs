/**
 * The stand-ins of sim_sodium.c for the JavaScript engine: the same cheap functions in place of libsodium's slow ones,
 * so that both sides of a handshake and of a login agree. Records are sealed by libsodium itself.
 */
import { sodium } from '../../web/client/core/sodium.js';

const MASK = (1n << 64n) - 1n;

/** @param {bigint} a @param {bigint} b */
function mix(a, b) {
  const product = (a ^ 0x9e3779b97f4a7c15n) * (b ^ 0xd6e8feb86659fd93n);
  return (product & MASK) ^ (product >> 64n);
}

/** @param {bigint} seed @param {Uint8Array} bytes */
function hash(seed, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let h = mix(seed, BigInt(bytes.length));
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) h = mix(h, view.getBigUint64(at, true));
  let rest = 0n;
  for (let i = bytes.length - 1; i >= at; i--) rest = (rest << 8n) | BigInt(bytes[i]);
  return mix(h, rest ^ 0xffn);
}

/** @param {number} words @param {bigint} h */
function expand(words, h) {
  const out = new Uint8Array(8 * words);
  const view = new DataView(out.buffer);
  for (let i = 0; i < words; i++) view.setBigUint64(8 * i, mix(h, BigInt(i)), true);
  return out;
}

const turned = (/** @type {Uint8Array} */ bytes) => bytes.map((byte) => byte ^ 0x5a);
const isZero = (/** @type {Uint8Array} */ bytes) => bytes.every((byte) => byte === 0);
const less = (/** @type {Uint8Array} */ a, /** @type {Uint8Array} */ b) => Buffer.compare(a, b) < 0;

const standIns = {
  /** @param {Uint8Array} message @param {Uint8Array} secret */
  crypto_sign_detached: (message, secret) => expand(8, hash(hash(2n, secret.subarray(32, 64)), message)),
  /** @param {Uint8Array} signature @param {Uint8Array} message @param {Uint8Array} id */
  crypto_sign_verify_detached: (signature, message, id) =>
    Buffer.compare(expand(8, hash(hash(2n, id), message)), signature) === 0,
  /** @param {Uint8Array} point */
  crypto_core_ed25519_is_valid_point: (point) => !isZero(point),
  /** @param {Uint8Array} id */
  crypto_sign_ed25519_pk_to_curve25519: (id) => id.slice(),
  /** @param {Uint8Array} secret */
  crypto_sign_ed25519_sk_to_curve25519: (secret) => turned(secret.slice(32, 64)),
  /** @param {Uint8Array} secret */
  crypto_scalarmult_base: (secret) => turned(secret),
  /** @param {Uint8Array} secret @param {Uint8Array} point */
  crypto_scalarmult(secret, point) {
    if (isZero(point)) throw new Error('weak public key');
    const own = turned(secret);
    const [a, b] = less(own, point) ? [own, point] : [point, own];
    return expand(4, hash(hash(3n, a), b));
  },
};

/** Replaces libsodium's functions in this process. Await `loadSodium` first. */
export function useStandIns() {
  Object.assign(sodium, standIns);
}
