/** Decides who is let in (docs/protocol.md, section 7): the user's lists, knocks that wait for an answer, invites. */
import { fromHex, toHex } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { inviteHint, inviteProof } from '../invite.js';
import { sodium } from '../sodium.js';
import { encode } from '../wire.js';
import {
  INVITE_HINT_BYTES,
  KNOCKS_MAX,
  PEERS_ALLOW,
  PEERS_BLOCK,
  PEERS_FORGET,
  PEERS_IDS_MAX,
} from '../../wire_table.js';

const PROOF_BYTES = INVITE_HINT_BYTES + 32;

/** @typedef {import('../session/link.js').Link} Link */
/** @typedef {{secret: Uint8Array, expiresAt: number, single: boolean, claimedBy: string | null, code: number}}
 *   InviteEntry `claimedBy` is the peer that used it last; a `single` one lets in no other. `code` is the handle of the
 *   pairing code whose dial secret this is, or 0. */
/** @typedef {{id: Uint8Array, instance: Uint8Array, name: string, link: Link | null}} Knock */

/** Peers that are ignored or refused; the oldest decision is forgotten first. */
const TURNED_AWAY_MAX = 1024;
/** Invites, including those that are over, which are kept so that whoever comes with one is told. */
const INVITES_MAX = 1024;
/** IDs told to the relay; it keeps no more for one socket. */
const TOLD_MAX = 4096;

export class Strangers {
  constructor() {
    /** @type {Set<string>} */
    this.allowed = new Set();
    /** @type {Set<string>} */
    this.blocked = new Set();
    /** IDs that are neither allowed nor blocked. 'ignored': their calls get no answer. 'refused': they are told REFUSED.
     * @type {Map<string, 'ignored' | 'refused'>} */
    this.turnedAway = new Map();
    /** @type {Map<string, Knock>} */
    this.knocks = new Map();
    /** @type {Map<string, InviteEntry>} by hint */
    this.invites = new Map();
    /** Sends the payload of a PEERS to the relay; drops it while offline (docs/protocol.md, section 4).
     * @type {((payload: Uint8Array) => void) | null} */
    this.tell = null;
  }
  /** Tells the relay both lists, after login. */
  tellAll() {
    const blocked = [...this.blocked].slice(0, TOLD_MAX);
    this.tellSome(PEERS_BLOCK, blocked);
    this.tellSome(PEERS_ALLOW, [...this.allowed].slice(0, TOLD_MAX - blocked.length));
  }
  /** @param {number} op @param {string[]} keys @private */
  tellSome(op, keys) {
    for (let i = 0; this.tell && i < keys.length; i += PEERS_IDS_MAX)
      this.tell(encode('peers', { op, ids: keys.slice(i, i + PEERS_IDS_MAX).map((key) => ({ id: fromHex(key) })) }));
  }
  /** @param {Uint8Array} id */
  allow(id) {
    const key = toHex(id);
    this.blocked.delete(key);
    this.turnedAway.delete(key);
    if (!this.allowed.has(key)) this.tellSome(PEERS_ALLOW, [key]);
    this.allowed.add(key);
    const knock = this.knocks.get(key);
    this.knocks.delete(key);
    return knock;
  }
  /** A blocked ID stays blocked. @param {Uint8Array} id @param {'ignored' | 'refused'} how @param {number} now */
  turnAway(id, how, now) {
    const key = toHex(id);
    if (this.allowed.delete(key)) this.tellSome(PEERS_FORGET, [key]);
    this.takeBack(key, now);
    this.knocks.delete(key);
    if (this.blocked.has(key)) return;
    this.turnedAway.delete(key); // the newest is last
    this.turnedAway.set(key, how);
    if (this.turnedAway.size > TURNED_AWAY_MAX) this.turnedAway.delete(first(this.turnedAway));
  }
  /** As if nothing had been decided about this ID, and it had not knocked yet. @param {Uint8Array} id */
  forget(id) {
    const key = toHex(id);
    this.turnedAway.delete(key);
    this.knocks.delete(key);
    if (this.allowed.delete(key) || this.blocked.delete(key)) this.tellSome(PEERS_FORGET, [key]);
  }
  /** @param {Uint8Array} id @param {number} now */
  block(id, now) {
    const key = toHex(id);
    this.allowed.delete(key);
    this.turnedAway.delete(key);
    this.takeBack(key, now);
    this.knocks.delete(key);
    if (!this.blocked.has(key)) this.tellSome(PEERS_BLOCK, [key]);
    this.blocked.add(key);
  }
  /** Returns true when calls of this peer get no answer. @param {Uint8Array} id */
  isIgnored(id) {
    return this.turnedAway.get(toHex(id)) === 'ignored';
  }
  /** Returns true when calls of this peer are answered by REFUSED. @param {Uint8Array} id */
  isRefused(id) {
    return this.turnedAway.get(toHex(id)) === 'refused';
  }
  /** Remembers a knock. Returns true when it is a new one, which the user must be told. @param {Knock} knock */
  knock(knock) {
    const key = toHex(knock.id);
    const known = this.knocks.has(key);
    this.knocks.delete(key); // the newest is last
    this.knocks.set(key, knock);
    if (this.knocks.size > KNOCKS_MAX) this.knocks.delete(first(this.knocks));
    return !known;
  }
  /** Keeps a knock whose link has ended; allowing it then means calling back. @param {Link} link */
  forgetLink(link) {
    const knock = this.knocks.get(toHex(link.peerId));
    if (knock?.link === link) knock.link = null;
  }

