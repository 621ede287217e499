// node mutate.mjs mutations.def SOURCE_ROOT OUT_DIR: copies of the sources named there, with each bug switched on by
// the global pl_mutation, and OUT_DIR/mutations.h: their names and what catches them. A text that is not there exactly
// once, or overlaps another one in part, is named, and makes the test fail, but not the build.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { switched } from '../mutate/switched.mjs';

const [definitions, root, out] = process.argv.slice(2);

const kinds = { '-': 'expression', '=': 'statement' };

function parse(text) {
  const list = [];
  const plain = text.replace(/^#.*\n/gm, '');
  for (const block of plain.split(/^(?=mutation )/m).filter((part) => part.trim())) {
    const [head, ...lines] = block.replace(/\n+$/, '').split('\n');
    const [, name, file, catcher, seed] = /^mutation (\S+) in (\S+) (seed|bands) (\d+)$/.exec(head) ?? [];
    if (!name) throw new Error(`cannot read: ${head}`);
    const split = lines.findIndex((line) => line.startsWith('+'));
    if (split < 1) throw new Error(`${name}: needs - or =, then +`);
    const part = (from, to) => lines.slice(from, to).join('\n').slice(1);
    if (list.some((other) => other.name === name)) throw new Error(`${name}: there are two`);
    const form = kinds[lines[0][0]];
    list.push({ name, file, catcher, seed, number: list.length + 1, form, old: part(0, split), now: part(split) });
  }
  return list;
}

const unfit = ({ name, file }, why) => console.error(`mutations.def: ${name}: ${why} in ${file}`);

/** The place in the source: where the old text stands, or the part of it between {{ and }}. */
function place(source, mutation) {
  const { old } = mutation;
  const open = old.indexOf('{{');
  const plain = open < 0 ? old : old.replace('{{', '').replace('}}', '');
  const at = source.indexOf(plain);
  if (at < 0 || source.indexOf(plain, at + 1) >= 0) return unfit(mutation, `its text is not exactly once`);
  if (open < 0) return [at, at + plain.length];
  return [at + open, at + old.indexOf('}}') - 2];
}

/** Whether two mutations cannot be in one source. */
function collide(a, b) {
  if (a.from === b.from && a.to === b.to) return a.now === b.now;
  const [first, second] = a.from < b.from || (a.from === b.from && a.to > b.to) ? [a, b] : [b, a];
  return second.from < first.to && second.to > first.to;
}

/** The source with those of the mutations that have a place in it. */
function mutated(source, mutations) {
  const placed = [];
  for (const mutation of mutations) {
    [mutation.from, mutation.to] = place(source, mutation) ?? [];
    mutation.edits = [[mutation.from, mutation.to, mutation.now]];
    if (mutation.from === undefined) continue;
    const other = placed.find((one) => collide(one, mutation));
    if (other) unfit(mutation, `it is or overlaps ${other.name}`);
    else placed.push(mutation);
  }
  for (const mutation of mutations) mutation.missing = !placed.includes(mutation);
  return switched(source, placed, (number) => `pl_mutation == ${number}`);
}

const list = parse(readFileSync(definitions, 'utf8'));
for (const file of new Set(list.map((mutation) => mutation.file))) {
  const source = readFileSync(join(root, file), 'utf8');
  const mine = list.filter((mutation) => mutation.file === file);
  mkdirSync(join(out, dirname(file)), { recursive: true });
  writeFileSync(join(out, file), `extern int pl_mutation;\n${mutated(source, mine)}`);
}
const rows = list.map(
  ({ name, file, catcher, seed, missing }) => `{"${name}", "${file}", .${catcher} = ${seed}, .missing = ${missing}},`,
);
writeFileSync(join(out, 'mutations.h'), `${rows.join('\n')}\n`);
