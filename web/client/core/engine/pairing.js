/**
 * How two clients get a link (docs/protocol.md, sections 4, 5 and 7): dialling, offers, crossing calls and the payloads
 * of the handshake. These are functions of the engine. What a peer sends is hostile and ends at most its own link.
 */
import { compare, concat, equal, fromUtf8, isZero, toHex } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { inviteProof } from '../invite.js';
import { checkCaller, startCallee, startCaller } from '../noise.js';
import { Link } from '../session/link.js';
import {
  decode,
  encode,
  frames,
  isRetryable,
  makeEnvelope,
  readExtensions,
  reasonText,
  writeExtensions,
} from '../wire.js';
import { ENVELOPE, EXTENSION, FRAME, INSTANCE_BYTES, PROTOCOL_VERSION, REASON } from '../../wire_table.js';
import { errorOf } from './actions.js';
import { APPLICATION_MAX, NAME_MAX } from './entry.js';

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('./entry.js').Entry} Entry */

const ANY_INSTANCE = new Uint8Array(INSTANCE_BYTES);
const OTHER_SIDE_FIRST_MS = 2000;
const OTHER_SIDE_JITTER_MS = 1000;
const QUICK_RETRIES = 3;
const DIAL_RETRY_FIRST_MS = 250;
const DIAL_RETRY_MAX_MS = 10000;
const REPLACE_RETRY_MS = 30000;
/** A link that lasted this long ends a series of faults. */
const FAULT_FREE_MS = 60000;
/** Links at one time that are accepted only to tell their callers why they are refused. */
const REFUSALS_MAX = 16;
/** Envelopes that may wait for the socket when one more call is added; the rest of the queue is for answers. */
const QUEUE_FOR_CALLS = 4096;

/** Returns the time of a dial that gives the other side's the first chance. @param {Engine} e */
const otherSideFirst = (e) => e.now + OTHER_SIDE_FIRST_MS + e.random() * OTHER_SIDE_JITTER_MS;

/** Returns a wait with full jitter, whose maximum doubles with each failure.
 * @param {Engine} e @param {number} failures from 1 on */
export const retryWait = (e, failures) =>
  e.random() * Math.min(DIAL_RETRY_MAX_MS, DIAL_RETRY_FIRST_MS * 2 ** Math.min(10, failures - 1));

/** Returns true when this side's ID ‖ instance is the smaller one.
 * @param {Engine} e @param {Uint8Array} id @param {Uint8Array} instance */
const isSmaller = (e, id, instance) =>
  compare(concat(e.config.identity.id, e.config.instance), concat(id, instance)) < 0;

/** Returns the extensions that say who this side is, for both handshake payloads.
 * @param {Engine} e @returns {[number, Uint8Array][]} */
function ownExtensions(e) {
  /** @type {[number, Uint8Array][]} */
  const list = [[EXTENSION.APPLICATION, e.applicationBytes]];
  if (e.nameBytes.length) list.push([EXTENSION.NAME, e.nameBytes]);
  return list;
}

/** Stores what the extensions say about the peer, and returns them by type. @param {Link} link
 * @param {Uint8Array} extensions */
function noteExtensions(link, extensions) {
  const found = readExtensions(extensions);
  const application = found.get(EXTENSION.APPLICATION);
  const name = found.get(EXTENSION.NAME);
  if (application && application.length <= APPLICATION_MAX) link.application = fromUtf8(application);
  if (name && name.length <= NAME_MAX) link.name = fromUtf8(name);
  return found;
}

// ---- dialling ------------------------------------------------------------------------------------------

/** Returns true when the session belongs to one instance: it was linked, or is about to be. @param {Entry} entry */
const isBound = (entry) => !entry.anyInstance || entry.session.links.length > 0;

/** Sends OPEN, unless one is unanswered. Tries again later when all link numbers are in use, or when many sessions dial
 * at once and the socket has not taken their calls yet. @param {Engine} e @param {Entry} entry */
