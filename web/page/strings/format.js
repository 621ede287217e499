/**
 * Formats numbers, times and names for a language's table, with Intl, for one locale. A name is isolated wherever it
 * could change the direction of the sentence around it. Codes and IDs always read from left to right.
 */
const DAY_MS = 86_400_000;
/** @type {[string, number][]} */
const SPAN_UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];
const SIZE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** Returns how many days ago `at` was. @param {number} at @param {number} now */
const days = (at, now) => Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / DAY_MS);

/** @param {number} at @param {number} now */
const sameYear = (at, now) => new Date(at).getFullYear() === new Date(now).getFullYear();

/** @typedef {ReturnType<typeof makeFormat>} Format */

/** @param {string} locale  @param {{direction: 'ltr'|'rtl', unitDisplay: 'short'|'long'}} how */
export function makeFormat(locale, { direction, unitDisplay }) {
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
  const oldDay = new Intl.DateTimeFormat(locale, { dateStyle: 'full' });
  const shortDay = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const rules = new Intl.PluralRules(locale);
  const list = new Intl.ListFormat(locale, { type: 'unit', style: unitDisplay === 'long' ? 'long' : 'narrow' });
  const number = new Intl.NumberFormat(locale);
  /** @param {string} name @param {Intl.NumberFormatOptions} [more] */
  const unit = (name, more) => new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay, ...more });
  /** @param {string} text */
  const capital = (text) => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
  /** Returns 'Today' or 'Yesterday', or null for any other day. @param {number} at @param {number} now */
  const recent = (at, now) =>
    days(at, now) === 0 || days(at, now) === 1 ? capital(relative.format(-days(at, now), 'day')) : null;

  const format = {
    locale,
    /** @param {number} n */
    number: (n) => number.format(n),
    /**
     * Returns the form for a number.
     * @param {number} n @param {{other: string | ((n: string) => string), [category: string]: string | ((n: string) =>
     *   string)}} forms
     */
    plural(n, forms) {
      const form = forms[rules.select(n)] ?? forms.other;
      return typeof form === 'function' ? form(number.format(n)) : form;
    },
    /** @param {number} at */
    time: (at) => time.format(at),
    /** A time before another: with its day, unless that is the same. @param {number} at @param {number} later */
    moment: (at, later) => (days(at, later) === 0 ? time.format(at) : full.format(at)),
    /** @param {number} at */
    fullTime: (at) => full.format(at),
    /** The year is said when it is not the present one. @param {number} at @param {number} now */
    day: (at, now) => recent(at, now) ?? (sameYear(at, now) ? day : oldDay).format(at),
    /** @param {number} at @param {number} now */
    listTime: (at, now) => (days(at, now) === 0 ? time.format(at) : (recent(at, now) ?? shortDay.format(at))),
    /** Such as 1 day 3 hr, 4 min, 12 sec: the two largest units; seconds only below one minute. @param {number} ms */
    span(ms) {
      let left = Math.max(0, Math.ceil(ms / 1000));
      if (left >= 60) left -= left % 60;
      /** @type {string[]} */
      const parts = [];
      for (const [name, seconds] of SPAN_UNITS) {
        const count = Math.floor(left / seconds);
        left -= count * seconds;
        if (count > 0 && parts.length < 2) parts.push(unit(name).format(count));
      }
      return list.format(parts.length > 0 ? parts : [unit('second').format(0)]);
    },
    /** Such as 1.2 GB, 84 kB, 12 bytes: at most three digits. @param {number} bytes */
    size(bytes) {
      let value = bytes;
      let step = 0;
      while (value >= 999.5 && step < SIZE_UNITS.length - 1) {
        value /= 1000;
        step += 1;
      }
      const display = step === 0 ? 'long' : 'short'; // the short form of some languages has no plural
      return unit(SIZE_UNITS[step], { unitDisplay: display, maximumSignificantDigits: 3 }).format(value);
    },
    /** A name, or other text of unknown direction, inside a sentence. @param {string} text */
    iso: (text) => (direction === 'rtl' || RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text),
    /** A code or the end of an ID inside a sentence. @param {string} text */
    ltr: (text) => (direction === 'rtl' ? `\u2066${text}\u2069` : text),
  };
  return format;
}
