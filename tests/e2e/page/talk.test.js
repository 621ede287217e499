/** What one can do with a message, and what is said about it: replies, typing, read, deleting, the composer. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.js';
import { startRelay } from '../../support/relay.js';
import { openPair } from './person.js';

const LONG = { timeout: 120_000 };
let relay, browser, pair, ana, bo, talk;

beforeAll(async () => {
  [relay, browser] = await Promise.all([startRelay(), startChromium()]);
  pair = await openPair(relay.http, { browser, init: watchSends });
  ({ ana, bo } = pair);
  talk = ana.words.talk;
  await ana.callThem('Bo');
  await bo.callThem('Ana');
}, 120_000);
afterAll(async () => {
  await pair?.close();
  await browser?.close();
  await relay?.stop();
});

/** Runs in the page: what it sends can be held, or be answered as if it could not be stored. */
function watchSends() {
  const { postMessage } = MessagePort.prototype;
  const held = [];
  MessagePort.prototype.postMessage = function (...args) {
    const { cmd, seq } = args[0] ?? {};
    if (cmd === 'send' && globalThis.sends === 'fail') {
      const error = { code: 'QuotaExceededError', text: 'full' };
      this.dispatchEvent(new MessageEvent('message', { data: { seq, error } }));
    } else if (cmd === 'send' && globalThis.sends === 'hold') held.push(() => postMessage.apply(this, args));
    else postMessage.apply(this, args);
  };
  globalThis.letGo = () => held.splice(0).forEach((go) => go());
}

const field = (person) => person.page.locator('.composer textarea');
/** Types until the other sees it: it is said every few seconds only, and may just have been. */
const typeOn = (person, mark) =>
  expect
    .poll(
      async () => {
        await field(person).press('m');
        return mark.count();
      },
      { timeout: 20_000 },
    )
    .toBe(1);
const menu = (person) => person.page.locator('.menu');

test('a reply quotes what it answers; the quote leads there', LONG, async () => {
  await ana.say('Where shall we meet?');
  await bo.hears('Where shall we meet?');
  await bo.bubble('theirs', 'Where').hover();
  await bo.bubble('theirs', 'Where').locator('.message-more').click();
  await menu(bo).getByRole('menuitem', { name: talk.reply, exact: true }).click();
  await bo.page.locator('.reply-to', { hasText: 'Where shall we meet?' }).waitFor();
  await bo.page.reload();
  await bo.here();
  await bo.page.locator('.reply-to', { hasText: 'Where shall we meet?' }).waitFor();
  await bo.say('At the station');
  await ana.hears('At the station');
  expect(await bo.page.locator('.reply-to').count()).toBe(0);
  const quote = ana.bubble('theirs', 'At the station').locator('button.quote');
  expect(await quote.textContent()).toContain('Where shall we meet?');
  await quote.click();
  await ana.page.locator('.message.mine[data-found]', { hasText: 'Where' }).waitFor();
});

test('typing is shown without moving anything, until the text comes', LONG, async () => {
  const before = await field(ana).boundingBox();
  const mark = ana.page.locator('.typing');
  await typeOn(bo, mark);
  expect(await mark.textContent()).toBe(talk.typing('Bo'));
  expect(await mark.getAttribute('role')).toBe(null);
  expect(await mark.evaluate((one) => one.closest('[aria-live]'))).toBe(null);
  expect(await field(ana).boundingBox()).toEqual(before);
  await field(bo).press('Enter');
  await mark.waitFor({ state: 'detached' });
});

let tries = 0;
test('a text is marked as read once it was in view, and not by who turned that off', LONG, async () => {
  const turn = (tries += 1); // a second try must not meet the texts of the first
  const showRead = async (on) => {
    await bo.goTo({ screen: 'settings' });
    await bo.page.getByLabel(talk.showRead).setChecked(on);
    await bo.page.locator('.contact').first().click();
    await bo.here();
  };
  const isRead = (person, text) => person.bubble('mine', text).locator('.meta-state', { hasText: talk.read });
  if (turn > 1) await showRead(true);
  await ana.say(`did you see this, ${turn}?`);
  await isRead(ana, `did you see this, ${turn}?`).waitFor();
  await showRead(false);
  expect(await ana.page.locator('.contact').count()).toBe(1); // the thread of the other is opened again
  await ana.say(`and this, ${turn}?`);
  await bo.hears(`and this, ${turn}?`);
  await bo.say(`an answer, ${turn}`);
  await ana.hears(`an answer, ${turn}`);
  // That something was read is said a moment later. A sign of typing stays for longer, and each of the two says
  // something once it is gone.
  const mark = ana.page.locator('.typing');
  await typeOn(bo, mark);
  await mark.waitFor({ state: 'detached' });
  await ana.say(`my end, ${turn}`);
  await bo.hears(`my end, ${turn}`);
  await bo.say(`the end, ${turn}`);
  await ana.hears(`the end, ${turn}`);
  expect(await isRead(ana, `and this, ${turn}?`).count()).toBe(0);
  expect(await isRead(bo, `an answer, ${turn}`).count()).toBe(0);
});

