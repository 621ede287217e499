/** Engines of one profile, where each tab has its own: what another one writes is taken over. */
import { beforeEach, describe, expect, test } from 'vitest';
import { commands } from '../engine/commands.js';
import { Engine } from '../engine/engine.js';
import { MemoryRecords } from './memory-db.js';

let db, engine, calls, session;
const contactOf = (more) => ({ id: 'bo', how: 'invite', name: 'Bo', hint: '', createdAt: 1, unread: 0, ...more });
const stored = (more) => contactOf({ pairedAt: 1, blocked: false, ...more });
const inviteOf = (secret) => ({ secret, raw: secret, link: '', expiresAt: 1e6, createdAt: 1 });

const makeEngine = () =>
  new Engine(
    { db, lib: {}, now: () => 1000, random: (n) => new Uint8Array(n) },
    { state() {}, messages() {}, news() {} },
  );

beforeEach(() => {
  db = new MemoryRecords();
  db.fill('contacts', stored());
  calls = [];
  engine = makeEngine();
  session = { on() {}, close: () => calls.push('close') };
  const noted =
    (name) =>
    (...args) =>
      void calls.push([name, ...args.map((arg) => arg.secret ?? arg)].join(' '));
  engine.client = { state: 'online', connect: (id) => (noted('connect')(id), session) };
  for (const name of ['allow', 'block', 'forget', 'refuse', 'deny', 'addInvite', 'setName'])
    engine.client[name] = noted(name);
  engine.know(stored());
});

describe('a contact', () => {
  test('that was blocked there is hung up and blocked here, and let in again when it is unblocked', async () => {
    const conversation = engine.conversation(engine.contacts.get('bo'));
    conversation.attach(session, true);
    db.fill('contacts', stored({ blocked: true }));
    await engine.reload();
    expect([calls, conversation.stopped, engine.conversations.size]).toEqual([['close', 'block bo'], true, 0]);
    await engine.reload();
    expect(calls.splice(0)).toHaveLength(2);
    db.fill('contacts', stored());
    await engine.reload();
    expect(calls).toEqual(['allow bo', 'connect bo']);
  });

  test('that was deleted there, and never reached, is a stranger here', async () => {
    db.fill('contacts');
    await engine.reload();
    expect([engine.contacts.size, calls]).toEqual([0, ['forget bo']]);
  });

  test('that was deleted there is refused here', async () => {
    db.fill('contacts');
    db.fill('decisions', { id: 'bo', kind: 'delete', name: 'Bo', at: 2 });
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

test.each(['before it is deleted', 'after that'])(
  'a contact that is being deleted here does not come back: %s',
  async (end) => {
    const forget = db.forgetContact.bind(db);
    let go;
    const later = new Promise((done) => (go = done));
    db.forgetContact = (...args) => later.then(() => forget(...args)); // it waits for another transaction
    const forgotten = commands.forget(engine, { contact: 'bo' });
    const { readSettings } = engine;
    if (end === 'after that') engine.readSettings = async () => (await forgotten, readSettings.call(engine));
    const reloaded = engine.reload();
    if (end === 'before it is deleted') await reloaded;
    go();
    await Promise.all([forgotten, reloaded]);
    expect([[...engine.contacts.keys()], db.list('contacts')]).toEqual([[], []]);
    await engine.reload();
    expect([engine.contacts.size, calls.includes('allow bo')]).toEqual([0, false]);
  },
);

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
    db.fill('invites', inviteOf('one'));
    const reloaded = engine.reload();
    engine.endInvitation('one');
    await reloaded;
    expect([engine.invites.size, [...engine.parting.spent.keys()]]).toEqual([0, ['one']]);
  });
});

test('what may be told is taken over, and typing ends where it is off', async () => {
  const { talk } = engine.conversation(engine.contacts.get('bo'));
  talk.theyType();
  db.settings = { typing: false, read: false };
  await engine.reload();
  expect([engine.talk, talk.typing]).toEqual([{ typing: false, read: false }, false]);
  db.settings = {};
  await engine.reload();
  expect(engine.talk).toEqual({ typing: true, read: true });
});

