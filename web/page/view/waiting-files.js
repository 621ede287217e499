/**
 * Files that were chosen or shared before there was anyone to send them to, and a text that was shared with them. They
 * wait in this tab, and are offered to the person
 * who pairs next through this tab: by an invitation that it showed, or by a link, a code or a request that it answered.
 * Whoever pairs through another tab is somebody else's business, and gets nothing.
 */
import { PIPE } from '../engine/chat.js';
import { s } from '../strings/index.js';
import { nameOf } from './actions.js';
import { addToDraft, draftOf, keepDraft } from './drafts.js';
import { sendFiles } from './files.js';
import { refusal } from './refusal.js';
import { say } from './spoken.js';
import { store } from './store.js';

/** @typedef {import('./files.js').Chosen} Chosen */
/** @typedef {import('../engine/types.js').ShownContact} ShownContact */

/** Whose draft a text is that waits for the person who pairs next: no contact has this ID. */
export const NEXT = '';

/** The invitations that this tab showed. @type {Set<string>} */
const shown = new Set();

/** Whether files may be offered to a contact. @param {ShownContact} contact @param {number} now */
export const takesFiles = (contact, now) =>
  !contact.blocked && !contact.doubt && !refusal(contact, now) && contact.application !== PIPE;

/** Adds files to those that wait. @param {Chosen[]} list */
export function wait(list) {
  if (list.length === 0) return;
  store.set(({ waiting }) => ({ waiting: [...waiting, ...list] }));
  say(s.wait.count(store.get().waiting.length));
}

/** @param {Chosen} one */
export const waitNoMore = (one) => store.set(({ waiting }) => ({ waiting: waiting.filter((other) => other !== one) }));

/**
 * Offers all files that wait to a contact. They go on waiting if that fails, and it throws if they could not be stored.
 * @param {ShownContact} contact
 */
export async function offerWaiting(contact) {
  const { waiting } = store.get();
  store.set({ waiting: [], newcomer: null });
  let done = false;
  try {
    done = await sendFiles(contact.id, waiting);
  } finally {
    if (!done) store.set((view) => ({ waiting: [...waiting, ...view.waiting] }));
  }
  if (done) say(s.wait.offered(nameOf(contact), waiting.length));
}

/** Watches who pairs through this tab. */
export function watchNewcomer() {
  store.subscribe(({ engine, place, newcomer, waiting }) => {
    if (!engine) return undefined;
    const claim = engine.lastClaim;
    if (claim && shown.delete(claim.secret)) return store.set({ newcomer: claim.contact }); // and looks again
    if (place.screen === 'invite' && engine.invites.some(({ secret }) => secret === place.secret))
      shown.add(/** @type {string} */ (place.secret));
    if (!newcomer) return undefined;
    const text = draftOf(NEXT);
    if (text) {
      addToDraft(newcomer, text);
      keepDraft(NEXT, '');
    }
    // What is chosen later is for somebody else.
    if (waiting.length === 0) return store.set({ newcomer: null });
    const contact = engine.contacts.find(({ id }) => id === newcomer);
    // Only a session that was linked tells what the other side can take.
    if (!contact || !contact.pairedAt || !contact.application) return undefined;
    if (contact.application === PIPE) {
      say(s.wait.cannot(nameOf(contact)));
      return store.set({ newcomer: null });
    }
    if (takesFiles(contact, Date.now()) && engine.server.changed === null) void offerWaiting(contact);
    return undefined;
  });
}
