/**
 * Traces of random runs of the C session (tests/vectors/random_session.h), made during the test: the same calls,
 * records and times must give the same deliveries, errors and frames. `build/release/bin/make-traces SEED 1` prints one
 * trace.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { binary } from '../../../tests/support/process.js';
import { Run } from './trace_run.js';

const FIRST = Number(process.env.TRACE_SEED ?? 1);
const COUNT = Number(process.env.TRACE_SEEDS ?? (process.env.PAIRLINK_SOAK ? 100_000 : 500));
const AT_ONCE = 50;

/**
 * The order in which channels get 'writable' or 'lost' is free. So is whether an ACK names a channel on which nothing
 * arrived.
 */
function meaning(lines) {
  const out = [];
  const run = [];
  for (const line of [...lines, '']) {
    if (run.length && run[0].split(' ')[0] !== line.split(' ')[0]) out.push(...run.sort().splice(0));
    if (/^(writable|lost) /.test(line)) run.push(line);
    else if (line) out.push(line.startsWith('told ') ? line.replace(/ \d+:0,0,\d+/g, '') : line);
  }
  return out;
}

/** Returns the first step that differs, with a few before it. */
function difference(trace) {
  const run = new Run(trace);
  for (const [i, step] of trace.steps.entries()) {
    const [got, expected] = [meaning(run.step(step)), meaning(step.out)];
    if (JSON.stringify(got) === JSON.stringify(expected)) continue;
    const before = trace.steps
      .slice(Math.max(0, i - 5), i)
      .map(({ at, in: line, out }) => [at, line.slice(0, 80), ...out]);
    return { trace: trace.name, step: i, before, at: step.at, in: step.in.slice(0, 400), expected, got };
  }
  return null;
}

test(`${COUNT} random runs, from seed ${FIRST} on`, { timeout: 60_000 + COUNT * 200 }, async () => {
  let steps = 0;
  for (let first = FIRST; first < FIRST + COUNT; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, FIRST + COUNT - first);
    const { stdout } = await promisify(execFile)(binary('make-traces'), [first, count].map(String), {
      maxBuffer: 1 << 29,
    });
    const lines = stdout.trim().split('\n');
    expect(lines.length).toBe(count);
    for (const trace of lines.map((line) => JSON.parse(line))) {
      expect(difference(trace)).toBeNull();
      steps += trace.steps.length;
    }
  }
  expect(steps).toBeGreaterThan(COUNT * 50);
});
