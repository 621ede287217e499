/**
 * One contact: its sessions, and the messages that still have to arrive.
 *
 * A message stays in the database as pending until the other side has taken it. Whatever session is the newest one that
 * is linked carries it; when that session ends, resets or is overtaken, what is pending goes again, in order, and the
 * receiver drops by id what it has. So a reload on either side loses nothing and doubles nothing.
 */
import { FILE_CHANNEL } from '../../client/wire_table.js';
import { PIECE_CHARS, PIPE, decodeMessage, encodeMessage, hex } from './chat.js';

const REDIAL_FIRST_MS = 1000;
const REDIAL_MAX_MS = 30_000;

export class Conversation {
  /**
   * @param {object} contact the database's record; changed in place
   * @param {{client: () => object, db: object, random: (n: number) => Uint8Array, now: () => number,
   *   changed: (contact: object, save: boolean) => void, shown: (contactId: string, messages: object[]) => void,
   *   received: (contact: object, message: object) => void, log: (text: string) => void,
   *   files?: (contact: object) => import('./files/desk.js').Desk}} engine
   */
  constructor(contact, engine) {
    this.contact = contact;
    this.engine = engine;
    this.sessions = new Set();
    this.current = null;
    this.inFlight = new Set();
    this.redialMs = REDIAL_FIRST_MS;
    this.timer = 0;
    this.work = Promise.resolve();
    this.stopped = false;
    this.pendingCount = 0;
  }

  /** here: messages go through; joining: never was linked yet; away: was, and is not now */
  get presence() {
    if (this.current?.state === 'linked') return 'here';
    return this.contact.pairedAt ? 'away' : 'joining';
  }

  /** A program at the other end takes one caller at a time, so it is only called when there is something to say. */
  get shouldDial() {
    return (
      !this.stopped &&
      !this.contact.blocked &&
      !this.contact.problem &&
      (this.contact.application !== PIPE || this.pendingCount > 0)
    );
  }

  async start() {
    this.pendingCount = (await this.engine.db.pending(this.contact.id)).length;
    this.dial();
  }

  dial() {
    if (!this.shouldDial || this.sessions.size > 0) return;
    clearTimeout(this.timer);
    try {
      this.attach(this.engine.client().connect(this.contact.link ?? this.contact.id), false);
    } catch (error) {
      this.engine.log(`cannot dial ${this.contact.id.slice(-4)}: ${error?.message ?? error}`);
      this.redial();
    }
  }

  redial() {
    clearTimeout(this.timer);
    if (!this.shouldDial) return;
    this.timer = setTimeout(() => this.dial(), this.redialMs);
    this.redialMs = Math.min(this.redialMs * 2, REDIAL_MAX_MS);
  }

  /** Takes a session: one that we dialled, or one that came in. */
  attach(session, incoming) {
    if (this.stopped) return session.close();
    if (this.sessions.has(session)) return;
    this.sessions.add(session);
    session.incoming = incoming;
    session.decoder = new TextDecoder();
    session.on('linked', () => this.linked(session));
    session.on('unlinked', () => this.unlinked(session));
    session.on('message', (message) => this.comes(session, message));
    // Files first: until they have begun anew, what they send is of a place that the other side may not have reached.
    session.on('reset', () => {
      if (session === this.current) this.lendSession();
      this.resend(session);
    });
    session.on('lost', () => this.resend(session));
    session.on('end', () => this.ended(session));
    session.on('closed', (why) => this.closed(session, why));
    if (session.state === 'linked') this.linked(session);
    this.engine.changed(this.contact, false);
  }

  linked(session) {
    const { contact } = this;
    this.redialMs = REDIAL_FIRST_MS;
    const before = this.current;
    this.current = session;
    if (before !== session) this.inFlight.clear();
    // Others of the same contact are older pages or runs of it; they would be called in vain for an hour.
    for (const other of this.sessions) if (other !== session && other.state !== 'linked') this.drop(other);
    delete contact.link;
    delete contact.problem;
    contact.pairedAt ??= this.engine.now();
    contact.application = session.application ?? contact.application;
    this.engine.named(contact, session.name);
    this.engine.changed(contact, true);
    if (before !== session) this.lendSession();
    this.flush();
  }

  unlinked(session) {
    const other = [...this.sessions].reverse().find((one) => one !== session && one.state === 'linked');
    if (other) {
      this.drop(session);
      if (this.current === session) this.linked(other);
    }
    this.engine.changed(this.contact, false);
  }

  drop(session) {
    this.sessions.delete(session);
    session.close();
  }

  closed(session, { error, reason, text } = {}) {
    const known = this.sessions.delete(session);
    if (this.current === session) {
      this.current = [...this.sessions].reverse().find((other) => other.state === 'linked') ?? null;
      this.inFlight.clear();
      this.lendSession();
      this.flush();
    }
    if (!known) return;
    if (reason === 'REFUSED' && !this.contact.pairedAt) {
      this.contact.problem = { reason, text };
      this.engine.changed(this.contact, true);
    } else {
      this.engine.log(`session with ${this.contact.id.slice(-4)} closed: ${reason ?? error ?? ''} ${text ?? ''}`);
      this.engine.changed(this.contact, false);
    }
    if (this.sessions.size === 0) this.redial();
  }

