/**
 * The threads that this tab holds: loading, moving through them, and what counts as seen. The messages of a thread are
 * one run (window.js); the list on the screen says where the person reads.
 */
import { call } from './call.js';
import { go, store } from './store.js';
import { PAGE, append, begin, drop, holds, prepend, take } from './window.js';

/** @typedef {import('../engine/types.js').Message} Message */
/** @typedef {import('./window.js').Thread} Thread */

/**
 * @typedef {object} Jump where the list goes when it has rendered
 * @property {string} contact
 * @property {number | null} n the message; null: the newest
 * @property {'start' | 'center'} [block] where on the screen the message is shown
 * @property {boolean} [mark] the message is marked for a moment
 */

/** @typedef {{contact: string, list: Message[], gone?: number[]}} Update */

/** The most threads that are held at a time. */
const HELD_MAX = 5;

/** The contacts whose threads are held, the last one opened at the end. @type {string[]} */
let held = [];
/**
 * What came for threads that are being loaded, one list for each load.
 * @type {Set<{contact: string, came: Update[]}>}
 */
const listening = new Set();
/** Pages that are being loaded, by contact and direction. @type {Set<string>} */
const loading = new Set();
/** What the list on the screen knows about the person who reads. @type {Reader | null} */
let reader = null;

/**
 * @typedef {object} Reader
 * @property {string} contact
 * @property {() => boolean} atEnd
 * @property {() => number | null} place the number of the first message on the screen; null: at the end
 * @property {() => void} look looks whether more of the thread is needed on the screen
 */

/** The list on the screen reports itself. Returns a function that takes that back. @param {Reader} list */
export function readBy(list) {
  reader = list;
  return () => {
    if (reader === list) reader = null;
  };
}

/**
 * Returns whether the person reads at the end, or will when the jump is done.
 * @param {string} contact @param {Jump | null} [jump]
 */
const atEnd = (contact, jump = store.get().jump) =>
  jump?.contact === contact ? jump.n === null : reader?.contact !== contact || reader.atEnd();

/**
 * @param {string} contact @param {Thread} thread
 * @param {Partial<import('./store.js').View>} [also] what has to be drawn together with it
 */
const put = (contact, thread, also) =>
  store.set(({ threads }) => ({ threads: { ...threads, [contact]: thread }, ...also }));

/** @param {string} contact @returns {Thread | undefined} */
const threadOf = (contact) => store.get().threads[contact];

/** @param {Thread} thread @param {Update} update @param {Jump} [jump] */
const updated = (thread, { contact, list, gone = [] }, jump) => drop(take(thread, list, atEnd(contact, jump)), gone);

/** @param {Update} update */
export function onMessages(update) {
  const { contact } = update;
  for (const load of listening) if (load.contact === contact) load.came.push(update);
  const thread = threadOf(contact);
  if (!thread) return; // it is loaded when it is opened
  const next = updated(thread, update);
  if (next !== thread) put(contact, next);
}

/**
 * Loads messages, and holds the thread that `join` makes of them. What comes while they are being loaded may be missing
 * from them, or be newer than they are, so the thread takes it after them.
 * @template T
 * @param {string} contact @param {() => Promise<T>} read @param {(loaded: T) => Thread | undefined} join
 * @param {Jump} [jump] where the list goes in it
 */
async function loadInto(contact, read, join, jump) {
  const own = { contact, came: /** @type {Update[]} */ ([]) };
  listening.add(own);
  try {
    const thread = join(await read());
    if (!thread) return;
    const whole = own.came.reduce((made, update) => updated(made, update, jump), thread);
    put(contact, whole, jump && { jump });
  } finally {
    listening.delete(own);
  }
}

/** Loads the newest messages of a thread, unless it is held. @param {string} contact */
export async function loadThread(contact) {
  hold(contact);
  if (!threadOf(contact)) await loadNewest(contact);
}

/** Keeps a thread, and drops those that were opened longest ago. @param {string} contact */
function hold(contact) {
  held = [...held.filter((one) => one !== contact), contact];
  const dropped = held.splice(0, Math.max(0, held.length - HELD_MAX));
  if (dropped.length === 0) return;
  store.set(({ threads }) => ({
    threads: Object.fromEntries(Object.entries(threads).filter(([one]) => !dropped.includes(one))),
  }));
}

/** @param {string} contact @param {Jump} [jump] */
const loadNewest = (contact, jump) =>
  loadInto(
    contact,
    () => call('messages', { contact, count: PAGE }),
    (list) => begin(list, { older: list.length >= PAGE, newer: false }),
    jump,
  );

/** @param {Jump & {n: number}} jump */
const loadAround = ({ contact, n, ...how }) =>
  loadInto(
    contact,
    () =>
      Promise.all([
        call('messages', { contact, before: n, count: PAGE }),
        call('messages', { contact, after: n - 1, count: PAGE }),
      ]),
    ([before, after]) => begin([...before, ...after], { older: before.length >= PAGE, newer: after.length >= PAGE }),
    { contact, n, ...how },
  );

