/**
 * The shell around the engine: a WebSocket, timers, random numbers and the clock, and what the application sees.
 * Nothing is decided here.
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
 * @property {Bytes} seed 32 bytes: whoever has them is this peer
 * @property {Bytes} [instance] 8 bytes; random when absent. Two clients that run at once need two.
 * @property {string} [relayId] as seen before: any other is refused
 * @property {string} [application] what you speak; 'chat/1', 'pipe/1' or your own, 'name/version'
 * @property {string} [name] what you call yourself; the other side sees it
 * @property {boolean} [listen] may be called without naming the instance; true when absent
 * @property {boolean} [acceptAll] lets every stranger in
 * @property {Bytes} [token] of a relay that asks for one
 * @property {any} [WebSocket] the class; globalThis.WebSocket when absent
 * @property {(size: number) => Uint8Array} [random]
 * @property {() => number} [now] milliseconds, never going back
 * @property {(line: string) => void} [log]
 * @property {{messageMax?: number, channelWindow?: number, sessionWindow?: number, sessionTimeoutMs?: number,
 * sessionsMax?: number,
 *   manualTake?: boolean}} [options] manualTake: a message counts as delivered when you call its taken()
 */

/** At most so much waits in the WebSocket: what is urgent need not queue behind more. Enough for a fast line until it is looked
 * at again; on a slow one pacing lets less be on its way. */
const SOCKET_BUFFER_BYTES = 262144;
/** Browsers send a larger message in fragments, which costs everyone on the way. */
const OUTPUT_BYTES = 65536;
const BUFFER_POLL_MS = 4;
const TIMER_MAX_MS = 3600000;
const SLEPT_MS = 30000;

const DEFAULTS = {
  messageMax: 262144,
  channelWindow: 1048576,
  sessionWindow: 8388608,
  sessionTimeoutMs: 3600000,
  sessionsMax: 1024,
};

/** @param {string} text */
function pageOf(text) {
  try {
    return new URL(checkText(text, 'pageUrl'));
  } catch (error) {
    throw error instanceof PairlinkError ? error : new PairlinkError('EURL');
  }
}

/** A clock that never goes back, and counts the time a machine slept, which performance.now() may not. */
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

/** Runs a function in a later turn of the event loop, but without the pause that setTimeout makes.
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

/** Of the WebSocket, where the relay lies at the root of its host. */
const ROOT_PATH = '/pairlink';

/** The WebSocket address and its WHATWG origin. @param {string} text */
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

/** A secret as it was given out: bytes, or their hexadecimal. @param {Bytes | string} secret */
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
 * Absent, undefined and null are the same. @template T @param {T | null | undefined} value @param {(value: T) => void}
 * check
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
    throw new PairlinkError('EINVAL', 'a window holds at least one message and its end');
  return limits;
}

