// The wire format as JavaScript, made by schema/wire_table.mjs from schema/wire.def and schema/errors.def.
// Do not edit it: change the tables and run `node schema/wire_table.mjs`.

/** the version this table describes */
export const PROTOCOL_VERSION = 1;
/** type, flags, length, link */
export const ENVELOPE_HEADER_BYTES = 8;
/** length is 16 bits */
export const ENVELOPE_PAYLOAD_MAX = 65535;
/** unknown types from here on are skipped by length */
export const ENVELOPE_SKIPPABLE = 128;
/** on DATA: the relay may drop it when a queue is full */
export const ENVELOPE_FLAG_VOLATILE = 1;
/** bit 31 of a link number: numbered by the relay */
export const LINK_SIDE_RELAY = 2147483648;
/** 15 bits; generation 0 is never used, so link 0 is the socket */
export const LINK_GENERATION_MAX = 32767;
/** an Ed25519 public key */
export const ID_BYTES = 32;
/** 52 of base32 and 2 check characters */
export const ID_CHARS = 54;
/** random; names one place where an ID is used, kept beside the session state */
export const INSTANCE_BYTES = 8;
/** instances of one ID that may be logged in at one time */
export const INSTANCES_PER_ID = 8;
/** random, for one login on one socket */
export const CHALLENGE_BYTES = 32;
/** Ed25519 */
export const SIGNATURE_BYTES = 64;
/** counter of 8 bytes and tag of 16 around a sealed record */
export const RECORD_OVERHEAD_BYTES = 24;
/** ENVELOPE_PAYLOAD_MAX - RECORD_OVERHEAD_BYTES */
export const RECORD_PLAINTEXT_MAX = 65511;
/** type and length of a session frame */
export const FRAME_HEADER_BYTES = 3;
/** on frame DATA: a message ends here; the end takes one place */
export const DATA_FLAG_END_OF_MESSAGE = 1;
/** on frame DATA: the channel ends here; the end takes one place */
export const DATA_FLAG_END_OF_CHANNEL = 2;
/** channels are 0 to 254, so that a list of all of them fits a count of one byte */
export const CHANNELS_MAX = 255;
/** wants OFFERs that name no instance */
export const LOGIN_FLAG_LISTEN = 1;
/** first bytes of a token proof: which token it is */
export const TOKEN_HINT_BYTES = 8;
/** hint and HMAC-SHA-256 */
export const TOKEN_PROOF_BYTES = 40;
/** op of PEERS: calls from these IDs are not knocks */
export const PEERS_ALLOW = 1;
/** op of PEERS: calls from these IDs never reach this client */
export const PEERS_BLOCK = 2;
/** op of PEERS: these IDs are no longer allowed or blocked */
export const PEERS_FORGET = 3;
/** IDs in one PEERS */
export const PEERS_IDS_MAX = 32;
/** knocks that a client remembers; the oldest is forgotten first */
export const KNOCKS_MAX = 64;
/** the secret of an invite link */
export const INVITE_SECRET_BYTES = 16;
/** the first bytes of SHA-256 of the secret */
export const INVITE_HINT_BYTES = 8;
/** an invite link's fragment before base64url */
export const INVITE_BYTES = 85;
/** op of CODE: a client asks for a nameplate, the relay gives it */
export const CODE_MAKE = 1;
/** op of CODE: this nameplate is no longer needed */
export const CODE_END = 2;
/** ten minutes: how long a pairing code is good, and how long its claimer waits */
export const CODE_LIFETIME_MS = 600000;
/** how long a claimer may hold the seat of a code without making its guess */
export const CODE_SEAT_MS = 20000;
/** nameplates have four digits or more */
export const CODE_NUMBER_MIN = 1000;
/** nameplates have at most seven digits */
export const CODE_NUMBER_MAX = 9999999;
/** words of a pairing code, behind the nameplate */
export const CODE_WORDS = 2;
/** random, by the claimer: the session identifier of CPace */
export const CODE_SID_BYTES = 16;
/** words in schema/words.def: 11 bits each */
export const WORDS_COUNT = 2048;
/** words of a safety phrase for each ID */
export const PHRASE_WORDS = 6;
/** hashes that stretch an ID for its safety phrase */
export const PHRASE_ROUNDS = 4096;
/** channel of chat/1: texts, and messages about files */
export const CHAT_CHANNEL = 0;
/** channel of chat/1: the bytes of files */
export const FILE_CHANNEL = 1;
/** bytes: the smallest message_max of a client of chat/1 */
export const CHAT_MESSAGE_LEAST = 65536;
/** type of a message of chat/1 */
export const CHAT_TEXT = 1;
/** type of a message of chat/1 */
export const FILE_OFFER = 2;
/** type of a message of chat/1 */
export const FILE_GET = 3;
/** type of a message of chat/1 */
export const FILE_STOP = 4;
/** type of a message of chat/1 */
export const FILE_HOLD = 5;
/** type of a message of chat/1 */
export const FILE_SAVED = 6;
/** type of a message on FILE_CHANNEL */
export const FILE_DATA = 7;
/** type of a message on FILE_CHANNEL */
export const FILE_END = 8;
/** type of a message of chat/1 */
export const CHAT_NOTE = 9;
/** type of a volatile message of chat/1 */
export const CHAT_TYPING = 10;
/** type of a volatile message of chat/1 */
export const CHAT_READ = 11;
/** type of a message of chat/1 */
export const FILE_TIME = 12;
/** a text that is delivered later than this after it was written says when that was */
export const CHAT_LATE_MS = 60000;
/** the least time between two CHAT_TYPING */
export const CHAT_TYPING_EVERY_MS = 3000;
/** how long a CHAT_TYPING counts */
export const CHAT_TYPING_SHOWN_MS = 6000;
/** names one file between two peers */
export const FILE_ID_BYTES = 16;
/** bytes in one FILE_DATA at most */
export const FILE_PIECE_BYTES = 131072;
/** of FILE_OFFER: the size is not known yet; FILE_END tells it */
export const FILE_FLAG_STREAM = 1;
/** of FILE_OFFER: an empty folder; no bytes follow */
export const FILE_FLAG_FOLDER = 2;
/** why of FILE_STOP, by the receiver: not wanted */
export const FILE_DECLINED = 1;
/** why of FILE_STOP: not wanted any more */
export const FILE_CANCELLED = 2;
/** why of FILE_STOP, by the sender: it is another file now */
export const FILE_CHANGED = 3;
/** why of FILE_STOP, by the sender: it cannot be read */
export const FILE_UNREADABLE = 4;
/** why of FILE_STOP, by the receiver: it cannot be written */
export const FILE_UNWRITABLE = 5;
/** why of FILE_STOP, by the receiver: the bytes do not match the hash */
export const FILE_DAMAGED = 6;
/** why of FILE_STOP, by the receiver: more than it can keep */
export const FILE_TOO_LARGE = 7;
/** why of FILE_HOLD: paused */
export const FILE_HELD_BY_PERSON = 1;
/** why of FILE_HOLD, by the receiver: its disk is full; resumes when there is room */
export const FILE_HELD_DISK_FULL = 2;

