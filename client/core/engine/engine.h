/* The client's engine: everything that one identity at one relay decides. Login, links, handshakes, whom to
 * accept, sessions, when to try again. Pure: events in, actions out; the shell owns socket, clock and files.
 *
 * Use: pl_engine_step for each event; then execute the actions in order; then, while the socket takes bytes,
 * pl_engine_produce; then sleep until pl_engine_deadline or the next event. Not thread safe; one engine, one
 * thread. Views in events are borrowed for the call; views in actions live until the next step. */
#ifndef PL_ENGINE_H
#define PL_ENGINE_H

#include "../base/base.h"
#include "../identity/identity.h"
#include "../noise/aead.h"

typedef struct pl_engine pl_engine;

typedef struct pl_engine_config {
  pl_identity identity;
  uint8_t instance[8];
  uint8_t seed[32];             /* of the engine's deterministic random generator; from the system in a shell */
  const char *origin;           /* WHATWG origin of the relay's address; copied */
  const uint8_t *relay_id;      /* pinned relay ID of 32 bytes, or NULL: take and report the first one seen */
  const char *token;            /* the relay's access token, for --admission invite, or NULL; only its hash is kept */
  const char *application;      /* "pipe/1"…; copied */
  const char *name;             /* the name this side gives itself, or NULL; copied */
  bool listen;                  /* wants offers that name no instance */
  bool accept_all;              /* accepts every stranger */
  uint32_t message_max;         /* 0: 262,144 bytes */
  uint32_t channel_window;      /* 0: 1 MiB; at least message_max + 1 */
  uint64_t session_window;      /* 0: 8 MiB */
  uint32_t session_timeout_ms;  /* 0: one hour; without a link for longer ends a session */
  uint32_t sessions_max;        /* 0: 1,024 */
  uint64_t replace_after_bytes; /* 0: 1 GiB; a link that carried so much is replaced */
  const pl_aead *aead;          /* for the records of links, NULL: libsodium's; outlives the engine */
  bool manual_take; /* true: the shell says with PL_ENGINE_IN_TAKE what the application took; false: at once */
} pl_engine_config;

typedef enum pl_engine_event_type {
  PL_ENGINE_IN_TIME,  /* the deadline passed; harmless at any time */
  PL_ENGINE_IN_START, /* connect, and stay connected */
  PL_ENGINE_IN_STOP,  /* close all sessions with CLOSED, then the socket; waits for the answers to CLOSE that this side
                  owes or awaits, 10 s at most and only while online */
  PL_ENGINE_IN_SOCKET_OPEN,    /* the WebSocket is open */
  PL_ENGINE_IN_SOCKET_MESSAGE, /* .data: one whole binary message */
  PL_ENGINE_IN_SOCKET_CLOSED,  /* .error: why (PL_ENETWORK, PL_ETLS, PL_ECLOSED …) */
  PL_ENGINE_IN_NETWORK_UP,     /* the network is back: do not wait for the retry */
  PL_ENGINE_IN_CONNECT, /* .peer, .instance (or zeros), .secret (16 bytes of an invite, or none), .relay (the ID that
                    an invite link names, or none): gives .session_out */
  PL_ENGINE_IN_SEND,    /* .session .channel .data: one message, whole; PL_EAGAIN, PL_EMSGSIZE; gives .place_out */
  PL_ENGINE_IN_SEND_VOLATILE, /* the same, outside order and credit; may be dropped */
  PL_ENGINE_IN_FINISH,        /* .session .channel: end of my direction; gives .place_out */
  PL_ENGINE_IN_TAKE,          /* .session .channel .place: the application took all below this place (manual_take) */
  PL_ENGINE_IN_PRIORITY,      /* .session .channel .value: 0 highest to 7 */
  PL_ENGINE_IN_CHANNEL_RESET, /* .session .channel .value = reason: gives up my sending direction */
  PL_ENGINE_IN_CLOSE,         /* .session .value = reason, .data = text */
  PL_ENGINE_IN_ALLOW,         /* .peer: accept from now on; a waiting knock is answered, an older one dialled back */
  PL_ENGINE_IN_DENY,          /* .peer: forget its knock, stay silent */
  PL_ENGINE_IN_BLOCK,         /* .peer: never ask again */
  PL_ENGINE_IN_INVITE_ADD,    /* .secret, .place = unix expiry in ms of the shell's now_ms clock, .value = uses: 0 or 1
                               * (single)
                               */
  PL_ENGINE_IN_INVITE_REVOKE, /* .secret */
  PL_ENGINE_IN_CODE_NEW,      /* .value = lifetime in ms, 0: as long as may be; gives .code. PL_EAGAIN: too many */
  PL_ENGINE_IN_CODE_CLAIM, /* .data: a code as somebody typed it; gives .code. PL_ECODE, PL_EAGAIN, PL_EINVAL: its own
                            */
  PL_ENGINE_IN_CODE_CANCEL /* .code: ends without an action; one that is over is fine */
} pl_engine_event_type;

