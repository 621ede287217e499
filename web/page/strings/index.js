/**
 * The page's words: a table per language, made by a function of the formats in format.js; all have the same keys. `s`
 * is the table in use. A further language is one file beside en.js and a line in `languages`; it is loaded when wanted.
 */
import en from './en.js';
import { makeFormat } from './format.js';

export const languages = {
  en: { name: 'English', direction: 'ltr', unitDisplay: 'short', load: async () => en },
  ar: { name: 'العربية', direction: 'rtl', unitDisplay: 'long', load: async () => (await import('./ar.js')).default },
};

const tableOf = (make, code, locale) => {
  const format = makeFormat(locale, languages[code]);
  const { name, direction } = languages[code];
  const { time, fullTime, day, listTime, span, size, number } = format;
  return { language: code, name, direction, time, fullTime, day, listTime, span, size, number, ...make(format) };
};

export let s = tableOf(en, 'en', 'en');

const baseOf = (tag) => tag.toLowerCase().split('-')[0];
const KEPT = 'language';

/** What the person chose on this device: a code, or null for what the browser prefers. */
export function chosenLanguage() {
  try {
    const kept = localStorage.getItem(KEPT);
    return Object.hasOwn(languages, kept ?? '') ? kept : null;
  } catch {
    return null; // a browser that stores nothing: the page says so by itself
  }
}

/** The known language that fits best, with the region that the browser names: it decides about digits and dates. */
export function pickLanguage(chosen, preferred) {
  const code = chosen ?? preferred.map(baseOf).find((one) => Object.hasOwn(languages, one)) ?? 'en';
  return { code, locale: preferred.find((tag) => baseOf(tag) === code) ?? code };
}

/** Takes the chosen or preferred language, and sets the document's language and direction. */
export async function applyLanguage() {
  const { code, locale } = pickLanguage(chosenLanguage(), navigator.languages ?? []);
  const make = await languages[code].load();
  s = tableOf(make, code, locale);
  document.documentElement.lang = code;
  document.documentElement.dir = s.direction;
  return code;
}

/** @param {string|null} code null: as the browser prefers */
export async function chooseLanguage(code) {
  if (code) localStorage.setItem(KEPT, code);
  else localStorage.removeItem(KEPT);
  return applyLanguage();
}

/** Calls back when another tab of this profile chose. */
export const onLanguageElsewhere = (fn) => addEventListener('storage', ({ key }) => key === KEPT && fn());
