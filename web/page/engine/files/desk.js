/**
 * The files of one contact, both ways: what `Transfer` decides is done here. Outlives sessions and clients; a session
 * is lent to it by the conversation.
 *
 * A record's state: queued (mine, not offered yet) → open → saved or over. A card's: asking → open → saved or over;
 * then removed.
 */
import { Transfer } from '../../../client/core/transfer/transfer.js';
import { safeName } from '../../../client/core/transfer/name.js';
import {
  CHAT_CHANNEL,
  CHAT_MESSAGE_LEAST,
  FILE_CANCELLED,
  FILE_CHANNEL,
  FILE_FLAG_FOLDER,
  FILE_HELD_DISK_FULL,
  FILE_TOO_LARGE,
} from '../../../client/wire_table.js';
import { Card } from './card.js';
import { Incoming } from './incoming.js';
import { Outgoing } from './outgoing.js';
import { keyOf } from './store.js';

const PRIORITY = 6;
const ROOM_RETRY_MS = 30_000;
const MEDIA_TYPE = /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const isOver = ({ state }) => state === 'saved' || state === 'over';

function concat(head, body) {
  const out = new Uint8Array(head.length + (body?.length ?? 0));
  out.set(head);
  if (body) out.set(body, head.length);
  return out;
}

export class Desk {
  /** @param {string} contact its ID
   * @param {{db: object, store: import('./store.js').FileStore, now: () => number, sha256: () => object, room: () =>
   * Promise<number>,
   *   shown: (contact: string, messages: object[]) => void, received: (contact: string, message: object) => void,
   *   held: (contact: string) => boolean, touch: () => void, log: (text: string) => void}} files */
  constructor(contact, files) {
    this.contact = contact;
    this.files = files;
    this.session = null;
    /** Words that were said about files; the place of each. */
    this.words = 0;
    /** They take less than a program that exchanges files has to. */
    this.takesTooLittle = false;
    /** @type {Map<number, Card>} those that are not over */
    this.cards = new Map();
    /** Files that tabs handed over. @type {Map<string, Blob>} */
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
    this.busyWith = { say: null, send: null };
    this.jobs = Promise.resolve();
    this.retry = undefined;
    this.sent = Promise.resolve();
  }

  /** One thing after the other: what is asked of the database and what follows from it. */
  serial(job) {
    const done = this.jobs.then(job);
    this.jobs = done.catch((error) => this.files.log(`files: ${error?.stack ?? error}`));
    return this.jobs;
  }
  key(file) {
    return keyOf(this.contact, file.outgoing ? 1 : 0, file.id);
  }

  /* ---- the session ------------------------------------------------------------------------------------- */

  /** Another session carries what is said from now on, or the same one began anew; null: none. */
  begin(session) {
    this.takesTooLittle = session !== null && session.messageMax < CHAT_MESSAGE_LEAST;
    this.session = this.takesTooLittle ? null : session;
    if (this.takesTooLittle)
      for (const { id } of [...this.transfer.outgoing.values()]) this.transfer.stop(id, FILE_TOO_LARGE);
    if (!this.session) return;
    session.setPriority(FILE_CHANNEL, PRIORITY);
    this.transfer.messageMax(session.messageMax);
    this.transfer.begun();
    this.work();
  }
  /** What is said about files. */
  message(data) {
    this.transfer.message(CHAT_CHANNEL, data);
    this.work();
  }
  /** Bytes of files. */
  take({ data, taken }) {
    this.transfer.message(FILE_CHANNEL, data);
    this.incoming.due(taken);
    this.work();
  }

