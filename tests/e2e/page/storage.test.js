/** What is kept in this browser: seen, asked to be kept, saved as a file, removed, and deleted with one answer. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { SHORT_TIMERS } from '../../support/relay.js';
import { setStage } from './stage.js';
import { watchSpoken } from './watch.js';

const stage = setStage({ relayArgs: SHORT_TIMERS });

/** Counts how often the page asks the browser to keep its data. */
const countAsking = () => {
  globalThis.asked = 0;
  navigator.storage.persist = async () => {
    globalThis.asked += 1;
    return false;
  };
  navigator.storage.persisted = async () => false;
};
const heard = ({ page }) => page.evaluate(() => globalThis.spoken);
const asked = ({ page }) => page.evaluate(() => globalThis.asked);

test('storage: asked once for keeping, after the first message; files are counted and removed', async () => {
  const { ana, bo } = await stage.pair({ init: countAsking });
  await ana.callThem('Bo');
  await ana.say('something to keep');
  await bo.hears('something to keep');
  expect(await asked(ana)).toBe(1);
  expect(await asked(bo), 'not without an action of the person').toBe(0);
  await ana.page.reload();
  await ana.here();
  await ana.say('more');
  await ana.delivered('more');
  expect(await asked(ana), 'never twice, and not at load').toBe(0);

  await bo.page
    .locator('.composer input[type=file]')
    .first()
    .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.alloc(50_000, 'x') });
  await ana.button('Accept notes.txt').click();
  await ana.page.getByText(ana.words.files.saved).first().waitFor();

  await ana.goTo({ screen: 'storage' });
  await ana.page.getByText('3 messages and 1 file (50 kB)').waitFor();
  await ana.page.getByText('Your browser may delete all this').waitFor();
  expect(await ana.axe()).toEqual([]);
  await ana.button('Remove files received more than 30 days ago…').click();
  await ana.page.getByText('Nothing to remove.').waitFor();
  await ana.button('Remove files received from Bo…').click();
  await ana.page.getByText('Remove 1 received file or folder (50 kB) from this browser?').waitFor();
  await ana.button('Remove').click();
  await ana.page.getByText('There are no files here.').waitFor();
  await ana.page.locator('.contact').first().click();
  await ana.page.getByText(ana.words.files.removed).first().waitFor();
});

test('a conversation is saved as JSON and as HTML that runs nothing', async () => {
  const { ana, bo } = await stage.pair();
  await ana.callThem('Bo');
  const nasty = '<script>alert(1)</script> "quoted" & more';
  await bo.say(nasty);
  await ana.hears('quoted');
  await ana.say('مرحبا');
  await ana.delivered('مرحبا');
  await ana.page.locator('.thread-head .button-icon').last().click();
  const saved = async (name) => {
    const [file] = await Promise.all([ana.page.waitForEvent('download'), ana.button(name).click()]);
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') };
  };
  const json = await saved('Save for programs (JSON)');
  expect(json.name).toMatch(/^Bo \d{4}-\d\d-\d\d\.json$/);
  const { format, version, contact, messages } = JSON.parse(json.text);
  expect([format, version, contact.name, contact.id.length]).toEqual(['pairlink-conversation', 1, 'Bo', 54]);
  expect(messages.map(({ from, kind, text, state }) => [from, kind, text, state])).toEqual([
    ['contact', 'text', nasty, 'received'],
    ['me', 'text', 'مرحبا', 'delivered'],
  ]);
  expect(messages[0].at).toBe(new Date(messages[0].at).toISOString());
  const html = await saved('Save for reading (HTML)');
  expect(html.text).not.toMatch(/<script/i);
  const reader = await ana.newTab();
  await reader.page.goto('about:blank');
  await reader.page.setContent(html.text);
  expect(await reader.page.locator('li p').allTextContents()).toEqual([nasty, 'مرحبا']);
  expect(await reader.page.getByText('مرحبا').evaluate((element) => getComputedStyle(element).direction)).toBe('rtl');
});

