/**
 * The C engine with the interface of the JavaScript one, for the model of the relay in web/client/test/model.js:
 * the program cross_peer behind two pipes, asked and answered in step, so that a run follows from its seed alone.
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { PairlinkError } from '../../web/client/core/errors.js';
import { Peer } from '../../web/client/test/model.js';
import { ERROR } from '../../web/client/wire_table.js';
import { binary, tempDir } from './process.js';

const NEVER = 0xffffffffffffffffn;
const codeOf = new Map(Object.entries(ERROR).map(([code, { number }]) => [number, code]));

/** One program: it holds one engine at a time. */
export class CrossProgram {
  constructor() {
    const dir = tempDir('pairlink-cross-');
    const [to, from] = ['to', 'from'].map((name) => join(dir, name));
    execFileSync('mkfifo', [to, from]);
    // Opened for both directions first, since opening one end alone would wait for the other; closed again, so that
    // each side sees the other's end.
    const both = [to, from].map((path) => openSync(path, 'r+'));
    const ends = [openSync(to, 'r'), openSync(from, 'w')];
    this.to = openSync(to, 'w');
    this.from = openSync(from, 'r');
    this.child = spawn(binary('cross_peer'), [], { stdio: [...ends, 'inherit'] });
    [...both, ...ends].forEach((fd) => closeSync(fd));
    this.exited = new Promise((done) => this.child.once('exit', (code, signal) => done({ code, signal })));
  }
  /** @private */
  read(size) {
    const out = Buffer.alloc(size);
    for (let got = 0; got < size;) {
      const n = readSync(this.from, out, got, size - got);
      if (n === 0) throw new Error('cross_peer ended: see its words on stderr');
      got += n;
    }
    return out;
  }
  /** Asks, and waits for the answer. @param {Buffer} request */
  ask(request) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(request.length);
    const whole = Buffer.concat([head, request]);
    for (let sent = 0; sent < whole.length;) sent += writeSync(this.to, whole, sent);
    return new Answer(this.read(this.read(4).readUInt32BE()));
  }
  /** Its exit code. */
  async stop() {
    closeSync(this.to);
    const { code, signal } = await this.exited;
    closeSync(this.from);
    return code ?? signal;
  }
}

class Answer {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  u8() {
    return this.bytes[this.at++];
  }
  u32() {
    this.at += 4;
    return this.bytes.readUInt32BE(this.at - 4);
  }
  i32() {
    return this.u32() | 0;
  }
  u64() {
    this.at += 8;
    return this.bytes.readBigUInt64BE(this.at - 8);
  }
  data() {
    const size = this.u32();
    this.at += size;
    return Uint8Array.from(this.bytes.subarray(this.at - size, this.at));
  }
  text() {
    return new TextDecoder().decode(this.data());
  }
}

const u8 = (v) => Buffer.from([v]);
const u32 = (v) => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(v >>> 0);
  return out;
};
const u64 = (v) => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(Math.floor(v)));
  return out;
};
const text = (v) => {
  const bytes = typeof v === 'string' ? Buffer.from(v) : (v ?? Buffer.alloc(0));
  return Buffer.concat([u32(bytes.length), bytes]);
};
const TELLS_PLACE = new Set(['send', 'finish']);

export class CrossEngine {
  /** @param {CrossProgram} program @param {object} config as of the JavaScript engine, with the identity's seed */
  constructor(
    program,
    { seed, instance, randomBytes, listen, acceptAll, messageMax, channelWindow, sessionWindow, sessionTimeoutMs },
  ) {
    this.program = program;
    /** How often the streams of a session began: a 'take' of an earlier one means nothing now. */
    this.generations = new Map();
    const flags = [u8(listen ? 1 : 0), u8(acceptAll ? 1 : 0)];
    const limits = [u32(messageMax), u32(channelWindow), u64(sessionWindow), u32(sessionTimeoutMs)];
    this.state(program.ask(Buffer.concat([Buffer.from('n'), seed, instance, randomBytes(32), ...flags, ...limits])));
  }
  /** @private */
  state(answer) {
    const at = answer.u64();
    this.at = at === NEVER ? Infinity : Number(at);
    this.hasOutput = answer.u8() === 1;
    return answer;
  }
  deadline() {
    return this.at;
  }
  produce(now) {
    if (!this.hasOutput) return null;
    const message = this.state(this.program.ask(Buffer.concat([Buffer.from('p'), u64(now)]))).data();
    return message.length ? message : null;
  }
  step({ type, now, error, session = 0, channel = 0, value = 0, place = 0, generation, data, text: words, peer }) {
    if (type === 'take' && generation !== this.generationOf(session)) return { actions: [], value: 0, error: null };
    const number = error ? ERROR[error].number : 0;
    const fields = [
      text(type),
      u64(now),
      u32(number),
      u32(session),
      u8(channel),
      u32(value),
      u64(place),
      text(data ?? words),
      text(peer),
    ];
    const answer = this.state(this.program.ask(Buffer.concat([Buffer.from('s'), ...fields])));
    const rc = answer.i32();
    const [sessionOut, placeOut] = [answer.u32(), Number(answer.u64())];
    const actions = Array.from({ length: answer.u32() }, () => this.action(answer));
    const said = rc === 0 ? null : new PairlinkError(codeOf.get(rc));
    return { actions, value: type === 'connect' ? sessionOut : TELLS_PLACE.has(type) ? placeOut : 0, error: said };
  }
  /** @private */
  generationOf(session) {
    return this.generations.get(session) ?? 0;
  }
  /** @private */
  action(answer) {
    const action = {
      type: answer.text(),
      session: answer.u32(),
      channel: answer.u8(),
      error: answer.i32(),
      reason: answer.u32(),
    };
    Object.assign(action, { place: Number(answer.u64()), data: answer.data(), text: answer.text() });
    action.error = action.error ? codeOf.get(action.error) : null;
    if (action.type === 'stream_reset') this.generations.set(action.session, this.generationOf(action.session) + 1);
    action.generation = this.generationOf(action.session);
    return action;
  }
}

/** A peer of the model whose engine is the C one. */
export class CrossPeer extends Peer {
  constructor(world, name, options) {
    super(world, name, options);
    world.peers.push(this);
  }
  begin() {
    this.engine = new CrossEngine(this.options.program, {
      seed: this.seed,
      instance: this.instance,
      randomBytes: this.world.random.bytes,
      listen: this.options.listen ?? true,
      acceptAll: this.options.acceptAll ?? false,
      messageMax: this.options.messageMax ?? 262144,
      channelWindow: this.options.channelWindow ?? 1048576,
      sessionWindow: this.options.sessionWindow ?? 8388608,
      sessionTimeoutMs: this.options.sessionTimeoutMs ?? 3600000,
    });
  }
}
