/** Logins that the relay must refuse, each with its reason (docs/protocol.md, section 3). */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  REASON,
  TYPE,
  helloPeer,
  loggedIn,
  loginPayload,
  makeIdentity,
  parseHello,
  welcomeHolds,
} from '../support/login.js';
import { startRelay } from '../support/relay.js';
import { useRelay } from '../support/refusal_fixture.js';

const fixture = useRelay();
const port = () => fixture.relay.port;

/** Sends this LOGIN on a fresh socket and returns the reason of the refusal; `make` gets the socket's HELLO. */
async function refusedLogin(make) {
  const peer = await helloPeer(port());
  peer.send(TYPE.LOGIN, make(peer.hello));
  return peer.refusal();
}

test('a good login is welcomed, new at first and known later', async () => {
  const identity = makeIdentity();
  const first = await loggedIn(port(), { identity });
  const second = await loggedIn(port(), { identity });
  expect([first.registration, second.registration]).toEqual([0, 1]);
  first.close();
  second.close();
});

describe('before the login', () => {
  test.each(Object.entries(TYPE).filter(([name]) => name !== 'LOGIN'))('%s is refused', async (_name, type) => {
    const peer = await helloPeer(port());
    peer.send(type, Buffer.alloc(64), { link: 0x10000 });
    expect(await peer.refusal()).toBe(REASON.PROTOCOL);
  });

  test('a LOGIN over 1 KiB is refused', async () => {
    expect(await refusedLogin(() => randomBytes(1025))).toBe(REASON.PROTOCOL);
  });

  test('a LOGIN cut short anywhere is refused', async () => {
    const identity = makeIdentity();
    for (const length of [0, 1, 2, 33, 41, 42, 74, 78, 80, 98, 99, 160]) {
      const reason = await refusedLogin((hello) => loginPayload(identity, hello).subarray(0, length));
      expect([REASON.PROTOCOL, REASON.UNSUPPORTED], `${length} bytes`).toContain(reason);
    }
  });

  test('a LOGIN with an extra byte is refused', async () => {
    const reason = await refusedLogin((hello) => Buffer.concat([loginPayload(makeIdentity(), hello), Buffer.alloc(1)]));
    expect(reason).toBe(REASON.PROTOCOL);
  });

  test('an instance of zeros, which means any instance in an OPEN, is refused', async () => {
    expect(await refusedLogin((hello) => loginPayload(makeIdentity(), hello, { instance: Buffer.alloc(8) }))).toBe(
      REASON.PROTOCOL,
    );
  });

  test('a version that the relay does not speak is refused', async () => {
    for (const version of [0, 2, 255])
      expect(await refusedLogin((hello) => loginPayload(makeIdentity(), hello, { version }))).toBe(REASON.UNSUPPORTED);
  });
});

