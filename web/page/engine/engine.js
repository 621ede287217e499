/**
 * The engine of one browser profile. It holds the client, the contacts, the invites and the knocks, and answers the
 * commands of the tabs. Views never touch the database or the network; they get `state()` and the messages they ask
 * for.
 *
 * Invariant: nothing is sent while `server.changed` is set, that is, after the relay showed another key than the pinned
 * one.
 */
import { Conversation } from './conversation.js';
import { CHAT, cleanName, hex } from './chat.js';
import { Codes } from './codes.js';
import { Devices, PROFILE_BYTES } from './devices.js';
import { Doubts, doubtOf, namesake } from './doubt.js';
import { asError } from './errors.js';
import { bothOf } from './fields.js';
import { Files } from './files/files.js';
import { Kept } from './kept.js';
import { Parting } from './parting.js';
import { merged } from './sync.js';

const LOG_LINES = 300;
const KNOCKS_MAX = 20;
/** Bytes that may arrive on a channel before they are in the database: as many as a page sends (files/outgoing.js). */
const WINDOW_BYTES = 5 * 1048576;

/** @typedef {import('./types.js').Client} Client */
/** @typedef {import('./types.js').Contact} Contact */
/** @typedef {import('./types.js').Invite} Invite */
/** @typedef {import('./types.js').Knock} Knock */
/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Session} Session */
/** @typedef {import('./types.js').Way} Way */
/** @typedef {{id: string, how: Way, name?: string, link?: string}} NewContact */

/**
 * @typedef {object} World
 * @property {import('./db.js').Db} db
 * @property {import('./types.js').ClientLibrary} lib what web/client exports
 * @property {string} url of the relay
 * @property {boolean} secure whether the page came over a secure connection
 * @property {boolean} keepInstance whether this engine is the only one of its profile
 * @property {() => Promise<import('./types.js').Sodium>} loadSodium
 * @property {(n: number) => Uint8Array} random
 * @property {() => number} now Unix time in ms
 * @property {() => Promise<number>} room how many more bytes the browser would store
 */

/** Returns a secret as a key of maps and of the database. @param {string | Uint8Array} secret */
export const keyOf = (secret) => (typeof secret === 'string' ? secret : hex(secret));

export class Engine {
  /** @param {World} world @param {import('./types.js').Tell} tell */
  constructor(world, tell) {
    this.db = world.db;
    this.lib = world.lib;
    this.url = world.url;
    this.secure = world.secure;
    this.keepInstance = world.keepInstance;
    this.loadSodium = world.loadSodium;
    this.random = world.random;
    this.now = world.now;
    this.room = world.room;
    this.tell = tell;
    /** @type {Client | null} */
    this.client = null;
    /** Settles when everything is loaded. @type {Promise<void> | null} */
    this.started = null;
    /** The secret of the identity. */
    this.seed = /** @type {Uint8Array} */ (new Uint8Array(0));
    /** @type {Map<string, Contact>} by ID */
    this.contacts = new Map();
    /** @type {Map<string, Conversation>} by the contact's ID */
    this.conversations = new Map();
    /** @type {Map<string, Invite>} by secret */
    this.invites = new Map();
    /** @type {Map<string, Knock>} by ID */
    this.knocks = new Map();
    /** @type {{secret: string, contact: string} | null} */
    this.lastClaim = null;
    /**
     * A copy of an identity that was opened and not used yet.
     * @type {(import('./backup.js').Held & {id: string}) | null}
     */
    this.opened = null;
    this.kept = new Kept(this);
    /** IDs of contacts that are being deleted: the database still has them. @type {Set<string>} */
    this.leaving = new Set();
    this.doubts = new Doubts();
    this.codes = new Codes(this);
    this.files = new Files(this);
    this.parting = new Parting(this);
    this.devices = new Devices({
      client: () => this.client,
      me: () => this.me.id,
      profile: async () => (await this.keptInstance()).subarray(0, PROFILE_BYTES),
      changed: () => this.tell.state(),
      log: (text) => this.log(text),
    });
    /** The log. @type {{at: number, text: string}[]} */
    this.lines = [];
    /** @type {import('./types.js').Settings} */
    this.settings = {};
    this.me = { id: '', name: '' };
    /** What a conversation uses of the engine. @type {import('./conversation.js').ConversationServices} */
    this.services = {
      client: () => this.requireClient(),
      db: this.db,
      random: this.random,
      now: this.now,
      changed: (contact, save) => this.changed(contact, save),
      shown: (contact, list, gone) => this.tell.messages(contact, list, gone),
      received: (contact, message) => this.received(contact, message),
      named: (contact, name) => this.named(contact, name),
      held: (contact) => this.doubt(contact) !== null,
      hears: () => this.client?.state === 'online' && !this.client.checking,
      files: (contact) => this.files.desk(contact.id),
      talk: () => this.talk,
      log: (text) => this.log(text),
    };
    /** @type {import('./types.js').ServerState} */
    this.server = {
      state: 'connecting',
      relayId: null,
      pinned: null,
      retryAt: null,
      reason: null,
      changed: null,
      checking: false,
    };
  }

