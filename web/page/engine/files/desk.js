/**
 * The files of one contact, in both directions: carries out what `Transfer` decides. A desk outlives sessions and
 * clients; the conversation lends it the current session.
 *
 * States of a record: queued (of this side, not offered yet) → open → saved or over. States of a card: asking → open →
 * saved or over → removed.
 */
import { Transfer } from '../../../client/core/transfer/transfer.js';
import { safeName } from '../../../client/core/transfer/name.js';
import {
  CHAT_CHANNEL,
  CHAT_MESSAGE_LEAST,
  FILE_CANCELLED,
  FILE_CHANNEL,
  FILE_DECLINED,
  FILE_FLAG_FOLDER,
  FILE_HELD_DISK_FULL,
  FILE_TOO_LARGE,
  FILE_UNREADABLE,
} from '../../../client/wire_table.js';
import { asError, codeOf } from '../errors.js';
import { Card } from './card.js';
import { Incoming } from './incoming.js';
import { isFolder, modifiedOf, nsOf, typeOf } from './offer.js';
import { Outgoing } from './outgoing.js';
import { keyOf } from './store.js';

const PRIORITY = 6;
const ROOM_RETRY_MS = 30_000;

/** @typedef {import('../types.js').FileAbout} FileAbout */
/** @typedef {import('../types.js').FileMessage} FileMessage */
/** @typedef {import('../types.js').FileRecord} FileRecord */
/** @typedef {import('../types.js').Session} Session */
/** @typedef {import('../types.js').TransferFile} TransferFile */
/**
 * @typedef {{id: string, file: File | null, path: string}} Chosen a file that the person chose, or an empty folder
 *   (null); its id is hexadecimal
 */
/**
 * @typedef {{id: string, group: string, name: string, folder: boolean, files: Chosen[]}} NewCard what one card offers
 */
/** @typedef {Pick<FileRecord, 'state' | 'why' | 'byPeer' | 'told'> & {size?: number}} End how a file ended */

/**
 * @typedef {object} DeskServices
 * @property {import('../db.js').Db} db
 * @property {import('./store.js').FileStore} store
 * @property {() => number} now
 * @property {() => import('./incoming.js').Hash} sha256
 * @property {() => Promise<number>} room how many more bytes the browser would store
 * @property {(contact: string, messages: FileMessage[]) => void} shown cards are new or have changed
 * @property {(contact: string, message: FileMessage) => void} received
 * @property {(record: FileRecord, bytes: () => Blob | Promise<Blob>) => void} picture the bytes of a file are here,
 *   which may be a picture
 * @property {(contact: string, card: Card) => Promise<boolean>} takes the person need not be asked about this card
 * @property {(contact: string) => boolean} held nothing may be sent at the moment
 * @property {() => void} touch the progress has changed
 * @property {(text: string) => void} log
 */

const NO_BYTES = new Uint8Array(0);
const encoder = new TextEncoder();
/** @param {{state: string}} record */
const isOver = ({ state }) => state === 'saved' || state === 'over';

/** @param {Uint8Array} head @param {Uint8Array | null} body */
function concat(head, body) {
  const out = new Uint8Array(head.length + (body?.length ?? 0));
  out.set(head);
  if (body) out.set(body, head.length);
  return out;
}

export class Desk {
  /** @param {string} contact its ID @param {DeskServices} files */
  constructor(contact, files) {
    this.contact = contact;
    this.files = files;
    /** @type {Session | null} */
    this.session = null;
    /** How many messages about files were sent; each is told apart by its number. */
    this.words = 0;
    /** The other side accepts only messages that are too small for files. */
    this.takesTooLittle = false;
    /** @type {Map<number, Card>} the cards that are not over */
    this.cards = new Map();
    /** Files that tabs passed on, by the record's key. @type {Map<string, Blob>} */
    this.sources = new Map();
    this.transfer = new Transfer({ act: (action) => this.act(action), send: (head, body) => this.send(head, body) });
    const { store, sha256, log, room } = files;
    const shared = { transfer: this.transfer, store, sha256, log, room, work: () => this.work() };
    this.incoming = new Incoming({
      ...shared,
      saved: (file) => this.saved(file),
      progress: (file, bytes) => this.moved(file, bytes),
      checking: (file, is) => this.checking(file, is),
      full: () => this.tryAgainLater(),
    });
    this.outgoing = new Outgoing(shared);
    /** The loops of `run` that are running. @type {{say: {again: boolean} | null, send: {again: boolean} | null}} */
    this.busyWith = { say: null, send: null };
    /** The last of the jobs that run one after the other. @type {Promise<unknown>} */
    this.jobs = Promise.resolve();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
    /** Settles when the last message was accepted. @type {Promise<void>} */
    this.sent = Promise.resolve();
  }