  /** A program that called us and said all it had to say waits for our end too. */
  ended(session) {
    if (session.application !== PIPE || !session.incoming) return;
    this.serial(async () => session.finish(0));
  }

  resend(session) {
    if (session !== this.current) return;
    this.inFlight.clear();
    this.sendPending();
  }

  /** One thing after the other, in the order it was asked for; a failure ends none of what follows. */
  serial(job) {
    this.work = this.work.then(job).catch((error) => this.engine.log(`conversation: ${error?.stack ?? error}`));
    return this.work;
  }

  /** Adds what a person wrote. `id` was made where it was written, so that asking twice sends once. */
  async write({ id, text }) {
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
    });
    if (!message) return;
    this.pendingCount += 1;
    engine.shown(contact.id, [message]);
    contact.last = { text: text.slice(0, 200), at: message.at, mine: 1 };
    engine.changed(contact, true);
    this.flush();
    this.dial();
  }

  /** Sends all that there is, over the session that is linked. */
  flush() {
    this.engine.files?.(this.contact).work();
    return this.sendPending();
  }

  /** The messages that are pending and not yet on their way. */
  sendPending() {
    return this.serial(async () => {
      const session = this.current;
      const pending = await this.engine.db.pending(this.contact.id);
      this.pendingCount = pending.length;
      if (this.engine.held(this.contact)) return;
      if (!session || session !== this.current || session.state !== 'linked') return;
      for (const message of pending) {
        if (this.inFlight.has(message.n)) continue;
        this.inFlight.add(message.n);
        this.send(session, message);
      }
    });
  }

  /** Not awaited by its caller: `delivered` may come late, or never. */
  async send(session, message) {
    try {
      const { delivered } = await session.send(encodeMessage(message, session.application), { channel: 0 });
      await delivered;
      const { db } = this.engine;
      const changed = await db.changeMessage(message.n, ({ pending, ...rest }) => ({ ...rest, state: 'delivered' }));
      if (changed) this.engine.shown(this.contact.id, [changed]);
      this.pendingCount = (await db.pending(this.contact.id)).length;
      this.engine.changed(this.contact, false);
    } catch (error) {
      this.engine.log(`not delivered yet: ${error?.message ?? error}`);
    } finally {
      if (this.current === session) this.inFlight.delete(message.n);
    }
  }

  /** Files are sent over whatever session is the current one; a pipe has none. */
  lendSession() {
    const fit = this.current && this.current.application !== PIPE && !this.engine.held(this.contact);
    try {
      this.engine.files?.(this.contact).begin(fit ? this.current : null);
    } catch (error) {
      this.engine.log(`files: ${error?.message ?? error}`); // a session that ended in the moment it began: `closed` follows
    }
  }

  /** The person has said who this is, or there is a new doubt about it. */
  answered() {
    this.lendSession();
    this.flush();
  }

  /** Bytes of files have an order of their own, so that no text waits behind them. */
  comes(session, message) {
    if (message.channel === FILE_CHANNEL && session.application !== PIPE && this.engine.files)
      return this.engine.files(this.contact).take(message);
    return this.serial(() => this.take(session, message));
  }

  /** Keeps a message, then says that it was taken: in this order, or a crash between would lose it. */
  async take(session, { channel, data, taken }) {
    if (channel === 0) {
      if (session.application === PIPE) await this.takePiece(session, data);
      else await this.takeMessage(decodeMessage(data), data);
    }
    taken();
  }

  async takeMessage(message, data) {
    if (!message) return this.engine.files?.(this.contact).message(data); // about files, or of a later version: taken, so that the sender goes on
    const { contact, engine } = this;
    const kept = await engine.db.addMessage({
      contact: contact.id,
      mine: 0,
      id: message.id,
      kind: 'text',
      text: message.text,
      at: engine.now(),
      state: 'received',
    });
    if (kept) this.show(kept);
  }

  /** A pipe has no messages: what comes is added to the last bubble until a line ends. */
  async takePiece(session, data) {
    const text = session.decoder.decode(data, { stream: true });
    if (!text) return;
    const { contact, engine } = this;
    if (session.open !== undefined) {
      const longer = await engine.db.changeMessage(session.open, (message) => ({
        ...message,
        text: message.text + text,
      }));
      if (longer) {
        engine.shown(contact.id, [longer]);
        if (longer.text.endsWith('\n') || longer.text.length > PIECE_CHARS) session.open = undefined;
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
    session.open = text.endsWith('\n') ? undefined : kept.n;
    this.show(kept);
  }

  show(message) {
    const { contact, engine } = this;
    contact.last = { text: message.text.slice(0, 200), at: message.at, mine: 0 };
    engine.received(contact, message);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const session of this.sessions) this.drop(session);
    this.current = null;
    this.lendSession();
  }
}
