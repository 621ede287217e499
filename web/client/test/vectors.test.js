/** The project's own vectors, in which JavaScript must read and write the same bytes as C. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromHex, toHex, utf8 } from '../core/bytes.js';
import {
  formatId,
  identityFromSeed,
  isValidId,
  loginTranscript,
  parseId,
  signLoginClient,
  signLoginRelay,
  tokenProof,
  verifyLoginClient,
  verifyLoginRelay,
} from '../core/identity.js';
import { formatInvite, inviteProof, parseInvite } from '../core/invite.js';
import { checkCaller, startCallee, startCaller } from '../core/noise.js';
import { loadSodium, sodium } from '../core/sodium.js';
import { decode, encode, envelopes, frames, linkGeneration, linkRelaySide, linkSlot, makeLink } from '../core/wire.js';
import { MESSAGES } from '../wire_table.js';

beforeAll(loadSodium);
const load = (name) =>
  JSON.parse(readFileSync(new URL(`../../../schema/vectors/${name}.json`, import.meta.url), 'utf8'));

describe('codec', () => {
  const { messages, refused, links, envelope_streams, frame_streams } = load('codec');

  /** Converts fields from the form of the vectors to the codec's, and back. */
  const walk = (name, fields, leaf) =>
    Object.fromEntries(
      MESSAGES[name].map(([kind, field, argument]) => {
        const value = fields[field];
        return [field, kind === 'list' ? value.map((item) => walk(argument, item, leaf)) : leaf(kind, value)];
      }),
    );
  const fromVector = (kind, value) => (kind === 'u64' ? BigInt(value) : kind.startsWith('u') ? value : fromHex(value));
  const toVector = (kind, value) => (kind === 'u64' ? String(value) : kind.startsWith('u') ? value : toHex(value));

  test('messages decode and encode', () => {
    expect(messages.length).toBeGreaterThan(0);
    for (const { message, fields, hex } of messages) {
      expect(walk(message, decode(message, fromHex(hex)), toVector), message).toEqual(fields);
      expect(toHex(encode(message, walk(message, fields, fromVector))), message).toBe(hex);
    }
  });
  test('every message of the table has a vector', () => {
    expect(new Set(messages.map(({ message }) => message))).toEqual(new Set(Object.keys(MESSAGES)));
  });
  test('bad bytes are refused', () => {
    for (const { message, hex, why } of refused)
      expect(() => decode(message, fromHex(hex)), `${message}: ${why}`).toThrow(
        expect.objectContaining({ code: 'EPROTOCOL' }),
      );
  });
  test('link numbers', () => {
    for (const { side, generation, slot, link } of links) {
      expect(makeLink(side === 1, generation, slot)).toBe(link);
      expect([linkRelaySide(link), linkGeneration(link), linkSlot(link)]).toEqual([side === 1, generation, slot]);
    }
  });
  const stream = (list, read, show) => {
    for (const { hex, items } of list) {
      if (items === null)
        expect(() => [...read(fromHex(hex))], hex).toThrow(expect.objectContaining({ code: 'EPROTOCOL' }));
      else expect([...read(fromHex(hex))].map(show)).toEqual(items);
    }
  };
  test('envelopes of a message', () => {
    stream(envelope_streams, envelopes, ({ payload, ...rest }) => ({ ...rest, payload: toHex(payload) }));
  });
  test('frames of a record', () => {
    stream(frame_streams, frames, ({ type, body }) => ({ type, body: toHex(body) }));
  });
});

describe('identity', () => {
  const { ids, also_read, refused_texts, refused_keys } = load('identity');
  test('IDs as text', () => {
    for (const { seed, id, text } of ids) {
      expect(toHex(identityFromSeed(fromHex(seed)).id)).toBe(id);
      expect(formatId(fromHex(id))).toBe(text);
      expect(toHex(parseId(text))).toBe(id);
    }
    for (const { text, id } of also_read) expect(toHex(parseId(text))).toBe(id);
  });
  test('an invalid ID is refused', () => {
    for (const { text, why } of refused_texts)
      expect(() => parseId(text), why).toThrow(expect.objectContaining({ code: 'EID' }));
    for (const { id, why } of refused_keys) expect(isValidId(fromHex(id)), why).toBe(false);
  });
});

describe('login', () => {
  const { logins } = load('login');
  const flips = (bytes) => Array.from(bytes, (_, i) => bytes.map((b, j) => (i === j ? b ^ 1 : b)));
  for (const v of logins)
    test(v.name, () => {
      const [hello, login, welcome] = [v.hello, v.login_unsigned, v.welcome_unsigned].map(fromHex);
      const relay = identityFromSeed(fromHex(v.relay_seed));
      const client = identityFromSeed(fromHex(v.client_seed));
      const t = loginTranscript(hello, login);
      expect(toHex(t)).toBe(v.transcript);
      expect(toHex(signLoginClient(t, client))).toBe(v.client_signature);
      expect(toHex(signLoginRelay(t, welcome, relay))).toBe(v.relay_signature);
      const [clientSignature, relaySignature] = [v.client_signature, v.relay_signature].map(fromHex);
      expect(verifyLoginClient(clientSignature, t, client.id)).toBe(true);
      expect(verifyLoginRelay(relaySignature, t, welcome, relay.id)).toBe(true);
      for (const bad of flips(login))
        expect(verifyLoginClient(clientSignature, loginTranscript(hello, bad), client.id)).toBe(false);
      for (const bad of flips(hello))
        expect(verifyLoginClient(clientSignature, loginTranscript(bad, login), client.id)).toBe(false);
      for (const bad of flips(welcome)) expect(verifyLoginRelay(relaySignature, t, bad, relay.id)).toBe(false);
      for (const bad of flips(clientSignature)) expect(verifyLoginClient(bad, t, client.id)).toBe(false);
      if (v.token) {
        const proof = decode('login', fromHex(v.login_unsigned + v.client_signature)).token_proof;
        const head = login.subarray(0, login.length - proof.length - 1);
        expect(toHex(tokenProof(utf8(v.token), loginTranscript(hello, head)))).toBe(toHex(proof));
      }
    });
});