  /** @param {string} [link] the invite link that opened this page; it names the relay to expect */
  start(link) {
    this.started ??= this.load(link);
    return this.started;
  }

  /** @param {string} [link] */
  async load(link) {
    const { db, lib } = this;
    await lib.ready;
    this.seed = await db.seed(() => lib.newSeed());
    this.me.id = await lib.idFromSeed(this.seed);
    this.settings = await this.readSettings();
    this.me.name = this.settings.name ?? '';
    this.server.pinned = this.settings.relayId ?? this.relayOf(link) ?? null;
    for (const contact of await db.all('contacts')) this.know(contact);
    for (const knock of await db.all('knocks')) this.knocks.set(knock.id, knock);
    await this.parting.load();
    for (const invite of await db.all('invites')) {
      if (invite.expiresAt > this.now()) this.invites.set(invite.secret, invite);
      else this.retire(invite);
    }
    await this.files.load();
    await this.connect();
  }

  /** @returns {Promise<import('./types.js').Settings>} */
  async readSettings() {
    const { db } = this;
    const [name, relayId, banner, typing, read] = await Promise.all([
      db.setting('name'),
      db.setting('relayId'),
      db.setting('banner'),
      db.setting('typing'),
      db.setting('read'),
    ]);
    return { name, relayId, banner, typing, read };
  }

  /** The person has another name now. */
  nameChanged() {
    this.me = { ...this.me, name: this.settings.name ?? '' };
    this.client?.setName(this.me.name);
  }

  /**
   * Starts again with what the database now holds, and reloads the tabs.
   * @param {() => void} [announce] tells the tabs
   */
  async restart(announce = () => this.tell.renewed()) {
    await this.disconnect();
    for (const map of [this.contacts, this.kept.stored, this.invites, this.knocks]) map.clear();
    this.files.stop();
    this.lastClaim = null;
    this.started = this.load();
    await this.started;
    announce();
  }

  /** Returns the relay that a link names. @param {string} [link] */
  relayOf(link) {
    try {
      return link ? this.lib.parseInviteLink(link).relayId : undefined;
    } catch {
      return undefined;
    }
  }

  /** Returns this engine's instance: the profile's own, or one that begins like it. */
  async instance() {
    const kept = await this.keptInstance();
    return this.keepInstance ? kept : new Uint8Array([...kept.subarray(0, PROFILE_BYTES), ...this.random(4)]);
  }

  keptInstance() {
    return this.db.keepFirst('settings', 'instance', () => this.random(8));
  }

