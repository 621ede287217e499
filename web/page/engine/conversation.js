/**
 * One contact: its sessions, and the messages that still have to be delivered.
 *
 * A message stays in the database as pending until the other side has taken it. The newest linked session carries it.
 * When that session ends, resets or is replaced, all pending messages are sent again, in order, and the receiver
 * discards those whose id it has already. So a reload on either side neither loses nor repeats a message.
 */
import { FILE_CHANNEL } from '../../client/wire_table.js';
import { decodeAbout } from './about.js';
import { asError } from './errors.js';
import { PIECE_CHARS, PIPE, decodeMessage, encodeMessage, hex } from './chat.js';
import { withQuotes } from './quotes.js';
import { Talk, lateSince } from './talk.js';

const REDIAL_FIRST_MS = 1000;
const REDIAL_MAX_MS = 30_000;

/** @typedef {import('./types.js').Contact} Contact */
/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Session} Session */
/** @typedef {import('./types.js').SessionMessage} SessionMessage */
/** @typedef {import('./types.js').TextMessage} TextMessage */

/**
 * @typedef {object} ConversationServices what a conversation uses of the engine
 * @property {() => import('./types.js').Client} client throws while there is none
 * @property {import('./db.js').Db} db
 * @property {(n: number) => Uint8Array} random
 * @property {() => number} now
 * @property {(contact: Contact, save: boolean) => void} changed
 * @property {(contact: string, list: Message[], gone?: number[]) => void} shown messages are new or have changed;
 *   gone: the numbers of those that were deleted
 * @property {(contact: Contact, message: Message) => void} received counts it; a reply is shown when its quote is known
 * @property {(contact: Contact, name: string) => void} named the contact says what it calls itself
 * @property {(contact: Contact) => boolean} held nothing may be sent at the moment
 * @property {() => boolean} hears the relay is known to be alive
 * @property {(contact: Contact) => import('./files/desk.js').Desk} [files]
 * @property {() => {typing: boolean, read: boolean}} [talk] what the person allows to be told
 * @property {(text: string) => void} log
 */

/**
 * What is kept for one session. incoming: the other side opened it. decoder: for the text of a pipe. bubble: the number
 * of the message that this text is being added to. note: what was said last about a text that has not come yet.
 * @typedef {{session: Session, incoming: boolean, decoder: TextDecoder, bubble: number | undefined,
 *   note: import('./about.js').Note | undefined}} Line
 */

export class Conversation {
  /** @param {Contact} contact the record of the database; changed in place @param {ConversationServices} engine */
  constructor(contact, engine) {
    this.contact = contact;
    this.engine = engine;
    /** @type {Set<Session>} */
    this.sessions = new Set();
    /** The session that carries messages. @type {Session | null} */
    this.current = null;
    /** Messages that were sent over it and are not delivered yet. @type {Set<number>} */
    this.inFlight = new Set();
    /** Pending messages up to this number were sent over it. */
    this.sentTo = 0;
    /** How often all had to be sent again. What was read before that must not be sent: it may leave some out. */
    this.epoch = 0;
    /** Those that were linked at any time. @type {WeakSet<Session>} */
    this.wereLinked = new WeakSet();
    this.redialMs = REDIAL_FIRST_MS;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** The last of the jobs that run one after the other. */
    this.work = Promise.resolve();
    this.stopped = false;
    this.pendingCount = 0;
    this.talk = new Talk(this);
    /** Deleted messages: what is still being looked up for them must not show them again. @type {Set<number>} */
    this.removed = new Set();
    /** The relay answered the last call, and said that nobody is there. */
    this.absent = false;
  }

  /** @returns {import('./types.js').Presence} */
  get presence() {
    if (this.current?.state === 'linked') return 'here';
    return this.absent ? 'away' : 'unknown';
  }

  /** A program at the other end accepts one caller at a time, so it is only called when there is something to send. */
  get shouldDial() {
    return (
      !this.stopped &&
      !this.contact.blocked &&
      !this.contact.problem &&
      (this.contact.application !== PIPE || this.pendingCount > 0)
    );
  }

  async start() {
    this.pendingCount = await this.engine.db.pendingCount(this.contact.id);
    this.dial();
  }

  dial() {
    if (!this.shouldDial || this.sessions.size > 0) return;
    clearTimeout(this.timer);
    try {
      this.attach(this.engine.client().connect(this.contact.link ?? this.contact.id), false);
    } catch (error) {
      this.engine.log(`cannot dial ${this.contact.id.slice(-4)}: ${asError(error).message ?? error}`);
      this.redial();
    }
  }

