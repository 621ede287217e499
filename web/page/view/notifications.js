/** Notifications of messages that arrive while no tab is visible, if the person has turned them on, on this device. */
import { s } from '../strings/index.js';
import { nameOf, openThread } from './actions.js';
import { notify } from './offline.js';
import { store } from './store.js';

const KEPT = 'notify';
const TEXT_MAX = 200;

/**
 * Returns 'no' if this browser has none here, 'denied' if it does not allow them, else 'on' or 'off'.
 * @returns {'no' | 'denied' | 'on' | 'off'}
 */
export function notificationState() {
  if (!('Notification' in globalThis) || !globalThis.isSecureContext) return 'no';
  if (Notification.permission === 'denied') return 'denied';
  return Notification.permission === 'granted' && localStorage.getItem(KEPT) === 'on' ? 'on' : 'off';
}

/** Called only after a click, because the browser asks the person. @param {boolean} on */
export async function turnNotifications(on) {
  if (on) await Notification.requestPermission();
  if (on && Notification.permission === 'granted') localStorage.setItem(KEPT, 'on');
  else localStorage.removeItem(KEPT);
  return notificationState();
}

/** @param {{contact: string, text: string}} news */
export function onNews({ contact: id, text }) {
  const contact = store.get().engine?.contacts.find((one) => one.id === id);
  if (!contact || notificationState() !== 'on') return;
  const body =
    contact.unread > 1 ? `${s.notify.many(contact.unread)}\n${text.slice(0, TEXT_MAX)}` : text.slice(0, TEXT_MAX);
  /** @type {HTMLLinkElement | null} */
  const icon = document.querySelector('link[rel="apple-touch-icon"]');
  const options = {
    body,
    tag: id,
    renotify: true,
    dir: /** @type {const} */ ('auto'),
    icon: icon?.href,
    data: { contact: id },
  };
  void notify(nameOf(contact), options, () => {
    window.focus();
    openThread(id);
  });
}
