/** The files of all contacts: what tabs may ask for, and what they are shown of it. */
import { FILE_CANCELLED, FILE_DECLINED } from '../../../client/wire_table.js';
import { Desk } from './desk.js';
import { FileStore } from './store.js';

/** Tabs hear of progress at most so often. */
const TICK_MS = 250;
/** What a browser shows as a picture, and never runs. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);

export class Files {
  /** @param {import('../engine.js').Engine} engine */
  constructor(engine) {
    this.engine = engine;
    this.store = new FileStore(engine.db);
    /** @type {Map<string, Desk>} */
    this.desks = new Map();
    this.timer = undefined;
    this.services = {
      db: engine.db,
      store: this.store,
      now: engine.now,
      sha256: () => new engine.lib.Sha256(),
      room: engine.room ?? (async () => Infinity),
      shown: (contact, list) => engine.tell.messages(contact, list),
      received: (contact, message) => this.received(contact, message),
      held: (contact) => this.held(contact),
      touch: () => this.touch(),
      log: (text) => engine.log(text),
    };
  }

  /** @param {string} contact */
  desk(contact) {
    let desk = this.desks.get(contact);
    if (!desk) this.desks.set(contact, (desk = new Desk(contact, this.services)));
    return desk;
  }

  /** Takes up what was under way. */
  async load() {
    for (const { contact, card } of await this.store.open())
      if (this.engine.contacts.has(contact)) await this.desk(contact).open(card);
    for (const desk of this.desks.values()) await desk.serial(() => desk.feed());
  }

  held(id) {
    const contact = this.engine.contacts.get(id);
    return !contact || contact.blocked || this.engine.server.changed !== null || this.engine.doubt(contact) !== null;
  }

  received(id, message) {
    const contact = this.engine.contacts.get(id);
    if (!contact) return;
    contact.last = { text: message.text, at: message.at, mine: 0 };
    this.engine.received(contact, message);
  }

  /* ---- what tabs are shown ----------------------------------------------------------------------------- */

  touch() {
    this.timer ??= setTimeout(() => this.tick(), TICK_MS);
  }
  tick() {
    this.timer = undefined;
    this.engine.tell.files?.(this.shown());
    const busy = this.underway;
    if (busy !== this.busy) this.engine.tell.state();
    this.busy = busy;
    if (busy > 0) this.touch(); // a rate falls while nothing comes
  }
  /** By the number of the message. */
  shown() {
    const now = this.engine.now();
    const cards = [...this.desks.values()].flatMap((desk) => [...desk.cards.values()]);
    return Object.fromEntries(cards.map((card) => [card.n, card.shown(now)]));
  }
  get underway() {
    return [...this.desks.values()].reduce((sum, desk) => sum + desk.underway, 0);
  }

  /** The bytes of a card's file, or of one of its files. @returns {Promise<{blob: Blob, name: string} | null>} */
  async blob(n, id) {
    const records = await this.store.ofCard(n);
    const record = id ? records.find((one) => one.id === id) : records[0];
    if (!record) return null;
    // Never a type that could run as a page of ours.
    const type = PICTURES.has(record.type) ? record.type : 'application/octet-stream';
    const source = record.mine
      ? (this.desks.get(record.contact)?.sources.get(record.key) ?? (await this.store.source(record.key)))
      : undefined;
    if (record.mine && !source) return null;
    if (!record.mine && record.state !== 'saved') return null;
    return {
      blob: source ? source.slice(0, source.size, type) : await this.store.whole(record.key, type),
      name: record.path.split('/').at(-1),
    };
  }

  async remove(n) {
    const records = await this.store.ofCard(n);
    await this.store.dropPieces(...records.map(({ key }) => key));
    const changed = await this.engine.db.changeMessage(n, (message) => ({ ...message, state: 'removed' }));
    if (changed) this.engine.tell.messages(changed.contact, [changed]);
    for (const desk of this.desks.values()) desk.tryAgain(); // there is room now
  }

  stop() {
    for (const desk of this.desks.values()) desk.stopAll();
    this.desks.clear();
  }

  /** Ends all with one contact, and drops its files. */
  async forget(contact) {
    this.desks.get(contact)?.stopAll();
    this.desks.delete(contact);
    await this.store.forget(contact);
  }
}

/** The commands of the tabs about files; see ../commands.js. */
export const fileCommands = {
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
  acceptFile: (engine, { contact, n }) => engine.files.desk(contact).accept(n),
  declineFile: (engine, { contact, n }) => engine.files.desk(contact).stop(n, FILE_DECLINED),
  cancelFile: (engine, { contact, n }) => engine.files.desk(contact).stop(n, FILE_CANCELLED),
  pauseFile: (engine, { contact, n }) => engine.files.desk(contact).hold(n, true),
  resumeFile: (engine, { contact, n }) => engine.files.desk(contact).hold(n, false),
  retryFile: (engine, { contact }) => engine.files.desk(contact).tryAgain(),
  chooseFileAgain: (engine, { contact, n, files }) => engine.files.desk(contact).chooseAgain(n, files),
  fileBlob: (engine, { n, id }) => engine.files.blob(n, id),
  filesOf: async (engine, { n }) =>
    (await engine.files.store.ofCard(n)).map(({ id, path, size, state, type }) => ({ id, path, size, state, type })),
  removeFile: (engine, { n }) => engine.files.remove(n),
};
