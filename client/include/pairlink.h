/* libpairlink: end-to-end encrypted sessions between peers that find each other by ID at a relay.
 *
 * The shape of a program: fill pairlink_options, pairlink_new, then either pairlink_run (blocks), or put
 * pairlink_fd into a poll loop and call pairlink_dispatch when it is readable. Everything that happens
 * arrives in one callback, always from inside pairlink_dispatch or pairlink_run, never from another call.
 *
 * Conventions, unless a function says otherwise:
 *   results   0, or a negative PAIRLINK_E…; pairlink_error_text and _hint say it in words
 *   strings   UTF-8 with a NUL; arguments are borrowed for the call and copied where they are kept
 *   IDs       text of 54 characters (PAIRLINK_ID_CHARS); upper case is understood
 *   times     whole milliseconds (…_ms) or seconds (…_s)
 *   threads   one pairlink belongs to one thread at a time; different ones may live in different threads.
 *             Only pairlink_wakeup may be called from any thread
 *   fork      a client belongs to the process that made it. In a forked child pairlink_free and the functions that only
 *             read are fine; all others do nothing, those with a result give PAIRLINK_ESTATE. A child that goes on
 *             without exec calls pairlink_free; fork while no other thread is in a call of this header
 *   callbacks may call every function of this header but pairlink_dispatch and pairlink_run
 *   memory    a call that returns PAIRLINK_ENOMEM has changed nothing and can be tried again, or the client has failed
 *
 * A client fails when there is no memory for what it has to tell, or to go on with at all. What was not told cannot be
 * told later, so this is its end. pairlink_dispatch delivers what happened before, then returns PAIRLINK_ENOMEM; from
 * then on no event comes, STOPPED and CLOSED neither, each call that would do something returns the same error, and
 * pairlink_fd stays readable. Nothing more is sent, so no peer hears that something was taken that did not reach this
 * side's callback; peers see a lost connection. The getters still work. What is left is pairlink_free.
 *
 * The library opens no window to the terminal, sets no signal handler, and writes to no standard stream. */
#ifndef PAIRLINK_H
#define PAIRLINK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PAIRLINK_API __attribute__((visibility("default")))
#define PAIRLINK_MUST_USE __attribute__((warn_unused_result))
#else
#define PAIRLINK_API
#define PAIRLINK_MUST_USE
#endif

/* ---- errors: the numbers never change meaning ------------------------------------------------------- */
enum pairlink_error {
  PAIRLINK_OK = 0,
  PAIRLINK_EINVAL = -1,        /* an argument is wrong */
  PAIRLINK_ENOMEM = -2,        /* out of memory; see "memory" above */
  PAIRLINK_EAGAIN = -3,        /* not now: wait for PAIRLINK_EVENT_WRITABLE */
  PAIRLINK_EMSGSIZE = -4,      /* the message is larger than the other side takes */
  PAIRLINK_ESTATE = -5,        /* not possible in this state */
  PAIRLINK_EPROTOCOL = -6,     /* the other side broke the protocol */
  PAIRLINK_EID = -7,           /* not a peer ID */
  PAIRLINK_ELINK = -8,         /* not an invite link, or one of another relay */
  PAIRLINK_EURL = -9,          /* not a relay address */
  PAIRLINK_EIDENTITY = -10,    /* the identity file cannot be used; the log line says why */
  PAIRLINK_ECRYPTO = -11,      /* a proof or a seal is wrong */
  PAIRLINK_ERELAYKEY = -12,    /* the relay shows another key than before; nothing was sent */
  PAIRLINK_EREFUSED = -13,     /* refused */
  PAIRLINK_EUNAVAILABLE = -14, /* not there, or not answering */
  PAIRLINK_ELOST = -15,        /* the other side lost its state */
  PAIRLINK_ETIMEDOUT = -16,    /* no answer in time */
  PAIRLINK_ECLOSED = -17,      /* closed by the other side */
  PAIRLINK_ENETWORK = -18,     /* the relay cannot be reached */
  PAIRLINK_ETLS = -19,         /* the relay's certificate is not good for its name */
  PAIRLINK_EDENIED = -20,      /* the relay does not admit this ID */
  PAIRLINK_EIO = -21,          /* reading or writing a file failed */
  PAIRLINK_ESYSTEM = -22,      /* a system call failed */
  PAIRLINK_ECODE = -23,        /* not a pairing code */
  PAIRLINK_ENOCODE = -24,      /* there is no such code, or not any more */
  PAIRLINK_EWRONGCODE = -25,   /* the code was wrong, and is used up by that */
  PAIRLINK_EBUSY = -26,        /* somebody else is trying this code right now */
  PAIRLINK_ESTORE = -27        /* the relay cannot store new IDs right now, and this one is new to it */
};

