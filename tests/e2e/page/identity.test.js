/** An identity that is saved in one browser and used in another; and the two languages. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { setStage } from './stage.js';

const stage = setStage();

const PASSPHRASE = 'four words in a row';

/** Makes a copy and returns its text. */
async function copyOf(person) {
  await person.goTo({ screen: 'identity' });
  const fields = person.page.locator('input[type=password]');
  await fields.nth(0).fill(PASSPHRASE);
  await fields.nth(1).fill(PASSPHRASE);
  await person.button('Make a copy').click();
  const [file] = await Promise.all([person.page.waitForEvent('download'), person.button('Save as a file').click()]);
  expect(file.suggestedFilename()).toBe('pairlink-identity.txt');
  return readFile(await file.path(), 'utf8');
}

async function openCopy(person, text, passphrase) {
  await person.page.getByLabel('or paste its text').fill(text);
  await person.page.locator('input[type=password]').last().fill(passphrase);
  await person.button('Open the copy').click();
}

describe('moving an identity', () => {
  test('the other browser is the same person afterwards, and knows the same people', async () => {
    const { ana, bo } = await stage.pair();
    await ana.callThem('Bo');
    const id = await ana.ownId();
    const copy = await copyOf(ana);
    await ana.page.goto('about:blank');

    const later = await stage.person();
    const before = await later.ownId();
    const second = await later.newTab();
    await later.goTo({ screen: 'identity' });
    await openCopy(later, copy, 'four words in a raw');
    await later.page.getByText('Wrong passphrase, or the copy was changed.').waitFor();
    await openCopy(later, copy.slice(0, -60), PASSPHRASE);
    await later.page.getByText('That isn’t a copy of an identity, or part of it is missing.').waitFor();
    await openCopy(later, copy, PASSPHRASE);
    const question = later.page.getByRole('alert').filter({
      hasText: 'with 1 contact? The identity, contacts, messages and files in this browser will be deleted.',
    });
    await question.waitFor();
    expect(await later.axe()).toEqual([]);
    await later.button('Cancel').click();
    await later.goTo({ screen: 'home' });
    expect(await later.ownId(), 'nothing happens without a yes').toBe(before);

    await later.goTo({ screen: 'identity' });
    await openCopy(later, copy, PASSPHRASE);
    await later.button('Replace everything here').click();
    await later.page.locator('.contact', { hasText: 'Bo' }).waitFor();
    await second.page.locator('.contact', { hasText: 'Bo' }).waitFor();
    await later.goTo({ screen: 'home' });
    expect(await later.ownId()).toBe(id);
    await later.page.locator('.contact').click();
    await later.here();
    await later.say('from another browser');
    await bo.hears('from another browser');
    await later.page.reload();
    await later.here();
  });

  test('a short passphrase, and two that differ, are told', async () => {
    const ana = await stage.person();
    await ana.goTo({ screen: 'identity' });
    const fields = ana.page.locator('input[type=password]');
    await fields.nth(0).fill('too short');
    await ana.button('Make a copy').click();
    await ana.page.getByText('That passphrase is too short.').waitFor();
    await fields.nth(0).fill(PASSPHRASE);
    await fields.nth(1).fill(`${PASSPHRASE}!`);
    await ana.button('Make a copy').click();
    await ana.page.getByText('The two passphrases are different.').waitFor();
  });
});

describe('languages', () => {
  const direction = ({ page }) => page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);

  test('as the browser prefers, right to left where it is read so; codes and IDs stay left to right', async () => {
    const ana = await stage.person({ locale: 'ar-EG' });
    expect(await direction(ana)).toEqual(['ar', 'rtl']);
    await ana.page.getByRole('heading', { name: 'تحدّث وأرسل الملفات بخصوصية' }).waitFor();
    const code = await ana.inviteByCode();
    expect(code).toMatch(/^\d+-[a-z]+-[a-z]+$/);
    expect(await ana.page.locator('.code-whole').evaluate((element) => getComputedStyle(element).direction)).toBe(
      'ltr',
    );
    const bo = await stage.person();
    await bo.join(code);
    await Promise.all([ana.here(), bo.here()]);
    await ana.callThem('Bo');
    await bo.callThem('ليلى');
    await bo.say('Hello');
    await ana.hears('Hello');
    await ana.say('مرحبا');
    await bo.hears('مرحبا');
    const side = (person, css) =>
      person.page
        .locator(css)
        .last()
        .evaluate((element) => element.getBoundingClientRect().left);
    expect(await side(ana, '.mine .bubble')).toBeLessThan(await side(ana, '.theirs .bubble'));
    expect(await side(bo, '.mine .bubble')).toBeGreaterThan(await side(bo, '.theirs .bubble'));
    expect(await bo.page.locator('.theirs .bubble').evaluate((element) => getComputedStyle(element).direction)).toBe(
      'rtl',
    );
  });

  test('chosen in the settings, for all tabs, and kept', async () => {
    const ana = await stage.person();
    const second = await ana.newTab();
    await ana.button('Settings and details').click();
    await ana.page.getByLabel('Language').focus();
    await ana.page.getByLabel('Language').selectOption('ar');
    await ana.page.getByRole('heading', { name: 'الإعدادات' }).waitFor();
    await ana.page.waitForFunction(() => document.activeElement?.localName === 'select');
    await second.page.getByRole('heading', { name: 'تحدّث وأرسل الملفات بخصوصية' }).waitFor();
    expect(await direction(second)).toEqual(['ar', 'rtl']);
    await ana.page.reload();
    await ana.page.getByLabel('اللغة').selectOption('');
    await ana.page.getByRole('heading', { name: 'Settings' }).waitFor();
    expect(await direction(ana)).toEqual(['en', 'ltr']);
  });
});
