/**
 * The client's engine: all decisions of one identity at one relay, such as login, links, handshakes, whom to accept,
 * sessions and retries. It is pure, with events in and actions out; the shell owns socket, clock and random numbers.
 * Mirrors client/core/engine.
 *
 * Use: call `step` for each event and execute the actions in order. Call `produce` while the socket takes bytes. Then
 * wait until `deadline` or the next event.
 */
import { equal, fromUtf8, isZero, toHex, utf8, utf8Within } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { isValidId } from '../identity.js';
import { plaintextArea } from '../noise.js';
import { CLOSE_TIMEOUT_MS, REPLACE_AFTER_BYTES, REPLACE_AFTER_MS } from '../session/constants.js';
import { encode, envelopes, makeEnvelope, putEnvelopeHeader } from '../wire.js';
import {
  ENVELOPE,
  ENVELOPE_HEADER_BYTES,
  INSTANCE_BYTES,
  INVITE_SECRET_BYTES,
  RECORD_OVERHEAD_BYTES,
  REASON,
} from '../../wire_table.js';
import { errorOf } from './actions.js';
import { CodeLink, Codes } from './code.js';
import { APPLICATION_MAX, Entry, NAME_MAX } from './entry.js';
import { takeEnvelope } from './incoming.js';
import { considerOffer, dial, dialFailed, linkLost } from './pairing.js';
import { RelayConnection } from './relay.js';
import { Slots } from './slots.js';
import { Strangers } from './strangers.js';

