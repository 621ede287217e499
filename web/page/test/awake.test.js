/** The screen stays on while files are on their way and the page is seen. */
import { expect, test, vi } from 'vitest';
import { keepAwake } from '../view/awake.js';
import { createStore } from '../view/store.js';

/** A page and its browser; `held` are the locks that are held. */
function world({ refuses = false } = {}) {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const watched = createStore({ engine: null });
  const held = new Set();
  const asked = [];
  const locks = {
    request(type) {
      asked.push(type);
      if (refuses) return Promise.reject(new Error('NotAllowedError'));
      const lock = { release: async () => void held.delete(lock) };
      held.add(lock);
      return Promise.resolve(lock);
    },
  };
  keepAwake({ locks, page, watched });
  return {
    held,
    asked,
    transfers: (count) => watched.set({ engine: { busy: { messages: 0, transfers: count } } }),
    see(state) {
      page.visibilityState = state;
      if (state === 'hidden') held.clear(); // as browsers do
      page.dispatchEvent(new Event('visibilitychange'));
    },
    settled: () => new Promise((done) => setTimeout(done)),
  };
}

test('the screen stays on from the first file on its way to the last', async () => {
  const { held, asked, transfers, settled } = world();
  transfers(0);
  expect(asked).toEqual([]);
  transfers(1);
  transfers(2);
  await settled();
  expect([asked, held.size]).toEqual([['screen'], 1]);
  transfers(0);
  await settled();
  expect(held.size).toBe(0);
});
test('it may go dark while the page is hidden, and stays on when the page is seen again', async () => {
  const { held, asked, transfers, see, settled } = world();
  see('hidden');
  transfers(1);
  await settled();
  expect(asked).toEqual([]);
  see('visible');
  await settled();
  expect(held.size).toBe(1);
  see('hidden');
  see('visible');
  await settled();
  expect([held.size, asked.length]).toEqual([1, 2]);
});
test('a transfer that ends before the browser answers leaves no lock', async () => {
  const { held, transfers, settled } = world();
  transfers(1);
  transfers(0);
  await settled();
  expect(held.size).toBe(0);
});
test('a browser that refuses is asked again with the next transfer, and nothing fails', async () => {
  const { asked, transfers, settled } = world({ refuses: true });
  for (const count of [1, 2, 0, 1]) {
    transfers(count);
    await settled();
  }
  expect(asked.length).toBe(2);
});
test('a browser without such locks changes nothing', () => {
  vi.stubGlobal('navigator', {});
  const watched = { subscribe: vi.fn() };
  keepAwake({ page: new EventTarget(), watched });
  expect(watched.subscribe).not.toHaveBeenCalled();
  vi.unstubAllGlobals();
});
