/** Low and narrow windows (400 % zoom of 1280×1024), forced colours, and long names: what stays readable. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { startRelay } from '../../support/relay.js';
import { openPair } from './person.js';

const LONG = 'W'.repeat(48);
let relay;
let browser;
let pair;

beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
  browser = await startChromium();
  pair = await openPair(relay.http, { browser, viewport: { width: 320, height: 256 } });
  await pair.bo.say('theirs');
  await pair.ana.hears('theirs');
  await pair.ana.say('mine');
  await pair.ana.delivered('mine');
});
afterAll(async () => {
  await pair.close();
  await Promise.all([browser.close(), relay.stop()]);
});

/** How many pixels of the thread are in the window. */
const seen = ({ page }) =>
  page.locator('.scroller').evaluate((box) => {
    const { top, bottom } = box.getBoundingClientRect();
    return Math.min(bottom, innerHeight) - Math.max(top, 0);
  });

describe('at 320×256', () => {
  test('the thread keeps at least half of the height, and the field is in the window', async () => {
    const { ana, bo } = pair;
    await ana.page.locator('.name-ask').waitFor();
    expect(await seen(ana)).toBeGreaterThanOrEqual(128);
    await bo.page.locator('#name-ask-own').waitFor();
    expect(await seen(bo)).toBeGreaterThanOrEqual(128);
    expect(await bo.axe()).toEqual([]);
    await ana.callThem(LONG);
    expect(await seen(ana)).toBeGreaterThanOrEqual(128);
    const { y, height } = await ana.page.locator('.composer textarea').boundingBox();
    expect(y + height).toBeLessThanOrEqual(256);
    expect(await ana.axe()).toEqual([]);
  });
});

test('a name of 48 wide letters sticks out nowhere, and is whole in a title', async () => {
  const { ana } = pair;
  expect(await ana.page.locator('.thread-who h1').getAttribute('title')).toBe(LONG);
  await ana.page.setViewportSize({ width: 900, height: 600 });
  expect(await ana.page.locator('.contact-name').getAttribute('title')).toBe(LONG);
  await ana.page.locator('.contact-here').waitFor();
  expect(await ana.axe()).toEqual([]);
  await ana.page.setViewportSize({ width: 320, height: 256 });
});

test('forced colours show whose message it is, and who is here', async () => {
  const { ana } = pair;
  await ana.page.emulateMedia({ forcedColors: 'active' });
  const border = (side) =>
    ana.page
      .locator(`.${side} .bubble`)
      .first()
      .evaluate((one) => {
        const { borderInlineStartWidth: start, borderInlineEndWidth: end } = getComputedStyle(one);
        return [start, end];
      });
  expect(await border('mine')).toEqual(['1px', '5px']);
  expect(await border('theirs')).toEqual(['5px', '1px']);
  await ana.page.setViewportSize({ width: 900, height: 600 });
  const ground = (what) => ana.page.locator(what).evaluate((one) => getComputedStyle(one).backgroundColor);
  expect(await ground('.here-dot')).not.toBe(await ground('.sidebar'));
  await ana.page.emulateMedia({ forcedColors: 'none' });
});
