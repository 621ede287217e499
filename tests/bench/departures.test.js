/** Tests the measurement of departures itself, with few sockets. */
import { expect, test } from 'vitest';
import { DEPARTURES } from './parts/departures.mjs';
import { START, load } from './servers.mjs';

test('departures are measured, and the others talk meanwhile', async () => {
  const figures = await DEPARTURES.measure({ rounds: 1, seconds: 0.05, leavers: 400, live: [10, 20], logins: 40 });
  expect(figures.most_to_least).toBeGreaterThanOrEqual(1);
  for (const how of ['exit', 'close', 'login', 'login_tls'])
    for (const figure of ['p99_to_alone', 'control_p99_us'])
      expect(figures[how][figure], `${how} ${figure}`).toBeGreaterThan(0);
  expect(DEPARTURES.targets(figures)).toHaveLength(7);
  for (const line of DEPARTURES.lines(figures)) expect(line).not.toMatch(/NaN|undefined|–/);
});

test.each(['exit', 'reset', 'close', 'login'])('all sockets leave or log in: %s', async (leave) => {
  const server = await START.pairlink();
  try {
    const row = await load(server, 'pairlink', ['--leave', leave, '--leavers', 100, '--pairs', 2, '--seconds', 0.05]);
    expect(row).toMatchObject({ leave, leavers: 100, pairs: 2 });
    expect(row.messages_alone).toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
});

test('a storm of logins fails when the relay refuses some of them', async () => {
  const server = await START.pairlink({ args: ['--limit', 'SOCKETS_MAX=20'] });
  try {
    const args = ['--leave', 'login', '--leavers', 100, '--pairs', 2, '--seconds', 0.05, '--patience', 5];
    await expect(load(server, 'pairlink', args)).rejects.toThrow('the second process could not log in');
  } finally {
    await server.stop();
  }
});
