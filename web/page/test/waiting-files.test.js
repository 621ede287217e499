/** Who gets the files that wait. */
import { beforeEach, expect, test, vi } from 'vitest';

vi.mock('../view/files.js', () => ({ sendFiles: vi.fn() }));
vi.mock('../view/actions.js', () => ({ nameOf: ({ id }) => id }));

const list = [{ file: { size: 1 }, path: 'a' }];
const bo = { id: 'bo', pairedAt: 1, application: 'chat/1', how: 'invite', presence: 'here' };
vi.stubGlobal('sessionStorage', { getItem: () => null });
let store, sendFiles, wait, offerWaiting;
beforeEach(async () => {
  vi.resetModules();
  ({ store } = await import('../view/store.js'));
  ({ sendFiles } = await import('../view/files.js'));
  sendFiles.mockReset().mockResolvedValue(true);
  const waiting = await import('../view/waiting-files.js');
  ({ wait, offerWaiting } = waiting);
  waiting.watchNewcomer();
  engine({});
});
const engine = (more) =>
  store.set({ engine: { server: { changed: null }, invites: [], contacts: [], lastClaim: null, ...more } });
const waits = () => store.get().waiting;
const sentTo = () => sendFiles.mock.calls.map(([contact]) => contact);

test('who uses an invitation that this tab showed gets them, also when the tab has gone elsewhere', () => {
  wait(list);
  engine({ invites: [{ secret: 'x' }] });
  store.set({ place: { screen: 'invite', secret: 'x' } });
  store.set({ place: { screen: 'new' } });
  engine({ contacts: [bo], lastClaim: { secret: 'x', contact: 'bo' } });
  expect([sentTo(), waits()]).toEqual([['bo'], []]);
});

test('an invitation of another tab, or one that was used before, gives nobody anything', () => {
  wait(list);
  engine({ contacts: [bo], lastClaim: { secret: 'x', contact: 'bo' } });
  store.set({ place: { screen: 'invite', secret: 'x' } }); // by going back
  engine({ contacts: [bo], lastClaim: { secret: 'x', contact: 'bo' } });
  expect([sentTo(), waits()]).toEqual([[], list]);
});

test('nothing is offered before the session says what they take, nor while they are in doubt', () => {
  wait(list);
  store.set({ newcomer: 'bo' });
  engine({ contacts: [{ ...bo, pairedAt: null }] });
  engine({ contacts: [{ ...bo, application: undefined }] });
  engine({ contacts: [{ ...bo, doubt: 'cem' }] });
  engine({ contacts: [bo], server: { changed: {} } });
  expect(sentTo()).toEqual([]);
  engine({ contacts: [bo] });
  expect(sentTo()).toEqual(['bo']);
});

test('beside a program that takes no files they go on waiting', () => {
  wait(list);
  store.set({ newcomer: 'bo' });
  engine({ contacts: [{ ...bo, application: 'pipe/1' }] });
  expect([sentTo(), waits(), store.get().newcomer]).toEqual([[], list, null]);
});

test('what is chosen after somebody was met is not for them', () => {
  store.set({ newcomer: 'bo' });
  engine({ contacts: [bo] });
  wait(list);
  engine({ contacts: [bo] });
  expect([sentTo(), waits()]).toEqual([[], list]);
});

test('they go on waiting when they cannot be stored, and whoever asked for it hears so', async () => {
  sendFiles.mockRejectedValue(new Error('full'));
  wait(list);
  await expect(offerWaiting(bo)).rejects.toThrow('full');
  expect(waits()).toEqual(list);
});

test('they go on waiting when the contact may not be sent to', async () => {
  sendFiles.mockResolvedValue(false);
  wait(list);
  store.set({ newcomer: 'bo' });
  engine({ contacts: [bo] });
  await vi.waitFor(() => expect(waits()).toEqual(list));
  engine({ contacts: [bo] });
  expect(sentTo()).toEqual(['bo']); // once
});
