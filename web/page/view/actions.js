/**
 * What a person can do, as calls to the engine and changes of place. Components call these functions and nothing else.
 */
import { hex } from '../engine/chat.js';
import { s } from '../strings/index.js';
import { go, mergeMessages, store } from './store.js';

/** @typedef {import('../engine/types.js').Command} Command */
/** @typedef {import('../engine/types.js').Message} Message */
/** @typedef {import('../engine/types.js').ShownContact} ShownContact */
/** @typedef {import('../engine/types.js').State} State */
/** @typedef {ReturnType<typeof import('./link.js').openLink>} Link */

/** @type {Link} */
let link;
/** Threads whose newest messages were loaded. @type {Set<string>} */
const loaded = new Set();
/** Threads in which the person went back to earlier messages. @type {Set<string>} */
const reading = new Set();
/** A thread with more messages than KEEP_MAX is cut to KEEP. */
const KEEP_MAX = 1000;
const KEEP = 500;

/** @param {Link} opened */
export function setLink(opened) {
  link = opened;
}
/**
 * Runs a command of the engine.
 * @template {Command} K @param {K} cmd @param {import('../engine/types.js').Arguments<K>} args
 */
export const call = (cmd, ...args) => link.call(cmd, ...args);

/** @param {State} engine */
export function onState(engine) {
  const before = store.get().engine;
  store.set({ engine, ready: true, files: engine.files });
  followInvite(before, engine);
  followTry(engine);
}

/** @param {{contact: string, list: Message[]}} update */
export function onMessages({ contact, list }) {
  store.set(({ messages }) => ({ messages: { ...messages, [contact]: mergeMessages(messages[contact] ?? [], list) } }));
  shorten(contact);
  if (isOpen(contact)) markSeen(contact);
}

/** @param {import('../engine/types.js').FilesProgress} files */
export const onFiles = (files) => store.set({ files });

/**
 * Drops old messages from a long thread, as a program may send without end. They can be loaded again.
 * @param {string} contact
 */
function shorten(contact) {
  const list = store.get().messages[contact];
  if (list.length > KEEP_MAX && !reading.has(contact))
    store.set(({ messages }) => ({ messages: { ...messages, [contact]: list.slice(-KEEP) } }));
}

/**
 * Opens the thread of the person who used the invitation that is on the screen.
 * @param {State | null} before @param {State} engine
 */
function followInvite(before, { lastClaim, invites, contacts }) {
  const { place } = store.get();
  if (!before || place.screen !== 'invite' || invites.some(({ secret }) => secret === place.secret)) return;
  const claimed = lastClaim && lastClaim.secret === place.secret ? lastClaim.contact : undefined;
  // If another engine of this profile met them, they are simply new here.
  const met =
    claimed ?? contacts.find(({ id, how }) => how === 'invite' && !before.contacts.some((one) => one.id === id))?.id;
  if (met) go({ screen: 'thread', contact: met }, { replace: true });
}

/** Opens the thread of the person whose code this tab tried with success. @param {State} engine */
function followTry({ claim }) {
  const { place, tried } = store.get();
  if (!claim?.contact || claim.n !== tried || claim.state !== 'paired') return;
  forgetTry();
  if (place.screen === 'home' || place.screen === 'new') go({ screen: 'thread', contact: claim.contact });
}

export const forgetTry = () => store.set({ tried: null });

/** @param {string} contact */
const isOpen = (contact) => {
  const { place } = store.get();
  return place.screen === 'thread' && place.contact === contact && document.visibilityState === 'visible';
};

/** @param {string} contact */
export function markSeen(contact) {
  const found = store.get().engine?.contacts.find(({ id }) => id === contact);
  if (found?.unread) void call('seen', { contact });
}

/** @param {string} contact */
export async function loadThread(contact) {
  if (loaded.has(contact)) return;
  loaded.add(contact);
  onMessages({ contact, list: await call('messages', { contact, count: 200 }) });
}

/** Returns how many messages were loaded. @param {string} contact */
export async function loadEarlier(contact) {
  reading.add(contact);
  const [first] = store.get().messages[contact] ?? [];
  const list = await call('messages', { contact, before: first?.n, count: 200 });
  onMessages({ contact, list });
  return list.length;
}

/** Loads the open threads again, which lack messages after one engine took over from another. */
export function reloadThreads() {
  for (const contact of loaded)
    void call('messages', { contact, count: 200 }).then((list) => onMessages({ contact, list }));
}

/** @param {string} contact */
export const openThread = (contact) => go({ screen: 'thread', contact });

export async function invite() {
  const made = await call('invite', { pageUrl: `${location.origin}/` });
  go({ screen: 'invite', secret: made.secret });
}

/** @param {string} secret */
export async function cancelInvite(secret) {
  await call('cancelInvite', { secret });
  go({ screen: 'home' }, { replace: true });
}

/**
 * Joins by a code, a link or an ID; see the command.
 * @param {string} text @param {{replace?: boolean}} [how] as for `go`
 */
export async function join(text, { replace = false } = {}) {
  const answer = await call('join', { text });
  if (answer.claim) store.set({ tried: answer.claim });
  if (answer.contact) go({ screen: 'thread', contact: answer.contact }, { replace });
  return answer;
}

/** @param {string} id */
export async function allow(id) {
  const { contact } = await call('allow', { id });
  openThread(contact);
}

/** Returns a random id for a message or a file. */
export const newId = () => hex(crypto.getRandomValues(new Uint8Array(16)));

/** @param {string} contact @param {string} text */
export const send = (contact, text) => call('send', { contact, message: newId(), text });

/**
 * Copies text. On plain HTTP, where pages cannot use the clipboard, it selects the text in a field first.
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** @param {string} text */
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
  if (before instanceof HTMLElement) before.focus();
  return copied;
}

/** Lets a screen reader say something without moving the focus. @param {string} text */
export const say = (text) => store.set({ note: { text } });

/** Returns the name to show for a contact. @param {Pick<ShownContact, 'id' | 'name' | 'hint'>} contact */
export const nameOf = (contact) => contact.name || contact.hint || s.friend(contact.id.slice(-4));