  /**
   * Runs jobs that use the database one after the other. Resolves with the result, or with undefined after an error,
   * which is logged.
   * @template T @param {() => T | Promise<T>} job @returns {Promise<T | undefined>}
   */
  serial(job) {
    return this.asked(job).catch(() => undefined);
  }
  /**
   * Runs a job that a person asked for, in turn with the others. Rejects when it fails, so that they are told.
   * @template T @param {() => T | Promise<T>} job @returns {Promise<T>}
   */
  asked(job) {
    const done = this.jobs.then(job);
    this.jobs = done.catch((error) => this.logError(error));
    return done;
  }
  /** @param {unknown} error */
  logError(error) {
    this.files.log(`files: ${asError(error).stack ?? error}`);
  }
  /** @param {TransferFile} file */
  key(file) {
    return keyOf(this.contact, file.outgoing ? 1 : 0, file.id);
  }

  /* ---- the session ------------------------------------------------------------------------------------- */

  /**
   * From now on this session carries files; null: none does. Also called when the session was reset.
   * @param {Session | null} session
   */
  begin(session) {
    this.takesTooLittle = session !== null && session.messageMax < CHAT_MESSAGE_LEAST;
    this.session = this.takesTooLittle ? null : session;
    this.outgoing.begin();
    if (this.takesTooLittle)
      for (const { id } of [...this.transfer.outgoing.values()]) this.transfer.stop(id, FILE_TOO_LARGE);
    if (!session || this.takesTooLittle) return;
    session.setPriority(FILE_CHANNEL, PRIORITY);
    this.transfer.messageMax(session.messageMax);
    this.transfer.begun();
    this.work();
  }
  /** Handles a message about files. @param {Uint8Array} data */
  message(data) {
    this.transfer.message(CHAT_CHANNEL, data);
    this.work();
  }
  /** Handles a message with bytes of files. @param {import('../types.js').SessionMessage} message */
  take({ data, taken }) {
    this.transfer.message(FILE_CHANNEL, data);
    this.incoming.due(taken);
    this.work();
  }

  /** Sends what waits. Messages about files have a loop of their own, so that they never wait behind bytes. */
  work() {
    this.run('say', () => this.sayNext());
    this.run('send', () => this.sendNext());
  }
  /**
   * Repeats a step until it returns false. If it is running already, it will look once more.
   * @param {'say' | 'send'} what @param {() => Promise<boolean>} step
   */
  run(what, step) {
    const running = this.busyWith[what];
    if (running) {
      running.again = true;
      return;
    }
    const turn = { again: false };
    this.busyWith[what] = turn;
    const loop = async () => {
      try {
        do turn.again = false;
        while ((this.session && !this.files.held(this.contact) && (await step())) || turn.again);
      } finally {
        this.busyWith[what] = null; // in the same turn as the last look, so that no call in between is missed
      }
    };
    loop().catch((error) => this.logError(error));
  }
  /** Sends the next message about files; returns false if there is none. */
  async sayNext() {
    const { session } = this;
    const word = this.transfer.nextWord();
    if (!session || !word) return false;
    const place = ++this.words;
    const sent = session.send(word, { channel: CHAT_CHANNEL });
    this.transfer.wordSent(place);
    sent
      .then(({ delivered }) => delivered)
      .then(
        () => this.transfer.heard(place),
        () => {},
      );
    await sent.catch(() => {});
    return true;
  }
  sendNext() {
    return this.outgoing.sendSome(() => this.sent);
  }
  /**
   * Called by the transfer, which passes on bytes that were read. Returns false if nothing can be sent now.
   * @param {Uint8Array} head @param {Uint8Array | null} body
   */
  send(head, body) {
    const { session } = this;
    if (!session) return false;
    if (body && head.length + body.length > session.messageMax) {
      this.transfer.messageMax(session.messageMax);
      return false;
    }
    const want = body && this.outgoing.sending;
    const size = body?.length ?? 0;
    if (want) this.cardOf(want.file)?.sent(size);
    const over = this.outgoing.sent(size);
    /** @param {boolean} arrived */
    const settled = (arrived) => {
      over();
      if (arrived && want) this.delivered(want.file, want.offset + size, size);
      this.work();
    };
    this.sent = session.send(concat(head, body), { channel: FILE_CHANNEL, take: true }).then(
      ({ delivered }) =>
        void delivered.then(
          () => settled(true),
          () => settled(false),
        ),
      () => settled(false),
    );
    return true;
  }
  /** @param {TransferFile} file @param {number} place up to which all bytes were delivered @param {number} bytes */
  delivered(file, place, bytes) {
    if (this.transfer.outgoing.get(file.id) !== file) return;
    this.transfer.taken(file.id, place);
    this.moved(file, bytes);
  }

