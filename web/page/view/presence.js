/**
 * What may be said about a person, in one place. Somebody is called absent only while the server is known to be there
 * and has said so; otherwise nobody knows.
 *
 *   peerOf(server, contact) decides; the other functions put it into the words of one place.
 */
import { s } from '../strings/index.js';
import { PIPE } from '../engine/chat.js';

/** @typedef {import('../engine/types.js').ServerState} ServerState */
/** @typedef {import('../engine/types.js').ShownContact} ShownContact */

/**
 * blocked, problem: nothing will come of it. offline, checking: this side does not know, since it has no connection, or
 * one that does not answer. here, away: known. asked, invited: never connected so far. looking: not known yet. idle: a
 * program, which is called only when there is something to send.
 * @typedef {'blocked' | 'problem' | 'offline' | 'checking' | 'here' | 'away'} Known
 * @typedef {Known | 'asked' | 'invited' | 'looking' | 'idle'} Peer
 */

/**
 * @param {Pick<ServerState, 'state' | 'checking'>} server
 * @param {Pick<ShownContact, 'presence' | 'how' | 'blocked' | 'problem' | 'pairedAt' | 'application'>} contact
 * @returns {Peer}
 */
export function peerOf(server, { presence, how, blocked, problem, pairedAt, application }) {
  if (blocked) return 'blocked';
  if (problem) return 'problem';
  if (server.state !== 'online') return 'offline';
  if (server.checking) return 'checking';
  if (presence === 'here') return 'here';
  if (!pairedAt) return how === 'asked' ? 'asked' : 'invited';
  if (presence === 'away') return 'away';
  return application === PIPE ? 'idle' : 'looking';
}

/** Below the name at the head of a thread. @param {Peer} peer */
export function headWords(peer) {
  const { thread, list } = s;
  return {
    blocked: list.blocked,
    problem: thread.refused,
    offline: thread.offline,
    checking: thread.checking,
    here: thread.here,
    away: thread.away,
    asked: thread.asked,
    invited: thread.connecting,
    looking: thread.connecting,
    idle: '',
  }[peer];
}

/** In a thread without messages. @param {Peer} peer @param {ShownContact} contact @param {string} name */
export function emptyWords(peer, { how, pairedAt }, name) {
  const { thread } = s;
  if (peer === 'blocked') return '';
  if (peer === 'problem') return thread.refused;
  if (!pairedAt) return how === 'asked' ? thread.emptyAsked : thread.emptyInvited;
  if (peer === 'here') return thread.empty(name);
  return peer === 'away' ? thread.emptyAway(name) : thread.emptyUnknown(name);
}

/**
 * What a message waits for; `held`: for an answer of the person.
 * @param {import('../engine/types.js').TextMessage['state']} state @param {Peer} peer @param {boolean} held
 * @param {string} name
 */
export function messageWords(state, peer, held, name) {
  const { message } = s;
  if (state === 'delivered') return message.delivered;
  if (held) return message.held;
  return {
    blocked: message.stopped,
    problem: message.stopped,
    offline: message.waitingServer,
    checking: message.checking,
    here: message.sending,
    away: message.waiting(name),
    asked: message.waitingAnswer,
    invited: message.waitingUnknown,
    looking: message.waitingUnknown,
    idle: message.waitingUnknown,
  }[peer];
}

/** Why the bytes of a file do not move, or '' when nothing is known to hold them. @param {Peer} peer
 * @param {string} name */
export function standstillWords(peer, name) {
  if (peer === 'here') return '';
  if (peer === 'offline') return s.files.offline;
  if (peer === 'checking') return s.connection.checking;
  if (peer === 'away') return s.files.away(name);
  return s.message.waitingUnknown;
}
