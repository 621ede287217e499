/**
 * The client's engine: all decisions of one identity at one relay, such as login, links, handshakes, whom to accept,
 * sessions and retries. It is pure, with events in and actions out; the shell owns socket, clock and random numbers.
 * Mirrors client/core/engine.
 *
 * Use: call `step` for each event and execute the actions in order. Call `produce` while the socket takes bytes. Then
 * wait until `deadline` or the next event.
 */
import { equal, toHex, utf8Within } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { isValidId } from '../identity.js';
import { encode, envelopes, makeEnvelope } from '../wire.js';
import { ENVELOPE, INVITE_SECRET_BYTES, REASON } from '../../wire_table.js';
import { Agenda } from './agenda.js';
import { CodeLink, Codes } from './code.js';
import { APPLICATION_MAX, NAME_MAX } from './entry.js';
import { takeEnvelope } from './incoming.js';
import { hasOutput, produce } from './output.js';
import { considerOffer, dialFailed, linkLost } from './pairing.js';
import { RelayConnection } from './relay.js';
import { Sessions } from './sessions.js';
import { Slots } from './slots.js';
import { Strangers } from './strangers.js';
import { deadline, noticeLate, time } from './time.js';

/** @typedef {import('./actions.js').Action} Action */
/** @typedef {import('./entry.js').Entry} Entry */
/** @typedef {import('../session/link.js').Link} Link */
/** @typedef {import('../errors.js').ErrorCode} ErrorCode */

/**
 * @typedef {object} EngineConfig
 * @property {import('../identity.js').Identity} identity
 * @property {Uint8Array} instance 8 bytes
 * @property {(size: number) => Uint8Array} randomBytes
 * @property {Uint8Array} origin the WHATWG origin of the relay's address in UTF-8, with http or https
 * @property {Uint8Array | null} relayId the only relay ID that is accepted, or null for the first one seen
 * @property {string} application the protocol on the channels
 * @property {string} name what this side calls itself; may be empty
 * @property {boolean} listen accepts offers that name no instance
 * @property {boolean} acceptAll accepts every stranger
 * @property {Uint8Array} [token]
 * @property {number} messageMax
 * @property {number} channelWindow at least messageMax + 1
 * @property {number} sessionWindow at least messageMax + 1
 * @property {number} sessionTimeoutMs how long a session may be without a link before it ends
 * @property {number} sessionsMax
 * @property {number} [replaceAfterBytes] a link that carried this much is replaced; REPLACE_AFTER_BYTES by default
 */

/**
 * @typedef {object} EngineEvent
 * @property {'time' | 'start' | 'stop' | 'socket_open' | 'socket_message' | 'socket_closed' | 'network_up' | 'connect'
 *   | 'send' | 'send_volatile' | 'finish' | 'take' | 'priority' | 'channel_reset' | 'close' | 'allow' | 'deny' |
 *   'refuse' | 'block' | 'forget' | 'invite_add' | 'invite_revoke' | 'code_make' | 'code_claim' | 'code_cancel'} type
 * @property {number} now monotonic time in ms
 * @property {ErrorCode} [error]
 * @property {number} [session]
 * @property {number} [channel]
 * @property {number} [value]
 * @property {number} [place]
 * @property {number} [generation] of 'take': the one that came with the action
 * @property {Uint8Array} [data]
 * @property {string} [text]
 * @property {Uint8Array} [peer]
 * @property {Uint8Array | null} [instance]
 * @property {Uint8Array | null} [secret]
 * @property {string[]} [words] of 'code_claim', whose number is in `value`
 */

const REASON_TEXT_MAX = 123;
/** Envelopes that may wait for the socket. An honest relay never requires this many answers at one time. */
const QUEUE_MAX = 8192;

export class Engine {
  /** @param {EngineConfig} config */
  constructor(config) {
    this.config = config;
    this.now = 0;
    /** What `deadline` returned last. */
    this.promised = Infinity;
    /** Timers have no effect before this time; 0 when they are not suspended. */
    this.judgeFrom = 0;
    /** @type {Action[]} */
    this.actions = [];
    this.applicationBytes = utf8Within(config.application, APPLICATION_MAX);
    this.nameBytes = utf8Within(config.name, NAME_MAX);
    /** @type {Uint8Array[]} envelopes that are sent before any record */
    this.queue = [];
    this.relay = new RelayConnection(this);
    this.slots = new Slots(this.relay.limits.LINK_SLOTS);
    this.strangers = new Strangers();
    /** Links that were accepted only to tell their callers why they are refused. @type {Set<Link>} */
    this.refusals = new Set();
    /** Calls that the user allowed while they waited; see Link. @type {Set<Link>} */
    this.allowedCalls = new Set();
    this.strangers.tell = (payload) => {
      if (this.relay.online) this.put(makeEnvelope(ENVELOPE.PEERS, payload));
    };
    this.codes = new Codes(this);
    this.sessions = new Sessions(this);
    this.agenda = new Agenda(this);
    this.scratch = new Uint8Array(0);
  }