  /* ---- actions of the transfer ------------------------------------------------------------------------ */

  /** @param {import('../../../client/core/transfer/transfer.js').FileAction} action */
  act({ type, file, data = NO_BYTES, sha256 = NO_BYTES, why = 0, byPeer = false }) {
    switch (type) {
      case 'offered':
        void this.serial(() => this.offered(file));
        break;
      case 'prepare':
        void this.serial(() => this.prepare(file));
        break;
      case 'store':
        this.incoming.put(file, data);
        break;
      case 'finish':
        this.incoming.finish(file, sha256).catch((error) => this.logError(error));
        break;
      case 'told':
        this.files.touch();
        break;
      case 'over':
        this.over(file, why, byPeer);
        break;
    }
  }

  /** @param {TransferFile} file */
  cardOf(file) {
    for (const card of this.cards.values()) if (card.mine === file.outgoing && card.records.has(file.id)) return card;
    return undefined;
  }

  /** The other side offers a file: asks the person, unless they answered before. @param {TransferFile} file */
  async offered(file) {
    const { store } = this.files;
    const record = await store.get(this.key(file));
    if (this.transfer.incoming.get(file.id) !== file) return;
    // This side ended it, and the other side did not learn of it.
    if (record?.state === 'over' && !record.byPeer && !record.told) return this.refuse(file.id, record.why ?? 0);
    const known = record && (await this.open(record.card));
    const card = known ?? (await this.cardForOffer(file));
    if (!card) return this.offeredAgain(file, record);
    // A file of a group that is not wanted.
    if (!record && card.message.stop) return this.refuse(file.group, card.message.stop);
    if (!record || isOver(record)) await this.keepRecord(card, file, record);
    card.files.set(file.id, file);
    if (!record || isOver(record)) await this.decide(card, file); // one that is offered again may be larger now
    if (record?.state === 'saved' || card.message.state !== 'asking') this.transfer.accept(file.id);
    this.files.touch();
    this.work();
  }

  /**
   * Accepts a new card if the person wants that without being asked. When more comes than was said at first, it asks
   * about the rest.
   * @param {Card} card @param {TransferFile} file a new file of it
   */
  async decide(card, file) {
    const { isNew, message } = card;
    card.isNew = false;
    if (!isNew && !(message.unasked && message.state === 'open')) return;
    const takes = !file.isStream && (await this.files.takes(this.contact, card));
    try {
      if (takes !== (message.state === 'open')) await this.settle(card, takes ? 'open' : 'asking', takes);
    } catch (error) {
      card.roomFor = 0; // it is asked about
      throw error;
    }
  }

  /**
   * The person deleted the card, and the other side does not know yet how its file ended.
   * @param {TransferFile} file @param {FileRecord} [record]
   */
  offeredAgain(file, record) {
    if (record?.state !== 'saved') return this.refuse(file.id, FILE_DECLINED);
    this.transfer.accept(file.id); // `prepare` answers that it was saved
    this.work();
  }

