/** Invite links (docs/protocol.md, section 7): the bytes of the fragment, and the proof that a caller knows the secret.
 */
import { concat, equal, utf8 } from './bytes.js';
import { PairlinkError } from './errors.js';
import { hmac, isValidId } from './identity.js';
import { sodium } from './sodium.js';
import { INVITE_BYTES, INVITE_HINT_BYTES, INVITE_SECRET_BYTES, LABEL, PROTOCOL_VERSION } from '../wire_table.js';

const CHECK_BYTES = 4;

/** @param {Uint8Array} bytes */
export function toBase64Url(bytes) {
  let text = '';
  for (const b of bytes) text += String.fromCharCode(b);
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** @param {string} text */
export function fromBase64Url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw new PairlinkError('ELINK');
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  if (toBase64Url(out) !== text) throw new PairlinkError('ELINK'); // stray bits: each link has exactly one text
  return out;
}

/** @typedef {{peerId: Uint8Array, relayId: Uint8Array, secret: Uint8Array}} Invite */

/** @param {Uint8Array} bytes */
const checkOf = (bytes) => sodium.crypto_hash_sha256(concat(utf8(LABEL.INVITE_CHECK), bytes)).slice(0, CHECK_BYTES);

/** Returns the fragment of a link, what follows the #. @param {Invite} invite
 * @returns {string} */
export function formatInvite({ peerId, relayId, secret }) {
  if (secret.length !== INVITE_SECRET_BYTES) throw new PairlinkError('EINVAL', 'a secret has 16 bytes');
  const bytes = concat(Uint8Array.of(PROTOCOL_VERSION), peerId, relayId, secret);
  return toBase64Url(concat(bytes, checkOf(bytes)));
}

/** Reads the fragment of a link. Throws ELINK. @param {string} fragment without the #
 * @returns {Invite} */
export function parseInvite(fragment) {
  const bytes = fromBase64Url(fragment);
  if (bytes.length !== INVITE_BYTES || bytes[0] !== PROTOCOL_VERSION) throw new PairlinkError('ELINK');
  const end = INVITE_BYTES - CHECK_BYTES;
  if (!equal(checkOf(bytes.subarray(0, end)), bytes.subarray(end))) throw new PairlinkError('ELINK');
  const invite = { peerId: bytes.slice(1, 33), relayId: bytes.slice(33, 65), secret: bytes.slice(65, end) };
  if (!isValidId(invite.peerId) || !isValidId(invite.relayId)) throw new PairlinkError('ELINK');
  return invite;
}

/** Returns bytes that name a secret without revealing it. @param {Uint8Array} secret */
export const inviteHint = (secret) => sodium.crypto_hash_sha256(secret).slice(0, INVITE_HINT_BYTES);

/** Returns the value of the extension INVITE of message 1: hint ‖ HMAC.
 * @param {Uint8Array} secret @param {Uint8Array} caller @param {Uint8Array} callee
 * @param {Uint8Array} e message 1's ephemeral public key */
export const inviteProof = (secret, caller, callee, e) =>
  concat(inviteHint(secret), hmac(secret, concat(utf8(LABEL.INVITE), caller, callee, e)));
