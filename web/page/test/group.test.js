import { expect, test } from 'vitest';
import { Db } from '../engine/db.js';
import { Group } from '../engine/group.js';

/** A store whose transactions the test commits. */
function store() {
  const commits = [];
  const group = new Group(async (work) => {
    const value = await work('store');
    await new Promise((done) => commits.push(done));
    return value;
  });
  return { group, commits };
}
const turn = () => new Promise((done) => setImmediate(done));

test('work that comes during a commit shares the next one, and is done only after it', async () => {
  const { group, commits } = store();
  const done = [];
  const run = (name) => group.run(async () => name).then((value) => done.push(value));
  const all = ['a', 'b', 'c'].map(run);
  await turn();
  expect(commits.length).toBe(1);
  expect(done).toEqual([]);
  commits.shift()();
  await turn();
  expect(done).toEqual(['a']);
  expect(commits.length).toBe(1);
  commits.shift()();
  await Promise.all(all);
  expect(done).toEqual(['a', 'b', 'c']);
});

test('what fails does not take the others with it', async () => {
  const { group, commits } = store();
  const first = group.run(async () => 'first');
  const bad = group.run(() => Promise.reject(new Error('bad')));
  const good = group.run(async () => 'good');
  const commit = setInterval(() => commits.shift()?.(), 1);
  expect(await Promise.allSettled([first, bad, good])).toMatchObject([
    { value: 'first' },
    { reason: { message: 'bad' } },
    { value: 'good' },
  ]);
  clearInterval(commit);
});

test('a transaction is taken back when its work fails', async () => {
  const made = [];
  const transaction = () => {
    const one = { objectStore: () => ({}), abort: () => (one.aborted = true) };
    made.push(one);
    queueMicrotask(() => one.oncomplete());
    return one;
  };
  const db = new Db({ transaction });
  await expect(db.write('contacts', () => Promise.reject(new Error('bad')))).rejects.toThrow('bad');
  await db.write('contacts', async () => {});
  expect(made.map(({ aborted = false }) => aborted)).toEqual([true, false]);
});
