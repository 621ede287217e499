/** What the database reads for a long thread: a thread of 100,000 messages opens and jumps like one of 1,000. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { Db } from '../engine/db.js';

/** How often the database was asked, and how many records and keys it gave. */
let asked;
beforeEach(() => {
  asked = { requests: 0, values: 0 };
  vi.stubGlobal('IDBKeyRange', {
    bound: (lower, upper, lowerOpen = false, upperOpen = false) => ({ lower, upper, lowerOpen, upperOpen }),
  });
});

/** A request that is answered in the next turn; `values` is what the answer takes from the store. */
function answer(result, values) {
  asked.requests += 1;
  asked.values += values;
  const request = { result };
  queueMicrotask(() => request.onsuccess?.());
  return request;
}

/**
 * The index of messages by contact. Two contacts have `count` messages each, taking turns; the times are in minutes.
 * It answers by arithmetic, so that its length costs the test nothing.
 */
function indexOf(count) {
  const minute = 60_000;
  const first = (contact) => (contact === 'ana' ? 1 : 2);
  const record = (contact, i) => ({ n: first(contact) + 2 * i, contact, at: i * minute, kind: 'text' });
  /** The places of a range, from the first to behind the last. */
  const places = ({ lower: [contact, low], upper: [, high], lowerOpen, upperOpen }) => {
    const at = (n) => (n - first(contact)) / 2;
    const from = Math.max(0, lowerOpen ? Math.floor(at(low)) + 1 : Math.ceil(at(low)));
    const to = Math.min(count, upperOpen ? Math.ceil(at(high)) : Math.floor(at(high)) + 1);
    return { contact, from, to: Math.max(from, to) };
  };
  return {
    getAll(range, most = Infinity) {
      const { contact, from, to } = places(range);
      const length = Math.min(most, to - from);
      const list = Array.from({ length }, (_, i) => record(contact, from + i));
      return answer(list, length);
    },
    get(range) {
      const { contact, from, to } = places(range);
      return answer(from < to ? record(contact, from) : undefined, 1);
    },
    openKeyCursor(range, direction) {
      expect(direction).toBe('prev');
      const { contact, from, to } = places(range);
      let place = to - 1;
      const request = answer(null, 1);
      const look = () => {
        const { n } = record(contact, place);
        request.result = place < from ? null : { key: [contact, n], primaryKey: n, advance };
      };
      const advance = (steps) => {
        place -= steps;
        look();
        asked.requests += 1;
        asked.values += 1;
        queueMicrotask(() => request.onsuccess?.());
      };
      look();
      return request;
    },
  };
}

const openDb = (count) => {
  const index = indexOf(count);
  const raw = { transaction: () => ({ objectStore: () => ({ index: () => index }) }) };
  return new Db(/** @type {any} */ (raw), /** @type {any} */ ({}));
};

/** What `act` makes the database do, with a thread of this length. */
async function costOf(count, act) {
  const db = openDb(count);
  Object.assign(asked, { requests: 0, values: 0 });
  const result = await act(db, count);
  return { ...asked, result };
}

const PAGE = 100;
const numbers = (list) => [list[0].n, list.at(-1).n, list.length];

describe.each([
  ['opens', (db) => db.messages('ana', { count: PAGE }), (n) => [2 * n - 199, 2 * n - 1, PAGE]],
  [
    'loads what is before',
    (db, n) => db.messages('ana', { before: n + 1, count: PAGE }),
    (n) => [n - 199, n - 1, PAGE],
  ],
  ['loads what is after', (db, n) => db.messages('ana', { after: n - 1, count: PAGE }), (n) => [n + 1, n + 199, PAGE]],
])('a thread %s', (_, act, wanted) => {
  test('with as many reads when it is a hundred times as long', async () => {
    const short = await costOf(1000, act);
    const long = await costOf(100_000, act);
    expect(numbers(short.result)).toEqual(wanted(1000));
    expect(numbers(long.result)).toEqual(wanted(100_000));
    expect([long.requests, long.values]).toEqual([short.requests, short.values]);
    expect(long.values).toBeLessThanOrEqual(PAGE + 2);
  });
});

test('a day is found with one read more each time the thread is twice as long', async () => {
  const atThird = (db, n) => db.messageAt('ana', Math.round(n / 3) * 60_000);
  const short = await costOf(1000, atThird);
  const long = await costOf(100_000, atThird);
  expect([short.result, long.result]).toEqual([1 + 2 * 333, 1 + 2 * 33_333]);
  expect(long.values).toBeLessThanOrEqual(20);
  expect(long.values - short.values).toBeLessThanOrEqual(7);
});
