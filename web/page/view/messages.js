/** What a person does with one message: quoting it in a reply, and copying it. */
import { s } from '../strings/index.js';
import { copy, say } from './actions.js';
import { keepDraft, keepReply } from './drafts.js';
import { forgetUnstored } from './outbox.js';
import { store } from './store.js';

/** @typedef {import('../engine/types.js').Message} Message */
/** @typedef {import('../engine/types.js').Quote & {id: string}} Reply the message that the next text answers */

const QUOTE_MAX = 200;

/** The next text to this contact answers a message. @param {Message} message */
export function replyTo({ contact, id, n, mine, kind, text }) {
  setReply(contact, { id, n, mine, kind, text: text.slice(0, QUOTE_MAX) });
  /** @type {HTMLElement | null} */ (document.querySelector('.composer textarea'))?.focus();
}

/** @param {string} contact @param {Reply | null} reply */
export function setReply(contact, reply) {
  keepReply(contact, reply);
  store.set(({ replies }) => ({ replies: { ...replies, [contact]: reply } }));
}

/** Messages were deleted: none of them can be answered any more. @param {string} contact @param {number[]} gone */
export function forgetReply(contact, gone = []) {
  const reply = store.get().replies[contact];
  if (reply && gone.includes(reply.n)) setReply(contact, null);
}

/** A contact was deleted: nothing of what was written to it stays in this tab. @param {string} contact */
export function forgetDraft(contact) {
  keepDraft(contact, '');
  setReply(contact, null);
  forgetUnstored(contact);
}

/** Copies a text, or the name of a file. @param {Message} message */
export async function copyMessage({ text }) {
  say((await copy(text.replace(/\n$/, ''))) ? s.copied : s.copyFailed);
}