export const ENVELOPE = /** @type {const} */ ({
  HELLO: 1, // who I am, a challenge, my limits
  LOGIN: 2, // who I am, signed
  WELCOME: 3, // you are in, signed
  GOING_AWAY: 4, // move elsewhere after a delay
  PING: 5, // answer this
  PONG: 6, // the answer, same bytes
  PEERS: 7, // whom I allow or block
  CODE: 8, // client: I want a nameplate; relay: here it is
  OPEN: 16, // caller: link me with this ID
  OFFER: 17, // this ID wants a link
  ACCEPT: 18, // callee, relay: the link is accepted
  DATA: 19, // a sealed record
  RESET: 20, // this link ended; on link 0: this socket ends
  CLAIM: 21, // claimer: link me with the owner of this nameplate; relay: someone claims it
});

/** Largest payload by envelope number.
 * @type {Record<number, number>} */
export const ENVELOPE_MAX = {
  1: 512,
  2: 1024,
  3: 512,
  4: 1024,
  5: 8,
  6: 8,
  7: 1026,
  8: 13,
  16: 2048,
  17: 2048,
  18: 2048,
  19: 65535,
  20: 128,
  21: 256,
};

export const SENDER = /** @type {const} */ ({
  CLIENT: 1,
  RELAY: 2,
  BOTH: 3,
});

