import { beforeAll, describe, expect, test } from 'vitest';
import { loadSodium, sodium } from '../../client/core/sodium.js';
import { fromText, lock, toText, unlock } from '../engine/backup.js';

const passphrase = 'four words in a row';
const held = {
  seed: new Uint8Array(32).map((_, n) => n),
  name: 'Ana',
  contacts: [
    {
      id: 'a'.repeat(54),
      how: 'code',
      name: 'Bo',
      hint: 'bo',
      createdAt: 5,
      pairedAt: 6,
      comparedAt: 7,
      blocked: false,
      asked: true,
      unread: 3,
      last: { text: 'not copied' },
    },
    { id: 'b'.repeat(54), how: 'knock', name: '', hint: '', createdAt: 8, pairedAt: null, blocked: true },
  ],
};
let copy;
beforeAll(async () => {
  await loadSodium();
  copy = lock(sodium, held, passphrase, (n) => new Uint8Array(n).fill(9));
});
const problemOf = (fn) => {
  try {
    fn();
  } catch (error) {
    return error.problem;
  }
  return undefined;
};
const changed = (at, value) => copy.map((byte, index) => (index === at ? value : byte));
const problemWith = (at, value) => problemOf(() => unlock(sodium, changed(at, value), passphrase));

describe('a copy of an identity', () => {
  test('opens with its passphrase, even if its text was broken and indented on the way', () => {
    const text = `Dear me,\n\n> ${toText(sodium, copy).replaceAll('\n', '\r\n').replace('\r\n-----END', '  \r\n-----END')}\nregards`;
    const opened = unlock(sodium, fromText(sodium, text), passphrase);
    expect([...opened.seed]).toEqual([...held.seed]);
    expect(opened.name).toBe('Ana');
    expect(opened.contacts[0]).toEqual({
      id: 'a'.repeat(54),
      how: 'code',
      name: 'Bo',
      hint: 'bo',
      createdAt: 5,
      pairedAt: 6,
      comparedAt: 7,
      blocked: false,
      asked: true,
    });
    expect(opened.contacts[1].blocked).toBe(true);
  });

  test('a copy from an earlier version still opens', () => {
    const kept = `-----BEGIN PAIRLINK IDENTITY-----
UExJRAEAAAADAAEAAFTDUUACeBJMF448U67cMUQN1bd9U7Y+qry3yy+yTZBbSVcW
tLq5ieu8FY5KUGsOmxg0CpnGT998JvT9wQPqL9fFqJZfVz8OCR8vzMmbNaBOj7Pr
Kghxj0bfn7wyHsaWo6TxeGQ19smc8WHQgf1RKePcq00s3GxUh/AVGrQdFuAUmdEh
mawTnWmVGctBvXQkAUb9z/QhEmoJCP09d1a/jY1Jwu3PbmljKWv7HNWDuUlqNIAX
EiZRkXs6R/NBl5hTNdDb+ZX6p9X+D1dzMyoGgi1mlD6zJbGczMtFqjcniisSErrX
NQXOJwrc3zHk7Whr5H4PVWk31UwFrVKq4OpAgwTqVYSFhXHhxeXKsD032p1EvTKX
vCsD7Dw82lZMjaVCe9+aS2JiSR5sE4HdpWa81k9MHZkJdpt9chCVUNpWeNeKAc/w
LJTopkBkjTAHQWMNDQVt0K34mnk0+KeMozJyQfGSBU8fj/M3Aq4Kj8yL3iclBIlA
RyF5/yUTrf6OkLTPwHCN7TeUhtwe8Y47BqzhI7Y2JjKlgyBq2t/OeiIycFqD6m7m
KRQnQe50Z/n33IPd+ku62GmQwEK0zfqyE0ACpaAHTRyswlNp9XBkWR7ll6Yd6+AQ
jvVY4WuA+oh+VPL34LTZtQ==
-----END PAIRLINK IDENTITY-----`;
    expect(unlock(sodium, fromText(sodium, kept), passphrase).contacts).toHaveLength(2);
  });

  test('its text reveals nothing of its content', () => {
    const text = new TextDecoder('latin1').decode(copy);
    for (const word of ['Ana', 'contacts', 'aaaa']) expect(text).not.toContain(word);
  });

  test('a wrong passphrase, and any changed byte, is reported', () => {
    expect(problemOf(() => unlock(sodium, copy, 'four words in a raw'))).toBe('wrong');
    expect(problemWith(copy.length - 1, copy.at(-1) ^ 1)).toBe('wrong');
    expect(problemWith(20, 1), 'salt').toBe('wrong');
    expect(problemWith(40, 1), 'nonce').toBe('wrong');
    expect(problemWith(8, 4), 'operations').toBe('wrong');
  });

  test('a copy of a later version is reported as such', () => expect(problemWith(4, 2)).toBe('version'));

  test('costs that would take all memory or a day are refused before they are paid', () => {
    expect(problemWith(5, 255), 'operations').toBe('form');
    expect(problemWith(9, 255), 'memory').toBe('form');
    expect(problemWith(8, 0), 'no operation').toBe('form');
  });

  test('text that is not a copy is refused', () => {
    for (const text of ['', 'hello', '-----BEGIN PAIRLINK IDENTITY-----\n!!!\n-----END PAIRLINK IDENTITY-----'])
      expect(
        problemOf(() => fromText(sodium, text)),
        text,
      ).toBe('form');
    expect(problemOf(() => unlock(sodium, copy.subarray(0, 53), passphrase))).toBe('form');
    expect(problemOf(() => unlock(sodium, new Uint8Array(200), passphrase))).toBe('form');
  });

  test('its content is checked', () => {
    const odd = lock(
      sodium,
      {
        ...held,
        name: 'A\u202ena',
        contacts: [{ id: 5, how: 'magic', name: 'x'.repeat(500), createdAt: 'now', pairedAt: -1, blocked: 'yes' }],
      },
      passphrase,
      (n) => new Uint8Array(n),
    );
    const { name, contacts } = unlock(sodium, odd, passphrase);
    expect(name).toBe('A na');
    expect(contacts[0]).toMatchObject({
      id: '5',
      how: 'imported',
      name: 'x'.repeat(48),
      createdAt: 1,
      pairedAt: null,
      blocked: false,
    });
    const noSeed = lock(sodium, { ...held, seed: new Uint8Array(5) }, passphrase, (n) => new Uint8Array(n));
    expect(problemOf(() => unlock(sodium, noSeed, passphrase))).toBe('form');
  });
});
