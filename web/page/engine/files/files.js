/** The files of all contacts: the commands of the tabs about them, and what the tabs see. */
import { FILE_CANCELLED, FILE_DECLINED, FILE_FLAG_FOLDER } from '../../../client/wire_table.js';
import { asError } from '../errors.js';
import { takesUnasked } from './accepting.js';
import { Desk } from './desk.js';
import { FileStore } from './store.js';
import { sweep } from './sweep.js';
import { PICTURES, Thumbs, mayShow } from './thumbs.js';

/** The least time between two reports of progress to the tabs. */
const TICK_MS = 250;

/** @typedef {import('../types.js').Engine} Engine */

export class Files {
  /** @param {Engine} engine */
  constructor(engine) {
    this.engine = engine;
    this.store = new FileStore(engine.db);
    /** @type {Map<string, Desk>} */
    this.desks = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** What `underway` was at the last report. */
    this.busy = 0;
    /** @type {import('./thumbs.js').ThumbServices['shown']} */
    const shown = (contact, list) => engine.tell.messages(contact, list);
    const log = (/** @type {string} */ text) => engine.log(text);
    this.thumbs = new Thumbs({ db: engine.db, shown, log });
    /** The cards whose thumbnails are being made because a tab asked for them. @type {Set<number>} */
    this.making = new Set();
    /** @type {import('./desk.js').DeskServices} */
    this.services = {
      db: engine.db,
      store: this.store,
      now: engine.now,
      sha256: () => new engine.lib.Sha256(),
      room: engine.room,
      shown,
      picture: (record, bytes) => void this.thumbs.add(record, bytes),
      received: (contact, message) => this.received(contact, message),
      takes: (contact, card) => this.takes(contact, card),
      held: (contact) => this.held(contact),
      touch: () => this.touch(),
      log,
    };
  }

  /** @param {string} contact */
  desk(contact) {
    let desk = this.desks.get(contact);
    if (!desk) this.desks.set(contact, (desk = new Desk(contact, this.services)));
    return desk;
  }

  /** Resumes the transfers that were open, and deletes what was left behind. */
  async load() {
    await this.open((contact) => this.engine.contacts.has(contact));
    void this.sweep();
  }

  /** Resumes the transfers that were open with these contacts. @param {(contact: string) => boolean} wanted */
  async open(wanted) {
    for (const { contact, card } of await this.store.open()) if (wanted(contact)) await this.desk(contact).open(card);
    for (const [contact, desk] of this.desks) if (wanted(contact)) await desk.serial(() => desk.feed());
  }

  /** Deletes bytes that nothing refers to. */
  async sweep() {
    try {
      const count = await sweep(this.engine.db);
      if (count === 0) return;
      this.engine.log(`deleted what was left of ${count} files`);
      this.tryAgain();
    } catch (error) {
      this.engine.log(`files: ${asError(error).message ?? error}`);
    }
  }

  /**
   * Returns true when a card of a contact is taken without asking.
   * @param {string} id @param {import('./card.js').Card} card
   */
  async takes(id, card) {
    const most = this.held(id) ? undefined : this.engine.contacts.get(id)?.accepts;
    return takesUnasked(most, card, { room: () => this.engine.room(), cards: () => this.cards() });
  }

  /** The cards of all contacts that are not over. */
  cards() {
    return [...this.desks.values()].flatMap((desk) => [...desk.cards.values()]);
  }

  /** Returns true while nothing may be sent to a contact. @param {string} id */
  held(id) {
    const contact = this.engine.contacts.get(id);
    return !contact || contact.blocked || this.engine.server.changed !== null || this.engine.doubt(contact) !== null;
  }

  /** @param {string} id @param {import('../types.js').FileMessage} message */
  received(id, message) {
    const contact = this.engine.contacts.get(id);
    if (!contact) return;
    contact.last = { text: message.text, at: message.at, mine: 0 };
    this.engine.received(contact, message);
  }

  /* ---- what the tabs see -------------------------------------------------------------------------------- */

