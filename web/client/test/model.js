/**
 * A model of the relay in memory, for two or more engines. It has one virtual clock and no sockets; the test controls
 * it. It logs clients in with real signatures, pairs them by ID, and may lose envelopes, hold them, or cut sockets.
 */
import { Engine } from '../core/engine/engine.js';
import { toHex, utf8 } from '../core/bytes.js';
import { identityFromSeed, loginTranscript, signLoginRelay, verifyLoginClient } from '../core/identity.js';
import { decode, encode, envelopes, linkRelaySide, makeEnvelope, makeLink } from '../core/wire.js';
import { checkAgenda } from './agenda_check.js';
import { CODE_MAKE, ENVELOPE, REASON } from '../wire_table.js';

/** A small deterministic generator (mulberry32). */
export function makeRandom(seed) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const bytes = (size) => Uint8Array.from({ length: size }, () => Math.floor(next() * 256));
  return { next, bytes };
}

export class Peer {
  constructor(world, name, options = {}) {
    this.world = world;
    this.name = name;
    this.seed = options.seed ?? world.random.bytes(32);
    this.identity = identityFromSeed(this.seed);
    this.instance = options.instance ?? world.random.bytes(8);
    this.options = options;
    this.socket = null;
    this.events = [];
    this.messages = [];
    this.autoTake = options.autoTake ?? true;
    /** Whether each step of an engine of JavaScript is followed by a look at all sessions. */
    this.checksAgenda = options.checksAgenda ?? true;
    this.begin();
  }
  /** Makes a new engine, as a program that starts does. */
  begin() {
    this.engine = new Engine({
      identity: this.identity,
      instance: this.instance,
      randomBytes: this.world.random.bytes,
      origin: utf8('http://relay.test'),
      relayId: this.options.relayId ?? null,
      application: this.options.application ?? 'test/1',
      name: this.options.name ?? this.name,
      listen: this.options.listen ?? true,
      acceptAll: this.options.acceptAll ?? false,
      messageMax: this.options.messageMax ?? 262144,
      channelWindow: this.options.channelWindow ?? 1048576,
      sessionWindow: this.options.sessionWindow ?? 8388608,
      sessionTimeoutMs: this.options.sessionTimeoutMs ?? 3600000,
      sessionsMax: this.options.sessionsMax ?? 1024,
    });
  }
  /** Feeds an event and appends the resulting actions to `events`. */
  try(type, fields = {}) {
    const { actions, value, error } = this.engine.step({ type, now: this.world.now, ...fields });
    if (this.checksAgenda && this.engine instanceof Engine) checkAgenda(this.engine);
    for (const action of actions) this.act(action);
    return { value, error };
  }
  do(type, fields = {}) {
    const { value, error } = this.try(type, fields);
    if (error) throw error;
    return value;
  }
  start() {
    this.do('start');
    return this;
  }
  act(action) {
    this.events.push(action);
    if (action.type === 'connect') this.world.connect(this);
    else if (action.type === 'disconnect') this.world.disconnect(this);
    else if (action.type === 'message') {
      this.messages.push(action);
      if (this.autoTake) this.take(action);
    } else if (action.type === 'end' || action.type === 'channel_reset') {
      if (this.autoTake) this.take(action);
    }
  }
  take({ session, channel, place, generation }) {
    this.do('take', { session, channel, place, generation });
  }
  of(type) {
    return this.events.filter((event) => event.type === type);
  }
  last(type) {
    return this.of(type).at(-1);
  }
  connect(other, secret = null) {
    return this.do('connect', { peer: other.identity.id, secret });
  }
  send(session, data, channel = 0) {
    return this.do('send', { session, channel, data: typeof data === 'string' ? utf8(data) : data });
  }
  texts(channel = 0) {
    return this.messages.filter((m) => m.channel === channel).map((m) => new TextDecoder().decode(m.data));
  }
  sessionOf(number) {
    return this.engine.entries.get(number)?.session;
  }
}

/** More turns than this at one time come from an engine whose deadline stays where it is. */
const STANDS_MAX = 10_000;

