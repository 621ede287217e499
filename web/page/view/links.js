/**
 * Finds the addresses in a text: web addresses, those that start with `www.`, and mail addresses. The text comes from
 * someone else, so the work is linear in its length, only http, https and mailto are opened, and whatever would open
 * another place than the one that is read says so.
 */

/**
 * @typedef {object} Part
 * @property {string} text as it was written
 * @property {string} [href] of a link
 * @property {string} [opens] the server that opens, if it is written in another way in the text
 */

const LINKS_MAX = 200;
const HOST_MAX = 253;
const LOCAL_MAX = 64;

const START = /https?:\/\/|www\.|@/gi;
/** The name of a server, at a place in a text. The first lookahead bounds the work. */
const LABEL = '[\\p{L}\\p{M}\\p{N}](?:[\\p{L}\\p{M}\\p{N}_-]{0,62})';
const HOST = new RegExp(`(?:\\[[0-9a-f:.]{2,45}\\]|${LABEL}(?:\\.${LABEL})*)`, 'iuy');
/** The last part of a name, which is in Latin letters or has none: `example.com` ends before 好 in `example.com好`. */
const TOP = /\.([a-z]{2,}|xn--[a-z0-9-]+)/iy;
const PORT = /:\d{1,5}/y;
/** Ends an address wherever it comes: spaces, invisible marks, quotation marks, and punctuation that addresses lack. */
const ENDS = /[\p{Z}\p{C}<>"`\\“”„«»‹›、。，；：？！…（）［］｛｝「」『』【】《》〈〉،؛؟۔]/u;
/** Belongs to the sentence if it is the last of an address. */
const TRAILING = new Set(".,;:!?'’|([{");
const WRAPPING = new Set("'*_~|");
/** @type {Record<string, string>} */
const OPENING = { ')': '(', ']': '[', '}': '{' };
const WORD = /[\p{L}\p{N}_]/u;
const LATIN = /[a-z0-9]/i;
const LOCAL = /[\p{L}\p{N}._%+-]/u;

/** Splits a text into parts; together they are the text. @param {string} text @returns {Part[]} */
export function findLinks(text) {
  /** @type {Part[]} */
  const parts = [];
  let from = 0;
  let links = 0;
  START.lastIndex = 0;
  for (let found = START.exec(text); found && links < LINKS_MAX; found = START.exec(text)) {
    const link = found[0] === '@' ? mailAt(text, found.index, from) : webAt(text, found.index, found[0]);
    if (!link) continue;
    const { start, end, ...part } = link;
    if (start > from) parts.push({ text: text.slice(from, start) });
    parts.push({ text: text.slice(start, end), ...part });
    from = end;
    links += 1;
    START.lastIndex = end;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}

/** @param {string} text @param {number} start @param {string} prefix */
function webAt(text, start, prefix) {
  const www = prefix.toLowerCase() === 'www.';
  const before = text[start - 1] ?? ' ';
  if (www ? WORD.test(before) || '.@/:-'.includes(before) : LATIN.test(before)) return null;
  const host = hostAt(text, www ? start : start + prefix.length, www ? 2 : 0);
  if (!host) return null;
  let end = host.end;
  PORT.lastIndex = end;
  if (PORT.test(text)) end = PORT.lastIndex;
  if (text[end] === '@' || (text[end] === ':' && userFollows(text, end))) return null;
  // Before the path is looked at: what is no server must not cost as much as its path is long.
  const opens = serverOf(host.name + text.slice(host.end, end));
  if (!opens) return null;
  if ('/?#'.includes(text[end] ?? ' ')) end = pathEnd(text, end, before);
  const { href } = new URL(`${www ? 'https://' : ''}${text.slice(start, end)}`);
  return { start, end, href, ...differing(opens, host.name) };
}

/**
 * Returns whether a name and a password come before the server, as in https://bank.example:1@evil.example.
 * @param {string} text @param {number} at
 */
function userFollows(text, at) {
  for (let end = at; end < Math.min(text.length, at + HOST_MAX); end += 1) {
    if (text[end] === '@') return true;
    if (text[end] === '/' || ENDS.test(text[end])) return false;
  }
  return false;
}

/**
 * Returns the server's name that starts at a place, if it has that many dots at least.
 * @param {string} text @param {number} at @param {number} dots
 */
function hostAt(text, at, dots) {
  const near = text.slice(at, at + HOST_MAX + 1);
  HOST.lastIndex = 0;
  const name = HOST.exec(near)?.[0];
  if (!name || name.length > HOST_MAX) return null;
  const whole = cutAtTop(name);
  return whole.split('.').length > dots ? { name: whole, end: at + whole.length } : null;
}

/** Cuts what follows a top-level name in another script. @param {string} name */
function cutAtTop(name) {
  const last = name.lastIndexOf('.');
  if (last < 0) return /^[a-z0-9-]+/i.exec(name)?.[0] ?? name;
  TOP.lastIndex = last;
  const top = TOP.exec(name);
  return top && !/[\w-]/.test(name[TOP.lastIndex] ?? ' ') ? name.slice(0, TOP.lastIndex) : name;
}

/**
 * Returns where an address ends that has a path, a query or a fragment from `at` on. A closing bracket belongs to it if
 * its opening one does.
 * @param {string} text @param {number} at @param {string} before the character before the address
 */
function pathEnd(text, at, before) {
  /** @type {Record<string, number>} */
  const open = { '(': 0, '[': 0, '{': 0 };
  let end = at;
  for (; end < text.length && !ENDS.test(text[end]); end += 1) {
    const one = text[end];
    if (one in open) open[one] += 1;
    else if (one in OPENING && (open[OPENING[one]] -= 1) < 0) break;
  }
  const wrap = WRAPPING.has(before) ? before : '';
  while (end > at && (TRAILING.has(text[end - 1]) || text[end - 1] === wrap)) end -= 1;
  return end;
}

/** @param {string} text @param {number} at of the @ @param {number} from where the last link ended */
function mailAt(text, at, from) {
  let start = at;
  while (start > from && at - start < LOCAL_MAX && LOCAL.test(text[start - 1])) start -= 1;
  while (start < at && '.%+-'.includes(text[start])) start += 1;
  const local = text.slice(start, at);
  if (!local || local.endsWith('.') || local.includes('..') || '@/:'.includes(text[start - 1] ?? ' ')) {
    if (!/mailto:$/i.test(text.slice(Math.max(from, start - 7), start)) || !local) return null;
  }
  if (LOCAL.test(text[start - 1] ?? ' ') && start > from) return null;
  const host = hostAt(text, at + 1, 1);
  if (!host || !/\.(?:\p{L}{2,}|xn--[a-z0-9-]+)$/iu.test(host.name)) return null;
  const opens = serverOf(host.name);
  if (!opens) return null;
  const href = `mailto:${encodeURIComponent(local)}@${host.name}`;
  return { start, end: host.end, href, ...differing(opens, host.name) };
}

/** Returns the server's name as browsers write it, or null for what is none. @param {string} name with its port */
function serverOf(name) {
  try {
    return new URL(`http://${name}`).hostname;
  } catch {
    return null; // such as a port or a number that is too large
  }
}

/** @param {string} opens @param {string} written */
const differing = (opens, written) => (opens === written.toLowerCase() ? {} : { opens });
