/**
 * Sessions between the JavaScript and the C engine, each run from one seed: random messages in both directions on
 * several channels, random faults, and a ledger outside both. CROSS_SEEDS=n sets the number of runs. A failing run
 * prints its seed, and CROSS_SEED=n repeats it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSodium } from '../../web/client/core/sodium.js';
import { Peer, World, makeRandom } from '../../web/client/test/model.js';
import { CrossPeer, CrossProgram } from '../support/cross_engine.js';

const SEEDS = Number(process.env.CROSS_SEEDS ?? (process.env.PAIRLINK_SOAK ? 2000 : 200));
const seeds = process.env.CROSS_SEED
  ? [Number(process.env.CROSS_SEED)]
  : Array.from({ length: SEEDS }, (_, i) => i + 1);
const CHANNELS = [0, 1, 2, 3];

/** Counts the faults of all runs, so that a test without faults cannot pass unnoticed. */
const totals = { messages: 0, cuts: 0, losses: 0, restarts: 0, unlinked: 0, resets: 0, lost: 0 };

let program;
beforeAll(async () => {
  await loadSodium();
  program = new CrossProgram();
});
afterAll(async () => {
  expect(await program.stop()).toBe(0);
});

/** What both applications wrote and received, and what they were told. */
class Ledger {
  constructor(world, random) {
    this.world = world;
    this.random = random;
    this.written = [];
    this.got = [];
  }
  /** The ledger's view of one peer: its life (a restarted program has a new one) and its session. */
  watch(peer) {
    peer.life = 0;
    const { act } = Object.getPrototypeOf(peer);
    peer.act = (action) => {
      action.life = peer.life;
      act.call(peer, action);
      if (action.type === 'message')
        this.got.push({ at: peer, ...action, text: new TextDecoder().decode(action.data) });
      // A call may join a session that the other side's call started.
      if (action.type === 'session') peer.session = action.session;
      if (action.type === 'session_closed' && action.session === peer.session) peer.session = null;
    };
  }
  call(peer, other) {
    peer.session = peer.connect(other);
  }
  startAgain(peer) {
    totals.restarts++;
    this.world.cut(peer);
    peer.begin();
    Object.assign(peer, { life: peer.life + 1, session: null });
    peer.start();
  }
  write(peer, channel, size) {
    const { session, life } = peer;
    const n = this.written.length;
    const words = `${peer.name} ${life} ${channel} ${n}`.padEnd(size, String.fromCharCode(97 + (n % 26)));
    const { value: place, error } = peer.try('send', { session, channel, data: new TextEncoder().encode(words) });
    if (error && !['EAGAIN', 'ESTATE'].includes(error.code)) throw error;
    if (!error)
      this.written.push({ from: peer, life, session, channel, text: words, place, n, since: peer.events.length });
    return !error;
  }
  namedLost({ from, life, session, channel, place, since }) {
    return from.events
      .slice(since)
      .some(
        (e) =>
          e.type === 'lost' && e.life === life && e.session === session && e.channel === channel && e.place === place,
      );
  }
  /** Checks that nothing arrived twice, out of order or unwritten, and that what did not arrive was named to a writer
   * that lives still. `all`: all arrived. */
  check({ all }) {
    const arrived = new Set();
    const last = new Map();
    const written = new Map(this.written.map((entry) => [entry.text, entry]));
    for (const { at, channel, text } of this.got) {
      const entry = written.get(text);
      if (!entry || entry.from === at || entry.channel !== channel)
        throw new Error(`${at.name} received what was not written: ${text.trim()}`);
      if (arrived.has(text)) throw new Error(`${at.name} received twice: ${text.trim()}`);
      arrived.add(text);
      const stream = `${entry.from.name} ${entry.life} ${channel}`;
      if (entry.n < (last.get(stream) ?? -1)) throw new Error(`out of order: ${text.slice(0, 30)}`);
      last.set(stream, entry.n);
    }
    for (const entry of this.written) {
      if (arrived.has(entry.text)) continue;
      if (all) throw new Error(`did not arrive: ${entry.text.slice(0, 30)}`);
      if (entry.life === entry.from.life && !this.namedLost(entry))
        throw new Error(`neither arrived nor was named lost: ${entry.text.slice(0, 30)}`);
    }
  }
}

