/**
 * Pairing codes (docs/protocol.md, section 7, "Codes"): how they are written, and what two sides compute and say to
 * show each other that they know the same words. Pure: random bytes are handed in. What a peer says and does not fit
 * throws PairlinkError ECRYPTO or EPROTOCOL.
 */
import { concat, fromUtf8, isZero, putU32, utf8 } from './bytes.js';
import { cpaceGenerator, cpaceKey, cpaceShare } from './cpace.js';
import { checkText } from './check.js';
import { PairlinkError } from './errors.js';
import { hmac, isValidId } from './identity.js';
import { sodium } from './sodium.js';
import { decode, encode } from './wire.js';
import {
  CODE_NUMBER_MAX,
  CODE_NUMBER_MIN,
  CODE_WORDS,
  INVITE_SECRET_BYTES,
  LABEL,
  PROTOCOL_VERSION,
  WORDS_COUNT,
} from '../wire_table.js';
import { WORDS } from '../words.js';

const NONCE = new Uint8Array(12); // each key seals once
const CODE_FORM = new RegExp(`^([1-9][0-9]*)${'[\\s\\p{Pd}]+([a-z]+)'.repeat(CODE_WORDS)}$`, 'u');

// ---- as text -----------------------------------------------------------------------------------------------

/** Where a word stands in the list, or would. @param {string} word */
function placeOf(word) {
  let low = 0;
  let high = WORDS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (WORDS[middle] < word) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {string} word */
export const isWord = (word) => WORDS[placeOf(word)] === word;

/** All words that begin so, in order; none for nothing. @param {string} prefix */
export function completeWord(prefix) {
  const text = checkText(prefix, 'the beginning of a word').trim().toLowerCase();
  if (!text) return [];
  const from = placeOf(text);
  let to = from;
  while (to < WORDS.length && WORDS[to].startsWith(text)) to++;
  return WORDS.slice(from, to);
}

/** Reads a code as typed: capitals, and spaces or several hyphens between the parts, are fine. Throws ECODE.
 * @param {string} text
 * @returns {{number: number, words: string[]}} */
export function parseCode(text) {
  const [, digits, ...words] = CODE_FORM.exec(checkText(text, 'a code').trim().toLowerCase()) ?? [];
  const number = Number(digits);
  if (!(number >= CODE_NUMBER_MIN && number <= CODE_NUMBER_MAX) || !words.every(isWord))
    throw new PairlinkError('ECODE');
  return { number, words };
}

/** @param {number} number @param {string[]} words */
export const formatCode = (number, words) => [number, ...words].join('-');

/** CODE_WORDS words, each as likely as any other. @param {(size: number) => Uint8Array} randomBytes */
export function drawWords(randomBytes) {
  const bytes = randomBytes(2 * CODE_WORDS);
  return Array.from({ length: CODE_WORDS }, (_, i) => WORDS[(bytes[2 * i] * 256 + bytes[2 * i + 1]) % WORDS_COUNT]);
}

// ---- the exchange --------------------------------------------------------------------------------------------

/** @typedef {{relayId: Uint8Array, number: number, words: string[]}} CodeSecret */
/** @typedef {{claimer: Uint8Array, creator: Uint8Array, claimerSeal: Uint8Array, creatorSeal: Uint8Array, dial: Uint8Array}} CodeKeys
 * claimer, creator: the tags Tc and Tk */
/** @typedef {{id: Uint8Array, instance: Uint8Array, name: Uint8Array}} Person name: UTF-8, at most 64 bytes */

/** @param {CodeSecret} code @param {Uint8Array} sid */
function generatorOf({ relayId, number, words }, sid) {
  const plate = new Uint8Array(4);
  putU32(plate, 0, number);
  const prs = utf8(words.join('-'));
  const generator = cpaceGenerator(prs, concat(utf8(LABEL.CODE), relayId, plate), sid);
  sodium.memzero(prs);
  return generator;
}

/** @param {Uint8Array} scalar wiped @param {boolean} isClaimer @param {Uint8Array} sid
 * @param {Uint8Array} claimer its share @param {Uint8Array} creator its share @returns {CodeKeys} */
function keysOf(scalar, isClaimer, sid, claimer, creator) {
  const initiator = { share: claimer, associatedData: utf8(LABEL.CODE_CLAIMER) };
  const responder = { share: creator, associatedData: utf8(LABEL.CODE_CREATOR) };
  try {
    const isk = cpaceKey(scalar, isClaimer, sid, initiator, responder);
    const of = (/** @type {string} */ label) => hmac(isk, utf8(label));
    const keys = {
      claimer: of(LABEL.CODE_CLAIMER),
      creator: of(LABEL.CODE_CREATOR),
      claimerSeal: of(LABEL.CODE_CLAIMER_SEAL),
      creatorSeal: of(LABEL.CODE_CREATOR_SEAL),
      dial: of(LABEL.CODE_DIAL).slice(0, INVITE_SECRET_BYTES),
    };
    sodium.memzero(isk);
    return keys;
  } finally {
    sodium.memzero(scalar);
  }
}

/** A code_start or code_answer starts with its version; what follows may differ in another one. Throws ESTATE.
 * @param {Uint8Array} payload */
function checkVersion(payload) {
  if (payload.length && payload[0] !== PROTOCOL_VERSION) throw new PairlinkError('ESTATE', 'version of the code');
}

/** The claimer begins: what to send, and what to keep for the answer.
 * @param {CodeSecret} code @param {Uint8Array} sid @param {Uint8Array} scalar kept */
export function startExchange(code, sid, scalar) {
  const generator = generatorOf(code, sid);
  const share = cpaceShare(generator, scalar);
  sodium.memzero(generator);
  return { sid, scalar, share, message: encode('code_start', { version: PROTOCOL_VERSION, sid, share }) };
}

/** The creator answers. Throws ESTATE for another version, EPROTOCOL for what is no start, and ECRYPTO for a share that is
 * no point: the guess is spent.
 * @param {CodeSecret} code @param {Uint8Array} exchange of the CLAIM @param {Uint8Array} scalar wiped */
export function answerExchange(code, exchange, scalar) {
  checkVersion(exchange);
  const start = decode('code_start', exchange);
  const generator = generatorOf(code, start.sid);
  const share = cpaceShare(generator, scalar);
  sodium.memzero(generator);
  const keys = keysOf(scalar, false, start.sid, start.share, share);
  return { keys, message: encode('code_answer', { version: PROTOCOL_VERSION, share }) };
}

/** The claimer has the answer. Throws as answerExchange does.
 * @param {ReturnType<typeof startExchange>} started its scalar is wiped @param {Uint8Array} payload of the ACCEPT */
export function finishExchange({ sid, scalar, share }, payload) {
  checkVersion(payload);
  const answer = decode('code_answer', payload);
  return keysOf(scalar, true, sid, share, answer.share);
}

/** @param {CodeKeys} keys @param {boolean} byClaimer @param {Person} person */
export function makeProof(keys, byClaimer, person) {
  const tag = byClaimer ? keys.claimer : keys.creator;
  const key = byClaimer ? keys.claimerSeal : keys.creatorSeal;
  const sealed = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(encode('code_person', person), tag, null, NONCE, key);
  return encode('code_proof', { tag, sealed });
}

/** The other side's proof. Throws ECRYPTO when it does not know the words, or is nobody.
 * @param {CodeKeys} keys @param {boolean} byClaimer @param {Uint8Array} payload of its DATA
 * @returns {{id: Uint8Array, instance: Uint8Array, name: string}} */
export function readProof(keys, byClaimer, payload) {
  const expected = byClaimer ? keys.claimer : keys.creator;
  try {
    const { tag, sealed } = decode('code_proof', payload);
    if (!sodium.memcmp(tag, expected)) throw new PairlinkError('ECRYPTO');
    const key = byClaimer ? keys.claimerSeal : keys.creatorSeal;
    const { id, instance, name } = decode(
      'code_person',
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, sealed, tag, NONCE, key),
    );
    if (!isValidId(id) || isZero(instance)) throw new PairlinkError('ECRYPTO');
    return { id: id.slice(), instance: instance.slice(), name: fromUtf8(name) };
  } catch {
    throw new PairlinkError('ECRYPTO', 'the proof of a code'); // of whatever kind: it was a guess, and wrong
  }
}

/** @param {CodeKeys} keys */
export function wipeKeys(keys) {
  for (const key of Object.values(keys)) sodium.memzero(key);
}
