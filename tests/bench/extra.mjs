/**
 * Measurements besides the cells: memory of idle sockets, throughput with them, frozen receivers, storms, outages,
 * disconnects.
 */
import { START, load, relayKnows } from './servers.mjs';
import { MEMORY } from './cells.mjs';
import { disconnects } from './disconnects.mjs';
import { median } from './statistics.mjs';
import { run, tempDir } from '../support/process.js';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const IDLE = 15_000;
const FROZEN = 1_000;
const SLOW = 200; // their full windows fit the relay's total; above it, links would be reset
const STORM = 10_000;
const OUTAGE = 16_000;
const AWAY_MS = 3_000;
const ROWS = 1_000_000;
const SPREAD = { sockets: 1_000, workers: 4 };
const PATIENT = ['--patience', 120];

/** Runs `measure` against its own server. */
async function fresh(key, measure, options) {
  const server = await START[key](options);
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

/** Measures how much the server's resident memory grows for each socket that has greeted and stays silent. */
export async function measureMemory({ wanted, quick, rounds, progress }) {
  const memory = {};
  for (const label of MEMORY.filter(wanted)) {
    const sockets = quick ? 2_000 : label.startsWith('pairlink') ? IDLE : 5_000;
    const values = [];
    for (let round = 0; round < rounds; round++) {
      progress(`memory of idle sockets: ${label}`);
      const row = await fresh(label, (server) =>
        load(server, label, ['--pairs', 1, '--idle', sockets, '--seconds', 0.1, ...PATIENT]),
      );
      values.push(row.kb_per_socket);
    }
    memory[label] = { kb_per_socket: median(values), sockets };
  }
  return memory;
}

const beside = (rows, figure) => median(rows.map((r) => r[figure]));

/** Measures a cell alone and with further sockets, by turns. */
async function compare(label, plainArgs, companyArgs, rounds) {
  const plain = [];
  const company = [];
  for (let round = 0; round < rounds; round++) {
    plain.push(await fresh('pairlink', (server) => load(server, label, plainArgs)));
    company.push(await fresh('pairlink', (server) => load(server, label, [...plainArgs, ...companyArgs])));
  }
  return { plain, company };
}

async function idle({ rounds, seconds }) {
  const { plain, company } = await compare(
    'pairlink',
    ['--pairs', 50, '--window', 16, '--size', 64, '--seconds', seconds, ...PATIENT],
    ['--idle', IDLE],
    rounds,
  );
  return {
    sockets: IDLE,
    envelopes_per_s_without: beside(plain, 'envelopes_per_s'),
    envelopes_per_s_with: beside(company, 'envelopes_per_s'),
    throughput_kept: beside(company, 'envelopes_per_s') / beside(plain, 'envelopes_per_s'),
    cpu_us_without: beside(plain, 'cpu_us'),
    cpu_us_with: beside(company, 'cpu_us'),
  };
}

async function blocked({ rounds, seconds }, receivers, how) {
  const { plain, company } = await compare(
    'pairlink',
    ['--pairs', 50, '--window', 1, '--size', 64, '--seconds', seconds, ...PATIENT],
    ['--frozen', receivers, ...how],
    rounds,
  );
  return {
    receivers,
    p50_us_without: beside(plain, 'p50_us'),
    p50_us_with: beside(company, 'p50_us'),
    p50_ratio: beside(company, 'p50_us') / beside(plain, 'p50_us'),
    p99_us_without: beside(plain, 'p99_us'),
    p99_us_with: beside(company, 'p99_us'),
    rss_mb_without: beside(plain, 'rss_kb') / 1024,
    rss_mb_with: beside(company, 'rss_kb') / 1024,
  };
}

const frozen = (options) => blocked(options, FROZEN, []);
const slow = (options) => blocked(options, SLOW, ['--slow']);

/**
 * Compares one worker with two on the same core. The kernel distributes connections, so half of the pairs cross
 * workers. Then the same on both cores.
 */
async function workers({ rounds, seconds }) {
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

/** Returns how many descriptors each epoll set of the process watches. */
function watched(pid) {
  const counts = [];
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
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
async function spread() {
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
      await load(server, 'pairlink', ['--pairs', 0, '--idle', SPREAD.sockets, '--seconds', 0.5, ...PATIENT]);
      clearInterval(look);
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

async function storm({ rounds }) {
  const rows = { pairlink: [], 'pairlink-tls': [] };
  for (let round = 0; round < rounds; round++)
    for (const label of Object.keys(rows))
      rows[label].push(await fresh(label, (server) => load(server, label, ['--storm', STORM, ...PATIENT])));
  const figures = (list) => ({
    logins_per_s: beside(list, 'logins_per_s'),
    cpu_us: beside(list, 'cpu_us'),
    generator_limited: list.every((r) => r.generator_limited),
  });
  return { sockets: STORM, ...figures(rows.pairlink), tls: figures(rows['pairlink-tls']) };
}

async function outage() {
  return fresh('pairlink', (server) =>
    load(server, 'pairlink', ['--outage', OUTAGE, ...PATIENT], {
      onLine: async () => {
        await server.relay.kill9();
        await new Promise((done) => setTimeout(done, AWAY_MS));
        await server.relay.launch();
      },
    }),
  );
}

/**
 * Measures what a table of a million registrations costs at the start and at logins of known and new IDs. SQLite itself
 * makes the rows. They were seen recently, because the relay would delete old ones.
 */
async function registrations({ rounds }) {
  const none = () => ({ start_ms: [], known: [], fresh: [] });
  const figures = { empty: none(), full: none() };
  const dirs = { empty: join(tempDir('pairlink-bench-'), 'data'), full: join(tempDir('pairlink-bench-'), 'data') };
  const measure = async (name) => {
    const began = performance.now();
    await fresh(
      'pairlink',
      async (server) => {
        figures[name].start_ms.push(performance.now() - began);
        const row = await load(server, 'pairlink', ['--storm', 2_000, '--again', ...PATIENT]);
        figures[name].fresh.push(row.cpu_us);
        figures[name].known.push(row.again_cpu_us);
      },
      { data: dirs[name] },
    );
  };
  await fresh('pairlink', async () => {}, { data: dirs.full });
  const fill = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS}) INSERT INTO registrations (id, first_seen, last_seen) SELECT randomblob(32), unixepoch() - i % 86400, unixepoch() - i % 86400 FROM n`;
  const script = 'import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute(sys.argv[2]); d.commit(); d.close()';
  const { code, stderr } = await run('python3', ['-c', script, join(dirs.full, 'relay.db'), fill], { ms: 120_000 });
  if (code !== 0) throw new Error(`filling the registrations: ${stderr}`);
  for (let round = 0; round < rounds; round++) for (const name of ['empty', 'full']) await measure(name);
  const middle = ({ start_ms, known, fresh: first }) => ({
    start_ms: median(start_ms),
    login_cpu_us: median(known),
    first_login_cpu_us: median(first),
  });
  return { rows: ROWS, empty: middle(figures.empty), full: middle(figures.full) };
}

export const EXTRA = { idle, frozen, slow, workers, storm, outage, registrations, spread, disconnects };

export async function measureExtra(names, options) {
  const results = {};
  for (const [name, measure] of Object.entries(EXTRA)) {
    if (!names.includes(name) || !options.wanted('pairlink')) continue;
    options.progress(name);
    results[name] = await measure({ ...options, rounds: Math.min(3, options.rounds) });
  }
  options.progress('');
  return results;
}