  redial() {
    clearTimeout(this.timer);
    if (!this.shouldDial) return;
    this.timer = setTimeout(() => this.dial(), this.redialMs);
    this.redialMs = Math.min(this.redialMs * 2, REDIAL_MAX_MS);
  }

  /** Adds a session. @param {Session} session @param {boolean} incoming */
  attach(session, incoming) {
    if (this.stopped) {
      void session.close();
      return;
    }
    if (this.sessions.has(session)) return;
    this.sessions.add(session);
    /** @type {Line} */
    const line = { session, incoming, decoder: new TextDecoder(), bubble: undefined, note: undefined };
    session.on('linked', () => this.linked(session));
    session.on('unlinked', (why) => this.unlinked(session, why));
    session.on('message', (message) => this.onMessage(line, message));
    session.on('volatile', (message) => this.talk.heard(session, message));
    // Files first: until they restart, they would send from a place that the other side may not have reached.
    session.on('reset', () => {
      if (session === this.current) this.lendSession();
      this.resend(session);
    });
    session.on('lost', () => this.resend(session));
    session.on('end', () => this.ended(line));
    session.on('closed', (why) => this.closed(session, why));
    if (session.state === 'linked') this.linked(session);
    this.engine.changed(this.contact, false);
  }

  /** @param {Session} session */
  linked(session) {
    const { contact } = this;
    this.wereLinked.add(session);
    this.redialMs = REDIAL_FIRST_MS;
    this.absent = false;
    const before = this.current;
    this.current = session;
    if (before !== session) this.forgetSent();
    // Other sessions belong to earlier runs of the other side. They would be dialled in vain for an hour.
    for (const other of this.sessions) if (other !== session && other.state !== 'linked') this.drop(other);
    delete contact.link;
    delete contact.problem;
    contact.pairedAt ??= this.engine.now();
    contact.application = session.application;
    this.engine.named(contact, session.name);
    this.engine.changed(contact, true);
    if (before !== session) this.lendSession();
    this.flush();
    this.talk.sayRead();
  }

  /** @param {Session} session @param {Partial<import('../../client/index.js').SessionEvents['unlinked']>} [why] */
  unlinked(session, { reason } = {}) {
    // A session that was linked before goes on calling. A new one finds out whether this one is let in.
    if (reason === 'REFUSED' && session.state !== 'linked') {
      this.drop(session);
      return this.dial();
    }
    this.absent = reason === 'UNAVAILABLE' && this.engine.hears();
    const other = [...this.sessions].reverse().find((one) => one !== session && one.state === 'linked');
    if (other) {
      this.drop(session);
      if (this.current === session) this.linked(other);
    }
    this.talk.stopTyping();
    this.engine.changed(this.contact, false);
  }

  /** @param {Session} session */
  drop(session) {
    this.sessions.delete(session);
    void session.close();
  }

  /** @param {Session} session @param {Partial<import('../../client/index.js').SessionEvents['closed']>} [why] */
  closed(session, { error, reason, text = '' } = {}) {
    const known = this.sessions.delete(session);
    if (this.current === session) {
      this.current = [...this.sessions].reverse().find((other) => other.state === 'linked') ?? null;
      this.forgetSent();
      this.lendSession();
      this.flush();
      this.talk.stopTyping();
    }
    if (!known) return;
    if (reason === 'REFUSED' && !this.wereLinked.has(session)) {
      this.contact.problem = { reason, text };
      this.engine.changed(this.contact, true);
    } else {
      this.engine.log(`session with ${this.contact.id.slice(-4)} closed: ${reason ?? error ?? ''} ${text}`);
      this.engine.changed(this.contact, false);
    }
    if (this.sessions.size === 0) this.redial();
  }

  /** A program that called us has sent everything, and now waits for our end. @param {Line} line */
  ended({ session, incoming }) {
    if (session.application !== PIPE || !incoming) return;
    void this.serial(async () => void (await session.finish(0)));
  }

  /** @param {Session} session */
  resend(session) {
    if (session !== this.current) return;
    this.forgetSent();
    void this.sendPending();
  }

