/**
 * Axe finds nothing, nothing sticks out, nothing is too small to touch, and nothing is under a notch, on any screen and
 * in any state: light, dark, right to left, on the narrowest phone, and on a phone that lies on its side.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { startRelay } from '../../support/relay.js';
import { CAMERA, walkScreens } from './screens.js';

let relay, browser;
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
  browser = await startChromium({ args: CAMERA });
});
afterAll(() => Promise.all([browser?.close(), relay?.stop()]));

const touch = { hasTouch: true, isMobile: true };
const narrow = { viewport: { width: 320, height: 640 }, context: touch };
/** A phone on its side, with a notch: the largest insets that one has. */
const landscape = { viewport: { width: 844, height: 390 }, context: touch };
const NOTCH_AT_SIDE = { top: 0, bottom: 21, left: 59, right: 59 };
const NOTCH_ON_TOP = { top: 59, bottom: 34, left: 0, right: 0 };

describe.each([
  ['light', { colorScheme: 'light' }, 'ltr'],
  ['right to left, dark', { colorScheme: 'dark', locale: 'ar-EG' }, 'rtl'],
  ['320 px', { colorScheme: 'light', ...narrow }, 'ltr'],
  ['320 px, right to left, with a notch', { colorScheme: 'light', locale: 'ar-EG', ...narrow }, 'rtl', NOTCH_ON_TOP],
  ['on its side, dark, with a notch', { colorScheme: 'dark', ...landscape }, 'ltr', NOTCH_AT_SIDE],
])('%s', (_, look, direction, notch) => {
  test('every screen', async () => {
    const found = {};
    await walkScreens({
      relay,
      look: { ...look, browser },
      see: async (name, person) => {
        if (notch) await person.hasNotch(notch);
        found[name] = await person.axe();
        expect(await person.page.evaluate(() => document.documentElement.dir)).toBe(direction);
      },
    });
    expect(Object.keys(found).length).toBeGreaterThan(25);
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, []])));
  }, 300_000);
});
