/** Drafts: what was written in this tab and not sent, stored as it is typed, so that a reload does not lose it. */

/** @param {string} contact */
const key = (contact) => `draft ${contact}`;

/** @param {string} contact */
export const draftOf = (contact) => sessionStorage.getItem(key(contact)) ?? '';

/** @param {string} contact @param {string} text */
export function keepDraft(contact, text) {
  if (text) sessionStorage.setItem(key(contact), text);
  else sessionStorage.removeItem(key(contact));
}
