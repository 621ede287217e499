/**
 * The login of docs/protocol.md, section 3, in a third implementation on Node's own cryptography. Tests compare the
 * other two with it, and use it to log in wrongly on purpose.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { ENVELOPE as TYPE, REASON } from '../../web/client/wire_table.js';
import { connectWebSocket, envelope, frame } from './raw.js';

export { TYPE, REASON };

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const label = (text) => Buffer.from(text, 'latin1');
const u16 = (n) => Buffer.from([n >> 8, n & 255]);

export function makeIdentity(seed = randomBytes(32)) {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
  return { seed, publicKey, sign: (bytes) => sign(null, bytes, key) };
}

export function verified(publicKey, bytes, signature) {
  const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
  return verify(null, bytes, key, signature);
}

/** Returns an ID as text: 52 characters of base32, then two check characters. */
export function idText(publicKey) {
  const letters = 'abcdefghijklmnopqrstuvwxyz234567';
  const base32 = (bytes, count) => {
    let bits = [...bytes].map((b) => b.toString(2).padStart(8, '0')).join('');
    bits = bits.padEnd(Math.ceil(bits.length / 5) * 5, '0');
    return Array.from({ length: count }, (_, i) => letters[parseInt(bits.slice(i * 5, i * 5 + 5), 2)]).join('');
  };
  const check = createHash('sha256').update(label('pairlink v1 id')).update(publicKey).digest();
  return base32(publicKey, 52) + base32(check, 2);
}

export function parseHello(payload) {
  const limits = {};
  for (let i = 0, at = 73; i < payload[72]; i++, at += 6)
    limits[payload.readUInt16BE(at)] = payload.readUInt32BE(at + 2);
  return {
    payload,
    versionMin: payload[0],
    versionMax: payload[1],
    admission: payload[2],
    relayId: payload.subarray(4, 36),
    challenge: payload.subarray(36, 68),
    features: payload.readUInt32BE(68),
    limits,
  };
}

export const transcript = (helloPayload, unsignedLogin) =>
  createHash('sha512')
    .update(
      Buffer.concat([
        label('pairlink v1 login'),
        u16(helloPayload.length),
        helloPayload,
        u16(unsignedLogin.length),
        unsignedLogin,
      ]),
    )
    .digest();

export function proofOfToken(token, t) {
  const key = createHash('sha256').update(token).digest();
  const hint = createHash('sha256').update(label('pairlink v1 token hint')).update(key).digest().subarray(0, 8);
  return Buffer.concat([hint, createHmac('sha256', key).update(t).digest()]);
}

/** Returns the payload of LOGIN. Every part can be replaced. */
export function loginPayload(
  identity,
  hello,
  {
    version = 1,
    flags = 1,
    instance = randomBytes(8),
    nonce = randomBytes(32),
    features = 0,
    origin = 'http://127.0.0.1',
    publicKey = identity.publicKey,
    token,
    tokenProof,
    signature,
  } = {},
) {
  const originBytes = Buffer.from(origin);
  const f = Buffer.alloc(4);
  f.writeUInt32BE(features);
  const head = Buffer.concat([
    Buffer.from([version, flags]),
    publicKey,
    instance,
    nonce,
    f,
    u16(originBytes.length),
    originBytes,
  ]);
  const proof = tokenProof ?? (token ? proofOfToken(token, transcript(hello.payload, head)) : Buffer.alloc(0));
  const unsigned = Buffer.concat([head, Buffer.from([proof.length]), proof]);
  return Buffer.concat([
    unsigned,
    signature ?? identity.sign(Buffer.concat([label('pairlink v1 login client'), transcript(hello.payload, unsigned)])),
  ]);
}

/** Returns whether the relay that sent HELLO signed this WELCOME for this LOGIN. */
export function welcomeHolds(hello, login, welcome) {
  const t = transcript(hello.payload, login.subarray(0, -64));
  return verified(
    hello.relayId,
    Buffer.concat([label('pairlink v1 login relay'), t, welcome.subarray(0, -64)]),
    welcome.subarray(-64),
  );
}

