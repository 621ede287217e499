/**
 * Noise_IK_25519_ChaChaPoly_SHA256, unmodified (revision 34), and the records of a link (docs/protocol.md, section 5).
 * It is pure: the caller passes ephemeral secrets. Mirrors client/core/noise. A message that fails a check throws
 * ECRYPTO.
 */
import { compare, concat, equal, getPlace, putPlace, utf8 } from './bytes.js';
import { PairlinkError } from './errors.js';
import { hmac, isValidId } from './identity.js';
import { raw, sodium } from './sodium.js';
import { LABEL, RECORD_OVERHEAD_BYTES, RECORD_PLAINTEXT_MAX } from '../wire_table.js';

/** @typedef {import('./identity.js').Identity} Identity */

const KEY = 32;
const TAG = 16;
const NAME = 'Noise_IK_25519_ChaChaPoly_SHA256';
const EMPTY = new Uint8Array(0);

/** @param {string} [what] */
const refuse = (what) => new PairlinkError('ECRYPTO', what);

/** X25519. Throws ECRYPTO when the result is all zero. @param {Uint8Array} secret @param {Uint8Array} key */
function dh(secret, key) {
  try {
    return sodium.crypto_scalarmult(secret, key);
  } catch {
    throw refuse('weak key');
  }
}

/** @param {Uint8Array} ck @param {Uint8Array} input */
function hkdf2(ck, input) {
  const temp = hmac(ck, input);
  const one = hmac(temp, Uint8Array.of(1));
  const two = hmac(temp, concat(one, Uint8Array.of(2)));
  sodium.memzero(temp);
  return [one, two];
}

