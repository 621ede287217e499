/**
 * The safety phrase of two IDs (docs/protocol.md, section 7): twelve words that two people can compare. It depends on
 * the IDs only, so it never changes.
 */
import { compare, concat, utf8 } from './bytes.js';
import { sodium } from './sodium.js';
import { LABEL, PHRASE_ROUNDS, PHRASE_WORDS } from '../wire_table.js';
import { WORDS } from '../words.js';

const WORD_BITS = 11;

/** @param {Uint8Array} id */
function wordsOf(id) {
  let h = sodium.crypto_hash_sha512(concat(utf8(LABEL.PHRASE), id));
  for (let i = 0; i < PHRASE_ROUNDS; i++) h = sodium.crypto_hash_sha512(concat(h, id));
  let bits = 0n;
  for (const byte of h) bits = (bits << 8n) | BigInt(byte);
  const total = h.length * 8;
  return Array.from(
    { length: PHRASE_WORDS },
    (_, i) => WORDS[Number(BigInt.asUintN(WORD_BITS, bits >> BigInt(total - WORD_BITS * (i + 1))))],
  );
}

/** The words of the smaller ID come first, whatever the order of the arguments.
 * @param {Uint8Array} a @param {Uint8Array} b */
export function phraseOf(a, b) {
  const [first, second] = compare(a, b) <= 0 ? [a, b] : [b, a];
  return [...wordsOf(first), ...wordsOf(second)].join(' ');
}