function begin(seed, { startAgain = false } = {}) {
  const random = makeRandom(seed * 2654435761);
  const chance = (p) => random.next() < p;
  const pick = (n) => Math.floor(random.next() * n);
  const narrow = () => (chance(0.5) ? {} : { messageMax: 20000, channelWindow: 40000, sessionWindow: 60000 });
  const world = new World({ seed, delay: 1 + pick(40), bandwidth: chance(0.2) ? 100 : Infinity });
  const ledger = new Ledger(world, random);
  const js = new Peer(world, 'js', { acceptAll: true, ...narrow() });
  world.peers.push(js);
  const c = new CrossPeer(world, 'c', { acceptAll: true, program, ...narrow() });
  const most = Math.min(...[js, c].map((peer) => peer.options.messageMax ?? 100000));
  for (const peer of [js, c]) {
    ledger.watch(peer);
    peer.start();
  }
  const [caller, callee] = chance(0.5) ? [js, c] : [c, js];
  ledger.call(caller, callee);
  if (!startAgain && chance(0.3)) ledger.call(callee, caller); // both call at the same time
  return { random, chance, pick, world, ledger, js, c, most };
}

/** Makes a reader stop taking messages, or take them again. */
function turnReader(peer) {
  peer.autoTake = !peer.autoTake;
  if (!peer.autoTake) peer.heldFrom = peer.events.length;
  else
    for (const event of peer.events.slice(peer.heldFrom))
      if (
        ['message', 'end', 'channel_reset'].includes(event.type) &&
        event.life === peer.life &&
        event.session === peer.session
      )
        peer.take(event);
}

/** Does one random thing that an application, the network or the relay may do. */
function actOnce(run, deaths) {
  const { chance, pick, world, ledger, js, c, most } = run;
  const [peer, other] = chance(0.5) ? [js, c] : [c, js];
  const what = pick(100);
  if (what < 70) {
    if (peer.session)
      ledger.write(peer, CHANNELS[pick(CHANNELS.length)], 20 + (chance(0.15) ? pick(most - 40) : pick(300)));
    else if (deaths && chance(0.7)) ledger.call(peer, other);
  } else if (what < 75) {
    totals.cuts++;
    world.cut(peer);
  } else if (what < 78) {
    totals.cuts++;
    world.crash();
    world.later(() => (world.up = true), pick(4000));
  } else if (what < 80) peer.do('network_up');
  else if (what < 84 && peer.session)
    peer.do('priority', { session: peer.session, channel: pick(CHANNELS.length), value: pick(8) });
  else if (what < 88) turnReader(peer);
  else if (what < 92 && peer.session)
    peer.try('send_volatile', { session: peer.session, channel: 9, data: new Uint8Array(pick(500)) });
  else if (what < 95 && deaths) {
    ledger.startAgain(peer);
    if (chance(0.7)) ledger.call(peer, other);
  }
  world.pass(pick(chance(0.1) ? 5000 : 60));
}

function calm({ world, js, c }) {
  world.loses = () => false;
  world.up = true;
  for (const peer of [js, c]) if (!peer.autoTake) turnReader(peer);
}

/** Faults of network and relay: everything arrives and is reported as delivered, the channels end, the session closes.
 */
