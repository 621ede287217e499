/**
 * What the simulator reaches of the cores: a table by file, and the functions that no seed ran.
 *   node tests/sim/coverage.mjs BUILD-FOLDER LIST [--write]
 * BUILD-FOLDER was built with coverage, and pl-sim has run there. LIST names the functions that are known not to be
 * reached, one a line: FILE FUNCTION reason; or FILE * reason, for a file that pl-sim does not contain. Fails when a
 * function is not reached and not listed, or listed and reached. With --write, LIST is brought up to date; reasons stay.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Whether each row of the list must have a reason. */
const reasonsNeeded = true;

const judged = /^(relay|client)\/core\//;

/** Adds gcov's account of one object file to `files`, a map by name of functions, lines and branches with their counts. */
export function addObject(files, object, root) {
  for (const { file, functions, lines } of object.files) {
    const name = relative(root, resolve(object.current_working_directory, file));
    if (!judged.test(name)) continue;
    if (!files.has(name)) files.set(name, { functions: new Map(), lines: new Map(), branches: new Map() });
    const sums = files.get(name);
    const add = (map, key, count) => map.set(key, (map.get(key) ?? 0) + count);
    for (const { name: key, execution_count: count } of functions) add(sums.functions, key, count);
    for (const { line_number: number, count, branches } of lines) {
      add(sums.lines, number, count);
      branches.forEach((branch, i) => add(sums.branches, `${number} ${i}`, branch.count));
    }
  }
}

/** Returns [reached, all] of a map of counts. */
export const reached = (counts) => [[...counts.values()].filter((count) => count > 0).length, counts.size];

/** Returns the rows of a list: a map of "FILE FUNCTION" to the reason. */
export function parseList(text) {
  const rows = text.split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(
    rows.map((row) => {
      const [file, name, ...reason] = row.trim().split(/ +/);
      return [`${file} ${name}`, reason.join(' ')];
    }),
  );
}

/** Returns the rows that a list must have: functions never run, and sources that pl-sim does not contain. */
export function unreached(files, sources) {
  const rows = sources.filter((file) => !files.has(file)).map((file) => `${file} *`);
  for (const [file, { functions }] of files)
    for (const [name, count] of functions) if (count === 0) rows.push(`${file} ${name}`);
  return rows.sort();
}

/** Returns what is wrong with a list: lines of text. */
export function compare(rows, list) {
  const missing = rows.filter((row) => !list.has(row)).map((row) => `not reached, and not listed: ${row}`);
  const stale = [...list.keys()].filter((row) => !rows.includes(row));
  const bare = reasonsNeeded
    ? [...list].filter(([, reason]) => !reason).map(([row]) => `listed without a reason: ${row}`)
    : [];
  return [...missing, ...stale.map((row) => `listed, but reached or gone: ${row}`), ...bare];
}

export function table(files) {
  const percent = ([some, all]) => (all ? `${((100 * some) / all).toFixed(1)} %` : '-').padStart(8);
  const row = (name, { functions, lines, branches }) =>
    `${name.padEnd(44)} ${reached(functions).join('/').padStart(9)} ${percent(reached(lines))} ${percent(reached(branches))}`;
  const all = { functions: new Map(), lines: new Map(), branches: new Map() };
  for (const [file, sums] of files)
    for (const part of Object.keys(all)) for (const [key, count] of sums[part]) all[part].set(`${file} ${key}`, count);
  const names = [...files.keys()].sort();
  return [
    `${'file'.padEnd(44)} functions    lines branches`,
    ...names.map((name) => row(name, files.get(name))),
    row('all', all),
  ].join('\n');
}

function objects(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return objects(path);
    return path.endsWith('.gcda') ? [path] : [];
  });
}

function readObjects(build, root) {
  const scratch = mkdtempSync(join(tmpdir(), 'coverage-'));
  const files = new Map();
  try {
    const paths = ['relay', 'client'].flatMap((part) => objects(resolve(build, part)));
    const out = execFileSync('gcov', ['--json-format', '--stdout', '--branch-probabilities', ...paths], {
      cwd: scratch,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    for (const line of out.split('\n')) if (line) addObject(files, JSON.parse(line), root);
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return files;
}

const head = `# Functions of relay/core and client/core that 10,000 seeds of the simulator do not reach, and why. ./dev sim --coverage
# fails when this list is not exactly right; ./dev sim --coverage --write brings it up to date. A file with * is no part
# of the simulator.
#
# FILE FUNCTION  reason
`;

function main([build, file, write]) {
  const sources = execFileSync('git', ['ls-files', 'relay/core/*.c', 'client/core/*.c'], { encoding: 'utf8' });
  const files = readObjects(build, process.cwd());
  const rows = unreached(files, sources.split('\n').filter(Boolean));
  const list = parseList(readFileSync(file, 'utf8'));
  console.log(table(files));
  if (write) {
    const lines = rows.map((row) => `${row}  ${list.get(row) ?? ''}`.trimEnd());
    writeFileSync(file, `${head}${lines.join('\n')}\n`);
    return 0;
  }
  const wrong = compare(rows, list);
  for (const line of wrong) console.log(line);
  console.log(`${rows.length} functions or files are not reached, ${wrong.length} faults in ${file}`);
  return wrong.length ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = main(process.argv.slice(2));
