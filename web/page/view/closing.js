/** The browser's question before the last tab is closed while something is under way. */
import { s } from '../strings/index.js';
import { store } from './store.js';

const ask = (event) => {
  event.preventDefault();
  event.returnValue = s.closing; // older browsers want a text, and show their own
};

/** The question stands only while it is needed: it keeps a page from being kept for going back. */
export function watchClosing() {
  let asking = false;
  store.subscribe(({ engine }) => {
    const needed = Boolean(engine) && engine.tabs <= 1 && engine.busy.messages + engine.busy.transfers > 0;
    if (needed === asking) return;
    asking = needed;
    if (needed) addEventListener('beforeunload', ask);
    else removeEventListener('beforeunload', ask);
  });
}
