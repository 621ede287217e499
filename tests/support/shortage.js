/**
 * Programs whose own allocations fail: the N-th once, or all from the N-th on (tests/e2e/c/fail_alloc.c, preloaded).
 *
 * A scenario starts its programs, one of which is starved, and says in the end whether those that ended with 0 told the
 * truth. `tryShortage` judges: every program ends by itself or, where the starved one has failed and another goes on
 * waiting for it, at Ctrl-C; the starved one that fails says "out of memory".
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, start, tempDir, within } from './process.js';

/** Longer than any wait of the programs that a shortage may bring about (a call's 30 s, a link's 10 s). */
const ENDS_MS = 60_000;
/** A stopping client waits 10 s at most. */
const STOPS_MS = 20_000;
const EXIT_OTHER = 1;

/** Where and how: `{env, report}`; report() is `{asked, failed, where}` once the program has ended. */
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

/** Ends what is left, as Ctrl-C does; what is deaf is killed and named. */
async function interrupt(programs, faults) {
  for (const [name, program] of Object.entries(programs)) {
    if (!program.running) continue;
    program.signal('SIGINT');
    if (await ended(program, STOPS_MS)) continue;
    faults.push(`${name} is deaf to Ctrl-C`);
    await program.kill9();
  }
}

function judgeStarved(name, program, report, faults) {
  const { code, signal } = program.result;
  if (code === 130 && program.interrupted) return;
  if (signal) faults.push(`${name} ended by ${signal}`);
  if (!signal && code !== 0 && (code !== EXIT_OTHER || !/out of memory/.test(program.stderr + program.stdout)))
    faults.push(`${name} ended with ${code} and does not say "out of memory"`);
  if (code !== 0 && !report.failed) faults.push(`${name} ended with ${code}, though nothing failed`);
}

/**
 * @param {(starved: object) => Promise<{programs: Record<string, Program>, starved: string, lies: () => string}>}
 * scenario
 *   lies: what a program that ended with 0 has claimed, and is not so; '' for nothing
 * @returns {Promise<{faults: string[], asked: number, failed: boolean, text: string}>}
 */
export async function tryShortage(scenario, shortage) {
  const { env, report } = starve(shortage);
  const { programs, starved, lies } = await scenario(env);
  const faults = [];
  const all = Object.values(programs);
  const victim = programs[starved];
  const others = all.filter((program) => program !== victim);
  // The starved one first; if it has failed, another may wait for its return until somebody ends that.
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

/** Tries several, a few at a time; gives what went wrong, a text for each. */
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