export function dial(e, entry) {
  if (entry.opening || entry.closed) return;
  e.agenda.touch(entry);
  const number = e.queue.length < QUEUE_FOR_CALLS ? e.slots.take() : 0;
  if (number === 0) {
    entry.dialAt = entry.replaceFrom = e.now + 1000;
    return;
  }
  if (!isBound(entry)) entry.instance = null; // the one that answered last may be gone
  const { identity, instance } = e.config;
  const handshake = startCaller(identity, entry.id);
  const ephemeral = handshake.setEphemeral(e.randomBytes(32));
  const extensions = ownExtensions(e);
  if (entry.secret) extensions.push([EXTENSION.INVITE, inviteProof(entry.secret, identity.id, entry.id, ephemeral)]);
  const target = entry.instance ?? ANY_INSTANCE;
  const payload = encode('handshake1', {
    version: PROTOCOL_VERSION,
    caller_instance: instance,
    callee_instance: target,
    features: 0,
    extensions: writeExtensions(extensions),
  });
  const link = new Link(number, true, entry.id, entry.instance, e.now);
  link.handshake = handshake;
  link.owner = entry;
  link.window = e.relay.limits.LINK_WINDOW;
  e.slots.add(link);
  entry.opening = link;
  entry.dialAt = Infinity;
  const open = encode('open', { target_id: entry.id, target_instance: target, handshake: handshake.write(payload) });
  e.put(makeEnvelope(ENVELOPE.OPEN, open, number));
  e.relay.expect();
}

/** This side's OPEN failed; its link is forgotten already.
 * @param {Engine} e @param {Entry} entry @param {number} reason @param {string} text */
export function dialFailed(e, entry, reason, text) {
  entry.opening = null;
  if (entry.closed) return;
  const { parked } = entry;
  entry.parked = null;
  if (entry.session.current) entry.replaceFrom = e.now + REPLACE_RETRY_MS;
  else entry.dialAt = otherSideFirst(e);
  if (parked?.state === 'offered') return accept(e, parked);
  if (entry.session.current) return;
  if (!isRetryable(reason)) return e.sessions.ended(entry, errorOf(reason), reason, text || reasonText(reason));
  entry.failures++;
  if (reason === REASON.UNAVAILABLE && entry.failures <= QUICK_RETRIES) entry.dialAt = e.now;
  else entry.dialAt = e.now + retryWait(e, entry.failures);
  if (entry.session.links.length) return;
  entry.shownLinked = false;
  e.relay.doubt();
  if (entry.announced) e.emit({ type: 'unlinked', session: entry.number, reason, time: entry.dialAt });
  if (e.relay.online && e.now >= entry.dialAt) dial(e, entry);
}

/** A linked link ended; it is forgotten already. @param {Engine} e @param {Link} link @param {number} reason
 * @param {string} text */
export function linkLost(e, link, reason, text) {
  const entry = link.owner;
  if (!entry) return;
  const { session } = entry;
  session.now = e.now;
  const confirmed = link.confirmed;
  session.linkDown(link);
  if (entry.closed) return;
  if (session.close === 'closing' && reason === REASON.CLOSED) {
    session.close = 'ended'; // the answer to CLOSE was lost, but RESET CLOSED is an answer as well
    return e.sessions.ended(entry, null, session.closeReason, '');
  }
  // No key protects a RESET, so it is only a hint: a session is ended by CLOSE. A reason that is not retryable ends
  // only a session that was never linked.
  if (!isRetryable(reason) && !entry.wasLinked) return e.sessions.ended(entry, errorOf(reason), reason, text);
  const fault = reason === REASON.CORRUPT || !isRetryable(reason);
  if (fault) entry.faults = e.now - link.since >= FAULT_FREE_MS ? 1 : entry.faults + 1;
  if (session.links.length || entry.opening) return e.sessions.settle(entry, reason);
  // The application does not know of the session yet, and the peer calls again by itself.
  if (!entry.announced && !entry.callsBack) return e.sessions.ended(entry, 'ENETWORK', reason, '');
  if (!confirmed) {
    entry.failures++;
    entry.dialAt = e.now + retryWait(e, entry.failures + 1);
  } else entry.dialAt = link.opener || session.close === 'closing' ? e.now : otherSideFirst(e);
  if (fault) entry.dialAt += retryWait(e, entry.faults);
  // The peer may not let this side in any more. The application can find out by a new session.
  if (!confirmed && !entry.shownLinked && !isRetryable(reason))
    e.emit({ type: 'unlinked', session: entry.number, reason, time: entry.dialAt });
  e.sessions.settle(entry, reason);
}