  /** @param {string} id of a file or a group @param {number} why FILE_… */
  refuse(id, why) {
    this.transfer.stop(id, why);
    this.work();
  }

  /** @param {Card} card @param {TransferFile} file @param {FileRecord} [before] the record that there was */
  async keepRecord(card, file, before) {
    if (before?.state === 'saved') return;
    const path = safeName(file.name);
    /** @type {FileRecord} */
    const record = {
      key: this.key(file),
      contact: this.contact,
      mine: 0,
      id: file.id,
      card: card.n,
      path,
      size: file.size,
      flags: file.flags,
      type: typeOf(file),
      modified: modifiedOf(file, this.files.now()),
      state: 'open',
      n: before?.n ?? card.records.size,
      open: 1,
    };
    card.records.set(file.id, record);
    await this.files.store.put(record);
    if (isOver(card.message)) await this.settle(card, 'asking');
  }

  /** Returns the card that an offer belongs to; creates it if there is none. @param {TransferFile} file */
  async cardForOffer(file) {
    const { db, now } = this.files;
    const id = file.group || file.id;
    const path = safeName(file.name).split('/');
    const folder = file.group !== '' && (path.length > 1 || isFolder(file));
    const about = {
      name: (folder ? path[0] : path.at(-1)) ?? '',
      size: file.group ? Math.min(file.groupBytes, Number.MAX_SAFE_INTEGER) : file.size,
      type: file.group ? '' : typeOf(file),
      count: file.group ? Math.max(1, file.groupFiles) : 1,
      folder,
      group: file.group,
    };
    const made = await db.addMessage({
      contact: this.contact,
      mine: 0,
      id,
      kind: 'file',
      text: about.name,
      at: now(),
      state: 'asking',
      file: about,
    });
    if (!made) {
      const before = await db.messageById(this.contact, 0, id);
      return before && this.open(before.n);
    }
    const card = new Card(made);
    card.isNew = true;
    this.cards.set(card.n, card);
    this.files.received(this.contact, made);
    return card;
  }

  /** Returns a card; reads it from the database if needed. @param {number} n @returns {Promise<Card | undefined>} */
  async open(n) {
    const here = this.cards.get(n);
    if (here) return here;
    const message = await this.files.db.message(n);
    if (message?.kind !== 'file') return undefined;
    const card = new Card(message);
    for (const record of await this.files.store.ofCard(n)) {
      card.records.set(record.id, record);
      if (!card.mine && !isOver(record)) card.here.set(record.id, await this.files.store.storedTo(record.key));
    }
    card.paused = message.held === 'person';
    this.cards.set(n, card);
    return card;
  }

  /**
   * Returns a card that is not over. It may have no file that is open: the other side has offered some of a group, and
   * nothing since, not even that there will be no more.
   * @param {number} n
   */
  async openUndecided(n) {
    const here = this.cards.get(n);
    if (here) return here;
    const message = await this.files.db.message(n);
    return message?.state === 'asking' || message?.state === 'open' ? this.open(n) : undefined;
  }

  /** @param {TransferFile} file */
  async prepare(file) {
    const card = this.cardOf(file);
    const record = card?.records.get(file.id);
    if (!card || !record || record.state === 'saved') return this.incoming.finished(file, 0);
    await this.incoming.prepare(file, record.key);
    if (card.paused && this.transfer.incoming.get(file.id) === file) this.transfer.pause(file.id);
    return this.work();
  }

  /** @param {TransferFile} file */
  async saved(file) {
    const card = this.cardOf(file);
    const record = card?.records.get(file.id);
    if (!record) return;
    Object.assign(record, { state: 'saved', size: file.size });
    delete record.open;
    await this.files.store.put(record);
    this.files.picture(record, () => this.files.store.whole(record.key, record.type));
  }

