/**
 * The search of this tab: what is searched for is in the store, so that it is still there after one came back from a
 * result. The engine looks through the messages in slices; a search that is not wanted any more asks for no more.
 */
import { useEffect, useState } from 'preact/hooks';
import { matches, termsOf } from '../engine/fold.js';
import { call, nameOf } from './actions.js';
import { go, store } from './store.js';

/** @typedef {import('../engine/search.js').Hit} Hit */
/** @typedef {import('../engine/types.js').ShownContact} ShownContact */

/** Results that are fetched at a time. */
const WANTED = 30;
const FIELD = '#search';

/** @param {Partial<import('./store.js').Search>} change */
export const setSearch = (change) => store.set(({ search }) => ({ search: { ...search, ...change } }));

/** Puts the focus into the search field; on a phone, goes to the list first. @param {{contact?: string}} [how] */
export function focusSearch({ contact } = {}) {
  if (contact) setSearch({ contact });
  const field = () => /** @type {HTMLInputElement | null} */ (document.querySelector(FIELD));
  const there = field();
  if (there) return there.select();
  go({ screen: 'home' });
  requestAnimationFrame(() => requestAnimationFrame(() => field()?.select())); // once the list is drawn
}

/** Ctrl+K, Cmd+K or / anywhere, unless somebody is writing. @param {KeyboardEvent} event */
function onKey(event) {
  const { key, ctrlKey, metaKey, altKey, shiftKey, target } = event;
  const withK = key.toLowerCase() === 'k' && (ctrlKey || metaKey) && !altKey && !shiftKey;
  const writing = target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
  const slash = key === '/' && !writing && !ctrlKey && !metaKey && !altKey;
  if ((!withK && !slash) || !store.get().engine?.contacts.length) return;
  event.preventDefault();
  focusSearch();
}
export const watchSearchKeys = () => addEventListener('keydown', onKey);

/** @param {ShownContact[]} contacts @param {string} query */
export function contactsFor(contacts, query) {
  const terms = termsOf(query);
  return contacts.filter((contact) => matches(`${nameOf(contact)} ${contact.hint}`, terms));
}

/**
 * The messages that are found, as far as they were asked for.
 * @param {string} query @param {string | null} contact
 * @returns {{hits: Hit[], busy: boolean, more: (() => void) | null}} more: fetches the next ones; null: there are none
 */
export function useHits(query, contact) {
  const key = `${contact} ${query}`;
  const [found, setFound] = useState({
    key: '',
    hits: /** @type {Hit[]} */ ([]),
    next: /** @type {number | null} */ (null),
  });
  const [wanted, setWanted] = useState({ key, count: WANTED });
  const count = wanted.key === key ? wanted.count : WANTED;
  useEffect(() => {
    let alive = true;
    const run = async () => {
      let { hits, next } = found.key === key ? found : { hits: [], next: null };
      do {
        const slice = await call('search', { query, contact: contact ?? undefined, before: next ?? undefined });
        if (!alive) return;
        hits = [...hits, ...slice.hits];
        next = slice.next;
        setFound({ key, hits, next });
      } while (next !== null && hits.length < count);
    };
    void run();
    return () => {
      alive = false;
    };
  }, [key, count]);
  const { hits, next } = found;
  const busy = found.key !== key || (next !== null && hits.length < count); // until then, the old results stay
  const more = busy || next === null ? null : () => setWanted({ key, count: hits.length + WANTED });
  return { hits, busy, more };
}
