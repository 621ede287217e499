/**
 * Traces of one session that the C implementation made (tests/vectors/own_session.h explains the lines): the same
 * calls, frames and times must give the same deliveries and the same frames.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Run } from './trace_run.js';

const { traces } = JSON.parse(readFileSync(new URL('../../../schema/vectors/session.json', import.meta.url), 'utf8'));

describe('a session does what the C implementation did', () => {
  test.each(traces.map((trace) => [trace.name, trace]))('%s', (_, trace) => {
    const run = new Run(trace);
    const expected = trace.steps.map(({ at, in: line, out }) => [at, line.slice(0, 60), ...out]);
    const got = trace.steps.map((step) => [step.at, step.in.slice(0, 60), ...run.step(step)]);
    expect(got).toEqual(expected);
  });
});
