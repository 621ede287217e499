/**
 * Runs each fuzz target for a while, from its committed corpus.
 *   node tests/support/run_fuzz.mjs SECONDS TARGET-OR-EMPTY COUNTS-FILE
 * Programs are build/fuzz/bin/fuzz_NAME, inputs tests/fuzz/corpus/NAME; new inputs go to build/fuzz/corpus/NAME.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const [seconds, only, countsFile] = process.argv.slice(2);
const bin = 'build/fuzz/bin';
const targets = readdirSync(bin).filter(
  (name) => name.startsWith('fuzz_') && (!only || name === only || name === `fuzz_${only}`),
);
if (targets.length === 0) {
  console.log(`no fuzz target ${only ?? ''} in ${bin}`);
  process.exit(1);
}

function runOne(target) {
  const name = target.slice('fuzz_'.length);
  const fresh = `build/fuzz/corpus/${name}`;
  const committed = `tests/fuzz/corpus/${name}`;
  mkdirSync(fresh, { recursive: true });
  const args = [
    `-max_total_time=${seconds}`,
    '-timeout=10',
    '-rss_limit_mb=2048',
    '-print_final_stats=1',
    `-artifact_prefix=build/fuzz/crash-${name}-`,
    fresh,
  ];
  if (existsSync(committed)) args.push(committed);
  return new Promise((done) => {
    const child = spawn(`${bin}/${target}`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    child.on('error', (error) => (text += error.message));
    child.on('close', (code) => {
      const runs = text.match(/stat::number_of_executed_units:\s*(\d+)/)?.[1] ?? '?';
      console.log(`${code === 0 ? 'ok     ' : 'FAILED '} ${target}: ${runs} runs`);
      if (code !== 0) console.log(text.slice(-8000));
      done(code === 0);
    });
  });
}

const queue = [...targets];
const results = [];
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let target; (target = queue.shift());) results.push(await runOne(target));
  }),
);
const passed = results.filter(Boolean).length;
writeFileSync(countsFile, `${passed} ${results.length - passed} 0\n`);
process.exit(passed === results.length ? 0 : 1);
