/**
 * Files between two peers (docs/protocol.md, section 8, "Files"): what both sides say about them, in which order their
 * bytes go, and where each goes on after whatever was lost. One object for one peer. Pure: it knows no disk, no clock
 * and no hash; the owner reads, stores and hashes, and hands over places and digests. Mirrors client/core/transfer.
 *
 * Outgoing: `add` offers a file; `nextWant` says which piece to read next; `read` hands it over and it goes out by
 * `send`; `taken` says what the peer has stored; 'over' ends it.
 * Incoming: 'offered' asks; `accept` (the user) is followed by 'prepare'; `ready` tells what is stored already; 'store'
 * hands pieces over, `stored` confirms them; 'finish' wants the whole checked and named; `finished` says how that went;
 * 'over' ends it.
 *
 * What is said about files waits here, as flags of the files, until `nextWord` can be sent: nothing is queued that a
 * peer could make long. What was said about a file that is over is kept until the peer has heard it, and is said again
 * in the next session. Every id, size, offset and name that comes in a message is hostile; a message never throws.
 * Methods of the owner throw PairlinkError: EINVAL, ESTATE (no such file, or not in this state), EAGAIN (not now).
 *
 * Ids and groups are hexadecimal, '' for no group.
 */
import { toHex } from '../bytes.js';
import { checkBytes, checkChannel, checkFunction, checkSize, checkWhole } from '../check.js';
import { PairlinkError } from '../errors.js';
import { decode } from '../wire.js';
import {
  CHAT_CHANNEL,
  FILE_CANCELLED,
  FILE_CHANNEL,
  FILE_DATA,
  FILE_END,
  FILE_GET,
  FILE_HELD_BY_PERSON,
  FILE_HOLD,
  FILE_OFFER,
  FILE_PIECE_BYTES,
  FILE_SAVED,
  FILE_STOP,
} from '../../wire_table.js';
import { TransferFile, idBytes } from './file.js';
import { accept, again, failed, finished, onData, onEnd, onOffer, ready, roomAgain, stored } from './receive.js';
import { SAY_HOLD, SAY_OFFER, heard, nextWord, say, sayLast, wordSent } from './say.js';
import { HEAD_BYTES, add, nextWant, onGet, read, readEnd, restartSending } from './send.js';

/** @typedef {import('../check.js').Bytes} Bytes */
/** @typedef {import('./file.js').FileOffer} FileOffer */
/** @typedef {object} FileAction
 * @property {'offered' | 'prepare' | 'store' | 'finish' | 'told' | 'over'} type
 *   offered: not decided: ask. `first`: of its group, or it has none.
 *   prepare: wanted; answer with `ready`, `finished` (also: it was saved before) or `stop`.
 *   store: `data` (borrowed) at `offset`, in order.
 *   finish: all was handed over; `size` and `sha256` of the whole; answer with `finished`.
 *   told: the peer said something that people may want to know: accepted, held, goes on.
 *   over: `why` 0: saved, else of FILE_STOP; `byPeer`. Drop what belongs to it.
 * @property {TransferFile} file
 * @property {boolean} [first]
 * @property {boolean} [byPeer]
 * @property {number} [why]
 * @property {number} [offset]
 * @property {number} [size]
 * @property {Uint8Array} [data]
 * @property {Uint8Array} [sha256]
 */

/** @typedef {object} TransferSink
 * @property {(action: FileAction) => void} act may call the same object again
 * @property {(head: Uint8Array, body: Uint8Array | null) => boolean} send one message of FILE_CHANNEL in two parts;
 * false: not
 *   now, or it is more than the peer takes, as `messageMax` was told
 */

export class Transfer {
  /** @param {TransferSink} sink */
  constructor(sink) {
    checkFunction(sink?.act, 'act');
    checkFunction(sink.send, 'send');
    this.sink = sink;
    /** @type {Map<string, TransferFile>} in the order they were offered */
    this.incoming = new Map();
    /** @type {Map<string, TransferFile>} */
    this.outgoing = new Map();
    /** Groups that the user wants, the newest last. @type {Set<string>} */
    this.accepted = new Set();
    /** What is to be said about files that are over, or never were; kept until the peer has heard it.
     * @type {{type: number, id: string, why: number, place?: number}[]} */
    this.lastWords = [];
    /** How many of the first of them were said in this session. */
    this.lastSaid = 0;
    /** Bytes in one FILE_DATA at most. */
    this.piece = FILE_PIECE_BYTES;
    this.wordsDue = false;
    this.turn = 0;
  }

  // ---- the session ---------------------------------------------------------------------------------------

