/** Writes measured figures into documents: a script replaces a block between `<!-- NAME -->` and `<!-- /NAME -->`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { markdownTable, number, percent, ratio } from './format.mjs';
import { linesOfParts } from './parts/index.mjs';
import { targets } from './report.mjs';

export function fillMarkers(path, blocks) {
  let text = readFileSync(path, 'utf8');
  for (const [name, block] of Object.entries(blocks)) {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(open), text.indexOf(close)];
    if (from < 0 || to < from) throw new Error(`${path}: no markers ${open} … ${close}`);
    text = `${text.slice(0, from + open.length)}\n${block.trim()}\n${text.slice(to)}`;
  }
  writeFileSync(path, text);
}

/** Writes the results. They are on the disk before their targets are made, which can fail for figures of an older form:
 * `unreadable` is called then. */
export function writeResults(path, result, unreadable) {
  const write = () => writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
  write();
  result.targets = targets(result.summary, result.memory, result, unreadable);
  write();
}

const condition = ({ date, machine, versions, rounds, seconds, left_out = [], later = {} }) =>
  [
    `Measured on ${date.slice(0, 10)} on a machine with ${machine.cores} cores and ${machine.memory_gib} GiB, load ${machine.load_before.toFixed(1)} before it began; commit ${versions.commit}; up to ${rounds} rounds of ${seconds} s, servers in turn, medians.`,
    ...Object.entries(later).map(
      ([part, at]) => `Measured again: ${part}, on ${at.date.slice(0, 10)}, commit ${at.commit}.`,
    ),
    ...left_out.map(({ part, why }) => `Left out: ${part} (${why}).`),
  ].join('\n');

const goals = (list) =>
  markdownTable(
    ['target', 'reached', 'limit', 'met'],
    list.map((t) => [
      t.what,
      t.reached === null ? 'not measured' : `${number(t.reached)}${t.unit}`,
      `${t.at_least ? '≥' : '≤'} ${number(t.limit)}${t.unit}`,
      t.met ? 'yes' : '**no**',
    ]),
  );

const cellTable = (summary, cell) =>
  `**${cell}**\n\n${markdownTable(
    ['server', 'CPU µs', 'spread', 'to raw', 'envelopes/s', 'p50 µs', 'to raw', 'p99 µs', 'batched input'],
    summary
      .filter((s) => s.cell === cell)
      .map((s) => [
        s.server,
        number(s.cpu_us),
        percent(s.cpu_us_spread),
        ratio(s.cpu_us_ratio),
        `${number(s.envelopes_per_s)}${s.generator_limited ? ' \\*' : ''}`,
        number(s.p50_us),
        ratio(s.p50_us_ratio),
        number(s.p99_us),
        s.batched_input ? 'yes' : 'no',
      ]),
  )}`;

function others(r, unreadable) {
  const memory = Object.entries(r.memory ?? {}).map(([name, m]) => `${name} ${number(m.kb_per_socket)}`);
  const lines = memory.length ? [`Memory of an idle socket, KB: ${memory.join(', ')}.`] : [];
  return [...lines, ...linesOfParts(r, unreadable)].map((line) => `- ${line}`).join('\n');
}

/** Returns the blocks of docs/bench/README.md. `unreadable` is called for a part whose sentences cannot be made. */
export function readmeTables(result, unreadable) {
  const cells = [...new Set(result.summary.map((s) => s.cell))];
  const limited = result.summary.some((s) => s.generator_limited)
    ? ['\\* the generator was busy all the time: the server could have carried more.']
    : [];
  return {
    condition: condition(result),
    targets: goals(result.targets),
    cells: [...cells.map((cell) => cellTable(result.summary, cell)), ...limited].join('\n\n'),
    others: others(result, unreadable),
  };
}