/** Who sends it, by envelope number: bits of SENDER.
 * @type {Record<number, number>} */
export const ENVELOPE_SENDER = {
  1: SENDER.RELAY,
  2: SENDER.CLIENT,
  3: SENDER.RELAY,
  4: SENDER.RELAY,
  5: SENDER.CLIENT,
  6: SENDER.RELAY,
  7: SENDER.CLIENT,
  8: SENDER.BOTH,
  16: SENDER.CLIENT,
  17: SENDER.RELAY,
  18: SENDER.BOTH,
  19: SENDER.BOTH,
  20: SENDER.BOTH,
  21: SENDER.BOTH,
};

export const FRAME = /** @type {const} */ ({
  HELLO: 1, // first on every link, both ways: epochs, windows, places of the channels
  DATA: 2, // bytes of a channel
  ACK: 3, // what was received, and what the application took
  CREDIT: 4, // how far the other side may send
  CHANNEL_RESET: 5, // the sender gives up the rest of its direction of a channel
  PROBE: 6, // answer at once with ACK, CREDIT and PROBE_REPLY
  PROBE_REPLY: 7, // the answer, same number
  VOLATILE: 8, // a message outside offsets and credit; it may be lost
  CLOSE: 9, // the session ends; answered by CLOSE
});

export const REASON = /** @type {const} */ ({
  CLOSED: 1,
  GONE: 2,
  UNAVAILABLE: 3,
  REPLACED: 4,
  CROSSED: 5,
  DRAINING: 6,
  NODE_LOST: 7,
  OVERFLOW: 8,
  RATE: 9,
  SUPERSEDED: 10,
  TIMEOUT: 11,
  FULL: 12,
  CORRUPT: 13,
  BUSY: 14,
  STORE: 15,
  REFUSED: 257,
  PROTOCOL: 258,
  UNSUPPORTED: 259,
  REVOKED: 260,
  DENIED: 261,
  LOGIN_FAILED: 262,
  ORIGIN: 263,
  NO_CODE: 264,
  WRONG_CODE: 265,
});

/** What people are told, by reason number.
 * @type {Record<number, string>} */
export const REASON_TEXT = {
  1: 'closed by the other side',
  2: "the other side's connection was lost",
  3: 'not there, or not answering',
  4: 'a newer link took over',
  5: 'both called at once, the other call was taken',
  6: 'the relay is being shut down',
  7: 'another relay of this deployment was lost',
  8: 'too much was waiting for a slow receiver',
  9: 'too many requests, try later',
  10: 'the same instance logged in again',
  11: 'no answer in time',
  12: 'the relay has no room for this connection: too many in total, of this ID or from this address',
  13: 'a record did not open',
  14: 'somebody else is trying this code right now',
  15: 'the relay cannot store new IDs right now',
  257: 'refused',
  258: 'the other side broke the protocol',
  259: 'not supported by this version',
  260: 'this ID was revoked',
  261: 'this relay does not admit this ID',
  262: 'the proof of the ID was wrong',
  263: 'this relay does not serve the address that was dialled',
  264: 'no such code, or it has ended',
  265: 'the code was wrong and is now used up',
};

export const LIMIT = /** @type {const} */ ({
  MESSAGE_MAX: 1,
  LINK_WINDOW: 2,
  LINK_SLOTS: 3,
  OPEN_TIMEOUT_MS: 4,
  PING_INTERVAL_MS: 5,
  DEAD_AFTER_MS: 6,
});

