/** Tests the measurement of logins itself, with few of them. */
import { expect, test } from 'vitest';
import { LOGINS_PER_CORE } from './parts/logins.mjs';

test('logins and their signatures are measured', async () => {
  const figures = await LOGINS_PER_CORE.measure({ rounds: 1, logins: 20, signings: 50 });
  for (const name of ['new_cpu_us', 'known_cpu_us', 'ed25519_us', 'key_check_us'])
    expect(figures[name]).toBeGreaterThan(0);
  expect(LOGINS_PER_CORE.targets(figures)).toHaveLength(2);
  expect(LOGINS_PER_CORE.lines(figures).join()).not.toMatch(/NaN|undefined|–/);
});
