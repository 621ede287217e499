/**
 * Axe finds nothing, and nothing sticks out, on any screen and in any state: light, dark, right to left, on the
 * narrowest phone.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRelay } from '../../support/relay.js';
import { walkScreens } from './screens.js';

let relay;
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
});
afterAll(() => relay.stop());

const narrow = { viewport: { width: 320, height: 640 }, context: { hasTouch: true, isMobile: true } };

describe.each([
  ['light', { colorScheme: 'light' }, 'ltr'],
  ['dark', { colorScheme: 'dark' }, 'ltr'],
  ['right to left, dark', { colorScheme: 'dark', locale: 'ar-EG' }, 'rtl'],
  ['320 px', { colorScheme: 'light', ...narrow }, 'ltr'],
  ['320 px, right to left', { colorScheme: 'light', locale: 'ar-EG', ...narrow }, 'rtl'],
])('%s', (_, look, direction) => {
  test('every screen', async () => {
    const found = {};
    await walkScreens({
      relay,
      look,
      see: async (name, person) => {
        found[name] = await person.axe();
        expect(await person.page.evaluate(() => document.documentElement.dir)).toBe(direction);
      },
    });
    expect(Object.keys(found).length).toBeGreaterThan(25);
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, []])));
  }, 300_000);
});
