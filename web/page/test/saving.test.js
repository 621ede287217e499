import { expect, test } from 'vitest';
import { commands } from '../engine/commands.js';
import { Engine } from '../engine/engine.js';

/** An engine with one contact, whose database stores contacts as `putAll` does. */
function engineWith(putAll) {
  const world = { db: { putAll }, lib: {}, now: () => 1, random: (n) => new Uint8Array(n) };
  const engine = new Engine(/** @type {any} */ (world), /** @type {any} */ ({ state() {} }));
  engine.contacts.set('ana', /** @type {any} */ ({ id: 'ana', name: '', hint: '', asked: false }));
  engine.contacts.set('bo', /** @type {any} */ ({ id: 'bo', name: '', hint: '', asked: false }));
  engine.conversation = () => /** @type {any} */ ({ dial() {} });
  return engine;
}
const choices = {
  rename: { contact: 'ana', name: 'Ana' },
  block: { id: 'ana' },
  unblock: { contact: 'ana' },
  vouch: { contact: 'ana' },
  compared: { contact: 'ana', equal: true },
};

test.each(Object.entries(choices))('%s fails when it cannot be stored', async (cmd, args) => {
  const full = Object.assign(new Error('full'), { name: 'QuotaExceededError' });
  const engine = engineWith(() => Promise.reject(full));
  await expect(commands[cmd](engine, args)).rejects.toBe(full);
  expect(engine.lines.map(({ text }) => text)).toEqual(['contacts: full']);
  engine.db.putAll = () => Promise.resolve();
  await commands[cmd](engine, args);
});

test('a choice is done when its own write is, and what changes meanwhile shares the next write', async () => {
  const writes = [];
  const engine = engineWith(
    (_, list) => new Promise((done, fail) => writes.push({ ids: list.map(({ id }) => id), done, fail })),
  );
  const started = () => new Promise((done) => setTimeout(done));
  const results = [];
  const told = (promise) => promise.then(() => results.push('stored')).catch(() => results.push('failed'));
  const first = told(commands.rename(engine, choices.rename));
  await started();
  const more = [told(commands.block(engine, { id: 'bo' })), told(commands.vouch(engine, choices.vouch))];
  writes[0].fail(new Error('full'));
  await first;
  await started();
  expect(results).toEqual(['failed']);
  expect(writes.map(({ ids }) => ids)).toEqual([['ana'], ['bo', 'ana']]);
  writes[1].done();
  await Promise.all(more);
  expect(results).toEqual(['failed', 'stored', 'stored']);
});