  /** Says and sends what there is; each for itself, so that a word never waits behind bytes. */
  work() {
    this.run('say', () => this.sayNext());
    this.run('send', () => this.sendNext());
  }
  run(what, step) {
    if (this.busyWith[what]) {
      this.busyWith[what].again = true;
      return;
    }
    const turn = { again: false };
    this.busyWith[what] = turn;
    const loop = async () => {
      try {
        do turn.again = false;
        while ((this.session && !this.files.held(this.contact) && (await step())) || turn.again);
      } finally {
        this.busyWith[what] = null; // in the same turn as the last look: nothing asked for in between is missed
      }
    };
    loop().catch((error) => this.files.log(`files: ${error?.stack ?? error}`));
  }
  async sayNext() {
    const word = this.transfer.nextWord();
    if (!word) return false;
    const place = ++this.words;
    const sent = this.session.send(word, { channel: CHAT_CHANNEL });
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
  /** One message on its way; the transfer asks for this while it takes what was read. */
  send(head, body) {
    const { session } = this;
    if (!session) return false;
    if (body && head.length + body.length > session.messageMax) {
      this.transfer.messageMax(session.messageMax);
      return false;
    }
    const going = body && this.outgoing.sending;
    if (going) this.cardOf(going.file)?.sent(body.length);
    this.sent = session.send(concat(head, body), { channel: FILE_CHANNEL, take: true }).then(
      ({ delivered }) => {
        if (going)
          delivered.then(
            () => this.delivered(going.file, going.offset + body.length, body.length),
            () => {},
          );
      },
      () => {},
    );
    return true;
  }
  delivered(file, place, bytes) {
    if (this.transfer.outgoing.get(file.id) !== file) return;
    this.transfer.taken(file.id, place);
    this.moved(file, bytes);
  }

  /* ---- what the transfer does -------------------------------------------------------------------------- */

  act({ type, file, data, sha256, why, byPeer }) {
    switch (type) {
      case 'offered':
        return this.serial(() => this.offered(file));
      case 'prepare':
        return this.serial(() => this.prepare(file));
      case 'store':
        return this.incoming.put(file, data);
      case 'finish':
        return this.incoming.finish(file, sha256).catch((error) => this.files.log(`files: ${error?.stack ?? error}`));
      case 'told':
        return this.files.touch();
      case 'over':
        return this.over(file, why, byPeer);
    }
    return undefined;
  }

  cardOf(file) {
    for (const card of this.cards.values()) if (card.mine === file.outgoing && card.records.has(file.id)) return card;
    return undefined;
  }

  /** Somebody offers a file: the person is asked, unless it was answered before. */
  async offered(file) {
    const { store } = this.files;
    const record = await store.get(this.key(file));
    if (this.transfer.incoming.get(file.id) !== file) return;
    if (record?.state === 'over' && !record.byPeer && !record.told) return this.refuse(file.id, record.why); // our word was lost
    const known = record && (await this.open(record.card));
    const card = known ?? (await this.cardForOffer(file));
    if (!record && card.message.stop) return this.refuse(file.group, card.message.stop); // the rest of what is not wanted
    if (!record || isOver(record)) await this.keepRecord(card, file, record);
    card.files.set(file.id, file);
    if (record?.state === 'saved' || card.message.state !== 'asking') this.transfer.accept(file.id);
    this.files.touch();
    this.work();
  }

  refuse(id, why) {
    this.transfer.stop(id, why);
    this.work();
  }

  async keepRecord(card, file, before) {
    if (before?.state === 'saved') return;
    const path = safeName(file.name);
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
      state: 'open',
      n: before?.n ?? card.records.size,
      open: 1,
    };
    card.records.set(file.id, record);
    await this.files.store.put(record);
    if (isOver(card.message)) await this.settle(card, 'asking');
  }

