/**
 * Files between two peers (docs/protocol.md, section 8, "Files"): what both sides say about them, in which order their
 * bytes are sent, and where each file resumes after a loss. There is one object per peer. It is pure and knows no disk,
 * no clock and no hash: its owner reads, stores and hashes. Mirrors client/core/transfer.
 *
 * Outgoing: `add` offers a file. `nextWant` says which piece to read next, `read` hands it over, and it is sent by
 * `send`. `taken` says what the peer has stored. 'over' ends the file.
 * Incoming: 'offered' asks for a decision. After `accept` by the user, 'prepare' follows. `ready` says how much is
 * stored already. 'store' hands a piece over, and `stored` confirms it. 'finish' asks the owner to check and name the
 * file, and `finished` says how that went. 'over' ends the file.
 *
 * *Words* are the messages about files on CHAT_CHANNEL. They wait as flags of the files until `nextWord` can be sent,
 * so a peer cannot fill a queue. Words about a file that is over are kept until the peer has taken them, and are
 * repeated in the next session. Every id, size, offset and name in a message is hostile; `message` never throws because
 * of one. The owner's calls throw PairlinkError: EINVAL, ESTATE (no such file, or not in this state), EAGAIN (not now).
 *
 * Ids and groups are hexadecimal; '' means no group. Offsets and sizes are bytes.
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
  FILE_TIME,
} from '../../wire_table.js';
import { TIME_MAX_NS, TransferFile, idBytes } from './file.js';
import {
  accept,
  again,
  failed,
  finished,
  onData,
  onEnd,
  onOffer,
  onTime,
  ready,
  roomAgain,
  stored,
} from './receive.js';
import { SAY_HOLD, heard, nextWord, say, sayLast, sayOffer, wordSent } from './say.js';
import { HEAD_BYTES, add, nextWant, onGet, read, readEnd, restartSending } from './send.js';

/** @typedef {import('../check.js').Bytes} Bytes */
/** @typedef {import('./file.js').FileOffer} FileOffer */

