/** Finding contacts and messages again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { SHORT_TIMERS, startRelay } from '../../support/relay.js';
import { openPair, openPerson } from './person.js';

let relay;
let browser;
let pair;
let ana;
let page;
beforeAll(async () => {
  relay = await startRelay({ args: SHORT_TIMERS });
  browser = await startChromium();
  pair = await openPair(relay.http, { browser });
  ({ ana } = pair);
  ({ page } = ana);
  await ana.callThem('José Núñez');
  for (const text of ['The garden plan is ready', '<b>bold</b> & "quoted" (a+)+$', 'مُحَمَّد وصل']) {
    await pair.bo.say(text);
    await ana.hears(text);
  }
  await ana.say('Where is the Straße of the garden?');
  await ana.delivered('Straße');
});
afterAll(async () => {
  await Promise.all([pair?.close(), browser?.close()]);
  await relay.stop();
});

const field = () => page.getByRole('searchbox', { name: 'Search contacts and messages' });
const hits = () => page.locator('.hit');
const marks = () => page.locator('.hit mark').allTextContents();
async function search(text) {
  await field().fill(text);
  await page.locator('.results[aria-busy=false]').waitFor();
}

test('contacts by name, without accents; messages newest first, with the match marked', async () => {
  await search('jose nunez');
  await page.locator('.results .contact', { hasText: 'José Núñez' }).waitFor();
  await search('GARDEN');
  expect(await hits().count()).toBe(2);
  await page.getByText('2 messages', { exact: true }).waitFor();
  expect(await marks()).toEqual(['garden', 'garden']);
  expect(await hits().first().textContent()).toContain('You: Where is the Straße');
  await search('strasse');
  expect(await marks()).toEqual(['Straße']);
  await search('محمد');
  expect(await marks()).toEqual(['مُحَمَّد']);
  expect(await ana.axe()).toEqual([]);
});

test('any query is plain text', async () => {
  for (const query of ['<b>bold', '(a+)+$', '& "quoted"']) {
    await search(query);
    expect(await hits().count(), query).toBe(1);
  }
  expect(await page.locator('.results b').count()).toBe(0);
  for (const query of ['.*', '[', '\\', '%']) {
    await search(query);
    await page.getByText('Nothing found.').waitFor();
  }
});

test('by keyboard: Ctrl+K and / go to the field, Enter opens the first result, Escape clears', async () => {
  await page.locator('.composer textarea').focus();
  await page.keyboard.type('a/b');
  expect(await page.locator('.composer textarea').inputValue()).toBe('a/b');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('garden plan');
  expect(await field().inputValue()).toBe('garden plan');
  await hits().first().waitFor();
  await page.keyboard.press('Escape');
  expect(await field().inputValue()).toBe('');
  await page.locator('.contacts:not(.results) .contact').first().waitFor();
  await page.locator('.thread-head button').last().focus();
  await page.keyboard.press('/');
  await page.keyboard.type('garden plan');
  await hits().first().waitFor();
  await page.locator('.results[aria-busy=false]').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.thread').waitFor();
  await page.locator('.composer textarea').fill('');
  await field().fill('');
});

test('a long history: in pages, only one conversation, and names of files', async () => {
  const cem = await openPerson(await ana.invite(), { browser });
  await Promise.all([ana.here(), cem.here()]);
  await page.evaluate(fill, 5000);
  await search('needle');
  await page.getByText('1 message', { exact: true }).waitFor();
  await search('filler');
  expect(await hits().count()).toBe(30);
  await ana.button('Show more').click();
  await hits().nth(59).waitFor();
  await search('photo jpg');
  expect(await marks()).toEqual(['photo', 'jpg']);
  await search('boat');
  expect(await hits().allTextContents()).toEqual([expect.stringContaining('Trip/by boat.jpg')]); // in the folder
  await search('photo jpg');
  await page.getByLabel('Only with Friend').check();
  await page.getByText('Nothing found.').waitFor();
  await page.getByLabel('Only with Friend').uncheck();
  await search('needle');
  await hits().first().click();
  await ana.bubble('theirs', 'a Needle in the hay').waitFor(); // one of the oldest
  await page.getByRole('heading', { name: 'José Núñez', level: 1 }).waitFor();
  await page.getByLabel('Only with José Núñez').check();
  await hits().first().waitFor();
  await cem.close();
  expect([...ana.errors, ...pair.bo.errors]).toEqual([]);
});

/** Runs in the page: many old messages with the first contact, one with a needle, and a gap where some were deleted. */
async function fill(count) {
  const ended = (request) => new Promise((ok) => (request.onsuccess = () => ok(request.result)));
  const db = await ended(indexedDB.open('pairlink'));
  const contacts = await ended(db.transaction('contacts').objectStore('contacts').getAll());
  const contact = contacts.find(({ name }) => name.startsWith('José')).id;
  const transaction = db.transaction(['messages', 'files'], 'readwrite');
  const messages = transaction.objectStore('messages');
  for (let n = 0; n < count; n += 1) {
    const text = n === 7 ? 'a Needle in the hay' : `filler ${n}`;
    messages.put({ n: 10_000 + n, contact, mine: 0, id: `${n}`, kind: 'text', text, at: n + 1, state: 'received' });
  }
  const file = { name: 'holiday-photo.jpg', size: 1, type: 'image/jpeg', count: 1, folder: false, group: '' };
  messages.put({ n: 15_000, contact, mine: 1, id: 'f', kind: 'file', text: file.name, at: 1, state: 'over', file });
  const folder = { ...file, name: 'Trip', count: 2, folder: true, group: 'g' };
  messages.put({
    n: 15_001,
    contact,
    mine: 1,
    id: 'g',
    kind: 'file',
    text: 'Trip',
    at: 1,
    state: 'over',
    file: folder,
  });
  for (const [n, path] of ['Trip/on foot.jpg', 'Trip/by boat.jpg'].entries()) {
    const one = { key: path, contact, mine: 1, id: path, card: 15_001, path, size: 1, flags: 0, type: '', n };
    transaction.objectStore('files').put({ ...one, state: 'over', why: 1 });
  }
  messages.delete(IDBKeyRange.bound(11_000, 14_000));
  await new Promise((ok, fail) => {
    transaction.oncomplete = ok;
    transaction.onabort = () => fail(transaction.error);
  });
  db.close();
}
