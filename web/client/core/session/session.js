/**
 * One session: messages delivered once and in order between two peers, over any number of links (docs/protocol.md,
 * section 6). It is pure and knows frames, places and time, but no keys and no envelopes: its owner opens and seals the
 * records. Every number in a received frame is hostile. Mirrors client/core/session.
 *
 * Memory is bounded. Outgoing data that the peer has not taken is limited to `channelWindow` per channel and
 * `sessionWindow` per session. Incoming data is limited to the same two, which the peer is told as its windows.
 *
 * A *place* counts the bytes and the ends of a channel (docs/protocol.md, "Channels and offsets").
 */
import { PairlinkError } from '../errors.js';
import { CHANNELS_MAX, DATA_FLAG_END_OF_CHANNEL, DATA_FLAG_END_OF_MESSAGE, REASON } from '../../wire_table.js';
import { Incoming, Outgoing } from './channel.js';
import { waitsForCredit } from './chunk.js';
import {
  ACK_BYTES,
  ACK_DELAY_MS,
  CLOSE_TIMEOUT_MS,
  HELLO_AGAIN_MS,
  LINKS_MAX,
  LINK_CONFIRM_MS,
  PIECES_MAX,
  PATIENCE_MAX,
  PROBES_MAX,
  PROBE_MIN_MS,
  TAKE_PROBE_MAX_MS,
  VOLATILE_BYTES,
} from './constants.js';
import { hasOutput, produce } from './produce.js';
import { takeRecord } from './receive.js';

/** @typedef {import('./link.js').Link} Link */
/** @typedef {{messageMax: number, channelWindow: number, sessionWindow: number}} SessionConfig */
/**
 * The owner's functions that a session calls.
 * @typedef {object} SessionHost
 * @property {(action: import('../engine/actions.js').SessionAction) => void} emit
 * @property {(link: Link, reason: number, text?: string) => void} reset ends one of the session's links
 * @property {() => bigint} newEpoch returns a random number, not zero
 * @property {(link: Link) => void} linked the session has a confirmed link, after it had none
 * @property {(reason: number, text: string) => void} peerClosed the peer closed; `produce` still has to write the
 *   answer
 * @property {(error: import('../errors.js').ErrorCode | null) => void} closeEnded this side's close is over: null when
 *   it was answered
 */

/** @typedef {'open' | 'closing' | 'peerClosed' | 'answered' | 'ended'} CloseState */

const PRIORITIES = 8;
/** Stands for each empty list of channels; nothing is ever added to it. @type {Set<Outgoing>} */
const NONE = new Set();

export class Session {
  /** @param {SessionConfig} config @param {SessionHost} host @param {number} now */
  constructor(config, host, now) {
    this.config = config;
    this.host = host;
    this.now = now;
    this.epoch = host.newEpoch();
    /** 0 when it is not known. */
    this.peerEpoch = 0n;
    this.highestSeq = 0;
    /** This and the next two come with the peer's HELLO; 0 before. */
    this.peerMessageMax = 0;
    this.peerChannelWindow = 0;
    this.sessionLimit = 0;
    /** @type {Map<number, Outgoing>} */
    this.outgoing = new Map();
    /** By priority: the channels that have places to send, in the order of their turns. @type {Set<Outgoing>[]} */
    this.sending = Array.from({ length: PRIORITIES }, () => NONE);
    /** @type {Map<number, Incoming>} */
    this.incoming = new Map();
    /** How often the streams were reset. Places of an earlier generation have no meaning. */
    this.generation = 0;
    /** `sentSum`: places sent, over all channels. `reserved`: places of started messages that are not sent yet. */
    this.sentSum = this.reserved = 0;
    /** The one channel that may start a message larger than the session's credit; see chunk.js.
     * @type {Outgoing | null} */
    this.stretched = null;
    this.receivedSum = 0;
    this.takenSum = 0;
    /** Places that the peer has not taken yet, over all channels. */
    this.waiting = 0;
    /** @type {Link[]} */
    this.links = [];
    /** @type {Link | null} the link that data is sent on */
    this.current = null;
    this.ackDue = false;
    this.ackNow = false;
    this.ackAt = Infinity;
    this.unackedBytes = 0;
    this.untoldTaken = 0;
    /** @type {{channel: number, data: Uint8Array}[]} */
    this.volatiles = [];
    this.volatileBytes = 0;
    this.volatileTurn = false;
    this.progressAt = now;
    this.probedAt = now;
    this.probesOpen = 0;
    /** `late` was called, and nothing got through since. */
    this.wasLate = false;
    /** Links that timed out since anything got through; each doubles the waits. */
    this.patience = 0;
    this.probeNumber = 0;
    this.probeDue = false;
    this.takeProbeMs = PROBE_MIN_MS;
    /** The smoothed round trip in ms, over all links; null before the first sample. @type {number | null} */
    this.rtt = null;
    /** @type {CloseState} */
    this.close = 'open';
    this.closeDue = false;
    this.closeReason = 0;
    /** @type {Uint8Array} */
    this.closeText = new Uint8Array(0);
    this.closeBy = Infinity;
    this.closeSentAt = 0;
  }

