/** Rules about who is let in and who is called (docs/protocol.md, section 7), one test for each. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSodium } from '../core/sodium.js';
import { KNOCKS_MAX } from '../wire_table.js';
import { World, pair } from './model.js';

beforeAll(loadSodium);

/** ana called bo, who has not answered; her call is over. */
function missedCall(options = {}) {
  const world = new World();
  const ana = world.peer('ana').start();
  const bo = world.peer('bo', options).start();
  const session = ana.connect(bo);
  world.until(() => bo.last('knock'), 'knock');
  const knock = () => [...bo.engine.strangers.knocks.values()][0];
  world.until(() => !knock()?.link, 'the call ended', 10000);
  return { world, ana, bo, session };
}

describe('a call back', () => {
  test('is told when the peer answers, not before', () => {
    const { world, ana, bo } = missedCall();
    world.cut(ana);
    bo.do('allow', { peer: ana.identity.id });
    world.pass(100);
    expect([bo.of('session').length, bo.engine.entries.size]).toEqual([0, 1]);
    world.until(() => bo.last('linked'), 'linked');
    expect(bo.of('session').length).toBe(1);
  });
  test('goes on after a link that ended before it was in step', () => {
    const { world, ana, bo } = missedCall();
    ana.engine.config.acceptAll = true;
    ana.do('close', { session: ana.engine.entries.keys().next().value });
    let lost = 0;
    world.loses = () => lost < 1 && (lost++, world.cut(ana), true);
    bo.do('allow', { peer: ana.identity.id });
    world.until(() => bo.last('linked'), 'linked', 60000);
    expect(lost).toBe(1);
  });
  test('for which there is no room is refused, and the peer is still asking', () => {
    const { world, ana, bo } = missedCall({ sessionsMax: 1 });
    const other = bo.connect(world.peer('eve').start());
    expect(bo.try('allow', { peer: ana.identity.id }).error?.code).toBe('EAGAIN');
    expect([bo.engine.strangers.allowed.size, bo.engine.strangers.knocks.size]).toEqual([0, 1]);
    bo.do('close', { session: other });
    world.until(() => bo.last('session_closed'), 'room', 60000);
    bo.do('allow', { peer: ana.identity.id });
    world.until(() => bo.last('linked'), 'linked', 60000);
  });
  test('is not made when the peer goes away and there is no room: the peer calls again', () => {
    const world = new World();
    const [ana, bo] = ['ana', 'bo'].map((name) => world.peer(name, { sessionsMax: 1 }).start());
    world.until(() => ana.last('online') && bo.last('online'), 'online');
    ana.connect(bo);
    world.until(() => bo.last('knock'), 'knock');
    bo.do('allow', { peer: ana.identity.id });
    const other = bo.connect(world.peer('eve'));
    world.cut(bo);
    expect(bo.last('offline')).toMatchObject({ error: 'ENETWORK' });
    expect([...bo.engine.entries.keys()]).toEqual([other]);
    bo.do('close', { session: other });
    world.until(() => bo.last('linked'), 'linked', 60000);
  });
  test.each(['deny', 'block'])('is called off: %s', (word) => {
    const { world, ana, bo } = missedCall();
    world.up = false;
    world.cut(bo);
    bo.do('allow', { peer: ana.identity.id });
    expect(bo.engine.entries.size).toBe(1);
    bo.do(word, { peer: ana.identity.id });
    expect(bo.engine.entries.size).toBe(0);
    world.up = true;
    world.pass(20000);
    expect([bo.of('session').length, bo.of('session_closed').length]).toEqual([0, 0]);
  });
  test.each(['deny', 'block'])('does not follow a call that waited and ended: %s', (word) => {
    const world = new World();
    const ana = world.peer('ana').start();
    const bo = world.peer('bo').start();
    world.until(() => ana.last('online') && bo.last('online'), 'online');
    // The one with the smaller ID lets the other's call wait while its own is on its way.
    const [first, second] = [ana, bo].sort((a, b) => Buffer.compare(a.identity.id, b.identity.id));
    const { accept } = world;
    world.takes.set(0xff, accept);
    const session = second.connect(first);
    world.until(() => first.last('knock'), 'knock');
    const own = first.connect(second);
    first.do('allow', { peer: second.identity.id });
    first.do(word, { peer: second.identity.id });
    first.do('close', { session: own });
    second.do('close', { session });
    world.pass(20000);
    expect(first.of('session').length).toBe(0);
    expect(first.engine.entries.size).toBe(0);
  });
  test('reaches any instance when the application calls the same ID meanwhile', () => {
    const { world, ana, bo } = missedCall();
    world.disconnect(ana);
    world.peers = [bo];
    world.up = false;
    world.cut(bo);
    bo.do('allow', { peer: ana.identity.id });
    const session = bo.connect(ana);
    world.up = true;
    const again = world.peer('ana again', { seed: ana.seed, acceptAll: true }).start();
    bo.send(session, 'whoever you are');
    world.until(() => again.texts().length, 'message', 60000);
  });
});

