/**
 * Starts the system's Chromium for a test, with a new profile for each call. Two profiles are two people; two pages of
 * one context are two tabs of one person.
 *
 *   const { context, page, close } = await launchChromium();
 *   await page.goto(relay.http);
 */
import { chromium } from 'playwright-core';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { cleanUpLast, removeDir, tempDir, until } from './process.js';

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

/**
 * @param {{viewport?: {width: number, height: number}, colorScheme?: 'light'|'dark', locale?: string,
 *   args?: string[], context?: object}} [options]
 */
export async function launchChromium({
  viewport = { width: 1100, height: 760 },
  colorScheme = 'light',
  locale = 'en-GB',
  args = [],
  context: more = {},
} = {}) {
  const profile = tempDir('pairlink-profile-');
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    headless: true,
    viewport,
    colorScheme,
    locale,
    chromiumSandbox: process.getuid?.() !== 0, // Chromium does not start its sandbox as root
    args: [
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      ...args,
    ],
    ...more,
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
    await until(() => !browserRuns(profile), 'the browser has ended');
    await removeDir(profile);
  };
  return { context, page, profile, errors, newPage: () => context.newPage(), close };
}
