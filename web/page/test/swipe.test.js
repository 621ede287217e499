import { expect, test } from 'vitest';
import { swipeOf } from '../view/use-swipe.js';

test.each([
  ['from right to left: the next', -100, 10, false, 1],
  ['from left to right: the one before', 100, -10, false, -1],
  ['read from right to left, the other way round', -100, 0, true, -1],
  ['read from right to left, the other way round', 100, 0, true, 1],
  ['a tap', 5, 3, false, 0],
  ['down, as to scroll', 60, 200, false, 0],
  ['aslant', 100, 60, false, 0],
])('%s', (_what, across, down, rtl, by) => expect(swipeOf(across, down, rtl)).toBe(by));