/** A WebSocket connection to a relay, which reads and writes envelopes. */
export class Peer {
  constructor(raw) {
    this.raw = raw;
    this.waiting = Buffer.alloc(0);
  }

  send(type, payload, options) {
    return this.sendMessage(envelope(type, payload, options));
  }
  /** Sends one binary message with these bytes, whatever they are. */
  sendMessage(bytes) {
    this.raw.send(frame(2, bytes));
    return this;
  }

  /** Returns the next envelope, `{type, flags, link, payload}`, or null once the relay has closed the connection
   *  (`closeCode` has the code). Answers pings and skips pongs. */
  async next(ms) {
    for (;;) {
      if (this.waiting.length >= 8) {
        const length = this.waiting.readUInt16BE(2);
        const one = {
          type: this.waiting[0],
          flags: this.waiting[1],
          link: this.waiting.readUInt32BE(4),
          payload: this.waiting.subarray(8, 8 + length),
        };
        this.waiting = this.waiting.subarray(8 + length);
        return one;
      }
      const f = await this.raw.frame(ms);
      if (!f) return null;
      if (f.opcode === 2) this.waiting = Buffer.concat([this.waiting, f.payload]);
      else if (f.opcode === 9) this.raw.send(frame(10, f.payload));
      else if (f.opcode === 8) {
        this.closeCode = f.payload.length >= 2 ? f.payload.readUInt16BE(0) : 1005;
        this.raw.send(frame(8, f.payload)); // our side of the close
        this.raw.socket.end();
        return null;
      }
    }
  }

  /** Skips to the next envelope of this type. Fails when the relay closes first. */
  async until(type, ms) {
    for (;;) {
      const one = await this.next(ms);
      if (!one) throw new Error(`closed (${this.closeCode}) before envelope ${type}`);
      if (one.type === type) return one;
    }
  }

  /**
   * Returns the reason of the RESET on link 0 with which the relay ends this socket, or 0 when it closes without one.
   */
  async refusal(ms) {
    for (let reason = 0; ;) {
      const one = await this.next(ms);
      if (!one) return reason;
      if (one.type === TYPE.RESET && one.link === 0) reason = one.payload.readUInt16BE(0);
    }
  }

  close() {
    this.raw.destroy();
  }
}

/** Connects and reads HELLO, without logging in. */
export async function helloPeer(port, options) {
  const peer = new Peer(await connectWebSocket(port, options));
  peer.hello = parseHello((await peer.until(TYPE.HELLO)).payload);
  return peer;
}

/** Connects, logs in and checks the relay's WELCOME. */
export async function loggedIn(port, { identity = makeIdentity(), instance = randomBytes(8), from, ...more } = {}) {
  const peer = await helloPeer(port, { from });
  const login = loginPayload(identity, peer.hello, { instance, ...more });
  peer.send(TYPE.LOGIN, login);
  const welcome = (await peer.until(TYPE.WELCOME)).payload;
  if (!welcomeHolds(peer.hello, login, welcome)) throw new Error("the relay's signature in WELCOME is wrong");
  return Object.assign(peer, { identity, instance, id: idText(identity.publicKey), registration: welcome[0], login });
}

/** Logs two peers in and opens a link between them: `{caller, callee, callerLink, calleeLink}`. The handshake is opaque
 *  to a relay, so any bytes will do. */
export async function linked(port, { caller, callee } = {}) {
  caller ??= await loggedIn(port);
  callee ??= await loggedIn(port);
  const callerLink = (1 << 16) >>> 0;
  caller.send(TYPE.OPEN, Buffer.concat([callee.identity.publicKey, callee.instance, Buffer.alloc(96, 1)]), {
    link: callerLink,
  });
  const offer = await callee.until(TYPE.OFFER);
  callee.send(TYPE.ACCEPT, Buffer.alloc(48, 2), { link: offer.link });
  await caller.until(TYPE.ACCEPT);
  return { caller, callee, callerLink, calleeLink: offer.link, offer };
}