/** 4 zero bytes ‖ counter as little-endian. @param {number} n */
function nonceOf(n) {
  const out = new Uint8Array(12);
  let rest = n;
  for (let i = 4; i < 12; i++) {
    out[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
}

/** One handshake. Tokens: → e, es, s, ss and ← e, ee, se. */
export class Handshake {
  /**
   * @param {boolean} initiator
   * @param {Uint8Array} prologue
   * @param {Uint8Array} staticSecret own X25519 secret
   * @param {Uint8Array | null} remoteStatic the other side's public key, which only the initiator knows
   */
  constructor(initiator, prologue, staticSecret, remoteStatic) {
    this.initiator = initiator;
    this.s = staticSecret;
    this.sPublic = sodium.crypto_scalarmult_base(staticSecret);
    this.rs = remoteStatic;
    /** @type {Uint8Array | null} */
    this.e = null;
    /** @type {Uint8Array | null} own ephemeral public key */
    this.ePublic = null;
    /** @type {Uint8Array | null} the other side's ephemeral key */
    this.re = null;
    /** @type {Uint8Array | null} */
    this.k = null;
    this.n = 0;
    /** @type {Uint8Array} */
    this.h = utf8(NAME); // exactly 32 bytes
    /** @type {Uint8Array} */
    this.ck = this.h;
    this.turn = 0; // messages written and read so far
    this.mixHash(prologue);
    this.mixHash(initiator ? /** @type {Uint8Array} */ (remoteStatic) : this.sPublic);
  }
  /** @param {Uint8Array} data @private */
  mixHash(data) {
    this.h = sodium.crypto_hash_sha256(concat(this.h, data));
  }
  /** @param {Uint8Array} secret @param {Uint8Array | null} key @private */
  mixDh(secret, key) {
    const shared = dh(secret, /** @type {Uint8Array} */ (key));
    [this.ck, this.k] = hkdf2(this.ck, shared);
    sodium.memzero(shared);
    this.n = 0;
  }
  /** @param {Uint8Array} plaintext @private */
  sealPart(plaintext) {
    const key = /** @type {Uint8Array} */ (this.k);
    const out = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, this.h, null, nonceOf(this.n++), key);
    this.mixHash(out);
    return out;
  }
  /** @param {Uint8Array} part @private */
  openPart(part) {
    if (part.length < TAG) throw refuse('cut short');
    const key = /** @type {Uint8Array} */ (this.k);
    let out;
    try {
      out = sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, part, this.h, nonceOf(this.n++), key);
    } catch {
      throw refuse('handshake');
    }
    this.mixHash(part);
    return out;
  }
  /** Sets the ephemeral key before `write`, for a payload that depends on it (an invite's proof). Returns the public
   * key.
   * @param {Uint8Array} secret */
  setEphemeral(secret) {
    this.e = secret;
    this.ePublic = sodium.crypto_scalarmult_base(secret);
    return this.ePublic;
  }
  /**
   * Returns this side's message with the payload.
   * @param {Uint8Array} payload
   * @param {Uint8Array} [ephemeralSecret] needed unless `setEphemeral` was called
   */
  write(payload, ephemeralSecret) {
    if (this.initiator !== (this.turn === 0) || this.turn > 1) throw new PairlinkError('ESTATE');
    if (ephemeralSecret) this.setEphemeral(ephemeralSecret);
    if (!this.e || !this.ePublic) throw new PairlinkError('ESTATE', 'no ephemeral key');
    this.mixHash(this.ePublic);
    /** @type {Uint8Array} */
    let s = EMPTY;
    if (this.initiator) {
      this.mixDh(this.e, this.rs); // es
      s = this.sealPart(this.sPublic);
      this.mixDh(this.s, this.rs); // ss
    } else {
      this.mixDh(this.e, this.re); // ee
      this.mixDh(this.e, this.rs); // se
    }
    this.turn++;
    return concat(this.ePublic, s, this.sealPart(payload));
  }
  /** Reads the other side's message. Throws ECRYPTO. @param {Uint8Array} message
   * @returns {Uint8Array} the payload */
  read(message) {
    if (this.initiator !== (this.turn === 1)) throw new PairlinkError('ESTATE');
    if (message.length < KEY + TAG) throw refuse('cut short');
    this.re = message.slice(0, KEY);
    this.mixHash(this.re);
    let at = KEY;
    if (this.initiator) {
      this.mixDh(/** @type {Uint8Array} */ (this.e), this.re); // ee
      this.mixDh(this.s, this.re); // se
    } else {
      this.mixDh(this.s, this.re); // es
      this.rs = this.openPart(message.subarray(at, at + KEY + TAG));
      at += KEY + TAG;
      this.mixDh(this.s, this.rs); // ss
    }
    this.turn++;
    return this.openPart(message.subarray(at));
  }
  /** Returns the link's keys and wipes the handshake. */
  split() {
    if (this.turn !== 2) throw new PairlinkError('ESTATE');
    const [first, second] = hkdf2(this.ck, EMPTY);
    this.wipe();
    return this.initiator ? new NoiseLink(first, second) : new NoiseLink(second, first);
  }
  wipe() {
    for (const part of [this.ck, this.k, this.e, this.s]) if (part && part !== this.h) sodium.memzero(part);
    this.turn = 3;
  }
}

/** Addresses in libsodium's memory where records are sealed and opened in place, which saves copies. All links share
 * them, because each use ends within one call.
 * @type {{data: number, nonce: number, key: number, ad: number} | undefined} */
let arena;
function area() {
  if (!arena) {
    const at = raw._malloc(65536 + 128);
    arena = { data: at, nonce: at + 65536, key: at + 65536 + 16, ad: at + 65536 + 48 };
  }
  return arena;
}

/** Returns the memory for the plaintext of a record to seal. It is valid until the next call into libsodium. */
export function plaintextArea() {
  const { data } = area();
  return raw.HEAPU8.subarray(data, data + RECORD_PLAINTEXT_MAX);
}

/** Copies nonce, key and associated data into the arena. `from` holds the counter at `at`, big-endian; the nonce needs
 * it little-endian.
 * @param {Uint8Array} from @param {number} at @param {Uint8Array} key @param {number} type @param {number} flags */
function prepare(from, at, key, type, flags) {
  const { nonce, key: keyAt, ad } = area();
  const heap = raw.HEAPU8;
  heap.fill(0, nonce, nonce + 4);
  for (let i = 0; i < 8; i++) heap[nonce + 11 - i] = from[at + i];
  heap.set(key, keyAt);
  heap[ad] = type;
  heap[ad + 1] = flags;
}

