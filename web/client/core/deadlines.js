/**
 * Deadlines in order: a binary heap of objects that their owner lends. Of equal deadlines, the one with the smaller
 * `order` comes first, so the sequence does not depend on how the heap was filled.
 */

/**
 * @typedef {object} Timed
 * @property {number} order does not change while it is in a heap
 * @property {number} dueAt the heap's own
 * @property {number} heapPlace the heap's own: its index, or -1 when it is in no heap
 */

/** @param {Timed} a @param {Timed} b */
const isBefore = (a, b) => (a.dueAt !== b.dueAt ? a.dueAt < b.dueAt : a.order < b.order);

/** @template {Timed} T */
export class Deadlines {
  constructor() {
    /** @private @type {T[]} */
    this.heap = [];
  }
  /** The one that is due first, or undefined. @returns {T | undefined} */
  get first() {
    return this.heap[0];
  }
  /** When the first is due; Infinity when there is none. */
  get at() {
    return this.heap.length ? this.heap[0].dueAt : Infinity;
  }
  /** Puts an object in, or moves it, to this time; Infinity takes it out. @param {T} item @param {number} at */
  set(item, at) {
    if (at === Infinity) return this.remove(item);
    if (item.heapPlace >= 0 && item.dueAt === at) return;
    item.dueAt = at;
    this.settle(item, item.heapPlace >= 0 ? item.heapPlace : this.heap.length);
  }
  /** Takes an object out. Does nothing when it is in no heap. @param {T} item */
  remove(item) {
    const { heapPlace } = item;
    if (heapPlace < 0) return;
    item.heapPlace = -1;
    const last = /** @type {T} */ (this.heap.pop());
    if (last !== item) this.settle(last, heapPlace);
  }
  /** Takes out everything that is due at this time and returns it, the earliest first. @param {number} now */
  takeDue(now) {
    /** @type {T[]} */
    const due = [];
    for (let first; (first = this.heap[0]) && first.dueAt <= now;) {
      due.push(first);
      this.remove(first);
    }
    return due;
  }
  /** Moves an object up or down to where it belongs, from this place. @param {T} item @param {number} place @private */
  settle(item, place) {
    const { heap } = this;
    let at = place;
    for (let up; at > 0 && isBefore(item, heap[(up = (at - 1) >> 1)]); at = up) this.put(heap[up], at);
    for (let down; (down = 2 * at + 1) < heap.length; at = down) {
      if (down + 1 < heap.length && isBefore(heap[down + 1], heap[down])) down++;
      if (!isBefore(heap[down], item)) break;
      this.put(heap[down], at);
    }
    this.put(item, at);
  }
  /** @param {T} item @param {number} place @private */
  put(item, place) {
    this.heap[place] = item;
    item.heapPlace = place;
  }
}
