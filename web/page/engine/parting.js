/**
 * Whom this person does not want to hear of, and the invitations that are over. The database keeps both, and every new
 * client is told before it takes a call: so both hold after a reload (docs/protocol.md, section 7, "Decisions").
 *
 * A blocked contact is not among them: it is in the list of contacts, with its messages.
 */

import { merged } from './sync.js';

/** As many as a client keeps; the oldest is forgotten first. */
const DECISIONS_MAX = 1024;
/** Fewer than a client keeps, so that there is room for open ones. */
const SPENT_MAX = 900;
const SPENT_MS = 30 * 24 * 60 * 60 * 1000;

/** @typedef {import('./types.js').Client} Client */
/** @typedef {import('./types.js').Decision} Decision */
/** @typedef {import('./types.js').Engine} Engine */
/** @typedef {import('./types.js').SpentInvite} SpentInvite */

export class Parting {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
    /** @type {Map<string, Decision>} by ID, the oldest first */
    this.decisions = new Map();
    /** @type {Map<string, SpentInvite>} by secret, the oldest first */
    this.spent = new Map();
  }

  async load() {
    const { db, now } = this.engine;
    const before = { decisions: new Map(this.decisions), spent: new Map(this.spent) };
    const [decisions, spent] = await Promise.all([db.all('decisions'), db.all('spent')]);
    this.decisions = merged(
      before.decisions,
      this.decisions,
      byAge(decisions).map((one) => [one.id, one]),
    );
    this.spent = merged(
      before.spent,
      this.spent,
      byAge(spent).map((one) => [one.secret, one]),
    );
    for (const { secret, at } of spent) if (now() - at > SPENT_MS) this.forgetSpent(secret);
  }

  /** Reads both again, after another engine of this profile has written some. */
  async reload() {
    const before = this.decisions;
    await this.load();
    const { client, contacts } = this.engine;
    if (!client) return;
    for (const id of before.keys()) if (!this.decisions.has(id) && !contacts.has(id)) client.forget(id);
    this.tell(client);
  }

  /** @param {Client} client */
  tell(client) {
    for (const one of this.decisions.values()) this.tellOne(client, one);
    for (const { raw } of this.spent.values()) client.addInvite({ secret: raw, expiresAt: 0 });
  }

  /** @param {Client} client @param {Decision} decision */
  tellOne(client, { id, kind }) {
    if (this.engine.contacts.has(id)) return;
    if (kind === 'block') client.block(id);
    else if (kind === 'delete') client.refuse(id);
    else client.deny(id);
  }

  /**
   * Keeps a decision; it holds once it is stored.
   * @param {string} id @param {Decision['kind']} kind @param {string} [name] what this person knows the ID by
   */
  async decide(id, kind, name = '') {
    const decision = { id, kind, name, at: this.engine.now() };
    await this.engine.db.put('decisions', decision);
    this.hold(decision);
  }

  /**
   * Returns what has to be kept about a contact that is being deleted, if anything.
   * @param {import('./types.js').Contact} contact @returns {Decision | undefined}
   */
  onDeleting({ id, name, hint, blocked, pairedAt }) {
    if (!blocked && !pairedAt) return undefined;
    return { id, kind: blocked ? 'block' : 'delete', name: name || hint, at: this.engine.now() };
  }

  /** A decision that is stored holds from now on. @param {Decision} decision */
  hold(decision) {
    const { client } = this.engine;
    this.decisions.delete(decision.id); // the newest is last
    this.decisions.set(decision.id, decision);
    if (client) this.tellOne(client, decision);
    const [oldest] = this.decisions.keys();
    if (this.decisions.size > DECISIONS_MAX) this.forget(oldest);
  }

  /** The person takes back a decision: the next call is a request like any other. @param {string} id */
  async takeBack(id) {
    if (!this.decisions.has(id)) return;
    await this.engine.db.remove('decisions', id);
    this.decisions.delete(id);
    if (!this.engine.contacts.has(id)) this.engine.client?.forget(id);
  }

  /** Forgets a decision that does not hold any more, because the ID is a contact. @param {string} id */
  forget(id) {
    if (this.decisions.delete(id)) this.engine.aside(this.engine.db.remove('decisions', id));
  }

  /** Returns what is kept of an invitation that is over. @param {import('./types.js').Invite} invite */
  spentOf({ secret, raw }) {
    return { secret, raw, at: this.engine.now() };
  }

  /** An invitation is over from now on. @param {SpentInvite} spent */
  spend(spent) {
    this.spent.set(spent.secret, spent);
    this.engine.client?.addInvite({ secret: spent.raw, expiresAt: 0 });
    const [oldest] = this.spent.keys();
    if (this.spent.size > SPENT_MAX) this.forgetSpent(oldest);
  }

  /** @param {string} secret @private */
  forgetSpent(secret) {
    this.spent.delete(secret);
    this.engine.aside(this.engine.db.remove('spent', secret));
  }

  /** What the tabs see, the newest first. @returns {Decision[]} */
  shown() {
    return [...this.decisions.values()].filter(({ id }) => !this.engine.contacts.has(id)).reverse();
  }
}

/** @template {{at: number}} T @param {T[]} list */
const byAge = (list) => list.sort((a, b) => a.at - b.at);
