/** Engines of one profile, where each tab has its own: what another one writes is taken over. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Engine } from '../engine/engine.js';

let stores, engine, calls, session;
const contactOf = (more) => ({ id: 'bo', how: 'invite', name: 'Bo', hint: '', createdAt: 1, unread: 0, ...more });
const stored = (more) => contactOf({ pairedAt: 1, blocked: false, ...more });
const inviteOf = (secret) => ({ secret, raw: secret, link: '', expiresAt: 1e6, createdAt: 1 });

const keyOf = ({ id, secret }) => id ?? secret;
const without = (store, key) => stores[store].filter((record) => keyOf(record) !== key);

beforeEach(() => {
  stores = { contacts: [stored()], knocks: [], invites: [], decisions: [], spent: [], settings: {} };
  calls = [];
  const db = {
    all: async (store) => structuredClone(stores[store]),
    setting: async (key) => stores.settings[key],
    put: async (store, record) => void (stores[store] = [...without(store, keyOf(record)), structuredClone(record)]),
    putAll: async (store, list) => void (await Promise.all(list.map((record) => db.put(store, record)))),
    remove: async (store, key) => void (stores[store] = without(store, key)),
    pendingCount: async () => 0,
  };
  const world = { db, lib: {}, now: () => 1000, random: (n) => new Uint8Array(n) };
  engine = new Engine(world, { state() {}, messages() {}, news() {} });
  session = { on() {}, close: () => calls.push('close') };
  const noted =
    (name) =>
    (...args) =>
      void calls.push([name, ...args.map((arg) => arg.secret ?? arg)].join(' '));
  engine.client = { state: 'online', connect: (id) => (noted('connect')(id), session) };
  for (const name of ['allow', 'block', 'forget', 'refuse', 'deny', 'addInvite']) engine.client[name] = noted(name);
  engine.contacts.set('bo', stored());
});

describe('a contact', () => {
  test('that was blocked there is hung up and blocked here, and let in again when it is unblocked', async () => {
    const conversation = engine.conversation(engine.contacts.get('bo'));
    conversation.attach(session, true);
    stores.contacts = [stored({ blocked: true })];
    await engine.reload();
    expect([calls, conversation.stopped, engine.conversations.size]).toEqual([['close', 'block bo'], true, 0]);
    await engine.reload();
    expect(calls.splice(0)).toHaveLength(2);
    stores.contacts = [stored()];
    await engine.reload();
    expect(calls).toEqual(['allow bo', 'connect bo']);
  });

  test('that was deleted there, and never reached, is a stranger here', async () => {
    stores.contacts = [];
    await engine.reload();
    expect([engine.contacts.size, calls]).toEqual([0, ['forget bo']]);
  });

  test('that was deleted there is refused here', async () => {
    stores.contacts = [];
    stores.decisions = [{ id: 'bo', kind: 'delete', name: 'Bo', at: 2 }];
    await engine.reload();
    expect(calls).toEqual(['forget bo', 'refuse bo']);
  });

  test('that is blocked or made here during the read stays so', async () => {
    const reloaded = engine.reload();
    engine.contacts.get('bo').blocked = true;
    engine.addContact({ id: 'cem', how: 'asked' });
    await reloaded;
    expect([engine.contacts.get('bo').blocked, engine.contacts.has('cem'), calls]).toEqual([true, true, ['allow cem']]);
  });

  test('that is deleted here during the read does not come back', async () => {
    const reloaded = engine.reload();
    engine.part('bo');
    await engine.parting.decide('bo', 'delete', 'Bo');
    await reloaded;
    expect([engine.contacts.size, engine.parting.shown().length, calls]).toEqual([0, 1, ['refuse bo', 'refuse bo']]);
  });
});

describe('an invitation', () => {
  test('that was used there is over here', async () => {
    engine.invites.set('one', inviteOf('one'));
    await engine.reload();
    expect([engine.invites.size, calls[0]]).toEqual([0, 'addInvite one']);
    expect(engine.parting.spent.has('one')).toBe(true);
  });

  test('that is made here during the read stays open', async () => {
    const reloaded = engine.reload();
    engine.invites.set('one', inviteOf('one'));
    await reloaded;
    expect([[...engine.invites.keys()], engine.parting.spent.size]).toEqual([['one'], 0]);
  });

  test('that ends here during the read stays over', async () => {
    engine.invites.set('one', inviteOf('one'));
    stores.invites = [inviteOf('one')];
    const reloaded = engine.reload();
    engine.endInvitation('one');
    await reloaded;
    expect([engine.invites.size, [...engine.parting.spent.keys()]]).toEqual([0, ['one']]);
  });
});

test('what may be told is taken over, and typing ends where it is off', async () => {
  const { talk } = engine.conversation(engine.contacts.get('bo'));
  talk.theyType();
  stores.settings = { typing: false, read: false };
  await engine.reload();
  expect([engine.talk, talk.typing]).toEqual([{ typing: false, read: false }, false]);
  stores.settings = {};
  await engine.reload();
  expect(engine.talk).toEqual({ typing: true, read: true });
});

test('a contact that could not be stored is stored with the next', async () => {
  const { putAll } = engine.db;
  engine.db.putAll = async () => {
    engine.db.putAll = putAll;
    throw new Error('full');
  };
  const bo = engine.contacts.get('bo');
  bo.name = 'Bob';
  await expect(engine.changed(bo, true)).rejects.toThrow('full');
  const cem = engine.addContact({ id: 'cem', how: 'asked' });
  await engine.changed(cem, true);
  expect(stores.contacts.map(({ id, name }) => [id, name])).toEqual([
    ['bo', 'Bob'],
    ['cem', ''],
  ]);
});
