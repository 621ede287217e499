/** The engine's timers: when the next one runs out, and what happens then. */
import { REASON } from '../../wire_table.js';
import { openBy, replaceAt } from './agenda.js';
import { dial } from './pairing.js';

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('./entry.js').Entry} Entry */

/** An engine that is called this long after its deadline was asleep or blocked; see noticeLate. */
const LATE_MS = 2000;
const READ_FIRST_MS = 1000;

/** Returns the time by which the event 'time' must be fed; Infinity when no timer runs. @param {Engine} e */
export function deadline(e) {
  if (e.relay.state === 'stopped') return Infinity;
  const at = Math.min(e.relay.deadline(), e.codes.deadline(), e.agenda.deadline());
  e.promised = Math.max(at, e.judgeFrom);
  return e.promised;
}
/** Notices that the engine is called long after its deadline: the program was stopped or busy, or the machine slept.
 * What arrived meanwhile may be unread, so timers are suspended for a moment. This happens once, so that timers still
 * work on a host that is always late. @param {Engine} e */
export function noticeLate(e) {
  if (e.judgeFrom || !e.relay.hasSocket || e.now - e.promised < LATE_MS) return;
  e.judgeFrom = e.now + READ_FIRST_MS;
  e.relay.late();
  for (const { session } of e.entries.values()) session.late(e.now);
  e.agenda.touchAll();
}
/** Does everything whose time has come. Each session has one turn, even if its next timer has run out as well.
 * @param {Engine} e */
export function time(e) {
  if (e.now < e.judgeFrom) return;
  e.judgeFrom = 0;
  e.relay.time();
  e.codes.time();
  for (const link of e.agenda.lateLinks()) if (link.state === 'accepted') e.endLink(link, REASON.TIMEOUT);
  for (const entry of e.agenda.dueSessions()) timeOf(e, entry);
}
/** @param {Engine} e @param {Entry} entry */
function timeOf(e, entry) {
  if (entry.closed) return;
  const { session } = entry;
  e.agenda.touch(entry);
  session.now = e.now;
  if (e.now >= session.deadline()) session.time();
  if (session.probesOpen) e.relay.expect();
  if (!entry.closed && e.now >= entry.unlinkedAt + e.config.sessionTimeoutMs) {
    e.relay.doubt();
    e.sessions.ended(entry, 'ETIMEDOUT', REASON.TIMEOUT, '');
  }
  if (entry.closed) return;
  if (entry.opening && e.now >= openBy(e, entry.opening)) e.endLink(entry.opening, REASON.TIMEOUT);
  e.sessions.settle(entry, REASON.TIMEOUT);
  if (e.relay.online && e.now >= Math.min(entry.dialAt, replaceAt(e, entry))) dial(e, entry);
}
