/**
 * Makes the PNG icons out of pairlink.svg, with Chromium: `node web/page/icons/render.mjs`, after the mark was changed.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchChromium } from '../../../tests/support/chromium.js';

const here = dirname(fileURLToPath(import.meta.url));
const mark = `data:image/svg+xml;base64,${readFileSync(join(here, 'pairlink.svg')).toString('base64')}`;
const accent = '#0b6b58';
// A maskable icon may be cut to a circle of 80 %: the mark stays inside it, its ground goes to the edge.
const icons = [
  { name: 'icon-192.png', size: 192, inset: 0, ground: 'transparent' },
  { name: 'icon-512.png', size: 512, inset: 0, ground: 'transparent' },
  { name: 'maskable-512.png', size: 512, inset: 12, ground: accent },
];

const browser = await launchChromium();
for (const { name, size, inset, ground } of icons) {
  await browser.page.setViewportSize({ width: size, height: size });
  await browser.page.setContent(
    `<style>html,body{margin:0;background:${ground}}img{position:absolute;inset:${inset}%;width:${100 - 2 * inset}%;height:${100 - 2 * inset}%}</style><img src="${mark}">`,
  );
  await browser.page.screenshot({ path: join(here, name), omitBackground: true });
}
await browser.close();
