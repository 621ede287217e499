/**
 * The engine of one browser profile: it holds the client, the contacts, the invites and the knocks, and answers the
 * commands of the tabs. Views never touch the database or the network; they see `state()` and the messages they ask
 * for.
 *
 * Invariant: nothing is sent while `server.changed` is set (the relay showed another key than the pinned one).
 */
import { Conversation } from './conversation.js';
import { CHAT, cleanName, hex } from './chat.js';
import { Codes } from './codes.js';
import { doubtOf, namesake } from './doubt.js';
import { Files } from './files/files.js';

const LOG_LINES = 300;
const KNOCKS_MAX = 20;

/** A secret as a key of maps and of the database. */
export const keyOf = (secret) => (typeof secret === 'string' ? secret : hex(secret));

export class Engine {
  /**
   * @param {{db: object, lib: object, url: string, secure: boolean, keepInstance: boolean,
   *   loadSodium: () => Promise<object>, random: (n: number) => Uint8Array, now: () => number}} world
   *   lib: what web/client exports; keepInstance: whether this engine is the only one of its profile
   * @param {{state: () => void, messages: (contact: string, list: object[]) => void,
   *   news: (contact: string, text: string) => void}} tell
   */
  constructor(world, tell) {
    Object.assign(this, world);
    this.tell = tell;
    this.contacts = new Map();
    this.conversations = new Map();
    this.invites = new Map();
    this.knocks = new Map();
    this.codes = new Codes(this);
    this.files = new Files(this);
    this.lines = [];
    this.settings = {};
    this.me = { id: '', name: '' };
    this.server = {
      state: 'connecting',
      relayId: null,
      pinned: null,
      retryAt: null,
      reason: null,
      changed: null,
      lost: false,
    };
  }

  /** @param {string} [link] the invite link that this page was opened by: it names the relay to expect */
  start(link) {
    this.started ??= this.load(link);
    return this.started;
  }

  async load(link) {
    const { db, lib } = this;
    await lib.ready;
    this.seed = await db.seed(() => lib.newSeed());
    this.me.id = await lib.idFromSeed(this.seed);
    for (const key of ['name', 'relayId', 'banner']) this.settings[key] = await db.setting(key);
    this.me.name = this.settings.name ?? '';
    this.server.pinned = this.settings.relayId ?? this.relayOf(link) ?? null;
    for (const contact of await db.all('contacts')) this.contacts.set(contact.id, contact);
    for (const knock of await db.all('knocks')) this.knocks.set(knock.id, knock);
    for (const invite of await db.all('invites')) {
      if (invite.expiresAt > this.now()) this.invites.set(invite.secret, invite);
      else await db.remove('invites', invite.secret);
    }
    await this.files.load();
    await this.connect();
  }

  /** Begins anew with what the database holds now; the tabs begin anew too. */
  async restart() {
    await this.disconnect();
    for (const map of [this.contacts, this.invites, this.knocks]) map.clear();
    this.files.stop();
    this.lastClaim = null;
    this.started = this.load();
    await this.started;
    this.tell.renewed();
  }

  relayOf(link) {
    try {
      return link ? this.lib.parseInviteLink(link).relayId : undefined;
    } catch {
      return undefined;
    }
  }

  async instance() {
    if (!this.keepInstance) return this.random(8);
    const kept = await this.db.setting('instance');
    if (kept) return kept;
    const made = this.random(8);
    await this.db.setSetting('instance', made);
    return made;
  }

  /** Starts a client; an older one is stopped first. */
  async connect() {
    await this.disconnect();
    this.server = { ...this.server, state: 'connecting', changed: null, retryAt: null, reason: null };
    const client = await this.lib.createClient({
      url: this.url,
      seed: this.seed,
      instance: await this.instance(),
      relayId: this.server.pinned ?? undefined,
      application: CHAT,
      name: this.me.name,
      listen: true,
      options: { manualTake: true }, // taken once it is in the database
      log: (line) => this.log(typeof line === 'string' ? line : JSON.stringify(line)),
    });
    this.client = client;
    client.on('online', (event) => this.online(client, event));
    client.on('offline', (event) => this.offline(client, event));
    client.on('relayChanged', (event) => this.relayChanged(client, event));
    client.on('knock', (knock) => this.knock(knock));
    client.on('session', (session) => this.incoming(session));
    client.on('inviteClaimed', (claim) => this.claimed(claim));
    for (const { raw, expiresAt } of this.invites.values()) client.addInvite({ secret: raw, expiresAt });
    for (const contact of this.contacts.values()) {
      if (contact.blocked) client.block(contact.id);
      else client.allow(contact.id);
    }
    if (client.state === 'online') this.online(client, { relayId: client.relayId });
    await Promise.all([...this.contacts.values()].map((contact) => this.conversation(contact).start()));
    this.tell.state();
  }

