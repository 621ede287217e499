/**
 * Pairing codes: those that this profile gives out, at most one an invitation, and the one that it is trying. A code
 * lives with its client: when that one ends, so do they; the invitation's link goes on.
 */

export class Codes {
  /** @param {import('./engine.js').Engine} engine */
  constructor(engine) {
    this.engine = engine;
    /** Invitation → what the tabs see of its code, and the code itself. */
    this.made = new Map();
    this.claim = null;
    this.claims = 0;
  }

  /** What the tabs see of an invitation's code. */
  shown(invitation) {
    const { code, ...shown } = this.made.get(invitation) ?? { state: 'none' };
    return shown;
  }
  shownClaim() {
    if (!this.claim) return null;
    const { code, ...shown } = this.claim;
    return shown;
  }

  /** A code for an invitation; an earlier one of it ends. */
  make(invitation) {
    this.cancel(invitation);
    const entry = { state: 'making', text: null, expiresAt: null, busy: 0, problem: null, code: null };
    this.made.set(invitation, entry);
    this.follow(entry, () => this.engine.client.createCode(), {
      code: ({ text, expiresAt }) => Object.assign(entry, { state: 'ready', text, expiresAt }),
      busy: () => Object.assign(entry, { busy: entry.busy + 1 }),
      paired: ({ id, name, session }) => {
        this.made.delete(invitation);
        this.engine.invitationUsed(invitation, { id, name, how: 'code' });
        if (session) this.engine.attach(id, session);
      },
    });
  }

  /** Tries a code that somebody told; returns the number of this try. Throws for what is no code. */
  try(text) {
    this.stopTrying();
    const entry = { n: (this.claims += 1), state: 'trying', problem: null, contact: null, code: null };
    this.claim = entry;
    this.follow(entry, () => this.engine.client.claimCode(text), {
      paired: ({ id, name }) => {
        this.engine.met({ id, name, how: 'coded' });
        Object.assign(entry, { state: 'paired', contact: id });
      },
    });
    return entry.n;
  }

  /** @private */
  follow(entry, start, handlers) {
    const over = (problem) => Object.assign(entry, { state: 'ended', problem, code: null });
    try {
      if (!this.engine.client) return over('ECLOSED');
      entry.code = start();
    } catch (error) {
      if (error?.code === 'ECODE') throw error;
      over(error?.code ?? 'ECLOSED');
      return this.engine.tell.state();
    }
    for (const [name, act] of Object.entries({ ...handlers, ended: ({ error }) => over(error) })) {
      entry.code.on(name, (event) => {
        act(event);
        this.engine.tell.state();
      });
    }
    return this.engine.tell.state();
  }

  cancel(invitation) {
    this.made.get(invitation)?.code?.cancel();
    this.made.delete(invitation);
  }
  stopTrying() {
    this.claim?.code?.cancel();
    this.claim = null;
  }

  /** The client is gone, and no code survives it. */
  clientGone() {
    for (const entry of [...this.made.values(), ...(this.claim ? [this.claim] : [])]) {
      if (entry.state !== 'paired')
        Object.assign(entry, { state: 'ended', problem: entry.problem ?? 'ECLOSED', code: null });
    }
  }
}
