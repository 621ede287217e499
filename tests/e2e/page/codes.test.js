/** Pairing by code, page and page: said, typed, completed; wrong, busy, expired; and what comes of it. */
import { describe, expect, test } from 'vitest';
import { setStage } from './stage.js';

const stage = setStage();

const field = ({ page }) => page.getByLabel('Code or link');
const note = ({ page }) => page.locator('#join-note');
/** Another word of the list than the last one of the code. */
const wrongWord = (code) => code.replace(/[a-z]+$/, (word) => (word === 'apple' ? 'copper' : 'apple'));

test('the code is said, the other person types it: both are sure, and name each other', async () => {
  const [ana, bo] = [await stage.person(), await stage.person()];
  const code = await ana.inviteByCode();
  expect(code).toMatch(/^\d{4,7}-[a-z]+-[a-z]+$/);
  await ana.page.getByText('Waiting for the other person…').waitFor();
  await ana.page.getByText(/Works once · (9|10) mins? left/).waitFor();
  await bo.join(code);
  await Promise.all([ana.here(), bo.here()]);
  await ana.callThem('Bo');
  await bo.callThem('Ana');
  await ana.say('by code');
  await bo.hears('by code');
  await bo.say('indeed');
  await ana.hears('indeed');
  await ana.page.getByRole('button', { name: 'About Bo' }).click();
  await ana.page.getByText('Connected with the code you gave them').waitFor();
  await bo.page.getByRole('button', { name: 'About Ana' }).click();
  await bo.page.getByText('Connected with the code they gave you').waitFor();
  expect([...ana.errors, ...bo.errors]).toEqual([]);
});

test('a code is taken as people write it', async () => {
  const [ana, bo] = [await stage.person(), await stage.person()];
  const code = await ana.inviteByCode();
  for (const text of [code.replaceAll('-', ''), code.replaceAll('-', ' , '), `The code is “${code}”.`]) {
    await field(bo).fill(text);
    await note(bo).getByText('That’s a code. You have one try.').waitFor();
    await field(bo).fill('');
  }
  await bo.join(
    `  ${code
      .toUpperCase()
      .replace('-', ' -- ')
      .replace(/-(?=[A-Z]+$)/, '  ')} `,
  );
  await Promise.all([ana.here(), bo.here()]);
});

test('words are completed while typing, by keyboard and by a tap', async () => {
  const [ana, bo] = [await stage.person(), await stage.person()];
  const [number, first, second] = (await ana.inviteByCode()).split('-');
  const words = bo.page.getByRole('option');
  await field(bo).pressSequentially(`${number}-${first.slice(0, -1)}`);
  await words.filter({ hasText: new RegExp(`^${first}$`) }).waitFor();
  const offered = await words.allTextContents();
  expect(offered.every((word) => word.startsWith(first.slice(0, -1)))).toBe(true);
  for (let down = 0; down <= offered.indexOf(first); down += 1) await field(bo).press('ArrowDown');
  const active = bo.page.locator(`#${await field(bo).getAttribute('aria-activedescendant')}`);
  expect(await active.textContent()).toBe(first);
  await field(bo).press('Enter');
  await expect.poll(() => field(bo).inputValue(), { timeout: 15_000 }).toBe(`${number}-${first}-`);
  await field(bo).pressSequentially(second.slice(0, -1));
  await words.filter({ hasText: new RegExp(`^${second}$`) }).click();
  await expect.poll(() => field(bo).inputValue(), { timeout: 15_000 }).toBe(`${number}-${first}-${second}`);
  await bo.page.getByText('That’s a code. You have one try.').waitFor();
  await field(bo).press('Enter');
  await Promise.all([ana.here(), bo.here()]);
});

test('what is wrong with a code is said at once', async () => {
  const bo = await stage.person();
  for (const [typed, words] of [
    ['4821', 'Two more words.'],
    ['4821-', 'Two more words.'],
    ['48-', 'four to seven digits'],
    ['4821-zzz', '“zzz” isn’t a word that codes use.'],
  ]) {
    await field(bo).fill(typed);
    await note(bo).getByText(words).waitFor();
  }
});

test('a mistyped first word is named, and its suggestion keeps the word behind it', async () => {
  const bo = await stage.person();
  await field(bo).fill('4821-coppr-violin');
  await note(bo).getByText('“coppr” isn’t a word that codes use.').waitFor();
  await bo.page.getByRole('option', { name: 'copper' }).click();
  await expect.poll(() => field(bo).inputValue(), { timeout: 15_000 }).toBe('4821-copper-violin');
  await note(bo).getByText('That’s a code. You have one try.').waitFor();
});

describe('a wrong code', () => {
  test('is told to both, is used up, and a new one is a click away', async () => {
    const [ana, bo] = [await stage.person(), await stage.person()];
    const code = await ana.inviteByCode();
    await bo.join(wrongWord(code));
    await note(bo).getByText('That wasn’t the right code, and now it no longer works.').waitFor();
    await ana.page.getByText('Someone got this code wrong, so it no longer works.').waitFor();
    expect(await ana.axe()).toEqual([]);
    await bo.join(code);
    await note(bo).getByText('There’s no such code').waitFor();
    await ana.page.getByRole('button', { name: 'New code' }).click();
    const next = (await ana.page.locator('.code-whole').textContent()).trim();
    expect(next).not.toBe(code);
    await bo.join(next);
    await Promise.all([ana.here(), bo.here()]);
  });

  test('that nobody has given out', async () => {
    const bo = await stage.person();
    const ana = await stage.person();
    const code = await ana.inviteByCode();
    await ana.page.getByRole('button', { name: 'Cancel invitation' }).click();
    await bo.join(code);
    await note(bo).getByText('There’s no such code, or it no longer works.').waitFor();
    await bo.page.waitForFunction(() => document.activeElement?.id === 'join-text');
  });
});

test('of code and link only one can be used', async () => {
  const [ana, bo, eve] = [await stage.person(), await stage.person(), await stage.person()];
  const link = await ana.invite();
  const code = (await ana.page.locator('.code-whole').textContent()).trim();
  await bo.join(code);
  await Promise.all([ana.here(), bo.here()]);
  await eve.join(link);
  await eve.page.getByText('This invitation was already used, was cancelled, or has expired.').first().waitFor();
  await expect.poll(() => ana.page.locator('.contact').count(), { timeout: 15_000 }).toBe(1);
});
