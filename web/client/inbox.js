/**
 * What came on one channel and was not handed over yet. Whoever comes first gets it: a reader of the stream, or the
 * listeners of 'message'; until then it waits here, and the window that it fills holds the sender.
 */

/** @typedef {{data: Uint8Array | null, place: number, generation: number}} Item data null: the end */

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
    /** @type {Item[]} not handed over */
    this.items = [];
    /** @type {{place: number, generation: number, done: boolean}[]} handed over, in order */
    this.open = [];
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
    while (this.items.length) {
      const { data } = this.items[0];
      if (this.reader ? !this.reader.wants() && data !== null : !this.session.hasListener(data ? 'message' : 'end')) {
        // An end that nobody listens for is over all the same once everything before it is.
        if (data !== null || this.reader || this.open.length) return;
      }
      const { place, generation } = /** @type {Item} */ (this.items.shift());
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
  /** Only all below a place can be said to be taken, so an earlier one holds back later ones.
   * @param {{place: number, generation: number, done: boolean}} entry @private */
  take(entry) {
    if (entry.done) return;
    entry.done = true;
    let place = 0;
    while (this.open[0]?.done) place = /** @type {{place: number}} */ (this.open.shift()).place;
    if (place && !this.error) this.session.taken(this.channel, place, entry.generation);
  }
  /** Nothing more comes. @param {Error} error */
  fail(error) {
    this.error ??= error;
    this.items = [];
    if (!this.ended) this.reader?.error(this.error);
  }
  /** The peer gave up: what is missing below `place` never comes. @param {number} place @param {number} generation
   * @param {Error} error */
  cutOff(place, generation, error) {
    const entry = { place, generation, done: false };
    this.open.push(entry);
    this.take(entry);
    if (!this.ended) this.reader?.error(error);
    this.ended = true;
  }
}
