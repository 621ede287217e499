/** Files that were chosen before there was anyone to send them to. */
import { expect, test } from 'vitest';
import { startCli } from '../../support/cli.js';
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
