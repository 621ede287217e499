/** Numbers of the session that each side may choose for itself. They are the same as in client/core/session. */
import { ENVELOPE_HEADER_BYTES, RECORD_OVERHEAD_BYTES } from '../../wire_table.js';
export const LINKS_MAX = 8;
export const ACK_DELAY_MS = 25;
export const ACK_BYTES = 65536;
/** Bytes of one DATA frame while more than one channel has anything to send. */
export const SHARED_CHUNK_BYTES = 16384;
/** In the last eighth of a record that has data, only what ends a message is begun. A message that nearly fills a record
 * then comes in one, and the receiver need not assemble it. */
export const RECORD_TAIL_PART = 8;
/** A channel with more bytes than this to send is bulk. */
export const BULK_FROM_BYTES = 16384;
export const PROBE_MIN_MS = 1000;
export const TAKE_PROBE_MAX_MS = 30000;
export const PROBES_MAX = 3;
/** How often the waits for a HELLO and for a probe's answer are doubled on a slow connection. */
export const PATIENCE_MAX = 5;
export const CLOSE_TIMEOUT_MS = 10000;
export const VOLATILE_BYTES = 65536;
/** Messages of one channel that may wait, because each needs memory however small it is. */
export const PIECES_MAX = 65536;
/** The opener repeats HELLO at this interval until it has an answer. */
export const HELLO_AGAIN_MS = 1000;
export const LINK_CONFIRM_MS = 10000;
/** Room for a DATA frame and HELLO, or ACK and CREDIT, of all channels. */
export const RECORD_ROOM_MIN = 20480;
/** Bytes of an envelope around a record's plaintext: header, counter and tag. */
export const RECORD_COST = ENVELOPE_HEADER_BYTES + RECORD_OVERHEAD_BYTES;
/** A link in use is replaced by one with new keys after this time or this many bytes. */
export const REPLACE_AFTER_MS = 15 * 60 * 1000;
export const REPLACE_AFTER_BYTES = 2 ** 30;
