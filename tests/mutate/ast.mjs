/** Clang's syntax tree of a C file, with the place of every node in that file. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Offsets are bytes. In this encoding each byte of a source is one character. */
export const ENCODING = 'latin1';
export const readSource = (path) => readFileSync(path, ENCODING);

/**
 * @typedef {object} Node
 * @property {string} kind
 * @property {Node[]} inner never undefined
 * @property {{from: number, to: number, macro: boolean} | null} at null outside of the file; `macro` when all of the
 *   node comes from one use of a macro, which is then what `from` and `to` enclose
 */

/** The end of a macro's use: clang says where its name is. */
function endOfUse(source, { offset, tokLen }) {
  let end = offset + tokLen;
  if (source[end] !== '(') return end;
  for (let depth = 0; end < source.length; end++) {
    if (source[end] === '(') depth++;
    if (source[end] === ')' && --depth === 0) return end + 1;
  }
  return source.length;
}

/** Sets `at` of all nodes. The dump names a file only where it differs from the one named before, in order. */
function place(tree, path, source) {
  let file = '';
  const bare = (spot) => {
    if (spot.file) file = spot.file;
    return { ...spot, file };
  };
  const locate = (spot) => {
    if (spot.spellingLoc) bare(spot.spellingLoc);
    if (spot.expansionLoc) return { ...bare(spot.expansionLoc), macro: true };
    return 'offset' in spot ? bare(spot) : null;
  };
  const range = ({ begin, end }) => {
    const [first, last] = [locate(begin), locate(end)];
    if (first?.file !== path || last?.file !== path) return null;
    const to = last.macro ? endOfUse(source, last) : last.offset + last.tokLen;
    return { from: first.offset, to, macro: Boolean(first.macro && last.macro && first.offset === last.offset) };
  };
  const visit = (node) => {
    if (node.loc) locate(node.loc);
    node.at = node.range ? range(node.range) : null;
    node.inner ??= [];
    node.inner.forEach(visit);
  };
  visit(tree);
}

/**
 * Reads a file with clang.
 * @param {string} path absolute
 * @param {string[]} flags of the compiler
 * @returns {Node}
 */
export function syntaxTree(path, flags) {
  const command = ['-fsyntax-only', '-w', '-Xclang', '-ast-dump=json', ...flags, path];
  const tree = JSON.parse(execFileSync('clang', command, { encoding: 'utf8', maxBuffer: 1 << 30 }));
  place(tree, path, readSource(path));
  return tree;
}
