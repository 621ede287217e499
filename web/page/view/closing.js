/** Lets the browser ask before the last tab is closed while something is in progress, and any in which files wait. */
import { s } from '../strings/index.js';
import { store } from './store.js';

/** @param {BeforeUnloadEvent} event */
const ask = (event) => {
  event.preventDefault();
  event.returnValue = s.closing; // older browsers need a text, but show their own
};

/** Listens only while it is needed, because the listener keeps the page out of the browser's cache for going back. */
export function watchClosing() {
  let asking = false;
  store.subscribe(({ engine, outbox, waiting }) => {
    const busy = engine !== null && engine.tabs <= 1 && engine.busy.messages + engine.busy.transfers > 0;
    // What was for a contact who is deleted, perhaps in another tab, is shown nowhere any more.
    const lost = outbox.some(({ failed, contact }) => failed && engine?.contacts.some(({ id }) => id === contact));
    const needed = busy || lost || waiting.length > 0;
    if (needed === asking) return;
    asking = needed;
    if (needed) addEventListener('beforeunload', ask);
    else removeEventListener('beforeunload', ask);
  });
}
