/** Rules about a relay that says nothing (docs/protocol.md, section 9, "Alive, or being checked"). */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSodium } from '../core/sodium.js';
import { ENVELOPE } from '../wire_table.js';
import { pair } from './model.js';

beforeAll(loadSodium);

/** Returns a linked pair, a switch that hangs the relay for Ana, and the PINGs that she sent to a hung relay. */
function hung() {
  const run = pair();
  const { world, ana } = run;
  const { take, toClient } = world;
  const state = { hangs: false, pings: 0 };
  world.take = (socket, envelope) => {
    if (!state.hangs || socket.peer !== ana) return take.call(world, socket, envelope);
    if (envelope.type === ENVELOPE.PING) state.pings++;
  };
  world.toClient = (socket, ...what) => {
    if (!state.hangs || socket.peer !== ana) return toClient.call(world, socket, ...what);
  };
  const news = () =>
    ana.events.map(({ type }) => type).filter((type) => /^(checking|alive|unlinked|offline)$/.test(type));
  return { ...run, state, news };
}

/** Something comes from the relay at this moment. */
function hears({ world, ana }) {
  ana.engine.now = world.now;
  ana.engine.relay.heard();
}

/** Returns a pair of which nobody waits for anything, at a relay that was last heard `silence` ms ago, and hangs. */
function quiet(silence) {
  const run = hung();
  const { world, ana, state } = run;
  world.pass(5000);
  world.until(() => world.now - ana.engine.relay.heardAt > 1000, 'silence');
  hears(run);
  state.hangs = true;
  world.pass(silence);
  return run;
}

/** The fields of events about codes. */
const USUAL = { code_claim: { value: 4821, words: ['copper', 'violin'] }, code_make: { value: 60_000 } };

describe('a relay that says nothing', () => {
  test('is checked before a peer counts as gone', () => {
    const { world, ana, session, state, news } = hung();
    world.pass(5000);
    state.hangs = true;
    ana.send(session, new Uint8Array(10));
    world.until(() => ana.last('unlinked'), 'unlinked');
    expect(news().slice(0, 2)).toEqual(['checking', 'unlinked']);
    expect(state.pings).toBe(1);
    expect(ana.engine.relay.checking).toBe(true);
  });
  test('is alive again with the first thing that comes', () => {
    const { world, ana, session, state, news } = hung();
    world.pass(5000);
    state.hangs = true;
    ana.send(session, new Uint8Array(10));
    world.until(() => ana.last('unlinked'), 'unlinked');
    state.hangs = false;
    world.until(() => ana.last('alive'), 'alive');
    expect(ana.engine.relay.checking).toBe(false);
    world.until(() => ana.of('linked').length === 2, 'linked');
    expect(news()).not.toContain('offline');
  });
  test('is asked with a call, and given up no earlier than without', () => {
    const { world, ana, state } = hung();
    world.until(() => world.now - ana.engine.relay.heardAt >= 1000, 'a second of silence');
    const heard = ana.engine.relay.heardAt;
    state.hangs = true;
    ana.connect(world.peer('cem'));
    world.until(() => state.pings, 'PING');
    world.until(() => ana.last('offline'), 'offline');
    expect(world.now - heard).toBe(ana.engine.relay.limits.DEAD_AFTER_MS);
  });
  test('a relay that was heard a moment ago is asked once it was silent for a second', () => {
    const { world, ana, state } = quiet(300);
    const { relay } = ana.engine;
    ana.connect(world.peer('cem'));
    world.pass(10);
    expect(state.pings).toBe(0);
    world.until(() => ana.last('checking'), 'checking');
    expect(relay.askedAt - relay.heardAt).toBe(1000);
    expect(world.now - relay.heardAt).toBe(2000);
    expect(state.pings).toBe(1);
    const heard = relay.heardAt;
    world.until(() => ana.last('offline'), 'offline');
    expect(world.now - heard).toBe(relay.limits.DEAD_AFTER_MS);
  });
  test('also at a time with a fraction, where adding a second is not exact', () => {
    const run = hung();
    const { world, ana, state } = run;
    world.pass(7500 - world.now);
    while (world.now + 1000 - world.now >= 1000) world.now += 0.01;
    hears(run);
    const heard = world.now;
    state.hangs = true;
    world.pass(300);
    ana.connect(world.peer('cem'));
    world.until(() => state.pings, 'PING', 2000);
    expect(ana.engine.relay.askedAt).toBe(heard + 1000);
  });
  test.each(['code_claim', 'code_make'])('it is asked about %s', (type) => {
    for (const silence of [1500, 300]) {
      const { world, ana } = quiet(silence);
      const { relay } = ana.engine;
      ana.do(type, USUAL[type]);
      world.until(() => relay.checking, 'checking');
      expect(relay.askedAt - relay.heardAt).toBe(Math.max(silence, 1000));
    }
  });
  test.each(['connect', 'code_claim'])('%s that ends without an answer is checked', (type) => {
    const run = quiet(300);
    const { world, ana, state } = run;
    const { relay } = ana.engine;
    if (type === 'connect') ana.connect(world.peer('cem'));
    else ana.do(type, USUAL[type]);
    const from = world.now;
    world.pass(500);
    hears(run); // it is there, and hangs only now
    world.until(() => relay.checking, 'checking');
    expect(world.now - from).toBe(type === 'connect' ? 2 * relay.limits.OPEN_TIMEOUT_MS + 10_000 : 20_000);
    expect(relay.askedAt).toBe(world.now);
    expect(state.pings).toBe(0); // on its way
  });
  test('what the relay says itself needs no check', () => {
    const { world, ana, bo, news } = hung();
    world.pass(15000);
    bo.do('stop');
    world.until(() => ana.last('session_closed') || ana.last('unlinked'), 'the end');
    expect(news()).not.toContain('checking');
  });
});
