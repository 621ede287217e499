/** Published vectors of Noise IK, from outside of the project. Where they are missing the test is skipped, but not in CI. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { fromHex, toHex } from '../core/bytes.js'
import { Handshake } from '../core/noise.js'
import { loadSodium, sodium } from '../core/sodium.js'

beforeAll(loadSodium)
const file = fileURLToPath(new URL('../../../../shared/vectors/noise.json', import.meta.url))
const present = existsSync(file)

/** A transport message of plain Noise has no associated data and its counter is implied. */
const seal = (link, plaintext) => {
  const nonce = new Uint8Array(12)
  nonce[4] = link.nextCounter++
  return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, null, null, nonce, link.sendKey)
}

test.skipIf(!present && !process.env.CI)('Noise_IK_25519_ChaChaPoly_SHA256', () => {
  expect(present, `${file} is there in CI`).toBe(true)
  const vectors = JSON.parse(readFileSync(file, 'utf8')).vectors.filter((v) => v.protocol_name === 'Noise_IK_25519_ChaChaPoly_SHA256')
  expect(vectors.length).toBeGreaterThan(0)
  for (const v of vectors) {
    const a = new Handshake(true, fromHex(v.init_prologue), fromHex(v.init_static), fromHex(v.init_remote_static))
    const b = new Handshake(false, fromHex(v.resp_prologue), fromHex(v.resp_static), null)
    const [one, two, ...rest] = v.messages
    expect(toHex(a.write(fromHex(one.payload), fromHex(v.init_ephemeral)))).toBe(one.ciphertext)
    expect(toHex(b.read(fromHex(one.ciphertext)))).toBe(one.payload)
    expect(toHex(b.write(fromHex(two.payload), fromHex(v.resp_ephemeral)))).toBe(two.ciphertext)
    expect(toHex(a.read(fromHex(two.ciphertext)))).toBe(two.payload)
    expect(toHex(a.h)).toBe(v.handshake_hash)
    expect(toHex(b.h)).toBe(v.handshake_hash)
    const links = [a.split(), b.split()]
    rest.forEach(({ payload, ciphertext }, i) => expect(toHex(seal(links[i % 2], fromHex(payload)))).toBe(ciphertext))
  }
})
