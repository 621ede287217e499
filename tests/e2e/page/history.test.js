/** Long threads: reading far back, jumping, and what comes meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { startRelay } from '../../support/relay.js';
import { addHistory } from './history.js';
import { openPair } from './person.js';

const COUNT = 3000;
/** A list never has more rows than this (web/page/view/window.js). */
const ROWS_MAX = 300;

let relay, browser, ana, bo, pair;
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
  browser = await startChromium();
  pair = await openPair(relay.http, { browser, init: countPages });
  ({ ana, bo } = pair);
  await addHistory(ana, COUNT);
  await ana.here();
});
afterAll(async () => {
  await pair?.close();
  await browser?.close();
  await relay?.stop();
});

/** Runs in the page: counts in `pagesAsked` how often messages are loaded. */
function countPages() {
  globalThis.pagesAsked = 0;
  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = function (...args) {
    if (args[0]?.cmd === 'messages') globalThis.pagesAsked += 1;
    return postMessage.apply(this, args);
  };
}

const rows = (person) => person.page.locator('.message').count();
const scroller = (person) => person.page.locator('.scroller');
const fromEnd = (person) => scroller(person).evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight);
const exact = (person, text) => person.page.locator('.bubble', { hasText: new RegExp(`^${text}$`) });
const inView = (person, text) =>
  exact(person, text)
    .first()
    .evaluate((bubble) => {
      const box = bubble.closest('.scroller').getBoundingClientRect();
      const own = bubble.getBoundingClientRect();
      return own.top >= box.top && own.bottom <= box.bottom;
    });
const toNewest = async (person) => {
  await scroller(person).press('End');
  await expect.poll(() => fromEnd(person)).toBeLessThan(2);
};
/** Waits until nothing has scrolled for some frames: the wheel is turned before the page has moved. */
const stands = (person, frames) =>
  scroller(person).evaluate(async (box, wanted) => {
    for (let still = 0, last = NaN; still < wanted; still = last === box.scrollTop ? still + 1 : 0) {
      last = box.scrollTop;
      await new Promise((done) => requestAnimationFrame(done));
    }
  }, frames);
/** Turns the wheel until the text is there. What is read never moves further than the wheel. */
async function wheelTo(person, text, step) {
  await scroller(person).hover();
  const wanted = exact(person, text);
  let found = await wanted.count();
  const jumps = [];
  for (let turn = 0; turn < 300 && !found; turn += 1) {
    await scroller(person).evaluate(watchRow);
    await person.page.mouse.wheel(0, step);
    await stands(person, 3); // turns that pile up could pass by the text
    const moved = await scroller(person).evaluate(() => globalThis.rowMoved());
    if (!(Math.abs(moved) <= Math.abs(step) + 2)) jumps.push({ turn, moved });
    found = await wanted.count();
  }
  expect({ found, jumps }).toEqual({ found: 1, jumps: [] });
  await stands(person, 10);
}
/** Runs in the page: `rowMoved()` is how far the first row on the screen has moved since; NaN when it is gone. */
function watchRow(box) {
  const { top } = box.getBoundingClientRect();
  const row = [...box.querySelectorAll('.message')].find((one) => one.getBoundingClientRect().bottom > top);
  const before = row.getBoundingClientRect().top;
  globalThis.rowMoved = () => (row.isConnected ? row.getBoundingClientRect().top - before : NaN);
}

describe('a long thread', () => {
  test('opens at its newest message, with a bounded number of rows', async () => {
    await exact(ana, `message ${COUNT}`).waitFor();
    await expect.poll(() => fromEnd(ana)).toBeLessThan(2);
    expect(await rows(ana)).toBeLessThanOrEqual(ROWS_MAX);
  });

  test('is read with the wheel alone, up and down, to either end', async () => {
    await wheelTo(ana, 'message 2400', -4000);
    await wheelTo(ana, `message ${COUNT}`, 4000);
    await scroller(ana).press('Home');
    await exact(ana, 'message 1').waitFor();
    await wheelTo(ana, 'message 500', 4000);
    await wheelTo(ana, 'message 1', -4000);
    expect(await rows(ana)).toBeLessThanOrEqual(ROWS_MAX);
    await toNewest(ana);
  });

  test('loads no more than it needs on a screen that shows much of what is held', async () => {
    await ana.page.setViewportSize({ width: 1280, height: 4000 });
    await toNewest(ana);
    await wheelTo(ana, 'message 2500', -1000);
    await stands(ana, 30);
    const before = await ana.page.evaluate(() => globalThis.pagesAsked);
    expect(before).toBeGreaterThan(0);
    await stands(ana, 30);
    expect(await ana.page.evaluate(() => globalThis.pagesAsked)).toBe(before);
    await ana.page.setViewportSize({ width: 1100, height: 760 });
    await toNewest(ana);
  });

  test('goes to the very top and back by Home and End', async () => {
    await scroller(ana).press('Home');
    await exact(ana, 'message 1').waitFor();
    expect(await rows(ana)).toBeLessThanOrEqual(ROWS_MAX);
    await toNewest(ana);
    await exact(ana, `message ${COUNT}`).waitFor();
  });

  test('stays where it is while older messages are loaded', async () => {
    await toNewest(ana);
    await wheelTo(ana, 'message 2850', -1000);
    // From now on, only loading moves rows: the place of a row is compared with how far the wheel turned.
    const jumps = await scroller(ana).evaluate(async (box) => {
      const frame = () => new Promise((done) => requestAnimationFrame(done));
      const first = () => Number(box.querySelector('.message').dataset.n);
      const watched = () => [...box.querySelectorAll('.message')].find((row) => row.getBoundingClientRect().top > 200);
      const wrong = [];
      let loads = 0;
      for (let turns = 0; loads < 3 && turns < 2000; turns += 1) {
        const row = watched();
        const [top, n] = [row.getBoundingClientRect().top, first()];
        const turn = Math.min(100, box.scrollTop); // it stands at the top while a page is slow to load
        box.scrollBy({ top: -turn, behavior: 'instant' });
        await frame();
        await frame();
        const moved = row.getBoundingClientRect().top - top;
        if (first() !== n) loads += 1;
        if (Math.abs(moved - turn) > 2) wrong.push([moved, turn]);
      }
      return { loads, wrong };
    });
    expect(jumps).toEqual({ loads: 3, wrong: [] });
  });
});

