import { describe, expect, test } from 'vitest';
import { inspect } from '../engine/inspect.js';

const me = 'a'.repeat(54);
const other = `b${'a'.repeat(53)}`;
const relayId = 'r'.repeat(54);

const engine = {
  me: { id: me },
  server: { pinned: relayId },
  lib: {
    completeWord: (prefix) =>
      ['apple', 'apron', 'copper', 'coral', 'violet', 'violin', 'war', 'warm'].filter(
        (word) => prefix && word.startsWith(prefix),
      ),
    parseId(text) {
      if (text.endsWith('z')) throw new Error('EID');
    },
    parseInviteLink(link) {
      const [, fragment] = link.split('#');
      if (fragment === 'broken') throw new Error('ELINK');
      return { id: fragment === 'own' ? me : other, relayId: fragment === 'elsewhere' ? 'x'.repeat(54) : relayId };
    },
  },
};
const kind = (text) => inspect(engine, text).kind;
const problem = (text) => inspect(engine, text).problem;

describe('text that a person typed', () => {
  test('nothing', () => expect(kind('  \n ')).toBe('empty'));
  test('a link, also inside a sentence or broken by line ends', () => {
    expect(inspect(engine, 'https://relay.example/#abc_-9')).toEqual({
      kind: 'link',
      id: other,
      link: 'https://relay.example/#abc_-9',
    });
    expect(inspect(engine, ' https://relay.example/#ab\n c ').link).toBe('https://relay.example/#abc');
    const link = `https://relay.example/#${'aB3_-9'.repeat(19)}`;
    for (const text of [
      `talk to me: ${link} ok?`,
      `see https://relay.example/#broken, then (${link}).`,
      `pairlink pair '${link}'`,
      `Code  4821-copper-violin   valid\n\nOr by this link:\n  ${link}\n`,
      `${link.slice(0, 80)}\r\n ${link.slice(80)} ok?`,
    ])
      expect(inspect(engine, text), text).toEqual({ kind: 'link', id: other, link });
  });
  test('an ID, in groups or upper case too', () => {
    expect(inspect(engine, other)).toEqual({ kind: 'id', id: other });
    expect(kind(other.toUpperCase().match(/.{6}/g).join(' '))).toBe('id');
  });
  test('has its problem reported at once', () => {
    expect(problem('https://relay.example/')).toBe('linkPart');
    expect(problem('https://relay.example/#broken')).toBe('linkBroken');
    expect(problem('https://relay.example/#own')).toBe('own');
    expect(problem('https://relay.example/#elsewhere')).toBe('otherServer');
    expect(problem(me)).toBe('own');
    expect(problem('hello!')).toBe('notAnId');
    expect(problem(`${other}a`)).toBe('idLong');
    expect(problem(`${other.slice(0, 53)}z`)).toBe('idTypo');
  });
  test('an ID that is still incomplete is not an error', () => {
    expect(inspect(engine, other.slice(0, 20))).toEqual({ kind: 'part', problem: 'idShort' });
  });
});

describe('a code', () => {
  const found = (text) => inspect(engine, text);
  const words = (text) => found(text).options?.map(({ word }) => word);
  test('is found in capitals, with spaces, several hyphens, other digits, and inside copied text', () => {
    for (const text of [
      'pairlink pair 4821-copper-violin',
      'take 4821-copper-violin, ok?',
      '(4821–copper–violin)',
      '{"code":"4821-copper-violin"}',
      'call 5555-x-y, or 4821-copper-violin!',
      '4821-copper-violin',
      ' 4821 Copper VIOLIN ',
      '4821--copper – violin',
      '٤٨٢١-copper-violin',
      'Code  4821-copper-violin   valid 10 minutes',
    ])
      expect(found(text), text).toEqual({ kind: 'code', code: '4821-copper-violin' });
  });
  test('that is incomplete: says what is missing', () => {
    expect(found('48')).toMatchObject({ kind: 'part', problem: 'codeShort', part: undefined });
    expect(found('4821')).toMatchObject({ kind: 'part', part: 'codeWords' });
    expect(found('4821-')).toMatchObject({ kind: 'part', part: 'codeWords' });
    expect(found('4821-copper')).toMatchObject({ kind: 'part', part: 'codeWord' });
    expect(found('4821-copper-')).toMatchObject({ kind: 'part', part: 'codeWord' });
  });
  test('words are completed, each with the text that it would make', () => {
    expect(found('4821-ap').options).toEqual([
      { word: 'apple', text: '4821-apple-' },
      { word: 'apron', text: '4821-apron-' },
    ]);
    expect(found('4821 copper vi').options).toEqual([
      { word: 'violet', text: '4821-copper-violet' },
      { word: 'violin', text: '4821-copper-violin' },
    ]);
  });
  test('a word that also starts a longer one can be kept or continued', () => {
    expect(words('4821-war')).toEqual(['war', 'warm']);
    expect(found('4821-war ')).toMatchObject({ kind: 'part', part: 'codeWord' });
    expect(found('4821-copper-war')).toMatchObject({ kind: 'code', code: '4821-copper-war' });
  });
  test('an unknown word is reported at once, with words that start like it', () => {
    expect(found('4821-x')).toMatchObject({ kind: 'bad', problem: 'codeUnknown' });
    expect(found('4821-copler')).toMatchObject({ kind: 'bad', problem: 'codeUnknown' });
    expect(words('4821-copler')).toEqual(['copper']);
    expect(words('4821-coppr-violin')).toEqual(['copper']);
    expect(found('4821-ap ')).toMatchObject({ kind: 'bad', problem: 'codeUnknown' });
  });
  test('an impossible number or list of words is refused', () => {
    expect(problem('12-copper')).toBe('codeNumber');
    expect(problem('12345678')).toBe('codeNumber');
    expect(problem('4821-copper-violin-apple')).toBe('codeLong');
    expect(problem('copper-violin')).toBe('codeBegin');
  });
  test('an ID that starts with digits is still an ID', () => {
    const digits = `2345${'a'.repeat(50)}`;
    expect(found(digits).kind).toBe('id');
    expect(found(digits.match(/.{4}|.{2}$/g).join(' ')).kind).toBe('id');
  });
});
