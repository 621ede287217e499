/** The frames of a record (docs/protocol.md, section 6). Throws EPROTOCOL for what no honest peer sends. */
import { fromUtf8, getPlace, toPlace } from '../bytes.js';
import { decode, frames } from '../wire.js';
import { CHANNELS_MAX, DATA_FLAG_END_OF_CHANNEL, DATA_FLAG_END_OF_MESSAGE, FRAME } from '../../wire_table.js';
import { ends } from './channel.js';
import { ACK_BYTES, RECORD_COST } from './constants.js';
import { acknowledge, broken, limitOf, raiseSessionLimit } from './feedback.js';
import { takeHello } from './hello.js';

/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./session.js').CloseState} CloseState */
/** @typedef {import('./link.js').Link} Link */

/** @type {CloseState[]} */
const OPEN = ['open'];
/** After this side's CLOSE too: the peer still reports what was taken before the end. @type {CloseState[]} */
const OPEN_OR_CLOSING = ['open', 'closing'];
/** @type {CloseState[]} */
const ANY = ['open', 'closing', 'peerClosed', 'answered', 'ended'];

/**
 * Which frame is taken when. `first`: also on a link that is not confirmed. `close`: in which states of the session's
 * end. `asks`: the peer waits for an ACK of it. A frame that comes in another state, or of an unknown type, is skipped.
 * @typedef {object} FrameRow
 * @property {boolean} [first]
 * @property {CloseState[]} close
 * @property {boolean} [asks]
 * @property {(s: Session, link: Link, body: Uint8Array) => void} take
 */

/** @type {Record<number, FrameRow>} */
const FRAMES = {
  [FRAME.HELLO]: { close: ANY, asks: true, first: true, take: takeHello },
  [FRAME.DATA]: { close: OPEN, asks: true, take: takeData },
  [FRAME.ACK]: { close: OPEN_OR_CLOSING, take: takeAck },
  [FRAME.CREDIT]: { close: OPEN_OR_CLOSING, take: takeCredit },
  [FRAME.CHANNEL_RESET]: { close: OPEN, asks: true, take: takeChannelReset },
  [FRAME.PROBE]: { close: OPEN, asks: true, take: takeProbe },
  [FRAME.PROBE_REPLY]: { close: OPEN, take: takeProbeReply },
  [FRAME.VOLATILE]: { close: OPEN, asks: true, take: takeVolatile },
  [FRAME.CLOSE]: { close: ANY, asks: true, take: takeClose },
};

/** @param {Session} s @param {Link} link @param {Uint8Array} plaintext borrowed */
export function takeRecord(s, link, plaintext) {
  let asks = false;
  for (const { type, body } of frames(plaintext)) {
    const row = FRAMES[type];
    asks ||= !row || row.asks === true; // a later version's frame may wait for an ACK, too
    if (row && (row.first || link.confirmed) && row.close.includes(s.close)) row.take(s, link, body);
    if (!s.links.includes(link)) return; // the frame made the session drop this link, or ended the session
  }
  if (!asks) return;
  s.unackedBytes += plaintext.length + RECORD_COST; // as the sender counts what is in flight
  s.ackSoon(s.unackedBytes >= ACK_BYTES);
}

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
function takeProbe(s, link, body) {
  link.probeReply = decode('frame_probe', body).number;
  for (const channel of s.incoming.values()) channel.ackDue = true; // any earlier ACK may have been lost
  s.ackSoon(true);
}

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
function takeProbeReply(s, link, body) {
  if (decode('frame_probe', body).number !== s.probeNumber) return;
  s.probesOpen = 0;
  s.wasLate = false;
}

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
function takeVolatile(s, link, body) {
  const { channel, bytes } = decode('frame_volatile', body);
  if (channel >= CHANNELS_MAX) broken('channel');
  s.host.emit({ type: 'volatile', channel, data: bytes.slice() });
}

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
function takeData(s, link, body) {
  if (body.length < 10) broken('DATA cut short');
  const number = body[0];
  const offset = getPlace(body, 2);
  const bytes = body.subarray(10);
  const channel = s.incomingOf(number);
  const flags = body[1] & (DATA_FLAG_END_OF_MESSAGE | DATA_FLAG_END_OF_CHANNEL);
  const end = offset + bytes.length + ends(flags);
  const fresh = end - channel.receivedTo;
  // CHANNEL_RESET needs no credit, so each channel may be one place beyond the limit.
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
    s.ackSoon(true); // a gap: the ACK's counter tells the sender
  else received(s, places);
}

/** @param {Session} s @param {number} places new ones */
function received(s, places) {
  s.receivedSum += places;
  if (places) s.patience = 0;
}

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
function takeChannelReset(s, link, body) {
  const { channel: number, direction, reason, offset } = decode('frame_channel_reset', body);
  if (direction !== 0) return; // version 1 has no other direction
  const channel = s.incomingOf(number);
  const places = channel.cutOff(toPlace(offset));
  if (places === 0) return;
  received(s, places);
  s.host.emit({ type: 'channel_reset', channel: number, reason, place: channel.receivedTo, generation: s.generation });
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

/** Judges a record of which the peer has seen the counter: places in it that were not received are lost, so the channel
 * goes back to them. Once it went back, records sent before that do not make it go back again.
 * @param {Session} s @param {Link} link @param {import('./pacing.js').Flight} flight */
function judgeSent(s, link, { counter, places }) {
  for (const { channel: number, to } of places) {
    const channel = s.outgoing.get(number);
    if (!channel || counter < channel.resendCounter || to <= channel.receivedTo) continue;
    s.goBack(channel);
    channel.resendCounter = /** @type {any} */ (link.noise).nextCounter;
  }
}

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
function takeCredit(s, link, body) {
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

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
function takeClose(s, link, body) {
  const { reason, text } = decode('frame_close', body);
  if (s.close === 'closing') {
    s.close = s.closeDue ? 'peerClosed' : 'ended'; // both sides closed: this side's CLOSE is the answer
    return s.host.closeEnded(null);
  }
  if (s.close === 'ended') return;
  const first = s.close === 'open';
  s.close = 'peerClosed';
  s.closeDue = true; // a repeated CLOSE means that the first answer was lost
  s.closeReason = reason;
  s.closeText = new Uint8Array(0);
  if (first) s.host.peerClosed(reason, fromUtf8(text));
}
