/**
 * The login of docs/protocol.md, section 3, written a third time, by hand and on Node's own cryptography: tests that
 * must be able to do it wrong, and to hold the other two implementations against.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { connectWebSocket, envelope, frame } from './raw.js';

export const TYPE = {
  HELLO: 1,
  LOGIN: 2,
  WELCOME: 3,
  GOING_AWAY: 4,
  PING: 5,
  PONG: 6,
  PEERS: 7,
  OPEN: 0x10,
  OFFER: 0x11,
  ACCEPT: 0x12,
  DATA: 0x13,
  RESET: 0x14,
  CODE: 8,
  CLAIM: 0x15,
};
export const REASON = {
  CLOSED: 1,
  GONE: 2,
  UNAVAILABLE: 3,
  REPLACED: 4,
  OVERFLOW: 8,
  RATE: 9,
  SUPERSEDED: 10,
  TIMEOUT: 11,
  FULL: 12,
  STORE: 15,
  REFUSED: 0x101,
  PROTOCOL: 0x102,
  UNSUPPORTED: 0x103,
  REVOKED: 0x104,
  DENIED: 0x105,
  LOGIN_FAILED: 0x106,
  ORIGIN: 0x107,
};

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

/** An ID as people write it: 52 characters of base32, then two of its check. */
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

/** The payload of LOGIN; every part can be replaced. */
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

/** Is this WELCOME signed by the relay of that HELLO, for this LOGIN? */
export function welcomeHolds(hello, login, welcome) {
  const t = transcript(hello.payload, login.subarray(0, -64));
  return verified(
    hello.relayId,
    Buffer.concat([label('pairlink v1 login relay'), t, welcome.subarray(0, -64)]),
    welcome.subarray(-64),
  );
}

/** A WebSocket at a relay that reads and writes envelopes. */
export class Peer {
  constructor(raw) {
    this.raw = raw;
    this.waiting = Buffer.alloc(0);
  }

  send(type, payload, options) {
    return this.sendMessage(envelope(type, payload, options));
  }
  /** One binary message with these bytes, whatever they are. */
  sendMessage(bytes) {
    this.raw.send(frame(2, bytes));
    return this;
  }

  /** The next envelope, `{type, flags, link, payload}`; null once the relay closed (`closeCode` says how). Pings are
   *  answered; pongs are passed over. */
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
        this.raw.send(frame(8, f.payload)); // our part of the close
        this.raw.socket.end();
        return null;
      }
    }
  }

  /** Reads on to the envelope of this type; fails when the relay closes first. */
  async until(type, ms) {
    for (;;) {
      const one = await this.next(ms);
      if (!one) throw new Error(`closed (${this.closeCode}) before envelope ${type}`);
      if (one.type === type) return one;
    }
  }

  /** The reason of the RESET on link 0 with which the relay ends this socket; 0 if it closes without. */
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

/** Connected, HELLO read, not logged in. */
export async function helloPeer(port, options) {
  const peer = new Peer(await connectWebSocket(port, options));
  peer.hello = parseHello((await peer.until(TYPE.HELLO)).payload);
  return peer;
}

/** Connected and logged in; the relay's WELCOME is checked. */
export async function loggedIn(port, { identity = makeIdentity(), instance = randomBytes(8), from, ...more } = {}) {
  const peer = await helloPeer(port, { from });
  const login = loginPayload(identity, peer.hello, { instance, ...more });
  peer.send(TYPE.LOGIN, login);
  const welcome = (await peer.until(TYPE.WELCOME)).payload;
  if (!welcomeHolds(peer.hello, login, welcome)) throw new Error("the relay's signature in WELCOME is wrong");
  return Object.assign(peer, { identity, instance, id: idText(identity.publicKey), registration: welcome[0], login });
}

/** Two logged-in peers and an open link between them: `{caller, callee, callerLink, calleeLink}`. The handshake is
 *  opaque to a relay, so any bytes do. */
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
