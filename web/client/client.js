/**
 * The shell around the engine. It owns the WebSocket, the timers, the random numbers and the clock, and turns the
 * engine's actions into the events and objects that the application sees. All decisions are made in the engine.
 */
import { Code } from './code.js';
import { fromHex, utf8 } from './core/bytes.js';
import {
  checkBoolean,
  checkBytes,
  checkFunction,
  checkKeys,
  checkSize,
  checkText,
  checkTime,
  checkWhole,
} from './core/check.js';
import { formatCode, parseCode } from './core/code.js';
import { Engine } from './core/engine/engine.js';
import { PairlinkError } from './core/errors.js';
import { formatId, identityFromSeed, parseId } from './core/identity.js';
import { formatInvite, parseInvite } from './core/invite.js';
import { loadSodium } from './core/sodium.js';
import { reasonName, reasonText } from './core/wire.js';
import { Emitter } from './emitter.js';
import { Session } from './session.js';
import { CODE_LIFETIME_MS, ERROR, INSTANCE_BYTES, INVITE_SECRET_BYTES, REASON } from './wire_table.js';

/** @typedef {import('./core/check.js').Bytes} Bytes */
/** @typedef {import('./core/errors.js').ErrorCode} ErrorCode */
/** @typedef {import('./core/engine/engine.js').EngineEvent} EngineEvent */
/** @typedef {import('./core/engine/actions.js').Action} Action */

/**
 * @typedef {object} ClientOptions
 * @property {string} url the relay: ws://HOST:PORT, wss://HOST, or the address of its page
 * @property {Bytes} seed 32 secret bytes, the identity: anyone who has them can act as this peer
 * @property {Bytes} [instance] 8 bytes; random by default. Clients of one identity that run at the same time need
 *   different ones.
 * @property {string} [relayId] the relay's ID as seen before; a relay with any other ID is refused
 * @property {string} [application] the protocol you speak: 'chat/1', 'pipe/1' or your own 'name/version'; 'chat/1' by
 *   default
 * @property {string} [name] what you call yourself; the other side sees it
 * @property {boolean} [listen] accepts calls that name the ID but no instance; true by default
 * @property {boolean} [acceptAll] lets every stranger in; false by default
 * @property {Bytes} [token] the token, for a relay that requires one
 * @property {any} [WebSocket] the class; globalThis.WebSocket by default
 * @property {(size: number) => Uint8Array} [random] returns secure random bytes; crypto.getRandomValues by default
 * @property {() => number} [now] a monotonic clock in milliseconds
 * @property {(line: string) => void} [log] receives one log line per call
 * @property {ClientLimits} [options]
 */

/**
 * @typedef {object} ClientLimits
 * @property {number} [messageMax] bytes of the largest message, sent or received; 262,144 by default
 * @property {number} [channelWindow] bytes that may wait on one channel until the application takes them; 1,048,576 by
 *   default, at least messageMax + 1
 * @property {number} [sessionWindow] the same for a whole session; 8,388,608 by default, at least messageMax + 1
 * @property {number} [sessionTimeoutMs] how long a session may be without a link before it ends; 3,600,000 by default
 * @property {number} [sessionsMax] sessions at one time; 1,024 by default
 * @property {boolean} [manualTake] a message counts as delivered only when you call its taken(); false by default
 */

/** The WebSocket buffers at most this many bytes, so that an urgent message does not queue behind more. It keeps a fast
 * connection busy until the next poll; on a slow one, pacing lets less be in flight. */
const SOCKET_BUFFER_BYTES = 262144;
/** Browsers split larger messages into fragments, which cost every hop. */
const OUTPUT_BYTES = 65536;
const BUFFER_POLL_MS = 4;
const TIMER_MAX_MS = 3600000;
/** When the wall clock runs ahead of the steady clock by more than this, the machine slept. */
const SLEPT_MS = 30000;

const DEFAULTS = {
  messageMax: 262144,
  channelWindow: 1048576,
  sessionWindow: 8388608,
  sessionTimeoutMs: 3600000,
  sessionsMax: 1024,
};

