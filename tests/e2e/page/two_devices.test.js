/** One identity in two browsers at once: both say so, for as long as it is so. */
import { expect, test } from 'vitest';
import { SHORT_TIMERS } from '../../support/relay.js';
import { setStage } from './stage.js';

const stage = setStage({ relayArgs: SHORT_TIMERS });

const PASSPHRASE = 'four words in a row';
const banner = ({ page }) => page.getByText('This identity is also in use on another device.');

/** Makes a copy of the identity, and uses it in the other browser. */
async function moveTo(from, to) {
  await from.goTo({ screen: 'identity' });
  for (const n of [0, 1]) await from.page.locator('input[type=password]').nth(n).fill(PASSPHRASE);
  await from.button('Make a copy').click();
  await from.page.getByText('Use it on one device at a time').waitFor();
  const [file] = await Promise.all([from.page.waitForEvent('download'), from.button('Save as a file').click()]);
  await to.goTo({ screen: 'identity' });
  await to.page.getByLabel('Choose the file').setInputFiles(await file.path());
  await to.page.locator('input[type=password]').last().fill(PASSPHRASE);
  await to.button('Open the copy').click();
  await to.page.getByRole('alert').filter({ hasText: 'Use it on one device at a time' }).waitFor();
  await to.button('Replace everything here').click();
  await to.page.locator('.contact', { hasText: 'Bo' }).waitFor();
}

test('the same identity on a second device: both devices say so, until one is closed', async () => {
  const { ana, bo } = await stage.pair();
  await ana.callThem('Bo');
  const second = await stage.person();
  await moveTo(ana, second);
  await Promise.all([banner(ana).waitFor(), banner(second).waitFor()]);
  await second.page.getByText('Messages reach only one of them.').waitFor();
  expect(await second.axe()).toEqual([]);
  expect(await second.page.locator('.contact').count(), 'the other device is no contact').toBe(1);
  expect(await ana.page.locator('.knock').count()).toBe(0);

  await stage.relay.restart();
  await Promise.all([banner(ana).waitFor(), banner(second).waitFor()]);

  await second.button('OK').click();
  await banner(second).waitFor({ state: 'detached' });

  await ana.page.goto('about:blank');
  await second.page.reload();
  await second.page.locator('.contact', { hasText: 'Bo' }).click();
  await second.here();
  await second.say('from the second device');
  await bo.hears('from the second device');
  expect(await banner(second).count(), 'alone now').toBe(0);
  await ana.page.goto(stage.relay.http);
  await Promise.all([banner(ana).waitFor(), banner(second).waitFor()]);
  await ana.page.goto('about:blank');
  await banner(second).waitFor({ state: 'detached' });
  expect([...ana.errors, ...bo.errors, ...second.errors]).toEqual([]);
});

test('two tabs that have an engine each are the same device', async () => {
  const init = () => {
    delete globalThis.SharedWorker;
    delete Navigator.prototype.locks;
  };
  const ana = await stage.person({ init });
  const second = await ana.newTab();
  await second.button('Settings and details').click();
  await second.page.locator('.details summary').click();
  await second.page.locator('.log', { hasText: 'another tab of this browser has an engine of its own' }).waitFor();
  expect(await banner(ana).count()).toBe(0);
  expect(await banner(second).count()).toBe(0);
});
