/** Numbers of the session that are this side's own choice, the same as client/core/session's. */
export const LINKS_MAX = 8;
export const ACK_DELAY_MS = 25;
export const ACK_BYTES = 65536;
/** Of one DATA frame while another channel has anything to send. */
export const SHARED_CHUNK_BYTES = 16384;
/** A channel with more than this to send is bulk. */
export const BULK_FROM_BYTES = 16384;
export const PROBE_MIN_MS = 1000;
export const TAKE_PROBE_MAX_MS = 30000;
export const PROBES_MAX = 3;
/** Doublings of the waits for a HELLO and for a probe's answer, on a line too slow for one record. */
export const PATIENCE_MAX = 5;
export const CLOSE_TIMEOUT_MS = 10000;
export const VOLATILE_BYTES = 65536;
/** Messages of one channel that may wait, however small. */
export const PIECES_MAX = 65536;
/** The opener says HELLO again so often until it has an answer. */
export const HELLO_AGAIN_MS = 1000;
export const LINK_CONFIRM_MS = 10000;
/** Fits HELLO, or ACK and CREDIT, of all channels, and a DATA frame. */
export const RECORD_ROOM_MIN = 20480;
/** Of header, counter and tag around a record's plaintext. */
export const RECORD_COST = 32;
/** Links in use are replaced, with new keys, after this long or this many bytes; the opener goes first. */
export const REPLACE_AFTER_MS = 15 * 60 * 1000;
export const REPLACE_AFTER_BYTES = 2 ** 30;
