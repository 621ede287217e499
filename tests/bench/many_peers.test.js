/** The measurement of clients with many peers runs, and its figures are there. */
import { expect, test } from 'vitest';
import { MANY_PEERS } from './parts/many_peers.mjs';

test('clients with several sessions are measured', async () => {
  const figures = await MANY_PEERS.measure({ rounds: 1, seconds: 0.1, counts: [2, 20], links: 5 });
  expect(Object.keys(figures.cpu_us)).toEqual(['2', '20']);
  for (const v of [...Object.values(figures.cpu_us), ...Object.values(figures.all_busy_cpu_us)])
    expect(v).toBeGreaterThan(0);
  expect(figures.relay_cpu_us_one_socket).toBeGreaterThan(0);
  expect(figures.relay_cpu_us_many_sockets).toBeGreaterThan(0);
  expect(figures.session_bytes_linked).toBeGreaterThan(100);
  expect(Math.floor(figures.descriptors)).toBe(4);
  for (const { reached, limit } of MANY_PEERS.targets(figures)) expect(reached / limit).toBeGreaterThan(0);
  for (const line of MANY_PEERS.lines(figures)) expect(line).not.toMatch(/NaN|undefined/);
}, 120_000);
