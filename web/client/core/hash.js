/** SHA-256 of data that arrives in pieces, such as a file that is never held in memory as a whole. */
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
  /** Returns the hash of everything so far and frees the state; later calls throw ESTATE. @returns {Uint8Array} */
  digest() {
    this.mustRun();
    const { state } = this;
    this.state = null;
    return sodium.crypto_hash_sha256_final(state);
  }
  /** @private */
  mustRun() {
    if (!this.state) throw new PairlinkError('ESTATE', 'the hash is finished');
  }
  /** Frees the state without a result. Does nothing when it is freed already. */
  drop() {
    if (this.state) this.digest();
  }
}