/* What happened, and what to do about it: one line each, without a final point or line feed; "" when there is
 * nothing to add. Static strings. Any thread. */
PAIRLINK_API const char *pairlink_error_text(int error);
PAIRLINK_API const char *pairlink_error_hint(int error);

/* Why a link or session ended, as the two sides tell each other. Below 0x100 trying again may help. */
enum pairlink_reason {
  PAIRLINK_REASON_CLOSED = 0x001,
  PAIRLINK_REASON_GONE = 0x002,
  PAIRLINK_REASON_UNAVAILABLE = 0x003,
  PAIRLINK_REASON_REPLACED = 0x004,
  PAIRLINK_REASON_CROSSED = 0x005,
  PAIRLINK_REASON_DRAINING = 0x006,
  PAIRLINK_REASON_NODE_LOST = 0x007,
  PAIRLINK_REASON_OVERFLOW = 0x008,
  PAIRLINK_REASON_RATE = 0x009,
  PAIRLINK_REASON_SUPERSEDED = 0x00a,
  PAIRLINK_REASON_TIMEOUT = 0x00b,
  PAIRLINK_REASON_FULL = 0x00c,
  PAIRLINK_REASON_CORRUPT = 0x00d,
  PAIRLINK_REASON_BUSY = 0x00e,
  PAIRLINK_REASON_STORE = 0x00f,
  PAIRLINK_REASON_REFUSED = 0x101,
  PAIRLINK_REASON_PROTOCOL = 0x102,
  PAIRLINK_REASON_UNSUPPORTED = 0x103,
  PAIRLINK_REASON_REVOKED = 0x104,
  PAIRLINK_REASON_DENIED = 0x105,
  PAIRLINK_REASON_LOGIN_FAILED = 0x106,
  PAIRLINK_REASON_ORIGIN = 0x107,
  PAIRLINK_REASON_NO_CODE = 0x108,
  PAIRLINK_REASON_WRONG_CODE = 0x109
};

/* The reason in words, static. Any thread. */
PAIRLINK_API const char *pairlink_reason_text(int reason);

/* Version of the library that runs, "0.1.0". Any thread. */
PAIRLINK_API const char *pairlink_version(void);

/* ---- sizes and limits ------------------------------------------------------------------------------- */
enum {
  PAIRLINK_ID_CHARS = 54,         /* without the NUL */
  PAIRLINK_URL_MAX = 512,         /* longest relay address, with the NUL */
  PAIRLINK_INVITE_LINK_MAX = 640, /* longest invite link, with the NUL */
  PAIRLINK_CODE_MAX = 64,         /* longest pairing code, with the NUL */
  PAIRLINK_PHRASE_MAX = 256,      /* longest safety phrase, with the NUL */
  PAIRLINK_WORD_COUNT = 2048,     /* in the list that codes and phrases are made of */
  PAIRLINK_CHANNELS_MAX = 255     /* channels are numbered 0 to 254 */
};

#define PAIRLINK_NEVER ((int64_t)-1)

typedef struct pairlink pairlink;                 /* one identity at one relay */
typedef struct pairlink_session pairlink_session; /* a conversation with one peer; outlives lost connections */

