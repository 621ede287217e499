/** To whom it goes what another program shared. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

vi.mock('../service/shares.js', async (original) => ({
  ...(await original()),
  dropOld: vi.fn().mockResolvedValue(undefined),
  dropShared: vi.fn(),
  filesOf: vi.fn(),
  readShared: vi.fn(),
}));
vi.mock('../view/files.js', () => ({ sendFiles: vi.fn() }));
vi.mock('../view/actions.js', () => ({ nameOf: ({ id }) => id }));

const ID = '1234-01234567-89ab-cdef-0123-456789abcdef';
const file = { name: 'one.txt', size: 3 };
let kept, browserTab, shared, store, sendFiles, drafts;
beforeEach(async () => {
  vi.resetModules();
  kept = { from: 'own', text: 'and a text', files: [file] };
  browserTab = true;
  drafts = new Map();
  vi.stubGlobal('matchMedia', () => ({ matches: browserTab }));
  vi.stubGlobal('sessionStorage', {
    getItem: (key) => drafts.get(key) ?? null,
    setItem: (key, value) => void drafts.set(key, value),
    removeItem: (key) => void drafts.delete(key),
  });
  vi.stubGlobal('location', { pathname: '/' });
  vi.stubGlobal('history', { state: null, pushState: vi.fn(), replaceState: vi.fn() });
  let last = Promise.resolve();
  const request = (_name, work) => (last = last.then(work));
  vi.stubGlobal('navigator', { locks: { request } });
  const format = await import('../service/shares.js');
  format.readShared.mockReset().mockImplementation(async () => kept);
  format.filesOf.mockReset().mockImplementation(async (_id, { files }) => files);
  format.dropShared.mockReset().mockImplementation(async () => (kept = undefined));
  ({ store } = await import('../view/store.js'));
  ({ sendFiles } = await import('../view/files.js'));
  sendFiles.mockReset().mockResolvedValue(true);
  shared = await import('../view/sharing.js');
});
afterEach(() => vi.unstubAllGlobals());
const open = (query) => shared.openShared(new URLSearchParams(query));
const place = () => store.get().place;

test('the address says what was shared, or why it was not kept', async () => {
  await open({ do: 'share', id: ID });
  expect(place()).toEqual({ screen: 'share', shared: ID, text: 'and a text' });
  await open({ do: 'share', problem: 'room' });
  expect(place()).toEqual({ screen: 'share', problem: 'room' });
});

test('the address says it until it is open, so that a reload loses nothing; other addresses go at once', async () => {
  const { takeArrival } = await import('../view/arrivals.js');
  vi.stubGlobal('location', { pathname: '/', hash: '', search: `?do=share&id=${ID}`, href: '' });
  const { search } = takeArrival();
  expect(history.replaceState.mock.calls).toEqual([]);
  await shared.openShared(search);
  expect([place().shared, history.replaceState.mock.calls]).toEqual([ID, [[null, '', '/']]]);
  history.replaceState.mockClear();
  Object.assign(location, { search: '?do=invite' });
  takeArrival();
  expect(history.replaceState.mock.calls).toEqual([[null, '', '/']]);
});

test('what cannot be read says so, and the page goes on', async () => {
  (await import('../service/shares.js')).readShared.mockRejectedValue(new Error('disk'));
  await open({ id: ID });
  expect(place()).toEqual({ screen: 'share', problem: 'broken' });
});

test('what is sent counts as sent, also when it cannot be dropped', async () => {
  (await import('../service/shares.js')).dropShared.mockRejectedValue(new Error('disk'));
  expect(await shared.shareWith('bo', ID, 'said')).toBe('done');
  expect([...drafts]).toEqual([['draft bo', 'said']]);
});

test.each(['', 'x', '../1', `${ID}/0`, ID.toUpperCase()])('an address with %j as ID leads nowhere', async (id) => {
  await open({ do: 'share', id });
  expect(place()).toEqual({ screen: 'home' });
});

test('what hides where it comes from counts in the installed window only, and is dropped elsewhere', async () => {
  kept.from = 'installed';
  browserTab = false;
  await open({ id: ID });
  expect(place().screen).toBe('share');
  browserTab = true;
  store.set({ place: { screen: 'home' } });
  await open({ id: ID });
  expect([place().screen, kept]).toEqual(['home', undefined]);
});

test('it goes to one contact once, whichever tab was first', async () => {
  const results = await Promise.all([shared.shareWith('bo', ID, 'said'), shared.shareWith('cem', ID, 'said')]);
  expect(results).toEqual(['done', 'gone']);
  expect(sendFiles.mock.calls).toEqual([['bo', [{ file, path: 'one.txt' }]]]);
  expect([...drafts]).toEqual([['draft bo', 'said']]);
});

test('it stays while it cannot be sent', async () => {
  sendFiles.mockResolvedValue(false);
  expect(await shared.shareWith('bo', ID, 'said')).toBe('not');
  sendFiles.mockRejectedValue(new Error('full'));
  await expect(shared.shareWith('bo', ID, 'said')).rejects.toThrow('full');
  expect([Boolean(kept), drafts.size]).toEqual([true, 0]);
});

test('a text alone goes to the composer, behind what waits there', async () => {
  drafts.set('draft bo', 'before');
  expect(await shared.shareWith('bo', undefined, 'said')).toBe('done');
  expect(drafts.get('draft bo')).toBe('before\nsaid');
});

test('for somebody new, files and text wait until they are met', async () => {
  const { watchNewcomer } = await import('../view/waiting-files.js');
  watchNewcomer();
  expect(await shared.shareLater(ID, 'said')).toBe('done');
  expect([store.get().waiting, kept]).toEqual([[{ file, path: 'one.txt' }], undefined]);
  const contacts = [{ id: 'bo', pairedAt: 1, application: 'chat/1', how: 'invite', presence: 'here' }];
  store.set({ engine: { server: { changed: null }, invites: [], contacts, lastClaim: null }, newcomer: 'bo' });
  expect(sendFiles.mock.calls).toEqual([['bo', [{ file, path: 'one.txt' }]]]);
  expect([...drafts]).toEqual([['draft bo', 'said']]);
});