typedef struct pl_engine_event {
  pl_engine_event_type type;
  uint64_t now_ms; /* monotonic; never goes back */
  int error;
  uint32_t session;
  uint8_t channel;
  uint32_t value;
  uint64_t place;
  pl_view data, peer, instance, secret, relay;
  uint32_t code;        /* filled by the step for PL_ENGINE_IN_CODE_NEW and PL_ENGINE_IN_CODE_CLAIM */
  uint32_t session_out; /* filled by the step */
  uint64_t place_out;
} pl_engine_event;

typedef enum pl_engine_action_type {
  PL_ENGINE_OUT_CONNECT,    /* open the WebSocket now; .text: at this address, none: the configured one */
  PL_ENGINE_OUT_DISCONNECT, /* close it after flushing what pl_engine_produce gives; .reason for the log */
  PL_ENGINE_OUT_ONLINE,     /* logged in; .id is the relay's ID (the shell pins it when none was) */
  PL_ENGINE_OUT_OFFLINE,    /* .error, .reason; .time_ms: when it tries again, PL_NEVER when it will not */
  PL_ENGINE_OUT_KNOCK,      /* a stranger asks: .id, .instance, .text (its own name, may be empty) */
  PL_ENGINE_OUT_SESSION, /* a session by the other side's wish: .session .id .instance; .text its application, .data its
                          * name
                          */
  PL_ENGINE_OUT_LINKED,  /* .session has a confirmed link; .text the peer's application, .data its name, .instance */
  PL_ENGINE_OUT_UNLINKED,  /* .session lost its last link: .reason; .time_ms: next attempt, PL_NEVER: waits for the peer
                            */
  PL_ENGINE_OUT_MESSAGE,   /* .session .channel .data; .place: to hand to PL_ENGINE_IN_TAKE */
  PL_ENGINE_OUT_VOLATILE,  /* .session .channel .data */
  PL_ENGINE_OUT_END,       /* .session .channel: the peer's direction ended; .place */
  PL_ENGINE_OUT_WRITABLE,  /* .session .channel: after PL_EAGAIN, sending is possible again */
  PL_ENGINE_OUT_DELIVERED, /* .session .channel: the peer's application took all below .place */
  PL_ENGINE_OUT_CHANNEL_RESET, /* .session .channel .reason: the peer gave up its direction */
  PL_ENGINE_OUT_LOST, /* .session .channel .place: one message (ending there) did not arrive for sure; before … */
  PL_ENGINE_OUT_STREAM_RESET,   /* .session: the peer lost its state; all PL_ENGINE_OUT_LOST came before; streams start
                                   again at 0 */
  PL_ENGINE_OUT_SESSION_CLOSED, /* .session .error .reason .text; the number is free from now on */
  PL_ENGINE_OUT_INVITE_CLAIMED, /* .id used .data (the secret) */
  PL_ENGINE_OUT_CODE,      /* .code has a number: .text is what to tell the other person; .time_ms: good until then */
  PL_ENGINE_OUT_CODE_BUSY, /* .code: somebody else tried it while the first was at it, and was sent away */
  PL_ENGINE_OUT_PAIRED, /* .code is over, by success: .id .instance, .text its name; .session where this side made the
                    code (0: there were too many), else PL_ENGINE_OUT_SESSION follows. The ID is allowed from now on */
  PL_ENGINE_OUT_CODE_ENDED, /* .code is over, without: .error .reason */
  PL_ENGINE_OUT_LOG         /* .text: one line, event=… key=value */
} pl_engine_action_type;

typedef struct pl_engine_action {
  pl_engine_action_type type;
  uint32_t session, code;
  uint8_t channel;
  int error;
  int reason;
  uint64_t place, time_ms;
  uint8_t id[32], instance[8];
  pl_view data, text;
} pl_engine_action;

typedef struct pl_engine_actions {
  pl_engine_action *list;
  size_t count, capacity;
} pl_engine_actions;

int pl_engine_new(const pl_engine_config *config, pl_engine **out) PL_MUST_USE;
void pl_engine_free(pl_engine *e);

/* Feeds one event. *out is owned by the engine and valid until the next step. Returns 0 or an error of the event
 * (PL_EAGAIN for a full window, PL_EINVAL …); actions may come with either. */
int pl_engine_step(pl_engine *e, pl_engine_event *in, const pl_engine_actions **out);

/* When PL_ENGINE_IN_TIME is wanted at the latest; PL_NEVER for not at all. */
uint64_t pl_engine_deadline(const pl_engine *e);

/* The next WebSocket message to send, produced now: bytes written (whole envelopes), 0 when there is nothing.
 * capacity must be at least 65,543 (one largest envelope). Call when the socket can take more. */
size_t pl_engine_produce(pl_engine *e, uint64_t now_ms, uint8_t *out, size_t capacity);
/* The largest message that this session can send now: no more than either side takes. 0: there is no such session. */
uint32_t pl_engine_message_max(const pl_engine *e, uint32_t session);
bool pl_engine_has_output(const pl_engine *e);

#endif