/** @typedef {object} FileAction
 * @property {'offered' | 'prepare' | 'store' | 'finish' | 'told' | 'over'} type
 *   offered: ask the user. `first` is false for a file whose group the user is being asked about already.
 *   prepare: the user wants the file. Answer with `ready`, with `finished` when it was saved before, or with `stop`.
 *   store: write `data` (borrowed) at `offset`; pieces come in order.
 *   finish: all pieces were handed over. Compare with `size` and `sha256` of the whole and answer with `finished`.
 *   told: the peer accepted, held or resumed the file; show it to the user.
 *   over: the file has ended; free what belongs to it. `why` is 0 for saved, otherwise FILE_… of FILE_STOP. `byPeer`
 *     says which side ended it.
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
 * @property {(action: FileAction) => void} act takes an action; it may call the same transfer again
 * @property {(head: Uint8Array, body: Uint8Array | null) => boolean} send sends one message on FILE_CHANNEL, given in
 *   two parts. Returns false when that is not possible now, or when the message is larger than the peer accepts; call
 *   `messageMax` in that case before returning */

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
    /** Words about files that are over or were never taken, kept until the peer has taken the words.
     * @type {{type: number, id: string, why: number, place?: number}[]} */
    this.lastWords = [];
    /** How many of them, from the first on, were sent in this session. */
    this.lastSaid = 0;
    /** The most bytes of a file in one FILE_DATA. */
    this.piece = FILE_PIECE_BYTES;
    this.wordsDue = false;
    this.turn = 0;
    /** The latest FILE_TIME whose file is not offered yet. @type {{id: string, modifiedNs: bigint} | null} */
    this.time = null;
  }

  // ---- the session ---------------------------------------------------------------------------------------

  /** Call this when a session with the peer starts or is reset: everything sent before may be lost. */
  begun() {
    this.lastSaid = 0;
    this.time = null;
    for (const file of [...this.incoming.values(), ...this.outgoing.values()]) {
      file.heldThere = 0;
      file.say = 0;
      if (file.heldHere) say(this, file, SAY_HOLD);
      if (file.outgoing) {
        restartSending(file);
        sayOffer(this, file);
      } else {
        file.offerDue = true;
        file.getSaid = file.gapSaid = false;
      }
    }
  }
  /** Takes a received message. One that does not decode, or is not about files, is skipped.
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
      if (type === FILE_TIME) onTime(this, decode('file_time', message));
      if (type === FILE_OFFER) onOffer(this, decode('file_offer', message));
      if (type === FILE_GET) onGet(this, decode('file_get', message));
      if (type === FILE_STOP) this.onStop(decode('file_stop', message));
      if (type === FILE_HOLD) this.onHold(decode('file_hold', message));
      if (type === FILE_SAVED) this.onSaved(decode('file_saved', message));
    }
  }
  /** Returns the next message for CHAT_CHANNEL, or null. It stays the next one until `wordSent`.
   * @returns {Uint8Array | null} */
  nextWord() {
    return nextWord(this);
  }
  /** The message of `nextWord` was sent. @param {number} place a number greater than all before in this session, which
   * is passed to `heard` */
  wordSent(place) {
    wordSent(this, checkOffset(place));
  }
  /** The peer has taken all words up to the one that was sent with this place. @param {number} place */
  heard(place) {
    heard(this, checkOffset(place));
  }
  /** Sets the bytes of the largest message that the peer accepts. @param {number} size */
  messageMax(size) {
    this.piece = Math.min(
      checkWhole(size, HEAD_BYTES + 1, Number.MAX_SAFE_INTEGER, 'a size') - HEAD_BYTES,
      FILE_PIECE_BYTES,
    );
  }

  // ---- both directions -----------------------------------------------------------------------------------

  /** Pauses a file at this side, for its user. @param {string} id */
  pause(id) {
    this.hold(id, FILE_HELD_BY_PERSON);
  }
  /** Ends this side's pause. @param {string} id */
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
  /** Ends a file, or all files of a group, and tells the peer. @param {string} id of a file or a group
   * @param {number} why FILE_… of FILE_STOP */
  stop(id, why) {
    checkWhole(why, 1, WHY_MAX, 'why');
    if (this.overAll(id, why, false) === 0) throw new PairlinkError('ESTATE', 'no such file');
    sayLast(this, FILE_STOP, id, why);
  }
  /** Returns the files of both directions, each in the order they were offered.
   * @returns {IterableIterator<TransferFile>} */
  *files() {
    yield* this.incoming.values();
    yield* this.outgoing.values();
  }
  /** Forgets the file and tells the owner. @param {TransferFile} file @param {number} why @param {boolean} byPeer */
  over(file, why, byPeer) {
    (file.outgoing ? this.outgoing : this.incoming).delete(file.id);
    this.sink.act({ type: 'over', file, why, byPeer });
  }
  /** Ends everything that has this id or is in this group. @param {string} id @param {number} why @param {boolean}
   * byPeer
   * @returns {number} how many files ended @private */
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

  /** Offers a file. Throws EAGAIN when too many are open. @param {FileOffer} file @returns {TransferFile} */
  add(file) {
    checkOffer(file);
    return add(this, file);
  }
  /** Returns the next piece to read, or null. Each call returns another one.
   * @returns {import('./send.js').Want | null} */
  nextWant() {
    return nextWant(this);
  }
  /** Sends a piece that was read for a want. Throws EAGAIN when it cannot be sent now; call it again later then.
   * @param {import('./send.js').Want} want @param {Bytes} data */
  read(want, data) {
    checkFile(want?.file);
    read(this, want, checkBytes(data, 'what was read'));
  }
  /** Sends the end of a file, for a want with `end` or when a stream has ended. Throws EAGAIN like `read`.
   * @param {import('./send.js').Want} want @param {Bytes} sha256 of the whole */
  readEnd(want, sha256) {
    checkFile(want?.file);
    readEnd(this, want, checkSize(sha256, 32, 'a SHA-256'));
  }
  /** Ends a file that could not be read. @param {string} id @param {number} why FILE_UNREADABLE or FILE_CHANGED */
  readFailed(id, why) {
    this.find(this.outgoing, id);
    this.stop(id, why);
  }
  /** The peer has taken all FILE_DATA below this offset. @param {string} id @param {number} offset */
  taken(id, offset) {
    checkOffset(offset);
    const file = this.find(this.outgoing, id);
    if (offset > file.stored && offset <= file.next) file.stored = offset;
  }
  /** Bytes of a stream before this offset cannot be read again. @param {string} id @param {number} offset */
  kept(id, offset) {
    this.find(this.outgoing, id).keptFrom = checkOffset(offset);
  }

  // ---- incoming ------------------------------------------------------------------------------------------

  /**
   * The user wants a file, or a group: its files and those that will be offered later.
   * @param {string} id of a file or a group
   */
  accept(id) {
    idBytes(id);
    accept(this, id);
  }
  /** Answers 'prepare': everything below `offset` is stored already, and the rest may be sent. @param {string} id
   * @param {number} offset */
  ready(id, offset) {
    ready(this, this.find(this.incoming, id), checkOffset(offset));
  }
  /** Everything below `offset` is stored. @param {string} id @param {number} offset */
  stored(id, offset) {
    stored(this.find(this.incoming, id), checkOffset(offset));
  }
  /** Bytes from `offset` on could not be stored. @param {string} id @param {number} offset
   * @param {number} why FILE_HELD_DISK_FULL to hold the file; anything else gives it up as unwritable */
  storeFailed(id, offset, why) {
    failed(this, this.find(this.incoming, id), checkOffset(offset), checkWhole(why, 0, WHY_MAX, 'why'));
  }
  /** The disk has room again: resumes a file that was held for it. @param {string} id */
  room(id) {
    roomAgain(this, this.find(this.incoming, id));
  }
  /** The stored bytes are not of the offered file: asks for all of it from the start. @param {string} id */
  again(id) {
    again(this, this.find(this.incoming, id));
  }
  /** Answers 'finish' or 'prepare': ends the file and tells the peer. @param {string} id
   * @param {number} why 0 when the file is saved, otherwise FILE_… of FILE_STOP */
  finished(id, why) {
    finished(this, this.find(this.incoming, id), checkWhole(why, 0, WHY_MAX, 'why'));
  }
}

