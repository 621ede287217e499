/** Incoming files: decides what is wanted, takes their bytes in order and has them checked. */
import { isZero, toHex, toPlace } from '../bytes.js';
import { PairlinkError } from '../errors.js';
import {
  FILE_DAMAGED,
  FILE_DECLINED,
  FILE_FLAG_FOLDER,
  FILE_FLAG_STREAM,
  FILE_HELD_DISK_FULL,
  FILE_SAVED,
  FILE_STOP,
  FILE_TOO_LARGE,
  FILE_UNWRITABLE,
} from '../../wire_table.js';
import { SAY_GET, SAY_HOLD, say, sayLast } from './say.js';
import { FILES_MAX, TIME_MAX_NS, TransferFile } from './file.js';

/** @typedef {import('./transfer.js').Transfer} Transfer */
/** @typedef {import('./file.js').FileOffer} FileOffer */
/** @typedef {import('../wire.js').Message} Message */

const ACCEPTED_GROUPS_MAX = 64;
const SIZE_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Ends a file and tells the peer and the owner.
 * @param {Transfer} t @param {TransferFile} file @param {number} why FILE_… of FILE_STOP
 */
function giveUp(t, file, why) {
  sayLast(t, FILE_STOP, file.id, why);
  t.over(file, why, false);
}

// ---- offers ------------------------------------------------------------------------------------------------

/** @param {Transfer} t @param {TransferFile} file */
function prepare(t, file) {
  file.state = 'preparing';
  t.sink.act({ type: 'prepare', file });
}

/** An offer is repeated in each new session. @param {Transfer} t @param {TransferFile} file @param {FileOffer} like */
function offeredAgain(t, file, like) {
  const same = like.flags === file.flags && (file.isStream || like.size === file.size);
  if (!same) return giveUp(t, file, FILE_DAMAGED); // another file with the same id
  file.offerDue = false;
  if (file.state === 'moving') say(t, file, SAY_GET);
}

/** Returns true when a file of the group already waits for the user's decision. @param {Transfer} t
 * @param {string} group */
function askedAboutGroup(t, group) {
  if (group) for (const file of t.incoming.values()) if (file.state === 'asking' && file.group === group) return true;
  return false;
}

/** @param {Transfer} t @param {FileOffer} like */
function offered(t, like) {
  if (t.incoming.size >= FILES_MAX) return sayLast(t, FILE_STOP, like.id, FILE_DECLINED);
  const file = new TransferFile({ ...like, name: like.name.slice(), mediaType: like.mediaType?.slice() }, false);
  const first = !askedAboutGroup(t, file.group);
  t.incoming.set(file.id, file);
  if (file.group && t.accepted.has(file.group)) prepare(t, file);
  else t.sink.act({ type: 'offered', file, first });
}

/** A time comes right before its offer, so only the latest is kept. @param {Transfer} t @param {Message} m file_time */
export function onTime(t, m) {
  const id = toHex(m.id);
  const modifiedNs = m.modified_ns;
  if (modifiedNs === 0n || modifiedNs > TIME_MAX_NS) return;
  const file = t.incoming.get(id);
  if (file) file.modifiedNs = modifiedNs;
  else t.time = { id, modifiedNs };
}

/** Returns the time that was said of the file that is offered now. @param {Transfer} t @param {string} id */
function takeTime(t, id) {
  const { time } = t;
  t.time = null;
  return time?.id === id ? time.modifiedNs : 0n;
}

/** @param {Transfer} t @param {Message} m file_offer */
export function onOffer(t, m) {
  const id = toHex(m.id);
  const flags = m.flags & FILE_FLAG_FOLDER ? FILE_FLAG_FOLDER : m.flags & FILE_FLAG_STREAM;
  const size = flags ? 0 : toPlace(m.size);
  const group = isZero(m.group) ? '' : toHex(m.group);
  const like = {
    id,
    flags,
    size,
    group,
    groupFiles: m.group_files,
    groupBytes: toPlace(m.group_bytes),
    modifiedNs: takeTime(t, id),
    name: m.name,
    mediaType: m.media_type,
  };
  const file = t.incoming.get(id);
  if (file) offeredAgain(t, file, like);
  else if (size > SIZE_MAX) sayLast(t, FILE_STOP, id, FILE_TOO_LARGE);
  else offered(t, like);
}