describe('a session lets in', () => {
  test('its own instance only: another one of the same ID has to ask', () => {
    const world = new World();
    const bo = world.peer('bo').start();
    const ana = world.peer('ana', { acceptAll: true }).start();
    const session = bo.connect(ana);
    world.until(() => bo.last('linked'), 'linked');
    const twin = world.peer('ana twin', { seed: ana.seed }).start();
    twin.connect(bo);
    world.until(() => bo.last('knock'), 'knock');
    expect([...bo.engine.entries.keys()]).toEqual([session]);
    world.cut(ana);
    world.until(() => bo.of('linked').length === 2, 'its own instance comes back', 30000);
    expect(bo.of('knock').length).toBe(1);
  });
});

test('the last KNOCKS_MAX knocks are remembered', () => {
  const { bo } = missedCall();
  const { strangers } = bo.engine;
  const [first] = strangers.knocks.values();
  const other = (n) => ({ ...first, id: new Uint8Array(32).fill(n + 1), link: null });
  for (let n = 0; n < KNOCKS_MAX - 1; n++) expect(strangers.knock(other(n))).toBe(true);
  expect(strangers.knocks.size).toBe(KNOCKS_MAX);
  expect(strangers.knock(first)).toBe(false); // known, and now the newest
  expect(strangers.knock(other(KNOCKS_MAX))).toBe(true);
  expect(strangers.knocks.size).toBe(KNOCKS_MAX);
  expect(strangers.knock(first)).toBe(false);
  expect(strangers.knock(other(0))).toBe(true); // the oldest was forgotten
});
test('a knock that was forgotten is told again, at the next call', () => {
  const { world, ana, bo } = missedCall();
  bo.do('forget', { peer: ana.identity.id });
  expect(bo.of('knock').length).toBe(1);
  world.until(() => bo.of('knock').length === 2, 'it calls again', 120000);
  bo.do('allow', { peer: ana.identity.id });
  world.until(() => bo.last('linked'), 'linked', 60000);
});

describe('a peer that was denied', () => {
  test('comes back to the session that it has', () => {
    const { world, ana, bo, session } = pair();
    bo.engine.config.acceptAll = false;
    bo.do('deny', { peer: ana.identity.id });
    world.cut(ana);
    world.until(() => ana.of('linked').length === 2, 'linked again', 30000);
    ana.send(session, 'still here');
    world.until(() => bo.texts().length, 'message');
  });
  test('comes in with an invite that it had not used', () => {
    const world = new World();
    const secret = new Uint8Array(16).fill(3);
    const bo = world.peer('bo').start();
    const ana = world.peer('ana').start();
    bo.do('invite_add', { secret, place: world.now + 60000, value: 1 });
    bo.do('deny', { peer: ana.identity.id });
    ana.connect(bo, secret);
    world.until(() => ana.last('linked'), 'linked', 10000);
  });
});

describe('an invite for several', () => {
  const secret = new Uint8Array(16).fill(7);
  const inviting = () => {
    const world = new World();
    const bo = world.peer('bo').start();
    bo.do('invite_add', { secret, place: world.now + 60000, value: 0 });
    const guests = ['ana', 'eve'].map((name) => world.peer(name).start());
    world.until(() => [bo, ...guests].every((peer) => peer.last('online')), 'online');
    return { world, bo, guests };
  };
  test('lets in each, and each claim is told', () => {
    const { world, bo, guests } = inviting();
    for (const guest of guests) {
      guest.connect(bo, secret);
      world.until(() => guest.last('linked'), 'linked');
    }
    expect(bo.of('invite_claimed').map(({ id }) => id)).toEqual(guests.map((guest) => guest.identity.id));
    expect(bo.of('session').length).toBe(2);
    expect(bo.of('knock').length).toBe(0);
  });
  test('is kept for others when one is blocked', () => {
    const { world, bo, guests } = inviting();
    guests[0].connect(bo, secret);
    world.until(() => guests[0].last('linked'), 'linked');
    bo.do('block', { peer: guests[0].identity.id });
    guests[1].connect(bo, secret);
    world.until(() => guests[1].last('linked'), 'linked');
  });
});
