/**
 * Takes screenshots of the page with the real relay, light, dark, on a phone and right to left: docs/screenshots/.
 *
 *   node web/page/screenshots.mjs [--all] [NAME…]
 *
 * With NAMEs, only sets whose name contains one of them: light, dark, phone, rtl, plain, paired. With --all, every
 * screen and state that tests/e2e/page/screens.js knows, into build/screenshots/, which is not kept.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPair, openPerson } from '../../tests/e2e/page/person.js';
import { talk, talkOf, walkScreens } from '../../tests/e2e/page/screens.js';
import { startRelay } from '../../tests/support/relay.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const all = process.argv.includes('--all');
const out = join(root, all ? 'build/screenshots' : 'docs/screenshots');
const wide = { width: 1100, height: 720 };
const phone = { viewport: { width: 360, height: 720 }, context: { isMobile: true, hasTouch: true } };
const sets = {
  light: { viewport: wide, colorScheme: 'light' },
  dark: { viewport: wide, colorScheme: 'dark' },
  phone: { ...phone, colorScheme: 'light' },
  rtl: { viewport: wide, colorScheme: 'light', locale: 'ar-EG' },
  ...(all && { 'rtl-phone': { ...phone, colorScheme: 'dark', locale: 'ar-EG' } }),
};
/** The screens whose pictures are committed. */
const kept = new Set([
  'first',
  'typing-code',
  'invitation',
  'code-used-up',
  'new-contact',
  'conversation',
  'files',
  'picture',
  'contact',
  'known-name',
  'list',
  'waiting',
  'share',
  'settings',
  'identity',
  'server-sees',
]);

/** Takes a picture without the blinking caret. */
const shoot = ({ page }, name) =>
  page.screenshot({ path: join(out, `${name}.png`), caret: 'hide', animations: 'disabled' });

const shootSet = (relay, set, look) =>
  walkScreens({ relay, look, see: async (name, person) => (all || kept.has(name)) && shoot(person, `${name}-${set}`) });

/** Two paired pages side by side, as the README shows them. */
async function shootPaired(relay) {
  const pair = await openPair(relay.http, { viewport: { width: 520, height: 620 }, colorScheme: 'light' });
  await talk(pair, talkOf('en'));
  const pictures = await Promise.all([pair.ana, pair.bo].map(({ page }) => page.screenshot({ caret: 'hide' })));
  await pair.close();
  const frame = await openPerson(`${relay.http}/`, { viewport: { width: 1120, height: 668 } });
  await frame.page.goto('about:blank');
  await frame.page.setContent(
    `<style>
       body{margin:0;padding:24px;display:flex;gap:32px;background:#dfe6e3}
       img{display:block;border-radius:12px;box-shadow:0 8px 30px #0003}
     </style>
     ${pictures.map((png) => `<img src="data:image/png;base64,${png.toString('base64')}">`).join('')}`,
  );
  await frame.page.screenshot({ path: join(out, 'paired.png') });
  await frame.close();
}

async function shootPlain(relay) {
  const person = await openPerson(`http://lan.example:${relay.port}/`, {
    viewport: wide,
    args: ['--host-resolver-rules=MAP lan.example 127.0.0.1'],
  });
  await person.page.getByText('Opened without HTTPS.').waitFor();
  await shoot(person, 'plain-http-light');
  await person.close();
}

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const isWanted = (name) => wanted.length === 0 || wanted.some((part) => name.includes(part));

/** Reduces the pictures to 256 colours, which are enough for this page and need a third of the bytes. */
function shrink() {
  const files = readdirSync(out)
    .filter((name) => name.endsWith('.png'))
    .map((name) => join(out, name));
  const { status, error } = spawnSync('pngquant', [
    '--quality',
    '70-100',
    '--speed',
    '1',
    '--strip',
    '--force',
    '--ext',
    '.png',
    '--skip-if-larger',
    ...files,
  ]);
  // 98 and 99: a picture stays as it is, because it would not become smaller or would lose too much.
  if (error || ![0, 98, 99].includes(status)) throw new Error(`pngquant: ${error ?? status}`);
}

if (wanted.length === 0) rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
try {
  for (const [name, look] of Object.entries(sets)) if (isWanted(name)) await shootSet(relay, name, look);
  if (isWanted('plain')) await shootPlain(relay);
  if (isWanted('paired')) await shootPaired(relay);
  shrink();
  console.log(`pictures are in ${out}`);
} finally {
  await relay.stop();
}
