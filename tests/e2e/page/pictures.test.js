/** Pictures: small in the thread of both sides, in full size by click and keys, and gone when they are removed. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { SHORT_TIMERS, startRelay } from '../../support/relay.js';
import { openPair, openPerson } from './person.js';

let relay;
let browser;
let open = [];
const keep = (one) => (open.push(one), one);
beforeAll(async () => {
  relay = await startRelay({ args: SHORT_TIMERS });
  browser = await startChromium();
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
});
afterAll(() => Promise.all([browser.close(), relay.stop()]));

const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');
const png = (name) => ({
  name,
  mimeType: 'image/png',
  buffer: readFileSync(new URL('../../../web/page/icons/icon-512.png', import.meta.url)),
});
/** An uncompressed picture. */
function bmp(name, width, height) {
  const bytes = Buffer.alloc(54 + width * height * 3, 0x90).fill(0, 0, 54);
  bytes.write('BM');
  bytes.writeUInt32LE(bytes.length, 2);
  [54, 40, width, height].forEach((value, index) => bytes.writeUInt32LE(value, 10 + 4 * index));
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return { name, mimeType: 'image/bmp', buffer: bytes };
}
/** Says that it has 2,500 million pixels. */
function bomb(name) {
  const { buffer, ...file } = png(name);
  const bytes = Buffer.from(buffer);
  bytes.writeUInt32BE(50_000, 16);
  bytes.writeUInt32BE(50_000, 20);
  return { ...file, buffer: bytes };
}

const attach = ({ page }, ...files) => page.locator('.composer input[type=file]').first().setInputFiles(files);
const card = ({ page }, title) => page.getByRole('article', { name: title, exact: true });
const accept = (tab, title) => tab.button(tab.words.files.acceptOf(title)).click();
const picture = (tab, name) => tab.button(tab.words.picture.open(name));
const isShown = (tab, name) =>
  picture(tab, name)
    .locator('img')
    .evaluate((img) => img.decode().then(() => `${img.naturalWidth} × ${img.naturalHeight}`));
const isFocused = (locator) =>
  expect.poll(() => locator.evaluate((element) => element === document.activeElement)).toBe(true);
const heading = ({ page }) => page.locator('.viewer h2');
const full = ({ page }) => page.locator('.viewer-stage img');

/** Moves a finger across the picture, so far to the right. */
async function swipe({ page }, to) {
  const cdp = await page.context().newCDPSession(page);
  const touch = (type, x) =>
    cdp.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y: 300 }] });
  await touch('touchStart', 400);
  await touch('touchMove', 400 + to);
  await touch('touchEnd', 400 + to);
  await cdp.detach();
}

/** Chooses in the menu of the message with a card. */
async function choose(tab, title, ...items) {
  const row = tab.page.locator('.message', { has: card(tab, title) });
  await row.hover();
  await row.locator('.message-more').click();
  for (const item of items) await tab.page.locator('.menu').getByText(item, { exact: true }).click();
}
/** How many entries a store of the database has. */
const count = ({ page }, store) =>
  page.evaluate(async (name) => {
    const ended = (request) => new Promise((ok) => (request.onsuccess = () => ok(request.result)));
    const db = await ended(indexedDB.open('pairlink'));
    const found = await ended(db.transaction(name).objectStore(name).count());
    db.close();
    return found;
  }, store);

/** Notes how high the first picture is when it appears, before it is loaded. */
const noteRoom = () =>
  new MutationObserver(() => {
    const button = document.querySelector('.picture');
    if (button && globalThis.room === undefined)
      globalThis.room = { height: button.clientHeight, loaded: button.querySelector('img') !== null };
  }).observe(document, { childList: true, subtree: true });

