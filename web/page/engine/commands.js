/**
 * The commands of the tabs. The tab gets what a command returns as its answer, and what it throws as an error.
 *
 * What a person decides is stored first and holds then: a command whose write fails changes nothing and throws an
 * UnsavedError, which view/unsaved.js puts into words.
 */
import { TEXT_MAX_CHARS, cleanName } from './chat.js';
import { keyOf } from './engine.js';
import { fileCommands } from './files/files.js';
import { inspect } from './inspect.js';
import { moving } from './moving.js';
import { withQuotes } from './quotes.js';
import { talkCommands } from './talk_commands.js';
import { searching } from './search.js';
import { storage } from './storage.js';

/** @typedef {import('./types.js').Engine} Engine */

const INVITE_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** @param {Engine} engine @param {string} id @param {'ignore' | 'block'} kind */
async function turnAway(engine, id, kind) {
  await engine.parting.decide(id, kind, engine.knocks.get(id)?.name);
  engine.knocks.delete(id);
  engine.aside(engine.db.remove('knocks', id));
  engine.tell.state();
}

export const commands = {
  ...fileCommands,

  /** @param {Engine} engine @param {{link?: string}} args */
  hello: (engine, { link }) => engine.start(link),

  /** @param {Engine} engine @param {{text: string}} args */
  inspect: (engine, { text }) => inspect(engine, text),

  /**
   * Takes a code, a link or an ID. Returns the number of the try, the contact, which may have been there before, or a
   * problem.
   * @param {Engine} engine @param {{text: string}} args
   */
  join: async (engine, { text }) => {
    const found = inspect(engine, text);
    if (found.code) return { claim: engine.codes.try(found.code) };
    if (!found.id) return { problem: found.problem };
    const { id, link } = found;
    const known = engine.contacts.get(id);
    const anew = link && (!known?.pairedAt || known.problem);
    const made = known ?? engine.makeContact({ id, how: link ? 'invited' : 'asked' });
    await engine.kept.decide(made, {
      problem: undefined,
      blocked: false,
      ...(anew && { link, linkAt: engine.now(), how: made.pairedAt ? made.how : 'invited' }),
    });
    const contact = engine.takeContact(made);
    if (known && anew) engine.hangUp(id); // its session calls with another invitation, or with none
    engine.conversation(contact).dial();
    return { contact: id };
  },

  /** @param {Engine} engine @param {{pageUrl: string}} args */
  invite: async (engine, { pageUrl }) => {
    const made = engine.requireClient().createInvite({ pageUrl, lifetimeMs: INVITE_LIFETIME_MS });
    const invite = {
      secret: keyOf(made.secret),
      raw: made.secret,
      link: made.link,
      expiresAt: made.expiresAt,
      createdAt: engine.now(),
    };
    try {
      await engine.db.put('invites', invite);
    } catch (error) {
      engine.client?.revokeInvite(made.secret);
      throw error;
    }
    engine.invites.set(invite.secret, invite);
    engine.codes.make(invite.secret);
    return { secret: invite.secret };
  },

  /** @param {Engine} engine @param {{secret: string}} args */
  cancelInvite: async (engine, { secret }) => {
    const invite = engine.invites.get(secret);
    if (!invite) return;
    const spent = engine.parting.spentOf(invite);
    await engine.db.endInvite(spent);
    engine.endInvitation(secret, spent);
    engine.tell.state();
  },

  /**
   * Makes another code for an invitation, in place of the present one.
   * @param {Engine} engine @param {{secret: string}} args
   */
  newCode: (engine, { secret }) => {
    const { state } = engine.codes.shown(secret);
    if (engine.invites.has(secret) && state !== 'making') engine.codes.make(secret);
  },

  /** @param {Engine} engine */
  stopTrying: (engine) => {
    engine.codes.stopTrying();
    engine.tell.state();
  },

  /** @param {Engine} engine @param {{id: string}} args */
  allow: async (engine, { id }) => {
    const name = engine.knocks.get(id)?.name;
    const made = engine.contacts.get(id) ?? engine.makeContact({ id, how: 'knock', name });
    await engine.kept.decide(made);
    const contact = engine.takeContact(made);
    engine.conversation(contact).dial();
    return { contact: contact.id };
  },

  /** Requests of this ID stay silent from now on. @param {Engine} engine @param {{id: string}} args */
  ignore: (engine, { id }) => turnAway(engine, id, 'ignore'),

  /** Takes back that somebody is ignored, blocked or refused. @param {Engine} engine @param {{id: string}} args */
  takeBack: async (engine, { id }) => {
    await engine.parting.takeBack(id);
    engine.tell.state();
  },

  /** Blocks a contact, or a stranger. @param {Engine} engine @param {{id: string}} args */
  block: async (engine, { id }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return turnAway(engine, id, 'block');
    await engine.kept.decide(contact, { blocked: true });
    engine.shutOut(id);
  },

  /** @param {Engine} engine @param {{contact: string}} args */
  unblock: async (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    await engine.kept.decide(contact, { blocked: false });
    engine.letIn(contact);
  },

  /**
   * Calls again somebody who refused: without the invitation, which is over, so that they are asked.
   * @param {Engine} engine @param {{contact: string}} args
   */
  ask: async (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact || contact.blocked) return;
    const how = contact.pairedAt ? contact.how : 'asked';
    await engine.kept.decide(contact, { how, problem: undefined, link: undefined });
    engine.hangUp(id); // its session calls with the invitation
    if (engine.contacts.get(id) !== contact) return; // deleted meanwhile
    await engine.conversation(contact).start();
  },

  /** @param {Engine} engine @param {{contact: string, message: string, text: string, reply?: string}} args */
  send: async (engine, { contact: id, message, text, reply }) => {
    const contact = engine.contacts.get(id);
    if (!contact || contact.blocked || engine.server.changed || engine.doubt(contact)) return { problem: 'blocked' };
    if (!text || text.length > TEXT_MAX_CHARS) return { problem: 'length' };
    await engine.conversation(contact).write({ id: message, text, reply });
    return {};
  },

  /** @param {Engine} engine @param {{contact: string, before?: number, after?: number, count?: number}} args */
  messages: async (engine, { contact, before, after, count }) =>
    withQuotes(engine.db, await engine.db.messages(contact, { before, after, count })),

  /**
   * Returns the number of the first message from a time on, or null.
   * @param {Engine} engine @param {{contact: string, at: number}} args
   */
  messageAt: (engine, { contact, at }) => engine.db.messageAt(contact, at),

  /**
   * The person has seen the messages up to number `n`; without it, all of them.
   * @param {Engine} engine @param {{contact: string, n?: number}} args
   */
  seen: (engine, { contact: id, n = Infinity }) => {
    const contact = engine.contacts.get(id);
    if (!contact?.unread) return undefined;
    const conversation = engine.conversation(contact);
    // In turn with the messages that are stored and counted.
    return conversation.serial(async () => {
      const left = n === Infinity ? 0 : await engine.db.countAfter(id, n);
      if (left >= contact.unread) return;
      contact.unread = left;
      await conversation.talk.seen(n);
      engine.changed(contact, true);
    });
  },

  /** @param {Engine} engine @param {{contact: string, name: string}} args */
  rename: async (engine, { contact: id, name }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    const before = engine.doubt(contact);
    await engine.kept.decide(contact, { name: cleanName(name), asked: true });
    if (engine.doubt(contact) !== before) engine.conversations.get(id)?.answered();
  },

  /**
   * The person has found out that this is who the name says, or accepts two contacts of one name.
   * @param {Engine} engine @param {{contact: string}} args
   */
  vouch: async (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    await engine.kept.decide(contact, { sure: contact.name || contact.hint });
    engine.conversations.get(id)?.answered();
  },

  /** @param {Engine} engine @param {{contact: string}} args */
  phrase: (engine, { contact }) => engine.lib.safetyPhrase(engine.me.id, contact),

  /** @param {Engine} engine @param {{contact: string, equal: boolean}} args */
  compared: async (engine, { contact: id, equal }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    await engine.kept.decide(contact, { comparedAt: equal ? engine.now() : null });
  },

  /**
   * Deletes a contact with its messages and files. If it calls, it is told that it is not accepted; one that was never
   * reached becomes a stranger again, and one that was blocked stays so.
   * @param {Engine} engine @param {{contact: string}} args
   */
  forget: async (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    const decision = contact && engine.parting.onDeleting(contact);
    const stored = engine.kept.stored.get(id);
    engine.part(id);
    engine.leaving.add(id);
    // At once, or what they send meanwhile would make them a contact again.
    if (decision && engine.client) engine.parting.tellOne(engine.client, decision);
    else if (contact) engine.client?.forget(id);
    const resume = await engine.files.part(id);
    try {
      await engine.db.forgetContact(id, decision);
    } catch (error) {
      if (contact) {
        engine.aside(resume());
        await engine.takeAgain(contact, stored);
      }
      throw error;
    } finally {
      engine.leaving.delete(id);
    }
    if (decision) engine.parting.hold(decision);
    engine.files.tryAgain(); // there is room now
    engine.files.touch();
    engine.tell.state();
  },

  /**
   * Sets the name that others are shown as a suggestion. Those who are connected already learn it when a session is
   * linked the next time, so the client is restarted, unless that would end a code.
   * @param {Engine} engine @param {{name: string}} args
   */
  setName: async (engine, { name }) => {
    const clean = cleanName(name);
    if (clean === engine.me.name) return;
    await engine.db.setSetting('name', clean || undefined);
    engine.settings.name = clean || undefined;
    engine.nameChanged();
    const told = [...engine.conversations.values()].some(({ current }) => current);
    if (told && !engine.server.changed && !engine.codes.underWay) await engine.connect();
    engine.tell.state();
  },

  /** @param {Engine} engine @param {{key: 'banner', value: string}} args */
  setSetting: async (engine, { key, value }) => {
    if (key !== 'banner') return; // it comes from a tab, perhaps of another version
    await engine.db.setSetting(key, value);
    engine.settings[key] = value;
    engine.tell.state();
  },

  /**
   * The person has decided to trust the relay's new key.
   * @param {Engine} engine @param {{id: string}} args
   */
  trustServer: async (engine, { id }) => {
    if (engine.server.changed?.got !== id) return;
    await engine.db.setSetting('relayId', id);
    engine.settings.relayId = id;
    engine.server.pinned = id;
    await engine.connect();
  },

  /** @param {Engine} engine */
  tryNow: async (engine) => {
    if (engine.server.changed) return;
    if (engine.server.retryAt === null && engine.server.state === 'offline') await engine.connect();
    else engine.client?.networkUp();
  },

  /**
   * The network may be another one, or the device has slept: looks whether the connection still holds. One that was
   * given up for good stays so, until the person says otherwise.
   * @param {Engine} engine
   */
  wake: (engine) => {
    const { state, retryAt } = engine.server;
    if (state !== 'offline' || retryAt !== null) engine.client?.networkUp();
  },

  /** @param {Engine} engine */
  details: (engine) => engine.details(),

  ...talkCommands,
  ...moving,
  ...searching,
  ...storage,
};
