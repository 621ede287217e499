import { describe, expect, test, vi } from 'vitest';
import ar from '../strings/ar.js';
import en from '../strings/en.js';
import { makeFormat } from '../strings/format.js';
import { applyLanguage, languages, pickLanguage, s } from '../strings/index.js';

const format = { en: makeFormat('en-GB', languages.en), ar: makeFormat('ar-EG', languages.ar) };
const tables = { en: en(format.en), ar: ar(format.ar) };

/** `path: kind`, with the number of arguments of functions and the length of lists. */
function shape(value, path = '') {
  if (typeof value === 'function') return [`${path}: ${value.length} arguments`];
  if (Array.isArray(value)) return [`${path}: list of ${value.length}`];
  if (typeof value === 'string') return [`${path}: text`];
  return Object.entries(value).flatMap(([key, one]) => shape(one, path ? `${path}.${key}` : key));
}

/** Every sentence, functions called with words and numbers. */
function sentences(value, path = '') {
  if (typeof value === 'function')
    return [0, 1, 2, 3, 11, 100].map((n) => [path, value(...Array(value.length).fill(n))]);
  if (typeof value === 'string') return [[path, value]];
  return Object.entries(value).flatMap(([key, one]) => sentences(one, path ? `${path}.${key}` : key));
}

test('all languages have the same keys, and functions with the same arguments', () => {
  expect(Object.keys(languages)).toEqual(Object.keys(tables));
  for (const table of Object.values(tables)) expect(shape(table)).toEqual(shape(tables.en));
});

test('no sentence is empty or has a hole in it', () => {
  for (const table of Object.values(tables)) {
    for (const [path, text] of sentences(table)) expect(`${path}: ${text}`).not.toMatch(/: $|undefined|NaN|\[object/);
  }
});

test('words that name machinery stand in the details alone', () => {
  const jargon = /\b(relay|peer|envelope|session|handshake|keys?|socket|nameplate|engine)\b/i;
  const { details, ...rest } = tables.en;
  expect(sentences(rest).filter(([, text]) => jargon.test(text))).toEqual([]);
  expect(sentences(details).some(([, text]) => jargon.test(text))).toBe(true);
});

describe('choosing', () => {
  test('the first that is known of those the browser prefers, with its region', () => {
    expect(pickLanguage(null, ['de-DE', 'ar-EG', 'en'])).toEqual({ code: 'ar', locale: 'ar-EG' });
    expect(pickLanguage(null, ['de-DE'])).toEqual({ code: 'en', locale: 'en' });
    expect(pickLanguage('ar', ['en-GB'])).toEqual({ code: 'ar', locale: 'ar' });
    expect(pickLanguage('en', ['ar', 'en-GB'])).toEqual({ code: 'en', locale: 'en-GB' });
  });

  test('English, while the words of the chosen language cannot be had', async () => {
    const root = {};
    vi.stubGlobal('navigator', { languages: ['ar-EG'] });
    vi.stubGlobal('document', { documentElement: root });
    const load = vi.spyOn(languages.ar, 'load');
    load.mockRejectedValueOnce(new TypeError('no network'));
    expect(await applyLanguage()).toBe('en');
    expect([root, s.name]).toEqual([{ lang: 'en', dir: 'ltr' }, 'English']);
    expect(await applyLanguage()).toBe('ar');
    expect([root, s.name]).toEqual([{ lang: 'ar', dir: 'rtl' }, 'العربية']);
    vi.unstubAllGlobals();
  });
});

describe('formats', () => {
  test('plural forms follow the language', () => {
    expect([1, 2, 5].map(tables.en.list.unread)).toEqual([
      '1 unread message',
      '2 unread messages',
      '5 unread messages',
    ]);
    expect(new Set([1, 2, 3, 11, 100].map(tables.ar.list.unread)).size).toBe(5);
    expect(tables.ar.list.unread(2)).toBe('رسالتان غير مقروءتين');
  });
  test('offers name their folders and files', () => {
    const plain = (text) => text.replaceAll(/[\u2066-\u2069]/g, '');
    const [english, arabic] = [tables.en.files, tables.ar.files];
    expect(plain(english.offers('Bo', 0, 2, 0))).toContain('Bo wants to send you 2 files (');
    expect(plain(english.offers('Bo', 2, 0, 0))).toContain('Bo wants to send you 2 folders (');
    expect(plain(english.offers('Bo', 1, 3, 0))).toContain('Bo wants to send you 1 folder and 3 files (');
    expect(plain(arabic.offers('Bo', 1, 2, 0))).toContain('مجلدًا واحدًا وملفين (');
    expect(plain(arabic.offers('Bo', 0, 2, 0))).not.toContain('مجلد');
  });
  test('times that are left: two units, seconds only in the last minute', () => {
    const { span } = format.en;
    expect(span(86_399_000)).toMatch(/^23 hrs? 59 mins?$/);
    expect(span(600_000)).toMatch(/^10 mins?$/);
    expect(span(119_000)).toMatch(/^1 min$/);
    expect(span(2100)).toMatch(/^3 secs?$/);
    expect(span(-5)).toMatch(/^0 secs?$/);
    expect(format.ar.span(180_000)).toContain('دقائق');
  });
  test('sizes', () => {
    expect([0, 1, 12].map(format.en.size)).toEqual(['0 bytes', '1 byte', '12 bytes']);
    expect(format.en.size(1_234_000_000)).toBe('1.23 GB');
    expect(format.en.size(999_600)).toBe('1 MB');
  });
  test('today and yesterday by name', () => {
    const now = new Date(2026, 4, 7, 12).getTime();
    expect(format.en.day(now, now)).toBe('Today');
    expect(format.en.day(now - 86_400_000, now)).toBe('Yesterday');
    expect(format.en.day(now - 3 * 86_400_000, now)).toContain('May');
    expect(format.ar.day(now, now)).toBe('اليوم');
  });
  test('names are isolated where they could turn the sentence', () => {
    expect(tables.en.thread.detailsOf('Bo')).toBe('About Bo');
    expect(tables.en.thread.detailsOf('محمد')).toBe('About \u2068محمد\u2069');
    expect(tables.ar.thread.detailsOf('Bo')).toBe('عن \u2068Bo\u2069');
    expect(tables.ar.knock.arrived('ab12')).toContain('\u2066ab12\u2069');
  });
});
