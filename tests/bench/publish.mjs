/**
 * node tests/bench/publish.mjs [--minutes 8] [--only PART,…] [--draw]
 *
 * Measures the figures of the documents within the given minutes, and writes docs/bench/results.json, the charts, the
 * tables of docs/bench/README.md and the figures of docs/capacity.md. A part that fails, or has no time left, is left
 * out and named. With --only, earlier results of the other parts stay, with their dates. --draw measures nothing and
 * writes the documents again from results.json.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../support/process.js';
import { writeCapacity } from './capacity.mjs';
import { CELLS, quickCells } from './cells.mjs';
import { drawAll } from './charts.mjs';
import { fillMarkers, readmeTables, writeResults } from './document.mjs';
import { machine, measureCells } from './measure.mjs';
import { measureMemory } from './memory.mjs';
import { PARTS, reasonOf } from './parts/index.mjs';
import { LABELS, versions } from './servers.mjs';
import { targetTable } from './report.mjs';
import { summarise } from './statistics.mjs';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '8' },
    only: { type: 'string' },
    draw: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.6' },
  },
});
const FOLDER = join(ROOT, 'docs/bench');
const RESULTS = join(FOLDER, 'results.json');
const began = performance.now();
const passed = () => (performance.now() - began) / 1e3;
const left = () => Number(options.minutes) * 60 - passed();
const say = (text) => process.stdout.write(`${text}\n`);
const progress = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const wanted = () => true;

const MANY = [
  { ...CELLS.find((c) => c.pairs === 500), servers: ['raw', 'pairlink', 'nats'] },
  CELLS.find((c) => c.pairs === 5000),
];

/** Each step: its name, the most seconds it takes on a quiet machine, and what it measures; the most important first.
 */
const STEPS = [
  [
    'cells',
    180,
    async (result) => {
      /* A slow machine gets fewer rounds, because the other parts need half of the time. */
      let last = passed();
      const go = (round) => {
        const took = passed() - last;
        last = passed();
        return round === 1 || left() - took > 0.4 * 60 * Number(options.minutes);
      };
      result.runs = await measureCells([...quickCells(), ...MANY], { rounds, seconds, progress, go });
      result.summary = summarise(result.runs, Object.keys(LABELS));
    },
  ],
  [
    'memory',
    30,
    async (result) => {
      result.memory = await measureMemory({ wanted, rounds: 1, quick: false, progress });
    },
  ],
  ...PARTS.map((part) => [
    part.name,
    part.needs,
    async (result) => {
      const missing = part.missing?.();
      if (missing) throw new Error(`no ${missing}`);
      result[part.name] = await part.measure({ rounds: Math.min(3, rounds), seconds, progress, left });
    },
  ]),
];

async function measure() {
  const now = { date: new Date().toISOString(), commit: versions().commit };
  const before = options.only ? JSON.parse(readFileSync(RESULTS, 'utf8')) : null;
  const result = before ?? {
    date: now.date,
    machine: machine(),
    versions: versions(),
    rounds,
    seconds,
    left_out: [],
    runs: [],
    summary: [],
    memory: {},
    later: {},
  };
  for (const [name, needs, part] of STEPS) {
    if (options.only && !options.only.split(',').includes(name)) continue;
    const leaveOut = (why) => {
      result.left_out = [...result.left_out.filter((it) => it.part !== name), { part: name, why }];
    };
    if (left() < needs) {
      leaveOut('no time left');
      say(`${name}: left out, no time left`);
      continue;
    }
    const start = passed();
    try {
      progress(name);
      await part(result);
      result.left_out = result.left_out.filter((it) => it.part !== name);
      if (before) (result.later ??= {})[name] = now;
      progress('');
      say(`${name}: ${(passed() - start).toFixed(0)} s`);
    } catch (error) {
      leaveOut(reasonOf(error));
      say(`${name}: ${error.message}`);
    }
  }
  for (const run of result.runs) run.kb_per_socket ??= result.memory[run.server]?.kb_per_socket ?? null;
  result.took_s = Math.round(passed());
  return result;
}

function write(result) {
  const failed = (what, error) => {
    say(`${what}: ${error.message}`);
    process.exitCode = 1;
  };
  /* The other documents are written even when one cannot be. */
  const attempt = (what, work) => {
    try {
      work();
    } catch (error) {
      failed(what, error);
    }
  };
  writeResults(RESULTS, result, failed);
  attempt('charts', () => {
    for (const [file, svg] of Object.entries(drawAll(result))) writeFileSync(join(FOLDER, file), svg);
  });
  attempt('docs/bench/README.md', () => fillMarkers(join(FOLDER, 'README.md'), readmeTables(result, failed)));
  attempt('docs/capacity.md', () => writeCapacity(result));
}

const result = options.draw ? JSON.parse(readFileSync(RESULTS, 'utf8')) : await measure();
write(result);
say(targetTable(result.targets));
say(`written: docs/bench, docs/capacity.md; ${result.took_s} s`);