  /** Starts a client, after stopping the present one. */
  async connect() {
    await this.disconnect();
    this.server = { ...this.server, state: 'connecting', changed: null, checking: false, retryAt: null, reason: null };
    const client = await this.lib.createClient({
      url: this.url,
      seed: this.seed,
      instance: await this.instance(),
      relayId: this.server.pinned ?? undefined,
      application: CHAT,
      name: this.me.name,
      listen: true,
      options: { manualTake: true, channelWindow: WINDOW_BYTES }, // a message is taken once it is in the database
      log: (line) => this.log(line),
    });
    this.client = client;
    client.on('online', (event) => this.online(client, event));
    client.on('offline', (event) => this.offline(client, event));
    client.on('checking', (checking) => this.checking(client, checking));
    client.on('relayChanged', (event) => this.relayChanged(client, event));
    client.on('knock', (knock) => this.knock(knock));
    client.on('session', (session) => this.incoming(session));
    client.on('inviteClaimed', (claim) => this.claimed(claim));
    for (const { raw, expiresAt } of this.invites.values()) client.addInvite({ secret: raw, expiresAt });
    for (const contact of this.contacts.values()) {
      if (contact.blocked) client.block(contact.id);
      else client.allow(contact.id);
    }
    this.parting.tell(client);
    if (client.state === 'online') this.online(client, { relayId: client.relayId ?? '' });
    await Promise.all([...this.contacts.values()].map((contact) => this.conversation(contact).start()));
    this.tell.state();
  }

  /**
   * Reads the contacts, knocks, invites, decisions and settings again, after another engine of this profile has written
   * some. What changes here meanwhile is newer than what is read.
   */
  async reload() {
    const { db } = this;
    const before = { stored: new Map(this.kept.stored), knocks: new Map(this.knocks), invites: new Map(this.invites) };
    const settings = { ...this.settings };
    const leaving = new Set(this.leaving);
    const [contacts, knocks, invites, now] = await Promise.all([
      db.all('contacts'),
      db.all('knocks'),
      db.all('invites'),
      this.readSettings(),
    ]);
    this.settings = bothOf(settings, this.settings, now);
    if ((this.settings.name ?? '') !== this.me.name) this.nameChanged();
    this.talkChanged();
    const kept = new Set(contacts.map(({ id }) => id));
    for (const id of before.stored.keys()) {
      if (kept.has(id) || !this.contacts.has(id)) continue;
      this.part(id);
      this.client?.forget(id); // what was decided about it follows, in parting
    }
    for (const record of contacts) {
      const wasHere = before.stored.has(record.id) || leaving.has(record.id);
      const deletedHere = wasHere && !this.contacts.has(record.id);
      if (!deletedHere) await this.reloadContact(record, before.stored.get(record.id) ?? {});
    }
    this.knocks = merged(
      before.knocks,
      this.knocks,
      knocks.map((knock) => [knock.id, knock]),
    );
    this.reloadInvites(before.invites, invites);
    await this.parting.reload();
    this.tell.state();
  }

  /**
   * Takes over what another engine has changed of a contact, but not what has changed here since.
   * @param {Contact} record what was read @param {Partial<Contact>} before what was known to be stored before that
   */
  async reloadContact(record, before) {
    const { id } = record;
    const contact = this.contacts.get(id);
    const wasBlocked = contact?.blocked;
    if (contact) this.kept.takeOver(contact, record, before);
    else this.know(record);
    const { blocked } = contact ?? record;
    if (wasBlocked === blocked) return;
    if (blocked) this.shutOut(id);
    else {
      this.client?.allow(id);
      if (this.client) await this.conversation(contact ?? record).start();
    }
  }

  /** Takes a contact as it was read from the database. @param {Contact} contact */
  know(contact) {
    this.contacts.set(contact.id, contact);
    this.kept.note(contact);
  }

  /** @param {Map<string, Invite>} before @param {Invite[]} read */
  reloadInvites(before, read) {
    const invites = merged(
      before,
      this.invites,
      read.map((invite) => [invite.secret, invite]),
    );
    // An invitation that was used or withdrawn there must not stay open here.
    for (const secret of [...this.invites.keys()]) if (!invites.has(secret)) this.endInvitation(secret);
    for (const { secret, raw, expiresAt } of invites.values())
      if (!this.invites.has(secret)) this.client?.addInvite({ secret: raw, expiresAt });
    this.invites = invites;
  }

  /** Ends the conversation with somebody who is blocked now. @param {string} id */
  shutOut(id) {
    this.hangUp(id);
    this.client?.block(id);
  }

