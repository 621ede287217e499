/**
 * Finds contacts that have the name of an older contact but another ID. The person is asked who it is before anything
 * is sent to them.
 */
import { namesAlike } from '../../client/core/names.js';

/** @typedef {import('./types.js').Contact} Contact */

/**
 * Returns true for names that a reader could not tell apart.
 * @param {string | undefined} a @param {string | undefined} b
 */
export const sameName = (a, b) => Boolean(a && b && (a === b || namesAlike(a, b)));

/** @param {Pick<Contact, 'name' | 'hint'>} contact */
const shownName = ({ name, hint }) => name || hint || '';

/**
 * Returns the older contact that has this one's name, or null.
 * @param {Contact} contact @param {Iterable<Contact>} contacts @returns {Contact | null}
 */
export function doubtOf(contact, contacts) {
  const name = shownName(contact);
  if (!name || contact.blocked || sameName(contact.sure, name)) return null;
  for (const other of contacts) {
    if (other.id === contact.id || other.blocked || !other.pairedAt || !sameName(shownName(other), name)) continue;
    if (other.createdAt < contact.createdAt || (other.createdAt === contact.createdAt && other.id < contact.id))
      return other;
  }
  return null;
}

/**
 * Remembers the doubts about all contacts. They are found again only when a name, or what else they depend on, has
 * changed: the state is told far more often, and each contact is compared with all others.
 */
export class Doubts {
  constructor() {
    this.signature = '';
    /** @type {Map<string, string>} */
    this.found = new Map();
  }

  /** Returns the IDs of the contacts that are meant, by the IDs of those in doubt. @param {Contact[]} contacts */
  of(contacts) {
    const signature = JSON.stringify(
      contacts.map(({ id, name, hint, sure, blocked, pairedAt, createdAt }) => [
        ...[id, name, hint, sure, blocked, createdAt],
        pairedAt !== null,
      ]),
    );
    if (signature === this.signature) return this.found;
    this.signature = signature;
    this.found = new Map();
    for (const contact of contacts) {
      const other = doubtOf(contact, contacts);
      if (other) this.found.set(contact.id, other.id);
    }
    return this.found;
  }
}

/**
 * Returns the contact whose name a stranger uses, or null.
 * @param {import('./types.js').Knock} knock @param {Iterable<Contact>} contacts @returns {Contact | null}
 */
export const namesake = (knock, contacts) =>
  [...contacts].find(
    (one) => !one.blocked && one.pairedAt && one.id !== knock.id && sameName(shownName(one), knock.name),
  ) ?? null;
