/**
 * Loads libsodium, which provides all cryptography; none is implemented here. It is WebAssembly and loads
 * asynchronously, so await `loadSodium` before calling anything that uses it.
 */

/** @type {typeof import('libsodium-wrappers-sumo')} */
export let sodium;

/** libsodium's own module: its memory, and functions that work in place. Used by noise.js.
 * @type {{HEAPU8: Uint8Array, _malloc(size: number): number,
 *   _crypto_aead_chacha20poly1305_ietf_encrypt(c: number, clen: number, m: number, mlen: number, mlenHigh: number,
 *     ad: number, adlen: number, adlenHigh: number, nsec: number, npub: number, key: number): number,
 *   _crypto_aead_chacha20poly1305_ietf_decrypt(m: number, mlen: number, nsec: number, c: number, clen: number,
 *     clenHigh: number, ad: number, adlen: number, adlenHigh: number, npub: number, key: number): number}} */
export let raw;

/** @type {Promise<void> | undefined} */
let loading;

async function load() {
  if (!globalThis.crypto) {
    // Node 18 has no global crypto, and libsodium looks for it as soon as it is imported.
    const name = ['node', 'crypto'].join(':'); // hides the import from bundlers for browsers
    const { webcrypto } = await import(/* @vite-ignore */ name);
    Object.defineProperty(globalThis, 'crypto', { value: webcrypto, configurable: true });
  }
  const module = await import('libsodium-wrappers-sumo');
  const wrappers = /** @type {any} */ (module.default ?? module);
  await wrappers.ready;
  sodium = wrappers;
  raw = wrappers.libsodium;
}

/** @returns {Promise<void>} */
export function loadSodium() {
  loading ??= load();
  return loading;
}
