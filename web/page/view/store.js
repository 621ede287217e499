/**
 * What this tab shows: the engine's last state, the messages of its open threads, and the place where the person is.
 * The place is kept in history.state, so that going back and reloading work; the address never contains it.
 */
import { useEffect, useRef, useState } from 'preact/hooks';

/** @typedef {import('../engine/types.js').State} State */
/**
 * @typedef {'home' | 'new' | 'invite' | 'thread' | 'contact' | 'settings' | 'storage' | 'identity'
 *   | 'server' | 'share'}
 *   Screen
 */

/**
 * @typedef {object} Place
 * @property {Screen} screen
 * @property {string} [contact] of 'thread' and 'contact'
 * @property {string} [secret] of 'invite'
 * @property {string} [text] of 'share'
 * @property {string} [shared] of 'share': the ID of what another program shared; see service/shares.js
 * @property {string} [problem] of 'new' and 'share': a key of the strings
 * @property {boolean} [focus] of 'new': the field gets the focus
 * @property {{n: number, id: string}} [picture] of 'thread': the picture that is open, by its message and its file
 */

/** @typedef {{query: string, contact: string | null}} Search contact: only the messages with this one */
/** @typedef {Place & {contact: string, secret: string, text: string}} OpenPlace a place, with what its screen needs */

/**
 * @typedef {object} View
 * @property {boolean} ready the engine has answered
 * @property {{code: string, text?: string} | null} broken why it cannot answer
 * @property {'shared' | 'leader' | 'alone'} mode how this tab reaches the engine
 * @property {string} language whose table `s` is; a change draws everything again
 * @property {State | null} engine
 * @property {Record<string, import('./window.js').Thread>} threads the parts of threads that are held, by contact
 * @property {import('./threads.js').Jump | null} jump where the open thread goes next
 * @property {{contact: string, n: number | null} | null} back where the person was before a jump
 * @property {import('../engine/types.js').FilesProgress} files
 * @property {Record<string, import('./messages.js').Reply | null>} replies what the next text answers, by contact
 * @property {import('./outbox.js').Unstored[]} outbox texts that this tab has sent and that are not stored yet
 * @property {import('./files.js').Chosen[]} waiting files that wait for the person who pairs next through this tab
 * @property {string | null} newcomer the contact that has just been met through this tab, and gets these files
 * @property {Place} place
 * @property {number | null} tried the number of the code that this tab is trying
 * @property {Search} search what this tab searches for
 * @property {'yes' | 'soon' | 'no'} offline whether the page opens without a network
 * @property {boolean} update a newer version of the page waits
 * @property {boolean} unsaved the last action could not be kept
 */

/** @template {object} T @param {T} initial */
export function createStore(initial) {
  let value = initial;
  /** @type {Set<(value: T) => void>} */
  const listeners = new Set();
  return {
    get: () => value,
    /** @param {Partial<T> | ((value: T) => Partial<T>)} change */
    set(change) {
      value = { ...value, ...(typeof change === 'function' ? change(value) : change) };
      for (const listener of listeners) listener(value);
    },
    /** Returns a function that ends the subscription. @param {(value: T) => void} listener */
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/** @type {View} */
const initially = {
  ready: false,
  broken: null,
  mode: 'shared',
  language: 'en',
  engine: null,
  threads: {},
  jump: null,
  back: null,
  files: {},
  replies: {},
  outbox: [],
  waiting: [],
  newcomer: null,
  place: { screen: 'home' },
  tried: null,
  search: { query: '', contact: null },
  offline: 'no',
  update: false,
  unsaved: false,
};
export const store = createStore(initially);

/**
 * Renders the component again when the part that `select` returns has changed. `select` may use the component's props:
 * the one of the last rendering counts.
 * @template T @param {(view: View) => T} select @returns {T}
 */
export function useStore(select) {
  const [, redraw] = useState({});
  const picked = select(store.get());
  const shown = useRef({ select, picked });
  shown.current = { select, picked };
  useEffect(() => {
    const look = (/** @type {View} */ value) => {
      if (!Object.is(shown.current.select(value), shown.current.picked)) redraw({});
    };
    look(store.get());
    return store.subscribe(look);
  }, []);
  return picked;
}

/**
 * As `useStore`, for a part of the engine's state: for components that are shown once the engine has answered.
 * @template T @param {(engine: State) => T} select @returns {T}
 */
export const useEngine = (select) => useStore(({ engine }) => select(/** @type {State} */ (engine)));

/* ---- places --------------------------------------------------------------------------------------- */

/**
 * Goes to a place.
 * @param {Place} place @param {{replace?: boolean}} [how] replace: going back skips the present place
 */
export function go(place, { replace = false } = {}) {
  const from = store.get().place;
  const same =
    from.screen === place.screen &&
    from.contact === place.contact &&
    from.secret === place.secret &&
    from.shared === place.shared &&
    from.picture?.n === place.picture?.n &&
    from.picture?.id === place.picture?.id;
  const depth = replace || same ? (history.state?.depth ?? 0) : (history.state?.depth ?? 0) + 1;
  history[replace || same ? 'replaceState' : 'pushState']({ place, depth }, '', location.pathname);
  if (!same) store.set({ place });
}

/** Goes one place back; home if this page has none before. */
export function goBack() {
  if ((history.state?.depth ?? 0) > 0) history.back();
  else go({ screen: 'home' }, { replace: true });
}

/** Goes back from a place that cannot be shown, unless the person has left it by then. @param {Place} place */
export function goBackFrom(place) {
  if (store.get().place === place) goBack();
}

export function followHistory() {
  if (history.state?.place) store.set({ place: history.state.place });
  addEventListener('popstate', (event) => store.set({ place: event.state?.place ?? { screen: 'home' } }));
}
