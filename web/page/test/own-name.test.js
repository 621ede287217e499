/** When somebody is asked for their own name. */
import { beforeEach, expect, test, vi } from 'vitest';

let mayAsk, mayOffer, store;
beforeEach(async () => {
  vi.resetModules();
  ({ store } = await import('../view/store.js'));
  ({ mayAsk, mayOffer } = await import('../view/own-name.js'));
});
const is = (name, ...contacts) =>
  store.set({ engine: { me: { name }, contacts: contacts.map(([id, pairedAt]) => ({ id, pairedAt })) } });

test('who joins by a link is asked with the first contact, and not with the next', () => {
  is('', ['bo', 1]);
  expect(mayAsk('bo')).toBe(true);
  is('', ['bo', 1], ['cem', 2]);
  expect(mayAsk('cem')).toBe(false);
});

test('who was asked beside an invitation or a code is not asked again', () => {
  is('');
  expect(mayOffer()).toBe(true);
  is('', ['bo', 1]);
  expect([mayOffer(), mayAsk('bo')]).toEqual([false, false]);
});

test('a contact that was never reached was told nothing', () => {
  is('', ['bo', null]);
  expect([mayAsk('cem'), mayOffer()]).toEqual([true, true]);
});

test('who has a name is not asked', () => {
  is('Ana', ['bo', 1]);
  expect([mayOffer(), mayAsk('bo')]).toEqual([false, false]);
});
