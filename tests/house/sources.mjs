/** Reads the sources that the rooms are made of: which file belongs to which room, and what it includes or imports. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { ROOMS } from './rooms.mjs';

const INCLUDE_FOLDERS = ['.', 'schema', 'client/include']; // as in the compiler's command line

/**
 * A tree of files: this repository's, or one that a test makes up.
 * @typedef {{list: () => string[], read: (path: string) => string, has: (path: string) => boolean}} Tree
 */

/** Answers a question about a path once. */
function once(answer) {
  const known = new Map();
  return (path) => {
    if (!known.has(path)) known.set(path, answer(path));
    return known.get(path);
  };
}

const tracked = once(() =>
  execFileSync('git', ['ls-files'], { encoding: 'utf8' }).trim().split('\n').filter(existsSync),
);

/** @type {Tree} */
export const gitTree = {
  list: () => tracked('all'),
  read: once((path) => readFileSync(path, 'utf8')),
  has: once(existsSync),
};

/** The room of a file, or undefined. */
export function roomOf(path, rooms = ROOMS) {
  const byFile = Object.keys(rooms).find((room) => rooms[room].files?.includes(path));
  if (byFile) return byFile;
  for (let folder = dirname(path), whole = true; folder !== '.'; folder = dirname(folder), whole = false)
    if (rooms[folder] && !rooms[folder].files && (whole || rooms[folder].deep)) return folder;
  return undefined;
}

export const moduleOf = (path) => basename(path).replace(/\.\w+$/, '');

/** Blanks comments and, if asked, strings out; lines keep their numbers. */
export function code(text, { strings = false } = {}) {
  const token = /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  const blank = (match) => match.replace(/[^\n]/g, ' ');
  return text.replace(token, (match) => (/^\/[/*]/.test(match) || strings ? blank(match) : match));
}

const lineOf = (text, index) => text.slice(0, index).split('\n').length;

/**
 * What a file includes: `target` is a path of this repository, `library` the header or package of somebody else.
 * @returns {{line: number, target?: string, library?: string}[]}
 */
export function includesOf(path, tree) {
  const text = code(tree.read(path));
  const all = path.match(/\.jsx?$/)
    ? text.matchAll(/(?:\bfrom|\bimport\s*\(?)\s*(')([^'\n]+)'/g)
    : text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]/gm);
  return [...all].map((match) => {
    const [, quote, name] = match;
    const line = lineOf(text, match.index);
    const beside = normalize(join(dirname(path), name));
    if (quote === "'") return name.startsWith('.') ? { line, target: beside } : { line, library: name };
    const candidates = [quote === '"' ? beside : '', ...INCLUDE_FOLDERS.map((folder) => join(folder, name))];
    const target = candidates.find((candidate) => candidate && tree.has(candidate));
    return target ? { line, target } : { line, library: name };
  });
}

/** The files that must belong to a room: product sources, not tests, build scripts and generated files. */
export function productFiles(tree) {
  return tree
    .list()
    .filter((path) => /^(relay|client)\/.*\.([ch]|def)$|^web\/(client|page)\/.*\.jsx?$|^schema\/.*\.def$/.test(path))
    .filter((path) => !/\/test\//.test(path));
}
