/**
 * Folds text for searching, so that `cafe` finds `Café` and `strasse` finds `Straße`: letter case, accents, vowel
 * points and compatibility forms are ignored, in any script. What is matched is plain text; no character is special.
 */

// Marks that writers leave out: accents; Hebrew points; Arabic vowels and the stroke that stretches a word. The vowels
// of Indian scripts are letters to their readers and stay.
const MARKS = /[\p{Script=Inherited}\u0640\u200b\u200e\u200f]|(?=[\p{Script=Hebrew}\p{Script=Arabic}])\p{Mn}/gu;
/** What lower case makes of İ, beside the i. */
const MADE_BY_CASE = /\u0307/g;
const PLAIN = /^[\x00-\x7f]*$/;
const TERMS_MAX = 8;
const QUERY_MAX = 200;
/** Only the beginning of a longer text is searched: folding blocks the engine. */
const SEARCHED_MAX = 65_536;

/** @param {string} text */
export function fold(text) {
  if (PLAIN.test(text)) return text.toLowerCase();
  // Upper case first, so that one letter becomes two where it is written so: ß, SS, ss.
  const folded = text.normalize('NFKD').replace(MARKS, '').toUpperCase().toLowerCase().replaceAll('ς', 'σ');
  return folded.replace(MADE_BY_CASE, '');
}

/**
 * Returns the folded words of a query; each must be found. None: the query finds nothing.
 * @param {unknown} query @returns {string[]}
 */
export function termsOf(query) {
  const words = fold(String(query ?? '').slice(0, QUERY_MAX)).split(/\s+/u);
  return [...new Set(words)].filter(Boolean).slice(0, TERMS_MAX);
}

/** @param {string} text @param {string[]} terms */
export function matches(text, terms) {
  const folded = fold(text.slice(0, SEARCHED_MAX));
  return terms.length > 0 && terms.every((term) => folded.includes(term));
}

/** @typedef {{text: string, hit: boolean}} Part */

const BEFORE = 32;
const LENGTH = 160;

/**
 * Returns the part of a text around its first match, cut into parts that match and parts that do not.
 * @param {string} text @param {string[]} terms @returns {Part[]}
 */
export function snippet(text, terms) {
  const { folded, at } = foldedWithPlaces(text.slice(0, SEARCHED_MAX));
  const first = Math.min(...terms.map((term) => folded.indexOf(term)).filter((place) => place >= 0));
  const start = at[first] > BEFORE + 8 ? wordStart(text, at[first] - BEFORE) : 0;
  const end = Math.min(text.length, start + LENGTH);
  const marks = new Uint8Array(text.length);
  for (const term of terms) {
    for (let place = folded.indexOf(term); place >= 0; place = folded.indexOf(term, place + term.length)) {
      if (at[place] >= end) break;
      marks.fill(1, at[place], at[place + term.length]);
    }
  }
  /** @type {Part[]} */
  const parts = start > 0 ? [{ text: '…', hit: false }] : [];
  let from = start;
  for (let place = start + 1; place <= end; place += 1) {
    if (place < end && marks[place] === marks[from]) continue;
    parts.push({ text: text.slice(from, place), hit: marks[from] === 1 });
    from = place;
  }
  if (end < text.length) parts.push({ text: '…', hit: false });
  return parts.map((part) => ({ ...part, text: part.text.replace(/\s+/gu, ' ') }));
}

/**
 * Folds a text letter by letter. `at` has, for each place of the result and for its end, where in the text it came
 * from.
 * @param {string} text
 */
function foldedWithPlaces(text) {
  let folded = '';
  /** @type {number[]} */
  const at = [];
  let place = 0;
  for (const letter of text) {
    const part = fold(letter);
    for (let n = 0; n < part.length; n += 1) at.push(place);
    folded += part;
    place += letter.length;
  }
  at.push(text.length);
  return { folded, at };
}

/**
 * Returns a place near `from` at which a word starts, or at least a whole character.
 * @param {string} text @param {number} from
 */
function wordStart(text, from) {
  const space = text.slice(from, from + BEFORE / 2).search(/\s/u);
  if (space >= 0) return from + space + 1;
  return /[\udc00-\udfff]/.test(text[from]) ? from + 1 : from;
}