  /** Ends the conversation with a contact; the next one has other sessions. @param {string} id */
  hangUp(id) {
    this.conversations.get(id)?.stop();
    this.conversations.delete(id);
  }

  /** What may be told has changed. */
  talkChanged() {
    if (!this.talk.typing) for (const { talk } of this.conversations.values()) talk.stopTyping();
  }

  /** Removes a contact and ends its conversation. @param {string} id */
  part(id) {
    this.hangUp(id);
    this.contacts.delete(id);
    this.kept.stored.delete(id);
  }

  async disconnect() {
    for (const conversation of this.conversations.values()) conversation.stop();
    this.conversations.clear();
    const { client } = this;
    this.client = null;
    this.codes.clientGone();
    this.devices.stop();
    client?.stop();
  }

  /** Returns the running client. Throws ECLOSED when there is none. @returns {Client} */
  requireClient() {
    if (!this.client) throw new this.lib.PairlinkError('ECLOSED');
    return this.client;
  }

  /** Returns the conversation with a contact; there is one per client and contact. @param {Contact} contact */
  conversation(contact) {
    let found = this.conversations.get(contact.id);
    if (!found) {
      found = new Conversation(contact, this.services);
      this.conversations.set(contact.id, found);
    }
    return found;
  }

  /* ---- events of the client ------------------------------------------------------------------------ */

  /** @param {Client} client @param {import('../../client/index.js').ClientEvents['online']} event */
  online(client, { relayId }) {
    if (client !== this.client) return;
    if (!this.settings.relayId) {
      this.settings.relayId = relayId;
      this.aside(this.db.setSetting('relayId', relayId));
    }
    this.server = {
      ...this.server,
      state: 'online',
      relayId,
      pinned: this.settings.relayId,
      retryAt: null,
      reason: null,
      everOnline: true,
      checking: false,
    };
    this.log('connected to the server');
    void this.devices.online();
    this.tell.state();
  }

  /** @param {Client} client @param {import('../../client/index.js').ClientEvents['offline']} event */
  offline(client, { error, reason, retryAt }) {
    if (client !== this.client || this.server.changed) return;
    this.server = { ...this.server, state: 'offline', reason: reason ?? error ?? null, retryAt: retryAt ?? null };
    this.server.checking = false;
    this.forgetAbsences();
    this.log(`connection lost: ${reason ?? error ?? 'unknown'}`);
    // Another engine of this profile, perhaps of another version of the page, took the connection. Reconnecting would
    // only make the two replace each other in turns.
    if (reason === 'SUPERSEDED') {
      this.server.retryAt = null;
      this.disconnect();
    }
    this.tell.state();
  }

  /**
   * While the relay says nothing, nobody is known to be absent, and until they are called again.
   * @param {Client} client @param {boolean} checking
   */
  checking(client, checking) {
    if (client !== this.client) return;
    this.server = { ...this.server, checking };
    this.forgetAbsences();
    this.log(checking ? 'the server says nothing; checking the connection' : 'the server answers again');
    this.tell.state();
  }

  forgetAbsences() {
    for (const conversation of this.conversations.values()) conversation.absent = false;
  }

  /** @param {Client} client @param {import('../../client/index.js').ClientEvents['relayChanged']} event */
  relayChanged(client, { expected, got }) {
    if (client !== this.client) return;
    this.server = { ...this.server, state: 'offline', changed: { expected, got }, retryAt: null };
    this.log(`the server shows another key: expected ${expected}, got ${got}`);
    this.disconnect();
    this.tell.state();
  }

  /** @param {{id: string, name: string}} event */
  knock({ id, name }) {
    const contact = this.contacts.get(id);
    if (contact || this.knocks.has(id) || this.knocks.size >= KNOCKS_MAX) return;
    const knock = { id, name: cleanName(name), at: this.now() };
    this.knocks.set(id, knock);
    this.aside(this.db.put('knocks', knock));
    this.tell.state();
  }