test('a name that was given there is this person’s name here', async () => {
  db.settings = { name: 'Ana' };
  await engine.reload();
  expect([engine.me.name, calls]).toEqual(['Ana', ['setName Ana']]);
  await commands.setName(engine, { name: '' });
  expect([db.settings.name, engine.me.name]).toEqual([undefined, '']);
});

test('a contact that could not be stored is stored with the next', async () => {
  const bo = engine.contacts.get('bo');
  db.error = new Error('full');
  bo.name = 'Bob';
  await expect(engine.changed(bo, true)).rejects.toThrow('full');
  db.error = null;
  engine.addContact({ id: 'cem', how: 'asked' });
  await engine.kept.saved;
  expect(db.list('contacts').map(({ id, name }) => [id, name])).toEqual([
    ['bo', 'Bob'],
    ['cem', ''],
  ]);
});

describe('two engines that write at the same moment', () => {
  let other;
  beforeEach(() => {
    other = makeEngine();
    other.know(stored());
  });
  const bo = () => db.list('contacts')[0];

  test('keep what each has changed of a contact', async () => {
    engine.contacts.get('bo').readTo = 7;
    other.contacts.get('bo').saidRead = 'one';
    await Promise.all([
      engine.changed(engine.contacts.get('bo'), true),
      other.changed(other.contacts.get('bo'), true),
      commands.rename(engine, { contact: 'bo', name: 'Bob' }),
      commands.compared(other, { contact: 'bo', equal: true }),
    ]);
    const both = { name: 'Bob', comparedAt: 1000, readTo: 7, saidRead: 'one', pairedAt: 1 };
    expect(bo()).toMatchObject(both);
    await Promise.all([engine.reload(), other.reload()]);
    for (const one of [engine, other]) expect(one.contacts.get('bo')).toMatchObject(both);
    other.contacts.get('bo').unread = 3;
    await other.changed(other.contacts.get('bo'), true);
    expect(bo()).toMatchObject({ ...both, unread: 3 });
  });

  test('a field that one has removed does not come back from the other', async () => {
    const refused = { problem: { reason: 'REFUSED', text: '' }, link: 'a link' };
    db.fill('contacts', stored(refused));
    for (const one of [engine, other]) one.know(stored(refused));
    await commands.ask(engine, { contact: 'bo' });
    await commands.rename(other, { contact: 'bo', name: 'Bob' });
    await other.reload();
    for (const one of [bo(), other.contacts.get('bo')]) {
      expect(one.name).toBe('Bob');
      expect(one).not.toHaveProperty('problem');
      expect(one).not.toHaveProperty('link');
    }
  });

  test('a contact that one has deleted does not come back from the other', async () => {
    await commands.forget(engine, { contact: 'bo' });
    await other.changed(other.contacts.get('bo'), true);
    await commands.rename(other, { contact: 'bo', name: 'Bob' });
    expect(db.list('contacts')).toEqual([]);
    await other.reload();
    expect(other.contacts.size).toBe(0);
  });

  test('what is stored here while the other’s write is read is not taken back', async () => {
    const read = engine.reload();
    await commands.rename(engine, { contact: 'bo', name: 'Bob' });
    await read;
    expect(engine.contacts.get('bo').name).toBe('Bob');
    await commands.compared(engine, { contact: 'bo', equal: true });
    expect(bo()).toMatchObject({ name: 'Bob', comparedAt: 1000 });
  });

  test('a contact that is not stored yet survives a reload', async () => {
    engine.addContact({ id: 'cem', how: 'invite' });
    await engine.reload();
    expect([...engine.contacts.keys()]).toEqual(['bo', 'cem']);
    await engine.kept.saved;
    expect(db.list('contacts')).toHaveLength(2);
  });
});
