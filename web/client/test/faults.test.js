/**
 * Seeded runs with faults: cut sockets, a relay that dies, lost envelopes, a peer that restarts. A ledger checks that
 * nothing is doubled, out of order, or lost without being reported. A failing run prints its seed; FAULT_SEED=n repeats
 * it.
 */
import { beforeAll, expect, test } from 'vitest';
import { loadSodium } from '../core/sodium.js';
import { World, makeRandom } from './model.js';

beforeAll(loadSodium);

const SEEDS = Number(process.env.FAULT_SEEDS ?? 60);
const seeds = process.env.FAULT_SEED
  ? [Number(process.env.FAULT_SEED)]
  : Array.from({ length: SEEDS }, (_, i) => i + 1);

function run(seed) {
  const random = makeRandom(seed);
  const chance = (p) => random.next() < p;
  const pick = (n) => Math.floor(random.next() * n);
  const windows = chance(0.5) ? {} : { messageMax: 20000, channelWindow: 40000, sessionWindow: 60000 };
  const world = new World({ seed, delay: 1 + pick(40) });
  const ana = world.peer('ana', { acceptAll: true, ...windows }).start();
  const bo = world.peer('bo', { acceptAll: true, ...windows }).start();
  const most = windows.messageMax ?? 100000;
  const number = new Map([[ana, ana.connect(bo)]]);
  if (chance(0.3)) number.set(bo, bo.connect(ana));
  const sessionOf = (peer) => number.get(peer) ?? peer.last('session')?.session;
  /** For each direction and channel: the texts that send accepted, in order, and how many of them arrived. */
  const accepted = new Map();
  const key = (peer, channel) => `${peer.name} ${channel}`;
  let faults = 30;
  world.loses = () => faults > 0 && chance(0.02) && (faults--, true);
  const steps = 150;
  for (let step = 0; step < steps; step++) {
    const peer = chance(0.5) ? ana : bo;
    const session = sessionOf(peer);
    const what = random.next();
    if (what < 0.7 && session) {
      const channel = pick(3);
      const list = accepted.get(key(peer, channel)) ?? [];
      const size = chance(0.2) ? pick(most - 20) : pick(200);
      const text = `${list.length}:`.padEnd(size + 8, '.');
      if (!peer.try('send', { session, channel, data: new TextEncoder().encode(text) }).error) {
        list.push(text);
        accepted.set(key(peer, channel), list);
      }
    } else if (what < 0.76) world.cut(peer);
    else if (what < 0.79) {
      world.crash();
      world.later(() => (world.up = true), pick(4000));
    } else if (what < 0.82) peer.do('network_up');
    world.pass(pick(chance(0.1) ? 5000 : 60));
  }
  faults = 0;
  world.up = true;
  const done = () =>
    [
      [ana, bo],
      [bo, ana],
    ].every(([from, to]) =>
      [0, 1, 2].every((channel) => to.texts(channel).length >= (accepted.get(key(from, channel)) ?? []).length),
    );
  world.until(done, `seed ${seed}: all arrived`, 200000);
  for (const [from, to] of [
    [ana, bo],
    [bo, ana],
  ])
    for (const channel of [0, 1, 2]) {
      const got = to.texts(channel);
      const want = accepted.get(key(from, channel)) ?? [];
      if (got.length !== want.length || got.some((text, i) => text !== want[i]))
        throw new Error(`seed ${seed}: ${key(from, channel)} differs`);
    }
  world.pass(60000);
  for (const peer of [ana, bo]) {
    expect(peer.engine.entries.size, `seed ${seed}: sessions of ${peer.name}`).toBe(1);
    const { session } = [...peer.engine.entries.values()][0];
    expect(session.waiting, `seed ${seed}: unacknowledged at ${peer.name}`).toBe(0);
    expect(session.links.length, `seed ${seed}: links of ${peer.name}`).toBe(1);
    expect(peer.of('lost'), `seed ${seed}`).toEqual([]);
    expect(peer.engine.slots.byNumber.size, `seed ${seed}: slots of ${peer.name}`).toBe(1);
  }
}

