/**
 * What a person can do, as calls to the engine and changes of place. Components call these functions and nothing else.
 */
import { hex } from '../engine/chat.js';
import { s } from '../strings/index.js';
import { call } from './call.js';
import { post } from './outbox.js';
import { keepSame } from './same.js';
import { say } from './spoken.js';
import { go, store } from './store.js';
import { jumpToNewest } from './threads.js';

export { call, say };

/** @typedef {import('../engine/types.js').ShownContact} ShownContact */
/** @typedef {import('../engine/types.js').State} State */

/** @param {State} next */
export function onState(next) {
  const before = store.get().engine;
  const engine = keepSame(before, next);
  store.set({ engine, ready: true, files: engine.files });
  followInvite(before, engine);
  followTry(engine);
  sayConnections(before, engine);
}

/** Says with whom one has just been connected. @param {State | null} before @param {State} engine */
function sayConnections(before, { contacts }) {
  if (!before || contacts === before.contacts) return;
  const known = new Set(before.contacts.filter(({ pairedAt }) => pairedAt).map(({ id }) => id));
  for (const contact of contacts)
    if (contact.pairedAt && !known.has(contact.id)) say(s.spoken.connected(nameOf(contact)));
}

/** @param {import('../engine/types.js').FilesProgress} files */
export const onFiles = (files) => store.set({ files });

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
  meet(claim.contact);
  if (place.screen === 'home' || place.screen === 'new') go({ screen: 'thread', contact: claim.contact });
}

/** Says who is met through this tab; see waiting-files.js. @param {string} contact */
const meet = (contact) => store.set({ newcomer: contact });

export const forgetTry = () => store.set({ tried: null });

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
  const { contacts = [] } = store.get().engine ?? {};
  const answer = await call('join', { text });
  if (answer.claim) store.set({ tried: answer.claim });
  // Who is known already is not met: what waits is not sent there by itself.
  if (answer.contact && !contacts.some(({ id, pairedAt }) => pairedAt && id === answer.contact)) meet(answer.contact);
  if (answer.contact) go({ screen: 'thread', contact: answer.contact }, { replace });
  return answer;
}

/** @param {string} id */
export async function allow(id) {
  const { contact } = await call('allow', { id });
  meet(contact);
  openThread(contact);
}

/** Returns a random id for a message or a file. */
export const newId = () => hex(crypto.getRandomValues(new Uint8Array(16)));

/**
 * Sends a text, and shows the end of the thread, where it appears.
 * @param {string} contact @param {string} text
 * @param {import('./messages.js').Reply | null} [reply] the message that it answers
 */
export function send(contact, text, reply = null) {
  void jumpToNewest(contact, { remember: false });
  return post({ contact, id: newId(), text, at: Date.now(), reply });
}

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

/** Returns the name to show for a contact. @param {Pick<ShownContact, 'id' | 'name' | 'hint'>} contact */
export const nameOf = (contact) => contact.name || contact.hint || s.friend(contact.id.slice(-4));
