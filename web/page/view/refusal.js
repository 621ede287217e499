/** What is said when the other side does not let this one in. */
import { s } from '../strings/index.js';

/** Links of the page are valid for a day. */
const LINK_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** @typedef {import('../engine/types.js').ShownContact} ShownContact */

/**
 * Returns why nothing can come of calling this contact, or '' if something can. over: the invitation is over; late: it
 * has expired by now, if nobody said so; closed: they do not let this one in; gone: they deleted this one.
 * @param {ShownContact} contact @param {number} now @returns {'' | 'over' | 'late' | 'closed' | 'gone'}
 */
export function refusal({ problem, pairedAt, how, linkAt, blocked, presence }, now) {
  if (blocked || presence === 'here') return '';
  if (problem) return pairedAt ? 'gone' : how === 'invited' ? 'over' : 'closed';
  return how === 'invited' && !pairedAt && linkAt && now - linkAt > LINK_LIFETIME_MS ? 'late' : '';
}

/** @param {ShownContact} contact @param {number} now whether to say it in few words @returns {string} '' if none */
export function refusalShort(contact, now) {
  const why = refusal(contact, now);
  if (!why) return '';
  return why === 'over' || why === 'late' ? s.thread.refusedShort : s.thread.refusedThem;
}