/** Parses a page's address. Throws EURL. @param {string} text */
function pageOf(text) {
  try {
    return new URL(checkText(text, 'pageUrl'));
  } catch (error) {
    throw error instanceof PairlinkError ? error : new PairlinkError('EURL');
  }
}

/** Returns a monotonic clock that also counts the time the machine slept, which performance.now() may not. */
function systemClock() {
  let slept = 0;
  let wall = Date.now();
  let steady = performance.now();
  return () => {
    const nextWall = Date.now();
    const nextSteady = performance.now();
    const missing = nextWall - wall - (nextSteady - steady);
    if (missing > SLEPT_MS) slept += missing;
    wall = nextWall;
    steady = nextSteady;
    return nextSteady + slept;
  };
}

/** Runs a function in a later turn of the event loop, without setTimeout's minimum delay.
 * @type {(fn: () => void) => void} */
const nextTurn = makeNextTurn();
function makeNextTurn() {
  const immediate = /** @type {{setImmediate?: (fn: () => void) => void}} */ (globalThis).setImmediate;
  if (immediate) return immediate;
  const { port1, port2 } = new MessageChannel();
  /** @type {(() => void)[]} */
  const queue = [];
  port1.onmessage = () => queue.shift()?.();
  return (/** @type {() => void} */ fn) => {
    queue.push(fn);
    port2.postMessage(0);
  };
}

/** @param {number} size */
const systemRandom = (size) => globalThis.crypto.getRandomValues(new Uint8Array(size));

/** The path of the WebSocket when the relay is at the root of its host. */
const ROOT_PATH = '/pairlink';

/** Returns the WebSocket's address and its WHATWG origin. Throws EURL. @param {string} text */
function relayAddress(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new PairlinkError('EURL');
  }
  const secure = url.protocol === 'wss:' || url.protocol === 'https:';
  if (!secure && url.protocol !== 'ws:' && url.protocol !== 'http:') throw new PairlinkError('EURL');
  const base = url.pathname.replace(/\/+$/, '');
  const path = base.endsWith(ROOT_PATH) ? base : base + ROOT_PATH;
  return {
    url: `${secure ? 'wss' : 'ws'}://${url.host}${path}`,
    origin: `${secure ? 'https' : 'http'}://${url.host}`,
  };
}

/** Returns an invite's secret, which may be given as bytes or in hexadecimal. @param {Bytes | string} secret */
const secretOf = (secret) =>
  checkSize(typeof secret === 'string' ? fromHex(secret) : secret, INVITE_SECRET_BYTES, 'a secret');

/** @param {string} id */
const bytesOfId = (id) => parseId(checkText(id, 'an ID').trim());

const OPTIONS = [
  'url',
  'seed',
  'instance',
  'relayId',
  'application',
  'name',
  'listen',
  'acceptAll',
  'token',
  'WebSocket',
  'random',
  'now',
  'log',
  'options',
];
const LIMITS = [...Object.keys(DEFAULTS), 'manualTake'];

/**
 * Checks a value that may be absent: undefined and null pass.
 * @template T
 * @param {T | null | undefined} value
 * @param {(value: T) => void} check
 */
function ifThere(value, check) {
  if (value !== undefined && value !== null) check(value);
}

/** @param {ClientOptions} options */
function checkOptions(options) {
  checkKeys(options, OPTIONS, 'options');
  for (const key of /** @type {const} */ (['relayId', 'application', 'name']))
    ifThere(options[key], (value) => checkText(value, key));
  for (const key of /** @type {const} */ (['listen', 'acceptAll']))
    ifThere(options[key], (value) => checkBoolean(value, key));
  for (const key of /** @type {const} */ (['WebSocket', 'random', 'now', 'log']))
    ifThere(options[key], (value) => checkFunction(value, key));
  ifThere(options.options, (limits) => checkKeys(limits, LIMITS, 'options.options'));
  ifThere(options.options?.manualTake, (value) => checkBoolean(value, 'manualTake'));
}