  /** The sessions by number. */
  get entries() {
    return this.sessions.entries;
  }

  // ---- events -----------------------------------------------------------------------------------------

  /** Processes one event. `value` is the session of a 'connect', the place of a 'send' or 'finish', the handle of a
   * code, or 1 when a volatile message was queued. `error` says why the event could not be done; the actions are valid
   * all the same.
   * @param {EngineEvent} event
   * @returns {{actions: Action[], value: number, error: PairlinkError | null}} */
  step(event) {
    if (event.now > this.now) this.now = event.now;
    this.actions = [];
    let value = 0;
    /** @type {PairlinkError | null} */
    let error = null;
    try {
      noticeLate(this);
      value = this.dispatch(event) ?? 0;
    } catch (thrown) {
      if (!(thrown instanceof PairlinkError)) throw thrown;
      error = thrown;
    }
    return { actions: this.actions, value, error };
  }
  /** @param {EngineEvent} event @returns {number | void} @private */
  dispatch(event) {
    switch (event.type) {
      case 'time':
        return time(this);
      case 'start':
        return this.relay.start();
      case 'stop':
        return this.stop();
      case 'socket_open':
        return this.relay.socketOpen();
      case 'socket_message':
        return this.takeMessage(bytesOf(event.data));
      case 'socket_closed':
        return this.relay.socketClosed(event.error ?? 'ENETWORK', event.value);
      case 'network_up':
        return this.relay.networkUp();
      case 'connect': {
        const secret = event.secret ? secretOf(event.secret) : null;
        return this.sessions.connect(idOf(event.peer), event.instance ?? null, secret);
      }
      case 'allow':
        return this.allow(idOf(event.peer));
      case 'deny':
        this.strangers.turnAway(idOf(event.peer), 'ignored', this.now);
        return this.callOff(idOf(event.peer));
      case 'refuse':
        this.strangers.turnAway(idOf(event.peer), 'refused', this.now);
        return this.callOff(idOf(event.peer));
      case 'block':
        this.strangers.block(idOf(event.peer), this.now);
        return this.callOff(idOf(event.peer));
      case 'forget':
        return this.strangers.forget(idOf(event.peer));
      case 'invite_add':
        return this.strangers.addInvite(secretOf(event.secret), event.place ?? Infinity, event.value !== 0, this.now);
      case 'invite_revoke':
        return this.strangers.revokeInvite(secretOf(event.secret), this.now);
      case 'code_make':
        return this.codes.make(event.value ?? 0);
      case 'code_claim':
        return this.codes.claim(event.value ?? 0, event.words ?? []);
      case 'code_cancel':
        return this.codes.cancel(event.value ?? 0);
    }
    const entry = this.entries.get(event.session ?? 0);
    if (!entry) {
      if (event.type === 'take') return; // the session ended while the application held the message
      throw new PairlinkError('ESTATE', 'the session is closed');
    }
    const session = entry.session;
    const channel = event.channel ?? 0;
    session.now = this.now;
    this.agenda.touch(entry);
    switch (event.type) {
      case 'send':
        return session.send(channel, bytesOf(event.data));
      case 'send_volatile':
        return session.sendVolatile(channel, bytesOf(event.data)) ? 1 : 0;
      case 'finish':
        return session.finish(channel);
      case 'take':
        return session.take(channel, event.place ?? 0, event.generation ?? session.generation);
      case 'priority':
        return session.setPriority(channel, event.value ?? 4);
      case 'channel_reset':
        return session.resetChannel(channel, event.value ?? REASON.CLOSED);
      case 'close':
        return this.sessions.close(entry, event.value ?? REASON.CLOSED, event.text ?? '');
    }
  }
  /** @param {Action} action */
  emit(action) {
    this.actions.push(action);
  }
  /** @param {string} event @param {Record<string, string | number>} fields */
  log(event, fields) {
    const rest = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    this.emit({ type: 'log', text: [`event=${event}`, ...rest].join(' ') });
  }
  /** @param {number} size */
  randomBytes(size) {
    return this.config.randomBytes(size);
  }
  /** Returns a number from 0 to 1, for jitter. */
  random() {
    const [a, b, c, d] = this.randomBytes(4);
    return (a * 0x1000000 + b * 0x10000 + c * 0x100 + d) / 0x100000000;
  }

