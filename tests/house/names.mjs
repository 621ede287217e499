/** No two files of product C define a function of the same name, so a backtrace and a search name one function each. */
import { code } from './sources.mjs';

/**
 * The names of the functions that a C file defines, or only of those that other files can call. Definitions start in
 * the first column: clang-format sees to that.
 */
export function functionsOf(text, { callable = false } = {}) {
  const start = /^(?!typedef\b|struct\b[^(]*\{|enum\b|union\b)[A-Za-z_][^;{}=#]*?\)\s*\{/gm;
  return [...code(text, { strings: true }).matchAll(start)]
    .filter(([head]) => !callable || !head.startsWith('static'))
    .map(([head]) => head.replace(/__attribute__\s*\(\(.*?\)\)/gs, ''))
    .map((head) => /(\w+)\s*\(/.exec(head)?.[1])
    .filter((name) => name && name !== 'main');
}

export function checkNames(tree) {
  const files = new Map();
  for (const path of tree.list().filter((path) => /^(relay|client)\/.*\.[ch]$/.test(path)))
    for (const name of functionsOf(tree.read(path))) files.set(name, (files.get(name) ?? new Set()).add(path));
  return [...files]
    .filter(([, paths]) => paths.size > 1)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, paths]) => `${[...paths][0]}: ${name} is defined in ${[...paths].slice(1).join(', ')} too`);
}
