/** Who is who: a known name with another ID, the safety phrase, strangers who use a name, blocking and forgetting. */
import { expect, test } from 'vitest';
import { createClient, newSeed, ready, safetyPhrase } from '../../../web/client/index.js';
import { startProxy } from '../../support/proxy.js';
import { WebSocket } from 'ws';
import { setStage } from './stage.js';

const stage = setStage();

async function callOneself(somebody, name) {
  await somebody.button(somebody.words.list.settings).first().click();
  await somebody.page.locator('.name-form input').fill(name);
  await somebody.button('Save').click();
  await somebody.page.locator('.name-form').getByText('Saved').waitFor();
  await somebody.goTo({ screen: 'home' });
}

test('a known name with another ID is loud, and nothing is sent until it is answered', async () => {
  const { ana, bo } = await stage.pair();
  await ana.callThem('Bo');
  const eve = await stage.person();
  await callOneself(eve, 'BO');
  const code = await ana.inviteByCode();
  await eve.join(code);
  const alarm = ana.page.getByRole('alert').filter({ hasText: 'Is this really Bo?' });
  await alarm.waitFor();
  await ana.here();
  expect(await ana.page.locator('.composer').count()).toBe(0);
  await eve.say('It is me, Bo');
  await ana.hears('It is me, Bo');
  await ana.button('It’s someone else').click();
  await ana.callThem('Another Bo');
  expect(await alarm.count()).toBe(0);
  await ana.say('Hello, other Bo');
  await eve.hears('Hello, other Bo');
  expect(await bo.page.locator('.message').count(), 'the first Bo has got none of it').toBe(0);
});

test('messages for somebody who takes a known name are held back, and sent once they are vouched for', async () => {
  const { ana } = await stage.pair();
  await ana.callThem('Bo');
  const eve = await stage.person();
  await eve.join(await ana.inviteByCode());
  await ana.here();
  await ana.callThem('Eve');
  await eve.page.goto('about:blank');
  await ana.page.locator('.thread-who p', { hasText: 'not online' }).waitFor();
  await ana.say('for Eve');
  await ana.page.getByText('Sends when you’re both online').waitFor();
  await ana.button('About Eve').click();
  await ana.page.locator('.name-form input').fill('Bo');
  await ana.button('Save').click();
  await ana.page.locator('.name-form').getByText('Saved').waitFor();
  await ana.button('Back', ana.page.locator('main')).click();
  await ana.page.getByText('Not sent until you’ve answered').waitFor();
  await eve.page.goto(stage.relay.http);
  await ana.here();
  await ana.page.getByText('Not sent until you’ve answered').waitFor();
  await ana.button('I asked: it’s Bo').click();
  await ana.delivered('for Eve');
  await eve.page.getByText('for Eve').first().waitFor();
});

test('the phrase is the same on both sides, and that it was compared is remembered', async () => {
  const { ana, bo } = await stage.pair();
  await ana.callThem('Bo');
  await bo.callThem('Ana');
  await ana.button('About Bo').click();
  await bo.button('About Ana').click();
  const words = ({ page }) => page.locator('.phrase li').allTextContents();
  await expect.poll(() => words(ana), { timeout: 15_000 }).toHaveLength(12);
  await expect.poll(() => words(bo), { timeout: 15_000 }).toEqual(await words(ana));
  // A browser that translates pages must leave these words alone.
  for (const what of ['.phrase', '.key']) expect(await ana.page.locator(what).getAttribute('translate')).toBe('no');
  const [said] = await Promise.all([words(ana), ready]);
  const idOf = ({ page }) => page.locator('.sheet .key').textContent();
  expect(said.join(' ')).toBe(safetyPhrase((await idOf(ana)).trim(), (await idOf(bo)).trim()));
  await ana.button('They differ').click();
  await ana.page.getByText('Then you’re not connected with the person you’re talking to').waitFor();
  await ana.button('They match').click();
  await ana.page.getByText('You compared it on').waitFor();
  await ana.page.reload();
  await ana.page.getByText('You compared it on').waitFor();
  await ana.button('Back', ana.page.locator('main')).click();
  await ana.page.getByRole('img', { name: 'compared' }).waitFor();
});

test('a stranger who uses a known name is told apart before anything is allowed', async () => {
  const { ana } = await stage.pair();
  await ana.callThem('Bo');
  const eve = await stage.person();
  await callOneself(eve, 'Bo');
  await eve.join(await ana.ownId());
  await ana.page.locator('.knock').getByText('Careful: this is not the Bo you know').waitFor();
  await ana.button('Ignore').click();
  await expect.poll(() => ana.page.locator('.knock').count(), { timeout: 15_000 }).toBe(0);
});

test('a contact is blocked, unblocked and forgotten', async () => {
  const { ana, bo } = await stage.pair();
  await ana.callThem('Bo');
  await ana.button('About Bo').click();
  await ana.button('Block').click();
  await bo.page.locator('.thread-who p', { hasText: 'not online' }).waitFor();
  await bo.say('are you there?');
  await ana.button('Unblock').click();
  await bo.delivered('are you there?');
  await ana.button('Delete contact and messages').click();
  await ana.button('Delete for good').click();
  await ana.page.getByRole('heading', { name: 'Talk and send files, privately' }).waitFor();
  await ana.page.reload();
  await ana.page.getByRole('heading', { name: 'Talk and send files, privately' }).waitFor();
  expect(await ana.page.locator('.contact').count()).toBe(0);
});

test('an expired invitation is told, by its link', async () => {
  const client = await createClient({ url: stage.relay.ws, seed: newSeed(), application: 'chat/1', WebSocket });
  stage.keep({ close: () => client.stop() });
  await new Promise((done) => client.on('online', done));
  const { link } = client.createInvite({ pageUrl: `${stage.relay.http}/`, lifetimeMs: 0 });
  const bo = await stage.person({ url: link });
  await bo.page.getByText('This invitation was already used, was cancelled, or has expired.').first().waitFor();
  expect(await bo.page.locator('.here-dot').count()).toBe(0);
});

test('a further person who tries a code is sent away, and both are told', async () => {
  const proxy = await startProxy(stage.relay.port);
  stage.keep({ close: () => proxy.stop() });
  const [ana, bo, eve] = [await stage.person(), await stage.person({ url: proxy.http }), await stage.person()];
  const code = await ana.inviteByCode();
  // Held back from the answer on, the first one sits on the code's only seat.
  const answered = new Promise((done) => proxy.once('received', done));
  proxy.once('received', () => proxy.stall());
  await bo.join(code);
  await answered;
  await eve.join(code);
  await eve.page.getByText('Someone else is using this code right now.').waitFor();
  await ana.page.getByText('Someone else tried this code at the same moment and was refused.').waitFor();
  expect(await ana.axe()).toEqual([]);
  proxy.resume();
  await Promise.all([ana.here(), bo.here()]);
});
