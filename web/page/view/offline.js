/**
 * The page's side of the service worker. It is registered if the browser has service workers and the connection is
 * secure. A newer version is only offered; when the person accepts it, all tabs load it at once.
 */
import { scriptUrl } from './link.js';
import { store } from './store.js';

/** How long a visit lasts before the rest of the page is loaded, which this visit may not need. */
const REST_MS = 10_000;

/** @type {ServiceWorkerRegistration | null} */
let registration = null;

/** Lets the service worker load what it does not keep yet, so that all of the page works without a network. */
const keepTheRest = () => setTimeout(() => registration?.active?.postMessage('keep the rest'), REST_MS);

/** @param {(message: {open?: string}) => void} onMessage called with the messages of the service worker to this tab */
export async function startOffline(onMessage) {
  const { serviceWorker } = navigator;
  if (!globalThis.isSecureContext || !serviceWorker) return;
  let controlled = Boolean(serviceWorker.controller);
  store.set({ offline: controlled ? 'yes' : 'soon' });
  serviceWorker.addEventListener('message', ({ data }) => onMessage(data));
  serviceWorker.addEventListener('controllerchange', () => {
    if (controlled) location.reload(); // a newer version took over, in all tabs
    controlled = true;
    store.set({ offline: 'yes' });
    keepTheRest();
  });
  let registered;
  try {
    registered = registration = await serviceWorker.register(scriptUrl('/sw.js'));
  } catch {
    store.set({ offline: 'no' }); // the browser refuses; the page works without it
    return;
  }
  const offer = () => store.set({ update: Boolean(registered.waiting && serviceWorker.controller) });
  registered.addEventListener('updatefound', () => registered.installing?.addEventListener('statechange', offer));
  offer();
  if (controlled) keepTheRest();
}

/** Checks whether the server has a newer page: after each reconnection, as it may have been restarted for an update. */
export const lookForUpdate = () => registration?.update().catch(() => {});

export const takeUpdate = () => registration?.waiting?.postMessage('use now');

/** Shows a notification. @param {string} title @param {NotificationOptions} options @param {() => void} onClick */
export async function notify(title, options, onClick) {
  if (registration?.active) {
    await registration.showNotification(title, options);
    return;
  }
  const shown = new Notification(title, options);
  shown.onclick = onClick;
}