  touch() {
    this.timer ??= setTimeout(() => this.tick(), TICK_MS);
  }
  tick() {
    this.timer = undefined;
    this.engine.tell.files(this.shown());
    const busy = this.underway;
    if (busy !== this.busy) this.engine.tell.state();
    this.busy = busy;
    if (busy > 0) this.touch(); // the rate falls while nothing moves
  }
  /** @returns {import('../types.js').FilesProgress} */
  shown() {
    const now = this.engine.now();
    /** @param {Desk} desk @returns {[number, import('../types.js').FileProgress][]} */
    const ofDesk = (desk) => [...desk.cards.values()].map((card) => [card.n, card.shown(now, desk.linked)]);
    return Object.fromEntries([...this.desks.values()].flatMap(ofDesk));
  }
  get underway() {
    return [...this.desks.values()].reduce((sum, desk) => sum + desk.underway, 0);
  }

  /**
   * Returns a card's file, or one of its files; null when its bytes are not here.
   * @param {number} n @param {string} [id] @returns {Promise<{blob: Blob, name: string} | null>}
   */
  async blob(n, id) {
    const records = await this.store.ofCard(n);
    const record = id ? records.find((one) => one.id === id) : records[0];
    if (!record) return null;
    // Never a type that a browser would run with the rights of this page.
    const type = PICTURES.has(record.type) ? record.type : 'application/octet-stream';
    const source = record.mine
      ? (this.desks.get(record.contact)?.sources.get(record.key) ?? (await this.store.source(record.key)))
      : undefined;
    if (record.mine && !source) return null;
    if (!record.mine && record.state !== 'saved') return null;
    return {
      blob: source ? source.slice(0, source.size, type) : await this.store.whole(record.key, type),
      name: nameOf(record),
    };
  }

  /**
   * Returns a picture in full size, or its thumbnail where nothing more is here or may be decoded; null: neither is.
   * @param {number} n @param {string} id @returns {Promise<{blob: Blob, name: string, whole: boolean} | null>}
   */
  async picture(n, id) {
    const found = await this.blob(n, id);
    if (found && PICTURES.has(found.blob.type) && (await mayShow(found.blob))) return { ...found, whole: true };
    const record = (await this.store.ofCard(n)).find((one) => one.id === id);
    const thumb = record && (await this.thumbs.get(record.contact, n, id));
    return thumb ? { blob: thumb, name: nameOf(record), whole: false } : null;
  }

  /**
   * Makes the thumbnail of a picture that has none yet, because it came before there were any.
   * @param {number} n
   */
  async wantThumb(n) {
    const message = await this.engine.db.message(n);
    if (message?.kind !== 'file' || message.pictures || this.making.has(n)) return;
    this.making.add(n);
    try {
      const [record] = await this.store.ofCard(n);
      // When its turn comes, the one that was being made may be there.
      if (record && !message.file.group)
        await this.thumbs.add(record, async () => {
          const now = await this.engine.db.message(n);
          return now?.kind === 'file' && !now.pictures ? (await this.blob(n, record.id))?.blob : undefined;
        });
    } finally {
      this.making.delete(n);
    }
  }

  /** Tries again to store what waits for room, because there is room now. */
  tryAgain() {
    for (const desk of this.desks.values()) desk.tryAgain();
  }

  /** Removes received files, with their thumbnails. Their card stays. @param {number} n */
  async remove(n) {
    const keys = (await this.store.ofCard(n)).map(({ key }) => key);
    await this.thumbs.remove(n, keys);
    this.tryAgain();
  }

  stop() {
    for (const desk of this.desks.values()) desk.stopAll();
    this.desks.clear();
  }

  /**
   * Ends all transfers with a contact that is about to be deleted. Resolves once nothing of them is being written, with
   * a function that resumes them if the contact could not be deleted.
   * @param {string} contact @returns {Promise<() => Promise<void>>}
   */
  async part(contact) {
    const before = this.desks.get(contact);
    before?.stopAll();
    this.desks.delete(contact);
    await before?.idle();
    return async () => {
      for (const [key, file] of before?.sources ?? []) this.desk(contact).sources.set(key, file);
      await this.open((one) => one === contact);
    };
  }
}