describe('proofs', () => {
  test('a wrong signature', async () => {
    expect(await refusedLogin((hello) => loginPayload(makeIdentity(), hello, { signature: randomBytes(64) }))).toBe(
      REASON.LOGIN_FAILED,
    );
  });

  test("another's ID", async () => {
    const mine = makeIdentity();
    expect(await refusedLogin((hello) => loginPayload(mine, hello, { publicKey: makeIdentity().publicKey }))).toBe(
      REASON.LOGIN_FAILED,
    );
  });

  test('a login replayed on another socket', async () => {
    const first = await loggedIn(port());
    expect(await refusedLogin(() => first.login)).toBe(REASON.LOGIN_FAILED);
    first.close();
  });

  test("another socket's challenge", async () => {
    const other = await helloPeer(port());
    expect(await refusedLogin(() => loginPayload(makeIdentity(), other.hello))).toBe(REASON.LOGIN_FAILED);
    other.close();
  });

  test('a login made for another relay', async () => {
    const elsewhere = await startRelay();
    const other = await helloPeer(elsewhere.port);
    const reason = await refusedLogin((hello) => {
      // A relay in between with another key passes on the same challenge.
      const foreign = Buffer.from(hello.payload);
      other.hello.relayId.copy(foreign, 4);
      return loginPayload(makeIdentity(), parseHello(foreign));
    });
    expect(reason).toBe(REASON.LOGIN_FAILED);
    other.close();
    await elsewhere.stop();
  });

  test('a login with any byte changed', async () => {
    const identity = makeIdentity();
    const length = loginPayload(identity, parseHello(Buffer.alloc(73))).length;
    const accepted = [];
    const tryOne = async (at) => {
      const reason = await refusedLogin((hello) => {
        const payload = loginPayload(identity, hello);
        payload[at] ^= 1;
        return payload;
      });
      if (![REASON.LOGIN_FAILED, REASON.PROTOCOL, REASON.UNSUPPORTED].includes(reason)) accepted.push([at, reason]);
    };
    for (let at = 0; at < length; at += 16)
      await Promise.all(Array.from({ length: Math.min(16, length - at) }, (_, i) => tryOne(at + i)));
    expect(accepted).toEqual([]);
  });

  test('a signature whose second half is not reduced', async () => {
    const order = (1n << 252n) + 27742317777372353535851937790883648493n;
    const reason = await refusedLogin((hello) => {
      const payload = loginPayload(makeIdentity(), hello);
      const s = payload.subarray(-32);
      let value = BigInt('0x' + Buffer.from(s).reverse().toString('hex')) + order;
      for (let i = 0; i < 32; i++, value >>= 8n) s[i] = Number(value & 255n);
      return payload;
    });
    expect(reason).toBe(REASON.LOGIN_FAILED);
  });

  test.each([
    ['of small order: 0', '0000000000000000000000000000000000000000000000000000000000000000'],
    ['of small order: 1', '0100000000000000000000000000000000000000000000000000000000000000'],
    ['of small order: 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['not reduced: p', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['not reduced: p + 1', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['all ones', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
    ['not on the curve', '0200000000000000000000000000000000000000000000000000000000000000'],
  ])('a key %s', async (_name, hex) => {
    const reason = await refusedLogin((hello) =>
      loginPayload(makeIdentity(), hello, { publicKey: Buffer.from(hex, 'hex') }),
    );
    expect(reason).toBe(REASON.LOGIN_FAILED);
  });
});

describe('after the login', () => {
  test('a second LOGIN is refused', async () => {
    const peer = await loggedIn(port());
    peer.send(TYPE.LOGIN, loginPayload(peer.identity, peer.hello));
    expect(await peer.refusal()).toBe(REASON.PROTOCOL);
  });

  test('the same instance again ends the older one with SUPERSEDED', async () => {
    const older = await loggedIn(port());
    const newer = await loggedIn(port(), { identity: older.identity, instance: older.instance });
    expect(await older.refusal()).toBe(REASON.SUPERSEDED);
    newer.send(TYPE.PING, randomBytes(8));
    await newer.until(TYPE.PONG);
    newer.close();
  });

  test('eight instances of one ID live side by side, a ninth is refused', async () => {
    const identity = makeIdentity();
    const peers = [];
    for (let i = 0; i < 8; i++) peers.push(await loggedIn(port(), { identity }));
    expect(await refusedLogin((hello) => loginPayload(identity, hello))).toBe(REASON.FULL);
    for (const peer of peers) {
      peer.send(TYPE.PING, randomBytes(8));
      await peer.until(TYPE.PONG);
      peer.close();
    }
  });
});

test('the signature in WELCOME is bound to one login and does not fit another', async () => {
  const peer = await helloPeer(port());
  const login = loginPayload(makeIdentity(), peer.hello);
  peer.send(TYPE.LOGIN, login);
  const welcome = (await peer.until(TYPE.WELCOME)).payload;
  expect(welcomeHolds(peer.hello, login, welcome)).toBe(true);
  expect(welcomeHolds(peer.hello, loginPayload(makeIdentity(), peer.hello), welcome)).toBe(false);
  peer.close();
});
