/**
 * Pairing codes (docs/protocol.md, section 7, "Codes"): those that this side made, and those of others that it uses.
 *
 *   creator: asking → offered (has a nameplate) ⇄ asking (again after each login) → over
 *            its one seat: free → answered (ACCEPT sent) → free, or → over with the guess
 *   claimer: waiting → claiming (CLAIM sent) → proving (guess sent) → called (waits for the creator's call) → over
 *                    ↖ lost, unavailable ↙
 *
 * A stranger's mistakes end only its own link, except that one wrong guess ends the code.
 */
import { equal } from '../bytes.js';
import {
  answerExchange,
  drawWords,
  finishExchange,
  formatCode,
  makeProof,
  readProof,
  startExchange,
  wipeKeys,
} from '../code.js';
import { PairlinkError } from '../errors.js';
import { sodium } from '../sodium.js';
import { decode, encode, isRetryable, makeEnvelope } from '../wire.js';
import {
  CODE_END,
  CODE_LIFETIME_MS,
  CODE_MAKE,
  CODE_NUMBER_MAX,
  CODE_NUMBER_MIN,
  CODE_SEAT_MS,
  CODE_SID_BYTES,
  ENVELOPE,
  REASON,
} from '../../wire_table.js';
import { errorOf } from './actions.js';
import { retryWait } from './pairing.js';

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('../code.js').CodeKeys} CodeKeys */

/** Codes of one client at one time. */
const CODES_MAX = 16;
const SCALAR_BYTES = 32;
/** After a login, a relay that was restarted may not know a number yet: how long and how often a claim is repeated. */
const BACK_MS = 15000;
const BACK_TRIES = 3;

/** The reason for a code_start or code_answer that is refused. @param {PairlinkError} error */
const reasonOf = ({ code }) => (code === 'ESTATE' ? REASON.UNSUPPORTED : REASON.PROTOCOL);

/** A link of a CLAIM. It carries one exchange and no session. */
export class CodeLink {
  /** @param {number} number @param {Creator | Claimer} code @param {number} since */
  constructor(number, code, since) {
    this.number = number;
    this.code = code;
    this.since = since;
    /** @type {'claim' | 'gone'} */
    this.state = 'claim';
    /** @type {CodeKeys | null} known once both shares are */
    this.keys = null;
    /** The guess was received, or sent. */
    this.guessed = false;
  }
}

class Creator {
  /** @param {number} handle @param {string[]} words @param {number} expiresAt */
  constructor(handle, words, expiresAt) {
    this.handle = handle;
    this.words = words;
    this.expiresAt = expiresAt;
    /** The nameplate; 0 before the relay has assigned one. */
    this.number = 0;
    /** @type {CodeLink | null} the link of the claimer that is trying the code */
    this.seat = null;
  }
  get deadline() {
    return this.seat ? Math.min(this.expiresAt, this.seat.since + CODE_SEAT_MS) : this.expiresAt;
  }
}

class Claimer {
  /** @param {number} handle @param {number} number @param {string[]} words @param {number} now */
  constructor(handle, number, words, now) {
    this.handle = handle;
    this.number = number;
    this.words = words;
    this.expiresAt = now + CODE_LIFETIME_MS;
    this.tryAt = now;
    this.failures = 0;
    /** The relay knew its number. */
    this.seen = false;
    /** Tries repeated because a restarted relay did not know the number. */
    this.missed = 0;
    /** @type {CodeLink | null} */
    this.link = null;
    /** @type {ReturnType<typeof startExchange> | null} */
    this.started = null;
    /** @type {Uint8Array | null} the dial secret, once the guess is sent; an invite that lets the creator's call in */
    this.invite = null;
  }
}