/* ---- events ------------------------------------------------------------------------------------------ */
typedef enum pairlink_event_type {
  PAIRLINK_EVENT_ONLINE = 1, /* logged in at the relay; peer is the relay's ID */
  PAIRLINK_EVENT_OFFLINE =
      2,                    /* not logged in any more, or not yet: error, text; retry_ms from now, or PAIRLINK_NEVER */
  PAIRLINK_EVENT_KNOCK = 3, /* a stranger (peer, text: the name it gives itself) asks for a session:
                               pairlink_allow, pairlink_deny or pairlink_block, now or later */
  PAIRLINK_EVENT_SESSION = 4,        /* session: the other side opened it; text: its application */
  PAIRLINK_EVENT_LINKED = 5,         /* session is connected, at first or again; text: the peer's application */
  PAIRLINK_EVENT_UNLINKED = 6,       /* session lost its connection and keeps its place; reason; retry_ms until the next
                                        attempt, PAIRLINK_NEVER: waits for the other side */
  PAIRLINK_EVENT_MESSAGE = 7,        /* session, channel, data: one whole message; place: see pairlink_take */
  PAIRLINK_EVENT_VOLATILE = 8,       /* session, channel, data: a message that could have been dropped */
  PAIRLINK_EVENT_END = 9,            /* session, channel: the other side sends nothing more there; place */
  PAIRLINK_EVENT_WRITABLE = 10,      /* session, channel: sending is possible again after PAIRLINK_EAGAIN */
  PAIRLINK_EVENT_DELIVERED = 11,     /* session, channel: the peer's application took all below place */
  PAIRLINK_EVENT_CHANNEL_RESET = 12, /* session, channel: the other side gave up sending there; reason */
  PAIRLINK_EVENT_LOST = 13,          /* session, channel: the message that ended at place may not have arrived; comes
                                        before STREAM_RESET or CLOSED */
  PAIRLINK_EVENT_STREAM_RESET = 14,  /* session: the peer lost its state; all channels start again */
  PAIRLINK_EVENT_CLOSED = 15, /* session ended: error, reason, text; the pointer is good until this callback returns */
  PAIRLINK_EVENT_INVITE_USED = 16, /* peer used the invite of link data (its 16 byte secret) */
  PAIRLINK_EVENT_WAKEUP = 17,      /* pairlink_wakeup was called, once or more often */
  PAIRLINK_EVENT_STOPPED = 18,     /* after pairlink_stop: everything is closed */
  PAIRLINK_EVENT_CODE = 19,        /* code; text: the pairing code to tell the other person; valid_ms */
  PAIRLINK_EVENT_CODE_BUSY = 20,   /* code: a second person tried it while the first was at it, and was sent away */
  PAIRLINK_EVENT_PAIRED = 21,    /* code is over, by success: peer; text: the name it gives itself; session: where this
                                    side made the code, else a SESSION event follows. The peer is allowed from now on */
  PAIRLINK_EVENT_CODE_ENDED = 22 /* code is over, without: error (EWRONGCODE, ENOCODE, EBUSY, ETIMEDOUT …), reason */
} pairlink_event_type;

/* What the callback is given; fields that the type does not name are zero or "" (peer: also set where there is a
 * session). All pointers are good until the callback returns, but session: until PAIRLINK_EVENT_CLOSED. */
typedef struct pairlink_event {
  pairlink_event_type type;
  int error;  /* 0 or PAIRLINK_E… */
  int reason; /* PAIRLINK_REASON_… or 0 */
  unsigned channel;
  unsigned code; /* of pairlink_code_new or pairlink_code_claim */
  pairlink_session *session;
  const char *peer; /* ID */
  const char *text; /* written by the other side where it names things: not trusted, may hold anything */
  const void *data;
  size_t size;
  uint64_t place; /* in the channel's count: every byte, end of message and end of channel is one */
  int64_t retry_ms;
  int64_t valid_ms; /* from now until a pairing code expires */
} pairlink_event;

typedef void pairlink_callback(pairlink *p, const pairlink_event *event, void *user);

typedef enum pairlink_log_level {
  PAIRLINK_LOG_ERROR = 0,
  PAIRLINK_LOG_WARNING = 1,
  PAIRLINK_LOG_INFO = 2
} pairlink_log_level;

/* One line without a line feed; never holds messages or keys. Comes from within any call of this header. */
typedef void pairlink_log_callback(pairlink_log_level level, const char *line, void *user);