/** The relay and the network. */
export class World {
  constructor({ seed = 1, delay = 5, openTimeout = 3000, limits = [], bandwidth = Infinity } = {}) {
    /** The rate of each client's connection towards the relay, in bytes per ms. */
    this.bandwidth = bandwidth;
    this.random = makeRandom(seed);
    this.now = 1000;
    /** How many turns time has not moved. */
    this.stood = 0;
    this.delay = delay;
    this.openTimeout = openTimeout;
    this.identity = identityFromSeed(this.random.bytes(32));
    this.limits = [{ id: 4, value: openTimeout }, ...limits];
    /** @type {{at: number, order: number, run: () => void}[]} */
    this.queue = [];
    this.order = 0;
    this.sockets = new Set();
    this.peers = [];
    this.up = true;
    /** Called for each DATA between two sockets; returns true to lose it. */
    this.loses = () => false;
    this.forwarded = [];
    /** Handlers that a test adds to the relay: envelope type → (socket, payload, link number). */
    this.takes = new Map();
    /** Nameplates of pairing codes: number → {owner, until}. They outlive sockets. */
    this.plates = new Map();
  }
  peer(name, options) {
    const peer = new Peer(this, name, options);
    this.peers.push(peer);
    return peer;
  }
  later(run, ms = this.delay) {
    this.queue.push({ at: this.now + ms, order: this.order++, run });
  }

  // ---- sockets ----

  connect(peer) {
    const socket = {
      peer,
      open: true,
      state: 'new',
      links: new Map(),
      slots: 0,
      free: [],
      generations: [],
      key: '',
      listen: false,
    };
    this.later(() => {
      if (!this.up) return peer.try('socket_closed', { error: 'ENETWORK' });
      peer.socket = socket;
      this.sockets.add(socket);
      peer.do('socket_open');
      socket.challenge = this.random.bytes(32);
      socket.hello = encode('hello', {
        version_min: 1,
        version_max: 1,
        admission: 0,
        reserved: 0,
        relay_id: this.identity.id,
        challenge: socket.challenge,
        features: 0,
        limits: this.limits,
      });
      this.toClient(socket, ENVELOPE.HELLO, socket.hello);
    });
  }
  /** The client closes its socket. */
  disconnect(peer) {
    const { socket } = peer;
    if (!socket) return;
    for (let m; (m = peer.engine.produce(this.now, 65543));) this.deliver(socket, m);
    peer.socket = null;
    this.later(() => this.gone(socket));
  }
  /** The socket is lost for both ends at the same time. */
  cut(peer) {
    const { socket } = peer;
    if (!socket) return;
    peer.socket = null;
    this.gone(socket);
    peer.try('socket_closed', { error: 'ENETWORK' });
  }
  crash() {
    this.up = false;
    this.plates.clear();
    for (const socket of [...this.sockets]) {
      socket.open = false;
      this.sockets.delete(socket);
      if (socket.peer.socket === socket) {
        socket.peer.socket = null;
        socket.peer.try('socket_closed', { error: 'ENETWORK' });
      }
    }
  }
  gone(socket) {
    if (!socket.open) return;
    socket.open = false;
    this.sockets.delete(socket);
    for (const link of [...socket.links.values()]) this.endLink(link, socket, REASON.GONE);
  }
  toClient(socket, type, payload, number = 0, flags = 0) {
    const bytes = makeEnvelope(type, payload, number, flags);
    this.later(() => {
      if (socket.open && socket.peer.socket === socket) socket.peer.do('socket_message', { data: bytes });
    });
  }
  deliver(socket, borrowed) {
    const message = borrowed.slice();
    socket.freeAt = Math.max(this.now, socket.freeAt ?? 0) + message.length / this.bandwidth;
    this.later(
      () => {
        if (socket.open)
          for (const envelope of envelopes(message))
            this.take(socket, { ...envelope, payload: envelope.payload.slice() });
      },
      socket.freeAt - this.now + this.delay,
    );
  }

  // ---- what a relay does ----

