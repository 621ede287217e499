/**
 * When this person is asked for their own name: once, before or with the first pairing. Without it they are nameless to
 * the other side.
 */
import { store } from './store.js';

/** Whether this tab has asked already, beside an invitation or a code. */
let offered = false;

/** Beside an invitation or a code: until they have a name, or somebody was told that they have none. */
export function mayOffer() {
  const may = nobodyWasTold();
  offered ||= may;
  return may;
}

/** With the first contact, for those who came by a link or a request and were not asked. @param {string} contact */
export const mayAsk = (contact) => !offered && nobodyWasTold(contact);

/** @param {string} [except] a contact that may have been told */
function nobodyWasTold(except) {
  const { engine } = store.get();
  return Boolean(engine && !engine.me.name && !engine.contacts.some(({ id, pairedAt }) => pairedAt && id !== except));
}
