/**
 * The sessions of the engine: who they are with, how one starts and ends, and what the application hears of it. Ended
 * ones are kept for a moment, to answer a peer that has not learnt of the end.
 */
import { fromUtf8, isZero, toHex, utf8, utf8Within } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { INSTANCE_BYTES, REASON } from '../../wire_table.js';
import { errorOf } from './actions.js';
import { Entry } from './entry.js';
import { dial } from './pairing.js';

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('../session/link.js').Link} Link */
/** @typedef {import('../session/session.js').SessionHost} SessionHost */
/** @typedef {import('../errors.js').ErrorCode} ErrorCode */

const REASON_TEXT_MAX = 123;
/** How long an ended session is kept to answer a peer that has not learnt of the end. */
const GHOST_MS = 15000;
const GHOSTS_MAX = 64;

/** @param {Entry} entry */
const instanceOf = (entry) => entry.instance ?? new Uint8Array(INSTANCE_BYTES);

/** What a session asks of the engine. @implements {SessionHost} */
class Host {
  /** @param {Engine} engine @param {Entry} entry */
  constructor(engine, entry) {
    this.engine = engine;
    this.entry = entry;
  }
  /** A session that has ended may still answer its peer, but the application hears no more of it.
   * @param {import('./actions.js').Action} action */
  emit(action) {
    const { engine, entry } = this;
    if (!engine.sessions.entries.has(entry.number)) return;
    action.session = entry.number;
    engine.emit(action);
  }
  /** @param {Link} link @param {number} reason */
  reset(link, reason) {
    this.engine.resetLink(link, reason);
  }
  newEpoch() {
    let epoch = 0n;
    while (epoch === 0n)
      for (const byte of this.engine.randomBytes(8)) epoch = ((epoch << 8n) | BigInt(byte)) & 0xffffffffffffffffn;
    return epoch;
  }
  /** @param {Link} link */
  linked(link) {
    this.engine.sessions.linked(this.entry, link);
  }
  /** @param {number} reason @param {string} text */
  peerClosed(reason, text) {
    this.engine.sessions.ended(this.entry, errorOf(reason), reason, text);
  }
  /** @param {ErrorCode | null} error */
  closeEnded(error) {
    const { closeReason, closeText } = this.entry.session;
    if (error) this.engine.relay.doubt();
    this.engine.sessions.ended(this.entry, error, closeReason || REASON.CLOSED, fromUtf8(closeText));
  }
}