  /** @private */
  dropStreams() {
    this.generation++;
    this.outgoing.clear();
    this.incoming.clear();
    this.sending.fill(NONE);
    this.stretched = null;
    this.sessionLimit = this.sentSum = this.reserved = this.receivedSum = this.takenSum = this.waiting = 0;
    this.unackedBytes = this.untoldTaken = 0;
  }

  // ---- commands ------------------------------------------------------------------------------------

  /** @param {number} number @private */
  outgoingOf(number) {
    if (!Number.isInteger(number) || number < 0 || number >= CHANNELS_MAX) throw new PairlinkError('EINVAL', 'channel');
    let channel = this.outgoing.get(number);
    if (!channel) {
      channel = new Outgoing(number, this.peerChannelWindow);
      this.outgoing.set(number, channel);
    }
    return channel;
  }
  /** Throws EPROTOCOL, because the number comes from the peer. @param {number} number */
  incomingOf(number) {
    if (number >= CHANNELS_MAX) throw new PairlinkError('EPROTOCOL', 'channel');
    let channel = this.incoming.get(number);
    if (!channel) {
      channel = new Incoming(this.config.channelWindow);
      this.incoming.set(number, channel);
    }
    return channel;
  }
  /** @private */
  mustBeOpen() {
    if (this.close !== 'open') throw new PairlinkError('ESTATE', 'the session is closed');
  }
  /** The bytes of the largest message that can be sent. */
  get messageMax() {
    return this.peerMessageMax ? Math.min(this.peerMessageMax, this.config.messageMax) : this.config.messageMax;
  }
  /** Queues one whole message. Throws EAGAIN when the window is full; an action 'writable' follows then.
   * @param {number} number @param {Uint8Array} data owned by the session from now on
   * @returns {number} the place after the message */
  send(number, data) {
    this.mustBeOpen();
    if (data.length > this.messageMax) throw new PairlinkError('EMSGSIZE');
    const channel = this.outgoingOf(number);
    if (channel.finished) throw new PairlinkError('ESTATE', 'the channel is finished');
    const places = data.length + 1;
    const { channelWindow, sessionWindow } = this.config;
    const fits =
      channel.kept + places <= channelWindow &&
      this.waiting + places <= sessionWindow &&
      channel.pieces.length < PIECES_MAX;
    if (!fits) {
      channel.blocked = true;
      throw new PairlinkError('EAGAIN');
    }
    return this.add(channel, data, DATA_FLAG_END_OF_MESSAGE, places);
  }
  /** Ends this side's direction. Returns the place after the end. @param {number} number */
  finish(number) {
    this.mustBeOpen();
    const channel = this.outgoingOf(number);
    if (channel.finished) throw new PairlinkError('ESTATE', 'the channel is finished');
    channel.finished = true;
    return this.add(channel, new Uint8Array(0), DATA_FLAG_END_OF_CHANNEL, 1);
  }
  /** @param {Outgoing} channel @param {Uint8Array} data @param {number} flags @param {number} places @private */
  add(channel, data, flags, places) {
    if (this.waiting === 0) this.progressAt = this.now;
    this.waiting += places;
    const place = channel.add(data, flags);
    this.hasPlacesToSend(channel);
    return place;
  }
  /** @param {Outgoing} channel */
  hasPlacesToSend(channel) {
    if (channel.sentTo >= channel.end) return;
    const equals = this.sending[channel.priority];
    if (equals === NONE) this.sending[channel.priority] = new Set([channel]);
    else equals.add(channel);
  }
  /** Queues a message outside order and credit. Returns false when there is no link to send it on. When the queue is
   * full, the oldest are dropped. Throws EMSGSIZE. @param {number} number @param {Uint8Array} data */
  sendVolatile(number, data) {
    this.mustBeOpen();
    if (!Number.isInteger(number) || number < 0 || number >= CHANNELS_MAX) throw new PairlinkError('EINVAL', 'channel');
    if (data.length > VOLATILE_BYTES / 2) throw new PairlinkError('EMSGSIZE');
    if (!this.current) return false;
    this.volatiles.push({ channel: number, data });
    this.volatileBytes += data.length + 3;
    while (this.volatileBytes > VOLATILE_BYTES) {
      const oldest = /** @type {{data: Uint8Array}} */ (this.volatiles.shift());
      this.volatileBytes -= oldest.data.length + 3;
    }
    return true;
  }
  /** The application has taken everything below this place. @param {number} number @param {number} place
   * @param {number} generation of the streams that the place belongs to */
  take(number, place, generation) {
    if (generation !== this.generation) return;
    const channel = this.incoming.get(number);
    if (!channel) throw new PairlinkError('EINVAL', 'channel');
    const before = channel.takenTo;
    if (!channel.take(place)) return;
    this.takenSum += place - before;
    this.untoldTaken += place - before;
    this.ackSoon(this.untoldTaken >= Math.min(ACK_BYTES, Math.floor(this.config.channelWindow / 4)));
  }
  /** @param {number} number @param {number} priority */
  setPriority(number, priority) {
    if (!Number.isInteger(priority) || priority < 0 || priority > 7) throw new PairlinkError('EINVAL', 'priority');
    const channel = this.outgoingOf(number);
    this.sending[channel.priority].delete(channel);
    channel.priority = priority;
    this.hasPlacesToSend(channel);
  }
  /** Gives up this side's direction of a channel and discards what was not sent. @param {number} number
   * @param {number} reason */
  resetChannel(number, reason) {
    this.mustBeOpen();
    const channel = this.outgoingOf(number);
    const before = channel.end;
    this.reserved -= channel.giveUp(reason);
    if (this.stretched === channel) this.stretched = null;
    if (this.waiting === 0) this.progressAt = this.now;
    this.waiting += channel.end - before;
    this.hasPlacesToSend(channel);
  }
  /** Sends CLOSE and waits for the answer. @param {number} reason @param {Uint8Array} text at most 123 bytes */
  startClose(reason, text) {
    this.mustBeOpen();
    if (this.peerEpoch === 0n && this.links.length === 0) {
      this.close = 'ended'; // the peer does not know of this session
      this.host.closeEnded(null);
      return;
    }
    this.close = 'closing';
    this.closeDue = true;
    this.closeReason = reason;
    this.closeText = text;
    this.closeBy = this.now + CLOSE_TIMEOUT_MS;
  }
  /** Emits 'lost' for each message that the peer has not taken. */
  reportLost() {
    for (const [number, channel] of this.outgoing)
      for (const piece of channel.pieces)
        if (piece.flags & DATA_FLAG_END_OF_MESSAGE && piece.end > channel.takenTo)
          this.host.emit({ type: 'lost', channel: number, place: piece.end });
  }

