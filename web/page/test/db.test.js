import { expect, test, vi } from 'vitest';
import { Db } from '../engine/db.js';

test('a database that another engine keeps open is emptied, and deleting it does not wait for ever', async () => {
  vi.useFakeTimers();
  const did = [];
  const transaction = () => {
    const one = { objectStore: (name) => ({ clear: () => did.push(`clear ${name}`) }) };
    queueMicrotask(() => one.oncomplete());
    return one;
  };
  const raw = { name: 'test', objectStoreNames: ['contacts', 'messages'], transaction, close: () => did.push('close') };
  const request = {};
  const db = new Db(raw, { deleteDatabase: () => (did.push('delete'), request) });
  const emptied = db.startEmpty();
  await vi.waitFor(() => expect(did).toEqual(['clear contacts', 'clear messages', 'close', 'delete']));
  request.onblocked();
  await vi.runAllTimersAsync();
  expect(await emptied).toBe(false);
  vi.useRealTimers();
});
