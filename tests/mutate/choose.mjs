/** Which mutants are tried, and how they are known again when lines have moved. */
import { readFileSync } from 'node:fs';

/**
 * A mutant is a point with a number, and its text: `old` and `now` are the whole lines that it touches.
 * @typedef {import('./points.mjs').Point & {number: number, line: number, old: string, now: string, nth: number}} Mutant
 */

const utf8 = (text) => Buffer.from(text, 'latin1').toString('utf8');

/** Without comments, so that their words may change. */
const oneLine = (text) =>
  utf8(text)
    .replace(/\/\*[^]*?\*\/|\/\/[^\n]*/g, '')
    .replace(/\s+/g, ' ')
    .trim();

/** The source from … to with the edits of a point. */
export function edited(source, { edits }, from, to) {
  let text = '';
  let at = from;
  for (const [begin, end, now] of edits) {
    text += source.slice(at, begin) + now;
    at = end;
  }
  return text + source.slice(at, to);
}

/** The key by which a mutant is known again. */
export const keyOf = ({ file, name, old, now, nth = 0 }) => JSON.stringify([file, name, old, now, nth]);

/** The lines in which anything is replaced, and the edits in them. An expression may go over many more lines. */
function linesOf({ edits }, source) {
  const replaced = edits.filter(([begin, end]) => end > begin);
  const from = source.lastIndexOf('\n', replaced[0][0] - 1) + 1;
  const end = source.indexOf('\n', replaced.at(-1)[1]);
  const to = end < 0 ? source.length : end;
  return { from, to, edits: edits.filter(([begin, stop]) => begin >= from && stop <= to) };
}

/** Adds lines and texts to the points of a file. @returns {Mutant[]} */
export function described(points, source) {
  const seen = new Map();
  return points.map((point) => {
    const { from, to, edits } = linesOf(point, source);
    const line = source.slice(0, point.edits.find(([begin, end]) => end > begin)[0]).split('\n').length;
    const old = oneLine(source.slice(from, to));
    const mutant = { ...point, number: 0, line, old, now: oneLine(edited(source, { edits }, from, to)) };
    const key = keyOf(mutant);
    const nth = seen.get(key) ?? 0;
    seen.set(key, nth + 1);
    return { ...mutant, nth };
  });
}

/** Random numbers from a text: the same on every machine (FNV-1a, then Mulberry32). */
function randomOf(text) {
  let state = 2166136261;
  for (const byte of Buffer.from(text)) state = Math.imul(state ^ byte, 16777619);
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/**
 * Draws mutants of one file: first a kind, so that rare ones are tried as often as common ones, then one of that kind.
 * Other files do not change what is drawn.
 * @param {Mutant[]} all
 * @param {string} file
 * @param {number} count 0 for all
 * @param {number} seed
 */
export function drawn(all, file, count, seed) {
  if (count === 0) return all;
  const random = randomOf(`${seed} ${file}`);
  const byKind = grouped(all);
  const taken = [];
  while (taken.length < count && byKind.size > 0) {
    const [kind, left] = [...byKind][random(byKind.size)];
    taken.push(...left.splice(random(left.length), 1));
    if (left.length === 0) byKind.delete(kind);
  }
  return taken.sort((a, b) => a.from - b.from || b.to - a.to);
}

function grouped(mutants) {
  const map = new Map();
  for (const mutant of mutants) map.set(mutant.kind, [...(map.get(mutant.kind) ?? []), mutant]);
  return map;
}

/**
 * Reads equivalent.txt: mutants that change nothing that anybody could notice.
 * @returns {{file: string, name: string, old: string, now: string, why: string}[]}
 */
export function equivalents(path) {
  const blocks = readFileSync(path, 'utf8')
    .split(/\n\s*\n/)
    .map((block) => block.split('\n').filter((line) => line && !line.startsWith('#')))
    .filter((lines) => lines.length > 0);
  return blocks.map((lines) => {
    const [, file, name] = /^(\S+) (\w+)$/.exec(lines[0]) ?? [];
    const part = (mark) => lines.find((line) => line.startsWith(`${mark} `))?.slice(2) ?? '';
    const entry = { file, name, old: part('-'), now: part('+'), why: part('=') };
    if (!file || !entry.old || !entry.why) throw new Error(`${path}: cannot read: ${lines.join(' / ')}`);
    return entry;
  });
}