  // ---- links ------------------------------------------------------------------------------------------

  /** Adds a link. Throws EAGAIN when there are too many. @param {Link} link */
  linkUp(link) {
    if (this.links.length >= LINKS_MAX) throw new PairlinkError('EAGAIN', 'too many links');
    link.linkedAt = this.now;
    if (link.opener) {
      link.helloDue = true;
      if (this.highestSeq < 0xffffffff) this.highestSeq++;
      link.seq = this.highestSeq;
    }
    this.links.push(link);
  }
  /** The session is over, but the peer calls again: answers with CLOSE. */
  answerClosed() {
    this.close = 'peerClosed';
    this.closeDue = true;
  }
  /** Forgets a link that its owner has reset or that was lost. @param {Link} link */
  linkDown(link) {
    this.links = this.links.filter((l) => l !== link);
    if (this.current === link) {
      this.current = null;
      this.chooseLink();
    }
  }
  /** Resets and forgets a link. @param {Link} link @param {number} reason */
  dropLink(link, reason) {
    this.host.reset(link, reason);
    this.linkDown(link);
  }
  /** Makes the best confirmed link the current one. What the peer has not received is sent again on it. */
  chooseLink() {
    /** @type {Link | null} */
    let best = null;
    for (const link of this.links) {
      if (!link.confirmed) continue;
      if (!best || link.seq > best.seq || (link.seq === best.seq && link.bySmaller)) best = link;
    }
    if (best === this.current) return;
    const first = !this.current;
    this.current = best;
    this.probeDue = false;
    this.probedAt = this.now;
    this.takeProbeMs = PROBE_MIN_MS;
    this.progress();
    if (!best) return;
    if (this.close === 'closing') this.closeDue = true;
    for (const channel of [...this.outgoing.values()].sort((a, b) => a.number - b.number)) {
      this.goBack(channel);
      channel.resendCounter = /** @type {any} */ (best.noise).nextCounter;
    }
    if (first) this.host.linked(best);
  }
  /** Sends again what the peer has not received. @param {Outgoing} channel */
  goBack(channel) {
    channel.goBack();
    this.hasPlacesToSend(channel);
  }
  /** One side lost its state. The other links belong to the old state, so they are dropped, too.
   * @param {Link} link the one whose HELLO shows it */
  startAgain(link) {
    for (const other of [...this.links]) if (other !== link) this.dropLink(other, REASON.REPLACED);
    let history = false;
    for (const channel of this.outgoing.values()) history ||= channel.sentMax > 0;
    for (const channel of this.incoming.values()) history ||= channel.receivedTo > 0;
    if (history) {
      this.reportLost();
      this.host.emit({ type: 'stream_reset' });
      this.dropStreams();
      this.epoch = this.host.newEpoch();
    }
    link.confirmed = false;
    if (this.current === link) this.current = null;
  }

