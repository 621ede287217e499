/**
 * The connection to the relay: login, liveness, retries (docs/protocol.md, sections 3 and 9).
 *
 *   idle → connecting → hello → login → online        any → waiting (for the retry) → connecting        any → stopped
 */
import { equal, fromUtf8, utf8 } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { loginTranscript, signLoginClient, tokenProof, verifyLoginRelay } from '../identity.js';
import { decode, encode, isRetryable, makeEnvelope } from '../wire.js';
import {
  CHALLENGE_BYTES,
  ENVELOPE,
  LIMITS,
  LOGIN_FLAG_LISTEN,
  PROTOCOL_VERSION,
  REASON,
  SIGNATURE_BYTES,
} from '../../wire_table.js';
import { errorOf } from './actions.js';

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {'idle' | 'connecting' | 'hello' | 'login' | 'online' | 'waiting' | 'stopped'} RelayState */

const LOGIN_TIMEOUT_MS = 15000;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 10000;
const RETRY_LATE_MS = 30000;
const RETRY_LATE_AFTER_MS = 120000;
/** A connection that was online for this long was useful; see wasUseful. */
const HELD_MS = 10000;
/** After the network came back, a socket that does not answer within this time counts as dead. */
const NETWORK_UP_ANSWER_MS = 5000;
/** After this much silence PING is sent; after as much without an answer the application is told. */
const CHECK_AFTER_MS = 1000;