export class Sessions {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
    /** @type {Map<number, Entry>} by number, the oldest first */
    this.entries = new Map();
    /** @private @type {Map<string, Set<Entry>>} */
    this.byId = new Map();
    /** @private Sessions that ended recently. The other side may not know it yet and call again.
     * @type {{entry: Entry, until: number}[]} */
    this.ghosts = [];
    /** @private */
    this.nextNumber = 1;
  }

  // ---- who they are with ------------------------------------------------------------------------------------

  /** @param {Uint8Array} id @returns {Iterable<Entry>} the sessions with this ID, the oldest first */
  with(id) {
    return this.byId.get(toHex(id)) ?? [];
  }
  /** Returns the session with this instance, an open one rather than one that is being closed; without an instance,
   * the latest open session with this ID.
   * @param {Uint8Array} id @param {Uint8Array | null} instance @returns {Entry | undefined} */
  find(id, instance) {
    /** @type {Entry | undefined} */
    let found;
    for (const entry of this.with(id)) {
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
    for (const entry of this.with(link.peerId))
      if (epoch && entry.session.close === 'closing' && entry.session.peerEpoch === epoch)
        if (toHex(instanceOf(entry)) === instance) return entry;
    return undefined;
  }
  /** Returns the session that was dialled without naming an instance and has not learnt it yet.
   * @param {Uint8Array} id */
  findUnbound(id) {
    for (const entry of this.with(id)) if (!entry.instance) return entry;
    return undefined;
  }
  /** @param {Uint8Array} id @param {Uint8Array | null} instance */
  entryFor(id, instance) {
    return this.find(id, instance) ?? this.findUnbound(id);
  }
  /** Returns a session with this link's peer that ended recently, or the one that has this epoch of the peer.
   * @param {Link} link @param {bigint} [epoch] @returns {Entry | undefined} */
  ghostOf(link, epoch) {
    const instance = toHex(link.peerInstance ?? new Uint8Array(0));
    const id = toHex(link.peerId);
    const found = this.ghosts.find(
      ({ entry, until }) =>
        this.engine.now < until &&
        entry.idHex === id &&
        toHex(instanceOf(entry)) === instance &&
        (epoch === undefined || entry.session.peerEpoch === epoch),
    );
    return found?.entry;
  }

  // ---- start ------------------------------------------------------------------------------------------------

  get isFull() {
    return this.entries.size >= this.engine.config.sessionsMax;
  }
  /** Adds a session. Throws EAGAIN when there are too many.
   * @param {Uint8Array} id @param {Uint8Array | null} instance @param {boolean} incoming */
  add(id, instance, incoming) {
    if (this.isFull) throw new PairlinkError('EAGAIN', 'too many sessions');
    const { engine } = this;
    const key = instance?.slice() ?? null;
    const hostOf = (/** @type {Entry} */ made) => new Host(engine, made);
    const entry = new Entry(this.nextNumber++, id.slice(), key, incoming, engine.now, engine.config, hostOf);
    this.entries.set(entry.number, entry);
    const same = this.byId.get(entry.idHex);
    if (same) same.add(entry);
    else this.byId.set(entry.idHex, new Set([entry]));
    engine.agenda.touch(entry);
    return entry;
  }
  /** Returns the number of the session with this peer, and starts one when there is none.
   * @param {Uint8Array} id @param {Uint8Array | null} given an instance, or null
   * @param {Uint8Array | null} secret of an invite */
  connect(id, given, secret) {
    const { engine } = this;
    const instance = given && given.length === INSTANCE_BYTES && !isZero(given) ? given : null;
    let entry = this.find(id, instance);
    if (!entry) {
      entry = this.add(id, instance, false);
      entry.dialAt = engine.now;
    } else if (!entry.announced) {
      entry.announced = true; // the peer called but is not linked yet; the application waits from now on
      if (!instance && !entry.wasLinked) entry.anyInstance = true;
      if (!entry.session.current) entry.unlinkedAt = engine.now;
      engine.agenda.touch(entry);
    }
    if (secret) entry.secret = secret.slice();
    this.dialIfDue(entry);
    return entry.number;
  }
  /** Calls a peer whose call has ended. Does nothing when there are too many sessions: the peer calls again by itself.
   * @param {Uint8Array} id @param {Uint8Array | null} instance @param {string} name */
  dialBack(id, instance, name) {
    let entry = this.entryFor(id, instance);
    if (!entry && this.isFull) return;
    if (!entry) {
      entry = this.add(id, instance, true);
      entry.name = name;
      entry.callsBack = true;
      entry.dialAt = this.engine.now;
    }
    this.dialIfDue(entry);
  }
  /** @param {Entry} entry @private */
  dialIfDue(entry) {
    const { engine } = this;
    if (engine.relay.online && engine.now >= entry.dialAt) dial(engine, entry);
  }
  /** All sessions that wait for a connection dial. */
  wentOnline() {
    for (const entry of this.entries.values()) {
      entry.failures = 0;
      this.dialIfDue(entry);
    }
  }

  // ---- life -------------------------------------------------------------------------------------------------

  /** @param {Entry} entry @private */
  announce(entry) {
    if (entry.announced) return;
    entry.announced = true;
    const { number: session, id, application: text, name } = entry;
    this.engine.emit({ type: 'session', session, id, instance: instanceOf(entry), text, name });
  }
  /** @param {Entry} entry @param {Link} link */
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
    this.engine.emit({ type: 'linked', session, instance: instanceOf(entry), text, name });
  }
  /** Call this after anything that may have ended a session's link: when none is in use, it tells the application and
   * arranges a new one.
   * @param {Entry} entry @param {number} [reason] */
  settle(entry, reason = REASON.GONE) {
    const { engine } = this;
    engine.agenda.touch(entry);
    if (entry.closed || entry.session.current) return;
    const { session } = entry;
    if (entry.unlinkedAt === Infinity) entry.unlinkedAt = engine.now;
    if (session.links.length === 0 && !entry.opening && entry.dialAt === Infinity) entry.dialAt = engine.now;
    if (entry.shownLinked) {
      entry.shownLinked = false;
      engine.relay.doubt();
      engine.emit({ type: 'unlinked', session: entry.number, reason, time: entry.dialAt });
    }
    this.dialIfDue(entry);
  }

  // ---- end --------------------------------------------------------------------------------------------------

  /** @param {Entry} entry @param {number} reason @param {string} text */
  close(entry, reason, text) {
    entry.session.startClose(reason, utf8Within(text, REASON_TEXT_MAX));
    if (entry.closed) return;
    if (!entry.session.links.length && !entry.opening) entry.dialAt = this.engine.now;
    this.dialIfDue(entry);
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
    const { engine } = this;
    const { session } = entry;
    engine.agenda.touch(entry);
    if (entry.opening) engine.resetLink(entry.opening, REASON.CLOSED);
    if (entry.parked) engine.resetLink(entry.parked, REASON.CLOSED);
    entry.opening = entry.parked = null;
    for (const link of [...session.links]) {
      if (link === session.current && session.close === 'peerClosed') continue; // RESET follows the answer
      engine.resetLink(link, REASON.CLOSED);
      session.links = session.links.filter((l) => l !== link);
      if (session.current === link) session.current = null;
    }
    session.reportLost();
    this.entries.delete(entry.number);
    const same = this.byId.get(entry.idHex);
    same?.delete(entry);
    if (same?.size === 0) this.byId.delete(entry.idHex);
    // One that ended because it had no link for too long is forgotten: the peer, if it comes back, starts a new one.
    if (session.close !== 'open' && session.peerEpoch !== 0n && entry.instance) this.remember(entry);
    if (entry.announced) engine.emit({ type: 'session_closed', session: entry.number, error, reason, text });
  }
  /** @param {Entry} entry @private */
  remember(entry) {
    const { now } = this.engine;
    this.ghosts = this.ghosts.filter(({ until }) => now < until);
    this.ghosts.push({ entry, until: now + GHOST_MS });
    if (this.ghosts.length > GHOSTS_MAX) this.ghosts.shift();
  }
  /** Ends all sessions. Those with a link still send CLOSE on it. */
  stop() {
    for (const entry of [...this.entries.values()]) {
      const { session } = entry;
      if (session.current) {
        session.close = 'peerClosed';
        session.closeDue = true;
        session.closeReason = REASON.CLOSED;
      }
      this.ended(entry, null, REASON.CLOSED, '');
    }
  }
}
