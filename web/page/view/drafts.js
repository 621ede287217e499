/**
 * Drafts: what was written in this tab and not sent, and the message that it answers, stored as they are made, so that
 * a reload does not lose them.
 */

/** @typedef {import('./messages.js').Reply} Reply */

const REPLY = 'reply ';

/** @param {string} contact */
const key = (contact) => `draft ${contact}`;

/** @param {string} contact */
export const draftOf = (contact) => sessionStorage.getItem(key(contact)) ?? '';

/** @param {string} contact @param {string} text */
export function keepDraft(contact, text) {
  if (text) sessionStorage.setItem(key(contact), text);
  else sessionStorage.removeItem(key(contact));
}

/** Returns what the drafts answer, by contact. @returns {Record<string, Reply>} */
export function keptReplies() {
  /** @type {Record<string, Reply>} */
  const replies = {};
  for (const name of Object.keys(sessionStorage)) {
    if (!name.startsWith(REPLY)) continue;
    try {
      replies[name.slice(REPLY.length)] = JSON.parse(sessionStorage.getItem(name) ?? '');
    } catch {
      sessionStorage.removeItem(name);
    }
  }
  return replies;
}

/** Puts a text behind the draft. @param {string} contact @param {string} text */
export const addToDraft = (contact, text) => keepDraft(contact, [draftOf(contact), text].filter(Boolean).join('\n'));

/** @param {string} contact @param {Reply | null} reply */
export function keepReply(contact, reply) {
  if (reply) sessionStorage.setItem(`${REPLY}${contact}`, JSON.stringify(reply));
  else sessionStorage.removeItem(`${REPLY}${contact}`);
}
