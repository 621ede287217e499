/**
 * Limits how many bytes may be in flight on one link (docs/protocol.md, section 6, "Pacing"). Round trip and delivery
 * rate are measured from acknowledgements alone.
 */

const BULK_FLOOR = 65536;
const QUEUE_MS = 100;
const RATE_SAMPLES = 16;

/** @typedef {{channel: number, to: number}} Places of one channel in a record: the place after them */
/**
 * @typedef {{counter: number, size: number, sentAt: number, delivered: number, deliveredAt: number, places: Places[]}}
 * Flight
 */

export class Pacing {
  constructor() {
    this.inFlight = 0;
    /** @type {Flight[]} */
    this.flights = [];
    this.head = 0;
    this.delivered = 0;
    this.deliveredAt = 0;
    /** Records sent before this time give no sample. */
    this.measuredFrom = 0;
    this.minRtt = Infinity;
    /** @type {number[]} the last samples, in bytes per ms */
    this.rates = [];
    this.rate = 0;
  }
  /** Notes a record that was sent.
   * @param {number} counter @param {number} size of the envelope @param {number} now @param {Places[]} places */
  sent(counter, size, now, places) {
    if (this.inFlight === 0) this.deliveredAt = now;
    this.flights.push({ counter, size, sentAt: now, delivered: this.delivered, deliveredAt: this.deliveredAt, places });
    this.inFlight += size;
  }
  /** The peer has seen all records up to `counter`. Returns the records that were not acknowledged before.
   * @param {number} counter @param {number} now
   * @returns {Flight[]} */
  acknowledged(counter, now) {
    const first = this.head;
    while (this.head < this.flights.length && this.flights[this.head].counter <= counter) {
      const { size } = this.flights[this.head++];
      this.inFlight -= size;
      this.delivered += size;
    }
    const news = this.flights.slice(first, this.head);
    const last = news.at(-1);
    if (!last) return news;
    if (this.head > 256 || this.head === this.flights.length) {
      this.flights.splice(0, this.head);
      this.head = 0;
    }
    if (last.sentAt < this.measuredFrom) {
      this.deliveredAt = now; // the program did not run in between
      return news;
    }
    const rtt = Math.max(0.1, now - last.sentAt);
    this.minRtt = Math.min(this.minRtt, rtt);
    const took = Math.max(1, now - last.deliveredAt);
    this.rates.push((this.delivered - last.delivered) / took);
    if (this.rates.length > RATE_SAMPLES) this.rates.shift();
    this.rate = Math.max(...this.rates);
    this.deliveredAt = now;
    return news;
  }
  /** Bulk is sent only while fewer bytes than this are in flight. */
  get bulkWindow() {
    return this.minRtt === Infinity ? BULK_FLOOR : Math.max(BULK_FLOOR, this.rate * (this.minRtt + QUEUE_MS));
  }
  /** The largest record behind which something urgent does not wait long. */
  get recordMax() {
    return this.rate > 1000 ? 65536 : 16384;
  }
}