test('a picture: small on both sides, also after a reload; in full size by click and keys; removed', async () => {
  const { ana, bo } = keep(await openPair(relay.http, { browser, init: noteRoom }));
  const s = ana.words;
  await attach(ana, png('dot.png'));
  expect(await isShown(ana, 'dot.png'), 'of the sender, before it is accepted').toBe('512 × 512');
  await card(bo, 'dot.png').waitFor();
  expect(await bo.page.locator('.picture').count()).toBe(0);
  await accept(bo, 'dot.png');
  expect(await isShown(bo, 'dot.png')).toBe('512 × 512');
  await card(ana, 'dot.png').getByText(s.files.delivered).waitFor();
  await expect.poll(() => count(ana, 'sources'), 'the sender’s copy is gone').toBe(0);

  for (const who of [ana, bo]) {
    await who.page.reload();
    expect(await isShown(who, 'dot.png')).toBe('512 × 512');
    const { height, loaded } = await who.page.evaluate(() => globalThis.room);
    expect([height, loaded]).toEqual([await picture(who, 'dot.png').evaluate((one) => one.clientHeight), false]);
    const away = () => who.page.locator('.scroller').evaluate((b) => b.scrollHeight - b.scrollTop - b.clientHeight);
    await expect.poll(away).toBeLessThan(2);
  }

  await picture(ana, 'dot.png').click();
  await ana.page.getByText(s.picture.small).waitFor();
  expect(await heading(ana).textContent()).toBe('dot.png');
  expect(await ana.button(s.files.saveOf('dot.png'), ana.page.locator('.viewer')).count()).toBe(0);
  await ana.page.keyboard.press('Escape');
  await isFocused(picture(ana, 'dot.png'));

  await ana.here();
  await attach(bo, bmp('wide.bmp', 900, 300), bmp('high.bmp', 200, 900));
  await accept(ana, 'wide.bmp and 1 more');
  await card(ana, 'wide.bmp and 1 more').getByText(s.files.saved).waitFor();
  for (const who of [ana, bo]) {
    expect(await isShown(who, 'wide.bmp')).toBe('640 × 213');
    expect(await isShown(who, 'high.bmp')).toBe('142 × 640');
  }
  await picture(ana, 'wide.bmp').focus();
  await ana.page.keyboard.press('Enter');
  await ana.page.getByText(s.picture.place(2, 3)).waitFor();
  await expect.poll(() => full(ana).evaluate((img) => img.naturalWidth)).toBe(900);
  expect(await ana.axe()).toEqual([]);
  const [download] = await Promise.all([
    ana.page.waitForEvent('download'),
    ana.button(s.files.saveOf('wide.bmp'), ana.page.locator('.viewer')).click(),
  ]);
  expect(sha(readFileSync(await download.path()))).toBe(sha(bmp('', 900, 300).buffer));
  await ana.page.keyboard.press('ArrowRight');
  await ana.page.getByText(s.picture.place(3, 3)).waitFor();
  await ana.page.keyboard.press('ArrowRight');
  await expect.poll(() => heading(ana).textContent()).toBe('high.bmp');
  await ana.page.reload();
  await expect.poll(() => heading(ana).textContent(), 'still open').toBe('high.bmp');
  await ana.page.goBack();
  await ana.page.locator('.viewer').waitFor({ state: 'detached' });
  await isFocused(picture(ana, 'high.bmp'));

  await choose(ana, 'wide.bmp and 1 more', s.files.removeHere, s.files.remove);
  await card(ana, 'wide.bmp and 1 more').getByText(s.files.removed).waitFor();
  expect(await ana.page.locator('.picture').count()).toBe(1);
  await choose(ana, 'dot.png', s.talk.deleteHere, s.talk.deleteYes);
  await card(ana, 'dot.png').waitFor({ state: 'detached' });
  expect([await count(ana, 'thumbs'), await count(bo, 'thumbs')]).toEqual([0, 3]);
  expect([...ana.errors, ...bo.errors]).toEqual([]);
});

test('on touch, a swipe leads to the next picture and back', async () => {
  const { ana } = keep(await openPair(relay.http, { browser, context: { hasTouch: true } }));
  await attach(ana, bmp('wide.bmp', 900, 300), bmp('high.bmp', 200, 900));
  await picture(ana, 'wide.bmp').tap();
  for (const [to, name] of [
    [-150, 'high.bmp'],
    [+150, 'wide.bmp'],
  ]) {
    await full(ana).waitFor();
    await swipe(ana, to);
    await expect.poll(() => heading(ana).textContent()).toBe(name);
  }
});

