/**
 * What this tab shows: the engine's last state, the messages of the threads it has open, and where the person is. Where
 * they are is kept in history.state, so that going back and reloading work; nothing of it is in the address.
 */
import { useEffect, useState } from 'preact/hooks';

export function createStore(initial) {
  let value = initial;
  const listeners = new Set();
  return {
    get: () => value,
    set(change) {
      value = { ...value, ...(typeof change === 'function' ? change(value) : change) };
      for (const listener of listeners) listener(value);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export const store = createStore({
  ready: false, // the engine answered
  broken: null, // it did not: why
  mode: 'shared',
  language: 'en', // whose table `s` is: a change draws everything anew
  engine: null, // its state
  messages: {}, // contact → list, oldest first
  files: {}, // how those that are not over stand, by the number of their message
  place: { screen: 'home' }, // home, new, invite, thread, contact, settings, identity, server, share
  tried: null, // the number of the code that this tab is trying
  note: '', // said to a screen reader
  offline: 'no', // whether the page opens without a network: yes, soon, no
  update: false, // a newer version of the page waits
});

/** Re-renders the component when what `select` picks has changed. */
export function useStore(select) {
  const [picked, setPicked] = useState(() => select(store.get()));
  useEffect(() => {
    const look = (value) => setPicked(() => select(value));
    look(store.get());
    return store.subscribe(look);
  }, []);
  return picked;
}

/** Adds messages to a thread, or replaces those it has, by number. */
export function mergeMessages(list, more) {
  const byNumber = new Map(list.map((message) => [message.n, message]));
  for (const message of more) byNumber.set(message.n, message);
  return [...byNumber.values()].sort((a, b) => a.n - b.n);
}

/* ---- places --------------------------------------------------------------------------------------- */

export function go(place, { replace = false } = {}) {
  const from = store.get().place;
  const same = from.screen === place.screen && from.contact === place.contact && from.secret === place.secret;
  const depth = replace || same ? (history.state?.depth ?? 0) : (history.state?.depth ?? 0) + 1;
  history[replace || same ? 'replaceState' : 'pushState']({ place, depth }, '', location.pathname);
  if (!same) store.set({ place });
}

/** One place back, or home where there is none of ours. */
export function goBack() {
  if ((history.state?.depth ?? 0) > 0) history.back();
  else go({ screen: 'home' }, { replace: true });
}

export function followHistory() {
  if (history.state?.place) store.set({ place: history.state.place });
  addEventListener('popstate', (event) => store.set({ place: event.state?.place ?? { screen: 'home' } }));
}