const WHY_MAX = 255;
/** @param {number} offset */
const checkOffset = (offset) => checkWhole(offset, 0, Number.MAX_SAFE_INTEGER, 'a place');

/** @param {unknown} file */
function checkFile(file) {
  if (!(file instanceof TransferFile)) throw new PairlinkError('EINVAL', 'a want must come from nextWant');
}

/** @param {FileOffer} file */
function checkOffer(file) {
  if (typeof file !== 'object' || file === null) throw new PairlinkError('EINVAL', 'a file is an object');
  for (const id of [file.id, file.group || file.id]) idBytes(id);
  for (const number of [file.size ?? 0, file.groupFiles ?? 0, file.groupBytes ?? 0]) checkOffset(number);
  const modifiedNs = file.modifiedNs ?? 0n;
  if (typeof modifiedNs !== 'bigint' || modifiedNs < 0n || modifiedNs > TIME_MAX_NS)
    throw new PairlinkError('EINVAL', 'a time is a bigint of 63 bits');
  checkWhole(file.flags ?? 0, 0, 255, 'flags');
  for (const bytes of [file.name, file.mediaType ?? new Uint8Array(0)])
    if (!(bytes instanceof Uint8Array))
      throw new PairlinkError('EINVAL', 'a name or a media type is UTF-8 in a Uint8Array');
}
