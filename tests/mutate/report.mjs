/** What became of the mutants: a table by file, and the list of those that nothing noticed. */

const COLUMNS = ['file', 'mutants', 'units', 'simulator', 'vectors', 'survive', 'equivalent', 'score'];

/** @param {{outcome: string}[]} results */
function counted(results) {
  const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
  const [units, simulator, vectors, equivalent] = ['units', 'simulator', 'vectors', 'equivalent'].map(count);
  const survive = count('survives') + count('unreached');
  const different = results.length - equivalent;
  // What only vectors notice does not count: they compare with what the code did before.
  const score = different ? (100 * (units + simulator)) / different : 100;
  return { mutants: results.length, units, simulator, vectors, survive, equivalent, score };
}

const cells = (name, c) => [
  name,
  ...[c.mutants, c.units, c.simulator, c.vectors, c.survive, c.equivalent].map(String),
  `${c.score.toFixed(0)}%`,
];

/** The score of all files together. */
export const scoreOf = (results) => counted(results).score;

/** A row for each file, and one for each folder of `folders`. */
export function table(results, folders = ['relay/core', 'client/core']) {
  const files = [...new Set(results.map(({ file }) => file))].sort();
  const rows = files.map((file) => cells(file, counted(results.filter((r) => r.file === file))));
  for (const folder of folders) {
    const inside = results.filter(({ file }) => file.startsWith(`${folder}/`));
    if (inside.length) rows.push(cells(`all of ${folder}`, counted(inside)));
  }
  const widths = COLUMNS.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (row) =>
    `| ${row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [line(COLUMNS), rule, ...rows.map(line)].join('\n');
}

/** Survivors, with what would have to be noticed. */
export function survivors(results) {
  return results
    .filter(({ outcome }) => ['survives', 'unreached', 'vectors'].includes(outcome))
    .map(({ file, line, name, kind, old, now, outcome, by }) => {
      const note = { survives: '', unreached: ' (nothing reaches it)', vectors: ` (only ${by})` }[outcome];
      return `${file}:${line} ${name}: ${kind}${note}\n  - ${old}\n  + ${now}`;
    })
    .join('\n');
}
