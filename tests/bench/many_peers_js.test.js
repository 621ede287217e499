/** The measurement of a client of JavaScript with many peers runs, and its figures are there. */
import { expect, test } from 'vitest';
import { MANY_PEERS_JS } from './parts/many_peers_js.mjs';

test('a client of JavaScript with several sessions is measured', async () => {
  const figures = await MANY_PEERS_JS.measure({ rounds: 1, messages: 20, counts: [2, 20] });
  expect(figures.sessions).toEqual([2, 20]);
  for (const us of figures.cpu_us) expect(us).toBeGreaterThan(0);
  expect(figures.session_bytes).toBeGreaterThan(100);
  for (const { reached, limit } of MANY_PEERS_JS.targets(figures)) expect(reached / limit).toBeGreaterThan(0);
  for (const line of MANY_PEERS_JS.lines(figures)) expect(line).not.toMatch(/NaN|undefined/);
}, 120_000);
