/**
 * Goes through every screen and state of the page, as a person would, and calls `see(name, person)` at each: for axe,
 * and for the pictures. In any language: what is looked for comes from the page's own tables.
 */
import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { openPair, openPerson } from './person.js';

const talks = {
  en: {
    names: ['Ana', 'Bo'],
    lines: [
      ['ana', 'Good morning! Is the plan for the garden ready?'],
      ['bo', 'Nearly. I moved the two apple trees closer to the wall, so that the path stays free.'],
      ['bo', 'The list of plants is at https://example.org/garden/plants'],
      ['ana', 'Lovely. Then I order them today.'],
      ['bo', 'Could you take three of the small roses instead of two?\nOne is for the pot at the door.'],
      ['ana', 'Of course.'],
    ],
    last: 'See you at three, then?',
  },
  ar: {
    names: ['ليلى', 'سامي'],
    lines: [
      ['ana', 'صباح الخير! هل خطة الحديقة جاهزة؟'],
      ['bo', 'تقريبًا. قرّبتُ شجرتي التفاح من الجدار ليبقى الممر مفتوحًا.'],
      ['bo', 'قائمة النباتات هنا: https://example.org/garden/plants'],
      ['ana', 'رائع. سأطلبها اليوم إذًا.'],
      ['bo', 'هل تأخذين ثلاث ورود صغيرة بدل اثنتين؟\nواحدة للأصيص عند الباب.'],
      ['ana', 'بالطبع.'],
    ],
    last: 'نلتقي في الثالثة إذًا؟',
  },
};

export const talkOf = (locale) => talks[locale.split('-')[0]];

/** Both give the other a name, and talk. */
export async function talk({ ana, bo }, { names: [anaName, boName], lines }) {
  await ana.callThem(boName);
  await bo.callThem(anaName);
  for (const [who, text] of lines) {
    const [from, to] = who === 'ana' ? [ana, bo] : [bo, ana];
    await from.say(text);
    await to.hears(text.split('\n')[0]);
    await from.delivered(text.split('\n')[0]);
  }
}

const wrongWord = (code) => code.replace(/[a-z]+$/, (word) => (word === 'apple' ? 'copper' : 'apple'));
const codeOf = async ({ page }) => (await page.locator('.code-whole').textContent()).trim();
const note = ({ page }, text) => page.locator('#join-note').getByText(text).waitFor();

/** A stand-in for the camera that a test machine lacks: a browser that several share is started with it. */
export const CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/**
 * @param {{relay: object, look: object, see: (name: string, person: object) => Promise<void>}} how look: as for
 * openPerson
 */
export async function walkScreens({ relay, look, see }) {
  const words = talkOf(look.locale ?? 'en-GB');
  const open = [];
  const keep = (one) => (open.push(one), one);
  const person = async (more = {}) => keep(await openPerson(relay.http, { ...look, ...more }));
  try {
    await beforePairing({ person, see });
    const pair = keep(await openPair(relay.http, look));
    await together({ pair, words, person, see });
    await alone({ pair, words, person, relay, see });
  } finally {
    await Promise.all(open.map((one) => one.close()));
  }
}

async function beforePairing({ person, see }) {
  const ana = await person({ args: CAMERA });
  const { page, words } = ana;
  const field = page.locator('#join-text');
  await see('first', ana);
  const chosen = ['plan.txt', 'list.txt'].map((name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(name) }));
  await page.locator('.choose-first input').setInputFiles(chosen);
  await page.locator('.waiting-files summary').click();
  await see('files-wait', ana);
  for (const { name } of chosen) await ana.button(words.wait.removeOf(name)).click();
  await field.fill('https://relay.example/#');
  await note(ana, words.join.problem.linkPart);
  await see('wrong-link', ana);
  await ana.button(words.join.scan).click();
  await page.getByText(words.scan.looking).waitFor();
  await see('camera', ana);
  await ana.button(words.close).click();
  await field.fill('4821-co');
  await page.getByRole('option').first().waitFor();
  await see('typing-code', ana);
  await ana.invite();
  const code = await codeOf(ana);
  await see('invitation', ana);
  const bo = await person();
  await bo.join(wrongWord(code));
  await note(bo, words.join.claim.EWRONGCODE);
  await see('code-was-wrong', bo);
  await page.getByText(words.code.problem.EWRONGCODE).waitFor();
  await see('code-used-up', ana);
  await ana.goTo({ screen: 'share', text: 'https://example.org/' });
  await see('share-nobody', ana);
  await ana.goTo({ screen: 'invite', secret: 'gone' });
  await see('invitation-gone', ana);
}