  // ---- towards the relay --------------------------------------------------------------------------------

  /** Queues an envelope. Throws EPROTOCOL when the queue is full. @param {Uint8Array} envelope */
  put(envelope) {
    if (this.queue.length >= QUEUE_MAX)
      throw new PairlinkError('EPROTOCOL', 'the relay requires answers but does not read them');
    this.queue.push(envelope);
  }
  /** Queues an envelope if there is room. @param {Uint8Array} envelope */
  putLossy(envelope) {
    if (this.queue.length < QUEUE_MAX) this.queue.push(envelope);
  }
  /** @param {number} number @param {number} reason @param {string} [text] */
  putReset(number, reason, text = '') {
    this.put(
      makeEnvelope(ENVELOPE.RESET, encode('reset', { reason, text: utf8Within(text, REASON_TEXT_MAX) }), number),
    );
  }
  /** Ends one link and forgets its number. The caller must tell its session, which counts as touched.
   * @param {Link} link @param {number} reason @param {string} [text] */
  resetLink(link, reason, text) {
    if (link.state === 'gone') return;
    this.putReset(link.number, reason, text);
    this.forgetLink(link);
  }
  /** @param {Link} link */
  forgetLink(link) {
    this.slots.release(link);
    link.move('gone');
    link.noise?.wipe();
    link.handshake?.wipe();
    link.handshake = null;
    this.strangers.forgetLink(link);
    this.refusals.delete(link);
    this.allowedCalls.delete(link);
    this.agenda.firstRecordCame(link);
    if (link.owner) this.agenda.touch(link.owner);
  }
  hasOutput() {
    return hasOutput(this);
  }
  /** Writes the next WebSocket message: whole envelopes, at most `room` bytes, which must be 65,536 or more, and at
   * most as many as the relay takes. Returns null when there is nothing to send, otherwise a view that is valid until
   * the next call.
   * @param {number} now @param {number} room
   * @returns {Uint8Array<ArrayBuffer> | null} */
  produce(now, room) {
    if (now > this.now) this.now = now;
    const size = produce(this, Math.min(room, this.relay.limits.MESSAGE_MAX));
    return size ? this.scratch.subarray(0, size) : null;
  }
  /** Returns the time by which the event 'time' must be fed; Infinity when no timer runs. */
  deadline() {
    return deadline(this);
  }

  // ---- from the relay -------------------------------------------------------------------------------------