  /** @param {TransferFile} file @param {number} why 0, or FILE_… @param {boolean} byPeer */
  over(file, why, byPeer) {
    const key = this.key(file);
    if (file.outgoing) {
      this.outgoing.forget(file.id);
      this.sources.delete(key);
    } else if (why === 0) this.incoming.forget(file.id);
    else void this.incoming.drop(file.id, key);
    /** @type {End} */
    const end = {
      state: why === 0 ? 'saved' : 'over',
      why,
      byPeer,
      told: this.linked,
      ...(why === 0 && { size: file.size }),
    };
    const card = this.cardOf(file);
    if (card) mark(card, file, end); // at once, or a job that waits before this one could offer it again
    void this.serial(() => this.ended(card ?? this.cardOf(file), file, end)); // the card may have been created by then
  }
  /** @param {Card | undefined} card @param {TransferFile} file @param {End} end */
  async ended(card, file, end) {
    const { store } = this.files;
    if (file.outgoing) await store.dropSources(this.key(file));
    if (!card) return;
    const record = mark(card, file, end);
    // A folder was cancelled: nothing will be heard of the files in it that were not offered yet.
    if (end.byPeer && end.why === FILE_CANCELLED && !file.outgoing && card.files.size === 0)
      card.count = card.records.size;
    await this.putOver(card, record);
    await this.settle(card);
    await this.feed();
  }
  /**
   * Stores these records, and all others of the card that are over: a card that is over must have none that is open.
   * @param {Card} card @param {FileRecord[]} records
   */
  putOver(card, ...records) {
    const over = [...card.records.values()].filter((record) => isOver(record) && record.open);
    for (const record of over) delete record.open;
    return this.files.store.put(...new Set([...records, ...over]));
  }

  /**
   * Stores the state of a card after a change.
   * @param {Card} card @param {FileMessage['state']} state @param {boolean} [unasked] see FileMessage
   */
  async settle(card, state = card.message.state, unasked = card.message.unasked) {
    const { db, shown } = this.files;
    const over = card.isOver; // now: more files may be saved while this is stored
    /** @type {Partial<FileMessage>} */
    const next = {
      state,
      unasked,
      saved: card.savedCount,
      held: card.paused ? 'person' : undefined,
      passed: card.passed,
    };
    if (over) {
      const failed = [...card.records.values()].filter((record) => record.state === 'over');
      next.state = card.savedCount > 0 ? 'saved' : 'over';
      next.failed = failed.length;
      next.why = failed.at(-1)?.why ?? 0;
      next.byPeer = Boolean(failed.at(-1)?.byPeer);
      next.held = undefined;
      next.file = {
        ...card.message.file,
        count: card.count,
        size: card.message.file.group ? card.message.file.size : card.size,
      };
    }
    /** @type {(message: FileMessage) => FileMessage} */
    const change = (message) => ({ ...message, ...next });
    const changed = await db.changeMessage(card.n, change);
    if (!changed) return;
    card.message = changed;
    if (over) this.cards.delete(card.n);
    shown(this.contact, [changed]);
    this.files.touch();
  }

  /** @param {TransferFile} file @param {number} bytes */
  moved(file, bytes) {
    this.cardOf(file)?.moved(bytes, this.files.now());
    this.files.touch();
  }
  /** @param {TransferFile} file @param {boolean} is */
  checking(file, is) {
    const card = this.cardOf(file);
    if (card) card.checking = is;
    this.files.touch();
  }

  /* ---- sending ------------------------------------------------------------------------------------------- */

