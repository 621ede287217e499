// node mutate.mjs mutations.def SOURCE_ROOT OUT_DIR: copies of the sources named there, with each bug switched on by
// the global pl_mutation, and OUT_DIR/mutations.h: their names and what catches them. A text that is not there exactly once is
// named, and makes the test fail, but not the build.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { switchedExpression, switchedStatement } from '../mutate/switched.mjs';

const [definitions, root, out] = process.argv.slice(2);

function parse(text) {
  const list = [];
  const plain = text.replace(/^#.*\n/gm, '');
  for (const block of plain.split(/^(?=mutation )/m).filter((part) => part.trim())) {
    const [head, ...lines] = block.replace(/\n+$/, '').split('\n');
    const [, name, file, catcher, number] = /^mutation (\S+) in (\S+) (seed|bands) (\d+)$/.exec(head) ?? [];
    if (!name) throw new Error(`cannot read: ${head}`);
    const split = lines.findIndex((line) => line.startsWith('+'));
    if (split < 1) throw new Error(`${name}: needs - or =, then +`);
    const kind = lines[0][0];
    const part = (from, to) => lines.slice(from, to).join('\n').slice(1);
    list.push({ name, file, catcher, number, kind, old: part(0, split), now: part(split) });
  }
  return list;
}

/** The place in the source: where the old text stands, or the part of it between {{ and }}. */
function place(source, { name, file, old }) {
  const open = old.indexOf('{{');
  const plain = open < 0 ? old : old.replace('{{', '').replace('}}', '');
  const at = source.indexOf(plain);
  if (at < 0 || source.indexOf(plain, at + 1) >= 0) {
    console.error(`mutations.def: ${name}: not exactly once in ${file}: ${plain}`);
    return null;
  }
  if (open < 0) return [at, at + plain.length];
  return [at + open, at + old.indexOf('}}') - 2];
}

function apply(source, mutation, number) {
  const found = place(source, mutation);
  mutation.missing = !found;
  if (!found) return source;
  const [from, to] = found;
  const old = source.slice(from, to);
  const form = mutation.kind === '=' ? switchedStatement : switchedExpression;
  return source.slice(0, from) + form(`pl_mutation == ${number}`, mutation.now, old) + source.slice(to);
}

const list = parse(readFileSync(definitions, 'utf8'));
const sources = new Map();
list.forEach((mutation, i) => {
  const source = sources.get(mutation.file) ?? readFileSync(join(root, mutation.file), 'utf8');
  sources.set(mutation.file, apply(source, mutation, i + 1));
});
for (const [file, source] of sources) {
  mkdirSync(join(out, dirname(file)), { recursive: true });
  writeFileSync(join(out, file), `extern int pl_mutation;\n${source}`);
}
const rows = list.map(
  ({ name, file, catcher, number, missing }) =>
    `{"${name}", "${file}", .${catcher} = ${number}, .missing = ${missing}},`,
);
writeFileSync(join(out, 'mutations.h'), `${rows.join('\n')}\n`);