export class Codes {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
    /** @type {Map<number, Creator | Claimer>} by handle */
    this.codes = new Map();
    this.nextHandle = 1;
    /** The time of the last login. */
    this.onlineAt = -Infinity;
    /** Dial secrets of codes that are over, for a call that may still arrive.
     * @type {{secret: Uint8Array, until: number}[]} */
    this.late = [];
    /** Links of codes that are over; they wait for the other side's RESET. @type {CodeLink[]} */
    this.leaving = [];
  }

  // ---- commands ------------------------------------------------------------------------------------------

  /** Makes a code and returns its handle; an action 'code' follows. Throws EAGAIN.
   * @param {number} lifetimeMs 0 for the default */
  make(lifetimeMs) {
    const lifetime = Math.min(lifetimeMs || CODE_LIFETIME_MS, CODE_LIFETIME_MS);
    const words = drawWords((size) => this.engine.randomBytes(size));
    const code = this.add((handle) => new Creator(handle, words, this.engine.now + lifetime));
    if (this.engine.relay.online) this.ask(code);
    return code.handle;
  }
  /** Uses another person's code and returns its handle. Throws EAGAIN, and EINVAL for a code of this client.
   * @param {number} number @param {string[]} words */
  claim(number, words) {
    if (this.byNumber(number)) throw new PairlinkError('EINVAL', 'this client made the code itself');
    const code = this.add((handle) => new Claimer(handle, number, words, this.engine.now));
    if (this.engine.relay.online) this.try(code);
    return code.handle;
  }
  /** @template {Creator | Claimer} T @param {(handle: number) => T} make @returns {T} @private */
  add(make) {
    if (this.codes.size >= CODES_MAX) throw new PairlinkError('EAGAIN', 'too many codes');
    const code = make(this.nextHandle++);
    this.codes.set(code.handle, code);
    return code;
  }
  /** Ends a code without an action for the application. Does nothing when it is over. @param {number} handle */
  cancel(handle) {
    const code = this.codes.get(handle);
    if (code) this.over(code, REASON.CLOSED);
  }
  stop() {
    for (const code of [...this.codes.values()]) this.end(code, 'ECLOSED', REASON.CLOSED);
    for (const link of this.leaving) this.forget(link);
    for (const { secret } of this.late) this.engine.strangers.dropInvite(secret);
    this.late = [];
  }

  // ---- ends ----------------------------------------------------------------------------------------------

  /** Removes a code with its nameplate, its link and its invite.
   * @param {Creator | Claimer} code @param {number} reason for the link @private */
  over(code, reason) {
    if (!this.codes.delete(code.handle)) return;
    if (code instanceof Creator) {
      if (code.seat) this.drop(code.seat, reason === REASON.CLOSED ? REASON.NO_CODE : reason);
      this.endPlate(code.number);
    } else {
      if (code.link) this.drop(code.link, reason);
      if (code.invite) this.engine.strangers.dropInvite(code.invite);
      this.forgetStart(code);
    }
  }
  /** Removes a code and tells the application why. @param {Creator | Claimer} code
   * @param {import('../errors.js').ErrorCode} error @param {number} reason @private */
  end(code, error, reason) {
    this.over(code, reason);
    this.engine.emit({ type: 'code_ended', code: code.handle, error, reason });
  }
  /** @param {number} number @private */
  endPlate(number) {
    if (number && this.engine.relay.online) this.say(CODE_END, 0, number, 0);
  }
  /** @param {CodeLink} link @param {number} reason @private */
  drop(link, reason) {
    if (link.state === 'gone') return;
    this.engine.putReset(link.number, reason);
    this.forget(link);
  }
  /** @param {CodeLink} link @private */
  forget(link) {
    link.state = 'gone';
    this.engine.slots.release(link);
    if (link.keys) wipeKeys(link.keys);
    link.keys = null;
    if (link.code instanceof Creator && link.code.seat === link) link.code.seat = null;
    if (link.code instanceof Claimer && link.code.link === link) link.code.link = null;
    this.leaving = this.leaving.filter((one) => one !== link);
  }
  /** @param {Claimer} code @private */
  forgetStart(code) {
    if (code.started) sodium.memzero(code.started.scalar);
    code.started = null;
  }

  // ---- towards the relay -----------------------------------------------------------------------------------

  /** @param {number} op @param {number} tag @param {number} number @param {number} lifetime @private */
  say(op, tag, number, lifetime) {
    this.engine.put(makeEnvelope(ENVELOPE.CODE, encode('code', { op, tag, number, lifetime_ms: lifetime })));
  }
  /** @param {Creator} code @private */
  ask(code) {
    this.say(CODE_MAKE, code.handle, code.number, Math.max(1, Math.floor(code.expiresAt - this.engine.now)));
    this.engine.relay.expect();
  }
  wentOnline() {
    this.onlineAt = this.engine.now;
    for (const code of this.codes.values()) {
      if (code instanceof Creator) this.ask(code);
      else if (!code.invite) this.try(code);
    }
  }
  /** The relay's answer to MAKE. @param {Uint8Array} payload */
  takePlate(payload) {
    const { op, tag, number, lifetime_ms: lifetime } = decode('code', payload);
    if (op !== CODE_MAKE) throw new PairlinkError('EPROTOCOL', 'op of CODE');
    const code = this.codes.get(tag);
    if (!(code instanceof Creator)) return this.endPlate(number); // cancelled meanwhile
    if (number === 0)
      return code.number ? this.end(code, 'ENOCODE', REASON.NO_CODE) : this.end(code, 'EAGAIN', REASON.RATE);
    if (number < CODE_NUMBER_MIN || number > CODE_NUMBER_MAX) throw new PairlinkError('EPROTOCOL', 'number of a code');
    if (code.number === number) {
      code.expiresAt = Math.min(code.expiresAt, this.engine.now + lifetime); // the same number after a new login
      return;
    }
    if (code.number || this.byNumber(number)) {
      // Another code has the old number now, so the text that the other person was told is useless.
      code.number = number;
      return this.end(code, 'ENOCODE', REASON.NO_CODE);
    }
    code.number = number;
    code.expiresAt = Math.min(code.expiresAt, this.engine.now + lifetime);
    this.engine.emit({ type: 'code', code: code.handle, text: formatCode(number, code.words), time: code.expiresAt });
  }
  /** @param {number} number @returns {Creator | undefined} @private */
  byNumber(number) {
    for (const code of this.codes.values()) if (code instanceof Creator && code.number === number) return code;
    return undefined;
  }

  // ---- the creator ---------------------------------------------------------------------------------------

  /** CLAIM: a peer tries a code of this side. @param {number} number of the link @param {Uint8Array} payload */
  takeClaim(number, payload) {
    const { engine } = this;
    engine.openRelayLink(number);
    const { number: plate, exchange } = decode('claim', payload);
    const code = this.byNumber(plate);
    if (!code) return engine.putReset(number, REASON.NO_CODE);
    if (code.seat) {
      engine.putReset(number, REASON.BUSY);
      engine.emit({ type: 'code_busy', code: code.handle });
      return;
    }
    const link = new CodeLink(number, code, engine.now);
    engine.slots.add(link);
    code.seat = link;
    try {
      const { keys, message } = answerExchange(this.secretOf(code), exchange, engine.randomBytes(SCALAR_BYTES));
      link.keys = keys;
      engine.put(makeEnvelope(ENVELOPE.ACCEPT, message, number));
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      if (error.code === 'ECRYPTO') return this.end(code, 'EWRONGCODE', REASON.WRONG_CODE);
      this.drop(link, reasonOf(error)); // this was not a guess, so the code stays open
    }
  }
  /** @param {Creator | Claimer} code @private */
  secretOf({ number, words }) {
    return { relayId: /** @type {Uint8Array} */ (this.engine.relay.relayId), number, words };
  }
  /** @param {Creator} code @param {CodeLink} link @param {Uint8Array} payload @private */
  takeGuess(code, link, payload) {
    const { engine } = this;
    const keys = /** @type {CodeKeys} */ (link.keys);
    let person;
    try {
      person = readProof(keys, true, payload);
      if (this.isOwn(person)) throw new PairlinkError('ECRYPTO', 'a code for oneself');
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      return this.end(code, 'EWRONGCODE', REASON.WRONG_CODE);
    }
    link.guessed = true;
    engine.put(makeEnvelope(ENVELOPE.DATA, makeProof(keys, false, this.self()), link.number));
    code.seat = null; // the link stays open until the claimer has received the proof
    this.leaving.push(link);
    const dial = keys.dial.slice();
    this.over(code, REASON.CLOSED);
    const { id, instance, name } = person;
    engine.pair(id);
    engine.emit({ type: 'paired', code: code.handle, id, instance, name, session: this.open(id, instance, dial) });
  }
  /** Starts the session with the claimer.
   * @param {Uint8Array} id @param {Uint8Array} instance @param {Uint8Array} dial the secret of the call
   * @returns {number} 0 when there are too many sessions; the two are paired all the same @private */
  open(id, instance, dial) {
    try {
      return this.engine.sessions.connect(id, instance, dial);
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      return 0;
    }
  }
  /** @param {{id: Uint8Array, instance: Uint8Array}} person @private */
  isOwn({ id, instance }) {
    const { config } = this.engine;
    return equal(id, config.identity.id) && equal(instance, config.instance);
  }
  /** @private */
  self() {
    const { config, nameBytes } = this.engine;
    return { id: config.identity.id, instance: config.instance, name: nameBytes };
  }

  // ---- the claimer -----------------------------------------------------------------------------------------

  /** @param {Claimer} code @private */
  try(code) {
    const { engine } = this;
    if (code.link) return;
    const number = engine.slots.take();
    code.tryAt = number ? Infinity : engine.now + 1000;
    if (!number) return;
    code.link = new CodeLink(number, code, engine.now);
    engine.slots.add(code.link);
    code.started = startExchange(
      this.secretOf(code),
      engine.randomBytes(CODE_SID_BYTES),
      engine.randomBytes(SCALAR_BYTES),
    );
    engine.put(
      makeEnvelope(ENVELOPE.CLAIM, encode('claim', { number: code.number, exchange: code.started.message }), number),
    );
    engine.relay.expect();
  }
  /** ACCEPT of a CLAIM: sends the guess. @param {CodeLink} link @param {Uint8Array} payload */
  takeAnswer(link, payload) {
    const { engine } = this;
    const { code } = link;
    if (!(code instanceof Claimer) || !code.started) return this.broken(link);
    try {
      link.keys = finishExchange(code.started, payload);
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      if (error.code === 'ECRYPTO') return this.end(code, 'EWRONGCODE', REASON.WRONG_CODE);
      return this.end(code, 'EPROTOCOL', reasonOf(error));
    }
    code.started = null;
    link.guessed = true;
    code.invite = link.keys.dial.slice();
    code.expiresAt = engine.now + CODE_LIFETIME_MS;
    engine.strangers.addInvite(code.invite, code.expiresAt, true, engine.now, code.handle);
    engine.put(makeEnvelope(ENVELOPE.DATA, makeProof(link.keys, true, this.self()), link.number));
  }
  /** @param {Claimer} code @param {CodeLink} link @param {Uint8Array} payload @private */
  takeConfirmation(code, link, payload) {
    let person;
    try {
      person = readProof(/** @type {CodeKeys} */ (link.keys), false, payload);
      if (this.isOwn(person)) throw new PairlinkError('ECRYPTO', 'a code of oneself');
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      return this.end(code, 'EWRONGCODE', REASON.WRONG_CODE);
    }
    this.drop(link, REASON.CLOSED);
    this.engine.pair(person.id);
    if (code.invite) this.engine.strangers.bindInvite(code.invite, person.id);
    this.paired(code, person);
  }
  /** The creator's call proved that it knows the dial secret. This pairs the two even when its proof over the code's
   * link was lost.
   * @param {number} handle @param {Uint8Array} secret
   * @param {{id: Uint8Array, instance: Uint8Array, name: string}} person */
  called(handle, secret, person) {
    const code = this.codes.get(handle);
    if (code instanceof Claimer) this.paired(code, person);
    this.engine.strangers.dropInvite(secret);
    this.late = this.late.filter((one) => !equal(one.secret, secret));
  }
  /** @param {Claimer} code @param {{id: Uint8Array, instance: Uint8Array, name: string}} person @private */
  paired(code, { id, instance, name }) {
    // The creator's call may arrive before or after this, and still needs the invite.
    if (code.invite) this.late.push({ secret: code.invite, until: code.expiresAt });
    code.invite = null;
    this.over(code, REASON.CLOSED);
    this.engine.emit({ type: 'paired', code: code.handle, id, instance, name, session: 0 });
  }

  // ---- links -------------------------------------------------------------------------------------------------

  /** @param {CodeLink} link @param {Uint8Array} payload */
  takeData(link, payload) {
    const { code } = link;
    if (!link.keys || !this.codes.has(code.handle)) return this.broken(link);
    if (code instanceof Creator) this.takeGuess(code, link, payload);
    else this.takeConfirmation(code, link, payload);
  }
  /** Ends a link that broke the protocol. @param {CodeLink} link @private */
  broken(link) {
    this.drop(link, REASON.PROTOCOL);
    this.lost(link, REASON.PROTOCOL);
  }
  /** A link has ended, whichever side ended it. @param {CodeLink} link @param {number} reason */
  lost(link, reason) {
    const { engine } = this;
    const { code, guessed } = link;
    this.forget(link);
    if (!(code instanceof Claimer) || !this.codes.has(code.handle)) return;
    this.forgetStart(code);
    if (guessed) {
      // The guess may have been right and the creator may call, so only WRONG_CODE from the creator ends the code.
      if (reason === REASON.WRONG_CODE) this.end(code, 'EWRONGCODE', reason);
      return;
    }
    if (this.mayComeBack(code, reason)) {
      code.tryAt = engine.now + 1000 * 2 ** code.missed++;
      return;
    }
    if (!isRetryable(reason) || reason === REASON.RATE || reason === REASON.BUSY)
      return this.end(code, reason === REASON.RATE ? 'EAGAIN' : errorOf(reason), reason);
    code.seen = true;
    code.failures++;
    code.tryAt = engine.now + retryWait(engine, code.failures);
    if (engine.relay.online && engine.now >= code.tryAt) this.try(code);
  }

  /** A restarted relay does not know the number until the code's creator has logged in again, too.
   * @param {Claimer} code @param {number} reason @private */
  mayComeBack(code, reason) {
    return (
      reason === REASON.NO_CODE && code.seen && code.missed < BACK_TRIES && this.engine.now < this.onlineAt + BACK_MS
    );
  }

  // ---- time --------------------------------------------------------------------------------------------------

  deadline() {
    let at = Infinity;
    for (const code of this.codes.values()) {
      if (code instanceof Creator) at = Math.min(at, code.deadline);
      else at = Math.min(at, code.expiresAt, this.claimDeadline(code));
    }
    for (const link of this.leaving) at = Math.min(at, link.since + CODE_SEAT_MS);
    for (const { until } of this.late) at = Math.min(at, until);
    return at;
  }
  /** @param {Claimer} code @private */
  claimDeadline(code) {
    if (code.link) return code.link.since + CODE_SEAT_MS;
    return code.invite || !this.engine.relay.online ? Infinity : code.tryAt;
  }
  time() {
    const { engine } = this;
    const { now } = engine;
    for (const link of this.leaving) if (now >= link.since + CODE_SEAT_MS) this.drop(link, REASON.TIMEOUT);
    for (const { secret, until } of this.late) if (now >= until) engine.strangers.dropInvite(secret);
    this.late = this.late.filter(({ until }) => now < until);
    for (const code of [...this.codes.values()]) {
      if (now >= code.expiresAt) this.end(code, 'ETIMEDOUT', REASON.TIMEOUT);
      else if (code instanceof Creator) {
        if (code.seat && now >= code.deadline) this.drop(code.seat, REASON.TIMEOUT);
      } else if (now >= this.claimDeadline(code)) this.claimTime(code);
    }
  }
  /** @param {Claimer} code @private */
  claimTime(code) {
    const { link } = code;
    if (!link) return this.try(code);
    this.engine.relay.doubt(); // a call that got no answer
    this.drop(link, REASON.TIMEOUT);
    this.lost(link, REASON.TIMEOUT);
  }
}
