import { describe, expect, test } from 'vitest';
import { doubtOf, namesake, sameName } from '../engine/doubt.js';

const ana = { id: 'a', name: 'Ana', hint: '', createdAt: 1, pairedAt: 1 };
const other = { id: 'b', name: '', hint: 'ana', createdAt: 2, pairedAt: null };

describe('a known name with another key', () => {
  test('puts the newer contact in doubt, never the older one', () => {
    expect(doubtOf(other, [ana, other])).toBe(ana);
    expect(doubtOf(ana, [ana, other])).toBeNull();
  });
  test('only until the person vouches for exactly that name', () => {
    expect(doubtOf({ ...other, sure: 'Ana' }, [ana, other])).toBeNull();
    expect(doubtOf({ ...other, name: 'ANA', sure: 'Bo' }, [ana, other])).toBe(ana);
  });
  test('a name that the person gave counts more than what the contact calls itself', () => {
    expect(doubtOf({ ...other, name: 'Bo' }, [ana, other])).toBeNull();
  });
  test('names that look the same are the same', () => {
    expect(sameName('Ana  B.', 'ANA b')).toBe(true);
    expect(sameName('Ａｎａ', 'Ana')).toBe(true);
    expect(sameName('\u0410n\u0430', 'Ana')).toBe(true);
    expect(sameName('Ana\ufe0f', 'Ana')).toBe(true);
    expect(sameName('An\u2800a', 'Ana')).toBe(true);
    expect(sameName('...', '...')).toBe(true);
    expect(sameName('Ana', 'Anna')).toBe(false);
    expect(sameName('', '')).toBe(false);
  });
  test('a contact that is blocked or was never linked has no name to protect', () => {
    expect(doubtOf(other, [{ ...ana, blocked: true }, other])).toBeNull();
    expect(doubtOf(other, [{ ...ana, pairedAt: null }, other])).toBeNull();
  });
  test('a stranger who uses it is recognized', () => {
    expect(namesake({ id: 'x', name: 'ana' }, [ana])).toBe(ana);
    expect(namesake({ id: 'x', name: '' }, [ana])).toBeNull();
  });
});
