/** Tests the measurements of real files: small ones, and nothing about their speed. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { SSHD, piped, together } from './e2e.mjs';
import { FILES, PAGE_FILES } from './parts/files.mjs';
import { TRANSFERS } from './parts/programs.mjs';

const MiB = 1 << 20;
const LONG = 120_000;
const installed = (command) => {
  try {
    return execFileSync('sh', ['-c', `command -v ${command}`]) !== null;
  } catch {
    return false;
  }
};

test('a program that fails ends the others', async () => {
  let pid;
  const other = () => {
    const program = piped('sleep', ['1000']);
    ({ pid } = program);
    return program;
  };
  await expect(together(other, () => piped('false', []))).rejects.toThrow('false  ended with 1');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('speeds are compared within each round', () => {
  const round = (n, pairlink, scp) =>
    Object.entries({ pairlink, scp }).map(([program, speed]) => ({ round: n, program, mb_per_s: speed }));
  const figures = {
    bytes: MiB,
    rounds: 3,
    runs: [...round(1, 100, 50), ...round(2, 10, 10), ...round(3, 90, 30).reverse()],
    medians: { pairlink: 90, scp: 30 },
  };
  expect(TRANSFERS.targets(figures)).toMatchObject([{ reached: 2, limit: 0.5 }]);
  expect(TRANSFERS.lines(figures)[0]).toMatch(/by `connect` and `listen` 2\.00× scp \(±50%\), 3 rounds\.$/);
});

test(
  'a file by send and receive',
  async () => {
    const figures = await FILES.measure({ rounds: 2, bytes: MiB, only: ['pairlink files'] });
    expect(figures).toMatchObject({ bytes: MiB, rounds: 2, ratios: {} });
    expect(figures.medians['pairlink files']).toBeGreaterThan(0);
    expect(FILES.targets(figures)).toEqual([]);
    expect(figures.cpu_s_per_gib['pairlink files']).toBeGreaterThan(0);
    expect(FILES.lines(figures)).toHaveLength(2);
  },
  LONG,
);

test.skipIf(!installed(SSHD))(
  'beside scp',
  async () => {
    const figures = await FILES.measure({ rounds: 1, bytes: MiB, only: ['pairlink files', 'scp'] });
    expect(figures.ratios.scp.median).toBeGreaterThan(0);
    expect(figures.cpu_ratios.scp.median).toBeGreaterThan(0);
    expect(FILES.targets(figures)).toMatchObject([{ what: '1 MiB by send and receive, to scp', limit: 1.5 }]);
  },
  LONG,
);

test(
  'a file from page to page',
  async () => {
    const figures = await PAGE_FILES.measure({ rounds: 1, bytes: MiB });
    expect(figures.mb_per_s).toBeGreaterThan(0);
    expect(PAGE_FILES.lines(figures)[0]).toMatch(/^A file of 1 MiB from page to page/);
  },
  LONG,
);
