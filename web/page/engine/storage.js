/** What this browser keeps: how much it is and whose, removing received files, and deleting everything. */
import { done } from './db.js';

/** @typedef {import('./types.js').Engine} Engine */
/** @typedef {import('./types.js').FileRecord} FileRecord */
/**
 * @typedef {{contact: string, files: number, bytes: number, received: number}} Share received: bytes of received files
 */
/**
 * @typedef {object} Usage
 * @property {number} messages
 * @property {number} files kept here, in both directions
 * @property {number} bytes of these files and of all thumbnails
 * @property {Share[]} contacts who have files or thumbnails here, the largest first
 * @property {number | null} used bytes that the browser counts for this page; null: it does not say
 * @property {number | null} quota how much it would store
 */

const BATCH = 500;
const DAY_MS = 86_400_000;

/**
 * Calls back with the records of all files, some at a time.
 * @param {Engine} engine @param {(records: FileRecord[]) => Promise<void> | void} look
 */
async function eachRecord(engine, look) {
  /** @type {IDBKeyRange | null} */
  let range = null;
  for (;;) {
    /** @type {FileRecord[]} */
    const records = await done(engine.db.read('files').getAll(range, BATCH));
    if (records.length > 0) await look(records);
    const last = records.at(-1);
    if (records.length < BATCH || !last) return;
    range = IDBKeyRange.lowerBound(last.key, true);
  }
}

/** @param {Engine} engine @returns {Promise<Usage>} */
async function usage(engine) {
  /** @type {Map<string, Share>} */
  const shares = new Map();
  await eachRecord(engine, async (records) => {
    for (const record of records) {
      const whole = await bytesOf(engine, record);
      const bytes = (whole ?? 0) + (await engine.files.thumbs.bytes(record));
      if (whole === null && bytes === 0) continue;
      const share = shares.get(record.contact) ?? { contact: record.contact, files: 0, bytes: 0, received: 0 };
      if (whole !== null) share.files += 1;
      share.bytes += bytes;
      if (!record.mine && whole !== null) share.received += bytes;
      shares.set(record.contact, share);
    }
  });
  const contacts = [...shares.values()].sort((a, b) => b.bytes - a.bytes);
  const { usage: used = null, quota = null } = (await navigator.storage?.estimate?.()) ?? {};
  return {
    messages: await done(engine.db.read('messages').count()),
    files: contacts.reduce((sum, { files }) => sum + files, 0),
    bytes: contacts.reduce((sum, { bytes }) => sum + bytes, 0),
    contacts,
    used,
    quota,
  };
}

/**
 * Returns how many bytes of a file are here; null: none are. Pieces of received files name their end in their key, so
 * nothing is read.
 * @param {Engine} engine @param {FileRecord} record @returns {Promise<number | null>}
 */
async function bytesOf(engine, { key, mine }) {
  if (mine) return (await engine.files.store.source(key))?.size ?? null;
  return (await engine.files.store.storedTo(key)) || null;
}

/**
 * Returns the cards of received files that came before `before`, whose files are all here and over.
 * @param {Engine} engine @param {{contact?: string, days?: number}} which
 */
async function removable(engine, { contact, days = 0 }) {
  const before = engine.now() - days * DAY_MS;
  /** @type {Map<number, number>} bytes by card */
  const cards = new Map();
  await eachRecord(engine, async (records) => {
    for (const record of records) {
      if (record.mine || record.state !== 'saved' || (contact && record.contact !== contact)) continue;
      const whole = await bytesOf(engine, record);
      if (whole === null) continue;
      cards.set(record.card, (cards.get(record.card) ?? 0) + whole + (await engine.files.thumbs.bytes(record)));
    }
  });
  for (const n of [...cards.keys()]) {
    const message = await engine.db.message(n);
    // A card of which some files are still to come stays.
    if (message?.kind !== 'file' || message.state !== 'saved' || message.at > before) cards.delete(n);
  }
  return cards;
}

export const storage = {
  usage,

  /**
   * Returns how much `removeReceived` would remove.
   * @param {Engine} engine @param {{contact?: string, days?: number}} args
   */
  removable: async (engine, args) => {
    const cards = await removable(engine, args);
    return { files: cards.size, bytes: [...cards.values()].reduce((sum, bytes) => sum + bytes, 0) };
  },

  /**
   * Removes received files, of one contact or of all, that came more than `days` days ago. Their cards stay.
   * @param {Engine} engine @param {{contact?: string, days?: number}} args
   */
  removeReceived: async (engine, args) => {
    for (const n of (await removable(engine, args)).keys()) await engine.files.remove(n);
  },

  /**
   * Deletes the database, with the identity and all that is in it. The tabs delete the rest and load again.
   * @param {Engine} engine
   */
  deleteEverything: async (engine) => {
    await engine.disconnect();
    engine.files.stop();
    if (!(await engine.db.startEmpty())) return engine.tell.deleted(); // the tabs load again, which ends other engines
    await engine.restart(() => engine.tell.deleted()); // with a new identity
  },
};
