/**
 * The engine of one browser profile: it holds the client, the contacts, the invites and the knocks, and answers the
 * commands of the tabs. Views never touch the database or the network; they see `state()` and the messages they ask for.
 *
 * Invariant: nothing is sent while `server.changed` is set (the relay showed another key than the pinned one).
 */
import { Conversation } from './conversation.js';
import { CHAT, TEXT_MAX_CHARS, cleanName, hex } from './chat.js';
import { inspect } from './inspect.js';

const LOG_LINES = 300;
const INVITE_LIFETIME_MS = 24 * 60 * 60 * 1000;
const KNOCKS_MAX = 20;

/** A secret as a key of maps and of the database. */
const keyOf = (secret) => (typeof secret === 'string' ? secret : hex(secret));

export class Engine {
  /**
   * @param {{db: object, lib: object, url: string, secure: boolean, keepInstance: boolean,
   *   random: (n: number) => Uint8Array, now: () => number}} world
   *   lib: what web/client exports; keepInstance: whether this engine is the only one of its profile
   * @param {{state: () => void, messages: (contact: string, list: object[]) => void}} tell
   */
  constructor(world, tell) {
    Object.assign(this, world);
    this.tell = tell;
    this.contacts = new Map();
    this.conversations = new Map();
    this.invites = new Map();
    this.knocks = new Map();
    this.lines = [];
    this.settings = {};
    this.me = { id: '', name: '' };
    this.server = { state: 'connecting', relayId: null, pinned: null, retryAt: null, reason: null, changed: null, lost: false };
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
    for (const key of ['name', 'relayId', 'banner', 'language']) this.settings[key] = await db.setting(key);
    this.me.name = this.settings.name ?? '';
    this.server.pinned = this.settings.relayId ?? this.relayOf(link) ?? null;
    for (const contact of await db.all('contacts')) this.contacts.set(contact.id, contact);
    for (const knock of await db.all('knocks')) this.knocks.set(knock.id, knock);
    for (const invite of await db.all('invites')) {
      if (invite.expiresAt > this.now()) this.invites.set(invite.secret, invite);
      else await db.remove('invites', invite.secret);
    }
    await this.connect();
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
    const [contacts, knocks, invites] = await Promise.all(['contacts', 'knocks', 'invites'].map((store) => db.all(store)));
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
    for (const { secret, raw } of this.invites.values()) if (!invites.some((one) => one.secret === secret)) client?.revokeInvite(raw);
    for (const { secret, raw, expiresAt } of invites) if (!this.invites.has(secret)) client?.addInvite({ secret: raw, expiresAt });
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
    this.server = { ...this.server, state: 'online', relayId, pinned: this.settings.relayId, retryAt: null, reason: null, everOnline: true };
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
    const contact = this.contacts.get(session.id) ?? this.addContact({ id: session.id, how: 'invite', name: session.name });
    this.conversation(contact).attach(session, true);
  }

  /** Somebody opened one of our invite links and proved it. */
  claimed({ id, secret }) {
    const key = keyOf(secret);
    if (this.invites.delete(key)) this.db.remove('invites', key);
    const contact = this.contacts.get(id) ?? this.addContact({ id, how: 'invite' });
    this.lastClaim = { secret: key, contact: id };
    this.changed(contact, true);
  }

  /* ---- contacts ----------------------------------------------------------------------------------- */

  /** @param {{id: string, how: 'invite'|'invited'|'asked'|'knock', name?: string, link?: string, blocked?: boolean}} made */
  addContact({ id, how, name, link, blocked = false }) {
    const contact = { id, how, name: '', hint: cleanName(name), createdAt: this.now(), pairedAt: null, unread: 0, blocked, ...(link && { link }) };
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
  }

  log(text) {
    this.lines.push({ at: this.now(), text });
    if (this.lines.length > LOG_LINES) this.lines.shift();
  }

  /* ---- what the tabs see ----------------------------------------------------------------------------- */

  state() {
    const contacts = [...this.contacts.values()].map((contact) => {
      const { link, ...shown } = contact;
      return { ...shown, presence: this.conversations.get(contact.id)?.presence ?? (contact.pairedAt ? 'away' : 'joining') };
    });
    return {
      me: this.me,
      server: this.server,
      secure: this.secure,
      banner: this.settings.banner ?? null,
      contacts: contacts.sort((a, b) => (b.last?.at ?? b.createdAt) - (a.last?.at ?? a.createdAt)),
      invites: [...this.invites.values()].filter(({ expiresAt }) => expiresAt > this.now()).map(({ raw, ...shown }) => shown),
      knocks: [...this.knocks.values()],
      lastClaim: this.lastClaim ?? null,
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

/** The commands of the tabs. Each returns what the tab gets as its answer; what it throws becomes an error there. */
export const commands = {
  hello: async (engine, { link }) => {
    await engine.start(link);
    return engine.state();
  },

  inspect: (engine, { text }) => inspect(engine, text),

  /** A link or an ID of somebody: the contact, who may have been here before. */
  join: (engine, { text }) => {
    const found = inspect(engine, text);
    if (found.kind !== 'link' && found.kind !== 'id') return { problem: found.problem };
    let contact = engine.contacts.get(found.id);
    if (!contact) contact = engine.addContact({ id: found.id, how: found.kind === 'link' ? 'invited' : 'asked', link: found.link });
    else if (!contact.pairedAt && found.link) {
      contact.link = found.link;
      engine.conversations.get(contact.id)?.stop();
      engine.conversations.delete(contact.id);
    }
    delete contact.problem;
    if (contact.blocked) commands.unblock(engine, { contact: contact.id });
    engine.changed(contact, true);
    engine.conversation(contact).dial();
    return { contact: contact.id };
  },

  invite: async (engine, { pageUrl }) => {
    const made = await engine.client.createInvite({ pageUrl, lifetimeMs: INVITE_LIFETIME_MS });
    const invite = { secret: keyOf(made.secret), raw: made.secret, link: made.link, expiresAt: made.expiresAt, createdAt: engine.now() };
    engine.invites.set(invite.secret, invite);
    await engine.db.put('invites', invite);
    engine.tell.state();
    return { secret: invite.secret };
  },

  cancelInvite: async (engine, { secret }) => {
    const invite = engine.invites.get(secret);
    if (invite) engine.client?.revokeInvite(invite.raw);
    engine.invites.delete(secret);
    await engine.db.remove('invites', secret);
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
    const contact = engine.contacts.get(id) ?? engine.addContact({ id, how: 'knock', name: engine.knocks.get(id)?.name, blocked: true });
    contact.blocked = true;
    engine.conversations.get(id)?.stop();
    engine.conversations.delete(id);
    engine.client?.block(id);
    engine.changed(contact, true);
  },

  unblock: (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact) return;
    contact.blocked = false;
    engine.client?.allow(id);
    engine.changed(contact, true);
    engine.conversation(contact).dial();
  },

  send: async (engine, { contact: id, message, text }) => {
    const contact = engine.contacts.get(id);
    if (!contact || contact.blocked || engine.server.changed) return { problem: 'blocked' };
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
    contact.name = cleanName(name);
    contact.asked = true;
    engine.changed(contact, true);
  },

  forget: async (engine, { contact: id }) => {
    engine.part(id);
    engine.client?.deny(id);
    await engine.db.remove('contacts', id);
    await engine.db.forgetMessages(id);
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
    if (!['banner', 'language'].includes(key)) return;
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
};