/* ---- making one -------------------------------------------------------------------------------------- */
typedef struct pairlink_options {
  size_t size;          /* set by pairlink_options_init: lets the struct grow */
  const char *relay;    /* ws, wss, http or https address of the relay or its page, or an invite link; required */
  const char *relay_id; /* expected ID, or an invite link that names it; NULL: the pinned one, else the first seen */
  const char *identity_file;   /* NULL: $XDG_CONFIG_HOME/pairlink/identity; made, 0600, when it does not exist */
  const char *relays_file;     /* NULL: $XDG_STATE_HOME/pairlink/known_relays; where relay IDs are pinned */
  const char *ca_file;         /* PEM certificates to trust instead of the system's, or NULL */
  const char *token;           /* access token of a relay that admits by invitation, or NULL; it never travels */
  const char *application;     /* what speaks on the channels, at most 32 bytes; "pipe/1" by default */
  const char *name;            /* how this side calls itself to others, at most 64 bytes, or NULL */
  int listen;                  /* 1: peers can open sessions with this ID (default 0: only those one connects to) */
  int accept_all;              /* 1: every stranger is accepted; 0: PAIRLINK_EVENT_KNOCK asks */
  int manual_take;             /* 1: a message counts as taken with pairlink_take; 0: when the callback returned */
  int no_proxy;                /* 1: the environment's https_proxy, http_proxy, all_proxy are ignored */
  uint32_t message_max;        /* largest message taken, bytes; 262,144 by default */
  uint32_t channel_window;     /* bytes that may wait for this side per channel; 1 MiB, at least message_max + 1 */
  uint64_t session_window;     /* the same for all channels of a session; 8 MiB */
  uint32_t session_timeout_ms; /* a session without a connection for longer ends; one hour by default */
  uint32_t sessions_max;       /* 1,024 */
  pairlink_callback *callback; /* required */
  pairlink_log_callback *log;  /* or NULL */
  void *user;                  /* handed to both */
} pairlink_options;

/* Fills in the defaults. Always the first step. Any thread. */
PAIRLINK_API void pairlink_options_init(pairlink_options *options);

/* Makes a client; the options are copied. Reads the identity, or makes it; connects to nothing yet: that begins with
 * the first pairlink_dispatch or pairlink_run, and from then on goes on by itself after every loss.
 * *out is the caller's, for pairlink_free; NULL after an error.
 * Errors: EINVAL, EURL, ELINK, EID, EIDENTITY, ERELAYKEY (an invite link or relay_id against the pinned ID), EIO,
 * ENOMEM, ESYSTEM. Any thread. */
PAIRLINK_API int pairlink_new(const pairlink_options *options, pairlink **out) PAIRLINK_MUST_USE;

/* Drops everything at once, unsent data too (pairlink_stop closes first), and frees it with its sessions; NULL is fine.
 * From within a callback it takes effect when the callback has returned. No event comes afterwards. In a forked child
 * it frees the child's copy: the parent's connection goes on. */
PAIRLINK_API void pairlink_free(pairlink *p);

/* The options' user pointer; the own ID (good until pairlink_free); the relay's ID, or NULL while none is known; the
 * relay's normalised address. */
PAIRLINK_API void *pairlink_user(const pairlink *p);
PAIRLINK_API const char *pairlink_id(const pairlink *p);
PAIRLINK_API const char *pairlink_relay_id(const pairlink *p);
PAIRLINK_API const char *pairlink_relay_url(const pairlink *p);

/* Reads or makes the identity of a file (NULL: the default one) without a client, and writes its ID into id. The line
 * in why (may be NULL), at most why_size bytes with the NUL, says what is wrong after an error. Errors: EINVAL,
 * EIDENTITY, EIO, ESYSTEM. Any thread. */
PAIRLINK_API int pairlink_identity_read(const char *identity_file, char id[PAIRLINK_ID_CHARS + 1], char *why,
                                        size_t why_size) PAIRLINK_MUST_USE;

/* Forgets the ID pinned for a relay's address, after its owner said that it was set up anew. relays_file as in the
 * options. 1: forgotten, 0: there was none. Errors: EURL, EIO, ENOMEM. Any thread. */
PAIRLINK_API int pairlink_relay_forget(const char *relay, const char *relays_file) PAIRLINK_MUST_USE;

