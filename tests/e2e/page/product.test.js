/**
 * The page as a program: works without a network, is installed, takes what is shared, notifies, and asks before it is
 * closed.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startRelay } from '../../support/relay.js';
import { openPair, openPerson } from './person.js';

let relay;
let open = [];
const keep = (one) => (open.push(one), one);
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
});
afterAll(() => relay.stop());

const offlineReady = ({ page }) => page.waitForFunction(() => navigator.serviceWorker.controller !== null);
const allScripts = () =>
  readdirSync(new URL('../../../web/dist/assets', import.meta.url))
    .filter((name) => name.endsWith('.js'))
    .sort();
const keptScripts = ({ page }) =>
  page.evaluate(async () => {
    const [name] = await caches.keys();
    const kept = await (await caches.open(name)).keys();
    const names = kept.map(({ url }) => url.split('/').at(-1));
    return names.filter((one) => /-[A-Z0-9]{8}\.js$/.test(one)).sort();
  });
/** A place of the page, as if one had gone there. */
const goTo = async ({ page }, place) => {
  await page.evaluate((one) => history.replaceState({ place: one, depth: 0 }, ''), place);
  await page.reload();
  await page.locator('.app').waitFor();
};

/** The relay's port, with a service worker of another version once that is set: what a newer server would serve. */
async function startFront({ port }) {
  const front = { serviceWorker: null };
  const server = net.createServer((client) => {
    client.on('error', () => {});
    client.once('data', (head) => {
      if (front.serviceWorker && head.toString('latin1').startsWith('GET /sw.js ')) {
        const body = Buffer.from(front.serviceWorker);
        return client.end(
          Buffer.concat([
            Buffer.from(
              `HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
            ),
            body,
          ]),
        );
      }
      const behind = net.connect(port, '127.0.0.1');
      behind.on('error', () => client.destroy());
      behind.write(head);
      return client.pipe(behind).pipe(client);
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return Object.assign(front, { http: `http://127.0.0.1:${server.address().port}`, close: () => server.close() });
}

describe('without a network', () => {
  test('the page opens, shows contacts, and queues what is written until the server is back', async () => {
    const own = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
    const { ana, bo } = keep(await openPair(own.http));
    await ana.callThem('Bo');
    await offlineReady(ana);
    await expect.poll(() => keptScripts(ana), { timeout: 30_000 }).toEqual(allScripts()); // the rest comes later
    await own.kill9();
    await ana.page.reload();
    await ana.page.getByRole('heading', { name: 'Bo', level: 1 }).waitFor();
    await ana.say('written without a network');
    await ana.page.getByText('Sends when you’re back online').waitFor();
    await ana.page.getByText('Can’t reach the server. What you write waits on this device.').waitFor();
    await own.restart();
    await ana.delivered('written without a network');
    await bo.hears('written without a network');
    await own.stop();
  });

  test('on plain HTTP there is no service worker, and nothing is missed', async () => {
    const ana = keep(
      await openPerson(`http://lan.example:${relay.port}/`, {
        args: ['--host-resolver-rules=MAP lan.example 127.0.0.1'],
      }),
    );
    expect(await ana.page.evaluate(() => 'serviceWorker' in navigator)).toBe(false);
    expect(ana.errors.filter((text) => !text.includes('Cross-Origin-Opener-Policy'))).toEqual([]);
  });

  test('a newer version is offered, and used in all tabs at once when the person says so', async () => {
    const front = keep(await startFront(relay));
    const { ana, bo } = keep(await openPair(front.http));
    await offlineReady(ana);
    const second = await ana.newTab();
    const old = await ana.page.evaluate(() => caches.keys());
    const served = await (await fetch(`${relay.http}/sw.js`)).text();
    front.serviceWorker = served.replace(/pairlink-page-[0-9a-f]{16}/g, 'pairlink-page-ffffffffffffffff');
    await ana.page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
    await second.page.getByText('A new version of this page is ready.').waitFor();
    await Promise.all([
      ana.page.waitForEvent('load'),
      second.page.waitForEvent('load'),
      second.page.getByRole('button', { name: 'Update now' }).click(),
    ]);
    await ana.here();
    await expect
      .poll(() => ana.page.evaluate(() => caches.keys()), { timeout: 15_000 })
      .toEqual(['pairlink-page-ffffffffffffffff']);
    expect(old).not.toContain('pairlink-page-ffffffffffffffff');
    await ana.say('from the newer version');
    await bo.hears('from the newer version');
  });
});

describe('installed', () => {
  test('the manifest has what browsers ask for, and all it names is there', async () => {
    const manifest = await (await fetch(`${relay.http}/manifest.webmanifest`)).json();
    expect(manifest).toMatchObject({ name: 'Pairlink', start_url: '/', display: 'standalone' });
    expect(manifest.icons.map(({ sizes, purpose }) => `${sizes} ${purpose}`)).toEqual([
      'any any',
      '192x192 any',
      '512x512 any',
      '512x512 maskable',
    ]);
    for (const { src, type } of manifest.icons) {
      const answer = await fetch(relay.http + src);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
    }
    const ana = keep(await openPerson(relay.http));
    const cdp = await ana.browser.context.newCDPSession(ana.page);
    const { errors } = await cdp.send('Page.getAppManifest');
    expect(errors).toEqual([]);
    await offlineReady(ana);
    const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');
    expect(installabilityErrors).toEqual([]);
  });

  test('its shortcuts lead where they say', async () => {
    const ana = keep(await openPerson(`${relay.http}/?do=invite`));
    await ana.page.getByRole('heading', { name: 'Your invitation is ready' }).waitFor();
    expect(ana.page.url()).toBe(`${relay.http}/`);
    await ana.page.goto(`${relay.http}/?do=join`);
    await ana.page.waitForFunction(() => document.activeElement?.id === 'join-text');
  });

  const leftInCache = ({ page }) =>
    page.evaluate(async () => (await (await caches.open('pairlink-shared')).keys()).map(({ url }) => url));
  const heading = ({ page }, name) => page.getByRole('heading', { name }).waitFor();
  const asks = (someone) => heading(someone, 'Who do you want to send this to?');
  const hasFocus = ({ page }) => page.evaluate(() => document.activeElement.tagName);
  const mainButton = ({ page }, name) => page.locator('main').getByRole('button', { name });

  test('text that another program shares goes to the contact that is chosen', async () => {
    const { ana, bo } = keep(await openPair(relay.http));
    await ana.callThem('Bo');
    await offlineReady(ana);
    const to = await ana.shares({ title: 'A page', text: 'A page', url: 'https://example.org/' });
    await ana.page.goto(to);
    await asks(ana);
    expect(await ana.page.getByLabel('Text to send').inputValue()).toBe('A page\nhttps://example.org/');
    const row = mainButton(ana, 'Bo');
    const widths = [row, ana.page.getByLabel('Text to send')].map(async (one) => (await one.boundingBox()).width);
    const [rowWidth, textWidth] = await Promise.all(widths);
    expect(rowWidth, 'a line for each contact').toBe(textWidth);
    await ana.page.evaluate(() => (navigator.locks.request = () => Promise.reject(new Error('broken'))));
    await row.click();
    await ana.page.getByRole('alert').waitFor();
    expect(await ana.page.getByLabel('Text to send').inputValue(), 'still there').toContain('https://example.org/');
    expect(await hasFocus(ana)).toBe('H1');
    await ana.page.evaluate(() => delete navigator.locks.request);
    await row.click();
    await ana.page.locator('.composer textarea').press('Enter');
    await bo.hears('https://example.org/');
  });

  test('files that another program shares go to one person once, over a reload and in two tabs', async () => {
    const { ana, bo } = keep(await openPair(relay.http));
    await ana.callThem('Bo');
    await offlineReady(ana);
    const modified = Date.UTC(2020, 1, 2);
    const list = [
      { name: 'Überblick 图.txt', type: 'text/plain', text: 'one\u0000\u00ff', modified },
      { name: 'two', type: '', text: 'two', modified },
    ];
    const to = await ana.shares({ title: 'My files' }, list);
    await ana.page.goto(to);
    await asks(ana);
    await ana.page.getByText('Überblick 图.txt').waitFor();
    await ana.page.reload();
    await asks(ana);
    const other = await ana.newTab();
    await other.page.goto(to);
    await mainButton(other, 'Bo').waitFor();
    await mainButton(ana, 'Bo').click();
    await ana.page.locator('.file', { hasText: 'Überblick 图.txt' }).waitFor();
    expect(await ana.page.locator('.composer textarea').inputValue()).toBe('My files');
    await mainButton(other, 'Bo').click();
    await heading(other, 'Sharing didn’t work');
    await other.page.getByText('This was sent already').waitFor();
    expect(await hasFocus(other)).toBe('H1');
    expect(await leftInCache(ana)).toEqual([]);
    await ana.page.goBack();
    await heading(ana, 'Choose a conversation'); // where she was before, and not the question again
    const card = bo.page.locator('.file', { hasText: 'Überblick 图.txt' });
    await card.getByRole('button', { name: 'Accept' }).click();
    await card.getByText('Received').waitFor();
    await card.getByText('2 files').click();
    const download = bo.page.waitForEvent('download');
    await card.getByRole('button', { name: 'Save Überblick 图.txt' }).click();
    expect(readFileSync(await (await download).path(), 'utf8')).toBe('one\u0000\u00ff');
  });

  test('files shared before there is anybody wait for who pairs next; what is discarded is gone', async () => {
    const ana = keep(await openPerson(relay.http));
    await offlineReady(ana);
    const list = [{ name: 'one.txt', type: 'text/plain', text: 'one', modified: 1 }];
    await ana.page.goto(await ana.shares({}, list));
    await mainButton(ana, 'Discard').click();
    await ana.page.getByRole('heading', { name: 'Talk and send files, privately' }).waitFor();
    expect(await leftInCache(ana)).toEqual([]);
    const text = 'long '.repeat(500_000); // longer than what a browser would keep in memory
    await ana.page.goto(await ana.shares({}, [{ ...list[0], name: '../one.txt', text }]));
    await mainButton(ana, 'Someone new').click();
    await ana.page.locator('.waiting-files').getByText('1 file waits').waitFor();
    expect(await leftInCache(ana)).toEqual([]);
    const bo = keep(await openPerson(relay.http));
    await bo.page.goto(await ana.invite());
    const card = bo.page.locator('.file', { hasText: 'one.txt' });
    await card.getByRole('button', { name: 'Accept' }).click();
    await card.getByText('Received').waitFor();
    const download = bo.page.waitForEvent('download');
    await card.getByRole('button', { name: 'Save one.txt' }).click();
    expect(readFileSync(await (await download).path(), 'utf8') === text, 'the same bytes').toBe(true);
    await ana.page.goto(`${relay.http}/?do=share&problem=room`);
    await ana.page.getByText('There’s no room for this').waitFor();
  });
});

describe('a form of another site', () => {
  /** A page of another site that sends a form to /share at once; `referrer` is its policy. */
  async function hostileSite(referrer) {
    const html = `<meta name="referrer" content="${referrer}"><form method="post" enctype="multipart/form-data" action="${relay.http}/share">
      <input name="text" value="forged"></form><script>document.forms[0].submit()</script>`;
    const server = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end(html),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    keep({ close: () => server.close() });
    return `http://localhost:${server.address().port}/`; // the page's own is 127.0.0.1
  }
  const isShared = (page) =>
    page.evaluate(async () => (await (await caches.open('pairlink-shared')).keys()).length > 0);

  test('says who it is: refused', async () => {
    const ana = keep(await openPerson(relay.http));
    await offlineReady(ana);
    const { page } = ana;
    const refused = page.waitForResponse(`${relay.http}/share`);
    await page.goto(await hostileSite('origin'), { waitUntil: 'commit' });
    expect((await refused).status()).toBe(403);
    await page.waitForURL(`${relay.http}/share`);
    await page.goto(relay.http);
    expect(await isShared(page)).toBe(false);
    ana.browser.errors.length = 0; // the browser notes the 403
  });

  test('hides who it is: comes to nothing in a tab; what a program shares comes to the installed page', async () => {
    const ana = keep(await openPerson(relay.http));
    await offlineReady(ana);
    const { page } = ana;
    const site = await hostileSite('no-referrer');
    const share = page.getByLabel('Text to send');
    await page.goto(site, { waitUntil: 'commit' });
    await page.waitForURL(`${relay.http}/`);
    await expect.poll(() => isShared(page)).toBe(false); // looked at, and dropped
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))); // and drawn
    expect(await share.count()).toBe(0);
    await page.addInitScript(() => {
      const real = globalThis.matchMedia.bind(globalThis);
      globalThis.matchMedia = (query) =>
        query === '(display-mode: browser)' ? { ...real('not all'), matches: false } : real(query); // as when installed
    });
    await page.goto(site, { waitUntil: 'commit' });
    await share.waitFor();
    expect(await share.inputValue()).toBe('forged');
  });
});

describe('news', () => {
  /** Records what would be shown, and says which tab is looked at. */
  const recorder = () => {
    globalThis.shownNotifications = [];
    ServiceWorkerRegistration.prototype.showNotification = async (title, options) =>
      void globalThis.shownNotifications.push({ title, ...options });
    Object.defineProperty(Notification, 'permission', {
      get: () => localStorage.getItem('test permission') ?? 'default',
    });
    Notification.requestPermission = async () => localStorage.setItem('test permission', 'granted');
    Object.defineProperty(document, 'visibilityState', { get: () => (globalThis.away ? 'hidden' : 'visible') });
  };
  const look = ({ page }, away) =>
    page.evaluate((is) => {
      globalThis.away = is;
      document.dispatchEvent(new Event('visibilitychange'));
    }, away);
  const notes = ({ page }) => page.evaluate(() => globalThis.shownNotifications);
  const turnOn = async (person) => {
    await person.page.locator('.sidebar').getByRole('button', { name: 'Settings and details' }).click();
    await person.page.getByRole('button', { name: 'Turn on' }).click();
    await person.page.getByText('On', { exact: true }).waitFor();
  };

  test('unread messages are counted in the list and in the title', async () => {
    const { ana, bo } = keep(await openPair(relay.http));
    await goTo(ana, { screen: 'settings' });
    await bo.say('one');
    await bo.say('two');
    await ana.page.locator('.unread', { hasText: '2' }).waitFor();
    await expect.poll(() => ana.page.title(), { timeout: 15_000 }).toBe('(2) Pairlink');
    await ana.page.locator('.contact').click();
    await expect.poll(() => ana.page.title(), { timeout: 15_000 }).toBe('Pairlink');
    expect(await ana.page.locator('.unread').count()).toBe(0);
  });

  test('a notification once, only when allowed by a click and while no tab is looked at', async () => {
    const { ana, bo } = keep(await openPair(relay.http, { init: recorder }));
    await ana.callThem('Bo');
    await offlineReady(ana);
    await look(ana, true);
    await bo.say('before it is allowed');
    await ana.page.locator('.message', { hasText: 'before it is allowed' }).waitFor();
    expect(await notes(ana)).toEqual([]);
    await look(ana, false);
    await turnOn(ana);
    const second = await ana.newTab();
    await look(ana, true);
    await bo.say('while the other tab is looked at');
    await second.page.locator('.contact', { hasText: 'while the other tab is looked at' }).waitFor();
    await look(second, true);
    const all = async () => [...(await notes(ana)), ...(await notes(second))];
    for (const text of ['while nobody looks', 'and once more']) {
      await bo.say(text);
      await expect.poll(async () => (await all()).some(({ body }) => body.includes(text))).toBe(true);
    }
    // Both tabs know of the second: by then, whatever they do about the first is done.
    for (const { page } of [ana, second]) await page.locator('.contact', { hasText: 'and once more' }).waitFor();
    const shown = await all();
    expect(shown.length).toBe(2);
    expect(shown[0]).toMatchObject({ title: 'Bo', tag: expect.stringMatching(/^[a-z2-7]{54}$/) });
    expect(shown[0].body).toContain('while nobody looks');
  });

  test('what the browser forbids is said', async () => {
    const ana = keep(await openPerson(relay.http, { init: recorder }));
    await ana.page.evaluate(() => localStorage.setItem('test permission', 'denied'));
    await ana.page.getByRole('button', { name: 'Settings and details' }).click();
    await ana.page.getByText('Your browser blocks notifications for this page.').waitFor();
  });
});

describe('closing', () => {
  /** Whether the browser asks; the answer is to stay. */
  const asksOnClose = async (tab) => {
    let asked = false;
    tab.page.once('dialog', async (dialog) => {
      asked = dialog.type() === 'beforeunload';
      await dialog.dismiss();
    });
    await tab.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done()))); // what was shown is in force
    const going = tab.page.goto('about:blank').then(
      () => true,
      () => false,
    );
    const left = await going;
    return { asked, left };
  };

  test('asks while a message is on its way, and not when all is delivered', async () => {
    const own = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
    const { ana } = keep(await openPair(own.http));
    await ana.say('delivered');
    await ana.delivered('delivered');
    await own.kill9();
    await ana.page.getByText('Connection lost.').waitFor();
    await ana.say('on its way');
    await ana.page.getByText('Sends when you’re back online').waitFor();
    expect(await asksOnClose(ana)).toEqual({ asked: true, left: false });
    await own.restart();
    await ana.delivered('on its way');
    expect(await asksOnClose(ana)).toEqual({ asked: false, left: true });
    await own.stop();
  });
});