  /** Takes one whole binary message. @param {Uint8Array} message @private */
  takeMessage(message) {
    if (!this.relay.hasSocket) return;
    this.relay.heard();
    try {
      for (const envelope of envelopes(message)) {
        if (!this.relay.hasSocket) return;
        takeEnvelope(this, envelope);
      }
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      this.log('relay_broke_protocol', { what: error.message });
      const unsupported = error.code === 'ESTATE';
      this.putLastReset(unsupported ? REASON.UNSUPPORTED : REASON.PROTOCOL);
      this.relay.lose('EPROTOCOL', REASON.PROTOCOL, true);
    }
  }
  /** Ends the connection; a full queue is discarded first. @param {number} reason @private */
  putLastReset(reason) {
    if (this.queue.length >= QUEUE_MAX) this.queue = [];
    this.putReset(0, reason);
  }
  /** The relay opens a link. A link that is still in its slot has ended, or the relay would not use the slot again.
   * Throws EPROTOCOL for a number that the relay must not use.
   * @param {number} number */
  openRelayLink(number) {
    if (!this.slots.isRelayNumber(number)) throw new PairlinkError('EPROTOCOL', 'link number');
    const before = this.slots.inSlot(number);
    if (before instanceof CodeLink) this.codes.lost(before, REASON.GONE);
    else if (before) this.endLink(before, REASON.GONE);
  }
  /** Ends a link in whatever state it is, with what follows for its session.
   * @param {Link} link @param {number} reason @param {string} [text] */
  endLink(link, reason, text) {
    const { state, owner } = link;
    this.resetLink(link, reason, text);
    if (state === 'opening')
      dialFailed(this, /** @type {Entry} */ (owner), reason === REASON.CORRUPT ? reason : REASON.UNAVAILABLE, '');
    else if (state === 'linked') linkLost(this, link, reason, '');
    else this.offerEnded(link);
  }
  /** A link that a peer offered has ended without having been linked. @param {Link} link */
  offerEnded(link) {
    for (const entry of this.sessions.with(link.peerId)) if (entry.parked === link) entry.parked = null;
    // The user allowed the peer too late for this OFFER, so this side calls back.
    if (link.allowed) this.sessions.dialBack(link.peerId, link.peerInstance, link.name);
  }
  /** @param {Uint8Array} relayId */
  wentOnline(relayId) {
    this.slots = new Slots(this.relay.limits.LINK_SLOTS);
    this.emit({ type: 'online', id: relayId });
    this.strangers.tellAll();
    this.codes.wentOnline();
    this.sessions.wentOnline();
    this.agenda.touchAll();
  }
  /** The socket is lost, and all links with it. @param {boolean} flush queued envelopes are still sent */
  socketLost(flush) {
    const links = [...this.slots.byNumber.values()];
    this.judgeFrom = 0;
    this.slots = new Slots(this.relay.limits.LINK_SLOTS);
    this.agenda.touchAll();
    if (!flush) this.queue = [];
    for (const link of links) {
      if (link instanceof CodeLink) {
        this.codes.lost(link, REASON.GONE);
        continue;
      }
      const { state, owner } = link;
      this.forgetLink(link);
      if (owner?.closed) continue;
      if (state === 'linked') linkLost(this, link, REASON.GONE, '');
      else if (state === 'opening' && owner) {
        owner.opening = null;
        owner.dialAt = this.now;
      } else this.offerEnded(link);
    }
  }
  // ---- whom to let in -----------------------------------------------------------------------------------

  /** Changes what this side calls itself, for the sessions and codes that follow. @param {string} name */
  setName(name) {
    this.nameBytes = utf8Within(name, NAME_MAX);
  }
  /** Returns the bytes of the largest message that this session can send now; 0 when it is closed.
   * @param {number} number */
  messageMax(number) {
    return this.entries.get(number)?.session.messageMax ?? 0;
  }
  /** Lets a peer in. Answers its knock; one whose call has ended is called back. Throws EAGAIN when there are too many
   * sessions for that; nothing is decided then, and the peer is still asking. @param {Uint8Array} id */
  allow(id) {
    const { sessions } = this;
    const asked = this.strangers.knocks.get(toHex(id));
    const calledBack = asked && asked.link?.state !== 'offered' ? asked : null;
    if (calledBack && sessions.isFull && !sessions.entryFor(id, calledBack.instance))
      throw new PairlinkError('EAGAIN', 'too many sessions');
    this.pair(id);
    if (calledBack) sessions.dialBack(id, calledBack.instance, calledBack.name);
  }
  /** Lets in the peer of a pairing code, which calls or is called in any case, and accepts a call of it that waits.
   * @param {Uint8Array} id */
  pair(id) {
    const link = this.strangers.allow(id)?.link;
    if (link?.state !== 'offered') return;
    link.allowed = true;
    this.allowedCalls.add(link);
    considerOffer(this, link);
  }
  /** Ends calls back that have not reached anybody: the application does not know of them, so it cannot close them.
   * @param {Uint8Array} id @private */
  callOff(id) {
    for (const link of this.allowedCalls) if (equal(link.peerId, id)) this.callTaken(link);
    for (const entry of [...this.sessions.with(id)])
      if (!entry.announced) this.sessions.ended(entry, null, REASON.CLOSED, '');
  }
  /** A call that the user allowed while it waited needs no call back any more. @param {Link} link */
  callTaken(link) {
    link.allowed = false;
    this.allowedCalls.delete(link);
  }
  /** @private */
  stop() {
    this.codes.stop();
    this.sessions.stop();
    this.relay.stop();
  }
}

/** @param {Uint8Array | undefined} data */
function bytesOf(data) {
  if (!data) throw new PairlinkError('EINVAL', 'no data');
  return data;
}

/** @param {Uint8Array | undefined} id */
function idOf(id) {
  if (!id || !isValidId(id)) throw new PairlinkError('EID');
  return id;
}

/** @param {Uint8Array | null | undefined} secret */
function secretOf(secret) {
  if (!secret || secret.length !== INVITE_SECRET_BYTES) throw new PairlinkError('EINVAL', 'a secret has 16 bytes');
  return secret;
}
