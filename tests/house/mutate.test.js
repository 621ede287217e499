/** Random mutants (tests/mutate), on a file of a few lines: where they are found, and that they are killed or survive. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { described, drawn, equivalents, keyOf } from '../mutate/choose.mjs';
import { pointsOf } from '../mutate/points.mjs';
import { survivors, table } from '../mutate/report.mjs';
import { switchedSource } from '../mutate/switched.mjs';
import { measured, measuredSeeds, tried } from '../mutate/trial.mjs';

const SOURCE = `#include <stdbool.h>
#include <string.h>
#define TWICE(x) ((x) * 2)
enum level { LOW, LOWEST = 0, HIGH };
enum { LIMIT = 3 };
static const int table[] = {LIMIT + 1};
_Static_assert(LIMIT < 4, "small");
static void say_log(int n) { (void)n; }
static int minus(int a, int b) { return a - b; }
int level_of(int count, bool strict) {
  say_log(count + 1);
  switch (count) {
    case LIMIT + 100: return TWICE(count < 1);
  }
  if (count < LIMIT && !strict) return LOW;
  return HIGH;
}
int reach(int from, int to) {
  int steps = 0;
  for (int i = from; i != to; i++) {
    if (i == 7) break;
    steps += 1; /* each step */
  }
  return steps;
}
int rest(int all, int used) { return minus(all, used) + table[0] - (int)sizeof(int) * 1; }
int half(int n) { while (n > 9) n = n / 2; return n; }
int seldom(int x) { return x > 100 ? x + 1 : x; }
`;

const UNITS = `#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
int level_of(int count, int strict);
int rest(int all, int used);
int half(int n);
static void test_level(void **state) {
  assert_int_equal(level_of(2, 0), 0);
  assert_int_equal(level_of(3, 0), 1);
  assert_int_equal(level_of(1, 1), 1);
}
static void test_rest(void **state) { assert_int_equal(rest(9, 4), 5); }
static void test_half(void **state) { assert_int_equal(half(15), 7); }
int main(void) {
  const struct CMUnitTest first[] = {cmocka_unit_test(test_level), cmocka_unit_test(test_rest)};
  const struct CMUnitTest second[] = {cmocka_unit_test(test_half)};
  return cmocka_run_group_tests_name("a", first, NULL, NULL) + cmocka_run_group_tests_name("b", second, NULL, NULL);
}
`;

/** A simulator whose only promise is that of reach(): seed N takes N steps, at most 7. Only seed 9 calls seldom(). */
const SEEDS = `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "switch.h"
int reach(int from, int to);
int seldom(int x);
static int seed(int n) { return reach(0, n) == (n < 7 ? n : 7) && (n != 9 || seldom(9) == 9); }
int main(int argc, char **argv) {
  if (strcmp(argv[1], "try") == 0) {
    for (int i = 2; i < argc; i++) {
      puts(argv[i]);
      if (!seed(atoi(argv[i]))) return 1;
    }
    return 0;
  }
  for (int n = atoi(argv[1]), end = n + atoi(argv[2]); n < end; n++) {
    memset(pl_mutants_reached, 0, PL_MUTANTS_MAX);
    if (!seed(n)) return 1;
    for (int i = 1; i <= atoi(argv[3]); i++) putchar(pl_mutants_reached[i] ? '1' : '0');
    putchar('\\n');
  }
  return 0;
}
`;

const switches = resolve('tests/mutate');
let folder;
let mutants;
let tests;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pl-mutate-test-'));
  const at = (name) => join(folder, name);
  writeFileSync(at('a.c'), SOURCE);
  writeFileSync(at('units.c'), UNITS);
  writeFileSync(at('seeds.c'), SEEDS);
  mutants = described(pointsOf(at('a.c'), 'a.c', []), SOURCE);
  mutants.forEach((mutant, i) => (mutant.number = i + 1));
  writeFileSync(at('copy.c'), switchedSource(SOURCE, mutants, 'switch.h'));
  const compile = (name, ...more) =>
    execFileSync('cc', ['-w', '-O1', `-I${switches}`, '-o', at(name), at(`${name}.c`), at('copy.c'), ...more]);
  const [choice, runner] = ['switch.c', 'one_by_one.c'].map((name) => join(switches, name));
  compile('units', choice, runner, '-Wl,--wrap=_cmocka_run_group_tests', '-lcmocka');
  compile('seeds', choice);
  const programs = [await measured({ name: 'unit', group: 'units', command: [at('units')] }, folder)];
  const seeds = await measuredSeeds(at('seeds'), { seeds: 10, mutants: mutants.length, jobs: 2 });
  tests = { programs, simulator: { command: at('seeds'), ...seeds } };
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const found = (name) => mutants.filter((mutant) => mutant.name === name);
const mutant = (now) => {
  const list = mutants.filter((m) => m.now === now);
  expect(list, now).toHaveLength(1);
  return list[0];
};

describe('points', () => {
  test('a condition has its operators, operands and values', () => {
    const lines = found('level_of').map(({ now }) => now);
    for (const line of [
      'if (count <= LIMIT && !strict) return LOW;',
      'if (count < (LIMIT + 1) && !strict) return LOW;',
      'if ((count < LIMIT || !strict)) return LOW;',
      'if (count < LIMIT && !!strict) return LOW;',
      'if (!(count < LIMIT && !strict)) return LOW;',
      'if (false) return LOW;',
      'if (true) return LOW;',
      'if (count < LIMIT && !strict) return HIGH;',
      'if (count < LIMIT && !strict) ;',
      'return LOW;',
    ])
      expect(lines).toContain(line);
  });

  test('statements are dropped, loops are left differently, arguments are swapped', () => {
    const lines = mutants.map(({ now }) => now);
    for (const line of ['if (i == 7) continue;', 'if (i == 7) ;', ';', 'steps -= 1;', 'steps += (1 + 1);'])
      expect(lines).toContain(line);
    expect(lines.some((line) => line.includes('return minus(used, all) +'))).toBe(true);
    expect(lines.some((line) => line.includes('return (a + b);'))).toBe(true);
  });

  test('what is logged, labels, sizes, assertions, tables and macros are left alone', () => {
    for (const line of mutants.map(({ now }) => now))
      expect(line).not.toMatch(
        /say_log\(\(?count|case (?!LIMIT \+ 100:)|Static_assert|static const|TWICE|sizeof\(int\) [+-]|i--/,
      );
    expect(found('say_log')).toEqual([]);
  });
});

describe('trials', () => {
  const trial = (now) => tried(mutant(now).number, tests);

  test('the units kill what they look at', async () => {
    expect(await trial('if (count <= LIMIT && !strict) return LOW;')).toMatchObject({ killed: 'units', by: 'unit' });
  });

  test('the simulator kills with the first seed that breaks its promise', async () => {
    expect(await trial('if (i == 7) continue;')).toMatchObject({ killed: 'simulator', by: 'seed 9' });
  });

  test('a test or a seed that does not reach a mutant is not run with it', () => {
    const reaching = (name) => tests.programs[0].tests.filter(({ reached }) => reached.has(found(name).at(-1).number));
    expect(['level_of', 'rest', 'half', 'seldom'].map((name) => reaching(name).map((t) => t.number))).toEqual([
      ['0'],
      ['1'],
      ['2'],
      [],
    ]);
    expect(tests.simulator.seedsOf(found('seldom')[0].number)).toEqual([9]);
  });

  test('an endless loop is ended, and counts', async () => {
    expect(await trial('int half(int n) { while (n > 9) ; return n; }')).toMatchObject({ killed: 'units' });
  });

  test('what nobody looks at survives', async () => {
    const survivor = mutant('int seldom(int x) { return x >= 100 ? x + 1 : x; }');
    expect(await tried(survivor.number, tests)).toEqual({ killed: null, by: '', reached: true });
    const unreached = mutant('int seldom(int x) { return x > 100 ? (x - 1) : x; }');
    expect(await tried(unreached.number, tests)).toEqual({ killed: null, by: '', reached: false });
  });
});

test('a seed draws the same mutants again, of every kind, and another seed others', () => {
  const draw = (seed) => drawn(mutants, 'a.c', 12, seed).map(({ number }) => number);
  expect(draw(1)).toHaveLength(12);
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(drawn(mutants, 'a.c', 0, 1)).toEqual(mutants);
});

test('a mutant is known again by its text when lines and comments have changed', () => {
  const moved = join(folder, 'moved.c');
  const source = SOURCE.replace('int reach', '\n\nint reach').replace('each step', 'another');
  writeFileSync(moved, source);
  expect(described(pointsOf(moved, 'a.c', []), source).map(keyOf)).toEqual(mutants.map(keyOf));
});

test('equivalents have a reason', () => {
  const path = join(folder, 'equivalent.txt');
  writeFileSync(path, '# words\n\na.c reach\n- steps += 1;\n+ steps -= 1;\n= nobody counts\n');
  expect(equivalents(path)).toEqual([
    { file: 'a.c', name: 'reach', old: 'steps += 1;', now: 'steps -= 1;', why: 'nobody counts' },
  ]);
  writeFileSync(path, 'a.c reach\n- steps += 1;\n+ steps -= 1;\n');
  expect(() => equivalents(path)).toThrow('cannot read');
  expect(() => equivalents('tests/mutate/equivalent.txt')).not.toThrow();
});

test('the table counts vectors apart, and leaves equivalents out', () => {
  const outcomes = ['units', 'units', 'simulator', 'vectors', 'survives', 'equivalent'];
  const results = outcomes.map((outcome, i) => ({ ...mutants[i], file: 'relay/core/a.c', outcome, by: 'test' }));
  const cells = table(results)
    .split('\n')
    .at(-1)
    .split('|')
    .map((cell) => cell.trim());
  expect(cells.slice(1, -1)).toEqual(['all of relay/core', '6', '2', '1', '1', '1', '1', '60%']);
  expect(survivors(results).match(/^relay/gm)).toHaveLength(2);
});
