/**
 * What ACK, CREDIT and HELLO say about the direction that this side sends: how far the peer has received and taken it,
 * and how far it may go. Throws EPROTOCOL for what no honest peer says.
 */
import { toPlace } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { CHANNELS_MAX } from '../../wire_table.js';
import { PROBE_MIN_MS } from './constants.js';

/** @typedef {import('./session.js').Session} Session */

/** Throws EPROTOCOL. @param {string} what @returns {never} */
export function broken(what) {
  throw new PairlinkError('EPROTOCOL', what);
}

/** The peer has received everything below `receivedTo`, and its application has taken everything below `takenTo`.
 * @param {Session} s @param {number} number of the channel @param {number} receivedTo @param {number} takenTo */
export function acknowledge(s, number, receivedTo, takenTo) {
  if (number >= CHANNELS_MAX) broken('channel');
  const channel = s.outgoing.get(number);
  if (!channel) {
    if (receivedTo || takenTo) broken('acknowledged what was not sent');
    return;
  }
  const { takenTo: before, receivedTo: receivedBefore } = channel;
  const { progress, taken } = channel.acknowledge(receivedTo, takenTo);
  if (channel.sentTo === channel.end) s.sending[channel.priority].delete(channel);
  if (progress) {
    s.progress();
    if (channel.receivedTo > receivedBefore) s.patience = 0;
    s.takeProbeMs = PROBE_MIN_MS;
  }
  if (!taken) return;
  s.waiting -= channel.takenTo - before;
  s.host.emit({ type: 'delivered', channel: number, place: channel.takenTo });
  writableAgain(s);
}

/** Emits 'writable' for each channel that was blocked and has room again. @param {Session} s */
export function writableAgain(s) {
  const { channelWindow, sessionWindow } = s.config;
  for (const [number, channel] of s.outgoing) {
    if (!channel.blocked || channel.kept > Math.floor(channelWindow / 2) || s.waiting > Math.floor(sessionWindow / 2))
      continue;
    channel.blocked = false;
    s.host.emit({ type: 'writable', channel: number });
  }
}

/** Returns a limit as a number; one beyond the exact ones counts as the largest of these. @param {bigint} limit */
export function limitOf(limit) {
  if (limit >> 63n) broken('limit');
  return Math.min(toPlace(limit), Number.MAX_SAFE_INTEGER);
}

/** A limit never goes back, so a smaller one is ignored. @param {Session} s @param {bigint} limit */
export function raiseSessionLimit(s, limit) {
  const to = limitOf(limit);
  if (to <= s.sessionLimit) return;
  s.sessionLimit = to;
  s.progress();
}
