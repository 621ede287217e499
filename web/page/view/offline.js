/**
 * The service worker, seen from the page: it is registered where the browser has one and the page came over a safe way.
 * A newer version is only offered; when it is taken, all tabs load it at once.
 */
import { scriptUrl } from './link.js';
import { store } from './store.js';

let registration = null;

export const hasServiceWorker = () => registration !== null;

/** @param {(message: object) => void} onMessage what the service worker says to this tab */
export async function startOffline(onMessage) {
  const { serviceWorker } = navigator;
  if (!globalThis.isSecureContext || !serviceWorker) return;
  let controlled = Boolean(serviceWorker.controller);
  store.set({ offline: controlled ? 'yes' : 'soon' });
  serviceWorker.addEventListener('message', ({ data }) => onMessage(data));
  serviceWorker.addEventListener('controllerchange', () => {
    if (controlled) return location.reload(); // a newer version took over, in all tabs
    controlled = true;
    return store.set({ offline: 'yes' });
  });
  try {
    registration = await serviceWorker.register(scriptUrl('/sw.js'));
  } catch {
    return store.set({ offline: 'no' }); // the browser does not want to: the page works without
  }
  const offer = () => store.set({ update: Boolean(registration.waiting && serviceWorker.controller) });
  registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', offer));
  offer();
}

/** Whether the server has a newer page; asked after each reconnection, since it may have been started anew for that. */
export const lookForUpdate = () => registration?.update().catch(() => {});

export const useUpdate = () => registration?.waiting?.postMessage('use now');

/** @param {NotificationOptions} options */
export async function notify(title, options, onClick) {
  if (registration?.active) return registration.showNotification(title, options);
  const shown = new Notification(title, options);
  shown.onclick = onClick;
  return undefined;
}
