/** The first frames of a link: they compare the two sides' states and say from where each channel resumes
 * (docs/protocol.md, section 6, "The first frames of a link"). */
import { toPlace } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { decode, encode } from '../wire.js';
import { CHANNELS_MAX, REASON } from '../../wire_table.js';
import { acknowledge, limitOf, raiseSessionLimit, writableAgain } from './feedback.js';

/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./link.js').Link} Link */

/** @param {Session} s @param {Link} link */
export function makeHello(s, link) {
  /** @type {any[]} */
  const channels = [];
  for (const [number, { receivedTo, takenTo, limit }] of s.incoming)
    channels.push({ channel: number, received_to: receivedTo, taken_to: takenTo, limit });
  return encode('frame_hello', {
    epoch: s.epoch,
    peer_epoch: s.peerEpoch,
    link_seq: link.seq,
    message_max: s.config.messageMax,
    channel_window: s.config.channelWindow,
    session_limit: s.takenSum + s.config.sessionWindow,
    channels,
  });
}

/** Returns true when no place exceeds what this side has sent. @param {Session} s @param {any[]} channels */
function placesFit(s, channels) {
  return channels.every(({ channel, received_to, taken_to }) => {
    const sent = s.outgoing.get(channel)?.sentMax ?? 0;
    return channel < CHANNELS_MAX && toPlace(received_to) <= sent && taken_to <= received_to;
  });
}

/** Applies the limits of a HELLO. Returns false when a queued message is larger than the peer accepts, so that it can
 * never arrive: it was queued before the limit was known.
 * @param {Session} s @param {any} hello */
function applyLimits(s, hello) {
  s.peerMessageMax = hello.message_max;
  s.peerChannelWindow = hello.channel_window;
  raiseSessionLimit(s, hello.session_limit);
  let fits = true;
  for (const channel of s.outgoing.values()) {
    channel.limit = Math.max(channel.limit, hello.channel_window);
    fits &&= !channel.pieces.some(({ data, start }) => data.length > hello.message_max && start >= channel.sentMax);
  }
  return fits || s.close !== 'open';
}

/** Both sides agree on the state: the link may carry data. Throws EMSGSIZE when not `fits`.
 * @param {Session} s @param {Link} link @param {boolean} fits what applyLimits returned */
function confirm(s, link, fits) {
  link.confirmed = true;
  s.chooseLink();
  if (s.current === link && link.opener)
    for (const other of [...s.links]) if (other !== link) s.dropLink(other, REASON.REPLACED);
  if (!fits) throw new PairlinkError('EMSGSIZE'); // thrown only now, because a link is needed to tell the peer
}

/** @param {Session} s @param {Link} link @param {Uint8Array} body */
export function takeHello(s, link, body) {
  const hello = decode('frame_hello', body);
  if (hello.epoch === 0n || hello.message_max === 0 || hello.channel_window <= hello.message_max)
    throw new PairlinkError('EPROTOCOL', 'HELLO');
  limitOf(hello.session_limit);
  if (!link.opener && !link.helloCame) {
    link.seq = hello.link_seq;
    s.highestSeq = Math.max(s.highestSeq, hello.link_seq);
  }
  link.helloCame = true;
  const peerKnown = s.peerEpoch === 0n || hello.epoch === s.peerEpoch;
  const mineKnown = hello.peer_epoch === 0n || hello.peer_epoch === s.epoch;
  if (peerKnown && mineKnown && placesFit(s, hello.channels)) {
    s.peerEpoch = hello.epoch;
    const fits = applyLimits(s, hello);
    for (const item of hello.channels) {
      const channel = s.outgoing.get(item.channel);
      if (channel) channel.limit = Math.max(channel.limit, limitOf(item.limit));
      acknowledge(s, item.channel, toPlace(item.received_to), toPlace(item.taken_to));
    }
    writableAgain(s);
    if (!link.opener) link.helloDue = true;
    return confirm(s, link, fits);
  }
  const judged = s.epoch;
  if (s.close === 'closing') {
    s.close = 'ended'; // the peer no longer has this session, which answers the CLOSE as well
    return s.host.closeEnded(null);
  }
  s.startAgain(link);
  link.helloDue = true;
  s.peerEpoch = mineKnown ? hello.epoch : 0n;
  s.sessionLimit = s.peerMessageMax = s.peerChannelWindow = 0;
  for (const channel of s.outgoing.values()) channel.limit = 0;
  const fits = !mineKnown || applyLimits(s, hello); // otherwise the limits belong to a state that the peer will drop
  // The state that startAgain left may agree with the HELLO.
  const inStep = hello.peer_epoch === 0n || (mineKnown && s.epoch === judged);
  if (inStep && s.peerEpoch) confirm(s, link, fits);
}
