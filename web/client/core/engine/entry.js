/** One session of the engine: its peer, the state of its dialling, and the session itself. */
import { toHex } from '../bytes.js';
import { Session } from '../session/session.js';

/** @typedef {import('../session/link.js').Link} Link */
/** @typedef {import('../session/session.js').SessionHost} SessionHost */
/** @typedef {import('../session/session.js').SessionConfig} SessionConfig */

/** Bytes of what one side says about itself in a handshake. */
export const APPLICATION_MAX = 32;
export const NAME_MAX = 64;

export class Entry {
  /**
   * @param {number} number
   * @param {Uint8Array} id
   * @param {Uint8Array | null} instance null for the one that answers first
   * @param {boolean} incoming the other side called first
   * @param {number} now
   * @param {SessionConfig} config
   * @param {(entry: Entry) => SessionHost} hostOf
   */
  constructor(number, id, instance, incoming, now, config, hostOf) {
    this.number = number;
    this.id = id;
    this.idHex = toHex(id);
    this.instance = instance;
    this.incoming = incoming;
    /** The application was told of the session. */
    this.announced = !incoming;
    /** This side calls a peer that knocked. */
    this.callsBack = false;
    this.closed = false;
    /** The application's last news was 'linked', not 'unlinked'. */
    this.shownLinked = false;
    /** Any instance may answer, because none has been linked yet. */
    this.anyInstance = instance === null;
    /** The time since when there is no link; Infinity while there is one. */
    this.unlinkedAt = now;
    /** @type {Uint8Array | null} the secret of the invite that this side calls with */
    this.secret = null;
    /** What the other side said about itself. */
    this.application = '';
    this.name = '';
    /** @type {Link | null} this side's OPEN that has no answer yet */
    this.opening = null;
    /** @type {Link | null} an OFFER of the same peer that waits for the end of `opening` */
    this.parked = null;
    this.dialAt = Infinity;
    this.failures = 0;
    /** Consecutive links that ended by a fault; see linkLost. */
    this.faults = 0;
    this.wasLinked = false;
    /** A link in use is not replaced before this time. */
    this.replaceFrom = 0;
    /** See Deadlines. */
    this.order = number;
    this.dueAt = Infinity;
    this.heapPlace = -1;
    this.session = new Session(config, hostOf(this), now);
  }
}
