/**
 * A test double of IndexedDB in memory, with what engine/db.js, engine/files/store.js and engine/files/sweep.js need of
 * it. Transactions run one after the other. One that is aborted, or in which a request fails, has written nothing.
 */

const rank = (key) => (Array.isArray(key) ? 2 : typeof key === 'string' ? 1 : 0);
/** The order of keys: numbers, texts, lists. */
function order(a, b) {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (!Array.isArray(a)) return a < b ? -1 : Number(a > b);
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) if (order(a[i], b[i])) return order(a[i], b[i]);
  return a.length - b.length;
}

export class MemoryKeyRange {
  constructor(lower, upper, lowerOpen = false, upperOpen = false) {
    Object.assign(this, { lower, upper, lowerOpen, upperOpen });
  }
  static bound = (...args) => new MemoryKeyRange(...args);
  static lowerBound = (lower, open) => new MemoryKeyRange(lower, undefined, open);
  static upperBound = (upper, open) => new MemoryKeyRange(undefined, upper, false, open);
  has(key) {
    const [low, high] = [this.lower, this.upper].map((end) => (end === undefined ? null : order(key, end)));
    return (
      (low === null || low > 0 || (low === 0 && !this.lowerOpen)) &&
      (high === null || high < 0 || (high === 0 && !this.upperOpen))
    );
  }
}

const within = (range, key) =>
  range === undefined || range === null || (range instanceof MemoryKeyRange ? range.has(key) : order(range, key) === 0);

class Store {
  /** @param {{name: string, keyPath?: string, indexes?: Record<string, string | string[]>, rows: [any, any][]}} kept */
  constructor(transaction, kept, index) {
    Object.assign(this, { transaction, kept, name: kept.name });
    this.path = index && kept.indexes[index];
  }
  index(name) {
    return new Store(this.transaction, this.kept, name);
  }
  /** The rows in their order: key, value, and the key in the store. */
  rows(range) {
    const at = (value) => (Array.isArray(this.path) ? this.path.map((one) => value[one]) : value[this.path]);
    const all = this.kept.rows.map(([key, value]) => [this.path ? at(value) : key, value, key]);
    const there = all.filter(([key]) => key !== undefined && ![key].flat().includes(undefined) && within(range, key));
    return there.sort(([a], [b]) => order(a, b));
  }
  ask(work) {
    return this.transaction.ask(work);
  }
  get(key) {
    return this.ask(() => structuredClone(this.rows(key)[0]?.[1]));
  }
  getKey(key) {
    return this.ask(() => this.rows(key)[0]?.[2]);
  }
  getAll(range, count) {
    return this.ask(() =>
      structuredClone(
        this.rows(range)
          .slice(0, count)
          .map(([, value]) => value),
      ),
    );
  }
  getAllKeys(range, count) {
    return this.ask(() =>
      this.rows(range)
        .slice(0, count)
        .map(([, , key]) => key),
    );
  }
  count(range) {
    return this.ask(() => this.rows(range).length);
  }
  put(value, key = value[this.kept.keyPath]) {
    return this.ask(() => {
      this.transaction.checkWrite(this.name);
      this.kept.rows = this.kept.rows.filter(([one]) => order(one, key) !== 0).concat([[key, structuredClone(value)]]);
    });
  }
  delete(range) {
    return this.ask(() => {
      this.transaction.checkWrite(this.name);
      this.kept.rows = this.kept.rows.filter(([key]) => !within(range, key));
    });
  }
  openKeyCursor(range) {
    const cursorFrom = (holds) => {
      const row = this.rows(range).find(([key]) => holds(key));
      return row
        ? {
            key: row[0],
            primaryKey: row[2],
            continue: (to) => request.again(() => cursorFrom((key) => order(key, to) >= 0)),
          }
        : null;
    };
    const request = this.ask(() => cursorFrom(() => true));
    return request;
  }
}

class Transaction {
  queue = [];
  constructor(db, names, mode) {
    Object.assign(this, { db, names: [names].flat(), mode });
    this.before = null;
  }
  objectStore(name) {
    if (!this.names.includes(name)) throw Object.assign(new Error(name), { name: 'NotFoundError' });
    return new Store(this, this.db.stores[name]);
  }
  checkWrite(name) {
    if (this.mode !== 'readwrite') throw Object.assign(new Error(name), { name: 'ReadOnlyError' });
    if (this.db.broken === name) throw Object.assign(new Error('disk'), { name: 'UnknownError' });
  }
  ask(work) {
    if (this.over) throw Object.assign(new Error('over'), { name: 'TransactionInactiveError' });
    const request = { again: (next) => void this.queue.push([request, next]) };
    this.queue.push([request, work]);
    return request;
  }
  abort() {
    if (this.over) throw Object.assign(new Error('over'), { name: 'InvalidStateError' });
    this.aborted = true;
  }
  async run() {
    this.before = this.names.map((name) => [name, this.db.stores[name].rows]);
    await null;
    for (;;) {
      const [request, work] = this.queue.shift() ?? [];
      if (!request || this.aborted) break;
      try {
        request.result = work();
        request.onsuccess?.();
      } catch (error) {
        this.error = request.error = error;
        this.aborted = true;
        request.onerror?.();
      }
      await new Promise((done) => setImmediate(done)); // who waited for the request may make the next one
    }
    this.over = true;
    if (!this.aborted) return this.oncomplete?.();
    for (const [name, rows] of this.before) this.db.stores[name].rows = rows;
    this.onabort?.();
  }
}

/** What `new Db()` takes: the stores of engine/db.js. */
export class MemoryIdb {
  name = 'memory';
  /** The store in which nothing can be written. */
  broken = '';
  last = Promise.resolve();
  stores = Object.fromEntries(
    [
      ['identity'],
      ['settings'],
      ['contacts', 'id'],
      ['invites', 'secret'],
      ['knocks', 'id'],
      ['messages', 'n', { contact: ['contact', 'n'], pending: ['pending', 'n'] }],
      ['files', 'key', { open: 'open', card: ['card', 'n'] }],
      ...['pieces', 'sources', 'gone', 'thumbs'].map((name) => [name]),
      ['decisions', 'id'],
      ['spent', 'secret'],
    ].map(([name, keyPath, indexes]) => [name, { name, keyPath, indexes, rows: [] }]),
  );
  transaction(names, mode = 'readonly') {
    const transaction = new Transaction(this, names, mode);
    this.last = this.last.then(() => transaction.run());
    return transaction;
  }
  /** The keys in a store, in their order. */
  keys(name) {
    return this.stores[name].rows.map(([key]) => key).sort(order);
  }
  fill(name, ...rows) {
    for (const [key, value] of rows) this.stores[name].rows.push([key, value]);
  }
}