test(`${seeds.length} seeds: nothing lost, doubled or out of order`, { timeout: 300000 }, () => {
  for (const seed of seeds) {
    try {
      run(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error.message}`, { cause: error });
    }
  }
});

/** The same with programs that die and restart with only their identity: each message that did not arrive was named. */
function runWithDeaths(seed) {
  const random = makeRandom(seed * 7919);
  const chance = (p) => random.next() < p;
  const pick = (n) => Math.floor(random.next() * n);
  const world = new World({ seed, delay: 1 + pick(30) });
  const ana = world.peer('ana', { acceptAll: true }).start();
  const bo = world.peer('bo', { acceptAll: true }).start();
  const life = new Map([
    [ana, 0],
    [bo, 0],
  ]);
  /** The sessions of the current process, newest last, and what they accepted. */
  const accepted = new Map([
    [ana, []],
    [bo, []],
  ]);
  const calls = new Map();
  const call = (peer, other) => calls.set(peer, peer.connect(other));
  call(ana, bo);
  const sessionOf = (peer) =>
    calls.get(peer) ?? peer.events.filter(({ type, from }) => type === 'session' && from === undefined).at(-1)?.session;
  const mark = (peer) => {
    const { act } = Object.getPrototypeOf(peer);
    peer.act = function (action) {
      if (action.type === 'message') action.life = life.get(peer);
      act.call(this, action);
    };
  };
  mark(ana);
  mark(bo);
  world.loses = () => chance(0.01);
  for (let step = 0; step < 120; step++) {
    const [peer, other] = chance(0.5) ? [ana, bo] : [bo, ana];
    const what = random.next();
    const session = sessionOf(peer);
    if (what < 0.75 && session && peer.engine.entries.has(session)) {
      const channel = pick(2);
      const text = `${peer.name} ${life.get(peer)} ${channel} ${accepted.get(peer).length}`.padEnd(
        pick(3) ? 30 : 30000,
        ' ',
      );
      const { value, error } = peer.try('send', { session, channel, data: new TextEncoder().encode(text) });
      if (!error) accepted.get(peer).push({ text, channel, place: value, session, at: peer.events.length });
    } else if (what < 0.8) {
      world.cut(peer);
      peer.begin();
      life.set(peer, life.get(peer) + 1);
      accepted.set(peer, []);
      for (const event of peer.events) event.from = 'an earlier life';
      calls.delete(peer);
      peer.start();
      if (chance(0.7)) call(peer, other);
    } else if (what < 0.85) world.cut(peer);
    world.pass(pick(chance(0.1) ? 4000 : 80));
  }
  world.loses = () => false;
  world.pass(60000);
  for (const [from, to] of [
    [ana, bo],
    [bo, ana],
  ]) {
    const got = to.messages.map(({ data }) => new TextDecoder().decode(data));
    expect(new Set(got).size, `seed ${seed}: doubled`).toBe(got.length);
    const last = new Map();
    for (const text of got) {
      const [name, ownLife, channel, n] = text.trim().split(' ');
      const stream = `${name} ${ownLife} ${channel}`;
      expect(Number(n), `seed ${seed}: order of ${stream}`).toBeGreaterThan(last.get(stream) ?? -1);
      last.set(stream, Number(n));
    }
    const arrived = new Set(got);
    for (const { text, channel, place, session, at } of accepted.get(from)) {
      const named = from.events
        .slice(at)
        .some((e) => e.type === 'lost' && e.session === session && e.channel === channel && e.place === place);
      if (!arrived.has(text) && !named) throw new Error(`${text.trim()} neither arrived nor was named lost`);
    }
  }
}

test(
  `${seeds.length} seeds with deaths: what did not arrive was named, nothing came twice`,
  { timeout: 300000 },
  () => {
    for (const seed of seeds) {
      try {
        runWithDeaths(seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${error.message}`, { cause: error });
      }
    }
  },
);
