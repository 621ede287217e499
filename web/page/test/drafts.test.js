/** What is written and not sent, and what it answers: kept in the tab, and gone with what it is about. */
import { beforeEach, expect, test, vi } from 'vitest';
import { draftOf, keepDraft, keptReplies } from '../view/drafts.js';
import { forgetDraft, forgetReply, setReply } from '../view/messages.js';
import { store } from '../view/store.js';

const reply = { id: 'one', n: 7, mine: 0, kind: 'text', text: 'Where?' };
let kept;
beforeEach(() => {
  kept = {};
  const methods = {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => void (kept[key] = value),
    removeItem: (key) => void delete kept[key],
  };
  const ownKeys = () => Object.keys(kept);
  const getOwnPropertyDescriptor = () => ({ enumerable: true, configurable: true });
  vi.stubGlobal('sessionStorage', new Proxy(methods, { ownKeys, getOwnPropertyDescriptor }));
  store.set({ replies: {} });
});
const reload = () => store.set({ replies: keptReplies() });
const replies = () => store.get().replies;

test('the message that a draft answers is there after a reload, for its contact only', () => {
  keepDraft('bo', 'At the');
  setReply('bo', reply);
  setReply('cem', { ...reply, n: 8 });
  setReply('cem', null);
  reload();
  expect([replies(), draftOf('bo')]).toEqual([{ bo: reply }, 'At the']);
});

test('a message that is deleted is not answered, also after a reload', () => {
  setReply('bo', reply);
  forgetReply('bo', [6]);
  forgetReply('cem', [7]);
  forgetReply('bo');
  expect(replies().bo).toEqual(reply);
  forgetReply('bo', [6, 7]);
  expect(replies().bo).toBe(null);
  reload();
  expect(replies()).toEqual({});
});

test('nothing of a deleted contact stays in the tab', () => {
  keepDraft('bo', 'At the');
  setReply('bo', reply);
  forgetDraft('bo');
  expect(kept).toEqual({});
});

test('what is damaged is left out', () => {
  kept['reply bo'] = '{';
  expect([keptReplies(), kept]).toEqual([{}, {}]);
});
