/** The link numbers of one socket (docs/protocol.md, section 2). Each socket gets a new object. */
import { linkGeneration, linkRelaySide, linkSlot, makeLink } from '../wire.js';
import { LINK_GENERATION_MAX } from '../../wire_table.js';

/** @typedef {import('../session/link.js').Link | import('./code.js').CodeLink} Link */

export class Slots {
  /** @param {number} count LINK_SLOTS */
  constructor(count) {
    this.count = count;
    /** @type {Map<number, Link>} */
    this.byNumber = new Map();
    /** @type {Map<number, number>} relay-numbered slot → number in use */
    this.relaySlots = new Map();
    /** @type {number[]} */
    this.free = [];
    /** @type {number[]} by slot */
    this.generations = [];
  }
  /** Returns a number for a link that this side opens, or 0 when none is free. */
  take() {
    let slot = this.free.pop();
    if (slot === undefined) {
      if (this.generations.length >= this.count) return 0;
      slot = this.generations.length;
      this.generations.push(0);
    }
    const generation = (this.generations[slot] % LINK_GENERATION_MAX) + 1;
    this.generations[slot] = generation;
    return makeLink(false, generation, slot);
  }
  /** @param {Link} link */
  add(link) {
    this.byNumber.set(link.number, link);
    if (linkRelaySide(link.number)) this.relaySlots.set(linkSlot(link.number), link.number);
  }
  /** @param {number} number @returns {Link | undefined} */
  get(number) {
    return this.byNumber.get(number);
  }
  /** Returns the link that is in the relay-numbered slot of this number, whatever its generation.
   * @param {number} number */
  inSlot(number) {
    const used = this.relaySlots.get(linkSlot(number));
    return used === undefined ? undefined : this.byNumber.get(used);
  }
  /** Returns true when the relay may open a link with this number. @param {number} number */
  isRelayNumber(number) {
    return linkRelaySide(number) && linkSlot(number) < this.count && linkGeneration(number) > 0;
  }
  /** Forgets a link; both sides may use its slot again. @param {Link} link */
  release(link) {
    if (!this.byNumber.delete(link.number)) return;
    if (linkRelaySide(link.number)) this.relaySlots.delete(linkSlot(link.number));
    else this.free.push(linkSlot(link.number));
  }
}
