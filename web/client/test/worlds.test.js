/**
 * The simulator's worlds with JavaScript clients in them (docs/simulator.md, "Both engines"), judged by all checks of
 * the simulator. WORLD_SEED=n sets the first seed, WORLD_SEEDS=n their number. `build/release/bin/pl-sim-js --seed n
 * --trace` prints all of one world.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, binary } from '../../../tests/support/process.js';

const FIRST = Number(process.env.WORLD_SEED ?? 1);
const COUNT = Number(
  process.env.WORLD_SEEDS ?? (process.env.WORLD_SEED ? 1 : process.env.PAIRLINK_SOAK ? 20_000 : 500),
);
const AT_ONCE = 2;
const KNOWN = join(ROOT, 'tests/sim/known_seeds_js.txt');

/** Runs the program. Returns its lines; a broken promise is one of them. @param {string[]} args */
const run = (...args) =>
  new Promise((resolve, reject) => {
    execFile(binary('pl-sim-js'), args, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') return reject(error);
      resolve((stdout + stderr).trim().split('\n'));
    });
  });

/** @param {string[]} lines */
function check(lines) {
  expect(lines.filter((line) => !/^\d+ (seeds in|lives of)/.test(line))).toEqual([]);
  const [, seeds] = /^(\d+) seeds in/.exec(lines.at(-2)) ?? [];
  const [, lives] = /^(\d+) lives of clients were JavaScript$/.exec(lines.at(-1)) ?? [];
  return { seeds: Number(seeds), lives: Number(lives) };
}

test('seeds that once broke a promise', { timeout: 300_000 }, async () => {
  const { seeds } = check(await run('--list', KNOWN));
  expect(seeds).toBeGreaterThan(0);
});

test(`${COUNT} worlds, from seed ${FIRST} on`, { timeout: 120_000 + COUNT * 1000 }, async () => {
  const part = Math.ceil(COUNT / AT_ONCE);
  const parts = Array.from({ length: AT_ONCE }, (_, i) => ({
    first: FIRST + i * part,
    count: Math.min(part, COUNT - i * part),
  })).filter(({ count }) => count > 0);
  const totals = (
    await Promise.all(parts.map(({ first, count }) => run('--first', String(first), '--seeds', String(count))))
  ).map(check);
  const sum = (/** @type {'seeds' | 'lives'} */ name) => totals.reduce((total, entry) => total + entry[name], 0);
  expect(sum('seeds')).toBe(COUNT);
  if (COUNT >= 100) expect(sum('lives')).toBeGreaterThan(2 * COUNT); // most clients, and more than one in a world
});
