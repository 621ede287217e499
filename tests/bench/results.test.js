/** Tests what becomes of results: those that are in the documents, and those of parts that fail. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, tempDir } from '../support/process.js';
import { readmeTables, writeResults } from './document.mjs';
import { PARTS, linesOfParts, measureParts, partOf } from './parts/index.mjs';
import { targetTable, targets } from './report.mjs';

const committed = () => JSON.parse(readFileSync(join(ROOT, 'docs/bench/results.json'), 'utf8'));

test('targets and sentences can be made of the results that the documents have', () => {
  const result = committed();
  const list = targets(result.summary, result.memory, result);
  expect(list.length).toBeGreaterThan(20);
  for (const { limit } of list) expect(limit).toBeGreaterThan(0);
  for (const line of linesOfParts(result)) expect(line).not.toMatch(/NaN|undefined/);
  for (const block of Object.values(readmeTables(result))) expect(block).not.toMatch(/NaN|undefined/);
});

test('figures of an older form leave out their own part only, after the results were written', () => {
  const path = join(tempDir('pairlink-bench-'), 'results.json');
  const result = committed();
  const tables = readmeTables(result);
  result.latency = { bulk: 'old' };
  const failed = [];
  writeResults(path, result, (name) => failed.push(`targets of ${name}`));
  const written = JSON.parse(readFileSync(path, 'utf8'));
  expect(written.latency).toEqual({ bulk: 'old' });
  expect(written.targets.some(({ what }) => what.startsWith('logins a second'))).toBe(true);
  const { others } = readmeTables(result, (name) => failed.push(`sentences of ${name}`));
  expect(others.split('\n').length).toBeGreaterThan(0.5 * tables.others.split('\n').length);
  expect(failed).toEqual(['targets of latency', 'sentences of latency']);
  expect(() => linesOfParts(result)).toThrow('the figures of latency have another form');
});

test('a target without a number is missed', () => {
  const list = targets([], {}, { idle: { throughput_kept: NaN } });
  expect(list).toMatchObject([{ reached: null, met: false }]);
  expect(targetTable(list)).toMatch(/not measured .*MISSED/);
  const { targets: table } = readmeTables({ ...committed(), targets: list });
  expect(table).toMatch(/\| not measured \|.*\*\*no\*\*/);
  expect(targets([], {}, {})).toEqual([]);
});

test('descriptors of a client are not rounded', () => {
  const figures = { ...committed().many_peers, clients: 100 };
  const reached = (descriptors) =>
    partOf('many_peers')
      .targets({ ...figures, descriptors })
      .at(-1).reached;
  expect(reached(4.02)).toBe(4);
  expect(reached(4.99)).toBe(4.97);
});

test('a part that fails, or whose program is missing, does not stop the others', async () => {
  const said = [];
  const part = (name, more) => ({ name, measure: async () => ({ value: name }), ...more });
  const broken = async () => {
    throw new Error('no luck\nat all');
  };
  const parts = [part('first', { measure: broken }), part('second', { missing: () => 'hammer' }), part('third')];
  const result = await measureParts(parts, {}, (line) => said.push(line));
  expect(result).toEqual({
    figures: { third: { value: 'third' } },
    lacking: [{ part: 'second', why: 'no hammer' }],
    failed: [{ part: 'first', why: 'no luck' }],
  });
  expect(said).toEqual(['first: no luck\nat all', 'second: left out, there is no hammer']);
  for (const { missing } of PARTS) expect([null, undefined, expect.any(String)]).toContainEqual(missing?.());
});
