/**
 * One link of this client: from OPEN or OFFER to its RESET. The engine moves its state; a session that it belongs to
 * keeps here what it knows of this link alone.
 *
 *   caller: opening → linked → (gone)         callee: offered → accepted → linked → (gone)
 */
import { Pacing } from './pacing.js';

/** @typedef {'opening' | 'offered' | 'accepted' | 'linked' | 'gone'} LinkState */
/** @type {Record<LinkState, LinkState[]>} */
const MOVES = {
  opening: ['linked', 'gone'],
  offered: ['accepted', 'gone'],
  accepted: ['linked', 'gone'],
  linked: ['gone'],
  gone: [],
};

export class Link {
  /**
   * @param {number} number
   * @param {boolean} opener
   * @param {Uint8Array} peerId
   * @param {Uint8Array | null} peerInstance null: not known yet
   * @param {number} now
   */
  constructor(number, opener, peerId, peerInstance, now) {
    this.number = number;
    this.opener = opener;
    this.peerId = peerId;
    this.peerInstance = peerInstance;
    /** @type {LinkState} */
    this.state = opener ? 'opening' : 'offered';
    this.since = now;
    /** @type {import('../noise.js').Handshake | null} */
    this.handshake = null;
    /** @type {import('../noise.js').NoiseLink | null} */
    this.noise = null;
    /** Whose link it is: of a caller at once, of a callee from the first record on.
     * @type {import('../engine/entry.js').Entry | null} */
    this.owner = null;
    /** What the handshake said about the other side. */
    this.application = '';
    this.name = '';
    /** @type {any} the invite whose proof came with the OFFER; it may be over */
    this.invite = null;
    /** The caller's message 1 is of another version. */
    this.unsupported = false;
    /** Allowed by its user while the OFFER waited: dialled back if it did not make it. */
    this.allowed = false;

    this.seq = 0;
    /** The relay's LINK_WINDOW when it was made. */
    this.window = 1048576;
    /** Opened by the side with the smaller ID ‖ instance. */
    this.bySmaller = false;
    this.helloCame = false;
    /** When ours was sent last. */
    this.helloAt = 0;
    /** The peer's HELLO came, and both are in step. */
    this.confirmed = false;
    this.pacing = new Pacing();
    /** Sealed bytes, both ways. */
    this.bytes = 0;
    this.linkedAt = 0;

    this.helloDue = false;
    /** @type {number | null} */
    this.probeReply = null;
  }
  /** @param {LinkState} to */
  move(to) {
    if (!MOVES[this.state].includes(to)) throw new Error(`link: ${this.state} → ${to}`);
    this.state = to;
  }
}
