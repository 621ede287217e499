/**
 * By keyboard alone: the focus never falls to the body, whatever disappears, and each screen gives it to what comes next.
 */
import { describe, expect, test } from 'vitest';
import { setStage } from './stage.js';
import { watchFocus } from './watch.js';

const stage = setStage();

const phone = { viewport: { width: 390, height: 844 }, context: { hasTouch: true, isMobile: true } };
const person = (more) => stage.person({ init: watchFocus, ...more });
const pair = (more) => stage.pair({ init: watchFocus, ...more });

const focused = ({ page }) => page.locator(':focus');
/** The words of what has the focus. */
const words = ({ page }) =>
  page.evaluate(() => {
    const { activeElement: one } = document;
    return one === document.body ? 'BODY' : (one.getAttribute('aria-label') ?? one.textContent);
  });
/** Goes to a button by Tab, and presses Enter on it. */
async function press(who, name, within) {
  await tabTo(who, who.button(name, within).first());
  await who.page.keyboard.press('Enter');
}
/** Returns after how many Tabs something has the focus. */
async function tabTo(who, target, key = 'Tab') {
  await target.waitFor();
  for (let count = 0; count <= 60; count += 1) {
    if (await target.evaluate((one) => one === document.activeElement)) return count;
    await who.page.keyboard.press(key);
  }
  throw new Error(`no way by ${key} to ${target}; the focus is on ${await words(who)}`);
}
const field = ({ page }) => page.locator('.composer textarea');
const isFocused = (who, target) =>
  target
    .and(focused(who))
    .waitFor({ timeout: 10_000 })
    .catch(async () => {
      throw new Error(`the focus is not on ${target} but on ${await words(who)}`);
    });
const lost = ({ page }) =>
  page
    .evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
    .then(() => page.evaluate(() => globalThis.lostFocus));
const nothingLost = async (...people) => {
  for (const one of people) expect(await lost(one)).toEqual([]);
};

test('the watcher notices a focus that falls to the body', async () => {
  const ana = await person();
  await ana.page.evaluate(() => {
    const stray = document.createElement('input');
    document.documentElement.append(stray); // where the page does not look after it
    stray.focus();
    stray.remove();
  });
  expect((await lost(ana)).length).toBe(1);
});

describe('pairing', () => {
  test('the message field has the focus at once, on both sides', async () => {
    const ana = await person();
    const bo = await person();
    const { words: s } = ana;
    await press(ana, s.invite.action);
    const link = await ana.page.locator('#invite-link').inputValue();
    await tabTo(bo, bo.page.locator('#join-text'));
    await bo.page.keyboard.insertText(link);
    await bo.page.keyboard.press('Enter');
    await Promise.all([ana.here(), bo.here()]);
    for (const one of [ana, bo]) expect(await tabTo(one, field(one))).toBeLessThanOrEqual(2);
    await nothingLost(ana, bo);
  });

  test('a saved name gives way to the message field', async () => {
    const { ana, bo } = await pair();
    await tabTo(ana, ana.page.locator('#name-ask'), 'Shift+Tab');
    await ana.page.keyboard.press('ControlOrMeta+a');
    await ana.page.keyboard.insertText('Bo');
    await ana.page.keyboard.press('Enter');
    await ana.page.locator('.name-ask').waitFor({ state: 'detached' });
    await isFocused(ana, field(ana));
    await tabTo(bo, bo.button(bo.words.save), 'Shift+Tab');
    await bo.page.keyboard.press('Enter');
    await bo.page.locator('.name-ask').waitFor({ state: 'detached' });
    await isFocused(bo, field(bo));
    await nothingLost(ana, bo);
  });

  test('a cancelled invitation leads to the first screen', async () => {
    const ana = await person();
    await press(ana, ana.words.invite.action);
    await press(ana, ana.words.invite.cancel);
    await ana.page.locator('#join-text').waitFor();
    expect(await words(ana)).toBe(ana.words.home.title);
    await nothingLost(ana);
  });
});

describe('questions', () => {
  test('a known name: each answer leads on', async () => {
    const { ana, bo } = await pair();
    await ana.callThem('Bo');
    const s = ana.words;
    const impostor = async () => {
      const eve = await person();
      await eve.goTo({ screen: 'settings' });
      await eve.page.locator('.name-form input').fill('Bo');
      await eve.button(s.save).click();
      await eve.page.getByText(s.settings.saved).waitFor();
      await eve.goTo({ screen: 'home' });
      await press(ana, s.list.add);
      await press(ana, s.invite.action);
      await eve.join(await ana.page.locator('#invite-link').inputValue());
      await ana.page.locator('.alarm').waitFor();
      return eve;
    };
    await impostor();
    await press(ana, s.doubt.other);
    await isFocused(ana, ana.page.locator('#name-ask'));
    await ana.page.keyboard.insertText('Eve');
    await ana.page.keyboard.press('Enter');
    await isFocused(ana, field(ana));
    await impostor();
    await press(ana, s.doubt.block);
    await ana.page.locator('.alarm').waitFor({ state: 'detached' });
    expect(await words(ana)).not.toBe('BODY');
    expect(await ana.page.locator('.name-ask').count(), 'nobody names whom they block').toBe(0);
    await impostor();
    await press(ana, s.doubt.same('Bo'));
    await ana.page.locator('.alarm').waitFor({ state: 'detached' });
    await isFocused(ana, field(ana));
    await nothingLost(ana, bo);
  });

  test('a request: ignored, blocked or allowed', async () => {
    const { ana } = await pair();
    const id = await ana.ownId();
    const s = ana.words;
    for (const answer of [s.knock.ignore, s.knock.block, s.knock.allow]) {
      const cem = await person();
      await cem.join(id);
      await ana.page.locator('.knock').waitFor();
      await press(ana, answer);
      await ana.page.locator('.knock').waitFor({ state: 'detached' });
      expect(await words(ana)).not.toBe('BODY');
    }
    await isFocused(ana, field(ana));
    await nothingLost(ana);
  });
});

