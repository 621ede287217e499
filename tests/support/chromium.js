/**
 * The Chromium of the system for a test, one profile a call (two profiles are two people; two pages of one
 * context are two tabs of one person).
 *
 *   const { context, page, close } = await launchChromium();
 *   await page.goto(relay.http);
 */
import { chromium } from 'playwright-core';
import { existsSync } from 'node:fs';
import { tempDir } from './process.js';

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

/**
 * @param {{profile?: string, viewport?: {width: number, height: number}, colorScheme?: 'light'|'dark', locale?: string,
 *   args?: string[], context?: object}} [options] profile: the folder of an earlier profile, to come back to it
 */
export async function launchChromium({
  profile = tempDir('pairlink-profile-'),
  viewport = { width: 1100, height: 760 },
  colorScheme = 'light',
  locale = 'en-GB',
  args = [],
  context: more = {},
} = {}) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    headless: true,
    viewport,
    colorScheme,
    locale,
    chromiumSandbox: process.getuid?.() !== 0, // Chromium refuses its sandbox to root
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
  context.setDefaultTimeout(30_000);
  const page = context.pages()[0] ?? (await context.newPage());
  const errors = [];
  const watch = (tab) => {
    tab.on('pageerror', (error) => errors.push(String(error)));
    tab.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  };
  context.pages().forEach(watch);
  context.on('page', watch);
  return { context, page, profile, errors, newPage: () => context.newPage(), close: () => context.close() };
}