async function together({ pair: { ana, bo }, words, person, see }) {
  const { page, words: s } = ana;
  await see('new-contact', ana);
  await talk({ ana, bo }, words);
  await see('conversation', ana);
  await page.locator('.day-name').last().click();
  await page.locator('.date-choice').waitFor();
  await see('date', ana);
  await page.keyboard.press('Escape');
  if (await page.locator('#search').isVisible()) {
    await page.locator('#search').fill(words.lines[3][1].slice(0, 4));
    await page.locator('.hit').first().waitFor();
    await see('search', ana);
    await page.locator('#search').fill('');
  }
  await page.locator('.scroller').focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('r');
  await page.locator('.reply-to').waitFor();
  await see('reply', ana);
  await page.keyboard.press('Escape');
  await page.locator('.scroller').focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.locator('.menu').waitFor();
  await see('message-menu', ana);
  await page.keyboard.press('Escape');
  await files({ ana, bo, see });
  await page.locator('.thread-head .button-icon').last().click();
  await page.locator('.phrase').waitFor();
  await see('contact', ana);
  await ana.button(s.phrase.differ).click();
  await page.getByText(s.phrase.differs).waitFor();
  await see('phrase-differs', ana);
  await ana.button(s.phrase.same).click();
  await page.locator('.good').waitFor();
  await see('phrase-compared', ana);
  await ana.button(s.contact.forget).click();
  await see('about-to-delete', ana);
  await ana.goTo({ screen: 'new' });
  await see('someone-new', ana);

  const eve = await person();
  await eve.button(s.list.settings).click();
  await eve.page.locator('.name-form input').fill(words.names[1]);
  await eve.button(s.save).click();
  await eve.page.getByText(s.settings.saved).waitFor();
  await eve.goTo({ screen: 'home' });
  const link = await ana.invite();
  const code = await codeOf(ana);
  await eve.join(code);
  await page.locator('.alarm').waitFor();
  await ana.here();
  await see('known-name', ana);
  await ana.button(s.doubt.block).click();
  await page.locator('.thread-foot').waitFor();
  await see('blocked', ana);
  await ana.goTo({ screen: 'settings' });
  await page.locator('.turned-away').waitFor();
  await see('turned-away', ana);
  await eve.page.goto('about:blank');
  const late = await person();
  await late.page.goto(link);
  await late.button(s.thread.ask).waitFor();
  await see('invitation-over', late);
}

/** Pictures that were sent together, two offers that wait, and a picture in full size. */
async function files({ ana, bo, see }) {
  const { page, words: s } = ana;
  const attach = (...list) => bo.page.locator('.composer input[type=file]').first().setInputFiles(list);
  const roses = `${'roses at the door '.repeat(8)}.png`; // wider than a window
  const icon = (name) => ({
    name,
    mimeType: 'image/png',
    buffer: readFileSync(new URL('../../../web/page/icons/icon-512.png', import.meta.url)),
  });
  await attach(icon('garden-in-the-morning.png'), icon(roses), icon('wall.png'));
  await page.locator('.file .button-main').click();
  await page.locator('.message[data-state=saved] .picture img').nth(2).waitFor();
  for (const [name, mimeType] of [
    ['plan of the garden.pdf', 'application/pdf'],
    ['birds.mp3', 'audio/mpeg'],
  ])
    await attach({ name, mimeType, buffer: Buffer.alloc(123_456, 'x') });
  await page.locator('.offers').waitFor();
  await page.locator('.file-list summary').click();
  await page.locator('.file-list li').nth(2).waitFor();
  await see('files', ana);
  await ana.button(s.picture.open(roses)).click();
  await page.locator('.viewer-stage img').waitFor();
  await see('picture', ana);
  await page.keyboard.press('Escape');
  await ana.button(s.files.acceptAll).click();
  await page.locator('.message[data-state=saved]').nth(2).waitFor();
}

