/**
 * Deletes what was left in the database of files that nothing refers to, such as their bytes after a browser that ended
 * in the middle. Looks at keys, a few at a time, so that nobody waits for it.
 */
import { BYTES, deleteBytes, done } from '../db.js';

/** How many files are looked at in one transaction. */
const BATCH = 100;

/** @typedef {import('../types.js').FileRecord} FileRecord */
/** @typedef {{messages: IDBObjectStore, contacts: IDBObjectStore, files: IDBObjectStore}} Records */
/** @typedef {{bytes: boolean, record: boolean}} Left what of a file may be deleted */

/** @param {string} key */
const contactOf = (key) => key.slice(0, key.indexOf(':'));

/**
 * Returns the keys of files that have something in a store: those after the key `after`, but no more than a batch.
 * @param {IDBObjectStore} store @param {string} after
 */
async function keysIn(store, after) {
  if (store.name !== 'pieces')
    return /** @type {Promise<string[]>} */ (done(store.getAllKeys(IDBKeyRange.lowerBound(after, true), BATCH)));
  /** @type {string[]} */
  const keys = [];
  const request = store.openKeyCursor(IDBKeyRange.lowerBound([after, []], true));
  for (let cursor = await done(request); cursor && keys.length < BATCH; cursor = await done(request)) {
    const [key] = /** @type {[string, number, number]} */ (cursor.key);
    keys.push(key);
    cursor.continue([key, []]); // to the next file: it may have many pieces
  }
  return keys;
}

/**
 * Returns what of a file may be deleted. What is being received or sent has an open record and a message.
 * @param {string} key @param {Records} records @returns {Promise<Left>}
 */
async function leftOf(key, { messages, contacts, files }) {
  /** @type {FileRecord | undefined} */
  const record = await done(files.get(key));
  if (!record) return { bytes: true, record: false };
  if ((await done(messages.getKey(record.card))) === undefined)
    return { bytes: true, record: (await done(contacts.getKey(record.contact))) === undefined };
  // Of what was sent, and of what failed, nothing is kept.
  return { bytes: record.state === 'over' || (record.mine === 1 && record.state === 'saved'), record: false };
}

/** @param {import('../db.js').Db} db @param {string[]} keys */
async function remove(db, keys) {
  /** @param {IDBObjectStore[]} stores */
  const work = async (...[files, messages, contacts, ...bytes]) => {
    let count = 0;
    for (const key of keys) {
      const left = await leftOf(key, { messages, contacts, files }); // it may be wanted by now
      if (left.bytes) await deleteBytes([key], ...bytes);
      if (left.record) await done(files.delete(key));
      if (left.bytes || left.record) count += 1;
    }
    return count;
  };
  return keys.length > 0 ? db.write('files', work, 'messages', 'contacts', ...BYTES) : 0;
}

/**
 * Looks at one batch of a store: those after the key `after`. Returns the keys, and those of which something is left.
 * @param {import('../db.js').Db} db @param {string} name @param {string} after
 */
async function look(db, name, after) {
  const transaction = db.db.transaction([...new Set([name, 'files', 'messages', 'contacts'])]);
  const [store, files, messages, contacts] = [name, 'files', 'messages', 'contacts'].map((one) =>
    transaction.objectStore(one),
  );
  const keys = await keysIn(store, after);
  const known = new Set(await done(contacts.getAllKeys()));
  /** @type {string[]} */
  const found = [];
  for (const key of keys) {
    if (name === 'files' && known.has(contactOf(key))) continue;
    const { bytes, record } = await leftOf(key, { messages, contacts, files });
    if (record || (bytes && name !== 'files')) found.push(key);
  }
  return { keys, found };
}

/** Returns of how many files something was deleted. @param {import('../db.js').Db} db */
export async function sweep(db) {
  let count = 0;
  for (const name of ['files', ...BYTES]) {
    let after = '';
    for (let more = true; more;) {
      const { keys, found } = await look(db, name, after);
      count += await remove(db, found);
      more = keys.length === BATCH;
      after = keys.at(-1) ?? after;
    }
  }
  return count;
}
