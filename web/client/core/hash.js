/** SHA-256 of what comes piece by piece: of a file that is never held whole. */
import { checkBytes } from './check.js';
import { PairlinkError } from './errors.js';
import { sodium } from './sodium.js';

export class Sha256 {
  constructor() {
    /** @private @type {any} */
    this.state = sodium.crypto_hash_sha256_init();
  }
  /** @param {import('./check.js').Bytes} bytes */
  update(bytes) {
    this.mustRun();
    sodium.crypto_hash_sha256_update(this.state, checkBytes(bytes, 'what is hashed'));
  }
  /** Ends it. @returns {Uint8Array} */
  digest() {
    this.mustRun();
    const { state } = this;
    this.state = null;
    return sodium.crypto_hash_sha256_final(state);
  }
  /** @private */
  mustRun() {
    if (!this.state) throw new PairlinkError('ESTATE', 'the hash was taken');
  }
  /** Gives its memory back without a result; one that has ended is fine. */
  drop() {
    if (this.state) this.digest();
  }
}
