/** Firefox and Chromium, paired by an invite link and by a code: the main flow in another engine. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../../support/process.js';
import { startRelay } from '../../support/relay.js';
import { openPerson } from './person.js';

const executablePath = [process.env.PAIRLINK_FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'].find(
  (path) => path && existsSync(path),
);
/** What drives it needs Node 20. */
const possible = executablePath && Number(process.versions.node.split('.')[0]) >= 20;

let relay;
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
});
afterAll(() => relay.stop());

/** A page of Firefox, with what tests look for in it. */
async function openFirefox() {
  const { default: puppeteer } = await import('puppeteer-core');
  const firefox = await puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    userDataDir: tempDir('pairlink-firefox-'),
  });
  const page = await firefox.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  const shows = (selector, text) =>
    page.waitForFunction(
      (css, words) => [...document.querySelectorAll(css)].some((item) => item.textContent.includes(words)),
      {},
      selector,
      text,
    );
  return { page, errors, shows, close: () => firefox.close() };
}

test.skipIf(!possible)('messages go both ways, also after a reload', async () => {
  const ana = await openPerson(relay.http);
  const link = await ana.invite();
  const { page, errors, shows, close } = await openFirefox();
  try {
    await page.goto(link);
    await shows('.thread-who p', 'online now');
    expect(page.url()).toBe(`${relay.http}/`);
    await ana.say('to Firefox');
    await shows('.theirs .bubble', 'to Firefox');
    await ana.delivered('to Firefox');
    await page.type('.composer textarea', 'from Firefox');
    await page.keyboard.press('Enter');
    await ana.hears('from Firefox');
    await shows('.message.mine[data-state="delivered"]', 'from Firefox'); // or the page asks whether to leave now
    await page.reload();
    await page.waitForSelector('.composer');
    await ana.say('after a reload');
    await shows('.theirs .bubble', 'after a reload');
    expect(await ana.thread()).toEqual(['> to Firefox', '< from Firefox', '> after a reload']);
    expect(errors).toEqual([]);
  } finally {
    await close();
    await ana.close();
  }
});

test.skipIf(!possible)('by code, in the other direction', async () => {
  const ana = await openPerson(relay.http);
  const { page, errors, shows, close } = await openFirefox();
  try {
    await page.goto(relay.http);
    await page.waitForSelector('.way .button-main:not([disabled])');
    await page.click('.way .button-main');
    await page.waitForSelector('.code-whole');
    await ana.join(await page.$eval('.code-whole', (element) => element.textContent));
    await ana.here();
    await shows('.thread-who p', 'online now');
    await ana.say('by code');
    await shows('.theirs .bubble', 'by code');
    expect(errors).toEqual([]);
  } finally {
    await close();
    await ana.close();
  }
});
