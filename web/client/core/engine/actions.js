/**
 * The actions that the engine returns to its shell, in the order in which they must be executed. The names are those of
 * client/core/engine/engine.h in lower case. An absent field does not apply.
 *
 * @typedef {object} SessionAction
 * @property {'message' | 'volatile' | 'end' | 'writable' | 'delivered' | 'channel_reset' | 'lost' | 'stream_reset'}
 * type
 * @property {number} [channel]
 * @property {Uint8Array} [data] owned by the receiver
 * @property {number} [place]
 * @property {number} [generation] of the streams; it grows with each stream_reset, and a 'take' must return it
 * @property {number} [reason]
 *
 * @typedef {object} Action
 * @property {SessionAction['type'] | 'connect' | 'disconnect' | 'online' | 'offline' | 'checking' | 'alive' | 'relay_changed' | 'knock' |
 *   'session' | 'linked' | 'unlinked' | 'session_closed' | 'invite_claimed' | 'code' | 'code_busy' | 'paired' |
 * 'code_ended' |
 *   'log'} type
 * @property {number} [session]
 * @property {number} [code] of 'code', 'code_busy', 'paired' and 'code_ended': the handle that 'code_make' or
 *   'code_claim' returned
 * @property {number} [channel]
 * @property {Uint8Array} [data]
 * @property {number} [place]
 * @property {number} [generation]
 * @property {number} [reason]
 * @property {import('../errors.js').ErrorCode | null} [error]
 * @property {number} [time] the time of the next try in ms of the shell's clock, or Infinity when there is no automatic
 *   retry. Of 'code': the time when it expires
 * @property {Uint8Array} [id]
 * @property {Uint8Array} [instance]
 * @property {string} [text]
 * @property {string} [name] what the other side calls itself
 * @property {string} [url] of 'connect': the relay's address when it is not the configured one
 */

/** @typedef {import('../errors.js').ErrorCode} ErrorCode */

import { REASON } from '../../wire_table.js';

/** Returns the error that a reason means to the application. @param {number} reason @returns {ErrorCode} */
export function errorOf(reason) {
  switch (reason) {
    case REASON.CLOSED:
      return 'ECLOSED';
    case REASON.UNAVAILABLE:
      return 'EUNAVAILABLE';
    case REASON.TIMEOUT:
      return 'ETIMEDOUT';
    case REASON.PROTOCOL:
    case REASON.UNSUPPORTED:
      return 'EPROTOCOL';
    case REASON.REVOKED:
    case REASON.DENIED:
    case REASON.ORIGIN:
      return 'EDENIED';
    case REASON.LOGIN_FAILED:
      return 'ECRYPTO';
    case REASON.REFUSED:
      return 'EREFUSED';
    case REASON.STORE:
      return 'ESTORE';
    case REASON.NO_CODE:
      return 'ENOCODE';
    case REASON.WRONG_CODE:
      return 'EWRONGCODE';
    case REASON.BUSY:
      return 'EBUSY';
    default:
      return reason < 0x100 ? 'ENETWORK' : 'EREFUSED';
  }
}
