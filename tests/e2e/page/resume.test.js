/**
 * A relay that is killed (SIGKILL) five times and started again, while both sides write: before, during and after each
 * kill. The ledger is outside of both: each side shows every message of the other once and in order.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { idOf, newIdentity, startCli } from '../../support/cli.js';
import { tempDir } from '../../support/process.js';
import { SHORT_TIMERS, startRelay } from '../../support/relay.js';
import { openPair, openPerson } from './person.js';

const KILLS = 5;
const LONG = { timeout: 240_000 };
let relay;
let open = [];
const keep = (one) => (open.push(one), one);
beforeAll(async () => {
  relay = await startRelay({ args: SHORT_TIMERS });
});
afterEach(async () => {
  for (const one of open.splice(0)) await (one.close ? one.close() : one.running && one.kill9());
});
afterAll(() => relay.stop());

/**
 * One who writes to a ledger of their own: `say` writes, `hears` waits for a text of the other side, `shown` lists
 * them.
 */
const person = (tab) => ({
  ledger: [],
  say: (text) => tab.say(text),
  hears: (text) => tab.hears(text),
  shown: async () =>
    (await tab.thread()).filter((line) => line[0] === '<').flatMap((line) => line.slice(2).split('\n').filter(Boolean)),
});
const program = (cli) => ({
  ledger: [],
  say: (text) => cli.write(`${text}\n`),
  hears: (text) => cli.waitFor(`${text}\n`, { stream: 'stdout', ms: 60_000 }),
  shown: () => cli.stdout.split('\n').filter(Boolean),
});

/** Both write at the same time, so many lines each. */
const burst = (sides, count) =>
  Promise.all(
    sides.map(async (side) => {
      for (let i = 0; i < count; i++) {
        const text = `${side.name} ${side.ledger.length + 1}.`;
        side.ledger.push(text);
        await side.say(text);
      }
    }),
  );

async function throughKills(a, b) {
  const sides = [Object.assign(a, { name: 'first' }), Object.assign(b, { name: 'second' })];
  const heard = () => Promise.all([a.hears(b.ledger.at(-1)), b.hears(a.ledger.at(-1))]);
  await burst(sides, 2);
  await heard();
  for (let kill = 0; kill < KILLS; kill++) {
    const writing = burst(sides, 6);
    await relay.kill9();
    await writing;
    await burst(sides, 2); // to nobody
    const back = relay.restart();
    await burst(sides, 3);
    await back;
    await burst(sides, 1);
    await heard();
  }
  expect(await b.shown()).toEqual(a.ledger);
  expect(await a.shown()).toEqual(b.ledger);
  expect(a.ledger.length).toBe(2 + KILLS * 12);
}

test('a page and a page', LONG, async () => {
  const { ana, bo } = keep(await openPair(relay.http));
  await throughKills(person(ana), person(bo));
  const count = 2 + KILLS * 12;
  for (const one of [ana, bo]) {
    await one.delivered(`${one === ana ? 'first' : 'second'} ${count}.`);
    await expect
      .poll(() => one.page.locator('.message.mine[data-state="delivered"]').count(), { timeout: 15_000 })
      .toBe(count);
  }
});

test('a page and a program', LONG, async () => {
  const identity = newIdentity();
  const id = await idOf(identity);
  const cli = keep(startCli({ relay, identity }, 'listen', '--accept', 'all'));
  const ana = keep(await openPerson(relay.http));
  await ana.join(id);
  await ana.here();
  await throughKills(person(ana), program(cli));
});

test('a page and a program that chats', LONG, async () => {
  const ana = keep(await openPerson(relay.http));
  const cli = keep(
    startCli({ relay, env: { XDG_STATE_HOME: tempDir('pairlink-state-') } }, 'chat', await ana.invite()),
  );
  await ana.here();
  await throughKills(person(ana), program(cli));
  cli.end();
  expect((await cli.wait(60_000)).code, cli.stderr).toBe(0);
});