  take(socket, { type, flags, link: number, payload }) {
    if (type === ENVELOPE.LOGIN) return this.login(socket, payload);
    if (type === ENVELOPE.RESET && number === 0) return;
    if (socket.state !== 'online') throw new Error(`model relay: ${type} before login`);
    if (type === ENVELOPE.PING) return this.toClient(socket, ENVELOPE.PONG, payload);
    if (type === ENVELOPE.OPEN) return this.takeOpen(socket, number, payload);
    if (type === ENVELOPE.CODE) return this.takeCode(socket, payload);
    if (type === ENVELOPE.CLAIM) return this.takeClaim(socket, number, payload);
    if (this.takes.has(type)) return this.takes.get(type)(socket, payload, number);
    const link = socket.links.get(number);
    if (!link) return;
    if (type === ENVELOPE.ACCEPT) {
      if (link.state !== 'offered' || socket !== link.callee) return;
      link.state = 'linked';
      this.toClient(link.caller, ENVELOPE.ACCEPT, payload, link.callerNumber);
    } else if (type === ENVELOPE.DATA) {
      if (link.state !== 'linked') return;
      const [to, toNumber] =
        socket === link.caller ? [link.callee, link.calleeNumber] : [link.caller, link.callerNumber];
      this.forwarded.push({ from: socket.peer.name, size: payload.length, flags });
      if (!this.loses(socket.peer, payload, flags)) this.toClient(to, ENVELOPE.DATA, payload, toNumber, flags);
    } else if (type === ENVELOPE.RESET) {
      if (link.state === 'offered' && socket === link.callee && link.claim) {
        this.free(link);
        this.toClient(link.caller, ENVELOPE.RESET, payload, link.callerNumber);
      } else if (link.state === 'offered' && socket === link.callee) {
        this.release(link, socket);
        link.callee = null;
        link.state = 'refused';
      } else {
        const { reason } = decode('reset', payload);
        this.endLink(link, socket, reason);
      }
    } else throw new Error(`model relay: ${type}`);
  }
  login(socket, payload) {
    const login = decode('login', payload);
    const t = loginTranscript(socket.hello, payload.subarray(0, payload.length - 64));
    if (!verifyLoginClient(login.signature, t, login.peer_id)) throw new Error('model relay: wrong login');
    socket.id = toHex(login.peer_id);
    socket.key = socket.id + toHex(login.instance);
    socket.idBytes = login.peer_id.slice();
    socket.instanceBytes = login.instance.slice();
    socket.listen = (login.flags & 1) === 1;
    const body = encode('welcome', { registration: 0, reserved: 0, limits: [], signature: new Uint8Array(64) });
    body.set(signLoginRelay(t, body.subarray(0, body.length - 64), this.identity), body.length - 64);
    for (const other of [...this.sockets])
      if (other !== socket && other.key === socket.key) {
        this.toClient(other, ENVELOPE.RESET, encode('reset', { reason: REASON.SUPERSEDED, text: new Uint8Array(0) }));
        for (const link of [...other.links.values()]) this.endLink(link, other, REASON.GONE);
      }
    socket.state = 'online';
    this.toClient(socket, ENVELOPE.WELCOME, body);
    for (const link of this.waiting ?? []) if (link.state === 'offered' && !link.callee) this.offer(link);
  }
  plate(number) {
    const plate = this.plates.get(number);
    return plate && this.now < plate.until ? plate : undefined;
  }
  takeCode(socket, payload) {
    const { op, tag, number: wanted, lifetime_ms: lifetime } = decode('code', payload);
    const { key: owner } = socket;
    const mine = this.plate(wanted)?.owner === owner;
    if (op !== CODE_MAKE) return mine && this.plates.delete(wanted);
    let number = wanted;
    if (!wanted)
      do number = 1000 + Math.floor(this.random.next() * 9000);
      while (this.plate(number));
    else if (this.plate(wanted) && !mine) number = 0;
    if (number && !mine) this.plates.set(number, { owner, until: this.now + lifetime });
    const left = number ? Math.floor(this.plate(number).until - this.now) : 0;
    this.toClient(socket, ENVELOPE.CODE, encode('code', { op, tag, number, lifetime_ms: left }));
  }
  takeClaim(socket, number, payload) {
    const plate = this.plate(decode('claim', payload).number);
    if (!plate)
      return this.toClient(
        socket,
        ENVELOPE.RESET,
        encode('reset', { reason: REASON.NO_CODE, text: new Uint8Array(0) }),
        number,
      );
    const [target, instance] = [plate.owner.slice(0, 64), plate.owner.slice(64)];
    this.call(socket, number, { target, instance, handshake: payload.slice(), claim: true });
  }
  takeOpen(socket, number, payload) {
    const { target_id, target_instance, handshake } = decode('open', payload);
    this.call(socket, number, {
      target: toHex(target_id),
      instance: toHex(target_instance),
      handshake: handshake.slice(),
      claim: false,
    });
  }
  call(socket, number, what) {
    const link = { caller: socket, callerNumber: number, callee: null, calleeNumber: 0, state: 'offered', ...what };
    if (socket.links.has(number) || linkRelaySide(number)) throw new Error('model relay: link number in use');
    socket.links.set(number, link);
    this.waiting = [...(this.waiting ?? []), link];
    this.offer(link);
    this.later(() => {
      this.waiting = this.waiting.filter((l) => l !== link);
      if (link.state !== 'offered' && link.state !== 'refused') return;
      if (link.callee)
        this.toClient(
          link.callee,
          ENVELOPE.RESET,
          encode('reset', { reason: REASON.TIMEOUT, text: new Uint8Array(0) }),
          link.calleeNumber,
        );
      if (link.caller)
        this.toClient(
          link.caller,
          ENVELOPE.RESET,
          encode('reset', { reason: REASON.UNAVAILABLE, text: new Uint8Array(0) }),
          link.callerNumber,
        );
      this.free(link);
    }, this.openTimeout);
  }
  offer(link) {
    const any = /^0+$/.test(link.instance);
    const found = [...this.sockets].filter(
      (s) =>
        s.state === 'online' &&
        s !== link.caller &&
        s.id === link.target &&
        (any ? s.listen : s.key === link.target + link.instance),
    );
    const callee = found.at(-1);
    if (!callee) return;
    const slot = callee.free.pop() ?? callee.slots++;
    callee.generations[slot] = ((callee.generations[slot] ?? 0) % 32767) + 1;
    link.callee = callee;
    link.calleeNumber = makeLink(true, callee.generations[slot], slot);
    callee.links.set(link.calleeNumber, link);
    if (link.claim) return this.toClient(callee, ENVELOPE.CLAIM, link.handshake, link.calleeNumber);
    const payload = encode('offer', {
      caller_id: link.caller.idBytes,
      caller_instance: link.caller.instanceBytes,
      handshake: link.handshake,
    });
    this.toClient(callee, ENVELOPE.OFFER, payload, link.calleeNumber);
  }
  release(link, socket) {
    const number = socket === link.caller ? link.callerNumber : link.calleeNumber;
    if (socket.links.delete(number) && socket === link.callee) socket.free.push(number & 0xffff);
  }
  free(link) {
    for (const socket of [link.caller, link.callee]) if (socket) this.release(link, socket);
    link.state = 'free';
  }
  /** One side has left this link; the other is told why. */
  endLink(link, side, reason) {
    const other = side === link.caller ? link.callee : link.caller;
    const number = side === link.caller ? link.calleeNumber : link.callerNumber;
    if (link.state === 'offered' && side === link.callee) {
      this.release(link, side);
      link.callee = null;
      link.state = 'refused';
      return;
    }
    if (link.state === 'refused') {
      this.release(link, side);
      link.state = 'free';
      return;
    }
    this.free(link);
    if (other) this.toClient(other, ENVELOPE.RESET, encode('reset', { reason, text: new Uint8Array(0) }), number);
  }

