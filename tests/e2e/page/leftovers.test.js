/** Nothing is left of a browser: not when it is closed, and not when vitest ends the worker that started it. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { browserRuns, launchChromium } from '../../support/chromium.js';
import { start, until } from '../../support/process.js';

const WORKER = `
  const { launchChromium } = await import('./tests/support/chromium.js');
  const all = await Promise.all([launchChromium(), launchChromium()]);
  console.log(JSON.stringify(all.map((one) => one.profile)));
`;

test('a browser that is closed leaves no profile and no process', async () => {
  const browser = await launchChromium();
  expect([existsSync(browser.profile), browserRuns(browser.profile)]).toEqual([true, true]);
  await browser.close();
  expect([existsSync(browser.profile), browserRuns(browser.profile)]).toEqual([false, false]);
});

test('a worker that is ended while browsers run leaves none', async () => {
  const worker = start('node', ['--input-type=module', '-e', WORKER]);
  await worker.waitFor(/\n/, { stream: 'stdout' });
  const profiles = JSON.parse(worker.stdout);
  expect(profiles.map(browserRuns)).toEqual([true, true]);
  worker.child.kill('SIGTERM');
  await worker.wait();
  await until(() => !profiles.some(browserRuns), 'the browsers have ended');
  expect(profiles.map(existsSync)).toEqual([false, false]);
});
