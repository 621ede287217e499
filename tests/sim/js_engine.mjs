/**
 * JavaScript engines behind a pipe, for worlds in which some of the clients are JavaScript (sim_js.c). The simulator
 * plays socket, clock and application and waits for each answer, so its seed alone determines a run.
 *
 * stdin: u32 size, then 'n' (create an engine), 's' (one event), 'p' (the next message) or 'f' (forget an engine), and
 * the number of the engine. stdout, for each but 'f': u32 size and the answer, which starts with 0, or with 1 and the
 * text of an exception that the engine did not catch. Integers are big-endian; a u32 with the length precedes texts and
 * bytes. Types of events and actions are numbers, in the order of client/core/engine/engine.h.
 */
import { readSync, writeSync } from 'node:fs';
import { parseCode } from '../../web/client/core/code.js';
import { Engine } from '../../web/client/core/engine/engine.js';
import { PairlinkError } from '../../web/client/core/errors.js';
import { loadSodium } from '../../web/client/core/sodium.js';
import { checkAgenda } from '../../web/client/test/agenda_check.js';
import { ERROR } from '../../web/client/wire_table.js';
import { useStandIns } from './js_primitives.mjs';

const EVENTS =
  `time start stop socket_open socket_message socket_closed network_up connect send send_volatile finish take
  priority channel_reset close allow deny refuse block forget invite_add invite_revoke code_make code_claim code_cancel`.split(
    /\s+/,
  );
const ACTIONS = `connect disconnect online offline checking alive knock session linked unlinked message volatile end
  writable delivered channel_reset lost stream_reset session_closed invite_claimed code code_busy paired code_ended log`.split(
  /\s+/,
);
const NEVER = 0xffffffffffffffffn;
const ANSWER_BYTES = 16 << 20;
const ROOT = new URL('../..', import.meta.url).href;
const codeOf = new Map(Object.entries(ERROR).map(([code, { number }]) => [number, code]));
const none = new Uint8Array(0);

/** Reads the fields of a request, as views of it. */
class Request {
  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  skip(size) {
    this.at += size;
    return this.at - size;
  }
  u8() {
    return this.bytes.readUInt8(this.skip(1));
  }
  u32() {
    return this.bytes.readUInt32BE(this.skip(4));
  }
  i32() {
    return this.bytes.readInt32BE(this.skip(4));
  }
  /** Returns Infinity for a time that never comes. */
  u64() {
    const value = this.bytes.readBigUInt64BE(this.skip(8));
    return value === NEVER ? Infinity : Number(value);
  }
  data(size = this.u32()) {
    return this.bytes.subarray(this.skip(size), this.at);
  }
  text() {
    return this.data().toString();
  }
}

/** Writes the fields of an answer; the first four bytes are for its size. */
class Answer {
  constructor() {
    this.bytes = Buffer.alloc(ANSWER_BYTES);
    this.at = 4;
  }
  u8(value) {
    this.at = this.bytes.writeUInt8(value, this.at);
  }
  u32(value) {
    this.at = this.bytes.writeUInt32BE(value >>> 0, this.at);
  }
  u64(value) {
    this.at = this.bytes.writeBigUInt64BE(value, this.at);
  }
  /** A time that may have a fraction: the engine must not be called before it. */
  time(value) {
    this.u64(Number.isFinite(value) ? BigInt(Math.ceil(value)) : NEVER);
  }
  raw(bytes) {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
  data(bytes) {
    this.u32(bytes.length);
    this.raw(bytes);
  }
}

/** Returns random bytes that depend on 32 bytes alone (sfc32). @param {Uint8Array} seed */
function randomFrom(seed) {
  const words = new Uint32Array(8);
  for (let i = 0; i < 32; i++) words[i >> 2] = (words[i >> 2] << 8) | seed[i];
  let [a, b, c, d] = [0, 1, 2, 3].map((i) => words[i] ^ words[i + 4]);
  const next = () => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum & 255;
  };
  for (let i = 0; i < 16; i++) next();
  return (/** @type {number} */ size) => Uint8Array.from({ length: size }, next);
}

/** Names each link object by a number, which no other link of this process has. */
const linkNumbers = new WeakMap();
let links = 0;
function numberOf(link) {
  if (!linkNumbers.has(link)) linkNumbers.set(link, ++links);
  return linkNumbers.get(link);
}

