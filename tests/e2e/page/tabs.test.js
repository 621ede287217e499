/** Several tabs of one profile, reloads in mid-conversation, and a relay that goes away and comes back. */
import { describe, expect, test } from 'vitest';
import { SHORT_TIMERS } from '../../support/relay.js';
import { setStage } from './stage.js';

const stage = setStage({ relayArgs: SHORT_TIMERS });

const withoutSharedWorker = () => delete globalThis.SharedWorker;
const withoutBoth = () => {
  delete globalThis.SharedWorker;
  delete Navigator.prototype.locks;
};

describe.each([
  ['one engine in a SharedWorker', undefined, 'all tabs share one engine'],
  ['without SharedWorker: one tab leads', withoutSharedWorker, 'one tab leads'],
  ['without SharedWorker and locks: each tab for itself', withoutBoth, 'each tab for itself'],
])('%s', (_, init, mode) => {
  test('two tabs of one profile show the same and do not fight', async () => {
    const { ana, bo } = await stage.pair({ init });
    const second = await ana.newTab();
    await second.page.locator('.contact').click();
    await second.here();
    await ana.say('from the first tab');
    await second.bubble('mine', 'from the first tab').waitFor();
    await second.say('from the second tab');
    await ana.delivered('from the second tab');
    await bo.hears('from the second tab');
    await bo.say('to both');
    await Promise.all([ana.hears('to both'), second.hears('to both')]);
    const expected = ['> from the first tab', '> from the second tab', '< to both'];
    expect(await ana.thread()).toEqual(expected);
    expect(await second.thread()).toEqual(expected);
    expect(await bo.thread()).toEqual(['< from the first tab', '< from the second tab', '> to both']);
    await ana.page.evaluate(() => history.replaceState({ place: { screen: 'settings' }, depth: 0 }, ''));
    await ana.page.reload();
    await ana.page.getByText('For the curious').click();
    await ana.page.getByText(mode).waitFor();
  });

  test('the first tab is closed, the other goes on', async () => {
    const { ana, bo } = await stage.pair({ init });
    const second = await ana.newTab();
    await second.page.locator('.contact').click();
    await ana.page.close();
    await second.say('still here');
    await bo.hears('still here');
    await bo.say('so am I');
    await second.hears('so am I');
    expect(await second.thread()).toEqual(['> still here', '< so am I']);
  });

  test('reloads in mid-conversation lose nothing and double nothing', async () => {
    const { ana, bo } = await stage.pair({ init });
    const sent = [];
    for (const round of [1, 2, 3]) {
      for (const part of ['a', 'b', 'c']) {
        await ana.say(`${round}${part}`);
        sent.push(`${round}${part}`);
      }
      // The sender reloads with messages on their way, then the receiver does.
      await (round % 2 ? ana : bo).page.reload();
      await Promise.all([ana.page.locator('.composer').waitFor(), bo.page.locator('.composer').waitFor()]);
    }
    // The text is sent and the page reloaded in the same moment, with a worker that does nothing more.
    const hang = () =>
      void setTimeout(() => {
        for (;;);
      });
    await Promise.all(ana.page.workers().map((worker) => worker.evaluate(hang)));
    await ana.page.locator('.composer textarea').fill('just before');
    await ana.page.evaluate(() => {
      document.querySelector('.composer').requestSubmit();
      location.reload();
    });
    sent.push('just before');
    await ana.bubble('mine', 'just before').waitFor();
    await ana.say('the last');
    sent.push('the last');
    await bo.hears('the last');
    await ana.delivered('the last');
    expect(await bo.thread()).toEqual(sent.map((text) => `< ${text}`));
    await expect
      .poll(() => ana.page.locator('.message.mine[data-state="delivered"]').count(), { timeout: 15_000 })
      .toBe(sent.length);
  });
});

test('an engine of another version takes over: the older one says so and does not fight', async () => {
  const { ana, bo } = await stage.pair();
  await ana.page.evaluate(() => {
    const { shared } = document.querySelector('script[data-shared]').dataset;
    const policy = globalThis.trustedTypes.createPolicy('test', { createScriptURL: (url) => url });
    // Another name makes another worker, as another file would.
    const worker = new SharedWorker(policy.createScriptURL(shared), { type: 'module', name: 'another version' });
    worker.port.start();
    worker.port.postMessage({ seq: 1, cmd: 'hello', args: {} });
  });
  await ana.page.getByText('Pairlink is open in another window').waitFor();
  await ana.say('not sent from here');
  await ana.page.getByRole('button', { name: 'Continue here' }).click();
  await ana.delivered('not sent from here');
  await bo.hears('not sent from here');
  expect(await bo.thread()).toEqual(['< not sent from here']);
});

test('what is written while the other is away is delivered when both are here', async () => {
  const { ana, bo } = await stage.pair();
  await bo.page.goto('about:blank');
  await ana.page.locator('.thread-who p', { hasText: 'not online' }).waitFor();
  await ana.say('for later');
  await ana.page.getByText('Sends when you’re both online').waitFor();
  await bo.page.goto(stage.relay.http);
  await ana.delivered('for later');
  await bo.page.getByText('for later').first().waitFor();
  expect(await bo.page.title()).toBe('(1) Pairlink');
});

test('the relay goes away and comes back: said in words, nothing lost', async () => {
  const { ana, bo } = await stage.pair();
  await stage.relay.kill9();
  await ana.page.getByText('Connection lost.').waitFor();
  await ana.say('written without a connection');
  await ana.page.getByText('Sends when you’re back online').waitFor();
  await stage.relay.restart();
  await ana.page.getByText('Back online. Nothing was lost.').waitFor();
  await bo.hears('written without a connection');
  await ana.delivered('written without a connection');
});

test('what is being written, the place and the names survive a reload', async () => {
  const { ana } = await stage.pair();
  await ana.callThem('Bo');
  await ana.page.locator('.composer textarea').fill('half a sent');
  await ana.page.reload();
  await ana.page.getByRole('heading', { name: 'Bo', level: 1 }).waitFor();
  expect(await ana.page.locator('.composer textarea').inputValue()).toBe('half a sent');
});