/** @param {import('../types.js').FileRecord} record */
const nameOf = ({ path }) => path.split('/').at(-1) ?? '';

/** @typedef {{contact: string, n: number}} OneCard */

/** The commands of the tabs about files; see ../commands.js. */
export const fileCommands = {
  /** @param {Engine} engine @param {{contact: string, cards: import('./desk.js').NewCard[]}} args */
  sendFiles: async (engine, { contact: id, cards }) => {
    const contact = engine.contacts.get(id);
    if (!contact || engine.files.held(id)) return { problem: 'blocked' };
    for (const card of cards) {
      await engine.files.desk(id).offer(card);
      contact.last = { text: card.name, at: engine.now(), mine: 1 };
    }
    engine.changed(contact, true);
    engine.conversation(contact).dial();
    return {};
  },
  /**
   * Sets up to which size files of a contact are taken without asking; 0: always ask.
   * @param {Engine} engine @param {{contact: string, bytes: number}} args
   */
  acceptUpTo: async (engine, { contact: id, bytes }) => {
    const contact = engine.contacts.get(id);
    if (contact) await engine.kept.decide(contact, { accepts: bytes > 0 ? bytes : undefined });
  },
  /** @param {Engine} engine @param {OneCard} args */
  acceptFile: (engine, { contact, n }) => engine.files.desk(contact).accept(n),
  /**
   * Accepts the offers that the person sees. One that came since is not among them, also when the call is repeated.
   * @param {Engine} engine @param {{contact: string, list: number[]}} args list: the numbers of their messages
   */
  acceptFiles: async (engine, { contact, list }) => {
    for (const n of list) await engine.files.desk(contact).accept(n);
  },
  /** @param {Engine} engine @param {OneCard} args */
  declineFile: (engine, { contact, n }) => engine.files.desk(contact).stop(n, FILE_DECLINED),
  /** @param {Engine} engine @param {OneCard} args */
  cancelFile: (engine, { contact, n }) => engine.files.desk(contact).stop(n, FILE_CANCELLED),
  /** @param {Engine} engine @param {OneCard} args */
  pauseFile: (engine, { contact, n }) => engine.files.desk(contact).hold(n, true),
  /** @param {Engine} engine @param {OneCard} args */
  resumeFile: (engine, { contact, n }) => engine.files.desk(contact).hold(n, false),
  /** @param {Engine} engine @param {OneCard} args */
  retryFile: (engine, { contact }) => engine.files.desk(contact).tryAgain(),
  /** @param {Engine} engine @param {OneCard & {files: {file: File, path: string}[]}} args */
  chooseFileAgain: (engine, { contact, n, files }) => engine.files.desk(contact).chooseAgain(n, files),
  /** @param {Engine} engine @param {{n: number, id?: string}} args */
  fileBlob: (engine, { n, id }) => engine.files.blob(n, id),
  /** @param {Engine} engine @param {{n: number, id: string}} args */
  picture: (engine, { n, id }) => engine.files.picture(n, id),
  /** @param {Engine} engine @param {{contact: string, n: number, id: string}} args */
  thumb: (engine, { contact, n, id }) => engine.files.thumbs.get(contact, n, id),
  /** @param {Engine} engine @param {{n: number}} args */
  wantThumb: (engine, { n }) => engine.files.wantThumb(n),
  /** @param {Engine} engine @param {{n: number}} args */
  filesOf: async (engine, { n }) =>
    (await engine.files.store.ofCard(n)).map(({ id, path, size, state, type, flags, modified }) => ({
      id,
      path,
      size,
      state,
      type,
      modified,
      folder: (flags & FILE_FLAG_FOLDER) !== 0,
    })),
  /** @param {Engine} engine @param {{n: number}} args */
  removeFile: (engine, { n }) => engine.files.remove(n),
};
