/** When a tab passes on what the engine tells it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openInbox } from '../view/inbox.js';

const FRAME_MS = 16;
let inbox, passed;
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('requestAnimationFrame', (then) => setTimeout(then, FRAME_MS));
  vi.stubGlobal('cancelAnimationFrame', clearTimeout);
  vi.stubGlobal('window', globalThis);
  passed = [];
  inbox = openInbox({
    onState: (state) => passed.push(state),
    onMessages: ({ list }) => passed.push(list.map(({ n }) => n)),
    onFiles: () => {},
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
const message = (n) => ({ messages: { contact: 'bo', list: [{ n }] } });
const come = (from, to) => {
  for (let n = from; n <= to; n += 1) inbox.add(message(n));
};

test('once a frame, in order, a later version of a message in place of the earlier one', () => {
  inbox.add({ state: 'first' });
  come(1, 3);
  inbox.add({ state: 'second' });
  inbox.add(message(2));
  expect(passed).toEqual([]);
  vi.advanceTimersByTime(FRAME_MS);
  expect(passed).toEqual(['second', [1, 2, 3]]);
  vi.advanceTimersByTime(1000);
  expect(passed.length).toBe(2);
});

test('single messages come with the next frame, however many there are', () => {
  for (let n = 1; n <= 50; n += 1) {
    inbox.add(message(n));
    vi.advanceTimersByTime(FRAME_MS);
  }
  expect(passed.length).toBe(50);
});

test('a burst is passed on a few times a second, and nothing of it is missing', () => {
  for (let n = 0; n < 2000; n += 40) {
    come(n + 1, n + 40);
    vi.advanceTimersByTime(FRAME_MS);
  }
  vi.advanceTimersByTime(1000);
  expect(passed.length).toBeLessThan(10);
  expect(passed.flat().length).toBe(2000);
});

test('an answer is not held up by a burst: what came before it comes at once', () => {
  come(1, 100);
  vi.advanceTimersByTime(FRAME_MS);
  come(101, 101);
  inbox.flush();
  expect(passed.at(-1)).toEqual([101]);
  inbox.flush();
  expect(passed.length).toBe(2);
  come(102, 102);
  vi.advanceTimersByTime(FRAME_MS);
  expect(passed.length, 'the burst still waits').toBe(2);
  vi.advanceTimersByTime(200);
  expect(passed.at(-1)).toEqual([102]);
});

test('what is reported as seen in a burst does not have the next part drawn at once', async () => {
  const ports = [];
  class FakeWorker {
    port = Object.assign(new EventTarget(), {
      start() {},
      posted: [],
      postMessage: (told) => this.port.posted.push(told),
    });
    constructor() {
      ports.push(this.port);
    }
    addEventListener() {}
  }
  vi.stubGlobal('SharedWorker', FakeWorker);
  vi.stubGlobal('document', { addEventListener() {}, visibilityState: 'visible' });
  vi.stubGlobal('addEventListener', () => {});
  const { openLink } = await import('../view/link.js');
  const drawn = [];
  const link = openLink({ shared: '/shared.js', single: '' }, { onMessages: ({ list }) => drawn.push(list.length) });
  const [port] = ports;
  const tell = (data) => port.dispatchEvent(Object.assign(new Event('message'), { data }));
  const answers = async (cmd) => {
    const done = link.call(cmd, { contact: 'bo' });
    tell({ messages: { contact: 'bo', list: [{ n: 1 }] } });
    tell({ seq: port.posted.at(-1).seq });
    await done;
  };
  await answers('seen');
  expect(drawn).toEqual([]);
  await answers('send');
  expect(drawn).toEqual([1]);
});