/**
 * Loads a page at an edge, unless the same one is being loaded. Then the list looks again: who stands at the very edge
 * causes no further event, and the page may have been given up for another that came first.
 * @param {'older' | 'newer'} edge @param {string} contact @param {() => Promise<void>} load
 */
async function once(edge, contact, load) {
  const name = `${edge} ${contact}`;
  if (loading.has(name)) return;
  loading.add(name);
  try {
    await load();
  } finally {
    loading.delete(name);
  }
  if (reader?.contact === contact) reader.look();
}

/** Loads the messages before those that are held. @param {string} contact */
export function loadOlder(contact) {
  return once('older', contact, async () => {
    const before = threadOf(contact);
    if (!before?.older) return;
    const first = before.list[0]?.n;
    await loadInto(
      contact,
      () => call('messages', { contact, before: first, count: PAGE }),
      (page) => {
        const thread = threadOf(contact);
        return thread?.run === before.run && thread.list[0]?.n === first ? prepend(thread, page) : undefined;
      },
    );
  });
}

/** Loads the messages after those that are held. @param {string} contact */
export function loadNewer(contact) {
  return once('newer', contact, async () => {
    const before = threadOf(contact);
    if (!before?.newer) return;
    const last = before.list.at(-1)?.n;
    await loadInto(
      contact,
      () => call('messages', { contact, after: last ?? 0, count: PAGE }),
      (page) => {
        const thread = threadOf(contact);
        return thread?.run === before.run && thread.list.at(-1)?.n === last ? append(thread, page) : undefined;
      },
    );
  });
}

/** Loads what the held threads lack after one engine took over from another. */
export async function reloadThreads() {
  for (const contact of held)
    await loadInto(
      contact,
      () => call('messages', { contact, count: PAGE }),
      (list) => {
        const thread = threadOf(contact);
        if (!thread) return undefined;
        const joins = list.length < PAGE || holds(thread, list[0].n) || thread.list.length === 0;
        if (joins) return updated(thread, { contact, list });
        return atEnd(contact) ? begin(list, { older: true, newer: false }) : { ...thread, newer: true };
      },
    );
}

/* ---- moving ------------------------------------------------------------------------------------------- */

/**
 * Opens the thread at a message, and marks that for a moment. If the message was deleted, the next one is shown.
 * @param {string} contact @param {number} n its number
 */
export const jumpTo = (contact, n) => moveTo({ contact, n, block: 'center', mark: true });

/** Opens the thread at the first message of a day or after it. @param {string} contact @param {number} at */
export async function jumpToDate(contact, at) {
  const n = await call('messageAt', { contact, at });
  return n === null ? jumpToNewest(contact) : moveTo({ contact, n, block: 'start' });
}

/** @param {string} contact */
export async function jumpToFirst(contact) {
  return moveTo({ contact, n: (await call('messageAt', { contact, at: 0 })) ?? 0, block: 'start' });
}

/** @param {Jump & {n: number}} jump */
async function moveTo(jump) {
  const { contact, n } = jump;
  rememberPlace(contact);
  hold(contact);
  const thread = threadOf(contact);
  if (thread && holds(thread, n)) store.set({ jump });
  else await loadAround(jump);
  go({ screen: 'thread', contact });
}

/**
 * Goes to the newest message.
 * @param {string} contact @param {{remember?: boolean}} [how] remember: the person can go back
 */
export async function jumpToNewest(contact, { remember = true } = {}) {
  if (remember) rememberPlace(contact);
  else store.set({ back: null });
  const thread = threadOf(contact);
  const jump = { contact, n: null };
  if (thread?.newer) await loadNewest(contact, jump);
  else if (thread) store.set({ jump });
}

/** @param {string} contact */
function rememberPlace(contact) {
  if (reader?.contact === contact) store.set({ back: { contact, n: reader.place() } });
}

/** Goes back to where the person was before the last jump. */
export async function jumpBack() {
  const { back } = store.get();
  store.set({ back: null });
  if (!back) return;
  if (back.n === null) await jumpToNewest(back.contact, { remember: false });
  else await moveTo({ contact: back.contact, n: back.n, block: 'start' });
  store.set({ back: null });
}

/* ---- seen --------------------------------------------------------------------------------------------- */

/** What was reported last, by contact. @type {Map<string, string>} */
const told = new Map();

/** Reports that the person has seen the messages up to this one. @param {string} contact @param {number} n */
export function markSeen(contact, n) {
  const unread = store.get().engine?.contacts.find(({ id }) => id === contact)?.unread;
  const report = `${n} ${unread}`;
  if (!unread || told.get(contact) === report) return;
  told.set(contact, report);
  void call('seen', { contact, n });
}
