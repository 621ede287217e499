/**
 * Keeps the screen on while files are on their way and the page is seen: a phone that goes dark soon stops the page,
 * and the transfer with it. A browser may refuse, or end it, such as with a low battery. Then nothing is lost: the
 * transfer goes on when the page is opened again.
 */
import { store } from './store.js';

/** @typedef {{request: (type: 'screen') => Promise<{release: () => Promise<void>}>}} WakeLocks */

/**
 * @param {{locks?: WakeLocks, page?: Pick<Document, 'visibilityState' | 'addEventListener'>,
 *   watched?: Pick<typeof store, 'subscribe'>}} [world]
 */
export function keepAwake({ locks = navigator.wakeLock, page = document, watched = store } = {}) {
  if (!locks) return;
  let running = false;
  /** While the screen should stay on; null inside: the browser refused. @type {ReturnType<typeof ask> | null} */
  let lock = null;
  const ask = async () => {
    try {
      return await locks.request('screen');
    } catch {
      return null;
    }
  };
  const look = () => {
    const wanted = running && page.visibilityState === 'visible';
    if (wanted) lock ??= ask();
    else if (lock) {
      lock.then((held) => held?.release()).catch(() => {});
      lock = null;
    }
  };
  page.addEventListener('visibilitychange', look); // the browser ends the lock of a page that is hidden
  watched.subscribe(({ engine }) => {
    running = (engine?.busy.transfers ?? 0) > 0;
    look();
  });
}
