import { describe, expect, test } from 'vitest';
import { CHAT, PIPE, cleanName, decodeMessage, encodeMessage } from '../engine/chat.js';

const id = '000102030405060708090a0b0c0d0eff';

describe('chat/1', () => {
  test('an encoded message is decoded', () => {
    const message = { id, text: 'Grüße, שלום, 👋' };
    expect(decodeMessage(encodeMessage(message, CHAT))).toEqual(message);
  });
  test('a byte order mark is a character like any other', () => {
    const message = { id, text: '\ufeffquoted' };
    expect(decodeMessage(encodeMessage(message, CHAT))).toEqual(message);
  });
  test('the bytes are as in docs/protocol.md', () => {
    expect([...encodeMessage({ id, text: 'hi' }, CHAT)]).toEqual([
      1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255, 104, 105,
    ]);
  });
  test('an unknown type and a message that is too short are not decoded', () => {
    expect(decodeMessage(new Uint8Array([2, ...new Uint8Array(20)]))).toBeNull();
    expect(decodeMessage(new Uint8Array(16).fill(1))).toBeNull();
    expect(decodeMessage(new Uint8Array())).toBeNull();
  });
  test('text that is not UTF-8 is shown with the bad bytes replaced', () => {
    expect(decodeMessage(new Uint8Array([1, ...new Uint8Array(16), 0x61, 0xff])).text).toBe('a\ufffd');
  });
});

test('a pipe gets a line', () => {
  expect(new TextDecoder().decode(encodeMessage({ id, text: 'one\ntwo' }, PIPE))).toBe('one\ntwo\n');
});

describe('names', () => {
  test('control characters and direction marks are removed', () => {
    expect(cleanName('  A\u202en\u0007a\n\tB ')).toBe('A n a B');
  });
  test('long names are cut, and a name may be missing', () => {
    expect(cleanName('x'.repeat(500))).toHaveLength(48);
    expect(cleanName(undefined)).toBe('');
  });
  test('other scripts are kept', () => {
    expect(cleanName('محمد 李')).toBe('محمد 李');
  });
});
