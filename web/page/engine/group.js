/**
 * Joins pieces of work that come while a transaction is being committed into the next one. Each piece still resolves
 * only when its own transaction is on the disk.
 */

/** The most pieces that share a transaction. */
const PIECES_MAX = 200;

/** @typedef {(store: IDBObjectStore, ...others: IDBObjectStore[]) => Promise<any>} Work */
/**
 * @typedef {object} Piece
 * @property {Work} work
 * @property {string[]} others the stores that it needs besides the first
 * @property {(value: any) => void} done
 * @property {(error: unknown) => void} fail
 */

export class Group {
  /** @param {(work: Work, others: string[]) => Promise<any>} write runs one transaction */
  constructor(write) {
    this.write = write;
    /** @type {Piece[]} */
    this.waiting = [];
    this.running = false;
  }

  /**
   * Resolves when the work is committed.
   * @template T @param {(store: IDBObjectStore, ...others: IDBObjectStore[]) => Promise<T>} work
   * @param {string[]} [others] more stores that it needs @returns {Promise<T>}
   */
  run(work, others = []) {
    return new Promise((done, fail) => {
      this.waiting.push({ work, others, done, fail });
      if (!this.running) void this.drain();
    });
  }

  async drain() {
    this.running = true;
    while (this.waiting.length > 0) await this.commit(this.waiting.splice(0, PIECES_MAX));
    this.running = false;
  }

  /**
   * Runs the pieces in order, in one transaction. When one fails, nothing was written, so each runs again by itself.
   * @param {Piece[]} pieces
   */
  async commit(pieces) {
    const names = [...new Set(pieces.flatMap(({ others }) => others))];
    try {
      /** @type {unknown[]} */
      const values = await this.write(async (store, ...stores) => {
        const results = [];
        for (const { work, others } of pieces)
          results.push(await work(store, ...others.map((name) => stores[names.indexOf(name)])));
        return results;
      }, names);
      pieces.forEach(({ done }, index) => done(values[index]));
    } catch (error) {
      if (pieces.length === 1) return pieces[0].fail(error);
      for (const piece of pieces) await this.commit([piece]);
    }
  }
}
