/** Tests the measurement of latency under load itself: it runs for a moment, and its sentences can be written. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { LATENCY } from './parts/latency.mjs';
import { START, load } from './servers.mjs';
import { binary } from '../support/process.js';

test('a pair is measured alone, beside the bulk, and through another server', async () => {
  const figures = await LATENCY.measure({ rounds: 1, seconds: 0.2 });
  for (const name of ['pairlink', 'raw']) {
    const row = figures[name];
    for (const figure of ['idle_p99_us', 'loaded_p99_us', 'control_idle_p99_us', 'control_p99_us', 'rounds'])
      expect(row[figure], `${name} ${figure}`).toBeGreaterThan(0);
    expect(row.bulk_envelopes_per_s).toBeGreaterThan(0);
  }
  for (const target of LATENCY.targets(figures)) expect(target.reached).toBeGreaterThan(0);
  for (const line of LATENCY.lines(figures)) expect(line).toMatch(/^[^-](?!.*(undefined|NaN)).*\.$/);
});

test('a pause between rounds is kept, and needs one message in flight', async () => {
  const server = await START.raw();
  try {
    const row = await load(server, 'raw', ['--pairs', 1, '--pause', 20, '--seconds', 0.2, '--warmup', 0]);
    expect(row.envelopes).toBeGreaterThan(0);
    expect(row.envelopes).toBeLessThanOrEqual(2 * (row.seconds / 0.02 + 1));
  } finally {
    await server.stop();
  }
  const args = ['--server', 'raw', '--port', '1', '--window', '2', '--pause', '1'];
  expect(() => execFileSync(binary('pl-bench-load'), args, { stdio: 'pipe' })).toThrow('--pause needs --window 1');
});
