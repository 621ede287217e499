/** Measures how fast bytes move over the last seconds. The caller passes the time. */

const WINDOW_MS = 6000;
/** No rate is given before this much time has passed. */
const LEAST_MS = 1000;
/** Pieces within this time share an entry, so that many small ones cost no more than a few large ones. */
const STEP_MS = 200;

export class Meter {
  /** @type {{at: number, bytes: number}[]} */
  steps = [];

  /** @param {number} bytes  @param {number} now in ms */
  add(bytes, now) {
    const last = this.steps.at(-1);
    if (last && now - last.at < STEP_MS) last.bytes += bytes;
    else this.steps.push({ at: now, bytes });
    this.forget(now);
  }

  /** Starts again after a pause. */
  reset() {
    this.steps = [];
  }

  /** @param {number} now */
  forget(now) {
    while (this.steps.length > 0 && now - this.steps[0].at > WINDOW_MS) this.steps.shift();
  }

  /** Returns bytes per second, or null while that is unknown. @param {number} now */
  rate(now) {
    this.forget(now);
    const [first] = this.steps;
    if (!first || now - first.at < LEAST_MS) return null;
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