/** @param {Transfer} t @param {string} id */
export function accept(t, id) {
  const file = t.incoming.get(id);
  if (file) {
    if (file.state !== 'asking') throw new PairlinkError('ESTATE');
    return prepare(t, file);
  }
  if (!id || /^0+$/.test(id)) throw new PairlinkError('EINVAL');
  t.accepted.add(id);
  for (const oldest of t.accepted) if (t.accepted.size > ACCEPTED_GROUPS_MAX) t.accepted.delete(oldest);
  for (const one of [...t.incoming.values()]) {
    if (one.group === id && one.state === 'asking' && t.incoming.get(one.id) === one) prepare(t, one);
  }
}

// ---- bytes -------------------------------------------------------------------------------------------------

/** Bytes are missing: sends FILE_GET, once until the expected bytes arrive. @param {Transfer} t
 * @param {TransferFile} file */
function sayGap(t, file) {
  if (file.gapSaid) return;
  file.gapSaid = true;
  say(t, file, SAY_GET);
}

/**
 * Returns the file when its bytes are expected. Other bytes were sent before this side's last words arrived.
 * @param {Transfer} t @param {Uint8Array} id
 */
function awaited(t, id) {
  const file = t.incoming.get(toHex(id));
  const isReady = file && file.state === 'moving' && file.getSaid && !file.offerDue;
  return isReady && file.heldHere !== FILE_HELD_DISK_FULL ? file : null;
}

/** @param {Transfer} t @param {Message} m file_data */
export function onData(t, m) {
  const file = awaited(t, m.id);
  const offset = toPlace(m.offset);
  /** @type {Uint8Array} */
  const bytes = m.bytes;
  if (!file || bytes.length === 0) return;
  const most = file.isStream ? SIZE_MAX : file.size;
  if (offset > most || bytes.length > most - offset)
    return giveUp(t, file, file.isStream ? FILE_TOO_LARGE : FILE_DAMAGED);
  if (offset > file.next) return sayGap(t, file);
  const known = file.next - offset;
  if (known >= bytes.length) return;
  const place = file.next;
  file.next = offset + bytes.length;
  file.gapSaid = false;
  t.sink.act({ type: 'store', file, offset: place, data: bytes.subarray(known) });
}

/** @param {Transfer} t @param {Message} m file_end */
export function onEnd(t, m) {
  const file = awaited(t, m.id);
  const size = toPlace(m.size);
  if (!file) return;
  if (size < file.next || (!file.isStream && size !== file.size)) return giveUp(t, file, FILE_DAMAGED);
  if (size > file.next) return sayGap(t, file);
  file.size = size;
  file.state = 'ending';
  t.sink.act({ type: 'finish', file, size, sha256: m.sha256 });
}

// ---- the owner's answers -----------------------------------------------------------------------------------

/** @param {Transfer} t @param {TransferFile} file @param {number} offset */
export function ready(t, file, offset) {
  if (file.state !== 'preparing') throw new PairlinkError('ESTATE');
  if (offset > (file.isStream ? SIZE_MAX : file.size)) throw new PairlinkError('EINVAL');
  file.next = file.stored = offset;
  file.state = 'moving';
  say(t, file, SAY_GET);
}

/** @param {TransferFile} file @param {number} offset */
export function stored(file, offset) {
  if (offset > file.stored && offset <= file.next) file.stored = offset;
}

/** Goes back to what is stored. With a full disk the rest is asked for once there is room; otherwise the file is given
 * up.
 * @param {Transfer} t @param {TransferFile} file @param {number} offset @param {number} why */
export function failed(t, file, offset, why) {
  if (file.state !== 'moving' && file.state !== 'ending') throw new PairlinkError('ESTATE');
  if (offset > file.next) throw new PairlinkError('EINVAL');
  if (why !== FILE_HELD_DISK_FULL) return giveUp(t, file, FILE_UNWRITABLE);
  file.next = file.stored = offset;
  file.state = 'moving';
  file.heldHere = FILE_HELD_DISK_FULL;
  file.gapSaid = true;
  say(t, file, SAY_HOLD | SAY_GET);
}

/** @param {Transfer} t @param {TransferFile} file */
export function roomAgain(t, file) {
  if (file.heldHere !== FILE_HELD_DISK_FULL) throw new PairlinkError('ESTATE');
  file.heldHere = 0;
  say(t, file, SAY_HOLD);
}

/** @param {Transfer} t @param {TransferFile} file */
export function again(t, file) {
  if (file.state !== 'moving' && file.state !== 'ending') throw new PairlinkError('ESTATE');
  file.next = file.stored = 0;
  file.state = 'moving';
  file.gapSaid = true;
  say(t, file, SAY_GET);
}

/** @param {Transfer} t @param {TransferFile} file @param {number} why */
export function finished(t, file, why) {
  if (why) return giveUp(t, file, why);
  sayLast(t, FILE_SAVED, file.id, 0);
  file.stored = file.size;
  t.over(file, 0, false);
}