  /** Another engine of this profile wrote: takes over what it did to contacts, knocks and invites. */
  async reload() {
    const { db, client } = this;
    const [contacts, knocks, invites] = await Promise.all(
      ['contacts', 'knocks', 'invites'].map((store) => db.all(store)),
    );
    const kept = new Set(contacts.map(({ id }) => id));
    for (const id of [...this.contacts.keys()].filter((one) => !kept.has(one))) this.part(id);
    for (const record of contacts) {
      const contact = this.contacts.get(record.id);
      if (contact) Object.assign(contact, record);
      else this.contacts.set(record.id, record);
      if (record.blocked) client?.block(record.id);
      else if (!contact) client?.allow(record.id);
      if (!contact && client) await this.conversation(record).start();
    }
    this.knocks = new Map(knocks.map((knock) => [knock.id, knock]));
    // One that was claimed or withdrawn there must not be open here.
    for (const { secret } of this.invites.values())
      if (!invites.some((one) => one.secret === secret)) this.endInvitation(secret);
    for (const { secret, raw, expiresAt } of invites)
      if (!this.invites.has(secret)) client?.addInvite({ secret: raw, expiresAt });
    this.invites = new Map(invites.map((invite) => [invite.secret, invite]));
    this.tell.state();
  }

  /** Ends what is going on with a contact and takes it off the list. */
  part(id) {
    this.conversations.get(id)?.stop();
    this.conversations.delete(id);
    this.contacts.delete(id);
  }

  async disconnect() {
    for (const conversation of this.conversations.values()) conversation.stop();
    this.conversations.clear();
    const { client } = this;
    this.client = null;
    this.codes.clientGone();
    await client?.stop();
  }

  /** What a conversation may use. */
  get services() {
    this.shared ??= {
      client: () => this.client,
      db: this.db,
      random: this.random,
      now: this.now,
      changed: (contact, save) => this.changed(contact, save),
      shown: (contact, list) => this.tell.messages(contact, list),
      received: (contact, message) => this.received(contact, message),
      named: (contact, name) => this.named(contact, name),
      held: (contact) => this.doubt(contact) !== null,
      files: (contact) => this.files.desk(contact.id),
      log: (text) => this.log(text),
    };
    return this.shared;
  }

  conversation(contact) {
    let found = this.conversations.get(contact.id);
    if (!found) {
      found = new Conversation(contact, this.services);
      this.conversations.set(contact.id, found);
    }
    return found;
  }

  /* ---- what the client says ---------------------------------------------------------------------- */

  online(client, { relayId }) {
    if (client !== this.client) return;
    if (!this.settings.relayId) {
      this.settings.relayId = relayId;
      this.db.setSetting('relayId', relayId);
    }
    this.server = {
      ...this.server,
      state: 'online',
      relayId,
      pinned: this.settings.relayId,
      retryAt: null,
      reason: null,
      everOnline: true,
    };
    this.log('connected to the server');
    this.tell.state();
  }

  offline(client, { error, reason, retryAt }) {
    if (client !== this.client || this.server.changed) return;
    this.server = { ...this.server, state: 'offline', reason: reason ?? error ?? null, retryAt: retryAt ?? null };
    this.log(`connection lost: ${reason ?? error ?? 'unknown'}`);
    // Another engine of this profile, of an older or newer page: two that take turns would help nobody.
    if (reason === 'SUPERSEDED') {
      this.server.retryAt = null;
      this.disconnect();
    }
    this.tell.state();
  }

  relayChanged(client, { expected, got }) {
    if (client !== this.client) return;
    this.server = { ...this.server, state: 'offline', changed: { expected, got }, retryAt: null };
    this.log(`the server shows another key: expected ${expected}, got ${got}`);
    this.disconnect();
    this.tell.state();
  }

  knock({ id, name }) {
    const contact = this.contacts.get(id);
    if (contact || this.knocks.has(id) || this.knocks.size >= KNOCKS_MAX) return;
    const knock = { id, name: cleanName(name), at: this.now() };
    this.knocks.set(id, knock);
    this.db.put('knocks', knock);
    this.tell.state();
  }

  incoming(session) {
    const contact =
      this.contacts.get(session.id) ?? this.addContact({ id: session.id, how: 'invite', name: session.name });
    this.conversation(contact).attach(session, true);
  }

  /** Somebody opened one of our invite links and proved it. */
  claimed({ id, secret }) {
    const key = keyOf(secret);
    if (this.invites.has(key)) this.invitationUsed(key, { id, how: 'invite' });
    else this.met({ id, how: this.contacts.get(id)?.how ?? 'invite' });
  }

  /** An invitation brought somebody, by its link or by its code; the other of the two ends with it. */
  invitationUsed(key, { id, name, how }) {
    this.endInvitation(key);
    this.db.remove('invites', key);
    this.lastClaim = { secret: key, contact: id };
    this.met({ id, name, how });
  }

