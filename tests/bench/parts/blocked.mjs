/** The round times of 50 pairs beside receivers that never read, or read a little, while their senders fill windows. */
import { number } from '../format.mjs';
import { PATIENT, compare, middle } from './common.mjs';

const FROZEN = 1_000;
const SLOW = 200; // their full windows fit the relay's total; above it, links would be reset

async function blocked({ rounds, seconds }, receivers, how) {
  const { plain, company } = await compare(
    'pairlink',
    ['--pairs', 50, '--window', 1, '--size', 64, '--seconds', seconds, ...PATIENT],
    ['--frozen', receivers, ...how],
    rounds,
  );
  return {
    receivers,
    p50_us_without: middle(plain, 'p50_us'),
    p50_us_with: middle(company, 'p50_us'),
    p50_ratio: middle(company, 'p50_us') / middle(plain, 'p50_us'),
    p99_us_without: middle(plain, 'p99_us'),
    p99_us_with: middle(company, 'p99_us'),
    rss_mb_without: middle(plain, 'rss_kb') / 1024,
    rss_mb_with: middle(company, 'rss_kb') / 1024,
  };
}

export const FROZEN_RECEIVERS = {
  name: 'frozen',
  needs: 20,
  measure: (options) => blocked(options, FROZEN, []),
  targets: (f) => [{ what: 'p50 of other pairs beside 1,000 frozen receivers', reached: f.p50_ratio, limit: 1.2 }],
  lines: (f) => [
    `Beside ${number(f.receivers)} frozen receivers: p50 ${number(f.p50_us_without)} → ${number(f.p50_us_with)} µs, p99 ${number(f.p99_us_without)} → ${number(f.p99_us_with)} µs; the relay's memory ${number(f.rss_mb_without)} → ${number(f.rss_mb_with)} MB.`,
  ],
};

export const SLOW_RECEIVERS = {
  name: 'slow',
  needs: 20,
  measure: (options) => blocked(options, SLOW, ['--slow']),
  targets: (f) => [{ what: 'p50 of other pairs beside slow receivers', reached: f.p50_ratio, limit: 1.2 }],
  lines: (f) => [
    `Beside ${number(f.receivers)} slow receivers: p50 ${number(f.p50_us_without)} → ${number(f.p50_us_with)} µs, p99 ${number(f.p99_us_without)} → ${number(f.p99_us_with)} µs; memory ${number(f.rss_mb_without)} → ${number(f.rss_mb_with)} MB.`,
  ],
};
