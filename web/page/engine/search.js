/**
 * Searches the messages of all conversations, or of one, the newest first. A call looks through the database for a
 * bounded time and says where to go on, so that messages never wait for a search, and a search that nobody wants any
 * more simply does not go on.
 */
import { matches, snippet, termsOf } from './fold.js';

/** A call ends after this time, or with this many results. */
const SLICE_MS = 120;
export const PAGE = 30;
/** Messages are read in batches: a few first, then twice as many each time, as long as they are short. */
const FIRST = 100;
const MOST = 500;
const SHORT_CHARS = 100_000;
/** How many names of files in a folder are searched at most. */
const PATHS_MAX = 1000;

/** @typedef {import('./types.js').Engine} Engine */
/** @typedef {import('./types.js').Message} Message */
/**
 * @typedef {object} Hit
 * @property {number} n of the message
 * @property {string} contact
 * @property {0 | 1} mine
 * @property {'text' | 'file'} kind
 * @property {number} at
 * @property {import('./fold.js').Part[]} parts the text around the match; of a file in a folder, its path
 */

/**
 * @typedef {object} Sought
 * @property {string} query
 * @property {string} [contact] only the messages with this contact
 * @property {number} [before] only messages with smaller numbers: `next` of the call before
 */

/**
 * Returns the hits of one slice and where the next one starts; null at the end.
 * @param {Pick<import('./db.js').Db, 'older' | 'pathsOf'>} db @param {Sought} sought @param {() => number} clock in ms
 * @returns {Promise<{hits: Hit[], next: number | null}>}
 */
export async function searchSlice(db, { query, contact, before = Number.MAX_SAFE_INTEGER }, clock) {
  const terms = termsOf(query);
  /** @type {Hit[]} */
  const hits = [];
  /** @type {number | null} */
  let next = terms.length > 0 ? before : null;
  const end = clock() + SLICE_MS;
  let count = FIRST;
  let ahead = db.older(before, { contact, count });
  while (next !== null) {
    const { list, before: further } = await ahead;
    next = further;
    count = list.reduce((sum, { text }) => sum + text.length, 0) < SHORT_CHARS ? Math.min(2 * count, MOST) : FIRST;
    // The browser reads while the present ones are looked through.
    if (further !== null) ahead = db.older(further, { contact, count });
    ahead.catch(() => {}); // reported when it is used
    for (const message of list) {
      const text = matches(message.text, terms) ? message.text : await pathIn(db, message, terms);
      if (text !== undefined) hits.push(hitOf(message, text, terms));
      if (hits.length >= PAGE || clock() >= end) return { hits, next: message.n };
    }
    if (clock() >= end) break;
  }
  return { hits, next };
}

/**
 * Returns the path of the first file in a folder, or among files that were sent together, that matches.
 * @param {Pick<import('./db.js').Db, 'pathsOf'>} db @param {Message} message @param {string[]} terms
 */
async function pathIn(db, message, terms) {
  if (message.kind !== 'file' || !message.file.group) return undefined;
  return (await db.pathsOf(message.n, PATHS_MAX)).find((path) => matches(path, terms));
}

/** @param {Message} message @param {string} text what matches @param {string[]} terms @returns {Hit} */
const hitOf = ({ n, contact, mine, kind, at }, text, terms) => ({
  n,
  contact,
  mine,
  kind,
  at,
  parts: snippet(text, terms),
});

export const searching = {
  /** @param {Engine} engine @param {Sought} args */
  search: (engine, args) => searchSlice(engine.db, args, () => performance.now()),
};