describe('handshake and records', () => {
  const { handshakes } = load('handshake');
  const opens = (link, r, record, type = r.type, flags = r.flags) => {
    const copy = Object.assign(Object.create(Object.getPrototypeOf(link)), link);
    return () => copy.open(type, flags, record);
  };
  const refusal = expect.objectContaining({ code: 'ECRYPTO' });
  for (const v of handshakes)
    test(v.name, () => {
      const caller = identityFromSeed(fromHex(v.caller_seed));
      const callee = identityFromSeed(fromHex(v.callee_seed));
      const begin = () => [startCaller(caller, callee.id), startCallee(callee, caller.id)];
      const [a, b] = begin();
      expect(toHex(b.sPublic)).toBe(v.callee_x25519);
      const one = a.write(fromHex(v.payload1), fromHex(v.ephemeral1));
      expect(toHex(one)).toBe(v.message1);
      expect(toHex(b.read(one))).toBe(v.payload1);
      checkCaller(b, caller.id);
      expect(() => checkCaller(b, callee.id)).toThrow(refusal);
      const two = b.write(fromHex(v.payload2), fromHex(v.ephemeral2));
      expect(toHex(two)).toBe(v.message2);
      expect(toHex(a.read(two))).toBe(v.payload2);
      expect(toHex(a.h)).toBe(v.handshake_hash);
      const links = { caller: a.split(), callee: b.split() };
      expect(toHex(links.caller.sendKey)).toBe(v.caller_sends_with);
      expect(toHex(links.callee.sendKey)).toBe(v.callee_sends_with);
      for (const r of v.records) {
        const [from, to] = r.from === 'caller' ? [links.caller, links.callee] : [links.callee, links.caller];
        const record = fromHex(r.record);
        if (BigInt(r.counter) < 2n ** 53n) {
          from.nextCounter = Number(r.counter); // a larger one would take 2^53 records
          expect(toHex(from.seal(r.type, r.flags, fromHex(r.plaintext)))).toBe(r.record);
        }
        for (let i = 0; i < record.length; i++) {
          const bad = record.slice();
          bad[i] ^= 0x40;
          expect(opens(to, r, bad)).toThrow(refusal);
        }
        expect(opens(to, r, record, r.type ^ 1)).toThrow(refusal);
        expect(opens(to, r, record, r.type, r.flags ^ 1)).toThrow(refusal);
        expect(opens(to, r, record.subarray(0, record.length - 1))).toThrow(refusal);
        expect(toHex(to.open(r.type, r.flags, record))).toBe(r.plaintext);
        expect(opens(to, r, record)).toThrow(refusal);
      }
      for (let i = 0; i < one.length; i++) {
        const [, other] = begin();
        const bad = one.slice();
        bad[i] ^= 1;
        expect(() => {
          other.read(bad);
          checkCaller(other, caller.id);
        }, `byte ${i} of message 1`).toThrow(refusal);
      }
      for (let i = 0; i < two.length; i++) {
        const [again] = begin();
        again.write(fromHex(v.payload1), fromHex(v.ephemeral1));
        const bad = two.slice();
        bad[i] ^= 1;
        expect(() => again.read(bad), `byte ${i} of message 2`).toThrow(refusal);
      }
    });
  test('keys that give an all-zero secret are refused', () => {
    const self = identityFromSeed(new Uint8Array(32).fill(7));
    const hs = startCallee(self, self.id);
    expect(() => hs.read(new Uint8Array(96))).toThrow(refusal);
    expect(sodium.SODIUM_VERSION_STRING).toBeTruthy();
  });
});

describe('invite links', () => {
  const { links, refused, proofs } = load('invite');
  test('fragments', () => {
    for (const v of links) {
      const invite = { peerId: fromHex(v.peer_id), relayId: fromHex(v.relay_id), secret: fromHex(v.secret) };
      expect(formatInvite(invite)).toBe(v.fragment);
      expect(parseInvite(v.fragment)).toEqual(invite);
    }
  });
  test('bad fragments are refused', () => {
    for (const { fragment, why } of refused)
      expect(() => parseInvite(fragment), why).toThrow(expect.objectContaining({ code: 'ELINK' }));
  });
  test('proofs', () => {
    for (const v of proofs)
      expect(toHex(inviteProof(fromHex(v.secret), fromHex(v.caller_id), fromHex(v.callee_id), fromHex(v.e)))).toBe(
        v.extension_value,
      );
  });
});
