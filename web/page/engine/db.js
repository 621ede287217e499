/**
 * What this browser profile keeps, in IndexedDB: the identity, settings, contacts, messages, invites, knocks and files
 * (files/store.js). Where tabs cannot share an engine, several engines have the database open at once. Therefore a seed
 * is only ever *added*, and a message is recognized by the unique index (contact, mine, id), not by what an engine
 * remembers.
 */

import { UnsavedError, asError } from './errors.js';
import { changedRecord } from './fields.js';
import { Group } from './group.js';

const VERSION = 4;
/** How many messages are read at once while all are looked through, unless told otherwise. Each may be long. */
const BATCH = 100;
/** How long a deletion waits for other connections to the database to close. */
const BLOCKED_MS = 5000;

/** @typedef {import('./types.js').Contact} Contact */
/** @typedef {import('./types.js').Decision} Decision */
/** @typedef {import('./types.js').FileRecord} FileRecord */
/** @typedef {import('./types.js').Invite} Invite */
/** @typedef {import('./types.js').Knock} Knock */
/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').NewMessage} NewMessage */
/** @typedef {import('./types.js').TextMessage} TextMessage */
/** @typedef {import('./types.js').Settings} Settings */
/** @typedef {import('./types.js').SpentInvite} SpentInvite */
/**
 * @typedef {{contacts: Contact, invites: Invite, knocks: Knock, decisions: Decision, spent: SpentInvite}} Records
 *   by the name of their store
 */

/**
 * Resolves with the result of a request.
 * @template T @param {IDBRequest<T>} request @returns {Promise<T>}
 */
export const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * Resolves when a transaction is committed.
 * @param {IDBTransaction} transaction @returns {Promise<void>}
 */
export const committed = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });

/** Takes back what a transaction has written. @param {IDBTransaction} transaction */
function abort(transaction) {
  try {
    transaction.abort();
  } catch {
    // A request that failed has ended it already.
  }
}

/**
 * Returns the key of an index that is the `count`th from the end of a range, or null if the range has fewer.
 * @param {IDBIndex} index @param {IDBKeyRange} range @param {number} count @returns {Promise<IDBValidKey | null>}
 */
async function keyFromEnd(index, range, count) {
  const request = index.openKeyCursor(range, 'prev');
  const cursor = await done(request);
  if (!cursor || count <= 1) return cursor?.key ?? null;
  cursor.advance(count - 1);
  return (await done(request))?.key ?? null;
}

/**
 * @param {IDBTransaction} transaction @param {string} store @param {string[]} others
 * @returns {[IDBObjectStore, ...IDBObjectStore[]]}
 */
const stores = (transaction, store, others) => [
  transaction.objectStore(store),
  ...others.map((name) => transaction.objectStore(name)),
];

/** The stores of the bytes of files. */
export const BYTES = ['pieces', 'sources'];

/**
 * Deletes the bytes of files in a transaction with these stores.
 * @param {string[]} keys @param {IDBObjectStore[]} stores those of BYTES
 */
export function deleteBytes(keys, ...[pieces, sources]) {
  const deleted = keys.flatMap((key) => [pieces.delete(IDBKeyRange.bound([key], [key, []])), sources.delete(key)]);
  return Promise.all(deleted.map((request) => done(request)));
}

/** @param {IDBDatabase} db @param {number} from the version that is there; 0: none */
function upgrade(db, from) {
  if (from < 1) firstStores(db);
  if (from < 2) fileStores(db);
  if (from < 3) {
    goneStore(db);
    partingStores(db);
  }
  if (from < 4) db.createObjectStore('thumbs'); // small versions of pictures, by [contact, n of the message, id]
}

/**
 * The ids of messages that were deleted here, as keys [contact, mine, id]: a repetition must not bring them back.
 * @param {IDBDatabase} db
 */
function goneStore(db) {
  db.createObjectStore('gone');
}

/** @param {IDBDatabase} db */
function partingStores(db) {
  db.createObjectStore('decisions', { keyPath: 'id' });
  db.createObjectStore('spent', { keyPath: 'secret' });
}

