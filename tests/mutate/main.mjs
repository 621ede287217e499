/**
 * node tests/mutate/main.mjs [FILE…]: plants random mutants in C files, runs the unit tests and the simulator with each,
 * and lists those that survive. See docs/simulator.md, "Random bugs".
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readSource } from './ast.mjs';
import { described, drawn, equivalents, keyOf } from './choose.mjs';
import { pointsOf } from './points.mjs';
import { scoreOf, survivors, table } from './report.mjs';
import { makeTree } from './tree.mjs';
import { inParallel, measured, measuredSeeds, tried } from './trial.mjs';

const USAGE = `usage: ./dev mutate [FILE|FOLDER…] [options]        (all of relay/core and client/core)
  --per-file N   mutants of each file (12); 0 tries every possible one
  --seed S       which mutants are drawn (1)
  --seeds N      seeds of the simulator that each mutant must survive (1000)
  --list         prints the mutants and tries none
  --again        tries only those that survived the last time, with the tests as they are now
  --slow         runs also the tests that take more than a second
  --asan         tries those that survive once more with AddressSanitizer and UBSan, as ./dev test does
  --least P      fails when less than P% are noticed`;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const place = join(root, 'build/mutate');
const resultsFile = join(place, 'results.json');
const say = (text) => process.stderr.write(`${text}\n`);

function options() {
  const number = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'per-file': { ...number, default: '12' },
      seed: { ...number, default: '1' },
      seeds: { ...number, default: '1000' },
      least: { ...number, default: '0' },
      list: flag,
      again: flag,
      slow: flag,
      asan: flag,
      help: flag,
    },
  });
  for (const name of ['per-file', 'seed', 'seeds', 'least'])
    if (!/^\d+$/.test(values[name])) throw new Error(`--${name} takes a number`);
  return { ...values, perFile: Number(values['per-file']), seeds: Number(values.seeds), names: positionals };
}

/** The C files that are named, or that lie in the folders that are named. */
function chosenFiles(names, files) {
  const known = files.filter((file) => /^(relay|client)\/.*\.c$/.test(file));
  const wanted = names.length ? names : ['relay/core', 'client/core'];
  return wanted.flatMap((name) => {
    const path = resolve(name).slice(root.length + 1);
    const found = known.filter((file) => file === path || file.startsWith(`${path}/`));
    if (found.length === 0) throw new Error(`${name} is no C file of the relay or the client`);
    return found;
  });
}

/** Those that nothing noticed the last time, whose tests may have been written since. */
const OPEN = ['survives', 'unreached', 'vectors', 'equivalent'];
const lastResults = () => (existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, 'utf8')) : []);

/** Draws the mutants of a file, or finds those that survived the last time. */
function drawing({ again, perFile, seed }) {
  if (!again) return (all, file) => drawn(all, file, perFile, Number(seed));
  const open = new Set(
    lastResults()
      .filter(({ outcome }) => OPEN.includes(outcome))
      .map(keyOf),
  );
  return (all) => all.filter((mutant) => open.has(keyOf(mutant)));
}

function mutantsOf(files, tree, draw) {
  const byFile = new Map();
  let count = 0;
  for (const file of files) {
    const path = join(root, file);
    const mutants = draw(described(pointsOf(path, file, tree.flagsOf(file)), readSource(path)), file);
    for (const mutant of mutants) mutant.number = ++count;
    byFile.set(file, mutants);
  }
  return byFile;
}

/** Writes the mutants into the tree. Returns those that compile. */
async function plantAll(byFile, tree) {
  const planted = [];
  for (const [file, mutants] of byFile) {
    const wrong = await tree.plant(file, mutants);
    for (const mutant of wrong) say(`left out, because it does not compile: ${file}:${mutant.line} ${mutant.now}`);
    planted.push(...mutants.filter((mutant) => !wrong.includes(mutant)));
  }
  tree.copy();
  return planted;
}

const SLOW_MS = 1000;