/** @type {{name: string, id: number, initial: number, minimum: number, maximum: number, text: string}[]} */
export const LIMITS = [
  {
    name: 'MESSAGE_MAX',
    id: 1,
    initial: 262144,
    minimum: 66000,
    maximum: 16777216,
    text: 'bytes of one WebSocket message towards the relay',
  },
  {
    name: 'LINK_WINDOW',
    id: 2,
    initial: 1048576,
    minimum: 131072,
    maximum: 16777216,
    text: 'bytes of one link that may wait in the relay',
  },
  {
    name: 'LINK_SLOTS',
    id: 3,
    initial: 1024,
    minimum: 1,
    maximum: 65535,
    text: 'link numbers of one side: slots are 0 to this minus 1',
  },
  {
    name: 'OPEN_TIMEOUT_MS',
    id: 4,
    initial: 3000,
    minimum: 10,
    maximum: 60000,
    text: 'an OPEN that is not accepted within this time ends with UNAVAILABLE',
  },
  {
    name: 'PING_INTERVAL_MS',
    id: 5,
    initial: 20000,
    minimum: 10,
    maximum: 3600000,
    text: 'how often an idle socket is pinged',
  },
  {
    name: 'DEAD_AFTER_MS',
    id: 6,
    initial: 45000,
    minimum: 20,
    maximum: 7200000,
    text: 'a socket that is silent for this long is dead',
  },
];

export const EXTENSION = /** @type {const} */ ({
  INVITE: 1, // proof of an invite link's secret: hint of 8 bytes, HMAC of 32
  APPLICATION: 2, // what speaks on the channels: pipe/1, chat/1; UTF-8, at most 32 bytes
  NAME: 3, // the name this side gives itself; UTF-8, at most 64 bytes; a hint, not an identity
});

export const LABEL = /** @type {const} */ ({
  ID_CHECK: 'pairlink v1 id',
  LOGIN: 'pairlink v1 login',
  LOGIN_CLIENT: 'pairlink v1 login client',
  LOGIN_RELAY: 'pairlink v1 login relay',
  TOKEN_HINT: 'pairlink v1 token hint',
  PROLOGUE: 'pairlink v1 link',
  INVITE: 'pairlink v1 invite',
  INVITE_CHECK: 'pairlink v1 invite check',
  CODE: 'pairlink v1 code',
  CODE_CLAIMER: 'pairlink v1 code claimer',
  CODE_CREATOR: 'pairlink v1 code creator',
  CODE_CLAIMER_SEAL: 'pairlink v1 code claimer seal',
  CODE_CREATOR_SEAL: 'pairlink v1 code creator seal',
  CODE_DIAL: 'pairlink v1 code dial',
  PHRASE: 'pairlink v1 phrase',
  FILE_ID: 'pairlink v1 file',
});

/** Fields in order: [kind, field, argument]; the argument is a size, a maximum, or a list's item.
 * @type {Record<string, [kind: string, field: string, argument?: number | string][]>} */
