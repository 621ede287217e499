/** The throughput of 50 pairs beside 15,000 sockets that are logged in and silent. */
import { number } from '../format.mjs';
import { PATIENT, compare, middle } from './common.mjs';

const IDLE = 15_000;

async function measure({ rounds, seconds }) {
  const { plain, company } = await compare(
    'pairlink',
    ['--pairs', 50, '--window', 16, '--size', 64, '--seconds', seconds, ...PATIENT],
    ['--idle', IDLE],
    rounds,
  );
  return {
    sockets: IDLE,
    envelopes_per_s_without: middle(plain, 'envelopes_per_s'),
    envelopes_per_s_with: middle(company, 'envelopes_per_s'),
    throughput_kept: middle(company, 'envelopes_per_s') / middle(plain, 'envelopes_per_s'),
    cpu_us_without: middle(plain, 'cpu_us'),
    cpu_us_with: middle(company, 'cpu_us'),
  };
}

export const IDLE_SOCKETS = {
  name: 'idle',
  needs: 25,
  measure,
  targets: (f) => [
    {
      what: 'throughput kept with 15,000 idle sockets',
      reached: f.throughput_kept,
      limit: 0.9,
      unit: '',
      atLeast: true,
    },
  ],
  lines: (f) => [
    `50 pairs beside ${number(f.sockets)} idle sockets keep ${number(100 * f.throughput_kept)}% of their throughput.`,
  ],
};
