import { beforeEach, describe, expect, test, vi } from 'vitest';
import { setLink } from '../view/call.js';
import { store } from '../view/store.js';
import { jumpTo, jumpToNewest, loadNewer, loadThread, markSeen, onMessages, readBy } from '../view/threads.js';
import { MAX, PAGE, begin } from '../view/window.js';

const message = (n, more = {}) => ({ n, kind: 'text', mine: 0, state: 'received', at: n, text: `${n}`, ...more });
const run = (a, b) => Array.from({ length: b - a + 1 }, (_, i) => message(a + i));

/** What the tab asked the engine for and has no answer to yet. */
let asked;
let contact;
let contacts = 0;
beforeEach(() => {
  contact = `contact ${++contacts}`;
  asked = [];
  const call = (cmd, args) => new Promise((answer) => asked.push({ cmd, args, answer }));
  setLink(/** @type {any} */ ({ call }));
  vi.stubGlobal('history', { state: null, pushState() {}, replaceState() {} });
  vi.stubGlobal('location', { pathname: '/' });
});

const thread = () => store.get().threads[contact];
const numbers = () => thread().list.map(({ n }) => n);
const hold = (made) => store.set(({ threads }) => ({ threads: { ...threads, [contact]: made } }));
const comes = (...list) => onMessages({ contact, list });

describe('a message that comes while messages are being loaded', () => {
  test('is shown when the newest ones were being loaded, and is not counted as seen before', async () => {
    store.set({ engine: /** @type {any} */ ({ contacts: [{ id: contact, unread: 2 }] }) });
    const loaded = loadThread(contact);
    comes(message(4)); // the engine tells it before it answers
    const unseen = [];
    const stop = store.subscribe(() => {
      // This is what the list on the screen reports to the person at its end.
      if (thread() && !thread().newer) markSeen(contact, thread().list.at(-1).n);
      for (const { cmd, args } of asked) if (cmd === 'seen' && args.n >= 4 && !numbers().includes(4)) unseen.push(args);
    });
    asked[0].answer(run(1, 3));
    await loaded;
    expect(numbers()).toEqual([1, 2, 3, 4]);
    comes(message(5));
    stop();
    expect(numbers()).toEqual([1, 2, 3, 4, 5]);
    expect(thread().newer).toBe(false);
    expect(asked.filter(({ cmd }) => cmd === 'seen').map(({ args }) => args.n)).toEqual([4, 5]);
    expect(unseen).toEqual([]);
  });

  test('is shown after a jump to the newest', async () => {
    hold(begin(run(1, 100), { older: false, newer: true }));
    const moved = jumpToNewest(contact);
    comes(message(504));
    asked[0].answer(run(404, 503));
    await moved;
    expect([numbers()[0], numbers().at(-1), thread().newer]).toEqual([404, 504, false]);
  });

  test('is shown after a jump to a message near the end', async () => {
    const moved = jumpTo(contact, 50);
    comes(message(61));
    asked[0].answer(run(1, 49));
    asked[1].answer(run(50, 60));
    await moved;
    expect([numbers().at(-1), numbers().length, thread().newer]).toEqual([61, 61, false]);
  });

  test('is shown when the last page was being loaded', async () => {
    hold(begin(run(1, 50), { older: false, newer: true }));
    const loaded = loadNewer(contact);
    comes(message(61));
    asked[0].answer(run(51, 60));
    await loaded;
    expect([numbers().at(-1), numbers().length, thread().newer]).toEqual([61, 61, false]);
  });

  test('is not shown when it was deleted meanwhile, and changes of others are', async () => {
    const loaded = loadThread(contact);
    comes(message(3), message(4));
    onMessages({ contact, list: [message(2, { state: 'delivered' })], gone: [3] });
    asked[0].answer(run(1, 3));
    await loaded;
    expect(numbers()).toEqual([1, 2, 4]);
    expect(thread().list[1].state).toBe('delivered');
  });
});

test('a message that came and was deleted leaves no end that is never reached', async () => {
  const stop = readBy({ contact, atEnd: () => false, place: () => 1 });
  hold(begin(run(201, 500), { older: true, newer: false }));
  comes(message(501));
  onMessages({ contact, list: [], gone: [501] });
  expect([thread().list.length, thread().newer]).toEqual([MAX, true]);
  const loaded = loadNewer(contact);
  expect(asked[0].args).toEqual({ contact, after: 500, count: PAGE });
  asked[0].answer([]);
  await loaded;
  stop();
  expect(thread().newer).toBe(false);
  comes(message(502));
  expect(numbers().at(-1)).toBe(502);
});
