/**
 * ./dev bench: compares the relay with a raw forwarder and other servers, on this machine, in one run.
 *
 *   --quick       four cells, five rounds, under three minutes
 *   --json FILE   everything as JSON
 *   --runs N      rounds (5)
 *   --seconds S   measured seconds per cell and server (1; quick: 0.6)
 *   --only A,B    only these servers           --cells TEXT   only cells whose name contains this text
 *   --charts DIR  folder for the charts (docs/bench after a full run, otherwise none)
 *   --extra A,B   of memory, idle, frozen, slow, workers, storm, outage, registrations, spread, disconnects
 *                 (all; quick: memory; "none")
 *   --e2e         instead: whole programs, compared with scp and magic-wormhole
 *   --page        instead: page to page, and how the page loads
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../support/process.js';
import { CELLS, quickCells } from './cells.mjs';
import { EXTRA, measureExtra, measureMemory } from './extra.mjs';
import { machine, measureCells } from './measure.mjs';
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

async function main() {
  if (options.e2e) return (await import('./e2e.mjs')).main(options);
  if (options.page) return (await import('./page.mjs')).main(options);
  const quick = options.quick;
  const rounds = Number(options.runs ?? 5);
  const seconds = Number(options.seconds ?? (quick ? 0.6 : 1));
  const only = options.only?.split(',');
  const wanted = (label) => !only || only.includes(label);
  const cells = (quick ? quickCells() : CELLS).filter(
    (c) => (!options.cells || c.name.includes(options.cells)) && c.servers.some(wanted),
  );
  const extras = options.extra
    ? options.extra.split(',').filter((e) => e !== 'none')
    : quick
      ? ['memory']
      : ['memory', ...Object.keys(EXTRA)];
  const result = {
    date: new Date().toISOString(),
    machine: machine(),
    versions: versions(),
    quick,
    rounds,
    seconds,
  };
  say(`${result.machine.cores} cores; ${rounds} rounds of ${seconds} s, servers in turn; medians\n`);

  const memory = extras.includes('memory')
    ? await measureMemory({ wanted, quick, rounds: quick ? 1 : 3, progress })
    : {};
  const runs = await measureCells(cells, { rounds, seconds, wanted, progress });
  for (const run of runs)
    run.kb_per_socket ??= memory[run.server]?.kb_per_socket ?? memory[LABELS[run.server].start]?.kb_per_socket ?? null;
  const summary = summarise(runs, Object.keys(LABELS));
  const extra = await measureExtra(extras, { wanted, rounds, seconds, progress, quick });
  const reached = targets(summary, memory, extra);
  Object.assign(result, { runs, summary, memory, ...extra, targets: reached });

  say(`${cellTables(summary)}\n`);
  if (summary.some((s) => s.generator_limited))
    say('* the generator was busy all the time: the server could have carried more\n');
  for (const [server, m] of Object.entries(memory))
    say(`${server}: ${m.kb_per_socket?.toFixed(2)} KB for an idle socket (${m.sockets} sockets)`);
  for (const [name, figures] of Object.entries(extra)) say(`${name}: ${JSON.stringify(figures)}`);
  say(`\n${labels(summary)}\n\n${targetTable(reached)}`);
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
