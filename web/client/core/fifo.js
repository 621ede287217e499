/** A queue. Taking the oldest item costs the same however many wait; the `shift` of a long array moves all of them. */

const TIDY_FROM = 64;

/** @template T */
export class Fifo {
  constructor() {
    /** @private @type {(T | undefined)[]} */
    this.items = [];
    /** @private Where the oldest is; the places before it are empty. */
    this.head = 0;
  }
  get length() {
    return this.items.length - this.head;
  }
  /** The oldest item, or undefined. */
  get first() {
    return this.items[this.head];
  }
  /** @param {T} item */
  push(item) {
    this.items.push(item);
  }
  /** Removes the oldest item and returns it; undefined when there is none. @returns {T | undefined} */
  shift() {
    if (this.length === 0) return undefined;
    const item = this.items[this.head];
    this.items[this.head++] = undefined;
    if (this.length === 0) this.clear();
    else if (this.head >= TIDY_FROM && this.head >= this.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
  clear() {
    this.items = [];
    this.head = 0;
  }
  /** @returns {Generator<T>} the items, the oldest first */
  *[Symbol.iterator]() {
    for (let i = this.head; i < this.items.length; i++) yield /** @type {T} */ (this.items[i]);
  }
}
