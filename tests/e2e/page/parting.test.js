/** Deleting, ignoring and blocking hold after a reload, and an invitation that is over says so and offers to ask. */
import { expect, test } from 'vitest';
import { setStage } from './stage.js';

const stage = setStage();

const waits = (someone, text) => someone.page.getByText(text).first().waitFor();
const knocks = (someone) => someone.page.locator('.knock').count();
const knockOf = (someone, id) =>
  someone.page.locator('.knock', { hasText: someone.words.knock.arrived(id.slice(-4)) }).waitFor();
/** On the first screen: a third person asks, after whatever others have asked. Only their request is shown. */
async function onlyThirdAsks(ana, id) {
  const cem = await stage.person();
  const own = await cem.ownId();
  await cem.join(id);
  await knockOf(ana, own);
  expect(await knocks(ana)).toBe(1);
}
const over = 'This invitation was already used, was cancelled, or has expired.';

async function forget(someone, name) {
  await someone.button(`About ${name}`).click();
  await someone.button('Delete contact and messages').click();
  await someone.button('Delete for good').click();
  await someone.page.locator('.home').waitFor();
}

async function openSettings(someone) {
  await someone.goTo({ screen: 'settings' });
  await someone.page.locator('.settings').waitFor();
}

test('a deleted contact stays deleted after a reload, is told, and comes back by a new invitation', async () => {
  const { ana, bo } = await stage.pair();
  await ana.callThem('Bo');
  await bo.callThem('Ana');
  const id = await ana.ownId();
  await forget(ana, 'Bo');
  await waits(bo, 'Ana isn’t accepting messages from you any more. Ask for a new invitation.');
  expect(await bo.page.locator('.composer').count()).toBe(0);
  await ana.page.reload();
  await bo.button('Try again').click();
  await waits(bo, 'Ana isn’t accepting messages from you any more.');
  await onlyThirdAsks(ana, id);
  expect(await ana.page.locator('.contact').count()).toBe(0);
  await openSettings(ana);
  await ana.page.locator('.turned-away li', { hasText: 'deleted' }).waitFor();
  await ana.goTo({ screen: 'home' });
  await bo.page.goto(await ana.invite());
  await Promise.all([ana.here(), bo.here()]);
  await bo.say('Here again');
  await ana.hears('Here again');
});

test('a contact deleted while it was away is told; its message waits until it is let in and sent again', async () => {
  const { ana, bo } = await stage.pair();
  await ana.callThem('Bo');
  await bo.callThem('Ana');
  await ana.page.goto('about:blank');
  await bo.page.locator('.thread-who p', { hasText: bo.words.thread.away }).waitFor();
  await bo.say('Are you there?');
  await bo.page.goto('about:blank');
  await ana.page.goto(stage.relay.http);
  await ana.page.locator('.contact', { hasText: 'Bo' }).click();
  await forget(ana, 'Bo');
  await ana.page.reload();
  await bo.page.goto(stage.relay.http);
  await bo.page.locator('.contact', { hasText: 'Ana' }).click();
  await waits(bo, 'Ana isn’t accepting messages from you any more.');
  await bo.page.locator('.message.mine', { hasText: 'not delivered' }).waitFor();
  expect(await knocks(ana)).toBe(0);
  await openSettings(ana);
  await ana.page.getByRole('button', { name: /^Let them ask/ }).click();
  await ana.page.getByRole('status').filter({ hasText: 'can send you a request again' }).waitFor();
  await bo.bubble('mine', 'Are you there?').hover();
  await bo.bubble('mine', 'Are you there?').locator('.message-more').click();
  await bo.page.getByRole('menuitem', { name: 'Send again', exact: true }).click();
  await ana.goTo({ screen: 'home' });
  await ana.button('Allow').click();
  await ana.hears('Are you there?');
  await bo.delivered('Are you there?');
});

test('who was ignored stays silent after a reload, and may ask again once that is taken back', async () => {
  const ana = await stage.person();
  const bo = await stage.person();
  const [id, theirs] = [await ana.ownId(), await bo.ownId()];
  await bo.join(id);
  await ana.button('Ignore').click();
  await expect.poll(() => knocks(ana), { timeout: 15_000 }).toBe(0);
  await ana.page.reload();
  await bo.page.reload(); // asks again, as a new session
  await waits(bo, bo.words.thread.asked);
  await onlyThirdAsks(ana, id);
  await openSettings(ana);
  await ana.page.locator('.turned-away li', { hasText: 'ignored' }).waitFor();
  await ana.page.getByRole('button', { name: /^Let them ask/ }).click();
  await ana.goTo({ screen: 'home' });
  await knockOf(ana, theirs);
});

test('a stranger who was blocked stays so after a reload, and is no contact', async () => {
  const ana = await stage.person();
  const bo = await stage.person();
  const id = await ana.ownId();
  await bo.join(id);
  await ana.button('Block').click();
  await expect.poll(() => knocks(ana), { timeout: 15_000 }).toBe(0);
  await ana.page.reload();
  await bo.page.reload();
  await waits(bo, bo.words.thread.asked);
  await onlyThirdAsks(ana, id);
  expect(await ana.page.locator('.contact').count()).toBe(0);
  await openSettings(ana);
  await ana.page.locator('.turned-away li', { hasText: 'blocked' }).waitFor();
});

test('a used invitation says so, also after its maker’s reload, and whoever asks then is a request', async () => {
  const ana = await stage.person();
  const link = await ana.invite();
  const bo = await stage.person({ url: link });
  await Promise.all([ana.here(), bo.here()]);
  await ana.page.reload();
  const eve = await stage.person({ url: link });
  await waits(eve, over);
  expect(await knocks(ana)).toBe(0);
  await eve.button('Ask to connect').click();
  await waits(eve, eve.words.thread.asked);
  await ana.goTo({ screen: 'home' });
  await ana.button('Allow').click();
  await Promise.all([ana.here(), eve.here()]);
});

test('a cancelled invitation says so after its maker’s reload', async () => {
  const ana = await stage.person();
  const link = await ana.invite();
  await ana.button(ana.words.invite.cancel).click();
  await ana.page.locator('.home').waitFor();
  await ana.page.reload();
  const bo = await stage.person({ url: link });
  await waits(bo, over);
  expect(await knocks(ana)).toBe(0);
});

test('of two people who open one link, the second is told', async () => {
  const ana = await stage.person();
  const link = await ana.invite();
  const both = await Promise.all([stage.person({ url: link }), stage.person({ url: link })]);
  await Promise.any(both.map((one) => one.here()));
  await Promise.any(both.map((one) => waits(one, over)));
  expect(await ana.page.locator('.contact').count()).toBe(1);
});

test('while the inviter is away the page waits, and after a day it says that the link cannot work', async () => {
  const ana = await stage.person();
  const link = await ana.invite();
  await ana.page.goto('about:blank');
  const bo = await stage.person();
  await bo.page.clock.install();
  await bo.page.goto(link);
  await waits(bo, 'Waiting for the person who invited you. Keep this page open');
  await bo.page.clock.fastForward('25:00:00');
  await waits(bo, 'This invitation has expired, and nobody answered.');
  await bo.button('Ask to connect').waitFor();
});
