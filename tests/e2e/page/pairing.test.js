/** Two Chromium profiles, the real relay: pairing by invite link and by ID, and what is said when it does not work. */
import { describe, expect, test } from 'vitest';
import { cameraThatSees } from '../../support/camera.js';
import { setStage } from './stage.js';

const stage = setStage();

describe('by invite link', () => {
  test('messages go both ways and are marked delivered', async () => {
    const { ana, bo } = await stage.pair();
    await ana.say('Hello from the one who invited');
    await bo.hears('Hello from the one who invited');
    await ana.delivered('Hello from the one who invited');
    await bo.say('Hello from the one who came');
    await ana.hears('Hello from the one who came');
    await bo.delivered('Hello from the one who came');
    expect(await ana.thread()).toEqual(['> Hello from the one who invited', '< Hello from the one who came']);
    expect(await bo.thread()).toEqual(['< Hello from the one who invited', '> Hello from the one who came']);
    expect([...ana.errors, ...bo.errors]).toEqual([]);
  });

  test('the secret leaves the address bar at once, and asks for nothing first', async () => {
    const ana = await stage.person();
    const link = await ana.invite();
    expect(link).toMatch(new RegExp(`^${stage.relay.http}/#[\\w-]{114}$`));
    const bo = await stage.person({ url: link });
    expect(bo.page.url()).toBe(`${stage.relay.http}/`);
    await bo.here();
    expect(await bo.page.evaluate(() => JSON.stringify(history.state))).not.toContain(link.split('#')[1]);
  });

  test('the link may be typed into the field instead, and pasted into a page that is open', async () => {
    const ana = await stage.person();
    const bo = await stage.person();
    await bo.join(await ana.invite());
    await Promise.all([ana.here(), bo.here()]);
    const cem = await stage.person();
    const link = await ana.invite();
    await cem.page.evaluate((fragment) => (location.hash = fragment), link.split('#')[1]);
    await cem.here();
    expect(cem.page.url()).toBe(`${stage.relay.http}/`);
    await expect.poll(() => ana.page.locator('.contact').count(), { timeout: 15_000 }).toBe(2);
  });

  test('the QR code says the same as the link', async () => {
    const ana = await stage.person();
    const link = await ana.invite();
    const { default: decode } = await import('qr/decode.js');
    const scale = 4;
    const picture = await ana.page.locator('.qr').evaluate((svg, by) => {
      const size = svg.viewBox.baseVal.width;
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = size * by;
      const context = canvas.getContext('2d');
      context.fillStyle = '#fff';
      context.fillRect(0, 0, size * by, size * by);
      context.scale(by, by);
      context.fillStyle = '#000';
      context.fill(new Path2D(svg.querySelector('path').getAttribute('d')));
      return { size: size * by, data: Array.from(context.getImageData(0, 0, size * by, size * by).data) };
    }, scale);
    expect(decode({ width: picture.size, height: picture.size, data: Uint8ClampedArray.from(picture.data) })).toBe(
      link,
    );
  });

  test('a link works once', async () => {
    const { ana, link } = await stage.pair();
    const eve = await stage.person();
    await eve.join(link);
    await eve.page.locator('.thread').waitFor();
    await ana.say('only for the first');
    await ana.delivered('only for the first');
    await eve.page.getByText('This invitation was already used, was cancelled, or has expired.').first().waitFor();
    await expect.poll(() => eve.page.locator('.message').count(), { timeout: 15_000 }).toBe(0);
    await expect.poll(() => ana.page.locator('.contact').count(), { timeout: 15_000 }).toBe(1);
  });

  test('a withdrawn invitation is gone, and says so', async () => {
    const ana = await stage.person();
    const link = await ana.invite();
    await ana.page.getByRole('button', { name: 'Cancel invitation' }).click();
    await ana.page.getByRole('heading', { name: 'Talk and send files, privately' }).waitFor();
    await expect.poll(() => ana.page.locator('.pending').count(), { timeout: 15_000 }).toBe(0);
    const bo = await stage.person({ url: link });
    await bo.page.getByText('This invitation was already used, was cancelled, or has expired.').first().waitFor();
    expect(await ana.page.locator('.knock').count()).toBe(0);
  });

  test('an invitation that waits works after the inviter’s page was reloaded', async () => {
    const ana = await stage.person();
    const link = await ana.invite();
    await ana.page.reload();
    const bo = await stage.person({ url: link });
    await Promise.all([ana.here(), bo.here()]);
  });
});