  // ---- time ----

  flush() {
    for (const peer of this.peers) {
      if (!peer.socket) continue;
      for (let m; peer.socket && this.buffered(peer.socket) < 65536 && (m = peer.engine.produce(this.now, 65543));)
        this.deliver(peer.socket, m);
    }
  }
  /** Returns the bytes that wait in a client's socket. */
  buffered(socket) {
    return socket.freeAt > this.now ? (socket.freeAt - this.now) * this.bandwidth : 0;
  }
  /** Runs the next event of the virtual time. */
  turn(until = Infinity) {
    this.flush();
    let at = Infinity;
    for (const item of this.queue) at = Math.min(at, item.at);
    for (const peer of this.peers) at = Math.min(at, peer.engine.deadline());
    if (at > until) {
      this.now = Math.max(this.now, until);
      return false;
    }
    this.stood = at > this.now ? 0 : this.stood + 1;
    if (this.stood > STANDS_MAX) throw new Error(`time stands still at ${this.now} ms: a deadline that is over stays`);
    this.now = Math.max(this.now, at);
    for (const peer of this.peers) if (peer.engine.deadline() <= this.now) peer.do('time');
    const due = this.queue.filter((item) => item.at <= this.now).sort((a, b) => a.at - b.at || a.order - b.order);
    this.queue = this.queue.filter((item) => item.at > this.now);
    for (const { run } of due) {
      run();
      this.flush();
    }
    return true;
  }
  /** Lets this many ms of virtual time pass. */
  pass(ms) {
    const until = this.now + ms;
    while (this.turn(until));
  }
  /** Runs until `test` returns true; fails when that takes more than `ms` of virtual time. */
  until(test, what, ms = 120000) {
    const end = this.now + ms;
    while (!test()) if (!this.turn(end)) throw new Error(`not so within ${ms} ms of virtual time: ${what}`);
  }
}

/** Makes two peers in a session: ana called bo. */
export function pair(options = {}, a = {}, b = {}) {
  const world = new World(options);
  const ana = world.peer('ana', a).start();
  const bo = world.peer('bo', { acceptAll: true, ...b }).start();
  const session = ana.connect(bo);
  world.until(() => ana.last('linked') && bo.last('session'), 'linked');
  return { world, ana, bo, session, other: bo.last('session').session };
}
