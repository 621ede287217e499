/**
 * Whether a contact bears the name of another that has been known for longer, under another ID: then the person is
 * asked who it is before anything is sent.
 */
import { namesAlike } from '../../client/core/names.js';

/** Names that look the same to a reader are the same. */
export const sameName = (a, b) => Boolean(a && b) && (a === b || namesAlike(a, b));

const shownName = ({ name, hint }) => name || hint || '';

/** @returns {object|null} the contact that has the name already */
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

/** The contact whose name a stranger uses. */
export const namesake = (knock, contacts) =>
  [...contacts].find(
    (one) => !one.blocked && one.pairedAt && one.id !== knock.id && sameName(shownName(one), knock.name),
  ) ?? null;