function runFaults(seed) {
  const run = begin(seed);
  const { chance, pick, world, ledger, js, c } = run;
  let losses = 40;
  world.loses = () => losses > 0 && chance(0.02) && (losses--, totals.losses++, true);
  for (let step = 0; step < 150; step++) actOnce(run, false);
  calm(run);
  world.until(() => js.session && c.session, 'a session at both', 60000);
  const ends = [js, c].map((peer) => ({ peer, channel: pick(CHANNELS.length) }));
  for (const end of ends) end.place = finish(end);
  const delivered = (from, channel, place) =>
    from.of('delivered').some((e) => e.session === from.session && e.channel === channel && e.place >= place);
  const lasts = [...new Map(ledger.written.map((entry) => [`${entry.from.name} ${entry.channel}`, entry])).values()];
  const done = () =>
    ledger.got.length >= ledger.written.length &&
    lasts.every(({ from, channel, place }) => delivered(from, channel, place)) &&
    ends.every(({ peer, channel, place }) => delivered(peer, channel, place));
  world.until(done, 'all arrived and was told to be delivered', 300000);
  ledger.check({ all: true });
  for (const { peer, channel, place } of ends) {
    const other = peer === js ? c : js;
    expect(other.of('end').map((e) => [e.channel, e.place])).toEqual([[channel, place]]);
  }
  for (const { from, channel, place } of ledger.written)
    expect(delivered(from, channel, place), `told: ${channel} ${place}`).toBe(true);
  for (const peer of [js, c])
    for (const type of ['lost', 'stream_reset', 'session_closed', 'channel_reset'])
      expect(peer.of(type), type).toEqual([]);
  runEnd(run);
  return run;
}

const finish = ({ peer, channel }) => peer.do('finish', { session: peer.session, channel });

/** One side closes during traffic: the other is told, and every message arrived or is named. */
function runEnd({ chance, world, ledger, js, c }) {
  const [closer, other] = chance(0.5) ? [js, c] : [c, js];
  for (let i = 0; i < 6; i++) for (const peer of [js, c]) ledger.write(peer, i % 4, 3000);
  world.pass(chance(0.5) ? 60 : 0);
  const sessions = new Map([
    [closer, closer.session],
    [other, other.session],
  ]);
  closer.do('close', { session: closer.session, value: 1, text: 'enough' });
  if (chance(0.3)) world.cut(other);
  world.until(() => [js, c].every((peer) => peer.last('session_closed')), 'closed at both', 30000);
  expect(closer.last('session_closed')).toMatchObject({ session: sessions.get(closer), error: null });
  expect(other.last('session_closed')).toMatchObject({
    session: sessions.get(other),
    error: 'ECLOSED',
    text: 'enough',
  });
  ledger.check({ all: false });
}

/** As above, with programs that die and restart with only their identity. */
function runDeaths(seed) {
  const run = begin(seed, { startAgain: true });
  const { chance, world, ledger, js, c } = run;
  world.loses = () => chance(0.01) && (totals.losses++, true);
  for (let step = 0; step < 120; step++) actOnce(run, true);
  calm(run);
  world.pass(120000);
  ledger.check({ all: false });
  // They can still talk.
  if (!js.session) ledger.call(js, c);
  world.until(() => js.session && c.session, 'a session at both', 60000);
  const before = ledger.got.length;
  for (const peer of [js, c]) expect(ledger.write(peer, 5, 100)).toBe(true);
  world.until(() => ledger.got.length === before + 2, 'both answered', 60000);
  return run;
}

const each = (run) => async () => {
  for (const seed of seeds) {
    await new Promise(setImmediate); // lets the test runner do its work, too
    try {
      const { ledger, js, c } = run(seed);
      totals.messages += ledger.got.length;
      for (const peer of [js, c]) {
        totals.unlinked += peer.of('unlinked').length;
        totals.resets += peer.of('stream_reset').length;
        totals.lost += peer.of('lost').length;
      }
    } catch (error) {
      throw new Error(`CROSS_SEED=${seed}: ${error.message}`, { cause: error });
    }
  }
};

describe(`${seeds.length} sessions of each kind between JavaScript and C`, () => {
  test(
    'cuts, losses, restarts of the relay: all arrives once and in order, and is reported',
    { timeout: 900_000 },
    each(runFaults),
  );
  test(
    'programs that lose their state: each message that did not arrive is named',
    { timeout: 900_000 },
    each(runDeaths),
  );
  test.skipIf(seeds.length < 20)('the faults took place', () => {
    console.log(JSON.stringify(totals));
    for (const [what, count] of Object.entries(totals)) expect(count, what).toBeGreaterThan(seeds.length / 4);
  });
});
