/** A file of a transfer: its state and the numbers that both directions keep for it. */
import { fromHex } from '../bytes.js';
import { checkText } from '../check.js';
import { PairlinkError } from '../errors.js';
import { FILE_FLAG_STREAM, FILE_ID_BYTES } from '../../wire_table.js';

/** Files in each direction that are not over. */
export const FILES_MAX = 1024;
/** The latest time that a file can have. */
export const TIME_MAX_NS = 2n ** 63n - 1n;

/** @typedef {'asking' | 'preparing' | 'moving' | 'ending'} FileState
 * asking: an incoming file that nobody has decided on; an outgoing file that is offered but not wanted yet in this
 *   session.
 * preparing: an incoming file that waits for the owner's `ready`.
 * moving: bytes are sent, unless the file is held.
 * ending: an incoming file that waits for the owner's `finished`; an outgoing file whose FILE_END was sent. */

/** @typedef {object} FileOffer what `add` takes
 * @property {string} id 32 hexadecimal digits
 * @property {number} [flags] FILE_FLAG_…
 * @property {number} [size] in bytes
 * @property {string} [group] its id in hexadecimal; files of one group are accepted together
 * @property {number} [groupFiles] files of the group
 * @property {number} [groupBytes] bytes of the group
 * @property {bigint} [modifiedNs] Unix time of the last change in nanoseconds; 0n: unknown
 * @property {Uint8Array} name UTF-8
 * @property {Uint8Array} [mediaType] UTF-8
 * @property {any} [user] anything; kept with the file for the owner
 */

/** One file that is not over. The owner may read it, but write `user` only. */
export class TransferFile {
  /** @param {FileOffer} like @param {boolean} outgoing */
  constructor(like, outgoing) {
    this.id = like.id;
    this.group = like.group ?? '';
    this.outgoing = outgoing;
    this.flags = like.flags ?? 0;
    this.groupFiles = like.groupFiles ?? 0;
    this.groupBytes = like.groupBytes ?? 0;
    /** In bytes; 0 for a stream until it has ended. */
    this.size = like.size ?? 0;
    /** Unix time of the last change in nanoseconds; 0n: unknown. */
    this.modifiedNs = like.modifiedNs ?? 0n;
    /** UTF-8. Of an incoming file as the other side gave it: pass it through `safeName`. */
    this.name = like.name;
    this.mediaType = like.mediaType ?? new Uint8Array(0);
    this.user = like.user;
    /** @type {FileState} */
    this.state = 'asking';
    /** The bytes that the receiver has stored, as far as this side knows. */
    this.stored = 0;
    /** Why this side holds the file, FILE_HELD_…; 0 when it does not. */
    this.heldHere = 0;
    /** The same of the other side. */
    this.heldThere = 0;
    // ---- for this folder only ----
    /** The words that are due about it: SAY_… of say.js. */
    this.say = 0;
    /** Outgoing: the offset that is sent next. Incoming: the offset that is expected next. */
    this.next = 0;
    /** Outgoing: FILE_GET came in this session. */
    this.allowed = false;
    /** The owner has a want that no other may follow: one of a stream, or the one with `end`. */
    this.wantOpen = false;
    /** Wants of an earlier generation are stale. */
    this.generation = 0;
    /** The owner was asked to read up to this offset. */
    this.readTo = 0;
    /** Of a stream: bytes before this offset cannot be read again. */
    this.keptFrom = 0;
    /** Incoming: a new session started, so the sender will repeat FILE_OFFER. */
    this.offerDue = false;
    /** Incoming: FILE_GET was sent in this session. */
    this.getSaid = false;
    /** Incoming: FILE_GET was sent for missing bytes, and the expected bytes have not arrived since. */
    this.gapSaid = false;
  }
  get isStream() {
    return (this.flags & FILE_FLAG_STREAM) !== 0;
  }
}

/** Decodes an id. Throws EINVAL. @param {string} id */
export function idBytes(id) {
  const bytes = fromHex(checkText(id, 'an id'));
  if (bytes.length !== FILE_ID_BYTES) throw new PairlinkError('EINVAL', 'an id has 16 bytes');
  return bytes;
}