  /**
   * Kept as one that is over, while this engine runs: so whoever comes by its link is told, and does not ask as a
   * stranger.
   */
  endInvitation(key) {
    const invite = this.invites.get(key);
    if (invite) this.client?.addInvite({ secret: invite.raw, expiresAt: 0 });
    this.codes.cancel(key);
    this.invites.delete(key);
  }

  /* ---- contacts ----------------------------------------------------------------------------------- */

  /** Somebody proved to be the one that this person wanted: a contact from now on, and no longer blocked. */
  met({ id, name, how }) {
    const contact = this.contacts.get(id) ?? this.addContact({ id, how, name });
    contact.how = how;
    contact.pairedAt ??= this.now(); // also when the other side left before there was a conversation
    if (name) this.named(contact, name);
    if (contact.blocked) this.unblock(contact);
    delete contact.problem;
    this.changed(contact, true);
    return contact;
  }

  unblock(contact) {
    contact.blocked = false;
    this.client?.allow(contact.id);
    this.changed(contact, true);
    this.conversation(contact).dial();
  }

  attach(id, session) {
    const contact = this.contacts.get(id);
    if (contact) this.conversation(contact).attach(session, false);
  }

  /** The contact whose name this one bears under another ID, while the person has not said who it is. */
  doubt(contact) {
    return doubtOf(contact, this.contacts.values());
  }

  /**
   * @param {{id: string, how: 'code'|'coded'|'invite'|'invited'|'asked'|'knock'|'imported', name?: string, link?:
   * string, blocked?: boolean}} made
   */
  addContact({ id, how, name, link, blocked = false }) {
    const contact = {
      id,
      how,
      name: '',
      hint: cleanName(name),
      createdAt: this.now(),
      pairedAt: null,
      unread: 0,
      blocked,
      ...(link && { link }),
    };
    this.contacts.set(id, contact);
    if (this.knocks.delete(id)) this.db.remove('knocks', id);
    // Never first one, then the other: who is allowed is let in at once.
    if (blocked) this.client?.block(id);
    else this.client?.allow(id);
    this.db.put('contacts', contact);
    this.tell.state();
    return contact;
  }

  /** The other side says how it calls itself: only a suggestion for a name. */
  named(contact, name) {
    const hint = cleanName(name);
    if (hint) contact.hint = hint;
  }

  changed(contact, save) {
    if (save && this.contacts.has(contact.id)) this.db.put('contacts', contact);
    this.tell.state();
  }

  received(contact, message) {
    contact.unread += 1;
    this.changed(contact, true);
    this.tell.messages(contact.id, [message]);
    this.tell.news(contact.id, message.text);
  }

  log(text) {
    this.lines.push({ at: this.now(), text });
    if (this.lines.length > LOG_LINES) this.lines.shift();
  }

  /* ---- what the tabs see ----------------------------------------------------------------------------- */

  state() {
    const contacts = [...this.contacts.values()].map((contact) => {
      const { link, ...shown } = contact;
      const presence = this.conversations.get(contact.id)?.presence ?? (contact.pairedAt ? 'away' : 'joining');
      return { ...shown, presence, doubt: this.doubt(contact)?.id ?? null };
    });
    return {
      me: this.me,
      server: this.server,
      secure: this.secure,
      banner: this.settings.banner ?? null,
      contacts: contacts.sort((a, b) => (b.last?.at ?? b.createdAt) - (a.last?.at ?? a.createdAt)),
      invites: [...this.invites.values()]
        .filter(({ expiresAt }) => expiresAt > this.now())
        .map(({ raw, ...shown }) => ({ ...shown, code: this.codes.shown(shown.secret) })),
      knocks: [...this.knocks.values()].map((knock) => ({
        ...knock,
        known: namesake(knock, this.contacts.values())?.id ?? null,
      })),
      lastClaim: this.lastClaim ?? null,
      claim: this.codes.shownClaim(),
      busy: this.busy(),
      files: this.files.shown(),
    };
  }

  /** What closing the page would interrupt. Messages to those who are away wait anyway, and are not counted. */
  busy() {
    const underway = ({ presence, pendingCount }) =>
      presence === 'here' || this.server.state === 'offline' ? pendingCount : 0;
    return {
      messages: [...this.conversations.values()].reduce((sum, conversation) => sum + underway(conversation), 0),
      transfers: this.files.underway,
    };
  }

  details() {
    const sessions = [...this.conversations.values()].flatMap((conversation) =>
      [...conversation.sessions].map((session) => ({
        id: session.id,
        application: session.application ?? '',
        state: session.state,
        current: session === conversation.current,
      })),
    );
    return { sessions, log: this.lines };
  }
}