  /**
   * Runs jobs one after the other, in the order of the calls. A job that fails does not stop the next; who waits for it
   * gets its error.
   * @param {() => Promise<void>} job
   */
  serial(job) {
    const done = this.work.then(job);
    this.work = done.catch((error) => this.engine.log(`conversation: ${asError(error).stack ?? error}`));
    return done;
  }

  /**
   * Adds a message that the person wrote. The tab made its id, so that a repeated call adds it once.
   * @param {{id: string, text: string, reply?: string}} message reply: the id of the message that it answers
   */
  async write({ id, text, reply }) {
    const { contact, engine } = this;
    const message = await engine.db.addMessage({
      contact: contact.id,
      mine: 1,
      id,
      kind: 'text',
      text,
      at: engine.now(),
      state: 'waiting',
      pending: contact.id,
      ...(reply && { reply }),
    });
    if (!message) return;
    this.pendingCount += 1;
    await this.shown([message]);
    contact.last = { text: text.slice(0, 200), at: message.at, mine: 1 };
    engine.changed(contact, true);
    this.flush();
    this.dial();
  }

  /** Sends everything that waits, over the current session. */
  flush() {
    this.engine.files?.(this.contact).work();
    return this.sendPending();
  }

  /** All pending messages have to be sent again, over this session or the next. */
  forgetSent() {
    this.inFlight.clear();
    this.sentTo = 0;
    this.epoch += 1;
  }

  /** Sends the pending messages that were not sent over the current session. */
  sendPending() {
    return this.serial(async () => {
      const { current: session, epoch } = this;
      if (session?.state !== 'linked' || this.engine.held(this.contact)) return;
      const pending = await this.engine.db.pending(this.contact.id, this.sentTo);
      if (epoch !== this.epoch || session.state !== 'linked' || this.engine.held(this.contact)) return;
      for (const message of pending) {
        this.sentTo = Math.max(this.sentTo, message.n);
        if (this.inFlight.has(message.n)) continue;
        this.inFlight.add(message.n);
        void this.send(session, message);
      }
    });
  }

  /**
   * Sends one message. The caller does not await it: `delivered` may settle late, or never.
   * @param {Session} session @param {TextMessage} message
   */
  async send(session, message) {
    try {
      const { db, now } = this.engine;
      const sentAt = now();
      const note = session.application === PIPE ? null : this.talk.noteBefore(message);
      // Both are handed over before either is awaited: no other text may come between them.
      const before = note && session.send(note, { channel: 0 });
      const text = session.send(encodeMessage(message, session.application), { channel: 0 });
      const [{ delivered }] = await Promise.all([text, before]);
      await delivered;
      const after = session.application === PIPE ? null : this.talk.noteAfter(message, sentAt);
      if (after) void session.send(after, { channel: 0 }).catch(() => {}); // without it, the arrival is shown
      /** @type {(message: TextMessage) => TextMessage} */
      const deliver = ({ pending: _, ...rest }) => ({ ...rest, state: 'delivered' });
      const changed = await db.changeMessage(message.n, deliver);
      if (changed) {
        await this.shown([changed]);
        this.pendingCount = Math.max(0, this.pendingCount - 1);
      }
      this.engine.changed(this.contact, false);
    } catch (error) {
      if (this.current === session) this.sentTo = Math.min(this.sentTo, message.n - 1);
      this.engine.log(`not delivered yet: ${asError(error).message ?? error}`);
    } finally {
      if (this.current === session) this.inFlight.delete(message.n);
      if (this.inFlight.size === 0) this.pendingCount = await this.engine.db.pendingCount(this.contact.id);
    }
  }

  /**
   * Shows the tabs that messages are new or have changed.
   * @param {TextMessage[]} list
   */
  async shown(list) {
    const quoted = await withQuotes(this.engine.db, list);
    this.engine.shown(
      this.contact.id,
      quoted.filter(({ n }) => !this.removed.has(n)),
    );
  }

  /**
   * Deletes a message here. One that waits is not sent any more, unless a session has it already. Its id is kept, so
   * that a repetition does not bring it back.
   * @param {number} n @param {string[]} [files] the keys of its files, whose bytes are deleted with it
   */
  async remove(n, files = []) {
    const { contact, engine } = this;
    await this.serial(async () => {
      const gone = await engine.db.deleteMessage(contact.id, n, files);
      if (!gone) return;
      this.removed.add(n);
      const [newest] = await engine.db.messages(contact.id, { count: 1 });
      contact.last = newest && { text: newest.text.slice(0, 200), at: newest.at, mine: newest.mine };
      this.pendingCount = (await engine.db.pending(contact.id)).length;
      engine.shown(contact.id, [], [n]);
      engine.changed(contact, true);
    });
  }

