/** Runs test programs and seeds with one mutant, and says what noticed it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A test program, and its tests: how long each takes, and which mutants it reaches. Others are not tried with it.
 * @typedef {{name: string, group: 'units' | 'vectors', command: string[]}} Command
 * @typedef {Command & {tests: {number: string, ms: number, reached: Set<number>}[]}} Program
 */

const MEMORY_KB = 4 << 20;
const PATIENCE_MS = 600_000; // for a program that waits, and so uses no processor time

/** What runs now. It has process groups of its own, so it is ended with this process. */
const running = new Set();
process.on('exit', () => running.forEach((stop) => stop()));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

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
    running.add(stop);
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.on('error', fail);
    child.on('close', (code) => {
      clearTimeout(limit);
      running.delete(stop);
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

/** Runs a program without a mutant, and notes which ones each of its tests reaches. @returns {Promise<Program>} */
export async function measured(program, place, options = {}) {
  const file = join(place, `${program.name}.reached`);
  rmSync(file, { force: true });
  const { ok, stdout } = await runIn(program.command, { ...options, env: { PL_MUTANTS_REACHED: file } });
  if (!ok) throw new Error(`${program.name} fails without a mutant:\n${stdout.slice(-2000)}`);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  rmSync(file);
  const tests = lines.map((line) => {
    const [number, ms, ...reached] = line.split(' ');
    return { number, ms: Number(ms), reached: new Set(reached.map(Number)) };
  });
  return { ...program, tests };
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

const QUICK_MS = 300;
const total = (list) => list.reduce((sum, { ms }) => sum + ms, 0);

/** What a program does for one mutant: its quick tests together, and each of the others alone. */
function stepsOf({ name, group, command, tests }, number, slowMs) {
  const reaching = tests.filter(({ ms, reached }) => reached.has(number) && ms <= slowMs);
  const quick = reaching.filter(({ ms }) => ms < QUICK_MS);
  const parts = [quick, ...reaching.filter((test) => !quick.includes(test)).map((test) => [test])];
  return parts
    .filter((part) => part.length > 0)
    .map((part) => ({
      group,
      ms: total(part),
      command,
      env: { PL_MUTANT_TESTS: part.map((test) => test.number).join(' ') },
      by: () => name,
    }));
}

function seedsStep({ command, ms, seedsOf }, number) {
  const seeds = seedsOf(number);
  if (seeds.length === 0) return [];
  const by = (stdout) => `seed ${stdout.trimEnd().split('\n').at(-1)}`;
  return [{ group: 'simulator', ms: ms * seeds.length, command: [command, 'try', ...seeds.map(String)], env: {}, by }];
}

/**
 * Tries one mutant, with what is quick first; vectors come last, since they are to guard nothing alone.
 * @param {number} number
 * @param {object} tests
 * @param {Program[]} tests.programs
 * @param {{command: string, ms: number, seedsOf: (number: number) => number[]}} tests.simulator
 * @param {number} [tests.slowMs] tests that take longer are left out
 * @returns {Promise<{killed: 'units' | 'simulator' | 'vectors' | null, by: string, reached: boolean}>}
 */
export async function tried(number, { programs, simulator, memory = true, slowMs = Infinity }) {
  const steps = [...programs.flatMap((program) => stepsOf(program, number, slowMs)), ...seedsStep(simulator, number)];
  const order = ({ group, ms }) => (group === 'vectors' ? 1e9 : 0) + ms;
  steps.sort((a, b) => order(a) - order(b));
  for (const { group, ms, command, env, by } of steps) {
    const limits = { cpuSeconds: cpuFor(ms), memory };
    const { ok, stdout } = await runIn(command, { env: { ...env, PL_MUTANT: String(number) }, ...limits });
    if (!ok) return { killed: group, by: by(stdout), reached: true };
  }
  return { killed: null, by: '', reached: steps.length > 0 };
}