/** @param {IDBDatabase} db */
function fileStores(db) {
  const files = db.createObjectStore('files', { keyPath: 'key' });
  files.createIndex('open', 'open'); // has only the records with the field `open`
  files.createIndex('card', ['card', 'n']);
  db.createObjectStore('pieces');
  db.createObjectStore('sources');
}

/** @param {IDBDatabase} db */
function firstStores(db) {
  db.createObjectStore('identity');
  db.createObjectStore('settings');
  db.createObjectStore('contacts', { keyPath: 'id' });
  db.createObjectStore('invites', { keyPath: 'secret' });
  db.createObjectStore('knocks', { keyPath: 'id' });
  const messages = db.createObjectStore('messages', { keyPath: 'n', autoIncrement: true });
  messages.createIndex('contact', ['contact', 'n']);
  messages.createIndex('id', ['contact', 'mine', 'id'], { unique: true });
  messages.createIndex('pending', ['pending', 'n']); // has only the messages with the field `pending`
}

/** @param {string} name @param {IDBFactory} factory */
async function openRaw(name, factory) {
  const request = factory.open(name, VERSION);
  request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion);
  const db = await done(request);
  db.onversionchange = () => db.close();
  return db;
}

export async function openDb(name = 'pairlink', factory = indexedDB) {
  return new Db(await openRaw(name, factory), factory);
}

export class Db {
  /** @param {IDBDatabase} db @param {IDBFactory} factory */
  constructor(db, factory) {
    this.db = db;
    this.factory = factory;
    /**
     * Called with the name of each store after a write, to tell the other engines of this profile.
     * @type {((store: string) => void) | null}
     */
    this.written = null;
    /** Waiting for the disk takes longer than writing: many messages share one transaction. */
    this.messageWrites = new Group((work, others) => this.writeNow('messages', work, ...others));
  }

  /** @param {string} store */
  read(store) {
    return this.db.transaction(store).objectStore(store);
  }

  /**
   * Runs `work` in one transaction. Resolves with its result once that is committed to the disk; rejects with an
   * UnsavedError if it is not, and then nothing was written.
   * @template T @param {string} store @param {(store: IDBObjectStore, ...others: IDBObjectStore[]) => Promise<T>} work
   * @param {string[]} others more stores that it needs
   * @returns {Promise<T>}
   */
  async write(store, work, ...others) {
    const writes = store === 'messages' ? this.messageWrites.run(work, others) : this.writeNow(store, work, ...others);
    const value = await writes;
    for (const name of [store, ...others]) this.written?.(name);
    return value;
  }

  /**
   * @template T @param {string} store @param {(store: IDBObjectStore, ...others: IDBObjectStore[]) => Promise<T>} work
   * @param {string[]} others
   */
  async writeNow(store, work, ...others) {
    try {
      const transaction = this.db.transaction([store, ...others], 'readwrite', { durability: 'strict' });
      const end = committed(transaction);
      end.catch(() => {});
      let value;
      try {
        value = await work(...stores(transaction, store, others));
      } catch (error) {
        abort(transaction); // or what was written before it would be committed
        throw error;
      }
      await end;
      return value;
    } catch (error) {
      throw new UnsavedError(error);
    }
  }

  /**
   * Returns the bytes under a key; stores `made()` first if there are none. Never replaces any.
   * @param {'identity' | 'settings'} store @param {string} key @param {() => Uint8Array} made
   * @returns {Promise<Uint8Array>}
   */
  async keepFirst(store, key, made) {
    const kept = await done(this.read(store).get(key));
    if (kept) return kept;
    try {
      await this.write(store, (s) => done(s.add(made(), key)));
    } catch (error) {
      if (asError(error).name !== 'ConstraintError') throw error; // another tab stored one first
    }
    return done(this.read(store).get(key));
  }

  /** Returns the identity's seed. @param {() => Uint8Array} made */
  seed(made) {
    return this.keepFirst('identity', 'seed', made);
  }

