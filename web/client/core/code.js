/**
 * Pairing codes (docs/protocol.md, section 7, "Codes"): their text, and the exchange by which two sides prove to each
 * other that they know the same words. It is pure: the caller passes random bytes. A wrong message of a peer throws
 * PairlinkError ECRYPTO, EPROTOCOL, or ESTATE for another version.
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
const DIGITS_MAX = String(CODE_NUMBER_MAX).length;
const WORD_MAX = 8;
/** The characters beyond ASCII that may stand around the parts of a code. */
const SEPARATORS =
  '\\u00a0\\u00ab\\u00ad\\u00b7\\u00bb\\u060c\\u061c\\u2000-\\u206f\\u2212\\u3000-\\u3002\\ufeff\\uff0c\\uff0d';
const GAP = new RegExp(`(?:[^0-9A-Za-z\\u0080-\\uffff]|[${SEPARATORS}])+`, 'g');
const FLAT = new RegExp(`^([1-9][0-9]{0,${DIGITS_MAX - 1}})([a-z ]+)$`);

// ---- as text -----------------------------------------------------------------------------------------------

/** Returns the index of a word in the sorted list, or the index where it would be. @param {string} word */
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

/** Returns all words of the list that start with `prefix`, in order; none for an empty one. @param {string} prefix */
export function completeWord(prefix) {
  const text = checkText(prefix, 'the start of a word').trim().toLowerCase();
  if (!text) return [];
  const from = placeOf(text);
  let to = from;
  while (to < WORDS.length && WORDS[to].startsWith(text)) to++;
  return WORDS.slice(from, to);
}

/** Writes a text as a reader of codes sees it: with plain digits, small letters, one space for each gap between parts,
 * and none around them. Other characters stay.
 * @param {string} text */
export function flattenCode(text) {
  return text
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15))
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    .replace(GAP, ' ')
    .replace(/^ | $/g, ''); // trim() would also remove spaces that separate no parts
}

/** Returns the word of the list that the text starts with: at most one does, since no word begins another.
 * @param {string} text */
function wordAt(text) {
  for (let size = 1; size <= WORD_MAX && size <= text.length; size++) {
    const word = text.slice(0, size);
    if (isWord(word)) return word;
  }
  return undefined;
}

/** Reads a code as typed: with capitals, and any separators around its parts, or none between them. Throws ECODE.
 * @param {string} text
 * @returns {{number: number, words: string[]}} */
export function parseCode(text) {
  const [, digits, letters = ''] = FLAT.exec(flattenCode(checkText(text, 'a code'))) ?? [];
  const number = Number(digits);
  let rest = letters;
  const words = Array.from({ length: CODE_WORDS }, () => {
    rest = rest.startsWith(' ') ? rest.slice(1) : rest;
    const word = wordAt(rest) ?? '';
    rest = rest.slice(word.length);
    return word;
  });
  if (!(number >= CODE_NUMBER_MIN && number <= CODE_NUMBER_MAX) || rest || !words.every(Boolean))
    throw new PairlinkError('ECODE');
  return { number, words };
}

/** @param {number} number @param {string[]} words */
export const formatCode = (number, words) => [number, ...words].join('-');

/** Draws CODE_WORDS words, each with the same probability. @param {(size: number) => Uint8Array} randomBytes */
export function drawWords(randomBytes) {
  const bytes = randomBytes(2 * CODE_WORDS);
  return Array.from({ length: CODE_WORDS }, (_, i) => WORDS[(bytes[2 * i] * 256 + bytes[2 * i + 1]) % WORDS_COUNT]);
}

// ---- the exchange --------------------------------------------------------------------------------------------

/** @typedef {{relayId: Uint8Array, number: number, words: string[]}} CodeSecret */
/** @typedef {{claimer: Uint8Array, creator: Uint8Array, claimerSeal: Uint8Array, creatorSeal: Uint8Array, dial:
 *   Uint8Array}} CodeKeys `claimer` and `creator` are the tags Tc and Tk. */
/** @typedef {{id: Uint8Array, instance: Uint8Array, name: Uint8Array}} Person `name` is UTF-8, at most 64 bytes */

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

/** Starts the exchange, as the claimer. Returns the `message` to send and what `finishExchange` needs.
 * @param {CodeSecret} code @param {Uint8Array} sid @param {Uint8Array} scalar kept, not copied */
export function startExchange(code, sid, scalar) {
  const generator = generatorOf(code, sid);
  const share = cpaceShare(generator, scalar);
  sodium.memzero(generator);
  return { sid, scalar, share, message: encode('code_start', { version: PROTOCOL_VERSION, sid, share }) };
}

/** Answers, as the creator. Throws ESTATE for another version, EPROTOCOL when the message does not decode, and ECRYPTO
 * when the share is not a point, which counts as a guess.
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

/** Takes the answer, as the claimer. Throws like answerExchange.
 * @param {ReturnType<typeof startExchange>} started its scalar is wiped @param {Uint8Array} payload of the ACCEPT */
export function finishExchange({ sid, scalar, share }, payload) {
  checkVersion(payload);
  const answer = decode('code_answer', payload);
  return keysOf(scalar, true, sid, share, answer.share);
}

/** Returns this side's code_proof. @param {CodeKeys} keys @param {boolean} byClaimer @param {Person} person */
export function makeProof(keys, byClaimer, person) {
  const tag = byClaimer ? keys.claimer : keys.creator;
  const key = byClaimer ? keys.claimerSeal : keys.creatorSeal;
  const sealed = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(encode('code_person', person), tag, null, NONCE, key);
  return encode('code_proof', { tag, sealed });
}

/** Checks the other side's code_proof and returns who it is. Throws ECRYPTO when it does not know the words or names an
 * invalid ID or instance.
 * @param {CodeKeys} keys @param {boolean} byClaimer the proof is the claimer's @param {Uint8Array} payload of its DATA
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
    throw new PairlinkError('ECRYPTO', 'the proof of a code'); // whatever is wrong with it, it counts as a wrong guess
  }
}

/** @param {CodeKeys} keys */
export function wipeKeys(keys) {
  for (const key of Object.values(keys)) sodium.memzero(key);
}