  /** @param {Session} session that somebody else opened */
  incoming(session) {
    if (session.id === this.me.id) return this.devices.attach(session);
    const contact =
      this.contacts.get(session.id) ?? this.addContact({ id: session.id, how: 'invite', name: session.name });
    this.conversation(contact).attach(session, true);
  }

  /** Somebody proved to have one of our invite links. @param {{id: string, secret: Uint8Array}} claim */
  claimed({ id, secret }) {
    const key = keyOf(secret);
    if (this.invites.has(key)) this.invitationUsed(key, { id, how: 'invite' });
    else this.met({ id, how: this.contacts.get(id)?.how ?? 'invite' });
  }

  /**
   * Somebody used an invitation, by its link or by its code. Both end with that.
   * @param {string} key @param {{id: string, name?: string, how: Way}} who
   */
  invitationUsed(key, { id, name, how }) {
    this.endInvitation(key);
    this.lastClaim = { secret: key, contact: id };
    this.met({ id, name, how });
  }

  /** Ends an invitation. @param {string} key @param {import('./types.js').SpentInvite} [stored] that it is over */
  endInvitation(key, stored) {
    const invite = this.invites.get(key);
    if (stored) this.parting.spend(stored);
    else if (invite) this.retire(invite);
    this.codes.cancel(key);
    this.invites.delete(key);
  }

  /**
   * Remembers that an invitation is over, so that people who come by its link are told, instead of knocking as
   * strangers.
   * @param {Invite} invite
   */
  retire(invite) {
    const spent = this.parting.spentOf(invite);
    this.parting.spend(spent);
    this.aside(this.db.endInvite(spent));
  }

  /* ---- contacts ----------------------------------------------------------------------------------- */

  /**
   * Somebody proved to be the person that was wanted. They become a contact, and are no longer blocked.
   * @param {{id: string, name?: string, how: Way}} who
   */
  met({ id, name, how }) {
    const contact = this.contacts.get(id) ?? this.addContact({ id, how, name });
    contact.how = how;
    contact.pairedAt ??= this.now(); // even if the other side left before a session was linked
    if (name) this.named(contact, name);
    if (contact.blocked) {
      contact.blocked = false;
      this.letIn(contact);
    }
    delete contact.problem;
    this.changed(contact, true);
    return contact;
  }

  /** A contact is not blocked any more. @param {Contact} contact */
  letIn(contact) {
    if (this.contacts.get(contact.id) !== contact) return; // deleted meanwhile
    this.client?.allow(contact.id);
    this.conversation(contact).dial();
  }

  /** @param {string} id @param {Session} session */
  attach(id, session) {
    const contact = this.contacts.get(id);
    if (contact) this.conversation(contact).attach(session, false);
  }

  /**
   * Returns the contact that has this one's name under another ID, until the person has said who it is.
   * @param {Contact} contact
   */
  doubt(contact) {
    return doubtOf(contact, this.contacts.values());
  }

  /** Adds a contact that came about by itself. @param {NewContact} made */
  addContact(made) {
    const contact = this.takeContact(this.makeContact(made));
    this.changed(contact, true);
    return contact;
  }

  /** @param {NewContact} made @returns {Contact} */
  makeContact({ id, how, name, link }) {
    return {
      id,
      how,
      name: '',
      hint: cleanName(name),
      createdAt: this.now(),
      pairedAt: null,
      unread: 0,
      blocked: false,
      ...(link && { link }),
    };
  }

  /** From now on, this is a contact, unless one with its ID came meanwhile. Returns that. @param {Contact} made */
  takeContact(made) {
    const { id, blocked } = made;
    const contact = this.contacts.get(id) ?? made;
    this.contacts.set(id, contact);
    if (this.knocks.delete(id)) this.aside(this.db.remove('knocks', id));
    this.parting.forget(id);
    // A blocked contact must not be allowed first, not even for a moment: it would be let in at once.
    if (blocked) this.client?.block(id);
    else this.client?.allow(id);
    this.tell.state();
    return contact;
  }

