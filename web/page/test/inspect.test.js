import { beforeAll, describe, expect, test } from 'vitest';
import * as lib from '../../client/index.js';
import { formatInvite } from '../../client/core/invite.js';
import { identityFromSeed } from '../../client/core/identity.js';
import { inspect } from '../engine/inspect.js';

const bytes = (n, size = 32) => new Uint8Array(size).fill(n);
let engine;
let me;
let other;
let link;
let fragmentOf;

beforeAll(async () => {
  await lib.ready;
  me = lib.idFromSeed(bytes(1));
  other = lib.idFromSeed(bytes(2));
  const [relay, elsewhere] = [3, 4].map((n) => identityFromSeed(bytes(n)).id);
  engine = { me: { id: me }, server: { pinned: lib.idFromSeed(bytes(3)) }, lib };
  fragmentOf = (seed, { foreign = false } = {}) =>
    formatInvite({
      peerId: identityFromSeed(bytes(seed)).id,
      relayId: foreign ? elsewhere : relay,
      secret: bytes(9, 16),
    });
  link = `https://relay.example/#${fragmentOf(2)}`;
});
const found = (text) => inspect(engine, text);
const kind = (text) => found(text).kind;
const problem = (text) => found(text).problem;
const words = (text) => found(text).options?.map(({ word }) => word);

test('nothing', () => expect(kind('  \n ')).toBe('empty'));

describe('a link', () => {
  test('is found in the text around it', () => {
    for (const text of [
      link,
      `Talk to me: ${link} ok?`,
      `Talk to me: ${link}.`,
      `<${link}>`,
      `[my link](${link})`,
      `“${link}”`,
      `see https://relay.example/#broken, then (${link}).`,
      `https://relay.example/ or ${link}`,
      `pairlink pair '${link}'`,
      `Code  4821-copper-violin   valid\n\nOr by this link:\n  ${link}\n`,
      `4821-copper-violin${link}`,
      `${link}thanks`,
      link.replace('#', '%23'),
      `\u2068${link}\u2069`,
    ])
      expect(found(text), text).toEqual({ kind: 'link', id: other, link });
  });
  test('is found where a mail broke it into lines', () => {
    for (const [before, after] of [
      ['\n', ''],
      ['\r\n ', ' ok?'],
      ['\r\n> ', '\r\n> see you'],
      ['=\r\n', ''],
      [' ', ' '],
    ])
      for (const at of [10, link.indexOf('#') + 1, 80, link.length - 1])
        expect(found(`> Hello,\n> ${link.slice(0, at)}${before}${link.slice(at)}${after}`).link, `${at}`).toBe(link);
  });
  test('has its problem reported at once', () => {
    expect(problem('https://relay.example/')).toBe('linkPart');
    expect(problem('https://relay.example/#broken')).toBe('linkBroken');
    expect(problem(link.slice(0, -1))).toBe('linkBroken');
    expect(problem(`https://relay.example/#${fragmentOf(1)}`)).toBe('own');
    expect(problem(`https://relay.example/#${fragmentOf(2, { foreign: true })}`)).toBe('otherServer');
  });
  test('that is damaged does not hide the code beside it', () => {
    expect(found(`https://relay.example/#abc or 4821-copper-violin`).code).toBe('4821-copper-violin');
    expect(found(`Open https://relay.example/ and type 4821-copper-violin there.`).code).toBe('4821-copper-violin');
  });
});

describe('an ID', () => {
  test('is found alone, in groups, in capitals, and in the text around it', () => {
    for (const text of [
      other,
      other.toUpperCase().match(/.{6}/g).join(' '),
      other.match(/.{9}/g).join('-'),
      `my ID is ${other}.`,
      `"${other}"`,
      `ID:${other}\nthanks`,
      `> ${other.slice(0, 30)}\n> ${other.slice(30)}`,
    ])
      expect(found(text), text).toEqual({ kind: 'id', id: other });
  });
  test('has its problem reported at once', () => {
    expect(problem(me)).toBe('own');
    expect(problem('hello!')).toBe('notAnId');
    expect(problem(`${other}a`)).toBe('idLong');
    expect(problem(`${other.slice(0, 53)}${other.endsWith('a') ? 'b' : 'a'}`)).toBe('idTypo');
  });
  test('that is still incomplete is not an error', () => {
    expect(found(other.slice(0, 20))).toEqual({ kind: 'part', problem: 'idShort' });
    expect(found('4322abcdefghijklmnop')).toEqual({ kind: 'part', problem: 'idShort' });
  });
});