  /** The card that this offer belongs to, or a new one. */
  async cardForOffer(file) {
    const { db, now } = this.files;
    const id = file.group || file.id;
    const path = safeName(file.name).split('/');
    const folder = file.group !== '' && path.length > 1;
    const about = {
      name: folder ? path[0] : path.at(-1),
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
    const message = made ?? (await db.messageById(this.contact, 0, id));
    if (!made) return this.open(message.n);
    const card = new Card(message);
    this.cards.set(card.n, card);
    this.files.received(this.contact, made);
    return card;
  }

  /** A card as it was left. */
  async open(n) {
    const here = this.cards.get(n);
    if (here) return here;
    const message = await this.files.db.message(n);
    if (!message) return undefined;
    const card = new Card(message);
    for (const record of await this.files.store.ofCard(n)) {
      card.records.set(record.id, record);
      if (!card.mine && !isOver(record)) card.here.set(record.id, await this.files.store.storedTo(record.key));
    }
    card.paused = message.held === 'person';
    this.cards.set(n, card);
    return card;
  }

  async prepare(file) {
    const card = this.cardOf(file);
    const record = card?.records.get(file.id);
    if (!record || record.state === 'saved') return this.incoming.finished(file, 0);
    await this.incoming.prepare(file, record.key);
    if (card.paused && this.transfer.incoming.get(file.id) === file) this.transfer.pause(file.id);
    return this.work();
  }

  async saved(file) {
    const card = this.cardOf(file);
    const record = card?.records.get(file.id);
    if (!record) return;
    Object.assign(record, { state: 'saved', size: file.size });
    delete record.open;
    await this.files.store.put(record);
  }

  over(file, why, byPeer) {
    const key = this.key(file);
    if (file.outgoing) {
      this.outgoing.forget(file.id);
      this.sources.delete(key);
    } else if (why === 0) this.incoming.forget(file.id);
    else this.incoming.drop(file.id, key);
    const end = {
      state: why === 0 ? 'saved' : 'over',
      why,
      byPeer,
      told: this.session?.state === 'linked',
      ...(why === 0 && { size: file.size }),
    };
    const card = this.cardOf(file);
    mark(card, file, end); // at once: what is over must not be offered again by a job that waits before this one
    this.serial(() => this.ended(card ?? this.cardOf(file), file, end)); // it may have been made by then
  }
  async ended(card, file, end) {
    const { store } = this.files;
    if (file.outgoing) await store.dropSources(this.key(file));
    if (!card) return;
    const record = mark(card, file, end);
    // Who cancels a folder says nothing about what was not offered yet.
    if (end.byPeer && end.why === FILE_CANCELLED && !file.outgoing && card.files.size === 0)
      card.count = card.records.size;
    delete record.open;
    await store.put(record);
    await this.settle(card);
    await this.feed();
  }

  /** Writes down how a card stands, when that has changed. */
  async settle(card, state = card.message.state) {
    const { db, shown } = this.files;
    const next = { state, saved: card.savedCount, held: card.paused ? 'person' : undefined, passed: card.passed };
    if (card.isOver) {
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
    const changed = await db.changeMessage(card.n, (message) => ({ ...message, ...next }));
    if (!changed) return;
    card.message = changed;
    if (card.isOver) this.cards.delete(card.n);
    shown(this.contact, [changed]);
    this.files.touch();
  }

  moved(file, bytes) {
    this.cardOf(file)?.moved(bytes, this.files.now());
    this.files.touch();
  }
  checking(file, is) {
    const card = this.cardOf(file);
    if (card) card.checking = is;
    this.files.touch();
  }

  /* ---- sending ------------------------------------------------------------------------------------------- */

  /** @param {{id: string, group: string, name: string, folder: boolean, files: {id: string, file: File, path: string}[]}} what
   *   id: of the card, made where it was asked for, so that asking twice sends once */
  offer({ id, group, name, folder, files }) {
    return this.serial(async () => {
      const { db, store, now, shown } = this.files;
      const size = files.reduce((sum, { file }) => sum + file.size, 0);
      const about = { name, size, type: group ? '' : files[0].file.type, count: files.length, folder, group };
      const message = await db.addMessage({
        contact: this.contact,
        mine: 1,
        id,
        kind: 'file',
        text: name,
        at: now(),
        state: 'open',
        file: about,
      });
      if (!message) return null;
      const card = new Card(message);
      this.cards.set(card.n, card);
      files.forEach(({ id: file, file: source, path }, n) => {
        const record = {
          key: keyOf(this.contact, 1, file),
          contact: this.contact,
          mine: 1,
          id: file,
          card: card.n,
          path,
          size: source.size,
          flags: 0,
          type: source.type,
          modified: source.lastModified,
          state: 'queued',
          n,
          open: 1,
        };
        card.records.set(file, record);
        this.sources.set(record.key, source);
      });
      await store.put(...card.records.values());
      shown(this.contact, [message]);
      await this.feed();
      return message;
    });
  }

  /** Offers as many as may be offered at a time. */
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
        name: encoder.encode(record.path).slice(0, 1024),
        mediaType: encoder.encode(record.type).slice(0, 127),
      });
    } catch (error) {
      if (error?.code === 'EAGAIN') return false;
      throw error;
    }
    card.files.set(id, file);
    this.outgoing.add(file, source);
    if (this.takesTooLittle) {
      this.transfer.stop(id, FILE_TOO_LARGE);
      return true;
    }
    card.missing ||= !source;
    // Without its bytes it waits, in words, for the person to choose it again.
    if (!source || card.paused) this.transfer.pause(id);
    if (fresh) this.outgoing.keep(id, key, fresh);
    if (record.state === 'queued') await store.put(Object.assign(record, { state: 'open' }));
    this.files.touch();
    return true;
  }

  /** Files that were chosen again after a reload. @returns {Promise<boolean>} whether all that was missing is there */
  async chooseAgain(n, files) {
    const card = this.cards.get(n);
    if (!card?.missing) return true;
    const left = [...card.records.values()].filter((record) => !isOver(record));
    for (const record of left) {
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
      this.outgoing.keep(record.id, record.key, found.file);
      if (!card.paused) this.transfer.resume(record.id);
    }
    card.missing = left.some(
      (record) => this.transfer.outgoing.has(record.id) && !this.outgoing.departures.get(record.id)?.source,
    );
    this.files.touch();
    this.work();
    return !card.missing;
  }

  /* ---- what a person decides -------------------------------------------------------------------------------- */

  accept(n) {
    return this.serial(async () => {
      const card = this.cards.get(n);
      if (card?.message.state !== 'asking') return;
      await this.settle(card, 'open');
      for (const file of [...card.files.values()]) if (file.state === 'asking') this.transfer.accept(file.id);
      this.work();
    });
  }
  /** Over, for both. @param {number} why FILE_DECLINED or FILE_CANCELLED */
  stop(n, why) {
    return this.serial(async () => {
      const card = this.cards.get(n);
      if (!card) return;
      const { group } = card.message.file;
      const open = [...card.records.values()].filter((record) => !isOver(record));
      const known = card.files.size > 0;
      if (known) this.transfer.stop(group || open[0].id, why);
      const rest = open.filter((record) => !isOver(record));
      for (const record of rest) {
        Object.assign(record, { state: 'over', why, byPeer: false, told: known && this.session?.state === 'linked' });
        delete record.open;
      }
      await this.files.store.put(...rest);
      await this.dropBytes(rest);
      // What the other side has not even offered yet is not wanted either.
      card.count = card.records.size;
      if (group && !card.mine) await this.files.db.changeMessage(n, (message) => ({ ...message, stop: why }));
      await this.settle(card);
      this.work();
    });
  }
  async dropBytes(records) {
    const keys = (mine) => records.filter((record) => record.mine === mine).map(({ key }) => key);
    for (const key of keys(1)) this.sources.delete(key);
    await Promise.all([this.files.store.dropSources(...keys(1)), this.files.store.dropPieces(...keys(0))]);
  }
  hold(n, paused) {
    return this.serial(async () => {
      const card = this.cards.get(n);
      if (!card) return;
      card.paused = paused;
      card.meter.reset();
      for (const { id } of card.files.values()) {
        if (paused) this.transfer.pause(id);
        else if (!card.mine || this.outgoing.departures.get(id)?.source) this.transfer.resume(id);
      }
      await this.settle(card);
      this.work();
    });
  }
  /** There may be room again. */
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

  /** Cards whose bytes would stop with this page. */
  get underway() {
    if (this.session?.state !== 'linked') return 0;
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
}

/** Its record says how it ended. */
function mark(card, file, end) {
  card?.files.delete(file.id);
  return card && Object.assign(card.records.get(file.id), end);
}

function typeOf({ mediaType, flags }) {
  const type = decoder.decode(mediaType).toLowerCase();
  return !(flags & FILE_FLAG_FOLDER) && MEDIA_TYPE.test(type) ? type : '';
}