  /**
   * A contact that was to be deleted is still there.
   * @param {Contact} contact @param {Contact | undefined} stored what of it is stored
   */
  async takeAgain(contact, stored) {
    if (stored) this.kept.stored.set(contact.id, stored);
    await this.conversation(this.takeContact(contact)).start();
  }

  /** Keeps what a contact calls itself, as a suggestion for its name. @param {Contact} contact @param {string} name */
  named(contact, name) {
    const hint = cleanName(name);
    if (hint) contact.hint = hint;
  }

  /**
   * Resolves when the contact is stored, if it has to be, and rejects when that fails. Who does not wait need not care.
   * @param {Contact} contact @param {boolean} save whether the database has to be written @returns {Promise<void>}
   */
  changed(contact, save) {
    const saved = save ? this.kept.save(contact) : Promise.resolve();
    this.tell.state();
    return saved;
  }

  /** A write that nobody waits for, because nobody has asked for it. @param {Promise<unknown>} write */
  aside(write) {
    write.catch((error) => this.log(`not stored: ${asError(error).message ?? error}`));
  }

  /** @param {Contact} contact @param {Message} message */
  received(contact, message) {
    contact.unread += 1;
    this.changed(contact, true);
    if (message.kind !== 'text' || !message.reply) this.tell.messages(contact.id, [message]);
    this.tell.news(contact.id, message.text);
  }

  /** @param {string} text */
  log(text) {
    this.lines.push({ at: this.now(), text });
    if (this.lines.length > LOG_LINES) this.lines.shift();
  }

  /* ---- what the tabs see --------------------------------------------------------------------------- */

  /** @returns {import('./types.js').EngineState} */
  state() {
    const doubts = this.doubts.of([...this.contacts.values()]);
    const contacts = [...this.contacts.values()].map((contact) => {
      const { link: _, saidRead: _said, readTo, ...shown } = contact;
      const conversation = this.conversations.get(contact.id);
      /** @type {import('./types.js').Presence} */
      const presence = conversation?.presence ?? 'unknown';
      const talk = { typing: conversation?.talk.typing ?? false, ...(this.talk.read && readTo && { readTo }) };
      return { ...shown, ...talk, presence, doubt: doubts.get(contact.id) ?? null };
    });
    return {
      me: this.me,
      server: this.server,
      secure: this.secure,
      banner: this.settings.banner ?? null,
      contacts: contacts.sort((a, b) => (b.last?.at ?? b.createdAt) - (a.last?.at ?? a.createdAt)),
      invites: [...this.invites.values()]
        .filter(({ expiresAt }) => expiresAt > this.now())
        .map(({ raw: _, ...shown }) => ({ ...shown, code: this.codes.shown(shown.secret) })),
      knocks: [...this.knocks.values()].map((knock) => ({
        ...knock,
        known: namesake(knock, this.contacts.values())?.id ?? null,
      })),
      turnedAway: this.parting.shown(),
      lastClaim: this.lastClaim,
      claim: this.codes.shownClaim(),
      elsewhere: this.devices.elsewhere,
      busy: this.busy(),
      files: this.files.shown(),
      talk: this.talk,
    };
  }

  /** What is told, and shown, of typing and of reading: each goes both ways or not at all. */
  get talk() {
    return { typing: this.settings.typing !== false, read: this.settings.read !== false };
  }

  /**
   * Returns what closing the page would interrupt. Messages to contacts who are away have to wait anyway, so they do
   * not count.
   */
  busy() {
    /** @param {Conversation} conversation */
    const underway = ({ presence, pendingCount }) =>
      presence === 'here' || this.server.state === 'offline' ? pendingCount : 0;
    return {
      messages: [...this.conversations.values()].reduce((sum, conversation) => sum + underway(conversation), 0),
      transfers: this.files.underway,
    };
  }

  /** Returns what the details of the settings show. */
  details() {
    const sessions = [...this.conversations.values()].flatMap((conversation) =>
      [...conversation.sessions].map((session) => ({
        id: session.id,
        application: session.application,
        state: session.state,
        current: session === conversation.current,
      })),
    );
    return { sessions, log: this.lines };
  }
}
