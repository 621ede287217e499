/** The two queues on which the engine and its shell rely, compared with sorted arrays; and that long ones stay fast. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Deadlines } from '../core/deadlines.js';
import { Fifo } from '../core/fifo.js';
import { Inbox } from '../inbox.js';
import { makeRandom } from './model.js';

afterEach(() => vi.restoreAllMocks());

describe('a queue', () => {
  test('gives what came first, whatever is added and taken in between', () => {
    const { next } = makeRandom(7);
    const fifo = new Fifo();
    const array = [];
    for (let i = 0; i < 20_000; i++) {
      if (next() < (i < 10_000 ? 0.6 : 0.4)) {
        fifo.push(i);
        array.push(i);
      } else expect(fifo.shift()).toBe(array.shift());
      expect(fifo.length).toBe(array.length);
      expect(fifo.first).toBe(array[0]);
    }
    expect([...fifo]).toEqual(array);
    fifo.clear();
    expect([fifo.length, fifo.first, fifo.shift()]).toEqual([0, undefined, undefined]);
  });
  test('moves each item at most once on average', () => {
    const fifo = new Fifo();
    let moved = 0;
    const { slice } = Array.prototype;
    vi.spyOn(Array.prototype, 'slice').mockImplementation(function (...range) {
      const copy = slice.apply(this, range);
      moved += copy.length;
      return copy;
    });
    for (let i = 0; i < 10_000; i++) fifo.push(i);
    for (let i = 0; i < 10_000; i++) {
      fifo.shift();
      if (i % 2) fifo.push(i);
    }
    expect(moved).toBeLessThan(20_000);
  });
});

describe('deadlines', () => {
  test('come in order, the smaller order first among equals, whatever is moved and taken out', () => {
    const { next } = makeRandom(8);
    const deadlines = new Deadlines();
    const items = Array.from({ length: 200 }, (_, order) => ({ order, dueAt: Infinity, heapPlace: -1 }));
    const times = new Map();
    const sorted = () => [...times].sort(([a, x], [b, y]) => x - y || a.order - b.order).map(([item]) => item);
    for (let i = 0; i < 5_000; i++) {
      const item = items[Math.floor(next() * items.length)];
      const at = next() < 0.2 ? Infinity : Math.floor(next() * 50);
      deadlines.set(item, at);
      if (at === Infinity) times.delete(item);
      else times.set(item, at);
      if (i % 100) continue;
      const [first] = sorted();
      expect(deadlines.first).toBe(first);
      expect(deadlines.at).toBe(times.get(first) ?? Infinity);
    }
    const all = sorted();
    const due = all.filter((item) => times.get(item) <= 20);
    expect(deadlines.takeDue(20)).toEqual(due);
    expect(due.every(({ heapPlace }) => heapPlace === -1)).toBe(true);
    expect(deadlines.takeDue(Infinity)).toEqual(all.slice(due.length));
    expect(deadlines.at).toBe(Infinity);
  });
});

test('an inbox with many waiting messages hands each over without moving the others', () => {
  const shift = vi.spyOn(Array.prototype, 'shift');
  const splice = vi.spyOn(Array.prototype, 'splice');
  const got = [];
  let listens = false;
  const taken = [];
  const session = /** @type {any} */ ({
    hasListener: () => listens,
    showMessage: (channel, data, take) => {
      got.push(data[0]);
      take();
    },
    taken: (channel, place) => taken.push(place),
  });
  const inbox = new Inbox(session, 0);
  for (let i = 0; i < 1_000; i++) inbox.put({ data: Uint8Array.of(i), place: i + 1, generation: 0 });
  listens = true;
  inbox.drain();
  expect(got).toEqual(Array.from({ length: 1_000 }, (_, i) => i & 255));
  expect(taken.at(-1)).toBe(1_000);
  expect(shift).not.toHaveBeenCalled();
  expect(splice).not.toHaveBeenCalled();
});
