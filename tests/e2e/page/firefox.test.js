/** Firefox and Chromium, paired by an invite link, a code and the camera: the main flow in another engine. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import encodeQR from 'qr';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../../support/process.js';
import { startRelay } from '../../support/relay.js';
import { fill } from './history.js';
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

const PICTURE = 'icon-512.png';
const PICTURE_PATH = fileURLToPath(new URL(`../../../web/page/icons/${PICTURE}`, import.meta.url));

/** Runs in the page: the width of a picture once it is shown, and 0 until then. */
function widthOf(css) {
  const img = document.querySelector(css);
  return img?.complete ? img.naturalWidth : 0;
}

test.skipIf(!possible)('messages and pictures go both ways, also after a reload', async () => {
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

    const { acceptOf, saved } = ana.words.files;
    await (await page.$('.composer input[type=file]')).uploadFile(PICTURE_PATH);
    await ana.button(acceptOf(PICTURE)).click();
    await ana.page.locator('.composer input[type=file]').first().setInputFiles(PICTURE_PATH);
    const accept = `.theirs button[aria-label="${acceptOf(PICTURE)}"]`;
    await page.waitForSelector(accept);
    await page.click(accept);
    await shows('.theirs .file', saved);
    for (const side of ['.mine', '.theirs']) {
      await page.waitForFunction(widthOf, {}, `${side} .picture img`);
      await ana.page.waitForFunction(widthOf, `${side} .picture img`);
    }
    await page.click('.theirs .picture');
    await page.waitForFunction(widthOf, {}, '.viewer-stage img');
    expect(await page.$eval('.viewer h2', (heading) => heading.textContent)).toBe(PICTURE);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('.viewer'));
    expect(await page.$eval('.theirs .picture', (one) => one === document.activeElement)).toBe(true);
    expect(errors).toEqual([]);
  } finally {
    await close();
    await ana.close();
  }
});

/** Runs in the page: its camera sees these modules of a QR code. */
function cameraThatSees(rows) {
  if (!navigator.mediaDevices) return; // about:blank has none
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 480;
    const pen = canvas.getContext('2d');
    const side = Math.floor(480 / (rows.length + 8));
    setInterval(() => {
      pen.fillStyle = '#fff';
      pen.fillRect(0, 0, 480, 480);
      pen.fillStyle = '#000';
      rows.forEach((row, y) =>
        row.forEach((dark, x) => dark && pen.fillRect((x + 4) * side, (y + 4) * side, side, side)),
      );
    }, 100);
    return canvas.captureStream(10);
  };
}

test.skipIf(!possible)('by the camera; a long thread is bounded, read to its start, and jumped through', async () => {
  const COUNT = 1200;
  const ana = await openPerson(relay.http);
  const link = await ana.invite();
  const { page, errors, shows, close } = await openFirefox();
  /** The numbers of the first and of the last row, how many there are, and how far the end is. */
  const rows = () =>
    page.evaluate(() => {
      const all = [...document.querySelectorAll('.message .bubble')].map((one) => one.textContent.split(',')[0]);
      const { scrollHeight, scrollTop, clientHeight } = document.querySelector('.scroller');
      return { first: all[0], last: all.at(-1), count: all.length, fromEnd: scrollHeight - scrollTop - clientHeight };
    });
  try {
    await page.evaluateOnNewDocument(cameraThatSees, encodeQR(link, 'raw', { ecc: 'medium', border: 0 }));
    await page.goto(relay.http);
    const scan = `.join button[aria-label="${ana.words.join.scan}"]`;
    await page.waitForSelector(scan);
    await page.click(scan);
    await shows('.thread-who p', 'online now');
    await ana.here();
    await page.evaluate(fill, { count: COUNT, minutes: 20 });
    await page.reload();
    await shows('.bubble', `message ${COUNT}`);
    await expect.poll(async () => (await rows()).fromEnd).toBeLessThan(2);
    expect((await rows()).count).toBeLessThanOrEqual(300);
    // As with the wheel: to the first row, which is not the first of all until it is.
    await page.evaluate(() => {
      const box = document.querySelector('.scroller');
      const up = () => {
        box.scrollBy({ top: -box.clientHeight, behavior: 'instant' });
        if (document.querySelector('.message .bubble').textContent !== 'message 1') requestAnimationFrame(up);
      };
      up();
    });
    await expect.poll(async () => (await rows()).first).toBe('message 1');
    expect((await rows()).count).toBeLessThanOrEqual(300);
    await page.focus('.scroller');
    await page.keyboard.press('End');
    await shows('.bubble', `message ${COUNT}`);
    await expect.poll(async () => (await rows()).fromEnd).toBeLessThan(2);
    await ana.say('at the end');
    await shows('.theirs .bubble', 'at the end');
    await expect.poll(async () => (await rows()).fromEnd).toBeLessThan(2);
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
