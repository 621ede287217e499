/** Nobody is called absent while it is the relay that says nothing. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { startProxy } from '../../support/proxy.js';
import { startRelay } from '../../support/relay.js';
import { openPair, openPerson } from './person.js';

const SHORT = ['OPEN_TIMEOUT_MS=500', 'PING_INTERVAL_MS=1000', 'DEAD_AFTER_MS=9000'];

let browser;
let relay;
let proxy;
let open = [];
const keep = (one) => (open.push(one), one);
beforeAll(async () => {
  browser = await startChromium();
  relay = await startRelay({ args: SHORT.flatMap((limit) => ['--limit', limit]) });
  proxy = await startProxy(relay.port, { record: false });
});
afterEach(async () => {
  process.kill(relay.pid, 'SIGCONT');
  proxy.resume();
  await Promise.all(open.map((one) => one.close()));
  open = [];
});
afterAll(async () => {
  await proxy.stop();
  await relay.stop();
  await browser.close();
});

/** Notes everything that the page says from now on. Returns a function that reads it. */
async function listen({ page }) {
  await page.evaluate(() => {
    globalThis.said = new Set();
    const note = () => {
      for (const one of document.querySelectorAll('.thread-who p, .contact, .meta-state, .empty, .banner'))
        globalThis.said.add(one.textContent);
    };
    note();
    new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  return () => page.evaluate(() => [...globalThis.said]);
}

test.each([
  ['a stopped relay', () => process.kill(relay.pid, 'SIGSTOP'), () => process.kill(relay.pid, 'SIGCONT')],
  ['a network that swallows everything', () => proxy.stall(), () => proxy.resume()],
])('%s never makes a person offline, and all is well when it is over', async (_, hang, goOn) => {
  const { ana, bo, close } = keep(await openPair(proxy.http, { browser }));
  void close;
  await ana.callThem('Bo');
  const said = await listen(ana);
  hang();
  await ana.say('while nobody answers');
  await ana.page.locator('.banner', { hasText: ana.words.connection.checking }).waitFor();
  await ana.page.locator('.thread-who p', { hasText: ana.words.thread.checking }).waitFor();
  await ana.page.locator('.banner', { hasText: ana.words.connection.lost }).waitFor();
  const back = ana.page.getByText(ana.words.connection.back).waitFor(); // it is shown for a few seconds only
  back.catch(() => {}); // if something else fails first
  goOn();
  await bo.hears('while nobody answers');
  await ana.delivered('while nobody answers');
  await ana.here();
  await back;
  const all = await said();
  expect(all.filter((text) => /not online|isn’t online|both online|is offline/.test(text))).toEqual([]);
  const inList = ana.page.locator('.contact', { hasText: 'Bo' }).getByText(ana.words.list.here, { exact: true });
  await inList.waitFor();
  await bo.close();
  await ana.page.locator('.thread-who p', { hasText: ana.words.thread.away }).waitFor();
  expect(await inList.count()).toBe(0);
});

test('a request by ID that waits says that it was asked, and not that anybody is offline', async () => {
  const [ana, bo] = await Promise.all([openPerson(relay.http, { browser }), openPerson(relay.http, { browser })]);
  keep(ana);
  const id = await bo.ownId();
  await bo.close();
  await ana.join(id);
  await ana.page.locator('.thread-who p', { hasText: ana.words.thread.asked }).waitFor();
  const said = await listen(ana);
  await ana.say('hello');
  await ana.page.locator('.meta-state', { hasText: ana.words.message.waitingAnswer }).waitFor();
  expect((await said()).filter((text) => /online/.test(text))).toEqual([]);
});
