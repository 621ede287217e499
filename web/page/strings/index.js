/**
 * The page's words: one table per language, all with the same keys. A table is made by a function of the formats in
 * format.js. `s` is the table in use. Another language is a file beside en.js and a line in `languages`; it is loaded
 * when it is chosen.
 */
import en from './en.js';
import { makeFormat } from './format.js';

/** @typedef {typeof en} Make creates the table of a language */
/** @typedef {'en' | 'ar'} LanguageCode */

/**
 * @type {Record<LanguageCode, {name: string, direction: 'ltr' | 'rtl', unitDisplay: 'short' | 'long', load: () =>
 *   Promise<Make>}>}
 */
export const languages = {
  en: { name: 'English', direction: 'ltr', unitDisplay: 'short', load: async () => en },
  ar: { name: 'العربية', direction: 'rtl', unitDisplay: 'long', load: async () => (await import('./ar.js')).default },
};

/** @param {Make} make @param {LanguageCode} code @param {string} locale */
const tableOf = (make, code, locale) => {
  const format = makeFormat(locale, languages[code]);
  const { name, direction } = languages[code];
  const { time, fullTime, day, listTime, span, size, number } = format;
  return { language: code, name, direction, time, fullTime, day, listTime, span, size, number, ...make(format) };
};

export let s = tableOf(en, 'en', 'en');

/**
 * Returns the words for a key that comes from elsewhere, such as a reason, or undefined.
 * @template T @param {Record<string, T>} table @param {string | number | null | undefined} key @returns {T | undefined}
 */
export const wordsFor = (table, key) => (Object.hasOwn(table, key ?? '') ? table[key ?? ''] : undefined);

/** @param {string} code @returns {code is LanguageCode} */
const isLanguage = (code) => Object.hasOwn(languages, code);

/** @param {string} tag */
const baseOf = (tag) => tag.toLowerCase().split('-')[0];
const KEPT = 'language';

/** Returns the language that was chosen on this device, or null for the browser's preference. */
export function chosenLanguage() {
  try {
    const kept = localStorage.getItem(KEPT);
    return kept && isLanguage(kept) ? kept : null;
  } catch {
    return null; // the browser stores nothing; the page reports that elsewhere
  }
}

/**
 * Returns the best known language, and a locale with the region that the browser prefers, which decides about digits
 * and dates.
 * @param {LanguageCode | null} chosen @param {readonly string[]} preferred
 * @returns {{code: LanguageCode, locale: string}}
 */
export function pickLanguage(chosen, preferred) {
  const code = chosen ?? preferred.map(baseOf).find(isLanguage) ?? 'en';
  return { code, locale: preferred.find((tag) => baseOf(tag) === code) ?? code };
}

/** @param {ReturnType<typeof pickLanguage>} picked English instead, if the words cannot be had now */
const loaded = async (picked) =>
  languages[picked.code].load().then(
    (make) => ({ ...picked, make }),
    () => ({ ...pickLanguage('en', navigator.languages ?? []), make: en }),
  );

/** Switches to the chosen or preferred language, and sets the document's language and direction. */
export async function applyLanguage() {
  const { code, locale, make } = await loaded(pickLanguage(chosenLanguage(), navigator.languages ?? []));
  s = tableOf(make, code, locale);
  document.documentElement.lang = code;
  document.documentElement.dir = s.direction;
  return code;
}

/** @param {LanguageCode | null} code null: the browser's preference */
export async function chooseLanguage(code) {
  if (code) localStorage.setItem(KEPT, code);
  else localStorage.removeItem(KEPT);
  return applyLanguage();
}

/** Calls back when the language was changed in another tab of this profile. @param {() => void} fn */
export const onLanguageElsewhere = (fn) =>
  addEventListener('storage', ({ key }) => {
    if (key === KEPT) fn();
  });
