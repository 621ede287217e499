/** A text is drawn before it is stored, and is never lost when it cannot be. */
import { beforeEach, expect, test, vi } from 'vitest';
import { send } from '../view/actions.js';
import { setLink } from '../view/call.js';
import { watchClosing } from '../view/closing.js';
import { forgetDraft } from '../view/messages.js';
import { post, postAgain, removeUnstored, resumeOutbox, unstoredOf } from '../view/outbox.js';
import { spoken } from '../view/spoken.js';
import { store } from '../view/store.js';
import { onMessages } from '../view/threads.js';
import { begin } from '../view/window.js';
import { s } from '../strings/index.js';

/** What the engine was asked for and has not answered. */
let asked;
let kept;
const contact = 'ana';
const text = (id, more = {}) => ({ contact, id, text: `text ${id}`, at: 5, reply: null, ...more });
const stored = () => JSON.parse(kept.get('outbox') ?? '[]');
const shown = (list = []) => unstoredOf(store.get().outbox, contact, list).map(({ id, state }) => `${id} ${state}`);

beforeEach(() => {
  asked = [];
  kept = new Map();
  vi.stubGlobal('sessionStorage', {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  });
  const call = (cmd, args) => new Promise((answer, fail) => asked.push({ cmd, args, answer, fail }));
  setLink(/** @type {any} */ ({ call }));
  spoken.set({ lines: [] });
  const engine = /** @type {any} */ ({ contacts: [{ id: contact }] });
  store.set({ engine, outbox: [], threads: {}, jump: null });
});

test('is shown at once, and gone when the thread has it: there is no moment with none or two', async () => {
  store.set({ threads: { [contact]: begin([], { older: false, newer: false }) } });
  const rows = [];
  const stop = store.subscribe(({ threads }) => {
    const { list } = threads[contact];
    rows.push(list.length + unstoredOf(store.get().outbox, contact, list).length);
  });
  const done = post(text('a'));
  expect(shown()).toEqual(['a waiting']);
  expect(asked[0]).toMatchObject({ cmd: 'send', args: { contact, message: 'a', text: 'text a' } });
  // The engine tells of the message before it answers.
  onMessages({ contact, list: [/** @type {any} */ ({ n: 1, mine: 1, id: 'a', kind: 'text' })] });
  asked[0].answer({});
  await done;
  stop();
  expect(rows).toEqual([1, 1, 1]);
  expect(store.get().outbox).toEqual([]);
  expect(kept.size).toBe(0);
});

test('a message of the other side with the same id does not stand for it', () => {
  void post(text('a'));
  expect(shown([{ n: 1, mine: 0, id: 'a' }])).toEqual(['a waiting']);
  expect(unstoredOf(store.get().outbox, 'bo', [])).toEqual([]);
});

test('a reply shows at once what it answers', () => {
  const reply = { id: 'q', n: 3, mine: /** @type {0} */ (0), kind: /** @type {'text'} */ ('text'), text: 'question' };
  void send(contact, 'yes', reply);
  expect(asked[0].args).toMatchObject({ text: 'yes', reply: 'q' });
  const [made] = unstoredOf(store.get().outbox, contact, []);
  expect(made).toMatchObject({ id: asked[0].args.message, reply: 'q', quote: { n: 3, text: 'question' }, n: 0 });
});

test.each([
  ['cannot be written', ({ fail }) => fail(new Error('QuotaExceededError')), s.message.notStored],
  ['is refused', ({ answer }) => answer({ problem: 'blocked' }), s.message.stopped],
])('one that %s says so once, and is sent again under its id', async (_, end, words) => {
  const done = post(text('a'));
  const other = post(text('b'));
  end(asked[0]);
  asked[1].answer({});
  await Promise.all([done, other]);
  expect(shown()).toEqual(['a failed']);
  expect(stored()).toMatchObject([{ id: 'a', failed: true }]);
  expect(spoken.get().lines.map((line) => line.text)).toEqual([words]);
  const again = postAgain('a');
  expect(shown()).toEqual(['a waiting']);
  expect(asked[2].args).toEqual(asked[0].args);
  asked[2].answer({});
  await again;
  expect([shown(), kept.size]).toEqual([[], 0]);
});

test('one that the person removes stays away, also when the engine answers late', async () => {
  const done = post(text('a'));
  removeUnstored('a');
  asked[0].fail(new Error('full'));
  await done;
  expect([shown(), kept.size, spoken.get().lines]).toEqual([[], 0, []]);
  await postAgain('a');
  expect(asked.length).toBe(1);
});

test('goes with a contact that is deleted, here or in another tab: closing is not held up for it', async () => {
  let asks = 0;
  vi.stubGlobal('addEventListener', () => (asks += 1));
  vi.stubGlobal('removeEventListener', () => (asks -= 1));
  watchClosing();
  const state = (...ids) => ({ contacts: ids.map((id) => ({ id })), tabs: 1, busy: { messages: 0, transfers: 0 } });
  const show = (...ids) => store.set({ engine: /** @type {any} */ (state(...ids)) });
  show('ana', 'bo');
  const [done, other] = [post(text('a')), post(text('b', { contact: 'bo' }))];
  for (const { fail } of asked) fail(new Error('full'));
  await Promise.all([done, other]);
  expect(asks).toBe(1);
  forgetDraft('bo');
  expect(stored().map(({ id }) => id)).toEqual(['a']);
  expect(asks).toBe(1);
  show('bo');
  expect(asks).toBe(0);
});

test('after a reload, what was interrupted is sent again, what failed is shown, and other people’s is dropped', () => {
  const list = [
    text('a', { failed: false }),
    text('b', { failed: true }),
    text('c', { contact: 'of another identity', failed: false }),
  ];
  kept.set('outbox', JSON.stringify(list));
  resumeOutbox();
  expect(shown()).toEqual(['a waiting', 'b failed']);
  expect(asked.map(({ args }) => args.message)).toEqual(['a']);
  expect(stored().map(({ id }) => id)).toEqual(['a', 'b']);
});

test.each(['{', '7', ''])('what is not a list is ignored: %j', (damaged) => {
  kept.set('outbox', damaged);
  resumeOutbox();
  expect(store.get().outbox).toEqual([]);
});

test('it is sent also when the tab can store nothing', async () => {
  vi.stubGlobal('sessionStorage', {
    setItem() {
      throw new Error('QuotaExceededError');
    },
    removeItem() {},
  });
  const done = post(text('a'));
  expect(shown()).toEqual(['a waiting']);
  asked[0].answer({});
  await done;
  expect(shown()).toEqual([]);
});
