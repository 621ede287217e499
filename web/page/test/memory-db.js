/** Test doubles of engine/db.js and engine/files/store.js in memory, with what their users need of them. */
import { createHash } from 'node:crypto';
import { changedRecord } from '../engine/fields.js';

const keyOf = ({ id, secret }) => id ?? secret;

/** The records and the settings, which several engines may share. Each write is a transaction: all of it or nothing. */
export class MemoryRecords {
  stores = Object.fromEntries(
    ['contacts', 'knocks', 'invites', 'decisions', 'spent'].map((store) => [store, new Map()]),
  );
  settings = {};
  /** The error with which every write fails. */
  error = null;
  /** Settles after the last write: as in a database, reads and writes take their turns. */
  turn = Promise.resolve();

  write(work) {
    const { error } = this;
    const done = this.turn.then(() => {
      if (error) throw error;
      return work();
    });
    this.turn = done.catch(() => {});
    return done;
  }
  /** Puts records before the test begins. */
  fill(store, ...records) {
    this.stores[store] = new Map(records.map((record) => [keyOf(record), structuredClone(record)]));
  }
  list(store) {
    return structuredClone([...this.stores[store].values()]);
  }
  async all(store) {
    await this.turn;
    return this.list(store);
  }
  put(store, record) {
    return this.putAll(store, [record]);
  }
  putAll(store, list) {
    const copies = structuredClone(list);
    const work = () => copies.forEach((record) => this.stores[store].set(keyOf(record), record));
    return this.write(work);
  }
  change(store, changes) {
    const copies = structuredClone(changes);
    return this.write(() => {
      for (const change of copies) {
        const record = changedRecord(this.stores[store].get(change.key), change);
        if (record) this.stores[store].set(change.key, record);
      }
    });
  }
  remove(store, key) {
    return this.write(() => void this.stores[store].delete(key));
  }
  async setting(key) {
    await this.turn;
    return this.settings[key];
  }
  setSetting(key, value) {
    return this.write(() => void (this.settings[key] = value));
  }
  endInvite(spent) {
    return this.write(() => {
      this.stores.spent.set(spent.secret, spent);
      this.stores.invites.delete(spent.secret);
    });
  }
  forgetContact(id, decision) {
    return this.write(() => {
      this.stores.contacts.delete(id);
      if (decision) this.stores.decisions.set(id, decision);
    });
  }
  async pendingCount() {
    return 0;
  }
}

export class MemoryDb {
  list = [];
  gone = new Set();
  last = 0;
  /** The store of the files that belong to messages, if there is one. */
  files = null;
  /** The error with which every write fails. */
  error = null;
  async addMessage(message, filesOf) {
    if (this.error) throw this.error;
    if (this.gone.has(`${message.contact} ${message.mine} ${message.id}`)) return null;
    if (this.list.some((one) => one.contact === message.contact && one.mine === message.mine && one.id === message.id))
      return null;
    const kept = { ...message, n: (this.last += 1) };
    if (filesOf) await this.files.put(...filesOf(kept.n));
    this.list.push(kept);
    return kept;
  }
  async changeMessage(n, change) {
    if (this.error) throw this.error;
    const at = this.list.findIndex((one) => one.n === n);
    if (at < 0) return null;
    this.list[at] = change(this.list[at]);
    return this.list[at];
  }
  async deleteMessage(contact, n, files = []) {
    const message = this.list.find((one) => one.n === n && one.contact === contact);
    if (!message) return null;
    this.list = this.list.filter((one) => one !== message);
    this.gone.add(`${contact} ${message.mine} ${message.id}`);
    await this.files?.dropPieces(...files);
    await this.files?.dropSources(...files);
    return message;
  }
  async messages(contact, { before = Infinity, count = 200 } = {}) {
    return this.list.filter((one) => one.contact === contact && one.n < before).slice(-count);
  }
  async message(n) {
    return this.list.find((one) => one.n === n);
  }
  async messageById(contact, mine, id) {
    return this.list.find((one) => one.contact === contact && one.mine === mine && one.id === id);
  }
  /** In batches of three, so that a test sees where one ends. */
  async older(before, { contact } = {}) {
    const list = this.list.filter((one) => one.n < before && (!contact || one.contact === contact)).slice(-3);
    return { list: list.reverse(), before: list.length > 0 ? list.at(-1).n : null };
  }
  /** The paths of the files of each card. */
  paths = new Map();
  async pathsOf(card, count) {
    return (this.paths.get(card) ?? []).slice(0, count);
  }
  async pending(contact, after = 0) {
    return this.list.filter((one) => one.pending === contact && one.n > after);
  }
  async pendingCount(contact) {
    return (await this.pending(contact)).length;
  }
}

export class MemoryFileStore {
  records = new Map();
  pieces = new Map();
  sources = new Map();
  /** How many bytes it stores; more than that fails as in a browser. */
  room = Infinity;
  /** The error with which the next write fails. */
  error = null;
  async open() {
    return [...this.records.values()].filter(({ open }) => open).map((record) => ({ ...record }));
  }
  async get(key) {
    const record = this.records.get(key);
    return record && { ...record };
  }
  async ofCard(card) {
    const found = [...this.records.values()].filter((record) => record.card === card);
    return found.sort((a, b) => a.n - b.n).map((record) => ({ ...record }));
  }
  async put(...records) {
    for (const record of records) this.records.set(record.key, { ...record });
  }
  get used() {
    return [...this.pieces.values()].flat().reduce((sum, { blob }) => sum + blob.size, 0);
  }
  async putPieces(pieces) {
    const error = this.error;
    this.error = null;
    if (error) throw error;
    const more = pieces.reduce((sum, { blob }) => sum + blob.size, 0);
    if (this.used + more > this.room) throw Object.assign(new Error('full'), { name: 'QuotaExceededError' });
    for (const { key, from, to, blob } of pieces)
      this.pieces.set(key, [...(this.pieces.get(key) ?? []), { from, to, blob }]);
  }
  async storedTo(key) {
    return this.pieces.get(key)?.at(-1)?.to ?? 0;
  }
  async piece(key, at) {
    return this.pieces.get(key)?.find(({ from }) => from === at)?.blob;
  }
  async whole(key, type) {
    return new Blob(
      (this.pieces.get(key) ?? []).map(({ blob }) => blob),
      { type },
    );
  }
  async dropPieces(...keys) {
    for (const key of keys) this.pieces.delete(key);
  }
  async source(key) {
    return this.sources.get(key);
  }
  async putSource(key, file) {
    this.sources.set(key, file);
  }
  async dropSources(...keys) {
    for (const key of keys) this.sources.delete(key);
  }
}

/** The hash of the client library. */
export class Sha256 {
  hash = createHash('sha256');
  update(bytes) {
    this.hash.update(bytes);
  }
  digest() {
    return new Uint8Array(this.hash.digest());
  }
  drop() {}
}