  /** Adds an invite, or changes the one with this secret. When there are too many, the one that expired first makes
   * room. Throws EAGAIN when none has expired.
   * @param {Uint8Array} secret @param {number} expiresAt @param {boolean} single @param {number} now
   * @param {number} [code] */
  addInvite(secret, expiresAt, single, now, code = 0) {
    const hint = toHex(inviteHint(secret));
    if (!this.invites.has(hint) && this.invites.size >= INVITES_MAX) this.makeRoom(now);
    this.invites.set(hint, { secret: secret.slice(), expiresAt, single, claimedBy: null, code });
  }
  /** @param {number} now @private */
  makeRoom(now) {
    const expired = [...this.invites].filter(([, { expiresAt }]) => now >= expiresAt);
    if (expired.length === 0) throw new PairlinkError('EAGAIN', 'too many invites');
    const [hint] = expired.reduce((oldest, one) => (one[1].expiresAt < oldest[1].expiresAt ? one : oldest));
    this.invites.delete(hint);
  }
  /** Ends an invite. It is kept like one that has expired, so that whoever comes with it is told.
   * @param {Uint8Array} secret @param {number} now */
  revokeInvite(secret, now) {
    const entry = this.invites.get(toHex(inviteHint(secret)));
    if (entry) end(entry, now);
  }
  /** Removes the dial secret of a code. @param {Uint8Array} secret */
  dropInvite(secret) {
    this.invites.delete(toHex(inviteHint(secret)));
  }
  /** From now on only this ID may use the invite. @param {Uint8Array} secret @param {Uint8Array} id */
  bindInvite(secret, id) {
    const entry = this.invites.get(toHex(inviteHint(secret)));
    if (entry) entry.claimedBy = toHex(id);
  }
  /** Takes back what this peer has claimed: an invite for it alone ends, one for several stays for the others.
   * @param {string} key @param {number} now @private */
  takeBack(key, now) {
    for (const entry of this.invites.values()) {
      if (entry.claimedBy !== key) continue;
      if (entry.single) end(entry, now);
      else entry.claimedBy = null;
    }
  }
  /** Returns the invite that this proof fits, or null. The invite may have expired; see mayUse.
   * @param {Uint8Array} proof the extension's value
   * @param {Uint8Array} caller @param {Uint8Array} callee @param {Uint8Array} e */
  findInvite(proof, caller, callee, e) {
    if (proof.length !== PROOF_BYTES) return null;
    const entry = this.invites.get(toHex(proof.subarray(0, INVITE_HINT_BYTES)));
    if (!entry || !sodium.memcmp(inviteProof(entry.secret, caller, callee, e), proof)) return null;
    return entry;
  }
  /** @param {InviteEntry} entry @param {Uint8Array} caller @param {number} now */
  mayUse(entry, caller, now) {
    if (this.invites.get(toHex(inviteHint(entry.secret))) !== entry) return false; // revoked since the call arrived
    if (entry.claimedBy === toHex(caller)) return true;
    return now < entry.expiresAt && !(entry.single && entry.claimedBy);
  }
  /**
   * Allows the caller, at its first record. Returns false when it was the last one that claimed this invite.
   * @param {InviteEntry} entry @param {Uint8Array} caller
   */
  claim(entry, caller) {
    const key = toHex(caller);
    this.turnedAway.delete(key);
    if (!this.allowed.has(key)) this.tellSome(PEERS_ALLOW, [key]);
    this.allowed.add(key);
    if (entry.claimedBy === key) return false;
    entry.claimedBy = key;
    return true;
  }
}

/** @param {InviteEntry} entry @param {number} now */
function end(entry, now) {
  entry.expiresAt = Math.min(entry.expiresAt, now);
  entry.claimedBy = null;
}

/** @template K @param {Map<K, any>} map @returns {K} */
const first = (map) => /** @type {K} */ (map.keys().next().value);
