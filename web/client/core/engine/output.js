/** The engine's output on demand: whole envelopes in one WebSocket message. */
import { plaintextArea } from '../noise.js';
import { putEnvelopeHeader } from '../wire.js';
import { ENVELOPE, ENVELOPE_HEADER_BYTES, RECORD_OVERHEAD_BYTES, REASON } from '../../wire_table.js';

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('./entry.js').Entry} Entry */
/** @typedef {import('../session/link.js').Link} Link */

/** @param {Engine} e */
const sendsRecords = (e) => e.relay.online || e.relay.state === 'stopped';

/** Returns true when `produce` has something to write. @param {Engine} e */
export const hasOutput = (e) => e.queue.length > 0 || (sendsRecords(e) && e.agenda.nextLink() !== undefined);

/** Writes the next message into `e.scratch`: what is queued, then records. Returns its size.
 * @param {Engine} e @param {number} capacity */
export function produce(e, capacity) {
  if (e.scratch.length < capacity) e.scratch = new Uint8Array(capacity);
  const size = takeQueue(e, capacity);
  return e.queue.length === 0 && sendsRecords(e) ? produceRecords(e, size, capacity) : size;
}
/** @param {Engine} e @param {number} capacity */
function takeQueue(e, capacity) {
  let size = 0;
  let sent = 0;
  for (const envelope of e.queue) {
    if (size + envelope.length > capacity) break;
    e.scratch.set(envelope, size);
    size += envelope.length;
    sent++;
  }
  e.queue.splice(0, sent);
  return size;
}
/** Lets the links take turns with one record each. Returns the size of the message then.
 * @param {Engine} e @param {number} start @param {number} capacity */
function produceRecords(e, start, capacity) {
  let size = start;
  for (let link; (link = e.agenda.nextLink());) {
    const wrote = produceRecord(e, link, size, capacity);
    if (wrote === 0 && size > 0) break; // it needs more room than is left, and is the first in the next message
    e.agenda.endTurn();
    size += wrote;
    if (e.queue.length) break; // writing the record queued a RESET, which must follow it
  }
  return size;
}
/** @param {Engine} e @param {Link} link @param {number} at @param {number} capacity */
function produceRecord(e, link, at, capacity) {
  const entry = /** @type {Entry} */ (link.owner);
  const noise = /** @type {import('../noise.js').NoiseLink} */ (link.noise);
  const room = capacity - at - ENVELOPE_HEADER_BYTES - RECORD_OVERHEAD_BYTES;
  entry.session.now = e.now;
  const { size, flags } = entry.session.produce(link, plaintextArea(), room);
  if (size === 0) return 0;
  e.agenda.touch(entry);
  const payload = noise.sealArea(ENVELOPE.DATA, flags, size, e.scratch, at + ENVELOPE_HEADER_BYTES);
  putEnvelopeHeader(e.scratch, at, ENVELOPE.DATA, flags, payload, link.number);
  link.bytes += payload;
  if (entry.session.close === 'answered') {
    e.resetLink(link, REASON.CLOSED);
    entry.session.linkDown(link);
  }
  return ENVELOPE_HEADER_BYTES + payload;
}