/** @typedef {import('./actions.js').Action} Action */
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
 * |
 *   'send' | 'send_volatile' | 'finish' | 'take' | 'priority' | 'channel_reset' | 'close' | 'allow' | 'deny' | 'block'
 * |
 *   'invite_add' | 'invite_revoke' | 'code_make' | 'code_claim' | 'code_cancel'} type
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
/** An engine that is called this long after its deadline was asleep or blocked; see noticeLate. */
const LATE_MS = 2000;
const READ_FIRST_MS = 1000;
/** How long an ended session is kept to answer a peer that has not learnt of the end. */
const GHOST_MS = 15000;
const GHOSTS_MAX = 64;

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
    this.strangers.tell = (payload) => {
      if (this.relay.online) this.put(makeEnvelope(ENVELOPE.PEERS, payload));
    };
    this.codes = new Codes(this);
    /** @type {Map<number, Entry>} */
    this.entries = new Map();
    /** @type {Map<string, Set<Entry>>} */
    this.byId = new Map();
    /** Sessions that ended recently. The other side may not know it yet and call again.
     * @type {{entry: Entry, until: number}[]} */
    this.ghosts = [];
    this.nextNumber = 1;
    this.turn = 0;
    this.scratch = new Uint8Array(0);
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
      this.noticeLate();
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
        return this.time();
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
      case 'connect':
        return this.connect(idOf(event.peer), event.instance ?? null, event.secret ?? null);
      case 'allow':
        return this.allow(idOf(event.peer));
      case 'deny':
        this.strangers.deny(idOf(event.peer), this.now);
        return this.callOff(idOf(event.peer));
      case 'block':
        this.strangers.block(idOf(event.peer));
        return this.callOff(idOf(event.peer));
      case 'invite_add':
        return this.strangers.addInvite(secretOf(event.secret), event.place ?? Infinity, event.value !== 0);
      case 'invite_revoke':
        this.strangers.revokeInvite(secretOf(event.secret));
        return;
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
        return this.close(entry, event.value ?? REASON.CLOSED, event.text ?? '');
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
  /** @param {number} number @param {number} reason @param {string} [text] */
  putReset(number, reason, text = '') {
    this.put(
      makeEnvelope(ENVELOPE.RESET, encode('reset', { reason, text: utf8Within(text, REASON_TEXT_MAX) }), number),
    );
  }
  /** Ends one link and forgets its number. The caller must tell its session.
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
  }
  hasOutput() {
    if (this.queue.length) return true;
    if (!this.sendsRecords) return false;
    for (const link of this.slots.byNumber.values()) if (this.linkHasOutput(link)) return true;
    return false;
  }
  /** @private */
  get sendsRecords() {
    return this.relay.online || this.relay.state === 'stopped';
  }
  /** @param {Link | CodeLink} link @returns {link is Link} @private */
  linkHasOutput(link) {
    if (link instanceof CodeLink || link.state !== 'linked' || !link.owner) return false;
    link.owner.session.now = this.now;
    return link.owner.session.hasOutput(link);
  }
  /** Writes the next WebSocket message: whole envelopes, at most `room` bytes, which must be 65,536 or more, and at
   * most as many as the relay takes. Returns null when there is nothing to send, otherwise a view that is valid until
   * the next call.
   * @param {number} now @param {number} room
   * @returns {Uint8Array<ArrayBuffer> | null} */
  produce(now, room) {
    if (now > this.now) this.now = now;
    const capacity = Math.min(room, this.relay.limits.MESSAGE_MAX);
    if (this.scratch.length < capacity) this.scratch = new Uint8Array(capacity);
    let size = 0;
    let sent = 0;
    for (const envelope of this.queue) {
      if (size + envelope.length > capacity) break;
      this.scratch.set(envelope, size);
      size += envelope.length;
      sent++;
    }
    this.queue.splice(0, sent);
    if (this.queue.length === 0 && this.sendsRecords) size = this.produceRecords(size, capacity);
    return size ? this.scratch.subarray(0, size) : null;
  }
  /** Lets the links take turns with one record each. Returns the size of the message then.
   * @param {number} start @param {number} capacity @private */
  produceRecords(start, capacity) {
    let size = start;
    const links = [...this.slots.byNumber.values()].filter((link) => this.linkHasOutput(link));
    for (let idle = 0, i = this.turn++; links.length && idle < links.length; i++) {
      const link = links[i % links.length];
      const wrote = link.state === 'linked' ? this.produceRecord(link, size, capacity) : 0;
      idle = wrote ? 0 : idle + 1;
      size += wrote;
      if (this.queue.length) break; // writing the record queued a RESET, which must follow it
    }
    return size;
  }
  /** @param {Link} link @param {number} at @param {number} capacity @private */
  produceRecord(link, at, capacity) {
    const entry = /** @type {Entry} */ (link.owner);
    const noise = /** @type {import('../noise.js').NoiseLink} */ (link.noise);
    const room = capacity - at - ENVELOPE_HEADER_BYTES - RECORD_OVERHEAD_BYTES;
    entry.session.now = this.now;
    const { size, flags } = entry.session.produce(link, plaintextArea(), room);
    if (size === 0) return 0;
    const payload = noise.sealArea(ENVELOPE.DATA, flags, size, this.scratch, at + ENVELOPE_HEADER_BYTES);
    putEnvelopeHeader(this.scratch, at, ENVELOPE.DATA, flags, payload, link.number);
    link.bytes += payload;
    if (entry.session.close === 'answered') {
      this.resetLink(link, REASON.CLOSED);
      entry.session.linkDown(link);
    }
    return ENVELOPE_HEADER_BYTES + payload;
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
    for (const entry of this.byId.get(toHex(link.peerId)) ?? []) if (entry.parked === link) entry.parked = null;
    // The user allowed the peer too late for this OFFER, so this side calls back.
    if (link.allowed) this.dialBack(link.peerId, link.peerInstance, link.name);
  }
  /** @param {Uint8Array} relayId */
  wentOnline(relayId) {
    this.slots = new Slots(this.relay.limits.LINK_SLOTS);
    this.emit({ type: 'online', id: relayId });
    this.strangers.tellAll();
    this.codes.wentOnline();
    for (const entry of this.entries.values()) {
      entry.failures = 0;
      if (this.now >= entry.dialAt) dial(this, entry);
    }
  }
  /** The socket is lost, and all links with it. @param {boolean} flush queued envelopes are still sent */
  socketLost(flush) {
    const links = [...this.slots.byNumber.values()];
    this.judgeFrom = 0;
    this.slots = new Slots(this.relay.limits.LINK_SLOTS);
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

  // ---- sessions -----------------------------------------------------------------------------------------

  /** Returns the session with this instance, an open one rather than one that is being closed; without an instance,
   * the latest open session with this ID.
   * @param {Uint8Array} id @param {Uint8Array | null} instance @returns {Entry | undefined} */
  find(id, instance) {
    /** @type {Entry | undefined} */
    let found;
    for (const entry of this.byId.get(toHex(id)) ?? []) {
      const open = entry.session.close === 'open';
      if (!instance) found = open ? entry : found;
      else if (!entry.instance || toHex(entry.instance) !== toHex(instance)) continue;
      else if (open) return entry;
      else found = entry;
    }
    return found;
  }
  /** Returns the session with this link's peer that is being closed and has this epoch of the peer, although there may
   * be a new session. @param {Link} link @param {bigint} epoch @returns {Entry | undefined} */
  closing(link, epoch) {
    const instance = toHex(link.peerInstance ?? new Uint8Array(0));
    for (const entry of this.byId.get(toHex(link.peerId)) ?? [])
      if (epoch && entry.session.close === 'closing' && entry.session.peerEpoch === epoch)
        if (toHex(instanceOf(entry)) === instance) return entry;
    return undefined;
  }
  /** Returns the bytes of the largest message that this session can send now; 0 when it is closed.
   * @param {number} number */
  messageMax(number) {
    return this.entries.get(number)?.session.messageMax ?? 0;
  }
  /** Returns the session that was dialled without naming an instance and has not learnt it yet.
   * @param {Uint8Array} id */
  findUnbound(id) {
    for (const entry of this.byId.get(toHex(id)) ?? []) if (!entry.instance) return entry;
    return undefined;
  }
  /** Adds a session. Throws EAGAIN when there are too many.
   * @param {Uint8Array} id @param {Uint8Array | null} instance @param {boolean} incoming */
  addEntry(id, instance, incoming) {
    if (this.isFull) throw new PairlinkError('EAGAIN', 'too many sessions');
    const key = instance?.slice() ?? null;
    const entry = new Entry(this.nextNumber++, id.slice(), key, incoming, this.now, this.config, (e) => this.hostOf(e));
    this.entries.set(entry.number, entry);
    const same = this.byId.get(entry.idHex);
    if (same) same.add(entry);
    else this.byId.set(entry.idHex, new Set([entry]));
    return entry;
  }
  /** @param {Entry} entry @returns {import('../session/session.js').SessionHost} @private */
  hostOf(entry) {
    return {
      // A session that has ended may still answer its peer, but the application hears no more of it.
      emit: (action) => {
        if (this.entries.has(entry.number)) this.emit(Object.assign(action, { session: entry.number }));
      },
      reset: (link, reason) => this.resetLink(link, reason),
      newEpoch: () => this.newEpoch(),
      linked: (link) => this.linked(entry, link),
      peerClosed: (reason, text) => this.ended(entry, errorOf(reason), reason, text),
      closeEnded: (error) =>
        this.ended(entry, error, entry.session.closeReason || REASON.CLOSED, fromUtf8(entry.session.closeText)),
    };
  }
  /** @private */
  newEpoch() {
    let epoch = 0n;
    while (epoch === 0n)
      for (const byte of this.randomBytes(8)) epoch = ((epoch << 8n) | BigInt(byte)) & 0xffffffffffffffffn;
    return epoch;
  }
  /** Returns the number of the session with this peer, and starts one when there is none.
   * @param {Uint8Array} id @param {Uint8Array | null} instance @param {Uint8Array | null} secret of an invite */
  connect(id, instance, secret) {
    if (instance && (instance.length !== INSTANCE_BYTES || isZero(instance))) instance = null;
    let entry = this.find(id, instance);
    if (!entry) {
      entry = this.addEntry(id, instance, false);
      entry.dialAt = this.now;
    } else if (!entry.announced) {
      entry.announced = true; // the peer called but is not linked yet; the application waits from now on
      if (!instance && !entry.wasLinked) entry.anyInstance = true;
      if (!entry.session.current) entry.unlinkedAt = this.now;
    }
    if (secret) entry.secret = secretOf(secret).slice();
    if (this.relay.online && this.now >= entry.dialAt) dial(this, entry);
    return entry.number;
  }
  /** @private */
  get isFull() {
    return this.entries.size >= this.config.sessionsMax;
  }
  /** Lets a peer in. Answers its knock; one whose call has ended is called back. Throws EAGAIN when there are too many
   * sessions for that; nothing is decided then, and the peer is still asking. @param {Uint8Array} id */
  allow(id) {
    const asked = this.strangers.knocks.get(toHex(id));
    const calledBack = asked && asked.link?.state !== 'offered' ? asked : null;
    if (calledBack && this.isFull && !this.entryFor(id, calledBack.instance))
      throw new PairlinkError('EAGAIN', 'too many sessions');
    this.pair(id);
    if (calledBack) this.dialBack(id, calledBack.instance, calledBack.name);
  }
  /** Lets in the peer of a pairing code, which calls or is called in any case, and accepts a call of it that waits.
   * @param {Uint8Array} id */
  pair(id) {
    const link = this.strangers.allow(id)?.link;
    if (link?.state !== 'offered') return;
    link.allowed = true;
    considerOffer(this, link);
  }
  /** @param {Uint8Array} id @param {Uint8Array | null} instance @private */
  entryFor(id, instance) {
    return this.find(id, instance) ?? this.findUnbound(id);
  }
  /** Calls a peer whose call has ended. Does nothing when there are too many sessions: the peer calls again by itself.
   * @param {Uint8Array} id @param {Uint8Array | null} instance @param {string} name @private */
  dialBack(id, instance, name) {
    let entry = this.entryFor(id, instance);
    if (!entry && this.isFull) return;
    if (!entry) {
      entry = this.addEntry(id, instance, true);
      entry.name = name;
      entry.callsBack = true;
      entry.dialAt = this.now;
    }
    if (this.relay.online && this.now >= entry.dialAt) dial(this, entry);
  }
  /** Ends calls back that have not reached anybody: the application does not know of them, so it cannot close them.
   * @param {Uint8Array} id @private */
  callOff(id) {
    for (const link of this.slots.byNumber.values())
      if (!(link instanceof CodeLink) && equal(link.peerId, id)) link.allowed = false;
    for (const entry of [...(this.byId.get(toHex(id)) ?? [])])
      if (!entry.announced) this.ended(entry, null, REASON.CLOSED, '');
  }
  /** @param {Entry} entry @private */
  announce(entry) {
    if (entry.announced) return;
    entry.announced = true;
    const { number: session, id, application: text, name } = entry;
    this.emit({ type: 'session', session, id, instance: instanceOf(entry), text, name });
  }
  /** Returns a session with this link's peer that ended recently, or the one that has this epoch of the peer.
   * @param {Link} link @param {bigint} [epoch] @returns {Entry | undefined} */
  ghostOf(link, epoch) {
    const instance = toHex(link.peerInstance ?? new Uint8Array(0));
    const found = this.ghosts.find(
      ({ entry, until }) =>
        this.now < until &&
        entry.idHex === toHex(link.peerId) &&
        toHex(instanceOf(entry)) === instance &&
        (epoch === undefined || entry.session.peerEpoch === epoch),
    );
    return found?.entry;
  }
  /** @param {Entry} entry @param {Link} link @private */
  linked(entry, link) {
    if (entry.closed) return;
    entry.application = link.application;
    entry.name = link.name;
    entry.failures = 0;
    entry.wasLinked = true;
    entry.dialAt = Infinity;
    entry.unlinkedAt = Infinity;
    entry.anyInstance = false;
    this.announce(entry);
    if (entry.shownLinked) return;
    entry.shownLinked = true;
    const { number: session, application: text, name } = entry;
    this.emit({ type: 'linked', session, instance: instanceOf(entry), text, name });
  }
  /** Call this after anything that may have ended a session's link: when none is in use, it tells the application and
   * arranges a new one.
   * @param {Entry} entry @param {number} [reason] */
  settle(entry, reason = REASON.GONE) {
    if (entry.closed || entry.session.current) return;
    const { session } = entry;
    if (entry.unlinkedAt === Infinity) entry.unlinkedAt = this.now;
    if (session.links.length === 0 && !entry.opening && entry.dialAt === Infinity) entry.dialAt = this.now;
    if (entry.shownLinked) {
      entry.shownLinked = false;
      this.emit({ type: 'unlinked', session: entry.number, reason, time: entry.dialAt });
    }
    if (this.relay.online && this.now >= entry.dialAt) dial(this, entry);
  }
  /** @param {Entry} entry @param {number} reason @param {string} text @private */
  close(entry, reason, text) {
    entry.session.startClose(reason, utf8Within(text, REASON_TEXT_MAX));
    if (entry.closed) return;
    if (!entry.session.links.length && !entry.opening) entry.dialAt = this.now;
    if (this.relay.online && this.now >= entry.dialAt) dial(this, entry);
  }
  /**
   * Ends a session because its peer broke the protocol or cannot take a message; tells the peer and the application.
   * @param {Entry} entry @param {ErrorCode} error
   */
  fail(entry, error) {
    if (entry.closed) return;
    const { session } = entry;
    session.close = 'peerClosed';
    session.closeDue = true;
    const reason = error === 'EMSGSIZE' ? REASON.REFUSED : REASON.PROTOCOL;
    session.closeReason = reason;
    session.closeText = utf8(error === 'EMSGSIZE' ? 'message too large' : '');
    this.ended(entry, error, reason, '');
  }
  /** Removes a session that is over. A CLOSE that is due is still sent on its current link.
   * @param {Entry} entry @param {ErrorCode | null} error @param {number} reason @param {string} text */
  ended(entry, error, reason, text) {
    if (entry.closed) return;
    entry.closed = true;
    const { session } = entry;
    if (entry.opening) this.resetLink(entry.opening, REASON.CLOSED);
    if (entry.parked) this.resetLink(entry.parked, REASON.CLOSED);
    entry.opening = entry.parked = null;
    for (const link of [...session.links]) {
      if (link === session.current && session.close === 'peerClosed') continue; // RESET follows the answer
      this.resetLink(link, REASON.CLOSED);
      session.links = session.links.filter((l) => l !== link);
      if (session.current === link) session.current = null;
    }
    session.reportLost();
    this.entries.delete(entry.number);
    const same = this.byId.get(entry.idHex);
    same?.delete(entry);
    if (same?.size === 0) this.byId.delete(entry.idHex);
    // One that ended because it had no link for too long is forgotten: the peer, if it comes back, starts a new one.
    if (session.close !== 'open' && session.peerEpoch !== 0n && entry.instance) {
      this.ghosts = this.ghosts.filter(({ until }) => this.now < until);
      this.ghosts.push({ entry, until: this.now + GHOST_MS });
      if (this.ghosts.length > GHOSTS_MAX) this.ghosts.shift();
    }
    if (entry.announced) this.emit({ type: 'session_closed', session: entry.number, error, reason, text });
  }
  /** @private */
  stop() {
    this.codes.stop();
    for (const entry of [...this.entries.values()]) {
      const { session } = entry;
      if (session.current) {
        session.close = 'peerClosed';
        session.closeDue = true;
        session.closeReason = REASON.CLOSED;
      }
      this.ended(entry, null, REASON.CLOSED, '');
    }
    this.relay.stop();
  }

  // ---- time -------------------------------------------------------------------------------------------------

  /** Returns the time by which the event 'time' must be fed; Infinity when no timer runs. */
  deadline() {
    if (this.relay.state === 'stopped') return Infinity;
    let at = Math.min(this.relay.deadline(), this.codes.deadline());
    for (const entry of this.entries.values()) {
      at = Math.min(at, entry.unlinkedAt + this.config.sessionTimeoutMs, entry.session.deadline());
      if (!this.relay.online) continue;
      at = Math.min(at, entry.opening ? this.openBy(entry.opening) : entry.dialAt, this.replaceAt(entry));
    }
    for (const link of this.slots.byNumber.values())
      if (link.state === 'accepted') at = Math.min(at, link.since + CLOSE_TIMEOUT_MS);
    this.promised = Math.max(at, this.judgeFrom);
    return this.promised;
  }
  /** The relay answers every OPEN; this is the timeout for a relay that does not. @param {Link} link @private */
  openBy(link) {
    return link.since + 2 * this.relay.limits.OPEN_TIMEOUT_MS + CLOSE_TIMEOUT_MS;
  }
  /** Returns when the link in use should be replaced by one with new keys. @param {Entry} entry @private */
  replaceAt(entry) {
    const link = entry.session.current;
    if (!link || entry.opening || link.bytes < 1024) return Infinity;
    if (entry.session.links.some(({ confirmed }) => !confirmed)) return Infinity; // the new one is on its way
    const patience = link.opener ? 1 : 1.125; // the opener dials first, the other side only when it does not
    const most = this.config.replaceAfterBytes ?? REPLACE_AFTER_BYTES;
    const due = link.bytes >= most * patience ? this.now : link.linkedAt + REPLACE_AFTER_MS * patience;
    return Math.max(due, entry.replaceFrom);
  }
  /** Notices that the engine is called long after its deadline: the program was stopped or busy, or the machine slept.
   * What arrived meanwhile may be unread, so timers are suspended for a moment. This happens once, so that timers
   * still work on a host that is always late. @private */
  noticeLate() {
    if (this.judgeFrom || !this.relay.hasSocket || this.now - this.promised < LATE_MS) return;
    this.judgeFrom = this.now + READ_FIRST_MS;
    this.relay.late();
    for (const { session } of this.entries.values()) session.late(this.now);
  }
  /** @private */
  time() {
    if (this.now < this.judgeFrom) return;
    this.judgeFrom = 0;
    this.relay.time();
    this.codes.time();
    for (const link of [...this.slots.byNumber.values()])
      if (link.state === 'accepted' && this.now >= link.since + CLOSE_TIMEOUT_MS) this.endLink(link, REASON.TIMEOUT);
    for (const entry of [...this.entries.values()]) {
      if (entry.closed) continue;
      const { session } = entry;
      session.now = this.now;
      if (this.now >= session.deadline()) session.time();
      if (!entry.closed && this.now >= entry.unlinkedAt + this.config.sessionTimeoutMs)
        this.ended(entry, 'ETIMEDOUT', REASON.TIMEOUT, '');
      if (entry.closed) continue;
      if (entry.opening && this.now >= this.openBy(entry.opening)) this.endLink(entry.opening, REASON.TIMEOUT);
      this.settle(entry, REASON.TIMEOUT);
      if (this.relay.online && this.now >= Math.min(entry.dialAt, this.replaceAt(entry))) dial(this, entry);
    }
  }
}

/** @param {Entry} entry */
const instanceOf = (entry) => entry.instance ?? new Uint8Array(INSTANCE_BYTES);

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
