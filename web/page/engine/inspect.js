/**
 * Determines what a person typed or pasted: a code, an invite link, an ID, part of one of these, or something wrong;
 * the problem is a key of the strings. For a code that is still being typed, it also returns the words that can follow.
 */
import { findCode, findId, findLink, isWord, takeApart } from './find.js';

/** A text that is longer is cut: nobody looks for an invitation in more. */
const TEXT_MAX = 20_000;
const ID_CHARS = 54;
/** Somebody who typed fewer characters rather wants to type a code. */
const HARDLY_ID = 16;
const CODE_WORDS = 2;
const NUMBER_CHARS = { min: 4, max: 7 };
const OPTIONS_MAX = 6;

/** @typedef {Pick<import('./types.js').Engine, 'lib'> & {me: {id: string}, server: {pinned: string | null}}} Engine */
/** @typedef {{word: string, text: string}} Option a word that fits, and the whole text with it */

/**
 * @typedef {object} Found
 * @property {'empty' | 'part' | 'bad' | 'link' | 'id' | 'code'} kind
 * @property {string} [problem]
 * @property {string} [part]
 * @property {string} [id]
 * @property {string} [link]
 * @property {string} [code]
 * @property {string} [word] the word that no code uses
 * @property {Option[]} [options]
 */

/** @param {Engine} engine @param {string} text @returns {Found} */
export function inspect(engine, text) {
  const typed = String(text ?? '').slice(0, TEXT_MAX);
  if (!typed.trim()) return { kind: 'empty' };
  const link = findLink(engine, typed);
  const parts = takeApart(engine, typed);
  const code = parts && tooLong(engine, parts) ? undefined : findCode(engine, typed);
  const asLink = link && inspectLink(engine, link);
  if (asLink && asLink.problem !== 'linkBroken') return asLink;
  if (code) return { kind: 'code', code };
  const id = findId(engine, typed);
  if (id) return inspectId(engine, id);
  if (asLink) return asLink;
  if (/https?:\/\//i.test(typed) || typed.includes('#')) return { kind: 'bad', problem: 'linkPart' };
  const compact = typed.replace(/[\s\p{Pd}]+/gu, '').toLowerCase();
  // An ID may begin with digits, too. It has no gap after them, unless it was copied in groups.
  if (parts && compact.length < ID_CHARS) {
    const found = inspectCode(engine, parts);
    const isId = parts.glued && compact.length >= HARDLY_ID && !/[^a-z2-7]/.test(compact);
    if (found.problem !== 'codeUnknown' || !isId) return found;
  }
  if (lacksNumber(engine, typed)) return { kind: 'bad', problem: 'codeBegin' };
  return inspectId(engine, compact);
}

/**
 * Returns whether more words of codes follow than a code has. Other words are only talk behind it.
 * @param {Engine} engine @param {import('./find.js').Typed} typed
 */
const tooLong = (engine, { words }) => words.length > CODE_WORDS && words.every((word) => isWord(engine, word));

/**
 * Returns whether the text is words of codes, and no number before them.
 * @param {Engine} engine @param {string} text
 */
function lacksNumber(engine, text) {
  const { words = [], ended } = takeApart(engine, `1000 ${text}`) ?? {};
  return (words.length > 1 || (words.length === 1 && ended)) && words.every((word) => isWord(engine, word));
}

/** @param {Engine} engine @param {import('./find.js').Typed} typed @returns {Found} */
function inspectCode(engine, { number, words, ended }) {
  if (number.length > NUMBER_CHARS.max || number.startsWith('0')) return { kind: 'bad', problem: 'codeNumber' };
  if (number.length < NUMBER_CHARS.min && (words.length > 0 || ended)) return { kind: 'bad', problem: 'codeNumber' };
  if (words.length > CODE_WORDS) return { kind: 'bad', problem: 'codeLong' };
  const unfinished = ended ? -1 : words.length - 1;
  const wrong = words.findIndex(
    (word, index) => !isWord(engine, word) && (index !== unfinished || engine.lib.completeWord(word).length === 0),
  );
  /** @param {number} index @param {string[]} fitting */
  const options = (index, fitting) => optionsOf({ number, words }, index, fitting);
  if (wrong >= 0) {
    const word = words[wrong];
    const fitting = similar(engine, word, wrong === unfinished);
    return { kind: 'bad', problem: 'codeUnknown', word, options: options(wrong, fitting) };
  }
  if (words.length === 0)
    return { kind: 'part', problem: 'codeShort', part: number.length < NUMBER_CHARS.min ? undefined : 'codeWords' };
  const partial = words[words.length - 1];
  if (ended || isWord(engine, partial)) return { kind: 'part', problem: 'codeShort', part: 'codeWord' };
  const fitting = engine.lib.completeWord(partial);
  return { kind: 'part', problem: 'codeShort', part: 'codeLetters', options: options(words.length - 1, fitting) };
}

/**
 * Returns options that put a word in the place of one of the code's words and keep what follows. Unless both words are
 * there then, the text ends in a hyphen, so that the next word can follow.
 * @param {{number: string, words: string[]}} code @param {number} index @param {string[]} fitting
 * @returns {Option[] | undefined}
 */
function optionsOf({ number, words }, index, fitting) {
  if (fitting.length === 0) return undefined;
  return fitting.slice(0, OPTIONS_MAX).map((word) => {
    const whole = [number, ...words.slice(0, index), word, ...words.slice(index + 1)];
    return { word, text: whole.join('-') + (whole.length <= CODE_WORDS ? '-' : '') };
  });
}

/**
 * Returns the words that somebody may have meant: those with the fewest letters wrong, missing or added, else those
 * that begin in the same way.
 * @param {Engine} engine @param {string} typed @param {boolean} unfinished more letters may follow
 */
function similar(engine, typed, unfinished) {
  const limit = typed.length > 4 ? 2 : 1;
  const near = engine.lib.words
    .map((word) => ({
      word,
      wrong: Math.min(distance(typed, word), unfinished ? distance(typed, word.slice(0, typed.length)) : Infinity),
    }))
    .filter(({ wrong }) => wrong <= limit);
  const least = Math.min(...near.map(({ wrong }) => wrong));
  if (near.length > 0 && typed.length > 2) return near.filter(({ wrong }) => wrong === least).map(({ word }) => word);
  for (let length = typed.length - 1; length >= 2; length -= 1) {
    const fitting = engine.lib.completeWord(typed.slice(0, length));
    if (fitting.length > 0) return fitting;
  }
  return [];
}

/**
 * Returns the Levenshtein distance, at most 9: how many letters to change, remove or add.
 * @param {string} a @param {string} b
 */
function distance(a, b) {
  if (Math.abs(a.length - b.length) > 2) return 9;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return Math.min(9, row[b.length]);
}

/** @param {Engine} engine @param {string} link @returns {Found} */
function inspectLink(engine, link) {
  let parsed;
  try {
    parsed = engine.lib.parseInviteLink(link);
  } catch {
    return { kind: 'bad', problem: 'linkBroken' };
  }
  if (parsed.id === engine.me.id) return { kind: 'bad', problem: 'own' };
  const { pinned } = engine.server;
  if (pinned && parsed.relayId && parsed.relayId !== pinned) return { kind: 'bad', problem: 'otherServer' };
  return { kind: 'link', id: parsed.id, link };
}

/** @param {Engine} engine @param {string} id @returns {Found} */
function inspectId(engine, id) {
  if (/[^a-z2-7]/.test(id)) return { kind: 'bad', problem: 'notAnId' };
  if (id.length < ID_CHARS) return { kind: 'part', problem: id.length < HARDLY_ID ? 'codeBegin' : 'idShort' };
  if (id.length > ID_CHARS) return { kind: 'bad', problem: 'idLong' };
  try {
    engine.lib.parseId(id);
  } catch {
    return { kind: 'bad', problem: 'idTypo' };
  }
  if (id === engine.me.id) return { kind: 'bad', problem: 'own' };
  return { kind: 'id', id };
}
