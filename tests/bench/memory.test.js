/** The relay stays within the memory formula of docs/capacity.md, with sockets, links, and receivers that do not read.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MEMORY, memoryBound } from './memory_bound.mjs';
import { START, load } from './servers.mjs';

const MiB = 1 << 20;
const rss = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1024;
/* A sanitizer keeps freed memory and shadows all of it, so its figures say nothing about a release build. */
const sanitized = /asan|tsan|san/.test(process.env.PAIRLINK_BIN ?? '');
const underLoad = async (key, options, args) => {
  const server = await START[key](options);
  try {
    const before = rss(server.pid);
    return { before, row: await load(server, key, ['--patience', 100, ...args]) };
  } finally {
    await server.stop();
  }
};

test.skipIf(sanitized)('2,000 idle sockets stay within the formula, each and together', async () => {
  const { before, row } = await underLoad('pairlink', {}, ['--pairs', 1, '--idle', 2000, '--seconds', 0.05]);
  expect(before).toBeLessThan(MEMORY.process);
  expect(row.kb_per_socket).toBeGreaterThan(0.2); // otherwise the measurement is wrong
  expect(row.kb_per_socket * 1024).toBeLessThan(MEMORY.overhead * MEMORY.socket);
  expect(row.rss_kb * 1024).toBeLessThan(memoryBound({ sockets: 2002, links: 1 }) - MEMORY.kept);
});

test.skipIf(sanitized)('1,500 idle sockets over TLS', async () => {
  const { row } = await underLoad('pairlink-tls', {}, ['--pairs', 1, '--idle', 1500, '--seconds', 0.05]);
  expect(row.rss_kb * 1024).toBeLessThan(memoryBound({ sockets: 1502, tls: true, links: 1 }) - MEMORY.kept);
});

test.skipIf(sanitized)('1,000 links that have carried something', async () => {
  const { row } = await underLoad('pairlink', {}, ['--pairs', 1000, '--seconds', 0.05]);
  expect(row.failed).toBe(0);
  expect(row.rss_kb * 1024).toBeLessThan(memoryBound({ sockets: 2000, links: 1000 }) - MEMORY.kept);
});

test.skipIf(sanitized)(
  '300 receivers that never read: their senders fill a window of 1 MiB each, the relay keeps to its total',
  async () => {
    const queued = 16 * MiB;
    const { row } = await underLoad('pairlink', { args: ['--limit', `QUEUE_TOTAL_MAX=${queued}`] }, [
      '--pairs',
      1,
      '--frozen',
      300,
      '--seconds',
      0.05,
    ]);
    expect(row.resets).toBeGreaterThan(0); // the bound was reached
    const bound = memoryBound({ sockets: 602, links: 301, queued, blocked: 300 });
    expect(bound).toBeLessThan((300 * MiB) / 2); // keeping everything that was sent would exceed it
    expect(row.rss_kb * 1024).toBeLessThan(bound);
  },
);

test.skipIf(sanitized)('100 receivers over TLS that never read', async () => {
  const queued = 4 * MiB;
  const { row } = await underLoad('pairlink-tls', { args: ['--limit', `QUEUE_TOTAL_MAX=${queued}`] }, [
    '--pairs',
    1,
    '--frozen',
    100,
    '--seconds',
    0.05,
  ]);
  expect(row.resets).toBeGreaterThan(0); // the bound was reached
  const bound = memoryBound({ sockets: 202, tls: true, links: 101, queued, blocked: 100 });
  expect(row.rss_kb * 1024).toBeLessThan(bound - MEMORY.kept);
});

test('the figures of the formula are those of the source', () => {
  const source = readFileSync(new URL('../../relay/core/state.h', import.meta.url), 'utf8');
  const constant = (name) => Function(`return ${source.match(new RegExp(`\\b${name} = ([0-9 *]+)`))[1]}`)();
  expect(MEMORY.worker).toBe(
    constant('PL_RELAY_OUT_SMALL') * constant('PL_RELAY_OUT_SMALL_KEPT') +
      constant('PL_RELAY_OUT_LARGE') * constant('PL_RELAY_OUT_LARGE_KEPT'),
  );
  expect(MEMORY.blocked).toBeGreaterThanOrEqual(constant('PL_RELAY_OUT_LARGE'));
});
