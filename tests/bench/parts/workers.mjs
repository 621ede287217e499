/** What several workers cost and how the kernel spreads connections over them. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { number, ratio } from '../format.mjs';
import { load, relayKnows } from '../servers.mjs';
import { median } from '../statistics.mjs';
import { PATIENT, fresh } from './common.mjs';

const SPREAD = { sockets: 1_000, workers: 4 };

/**
 * Compares one worker with two on the same core. The kernel distributes connections, so half of the pairs cross
 * workers. Then the same on both cores.
 */
async function measureWorkers({ rounds, seconds }) {
  if (!relayKnows('--workers')) return { skipped: 'this relay has no --workers' };
  const rows = { one: [], two: [], one_free: [], two_free: [] };
  const args = ['--pairs', 50, '--window', 16, '--size', 64, '--seconds', seconds];
  for (let round = 0; round < rounds; round++) {
    for (const [name, list] of Object.entries(rows)) {
      const options = {
        args: name.startsWith('two') ? ['--workers', '2'] : [],
        cores: name.endsWith('free') ? null : undefined,
      };
      list.push(await fresh('pairlink', (server) => load(server, 'pairlink', args), options));
    }
  }
  const cpu = (name) => median(rows[name].map((r) => r.cpu_us));
  const rate = (name) => median(rows[name].map((r) => r.envelopes_per_s));
  const ACROSS = 0.5;
  return {
    one_cpu_us: cpu('one'),
    two_cpu_us: cpu('two'),
    across_share: ACROSS,
    across_ratio: (cpu('two') - (1 - ACROSS) * cpu('one')) / (ACROSS * cpu('one')),
    one_envelopes_per_s: rate('one_free'),
    two_envelopes_per_s: rate('two_free'),
  };
}

const descriptorsOf = (pid) => {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return []; // it has ended
  }
};

/** Returns how many descriptors each epoll set of the process watches; nothing once it has ended. */
function watched(pid) {
  const counts = [];
  for (const fd of descriptorsOf(pid)) {
    try {
      if (!readlinkSync(`/proc/${pid}/fd/${fd}`).includes('[eventpoll]')) continue;
      counts.push(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').split('tfd:').length - 1);
    } catch {
      continue; // closed meanwhile
    }
  }
  return counts;
}

/** Spreads 1,000 connections over four workers. The kernel chooses by a hash of addresses and ports. With a random
 * choice each would get a quarter, with a standard deviation of 14. */
async function measureSpread() {
  if (!relayKnows('--workers')) return { skipped: 'this relay has no --workers' };
  const options = { args: ['--workers', String(SPREAD.workers)], cores: null };
  return fresh(
    'pairlink',
    async (server) => {
      const own = watched(server.pid);
      let most = [];
      const look = setInterval(() => {
        const now = watched(server.pid);
        if (now.reduce((a, b) => a + b, 0) > most.reduce((a, b) => a + b, 0)) most = now;
      }, 100);
      try {
        await load(server, 'pairlink', ['--pairs', 0, '--idle', SPREAD.sockets, '--seconds', 0.5, ...PATIENT]);
      } finally {
        clearInterval(look);
      }
      const sockets = most
        .map((n, i) => n - (own[i] ?? 0))
        .sort((a, b) => b - a)
        .slice(0, SPREAD.workers);
      return {
        workers: SPREAD.workers,
        sockets,
        most_to_even: (sockets[0] * SPREAD.workers) / sockets.reduce((a, b) => a + b, 0),
      };
    },
    options,
  );
}

export const WORKERS = {
  name: 'workers',
  needs: 20,
  measure: measureWorkers,
  targets: (f) => [{ what: 'CPU of a pair across workers to one on a worker', reached: f.across_ratio, limit: 1.6 }],
  lines: (f) =>
    f.skipped
      ? [`Several workers: not measured, ${f.skipped}.`]
      : [
          `CPU for an envelope, all on one core: one worker ${number(f.one_cpu_us)} µs; two workers ${number(f.two_cpu_us)} µs, with about half of the pairs across, so a pair across costs about ${ratio(f.across_ratio)} a pair on one. Two workers on both cores, shared with the generator: ${number(f.two_envelopes_per_s)} envelopes/s; one: ${number(f.one_envelopes_per_s)}.`,
        ],
};

export const SPREAD_CONNECTIONS = {
  name: 'spread',
  needs: 5,
  measure: measureSpread,
  targets: (f) => [
    {
      what: 'the worker with the most of 1,000 connections, to an even share',
      reached: f.most_to_even,
      limit: 1.25,
    },
  ],
  lines: (f) => (f.sockets ? [`1,000 connections over ${f.workers} workers: ${f.sockets.join(', ')}.`] : []),
};