/** One engine with what a shell in C expects of it. */
class Client {
  /** @param {Request} r */
  constructor(r) {
    const identity = { id: r.data(32).slice(), secret: r.data(64).slice() };
    const config = { identity, instance: r.data(8).slice(), randomBytes: randomFrom(r.data(32)) };
    const [listen, acceptAll, manualTake] = [r.u8(), r.u8(), r.u8()].map((flag) => flag === 1);
    const limits = [r.u32(), r.u32(), r.u64(), r.u32(), r.u32(), r.u64()];
    const [messageMax, channelWindow, sessionWindow, sessionTimeoutMs, sessionsMax, replaceAfterBytes] = limits;
    const [origin, application, name] = [r.data().slice(), r.text(), r.text()];
    const [token, relayId] = [r.data().slice(), r.data().slice()];
    this.takesAtOnce = !manualTake;
    /** How often the streams of a session started afresh, as far as the application was told. */
    this.generations = new Map();
    /** The sessions of which the application knows that they are linked. */
    this.linked = new Set();
    this.engine = new Engine({
      ...config,
      ...{ listen, acceptAll, messageMax, channelWindow, sessionWindow, sessionTimeoutMs, sessionsMax },
      ...{ replaceAfterBytes, origin, application, name },
      ...{ token: token.length ? token : undefined, relayId: relayId.length ? relayId : null },
    });
  }
  /** @param {Request} r */
  event(r) {
    const type = EVENTS[r.u8()];
    const event = { type, now: r.u64(), error: codeOf.get(r.i32()), session: r.u32(), channel: r.u8(), value: r.u32() };
    Object.assign(event, { place: r.u64(), data: r.data().slice(), peer: r.data().slice() });
    Object.assign(event, { instance: r.data().slice(), secret: r.data().slice() });
    if (type === 'take') event.generation = this.generations.get(event.session) ?? 0;
    if (type === 'close') event.text = event.data.toString();
    if (type === 'socket_closed' && event.error === 'OK') event.error = 'ENETWORK';
    if (type === 'connect' && event.secret.length === 0) event.secret = null;
    if (type === 'code_claim') {
      const { number, words } = parseCode(event.data.toString());
      Object.assign(event, { value: number, words });
    }
    return event;
  }
  /** Feeds an event. Returns the result, as if a message counted as taken when it is handed over, where that is wanted.
   * @param {Request} r */
  step(r) {
    let event;
    try {
      event = this.event(r);
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      return { type: 'none', actions: [], value: 0, error };
    }
    const result = this.engine.step(event);
    const actions = [];
    for (const queue = [...result.actions]; queue.length;) {
      const action = queue.shift();
      if (this.isNews(action)) actions.push(action);
      if (action.type === 'stream_reset')
        this.generations.set(action.session, (this.generations.get(action.session) ?? 0) + 1);
      if (!this.takesAtOnce || !['message', 'end', 'channel_reset'].includes(action.type)) continue;
      const { session, channel, place, generation } = action;
      queue.push(...this.engine.step({ type: 'take', now: event.now, session, channel, place, generation }).actions);
    }
    return { ...result, type: event.type, actions };
  }
  /** Returns false for what the C engine does not tell: 'unlinked' once more, with the time of the next call. */
  isNews({ type, session }) {
    if (type === 'linked') this.linked.add(session);
    return type !== 'unlinked' || this.linked.delete(session);
  }
  /** Writes what every answer starts with. @param {Answer} a */
  state(a) {
    checkAgenda(this.engine);
    a.u8(0);
    a.time(this.engine.deadline());
    a.u8(this.engine.hasOutput() ? 1 : 0);
    const entries = [...this.engine.entries.values()];
    a.u32(entries.length);
    for (const { number, session, id, instance } of entries) {
      a.u32(number);
      a.u32(session.current ? numberOf(session.current) : 0);
      a.raw(id);
      a.raw(instance ?? new Uint8Array(8));
    }
  }
}

/** @param {Answer} a @param {Client} client @param {any} action */
function writeAction(a, client, action) {
  const { type, session = 0, code = 0, channel = 0, error, reason = 0, place = 0, time = 0 } = action;
  const id = action.id ?? client.engine.entries.get(session)?.id ?? new Uint8Array(32);
  a.u8(ACTIONS.indexOf(type));
  a.u32(session);
  a.u32(code);
  a.u8(channel);
  a.u32(error ? ERROR[error].number : 0);
  a.u32(reason);
  a.u64(BigInt(place));
  a.time(time);
  a.raw(id);
  a.raw(action.instance ?? new Uint8Array(8));
  a.data(action.data ?? none);
  a.data(Buffer.from(action.text ?? action.url ?? ''));
}

/** Too many sessions are EAGAIN here, and ENOMEM in C. @param {string} type @param {PairlinkError | null} error */
const errorNumber = (type, error) =>
  error ? ERROR[error.code === 'EAGAIN' && ['connect', 'allow'].includes(type) ? 'ENOMEM' : error.code].number : 0;

/** @param {Answer} a @param {Client} client @param {Request} r */
function answerStep(a, client, r) {
  const { type, actions, value, error } = client.step(r);
  client.state(a);
  a.u32(errorNumber(type, error));
  a.u32(type === 'connect' ? value : 0);
  a.u32(['code_make', 'code_claim'].includes(type) ? value : 0);
  a.u64(BigInt(['send', 'finish'].includes(type) ? value : 0));
  a.u32(actions.length);
  for (const action of actions) writeAction(a, client, action);
}

/** @param {Answer} a @param {Client} client @param {Request} r */
function answerProduce(a, client, r) {
  const message = client.engine.produce(r.u64(), r.u32())?.slice() ?? none;
  client.state(a);
  a.data(message);
}

function readAll(size) {
  const out = Buffer.alloc(size);
  for (let got = 0; got < size;) {
    const n = readSync(0, out, got, size - got);
    if (n === 0) process.exit(0); // the simulator ended
    got += n;
  }
  return out;
}

await loadSodium();
useStandIns();
/** @type {Map<number, Client>} */
const clients = new Map();
const answer = new Answer();
for (;;) {
  const r = new Request(readAll(readAll(4).readUInt32BE()));
  const [op, number] = [String.fromCharCode(r.u8()), r.u8()];
  if (op === 'f') {
    clients.delete(number);
    continue;
  }
  answer.at = 4;
  try {
    if (op === 'n') clients.set(number, new Client(r));
    const client = /** @type {Client} */ (clients.get(number));
    if (op === 'n') client.state(answer);
    else if (op === 's') answerStep(answer, client, r);
    else answerProduce(answer, client, r);
  } catch (error) {
    answer.at = 4;
    answer.u8(1);
    answer.data(Buffer.from(String(error.stack).replaceAll(ROOT, '')));
  }
  answer.bytes.writeUInt32BE(answer.at - 4, 0);
  for (let sent = 0; sent < answer.at;) sent += writeSync(1, answer.bytes, sent, answer.at - sent);
}