describe('jumps', () => {
  test('to the newest message, and back to where one was', async () => {
    await toNewest(ana);
    await wheelTo(ana, 'message 2700', -2000);
    const before = await ana.page.evaluate(() => {
      const { top } = document.querySelector('.scroller').getBoundingClientRect();
      return [...document.querySelectorAll('.message')].find((row) => row.getBoundingClientRect().bottom > top).dataset
        .n;
    });
    await ana.button(ana.words.thread.newest).click();
    await expect.poll(() => fromEnd(ana)).toBeLessThan(2);
    await exact(ana, `message ${COUNT}`).waitFor();
    await ana.button(ana.words.thread.back).click();
    await ana.page.waitForFunction((n) => {
      const { top, bottom } = document.querySelector('.scroller').getBoundingClientRect();
      const own = document.querySelector(`.message[data-n="${n}"]`)?.getBoundingClientRect();
      return own && own.bottom > top && own.top < bottom;
    }, before);
    expect(await ana.button(ana.words.thread.back).count()).toBe(0);
  });

  test('to a date, by a click on the day above the messages', async () => {
    await toNewest(ana);
    await ana.page.locator('.day-name').last().click();
    const day = new Date(Date.now() - 20 * 86_400_000);
    const two = (n) => String(n).padStart(2, '0');
    const date = `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
    await ana.page.getByLabel(ana.words.thread.toDate, { exact: true }).first().fill(date);
    await ana.button(ana.words.thread.toDateGo).click();
    const shown = await ana.page.waitForFunction((wanted) => {
      const { top } = document.querySelector('.scroller').getBoundingClientRect();
      const row = [...document.querySelectorAll('.message')].find((one) => one.getBoundingClientRect().top > top);
      const time = row?.querySelector('time')?.dateTime;
      return time && new Date(time).toDateString() === wanted ? time : null;
    }, day.toDateString());
    expect(new Date(await shown.jsonValue()).getHours()).toBe(0);
    expect(await ana.page.locator('.date-choice').count()).toBe(0);
  });
});

describe('what comes while one reads far up', () => {
  test('is counted, is not read, and moves nothing', async () => {
    await toNewest(ana);
    await wheelTo(ana, 'message 2801', -1500);
    const place = () => exact(ana, 'message 2801').evaluate((row) => row.getBoundingClientRect().top);
    const before = await place();
    for (const text of ['first news', 'second news', 'third news']) await bo.say(text);
    await ana.button('3 new messages').waitFor();
    expect(await place()).toBeCloseTo(before, 0);
    expect(await ana.page.locator('.contact .unread').textContent()).toContain('3');
    await ana.button('3 new messages').click();
    await ana.hears('third news');
    await expect.poll(() => ana.page.locator('.contact .unread').count()).toBe(0);
    await expect.poll(() => fromEnd(ana)).toBeLessThan(2);
  });

  test('a picture that loads keeps the newest line in view', async () => {
    await toNewest(ana);
    const picture = new URL('../../../web/page/icons/icon-512.png', import.meta.url).pathname;
    await bo.page.locator('.composer input[type=file]').first().setInputFiles([picture]);
    await ana.button(ana.words.files.acceptOf('icon-512.png')).click();
    const image = ana.page.locator('.picture img');
    await image.waitFor();
    await image.evaluate((one) => one.decode());
    await expect.poll(() => fromEnd(ana)).toBeLessThan(2);
    expect(await image.evaluate((one) => one.clientHeight)).toBeGreaterThan(50);
  });

  test('sending goes to the end', async () => {
    await toNewest(ana);
    await wheelTo(ana, 'message 2600', -1500);
    await ana.say('my own line');
    await expect.poll(() => inView(ana, 'my own line').catch(() => false)).toBe(true);
    await expect.poll(() => fromEnd(ana)).toBeLessThan(2);
  });
});