/** The keys of a link, one for each direction, and the counters of its records. */
export class NoiseLink {
  /** @param {Uint8Array} sendKey @param {Uint8Array} receiveKey */
  constructor(sendKey, receiveKey) {
    this.sendKey = sendKey;
    this.receiveKey = receiveKey;
    this.nextCounter = 0;
    /** The highest counter received: -1 when there is none, Infinity beyond 2^53, which only a broken peer reaches. */
    this.receivedCounter = -1;
    /** The same as it was received, 8 bytes. @type {Uint8Array | null} */
    this.lastCounter = null;
  }
  /** Seals the first `size` bytes of `plaintextArea()` into `out` at `at`. Returns the bytes written, size + 24.
   * @param {number} type @param {number} flags @param {number} size @param {Uint8Array} out @param {number} at */
  sealArea(type, flags, size, out, at) {
    const { data, nonce, key, ad } = area();
    putPlace(out, at, this.nextCounter++);
    prepare(out, at, this.sendKey, type, flags);
    raw._crypto_aead_chacha20poly1305_ietf_encrypt(data, 0, data, size, 0, ad, 2, 0, 0, nonce, key);
    out.set(raw.HEAPU8.subarray(data, data + size + TAG), at + 8);
    return size + RECORD_OVERHEAD_BYTES;
  }
  /** Returns the record of a plaintext. @param {number} type @param {number} flags @param {Uint8Array} plaintext */
  seal(type, flags, plaintext) {
    if (plaintext.length > RECORD_PLAINTEXT_MAX) throw new PairlinkError('EMSGSIZE');
    plaintextArea().set(plaintext);
    const out = new Uint8Array(plaintext.length + RECORD_OVERHEAD_BYTES);
    this.sealArea(type, flags, plaintext.length, out, 0);
    return out;
  }
  /** Opens a record. Returns a view of the plaintext that is valid until the next call into libsodium. Throws ECRYPTO.
   * @param {number} type @param {number} flags @param {Uint8Array} record */
  open(type, flags, record) {
    if (record.length < RECORD_OVERHEAD_BYTES || record.length > 65535) throw refuse('record size');
    const counter = record.slice(0, 8);
    if (this.lastCounter && compare(counter, this.lastCounter) <= 0) throw refuse('old counter');
    const { data, nonce, key, ad } = area();
    const sealed = record.length - 8;
    prepare(counter, 0, this.receiveKey, type, flags);
    raw.HEAPU8.set(record.subarray(8), data);
    const bad = raw._crypto_aead_chacha20poly1305_ietf_decrypt(data, 0, 0, data, sealed, 0, ad, 2, 0, nonce, key);
    if (bad !== 0) throw refuse('record');
    this.lastCounter = counter;
    this.receivedCounter = getPlace(counter, 0);
    return raw.HEAPU8.subarray(data, data + sealed - TAG);
  }
  wipe() {
    sodium.memzero(this.sendKey);
    sodium.memzero(this.receiveKey);
  }
}

/** @param {Identity} self */
const curveSecret = (self) => sodium.crypto_sign_ed25519_sk_to_curve25519(self.secret);
/** @param {Uint8Array} id */
function curveKey(id) {
  if (!isValidId(id)) throw refuse('ID');
  return sodium.crypto_sign_ed25519_pk_to_curve25519(id);
}

/** @param {Uint8Array} caller @param {Uint8Array} callee */
const prologueOf = (caller, callee) => concat(utf8(LABEL.PROLOGUE), caller, callee);

/** @param {Identity} self @param {Uint8Array} calleeId */
export const startCaller = (self, calleeId) =>
  new Handshake(true, prologueOf(self.id, calleeId), curveSecret(self), curveKey(calleeId));

/** @param {Identity} self @param {Uint8Array} callerId */
export const startCallee = (self, callerId) =>
  new Handshake(false, prologueOf(callerId, self.id), curveSecret(self), null);

/** After message 1 was read: throws ECRYPTO when the static key in it does not belong to this ID.
 * @param {Handshake} hs @param {Uint8Array} callerId */
export function checkCaller(hs, callerId) {
  if (!hs.rs || !equal(hs.rs, curveKey(callerId))) throw refuse('another key than the ID');
}
