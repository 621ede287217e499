/** Tests the measurement of long conversations: a small one, and nothing about its speed. */
import { expect, test } from 'vitest';
import { CONVERSATION } from './parts/conversation.mjs';

const LONG = 180_000;
const small = { quick: true, lengths: [10, 20], messages: 3, burst: 20, frames: 10, contacts: 3 };

test(
  'a small conversation',
  async () => {
    const figures = await CONVERSATION.measure(small);
    expect(Object.keys(figures.lengths)).toEqual(['10', '20']);
    for (const value of [figures.bubble_ms, figures.frame_ms, figures.heap_bytes, figures.burst.open_s])
      expect(value).toBeGreaterThan(0);
    expect(figures.rows).toBeGreaterThanOrEqual(20);
    expect(CONVERSATION.lines(figures)).toHaveLength(2);
  },
  LONG,
);

test('a cost that grows with the thread misses its target', () => {
  const figures = {
    lengths: { 100: { cpu_ms: 10 }, 10000: { cpu_ms: 20 } },
    burst: { open_ms: 3, closed_ms: 2 },
    frame_ms: 17,
    bubble_ms: 30,
  };
  expect(CONVERSATION.targets(figures).map(({ reached, limit }) => reached <= limit)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});
