/** The frames of a record (docs/protocol.md, section 6). Throws EPROTOCOL for what no honest peer sends. */
import { fromUtf8, getPlace, toPlace } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { decode, frames } from '../wire.js';
import { CHANNELS_MAX, FRAME } from '../../wire_table.js';
import { ACK_BYTES, PROBE_MIN_MS, RECORD_COST } from './constants.js';
import { takeHello } from './hello.js';

/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./link.js').Link} Link */

/** @param {string} what @returns {never} */
function broken(what) {
  throw new PairlinkError('EPROTOCOL', what);
}

/** @param {Session} s @param {Link} link @param {Uint8Array} plaintext */
export function takeRecord(s, link, plaintext) {
  let asks = false;
  for (const { type, body } of frames(plaintext)) {
    asks ||= type !== FRAME.ACK && type !== FRAME.CREDIT && type !== FRAME.PROBE_REPLY;
    takeFrame(s, link, type, body);
    if (!s.links.includes(link)) return; // HELLO on it showed that it is not the best, or the session ended
  }
  if (!asks) return;
  s.unackedBytes += plaintext.length + RECORD_COST; // as the sender counts what is in flight
  s.ackSoon(s.unackedBytes >= ACK_BYTES);
}

/** @param {Session} s @param {Link} link @param {number} type @param {Uint8Array} body */
function takeFrame(s, link, type, body) {
  if (type === FRAME.HELLO) return takeHello(s, link, body);
  if (!link.confirmed) return;
  if (type === FRAME.CLOSE) return takeClose(s, body);
  const told = s.close === 'closing' && (type === FRAME.ACK || type === FRAME.CREDIT); // what was taken before the end
  if (s.close !== 'open' && !told) return;
  switch (type) {
    case FRAME.DATA:
      return takeData(s, body);
    case FRAME.ACK:
      return takeAck(s, link, body);
    case FRAME.CREDIT:
      return takeCredit(s, body);
    case FRAME.CHANNEL_RESET:
      return takeChannelReset(s, body);
    case FRAME.PROBE:
      link.probeReply = decode('frame_probe', body).number;
      for (const channel of s.incoming.values()) channel.ackDue = true; // any earlier ACK may have been lost
      return s.ackSoon(true);
    case FRAME.PROBE_REPLY:
      if (decode('frame_probe', body).number !== s.probeNumber) return;
      s.probesOpen = 0;
      s.wasLate = false;
      return;
    case FRAME.VOLATILE: {
      const { channel, bytes } = decode('frame_volatile', body);
      if (channel >= CHANNELS_MAX) broken('channel');
      return s.host.emit({ type: 'volatile', channel, data: bytes.slice() });
    }
  }
}

/** @param {Session} s @param {Uint8Array} body */
function takeData(s, body) {
  if (body.length < 10) broken('DATA cut short');
  const number = body[0];
  const offset = getPlace(body, 2);
  const bytes = body.subarray(10);
  const channel = s.incomingOf(number);
  const flags = body[1] & 3;
  const end = offset + bytes.length + (flags & 1) + (flags >> 1);
  const fresh = end - channel.receivedTo;
  // The ends of channels given up need no credit, so they may have been sent on top.
  const most = s.takenSum + s.config.sessionWindow + CHANNELS_MAX;
  if (offset <= channel.receivedTo && fresh > 0 && s.receivedSum + fresh > most) broken('beyond the session limit');
  const places = channel.receive(
    offset,
    flags,
    bytes,
    s.config.messageMax,
    (data, place) => s.host.emit({ type: 'message', channel: number, data, place, generation: s.generation }),
    (place) => s.host.emit({ type: 'end', channel: number, place, generation: s.generation }),
  );
  if (places < 0)
    s.ackSoon(true); // a gap: the sender learns of it from the counter
  else received(s, places);
}

/** @param {Session} s @param {number} places that are new */
function received(s, places) {
  s.receivedSum += places;
  if (places) s.patience = 0;
}

/** @param {Session} s @param {Uint8Array} body */
function takeChannelReset(s, body) {
  const { channel: number, direction, reason, offset } = decode('frame_channel_reset', body);
  if (direction !== 0) return; // none other in version 1
  const channel = s.incomingOf(number);
  const places = channel.cutOff(toPlace(offset));
  if (places === 0) return;
  received(s, places);
  s.host.emit({ type: 'channel_reset', channel: number, reason, place: channel.receivedTo, generation: s.generation });
}

