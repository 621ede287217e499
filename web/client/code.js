/** A pairing code as the application sees it: one that this side made, or one of another person that it uses. */
import { Emitter } from './emitter.js';
import { reasonName } from './core/wire.js';

/** @typedef {import('./core/errors.js').ErrorCode} ErrorCode */

/**
 * @typedef {{ code: {text: string, expiresAt: number}, busy: {}, paired: {id: string, name: string, session:
 *   import('./session.js').Session | null}, ended: {error: ErrorCode, reason: string}, }} CodeEvents
 * code: the text to tell the other person, and the Unix time in ms at which it expires.
 * busy: a second person tried the code while the first one was using it, and was turned away.
 * paired: the code is over, with success. `name` is what the other side calls itself. `session` is null on the side
 *   that typed the code, where the client's 'session' event follows, and on the other side when there are too many
 *   sessions.
 * ended: the code is over, without success. `error` is EWRONGCODE, ENOCODE, EBUSY, ETIMEDOUT, EAGAIN (too many at the
 *   relay: try later), ECLOSED or EPROTOCOL.
 */

/** @type {ReadonlySet<keyof CodeEvents>} */
const EVENTS = new Set(/** @type {const} */ (['code', 'busy', 'paired', 'ended']));

/** Made by `createCode` and `claimCode` of the client. @extends {Emitter<CodeEvents>} */
export class Code extends Emitter {
  /** @param {import('./client.js').Client} client @param {number} handle @param {string | null} text */
  constructor(client, handle, text) {
    super(EVENTS);
    /** @private */
    this.client = client;
    /** @private */
    this.handle = handle;
    /** The whole code; null until the relay has assigned its number. */
    this.text = text;
    /** @type {'open' | 'paired' | 'ended'} */
    this.state = 'open';
  }
  /** Ends the code without an event. Does nothing when it is over already. */
  cancel() {
    if (this.state !== 'open') return;
    this.state = 'ended';
    this.client.endCode(this.handle);
  }
  /**
   * @param {import('./core/engine/actions.js').Action} action
   * @param {string} id of 'paired': the other side's ID
   * @param {import('./session.js').Session | null} session of 'paired'
   */
  act(action, id, session) {
    switch (action.type) {
      case 'code':
        this.text = action.text ?? '';
        return this.emit('code', { text: this.text, expiresAt: this.client.wallTime(action.time) ?? 0 });
      case 'code_busy':
        return this.emit('busy', {});
      case 'paired':
        this.state = 'paired';
        return this.emit('paired', { id, name: action.name ?? '', session });
      case 'code_ended':
        this.state = 'ended';
        return this.emit('ended', { error: action.error ?? 'ECLOSED', reason: reasonName(action.reason ?? 0) });
    }
  }
}