  /** A session with the peer began, or was reset: what was said before may be lost. */
  begun() {
    this.lastSaid = 0;
    for (const file of [...this.incoming.values(), ...this.outgoing.values()]) {
      file.heldThere = 0;
      file.say = 0;
      if (file.heldHere) say(this, file, SAY_HOLD);
      if (file.outgoing) {
        restartSending(file);
        say(this, file, SAY_OFFER);
      } else {
        file.offerDue = true;
        file.getSaid = file.gapSaid = false;
      }
    }
  }
  /** A message came; what does not decode, or is none about files, is skipped.
   * @param {number} channel @param {Bytes} message */
  message(channel, message) {
    const bytes = checkBytes(message, 'a message');
    try {
      this.dispatch(checkChannel(channel), bytes);
    } catch (error) {
      if (!(error instanceof PairlinkError) || error.code !== 'EPROTOCOL') throw error;
    }
  }
  /** @param {number} channel @param {Uint8Array} message @private */
  dispatch(channel, message) {
    const type = message[0];
    if (channel === FILE_CHANNEL) {
      if (type === FILE_DATA) onData(this, decode('file_data', message));
      if (type === FILE_END) onEnd(this, decode('file_end', message));
    } else if (channel === CHAT_CHANNEL) {
      if (type === FILE_OFFER) onOffer(this, decode('file_offer', message));
      if (type === FILE_GET) onGet(this, decode('file_get', message));
      if (type === FILE_STOP) this.onStop(decode('file_stop', message));
      if (type === FILE_HOLD) this.onHold(decode('file_hold', message));
      if (type === FILE_SAVED) this.onSaved(decode('file_saved', message));
    }
  }
  /** The next message for CHAT_CHANNEL, or null. It stays the next until `wordSent`. @returns {Uint8Array | null} */
  nextWord() {
    return nextWord(this);
  }
  /** @param {number} place greater than those before in this session: for `heard` */
  wordSent(place) {
    wordSent(this, checkOffset(place));
  }
  /** The peer took all words up to the one that was sent with this place. @param {number} place */
  heard(place) {
    heard(this, checkOffset(place));
  }
  /** The largest message that the peer takes. @param {number} size */
  messageMax(size) {
    this.piece = Math.min(
      checkWhole(size, HEAD_BYTES + 1, Number.MAX_SAFE_INTEGER, 'a size') - HEAD_BYTES,
      FILE_PIECE_BYTES,
    );
  }

  // ---- both directions -----------------------------------------------------------------------------------

  /** A person pauses this file at this side. @param {string} id */
  pause(id) {
    this.hold(id, FILE_HELD_BY_PERSON);
  }
  /** @param {string} id */
  resume(id) {
    this.hold(id, 0);
  }
  /** @param {string} id @param {number} why @private */
  hold(id, why) {
    const file = this.outgoing.get(id) ?? this.incoming.get(id);
    if (!file) throw new PairlinkError('ESTATE', 'no such file');
    file.heldHere = why;
    say(this, file, SAY_HOLD);
  }
  /** Over, and the peer is told. @param {string} id of a file or a group @param {number} why FILE_… of FILE_STOP */
  stop(id, why) {
    checkWhole(why, 1, WHY_MAX, 'why');
    if (this.overAll(id, why, false) === 0) throw new PairlinkError('ESTATE', 'no such file');
    sayLast(this, FILE_STOP, id, why);
  }
  /** @returns {IterableIterator<TransferFile>} of both directions, each in the order they were offered */
  *files() {
    yield* this.incoming.values();
    yield* this.outgoing.values();
  }
  /** Forgets the file and tells the owner. @param {TransferFile} file @param {number} why @param {boolean} byPeer */
  over(file, why, byPeer) {
    (file.outgoing ? this.outgoing : this.incoming).delete(file.id);
    this.sink.act({ type: 'over', file, why, byPeer });
  }
  /** Everything with this id, or in this group. @param {string} id @param {number} why @param {boolean} byPeer
   * @returns {number} how many @private */
  overAll(id, why, byPeer) {
    let found = 0;
    for (const file of [...this.files()]) {
      const table = file.outgoing ? this.outgoing : this.incoming;
      if ((file.id !== id && file.group !== id) || table.get(file.id) !== file) continue;
      this.over(file, why, byPeer);
      found++;
    }
    this.accepted.delete(id);
    return found;
  }
  /** @param {import('../wire.js').Message} m @private */
  onStop(m) {
    this.overAll(toHex(m.id), m.why || FILE_CANCELLED, true);
  }
  /** @param {import('../wire.js').Message} m @private */
  onHold(m) {
    const id = toHex(m.id);
    const file = this.outgoing.get(id) ?? this.incoming.get(id);
    if (!file) return;
    file.heldThere = m.held ? m.why || FILE_HELD_BY_PERSON : 0;
    this.tell(file);
  }
  /** @param {import('../wire.js').Message} m @private */
  onSaved(m) {
    const file = this.outgoing.get(toHex(m.id));
    if (!file) return;
    file.stored = file.isStream ? file.next : file.size;
    this.over(file, 0, true);
  }
  /** @param {TransferFile} file */
  tell(file) {
    this.sink.act({ type: 'told', file, byPeer: true });
  }
  /** @param {Map<string, TransferFile>} table @param {string} id */
  find(table, id) {
    const file = table.get(id);
    if (!file) throw new PairlinkError('ESTATE', 'no such file');
    return file;
  }

