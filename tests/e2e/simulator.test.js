/** The simulator as a program: what it says of a crash, a hang and figures outside their bands; what coverage compares. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Program, binary, run, tempDir, until } from '../support/process.js';
import { addObject, compare, parseList, reached, unreached } from '../sim/coverage.mjs';

const sim = (...args) => run(binary('pl-sim'), args);
const figures = (stdout) => stdout.slice(stdout.indexOf('violations'));

describe('a deliberate bug', () => {
  test.each([
    ['half-freed-twice', 'crashes', 'SIGSEGV'],
    ['touch-without-end', 'crashes', 'SIGSEGV'], // an endless recursion
    ['search-without-end', 'hangs', 'it takes more processor time than any step needs'],
  ])('%s %s: the seed is printed', async (name, verb, what) => {
    const definitions = readFileSync('tests/sim/mutations.def', 'utf8');
    const seed = new RegExp(`mutation ${name} in \\S+ seed (\\d+)`).exec(definitions)[1];
    const { code, stderr } = await run(binary('pl-sim-mutants'), ['--run', name, '--seed', seed]);
    expect(stderr).toMatch(new RegExp(`^seed ${seed} ${verb} at \\d+\\.\\d{6} s, step \\d+: ${what}\n`));
    expect(stderr).toContain(`replay it: pl-sim-mutants --run ${name} --seed ${seed} --trace\n`);
    expect(code).not.toBe(0);
  });
});

describe('a process with a seed is ended', () => {
  test.each(['pl-sim', 'pl-sim-real'])('%s says which seed a signal interrupted', async (name) => {
    const program = new Program(binary(name), ['--seeds', '1000000000', '--trace']);
    await until(() => program.stdout.includes('starts its life'), 'a seed runs');
    program.signal('SIGSEGV');
    await program.exited;
    expect(program.stderr).toMatch(/^seed \d+ crashes at \d+\.\d{6} s, step \d+: SIGSEGV\nreplay it: pl-sim\S* --seed/);
  });

  /** The processes that another one started. */
  const children = (pid) => {
    const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return ids ? ids.split(' ').map(Number) : [];
  };

  test.each(['SIGABRT', 'SIGKILL'])('one of several, by %s', async (signal) => {
    const program = new Program(binary('pl-sim'), ['--jobs', '3', '--seeds', '1000000000']);
    const workers = await until(() => {
      const found = children(program.pid);
      return found.length === 3 && found;
    }, 'three processes run');
    process.kill(workers[1], signal);
    const { code } = await program.exited;
    expect(code).toBe(1);
    expect(program.stdout).toMatch(/a process ended by signal \d+ while it ran seed \d+\n/);
  });
});

test('several processes count what one counts', async () => {
  const [one, three] = await Promise.all([
    sim('--seeds', '250', '--figures'),
    sim('--seeds', '250', '--figures', '--jobs', '3'),
  ]);
  expect(one.code).toBe(0);
  expect(figures(three.stdout)).toBe(figures(one.stdout));
});

test('--seed says what its world is like', async () => {
  const { code, stdout } = await sim('--seed', '7');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^seed 7: \d clients, \d workers?, delay .*, rate .*, messages up to \d+ bytes/);
});

test.each([
  [['--seeds']],
  [['--seed', 'x']],
  [['--jobs', '0']],
  [['--write']],
  [['--seed', '1', '--bands', 'x']],
  [['x']],
])('wrong arguments: %j', async (args) => {
  const { code, stdout, stderr } = await sim(...args);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^usage: pl-sim /);
});

test('--help', async () => {
  const { code, stdout } = await sim('--help');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^usage: pl-sim /);
});

describe('bands', () => {
  const file = join(tempDir(), 'bands.txt');
  const judge = async (change) => {
    copyFileSync('tests/sim/bands.txt', file);
    if (change) writeFileSync(file, change(readFileSync(file, 'utf8')));
    return sim('--seeds', '500', '--bands', file);
  };
  const row = /^(links +\S+) +\S+ +\S+$/m; /* the first is that of 500 seeds */

  test('figures inside', async () => {
    const { code, stdout } = await judge();
    expect(stdout).toMatch(/all \d+ figures are in their bands for 500 seeds\n/);
    expect(code).toBe(0);
  });

  test('a figure outside: both are printed, and how to renew the baseline', async () => {
    const { code, stdout } = await judge((text) => text.replace(row, '$1 1 2'));
    expect(stdout).toMatch(/^links: [\d.]+ a seed, outside 1 to 2; it was [\d.]+ \(sessions linked\)$/m);
    expect(stdout).toContain('./dev sim --bands --write');
    expect(code).toBe(1);
  });

  test('a figure without a band', async () => {
    const { code, stdout } = await judge((text) => text.replace(row, ''));
    expect(stdout).toContain('links has no band\n');
    expect(code).toBe(1);
  });

  test('a band of no figure', async () => {
    const { code, stderr } = await judge((text) => text.replace(row, 'snakes 1 1 1'));
    expect(stderr).toContain('there is no figure snakes');
    expect(code).toBe(1);
  });

  test('are not written from other seeds', async () => {
    const { code, stderr } = await sim('--seeds', '5', '--bands', file, '--write');
    expect(stderr).toContain('bands are written from the seeds 1 to 10000');
    expect(code).toBe(1);
  });
});

describe('coverage', () => {
  const line = (number, count, ...branches) => ({
    line_number: number,
    count,
    branches: branches.map((times) => ({ count: times })),
  });
  const object = (file, functions, lines) => ({
    current_working_directory: '/project/build',
    files: [
      { file: `../${file}`, lines, functions: functions.map(([name, execution_count]) => ({ name, execution_count })) },
    ],
  });
  const files = new Map();
  addObject(
    files,
    object(
      'relay/core/a.c',
      [
        ['used', 3],
        ['idle', 0],
      ],
      [line(1, 3, 3, 0), line(2, 0)],
    ),
    '/project',
  );
  addObject(files, object('relay/core/a.h', [['inlined', 0]], []), '/project');
  addObject(files, object('relay/core/a.h', [['inlined', 1]], []), '/project');
  addObject(files, object('tests/sim/main.c', [['main', 1]], []), '/project');
  const rows = unreached(files, ['relay/core/a.c', 'relay/core/other.c']);

  test('is summed over objects, for the cores only', () => {
    expect([...files.keys()]).toEqual(['relay/core/a.c', 'relay/core/a.h']);
    expect(reached(files.get('relay/core/a.c').functions)).toEqual([1, 2]);
    expect(reached(files.get('relay/core/a.c').lines)).toEqual([1, 2]);
    expect(reached(files.get('relay/core/a.c').branches)).toEqual([1, 2]);
    expect(reached(files.get('relay/core/a.h').functions)).toEqual([1, 1]);
  });

  test('names what is not reached and what is not part of it', () => {
    expect(rows).toEqual(['relay/core/a.c idle', 'relay/core/other.c *']);
  });

  test('accepts the exact list only', () => {
    const list = '# why\nrelay/core/a.c idle  nobody needs it\nrelay/core/other.c *  a shell\n';
    expect(compare(rows, parseList(list))).toEqual([]);
    expect(parseList(list).get('relay/core/a.c idle')).toBe('nobody needs it');
    expect(compare(rows, parseList(list.replace('idle', 'used')))).toEqual([
      'not reached, and not listed: relay/core/a.c idle',
      'listed, but reached or gone: relay/core/a.c used',
    ]);
  });
});