export const MESSAGES = {
  envelope: [
    ['u8', 'type'],
    ['u8', 'flags'],
    ['u16', 'length'],
    ['u32', 'link'],
  ],
  limit: [
    ['u16', 'id'],
    ['u32', 'value'],
  ],
  hello: [
    ['u8', 'version_min'],
    ['u8', 'version_max'],
    ['u8', 'admission'],
    ['u8', 'reserved'],
    ['bytes', 'relay_id', 32],
    ['bytes', 'challenge', 32],
    ['u32', 'features'],
    ['list', 'limits', 'limit'],
  ],
  login: [
    ['u8', 'version'],
    ['u8', 'flags'],
    ['bytes', 'peer_id', 32],
    ['bytes', 'instance', 8],
    ['bytes', 'nonce', 32],
    ['u32', 'features'],
    ['var16', 'origin', 255],
    ['var8', 'token_proof', 40],
    ['bytes', 'signature', 64],
  ],
  welcome: [
    ['u8', 'registration'],
    ['u8', 'reserved'],
    ['list', 'limits', 'limit'],
    ['bytes', 'signature', 64],
  ],
  going_away: [
    ['u32', 'delay_ms'],
    ['rest', 'urls', 1020],
  ],
  ping: [['bytes', 'data', 8]],
  peer: [['bytes', 'id', 32]],
  peers: [
    ['u8', 'op'],
    ['list', 'ids', 'peer'],
  ],
  open: [
    ['bytes', 'target_id', 32],
    ['bytes', 'target_instance', 8],
    ['rest', 'handshake', 2008],
  ],
  offer: [
    ['bytes', 'caller_id', 32],
    ['bytes', 'caller_instance', 8],
    ['rest', 'handshake', 2008],
  ],
  accept: [['rest', 'handshake', 2048]],
  reset: [
    ['u16', 'reason'],
    ['rest', 'text', 123],
  ],
  code: [
    ['u8', 'op'],
    ['u32', 'tag'],
    ['u32', 'number'],
    ['u32', 'lifetime_ms'],
  ],
  claim: [
    ['u32', 'number'],
    ['rest', 'exchange', 252],
  ],
  code_start: [
    ['u8', 'version'],
    ['bytes', 'sid', 16],
    ['bytes', 'share', 32],
  ],
  code_answer: [
    ['u8', 'version'],
    ['bytes', 'share', 32],
  ],
  code_proof: [
    ['bytes', 'tag', 32],
    ['rest', 'sealed', 192],
  ],
  code_person: [
    ['bytes', 'id', 32],
    ['bytes', 'instance', 8],
    ['var8', 'name', 64],
  ],
  handshake1: [
    ['u8', 'version'],
    ['bytes', 'caller_instance', 8],
    ['bytes', 'callee_instance', 8],
    ['u32', 'features'],
    ['rest', 'extensions', 1024],
  ],
  handshake2: [
    ['u8', 'version'],
    ['bytes', 'callee_instance', 8],
    ['u32', 'features'],
    ['rest', 'extensions', 1024],
  ],
  extension: [
    ['u8', 'type'],
    ['var16', 'value', 1021],
  ],
  frame: [
    ['u8', 'type'],
    ['var16', 'body', 65508],
  ],
  channel_state: [
    ['u8', 'channel'],
    ['u64', 'received_to'],
    ['u64', 'taken_to'],
    ['u64', 'limit'],
  ],
  channel_ack: [
    ['u8', 'channel'],
    ['u64', 'received_to'],
    ['u64', 'taken_to'],
  ],
  channel_credit: [
    ['u8', 'channel'],
    ['u64', 'limit'],
  ],
  frame_hello: [
    ['u64', 'epoch'],
    ['u64', 'peer_epoch'],
    ['u32', 'link_seq'],
    ['u32', 'message_max'],
    ['u32', 'channel_window'],
    ['u64', 'session_limit'],
    ['list', 'channels', 'channel_state'],
  ],
  frame_data: [
    ['u8', 'channel'],
    ['u8', 'flags'],
    ['u64', 'offset'],
    ['rest', 'bytes', 65498],
  ],
  frame_ack: [
    ['u64', 'counter'],
    ['list', 'channels', 'channel_ack'],
  ],
  frame_credit: [
    ['u64', 'session_limit'],
    ['list', 'channels', 'channel_credit'],
  ],
  frame_channel_reset: [
    ['u8', 'channel'],
    ['u8', 'direction'],
    ['u16', 'reason'],
    ['u64', 'offset'],
  ],
  frame_probe: [['u32', 'number']],
  frame_volatile: [
    ['u8', 'channel'],
    ['rest', 'bytes', 65507],
  ],
  frame_close: [
    ['u16', 'reason'],
    ['rest', 'text', 123],
  ],
  chat_text: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['rest', 'text', 65000],
  ],
  chat_note: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['u64', 'written_ms'],
    ['bytes', 'reply_to', 16],
  ],
  chat_typing: [['u8', 'type']],
  chat_read: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
  ],
  file_offer: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['u8', 'flags'],
    ['u64', 'size'],
    ['bytes', 'group', 16],
    ['u32', 'group_files'],
    ['u64', 'group_bytes'],
    ['var16', 'name', 1024],
    ['var8', 'media_type', 127],
  ],
  file_get: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['u64', 'offset'],
  ],
  file_stop: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['u8', 'why'],
  ],
  file_hold: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['u8', 'held'],
    ['u8', 'why'],
  ],
  file_saved: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
  ],
  file_time: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['u64', 'modified_ns'],
  ],
  file_data: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['u64', 'offset'],
    ['rest', 'bytes', 131072],
  ],
  file_end: [
    ['u8', 'type'],
    ['bytes', 'id', 16],
    ['u64', 'size'],
    ['bytes', 'sha256', 32],
  ],
};

