/**
 * Searches the messages of all conversations, or of one, the newest first. A call looks through the database for a
 * bounded time and says where to go on, so that messages never wait for a search, and a search that nobody wants any
 * more simply does not go on.
 */
import { matches, snippet, termsOf } from './fold.js';

/** A call ends after this time, or with this many results. */
const SLICE_MS = 120;
export const PAGE = 30;

/** @typedef {import('./types.js').Engine} Engine */
/** @typedef {import('./types.js').Message} Message */
/**
 * @typedef {object} Hit
 * @property {number} n of the message
 * @property {string} contact
 * @property {0 | 1} mine
 * @property {'text' | 'file'} kind
 * @property {number} at
 * @property {import('./fold.js').Part[]} parts the text around the match
 */

/**
 * @typedef {object} Sought
 * @property {string} query
 * @property {string} [contact] only the messages with this contact
 * @property {number} [before] only messages with smaller numbers: `next` of the call before
 */

/**
 * Returns the hits of one slice and where the next one starts; null at the end.
 * @param {Pick<import('./db.js').Db, 'older'>} db @param {Sought} sought @param {() => number} clock in ms
 * @returns {Promise<{hits: Hit[], next: number | null}>}
 */
export async function searchSlice(db, { query, contact, before = Number.MAX_SAFE_INTEGER }, clock) {
  const terms = termsOf(query);
  /** @type {Hit[]} */
  const hits = [];
  /** @type {number | null} */
  let next = terms.length > 0 ? before : null;
  const end = clock() + SLICE_MS;
  let ahead = db.older(before);
  while (next !== null) {
    const { list, before: further } = await ahead;
    next = further;
    if (further !== null) ahead = db.older(further); // the browser reads while the present ones are looked through
    ahead.catch(() => {}); // reported when it is used
    for (const message of list) {
      if (contact && message.contact !== contact) continue;
      if (matches(message.text, terms)) hits.push(hitOf(message, terms));
      if (hits.length >= PAGE || clock() >= end) return { hits, next: message.n };
    }
    if (clock() >= end) break;
  }
  return { hits, next };
}

/** @param {Message} message @param {string[]} terms @returns {Hit} */
const hitOf = ({ n, contact, mine, kind, at, text }, terms) => ({
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