test('several offers have one answer; a picture that claims too many pixels is a file like any other', async () => {
  const { ana, bo } = keep(await openPair(relay.http, { browser }));
  const s = bo.words;
  for (const file of [bomb('bomb.png'), png('good.png')]) await attach(ana, file);
  await bo.page.locator('.offers').getByText('2 files').waitFor();
  await bo.button(s.files.acceptAll).focus();
  await bo.page.keyboard.press('Enter');
  for (const name of ['bomb.png', 'good.png']) await card(bo, name).getByText(s.files.saved).waitFor();
  for (const who of [ana, bo]) {
    expect(await isShown(who, 'good.png')).toBe('512 × 512');
    expect(await who.page.locator('.picture').count()).toBe(1);
    expect(await count(who, 'thumbs')).toBe(1);
  }
  await expect.poll(() => bo.page.locator('.offers').count()).toBe(0);
  await isFocused(bo.page.locator('.composer textarea'));
  await bo.page.locator('.thread-head .button-icon').last().click();
  await bo.button(s.contact.forget).click();
  await bo.button(s.contact.forgetYes).click();
  await expect.poll(() => count(bo, 'thumbs')).toBe(0);
  expect([...ana.errors, ...bo.errors]).toEqual([]);
});

test('what was kept before there were thumbnails is still there, and gets them', async () => {
  const friend = keep(await openPerson(relay.http, { browser }));
  const id = await friend.ownId();
  const old = keep(await openPerson(`${relay.http}/manifest.webmanifest`, { browser, wait: false }));
  await old.page.evaluate(versionThree, { contact: id, bytes: [...png('').buffer] });
  await old.open(relay.http);
  await old.page.locator('.contact', { hasText: 'Old friend' }).click();
  await old.hears('written long ago');
  expect(await isShown(old, 'old.png')).toBe('512 × 512');
  await picture(old, 'old.png').click();
  expect(await full(old).evaluate((img) => img.naturalWidth)).toBe(512);
  await old.page.keyboard.press('Escape');
  await old.page.reload();
  expect(await isShown(old, 'old.png')).toBe('512 × 512');
  await expect.poll(() => count(old, 'thumbs')).toBe(1);
});

/** Runs in the page: makes a database of version 3, with a contact, a text and a received picture. */
async function versionThree({ contact, bytes }) {
  const request = indexedDB.open('pairlink', 3);
  request.onupgradeneeded = () => {
    const db = request.result;
    for (const name of ['identity', 'settings', 'pieces', 'sources', 'gone']) db.createObjectStore(name);
    for (const name of ['contacts', 'knocks', 'decisions']) db.createObjectStore(name, { keyPath: 'id' });
    for (const name of ['invites', 'spent']) db.createObjectStore(name, { keyPath: 'secret' });
    const messages = db.createObjectStore('messages', { keyPath: 'n', autoIncrement: true });
    messages.createIndex('contact', ['contact', 'n']);
    messages.createIndex('id', ['contact', 'mine', 'id'], { unique: true });
    messages.createIndex('pending', ['pending', 'n']);
    const files = db.createObjectStore('files', { keyPath: 'key' });
    files.createIndex('open', 'open');
    files.createIndex('card', ['card', 'n']);
  };
  await new Promise((ok) => (request.onsuccess = ok));
  const db = request.result;
  const transaction = db.transaction([...db.objectStoreNames], 'readwrite');
  const put = (store, value, key) => transaction.objectStore(store).put(value, key);
  put('identity', crypto.getRandomValues(new Uint8Array(32)), 'seed');
  const at = Date.now();
  put('contacts', {
    id: contact,
    how: 'code',
    name: 'Old friend',
    hint: '',
    createdAt: at,
    pairedAt: at,
    unread: 0,
    blocked: false,
  });
  const about = { contact, mine: 0, at };
  put('messages', { ...about, n: 1, id: '01', kind: 'text', text: 'written long ago', state: 'received' });
  const file = { name: 'old.png', size: bytes.length, type: 'image/png', count: 1, folder: false, group: '' };
  put('messages', {
    ...about,
    n: 2,
    id: '02',
    kind: 'file',
    text: 'old.png',
    state: 'saved',
    file,
    saved: 1,
    failed: 0,
  });
  const key = `${contact}:0:02`;
  const record = { key, contact, mine: 0, id: '02', card: 2, path: 'old.png', size: bytes.length, flags: 0, n: 0 };
  put('files', { ...record, type: 'image/png', state: 'saved', why: 0 });
  put('pieces', new Blob([new Uint8Array(bytes)]), [key, 0, bytes.length]);
  await new Promise((ok) => (transaction.oncomplete = ok));
  db.close();
}
