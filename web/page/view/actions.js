/** What a person does, as calls to the engine and moves between places. Components call these and nothing else. */
import { s } from '../strings/index.js';
import { go, mergeMessages, store } from './store.js';

let link;
/** Threads whose first page of messages was asked for; messages that come earlier are merged later. */
const asked = new Set();
/** Threads in which the person has gone back to earlier messages. */
const reading = new Set();
const KEEP_MAX = 1000;
const KEEP = 500;

export function useLink(opened) {
  link = opened;
}
export const call = (cmd, args) => link.call(cmd, args);

export function onState(engine) {
  const before = store.get().engine;
  store.set({ engine, ready: true, files: engine.files ?? {} });
  followInvite(before, engine);
  followTry(engine);
}

export function onMessages({ contact, list }) {
  store.set(({ messages }) => ({ messages: { ...messages, [contact]: mergeMessages(messages[contact] ?? [], list) } }));
  shorten(contact);
  if (isOpen(contact)) markSeen(contact);
}

export const onFiles = (files) => store.set({ files });

/** A program may send without end: the view lets go of what is far above; it can be loaded again. */
function shorten(contact) {
  const list = store.get().messages[contact];
  if (list.length > KEEP_MAX && !reading.has(contact))
    store.set(({ messages }) => ({ messages: { ...messages, [contact]: list.slice(-KEEP) } }));
}

/** Who waits at the invite's screen is taken to the person that came. */
function followInvite(before, { lastClaim, invites, contacts }) {
  const { place } = store.get();
  if (!before || place.screen !== 'invite' || invites.some(({ secret }) => secret === place.secret)) return;
  const claimed = lastClaim?.secret === place.secret ? lastClaim.contact : undefined;
  // Another engine of this profile may have met them: then they are new here.
  const met =
    claimed ?? contacts.find(({ id, how }) => how === 'invite' && !before.contacts.some((one) => one.id === id))?.id;
  if (met) go({ screen: 'thread', contact: met }, { replace: true });
}

/** Whose code was right is taken to the person who gave it. */
function followTry({ claim }) {
  const { place, tried } = store.get();
  if (claim?.n !== tried || claim?.state !== 'paired') return;
  forgetTry();
  if (place.screen === 'home' || place.screen === 'new') go({ screen: 'thread', contact: claim.contact });
}

export const forgetTry = () => store.set({ tried: null });

const isOpen = (contact) => {
  const { place } = store.get();
  return place.screen === 'thread' && place.contact === contact && document.visibilityState === 'visible';
};

export function markSeen(contact) {
  const found = store.get().engine?.contacts.find(({ id }) => id === contact);
  if (found?.unread) call('seen', { contact });
}

export async function loadThread(contact) {
  if (asked.has(contact)) return;
  asked.add(contact);
  onMessages({ contact, list: await call('messages', { contact, count: 200 }) });
}

export async function loadEarlier(contact) {
  reading.add(contact);
  const [first] = store.get().messages[contact] ?? [];
  const list = await call('messages', { contact, before: first?.n, count: 200 });
  onMessages({ contact, list });
  return list.length;
}

/** After an engine took over from another, threads may lack what came in between. */
export function reloadThreads() {
  for (const contact of asked) call('messages', { contact, count: 200 }).then((list) => onMessages({ contact, list }));
}

export const openThread = (contact) => go({ screen: 'thread', contact });

export async function invite() {
  const made = await call('invite', { pageUrl: `${location.origin}/` });
  go({ screen: 'invite', secret: made.secret });
}

export async function cancelInvite(secret) {
  await call('cancelInvite', { secret });
  go({ screen: 'home' }, { replace: true });
}

/**
 * @returns {Promise<{problem?: string, claim?: number}>} what is wrong, as a key of the strings; or the number of the
 * try
 */
export async function join(text, { replace = false } = {}) {
  const answer = await call('join', { text });
  if (answer.claim) store.set({ tried: answer.claim });
  if (answer.contact) go({ screen: 'thread', contact: answer.contact }, { replace });
  return answer;
}

export async function allow(id) {
  const { contact } = await call('allow', { id });
  openThread(contact);
}

const newMessageId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

export const send = (contact, text) => call('send', { contact, message: newMessageId(), text });

/** Copies text; where the clipboard is closed to pages (plain HTTP), by selecting it in a field. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text) {
  const before = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.readOnly = true;
  field.className = 'offscreen';
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  before?.focus?.();
  return copied;
}

/** Says something to a screen reader without moving the focus. */
export const say = (note) => store.set({ note });

/** The name to show for a contact. */
export const nameOf = (contact) => contact.name || contact.hint || s.friend(contact.id.slice(-4));