  /** Tries to reach the contact now, instead of after a while, and sends what waits. */
  retry() {
    this.redialMs = REDIAL_FIRST_MS;
    this.dial();
    return this.flush();
  }

  /** Lets files use the current session; a pipe carries no files. */
  lendSession() {
    const fit = this.current && this.current.application !== PIPE && !this.engine.held(this.contact);
    try {
      this.engine.files?.(this.contact).begin(fit ? this.current : null);
    } catch (error) {
      this.engine.log(`files: ${asError(error).message ?? error}`); // the session has just ended: `closed` follows
    }
  }

  /** The doubt about who this is has been settled, or there is a new one. */
  answered() {
    this.lendSession();
    this.flush();
  }

  /**
   * Handles a message. The bytes of files are queued apart, so that no text waits behind them.
   * @param {Line} line @param {SessionMessage} message
   */
  onMessage(line, message) {
    if (message.channel === FILE_CHANNEL && line.session.application !== PIPE && this.engine.files)
      this.engine.files(this.contact).take(message);
    else if (line.session.application === PIPE) void this.serial(() => this.take(line, message));
    else
      // The database stores them in the order of these calls, and many at once.
      void this.take(line, message).catch((error) => this.engine.log(`message: ${asError(error).stack ?? error}`));
  }

  /**
   * Stores a message, then takes it. In the other order, a crash in between would lose it.
   * @param {Line} line @param {SessionMessage} message
   */
  async take(line, { channel, data, taken }) {
    if (channel === 0) {
      if (line.session.application === PIPE) await this.takePiece(line, data);
      else await this.takeMessage(line, data);
    }
    taken();
  }

  /** @param {Line} line @param {Uint8Array} data */
  async takeMessage(line, data) {
    const message = decodeMessage(data);
    const note = message ? line.note : decodeAbout(data)?.note;
    if (note && !message) {
      line.note = note; // of a text that comes next; or one that was here before says so by its id
      return this.talk.late(note);
    }
    if (!message) {
      // About files, or of a later version. Either way it counts as taken.
      this.engine.files?.(this.contact).message(data);
      return;
    }
    line.note = undefined;
    const { contact, engine } = this;
    const about = note?.id === message.id ? note : undefined;
    const at = engine.now();
    const written = lateSince(about, at);
    const kept = await engine.db.addMessage({
      contact: contact.id,
      mine: 0,
      id: message.id,
      kind: 'text',
      text: message.text,
      at,
      state: 'received',
      ...(written !== undefined && { written }),
      ...(about?.reply && { reply: about.reply }),
    });
    if (kept) await this.show(kept);
  }

  /**
   * A pipe has no messages, so its text is added to the last bubble until a line ends.
   * @param {Line} line @param {Uint8Array} data
   */
  async takePiece(line, data) {
    const text = line.decoder.decode(data, { stream: true });
    if (!text) return;
    const { contact, engine } = this;
    if (line.bubble !== undefined) {
      /** @type {(message: TextMessage) => TextMessage} */
      const lengthen = (message) => ({ ...message, text: message.text + text });
      const longer = await engine.db.changeMessage(line.bubble, lengthen);
      if (longer) {
        engine.shown(contact.id, [longer]);
        if (longer.text.endsWith('\n') || longer.text.length > PIECE_CHARS) line.bubble = undefined;
        return;
      }
    }
    const kept = await engine.db.addMessage({
      contact: contact.id,
      mine: 0,
      id: hex(engine.random(16)),
      kind: 'text',
      text,
      at: engine.now(),
      state: 'received',
    });
    if (!kept) return;
    line.bubble = text.endsWith('\n') ? undefined : kept.n;
    await this.show(kept);
  }

  /** @param {TextMessage} message */
  async show(message) {
    const { contact, engine } = this;
    // At once, in the order in which they were stored, and before anybody counts what is stored.
    contact.last = { text: message.text.slice(0, 200), at: message.at, mine: 0 };
    this.talk.stopTyping();
    engine.received(contact, message);
    if (message.reply) await this.shown([message]);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const session of this.sessions) this.drop(session);
    this.current = null;
    this.talk.stop();
    this.lendSession();
  }
}