/** @param {Session} s @param {number} number @param {number} receivedTo @param {number} takenTo */
export function acknowledge(s, number, receivedTo, takenTo) {
  if (number >= CHANNELS_MAX) broken('channel');
  const channel = s.outgoing.get(number);
  if (!channel) {
    if (receivedTo || takenTo) broken('acknowledged what was not sent');
    return;
  }
  const before = channel.takenTo;
  const { progress, taken } = channel.acknowledge(receivedTo, takenTo);
  if (channel.sentTo === channel.end) s.sending[channel.priority].delete(channel);
  if (progress) {
    s.progress();
    s.patience = 0;
    s.takeProbeMs = PROBE_MIN_MS;
  }
  if (!taken) return;
  s.waiting -= channel.takenTo - before;
  s.host.emit({ type: 'delivered', channel: number, place: channel.takenTo });
  writableAgain(s);
}

/** Tells the channels that wait for room and have it. @param {Session} s */
export function writableAgain(s) {
  const { channelWindow, sessionWindow } = s.config;
  for (const [number, channel] of s.outgoing) {
    if (!channel.blocked || channel.kept > Math.floor(channelWindow / 2) || s.waiting > Math.floor(sessionWindow / 2))
      continue;
    channel.blocked = false;
    s.host.emit({ type: 'writable', channel: number });
  }
}

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
function takeAck(s, link, body) {
  const { counter, channels } = decode('frame_ack', body);
  const none = counter === 0xffffffffffffffffn;
  const seen = none ? -1 : toPlace(counter);
  if (seen >= /** @type {any} */ (link.noise).nextCounter) broken('acknowledged what was not sent');
  for (const item of channels) acknowledge(s, item.channel, toPlace(item.received_to), toPlace(item.taken_to));
  if (none) return;
  const news = link.pacing.acknowledged(seen, s.now);
  const newest = news.at(-1);
  if (newest && newest.sentAt >= link.pacing.measuredFrom) {
    const trip = Math.min(60000, s.now - newest.sentAt);
    s.rtt = s.rtt === null ? trip : Math.floor((7 * s.rtt + trip) / 8);
  }
  if (newest) s.progress();
  if (link === s.current) for (const flight of news) judgeSent(s, link, flight);
}

/** Places of this record that did not come are lost: the channel goes back, once for all records sent so far.
 * @param {Session} s @param {Link} link @param {import('./pacing.js').Flight} flight */
function judgeSent(s, link, { counter, places }) {
  for (const { channel: number, to } of places) {
    const channel = s.outgoing.get(number);
    if (!channel || counter < channel.resendCounter || to <= channel.receivedTo) continue;
    s.goBack(channel);
    channel.resendCounter = /** @type {any} */ (link.noise).nextCounter;
  }
}

/** @param {Session} s @param {Uint8Array} body */
function takeCredit(s, body) {
  const { session_limit: limit, channels } = decode('frame_credit', body);
  raiseSessionLimit(s, limit);
  for (const item of channels) {
    if (item.channel >= CHANNELS_MAX) broken('channel');
    const channel = s.outgoing.get(item.channel);
    const to = limitOf(item.limit);
    if (!channel || to <= channel.limit) continue;
    channel.limit = to;
    s.progress();
  }
}

/** @param {bigint} limit */
export function limitOf(limit) {
  if (limit >> 63n) broken('limit');
  return Math.min(toPlace(limit), Number.MAX_SAFE_INTEGER);
}

/** @param {Session} s @param {bigint} limit */
export function raiseSessionLimit(s, limit) {
  const to = limitOf(limit);
  if (to <= s.sessionLimit) return;
  s.sessionLimit = to;
  s.progress();
}

/** @param {Session} s @param {Uint8Array} body */
function takeClose(s, body) {
  const { reason, text } = decode('frame_close', body);
  if (s.close === 'closing') {
    s.close = s.closeDue ? 'peerClosed' : 'ended'; // both closed at once: our own CLOSE is the answer
    return s.host.closeEnded(null);
  }
  if (s.close === 'ended') return;
  const first = s.close === 'open';
  s.close = 'peerClosed';
  s.closeDue = true; // again, when the first answer was lost
  s.closeReason = reason;
  s.closeText = new Uint8Array(0);
  if (first) s.host.peerClosed(reason, fromUtf8(text));
}
