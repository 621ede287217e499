/** A client with many sessions: what one session does costs nothing for the others, and all have their turns. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { loadSodium } from '../core/sodium.js';
import { envelopes, makeEnvelope } from '../core/wire.js';
import { ENVELOPE } from '../wire_table.js';
import { World } from './model.js';

beforeAll(loadSodium);

/** A peer with a session with each of several others. */
function hubWith(count, options = {}) {
  const world = new World();
  const hub = world.peer('hub', options).start();
  const others = Array.from({ length: count }, (_, i) => world.peer(`peer ${i}`, { acceptAll: true }).start());
  world.until(() => world.peers.every((peer) => peer.last('online')), 'online');
  const sessions = others.map((other) => hub.connect(other));
  world.until(() => hub.of('linked').length === count, 'linked');
  world.pass(100); // the last ACKs
  return { world, hub, others, sessions };
}

/** Counts how often a field of an object is read. */
function watch(object, field, visit) {
  let value = object[field];
  Object.defineProperty(object, field, {
    get() {
      visit();
      return value;
    },
    set(next) {
      value = next;
    },
  });
}

describe('steps look only at what they concern', () => {
  /** Makes a hub of which all sessions but the first are watched. Returns how often these were looked at. */
  function watched() {
    const { world, hub, others, sessions } = hubWith(12, { checksAgenda: false });
    const { engine } = hub;
    let visits = 0;
    const visit = () => visits++;
    for (const number of sessions.slice(1)) {
      const entry = engine.entries.get(number);
      for (const link of entry.session.links) for (const field of ['state', 'owner']) watch(link, field, visit);
      for (const field of ['session', 'dialAt', 'closed']) watch(entry, field, visit);
    }
    const walks = [engine.entries, engine.slots.byNumber].flatMap((map) =>
      [Symbol.iterator, 'values', 'keys', 'entries', 'forEach'].map((name) => vi.spyOn(map, name)),
    );
    return {
      ...{ world, hub, other: others[0], session: sessions[0] },
      looks: () => visits + walks.reduce((sum, walk) => sum + walk.mock.calls.length, 0),
    };
  }
  test('the watch sees a walk', () => {
    const { hub, looks } = watched();
    hub.engine.agenda.touchAll();
    hub.engine.deadline();
    expect(looks()).toBeGreaterThan(11);
  });
  test('messages both ways, their ACKs, timers that run out, probes', () => {
    const { world, hub, other, session, looks } = watched();
    for (let i = 0; i < 5; i++) {
      hub.send(session, `there ${i}`);
      other.send(other.last('session').session, `back ${i}`);
      world.pass(60);
    }
    world.loses = () => true;
    hub.send(session, 'lost');
    world.pass(1500);
    world.loses = () => false;
    world.until(() => hub.sessionOf(session).waiting === 0, 'received');
    expect([hub.texts().length, other.texts().length]).toEqual([5, 6]);
    expect(looks()).toBe(0);
  });
  test('events without a session, and what the shell asks', () => {
    const { world, hub, other, looks } = watched();
    hub.do('time');
    hub.do('deny', { peer: world.identity.id });
    hub.do('allow', { peer: other.identity.id });
    hub.engine.deadline();
    hub.engine.hasOutput();
    while (hub.engine.produce(world.now, 65543));
    expect(looks()).toBe(0);
  });
  test('a session that starts, and one that is closed', () => {
    const { world, hub, session, looks } = watched();
    const fresh = world.peer('fresh', { acceptAll: true }).start();
    world.until(() => fresh.last('online'), 'online');
    hub.connect(fresh);
    world.until(() => fresh.last('session'), 'linked');
    hub.do('close', { session });
    world.until(() => hub.last('session_closed'), 'closed');
    world.pass(100);
    expect(looks()).toBe(0);
  });
});

test('sessions with much to send take turns, a record each, over several messages', () => {
  const { world, hub, sessions } = hubWith(3);
  for (const session of sessions) hub.send(session, new Uint8Array(200_000));
  const order = [];
  for (let message; (message = hub.engine.produce(world.now, 65543));)
    for (const { link } of envelopes(message)) order.push(link);
  expect(order.length).toBeGreaterThan(8);
  expect(new Set(order.slice(0, 3)).size).toBe(3);
  order.forEach((link, i) => expect(link).toBe(order[i % 3]));
});

test('more calls than the socket takes at once are made later, and break nothing', () => {
  const world = new World();
  const hub = world.peer('hub').start();
  const other = world.peer('other', { acceptAll: true }).start();
  world.until(() => hub.last('online') && other.last('online'), 'online');
  const ping = makeEnvelope(ENVELOPE.PING, new Uint8Array(8));
  while (hub.engine.queue.length < 4096) hub.engine.put(ping);
  const session = hub.connect(other);
  expect(hub.engine.queue.length).toBe(4096);
  expect(hub.engine.entries.get(session).dialAt).toBe(world.now + 1000);
  world.now += 1000;
  hub.engine.queue = [];
  hub.connect(other); // does not wait for the timer
  expect(hub.engine.queue.length).toBe(2); // and PING, because the relay was silent for more than a second
  world.until(() => hub.last('linked'), 'linked');
  expect(hub.of('offline')).toEqual([]);
});

describe('what is noted follows what changes', () => {
  test('when the program did not run for a while', () => {
    const { world, hub, sessions } = hubWith(3);
    world.loses = () => true;
    for (const session of sessions) hub.send(session, 'lost');
    world.pass(10);
    hub.engine.deadline();
    world.now += 5000;
    hub.do('time'); // compares; see Peer.try
    expect(hub.engine.deadline()).toBe(world.now + 1000);
  });
  test('when the application connects to one that is called back already', () => {
    const world = new World();
    const hub = world.peer('hub').start();
    const knocker = world.peer('knocker').start();
    world.until(() => hub.last('online') && knocker.last('online'), 'online');
    const session = knocker.connect(hub);
    world.until(() => hub.last('knock'), 'knocked');
    knocker.do('close', { session });
    world.pass(100);
    hub.do('allow', { peer: knocker.identity.id });
    world.crash();
    world.pass(10);
    const [entry] = hub.engine.entries.values();
    expect(entry.announced).toBe(false);
    hub.connect(knocker);
    expect(entry.unlinkedAt).toBe(world.now);
  });
});
