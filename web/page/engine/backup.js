/**
 * A copy of an identity, encrypted with a passphrase: its content, and its format as bytes and as text, which
 * docs/security.md describes. A copy may come from anywhere. So its parameters are bounded before anything is computed
 * with them, and its content is checked like any other input.
 *
 *   "PLID" ‖ version 1 ‖ operations u32 ‖ memory in KiB u32 ‖ salt[16] ‖ nonce[24] ‖ sealed
 */
import { cleanName } from './chat.js';

const MAGIC = 'PLID';
const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 24;
const KEY_BYTES = 32;
const PARAMETERS_AT = MAGIC.length + 1;
const HEAD_BYTES = PARAMETERS_AT + 8 + SALT_BYTES + NONCE_BYTES;
const SEED_BYTES = 32;

/** The cost of the copies that this version makes: about a second, with memory that a phone has. */
export const OPERATIONS = 3;
export const MEMORY_KIB = 65_536;
/** The costs that it accepts. */
const OPERATIONS_MAX = 16;
const MEMORY_KIB_MIN = 8;
const MEMORY_KIB_MAX = 262_144;
const COPY_BYTES_MAX = 4 * 1024 * 1024;
const CONTACTS_MAX = 10_000;
export const PASSPHRASE_MIN_CHARS = 10;

const BEGIN = '-----BEGIN PAIRLINK IDENTITY-----';
const END = '-----END PAIRLINK IDENTITY-----';
/** @type {Set<unknown>} */
const WAYS = new Set(['code', 'coded', 'invite', 'invited', 'asked', 'knock', 'imported']);

/** @typedef {import('./types.js').Contact} Contact */
/** @typedef {import('./types.js').Sodium} Sodium */
/**
 * The part of a contact that is copied.
 * @typedef {Omit<Contact, 'unread' | 'link' | 'problem' | 'last' | 'saidRead' | 'readTo'>} PortableContact
 */
/** @typedef {{seed: Uint8Array, name: string, contacts: PortableContact[]}} Held the content of a copy */

/** @param {'form' | 'version' | 'wrong'} problem */
const refused = (problem) => Object.assign(new Error(problem), { problem });

/**
 * @param {Sodium} sodium @param {string} passphrase @param {Uint8Array} salt @param {number} operations
 * @param {number} memoryKib
 */
function keyOf(sodium, passphrase, salt, operations, memoryKib) {
  const { crypto_pwhash: derive, crypto_pwhash_ALG_ARGON2ID13: algorithm } = sodium;
  return derive(KEY_BYTES, passphrase.normalize('NFKC'), salt, operations, memoryKib * 1024, algorithm);
}

/**
 * Returns an encrypted copy.
 * @param {Sodium} sodium @param {Held} held @param {string} passphrase @param {(n: number) => Uint8Array} random
 * @returns {Uint8Array}
 */
export function lock(sodium, held, passphrase, random) {
  const head = new Uint8Array(HEAD_BYTES);
  head.set(new TextEncoder().encode(MAGIC));
  head[MAGIC.length] = VERSION;
  const view = new DataView(head.buffer);
  view.setUint32(PARAMETERS_AT, OPERATIONS);
  view.setUint32(PARAMETERS_AT + 4, MEMORY_KIB);
  const salt = random(SALT_BYTES);
  const nonce = random(NONCE_BYTES);
  head.set(salt, PARAMETERS_AT + 8);
  head.set(nonce, PARAMETERS_AT + 8 + SALT_BYTES);
  const key = keyOf(sodium, passphrase, salt, OPERATIONS, MEMORY_KIB);
  const plain = new TextEncoder().encode(
    JSON.stringify({ ...held, seed: sodium.to_base64(held.seed), contacts: held.contacts.map(portable) }),
  );
  const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, head, null, nonce, key);
  sodium.memzero(key);
  sodium.memzero(plain);
  const copy = new Uint8Array(HEAD_BYTES + sealed.length);
  copy.set(head);
  copy.set(sealed, HEAD_BYTES);
  return copy;
}

