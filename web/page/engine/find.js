/**
 * Finds an invite link, a pairing code or an ID inside any text: alone, in a sentence, in brackets or quotes, or broken
 * into lines by a mail program.
 */
import { flattenCode } from '../../client/core/code.js';

/** @typedef {import('./inspect.js').Engine} Engine */

const ADDRESS = String.raw`https?:\/\/(?:(?!https?:\/\/)[^\s#]){1,500}#`;
/** A link of the length that the client makes: text that follows without a gap does not belong to it. */
const WHOLE_LINK = new RegExp(`${ADDRESS}[A-Za-z0-9_-]{114}`, 'gi');
const LINK = new RegExp(`${ADDRESS}[A-Za-z0-9_-]+`, 'gi');
/** Marks that text programs add and nobody sees. */
const UNSEEN = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
/** The end of a line, with the mark of a mail that is cut off there, and the marks of quoting at the next line. */
const LINE_END = /=?[ \t]*\r?\n[>|\s]*/g;
const NUMBER = /(?<![\p{L}\p{N}])\d{4,7}(?!\d)/gu;
/** The number and both words, with exactly one dash between them. */
const DASHED = /^\d+[-\u2010-\u2015][a-z]+[-\u2010-\u2015][a-z]+(?![a-z0-9]|\p{Pd}[\p{L}\p{N}])/iu;
const ID = /(?<![a-z0-9])[a-z2-7]{54}(?![a-z0-9])/gi;
/** More than a code takes up, with wide gaps. */
const CODE_REACH = 200;
const WORD_MAX = 8;
const CODE_WORDS = 2;

/**
 * Returns the first link that can be used; else the first that looks like one.
 * @param {Engine} engine @param {string} text
 */
export function findLink(engine, text) {
  const seen = text.replace(UNSEEN, '');
  const joined = seen.replace(LINE_END, '');
  const compact = seen.replace(/\s+/g, '');
  const found = [
    seen.match(WHOLE_LINK),
    joined.match(WHOLE_LINK),
    compact.match(WHOLE_LINK),
    seen.replace(/%23/g, '#').match(WHOLE_LINK),
    compact.match(LINK),
    seen.match(LINK),
  ].flatMap((links) => links ?? []);
  return found.find((link) => reads(engine, link)) ?? found[0];
}

/** @param {Engine} engine @param {string} link */
function reads(engine, link) {
  try {
    return Boolean(engine.lib.parseInviteLink(link));
  } catch {
    return false;
  }
}

/**
 * Returns the first code whose parts are joined by dashes; else the first whose parts are separated in another way, or
 * not at all.
 * @param {Engine} engine @param {string} text
 */
export function findCode(engine, text) {
  const starts = [...plainDigits(text).matchAll(NUMBER)].map(({ index }) =>
    plainDigits(text).slice(index, index + CODE_REACH),
  );
  for (const start of starts) {
    const code = codeAt(engine, DASHED.exec(start)?.[0] ?? '');
    if (code) return code;
  }
  return starts.map((start) => codeAt(engine, start)).find(Boolean);
}

/**
 * Returns the code that the text starts with, if no letter or digit follows.
 * @param {Engine} engine @param {string} text
 */
function codeAt(engine, text) {
  const [, number, letters = ''] = /^([1-9]\d{3,6}) ?(.*)$/u.exec(flattenCode(text)) ?? [];
  const first = wordAt(engine, letters);
  const rest = letters.slice(first.length).trimStart();
  const second = wordAt(engine, rest);
  return first && second && !/^[a-z0-9]/.test(rest.slice(second.length))
    ? [number, first, second].join('-')
    : undefined;
}

/** @param {string} text */
const plainDigits = (text) =>
  text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15));

/** Returns an ID without typing errors, if there is one. @param {Engine} engine @param {string} text */
export function findId(engine, text) {
  const seen = text.replace(UNSEEN, '');
  const found = [seen, seen.replace(LINE_END, '')].flatMap((one) => one.match(ID) ?? []);
  return found
    .map((id) => id.toLowerCase())
    .find((id) => {
      try {
        return engine.lib.parseId(id);
      } catch {
        return false;
      }
    });
}

/** @param {Engine} engine @param {string} word */
export const isWord = (engine, word) => engine.lib.completeWord(word)[0] === word;

/**
 * Returns the word that the text starts with, or ''. At most one does, since no word begins another.
 * @param {Engine} engine @param {string} text
 */
function wordAt(engine, text) {
  for (let size = 1; size <= Math.min(WORD_MAX, text.length); size += 1) {
    const word = text.slice(0, size);
    if (isWord(engine, word)) return word;
  }
  return '';
}

/**
 * @typedef {object} Typed a code as far as it is typed
 * @property {string} number
 * @property {string[]} words the last one may be a part of a word, and any may be wrong
 * @property {boolean} ended a gap follows the last word
 * @property {boolean} glued there is no gap in it
 */

/**
 * Takes a text apart that may become a code; returns null if it cannot.
 * @param {Engine} engine @param {string} text @returns {Typed | null}
 */
export function takeApart(engine, text) {
  const flat = flattenCode(text);
  const [, number, letters = ''] = /^(\d+) ?([a-z ]*)$/.exec(flat) ?? [];
  if (!number) return null;
  /** @type {string[]} */
  const words = [];
  for (let run of letters.split(' ')) {
    for (let word = wordAt(engine, run); word && words.length <= CODE_WORDS; word = wordAt(engine, run)) {
      words.push(word);
      run = run.slice(word.length);
    }
    if (run) words.push(run);
  }
  return { number, words, ended: flattenCode(`${text}x`).endsWith(' x'), glued: !flat.includes(' ') };
}