/* ---- running ------------------------------------------------------------------------------------------ */
/* A descriptor that is readable (POLLIN) whenever pairlink_dispatch has something to do, timers included: a host polls
 * this alone, without a timeout, on any kind of loop. Borrowed: never read, write or close it. */
PAIRLINK_API int pairlink_fd(const pairlink *p);

/* Does what is due and never waits. Calls back. Harmless at any time.
 * 0; ESTATE from within a callback; from the moment that the client has failed, why: then nothing is left but
 * pairlink_free, and a loop that goes on polling would spin. */
PAIRLINK_API int pairlink_dispatch(pairlink *p);

/* Dispatches until pairlink_stop has closed everything or a callback freed the client (0), or the client went offline
 * for good (the error of that PAIRLINK_EVENT_OFFLINE), or the client failed (as pairlink_dispatch), or ESTATE, ESYSTEM.
 */
PAIRLINK_API int pairlink_run(pairlink *p);

/* Closes all sessions and the connection, cleanly: goes on in pairlink_dispatch until PAIRLINK_EVENT_STOPPED, at most
 * 10 s. What peers have not taken yet is lost: end the channels and wait for DELIVERED first where that matters. Of a
 * client that failed or fails meanwhile no STOPPED comes: pairlink_dispatch says why. */
PAIRLINK_API int pairlink_stop(pairlink *p);

/* Makes the dispatching thread get PAIRLINK_EVENT_WAKEUP soon. From any thread, and from signal handlers; the caller
 * takes care that p lives. */
PAIRLINK_API void pairlink_wakeup(pairlink *p);

/* The network is back (a host may know from its system): try again now instead of at the next retry. */
PAIRLINK_API int pairlink_network_up(pairlink *p);

/* ---- peers -------------------------------------------------------------------------------------------- */
/* Opens a session with a peer: an ID, or an invite link of this relay. It need not be there yet: LINKED tells when it
 * is. Calling again for the same peer gives the same session. *out is borrowed until PAIRLINK_EVENT_CLOSED. Errors:
 * EID, ELINK (also: another relay's; while no relay is known yet this comes as CLOSED, before anything is sent),
 * EAGAIN (sessions_max), ESTATE, ENOMEM. */
PAIRLINK_API int pairlink_connect(pairlink *p, const char *id_or_link, pairlink_session **out) PAIRLINK_MUST_USE;

/* Answers a knock, or decides before one: allow accepts this ID from now on; deny forgets its knock in silence, and
 * takes back an invite that it claimed; block never asks again. For as long as this client lives. Errors: EID, ENOMEM.
 */
PAIRLINK_API int pairlink_allow(pairlink *p, const char *id);
PAIRLINK_API int pairlink_deny(pairlink *p, const char *id);
PAIRLINK_API int pairlink_block(pairlink *p, const char *id);

/* Makes an invite: whoever opens the link first within valid_s seconds is accepted without a question, and bound to it.
 * Writes the link, at most size bytes with the NUL (PAIRLINK_INVITE_LINK_MAX is enough). The options need listen = 1.
 * Errors: ESTATE while the relay's ID is not known, EURL (the relay lies below the root of its host: a link leads to
 * the root), EMSGSIZE, EAGAIN (too many), ENOMEM. */
PAIRLINK_API int pairlink_invite_new(pairlink *p, uint32_t valid_s, char *link, size_t size) PAIRLINK_MUST_USE;
PAIRLINK_API int pairlink_invite_revoke(pairlink *p, const char *link);

/* Makes a pairing code, "4821-copper-violin": whoever types it is joined with this side, each sure of the other's ID.
 * CODE brings it, once the relay is reached; PAIRED or CODE_ENDED follows. It is good once, and for one guess; valid_s:
 * at most 600, 0: 600. *code is its number for this client, never 0. Errors: EAGAIN (eight codes at one time), ESTATE
 * (stopping), ENOMEM. */
PAIRLINK_API int pairlink_code_new(pairlink *p, uint32_t valid_s, unsigned *code) PAIRLINK_MUST_USE;

/* Uses a code that somebody told; PAIRED or CODE_ENDED follows. Errors: ECODE (not a code, or a word that is not in the
 * list; nothing was spent), EINVAL (also: this client's own), EAGAIN, ESTATE, ENOMEM. */
