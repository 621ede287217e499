/** How fast bytes come or go, over the last seconds, by the times that are handed in. */

const WINDOW_MS = 6000;
/** Before so much time has passed nothing can be said. */
const LEAST_MS = 1000;
/** One entry for each so long while: many small pieces cost no more than few large ones. */
const STEP_MS = 200;

export class Meter {
  steps = [];

  /** @param {number} bytes  @param {number} now in ms */
  add(bytes, now) {
    const last = this.steps.at(-1);
    if (last && now - last.at < STEP_MS) last.bytes += bytes;
    else this.steps.push({ at: now, bytes });
    this.forget(now);
  }

  /** A pause: what came before it says nothing about what comes after. */
  reset() {
    this.steps = [];
  }

  forget(now) {
    while (this.steps.length > 0 && now - this.steps[0].at > WINDOW_MS) this.steps.shift();
  }

  /** Bytes a second, or null while that cannot be said. */
  rate(now) {
    this.forget(now);
    const [first] = this.steps;
    if (!first || now - first.at < LEAST_MS) return null;
    // What came in the first step came before its end: it does not count, its time does.
    const bytes = this.steps.slice(1).reduce((sum, step) => sum + step.bytes, 0);
    return (bytes * 1000) / (now - first.at);
  }

  /** Milliseconds until `bytes` more have passed, or null. */
  left(bytes, now) {
    const rate = this.rate(now);
    return rate ? (bytes * 1000) / rate : null;
  }
}
