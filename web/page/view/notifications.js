/**
 * Notifications of messages that come while no tab is looked at: only when the person has turned them on, on this
 * device.
 */
import { s } from '../strings/index.js';
import { nameOf, openThread } from './actions.js';
import { notify } from './offline.js';
import { store } from './store.js';

const KEPT = 'notify';
const TEXT_MAX = 200;

/** no: this browser has none here; denied: it does not allow them; on, off */
export function notificationState() {
  if (!('Notification' in globalThis) || !globalThis.isSecureContext) return 'no';
  if (Notification.permission === 'denied') return 'denied';
  return Notification.permission === 'granted' && localStorage.getItem(KEPT) === 'on' ? 'on' : 'off';
}

/** Only ever called by a click: browsers ask the person then. */
export async function turnNotifications(on) {
  if (on) await Notification.requestPermission();
  if (on && Notification.permission === 'granted') localStorage.setItem(KEPT, 'on');
  else localStorage.removeItem(KEPT);
  return notificationState();
}

export function onNews({ contact: id, text }) {
  const contact = store.get().engine?.contacts.find((one) => one.id === id);
  if (!contact || notificationState() !== 'on') return;
  const body =
    contact.unread > 1 ? `${s.notify.many(contact.unread)}\n${text.slice(0, TEXT_MAX)}` : text.slice(0, TEXT_MAX);
  const icon = document.querySelector('link[rel="apple-touch-icon"]').href;
  notify(nameOf(contact), { body, tag: id, renotify: true, dir: 'auto', icon, data: { contact: id } }, () => {
    window.focus();
    openThread(id);
  });
}