describe('what disappears', () => {
  test('a contact that is deleted, and a question that is cancelled', async () => {
    const { ana } = await pair();
    const s = ana.words;
    await tabTo(ana, ana.page.locator('.thread-head .button-icon').last(), 'Shift+Tab');
    await ana.page.keyboard.press('Enter');
    await ana.page.locator('.phrase').waitFor();
    expect(await words(ana)).toBe(s.contact.heading);
    await press(ana, s.contact.forget);
    expect(await words(ana)).toBe(s.cancel);
    await ana.page.keyboard.press('Enter');
    expect(await words(ana)).toBe(s.contact.forget);
    await ana.page.keyboard.press('Enter');
    await press(ana, s.contact.forgetYes);
    await ana.page.locator('#join-text').waitFor();
    expect(await words(ana)).toBe(s.home.title);
    await nothingLost(ana);
  });

  test('a file that is accepted, then removed', async () => {
    const { ana, bo } = await pair();
    const s = ana.words;
    await bo.page
      .locator('.composer input[type=file]')
      .first()
      .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('notes') });
    const card = ana.page.locator('.message[data-kind=file]');
    await tabTo(ana, ana.button(s.files.acceptOf('notes.txt'), card), 'Shift+Tab');
    await ana.page.keyboard.press('Enter');
    await card.and(ana.page.locator('[data-state=saved]')).waitFor();
    await ana.page.locator('.scroller').focus();
    for (const key of ['ArrowUp', 'Enter']) await ana.page.keyboard.press(key);
    await ana.page.getByRole('menuitem', { name: s.files.removeHere }).focus();
    await ana.page.keyboard.press('Enter');
    await press(ana, s.files.remove, ana.page.getByRole('alertdialog'));
    await card.and(ana.page.locator('[data-state=removed]')).waitFor();
    expect(await words(ana)).not.toBe('BODY');
    await nothingLost(ana);
  });
});

describe('going back', () => {
  test('the focus is where it was', async () => {
    const { ana } = await pair();
    const s = ana.words;
    const gear = ana.button(s.list.settings);
    await tabTo(ana, gear, 'Shift+Tab');
    await ana.page.keyboard.press('Enter');
    await isFocused(ana, ana.page.getByRole('heading', { name: s.settings.heading }));
    await press(ana, s.settings.serverSees);
    await isFocused(ana, ana.page.getByRole('heading', { name: s.sees.heading }));
    await press(ana, s.back);
    await isFocused(ana, ana.button(s.settings.serverSees));
    await ana.page.goBack();
    await isFocused(ana, gear);
    await nothingLost(ana);
  });

  test('on a phone, a screen opens at its top, however far down the one before was', async () => {
    const ana = await person({ ...phone, viewport: { width: 390, height: 400 } });
    const top = () => ana.page.locator('.main').evaluate((one) => one.scrollTop);
    await ana.page.locator('.main').evaluate((one) => one.scrollTo(0, one.scrollHeight));
    expect(await top()).toBeGreaterThan(100);
    await ana.button(ana.words.invite.action).dispatchEvent('click');
    await ana.page.getByRole('heading', { name: ana.words.invite.heading }).waitFor();
    expect(await top()).toBe(0);
  });

  test('on a phone, from a conversation to its row', async () => {
    const { ana } = await pair(phone);
    const s = ana.words;
    await press(ana, s.back);
    await press(ana, s.list.settings);
    await press(ana, s.back);
    await isFocused(ana, ana.button(s.list.settings));
    const row = ana.page.locator('.contact');
    await tabTo(ana, row);
    await ana.page.keyboard.press('Enter');
    await ana.page.locator('.thread').waitFor();
    expect(await words(ana)).not.toBe('BODY');
    await press(ana, s.back);
    await isFocused(ana, row);
    await nothingLost(ana);
  });

  test('a change of the language leaves it on the choice', async () => {
    const ana = await person();
    await press(ana, ana.words.list.settings);
    const choice = ana.page.locator('select.language');
    await tabTo(ana, choice);
    await choice.selectOption('ar');
    await ana.page.locator('html[dir=rtl]').waitFor();
    await isFocused(ana, choice);
    await nothingLost(ana);
  });
});
