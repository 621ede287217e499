/** What a person decides is stored first and holds then: what could not be kept is not done, and says so. */
import { beforeEach, describe, expect, test } from 'vitest';
import { commands } from '../engine/commands.js';
import { Db } from '../engine/db.js';
import { Engine } from '../engine/engine.js';
import { Host } from '../engine/host.js';
import { MemoryDb, MemoryFileStore, MemoryRecords } from './memory-db.js';

const full = Object.assign(new Error('full'), { name: 'QuotaExceededError' });
const contactOf = (id, more) => ({
  ...{ id, how: 'invite', name: '', hint: '', createdAt: 1, pairedAt: 1, unread: 0, blocked: false },
  ...more,
});
let db, engine, calls, tabs;

beforeEach(() => {
  db = new MemoryRecords();
  const blocked = contactOf('eve', { createdAt: 2, blocked: true });
  const refused = contactOf('gil', { createdAt: 3, problem: { reason: 'REFUSED', text: '' }, pairedAt: null });
  const invite = { secret: 'one', raw: 'one', link: '', expiresAt: 1e6, createdAt: 1 };
  const decision = { id: 'ida', kind: 'ignore', name: '', at: 1 };
  calls = [];
  tabs = 0;
  const world = { db, lib: {}, now: () => 1000, random: (n) => new Uint8Array(n) };
  engine = new Engine(world, { state: () => (tabs += 1), messages() {}, news() {} });
  db.fill('contacts', contactOf('ana'), blocked, refused);
  for (const contact of db.list('contacts')) engine.know(contact);
  db.fill('knocks', { id: 'dee', name: 'Dee', at: 1 });
  engine.knocks.set('dee', db.list('knocks')[0]);
  db.fill('invites', invite);
  engine.invites.set('one', { ...invite });
  db.fill('decisions', decision);
  engine.parting.decisions.set('ida', decision);
  engine.files.store = new MemoryFileStore();
  engine.connect = async () => void calls.push('connect');
  engine.lib.parseInviteLink = () => ({ id: 'fay' });
  const session = { on() {}, close() {}, state: 'dialing' };
  const noted = (name) => (what) => void calls.push(`${name} ${what.secret ?? what}`);
  engine.client = { state: 'online', connect: (id) => (calls.push(`connect ${id}`), session) };
  for (const name of ['allow', 'block', 'forget', 'refuse', 'deny', 'addInvite', 'revokeInvite', 'setName'])
    engine.client[name] = noted(name);
  engine.client.createInvite = () => ({ secret: 'two', link: 'two', expiresAt: 1e6 });
  engine.codes.make = () => {};
});

/** All that a tab could see or the other side notice. */
const seen = () => {
  const { log: _, ...state } = engine.state();
  return structuredClone({ ...state, settings: engine.settings, spent: [...engine.parting.spent.keys()] });
};
const choices = {
  rename: { contact: 'ana', name: 'Ana' },
  block: { id: 'ana' },
  unblock: { contact: 'eve' },
  vouch: { contact: 'ana' },
  compared: { contact: 'ana', equal: true },
  ask: { contact: 'gil' },
  allow: { id: 'dee' },
  ignore: { id: 'dee' },
  takeBack: { id: 'ida' },
  forget: { contact: 'ana' },
  invite: { pageUrl: 'here' },
  cancelInvite: { secret: 'one' },
  setName: { name: 'Me' },
  setTalk: { about: 'read', on: false },
  setSetting: { key: 'banner', value: 'seen' },
  trustServer: { id: 'new' },
};

