import { describe, expect, test } from 'vitest';
import { inspect } from '../engine/inspect.js';

const me = 'a'.repeat(54);
const other = `b${'a'.repeat(53)}`;
const relayId = 'r'.repeat(54);

const engine = {
  me: { id: me },
  server: { pinned: relayId },
  lib: {
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

describe('what a person typed', () => {
  test('nothing', () => expect(kind('  \n ')).toBe('empty'));
  test('a link, also inside a sentence or broken by line ends', () => {
    expect(inspect(engine, 'https://relay.example/#abc_-9')).toEqual({ kind: 'link', id: other, link: 'https://relay.example/#abc_-9' });
    expect(inspect(engine, ' https://relay.example/#ab\n c ').link).toBe('https://relay.example/#abc');
  });
  test('an ID, in groups or upper case too', () => {
    expect(inspect(engine, other)).toEqual({ kind: 'id', id: other });
    expect(kind(other.toUpperCase().match(/.{6}/g).join(' '))).toBe('id');
  });
  test('is told at once what is wrong', () => {
    expect(problem('https://relay.example/')).toBe('linkPart');
    expect(problem('https://relay.example/#broken')).toBe('linkBroken');
    expect(problem('https://relay.example/#own')).toBe('own');
    expect(problem('https://relay.example/#elsewhere')).toBe('otherServer');
    expect(problem(me)).toBe('own');
    expect(problem('hello!')).toBe('notAnId');
    expect(problem(`${other}a`)).toBe('idLong');
    expect(problem(`${other.slice(0, 53)}z`)).toBe('idTypo');
  });
  test('an ID that is not complete yet is no error', () => {
    expect(inspect(engine, other.slice(0, 20))).toEqual({ kind: 'part', problem: 'idShort' });
  });
});
