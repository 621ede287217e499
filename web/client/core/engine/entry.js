/** One session of the engine: whom it is with, how it is dialled, and the session itself. */
import { toHex } from '../bytes.js';
import { Session } from '../session/session.js';

/** @typedef {import('../session/link.js').Link} Link */
/** @typedef {import('../session/session.js').SessionHost} SessionHost */
/** @typedef {import('../session/session.js').SessionConfig} SessionConfig */

export class Entry {
  /**
   * @param {number} number
   * @param {Uint8Array} id
   * @param {Uint8Array | null} instance null: whichever answers first
   * @param {boolean} incoming by the other side's wish
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
    /** The application knows of it. */
    this.announced = !incoming;
    this.closed = false;
    /** The application was told that there is a link. */
    this.shownLinked = false;
    /** Whichever instance answers will do, until one has been linked. */
    this.anyInstance = instance === null;
    /** Without a link since then. */
    this.unlinkedAt = now;
    /** @type {Uint8Array | null} of the invite that brought us here */
    this.secret = null;
    /** Of the other side. */
    this.application = '';
    this.name = '';
    /** @type {Link | null} our OPEN that has no answer yet */
    this.opening = null;
    /** @type {Link | null} an OFFER of the same peer that waits for the end of our OPEN */
    this.parked = null;
    this.dialAt = Infinity;
    this.failures = 0;
    /** Links in a row that ended as nobody meant it; see linkLost. */
    this.faults = 0;
    this.wasLinked = false;
    /** Not before then is a link in use replaced. */
    this.replaceFrom = 0;
    this.session = new Session(config, hostOf(this), now);
  }
}
