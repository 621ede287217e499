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
 * Returns the contact whose name a stranger uses, or null.
 * @param {import('./types.js').Knock} knock @param {Iterable<Contact>} contacts @returns {Contact | null}
 */
export const namesake = (knock, contacts) =>
  [...contacts].find(
    (one) => !one.blocked && one.pairedAt && one.id !== knock.id && sameName(shownName(one), knock.name),
  ) ?? null;
