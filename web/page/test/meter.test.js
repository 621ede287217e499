/** How fast the bytes of a file move, and for how long none have. */
import { expect, test } from 'vitest';
import { Meter } from '../engine/files/meter.js';

test('rates are those of the last seconds, and unknown at first', () => {
  const meter = new Meter();
  expect(meter.rate(0)).toBeNull();
  for (let at = 0; at <= 900; at += 100) meter.add(1000, at);
  expect(meter.rate(900)).toBeNull();
  for (let at = 1000; at <= 5000; at += 100) meter.add(1000, at);
  expect(meter.rate(5000)).toBeGreaterThan(9000);
  expect(meter.rate(5000)).toBeLessThan(10500);
  expect(meter.left(50_000, 5000)).toBeGreaterThan(4700);
  for (let at = 5100; at <= 12_000; at += 100) meter.add(100, at);
  expect(meter.rate(12_000)).toBeLessThan(1100);
  expect(meter.rate(60_000)).toBeNull();
});
test('what stands is said to stand, without a rate; both return when bytes move again', () => {
  const meter = new Meter();
  meter.expect(true, 0);
  expect([meter.still(5000), meter.still(7000)]).toEqual([null, 7000]); // not one byte
  for (let at = 8000; at <= 12_000; at += 100) meter.add(1000, at);
  expect([meter.rate(12_000) > 9000, meter.still(12_000)]).toEqual([true, null]);
  expect(meter.still(17_000)).toBeNull();
  expect([meter.still(19_000), meter.rate(19_000), meter.left(500, 19_000)]).toEqual([7000, null, null]);
  for (let at = 60_000; at <= 62_000; at += 100) meter.add(1000, at);
  expect(meter.rate(62_000)).toBeGreaterThan(9000); // the minute in between is left out
  expect(meter.still(62_000)).toBeNull();
});
test('over a slow line bytes do not stand between two pieces, and have a rate', () => {
  const meter = new Meter();
  meter.expect(true, 0);
  for (let at = 0; at <= 40_000; at += 8000) meter.add(16_000, at);
  expect(meter.rate(40_000)).toBe(2000);
  expect([meter.still(47_999), meter.rate(47_999) > 500]).toEqual([null, true]);
  expect(meter.still(65_000)).toBe(25_000);
});
