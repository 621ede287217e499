/**
 * Starts the system's Chromium for a test, with new storage for each call. Two calls are two people; two pages of one
 * context are two tabs of one person.
 *
 *   const { context, page, close } = await launchChromium();
 *   await page.goto(relay.http);
 */
import { chromium } from 'playwright-core';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { cleanUpLast, removeDir, tempDir, until } from './process.js';

const ARGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
  '--disable-gpu',
  '--disable-dev-shm-usage',
];
const PLACES = [
  process.env.PAIRLINK_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

export function chromiumPath() {
  const path = PLACES.find((place) => place && existsSync(place));
  if (!path) throw new Error('no Chromium: ./dev test installs it (Debian package chromium), or set PAIRLINK_CHROMIUM');
  return path;
}

/** Returns whether a process of the browser with this profile runs. */
export function browserRuns(profile) {
  return readdirSync('/proc').some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--user-data-dir=${profile}`);
    } catch {
      return false; // not a process, or one that has ended
    }
  });
}

const chromiumSandbox = process.getuid?.() !== 0; // Chromium does not start its sandbox as root

/**
 * Starts a Chromium for several people, who get a context each: storage, workers and tabs of their own. Pass it to
 * `launchChromium` as `browser`. Starting a context takes a tenth of the time of starting a browser, but contexts have
 * no profile on the disk: a test that ends the browser and starts it again needs a browser of its own.
 */
export async function startChromium({ args = [] } = {}) {
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    headless: true,
    chromiumSandbox,
    args: [...ARGS, ...args],
  });
  cleanUpLast();
  return browser;
}

/**
 * Opens a browser for one person: a Chromium with a profile of its own, or a context of the `browser` that is given.
 * @param {{browser?: import('playwright-core').Browser, viewport?: {width: number, height: number}, colorScheme?: 'light'|'dark', locale?: string,
 *   args?: string[], context?: object}} [options]
 */
export async function launchChromium({
  browser,
  viewport = { width: 1100, height: 760 },
  colorScheme = 'light',
  locale = 'en-GB',
  args = [],
  context: more = {},
} = {}) {
  const looks = { viewport, colorScheme, locale, ...more };
  const profile = browser ? null : tempDir('pairlink-profile-');
  const context = browser
    ? await browser.newContext(looks)
    : await chromium.launchPersistentContext(profile, {
        executablePath: chromiumPath(),
        headless: true,
        chromiumSandbox,
        args: [...ARGS, ...args],
        ...looks,
      });
  cleanUpLast();
  context.setDefaultTimeout(30_000);
  const page = context.pages()[0] ?? (await context.newPage());
  const errors = [];
  const watch = (tab) => {
    tab.on('pageerror', (error) => errors.push(String(error)));
    tab.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  };
  context.pages().forEach(watch);
  context.on('page', watch);
  /** Ends the browser and removes its profile, once nobody writes to it any more. */
  const close = async () => {
    await context.close();
    if (!profile) return;
    await until(() => !browserRuns(profile), 'the browser has ended');
    await removeDir(profile);
  };
  return { context, page, profile, errors, newPage: () => context.newPage(), close };
}
