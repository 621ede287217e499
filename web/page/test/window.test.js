import { describe, expect, test } from 'vitest';
import { MAX, PAGE, append, begin, holds, prepend, take } from '../view/window.js';
import { rowsOf } from '../view/rows.js';

const DAY = 86_400_000;
const message = (n, more = {}) => ({
  n,
  kind: 'text',
  mine: 0,
  state: 'received',
  at: n * 1000,
  text: `${n}`,
  ...more,
});
/** The messages with the numbers from `a` to `b`. */
const run = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => message(a + i));
const numbers = ({ list }) => [list[0].n, list.at(-1).n, list.length];
const whole = (a, b) => begin(run(a, b), { older: true, newer: false });

describe('the part of a thread that a tab holds', () => {
  test('grows at the end, and drops the oldest, while the person reads there', () => {
    let thread = whole(1, 100);
    for (let n = 101; n <= 1000; n += 1) {
      thread = take(thread, [message(n)], true);
      expect(thread.list.length).toBeLessThanOrEqual(MAX);
    }
    expect(thread.list.at(-1).n).toBe(1000);
    expect(thread.older).toBe(true);
    expect(thread.newer).toBe(false);
  });

  test('drops nothing that somebody reads further up', () => {
    let thread = whole(1, MAX - 1);
    thread = take(thread, [message(MAX)], false);
    thread = take(thread, [message(MAX + 1)], false);
    expect(numbers(thread)).toEqual([1, MAX, MAX]);
    expect(thread.newer).toBe(true);
    expect(take(thread, [message(MAX + 2)], true).list.length).toBe(MAX);
  });

  test('replaces changed messages in place, and stays the same for others', () => {
    const thread = begin(run(50, 60), { older: true, newer: true });
    expect(take(thread, [message(55, { state: 'delivered' })], false).list[5].state).toBe('delivered');
    expect(take(thread, [message(10, { state: 'delivered' })], false)).toBe(thread);
    expect(thread.list[5].state).toBe('received');
  });

  test('takes a burst in any order, each message once', () => {
    const thread = take(whole(1, 10), [message(13), message(11), message(12), message(11)].slice(0, 3), true);
    expect(thread.list.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  test('keeps only the newest of a burst, without a gap, when the person reads at the end', () => {
    const thread = take(begin(run(1, 10), { older: false, newer: false }), run(11, 400), true);
    expect(numbers(thread)).toEqual([351, 400, 50]);
    expect([thread.older, thread.newer]).toEqual([true, false]);
    expect(numbers(take(whole(1, 10), run(11, 60), true))).toEqual([1, 60, 60]);
    const reading = take(whole(1, 10), run(11, 400), false);
    expect(numbers(reading)).toEqual([1, 10, 10]);
    expect(reading.newer).toBe(true);
  });

  test.each([51, 60, 90, 200])('keeps what somebody reads further up when %i come at once', (count) => {
    const thread = take(whole(1, 100), run(101, 100 + count), false);
    expect([numbers(thread), thread.newer]).toEqual([[1, 100 + count, 100 + count], false]);
  });

  test('moves up and down by pages, without gaps and bounded', () => {
    let thread = whole(901, 1000);
    for (let first = 901; first > 1; first -= PAGE) {
      thread = prepend(thread, run(Math.max(1, first - PAGE), first - 1));
      expect(thread.list.length).toBeLessThanOrEqual(MAX);
    }
    expect(thread.list[0].n).toBe(1);
    expect(thread.newer).toBe(true);
    while (thread.newer) {
      const last = thread.list.at(-1).n;
      thread = append(thread, run(last + 1, Math.min(1000, last + PAGE)));
      expect(thread.list.length).toBeLessThanOrEqual(MAX);
    }
    expect(thread.list.at(-1).n).toBe(1000);
    expect(thread.list.every(({ n }, i) => i === 0 || n === thread.list[i - 1].n + 1)).toBe(true);
  });

  test('knows which numbers lie in it', () => {
    expect([49, 50, 60, 61].map((n) => holds(begin(run(50, 60), { older: true, newer: true }), n))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('rows', () => {
  test('a day begins once, whatever the times within it', () => {
    const noon = new Date(2026, 2, 1, 12).getTime();
    const rows = rowsOf([message(1, { at: noon }), message(2, { at: noon + 60_000 }), message(3, { at: noon + DAY })]);
    expect(rows.map(({ day }) => day)).toEqual([new Date(2026, 2, 1).getTime(), null, new Date(2026, 2, 2).getTime()]);
    expect(rows.map(({ first, last }) => [first, last])).toEqual([
      [true, false],
      [false, true],
      [true, true],
    ]);
  });
});
