/** The benchmark's text output: a table for each cell, and the targets with the results. */
import { LABELS } from './servers.mjs';
import { CELLS, MEMORY_TARGETS } from './cells.mjs';
import { targetsOfParts } from './parts/index.mjs';

const number = (v, decimals = 2) =>
  v === null || v === undefined
    ? '–'
    : v >= 1000
      ? Math.round(v).toLocaleString('en')
      : v.toFixed(v >= 100 ? 0 : v >= 10 ? Math.min(decimals, 1) : decimals);
const ratio = (v) => (v === null || v === undefined ? '–' : `${v.toFixed(2)}×`);
const percent = (v) => (v === null || v === undefined ? '' : `±${Math.round(v * 100)}%`);

/** Aligns columns; the first `left` ones to the left, the others to the right. */
export function table(head, rows, left = 1) {
  const all = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(...all.map((row) => [...row[i]].length)));
  return all
    .map((row) =>
      row
        .map((text, i) => (i < left ? text.padEnd(widths[i]) : text.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function cellTables(summary) {
  const names = [...new Set(summary.map((s) => s.cell))];
  return names
    .map((cell) => {
      const rows = summary
        .filter((s) => s.cell === cell)
        .map((s) => [
          s.server + (s.generator_limited ? ' *' : ''),
          number(s.cpu_us, 3),
          percent(s.cpu_us_spread),
          ratio(s.cpu_us_ratio),
          number(s.envelopes_per_s),
          number(s.p50_us, 1),
          ratio(s.p50_us_ratio),
          number(s.p99_us, 1),
        ]);
      return `${cell}\n${table(['server', 'CPU µs', 'spread', 'to raw', 'envelopes/s', 'p50 µs', 'to raw', 'p99 µs'], rows)}`;
    })
    .join('\n\n');
}

/**
 * Returns each target of what was measured, with the result and whether it was reached. `reached` is null, and the
 * target missed, when the measurement gave no number. `figures` has those of the parts, by name; `unreadable` is called
 * for a part whose targets cannot be made.
 */
export function targets(summary, memory, figures = {}, unreadable = undefined) {
  const found = (cell, server = 'pairlink') => summary.find((s) => s.cell === cell && s.server === server);
  const list = [];
  const add = ({ what, reached, limit, unit = '×', atLeast = false }) => {
    const known = Number.isFinite(reached);
    const met = known && (atLeast ? reached >= limit : reached <= limit);
    list.push({ what, reached: known ? reached : null, limit, unit, met, at_least: atLeast });
  };
  for (const c of CELLS.filter(({ name }) => found(name) && found(name, 'raw'))) {
    if (c.cpu) add({ what: `CPU to raw, ${c.name}`, reached: found(c.name).cpu_us_ratio, limit: c.cpu });
    if (c.p50) add({ what: `p50 to raw, ${c.name}`, reached: found(c.name).p50_us_ratio, limit: c.p50 });
  }
  for (const [server, limit] of Object.entries(MEMORY_TARGETS).filter(([name]) => memory[name]))
    add({ what: `memory of an idle socket, ${server}`, reached: memory[server].kb_per_socket, limit, unit: ' KB' });
  for (const target of targetsOfParts(figures, unreadable)) add(target);
  return list;
}

export function targetTable(list) {
  return table(
    ['target', 'reached', 'limit', ''],
    list.map((t) => [
      t.what,
      t.reached === null ? 'not measured' : `${number(t.reached)}${t.unit}`,
      `${t.at_least ? '≥' : '≤'} ${number(t.limit, 1)}${t.unit}`,
      t.met ? 'met' : 'MISSED',
    ]),
  );
}

export function labels(summary) {
  const used = [...new Set(summary.map((s) => s.server))];
  return table(
    ['server', 'batched input', 'what it is'],
    used.map((name) => [name, summary.find((s) => s.server === name).batched_input ? 'yes' : 'no', LABELS[name].about]),
    3,
  );
}