PAIRLINK_API int pairlink_code_claim(pairlink *p, const char *text, unsigned *code) PAIRLINK_MUST_USE;

/* Ends a code of either kind, without an event. One that is over is fine. */
PAIRLINK_API int pairlink_code_cancel(pairlink *p, unsigned code);

/* The n-th of the PAIRLINK_WORD_COUNT words, in alphabetical order (for completion while typing); NULL beyond. Static.
 * Any thread. */
PAIRLINK_API const char *pairlink_word(unsigned n);

/* The safety phrase of two IDs, the same in either order: twelve words with spaces, at most PAIRLINK_PHRASE_MAX bytes
 * with the NUL. Takes some milliseconds. Errors: EID, EMSGSIZE. Any thread. */
PAIRLINK_API int pairlink_safety_phrase(const char *id, const char *other_id, char *phrase,
                                        size_t size) PAIRLINK_MUST_USE;

/* ---- sessions ----------------------------------------------------------------------------------------- */
/* Sends one message on channel 0: all of it, or nothing. Copied. It arrives once, in order, however often the
 * connection is lost. Before the first LINKED it waits within the window. Errors: EAGAIN (window full: a WRITABLE event
 * follows), EMSGSIZE, ESTATE (finished or closed), ENOMEM. */
PAIRLINK_API int pairlink_send(pairlink_session *s, const void *data, size_t size) PAIRLINK_MUST_USE;

/* The same on a channel; *place (may be NULL) is where the message ends: DELIVERED with at least that place says that
 * the peer's application took it. */
PAIRLINK_API int pairlink_send_channel(pairlink_session *s, unsigned channel, const void *data, size_t size,
                                       uint64_t *place) PAIRLINK_MUST_USE;

/* Sends a message that may be dropped or overtake others: for positions, cursors, typing marks. */
PAIRLINK_API int pairlink_send_volatile(pairlink_session *s, unsigned channel, const void *data, size_t size);

/* Ends this side's direction of a channel, after what was sent; the other direction goes on. *place as above. */
PAIRLINK_API int pairlink_finish(pairlink_session *s, unsigned channel, uint64_t *place);

/* With manual_take: everything of the channel below place was used, so the peer may send more. */
PAIRLINK_API int pairlink_take(pairlink_session *s, unsigned channel, uint64_t place);

/* 0 is the most urgent, 7 the least, 4 the default. */
PAIRLINK_API int pairlink_set_priority(pairlink_session *s, unsigned channel, unsigned priority);

/* Gives up this side's direction of a channel; what was not taken yet is dropped. */
PAIRLINK_API int pairlink_reset_channel(pairlink_session *s, unsigned channel, int reason);

/* Ends the session at both sides; reason (0: PAIRLINK_REASON_CLOSED) and text (NULL or at most 123 bytes) are told to
 * the other. The session is good until PAIRLINK_EVENT_CLOSED, which always comes, but nothing can be sent. */
PAIRLINK_API int pairlink_close(pairlink_session *s, int reason, const char *text);

/* About a session; strings are good until PAIRLINK_EVENT_CLOSED has returned. */
PAIRLINK_API pairlink *pairlink_session_client(const pairlink_session *s);
PAIRLINK_API const char *pairlink_session_peer(const pairlink_session *s);        /* ID */
PAIRLINK_API const char *pairlink_session_application(const pairlink_session *s); /* "" before the first LINKED */
PAIRLINK_API const char *pairlink_session_name(const pairlink_session *s); /* that the peer gives itself; like `text` */
/* Bytes of the largest message that can be sent: what the options of both sides allow; before the first LINKED, what
 * this side's do. */
PAIRLINK_API uint32_t pairlink_session_message_max(const pairlink_session *s);
PAIRLINK_API int pairlink_session_is_linked(const pairlink_session *s);   /* 1: connected at this moment */
PAIRLINK_API int pairlink_session_is_incoming(const pairlink_session *s); /* 1: the peer opened it */
PAIRLINK_API void pairlink_session_set_user(pairlink_session *s, void *user);
PAIRLINK_API void *pairlink_session_user(const pairlink_session *s);

#ifdef __cplusplus
}
#endif

#endif
