/**
 * The frame of a file of browser tests: a relay, a running Chromium that all people share, and people who are closed
 * after each test.
 *
 *   const stage = setStage();
 *   test('…', async () => {
 *     const { ana, bo } = await stage.pair();
 */
import { afterAll, afterEach, beforeAll } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { startRelay } from '../../support/relay.js';
import { openPair, openPerson } from './person.js';

/** Somebody who is gone is noticed at once. */
const QUICK = ['--limit', 'OPEN_TIMEOUT_MS=500'];

class Stage {
  /** What is closed after each test, such as people and programs. @type {{close: () => unknown}[]} */
  open = [];

  /** Closes something after the test. */
  keep(one) {
    this.open.push(one);
    return one;
  }
  /**
   * Opens the page for one more person: at this relay, unless another `url` is given, and in the shared Chromium, unless
   * it has to run with `args` of its own. The other options are those of `openPerson`.
   */
  async person({ url = this.relay.http, ...options } = {}) {
    return this.keep(await openPerson(url, { ...this.sharing(options), ...options }));
  }
  /** Opens two people who are paired, and in the conversation; the options are those of `person` and `openPair`. */
  async pair({ url = this.relay.http, ...options } = {}) {
    return this.keep(await openPair(url, { ...this.sharing(options), ...options }));
  }
  sharing({ args }) {
    return args ? {} : { browser: this.browser };
  }
}

/**
 * Sets the stage for the tests of a file. Call it before the file's own hooks.
 * @param {{relayArgs?: string[], chromiumArgs?: string[]}} [options]
 */
export function setStage({ relayArgs = QUICK, chromiumArgs } = {}) {
  const stage = new Stage();
  beforeAll(async () => {
    const starting = [startRelay({ args: relayArgs }), startChromium({ args: chromiumArgs })];
    [stage.relay, stage.browser] = await Promise.all(starting);
  });
  afterEach(async () => {
    await Promise.all(stage.open.splice(0).map((one) => one.close()));
  });
  afterAll(async () => {
    await stage.browser?.close();
    await stage.relay?.stop();
  });
  return stage;
}