/**
 * Reads a whole invite link. Throws PairlinkError ELINK.
 * @param {string} link
 * @returns {{id: string, relayId: string, secret: Uint8Array, url: string}} url: the relay's address
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

/** @extends {Emitter<ClientEvents>} */
export class Client extends Emitter {
  /** Use `createClient`. @param {ClientOptions} options */
  constructor(options) {
    super(['online', 'offline', 'relayChanged', 'knock', 'session', 'inviteClaimed']);
    checkOptions(options);
    const { url, origin } = relayAddress(checkText(options.url, 'url'));
    this.url = url;
    this.random = options.random ?? systemRandom;
    this.now = options.now ?? systemClock();
    this.WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (!this.WebSocket) throw new PairlinkError('EINVAL', 'no WebSocket here: hand one in');
    this.logLine = options.log ?? (() => {});
    const limits = limitsOf(options.options);
    this.manualTake = options.options?.manualTake ?? false;
    const identity = identityFromSeed(checkSize(options.seed, 32, 'a seed').slice());
    const instance = checkSize(options.instance ?? this.random(INSTANCE_BYTES), INSTANCE_BYTES, 'an instance').slice();
    /** This side's ID as text. */
    this.id = formatId(identity.id);
    /** @type {string | null} of the relay, pinned or seen */
    this.relayId = options.relayId ?? null;
    /** @type {'connecting' | 'online' | 'offline' | 'stopped'} */
    this.state = 'connecting';
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
    /** @private in this turn of the event loop */
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

  // ---- what the application asks ---------------------------------------------------------------------

  /** A session with a peer: an ID or an invite link. The same one while there is one. It dials until it is linked.
   * @param {string} idOrLink */
  connect(idOrLink) {
    this.mustRun();
    const text = checkText(idOrLink, 'an ID or a link').trim();
    const invite = text.includes('#') ? parseInviteLink(text) : null;
    const id = invite ? invite.id : text;
    const number = this.step({ type: 'connect', peer: parseId(id), secret: invite?.secret ?? null });
    return this.sessions.get(number) ?? this.addSession(number, id, new Uint8Array(INSTANCE_BYTES), '', '');
  }
  /** A link that lets one person in without a question. Needs to have been online once. Throws EURL where the relay lies
   * below the root of its host: a link leads to the root.
   * @param {{pageUrl?: string, lifetimeMs?: number, secret?: Bytes | string}} [options]
   * @returns {{link: string, secret: Uint8Array, expiresAt: number}} expiresAt: Unix time in ms */
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
  /** Takes an invite of an earlier run up again, also as createInvite gave it.
   * @param {{secret: Bytes | string, expiresAt: number, link?: string}} invite */
  addInvite(invite) {
    checkKeys(invite, ['link', 'secret', 'expiresAt'], 'an invite');
    const expiresAt = checkTime(invite.expiresAt, 'expiresAt');
    this.step({ type: 'invite_add', secret: secretOf(invite.secret), place: this.now() + expiresAt - Date.now() });
  }
  /** @param {Bytes | string} secret */
  revokeInvite(secret) {
    this.step({ type: 'invite_revoke', secret: secretOf(secret) });
  }
  /** Makes a pairing code: whoever types it is joined with this side, each sure of the other's ID. Its 'code' event brings
   * it, once the relay is reached; 'paired' or 'ended' follows. Good once, for one guess, at most ten minutes. Throws
   * EAGAIN.
   * @param {{lifetimeMs?: number}} [options] */
  createCode(options = {}) {
    checkKeys(options, ['lifetimeMs'], 'options of createCode');
    const lifetimeMs = checkTime(options.lifetimeMs ?? CODE_LIFETIME_MS, 'lifetimeMs');
    this.mustRun();
    return this.addCode(this.step({ type: 'code_make', value: lifetimeMs }), null);
  }
  /** Uses a code that somebody told; 'paired' or 'ended' follows. Throws ECODE for what is none, EAGAIN.
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
  /** @param {number} session */
  messageMax(session) {
    return this.engine.messageMax(session);
  }
  /** @param {number} handle */
  endCode(handle) {
    this.codes.delete(handle);
    if (this.state !== 'stopped') this.step({ type: 'code_cancel', value: handle });
  }
  /** Lets a peer in from now on; one that waits at the door at once. @param {string} id */
  allow(id) {
    this.step({ type: 'allow', peer: bytesOfId(id) });
  }
  /** Says nothing to one who asks; it may ask again later. @param {string} id */
  deny(id) {
    this.step({ type: 'deny', peer: bytesOfId(id) });
  }
  /** Never hears of it again. @param {string} id */
  block(id) {
    this.step({ type: 'block', peer: bytesOfId(id) });
  }
  /** The network is back: does not wait for the next try. */
  networkUp() {
    if (this.state !== 'stopped') this.step({ type: 'network_up' });
  }
  /** Ends all sessions and the connection. */
  stop() {
    if (this.state === 'stopped') return;
    this.step({ type: 'stop' });
    this.state = 'stopped';
    clearTimeout(this.timer);
    clearTimeout(this.bufferTimer);
    this.clearListeners();
  }
  /** @private */
  mustRun() {
    if (this.state === 'stopped') throw new PairlinkError('ESTATE', 'the client was stopped');
  }

  // ---- the engine's turn -----------------------------------------------------------------------------

  /** Feeds one event and does what follows from it. Throws what the event itself came to.
   * @param {Omit<EngineEvent, 'now'> & {now?: number}} event kept by nobody, so it may get its time here
   * @returns {number} */
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
  /** In order, also when a handler of the application asks for more in between. @private */
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
  /** Writes at the end of this task, and what comes after that once per turn of the event loop: so what stands alone
   * goes at once, and what comes in numbers goes together. @private */
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
    if (at === Infinity || at >= this.timerAt) return; // one that fires too early does no harm
    clearTimeout(this.timer);
    this.timerAt = at;
    const wait = Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil(at - this.now())));
    this.timer = setTimeout(() => {
      this.timerAt = Infinity;
      this.quietly({ type: 'time' });
    }, wait);
  }
  /** An event that is nobody's call: there is no one to throw at. @param {Omit<EngineEvent, 'now'>} event @private */
  quietly(event) {
    try {
      this.step(event);
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      this.logLine(`event=${event.type} error=${error.code}`);
    }
  }
  /** @returns {boolean} whether anything was written @private */
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
    socket.onerror = () => {}; // 'close' follows, and says all that is said
    socket.onclose = () => {
      if (!mine()) return;
      this.socket = null;
      this.quietly({ type: 'socket_closed', error: 'ENETWORK' });
    };
  }
  /** @param {WebSocket} socket @param {number} code @private */
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
  /** Engine time as Unix time. @param {number} [time] */
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
        return this.emit('offline', {
          error: action.error ?? null,
          reason: action.reason ? reasonName(action.reason) : null,
          retryAt: this.wallTime(action.time),
        });
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
 * @typedef {{
 *   online: {relayId: string},
 *   offline: {error: ErrorCode | null, reason: string | null, retryAt: number | null},
 *   relayChanged: {expected: string, got: string},
 *   knock: {id: string, name: string},
 *   session: Session,
 *   inviteClaimed: {id: string, secret: Uint8Array},
 * }} ClientEvents
 */

/** Connects to the relay and stays connected until `stop`.
 * @param {ClientOptions} options */
export async function createClient(options) {
  await loadSodium();
  return new Client(options);
}

/** What an error code means and what to do about it, for a person.
 * @param {string} code */
export function errorText(code) {
  checkText(code, 'an error or a reason');
  const known = /** @type {Record<string, {text: string, hint: string}>} */ (ERROR)[code];
  if (known) return known.hint ? `${known.text}: ${known.hint}` : known.text;
  const reason = /** @type {Record<string, number>} */ (REASON)[code];
  return reason === undefined ? code : reasonText(reason);
}
