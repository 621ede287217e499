/** How messages are laid out as rows: where a day begins, and which messages form a group. */

/** @typedef {import('../engine/types.js').Message} Message */
/**
 * @typedef {object} Row
 * @property {Message} message
 * @property {number | null} day the start of the day, if the message is the first of its day
 * @property {boolean} first of its group
 * @property {boolean} last of its group
 */

const GROUP_MS = 3 * 60_000;

/** Returns the start of the day of a time, in this device's time zone. @param {number} at */
export const dayOf = (at) => new Date(at).setHours(0, 0, 0, 0);

/** @param {Message[]} list @returns {Row[]} */
export function rowsOf(list) {
  const days = list.map(({ at }) => dayOf(at));
  /** Whether a message and the one before it form a group. @param {number} index */
  const joined = (index) =>
    index > 0 && index < list.length && days[index] === days[index - 1] && together(list[index - 1], list[index]);
  return list.map((message, index) => ({
    message,
    day: index > 0 && days[index] === days[index - 1] ? null : days[index],
    first: !joined(index),
    last: !joined(index + 1),
  }));
}

/**
 * Returns true for messages that form a group with one time: of the same side and state, and soon after each other.
 * @param {Message} a @param {Message} b
 */
const together = (a, b) =>
  a.kind !== 'file' && b.kind !== 'file' && a.mine === b.mine && b.at - a.at < GROUP_MS && a.state === b.state;