const withoutBoth = () => {
  delete globalThis.SharedWorker;
  delete Navigator.prototype.locks;
};
/** Runs in the worker of the engine: from now on its database takes no more, or takes it again. */
const setFull = (full) => {
  const { prototype } = IDBDatabase;
  prototype.reallyOpen ??= prototype.transaction;
  prototype.transaction = function (names, mode, options) {
    if (full && mode === 'readwrite') throw new DOMException('no room', 'QuotaExceededError');
    return this.reallyOpen(names, mode, options);
  };
};

test('out of space: what cannot be kept says so, is not done, and works once there is room', async () => {
  const { ana, bo } = await stage.pair({ init: [watchSpoken, withoutBoth] });
  await ana.callThem('Bo');
  const full = (is) => Promise.all(ana.page.workers().map((worker) => worker.evaluate(setFull, is)));
  const words = 'This couldn’t be saved. Your browser may be out of space.';
  const notice = ana.page.locator('.banners').getByText(words);
  const said = async () => (await heard(ana)).filter((line) => line === words).length;
  /** Stands there until it was read. */
  const isSaid = async () => {
    await notice.waitFor();
    await ana.button('OK').click();
    await notice.waitFor({ state: 'detached' });
  };
  const field = ana.page.locator('.composer textarea');
  const read = ana.page.getByLabel('Show what I’ve read');

  await full(true);
  await ana.say('a text without room');
  const row = ana.page.locator('.message[data-state=failed]', { hasText: 'a text without room' });
  await row.waitFor(); // it says so itself
  expect([await field.inputValue(), await notice.count()]).toEqual(['', 0]);
  await ana.button('About Bo').click();
  await ana.button('They match').click();
  await isSaid();
  await expect.poll(said).toBe(1);
  await ana.button('Block').click();
  await isSaid();
  await ana.button('Block').waitFor();
  expect(await ana.page.getByText('You compared it').count()).toBe(0);
  await full(false);
  await ana.goTo({ screen: 'settings' });
  await full(true);
  await read.click();
  await isSaid();
  expect(await read.isChecked()).toBe(true);

  await full(false);
  await ana.page.locator('.contact').click();
  await ana.here();
  await ana.button('Try again', row).click();
  await bo.hears('a text without room');
  await ana.delivered('a text without room');
  expect(await bo.thread()).toEqual(['< a text without room']);
  expect(ana.errors).toEqual([]);
});

test.each([
  ['one engine for all tabs', undefined],
  ['an engine in each tab', withoutBoth],
])('delete everything, with several tabs: %s', async (_, init) => {
  const { ana, bo } = await stage.pair({ init });
  await ana.say('a secret');
  await bo.hears('a secret');
  const id = await ana.ownId();
  const second = await ana.newTab();
  await ana.goTo({ screen: 'storage' });
  await ana.button('Delete everything here…').click();
  await ana.button('Cancel').click();
  await ana.button('Delete everything here…').click();
  await ana.page.evaluate(() => localStorage.setItem('language', 'en'));
  await ana.button('Delete everything').click();
  for (const tab of [ana, second]) {
    await tab.page.locator('.app-first').waitFor();
    await tab.page.getByRole('heading', { level: 1 }).first().waitFor();
  }
  expect(await ana.page.evaluate(() => localStorage.getItem('language'))).toBe(null);
  expect(await ana.page.evaluate(stored)).toEqual({ contacts: 0, messages: 0, files: 0 });
  const fresh = await ana.ownId();
  expect(fresh).not.toBe(id);
  expect(await second.ownId()).toBe(fresh);
  expect(await ana.page.locator('.contact').count()).toBe(0);
});

/** Runs in the page. */
async function stored() {
  const ended = (request) => new Promise((ok) => (request.onsuccess = () => ok(request.result)));
  const db = await ended(indexedDB.open('pairlink'));
  const count = (name) => ended(db.transaction(name).objectStore(name).count());
  const counts = { contacts: await count('contacts'), messages: await count('messages'), files: await count('files') };
  db.close();
  return counts;
}
