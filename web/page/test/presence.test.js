import { expect, test, vi } from 'vitest';
import { s } from '../strings/index.js';
import { emptyWords, headWords, messageWords, peerOf, standstillWords } from '../view/presence.js';

const online = { state: 'online', checking: false };
const silent = { state: 'online', checking: true };
const offline = { state: 'offline', checking: false };
const bo = { presence: 'away', how: 'code', blocked: false, pairedAt: 1, application: 'chat/1' };

vi.mock('../strings/index.js', async () => {
  const [{ default: en }, { makeFormat }] = await Promise.all([
    import('../strings/en.js'),
    import('../strings/format.js'),
  ]);
  return { s: en(makeFormat('en-GB', { isolate: false })) };
});

test('somebody is away only while the server is known to be there', () => {
  expect(peerOf(online, bo)).toBe('away');
  expect(peerOf(silent, bo)).toBe('checking');
  expect(peerOf(offline, bo)).toBe('offline');
  expect(peerOf(online, { ...bo, presence: 'unknown' })).toBe('looking');
});

test('somebody is here only while the server is known to be there', () => {
  const here = { ...bo, presence: 'here' };
  expect([online, silent, offline].map((server) => peerOf(server, here))).toEqual(['here', 'checking', 'offline']);
});

test('somebody who was asked has been asked, wherever they are', () => {
  for (const presence of ['away', 'unknown'])
    expect(peerOf(online, { ...bo, presence, how: 'asked', pairedAt: null })).toBe('asked');
});

test('what ended for good comes first', () => {
  expect(peerOf(silent, { ...bo, blocked: true })).toBe('blocked');
  expect(peerOf(silent, { ...bo, problem: { reason: 'REFUSED', text: '' } })).toBe('problem');
});

test('only one state says that somebody is not online', () => {
  const peers = ['blocked', 'problem', 'offline', 'checking', 'here', 'asked', 'invited', 'looking', 'idle'];
  const paired = peers.map((peer) => [headWords(peer), messageWords('waiting', peer, false, 'Bo')]);
  const words = [...paired.flat(), ...peers.map((peer) => standstillWords(peer, 'Bo'))];
  for (const one of words) expect(one).not.toMatch(/not online|offline|both online/);
  expect(messageWords('waiting', 'away', false, 'Bo')).toBe(s.message.waiting('Bo'));
  expect(headWords('away')).toBe(s.thread.away);
  expect(emptyWords('away', bo, 'Bo')).toBe(s.thread.emptyAway('Bo'));
});