/** @param {ClientOptions['options']} given */
function limitsOf(given) {
  const limits = { ...DEFAULTS };
  for (const key of /** @type {(keyof typeof DEFAULTS)[]} */ (Object.keys(DEFAULTS)))
    ifThere(given?.[key], (value) => (limits[key] = checkWhole(value, 1, Number.MAX_SAFE_INTEGER, key)));
  if (limits.channelWindow <= limits.messageMax || limits.sessionWindow <= limits.messageMax)
    throw new PairlinkError('EINVAL', 'a window must be larger than messageMax');
  return limits;
}

/**
 * Parses an invite link. Throws PairlinkError ELINK when it is not one.
 * @param {string} link
 * @returns {{id: string, relayId: string, secret: Uint8Array, url: string}} `url` is the relay's WebSocket address
 */
export function parseInviteLink(link) {
  let url;
  checkText(link, 'a link');
  try {
    url = new URL(link.trim());
  } catch {
    throw new PairlinkError('ELINK');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new PairlinkError('ELINK');
  const { peerId, relayId, secret } = parseInvite(url.hash.slice(1));
  const relay = `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}`;
  return { id: formatId(peerId), relayId: formatId(relayId), secret, url: relay };
}

/** @type {ReadonlySet<keyof ClientEvents>} */
const EVENTS = new Set(
  /** @type {const} */ (['online', 'offline', 'checking', 'relayChanged', 'knock', 'session', 'inviteClaimed']),
);

/** One identity at one relay. It stays connected, and reconnects by itself, until `stop`.
 * @extends {Emitter<ClientEvents>} */
export class Client extends Emitter {
  /** Needs libsodium to be loaded: call `createClient` instead. @param {ClientOptions} options */
  constructor(options) {
    super(EVENTS);
    checkOptions(options);
    const { url, origin } = relayAddress(checkText(options.url, 'url'));
    this.url = url;
    this.random = options.random ?? systemRandom;
    this.now = options.now ?? systemClock();
    this.WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (!this.WebSocket) throw new PairlinkError('EINVAL', 'no global WebSocket: pass one as an option');
    this.logLine = options.log ?? (() => {});
    const limits = limitsOf(options.options);
    this.manualTake = options.options?.manualTake ?? false;
    const identity = identityFromSeed(checkSize(options.seed, 32, 'a seed').slice());
    const instance = checkSize(options.instance ?? this.random(INSTANCE_BYTES), INSTANCE_BYTES, 'an instance').slice();
    /** This side's ID as text. */
    this.id = formatId(identity.id);
    /** @type {string | null} the relay's ID: the one given as an option or the one seen last */
    this.relayId = options.relayId ?? null;
    /** @type {'connecting' | 'online' | 'offline' | 'stopped'} */
    this.state = 'connecting';
    /** Nothing comes from the relay, although this side is online. Until that changes, nobody is known to be absent. */
    this.checking = false;
    /** @private @type {Map<number, Session>} */
    this.sessions = new Map();
    /** @private @type {Map<number, Code>} */
    this.codes = new Map();
    /** @private @type {WebSocket | null} */
    this.socket = null;
    /** @private @type {Action[]} */
    this.pending = [];
    /** @private */
    this.running = false;
    /** @private */
    this.flushing = false;
    /** @private Something was written in this turn of the event loop. */
    this.wrote = false;
    /** @private @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @private */
    this.timerAt = Infinity;
    /** @private @type {ReturnType<typeof setTimeout> | undefined} */
    this.bufferTimer = undefined;
    /** @private */
    this.engine = new Engine({
      identity,
      instance,
      origin: utf8(origin),
      relayId: options.relayId ? bytesOfId(options.relayId) : null,
      randomBytes: this.random,
      application: options.application ?? 'chat/1',
      name: options.name ?? '',
      listen: options.listen ?? true,
      acceptAll: options.acceptAll ?? false,
      token: options.token ? checkBytes(options.token, 'a token').slice() : undefined,
      ...limits,
    });
    this.step({ type: 'start' });
  }

  // ---- the application's calls -----------------------------------------------------------------------

  /** Returns the session with a peer, and starts one when there is none. A session without a link dials until it has
   * one or is closed. Throws EID, ELINK, ESTATE after `stop`, and EAGAIN when there are too many sessions.
   * @param {string} idOrLink the peer's ID, or an invite link from it
   * @returns {Session} */
  connect(idOrLink) {
    this.mustRun();
    const text = checkText(idOrLink, 'an ID or a link').trim();
    const invite = text.includes('#') ? parseInviteLink(text) : null;
    const id = invite ? invite.id : text;
    const number = this.step({ type: 'connect', peer: parseId(id), secret: invite?.secret ?? null });
    return this.sessions.get(number) ?? this.addSession(number, id, new Uint8Array(INSTANCE_BYTES), '', '');
  }
  /** Changes what you call yourself. The other sides see it from the next time on that a session is linked or a code
   * pairs. @param {string} name */
  setName(name) {
    this.engine.setName(checkText(name, 'name'));
  }
  /** Makes a link that lets the first person who uses it in without a knock. The client must know the relay's ID, so it
   * must have been online once or have been given `relayId`; otherwise this throws ESTATE. Throws EURL when the relay
   * is not at the root of its host, because a link always points to the root.
   * @param {{pageUrl?: string, lifetimeMs?: number, secret?: Bytes | string}} [options] `lifetimeMs` is ten minutes
   *   and `secret` random by default; `pageUrl` is the relay's own page by default
   * @returns {{link: string, secret: Uint8Array, expiresAt: number}} `expiresAt` is a Unix time in ms */
  createInvite(options = {}) {
    checkKeys(options, ['pageUrl', 'lifetimeMs', 'secret'], 'options of createInvite');
    const { pageUrl, lifetimeMs = 600000, secret } = options;
    const page = pageOf(pageUrl ?? this.url.replace(/^ws/, 'http').replace(/\/pairlink$/, '/'));
    const bytes = secretOf(secret ?? this.random(INVITE_SECRET_BYTES)).slice();
    const expiresAt = Date.now() + checkTime(lifetimeMs, 'lifetimeMs');
    this.mustRun();
    if (!this.relayId) throw new PairlinkError('ESTATE', 'not online yet');
    if (new URL(this.url).pathname !== ROOT_PATH)
      throw new PairlinkError('EURL', 'invite links lead to the root of a host');
    page.hash = formatInvite({ peerId: parseId(this.id), relayId: parseId(this.relayId), secret: bytes });
    this.addInvite({ secret: bytes, expiresAt });
    return { link: page.href, secret: bytes, expiresAt };
  }
  /** Makes an invite of an earlier run valid again; if it has expired or was used, whoever comes with it is told so.
   * Throws EAGAIN when there are too many invites.
   * @param {{secret: Bytes | string, expiresAt: number, link?: string}} invite what createInvite returned; `link` is
   *   ignored */
  addInvite(invite) {
    checkKeys(invite, ['link', 'secret', 'expiresAt'], 'an invite');
    const expiresAt = checkTime(invite.expiresAt, 'expiresAt');
    this.step({ type: 'invite_add', secret: secretOf(invite.secret), place: this.now() + expiresAt - Date.now() });
  }
  /** Makes an invite invalid: whoever comes with it is told so. Does nothing when there is no such invite. @param {Bytes | string} secret */
  revokeInvite(secret) {
    this.step({ type: 'invite_revoke', secret: secretOf(secret) });
  }
  /** Makes a pairing code. The person who types it is paired with this side, and each side is sure of the other's ID.
   * The code itself arrives with its 'code' event once the relay is reached; 'paired' or 'ended' follows. A code pairs
   * once, ends with the first wrong guess, and is valid for ten minutes at most. Throws EAGAIN when there are too many
   * codes.
   * @param {{lifetimeMs?: number}} [options] */
  createCode(options = {}) {
    checkKeys(options, ['lifetimeMs'], 'options of createCode');
    const lifetimeMs = checkTime(options.lifetimeMs ?? CODE_LIFETIME_MS, 'lifetimeMs');
    this.mustRun();
    return this.addCode(this.step({ type: 'code_make', value: lifetimeMs }), null);
  }
  /** Uses another person's code; 'paired' or 'ended' follows. Throws ECODE when the text is not a code, EAGAIN when
   * there are too many codes, and EINVAL for a code that this client made.
   * @param {string} text */
  claimCode(text) {
    const { number, words } = parseCode(text);
    this.mustRun();
    return this.addCode(this.step({ type: 'code_claim', value: number, words }), formatCode(number, words));
  }
  /** @param {number} handle @param {string | null} text @private */
  addCode(handle, text) {
    const code = new Code(this, handle, text);
    this.codes.set(handle, code);
    return code;
  }
  /** Returns the bytes of the largest message that this session can send now. @param {number} session */
  messageMax(session) {
    return this.engine.messageMax(session);
  }
  /** Cancels a code. @param {number} handle */
  endCode(handle) {
    this.codes.delete(handle);
    if (this.state !== 'stopped') this.step({ type: 'code_cancel', value: handle });
  }
  /** Lets a peer in from now on. A peer that is knocking is accepted, or called back. Throws EAGAIN when there are too
   * many sessions to call it back; nothing is decided then, and the peer is still asking. @param {string} id */
  allow(id) {
    this.step({ type: 'allow', peer: bytesOfId(id) });
  }
  /** Ignores a peer: its calls get no answer, as if nobody were here, and are not reported. @param {string} id */
  deny(id) {
    this.step({ type: 'deny', peer: bytesOfId(id) });
  }
  /** Tells a peer that calls that it is not accepted: its session closes with REFUSED. For one that was let in before,
   * such as a deleted contact. @param {string} id */
  refuse(id) {
    this.step({ type: 'refuse', peer: bytesOfId(id) });
  }
  /** Like `deny`, and the relay drops the peer's calls. It stays blocked until `allow` or `forget`. @param {string} id */
  block(id) {
    this.step({ type: 'block', peer: bytesOfId(id) });
  }
  /** Takes back what was decided about a peer: its next call is a knock. @param {string} id */
  forget(id) {
    this.step({ type: 'forget', peer: bytesOfId(id) });
  }
  /** Call this when the network is back: tries immediately instead of waiting for the next retry, also when there would
   * be none because the relay has refused this client. */
  networkUp() {
    if (this.state !== 'stopped') this.step({ type: 'network_up' });
  }
  /** Ends all sessions and codes, closes the connection and removes the client's listeners. */
  stop() {
    if (this.state === 'stopped') return;
    this.step({ type: 'stop' });
    this.state = 'stopped';
    this.checking = false;
    clearTimeout(this.timer);
    clearTimeout(this.bufferTimer);
    this.clearListeners();
  }
  /** @private */
  mustRun() {
    if (this.state === 'stopped') throw new PairlinkError('ESTATE', 'the client was stopped');
  }

  // ---- the engine's turn -----------------------------------------------------------------------------

  /** Feeds one event to the engine and executes the resulting actions. Throws the error that the event caused.
   * @param {Omit<EngineEvent, 'now'> & {now?: number}} event its `now` is set here; the engine does not keep the object
   * @returns {number} the engine's `value` */
  step(event) {
    event.now = this.now();
    const { actions, value, error } = this.engine.step(/** @type {EngineEvent} */ (event));
    if (actions.length) {
      for (const action of actions) this.pending.push(action);
      this.execute();
    }
    this.schedule();
    if (error) throw error;
    return value;
  }
  /** Executes the pending actions in order. A listener that calls `step` meanwhile only appends to them. @private */
  execute() {
    if (this.running) return;
    this.running = true;
    for (let i = 0; i < this.pending.length; i++) {
      this.act(this.pending[i]);
      if (i > 1024) {
        this.pending.splice(0, i + 1);
        i = -1;
      }
    }
    this.pending = [];
    this.running = false;
  }
  /** Schedules a flush: the first at the end of the current task, later ones once per turn of the event loop. A single
   * message is thus sent without delay, and a burst is sent together. @private */
  schedule() {
    if (this.flushing) return;
    this.flushing = true;
    if (this.wrote) return nextTurn(() => this.flushNow());
    queueMicrotask(() => this.flushNow());
  }
  /** @private */
  flushNow() {
    this.flushing = false;
    const wrote = this.flush();
    if (wrote && !this.wrote) {
      this.wrote = true;
      nextTurn(() => {
        this.wrote = false;
      });
    }
  }
  /** @private */
  arm() {
    const at = this.engine.deadline();
    if (at === Infinity || at >= this.timerAt) return; // a timer that fires too early does no harm
    clearTimeout(this.timer);
    this.timerAt = at;
    const wait = Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil(at - this.now())));
    this.timer = setTimeout(() => {
      this.timerAt = Infinity;
      this.quietly({ type: 'time' });
    }, wait);
  }
  /** Feeds an event that no call of the application caused; its error is logged, because no caller could catch it.
   * @param {Omit<EngineEvent, 'now'>} event @private */
  quietly(event) {
    try {
      this.step(event);
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      this.logLine(`event=${event.type} error=${error.code}`);
    }
  }
  /** Writes as much as the WebSocket's buffer may take. @returns {boolean} whether anything was written @private */
  flush() {
    if (this.state === 'stopped') return false;
    const { socket } = this;
    let wrote = false;
    if (socket && socket.readyState === 1) {
      while (socket.bufferedAmount < SOCKET_BUFFER_BYTES) {
        const message = this.engine.produce(this.now(), OUTPUT_BYTES);
        if (!message) break;
        socket.send(message);
        wrote = true;
      }
      if (socket.bufferedAmount >= SOCKET_BUFFER_BYTES && this.bufferTimer === undefined && this.engine.hasOutput()) {
        this.bufferTimer = setTimeout(() => {
          this.bufferTimer = undefined;
          this.flush();
        }, BUFFER_POLL_MS);
      }
    }
    this.arm();
    return wrote;
  }

  // ---- the socket ------------------------------------------------------------------------------------

  /** @param {string | undefined} url @private */
  open(url) {
    let socket;
    try {
      socket = /** @type {WebSocket} */ (new this.WebSocket(url ? relayAddress(url).url : this.url, 'pairlink.v1'));
    } catch (error) {
      this.logLine(`event=socket_refused what=${JSON.stringify(String(error))}`);
      queueMicrotask(() => this.quietly({ type: 'socket_closed', error: 'ENETWORK' }));
      return;
    }
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    const mine = () => this.socket === socket;
    socket.onopen = () => {
      if (mine()) this.quietly({ type: 'socket_open' });
    };
    socket.onmessage = ({ data }) => {
      if (!mine()) return;
      if (data instanceof ArrayBuffer) this.quietly({ type: 'socket_message', data: new Uint8Array(data) });
      else this.drop(socket, 1003);
    };
    socket.onerror = () => {}; // 'close' always follows, and 'error' carries no details
    socket.onclose = () => {
      if (!mine()) return;
      this.socket = null;
      this.quietly({ type: 'socket_closed', error: 'ENETWORK' });
    };
  }
  /** Closes the socket after a message that the protocol forbids. @param {WebSocket} socket
   * @param {number} code the WebSocket close code @private */
  drop(socket, code) {
    if (this.socket !== socket) return;
    this.socket = null;
    socket.close(code);
    this.quietly({ type: 'socket_closed', error: 'EPROTOCOL', value: REASON.PROTOCOL });
  }
  /** @private */
  disconnect() {
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    if (socket.readyState === 1) {
      for (let message; (message = this.engine.produce(this.now(), OUTPUT_BYTES));) socket.send(message);
    }
    socket.close(1000);
  }

  // ---- actions ---------------------------------------------------------------------------------------

  /**
   * @param {number} number @param {string} id @param {Uint8Array} instance @param {string} application @param {string}
   * name @private
   */
  addSession(number, id, instance, application, name) {
    const session = new Session(this, number, { id, instance, application, name });
    this.sessions.set(number, session);
    return session;
  }
  /** Converts engine time to Unix time in ms; null for Infinity. @param {number} [time] */
  wallTime(time = Infinity) {
    return time === Infinity ? null : Math.round(Date.now() + time - this.now());
  }
  /** @param {Action} action @private */
  act(action) {
    const id = action.id ? formatId(action.id) : '';
    switch (action.type) {
      case 'connect':
        return this.open(action.url);
      case 'disconnect':
        return this.disconnect();
      case 'online':
        this.state = 'online';
        this.relayId = id;
        return this.emit('online', { relayId: id });
      case 'offline':
        this.state = 'offline';
        this.checking = false;
        return this.emit('offline', {
          error: action.error ?? null,
          reason: action.reason ? reasonName(action.reason) : null,
          retryAt: this.wallTime(action.time),
        });
      case 'checking':
      case 'alive':
        this.checking = action.type === 'checking';
        return this.emit('checking', this.checking);
      case 'relay_changed':
        return this.emit('relayChanged', { expected: this.relayId ?? '', got: id });
      case 'knock':
        return this.emit('knock', { id, name: action.name ?? '' });
      case 'invite_claimed':
        return this.emit('inviteClaimed', { id, secret: /** @type {Uint8Array} */ (action.data) });
      case 'log':
        return this.logLine(action.text ?? '');
      case 'session': {
        const { session = 0, instance = new Uint8Array(INSTANCE_BYTES), text = '', name = '' } = action;
        return this.emit('session', this.addSession(session, id, instance, text, name));
      }
    }
    const number = action.session ?? 0;
    if (action.code) return this.actOnCode(action.code, action, id);
    const session = this.sessions.get(number);
    if (!session) return;
    if (action.type === 'session_closed') this.sessions.delete(number);
    session.act(action);
  }
  /** @param {number} handle @param {Action} action @param {string} id @private */
  actOnCode(handle, action, id) {
    const code = this.codes.get(handle);
    if (action.type === 'paired' || action.type === 'code_ended') this.codes.delete(handle);
    /** @type {Session | null} */
    let session = null;
    if (action.type === 'paired' && action.session) {
      const { session: number, instance = new Uint8Array(INSTANCE_BYTES), name = '' } = action;
      session = this.sessions.get(number) ?? this.addSession(number, id, instance, '', name);
    }
    code?.act(action, id, session);
  }
}

