/** Runs test programs and seeds with one mutant, and says what noticed it. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A test program. `reached` says which mutants it runs into (a byte for each); others are not tried with it.
 * @typedef {{name: string, group: 'units' | 'vectors', command: string[], ms: number, reached: Uint8Array}} Program
 */

const MEMORY_KB = 4 << 20;
const PATIENCE_MS = 600_000; // for a program that waits, and so uses no processor time

/**
 * Runs a command in a folder of its own, which is removed afterwards.
 * @returns {Promise<{ok: boolean, stdout: string, ms: number}>}
 */
export function runIn(command, { env = {}, cpuSeconds = 600, memory = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pl-mutate-'));
  const limits = `ulimit -c 0 -t ${cpuSeconds}${memory ? ` -v ${MEMORY_KB}` : ''}`;
  const started = performance.now();
  return new Promise((done, fail) => {
    const child = spawn('bash', ['-c', `${limits}; exec "$@"`, 'bash', ...command], {
      cwd: folder,
      env: { ...process.env, TMPDIR: folder, CMOCKA_MESSAGE_OUTPUT: 'STDOUT', ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    const stop = () => process.kill(-child.pid, 'SIGKILL');
    const limit = setTimeout(stop, PATIENCE_MS);
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      if (/^\[ {2}FAILED {2}\]/m.test(chunk)) stop(); // the rest of its tests does not matter
    });
    child.on('error', fail);
    child.on('close', (code) => {
      clearTimeout(limit);
      rmSync(folder, { recursive: true, force: true });
      done({ ok: code === 0, stdout, ms: performance.now() - started });
    });
  });
}

/** Calls `work` for each item, several at a time. */
export async function inParallel(items, jobs, work) {
  const queue = [...items];
  const worker = async () => {
    for (let item; (item = queue.shift()) !== undefined;) await work(item);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

/** Runs a program without a mutant, and notes which ones it reaches. @returns {Promise<Program>} */
export async function measured(program, place, options = {}) {
  const file = join(place, `${program.name}.reached`);
  rmSync(file, { force: true });
  const { ok, ms, stdout } = await runIn(program.command, { ...options, env: { PL_MUTANTS_REACHED: file } });
  if (!ok) throw new Error(`${program.name} fails without a mutant:\n${stdout.slice(-2000)}`);
  const reached = existsSync(file) ? new Uint8Array(readFileSync(file)) : new Uint8Array(0); // it holds no mutant
  rmSync(file, { force: true });
  return { ...program, ms, reached };
}

/** Which seeds reach each mutant. @returns {Promise<{ms: number, seedsOf: (number: number) => number[]}>} */
export async function measuredSeeds(program, { seeds, mutants, jobs, ...options }) {
  const rows = [];
  const part = Math.ceil(seeds / jobs);
  const starts = Array.from({ length: jobs }, (_, i) => 1 + i * part).filter((first) => first <= seeds);
  let ms = 0;
  await inParallel(starts, jobs, async (first) => {
    const count = Math.min(part, seeds - first + 1);
    const result = await runIn([program, String(first), String(count), String(mutants)], options);
    if (!result.ok) throw new Error(`the simulator fails without a mutant:\n${result.stdout.slice(-500)}`);
    ms += result.ms;
    result.stdout
      .trimEnd()
      .split('\n')
      .forEach((row, i) => (rows[first + i] = row));
  });
  const seedsOf = (number) => [...rows.keys()].filter((seed) => rows[seed]?.[number - 1] === '1');
  return { ms: ms / seeds, seedsOf };
}

/** Processor time that nothing but an endless loop uses up. */
const cpuFor = (ms) => Math.ceil((ms * 5) / 1000) + 1;

/**
 * Tries one mutant, with what is quick first; published and own vectors come last, since they are to guard nothing alone.
 * @param {number} number
 * @param {{programs: Program[], simulator?: {command: string, ms: number, seedsOf: (number: number) => number[]}}} tests
 * @returns {Promise<{killed: 'units' | 'simulator' | 'vectors' | null, by: string, reached: boolean}>}
 */
export async function tried(number, { programs, simulator, memory = true }) {
  const reaching = programs.filter((program) => program.reached[number]);
  const seeds = simulator?.seedsOf(number) ?? [];
  const steps = reaching.map(({ name, group, command, ms }) => ({
    group,
    ms: group === 'vectors' ? Infinity : ms,
    limit: cpuFor(ms),
    command,
    by: () => name,
  }));
  if (seeds.length > 0)
    steps.push({
      group: 'simulator',
      ms: simulator.ms * seeds.length,
      limit: cpuFor(simulator.ms * seeds.length),
      command: [simulator.command, 'try', ...seeds.map(String)],
      by: (stdout) => `seed ${stdout.trimEnd().split('\n').at(-1)}`,
    });
  steps.sort((a, b) => a.ms - b.ms);
  for (const { group, limit, command, by } of steps) {
    const { ok, stdout } = await runIn(command, { env: { PL_MUTANT: String(number) }, cpuSeconds: limit, memory });
    if (!ok) return { killed: group, by: by(stdout), reached: true };
  }
  return { killed: null, by: '', reached: steps.length > 0 };
}
