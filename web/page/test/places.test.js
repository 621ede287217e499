/** Going from place to place. */
import { beforeEach, expect, test, vi } from 'vitest';
import { go, goBackFrom, store } from '../view/store.js';

let back;
beforeEach(() => {
  back = vi.fn();
  const history = {
    state: { depth: 1 },
    replaceState: (state) => (history.state = state),
    pushState: (state) => (history.state = state),
    back,
  };
  vi.stubGlobal('history', history);
  vi.stubGlobal('location', { pathname: '/' });
});

test('what cannot be shown goes back once, and not from where the person has gone meanwhile', () => {
  const picture = { screen: 'thread', contact: 'ana', picture: { n: 1, id: 'a' } };
  go({ screen: 'thread', contact: 'ana' });
  go(picture);
  goBackFrom(picture);
  expect(back).toHaveBeenCalledTimes(1);
  store.set({ place: { screen: 'thread', contact: 'ana' } }); // the history went back
  goBackFrom(picture);
  expect(back).toHaveBeenCalledTimes(1);
});