async function alone({ pair: { ana, bo }, words, person, relay, see }) {
  const { page, words: s } = ana;
  const cem = await person();
  await ana.goTo({ screen: 'home' });
  await cem.join(await ana.ownId());
  await page.locator('.knock').waitFor();
  await cem.page.locator('.thread').waitFor();
  await see('asked', cem);
  await bo.page.goto('about:blank');
  await page.locator('.here-dot').waitFor({ state: 'detached' });
  await see('list', ana);
  await page.locator('.contact', { hasText: words.names[1] }).filter({ hasNotText: s.list.blocked }).click();
  await ana.say(words.last);
  await page.locator('.message.mine').last().getByText(s.message.waiting(words.names[1])).waitFor();
  await see('waiting', ana);
  const shared = [
    { name: 'roses.jpg', type: 'image/jpeg', text: 'x'.repeat(234_567), modified: 1 },
    { name: 'Timetable for the summer holidays 2027 (second version).pdf', type: 'application/pdf', text: 'x' },
  ];
  await page.goto(await ana.shares({ text: 'https://example.org/' }, shared));
  await page.locator('.shared-files').waitFor();
  await see('share', ana);
  await ana.goTo({ screen: 'settings' });
  await page.locator('.details summary').click();
  await page.locator('.log').waitFor();
  await page.evaluate(() => (document.querySelector('.main').scrollTop = 0));
  await see('settings', ana);
  await ana.goTo({ screen: 'server' });
  await see('server-sees', ana);
  await ana.goTo({ screen: 'storage' });
  await page.getByRole('heading', { name: s.storage.byContact }).waitFor();
  await see('storage', ana);
  await checking({ ana, bo: words.names[1], relay, see });
  await identity({ ana, person, see });
}

/** The relay hangs: nobody knows who is there. */
async function checking({ ana, bo, relay, see }) {
  const { page, words: s } = ana;
  const hung = page.locator('.banner', { hasText: s.connection.checking });
  await ana.goTo({ screen: 'home' });
  await page.locator('.contact', { hasText: bo }).filter({ hasNotText: s.list.blocked }).click();
  process.kill(relay.pid, 'SIGSTOP');
  try {
    await ana.say(bo);
    await hung.waitFor();
    await see('checking', ana);
  } finally {
    process.kill(relay.pid, 'SIGCONT');
  }
  await page.locator('.thread-who p').getByText(s.thread.away).waitFor();
}

async function identity({ ana, person, see }) {
  const { page, words: s } = ana;
  const [first, second] = [0, 1].map((n) => page.locator('input[type=password]').nth(n));
  await ana.goTo({ screen: 'identity' });
  await see('identity', ana);
  await first.fill('short');
  await ana.button(s.backup.make).click();
  await page.getByText(s.backup.short).waitFor();
  await page.locator('.backup textarea').fill('no copy');
  await ana.button(s.backup.open).click();
  await page.getByText(s.backup.problem.form).waitFor();
  await see('identity-wrong', ana);
  await first.fill('four words in a row');
  await second.fill('four words in a row');
  await ana.button(s.backup.make).click();
  await ana.button(s.backup.download).waitFor();
  await see('identity-copy', ana);
  const [download] = await Promise.all([page.waitForEvent('download'), ana.button(s.backup.download).click()]);
  const path = `${await download.path()}.txt`;
  await cp(await download.path(), path);
  await page.locator('input[type=file]').setInputFiles(path);
  await page.locator('input[type=password]').last().fill('four words in a row');
  await ana.button(s.backup.open).click();
  await page.locator('.sure').waitFor();
  await see('identity-sure', ana);
  const twin = await person();
  await twin.goTo({ screen: 'identity' });
  await twin.page.locator('input[type=file]').setInputFiles(path);
  await twin.page.locator('input[type=password]').last().fill('four words in a row');
  await twin.button(s.backup.open).click();
  await twin.button(s.backup.replace).click();
  await ana.goTo({ screen: 'home' });
  await page.locator('.other-device').waitFor();
  await see('other-device', ana);
}
