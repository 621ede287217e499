/**
 * Envelopes from the relay (docs/protocol.md, section 2): one table says in which state of the connection each type may
 * come and which function takes it. Throws EPROTOCOL for what no correct relay sends, and ESTATE for a type that this
 * version does not know; the engine then ends the connection.
 */
import { fromUtf8 } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { decode, reasonName } from '../wire.js';
import { ENVELOPE, ENVELOPE_MAX, ENVELOPE_SKIPPABLE, REASON } from '../../wire_table.js';
import { CodeLink } from './code.js';
import { dialFailed, linkLost, takeAccept, takeFirstRecord, takeOffer } from './pairing.js';

/** @typedef {import('./engine.js').Engine} Engine */
/** @typedef {import('./entry.js').Entry} Entry */
/** @typedef {import('./relay.js').RelayState} RelayState */
/** @typedef {import('../wire.js').Envelope} Envelope */

/**
 * @typedef {object} EnvelopeRow
 * @property {RelayState[]} states in which it may come
 * @property {(e: Engine, envelope: Envelope) => void} take
 */

/** @type {RelayState[]} */
const ONLINE = ['online'];
/** @type {RelayState[]} */
const ANY = ['connecting', 'hello', 'login', 'online'];

/** A type that is missing is the relay's to receive, not to send. @type {Record<number, EnvelopeRow>} */
export const ENVELOPES = {
  [ENVELOPE.HELLO]: { states: ['hello'], take: (e, { payload }) => e.relay.takeHello(payload) },
  [ENVELOPE.WELCOME]: { states: ['login'], take: (e, { payload }) => e.relay.takeWelcome(payload) },
  [ENVELOPE.RESET]: { states: ANY, take: takeReset },
  [ENVELOPE.GOING_AWAY]: { states: ONLINE, take: (e, { payload }) => e.relay.takeGoingAway(payload) },
  [ENVELOPE.PONG]: { states: ONLINE, take: () => {} }, // that something came is all that counts
  [ENVELOPE.OFFER]: { states: ONLINE, take: (e, { link, payload }) => takeOffer(e, link, payload) },
  [ENVELOPE.ACCEPT]: { states: ONLINE, take: takeAnswer },
  [ENVELOPE.DATA]: { states: ONLINE, take: takeData },
  [ENVELOPE.CLAIM]: { states: ONLINE, take: (e, { link, payload }) => e.codes.takeClaim(link, payload) },
  [ENVELOPE.CODE]: { states: ONLINE, take: (e, { payload }) => e.codes.takePlate(payload) },
};

/** @param {Engine} e @param {Envelope} envelope */
export function takeEnvelope(e, envelope) {
  const { type, payload } = envelope;
  const max = ENVELOPE_MAX[type];
  if (max === undefined && type >= ENVELOPE_SKIPPABLE) return;
  if (max === undefined) throw new PairlinkError('ESTATE', `unknown envelope ${type}`);
  const row = ENVELOPES[type];
  if (!row) throw new PairlinkError('EPROTOCOL', `envelope ${type} is not for clients`);
  if (payload.length > max) throw new PairlinkError('EPROTOCOL', 'envelope too large');
  if (!row.states.includes(e.relay.state))
    throw new PairlinkError('EPROTOCOL', `envelope ${type} in the state ${e.relay.state}`);
  row.take(e, envelope);
}

/** @param {Engine} e @param {Envelope} envelope */
function takeReset(e, { link: number, payload }) {
  const { reason, text: bytes } = decode('reset', payload);
  const text = fromUtf8(bytes);
  if (number === 0) return e.relay.takeReset(reason, text);
  const link = e.slots.get(number);
  if (!link) return;
  if (link instanceof CodeLink) return e.codes.lost(link, reason);
  const { state, owner } = link;
  e.forgetLink(link);
  if (text) e.log('link_reset', { reason: reasonName(reason), text });
  if (state === 'opening') dialFailed(e, /** @type {Entry} */ (owner), reason, text);
  else if (state === 'linked') linkLost(e, link, reason, text);
  else e.offerEnded(link);
}

/** ACCEPT answers an OPEN or a CLAIM. @param {Engine} e @param {Envelope} envelope */
function takeAnswer(e, { link: number, payload }) {
  const link = e.slots.get(number);
  if (link instanceof CodeLink) e.codes.takeAnswer(link, payload);
  else if (link) takeAccept(e, link, payload);
}

/** @param {Engine} e @param {Envelope} envelope */
function takeData(e, { link: number, flags, payload }) {
  const link = e.slots.get(number);
  if (!link) return; // closed already, or of an earlier generation
  if (link instanceof CodeLink) return e.codes.takeData(link, payload);
  if (!link.noise) return e.endLink(link, REASON.PROTOCOL);
  let plaintext;
  try {
    plaintext = link.noise.open(ENVELOPE.DATA, flags, payload);
  } catch (error) {
    if (!(error instanceof PairlinkError)) throw error;
    e.log('record_refused', { link: number, what: error.message });
    return e.endLink(link, REASON.CORRUPT); // changed on its way: the session continues on another link
  }
  link.bytes += payload.length;
  e.relay.carried = true;
  if (link.state === 'accepted') {
    plaintext = plaintext.slice(); // it is in libsodium's memory, which the next call overwrites
    if (!takeFirstRecord(e, link, plaintext)) return;
  }
  if (link.state !== 'linked' || !link.owner) return;
  takePlaintext(e, link, link.owner, plaintext);
}

/** @param {Engine} e
 * @param {import('../session/link.js').Link} link @param {Entry} entry @param {Uint8Array} plaintext */
function takePlaintext(e, link, entry, plaintext) {
  entry.session.now = e.now;
  try {
    entry.session.record(link, plaintext);
  } catch (error) {
    if (!(error instanceof PairlinkError)) throw error;
    e.log('peer_broke_protocol', { session: entry.number, what: error.message });
    e.sessions.fail(entry, error.code === 'EMSGSIZE' ? 'EMSGSIZE' : 'EPROTOCOL');
  }
  e.sessions.settle(entry);
}