/** Returns true when the session with this instance, of which there is only one, is another one. One that is being
 * closed is told to the peer first, until the new one is linked. @param {Engine} e @param {Entry} entry
 * @param {Uint8Array} instance */
function isDuplicate(e, entry, instance) {
  const other = e.sessions.find(entry.id, instance);
  if (!other || other === entry || other.session.close !== 'open') return false;
  return other.session.current !== null || entry.session.close === 'open';
}

/** ACCEPT of an OPEN. @param {Engine} e @param {Link} link @param {Uint8Array} payload */
export function takeAccept(e, link, payload) {
  const entry = link.owner;
  if (link.state !== 'opening' || !entry || !link.handshake) return e.endLink(link, REASON.PROTOCOL);
  /** @type {Uint8Array} */
  let instance;
  try {
    const hello = decode('handshake2', link.handshake.read(decode('accept', payload).handshake));
    if (hello.version !== PROTOCOL_VERSION) throw new PairlinkError('ESTATE');
    instance = hello.callee_instance.slice();
    noteExtensions(link, hello.extensions);
    if (isZero(instance)) throw new PairlinkError('EPROTOCOL');
    if (link.peerInstance && !equal(instance, link.peerInstance)) throw new PairlinkError('EPROTOCOL');
  } catch (error) {
    if (!(error instanceof PairlinkError)) throw error;
    if (error.code === 'ECRYPTO') {
      e.log('accept_refused', { what: error.message }); // not the peer's fault: it may have been changed on its way
      return e.endLink(link, REASON.CORRUPT);
    }
    const reason = error.code === 'ESTATE' ? REASON.UNSUPPORTED : REASON.PROTOCOL;
    entry.opening = null;
    e.resetLink(link, reason);
    return e.sessions.ended(entry, 'EPROTOCOL', reason, ''); // the handshake proves that the peer sent this
  }
  entry.opening = null;
  // This side called any instance. Meanwhile one of them called this side, and the session belongs to that one.
  if (isBound(entry) && entry.instance && !equal(entry.instance, instance)) {
    e.resetLink(link, REASON.CLOSED);
    return e.sessions.settle(entry);
  }
  const closing = entry.session.close !== 'open';
  if (isDuplicate(e, entry, instance)) {
    e.resetLink(link, REASON.CLOSED);
    if (closing) return e.sessions.ended(entry, null, REASON.CLOSED, ''); // the peer gets the new session instead
    return e.sessions.ended(entry, 'ESTATE', REASON.CLOSED, 'there is a session with this peer already');
  }
  entry.instance = link.peerInstance = instance;
  link.noise = link.handshake.split();
  link.handshake = null;
  link.bySmaller = isSmaller(e, entry.id, instance);
  link.move('linked');
  const { parked } = entry;
  entry.parked = null;
  if (parked?.state === 'offered') {
    if (equal(/** @type {Uint8Array} */ (parked.peerInstance), instance)) e.resetLink(parked, REASON.CROSSED);
    else accept(e, parked);
  }
  joinSession(e, entry, link);
}

/** Gives the link to the session. Returns false when the session has too many links; the link is reset then.
 * @param {Engine} e @param {Entry} entry @param {Link} link @returns {boolean} */
function joinSession(e, entry, link) {
  e.agenda.touch(entry);
  entry.session.now = e.now;
  try {
    entry.session.linkUp(link);
    return true;
  } catch (error) {
    if (!(error instanceof PairlinkError)) throw error;
    link.owner = null;
    e.resetLink(link, REASON.OVERFLOW);
    return false;
  }
}

// ---- offers ------------------------------------------------------------------------------------------------