  /** @template {keyof Settings} K @param {K} key @returns {Promise<Settings[K]>} */
  setting(key) {
    return done(this.read('settings').get(key));
  }
  /** @template {keyof Settings} K @param {K} key @param {Settings[K]} value undefined: removes it */
  setSetting(key, value) {
    return this.write('settings', async (store) => {
      await done(value === undefined ? store.delete(key) : /** @type {IDBRequest} */ (store.put(value, key)));
    });
  }

  /** @template {keyof Records} S @param {S} store @returns {Promise<Records[S][]>} */
  all(store) {
    return done(this.read(store).getAll());
  }
  /** @template {keyof Records} S @param {S} store @param {Records[S]} value */
  put(store, value) {
    return this.write(store, (s) => done(s.put(value)));
  }
  /** Puts all in one transaction. @template {keyof Records} S @param {S} store @param {Records[S][]} values */
  putAll(store, values) {
    return this.write(store, (s) => Promise.all(values.map((value) => done(s.put(value)))));
  }
  /**
   * Changes fields of records, all in one transaction, and leaves their other fields as they are in the database:
   * another engine of this profile may have changed those.
   * @template {keyof Records} S @param {S} store @param {import('./fields.js').Change<Records[S]>[]} changes
   */
  change(store, changes) {
    return this.write(store, (s) =>
      Promise.all(
        changes.map(async (change) => {
          const record = changedRecord(/** @type {Records[S] | undefined} */ (await done(s.get(change.key))), change);
          if (record) await done(s.put(record));
        }),
      ),
    );
  }
  /** @param {keyof Records} store @param {string} key */
  remove(store, key) {
    return this.write(store, (s) => done(s.delete(key)));
  }

  /**
   * Adds a message. Resolves with the message and its number, or with null when the contact has a message with this id
   * already, or had one that was deleted here.
   * @template {NewMessage} M @param {M} message
   * @param {(n: number) => FileRecord[]} [filesOf] returns its files, which are stored with it
   * @returns {Promise<(M & {n: number}) | null>}
   */
  async addMessage(message, filesOf) {
    try {
      const { contact, mine, id } = message;
      /** @param {IDBObjectStore[]} stores */
      const add = async (...[store, gone, files]) => {
        if (await done(gone.get([contact, mine, id]))) return null;
        const n = Number(await done(store.add(message)));
        await Promise.all((filesOf?.(n) ?? []).map((record) => done(files.put(record))));
        return n;
      };
      const n = await this.write('messages', add, 'gone', ...(filesOf ? ['files'] : []));
      return n === null ? null : { ...message, n };
    } catch (error) {
      if (asError(error).name === 'ConstraintError') return null;
      throw error;
    }
  }

  /** @param {number} n @returns {Promise<Message | undefined>} */
  message(n) {
    return done(this.read('messages').get(n));
  }
  /** @param {string} contact @param {0 | 1} mine @param {string} id @returns {Promise<Message | undefined>} */
  messageById(contact, mine, id) {
    return done(this.read('messages').index('id').get([contact, mine, id]));
  }

  /**
   * Replaces a message by `change(message)`. Resolves with the new one, or with null if there is none with this number.
   * @template {Message} M the kind that the caller knows this message to be
   * @param {number} n @param {(message: M) => M} change @returns {Promise<M | null>}
   */
  changeMessage(n, change) {
    return this.write('messages', async (store) => {
      const message = await done(store.get(n));
      if (!message) return null;
      const changed = change(message);
      await done(store.put(changed));
      return changed;
    });
  }

