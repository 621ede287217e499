/**
 * Keeps the identity of what did not change from one state of the engine to the next. Each state is a copy, and without
 * this, everything on the screen would look changed.
 */

/** @typedef {import('../engine/types.js').State} State */

/** @param {unknown} a @param {unknown} b */
const equal = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * Returns `next` with the equal parts of `before`.
 * @param {State | null} before @param {State} next @returns {State}
 */
export function keepSame(before, next) {
  if (!before) return next;
  const known = new Map(before.contacts.map((contact) => [contact.id, contact]));
  const contacts = next.contacts.map((contact) => {
    const old = known.get(contact.id);
    return old && equal(old, contact) ? old : contact;
  });
  const moved = contacts.length !== before.contacts.length || contacts.some((one, at) => one !== before.contacts[at]);
  return {
    ...next,
    contacts: moved ? contacts : before.contacts,
    me: equal(before.me, next.me) ? before.me : next.me,
    server: equal(before.server, next.server) ? before.server : next.server,
    invites: equal(before.invites, next.invites) ? before.invites : next.invites,
    knocks: equal(before.knocks, next.knocks) ? before.knocks : next.knocks,
  };
}
