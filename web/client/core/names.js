/**
 * Decides whether a reader could mistake one name for another (docs/protocol.md, section 7).
 */
import { DROPPED, LOOKS } from '../lookalikes.js';

/** @type {Map<number, string>} */
const looks = new Map();
for (const [text, characters] of LOOKS)
  for (const character of characters) looks.set(/** @type {number} */ (character.codePointAt(0)), text);

/** @param {number} c */
function isDropped(c) {
  let low = 0;
  let high = DROPPED.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (DROPPED[2 * middle] <= c) low = middle + 1;
    else high = middle;
  }
  return low > 0 && c <= DROPPED[2 * low - 1];
}

/** @param {string} character */
function lookOf(character) {
  const c = /** @type {number} */ (character.codePointAt(0));
  return isDropped(c) ? '' : (looks.get(c) ?? character);
}

/** Maps a name to its look: names that look the same have the same.
 * @param {string} name */
function look(name) {
  let out = '';
  for (const character of name) {
    const whole = lookOf(character);
    if (whole !== character) out += whole;
    else for (const part of character.normalize('NFKD')) out += lookOf(part);
  }
  return out;
}

/** Lower-cases character by character, so that no letter depends on its neighbours: a final sigma is a sigma.
 * @param {string} name */
const lower = (name) => [...name].map((character) => character.toLowerCase().replace('ς', 'σ')).join('');

/** A cache, because a list of contacts compares each name many times.
 * @type {Map<string, [string, string]>} */
const remembered = new Map();
const REMEMBERED_MAX = 1024;

/** @param {string} name
 * @returns {[string, string]} */
function looksOf(name) {
  const known = remembered.get(name);
  if (known) return known;
  /** @type {[string, string]} */
  const both = [lower(look(name)), look(lower(name))];
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  remembered.set(name, both);
  return both;
}

/** Returns true when two names look the same to a reader. A name without any visible character looks like no other.
 * @param {string} a @param {string} b
 * @returns {boolean} */
export function namesAlike(a, b) {
  const [left, right] = [looksOf(a), looksOf(b)];
  return left.some((text, i) => text !== '' && text === right[i]);
}
