/**
 * Prints the percentage of lines and branches that the tests reach, by folder. Fails when a folder is below its
 * minimum.
 *   node tests/support/coverage_table.mjs SUMMARY    (of gcovr --json-summary)
 */
import { readFileSync } from 'node:fs';

/** The minimum for each folder: percentage of lines, of branches. The rest is mostly failed allocations. */
const LEAST = {
  'client/core/session': [100, 90],
  'client/core/noise': [100, 90],
  'client/core/wire': [100, 90],
  'client/core/engine': [95, 79],
  'client/core/identity': [95, 85],
  'client/core/base': [95, 85],
  'client/core/ws': [95, 85],
  'relay/core': [90, 75],
};

const sums = new Map();
for (const file of JSON.parse(readFileSync(process.argv[2], 'utf8')).files) {
  const folder = file.filename.split('/').slice(0, -1).join('/');
  const sum = sums.get(folder) ?? [0, 0, 0, 0];
  ['line_covered', 'line_total', 'branch_covered', 'branch_total'].forEach((key, i) => (sum[i] += file[key]));
  sums.set(folder, sum);
}
const percent = (part, whole) => (whole ? (100 * part) / whole : 100);
let low = 0;
for (const [folder, [lines, allLines, branches, allBranches]] of [...sums].sort()) {
  const have = [percent(lines, allLines), percent(branches, allBranches)];
  const least = LEAST[folder];
  const bad = least !== undefined && have.some((value, i) => value < least[i]);
  low += bad;
  const shown = have.map((value) => `${(Math.floor(value * 10) / 10).toFixed(1).padStart(6)} %`).join(' ');
  console.log(`${folder.padEnd(24)} lines, branches: ${shown}${bad ? `   below ${least.join(' % and ')} %` : ''}`);
}
process.exit(low ? 1 : 0);
