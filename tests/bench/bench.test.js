/**
 * Tests the benchmark itself: every server runs for a moment, and the results have the shape that charts and documents
 * read.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ROOT } from '../support/process.js';
import { fit, predict } from './capacity.mjs';
import { cellArgs } from './cells.mjs';
import { drawAll } from './charts.mjs';
import { measurePages, measureVisits } from './page.mjs';
import { PARTS, linesOfParts, partOf } from './parts/index.mjs';
import { cellTables, targets } from './report.mjs';
import { LABELS, START, isThere, load } from './servers.mjs';
import { inTurn, median, spread, summarise } from './statistics.mjs';

const MOMENT = { seconds: 0.1, warmup: 0.05 };
const living = {};
const runs = [];

const installed = (command) => {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`]);
    return true;
  } catch {
    return false;
  }
};
const server = async (label) => (living[LABELS[label].start] ??= await START[LABELS[label].start]());

afterAll(async () => {
  for (const it of Object.values(living)) await it.stop();
});

describe.each(Object.keys(LABELS))('%s', (label) => {
  const there = isThere(label) && (LABELS[label].start !== 'nats' || installed('nats-server'));
  test.skipIf(!there).each([
    { name: 'small', pairs: 3, window: 2, size: 64 },
    { name: 'large, both ways', pairs: 2, window: 4, size: 16384, both: true },
    { name: 'odd', pairs: 1, window: 1, size: 13 },
  ])('carries envelopes: $name', async (cell) => {
    const row = await load(await server(label), label, cellArgs(cell, MOMENT));
    expect(row).toMatchObject({
      server: label,
      pairs: cell.pairs,
      window: cell.window,
      size: cell.size,
      failed: 0,
      resets: 0,
    });
    for (const figure of ['envelopes', 'envelopes_per_s', 'p50_us', 'p99_us'])
      expect(row[figure], figure).toBeGreaterThan(0);
    expect(row.cpu_us).not.toBeNull();
    expect(row.p99_us).toBeGreaterThanOrEqual(row.p50_us);
    expect(row.kb_per_socket).toBeNull();
    runs.push({ round: 1, cell: cell.name, ...row });
  });

  test.skipIf(!there)('holds idle sockets', async () => {
    const row = await load(await server(label), label, ['--pairs', 1, '--idle', 50, '--seconds', 0.05]);
    expect(row).toMatchObject({ idle: 50, failed: 0 });
  });
});

test('logins of a storm are counted', async () => {
  const row = await load(await server('pairlink'), 'pairlink', ['--storm', 40, '--verify']);
  expect(row).toMatchObject({ server: 'pairlink', storm: 40, verified: true });
  expect(row.logins_per_s).toBeGreaterThan(0);
});

test('logins of a second storm with the same IDs are counted', async () => {
  const row = await load(await server('pairlink'), 'pairlink', ['--storm', 40, '--again']);
  expect(row.again_logins_per_s).toBeGreaterThan(0);
  expect(row.again_cpu_us).toBeGreaterThan(0);
});

test('frozen receivers do not stop the rounds of others', async () => {
  const row = await load(await server('pairlink'), 'pairlink', ['--pairs', 2, '--frozen', 3, '--seconds', 0.1]);
  expect(row).toMatchObject({ frozen: 3, failed: 0 });
  expect(row.envelopes).toBeGreaterThan(0);
});

test('all pairs are linked again after an outage of the relay', async () => {
  const it = await START.pairlink();
  try {
    const row = await load(it, 'pairlink', ['--outage', 20], {
      onLine: async (line) => {
        expect(line).toEqual({ event: 'linked', sockets: 20 });
        await it.relay.restart({ hard: true });
      },
    });
    expect(row).toMatchObject({ outage: 20, linked: 20 });
    expect(row.all_linked_s).toBeGreaterThan(0);
  } finally {
    await it.relay.stop();
  }
});

test('connections are counted by worker', async () => {
  const { workers, sockets } = await partOf('spread').measure();
  expect(sockets).toHaveLength(workers);
  expect(Math.min(...sockets)).toBeGreaterThan(0);
});

test('disconnects are measured at each limit of open files that the machine allows', async () => {
  const { cpu_us: cost, most_to_least: ratio } = await partOf('disconnects').measure({ count: 50 });
  expect(cost[3000]).toBeGreaterThan(0);
  expect(ratio).toBeGreaterThanOrEqual(1);
  const part = partOf('disconnects');
  const one = await part.measure({ count: 50, limits: [3_000, 2 ** 40] });
  expect(one).toMatchObject({ most_to_least: null, not_allowed: [2 ** 40] });
  expect(targets([], {}, { disconnects: one })).toMatchObject([{ reached: null, met: false }]);
  expect(part.lines(one)[0]).toMatch(/left out, .*: 1,099,511,627,776\.$/);
});

test('a session between two pages, and a first visit', async () => {
  const pages = await measurePages({ rounds: 1, bytes: 1 << 20 });
  expect(pages.mb_per_s).toBeGreaterThan(0);
  expect(pages.round_ms).toBeGreaterThan(0);
  const { full_speed: visit } = await measureVisits({ rounds: 1 });
  expect(visit.online_ms).toBeGreaterThan(0);
  expect(visit.bytes).toBeGreaterThan(100_000);
}, 120_000);

test('wrong arguments are refused', async () => {
  const refused = (args) => load({ pid: process.pid, port: 1 }, 'raw', args);
  await expect(refused(['--size', 7])).rejects.toThrow('not a number from 8');
  await expect(refused(['--tls'])).rejects.toThrow('--tls only with a WebSocket');
  await expect(refused(['--frozen', 1])).rejects.toThrow('speak pairlink only');
});

test('tables and charts are drawn from the runs', () => {
  const summary = summarise(runs, Object.keys(LABELS));
  const raw = summary.filter((s) => s.server === 'raw');
  expect(raw).toHaveLength(3);
  for (const s of raw) expect(s.p50_us_ratio).toBe(1);
  expect(cellTables(summary)).toMatch(/^pairlink .*×/m);
  const charts = drawAll({ summary, memory: { pairlink: { kb_per_socket: 2 } } });
  expect(Object.keys(charts)).toEqual(['cpu.svg', 'throughput.svg', 'latency.svg', 'memory.svg']);
  for (const svg of Object.values(charts)) {
    expect(svg).toMatch(/^<svg [^]*prefers-color-scheme: dark[^]*<\/svg>\n$/);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  }
});

test('targets show the results', () => {
  const [memory] = targets([], { pairlink: { kb_per_socket: 3 } });
  expect(memory).toMatchObject({ reached: 3, limit: 1.2, met: false });
  expect(targets([], {}, { idle: { throughput_kept: 0.95 } })[0]).toMatchObject({ met: true });
});

test('each part has its own name, and its targets and sentences can be written from its figures', () => {
  expect(new Set(PARTS.map((part) => part.name)).size).toBe(PARTS.length);
  const measured = JSON.parse(readFileSync(join(ROOT, 'docs/bench/results.json'), 'utf8'));
  for (const part of PARTS.filter(({ name }) => measured[name])) {
    for (const line of part.lines(measured[part.name])) expect(line).toMatch(/^[^-].*\.$/);
    for (const target of part.targets(measured[part.name])) expect(target.limit).toBeGreaterThan(0);
  }
  expect(linesOfParts(measured).length).toBeGreaterThan(5);
});

test('medians and spreads', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3, null])).toBe(2.5);
  expect(median([])).toBeNull();
  expect(spread([8, 10, 12])).toBeCloseTo(0.2);
  expect([0, 1, 2, 3].map((round) => inTurn(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
});

test('the cost model finds the costs behind its points, and never a negative one', () => {
  const points = [
    { pairs: 50, window: 1, size: 64 },
    { pairs: 50, window: 16, size: 64 },
    { pairs: 50, window: 16, size: 16384 },
    { pairs: 500, window: 4, size: 64 },
  ];
  const costs = [0.1, 0.0002, 4, 1.5];
  const found = fit(points.map((p) => ({ ...p, cpu_us: predict(costs, p) })));
  found.forEach((v, i) => expect(v).toBeCloseTo(costs[i], 6));
  const odd = fit(points.map((p) => ({ ...p, cpu_us: Math.max(0.01, predict([-0.1, 0.0002, 4, -1], p)) })));
  for (const v of odd) expect(v).toBeGreaterThanOrEqual(0);
  const few = fit(points.map((p) => ({ ...p, pairs: 50, cpu_us: predict([0, 0.0002, 4, 0], p) })));
  expect(few[3]).toBe(0); // no point depends on it
});

test('slow receivers read a little, and do not stop the rounds of others', async () => {
  const row = await load(await server('pairlink'), 'pairlink', [
    '--pairs',
    2,
    '--frozen',
    3,
    '--slow',
    '--seconds',
    0.1,
  ]);
  expect(row).toMatchObject({ frozen: 3, slow: true, failed: 0, resets: 0 });
  expect(row.discarded_bytes).toBeGreaterThan(0);
});