  /**
   * Deletes a message of a contact with its thumbnails and the bytes of its files, and keeps its id: all of it or
   * nothing. Resolves with it, or with null if there is none.
   * @param {string} contact @param {number} n @param {string[]} [files] their keys
   * @returns {Promise<Message | null>}
   */
  deleteMessage(contact, n, files = []) {
    return this.write(
      'messages',
      async (store, gone, thumbs, ...bytes) => {
        /** @type {Message | undefined} */
        const message = await done(store.get(n));
        if (message?.contact !== contact) return null;
        await Promise.all([
          done(store.delete(n)),
          done(gone.put(1, [contact, message.mine, message.id])),
          done(thumbs.delete(IDBKeyRange.bound([contact, n], [contact, n, []]))),
          deleteBytes(files, ...bytes),
        ]);
        return message;
      },
      'gone',
      'thumbs',
      ...(files.length > 0 ? BYTES : []), // a text does not wait for the bytes that arrive
    );
  }

  /**
   * Returns up to `count` messages of a contact, oldest first: those next after number `after`, or the newest of those
   * before number `before`.
   * @param {string} contact @param {{before?: number, after?: number, count?: number}} [page]
   * @returns {Promise<Message[]>}
   */
  async messages(contact, { before = Infinity, after, count = 200 } = {}) {
    const index = this.read('messages').index('contact');
    if (after !== undefined)
      return done(index.getAll(IDBKeyRange.bound([contact, after], [contact, Infinity], true), count));
    const range = IDBKeyRange.bound([contact, 0], [contact, before], false, true);
    const from = await keyFromEnd(index, range, count);
    return done(index.getAll(from === null ? range : IDBKeyRange.bound(from, range.upper, false, true)));
  }

