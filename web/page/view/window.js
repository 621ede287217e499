/**
 * The part of a thread that a tab holds: one run of messages without gaps. It is bounded, however long the thread is.
 * All of it is shown, so this also bounds the rows of the page.
 *
 * Who reads at the end sees new messages come, and the oldest of the run leave. For who reads elsewhere, nothing moves:
 * new messages are only known to exist, and are loaded when the person comes to them.
 */

/** @typedef {import('../engine/types.js').Message} Message */

/**
 * @typedef {object} Thread
 * @property {Message[]} list oldest first
 * @property {boolean} older there are messages before them
 * @property {boolean} newer there are messages after them
 * @property {number} run changes when the list was replaced by another part of the thread
 */

/** The most messages that are loaded at a time. */
export const PAGE = 100;
/**
 * More than this are never held. Who reads at the end keeps the newest KEEP of them. When more than BURST came at once,
 * they keep only these: some screens full, since drawing what nobody can read takes most of the time of a burst.
 */
export const MAX = 300;
const KEEP = 200;
const BURST = 50;

let runs = 0;

/** @param {Message[]} list @param {{older: boolean, newer: boolean}} edges @returns {Thread} */
export const begin = (list, { older, newer }) => ({ list, older, newer, run: ++runs });

/** Whether one more page pushes messages out at the other edge. @param {Thread} thread */
export const isFull = ({ list }) => list.length + PAGE > MAX;

/** @param {Thread} thread @param {number} n */
export const holds = ({ list }, n) => list.length > 0 && list[0].n <= n && n <= list[list.length - 1].n;

/**
 * Takes messages that are new, or have changed. Returns the same thread if it shows none of them.
 * @param {Thread} thread @param {Message[]} more @param {boolean} atEnd whether the person reads at the end
 * @returns {Thread}
 */
export function take(thread, more, atEnd) {
  const last = thread.list.at(-1)?.n ?? 0;
  const fresh = more.filter(({ n }) => n > last).sort((a, b) => a.n - b.n);
  const list = replaced(thread.list, more);
  if (fresh.length === 0) return list === thread.list ? thread : { ...thread, list };
  const room = atEnd ? Infinity : MAX - list.length;
  if (thread.newer || fresh.length > room) return { ...thread, list, newer: true };
  if (atEnd && fresh.length > BURST) return { ...thread, list: fresh.slice(-BURST), older: true };
  const whole = [...list, ...fresh];
  if (whole.length <= MAX) return { ...thread, list: whole };
  return { ...thread, list: whole.slice(-KEEP), older: true };
}

/**
 * Takes messages out that were deleted, and their text out of the replies to them.
 * @param {Thread} thread @param {number[]} gone numbers @returns {Thread}
 */
export function drop(thread, gone) {
  if (gone.length === 0) return thread;
  const out = new Set(gone);
  const list = thread.list.filter(({ n }) => !out.has(n));
  return {
    ...thread,
    list: list.map((message) =>
      message.kind === 'text' && message.quote && out.has(message.quote.n) ? { ...message, quote: null } : message,
    ),
  };
}

/**
 * Returns the list with newer versions of its messages; the same list if there are none.
 * @param {Message[]} list @param {Message[]} more
 */
function replaced(list, more) {
  if (list.length === 0) return list;
  const known = more.filter(({ n }) => list[0].n <= n && n <= list[list.length - 1].n);
  if (known.length === 0) return list;
  const byNumber = new Map(list.map((message) => [message.n, message]));
  for (const message of known) byNumber.set(message.n, message);
  const all = [...byNumber.values()];
  return all.length === list.length ? all : all.sort((a, b) => a.n - b.n);
}

/**
 * Puts the messages before the list, which were loaded as the page of at most PAGE.
 * @param {Thread} thread @param {Message[]} page @returns {Thread}
 */
export function prepend(thread, page) {
  const list = [...page.filter(({ n }) => n < (thread.list[0]?.n ?? Infinity)), ...thread.list];
  const newer = thread.newer || list.length > MAX;
  return { ...thread, list: list.slice(0, MAX), older: page.length >= PAGE, newer };
}

/**
 * Puts the messages behind the list, which were loaded as the page of at most PAGE.
 * @param {Thread} thread @param {Message[]} page @returns {Thread}
 */
export function append(thread, page) {
  const list = [...thread.list, ...page.filter(({ n }) => n > (thread.list.at(-1)?.n ?? 0))];
  return { ...thread, list: list.slice(-MAX), older: thread.older || list.length > MAX, newer: page.length >= PAGE };
}
