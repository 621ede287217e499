/** SHA-256 of what comes piece by piece: of a file that is never held whole. */
import { sodium } from './sodium.js'

export class Sha256 {
  constructor() {
    /** @private @type {any} */
    this.state = sodium.crypto_hash_sha256_init()
  }
  /** @param {Uint8Array} bytes */
  update(bytes) {
    sodium.crypto_hash_sha256_update(this.state, bytes)
  }
  /** Ends it. @returns {Uint8Array} */
  digest() {
    const { state } = this
    this.state = null
    return sodium.crypto_hash_sha256_final(state)
  }
  /** Gives its memory back without a result; one that has ended is fine. */
  drop() {
    if (this.state) this.digest()
  }
}
