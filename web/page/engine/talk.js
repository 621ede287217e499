/**
 * What two pages say about the texts of one conversation (docs/protocol.md, section 8): when a text was written and
 * what it answers, that someone is typing, and what was read.
 *
 * Typing and reading are volatile messages. Both go both ways or not at all: who does not send one does not see it.
 * Everything that comes is bounded: an id that is not known changes nothing, at most one look-up runs at a time, and a
 * time lies before the arrival.
 */
import { CHAT_LATE_MS, CHAT_TYPING_EVERY_MS, CHAT_TYPING_SHOWN_MS } from '../../client/wire_table.js';
import { decodeAbout, encodeNote, encodeRead, encodeTyping } from './about.js';
import { PIPE } from './chat.js';
import { asError } from './errors.js';

/** Texts that come into view one after the other are reported together. */
const READ_SETTLE_MS = 200;
/** The newest message of the other side is looked for among the last ones, at most this number. */
const RECENT = 50;

/** @typedef {import('./types.js').Session} Session */
/** @typedef {import('./types.js').TextMessage} TextMessage */
/** @typedef {import('./about.js').Note} Note */

/**
 * Returns when a text was written, if that is said and was more than a minute before it arrived.
 * @param {Note | undefined} note @param {number} arrival
 */
export function lateSince(note, arrival) {
  return note && note.written > 0 && arrival - note.written >= CHAT_LATE_MS ? note.written : undefined;
}

export class Talk {
  /** @param {import('./conversation.js').Conversation} conversation */
  constructor(conversation) {
    this.conversation = conversation;
    /** Whether the other side is typing. */
    this.typing = false;
    this.typingUntil = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.typingTimer = undefined;
    /** When this side last said that it is typing. */
    this.saidTyping = -Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.readTimer = undefined;
    /** The newest id that the other side says it has read, while it is looked up. @type {string | null} */
    this.readDue = null;
    this.looking = false;
  }

  get engine() {
    return this.conversation.engine;
  }
  get contact() {
    return this.conversation.contact;
  }
  get settings() {
    return this.engine.talk?.() ?? { typing: true, read: true };
  }

  /* ---- about texts ---------------------------------------------------------------------------------- */

  /**
   * Returns the note that has to go out before a text, or null if there is nothing to say about it.
   * @param {TextMessage} message
   */
  noteBefore({ id, at, reply = '' }) {
    const late = this.engine.now() - at >= CHAT_LATE_MS;
    return late || reply ? encodeNote({ id, written: late ? at : 0, reply }) : null;
  }

  /**
   * Returns the note for a text that was delivered late without having said when it was written, else null. The session
   * had it all the time: the other side could not know that it was coming.
   * @param {TextMessage} message @param {number} sentAt
   */
  noteAfter({ id, at }, sentAt) {
    const saidBefore = sentAt - at >= CHAT_LATE_MS;
    return !saidBefore && this.engine.now() - at >= CHAT_LATE_MS ? encodeNote({ id, written: at, reply: '' }) : null;
  }

  /**
   * Takes a note whose text came before it.
   * @param {Note} note
   */
  async late(note) {
    const { db } = this.engine;
    const found = await db.messageById(this.contact.id, 0, note.id);
    if (!found || found.kind !== 'text' || found.written !== undefined) return;
    const written = lateSince(note, found.at);
    if (written === undefined) return;
    /** @type {(message: TextMessage) => TextMessage} */
    const dated = (message) => ({ ...message, written });
    const changed = await db.changeMessage(found.n, dated);
    if (changed) this.conversation.shown([changed]);
  }

  /* ---- what is volatile ------------------------------------------------------------------------------ */

  /** Sends a volatile message, if somebody is there. @param {Uint8Array} bytes */
  say(bytes) {
    const session = this.conversation.current;
    if (session?.state !== 'linked' || session.application === PIPE || this.engine.held(this.contact)) return;
    try {
      session.sendVolatile(bytes, { channel: 0 });
    } catch (error) {
      this.engine.log(`not said: ${asError(error).message ?? error}`);
    }
  }

  /** @param {Session} session @param {{channel: number, data: Uint8Array}} message */
  heard(session, { channel, data }) {
    if (channel !== 0 || session !== this.conversation.current || session.application === PIPE) return;
    const about = decodeAbout(data);
    if (about?.typing && this.settings.typing) this.theyType();
    if (about?.read && this.settings.read) void this.theyRead(about.read);
  }

  /** The person types; said at most every few seconds. */
  type() {
    const now = this.engine.now();
    if (!this.settings.typing || now - this.saidTyping < CHAT_TYPING_EVERY_MS) return;
    this.saidTyping = now;
    this.say(encodeTyping());
  }

  theyType() {
    this.typingUntil = this.engine.now() + CHAT_TYPING_SHOWN_MS;
    if (this.typing) return;
    this.typing = true;
    this.typingTimer = setTimeout(() => this.lookAtTyping(), CHAT_TYPING_SHOWN_MS);
    this.engine.changed(this.contact, false);
  }
  lookAtTyping() {
    const left = this.typingUntil - this.engine.now();
    if (left > 0) this.typingTimer = setTimeout(() => this.lookAtTyping(), left);
    else this.stopTyping();
  }
  /** They sent the text, left, or just stopped. */
  stopTyping() {
    clearTimeout(this.typingTimer);
    if (!this.typing) return;
    this.typing = false;
    this.engine.changed(this.contact, false);
  }

  /**
   * What came up to a number was in view. It only ever grows: the caller counts what is left.
   * @param {number} n
   */
  async seen(n) {
    if (!this.settings.read) return;
    const newest = (await this.newestOfTheirs(n, 1)) ?? (await this.newestOfTheirs(n, RECENT));
    if (!newest || this.contact.saidRead === newest.id) return;
    this.contact.saidRead = newest.id;
    this.readTimer ??= setTimeout(() => this.sayRead(), READ_SETTLE_MS);
  }
  /**
   * Returns the newest of the other side's messages among the `count` messages up to number `n`.
   * @param {number} n @param {number} count
   */
  async newestOfTheirs(n, count) {
    const list = await this.engine.db.messages(this.contact.id, { before: n + 1, count });
    return list.reverse().find(({ mine }) => !mine);
  }
  /** Says it, and says it again with each new link: what is volatile may have been lost. */
  sayRead() {
    clearTimeout(this.readTimer);
    this.readTimer = undefined;
    if (this.contact.saidRead && this.settings.read) this.say(encodeRead(this.contact.saidRead));
  }

  /** Only forwards, by this side's own order. @param {string} id of a message of this side */
  async theyRead(id) {
    this.readDue = id;
    if (this.looking) return;
    this.looking = true;
    try {
      while (this.readDue) {
        const due = this.readDue;
        this.readDue = null;
        const found = await this.engine.db.messageById(this.contact.id, 1, due);
        if (!found || found.n <= (this.contact.readTo ?? 0)) continue;
        this.contact.readTo = found.n;
        this.engine.changed(this.contact, true);
      }
    } finally {
      this.looking = false;
    }
  }

  stop() {
    clearTimeout(this.typingTimer);
    clearTimeout(this.readTimer);
    this.readTimer = undefined;
    this.typing = false;
  }
}