describe('by ID', () => {
  test('who is asked sees a row, allows, and both talk', async () => {
    const [ana, bo] = [await stage.person(), await stage.person()];
    await bo.join(await ana.ownId());
    await bo.page.getByText('asked, waiting for an answer').first().waitFor();
    await bo.say('May I come in?');
    await ana.page
      .getByText(/Someone with ID …\w{4} wants to connect with you/)
      .first()
      .waitFor();
    expect(await ana.page.locator('.message').count(), 'nothing is shown of a stranger').toBe(0);
    await ana.page.getByRole('button', { name: 'Allow' }).click();
    await ana.hears('May I come in?');
    await bo.delivered('May I come in?');
    await ana.say('Of course');
    await bo.hears('Of course');
  });

  test('who is ignored or blocked is told nothing', async () => {
    const [ana, bo] = [await stage.person(), await stage.person()];
    await bo.join(await ana.ownId());
    await ana.page.getByRole('button', { name: 'Block' }).click();
    await expect.poll(() => ana.page.locator('.knock').count(), { timeout: 15_000 }).toBe(0);
    await bo.page.reload(); // asks again
    await bo.page.getByText('asked, waiting for an answer').first().waitFor();
  });
});

describe('inviting', () => {
  /** Runs in the page: collects the headings that are shown from now on. */
  const watchHeadings = () => {
    globalThis.headings = new Set();
    const look = () => document.querySelectorAll('h1').forEach((h1) => globalThis.headings.add(h1.textContent));
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  };

  test('an invitation that was just created is never shown as one that is over', async () => {
    const ana = await stage.person();
    await ana.page.evaluate(watchHeadings);
    await ana.invite();
    const over = ana.words.invite.gone;
    expect(await ana.page.evaluate(() => [...globalThis.headings])).toContain('Your invitation is ready');
    expect(await ana.page.evaluate(() => [...globalThis.headings])).not.toContain(over);
    await ana.page.reload();
    await ana.page.getByRole('heading', { name: 'Your invitation is ready' }).waitFor();
  });

  test('the message that is copied can be pasted as it is, and the link is found in it', async () => {
    const ana = await stage.person();
    const bo = await stage.person();
    const link = await ana.invite();
    const code = (await ana.page.locator('.code-whole').textContent()).trim();
    await ana.page.getByRole('button', { name: 'Copy invitation' }).click();
    await ana.page.getByRole('button', { name: 'Copied' }).waitFor();
    await bo.page.evaluate(() =>
      document.addEventListener('paste', (event) => (globalThis.pasted = event.clipboardData.getData('text')), true),
    );
    await bo.page.getByLabel('Code or link').focus();
    await bo.page.keyboard.press('ControlOrMeta+v');
    const message = await bo.page.evaluate(() => globalThis.pasted);
    expect(message).toContain(`\n${link}\n`);
    expect(message).toContain(code);
    expect(message).toContain(new URL(stage.relay.http).host);
    await bo.page.getByText('That’s an invitation. You can connect.').waitFor();
    expect(await bo.page.getByLabel('Code or link').inputValue()).toBe(link);
    await bo.page.keyboard.press('Enter');
    await Promise.all([ana.here(), bo.here()]);
  });

  test('the names that both typed before reach the other, and the code that was given out survives it', async () => {
    const ana = await stage.person();
    const bo = await stage.person();
    const code = await ana.inviteByCode();
    await ana.page.getByLabel('Your name (optional)').fill('Ana');
    await ana.page.locator('.own-name').getByText('Saved').waitFor();
    expect((await ana.page.locator('.code-whole').textContent()).trim()).toBe(code);
    expect(await bo.page.getByLabel('Your name (optional)').count()).toBe(0);
    await bo.page.getByLabel('Code or link').fill(code);
    await bo.page.getByLabel('Your name (optional)').fill('Bo');
    await bo.page.keyboard.press('Enter');
    await ana.page.getByRole('heading', { name: 'Bo', level: 1 }).waitFor();
    await bo.page.getByRole('heading', { name: 'Ana', level: 1 }).waitFor();
    const writes = () => document.activeElement?.matches('.composer textarea');
    await Promise.all([ana, bo].map(({ page }) => page.waitForFunction(writes)));
    await ana.page.locator('.name-ask button').click();
    await ana.page.waitForFunction(writes);
    await bo.goTo({ screen: 'new' });
    await bo.page.getByLabel('Code or link').fill('4821');
    expect(await bo.page.getByLabel('Your name (optional)').count(), 'asked once').toBe(0);
  });

  test('who joins by the link alone is asked for their own name with the first contact, and it arrives', async () => {
    const ana = await stage.person();
    const bo = await stage.person({ url: await ana.invite() });
    await Promise.all([ana.here(), bo.here()]);
    await ana.page.locator('.name-ask').waitFor();
    expect(await ana.page.getByLabel('Your name (optional)').count(), 'asked beside the invitation').toBe(0);
    await bo.page.getByLabel('Your name (optional)').fill('Bo');
    await bo.callThem('Ana');
    await expect.poll(() => ana.page.locator('#name-ask').inputValue()).toBe('Bo');
    await ana.page.getByRole('heading', { name: 'Bo', level: 1 }).waitFor();
    await bo.page.getByRole('button', { name: 'About Ana' }).waitFor();
  });

  test('the strong button follows what the person does; focus stays in sight', async () => {
    const ana = await stage.person();
    const strong = () => ana.page.locator('.ways .button-main').allTextContents();
    expect(await strong()).toEqual(['Create an invitation']);
    await ana.page.getByLabel('Code or link').fill('4821');
    await expect.poll(strong, { timeout: 15_000 }).toEqual(['Connect']);
    await ana.page.getByLabel('Code or link').fill('');
    await expect.poll(strong, { timeout: 15_000 }).toEqual(['Create an invitation']);
    await ana.invite();
    await ana.page.getByRole('button', { name: 'Cancel invitation' }).click();
    await ana.page.waitForFunction(() => document.activeElement?.localName === 'h1');
    await ana.page.locator('[role=status]', { hasText: 'Invitation cancelled' }).waitFor({ state: 'attached' });
  });

  test('two contacts without a name look different', async () => {
    const ana = await stage.person();
    for (const index of [0, 1]) {
      const one = await stage.person();
      await one.join(await ana.invite());
      await ana.page.locator('.contact').nth(index).waitFor();
    }
    const patterns = await ana.page
      .locator('.contact .avatar-pattern path')
      .evaluateAll((paths) => paths.map((path) => path.getAttribute('d')));
    expect(patterns).toHaveLength(2);
    expect(patterns[0]).not.toBe(patterns[1]);
  });
});

