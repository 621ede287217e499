/** The comparison of small files runs, and verifies what arrived. It asserts no speed. */
import { expect, test } from 'vitest';
import { SMALL_FILES } from './parts/small_files.mjs';

test.skipIf(SMALL_FILES.missing())('small files by pairlink and by tar over ssh', { timeout: 120_000 }, async () => {
  const figures = await SMALL_FILES.measure({ rounds: 1, count: 40, slope: 80 });
  expect(figures.seconds.tar.length).toBe(1);
  expect(figures.ratio).toBeGreaterThan(0);
  expect(SMALL_FILES.targets(figures).map(({ limit }) => limit)).toEqual([1.2, 1.2]);
  expect(SMALL_FILES.lines(figures).join(' ')).toMatch(/40 files of 1 KiB/);
});
