/** Measures how fast bytes move over the last seconds, and for how long none have. The caller passes the time. */

const WINDOW_MS = 6000;
/** No rate is given before this much time has passed. */
const LEAST_MS = 1000;
/** Pieces within this time share an entry, so that many small ones cost no more than a few large ones. */
const STEP_MS = 200;
/** Bytes stand when none have moved for this long. Over a slow line, their steps may be further apart than that. */
const STILL_MS = 5000;
const STILL_STEPS = 3;
const STILL_MOST_MS = 30_000;

export class Meter {
  /** @type {{at: number, bytes: number}[]} */
  steps = [];
  /** Since when bytes should move. @type {number | null} */
  since = null;

  /** @param {number} bytes  @param {number} now in ms */
  add(bytes, now) {
    const before = this.steps.at(-1);
    if (before && now - before.at > STILL_MOST_MS) this.steps = []; // the time between is no part of the rate
    const last = this.steps.at(-1);
    if (last && now - last.at < STEP_MS) last.bytes += bytes;
    else this.steps.push({ at: now, bytes });
    this.forget(now);
  }

  /** Starts again after a pause. */
  reset() {
    this.steps = [];
    this.since = null;
  }

  /** Says whether bytes should move at present. @param {boolean} should @param {number} now */
  expect(should, now) {
    this.since = should ? (this.since ?? now) : null;
  }

  /** Two steps are kept, however far apart they are. @param {number} now */
  forget(now) {
    while (this.steps.length > 2 && now - this.steps[0].at > WINDOW_MS) this.steps.shift();
  }

  /** Returns how long it may take until the next bytes move. */
  get patience() {
    const [before, last] = [this.steps.at(-2), this.steps.at(-1)];
    const usual = before && last ? STILL_STEPS * (last.at - before.at) : 0;
    return Math.min(STILL_MOST_MS, Math.max(STILL_MS, usual));
  }

  /** @param {number} now */
  stands(now) {
    const last = this.steps.at(-1);
    return last !== undefined && now - last.at > this.patience;
  }

  /**
   * Returns the milliseconds since bytes last moved, or null while they move or need not.
   * @param {number} now
   */
  still(now) {
    if (this.since === null) return null;
    const still = now - Math.max(this.since, this.steps.at(-1)?.at ?? 0);
    return still > this.patience ? still : null;
  }

  /** Returns bytes per second, or null while that is unknown. @param {number} now */
  rate(now) {
    this.forget(now);
    const [first] = this.steps;
    if (!first || this.stands(now) || now - first.at < LEAST_MS) return null;
    // The time counts from the start of the first step, whose own bytes are left out.
    const bytes = this.steps.slice(1).reduce((sum, step) => sum + step.bytes, 0);
    return (bytes * 1000) / (now - first.at);
  }

  /**
   * Returns the milliseconds until `bytes` more have passed, or null while that is unknown.
   * @param {number} bytes @param {number} now
   */
  left(bytes, now) {
    const rate = this.rate(now);
    return rate ? (bytes * 1000) / rate : null;
  }
}