const readyTests = async (tree, mutants, { seeds, slow, memory }) => {
  const jobs = availableParallelism();
  say(`building ${mutants.length} mutants`);
  const built = await tree.make(jobs);
  say('running the tests without a mutant');
  const programs = [];
  await inParallel(built, jobs, async (program) => programs.push(await measured(program, place, { memory })));
  const last = Math.max(...mutants.map(({ number }) => number));
  const reached = await measuredSeeds(tree.seeds, { seeds, mutants: last, jobs, memory });
  return { programs, simulator: { command: tree.seeds, ...reached }, memory, slowMs: slow ? Infinity : SLOW_MS };
};

function outcomeOf({ killed, reached }) {
  return killed ?? (reached ? 'survives' : 'unreached');
}

/** Tries mutants and sets their outcome. */
async function tryAll(mutants, tests, told) {
  let done = 0;
  await inParallel(mutants, availableParallelism(), async (mutant) => {
    const result = await tried(mutant.number, tests);
    mutant.outcome = outcomeOf(result);
    mutant.by = result.by;
    done++;
    if (mutant.outcome === 'survives' || done % 50 === 0) say(`${done} of ${mutants.length}: ${told(mutant)}`);
  });
}

/** Equivalent mutants are tried as well: one that something notices is not equivalent. */
function setEquivalents(mutants) {
  const known = equivalents(join(root, 'tests/mutate/equivalent.txt'));
  const keys = new Map(known.map((entry) => [keyOf(entry), entry]));
  const wrong = [];
  for (const mutant of mutants) {
    const entry = keys.get(keyOf({ ...mutant, nth: 0 }));
    if (entry && OPEN.includes(mutant.outcome)) mutant.outcome = 'equivalent';
    else if (entry) wrong.push(`equivalent.txt: ${mutant.by} notices ${mutant.file} ${mutant.name}: ${mutant.now}`);
  }
  return wrong;
}

const told = ({ file, line, outcome, now }) => `${outcome} ${file}:${line} ${now}`;

async function main() {
  const wanted = options();
  if (wanted.help) return void console.log(USAGE);
  mkdirSync(place, { recursive: true });
  const tree = makeTree(root, place);
  tree.start();
  await tree.configure();
  const byFile = mutantsOf(chosenFiles(wanted.names, tree.files), tree, drawing(wanted));
  if (wanted.list) {
    for (const { file, line, name, kind, old, now } of [...byFile.values()].flat())
      console.log(`${file}:${line} ${name}: ${kind}\n  - ${old}\n  + ${now}`);
    return;
  }
  const mutants = await plantAll(byFile, tree);
  if (mutants.length === 0) return void console.log('there is nothing to try');
  await tryAll(mutants, await readyTests(tree, mutants, { ...wanted, memory: true }), told);
  if (wanted.asan) await trySanitized(mutants, byFile, wanted);
  const wrong = setEquivalents(mutants);
  report(mutants, wanted, wrong);
}

/** Builds the survivors once more, with sanitizers, which need much address space and time. */
async function trySanitized(mutants, byFile, { seeds, slow }) {
  const left = mutants.filter(({ outcome }) => outcome === 'survives' || outcome === 'vectors');
  if (left.length === 0) return;
  const tree = makeTree(root, place, { sanitize: true });
  await tree.configure();
  for (const [file, all] of byFile)
    await tree.plant(
      file,
      all.filter((mutant) => mutants.includes(mutant)),
    );
  await tryAll(left, await readyTests(tree, mutants, { seeds: Math.ceil(seeds / 4), slow, memory: false }), told);
}

function report(mutants, { again, least }, wrong) {
  let results = mutants.map(({ file, line, name, kind, old, now, nth, outcome, by }) => {
    return { file, line, name, kind, old, now, nth, outcome, by };
  });
  if (again) {
    const now = new Set(results.map(keyOf));
    const killed = lastResults().filter((result) => !OPEN.includes(result.outcome) && !now.has(keyOf(result)));
    results = [...killed, ...results].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  }
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 1)}\n`);
  console.log(`${table(results)}\n\n${survivors(results)}`);
  for (const line of wrong) console.log(line);
  if (wrong.length || scoreOf(results) < Number(least)) process.exitCode = 1;
}

main().catch((error) => {
  console.error(`mutate: ${error.message}`);
  process.exitCode = 1;
});