  /**
   * Offers the files of a new card. The tab made its id, so that a repeated call offers it once.
   * @param {NewCard} what
   */
  offer({ id, group, name, folder, files }) {
    return this.asked(async () => {
      const { db, now, shown } = this.files;
      const size = files.reduce((sum, { file }) => sum + (file?.size ?? 0), 0);
      const about = { name, size, type: group ? '' : (files[0].file?.type ?? ''), count: files.length, folder, group };
      /** @param {number} card @returns {FileRecord[]} */
      const recordsOf = (card) =>
        files.map(({ id: file, file: source, path }, n) => ({
          key: keyOf(this.contact, 1, file),
          contact: this.contact,
          mine: 1,
          id: file,
          card,
          path,
          size: source?.size ?? 0,
          flags: source ? 0 : FILE_FLAG_FOLDER,
          type: source?.type ?? '',
          modified: source?.lastModified,
          state: 'queued',
          n,
          open: 1,
        }));
      const made = {
        contact: this.contact,
        mine: /** @type {const} */ (1),
        id,
        kind: /** @type {const} */ ('file'),
        text: name,
        at: now(),
        state: /** @type {const} */ ('open'),
        file: about,
      };
      const message = await db.addMessage(made, recordsOf);
      if (!message) return null;
      const card = new Card(message);
      this.cards.set(card.n, card);
      recordsOf(card.n).forEach((record, place) => {
        card.records.set(record.id, record);
        const { file } = files[place];
        if (file) this.sources.set(record.key, file);
      });
      shown(this.contact, [message]);
      for (const record of card.records.values()) {
        const source = this.sources.get(record.key);
        if (source) this.files.picture(record, () => source);
      }
      await this.feed();
      return message;
    });
  }

  /** Offers as many files as may be open at a time. */
  async feed() {
    for (const card of this.cards.values()) {
      if (!card.mine) continue;
      for (const record of card.records.values()) {
        if (isOver(record) || this.transfer.outgoing.has(record.id)) continue;
        if (!(await this.feedOne(card, record))) break;
      }
    }
    this.work();
  }
  /** Offers one file; returns false when too many are open. @param {Card} card @param {FileRecord} record */
  async feedOne(card, record) {
    const { store } = this.files;
    const { id, key } = record;
    const fresh = this.sources.get(key);
    const source = fresh ?? (await store.source(key));
    const { group, count, size } = card.message.file;
    let file;
    try {
      file = this.transfer.add({
        id,
        size: record.size,
        flags: record.flags,
        group,
        groupFiles: count,
        groupBytes: size,
        modifiedNs: nsOf(record.modified),
        name: encoder.encode(record.path || 'file').slice(0, 1024),
        mediaType: encoder.encode(record.type).slice(0, 127),
      });
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return false;
      // It can never be offered. Those after it can.
      this.logError(error);
      Object.assign(record, { state: 'over', why: FILE_UNREADABLE, byPeer: false, told: true });
      await this.putOver(card, record);
      await this.settle(card);
      return true;
    }
    card.files.set(id, file);
    this.outgoing.add(file, source);
    if (this.takesTooLittle) {
      this.transfer.stop(id, FILE_TOO_LARGE);
      return true;
    }
    card.missing ||= !this.hasBytes(record);
    // Without its bytes, it waits until the person chooses the file again.
    if (!this.hasBytes(record) || card.paused) this.transfer.pause(id);
    if (fresh) void this.outgoing.keep(id, key, fresh);
    if (record.state === 'queued') await store.put(Object.assign(record, { state: 'open' }));
    this.files.touch();
    return true;
  }

  /** An empty folder has no bytes, so they are here. @param {Pick<FileRecord, 'id' | 'flags'>} file */
  hasBytes({ id, flags }) {
    return isFolder({ flags }) || Boolean(this.outgoing.departures.get(id)?.source);
  }

  /**
   * Takes files that were chosen again after a reload. Returns whether all that were missing are here now.
   * @param {number} n @param {{file: File, path: string}[]} files
   */
  async chooseAgain(n, files) {
    const card = this.cards.get(n);
    if (!card?.missing) return true;
    const left = [...card.records.values()].filter((record) => !isOver(record));
    for (const record of left) {
      /** @param {{file: File, path: string}} chosen */
      const fits = ({ file, path }) =>
        (card.message.file.group ? path === record.path : true) &&
        file.size === record.size &&
        file.lastModified === record.modified;
      const found = files.find(fits);
      if (!found) continue;
      this.sources.set(record.key, found.file);
      const file = this.transfer.outgoing.get(record.id);
      if (!file) continue;
      this.outgoing.forget(record.id);
      this.outgoing.add(file, found.file);
      void this.outgoing.keep(record.id, record.key, found.file);
      if (!card.paused) this.transfer.resume(record.id);
    }
    card.missing = left.some((record) => this.transfer.outgoing.has(record.id) && !this.hasBytes(record));
    this.files.touch();
    this.work();
    return !card.missing;
  }