test('by keyboard: to a message, its menu, and deleting it, which lasts', LONG, async () => {
  const { page } = ana;
  await ana.say('to be deleted');
  await bo.hears('to be deleted');
  await page.locator('.scroller').focus();
  await page.keyboard.press('ArrowUp');
  await page.locator('.message.mine:focus', { hasText: 'to be deleted' }).waitFor();
  await page.keyboard.press('Shift+F10');
  await menu(ana).locator('button:focus', { hasText: talk.reply }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.message.mine:focus').waitFor();
  await page.keyboard.press('Delete');
  await menu(ana).getByText(talk.deleteAsk('Bo')).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.message.mine:focus').waitFor();
  // As fast as somebody who knows the keys: nothing is waited for between the two.
  await page.keyboard.press('Delete');
  await page.keyboard.press('Enter');
  await ana.bubble('mine', 'to be deleted').waitFor({ state: 'detached' });
  await page.reload();
  await ana.here();
  await ana.bubble('theirs', 'At the station').waitFor();
  expect(await ana.bubble('mine', 'to be deleted').count()).toBe(0);
  expect(await bo.bubble('theirs', 'to be deleted').count()).toBe(1);
  expect(await page.locator('.contact-last').textContent()).not.toContain('to be deleted');
});

test('spaces at the start of a text stay', LONG, async () => {
  await ana.say('    indented\n  less');
  await bo.hears('indented');
  expect((await bo.thread()).at(-1)).toBe('<     indented\n  less');
});

test('on touch, Enter begins a line, the button sends, and a long press opens the menu', LONG, async () => {
  const phone = await openPair(relay.http, {
    browser,
    viewport: { width: 390, height: 844 },
    context: { hasTouch: true, isMobile: true },
  });
  const { page } = phone.ana;
  await field(phone.ana).fill('one');
  await field(phone.ana).press('Enter');
  await field(phone.ana).press('t');
  expect(await field(phone.ana).inputValue()).toBe('one\nt');
  expect(await field(phone.ana).getAttribute('enterkeyhint')).toBe('enter');
  await page.locator('.button-send').tap();
  await phone.bo.hears('one');
  const at = await phone.ana.bubble('mine', 'one').locator('.bubble').boundingBox();
  const cdp = await page.context().newCDPSession(page);
  const touchPoints = [{ x: at.x + 10, y: at.y + 10 }];
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints });
  await menu(phone.ana).waitFor();
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await menu(phone.ana).getByRole('menuitem', { name: talk.copyText }).waitFor();
  await phone.close();
});

test('a text is there before it is stored, and stays the same row', LONG, async () => {
  await ana.page.evaluate(() => (globalThis.sends = 'hold'));
  await ana.say('there at once');
  const row = ana.page.locator('.message.mine[data-state=waiting]:not([data-n])', { hasText: 'there at once' });
  await row.waitFor();
  const element = await row.elementHandle();
  await ana.page.evaluate(() => globalThis.letGo());
  await ana.delivered('there at once');
  await bo.hears('there at once');
  expect(await element.evaluate((one) => [one.isConnected, one.dataset.state, Number(one.dataset.n) > 0])).toEqual([
    true,
    'delivered',
    true,
  ]);
  expect((await ana.thread()).filter((line) => line.includes('there at once'))).toHaveLength(1);
  await ana.page.evaluate(() => (globalThis.sends = undefined));
});

test('a text that cannot be stored says so, also after a reload, and is not lost', LONG, async () => {
  await ana.page.evaluate(() => (globalThis.sends = 'fail'));
  await ana.say('for a full disk');
  await ana.say('of no use');
  const row = (text) => ana.page.locator('.message.mine[data-state=failed]', { hasText: text });
  await row('for a full disk').getByText(ana.words.message.notStored).waitFor();
  expect(await ana.axe()).toEqual([]);
  await ana.button(ana.words.files.remove, row('of no use')).click();
  await row('of no use').waitFor({ state: 'detached' });
  await ana.page.reload(); // from now on it can be stored
  await ana.button(ana.words.message.tryAgain, row('for a full disk')).click();
  await ana.delivered('for a full disk');
  await bo.hears('for a full disk');
  expect(await field(ana).evaluate((one) => one === document.activeElement)).toBe(true);
  await ana.page.reload();
  await ana.here();
  const lines = (await ana.thread()).filter((line) => /full disk|no use/.test(line));
  expect(lines).toEqual(['> for a full disk']);
});
