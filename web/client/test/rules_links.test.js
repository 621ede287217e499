/** Rules about links and messages towards the relay (docs/protocol.md, sections 2 and 5), one test for each. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSodium } from '../core/sodium.js';
import { pair } from './model.js';

beforeAll(loadSodium);

describe('a message to the relay', () => {
  test('is no larger than the relay takes, however much room the socket has', () => {
    const { world, ana, session } = pair({ limits: [{ id: 1, value: 70000 }] });
    for (let i = 0; i < 20; i++) ana.send(session, new Uint8Array(30000));
    let size = 0;
    for (let message; (message = ana.engine.produce(world.now, 200000));) size = Math.max(size, message.length);
    expect(size).toBeGreaterThan(30000);
    expect(size).toBeLessThanOrEqual(70000);
  });
});

describe('a lost socket', () => {
  test('takes with it what waited for it', () => {
    const { world, ana, bo } = pair();
    world.flush();
    world.flush = () => {};
    ana.do('block', { peer: bo.identity.id });
    expect(ana.engine.hasOutput()).toBe(true);
    world.cut(ana);
    expect(ana.engine.produce(world.now, 65543)).toBeNull();
  });
});

describe('replacing a link', () => {
  /** Both take a link for used up after few bytes. */
  const wornOut = (limits = []) => {
    const run = pair({ limits });
    for (const peer of [run.ana, run.bo]) peer.engine.config.replaceAfterBytes = 5000;
    return run;
  };
  const links = (peer) => peer.engine.slots.byNumber.size;

  test('after the bytes that were agreed, by the one that opened it', () => {
    const { world, ana, bo, session } = wornOut();
    const before = [...ana.engine.slots.byNumber.keys()];
    ana.send(session, new Uint8Array(6000));
    world.until(() => bo.messages.length, 'message');
    world.pass(1000);
    expect([...ana.engine.slots.byNumber.keys()]).not.toEqual(before);
    expect([links(ana), links(bo)]).toEqual([1, 1]);
    expect([...ana.of('unlinked'), ...bo.of('unlinked')]).toEqual([]);
  });
  test('not again before the new one is in step', () => {
    const { world, ana, bo, session } = wornOut();
    let calls = 0;
    const { takeOpen } = world;
    world.takeOpen = (...args) => {
      calls++;
      takeOpen.apply(world, args);
    };
    let blocked = false;
    world.loses = (from, payload) => blocked && from === bo && payload.length < 300;
    ana.send(session, new Uint8Array(6000));
    blocked = true;
    world.pass(2000);
    expect(calls).toBe(2); // one of each side
    blocked = false;
    world.until(() => links(ana) === 1 && links(bo) === 1, 'replaced', 60000);
  });
  test('the other side waits for an eighth more', () => {
    const { world, ana, bo, session } = wornOut();
    ana.engine.config.replaceAfterBytes = Infinity;
    ana.send(session, new Uint8Array(5100));
    world.pass(1000);
    const before = [...bo.engine.slots.byNumber.keys()];
    ana.send(session, new Uint8Array(600));
    world.pass(1000);
    expect([...bo.engine.slots.byNumber.keys()]).not.toEqual(before);
    expect(before.length).toBe(1);
    expect(bo.engine.slots.byNumber.values().next().value.opener).toBe(true);
  });
  test('is tried again later when no number is free', () => {
    const { world, ana, session } = wornOut([{ id: 3, value: 1 }]);
    ana.send(session, new Uint8Array(6000));
    world.pass(500);
    expect(ana.engine.deadline()).toBeGreaterThan(world.now);
    expect(world.peers[1].messages.length).toBe(1);
  });
});
