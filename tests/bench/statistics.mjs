/** Medians and ratios of rounds. */

export function median(values) {
  const sorted = values.filter((v) => v !== null && v !== undefined && !Number.isNaN(v)).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Returns half the distance from lowest to highest, relative to the median. */
export function spread(values) {
  const known = values.filter((v) => v !== null && v !== undefined);
  const m = median(known);
  return m ? (Math.max(...known) - Math.min(...known)) / 2 / m : null;
}

/** Returns the list in the order of this round: each round begins with the next one. */
export function inTurn(list, round) {
  const first = round % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

const FIGURES = ['envelopes_per_s', 'cpu_us', 'p50_us', 'p99_us'];

/**
 * Returns an entry for each cell and server, in this order: medians, spreads, and the median of the rounds' ratios to
 * `raw`.
 */
export function summarise(runs, servers) {
  const groups = new Map();
  for (const run of runs) {
    const key = `${run.cell}\n${run.server}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(run);
  }
  const cells = [...new Set(runs.map((r) => r.cell))];
  const place = (rows) => cells.indexOf(rows[0].cell) * 1000 + servers.indexOf(rows[0].server);
  return [...groups.values()]
    .sort((a, b) => place(a) - place(b))
    .map((rows) => {
      const { cell, server } = rows[0];
      const entry = { cell, server, rounds: rows.length, batched_input: rows[0].batched_input };
      for (const figure of FIGURES) {
        entry[figure] = median(rows.map((r) => r[figure]));
        entry[`${figure}_spread`] = spread(rows.map((r) => r[figure]));
      }
      entry.generator_limited = rows.filter((r) => r.generator_limited).length > rows.length / 2;
      for (const figure of ['cpu_us', 'p50_us', 'p99_us']) {
        const ratios = rows.map((row) => {
          const raw = runs.find((r) => r.cell === cell && r.server === 'raw' && r.round === row.round);
          return raw && raw[figure] ? row[figure] / raw[figure] : null;
        });
        entry[`${figure}_ratio`] = median(ratios);
      }
      return entry;
    });
}
