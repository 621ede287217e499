/**
 * What this browser profile keeps, in IndexedDB: the identity, settings, contacts, messages, invites, knocks, and files
 * (files/store.js).
 * Several engines may have it open at once (a tab each, where tabs cannot share one), so a seed is only ever *added*,
 * and a message is told apart by the unique index (contact, mine, id), not by what an engine remembers.
 */

const VERSION = 2;

/** @param {IDBRequest} request */
export const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @param {IDBTransaction} transaction */
export const committed = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(undefined);
    transaction.onabort = () => reject(transaction.error);
  });

function upgrade(db, from) {
  if (from < 1) firstStores(db);
  if (from < 2) fileStores(db);
}

function fileStores(db) {
  const files = db.createObjectStore('files', { keyPath: 'key' });
  files.createIndex('open', 'open'); // only those that are not over have the field
  files.createIndex('card', ['card', 'n']);
  db.createObjectStore('pieces');
  db.createObjectStore('sources');
}

function firstStores(db) {
  db.createObjectStore('identity');
  db.createObjectStore('settings');
  db.createObjectStore('contacts', { keyPath: 'id' });
  db.createObjectStore('invites', { keyPath: 'secret' });
  db.createObjectStore('knocks', { keyPath: 'id' });
  const messages = db.createObjectStore('messages', { keyPath: 'n', autoIncrement: true });
  messages.createIndex('contact', ['contact', 'n']);
  messages.createIndex('id', ['contact', 'mine', 'id'], { unique: true });
  messages.createIndex('pending', ['pending', 'n']); // only messages that have the field are in this index
}

export async function openDb(name = 'pairlink', factory = indexedDB) {
  const request = factory.open(name, VERSION);
  request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion);
  const db = await done(request);
  db.onversionchange = () => db.close();
  return new Db(db);
}

export class Db {
  constructor(db) {
    this.db = db;
    /** Called with a store's name after each write: how other engines of this profile are told. */
    this.written = null;
  }

  read(store) {
    return this.db.transaction(store).objectStore(store);
  }

  /** Runs `work(store)` in one transaction; resolves with what it resolved to, once committed to the disk. */
  async write(store, work) {
    const transaction = this.db.transaction(store, 'readwrite', { durability: 'strict' });
    const end = committed(transaction);
    end.catch(() => {});
    const value = await work(transaction.objectStore(store));
    await end;
    this.written?.(store);
    return value;
  }

  /** The identity's seed: the one kept, or `made()` if there is none. Never replaces one. */
  async seed(made) {
    const kept = await done(this.read('identity').get('seed'));
    if (kept) return kept;
    try {
      await this.write('identity', (store) => done(store.add(made(), 'seed')));
    } catch (error) {
      if (error?.name !== 'ConstraintError') throw error; // another tab was first: its seed counts
    }
    return done(this.read('identity').get('seed'));
  }

  setting(key) {
    return done(this.read('settings').get(key));
  }
  setSetting(key, value) {
    return this.write('settings', (store) => done(value === undefined ? store.delete(key) : store.put(value, key)));
  }

  all(store) {
    return done(this.read(store).getAll());
  }
  put(store, value) {
    return this.write(store, (s) => done(s.put(value)));
  }
  remove(store, key) {
    return this.write(store, (s) => done(s.delete(key)));
  }

  /**
   * Adds a message; resolves with it and its number, or null when this contact's message of this id is here already.
   */
  async addMessage(message) {
    try {
      const n = await this.write('messages', (store) => done(store.add(message)));
      return { ...message, n };
    } catch (error) {
      if (error?.name === 'ConstraintError') return null;
      throw error;
    }
  }

  message(n) {
    return done(this.read('messages').get(n));
  }
  messageById(contact, mine, id) {
    return done(this.read('messages').index('id').get([contact, mine, id]));
  }

  /** Changes one message by `change(message)`; resolves with the new one, or null if it is gone. */
  changeMessage(n, change) {
    return this.write('messages', async (store) => {
      const message = await done(store.get(n));
      if (!message) return null;
      const changed = change(message);
      await done(store.put(changed));
      return changed;
    });
  }

  /** The newest `count` messages of a contact below number `before`, oldest first. */
  async messages(contact, { before = Number.MAX_SAFE_INTEGER, count = 200 } = {}) {
    const range = IDBKeyRange.bound([contact, 0], [contact, before], false, true);
    const cursor = this.read('messages').index('contact').openCursor(range, 'prev');
    const found = [];
    await new Promise((resolve, reject) => {
      cursor.onerror = () => reject(cursor.error);
      cursor.onsuccess = () => {
        if (!cursor.result || found.length >= count) return resolve(undefined);
        found.push(cursor.result.value);
        cursor.result.continue();
      };
    });
    return found.reverse();
  }

  /** What still has to be delivered to a contact, oldest first. */
  pending(contact) {
    return done(
      this.read('messages')
        .index('pending')
        .getAll(IDBKeyRange.bound([contact, 0], [contact, Infinity])),
    );
  }

  async forgetMessages(contact) {
    await this.write('messages', async (store) => {
      const keys = await done(store.index('contact').getAllKeys(IDBKeyRange.bound([contact, 0], [contact, Infinity])));
      await Promise.all(keys.map((key) => done(store.delete(key))));
    });
  }

  /** Another identity with its contacts takes the place of everything that is kept: all of it, or nothing. */
  async replaceAll({ seed, settings, contacts }) {
    const transaction = this.db.transaction([...this.db.objectStoreNames], 'readwrite', { durability: 'strict' });
    const end = committed(transaction);
    for (const name of this.db.objectStoreNames) transaction.objectStore(name).clear();
    transaction.objectStore('identity').put(seed, 'seed');
    for (const [key, value] of Object.entries(settings))
      if (value !== undefined) transaction.objectStore('settings').put(value, key);
    for (const contact of contacts) transaction.objectStore('contacts').put(contact);
    await end;
  }
}
