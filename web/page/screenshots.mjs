/**
 * Pictures of every screen, light, dark and on a phone, with the real relay: docs/screenshots/.
 *
 *   node web/page/screenshots.mjs [NAME…]     only sets whose name contains NAME: light, dark, phone, paired
 */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPair, openPerson } from '../../tests/e2e/page/person.js';
import { startRelay } from '../../tests/support/relay.js';

const out = resolve(dirname(fileURLToPath(import.meta.url)), '../../docs/screenshots');
const wide = { width: 1100, height: 720 };
const phone = { viewport: { width: 360, height: 720 }, context: { isMobile: true, hasTouch: true } };
const sets = {
  light: { viewport: wide, colorScheme: 'light' },
  dark: { viewport: wide, colorScheme: 'dark' },
  phone: { ...phone, colorScheme: 'light' },
};

/** The clock and the port differ from run to run; what is on the pictures should not. */
const lines = [
  ['ana', 'Good morning! Is the plan for the garden ready?'],
  ['bo', 'Nearly. I moved the two apple trees closer to the wall, so that the path stays free.'],
  ['bo', 'The list of plants is at https://example.org/garden/plants'],
  ['ana', 'Lovely. Then I order them today.'],
  ['bo', 'Could you take three of the small roses instead of two?\nOne is for the pot at the door.'],
  ['ana', 'Of course.'],
];

async function talk({ ana, bo }) {
  await ana.callThem('Bo');
  await bo.callThem('Ana');
  for (const [who, text] of lines) {
    const [from, to] = who === 'ana' ? [ana, bo] : [bo, ana];
    await from.say(text);
    await to.hears(text);
    await from.delivered(text);
  }
}

/** The picture without a blinking caret. */
const shoot = (person, name) => person.page.screenshot({ path: join(out, `${name}.png`), caret: 'hide', animations: 'disabled' });

async function home(person) {
  await person.page.evaluate(() => history.replaceState({ place: { screen: 'home' }, depth: 0 }, ''));
  await person.page.reload();
  await person.page.locator('.app').waitFor();
}

async function shootSet(relay, name, look) {
  const lone = await openPerson(relay.http, look);
  await shoot(lone, `first-${name}`);
  await lone.page.getByLabel('Code, link or ID').fill('https://relay.example/#');
  await lone.page.getByText('Part of the link is missing').waitFor();
  await shoot(lone, `wrong-link-${name}`);
  await lone.invite();
  await lone.page.locator('.qr').waitFor();
  await shoot(lone, `invitation-${name}`);
  await lone.close();

  const pair = await openPair(relay.http, look);
  const { ana, bo } = pair;
  await shoot(ana, `new-contact-${name}`);
  await talk(pair);
  await shoot(ana, `conversation-${name}`);
  await ana.page.getByRole('button', { name: 'About Bo' }).click();
  await shoot(ana, `contact-${name}`);
  const asking = await openPerson(relay.http, look);
  await home(ana);
  await asking.join(await ana.ownId());
  await ana.page.locator('.knock').waitFor();
  await bo.page.goto('about:blank');
  await ana.page.locator('.here-dot').waitFor({ state: 'detached' });
  await shoot(ana, `list-${name}`);
  await ana.page.locator('.contact').first().click();
  await ana.say('See you at three, then?');
  await ana.page.getByText('will be delivered when both are here').waitFor();
  await shoot(ana, `waiting-${name}`);
  await home(ana);
  await ana.page.getByRole('button', { name: 'Settings and details' }).click();
  await ana.page.getByText('For the curious').click();
  await ana.page.locator('.log', { hasText: 'connected' }).waitFor();
  await shoot(ana, `settings-${name}`);
  await ana.page.getByRole('button', { name: 'What the server can see' }).click();
  await shoot(ana, `server-sees-${name}`);
  await Promise.all([pair.close(), asking.close()]);
}

/** Two paired pages side by side, as the README shows them. */
async function shootPaired(relay) {
  const pair = await openPair(relay.http, { viewport: { width: 520, height: 620 }, colorScheme: 'light' });
  await talk(pair);
  const pictures = await Promise.all([pair.ana, pair.bo].map(({ page }) => page.screenshot({ caret: 'hide' })));
  await pair.close();
  const frame = await openPerson(`${relay.http}/`, { viewport: { width: 1120, height: 668 } });
  await frame.page.goto('about:blank');
  await frame.page.setContent(
    `<style>body{margin:0;padding:24px;display:flex;gap:32px;background:#dfe6e3}img{display:block;border-radius:12px;box-shadow:0 8px 30px #0003}</style>
     ${pictures.map((png) => `<img src="data:image/png;base64,${png.toString('base64')}">`).join('')}`,
  );
  await frame.page.screenshot({ path: join(out, 'paired.png') });
  await frame.close();
}

async function shootPlain(relay) {
  const person = await openPerson(`http://lan.example:${relay.port}/`, { viewport: wide, args: ['--host-resolver-rules=MAP lan.example 127.0.0.1'] });
  await person.page.getByText('Opened without HTTPS.').waitFor();
  await shoot(person, 'plain-http-light');
  await person.close();
}

const wanted = process.argv.slice(2);
const isWanted = (name) => wanted.length === 0 || wanted.some((part) => name.includes(part));

mkdirSync(out, { recursive: true });
const relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
try {
  for (const [name, look] of Object.entries(sets)) if (isWanted(name)) await shootSet(relay, name, look);
  if (isWanted('plain')) await shootPlain(relay);
  if (isWanted('paired')) await shootPaired(relay);
  console.log(`pictures are in ${out}`);
} finally {
  await relay.stop();
}