/** @param {Engine} e @param {number} number @param {Uint8Array} payload */
export function takeOffer(e, number, payload) {
  e.openRelayLink(number);
  const offer = decode('offer', payload);
  const link = new Link(number, false, offer.caller_id.slice(), offer.caller_instance.slice(), e.now);
  link.window = e.relay.limits.LINK_WINDOW;
  e.slots.add(link);
  if (e.strangers.blocked.has(toHex(link.peerId))) return; // the call times out, as if this client were offline
  try {
    readOffer(e, link, offer);
  } catch (error) {
    if (!(error instanceof PairlinkError)) throw error;
    e.resetLink(link, REASON.PROTOCOL); // the relay does not pass this reason on to the caller
    return;
  }
  const letIn = isWelcome(e, link) || sessionFor(e, link) !== undefined || e.sessions.ghostOf(link) !== undefined;
  const invited = mayUseInvite(e, link);
  if (link.unsupported) return letIn ? acceptToRefuse(e, link) : e.resetLink(link, REASON.UNSUPPORTED);
  if (letIn || invited) return considerOffer(e, link);
  if (e.strangers.isIgnored(link.peerId)) return; // the call times out, as if this client were offline
  if (link.invite || e.strangers.isRefused(link.peerId)) return acceptToRefuse(e, link);
  knock(e, link, link);
}

/** Accepts a call in order to tell the caller, at its first record, why it is refused: the relay does not pass on
 * reasons that come before ACCEPT (docs/protocol.md, section 4). Callers beyond the limit are not told.
 * @param {Engine} e @param {Link} link */
function acceptToRefuse(e, link) {
  if (e.refusals.size >= REFUSALS_MAX) return e.resetLink(link, REASON.REFUSED);
  e.refusals.add(link);
  accept(e, link);
}

/** Remembers a stranger's knock and reports a new one to the application, unless the stranger is ignored.
 * @param {Engine} e @param {Link} from @param {Link | null} link the link that waits for the answer */
function knock(e, from, link) {
  const { peerId: id, name } = from;
  if (e.strangers.isIgnored(id)) return;
  const instance = /** @type {Uint8Array} */ (from.peerInstance);
  if (e.strangers.knock({ id, instance, name, link })) e.emit({ type: 'knock', id, instance, text: name, name });
}

/** Returns the session that a call joins: one with this instance, or one that is being dialled and takes any instance.
 * @param {Engine} e @param {Link} link */
const sessionFor = (e, link) =>
  e.sessions.find(link.peerId, /** @type {Uint8Array} */ (link.peerInstance)) ?? e.sessions.findUnbound(link.peerId);

/** Returns true when the peer is let in without an invite. @param {Engine} e @param {Link} link */
function isWelcome(e, link) {
  const key = toHex(link.peerId);
  return e.strangers.allowed.has(key) || (e.config.acceptAll && !e.strangers.turnedAway.has(key));
}

/** Returns true when the peer has proved that it knows an invite that it may use.
 * @param {Engine} e @param {Link} link */
const mayUseInvite = (e, link) => link.invite !== null && e.strangers.mayUse(link.invite, link.peerId, e.now);

/** Reads handshake message 1. Throws when it contradicts the OFFER or does not decode. @param {Engine} e @param {Link}
 * link
 * @param {import('../wire.js').Message} offer */
function readOffer(e, link, offer) {
  const handshake = startCallee(e.config.identity, link.peerId);
  const payload = handshake.read(offer.handshake);
  checkCaller(handshake, link.peerId);
  link.handshake = handshake;
  link.unsupported = payload.length > 0 && payload[0] !== PROTOCOL_VERSION;
  if (link.unsupported) return;
  const hello = decode('handshake1', payload);
  if (!equal(hello.caller_instance, offer.caller_instance) || isZero(offer.caller_instance))
    throw new PairlinkError('EPROTOCOL');
  if (!isZero(hello.callee_instance) && !equal(hello.callee_instance, e.config.instance))
    throw new PairlinkError('EPROTOCOL');
  const extensions = noteExtensions(link, hello.extensions);
  const proof = extensions.get(EXTENSION.INVITE);
  const ephemeral = /** @type {Uint8Array} */ (handshake.re);
  link.invite = proof ? e.strangers.findInvite(proof, link.peerId, e.config.identity.id, ephemeral) : null;
}

/** Accepts the offer of a peer that is let in. When both sides call each other, the smaller one first waits for the end
 * of its own call.
 * @param {Engine} e @param {Link} link */
export function considerOffer(e, link) {
  const instance = /** @type {Uint8Array} */ (link.peerInstance);
  const entry = sessionFor(e, link);
  if (!entry?.opening || !isSmaller(e, link.peerId, instance)) return accept(e, link);
  if (entry.parked?.state === 'offered') e.resetLink(entry.parked, REASON.CROSSED);
  entry.parked = link;
}

