/** Files that were chosen before there was anyone to send them to, and those that are accepted without asking. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startCli } from '../../support/cli.js';
import { tempDir } from '../../support/process.js';
import { setStage } from './stage.js';

const stage = setStage();

const file = (name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`inside ${name}`) });
const choose = (someone, ...names) => someone.page.locator('.main input[type=file]').setInputFiles(names.map(file));
const counts = (someone, n) =>
  someone.page.locator('.waiting-files').getByText(someone.words.wait.count(n), { exact: true }).waitFor();
const drop = ({ page }, name) =>
  page.evaluate((called) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['dropped'], called, { type: 'text/plain' }));
    document
      .querySelector('h1')
      .dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }, name);
/** Whether the browser asks before the page is left; the answer is to stay. */
async function asks({ page }) {
  const asked = page.waitForEvent('dialog');
  const going = page.goto('about:blank').catch(() => {});
  const dialog = await asked;
  await dialog.dismiss();
  await going;
  return dialog.type();
}

test('files chosen or dropped before pairing wait, and are offered to the person who pairs in this tab', async () => {
  const ana = await stage.person();
  await choose(ana, 'one.txt', 'two.txt');
  await counts(ana, 2);
  await ana.page.locator('.waiting-files summary').click();
  await ana.button('Remove two.txt').click();
  await counts(ana, 1);
  expect(await asks(ana)).toBe('beforeunload');
  const other = await ana.newTab();
  await choose(other, 'not for bo.txt');
  const link = await ana.invite();
  await drop(ana, 'three.txt');
  await counts(ana, 2);
  const bo = await stage.person();
  await bo.page.goto(link);
  await Promise.all([ana.here(), bo.here()]);
  await bo.page.locator('.file', { hasText: /one\.txt and 1 more/ }).waitFor();
  await ana.page.locator('.waiting-files').waitFor({ state: 'detached' });
  // Who pairs through one tab gets nothing from another, unless the person says so there.
  await counts(other, 1);
  expect(await bo.page.locator('.file').count()).toBe(1);
  await other.page.locator('.contact').click();
  await other.page.locator('.waiting-files .button').click();
  await bo.page.locator('.file', { hasText: 'not for bo.txt' }).waitFor();
  await other.page.locator('.waiting-files').waitFor({ state: 'detached' });
});

test('they reach who joins by a link, and go on waiting beside a program that takes none', async () => {
  const bo = await stage.person();
  await choose(bo, 'later.txt');
  const program = startCli({ relay: stage.relay }, 'connect', await bo.invite());
  stage.keep({ close: () => program.running && program.kill9() });
  await bo.page.locator('.waiting-files').getByText('can’t receive files').waitFor();
  await bo.page.locator('.thread').waitFor();
  expect(await bo.page.locator('.file').count()).toBe(0);
  const ana = await stage.person();
  const link = await ana.invite();
  await bo.button(bo.words.list.add).click();
  await bo.join(link);
  await ana.page.locator('.file', { hasText: 'later.txt' }).waitFor();
  await bo.page.locator('.waiting-files').waitFor({ state: 'detached' });
});

/** Runs in the page before all else: notes the locks that keep the screen on. */
function noteScreenLocks() {
  const locks = (globalThis.screenLocks = []);
  if (!navigator.wakeLock) return; // about:blank has none
  navigator.wakeLock.request = async (type) => {
    const lock = { held: type === 'screen', release: async () => void (lock.held = false) };
    locks.push(lock);
    return lock;
  };
}

test('up to a chosen size files are accepted without asking; the screen stays on while one comes', async () => {
  const { ana, bo } = await stage.pair({ init: noteScreenLocks });
  const { contact, files, back } = bo.words;
  const folder = tempDir('pairlink-accepted-');
  const send = (name, size) => {
    writeFileSync(join(folder, name), Buffer.alloc(size, 'x'));
    return ana.page.locator('.composer input[type=file]').first().setInputFiles(join(folder, name));
  };
  const card = (name) => bo.page.getByRole('article', { name, exact: true });
  const screenLocks = (held) =>
    bo.page.waitForFunction((count) => globalThis.screenLocks.filter((lock) => lock.held).length === count, held);

  const about = bo.page.locator('.thread-head .button-icon').last();
  const choice = bo.page.locator('#accepts');
  await about.click();
  await choice.selectOption(contact.acceptsUpTo(10_000_000));
  await bo.button(back).first().click();
  await about.click();
  await expect.poll(() => choice.inputValue(), 'as the engine has it').toBe('10000000');
  await bo.page.reload();
  expect(await choice.inputValue(), 'kept').toBe('10000000');
  await bo.button(back).first().click();
  await send('small.bin', 10_000);
  await card('small.bin').getByText(files.saved).waitFor();
  await send('large.bin', 10_000_001);
  await bo.button(files.acceptOf('large.bin')).waitFor();

  // What cannot end yet shows that the screen stays on.
  process.kill(stage.relay.pid, 'SIGSTOP');
  try {
    await bo.button(files.acceptOf('large.bin')).click();
    await screenLocks(1);
  } finally {
    process.kill(stage.relay.pid, 'SIGCONT');
  }
  await card('large.bin').getByText(files.saved).waitFor();
  await screenLocks(0);
  expect([...ana.errors, ...bo.errors]).toEqual([]);
});
