/** A pairing code as the application sees it: one that this side made, or one that it uses. */
import { Emitter } from './emitter.js';
import { reasonName } from './core/wire.js';

/** @typedef {import('./core/errors.js').ErrorCode} ErrorCode */

/**
 * @typedef {{
 *   code: {text: string, expiresAt: number},
 *   busy: {},
 *   paired: {id: string, name: string, session: import('./session.js').Session | null},
 *   ended: {error: ErrorCode, reason: string},
 * }} CodeEvents
 * code: what to tell the other person, and until when it is good (Unix time in ms).
 * busy: a second person tried it while the first was at it, and was sent away.
 * paired: over, with success. name: what the other side calls itself. session: on the side that made the code; on the
 * other
 *   one the client's 'session' event follows.
 * ended: over, without. EWRONGCODE, ENOCODE, EBUSY, ETIMEDOUT, EAGAIN (the relay asks to try later), ECLOSED …
 */

/** @extends {Emitter<CodeEvents>} */
export class Code extends Emitter {
  /** @param {import('./client.js').Client} client @param {number} handle @param {string | null} text */
  constructor(client, handle, text) {
    super(['code', 'busy', 'paired', 'ended']);
    /** @private */
    this.client = client;
    /** @private */
    this.handle = handle;
    /** The whole code; null until the relay gave a number for it. */
    this.text = text;
    /** @type {'open' | 'paired' | 'ended'} */
    this.state = 'open';
  }
  /** Ends it without an event; one that is over is fine. */
  cancel() {
    if (this.state !== 'open') return;
    this.state = 'ended';
    this.client.endCode(this.handle);
  }
  /**
   * @param {import('./core/engine/actions.js').Action} action @param {string} id @param {import('./session.js').Session
   * | null} session
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