test('a QR code that the camera sees is read inside the page, and pairs', async () => {
  const ana = await stage.person();
  const bo = await stage.person({ args: cameraThatSees(await ana.invite()) });
  expect(await bo.page.evaluate(() => 'BarcodeDetector' in globalThis), 'the page’s own reader').toBe(false);
  await bo.page.getByRole('button', { name: 'Scan a QR code' }).click();
  await Promise.all([ana.here(), bo.here()]);
  expect(bo.errors).toEqual([]);
});

test('the field says at once what is wrong', async () => {
  const ana = await stage.person();
  const own = await ana.ownId();
  for (const [typed, words] of [
    ['hello!', 'doesn’t look like a code, link or ID'],
    ['https://relay.example/', 'Part of the link is missing'],
    ['https://relay.example/#abcdefgh', 'This link is damaged'],
    ['a'.repeat(54), 'typo in this ID'],
    ['a'.repeat(60), 'too long'],
    [own.toUpperCase(), 'That’s your own'],
  ]) {
    await ana.page.getByLabel('Code or link').fill(typed);
    await ana.page.getByText(words).waitFor();
  }
});

test('by keyboard alone: invite, type the code, name, write, compare, block', async () => {
  const [ana, bo] = [await stage.person(), await stage.person()];
  const tabTo = async (person, locator) => {
    for (let i = 0; i < 40; i += 1) {
      await person.page.keyboard.press('Tab');
      if (await locator.evaluate((element) => element === document.activeElement)) return;
    }
    throw new Error('not reached by Tab');
  };
  const press = (person, name) => tabTo(person, person.button(name)).then(() => person.page.keyboard.press('Enter'));
  await press(ana, 'Create an invitation');
  const [number, first, second] = (await ana.page.locator('.code-whole').textContent()).trim().split('-');
  await tabTo(bo, bo.page.getByLabel('Code or link'));
  await bo.page.keyboard.type(`${number} ${first.slice(0, -1)}`);
  const option = bo.page.getByRole('option', { name: first, exact: true });
  await option.waitFor();
  for (let i = 0; i < 6 && (await option.getAttribute('aria-selected')) !== 'true'; i += 1)
    await bo.page.keyboard.press('ArrowDown');
  await bo.page.keyboard.press('Tab');
  await bo.page.waitForFunction((text) => document.activeElement.value === text, `${number}-${first}-`);
  await bo.page.keyboard.type(second);
  await bo.page.getByText('That’s a code. You have one try.').waitFor();
  await bo.page.keyboard.press('Enter');
  await Promise.all([ana.here(), bo.here()]);
  await tabTo(bo, bo.page.getByLabel('What do you call them?'));
  await bo.page.keyboard.press('ControlOrMeta+a');
  await bo.page.keyboard.type('Ana');
  await bo.page.keyboard.press('Enter');
  await tabTo(bo, bo.page.getByLabel('Message to Ana'));
  await bo.page.keyboard.type('first line');
  await bo.page.keyboard.press('Shift+Enter');
  await bo.page.keyboard.type('second line');
  await bo.page.keyboard.press('Enter');
  await ana.hears('first line\nsecond line');
  await press(bo, 'About Ana');
  await press(bo, 'They match');
  await bo.page.getByText('You compared it on').waitFor();
  await press(bo, 'Block');
  await ana.page.locator('.thread-who p', { hasText: 'not online' }).waitFor();
});