/** Sends ACCEPT. @param {Engine} e @param {Link} link */
export function accept(e, link) {
  const payload = encode('handshake2', {
    version: PROTOCOL_VERSION,
    callee_instance: e.config.instance,
    features: 0,
    extensions: writeExtensions(ownExtensions(e)),
  });
  const handshake = /** @type {import('../noise.js').Handshake} */ (link.handshake);
  const message = handshake.write(payload, e.randomBytes(32));
  link.noise = handshake.split();
  link.handshake = null;
  link.since = e.now;
  link.move('accepted');
  e.agenda.awaitFirstRecord(link);
  e.put(makeEnvelope(ENVELOPE.ACCEPT, encode('accept', { handshake: message }), link.number));
}

/** The first record proves who the caller is. Only now does the caller get a session and use its invite. Returns false
 * when the caller is refused.
 * @param {Engine} e @param {Link} link @param {Uint8Array} plaintext */
export function takeFirstRecord(e, link, plaintext) {
  const instance = /** @type {Uint8Array} */ (link.peerInstance);
  const ghost = link.unsupported ? undefined : e.sessions.ghostOf(link, epochOf(plaintext));
  if (ghost) {
    // The caller has not learnt that its session is over here, so it is told again.
    link.owner = ghost;
    link.bySmaller = !isSmaller(e, link.peerId, instance);
    link.move('linked');
    e.agenda.firstRecordCame(link);
    ghost.session.answerClosed();
    return joinSession(e, ghost, link);
  }
  const blocked = e.strangers.blocked.has(toHex(link.peerId));
  const invited = !blocked && !link.unsupported && mayUseInvite(e, link);
  if (invited && e.strangers.claim(link.invite, link.peerId)) claimed(e, link);
  let entry = e.sessions.closing(link, epochOf(plaintext)) ?? sessionFor(e, link);
  const refusal = refusalOf(e, link, invited, entry);
  if (refusal) {
    e.resetLink(link, refusal);
    if (refusal === REASON.CLOSED && !blocked) knock(e, link, null);
    return false;
  }
  if (!entry) {
    try {
      entry = e.sessions.add(link.peerId, instance, true);
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      e.resetLink(link, REASON.OVERFLOW);
      return false;
    }
  }
  entry.instance ??= instance;
  link.owner = entry;
  link.bySmaller = !isSmaller(e, link.peerId, instance);
  link.move('linked');
  e.agenda.firstRecordCame(link);
  e.callTaken(link);
  if (!joinSession(e, entry, link)) return false;
  if (entry.opening) e.resetLink(entry.opening, REASON.CROSSED); // this side's own call is no longer needed
  entry.opening = null;
  return true;
}

/** Decides again who is let in: since ACCEPT a session may have ended or the peer may have been denied, and some calls
 * are accepted only to be refused. Returns 0, or the reason of the refusal.
 * @param {Engine} e @param {Link} link @param {boolean} invited @param {Entry | undefined} entry */
function refusalOf(e, link, invited, entry) {
  if (link.unsupported) return REASON.UNSUPPORTED;
  if (entry || invited) return 0;
  if (e.strangers.blocked.has(toHex(link.peerId)) || e.strangers.isIgnored(link.peerId)) return REASON.CLOSED;
  if (isWelcome(e, link)) return 0;
  return link.invite || e.strangers.isRefused(link.peerId) ? REASON.REFUSED : REASON.CLOSED;
}

/** Reports that the caller has claimed its invite. @param {Engine} e @param {Link} link */
function claimed(e, link) {
  const { secret, code } = /** @type {import('./strangers.js').InviteEntry} */ (link.invite);
  const { peerId: id, name } = link;
  if (code) e.codes.called(code, secret, { id, instance: /** @type {Uint8Array} */ (link.peerInstance), name });
  else e.emit({ type: 'invite_claimed', id, data: secret.slice() });
}

/** Returns the epoch of the HELLO at the start of a first record; 0 when there is none.
 * @param {Uint8Array} plaintext */
function epochOf(plaintext) {
  try {
    const [first] = frames(plaintext);
    if (first?.type === FRAME.HELLO) return decode('frame_hello', first.body).epoch;
  } catch (error) {
    if (!(error instanceof PairlinkError)) throw error;
  }
  return 0n;
}
