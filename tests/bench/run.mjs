/**
 * ./dev bench: compares the relay with a raw forwarder and other servers, on this machine, in one run.
 *
 *   --quick       four cells, five rounds, under three minutes
 *   --json FILE   everything as JSON
 *   --runs N      rounds (5)
 *   --seconds S   measured seconds per cell and server (1; quick: 0.6)
 *   --only A,B    only these servers           --cells TEXT   only cells whose name contains this text
 *   --charts DIR  folder for the charts (docs/bench after a full run, otherwise none)
 *   --extra A,B   only these parts besides the cells: memory and the names in parts/index.mjs (all; quick: memory;
 *                 "none")
 *   --e2e         instead: whole programs, compared with scp and magic-wormhole
 *   --page        instead: page to page, and how the page loads
 *
 * A part that fails is named, and the others go on; the exit code is 1 then. A part whose program is missing is named.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../support/process.js';
import { CELLS, quickCells } from './cells.mjs';
import { measureMemory } from './memory.mjs';
import { machine, measureCells } from './measure.mjs';
import { PARTS, linesOfParts, measureParts, partsOf } from './parts/index.mjs';
import { LABELS, versions } from './servers.mjs';
import { cellTables, labels, targetTable, targets } from './report.mjs';
import { summarise } from './statistics.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    e2e: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    json: { type: 'string' },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    cells: { type: 'string' },
    charts: { type: 'string' },
    extra: { type: 'string' },
  },
});

const say = (text) => process.stdout.write(`${text}\n`);
const progress = (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);

const rounds = Number(options.runs ?? (options.e2e || options.page ? 3 : 5));
const seconds = Number(options.seconds ?? (options.quick ? 0.6 : 1));
const only = options.only?.split(',');
const wanted = (label) => !only || only.includes(label);

/** Returns the names after `--extra`, or `usual`. */
function extras(usual) {
  if (!options.extra) return usual;
  const names = options.extra.split(',').filter((name) => name !== 'none');
  const unknown = names.find((name) => name !== 'memory' && !PARTS.some((part) => part.name === name));
  if (unknown)
    throw new Error(`--extra ${unknown}: no such part; there are memory, ${PARTS.map((p) => p.name).join(', ')}`);
  return names;
}

/** Measures the parts of these names, and adds to `result` those that are left out and why. */
async function figuresOf(names, result) {
  const { figures, lacking, failed } = await measureParts(
    PARTS.filter(({ name }) => names.includes(name)),
    { rounds: Math.min(3, rounds), seconds, quick: options.quick, only, progress },
    say,
  );
  result.left_out = [...lacking, ...failed];
  if (failed.length) process.exitCode = 1;
  return figures;
}

/** Says that the targets or sentences of a part cannot be made. The others go on. */
function unreadable(name, error) {
  say(`${name}: ${error.message}`);
  process.exitCode = 1;
}

function sayLeftOut({ left_out: list }) {
  if (list.length) say(`\nnot measured: ${list.map(({ part, why }) => `${part} (${why})`).join('; ')}`);
}

const head = () => ({
  date: new Date().toISOString(),
  machine: machine(),
  versions: versions(),
  quick: options.quick,
  rounds,
  seconds,
});

/** Measures the parts of a group and nothing else. */
async function mainOfGroup(group) {
  const result = head();
  const figures = await figuresOf(extras(partsOf(group).map((part) => part.name)), result);
  const reached = targets([], {}, figures, unreadable);
  for (const line of linesOfParts(figures, unreadable)) say(line);
  say(`\n${targetTable(reached)}`);
  sayLeftOut(result);
  if (options.json)
    writeFileSync(options.json, `${JSON.stringify({ ...result, ...figures, targets: reached }, null, 1)}\n`);
}

async function main() {
  if (options.e2e) return mainOfGroup('programs');
  if (options.page) return mainOfGroup('pages');
  const quick = options.quick;
  const cells = (quick ? quickCells() : CELLS).filter(
    (c) => (!options.cells || c.name.includes(options.cells)) && c.servers.some(wanted),
  );
  const names = extras(['memory', ...(quick || !wanted('pairlink') ? [] : partsOf('relay').map((part) => part.name))]);
  const result = head();
  say(`${result.machine.cores} cores; ${rounds} rounds of ${seconds} s, servers in turn; medians\n`);

  const memory = names.includes('memory')
    ? await measureMemory({ wanted, quick, rounds: quick ? 1 : 3, progress })
    : {};
  const runs = await measureCells(cells, { rounds, seconds, wanted, progress });
  for (const run of runs)
    run.kb_per_socket ??= memory[run.server]?.kb_per_socket ?? memory[LABELS[run.server].start]?.kb_per_socket ?? null;
  const summary = summarise(runs, Object.keys(LABELS));
  const figures = await figuresOf(names, result);
  const reached = targets(summary, memory, figures, unreadable);
  Object.assign(result, { runs, summary, memory, ...figures, targets: reached });

  say(`${cellTables(summary)}\n`);
  if (summary.some((s) => s.generator_limited))
    say('* the generator was busy all the time: the server could have carried more\n');
  for (const [server, m] of Object.entries(memory))
    say(`${server}: ${m.kb_per_socket?.toFixed(2)} KB for an idle socket (${m.sockets} sockets)`);
  for (const line of linesOfParts(figures, unreadable)) say(line);
  say(`\n${labels(summary)}\n\n${targetTable(reached)}`);
  sayLeftOut(result);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
  const charts = options.charts ?? (quick || only || options.cells ? null : join(ROOT, 'docs/bench'));
  if (charts) {
    mkdirSync(charts, { recursive: true });
    const { drawAll } = await import('./charts.mjs');
    for (const [file, svg] of Object.entries(drawAll(result))) writeFileSync(join(charts, file), svg);
    writeFileSync(join(charts, 'results.json'), `${JSON.stringify({ ...result, runs: undefined }, null, 1)}\n`);
    say(`\ncharts: ${charts}`);
  }
}

await main();