describe('a code', () => {
  test('is found in capitals, with any separators, other digits, and inside copied text', () => {
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
      'in room 1234 at 10:30 I wait. The code: 4821 copper violin',
      '4821 copper violin see you there',
    ])
      expect(found(text), text).toEqual({ kind: 'code', code: '4821-copper-violin' });
  });
  test('is read without any separator: 4719festivalwidget', () => {
    expect(found('4719festivalwidget').code).toBe('4719-festival-widget');
    expect(found('4719 , festival , widget').code).toBe('4719-festival-widget');
    expect(found('it is 4719FestivalWidget.').code).toBe('4719-festival-widget');
    expect(problem('4719festivalwidgets')).toBe('codeLong');
  });
  test('is found whatever stands between and around its parts', () => {
    const random = generator(7);
    const pick = (list) => list[random() % list.length];
    const gaps = ['', '', '-', ' ', ', ', ' – ', '_', '.', '/', '\u00a0', '\u2011', '\u060c ', ' \u2022 ', '\u2069-'];
    const around = ['', '', ' ', '“', '(', '<', '\n> ', 'say: ', 'code=', '[', '*', '\u2068', 'رمز: '];
    for (let round = 0; round < 3000; round += 1) {
      const number = String(1000 + (random() % 9_998_000));
      const parts = [number, pick(lib.words), pick(lib.words)];
      const digits = pick([number, number, Array.from(number, (digit) => '٠١٢٣٤٥٦٧٨٩'[digit]).join('')]);
      const shown = parts.slice(1).map((word) => pick([word, word, word.toUpperCase()]));
      const text = [
        pick(around),
        digits,
        pick(gaps),
        shown[0],
        pick(gaps),
        shown[1],
        pick(['', ' ', '.', ')', '”', '\n', ' ok?']),
      ];
      expect(found(text.join('')), JSON.stringify(text.join(''))).toEqual({ kind: 'code', code: parts.join('-') });
    }
  });
  test('that is incomplete: says what is missing', () => {
    expect(found('48')).toMatchObject({ kind: 'part', problem: 'codeShort', part: undefined });
    expect(found('4821')).toMatchObject({ kind: 'part', part: 'codeWords' });
    expect(found('4821-')).toMatchObject({ kind: 'part', part: 'codeWords' });
    expect(found('4821-copper')).toMatchObject({ kind: 'part', part: 'codeWord' });
    expect(found('4821-copper-')).toMatchObject({ kind: 'part', part: 'codeWord' });
  });
  test('words are completed, each with the text that it would make', () => {
    const fitting = lib.completeWord('ap');
    expect(found('4821-ap').options).toEqual(fitting.slice(0, 6).map((word) => ({ word, text: `4821-${word}-` })));
    expect(found('4821 copper vio').options).toEqual(
      lib.completeWord('vio').map((word) => ({ word, text: `4821-copper-${word}` })),
    );
    expect(found('4821coppervio').options).toEqual(found('4821-copper-vio').options);
  });
  test('every code can be typed letter by letter, with or without gaps, and no step is an error', () => {
    const random = generator(11);
    for (let round = 0; round < 60; round += 1) {
      const gap = ['-', ' ', ''][round % 3];
      const text = [1000 + (random() % 9000), ...[0, 0].map(() => lib.words[random() % 2048])].join(gap);
      for (let length = 1; length < text.length; length += 1)
        expect(kind(text.slice(0, length)), text.slice(0, length)).toBe('part');
      expect(kind(text)).toBe('code');
    }
  });
  test('a mistyped word is named, and its suggestion keeps the words around it', () => {
    expect(found('4821-xq')).toMatchObject({ kind: 'bad', problem: 'codeUnknown', word: 'xq' });
    expect(found('4821-copler-')).toMatchObject({ kind: 'bad', problem: 'codeUnknown', word: 'copler' });
    expect(words('4821-copler')).toContain('copper');
    expect(found('4821-coppr-violin')).toEqual({
      kind: 'bad',
      problem: 'codeUnknown',
      word: 'coppr',
      options: [{ word: 'copper', text: '4821-copper-violin' }],
    });
    expect(found('4821-copper-viollin').options).toEqual([{ word: 'violin', text: '4821-copper-violin' }]);
    expect(found('4821-fopper-vio').options).toEqual([{ word: 'copper', text: '4821-copper-vio' }]);
    expect(found('4821-ap ')).toMatchObject({ kind: 'bad', problem: 'codeUnknown', word: 'ap' });
  });
  test('an impossible number or list of words is refused', () => {
    expect(problem('12-copper')).toBe('codeNumber');
    expect(problem('12345678')).toBe('codeNumber');
    expect(problem('0821-copper')).toBe('codeNumber');
    expect(problem('4821-copper-violin-apple')).toBe('codeLong');
    expect(problem('4821 copper violin apple')).toBe('codeLong');
    expect(problem('copper-violin')).toBe('codeBegin');
    expect(problem('copper ')).toBe('codeBegin');
  });
  test('an ID that starts with digits is still an ID', () => {
    const digits = `2345${'a'.repeat(50)}`;
    expect(problem(digits)).toBe('idTypo');
    expect(problem(digits.match(/.{4}|.{2}$/g).join(' '))).toBe('idTypo');
  });
});

test('any text is answered, soon, however it is put together', () => {
  const random = generator(5);
  const pieces = [
    'https://',
    '#',
    'A'.repeat(114),
    '4821',
    'copper',
    '-',
    ' ',
    '\n> ',
    'x',
    '١',
    '\u2068',
    link,
    other,
  ];
  for (let round = 0; round < 300; round += 1) {
    const text = Array.from({ length: random() % 40 }, () => pieces[random() % pieces.length]).join('');
    expect(['empty', 'part', 'bad', 'link', 'id', 'code']).toContain(kind(text));
  }
  for (const piece of pieces) expect(kind(piece.repeat(100_000))).toBeTruthy();
});

/** Numbers that look random and are the same each time. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
}