export class RelayConnection {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
    /** @type {RelayState} */
    this.state = 'idle';
    /** @type {Uint8Array | null} pinned by the application or by the first login */
    this.relayId = engine.config.relayId ?? null;
    this.limits = initialLimits();
    this.retryAt = Infinity;
    this.attempts = 0;
    this.offlineSince = 0;
    this.loginBy = Infinity;
    this.heardAt = 0;
    /** When the answer to a PING is due; Infinity while none is awaited. */
    this.answerBy = Infinity;
    /** When that PING was sent. */
    this.askedAt = 0;
    /** The application knows that nothing comes from the relay. */
    this.checking = false;
    /** The relay or a peer has something to answer, and nothing has come since. */
    this.awaits = false;
    this.onlineAt = 0;
    /** A valid record of a peer came over this connection. */
    this.carried = false;
    /** `late` was called, and nothing was received since. */
    this.wasLate = false;
    /** When to leave a relay that is going away. */
    this.moveAt = Infinity;
    /** Other addresses that GOING_AWAY named. One that answers stays in use; after one that does not, the next is
     * tried.
     * @type {string[]} */
    this.alternatives = [];
    /** Which address is in use: 0 for the configured one, n for the n-th alternative. */
    this.address = 0;
    /** @type {Uint8Array} */
    this.hello = new Uint8Array(0);
    /** @type {Uint8Array} */
    this.transcript = new Uint8Array(0);
    /** The relay's ID in its HELLO. */
    this.helloRelayId = new Uint8Array(0);
  }
  get online() {
    return this.state === 'online';
  }
  get hasSocket() {
    return this.state === 'connecting' || this.state === 'hello' || this.state === 'login' || this.state === 'online';
  }

  // ---- socket -----------------------------------------------------------------------------------------

  /** Connects, unless the client is connected or will try again by itself. */
  start() {
    if (this.state === 'stopped') throw new PairlinkError('ESTATE', 'the client was stopped');
    if (this.state !== 'idle' && !this.gaveUp) return;
    this.attempts = 0;
    this.offlineSince = this.engine.now;
    this.connect();
  }
  /** No retry is planned, because another one could not succeed unless something changes. @private */
  get gaveUp() {
    return this.state === 'waiting' && this.retryAt === Infinity;
  }
  connect() {
    this.state = 'connecting';
    this.retryAt = Infinity;
    this.loginBy = this.engine.now + LOGIN_TIMEOUT_MS;
    this.engine.queue = []; // what the last socket did not take
    const url = this.alternatives[this.address - 1];
    this.engine.emit(url ? { type: 'connect', url } : { type: 'connect' });
  }
  socketOpen() {
    if (this.state === 'connecting') this.state = 'hello';
  }
  /** @param {import('../errors.js').ErrorCode} error @param {number} [reason] */
  socketClosed(error, reason = 0) {
    if (this.hasSocket) this.lose(error, reason, false);
  }
  /** Gives up the socket and tells the application when the next try is.
   * @param {import('../errors.js').ErrorCode} error
   * @param {number} reason
   * @param {boolean} disconnect the socket is still open
   * @param {boolean} [forever] another try at the configured address could not succeed */
  lose(error, reason, disconnect, forever = false) {
    const { engine } = this;
    if (this.wasUseful()) {
      this.offlineSince = engine.now;
      this.attempts = 0;
    }
    const named = !this.online && this.address > 0; // the configured address may still be right
    if (!this.online) this.address = (this.address + 1) % (this.alternatives.length + 1);
    this.state = 'waiting';
    this.checking = this.awaits = false;
    this.moveAt = this.loginBy = this.answerBy = Infinity;
    if (disconnect) engine.emit({ type: 'disconnect', reason });
    engine.socketLost(disconnect);
    if (forever && !named) {
      this.retryAt = Infinity;
    } else {
      const late = engine.now - this.offlineSince >= RETRY_LATE_AFTER_MS;
      const most = late ? RETRY_LATE_MS : Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(this.attempts, 10));
      this.attempts++;
      const least = reason === REASON.SUPERSEDED ? RETRY_MAX_MS : 0; // another client uses this instance: do not fight
      this.retryAt = engine.now + least + engine.random() * most;
    }
    engine.emit({ type: 'offline', error, reason, time: this.retryAt });
  }
  /**
   * Returns true when the connection lasted or carried a peer's record. Only then do the retries start from the
   * shortest wait again, because a relay that merely sends WELCOME may be broken. @private
   */
  wasUseful() {
    return this.online && (this.carried || this.engine.now - this.onlineAt >= HELD_MS);
  }
  stop() {
    if (this.state === 'stopped') return;
    const had = this.hasSocket;
    this.state = 'stopped';
    this.retryAt = this.moveAt = this.loginBy = this.answerBy = Infinity;
    if (had) this.engine.emit({ type: 'disconnect', reason: REASON.CLOSED });
  }
  networkUp() {
    if (this.state === 'waiting') {
      this.attempts = 0;
      this.connect();
    } else if (this.online) {
      this.ask(NETWORK_UP_ANSWER_MS);
    }
  }

  // ---- login ------------------------------------------------------------------------------------------

  /** @param {Uint8Array} payload */
  takeHello(payload) {
    const { engine } = this;
    const hello = decode('hello', payload);
    if (hello.version_min > PROTOCOL_VERSION || hello.version_max < PROTOCOL_VERSION)
      return this.refuse('EPROTOCOL', REASON.UNSUPPORTED, true);
    if (this.relayId && !equal(this.relayId, hello.relay_id)) {
      // An alternative address leads to another relay: skip it, for the configured address may still be right.
      if (this.address) return this.refuse('ENETWORK', REASON.CLOSED, false);
      engine.emit({ type: 'relay_changed', id: hello.relay_id.slice() });
      return this.refuse('ERELAYKEY', REASON.CLOSED, true);
    }
    this.limits = initialLimits();
    this.takeLimits(hello.limits);
    this.hello = payload.slice();
    this.helloRelayId = hello.relay_id.slice();
    this.transcript = this.login(engine);
    this.state = 'login';
  }
  /** @param {Engine} engine @private */
  login(engine) {
    const { identity, instance, listen, token } = engine.config;
    const origin = this.address ? utf8(originOf(this.alternatives[this.address - 1])) : engine.config.origin;
    const login = encode('login', {
      version: PROTOCOL_VERSION,
      flags: listen ? LOGIN_FLAG_LISTEN : 0,
      peer_id: identity.id,
      instance,
      nonce: engine.randomBytes(CHALLENGE_BYTES),
      features: 0,
      origin,
      token_proof: new Uint8Array(0),
      signature: new Uint8Array(SIGNATURE_BYTES),
    });
    // The proof of a token covers everything before its own length; the signature covers the proof, too.
    const head = login.subarray(0, login.length - SIGNATURE_BYTES - 1);
    const proof = token ? tokenProof(token, loginTranscript(this.hello, head)) : new Uint8Array(0);
    const unsigned = new Uint8Array(head.length + 1 + proof.length);
    unsigned.set(head);
    unsigned[head.length] = proof.length;
    unsigned.set(proof, head.length + 1);
    const transcript = loginTranscript(this.hello, unsigned);
    const signed = new Uint8Array(unsigned.length + SIGNATURE_BYTES);
    signed.set(unsigned);
    signed.set(signLoginClient(transcript, identity), unsigned.length);
    engine.put(makeEnvelope(ENVELOPE.LOGIN, signed));
    return transcript;
  }
  /** @param {Uint8Array} payload */
  takeWelcome(payload) {
    const { engine } = this;
    const welcome = decode('welcome', payload);
    const body = payload.subarray(0, payload.length - SIGNATURE_BYTES);
    const relayId = this.helloRelayId;
    if (!verifyLoginRelay(welcome.signature, this.transcript, body, relayId))
      return this.refuse('ECRYPTO', REASON.LOGIN_FAILED, true);
    this.takeLimits(welcome.limits);
    this.relayId = relayId;
    this.state = 'online';
    this.onlineAt = engine.now;
    this.carried = false;
    this.loginBy = Infinity;
    engine.wentOnline(relayId);
  }
  /**
   * Skips unknown limits and clamps known ones to their range. @param {{id: number, value: number}[]} list @private
   */
  takeLimits(list) {
    for (const { id, value } of list) {
      const known = LIMITS.find((limit) => limit.id === id);
      if (known) this.limits[known.name] = Math.min(known.maximum, Math.max(known.minimum, value));
    }
  }
  /** Ends the connection and tells the relay the reason.
   * @param {import('../errors.js').ErrorCode} error @param {number} reason @param {boolean} forever */
  refuse(error, reason, forever) {
    this.engine.putReset(0, reason);
    this.lose(error, reason, true, forever);
  }
  /** RESET on link 0. @param {number} reason @param {string} text */
  takeReset(reason, text) {
    const forever = !isRetryable(reason) && reason !== REASON.PROTOCOL;
    this.engine.log('relay_reset', { reason, text });
    this.lose(reason === REASON.CLOSED ? 'ENETWORK' : errorOf(reason), reason, true, forever);
  }

  // ---- liveness, drain --------------------------------------------------------------------------------

  heard() {
    this.heardAt = this.engine.now;
    this.answerBy = Infinity;
    this.wasLate = this.awaits = false;
    if (this.checking) this.engine.emit({ type: 'alive' });
    this.checking = false;
  }
  /** Sends PING unless one is unanswered. The answer is due in `wait` ms, or earlier if it already was.
   * @param {number} wait @private */
  ask(wait) {
    const { engine } = this;
    this.awaits = false;
    if (this.answerBy === Infinity) {
      engine.putLossy(makeEnvelope(ENVELOPE.PING, engine.randomBytes(8))); // one lost here counts as unanswered
      this.askedAt = engine.now;
    }
    this.answerBy = Math.min(this.answerBy, engine.now + wait);
  }
  /** @private */
  get isSilent() {
    return this.online && this.engine.now >= this.heardAt + CHECK_AFTER_MS; // as in askAt, for times have fractions
  }
  /** The relay, or a peer through it, answers what this side does now. Sends PING once the relay has been silent for a
   * second, so that one that is not there is noticed soon. A dead connection is not given up any earlier for it. */
  expect() {
    if (!this.online || this.answerBy !== Infinity) return;
    if (!this.isSilent) {
      this.awaits = true;
      return;
    }
    const left = this.pingAt() + this.patience() - this.engine.now;
    this.ask(left > 0 ? left : this.patience());
  }
  /** This side's clock alone ends a link or a call. Tells the application first that the connection is being checked,
   * unless something came within the last second: the relay may be gone, and not the peer. */
  doubt() {
    if (!this.isSilent) return;
    this.expect();
    this.check();
  }
  /** @private */
  check() {
    if (this.checking) return;
    this.checking = true;
    this.engine.emit({ type: 'checking' });
  }
  /** @private */
  checkAt() {
    return this.answerBy === Infinity || this.checking ? Infinity : this.askedAt + CHECK_AFTER_MS;
  }
  /** @private */
  patience() {
    return Math.max(1, this.limits.DEAD_AFTER_MS - this.limits.PING_INTERVAL_MS);
  }
  /** This program did not run for a while, so what arrived is unread: the wait for an answer starts again, once. */
  late() {
    if (!this.online) return;
    if (!this.wasLate) this.answerBy = Infinity;
    this.wasLate = true;
    this.ask(this.patience());
  }
  /** @param {Uint8Array} payload */
  takeGoingAway(payload) {
    const { delay_ms: delay, urls } = decode('going_away', payload);
    // A relay cannot move a client from TLS to an unencrypted connection.
    const fit = fromUtf8(this.engine.config.origin).startsWith('https:')
      ? /^wss:\/\/[!-~]{1,244}$/
      : /^ws:\/\/[!-~]{1,244}$/;
    this.alternatives = fromUtf8(urls)
      .split('\n')
      .filter((url) => fit.test(url));
    this.address = this.alternatives.length ? 1 : 0;
    this.moveAt = this.engine.now + this.engine.random() * delay;
  }
  deadline() {
    if (this.state === 'waiting') return this.retryAt;
    if (!this.online) return this.loginBy;
    return Math.min(this.moveAt, this.answerBy === Infinity ? this.askAt() : this.answerBy, this.checkAt());
  }
  /** @private */
  askAt() {
    return this.awaits ? Math.min(this.heardAt + CHECK_AFTER_MS, this.pingAt()) : this.pingAt();
  }
  /** @private */
  pingAt() {
    return this.heardAt + this.limits.PING_INTERVAL_MS;
  }
  time() {
    const { now } = this.engine;
    if (this.state === 'waiting') {
      if (now >= this.retryAt) this.connect();
    } else if (this.online) {
      if (now >= this.moveAt) this.lose('ENETWORK', REASON.DRAINING, true);
      else if (now >= this.answerBy) this.lose('ENETWORK', REASON.TIMEOUT, true);
      else if (now >= this.checkAt()) this.check();
      else if (this.answerBy === Infinity && this.awaits && this.isSilent) this.expect();
      else if (this.answerBy === Infinity && now >= this.pingAt()) this.ask(this.patience());
    } else if (now >= this.loginBy) {
      this.lose('ENETWORK', REASON.TIMEOUT, true);
    }
  }
}

/** Returns the WHATWG origin of a WebSocket address. @param {string} url */
const originOf = (url) => url.replace(/^ws/, 'http').replace(/^(https?:\/\/[^/?#]*).*$/, '$1');

/** @returns {Record<string, number>} */
const initialLimits = () => Object.fromEntries(LIMITS.map(({ name, initial }) => [name, initial]));
