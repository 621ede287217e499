/**
 * Pairing codes: those that this profile gives out, at most one per invitation, and the one that it is trying. A code
 * lives only as long as its client. When the client ends, the invitation's link stays valid.
 */
import { codeOf } from './errors.js';

/** @typedef {import('./types.js').Client} Client */
/** @typedef {import('./types.js').Code} Code */
/** @typedef {import('./types.js').ShownCode & {code: Code | null}} Made a code of ours */
/** @typedef {import('./types.js').ShownClaim & {code: Code | null}} Claim a code of somebody else */

/** @param {Made | Claim} entry @param {string} problem */
function end(entry, problem) {
  entry.state = 'ended';
  entry.problem = problem;
  entry.code = null;
}

export class Codes {
  /** @param {import('./engine.js').Engine} engine */
  constructor(engine) {
    this.engine = engine;
    /** By the invitation's secret. @type {Map<string, Made>} */
    this.made = new Map();
    /** @type {Claim | null} */
    this.claim = null;
    this.claims = 0;
  }

  /**
   * Returns what the tabs see of an invitation's code.
   * @param {string} invitation @returns {import('./types.js').ShownCode}
   */
  shown(invitation) {
    const made = this.made.get(invitation);
    if (!made) return { state: 'none', text: null, expiresAt: null, busy: 0, problem: null };
    const { code: _, ...shown } = made;
    return shown;
  }

  /** @returns {import('./types.js').ShownClaim | null} */
  shownClaim() {
    if (!this.claim) return null;
    const { code: _, ...shown } = this.claim;
    return shown;
  }

  /** Whether a code can still pair: one that somebody was given, or the one that is being tried. */
  get underWay() {
    return [...this.made.values(), this.claim].some(
      (entry) => entry && ['making', 'ready', 'trying'].includes(entry.state),
    );
  }

  /** Makes a code for an invitation; cancels the code that it had. @param {string} invitation */
  make(invitation) {
    this.cancel(invitation);
    /** @type {Made} */
    const entry = { state: 'making', text: null, expiresAt: null, busy: 0, problem: null, code: null };
    this.made.set(invitation, entry);
    const code = this.start(entry, (client) => client.createCode());
    code?.on(
      'code',
      this.telling(({ text, expiresAt }) => {
        entry.state = 'ready';
        entry.text = text;
        entry.expiresAt = expiresAt;
      }),
    );
    code?.on(
      'busy',
      this.telling(() => {
        entry.busy += 1;
      }),
    );
    code?.on(
      'paired',
      this.telling(({ id, name, session }) => {
        this.made.delete(invitation);
        this.engine.invitationUsed(invitation, { id, name, how: 'code' });
        if (session) this.engine.attach(id, session);
      }),
    );
  }

  /**
   * Tries a code that the person was told; returns the number of this try. Throws ECODE if it is not a code.
   * @param {string} text
   */
  try(text) {
    this.stopTrying();
    /** @type {Claim} */
    const entry = { n: (this.claims += 1), state: 'trying', problem: null, contact: null, code: null };
    this.claim = entry;
    const code = this.start(entry, (client) => client.claimCode(text));
    code?.on(
      'paired',
      this.telling(({ id, name }) => {
        this.engine.met({ id, name, how: 'coded' });
        entry.state = 'paired';
        entry.contact = id;
      }),
    );
    return entry.n;
  }

  /**
   * Starts a code, and follows it to its end. Returns null when it could not be started; the entry then says why.
   * @param {Made | Claim} entry @param {(client: Client) => Code} begin @returns {Code | null}
   */
  start(entry, begin) {
    const { client, tell } = this.engine;
    try {
      if (client) entry.code = begin(client);
      else end(entry, 'ECLOSED');
    } catch (error) {
      if (codeOf(error) === 'ECODE') throw error;
      end(entry, codeOf(error));
    }
    entry.code?.on(
      'ended',
      this.telling(({ error }) => end(entry, error)),
    );
    tell.state();
    return entry.code;
  }

  /**
   * Returns a listener that handles an event, then tells the tabs.
   * @template E @param {(event: E) => void} handle @returns {(event: E) => void}
   */
  telling(handle) {
    return (event) => {
      handle(event);
      this.engine.tell.state();
    };
  }

  /** @param {string} invitation */
  cancel(invitation) {
    this.made.get(invitation)?.code?.cancel();
    this.made.delete(invitation);
  }
  stopTrying() {
    this.claim?.code?.cancel();
    this.claim = null;
  }

  /** Ends all codes, because their client has ended. */
  clientGone() {
    for (const entry of [...this.made.values(), ...(this.claim ? [this.claim] : [])])
      if (entry.state !== 'paired') end(entry, entry.problem ?? 'ECLOSED');
  }
}
