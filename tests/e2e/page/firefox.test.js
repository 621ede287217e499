/** Firefox and Chromium, paired by an invite link: the main flow in another engine. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../../support/process.js';
import { startRelay } from '../../support/relay.js';
import { openPerson } from './person.js';

const executablePath = [process.env.PAIRLINK_FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'].find((path) => path && existsSync(path));
/** What drives it needs Node 20. */
const possible = executablePath && Number(process.versions.node.split('.')[0]) >= 20;

let relay;
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
});
afterAll(() => relay.stop());

test.skipIf(!possible)('messages go both ways, also after a reload', async () => {
  const { default: puppeteer } = await import('puppeteer-core');
  const ana = await openPerson(relay.http);
  const link = await ana.invite();
  const firefox = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true, userDataDir: tempDir('pairlink-firefox-') });
  try {
    const page = await firefox.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    const shows = (selector, text) =>
      page.waitForFunction((css, words) => [...document.querySelectorAll(css)].some((item) => item.textContent.includes(words)), {}, selector, text);
    await page.goto(link);
    await shows('.thread-who p', 'here now');
    expect(page.url()).toBe(`${relay.http}/`);
    await ana.say('to Firefox');
    await shows('.theirs .bubble', 'to Firefox');
    await ana.delivered('to Firefox');
    await page.type('.composer textarea', 'from Firefox');
    await page.keyboard.press('Enter');
    await ana.hears('from Firefox');
    await page.reload();
    await page.waitForSelector('.composer');
    await ana.say('after a reload');
    await shows('.theirs .bubble', 'after a reload');
    expect(await ana.thread()).toEqual(['> to Firefox', '< from Firefox', '> after a reload']);
    expect(errors).toEqual([]);
  } finally {
    await firefox.close();
    await ana.close();
  }
});
