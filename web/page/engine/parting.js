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

  /** @param {string} id @param {Decision['kind']} kind @param {string} [name] what this person knows the ID by */
  async decide(id, kind, name = '') {
    const { db, client } = this.engine;
    const decision = { id, kind, name, at: this.engine.now() };
    this.decisions.delete(id); // the newest is last
    this.decisions.set(id, decision);
    if (client) this.tellOne(client, decision);
    const [oldest] = this.decisions.keys();
    if (this.decisions.size > DECISIONS_MAX) await this.forget(oldest);
    await db.put('decisions', decision);
  }

  /** The person takes back a decision: the next call is a request like any other. @param {string} id */
  async takeBack(id) {
    if (!this.decisions.has(id)) return;
    await this.forget(id);
    if (!this.engine.contacts.has(id)) this.engine.client?.forget(id);
  }

  /** Forgets a decision that does not hold any more, because the ID is a contact. @param {string} id */
  async forget(id) {
    if (this.decisions.delete(id)) await this.engine.db.remove('decisions', id);
  }

  /** Keeps an invitation that is over. @param {import('./types.js').Invite} invite */
  async spend({ secret, raw }) {
    const one = { secret, raw, at: this.engine.now() };
    this.spent.set(secret, one);
    this.engine.client?.addInvite({ secret: raw, expiresAt: 0 });
    const [oldest] = this.spent.keys();
    if (this.spent.size > SPENT_MAX) this.forgetSpent(oldest);
    await this.engine.db.put('spent', one);
  }

  /** @param {string} secret @private */
  forgetSpent(secret) {
    this.spent.delete(secret);
    void this.engine.db.remove('spent', secret);
  }

  /** What the tabs see, the newest first. @returns {Decision[]} */
  shown() {
    return [...this.decisions.values()].filter(({ id }) => !this.engine.contacts.has(id)).reverse();
  }
}

/** @template {{at: number}} T @param {T[]} list */
const byAge = (list) => list.sort((a, b) => a.at - b.at);
