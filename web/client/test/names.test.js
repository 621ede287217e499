/** Names that look alike, with the vectors that the C tests use too. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { namesAlike } from '../core/names.js';

const vectors = JSON.parse(readFileSync(new URL('../../../schema/vectors/names.json', import.meta.url), 'utf8'));
/** Returns the rows of the table that this macro has. */
const table = [
  ...readFileSync(new URL('../../../schema/lookalikes.def', import.meta.url), 'utf8').matchAll(
    /^(PL_LOOK\w*)\((0x\w+), (.*)\)$/gm,
  ),
];
const rows = (/** @type {string} */ macro) =>
  table.filter(([, name]) => name === macro).map(([, , from, to]) => [String.fromCodePoint(Number(from)), to]);

describe('names that look alike', () => {
  test.each(vectors.alike)('$why: $a and $b', ({ a, b }) => {
    expect(namesAlike(a, b)).toBe(true);
    expect(namesAlike(b, a)).toBe(true);
  });
  test.each(vectors.different)('not: $why', ({ a, b }) => {
    expect(namesAlike(a, b)).toBe(false);
    expect(namesAlike(b, a)).toBe(false);
  });
  test('every character of the table looks like its text, also those that follow from NFKD', () => {
    const texts = [...rows('PL_LOOK'), ...rows('PL_LOOK_NFKD')].map(([from, text]) => [from, JSON.parse(text)]);
    expect(texts.length).toBeGreaterThan(7000);
    expect(texts.filter(([from, text]) => !namesAlike(from, text))).toEqual([]);
  });
  test('every letter looks like its lower case', () => {
    const letters = rows('PL_LOOK_LOWER').map(([from, to]) => [`x${from}`, `x${String.fromCodePoint(Number(to))}`]);
    expect(letters.length).toBeGreaterThan(1000);
    expect(letters.filter(([from, to]) => !namesAlike(from, to))).toEqual([]);
  });
  test('a dropped character changes nothing', () => {
    const ends = rows('PL_LOOK_DROPPED').flatMap(([first, last]) => [first, String.fromCodePoint(Number(last))]);
    expect(ends.length).toBeGreaterThan(500);
    expect(ends.filter((one) => !namesAlike(`A${one}na`, 'Ana'))).toEqual([]);
  });
});
