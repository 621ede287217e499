/** 10,000 logins as fast as possible, plain and over TLS. */
import { number } from '../format.mjs';
import { load } from '../servers.mjs';
import { PATIENT, fresh, middle } from './common.mjs';

const STORM = 10_000;

async function measure({ rounds }) {
  const rows = { pairlink: [], 'pairlink-tls': [] };
  for (let round = 0; round < rounds; round++)
    for (const label of Object.keys(rows))
      rows[label].push(await fresh(label, (server) => load(server, label, ['--storm', STORM, ...PATIENT])));
  const figures = (list) => ({
    logins_per_s: middle(list, 'logins_per_s'),
    cpu_us: middle(list, 'cpu_us'),
    generator_limited: list.every((r) => r.generator_limited),
  });
  return { sockets: STORM, ...figures(rows.pairlink), tls: figures(rows['pairlink-tls']) };
}

export const LOGIN_STORM = {
  name: 'storm',
  needs: 25,
  measure,
  targets: (f) => [{ what: 'logins a second, plain', reached: f.logins_per_s, limit: 4000, unit: '/s', atLeast: true }],
  lines: (f) => [
    `Logins a second on one core: ${number(f.logins_per_s)} plain, ${number(f.tls.logins_per_s)} over TLS; ${number(f.cpu_us)} and ${number(f.tls.cpu_us)} µs of CPU each${f.generator_limited ? ' (the generator was the limit)' : ''}.`,
  ],
};