/**
 * `error` and `reason` are null when there is none. `retryAt` is a Unix time in ms, or null when the client does not
 * try again by itself. `name` is what the other side calls itself. 'checking' is true when nothing comes from the relay,
 * which may be hung or cut off: until 'checking' is false or 'offline' comes, no peer is known to be absent.
 * @typedef {{ online: {relayId: string}, offline: {error: ErrorCode | null, reason: string | null, retryAt: number |
 *   null}, checking: boolean, relayChanged: {expected: string, got: string}, knock: {id: string, name: string}, session: Session,
 *   inviteClaimed: {id: string, secret: Uint8Array}, }} ClientEvents
 */

/** Makes a client, which connects to the relay and stays connected until `stop`. Resolves as soon as the cryptography
 * is loaded, before the client is online. Rejects with EINVAL, EURL or EID when an option is wrong.
 * @param {ClientOptions} options
 * @returns {Promise<Client>} */
export async function createClient(options) {
  await loadSodium();
  return new Client(options);
}

/** Returns a text for a person: what an error code or a reason means and what to do about it. An unknown code is
 * returned as it is.
 * @param {string} code
 * @returns {string} */
export function errorText(code) {
  checkText(code, 'an error or a reason');
  const known = /** @type {Record<string, {text: string, hint: string}>} */ (ERROR)[code];
  if (known) return known.hint ? `${known.text}: ${known.hint}` : known.text;
  const reason = /** @type {Record<string, number>} */ (REASON)[code];
  return reason === undefined ? code : reasonText(reason);
}