/**
 * Opens a copy that `lock` made. Throws an error whose `problem` is 'form', 'version' or 'wrong'.
 * @param {Sodium} sodium @param {Uint8Array} copy @param {string} passphrase @returns {Held}
 */
export function unlock(sodium, copy, passphrase) {
  const head = copy.subarray(0, HEAD_BYTES);
  if (
    copy.length <= HEAD_BYTES ||
    copy.length > COPY_BYTES_MAX ||
    new TextDecoder().decode(head.subarray(0, MAGIC.length)) !== MAGIC
  )
    throw refused('form');
  if (head[MAGIC.length] !== VERSION) throw refused('version');
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const operations = view.getUint32(PARAMETERS_AT);
  const memoryKib = view.getUint32(PARAMETERS_AT + 4);
  if (operations < 1 || operations > OPERATIONS_MAX || memoryKib < MEMORY_KIB_MIN || memoryKib > MEMORY_KIB_MAX)
    throw refused('form');
  const salt = head.subarray(PARAMETERS_AT + 8, PARAMETERS_AT + 8 + SALT_BYTES);
  const nonce = head.subarray(HEAD_BYTES - NONCE_BYTES);
  const key = keyOf(sodium, passphrase, salt, operations, memoryKib);
  let plain;
  try {
    plain = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, copy.subarray(HEAD_BYTES), head, nonce, key);
  } catch {
    throw refused('wrong');
  } finally {
    sodium.memzero(key);
  }
  return read(sodium, plain);
}

/** @param {Sodium} sodium @param {Uint8Array} plain @returns {Held} */
function read(sodium, plain) {
  try {
    const { seed, name, contacts } = JSON.parse(new TextDecoder().decode(plain));
    const bytes = sodium.from_base64(seed);
    if (bytes.length !== SEED_BYTES || !Array.isArray(contacts)) throw refused('form');
    return { seed: bytes, name: cleanName(name), contacts: contacts.slice(0, CONTACTS_MAX).map(portable) };
  } catch {
    throw refused('form');
  } finally {
    sodium.memzero(plain);
  }
}

/** @param {any} value */
const time = (value) => (Number.isSafeInteger(value) && value > 0 ? value : null);

/**
 * Returns the part of a contact that is copied. The caller checks the ID.
 * @param {any} contact @returns {PortableContact}
 */
function portable({ id, how, name, hint, createdAt, pairedAt, comparedAt, blocked, asked, sure, application }) {
  return {
    id: String(id),
    how: WAYS.has(how) ? how : 'imported',
    name: cleanName(name),
    hint: cleanName(hint),
    createdAt: time(createdAt) ?? 1,
    pairedAt: time(pairedAt),
    comparedAt: time(comparedAt),
    blocked: blocked === true,
    asked: asked === true,
    ...(sure && { sure: cleanName(sure) }),
    ...(typeof application === 'string' && { application: application.slice(0, 32) }),
  };
}

/**
 * Returns a copy as text that survives mail and paper: lines of base64 between two marks.
 * @param {Sodium} sodium @param {Uint8Array} copy
 */
export function toText(sodium, copy) {
  const lines = sodium.to_base64(copy, sodium.base64_variants.ORIGINAL).match(/.{1,64}/g) ?? [];
  return `${[BEGIN, ...lines, END].join('\n')}\n`;
}

/** @param {Sodium} sodium @param {string} text @returns {Uint8Array} */
export function fromText(sodium, text) {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from || to - from > 2 * COPY_BYTES_MAX) throw refused('form');
  try {
    return sodium.from_base64(text.slice(from + BEGIN.length, to).replace(/\s+/g, ''), sodium.base64_variants.ORIGINAL);
  } catch {
    throw refused('form');
  }
}
