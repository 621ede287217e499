/**
 * How a person came to the page, other than by opening it: by an invite link, a shortcut, or with something to share.
 */
import { call, invite, join } from './actions.js';
import { go, store } from './store.js';

/**
 * Takes it out of the address bar at once: a secret must not stay where a glance, a screenshot or the history shows it.
 */
export function takeArrival() {
  const { hash, href, search } = location;
  const wanted = new URLSearchParams(search).get('do');
  const link = hash.length > 1 ? href : undefined;
  if (link || search) history.replaceState(history.state, '', location.pathname);
  return { link, wanted };
}

/** Once the engine answers. */
export async function follow({ link, wanted }) {
  if (link) return openInvite(link);
  if (wanted === 'join') return go({ screen: 'new', focus: true });
  if (wanted === 'share') return openShared();
  if (wanted === 'invite') {
    go({ screen: 'new' });
    await online();
    return invite();
  }
  return undefined;
}

async function openInvite(link) {
  const { problem } = await join(link, { replace: true });
  if (problem) store.set({ place: { screen: 'new', problem } });
}

/** The service worker put it there. */
async function openShared() {
  const cache = await caches.open('pairlink-shared');
  const shared = await (await cache.match('/shared'))?.json();
  await cache.delete('/shared');
  const installed = !matchMedia('(display-mode: browser)').matches;
  if (shared && (shared.from === 'own' || installed)) go({ screen: 'share', text: shared.text });
}

/** An invitation needs to have been online once. */
function online() {
  const is = ({ engine }) => engine?.server.state === 'online';
  if (is(store.get())) return undefined;
  return new Promise((done) => {
    const stop = store.subscribe((value) => {
      if (!is(value)) return;
      stop();
      done();
    });
    call('tryNow');
  });
}
