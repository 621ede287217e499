/** Outgoing files: offered, read, sent. */
import { toHex, toPlace } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import { encode } from '../wire.js';
import { FILE_CANCELLED, FILE_CHANGED, FILE_DATA, FILE_END, FILE_FLAG_FOLDER, FILE_STOP } from '../../wire_table.js';
import { sayLast, sayOffer } from './say.js';
import { FILES_MAX, TransferFile, idBytes } from './file.js';

/** @typedef {import('./transfer.js').Transfer} Transfer */
/** @typedef {import('./file.js').FileOffer} FileOffer */

/** What the owner should read: `size` bytes from `offset`. With `end` there are no bytes left; the owner hands over the
 * hash of the whole file.
 * @typedef {{file: TransferFile, generation: number, offset: number, size: number, end: boolean}} Want */

/** Bytes of FILE_DATA before the file's bytes. */
export const HEAD_BYTES = 25;
/** Files of one outgoing group that are not over. */
const GROUP_OPEN_MAX = 64;
/** Outgoing files that are sent by turns. */
const AT_ONCE = 4;
const FILE_NAME_MAX = 1024;
const MEDIA_TYPE_MAX = 127;
const EMPTY = new Uint8Array(0);

/** Offers a file. Throws EINVAL, ESTATE when there is one with this id, and EAGAIN when there are too many.
 * @param {Transfer} t @param {FileOffer} offer */
export function add(t, offer) {
  const file = new TransferFile(offer, true);
  if (file.name.length === 0 || file.name.length > FILE_NAME_MAX || file.mediaType.length > MEDIA_TYPE_MAX)
    throw new PairlinkError('EINVAL');
  idBytes(file.id);
  if (t.outgoing.has(file.id)) throw new PairlinkError('ESTATE', 'a file with this id is being sent');
  let open = 0;
  if (file.group) for (const other of t.outgoing.values()) if (other.group === file.group) open++;
  if (t.outgoing.size >= FILES_MAX || open >= GROUP_OPEN_MAX) throw new PairlinkError('EAGAIN', 'too many files');
  if (file.isStream || file.flags & FILE_FLAG_FOLDER) file.size = 0;
  t.outgoing.set(file.id, file);
  sayOffer(t, file);
  return file;
}

// ---- what to read ----------------------------------------------------------------------------------------

/** Makes the wants that the owner has stale: the file is read again from `next`. @param {TransferFile} file */
function readAgain(file) {
  file.generation++;
  file.readTo = file.next;
  file.wantOpen = false;
}

/** In a new session nothing is sent before the peer wants the file again. @param {TransferFile} file */
export function restartSending(file) {
  readAgain(file);
  file.allowed = false;
  file.state = 'asking';
}

/** @param {TransferFile} file */
const maySend = (file) => file.allowed && file.state === 'moving' && !file.heldHere && !file.heldThere;

/** @param {Transfer} t @returns {Want | null} */
export function nextWant(t) {
  /** @type {TransferFile[]} */
  const ready = [];
  for (const file of t.outgoing.values()) {
    if (maySend(file) && !file.wantOpen) ready.push(file);
    if (ready.length === AT_ONCE) break;
  }
  if (ready.length === 0) return null;
  const file = ready[t.turn++ % ready.length];
  const left = file.isStream ? t.piece : file.size - file.readTo;
  const want = {
    file,
    generation: file.generation,
    offset: file.readTo,
    size: Math.min(left, t.piece),
    end: left === 0,
  };
  file.wantOpen = want.end || file.isStream;
  file.readTo += want.size;
  return want;
}

// ---- what was read -----------------------------------------------------------------------------------------

/** Returns the want's file when the want is still the next of it, otherwise null. A file that was held meanwhile is
 * read again later.
 * @param {Transfer} t @param {Want} want */
function wanted(t, want) {
  const { file } = want;
  if (t.outgoing.get(file.id) !== file || want.generation !== file.generation || want.offset !== file.next) return null;
  if (maySend(file)) return file;
  readAgain(file);
  return null;
}

/** @param {Transfer} t @param {Want} want @param {Uint8Array} data */
export function read(t, want, data) {
  const file = wanted(t, want);
  if (!file) return;
  if (data.length === 0 || data.length > want.size) throw new PairlinkError('EINVAL');
  if (data.length > t.piece) return readAgain(file); // the peer accepts less than when the want was made
  const head = encode('file_data', { type: FILE_DATA, id: idBytes(file.id), offset: file.next, bytes: EMPTY });
  if (!t.sink.send(head, data)) {
    if (data.length > t.piece) return readAgain(file); // `messageMax` was called meanwhile
    throw new PairlinkError('EAGAIN');
  }
  file.next += data.length;
  if (file.isStream) {
    file.wantOpen = false;
    file.readTo = file.next;
  } else if (data.length < want.size) readAgain(file);
}

/** @param {Transfer} t @param {Want} want @param {Uint8Array} sha256 */
export function readEnd(t, want, sha256) {
  const file = wanted(t, want);
  if (!file) return;
  if (!file.isStream && !want.end) throw new PairlinkError('EINVAL');
  const message = encode('file_end', { type: FILE_END, id: idBytes(file.id), size: file.next, sha256 });
  if (!t.sink.send(message, null)) throw new PairlinkError('EAGAIN');
  file.size = file.next;
  file.state = 'ending';
  file.wantOpen = false;
}

// ---- FILE_GET ----------------------------------------------------------------------------------------------

/** Returns true when the file can be sent from this offset. @param {TransferFile} file @param {number} offset */
const canResumeAt = (file, offset) =>
  file.isStream ? offset >= file.keptFrom && offset <= file.next : offset <= file.size;

/** @param {Transfer} t @param {import('../wire.js').Message} m file_get */
export function onGet(t, m) {
  const id = toHex(m.id);
  const file = t.outgoing.get(id);
  const offset = toPlace(m.offset);
  if (!file) return sayLast(t, FILE_STOP, id, FILE_CANCELLED); // the file ended here before the peer wanted it
  if (file.flags & FILE_FLAG_FOLDER) return;
  if (!canResumeAt(file, offset)) {
    sayLast(t, FILE_STOP, file.id, FILE_CHANGED);
    t.over(file, FILE_CHANGED, false);
    return;
  }
  const continues = file.allowed && file.state === 'moving' && offset === file.next;
  if (!continues) {
    file.next = offset;
    readAgain(file);
  }
  file.allowed = true;
  file.heldThere = 0;
  file.state = 'moving';
  file.stored = offset;
  t.tell(file);
}
