/**
 * Published vectors of Noise IK and CPace, from outside the project. Where they are missing, the tests are skipped,
 * except in CI.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { fromHex, toHex } from '../core/bytes.js';
import { cpaceGenerator, cpaceKey, cpaceShare } from '../core/cpace.js';
import { Handshake } from '../core/noise.js';
import { loadSodium, sodium } from '../core/sodium.js';

beforeAll(loadSodium);
const fileOf = (name) => fileURLToPath(new URL(`../../../../shared/vectors/${name}`, import.meta.url));
const publishedTest = (title, name, run) => {
  const file = fileOf(name);
  const present = existsSync(file);
  test.skipIf(!present && !process.env.CI)(title, () => {
    expect(present, `${file} is there in CI`).toBe(true);
    run(JSON.parse(readFileSync(file, 'utf8')));
  });
};

/** Seals a transport message of plain Noise, which has no associated data and an implicit counter. */
const seal = (link, plaintext) => {
  const nonce = new Uint8Array(12);
  nonce[4] = link.nextCounter++;
  return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, null, null, nonce, link.sendKey);
};

publishedTest('Noise_IK_25519_ChaChaPoly_SHA256', 'noise.json', (published) => {
  const vectors = published.vectors.filter((v) => v.protocol_name === 'Noise_IK_25519_ChaChaPoly_SHA256');
  expect(vectors.length).toBeGreaterThan(0);
  for (const v of vectors) {
    const a = new Handshake(true, fromHex(v.init_prologue), fromHex(v.init_static), fromHex(v.init_remote_static));
    const b = new Handshake(false, fromHex(v.resp_prologue), fromHex(v.resp_static), null);
    const [one, two, ...rest] = v.messages;
    expect(toHex(a.write(fromHex(one.payload), fromHex(v.init_ephemeral)))).toBe(one.ciphertext);
    expect(toHex(b.read(fromHex(one.ciphertext)))).toBe(one.payload);
    expect(toHex(b.write(fromHex(two.payload), fromHex(v.resp_ephemeral)))).toBe(two.ciphertext);
    expect(toHex(a.read(fromHex(two.ciphertext)))).toBe(two.payload);
    expect(toHex(a.h)).toBe(v.handshake_hash);
    expect(toHex(b.h)).toBe(v.handshake_hash);
    const links = [a.split(), b.split()];
    rest.forEach(({ payload, ciphertext }, i) => expect(toHex(seal(links[i % 2], fromHex(payload)))).toBe(ciphertext));
  }
});

publishedTest('CPace with ristretto255 and SHA-512, step by step', 'cpace-ristretto255-sha512.json', (v) => {
  const generator = cpaceGenerator(fromHex(v.PRS), fromHex(v.CI), fromHex(v.sid));
  expect(toHex(generator)).toBe(v.g);
  expect(toHex(cpaceShare(generator, fromHex(v.ya)))).toBe(v.Ya);
  expect(toHex(cpaceShare(generator, fromHex(v.yb)))).toBe(v.Yb);
  const a = { share: fromHex(v.Ya), associatedData: fromHex(v.ADa) };
  const b = { share: fromHex(v.Yb), associatedData: fromHex(v.ADb) };
  expect(toHex(cpaceKey(fromHex(v.ya), true, fromHex(v.sid), a, b))).toBe(v.ISK_initiator_responder);
  expect(toHex(cpaceKey(fromHex(v.yb), false, fromHex(v.sid), a, b))).toBe(v.ISK_initiator_responder);
  expect(v.invalid_points.length).toBeGreaterThan(0);
  for (const point of v.invalid_points) {
    const bad = { share: fromHex(point), associatedData: new Uint8Array(0) };
    expect(() => cpaceKey(fromHex(v.ya), true, fromHex(v.sid), a, bad)).toThrow(
      expect.objectContaining({ code: 'ECRYPTO' }),
    );
  }
});