describe('what cannot be stored', () => {
  test.each(Object.entries(choices))('%s: fails, and nothing has changed', async (cmd, args) => {
    if (cmd === 'vouch') engine.contacts.get('ana').hint = 'Ana';
    if (cmd === 'trustServer') engine.server.changed = { expected: 'old', got: 'new' };
    const before = seen();
    db.error = full;
    await expect(commands[cmd](engine, args)).rejects.toBe(full);
    expect(seen()).toEqual(before);
    expect(calls.filter((call) => /^(block|connect$)/.test(call))).toEqual([]);
    db.error = null;
    await commands[cmd](engine, args);
    expect(seen()).not.toEqual(before);
  });

  test('a stranger who could not be blocked still asks', async () => {
    db.error = full;
    await expect(commands.block(engine, { id: 'dee' })).rejects.toBe(full);
    expect([[...engine.knocks.keys()], calls]).toEqual([['dee'], []]);
  });

  test('a contact that could not be deleted is let in again', async () => {
    db.error = full;
    await expect(commands.forget(engine, { contact: 'ana' })).rejects.toBe(full);
    expect(calls).toEqual(['refuse ana', 'allow ana', 'connect ana']);
    db.error = null;
    await commands.rename(engine, { contact: 'ana', name: 'Ana' });
    expect(db.list('contacts')[0]).toMatchObject({ name: 'Ana', pairedAt: 1 });
  });

  test('an invitation that could not be kept is withdrawn', async () => {
    db.error = full;
    await expect(commands.invite(engine, { pageUrl: 'here' })).rejects.toBe(full);
    expect(calls).toEqual(['revokeInvite two']);
  });

  test('a message that could not be deleted stays, and nobody says that it is gone', async () => {
    const messages = new MemoryDb();
    Object.assign(engine.services, { db: messages });
    engine.db.message = (n) => messages.message(n);
    const { n } = await messages.addMessage({ contact: 'ana', mine: 1, id: 'x', kind: 'text', text: 'hi', at: 1 });
    messages.deleteMessage = () => Promise.reject(full);
    const args = { contact: 'ana', n };
    await expect(commands.deleteMessage(engine, args)).rejects.toBe(full);
    delete messages.deleteMessage;
    expect(await commands.deleteMessage(engine, args)).toBe(true);
    expect(await messages.message(n)).toBe(undefined);
  });

  test('a file that could not be deleted is still here whole, and goes with its message', async () => {
    const messages = new MemoryDb();
    const files = (messages.files = engine.files.store = new MemoryFileStore());
    Object.assign(engine.services, { db: messages });
    engine.db.message = (n) => messages.message(n);
    const file = { contact: 'ana', mine: 0, id: 'x', kind: 'file', text: 'a', at: 1, state: 'saved' };
    const { n } = await messages.addMessage(file, (card) => [{ key: 'k', card, n: 0 }]);
    await files.putPieces([{ key: 'k', from: 0, to: 2, blob: new Blob(['hi']) }]);
    await files.putSource('k', new Blob(['hi']));
    messages.deleteMessage = () => Promise.reject(full);
    await expect(commands.deleteMessage(engine, { contact: 'ana', n })).rejects.toBe(full);
    expect([await files.storedTo('k'), files.sources.size, (await messages.message(n)).state]).toEqual([2, 1, 'saved']);
    delete messages.deleteMessage;
    expect(await commands.deleteMessage(engine, { contact: 'ana', n })).toBe(true);
    expect([await files.storedTo('k'), files.sources.size, await messages.message(n)]).toEqual([0, 0, undefined]);
    expect(await files.get('k'), 'to answer a repeated offer').toMatchObject({ card: n });
  });

  test('a text that could not be kept is not on its way', async () => {
    const messages = new MemoryDb();
    messages.addMessage = () => Promise.reject(full);
    Object.assign(engine.services, { db: messages });
    const before = seen();
    await expect(commands.send(engine, { contact: 'ana', message: 'x', text: 'hi' })).rejects.toBe(full);
    expect(seen()).toEqual(before);
  });

  test('a tab is told what the database says, by one code', async () => {
    const transaction = () => {
      throw Object.assign(new Error('closing'), { name: 'InvalidStateError' });
    };
    const broken = new Db(/** @type {any} */ ({ transaction }), /** @type {any} */ ({}));
    engine.db.change = (...args) => broken.change(...args);
    engine.started = Promise.resolve();
    const host = new Host();
    host.use(Promise.resolve(engine));
    const answers = [];
    await host.receive({ post: (answer) => answers.push(answer) }, { seq: 1, cmd: 'block', args: { id: 'ana' } });
    expect(answers.at(-1)).toEqual({ seq: 1, error: { code: 'EUNSAVED', text: 'closing' } });
    expect(engine.contacts.get('ana').blocked).toBe(false);
  });
});

test('what changes while others are being stored is stored together, after them', async () => {
  const [ana, eve] = ['ana', 'eve'].map((id) => engine.contacts.get(id));
  const writes = [];
  db.change = (_, list) => new Promise((done, fail) => writes.push({ keys: list.map(({ key }) => key), done, fail }));
  const started = () => new Promise((done) => setTimeout(done));
  const results = [];
  const told = (promise) => promise.then(() => results.push('stored')).catch(() => results.push('failed'));
  const first = told(engine.changed(ana, true));
  await started();
  const more = [told(engine.changed(eve, true)), told(engine.changed(ana, true))];
  writes[0].fail(full);
  await first;
  await started();
  expect(results).toEqual(['failed']);
  expect(writes.map(({ keys }) => keys)).toEqual([['ana'], ['eve', 'ana']]);
  writes[1].done();
  await Promise.all(more);
  expect(results).toEqual(['failed', 'stored', 'stored']);
  expect(engine.lines.map(({ text }) => text)).toEqual(['contacts: full']);
});
