/** The measurement of TLS runs for a moment, with the shape that the documents read. */
import { expect, test } from 'vitest';
import { TLS_COSTS } from './parts/tls.mjs';
import { isThere } from './servers.mjs';

test('what TLS costs', async () => {
  const figures = await TLS_COSTS.measure({ rounds: 1, seconds: 0.05, quick: true });
  for (const cell of ['64 B', '16 KiB']) {
    expect(figures.cells[cell].to_plain.ratio, cell).toBeGreaterThan(0);
    expect(figures.cells[cell].to_plain.spread, cell).toBe(0); // of one round
    expect(figures.cells[cell].to_uws !== undefined, cell).toBe(isThere('uws-tls'));
  }
  expect(figures.trip.p50_to_plain.ratio).toBeGreaterThan(0);
  expect(TLS_COSTS.targets(figures).map(({ limit }) => limit)).toEqual(
    isThere('uws-tls') ? [1.5, 3.5, 1, 1] : [1.5, 3.5],
  );
  const lines = TLS_COSTS.lines(figures);
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line).not.toMatch(/NaN|undefined|null/);
});