  /* ---- decisions of the person ------------------------------------------------------------------------- */

  /** @param {number} n */
  accept(n) {
    return this.asked(async () => {
      const card = await this.openUndecided(n);
      if (card?.message.state !== 'asking') return;
      await this.settle(card, 'open', false);
      for (const file of [...card.files.values()]) if (file.state === 'asking') this.transfer.accept(file.id);
      this.work();
    });
  }
  /** Ends a card for both sides. @param {number} n @param {number} why FILE_DECLINED or FILE_CANCELLED */
  stop(n, why) {
    return this.asked(async () => {
      const card = await this.openUndecided(n);
      if (!card) return;
      const { group } = card.message.file;
      /** @type {(message: FileMessage) => FileMessage} */
      const withStop = (message) => ({ ...message, stop: why });
      const open = [...card.records.values()].filter((record) => !isOver(record));
      const known = card.files.size > 0;
      if (known) this.transfer.stop(group || open[0].id, why);
      const rest = open.filter((record) => !isOver(record));
      for (const record of rest) {
        Object.assign(record, { state: 'over', why, byPeer: false, told: known && this.linked });
      }
      await this.putOver(card);
      await this.dropBytes(rest);
      // The files that the other side has not offered yet are not wanted either.
      card.count = card.records.size;
      if (group && !card.mine) await this.files.db.changeMessage(n, withStop);
      await this.settle(card);
      this.work();
    });
  }
  /** @param {FileRecord[]} records */
  async dropBytes(records) {
    /** @param {0 | 1} mine */
    const keys = (mine) => records.filter((record) => record.mine === mine).map(({ key }) => key);
    for (const key of keys(1)) this.sources.delete(key);
    await Promise.all([this.files.store.dropSources(...keys(1)), this.files.store.dropPieces(...keys(0))]);
  }
  /** @param {number} n @param {boolean} paused */
  hold(n, paused) {
    return this.asked(async () => {
      const card = this.cards.get(n);
      if (!card) return;
      const before = card.paused;
      card.paused = paused;
      await this.settle(card).catch((error) => {
        card.paused = before;
        throw error;
      });
      card.meter.reset();
      for (const file of card.files.values()) {
        if (paused) this.transfer.pause(file.id);
        else if (!card.mine || this.hasBytes(file)) this.transfer.resume(file.id);
      }
      this.work();
    });
  }
  /** Tries again to store files, because there may be room now. */
  tryAgain() {
    clearTimeout(this.retry);
    this.retry = undefined;
    for (const file of this.transfer.incoming.values())
      if (file.heldHere === FILE_HELD_DISK_FULL) this.transfer.room(file.id);
    this.files.touch();
    this.work();
  }
  tryAgainLater() {
    this.retry ??= setTimeout(() => this.tryAgain(), ROOM_RETRY_MS);
  }

  /** Whether a session carries files at present. */
  get linked() {
    return this.session?.state === 'linked';
  }
  /** How many cards closing the page would interrupt. */
  get underway() {
    if (!this.linked) return 0;
    /** @param {TransferFile} file */
    const moves = (file) => file.state !== 'asking' && !file.heldHere && !file.heldThere;
    return [...this.cards.values()].filter((card) => !card.paused && [...card.files.values()].some(moves)).length;
  }

  stopAll() {
    this.session = null;
    clearTimeout(this.retry);
    this.incoming.stop();
    this.outgoing.stop();
    this.cards.clear();
  }
  /** Resolves when no job is running or waiting any more. */
  async idle() {
    let jobs;
    do {
      jobs = this.jobs;
      await jobs;
      await this.incoming.writing;
    } while (jobs !== this.jobs);
  }
}

/** Writes into a file's record how it ended. @param {Card} card @param {TransferFile} file @param {End} end */
function mark(card, file, end) {
  card.files.delete(file.id);
  const record = /** @type {FileRecord} */ (card.records.get(file.id)); // `cardOf` found the card by it
  return Object.assign(record, end);
}
