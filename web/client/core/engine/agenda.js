/**
 * What the engine has to do next: which links have a record to send, and which timer runs out first. A step does not
 * look at all sessions for that. Whoever may have changed a session, or one of its links, calls `touch`; the touched
 * ones are looked at again before anything is read from here.
 */
import { Deadlines } from '../deadlines.js';
import { Fifo } from '../fifo.js';
import { CLOSE_TIMEOUT_MS, REPLACE_AFTER_BYTES, REPLACE_AFTER_MS } from '../session/constants.js';

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('./entry.js').Entry} Entry */
/** @typedef {import('../session/link.js').Link} Link */

/** Returns true when there is a record to send on this link now. @param {Link} link */
export const hasRecord = (link) => link.state === 'linked' && link.owner !== null && link.owner.session.hasOutput(link);

export class Agenda {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
    /** @private @type {Set<Entry>} */
    this.touched = new Set();
    /** @private Links in the order of their turns. Some may have nothing to send any more, or be gone.
     * @type {Fifo<Link>} */
    this.turns = new Fifo();
    /** @private @type {Deadlines<Entry>} */
    this.sessions = new Deadlines();
    /** @private Links that were accepted and wait for the caller's first record. @type {Deadlines<Link>} */
    this.accepted = new Deadlines();
    /** @private */
    this.accepts = 0;
  }
  /** @param {Entry} entry */
  touch(entry) {
    this.touched.add(entry);
  }
  /** Touches all sessions. Needed only for what concerns all of them, such as a new connection. */
  touchAll() {
    for (const entry of this.engine.entries.values()) this.touched.add(entry);
  }
  /** @private */
  refresh() {
    if (this.touched.size === 0) return;
    for (const entry of this.touched) {
      this.sessions.set(entry, entry.closed ? Infinity : deadlineOf(this.engine, entry));
      for (const link of entry.session.links) {
        if (link.inTurn || !hasRecord(link)) continue;
        link.inTurn = true;
        this.turns.push(link);
      }
    }
    this.touched.clear();
  }

  // ---- output -----------------------------------------------------------------------------------------------

  /** Returns the link whose turn it is to send a record, or undefined when none has one. @returns {Link | undefined} */
  nextLink() {
    this.refresh();
    let link;
    while ((link = this.turns.first) && !hasRecord(link)) this.endTurn();
    return link;
  }
  /** The link of `nextLink` has had its turn. It gets another after the others when it is touched. */
  endTurn() {
    const link = this.turns.shift();
    if (link) link.inTurn = false;
  }

  // ---- time -------------------------------------------------------------------------------------------------

  /** The caller's first record is due. @param {Link} link */
  awaitFirstRecord(link) {
    link.order = this.accepts++;
    this.accepted.set(link, link.since + CLOSE_TIMEOUT_MS);
  }
  /** @param {Link} link */
  firstRecordCame(link) {
    this.accepted.remove(link);
  }
  /** Returns when the first timer of a session or a link runs out. */
  deadline() {
    this.refresh();
    return Math.min(this.sessions.at, this.accepted.at);
  }
  /** Takes out the links whose caller's first record has not come in time. */
  lateLinks() {
    return this.accepted.takeDue(this.engine.now);
  }
  /** Takes out the sessions of which a timer has run out. They must be touched afterwards. */
  dueSessions() {
    this.refresh();
    return this.sessions.takeDue(this.engine.now);
  }
}

/** Returns when a session's next timer runs out. @param {Engine} e @param {Entry} entry */
export function deadlineOf(e, entry) {
  const at = Math.min(entry.unlinkedAt + e.config.sessionTimeoutMs, entry.session.deadline());
  if (!e.relay.online) return at;
  return Math.min(at, entry.opening ? openBy(e, entry.opening) : entry.dialAt, replaceAt(e, entry));
}
/** Returns the timeout of an OPEN. The relay answers each one; this is for a relay that does not.
 * @param {Engine} e @param {Link} link */
export const openBy = (e, link) => link.since + 2 * e.relay.limits.OPEN_TIMEOUT_MS + CLOSE_TIMEOUT_MS;

/** Returns when the link in use should be replaced by one with new keys. @param {Engine} e @param {Entry} entry */
export function replaceAt(e, entry) {
  const link = entry.session.current;
  if (!link || entry.opening || link.bytes < 1024) return Infinity;
  if (entry.session.links.some(({ confirmed }) => !confirmed)) return Infinity; // the new one is on its way
  const patience = link.opener ? 1 : 1.125; // the opener dials first, the other side only when it does not
  const most = e.config.replaceAfterBytes ?? REPLACE_AFTER_BYTES;
  const due = link.bytes >= most * patience ? e.now : link.linkedAt + REPLACE_AFTER_MS * patience;
  return Math.max(due, entry.replaceFrom);
}
