/** What the page says about itself has to be so: plain HTTP, another server, what the relay saw. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startProxy } from '../../support/proxy.js';
import { unmasked } from '../../support/raw.js';
import { startRelay } from '../../support/relay.js';
import { setStage } from './stage.js';

const stage = setStage();

describe('plain HTTP from another machine', () => {
  const args = ['--host-resolver-rules=MAP lan.example 127.0.0.1'];

  test('the banner names what is off, and pairing works nevertheless', async () => {
    const url = `http://lan.example:${stage.relay.port}/`;
    const { ana, bo } = await stage.pair({ url, args });
    expect(await ana.page.evaluate(() => globalThis.isSecureContext)).toBe(false);
    await ana.page.getByText('on pages like this, the browser turns off notifications, the camera').waitFor();
    await ana.say('over plain HTTP');
    await bo.hears('over plain HTTP');
    await ana.delivered('over plain HTTP');
    await ana.page.getByRole('button', { name: 'OK' }).click();
    await ana.page.reload();
    await ana.here();
    expect(await ana.page.getByText('Opened without HTTPS.').count()).toBe(0);
  });

  test('copying works without a clipboard', async () => {
    const ana = await stage.person({ url: `http://lan.example:${stage.relay.port}/`, args });
    const link = await ana.invite();
    await ana.page.getByRole('button', { name: 'Copy link only' }).click();
    await ana.page.getByRole('button', { name: 'Copied' }).waitFor();
    await ana.page.getByRole('button', { name: 'Back' }).click();
    await ana.page.getByLabel('Code or link').focus();
    await ana.page.keyboard.press('ControlOrMeta+v');
    expect(await ana.page.getByLabel('Code or link').inputValue()).toBe(link);
  });

  test('on a safe origin there is no banner', async () => {
    const ana = await stage.person();
    expect(await ana.page.getByText('Opened without HTTPS.').count()).toBe(0);
  });
});

test('a server with another key is loud, and nothing is sent until the person decides', async () => {
  const own = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
  const { ana, bo } = await stage.pair({ url: own.http });
  await ana.say('before');
  await ana.delivered('before');
  await own.kill9();
  rmSync(own.data, { recursive: true });
  await own.restart();
  const alarm = ana.page.getByRole('alert').filter({ hasText: 'This isn’t the server you knew' });
  await alarm.waitFor();
  expect(await ana.page.locator('.here-dot').count()).toBe(0);
  expect(await ana.axe()).toEqual([]);
  for (const person of [ana, bo]) await person.page.getByRole('button', { name: 'I asked: trust the new one' }).click();
  await ana.here();
  await ana.say('after');
  await bo.hears('after');
  await own.stop();
});

test('what is typed in the page appears nowhere in what the relay received or keeps', async () => {
  const own = await startRelay();
  const proxy = await startProxy(own.port);
  const { ana, bo, link, close } = await stage.pair({ url: proxy.http });
  const marker = `marker-${randomBytes(12).toString('hex')}`;
  await ana.callThem(`${marker}-name`);
  await ana.say(`${marker} typed by the one`);
  await bo.hears(marker);
  await bo.say(`${marker} typed by the other`);
  await ana.hears(`${marker} typed by the other`);
  await ana.delivered(marker);
  await close();
  await own.stop();
  const wire = [...proxy.recordings.map(({ sent }) => unmasked(Buffer.concat(sent))), proxy.sent(), proxy.received()];
  const kept = readdirSync(own.data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name)));
  expect(kept.length).toBeGreaterThan(0);
  expect(proxy.sent().includes('GET /pairlink'), 'the search sees the upgrade').toBe(true);
  for (const secret of [marker, ...inBase64(marker), link.split('#')[1]]) {
    for (const bytes of [...wire, ...kept, Buffer.from(own.log)]) expect(bytes.includes(secret)).toBe(false);
  }
  await proxy.stop();
});

/** A text as it looks inside something longer in base64: it may start at each of three places, in two alphabets. */
function inBase64(text) {
  const looks = [0, 1, 2].flatMap((before) =>
    ['base64', 'base64url'].map((alphabet) => {
      const whole = Buffer.from('x'.repeat(before) + text).toString(alphabet);
      return whole.slice(before && before + 1, -4); // without what depends on its neighbours
    }),
  );
  return [...new Set(looks)];
}

describe('the page’s own files', () => {
  test('nothing is asked of other servers, nothing is refused by the policy', async () => {
    const ana = await stage.person();
    const asked = [];
    ana.page.on('request', (request) => asked.push(new URL(request.url()).origin));
    await ana.page.reload();
    await ana.invite();
    expect(new Set(asked)).toEqual(new Set([stage.relay.http]));
    expect(ana.errors).toEqual([]);
  });

  test('the policy forbids inline code and strings as code', async () => {
    const answer = await fetch(`${stage.relay.http}/`);
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe-(inline|eval)'(?<!wasm-unsafe-eval')/);
    expect(await answer.text()).not.toMatch(/<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=/);
  });

  test('all that a first visit loads is under 300 KiB, service worker and all', async () => {
    const proxy = await startProxy(stage.relay.port);
    const ana = await stage.person({ url: proxy.http });
    await ana.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const answers = proxy.recordings
      .map(({ sent, received }) => ({
        path: Buffer.concat(sent)
          .toString('latin1')
          .match(/^GET (\S+)/)?.[1],
        bytes: received.reduce((sum, chunk) => sum + chunk.length, 0),
        encoding:
          Buffer.concat(received)
            .toString('latin1', 0, 2000)
            .match(/^Content-Encoding: (\S+)/m)?.[1] ?? 'none',
      }))
      .filter(({ path }) => path && path !== '/pairlink');
    const total = answers.reduce((sum, { bytes }) => sum + bytes, 0);
    console.log(
      [...answers.map(({ path, bytes, encoding }) => `${bytes} ${encoding} ${path}`), `${total} in all`].join('\n'),
    );
    expect(answers.some(({ path }) => path === '/')).toBe(true);
    expect(answers.filter(({ path }) => path.startsWith('/assets/')).length).toBeGreaterThan(5);
    expect(total).toBeLessThan(300 * 1024);
    await proxy.stop();
  });
});
