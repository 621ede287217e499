/**
 * The page's words: a table per language with the same keys. `s` is the table in use; a further language is one file
 * beside en.js and a line in `tables`.
 */
import en from './en.js';

const tables = { en };

export let s = en;

/** Chooses the first known language and sets the document's language and direction. */
export function setLanguage(wanted) {
  const code = wanted.map((tag) => tag.toLowerCase().split('-')[0]).find((one) => Object.hasOwn(tables, one)) ?? 'en';
  s = tables[code];
  document.documentElement.lang = s.language;
  document.documentElement.dir = s.direction;
}
