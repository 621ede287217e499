/**
 * Programs whose own allocations fail: the N-th once, or all from the N-th on (tests/e2e/c/fail_alloc.c, preloaded).
 *
 * A scenario starts its programs. Allocations fail in one of them, the starved one. At the end the scenario tells
 * whether the programs that ended with 0 told the truth. `tryShortage` checks that every program ends, if need be by
 * Ctrl-C when it waits for a starved one that has failed, and that a starved program that fails says "out of memory".
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, tempDir, within } from './process.js';

/** Longer than any wait that a shortage may cause (30 s of a call, 10 s of a link). */
const ENDS_MS = 60_000;
/** A stopping client waits 10 s at most. */
const STOPS_MS = 20_000;
const EXIT_OTHER = 1;

/** Returns `{env, report}`: env makes allocations fail; report() is `{asked, failed, where}` after the end. */
export function starve({ at, from }) {
  const file = join(tempDir('pairlink-shortage-'), 'report');
  const env = {
    LD_PRELOAD: binary('fail_alloc.so'),
    PL_FAIL_AT: String(at),
    PL_FAIL_FROM: from ? '1' : '',
    PL_FAIL_REPORT: file,
  };
  return {
    env,
    report: () => {
      const [asked, ...frames] = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [0, 'killed'];
      return { asked: Number(asked), failed: frames.length > 0, where: frames.join(' ') };
    },
  };
}

const ended = async (program, ms) => {
  try {
    await program.wait(ms);
    return true;
  } catch {
    return false;
  }
};

/** Ends the remaining programs as Ctrl-C does; kills and names those that do not react. */
async function interrupt(programs, faults) {
  for (const [name, program] of Object.entries(programs)) {
    if (!program.running) continue;
    program.signal('SIGINT');
    if (await ended(program, STOPS_MS)) continue;
    faults.push(`${name} is deaf to Ctrl-C`);
    await program.kill9();
  }
}

/** Ctrl-C ends a program with 130. While the program starts or has stopped watching signals, the signal itself ends it. */
const endedByCtrlC = ({ interrupted, result }) => interrupted && (result.code === 130 || result.signal === 'SIGINT');

function judgeStarved(name, program, report, faults) {
  const { code, signal } = program.result;
  if (endedByCtrlC(program)) return;
  if (signal) faults.push(`${name} ended by ${signal}`);
  if (!signal && code !== 0 && (code !== EXIT_OTHER || !/out of memory/.test(program.stderr + program.stdout)))
    faults.push(`${name} ended with ${code} and does not say "out of memory"`);
  if (code !== 0 && !report.failed) faults.push(`${name} ended with ${code}, though nothing failed`);
}

/**
 * @param {(starved: object) => Promise<{programs: Record<string, Program>, starved: string, lies: () => string}>}
 * scenario
 *   lies: returns what a program that ended with 0 claimed although it is not true; '' for nothing
 * @returns {Promise<{faults: string[], asked: number, failed: boolean, text: string}>}
 */
export async function tryShortage(scenario, shortage) {
  const { env, report } = starve(shortage);
  const { programs, starved, lies } = await scenario(env);
  const faults = [];
  const all = Object.values(programs);
  const victim = programs[starved];
  const others = all.filter((program) => program !== victim);
  // The starved one first: when it has failed, another may wait for it until it is ended.
  const first = await within(
    Promise.race([victim.exited, ...others.map((program) => program.exited)]),
    'end',
    ENDS_MS,
  ).catch(() => null);
  const healthy = !victim.running ? victim.result.code === 0 : others.some((program) => program.result?.code === 0);
  if (!first) faults.push('nobody ends');
  else if (healthy)
    for (const [name, program] of Object.entries(programs))
      if (!(await ended(program, ENDS_MS))) faults.push(`${name} does not end`);
  for (const program of all) program.interrupted ||= program.running;
  await interrupt(programs, faults);
  const result = report();
  judgeStarved(starved, victim, result, faults);
  const lie = await lies();
  if (lie) faults.push(lie);
  const text = Object.entries(programs)
    .map(
      ([name, { result: r, stdout, stderr }]) =>
        `${name}: ${JSON.stringify(r)}\n${stdout.slice(0, 2000)}\n${stderr.slice(0, 2000)}`,
    )
    .join('\n');
  return { faults, ...result, text };
}

/** Tries several, a few at a time. Returns a text for each fault. */
export async function sweep(name, scenario, shortages, width = 4) {
  const wrong = [];
  const left = [...shortages];
  let failed = 0;
  const work = async () => {
    for (let shortage; (shortage = left.shift());) {
      const { faults, text, where, failed: did } = await tryShortage(scenario, shortage);
      failed += did ? 1 : 0;
      if (faults.length)
        wrong.push(
          `${name}, allocation ${shortage.at}${shortage.from ? ' and all later' : ''} (${where}): ${faults.join('; ')}\n${text}`,
        );
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return { wrong, failed };
}