  // ---- records ----------------------------------------------------------------------------------------

  /** Takes an opened record. Throws EPROTOCOL when the peer broke the protocol; the owner must end the session then.
   * @param {Link} link @param {Uint8Array} plaintext borrowed */
  record(link, plaintext) {
    takeRecord(this, link, plaintext);
  }
  /** Returns true when there is a record to send on this link now. @param {Link} link */
  hasOutput(link) {
    return hasOutput(this, link);
  }
  /** Writes the plaintext of the link's next record.
   * @param {Link} link @param {Uint8Array} area @param {number} room
   * @returns {{size: number, flags: number}} size 0 when there is nothing to send; flags of the envelope */
  produce(link, area, room) {
    return produce(this, link, area, room);
  }

  // ---- time -------------------------------------------------------------------------------------------

  /** Something got through: the wait for progress starts again. */
  progress() {
    this.progressAt = this.now;
    this.probesOpen = 0;
    this.wasLate = false;
  }
  /** This program did not run for a while. That time does not count as waiting (once), and gives no samples.
   * @param {number} now */
  late(now) {
    this.now = now;
    for (const link of this.links) link.pacing.measuredFrom = now;
    if (this.wasLate) return;
    this.progressAt = now;
    this.probesOpen = 0;
    this.wasLate = true;
  }
  /** Makes an ACK due: now, or within ACK_DELAY_MS. @param {boolean} now */
  ackSoon(now) {
    if (!this.ackDue) this.ackAt = this.now + ACK_DELAY_MS;
    this.ackDue = true;
    this.ackNow ||= now;
  }
  /** Doubles the waits after a link timed out: on a slow connection a single record may take longer. @private */
  waitLonger() {
    if (this.patience < PATIENCE_MAX) this.patience++;
  }
  /** Returns when a link that is not confirmed times out. On a slow connection the HELLO may queue behind data, so the
   * wait grows. @param {Link} link @private */
  confirmBy(link) {
    return link.linkedAt + LINK_CONFIRM_MS * 2 ** this.patience;
  }
  /** @private */
  probeDeadline() {
    const link = this.current;
    if (!link || this.probeDue || this.close !== 'open' || (this.waiting === 0 && link.pacing.inFlight === 0))
      return Infinity;
    let wait = Math.max(PROBE_MIN_MS, 3 * (this.rtt ?? 0)) * 2 ** this.patience;
    let urgent = link.pacing.inFlight > 0;
    if (!urgent) for (const channel of this.outgoing.values()) urgent ||= waitsForCredit(this, channel);
    if (!urgent) wait = Math.max(wait, this.takeProbeMs);
    return Math.max(this.progressAt, this.probedAt) + wait;
  }
  /** @private */
  closeDeadline() {
    if (this.close !== 'closing') return Infinity;
    const again = this.current && !this.closeDue ? this.closeSentAt + PROBE_MIN_MS : Infinity;
    return Math.min(again, this.closeBy);
  }
  deadline() {
    let at = Math.min(this.probeDeadline(), this.closeDeadline());
    if (this.ackDue && !this.ackNow && this.current) at = Math.min(at, this.ackAt);
    for (const link of this.links) {
      if (!link.confirmed) at = Math.min(at, this.confirmBy(link));
      if (link.opener && !link.helloCame && !link.helloDue) at = Math.min(at, link.helloAt + HELLO_AGAIN_MS);
    }
    return at;
  }
  /** Does everything whose time has come. */
  time() {
    if (this.ackDue && this.now >= this.ackAt) this.ackNow = true;
    if (this.now >= this.closeDeadline()) {
      if (this.now >= this.closeBy) {
        this.close = 'ended';
        this.closeDue = false;
        this.host.closeEnded('ETIMEDOUT');
        return;
      }
      this.closeDue = true;
    }
    for (const link of [...this.links])
      if (!link.confirmed && this.now >= this.confirmBy(link)) {
        this.dropLink(link, REASON.TIMEOUT);
        this.waitLonger();
      }
    for (const link of this.links)
      if (link.opener && !link.helloCame && this.now >= link.helloAt + HELLO_AGAIN_MS) link.helloDue = true;
    if (this.now < this.probeDeadline()) return;
    if (this.probesOpen >= PROBES_MAX) {
      this.waitLonger();
      this.dropLink(/** @type {Link} */ (this.current), REASON.TIMEOUT);
      return;
    }
    this.probesOpen++;
    this.probeNumber = (this.probeNumber + 1) % 0x100000000;
    this.probeDue = true;
    this.probedAt = this.now;
    if (this.takeProbeMs < TAKE_PROBE_MAX_MS) this.takeProbeMs *= 2;
  }
}
