/**
 * The texts that this tab has sent and the engine has not stored yet. A text is drawn at once, before it is in the
 * database. One that could not be stored says so, and stays until the person sends it again or removes it. They are
 * kept for this tab, so that a reload does not lose them, and then sent again under the same ids: the engine adds each
 * text once.
 */
import { s } from '../strings/index.js';
import { call } from './call.js';
import { say } from './spoken.js';
import { store } from './store.js';

/** @typedef {import('../engine/types.js').TextMessage} TextMessage */
/** @typedef {import('./messages.js').Reply} Reply */
/**
 * @typedef {object} Unstored
 * @property {string} contact
 * @property {string} id of the message
 * @property {string} text
 * @property {number} at
 * @property {Reply | null} reply the message that it answers
 * @property {boolean} failed it is not sent
 * @property {boolean} [refused] the engine does not send it, as to somebody who was blocked in another tab
 */

const KEY = 'outbox';

/** @param {Unstored[]} outbox */
function keep(outbox) {
  store.set({ outbox });
  try {
    if (outbox.length > 0) sessionStorage.setItem(KEY, JSON.stringify(outbox));
    else sessionStorage.removeItem(KEY);
  } catch {
    // It is full. Then only a reload would lose them.
  }
}

/** @param {string} id @param {Partial<Unstored>} more */
const change = (id, more) => keep(store.get().outbox.map((one) => (one.id === id ? { ...one, ...more } : one)));

/** Removes a text that is not stored. @param {string} id */
export const removeUnstored = (id) => keep(store.get().outbox.filter((one) => one.id !== id));

/** Removes what is not stored for a contact that was deleted. @param {string} contact */
export const forgetUnstored = (contact) => keep(store.get().outbox.filter((one) => one.contact !== contact));

/**
 * Sends a text. Resolves when it is stored, or could not be.
 * @param {Omit<Unstored, 'failed'>} text
 */
export function post(text) {
  const whole = { ...text, failed: false };
  keep([...store.get().outbox, whole]);
  return hand(whole);
}

/** Gives a text to the engine. @param {Unstored} text */
async function hand({ contact, id, text, reply }) {
  let refused = false;
  try {
    const { problem } = await call('send', { contact, message: id, text, reply: reply?.id });
    if (!problem) return removeUnstored(id); // the thread has it by now
    refused = true;
  } catch {
    // It could not be stored.
  }
  if (!store.get().outbox.some((one) => one.id === id)) return;
  change(id, { failed: true, refused });
  say(unsentWords({ refused }));
}

/** Says why a text was not sent. @param {{refused?: boolean}} text */
export const unsentWords = ({ refused }) => (refused ? s.message.stopped : s.message.notStored);

/** Sends a text again that could not be stored. @param {string} id */
export async function postAgain(id) {
  const text = store.get().outbox.find((one) => one.id === id);
  if (!text) return;
  change(id, { failed: false });
  await hand(text);
}

/** Sends again what a reload interrupted, and shows again what could not be stored; once the engine has answered. */
export function resumeOutbox() {
  const known = new Set(store.get().engine?.contacts.map(({ id }) => id));
  const kept = read().filter(({ contact }) => known.has(contact));
  keep(kept);
  for (const text of kept) if (!text.failed) void hand(text);
}

/** @returns {Unstored[]} */
function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

/**
 * Returns the texts to this contact that the thread does not have yet, as messages. They have no number.
 * @param {Unstored[]} outbox @param {string} contact @param {import('../engine/types.js').Message[]} list
 * @returns {TextMessage[]}
 */
export function unstoredOf(outbox, contact, list) {
  const own = outbox.filter((one) => one.contact === contact);
  if (own.length === 0) return [];
  const stored = new Set(list.filter(({ mine }) => mine).map(({ id }) => id));
  return own
    .filter(({ id }) => !stored.has(id))
    .map(({ id, text, at, reply, failed }) => ({
      ...{ n: 0, contact, mine: 1, id, kind: 'text', text, at, state: failed ? 'failed' : 'waiting' },
      ...(reply && { reply: reply.id, quote: reply }),
    }));
}