export const ERROR = /** @type {const} */ ({
  OK: { number: 0, text: 'no error', hint: '' },
  EINVAL: { number: -1, text: 'an argument is wrong', hint: "see the function's description in pairlink.h" },
  ENOMEM: { number: -2, text: 'out of memory', hint: 'free some memory, or lower the window' },
  EAGAIN: { number: -3, text: 'not now: the send window is full', hint: 'wait for the writable event' },
  EMSGSIZE: { number: -4, text: 'the message is larger than the other side takes', hint: 'send it in pieces' },
  ESTATE: { number: -5, text: 'not possible in this state', hint: "see the function's description in pairlink.h" },
  EPROTOCOL: {
    number: -6,
    text: 'the other side broke the protocol',
    hint: 'check that both sides run compatible versions',
  },
  EID: { number: -7, text: 'this is not a peer ID', hint: 'an ID has 54 letters and digits; copy it whole' },
  ELINK: {
    number: -8,
    text: 'this is not an invite link',
    hint: 'copy the link whole, including everything after the #',
  },
  EURL: {
    number: -9,
    text: 'this is not a relay address',
    hint: 'use ws://HOST:PORT, wss://HOST or the address of the page',
  },
  EIDENTITY: {
    number: -10,
    text: 'the identity file cannot be used',
    hint: 'check its owner and mode (0600), or name another',
  },
  ECRYPTO: { number: -11, text: 'a proof or a seal is wrong', hint: 'somebody may be changing the traffic on its way' },
  ERELAYKEY: {
    number: -12,
    text: 'the relay shows another key than before',
    hint: 'ask its operator before you trust it again',
  },
  EREFUSED: { number: -13, text: 'refused', hint: 'the other side said no, or the invite link is used or expired' },
  EUNAVAILABLE: {
    number: -14,
    text: 'not there, or not answering',
    hint: 'check the ID, and that the other side is running',
  },
  ELOST: { number: -15, text: 'the other side lost its state', hint: 'the event names what may not have arrived' },
  ETIMEDOUT: { number: -16, text: 'no answer in time', hint: 'try again' },
  ECLOSED: { number: -17, text: 'closed by the other side', hint: '' },
  ENETWORK: { number: -18, text: 'the relay cannot be reached', hint: 'check the address and the network' },
  ETLS: {
    number: -19,
    text: "the relay's certificate does not match its name",
    hint: 'check the address; if unsure, do not continue',
  },
  EDENIED: {
    number: -20,
    text: 'the relay does not admit this ID',
    hint: "ask the relay's operator for an invitation",
  },
  EIO: { number: -21, text: 'reading or writing a file failed', hint: 'check the disk and the permissions' },
  ESYSTEM: { number: -22, text: 'a system call failed', hint: 'see the log' },
  ECODE: {
    number: -23,
    text: 'this is not a pairing code',
    hint: 'it is a number and two words, like 4821-copper-violin',
  },
  ENOCODE: {
    number: -24,
    text: 'there is no such code, or it has ended',
    hint: 'codes work once, for ten minutes: ask for a new one',
  },
  EWRONGCODE: {
    number: -25,
    text: 'the code was wrong and is now used up',
    hint: 'make a new code, and take care with each word',
  },
  EBUSY: {
    number: -26,
    text: 'somebody else is trying this code right now',
    hint: 'try again in a moment, or make a new code',
  },
  ESTORE: {
    number: -27,
    text: 'the relay cannot store new IDs right now',
    hint: 'try again later, or tell its operator',
  },
});
