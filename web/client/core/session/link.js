/**
 * One link of this client, from OPEN or OFFER to its RESET. The engine changes its state. The session that it belongs
 * to keeps here what concerns this link only.
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
   * @param {Uint8Array | null} peerInstance null when it is not known yet
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
    /** The session it belongs to. A caller's link has one from the start, a callee's from the first record on.
     * @type {import('../engine/entry.js').Entry | null} */
    this.owner = null;
    /** What the peer said about itself in the handshake. */
    this.application = '';
    this.name = '';
    /** @type {any} the invite whose proof came with the OFFER; it may have expired */
    this.invite = null;
    /** The caller's message 1 has another version. */
    this.unsupported = false;
    /** The user allowed the peer while its OFFER waited. If the link ends before it is linked, the peer is called back.
     */
    this.allowed = false;
    /** It waits for its turn to send; see Agenda. */
    this.inTurn = false;
    /** See Deadlines. */
    this.order = 0;
    this.dueAt = Infinity;
    this.heapPlace = -1;

    this.seq = 0;
    /** The relay's LINK_WINDOW when it was made. */
    this.window = 1048576;
    /** Opened by the side with the smaller ID ‖ instance. */
    this.bySmaller = false;
    this.helloCame = false;
    /** The time of this side's last HELLO. */
    this.helloAt = 0;
    /** The peer's HELLO arrived and agrees with this side's state. */
    this.confirmed = false;
    this.pacing = new Pacing();
    /** Sealed bytes in both directions. */
    this.bytes = 0;
    this.linkedAt = 0;

    this.helloDue = false;
    /** @type {number | null} the number of a PROBE that waits for its reply */
    this.probeReply = null;
  }
  /** @param {LinkState} to */
  move(to) {
    if (!MOVES[this.state].includes(to)) throw new Error(`link: ${this.state} → ${to}`);
    this.state = to;
  }
}