  /**
   * Returns the number of a contact's first message from the time `at` on, or null. The numbers of messages rise with
   * their times, so it looks at few of them, however many there are.
   * @param {string} contact @param {number} at @returns {Promise<number | null>}
   */
  async messageAt(contact, at) {
    const index = this.read('messages').index('contact');
    /** @param {number} n @returns {Promise<Message | undefined>} the first message from a number on */
    const from = (n) => done(index.get(IDBKeyRange.bound([contact, n], [contact, Infinity])));
    const newest = await done(index.openKeyCursor(IDBKeyRange.bound([contact, 0], [contact, Infinity]), 'prev'));
    let low = 0;
    let high = newest ? Number(newest.primaryKey) + 1 : 0;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const found = await from(middle);
      if (!found || found.at >= at) high = middle;
      else low = found.n + 1;
    }
    return (await from(low))?.n ?? null;
  }

  /** Returns how many messages of a contact have higher numbers. @param {string} contact @param {number} n */
  countAfter(contact, n) {
    return done(
      this.read('messages')
        .index('contact')
        .count(IDBKeyRange.bound([contact, n], [contact, Infinity], true)),
    );
  }

  /**
   * Returns up to `count` messages with numbers below `before`, of all contacts or of one, the newest first, and where
   * the next ones start; null: there are no more.
   * @param {number} before @param {{contact?: string, count?: number}} [which]
   * @returns {Promise<{list: Message[], before: number | null}>}
   */
  async older(before, { contact, count = BATCH } = {}) {
    if (contact !== undefined) {
      const list = await this.messages(contact, { before, count });
      return { list: list.reverse(), before: list.length < count ? null : list[count - 1].n };
    }
    // A batch is read at once, which takes less time than a cursor.
    const batch = async (/** @type {number} */ to) => {
      const from = Math.max(0, to - count);
      const list = await done(this.read('messages').getAll(IDBKeyRange.bound(from, to, false, true)));
      return { list: list.reverse(), before: from > 0 ? from : null };
    };
    const found = await batch(before);
    if (found.list.length > 0 || found.before === null) return found;
    // Numbers that are not in use any more, because those messages were deleted.
    const newest = await done(this.read('messages').openKeyCursor(IDBKeyRange.upperBound(before, true), 'prev'));
    return newest ? batch(Number(newest.key) + 1) : { list: [], before: null };
  }

  /**
   * Returns the paths of the files of a card, in their order, but no more than `count`.
   * @param {number} card the number of its message @param {number} count @returns {Promise<string[]>}
   */
  async pathsOf(card, count) {
    const range = IDBKeyRange.bound([card, 0], [card, Infinity]);
    /** @type {import('./types.js').FileRecord[]} */
    const records = await done(this.read('files').index('card').getAll(range, count));
    return records.map(({ path }) => path);
  }

  /**
   * Returns the messages that still have to be delivered to a contact, oldest first: those after number `after`.
   * @param {string} contact @param {number} [after] @returns {Promise<TextMessage[]>}
   */
  pending(contact, after = 0) {
    return done(
      this.read('messages')
        .index('pending')
        .getAll(IDBKeyRange.bound([contact, after], [contact, Infinity], true)),
    );
  }

  /** Returns how many messages still have to be delivered to a contact. @param {string} contact */
  pendingCount(contact) {
    return done(
      this.read('messages')
        .index('pending')
        .count(IDBKeyRange.bound([contact, 0], [contact, Infinity])),
    );
  }

  /**
   * Deletes a contact with its messages and files, and keeps what was decided about it: all of it or nothing.
   * @param {string} contact @param {Decision} [decision]
   */
  async forgetContact(contact, decision) {
    /** @param {[IDBObjectStore, ...IDBObjectStore[]]} stores */
    const forget = async (...[messages, gone, thumbs, contacts, decisions, files, pieces, sources]) => {
      const range = IDBKeyRange.bound([contact, 0], [contact, Infinity]);
      const keys = await done(messages.index('contact').getAllKeys(range));
      await Promise.all(keys.map((key) => done(messages.delete(key))));
      for (const store of [gone, thumbs]) await done(store.delete(IDBKeyRange.bound([contact], [contact, []])));
      // The key of a file, see files/store.js, starts with its contact.
      const [first, end] = [`${contact}:`, `${contact}:\uffff`];
      for (const store of [files, sources]) await done(store.delete(IDBKeyRange.bound(first, end)));
      await done(pieces.delete(IDBKeyRange.bound([first], [end])));
      await done(contacts.delete(contact));
      if (decision) await done(decisions.put(decision));
    };
    await this.write('messages', forget, 'gone', 'thumbs', 'contacts', 'decisions', 'files', ...BYTES);
  }

  /** Keeps that an invitation is over, in place of the invitation. @param {SpentInvite} spent */
  endInvite(spent) {
    return this.write(
      'spent',
      (store, invites) => Promise.all([done(store.put(spent)), done(invites.delete(spent.secret))]),
      'invites',
    );
  }

  /**
   * Replaces everything by another identity and its contacts, in one transaction.
   * @param {{seed: Uint8Array, settings: Settings, contacts: Contact[]}} identity
   */
  async replaceAll({ seed, settings, contacts }) {
    const names = [...this.db.objectStoreNames];
    /** @param {IDBObjectStore[]} all */
    const replace = async (...all) => {
      const store = (/** @type {string} */ name) => all[names.indexOf(name)];
      for (const one of all) one.clear();
      store('identity').put(seed, 'seed');
      for (const [key, value] of Object.entries(settings)) if (value !== undefined) store('settings').put(value, key);
      for (const contact of contacts) store('contacts').put(contact);
    };
    await this.writeNow(names[0], replace, ...names.slice(1)); // others load again instead of reading what changed
  }

  /**
   * Deletes the database and all that is in it, and opens an empty one. Other engines of this profile lose theirs.
   * Returns false if one of them keeps it open: then it is empty, and is deleted once that engine ends.
   */
  async startEmpty() {
    const { name } = this.db;
    await this.clear().catch(() => {}); // it may be damaged; then it is deleted all the same
    this.db.close();
    const request = this.factory.deleteDatabase(name);
    const blocked = new Promise((resolve) => {
      request.onblocked = () => setTimeout(resolve, BLOCKED_MS, 'blocked');
    });
    if ((await Promise.race([done(request), blocked])) === 'blocked') return false;
    this.db = await openRaw(name, this.factory);
    return true;
  }

  async clear() {
    const transaction = this.db.transaction([...this.db.objectStoreNames], 'readwrite', { durability: 'strict' });
    for (const name of this.db.objectStoreNames) transaction.objectStore(name).clear();
    await committed(transaction);
  }
}
