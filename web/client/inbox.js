/**
 * Keeps what arrived on one channel until it is handed over: to the reader of the stream when there is one, otherwise
 * to the listeners of 'message'. What waits here fills the window, so the sender waits too.
 */

import { Fifo } from './core/fifo.js';

/** @typedef {{data: Uint8Array | null, place: number, generation: number}} Item `data` is null for the end */

/** @typedef {object} Reader
 * @property {() => boolean} wants
 * @property {(data: Uint8Array, taken: () => void) => void} data
 * @property {() => void} end
 * @property {(error: Error) => void} error */

export class Inbox {
  /** @param {import('./session.js').Session} session @param {number} channel */
  constructor(session, channel) {
    this.session = session;
    this.channel = channel;
    /** @type {Fifo<Item>} not handed over yet */
    this.items = new Fifo();
    /** @type {Fifo<{place: number, generation: number, done: boolean}>} handed over but not taken, in order */
    this.open = new Fifo();
    /** @type {Reader | null} */
    this.reader = null;
    /** @type {Error | null} */
    this.error = null;
    this.ended = false;
  }
  /** @param {Item} item */
  put(item) {
    this.items.push(item);
    this.drain();
  }
  /** Hands over what is wanted. */
  drain() {
    for (let item; (item = this.items.first);) {
      const { data, place, generation } = item;
      if (this.reader ? !this.reader.wants() && data !== null : !this.session.hasListener(data ? 'message' : 'end')) {
        // An end without a listener is taken by itself once everything before it is taken.
        if (data !== null || this.reader || this.open.length) return;
      }
      this.items.shift();
      const entry = { place, generation, done: false };
      this.open.push(entry);
      const taken = () => this.take(entry);
      if (data === null) {
        this.ended = true;
        if (this.reader) this.reader.end();
        else this.session.showEnd(this.channel);
        taken();
      } else if (this.reader) this.reader.data(data, taken);
      else this.session.showMessage(this.channel, data, taken);
    }
    if (this.error) this.reader?.error(this.error);
  }
  /** Marks one item as taken. The engine can be told only that everything up to a place is taken, so an earlier item
   * that is not taken yet holds back the later ones.
   * @param {{place: number, generation: number, done: boolean}} entry @private */
  take(entry) {
    if (entry.done) return;
    entry.done = true;
    let place = 0;
    for (let first; (first = this.open.first)?.done; this.open.shift()) place = first.place;
    if (place && !this.error) this.session.taken(this.channel, place, entry.generation);
  }
  /** Discards what waits and passes the error to the reader: nothing more will arrive. @param {Error} error */
  fail(error) {
    this.error ??= error;
    this.items.clear();
    if (!this.ended) this.reader?.error(this.error);
  }
  /** The peer reset the channel: what is missing up to `place` will never arrive.
   * @param {number} place @param {number} generation @param {Error} error */
  cutOff(place, generation, error) {
    const entry = { place, generation, done: false };
    this.open.push(entry);
    this.take(entry);
    if (!this.ended) this.reader?.error(error);
    this.ended = true;
  }
}
