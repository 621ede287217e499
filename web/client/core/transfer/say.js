/** The words: messages about files on CHAT_CHANNEL. They are written only when they can be sent. */
import { encode } from '../wire.js';
import {
  FILE_FLAG_STREAM,
  FILE_GET,
  FILE_HOLD,
  FILE_ID_BYTES,
  FILE_OFFER,
  FILE_SAVED,
  FILE_STOP,
  FILE_TIME,
} from '../../wire_table.js';
import { FILES_MAX, idBytes } from './file.js';

/** @typedef {import('./transfer.js').Transfer} Transfer */
/** @typedef {import('./file.js').TransferFile} TransferFile */

/** Flags of the words that are due about a file, sent in this order. A GET waits while the file is held here or its
 * offer has not been repeated. */
export const SAY_TIME = 1;
export const SAY_OFFER = 2;
export const SAY_GET = 4;
export const SAY_HOLD = 8;
const LAST_WORDS_MAX = FILES_MAX + 128;

/** Makes words about a file due. @param {Transfer} t @param {TransferFile} file @param {number} what SAY_… */
export function say(t, file, what) {
  file.say |= what;
  t.wordsDue = true;
}

/** Makes an offer due, and its time if that is known. @param {Transfer} t @param {TransferFile} file */
export function sayOffer(t, file) {
  say(t, file, file.modifiedNs ? SAY_TIME | SAY_OFFER : SAY_OFFER);
}

/** Makes a last word about a file due: FILE_SAVED or FILE_STOP. When the list is full, a word that was sent is dropped
 * for it; when none was sent, the new one is dropped. Only a peer that offers but does not read can fill the list.
 * @param {Transfer} t @param {number} type @param {string} id @param {number} why */
export function sayLast(t, type, id, why) {
  if (t.lastWords.length === LAST_WORDS_MAX && t.lastSaid) dropFirstSaid(t);
  if (t.lastWords.length < LAST_WORDS_MAX) t.lastWords.push({ type, id, why });
}
/** @param {Transfer} t */
function dropFirstSaid(t) {
  t.lastWords.shift();
  t.lastSaid--;
}
/** Drops the last words that the peer has taken. @param {Transfer} t @param {number} place */
export function heard(t, place) {
  while (t.lastSaid && /** @type {number} */ (t.lastWords[0].place) <= place) dropFirstSaid(t);
}

/** @param {TransferFile} file */
function due(file) {
  if (file.say & SAY_TIME) return SAY_TIME;
  if (file.say & SAY_OFFER) return SAY_OFFER;
  if (file.say & SAY_GET && !file.offerDue && !file.heldHere) return SAY_GET;
  return file.say & SAY_HOLD;
}

/** Returns the first file about which a word is due, or null. @param {Transfer} t */
function nextSpeaker(t) {
  if (!t.wordsDue) return null;
  for (const file of t.files()) if (due(file)) return file;
  t.wordsDue = false;
  return null;
}

/** @param {TransferFile} file */
function offerOf(file) {
  return encode('file_offer', {
    type: FILE_OFFER,
    id: idBytes(file.id),
    flags: file.flags,
    size: file.flags & FILE_FLAG_STREAM ? 0 : file.size,
    group: file.group ? idBytes(file.group) : new Uint8Array(FILE_ID_BYTES),
    group_files: file.groupFiles,
    group_bytes: file.groupBytes,
    name: file.name,
    media_type: file.mediaType,
  });
}

/** @param {TransferFile} file */
function wordOf(file) {
  const id = idBytes(file.id);
  switch (due(file)) {
    case SAY_TIME:
      return encode('file_time', { type: FILE_TIME, id, modified_ns: file.modifiedNs });
    case SAY_OFFER:
      return offerOf(file);
    case SAY_GET:
      return encode('file_get', { type: FILE_GET, id, offset: file.next });
    default:
      return encode('file_hold', { type: FILE_HOLD, id, held: file.heldHere ? 1 : 0, why: file.heldHere });
  }
}

/** @param {Transfer} t @returns {Uint8Array | null} */
export function nextWord(t) {
  const last = t.lastWords[t.lastSaid];
  if (last?.type === FILE_SAVED) return encode('file_saved', { type: FILE_SAVED, id: idBytes(last.id) });
  if (last) return encode('file_stop', { type: FILE_STOP, id: idBytes(last.id), why: last.why });
  const file = nextSpeaker(t);
  return file && wordOf(file);
}

/** @param {Transfer} t @param {number} place */
export function wordSent(t, place) {
  const last = t.lastWords[t.lastSaid];
  if (last) {
    last.place = place;
    t.lastSaid++;
    return;
  }
  const file = nextSpeaker(t);
  if (!file) return;
  const what = due(file);
  file.say &= ~what;
  if (what === SAY_GET) file.getSaid = file.gapSaid = true; // bytes sent before it arrives have other offsets
}
