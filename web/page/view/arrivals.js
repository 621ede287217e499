/** Handles how a person came to the page: by an invite link, by a shortcut, or with something to share. */
import { call, invite, join } from './actions.js';
import { go, store } from './store.js';

/** @typedef {{link: string | undefined, search: URLSearchParams}} Arrival search: what a shortcut asks for */

/**
 * Returns what the address asks for, and removes it from the address bar at once: a secret must not stay where a
 * glance, a screenshot or the history shows it. What was shared is no secret, and stays until it is open.
 * @returns {Arrival}
 */
export function takeArrival() {
  const { hash, href, search } = location;
  const link = hash.length > 1 ? href : undefined;
  const wanted = new URLSearchParams(search);
  if (link || (search && wanted.get('do') !== 'share')) history.replaceState(history.state, '', location.pathname);
  return { link, search: wanted };
}

/** Does what was asked for, once the engine has answered. @param {Arrival} arrival @returns {Promise<void>} */
export async function follow({ link, search }) {
  const wanted = search.get('do');
  if (link) return openInvite(link);
  if (wanted === 'join') return go({ screen: 'new', focus: true });
  if (wanted === 'share') {
    // Without it, the page works. The address stays, and asks again.
    const sharing = await import('./sharing.js').catch(() => null);
    return sharing?.openShared(search);
  }
  if (wanted === 'invite') {
    go({ screen: 'new' });
    await online();
    return invite();
  }
}

/** @param {string} link */
async function openInvite(link) {
  const { problem } = await join(link, { replace: true });
  if (problem) store.set({ place: { screen: 'new', problem } });
}

/** Waits until the page is online, which an invitation needs. @returns {Promise<void>} */
async function online() {
  /** @param {import('./store.js').View} view */
  const is = ({ engine }) => engine?.server.state === 'online';
  if (is(store.get())) return;
  await new Promise((/** @type {(value: undefined) => void} */ done) => {
    const stop = store.subscribe((value) => {
      if (!is(value)) return;
      stop();
      done(undefined);
    });
    void call('tryNow');
  });
}