  // ---- outgoing ------------------------------------------------------------------------------------------

  /** Offers a file. EAGAIN: too many are open. @param {FileOffer} file @returns {TransferFile} */
  add(file) {
    checkOffer(file);
    return add(this, file);
  }
  /** What to read next, or null; moves on with each call. @returns {import('./send.js').Want | null} */
  nextWant() {
    return nextWant(this);
  }
  /** The piece that was wanted. EAGAIN: it can't be sent now: again later.
   * @param {import('./send.js').Want} want @param {Bytes} data */
  read(want, data) {
    checkFile(want?.file);
    read(this, want, checkBytes(data, 'what was read'));
  }
  /** All was read. EAGAIN as above. @param {import('./send.js').Want} want @param {Bytes} sha256 of the whole */
  readEnd(want, sha256) {
    checkFile(want?.file);
    readEnd(this, want, checkSize(sha256, 32, 'a SHA-256'));
  }
  /** @param {string} id @param {number} why FILE_UNREADABLE or FILE_CHANGED */
  readFailed(id, why) {
    this.find(this.outgoing, id);
    this.stop(id, why);
  }
  /** The peer took all FILE_DATA below. @param {string} id @param {number} offset */
  taken(id, offset) {
    checkOffset(offset);
    const file = this.find(this.outgoing, id);
    if (offset > file.stored && offset <= file.next) file.stored = offset;
  }
  /** Of a stream: what is before this place cannot be read again. @param {string} id @param {number} offset */
  kept(id, offset) {
    this.find(this.outgoing, id).keptFrom = checkOffset(offset);
  }

  // ---- incoming ------------------------------------------------------------------------------------------

  /**
   * The user wants it. @param {string} id of a file, or of a group: these, and those of it that are still to be offered
   */
  accept(id) {
    idBytes(id);
    accept(this, id);
  }
  /** So much is stored already; the rest is to come. @param {string} id @param {number} offset */
  ready(id, offset) {
    ready(this, this.find(this.incoming, id), checkOffset(offset));
  }
  /** All below is on the disk. @param {string} id @param {number} offset */
  stored(id, offset) {
    stored(this.find(this.incoming, id), checkOffset(offset));
  }
  /** What was handed over beyond `offset` is lost. @param {string} id @param {number} offset
   * @param {number} why FILE_HELD_DISK_FULL of a hold, else it is given up as unwritable */
  storeFailed(id, offset, why) {
    failed(this, this.find(this.incoming, id), checkOffset(offset), checkWhole(why, 0, WHY_MAX, 'why'));
  }
  /** There is room again. @param {string} id */
  room(id) {
    roomAgain(this, this.find(this.incoming, id));
  }
  /** What is there is not what was offered: all of it is to be sent, from the start. @param {string} id */
  again(id) {
    again(this, this.find(this.incoming, id));
  }
  /** @param {string} id @param {number} why 0: saved (also, at any time: it is there from before), else of FILE_STOP */
  finished(id, why) {
    finished(this, this.find(this.incoming, id), checkWhole(why, 0, WHY_MAX, 'why'));
  }
}

const WHY_MAX = 255;
/** @param {number} offset */
const checkOffset = (offset) => checkWhole(offset, 0, Number.MAX_SAFE_INTEGER, 'a place');

/** @param {unknown} file */
function checkFile(file) {
  if (!(file instanceof TransferFile)) throw new PairlinkError('EINVAL', 'a want is what nextWant gave');
}

/** @param {FileOffer} file */
function checkOffer(file) {
  if (typeof file !== 'object' || file === null) throw new PairlinkError('EINVAL', 'a file is an object');
  for (const id of [file.id, file.group || file.id]) idBytes(id);
  for (const number of [file.size ?? 0, file.groupFiles ?? 0, file.groupBytes ?? 0]) checkOffset(number);
  checkWhole(file.flags ?? 0, 0, 255, 'flags');
  for (const bytes of [file.name, file.mediaType ?? new Uint8Array(0)])
    if (!(bytes instanceof Uint8Array))
      throw new PairlinkError('EINVAL', 'a name, and a media type, is UTF-8 in a Uint8Array');
}
