/** What a screen reader says of its own accord: each event once, and that one is connected. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { startRelay } from '../../support/relay.js';
import { openPair, openPerson } from './person.js';
import { watchSpoken } from './watch.js';

let relay;
let browser;
let open = [];
const keep = (one) => (open.push(one), one);

beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
  browser = await startChromium();
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
});
afterAll(() => Promise.all([browser.close(), relay.stop()]));

const heard = ({ page }) => page.evaluate(() => globalThis.spoken);
/** How often it was said, as a part of what was said. */
const count = async (who, text) => (await heard(who)).filter((line) => line.includes(text)).length;
const isSaid = (who, text) => expect.poll(() => count(who, text), { timeout: 15_000 }).toBeGreaterThan(0);

test('a conversation: connected, a message, a copy, a person who leaves; nothing is said twice', async () => {
  const { ana, bo } = keep(await openPair(relay.http, { browser, init: watchSpoken }));
  const s = ana.words;
  await isSaid(bo, s.spoken.connected('').trim());
  await isSaid(ana, s.spoken.connected('').trim());
  await ana.callThem('Bo');
  await bo.callThem('Ana');
  await bo.say('A first message');
  await ana.hears('A first message');
  await bo.delivered('A first message');
  await isSaid(ana, 'A first message');
  await ana.say('An answer');
  await bo.hears('An answer');
  await ana.delivered('An answer');
  await bo.say('And a second');
  await isSaid(ana, 'And a second');
  await ana.page.locator('.thread-head .button-icon').last().click();
  await ana.page.locator('.phrase').waitFor();
  for (const who of [ana, bo]) expect(await doubles(who)).toEqual([]); // the next pages start with nothing
  await ana.goTo({ screen: 'thread', contact: await ana.page.evaluate(() => history.state.place.contact) });
  await ana.here();
  await bo.page.goto('about:blank');
  await ana.page.locator('.thread-who p', { hasText: s.thread.away }).waitFor();
  await isSaid(ana, s.spoken.presence('Bo', s.thread.away));
  expect(await doubles(ana)).toEqual([]);
});

test('a file: each of its states once', async () => {
  const { ana, bo } = keep(await openPair(relay.http, { browser, init: watchSpoken }));
  await bo.page
    .locator('.composer input[type=file]')
    .first()
    .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('notes') });
  await ana.button(ana.words.files.acceptOf('notes.txt')).click();
  await ana.page.locator('[data-state=saved]').waitFor();
  await bo.page.locator('[data-state=saved]').waitFor();
  await isSaid(ana, 'notes.txt');
  await bo.say('That was the file');
  await isSaid(ana, 'That was the file');
  await ana.say('It is here');
  await isSaid(bo, 'It is here');
  for (const who of [ana, bo]) expect(await doubles(who)).toEqual([]);
});

test('a request is said once', async () => {
  const ana = keep(await openPerson(relay.http, { browser, init: watchSpoken }));
  const id = await ana.ownId();
  // The second comes after whatever is said of the first.
  for (let i = 0; i < 2; i += 1) {
    const cem = keep(await openPerson(relay.http, { browser, init: watchSpoken }));
    const tail = (await cem.ownId()).slice(-4);
    await cem.join(id);
    await isSaid(ana, ana.words.knock.arrived(tail));
  }
  expect(await doubles(ana)).toEqual([]);
});

/** Lines that were said more than once, or that a longer line contains. */
async function doubles(who) {
  const lines = (await heard(who)).filter((line) => line.length > 3);
  return lines.filter((line, at) => lines.some((other, place) => place !== at && other.includes(line)));
}
