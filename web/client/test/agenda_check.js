/**
 * Compares what an engine has noted (core/engine/agenda.js) with what a walk over all its sessions and links finds.
 * Whoever changes a session without `touch` makes the two differ.
 */
import { deadlineOf, hasRecord } from '../core/engine/agenda.js';
import { CLOSE_TIMEOUT_MS } from '../core/session/constants.js';

/** @param {string} what @param {unknown} noted @param {unknown} found */
function mustBeSame(what, noted, found) {
  if (noted !== found) throw new Error(`agenda: ${what} is noted as ${noted}, but is ${found}`);
}

/** Call this after a step, or after `produce`. @param {import('../core/engine/engine.js').Engine} engine */
export function checkAgenda(engine) {
  const links = [...engine.slots.byNumber.values()];
  let at = Infinity;
  for (const entry of engine.entries.values()) at = Math.min(at, deadlineOf(engine, entry));
  for (const link of links) if (link.state === 'accepted') at = Math.min(at, link.since + CLOSE_TIMEOUT_MS);
  const soonest = (/** @type {number} */ time) => Math.max(time, engine.now); // all that has passed is due at once
  mustBeSame('the next deadline', soonest(engine.agenda.deadline()), soonest(at));
  for (const link of /** @type {any[]} */ (links))
    if (link.owner && hasRecord(link)) mustBeSame(`the turn of link ${link.number}`, link.inTurn, true);
  mustBeSame(
    'output',
    engine.agenda.nextLink() !== undefined,
    links.some((link) => link.owner && hasRecord(link)),
  );
}
