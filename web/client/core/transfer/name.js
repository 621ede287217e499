/**
 * Makes names that the other side gave safe (docs/protocol.md, section 8, "Names"). It works on bytes: each byte that
 * is not part of valid UTF-8 is replaced separately, so that every implementation gives the same result. Mirrors
 * client/core/transfer/transfer_name.c; schema/vectors/transfer.json has the test cases.
 */

import { checkBytes, checkText, checkWhole } from '../check.js';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
/** @param {number[]} bytes */
const textOf = (bytes) => decoder.decode(Uint8Array.from(bytes));

/** Bytes of one part of a safe name, without a leading underline that `safePart` adds. */
const PART_MAX = 200;
/** Bytes of a safe name. */
const SAFE_NAME_MAX = 1535;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const UNDERLINE = 0x5f;
const HYPHEN = 0x2d;
const POINT = 0x2e;
const SPACE = 0x20;
const LEAST = [0, 0, 0x80, 0x800, 0x10000];

/** Decodes the character at `at`. Returns its size in bytes and its code point; size 0 when it is not UTF-8.
 * @param {Uint8Array} part @param {number} at */
function character(part, at) {
  const c = part[at];
  const size = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > part.length) return { size: 0, value: 0 };
  let value = size === 1 ? c : c & (0x7f >> size);
  for (let i = 1; i < size; i++) {
    if ((part[at + i] & 0xc0) !== 0x80) return { size: 0, value: 0 };
    value = (value << 6) | (part[at + i] & 0x3f);
  }
  const wrong = value < LEAST[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000);
  return { size: wrong ? 0 : size, value };
}

/** Returns true for controls, line ends, direction marks, and what some systems do not accept in names.
 * @param {number} c */
function isForbidden(c) {
  const control = c < 0x20 || (c >= 0x7f && c < 0xa0) || c === 0x2028 || c === 0x2029;
  const direction =
    c === 0x061c || c === 0x200e || c === 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return control || direction || (c < 0x80 && '<>:"|?*'.includes(String.fromCharCode(c)));
}

/** Ranges of invisible characters; the same are in transfer_name.c. */
const INVISIBLE = [
  [0x00ad, 0x00ad],
  [0x034f, 0x034f],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200d],
  [0x2060, 0x2065],
  [0x206a, 0x206f],
  [0x2800, 0x2800],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];
/** Invisible characters are removed, so that a name is what it looks like. @param {number} c */
const isInvisible = (c) => INVISIBLE.some(([from, to]) => c >= from && c <= to);

/** Returns true for names that some systems reserve for devices, such as CON, con.txt or "com1 .x".
 * @param {number[]} part */
function isReserved(part) {
  const name = textOf(part).split('.')[0].replace(/ +$/, '');
  return /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])$/i.test(name);
}

/** Copies a part without its invisible characters and with '_' for forbidden ones.
 * @param {Uint8Array} part @returns {number[]} */
function copyVisible(part) {
  /** @type {number[]} */
  const text = [];
  for (let at = 0; at < part.length;) {
    const { size, value } = character(part, at);
    const bad = size === 0 || isForbidden(value);
    if (!bad && isInvisible(value)) {
      at += size;
      continue;
    }
    if (text.length + (bad ? 1 : size) > PART_MAX) break;
    if (bad) text.push(UNDERLINE);
    else text.push(...part.subarray(at, at + size));
    at += size || 1;
  }
  return text;
}

/** Makes one part safe. Returns an empty list for a part that is left out. @param {Uint8Array} part
 * @returns {number[]} */
function safePart(part) {
  const text = copyVisible(part);
  if (text.length <= 2 && text.every((c) => c === POINT)) return [];
  for (let i = text.length - 1; i >= 0 && (text[i] === POINT || text[i] === SPACE); i--) text[i] = UNDERLINE;
  if (text[0] === POINT) text[0] = UNDERLINE; // hidden files may be settings of programs
  if (text[0] === HYPHEN) text[0] = UNDERLINE; // a program that is given the name must not read it as an option
  return isReserved(text) ? [UNDERLINE, ...text] : text;
}

/** Turns a name that the other side gave into a path that stays below a folder: one or more safe parts joined by '/'.
 * @param {import('../check.js').Bytes} given UTF-8 @returns {string} */
export function safeName(given) {
  const name = checkBytes(given, 'a name');
  /** @type {number[]} */
  const out = [];
  for (let at = 0; at < name.length;) {
    let end = at;
    while (end < name.length && name[end] !== SLASH && name[end] !== BACKSLASH) end++;
    if (out.length + PART_MAX + 4 > SAFE_NAME_MAX + 1) break;
    const part = safePart(name.subarray(at, end));
    if (part.length && out.length) out.push(SLASH);
    out.push(...part);
    at = end + 1;
  }
  return out.length ? textOf(out) : 'file';
}

/** Returns one part of a path with " (n)" before its extension. @param {string} part @param {number} n */
export function numberedName(part, n) {
  checkText(part, 'a name');
  checkWhole(n, 0, Number.MAX_SAFE_INTEGER, 'a number');
  const dot = part.lastIndexOf('.');
  const stem = dot > 0 ? dot : part.length;
  return `${part.slice(0, stem)} (${n})${part.slice(stem)}`;
}
