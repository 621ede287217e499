import { beforeEach, describe, expect, test, vi } from 'vitest';
import { setLink } from '../view/call.js';
import { store } from '../view/store.js';
import {
  jumpBack,
  jumpTo,
  jumpToDate,
  jumpToFirst,
  jumpToNewest,
  loadNewer,
  loadOlder,
  loadThread,
  markSeen,
  onMessages,
  readBy,
} from '../view/threads.js';
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
  store.set({ jump: null, back: null, place: { screen: 'home' } });
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
  const stop = readBy({ contact, atEnd: () => false, place: () => 1, look() {} });
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

describe('the list looks at its edges again', () => {
  let looks;
  let stop;
  beforeEach(() => {
    looks = [];
    // At the time of a look, an edge can be asked for again.
    stop = readBy({
      contact,
      atEnd: () => false,
      place: () => 150,
      look: () => looks.push(thread().list.length),
    });
    return () => stop();
  });

  test.each([
    ['older', loadOlder, run(1, 100)],
    ['newer', loadNewer, run(301, 400)],
  ])('when a page of %s messages has come: who stands at the very edge causes no event', async (_, load, page) => {
    hold(begin(run(201, 300), { older: true, newer: true }));
    const loaded = load(contact);
    expect(looks).toEqual([]);
    void load(contact);
    expect(asked.length).toBe(1);
    asked[0].answer(page);
    await loaded;
    expect(looks).toEqual([200]);
    void load(contact);
    expect(asked.length).toBe(2);
  });

  test('when a page was given up, because the other edge has moved meanwhile', async () => {
    hold(begin(run(201, 500), { older: true, newer: true }));
    const older = loadOlder(contact);
    const newer = loadNewer(contact);
    asked[1].answer(run(501, 600));
    await newer; // this pushed the rows out before which the older page belongs
    asked[0].answer(run(101, 200));
    await older;
    expect(numbers()[0]).toBe(301);
    expect(looks).toEqual([300, 300]);
    const again = loadOlder(contact);
    expect(asked[2].args).toEqual({ contact, before: 301, count: PAGE });
    asked[2].answer(run(201, 300));
    await again;
    expect([numbers()[0], numbers().length]).toEqual([201, MAX]);
  });
});

describe('a jump', () => {
  /** What was asked for, in short. */
  const reads = () => asked.map(({ cmd, args }) => (cmd === 'messages' ? { ...args, contact: undefined } : cmd));
  /** Each state in which the thread was drawn, with the jump of that moment. */
  const drawn = () => {
    const seen = [];
    const stop = store.subscribe(({ threads, jump }) => {
      if (threads[contact]) seen.push({ first: threads[contact].list[0]?.n, n: jump?.n });
    });
    return { seen, stop };
  };

  test('to a message that is held loads nothing', async () => {
    hold(begin(run(1, 100), { older: false, newer: false }));
    await jumpTo(contact, 40);
    expect(asked).toEqual([]);
    expect(store.get().jump).toEqual({ contact, n: 40, block: 'center', mark: true });
    expect(store.get().place).toEqual({ screen: 'thread', contact });
  });

  test('loads a page on both sides, and that part is drawn together with where to go in it', async () => {
    hold(begin(run(901, 1000), { older: true, newer: false }));
    const { seen, stop } = drawn();
    const moved = jumpTo(contact, 500);
    expect(reads()).toEqual([
      { before: 500, count: PAGE },
      { after: 499, count: PAGE },
    ]);
    asked[0].answer(run(400, 499));
    asked[1].answer(run(500, 599));
    await moved;
    stop();
    expect(asked.length).toBe(2);
    expect(seen[0]).toEqual({ first: 400, n: 500 });
    expect([numbers().length, thread().older, thread().newer]).toEqual([200, true, true]);
    expect(store.get().jump).toEqual({ contact, n: 500, block: 'center', mark: true });
    expect(store.get().place).toEqual({ screen: 'thread', contact });
  });

  test('near an edge knows that nothing is beyond it', async () => {
    const moved = jumpTo(contact, 2);
    asked[0].answer(run(1, 1));
    asked[1].answer(run(2, 101));
    await moved;
    expect([numbers()[0], thread().older, thread().newer]).toEqual([1, false, true]);
  });

  test('to the newest draws it together with the way there, and loads it only if it is not held', async () => {
    hold(begin(run(1, 100), { older: false, newer: true }));
    const { seen, stop } = drawn();
    const moved = jumpToNewest(contact);
    asked[0].answer(run(901, 1000));
    await moved;
    stop();
    expect(seen[0]).toEqual({ first: 901, n: null });
    store.set({ jump: null });
    await jumpToNewest(contact);
    expect(asked.length).toBe(1);
    expect(store.get().jump).toEqual({ contact, n: null });
  });

  test('to a date goes to its first message, to the newest when there is none, and to the first of all', async () => {
    hold(begin(run(1, 100), { older: false, newer: false }));
    const dated = jumpToDate(contact, 30);
    expect(asked[0]).toMatchObject({ cmd: 'messageAt', args: { contact, at: 30 } });
    asked[0].answer(30);
    await dated;
    expect(store.get().jump).toEqual({ contact, n: 30, block: 'start' });
    const late = jumpToDate(contact, 500);
    asked[1].answer(null);
    await late;
    expect(store.get().jump).toEqual({ contact, n: null });
    const first = jumpToFirst(contact);
    asked[2].answer(1);
    await first;
    expect(store.get().jump).toEqual({ contact, n: 1, block: 'start' });
  });

  test('remembers where the person was, and goes back there', async () => {
    hold(begin(run(1, 300), { older: false, newer: true }));
    let place = 150;
    const stop = readBy({ contact, atEnd: () => place === null, place: () => place, look() {} });
    await jumpTo(contact, 20);
    expect(store.get().back).toEqual({ contact, n: 150 });
    place = 20;
    await jumpBack();
    expect(store.get()).toMatchObject({ jump: { contact, n: 150, block: 'start' }, back: null });
    hold(begin(run(1, 300), { older: false, newer: false }));
    place = null; // at the end
    await jumpTo(contact, 20);
    await jumpBack();
    stop();
    expect(store.get()).toMatchObject({ jump: { contact, n: null }, back: null });
  });

  test('to a message that was deleted meanwhile opens the thread at that place', async () => {
    const moved = jumpTo(contact, 50);
    onMessages({ contact, list: [], gone: [50] });
    asked[0].answer(run(1, 49));
    asked[1].answer(run(50, 60));
    await moved;
    expect(numbers()).not.toContain(50);
    expect(store.get().jump?.n).toBe(50); // the list shows the next one
  });
});

describe('many messages that come during a jump', () => {
  test('take nothing away from where it leads', async () => {
    const stop = readBy({ contact, atEnd: () => true, place: () => null, look() {} });
    const moved = jumpTo(contact, 50);
    comes(...run(61, 120));
    asked[0].answer(run(1, 49));
    asked[1].answer(run(50, 60));
    await moved;
    comes(...run(121, 180)); // the list has not gone there yet
    stop();
    expect([numbers().includes(50), numbers().at(-1), numbers().length]).toEqual([true, 180, 180]);
  });

  test('are at its end when it leads to the newest', async () => {
    hold(begin(run(1, 100), { older: false, newer: true }));
    const stop = readBy({ contact, atEnd: () => false, place: () => 1, look() {} });
    const moved = jumpToNewest(contact);
    comes(...run(504, 903));
    asked[0].answer(run(404, 503));
    await moved;
    stop();
    expect([numbers().at(-1), thread().newer]).toEqual([903, false]);
  });
});
