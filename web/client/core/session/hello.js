/** The first frames of a link: who has which state, and from where each channel goes on (docs/protocol.md,
 * section 6, "The first frames of a link"). */
import { toPlace } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { decode, encode } from '../wire.js';
import { CHANNELS_MAX, REASON } from '../../wire_table.js';
import { acknowledge, limitOf, raiseSessionLimit, writableAgain } from './feedback.js';

/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./link.js').Link} Link */

/** @param {Session} s @param {Link} link */
export function makeHello(s, link) {
  /** Channels of either direction: the peer may have sent on one that I only receive. @type {any[]} */
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

/** No place may exceed what was sent. @param {Session} s @param {any[]} channels */
function placesFit(s, channels) {
  return channels.every(({ channel, received_to, taken_to }) => {
    const sent = s.outgoing.get(channel)?.sentMax ?? 0;
    return channel < CHANNELS_MAX && toPlace(received_to) <= sent && taken_to <= received_to;
  });
}

/** False: something that was sent before the other side's limit was known is larger, so it can never arrive.
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

/** @param {Session} s @param {Link} link @param {boolean} fits */
function confirm(s, link, fits) {
  link.confirmed = true;
  s.chooseLink();
  if (s.current === link && link.opener)
    for (const other of [...s.links]) if (other !== link) s.dropLink(other, REASON.REPLACED);
  if (!fits) throw new PairlinkError('EMSGSIZE'); // only now is there a link to say so on
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
    s.close = 'ended'; // the peer has no such session any more: that is an answer too
    return s.host.closeEnded(null);
  }
  s.startAgain(link);
  link.helloDue = true;
  s.peerEpoch = mineKnown ? hello.epoch : 0n;
  s.sessionLimit = s.peerMessageMax = s.peerChannelWindow = 0;
  for (const channel of s.outgoing.values()) channel.limit = 0;
  const fits = !mineKnown || applyLimits(s, hello); // else they belong to a state that the peer is about to drop
  // What is left of it may fit what I am now.
  const inStep = hello.peer_epoch === 0n || (mineKnown && s.epoch === judged);
  if (inStep && s.peerEpoch) confirm(s, link, fits);
}
