/** The commands of the tabs. Each returns what the tab gets as its answer; what it throws becomes an error there. */
import { TEXT_MAX_CHARS, cleanName } from './chat.js';
import { keyOf } from './engine.js';
import { fileCommands } from './files/files.js';
import { inspect } from './inspect.js';
import { moving } from './moving.js';

const INVITE_LIFETIME_MS = 24 * 60 * 60 * 1000;

export const commands = {
  ...fileCommands,

  hello: (engine, { link }) => engine.start(link),

  inspect: (engine, { text }) => inspect(engine, text),

  /** A code, a link or an ID of somebody: the number of the try, or the contact, who may have been here before. */
  join: (engine, { text }) => {
    const found = inspect(engine, text);
    if (found.kind === 'code') return { claim: engine.codes.try(found.code) };
    if (found.kind !== 'link' && found.kind !== 'id') return { problem: found.problem };
    let contact = engine.contacts.get(found.id);
    if (!contact)
      contact = engine.addContact({ id: found.id, how: found.kind === 'link' ? 'invited' : 'asked', link: found.link });
    else if (!contact.pairedAt && found.link) {
      contact.link = found.link;
      engine.conversations.get(contact.id)?.stop();
      engine.conversations.delete(contact.id);
    }
    delete contact.problem;
    if (contact.blocked) engine.unblock(contact);
    engine.changed(contact, true);
    engine.conversation(contact).dial();
    return { contact: contact.id };
  },

  invite: async (engine, { pageUrl }) => {
    const made = await engine.client.createInvite({ pageUrl, lifetimeMs: INVITE_LIFETIME_MS });
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

  cancelInvite: async (engine, { secret }) => {
    engine.endInvitation(secret);
    await engine.db.remove('invites', secret);
    engine.tell.state();
  },

  /** A further code for an invitation whose last one is over. */
  newCode: (engine, { secret }) => {
    const { state } = engine.codes.shown(secret);
    if (engine.invites.has(secret) && state !== 'making') engine.codes.make(secret);
  },

  stopTrying: (engine) => {
    engine.codes.stopTrying();
    engine.tell.state();
  },

  allow: (engine, { id }) => {
    const knock = engine.knocks.get(id);
    const contact = engine.contacts.get(id) ?? engine.addContact({ id, how: 'knock', name: knock?.name });
    engine.conversation(contact).dial();
    return { contact: contact.id };
  },

  ignore: async (engine, { id }) => {
    engine.client?.deny(id);
    engine.knocks.delete(id);
    await engine.db.remove('knocks', id);
    engine.tell.state();
  },

  /** A stranger is kept as a blocked contact, so that the choice is remembered and can be taken back. */
  block: (engine, { id }) => {
    const contact =
      engine.contacts.get(id) ??
      engine.addContact({ id, how: 'knock', name: engine.knocks.get(id)?.name, blocked: true });
    contact.blocked = true;
    engine.conversations.get(id)?.stop();
    engine.conversations.delete(id);
    engine.client?.block(id);
    engine.changed(contact, true);
  },

  unblock: (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (contact) engine.unblock(contact);
  },

  send: async (engine, { contact: id, message, text }) => {
    const contact = engine.contacts.get(id);
    if (!contact || contact.blocked || engine.server.changed || engine.doubt(contact)) return { problem: 'blocked' };
    if (!text || text.length > TEXT_MAX_CHARS) return { problem: 'length' };
    await engine.conversation(contact).write({ id: message, text });
    return {};
  },

  messages: (engine, { contact, before, count }) => engine.db.messages(contact, { before, count }),

  seen: (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact?.unread) return;
    contact.unread = 0;
    engine.changed(contact, true);
  },

  rename: (engine, { contact: id, name }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    const before = engine.doubt(contact);
    contact.name = cleanName(name);
    contact.asked = true;
    engine.changed(contact, true);
    if (engine.doubt(contact) !== before) engine.conversations.get(id)?.answered();
  },

  /** The person has found out that this is really who bears the name, or wants to have two of it. */
  vouch: (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    contact.sure = contact.name || contact.hint;
    engine.changed(contact, true);
    engine.conversations.get(id)?.answered();
  },

  phrase: (engine, { contact }) => engine.lib.safetyPhrase(engine.me.id, contact),

  /** @param {{contact: string, equal: boolean}} compared */
  compared: (engine, { contact: id, equal }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    contact.comparedAt = equal ? engine.now() : null;
    engine.changed(contact, true);
  },

  forget: async (engine, { contact: id }) => {
    engine.part(id);
    engine.client?.deny(id);
    await engine.db.remove('contacts', id);
    await engine.db.forgetMessages(id);
    await engine.files.forget(id);
    engine.tell.state();
  },

  /** The name that others are shown as a suggestion; new connections carry it. */
  setName: async (engine, { name }) => {
    const clean = cleanName(name);
    if (clean === engine.me.name) return;
    engine.me.name = clean;
    await engine.db.setSetting('name', clean || undefined);
    if (!engine.server.changed) await engine.connect();
    engine.tell.state();
  },

  setSetting: async (engine, { key, value }) => {
    if (!['banner'].includes(key)) return;
    engine.settings[key] = value;
    await engine.db.setSetting(key, value);
    engine.tell.state();
  },

  /** The person has decided that the relay's new key is right. */
  trustServer: async (engine, { id }) => {
    if (engine.server.changed?.got !== id) return;
    engine.settings.relayId = id;
    engine.server.pinned = id;
    await engine.db.setSetting('relayId', id);
    await engine.connect();
  },

  tryNow: async (engine) => {
    if (engine.server.changed) return;
    if (engine.server.retryAt === null && engine.server.state === 'offline') await engine.connect();
    else engine.client?.networkUp();
  },

  details: (engine) => engine.details(),

  ...moving,
};
