/** The commands of the tabs. The tab gets what a command returns as its answer, and what it throws as an error. */
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
  const name = engine.knocks.get(id)?.name;
  engine.knocks.delete(id);
  await engine.parting.decide(id, kind, name);
  await engine.db.remove('knocks', id);
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
  join: (engine, { text }) => {
    const found = inspect(engine, text);
    if (found.code) return { claim: engine.codes.try(found.code) };
    if (!found.id) return { problem: found.problem };
    let contact = engine.contacts.get(found.id);
    if (!contact)
      contact = engine.addContact({ id: found.id, how: found.kind === 'link' ? 'invited' : 'asked', link: found.link });
    else if (found.link && (!contact.pairedAt || contact.problem)) {
      contact.link = found.link;
      if (!contact.pairedAt) contact.how = 'invited';
      engine.conversations.get(contact.id)?.stop();
      engine.conversations.delete(contact.id);
    }
    if (contact.link) contact.linkAt = engine.now();
    delete contact.problem;
    if (contact.blocked) engine.unblock(contact);
    engine.changed(contact, true);
    engine.conversation(contact).dial();
    return { contact: contact.id };
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
    engine.invites.set(invite.secret, invite);
    await engine.db.put('invites', invite);
    engine.codes.make(invite.secret);
    return { secret: invite.secret };
  },

  /** @param {Engine} engine @param {{secret: string}} args */
  cancelInvite: async (engine, { secret }) => {
    engine.endInvitation(secret);
    await engine.db.remove('invites', secret);
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
  allow: (engine, { id }) => {
    const knock = engine.knocks.get(id);
    const contact = engine.contacts.get(id) ?? engine.addContact({ id, how: 'knock', name: knock?.name });
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
    contact.blocked = true;
    engine.shutOut(id);
    await engine.changed(contact, true);
  },

  /** @param {Engine} engine @param {{contact: string}} args */
  unblock: async (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (contact) await engine.unblock(contact);
  },

  /**
   * Calls again somebody who refused: without the invitation, which is over, so that they are asked.
   * @param {Engine} engine @param {{contact: string}} args
   */
  ask: (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact || contact.blocked) return;
    if (!contact.pairedAt) contact.how = 'asked';
    delete contact.problem;
    delete contact.link;
    engine.conversations.get(id)?.stop(); // its session calls with the invitation
    engine.conversations.delete(id);
    engine.changed(contact, true);
    return engine.conversation(contact).start();
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
    contact.name = cleanName(name);
    contact.asked = true;
    const saved = engine.changed(contact, true);
    if (engine.doubt(contact) !== before) engine.conversations.get(id)?.answered();
    await saved;
  },

  /**
   * The person has found out that this is who the name says, or accepts two contacts of one name.
   * @param {Engine} engine @param {{contact: string}} args
   */
  vouch: async (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    contact.sure = contact.name || contact.hint;
    const saved = engine.changed(contact, true);
    engine.conversations.get(id)?.answered();
    await saved;
  },

  /** @param {Engine} engine @param {{contact: string}} args */
  phrase: (engine, { contact }) => engine.lib.safetyPhrase(engine.me.id, contact),

  /** @param {Engine} engine @param {{contact: string, equal: boolean}} args */
  compared: async (engine, { contact: id, equal }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    contact.comparedAt = equal ? engine.now() : null;
    await engine.changed(contact, true);
  },

  /**
   * Deletes a contact and its messages. If it calls, it is told that it is not accepted; one that was never reached
   * becomes a stranger again, and one that was blocked stays so.
   * @param {Engine} engine @param {{contact: string}} args
   */
  forget: async (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    engine.part(id);
    if (contact?.blocked) await engine.parting.decide(id, 'block', contact.name || contact.hint);
    else if (contact?.pairedAt) await engine.parting.decide(id, 'delete', contact.name || contact.hint);
    else if (contact) engine.client?.forget(id);
    await engine.db.forgetMessages(id); // before the contact: no message may stay without one
    await engine.files.forget(id);
    await engine.db.remove('contacts', id);
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
    engine.me.name = clean;
    engine.client?.setName(clean);
    await engine.db.setSetting('name', clean || undefined);
    const told = [...engine.conversations.values()].some(({ current }) => current);
    if (told && !engine.server.changed && !engine.codes.underWay) await engine.connect();
    engine.tell.state();
  },

  /** @param {Engine} engine @param {{key: 'banner', value: string}} args */
  setSetting: async (engine, { key, value }) => {
    if (key !== 'banner') return; // it comes from a tab, perhaps of another version
    engine.settings[key] = value;
    await engine.db.setSetting(key, value);
    engine.tell.state();
  },

  /**
   * The person has decided to trust the relay's new key.
   * @param {Engine} engine @param {{id: string}} args
   */
  trustServer: async (engine, { id }) => {
    if (engine.server.changed?.got !== id) return;
    engine.settings.relayId = id;
    engine.server.pinned = id;
    await engine.db.setSetting('relayId', id);
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
