/** What was written and not sent, for this tab: kept as it is typed, so that a reload does not lose it. */
const key = (contact) => `draft ${contact}`;

export const draftOf = (contact) => sessionStorage.getItem(key(contact)) ?? '';

export function keepDraft(contact, text) {
  if (text) sessionStorage.setItem(key(contact), text);
  else sessionStorage.removeItem(key(contact));
}
