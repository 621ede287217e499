/* The client's engine: everything that one identity decides at one relay: login, links, handshakes, whom to accept,
 * sessions and retries. It is pure: events go in, actions come out; the shell owns the socket, the clock and the files.
 *
 * Use: call pl_engine_step for each event and execute the actions in order. Then call pl_engine_produce while the
 * socket takes bytes. Then sleep until pl_engine_deadline or the next event. An engine belongs to one thread. Views in
 * events are borrowed for the call; views in actions live until the next step. */
#ifndef PL_ENGINE_H
#define PL_ENGINE_H

#include "../base/base.h"
#include "../identity/identity.h"
#include "../noise/aead.h"

enum { PL_ENGINE_DEFAULT_MESSAGE_MAX = 262144 };

typedef struct pl_engine pl_engine;

typedef struct pl_engine_config {
  pl_identity identity;
  uint8_t instance[8];
  uint8_t seed[32];             /* of the engine's random numbers; a shell takes it from the system */
  const char *origin;           /* WHATWG origin of the relay's address; copied */
  const uint8_t *relay_id;      /* pinned relay ID, 32 bytes; NULL: accept and report the first one seen */
  const char *token;            /* the relay's access token, for --admission invite, or NULL; only its hash is kept */
  const char *application;      /* "pipe/1"…; copied */
  const char *name;             /* the name that this side gives itself, or NULL; copied */
  bool listen;                  /* wants calls that name no instance */
  bool accept_all;              /* accepts every stranger */
  uint32_t message_max;         /* 0: PL_ENGINE_DEFAULT_MESSAGE_MAX */
  uint32_t channel_window;      /* 0: 1 MiB; at least message_max + 1 */
  uint64_t session_window;      /* 0: 8 MiB */
  uint32_t session_timeout_ms;  /* 0: one hour; a session that has no link for longer than this ends */
  uint32_t sessions_max;        /* 0: 1,024 */
  uint64_t replace_after_bytes; /* 0: 1 GiB; a link that carried this much is replaced */
  const pl_aead *aead;          /* for the records of links, must outlive the engine; NULL: libsodium's */
  bool manual_take;             /* a message counts as taken only after PL_ENGINE_IN_TAKE, not when it is handed over */
} pl_engine_config;

typedef enum pl_engine_event_type {
  PL_ENGINE_IN_TIME,           /* the deadline has passed; harmless at any time */
  PL_ENGINE_IN_START,          /* connect to the relay, and stay connected */
  PL_ENGINE_IN_STOP,           /* close all sessions with CLOSED, then the socket. While online, waits up to 10 s for
                                * the answers to CLOSE that this side owes or awaits */
  PL_ENGINE_IN_SOCKET_OPEN,    /* the WebSocket is open */
  PL_ENGINE_IN_SOCKET_MESSAGE, /* .socket_message */
  PL_ENGINE_IN_SOCKET_CLOSED,  /* .socket_closed */
  PL_ENGINE_IN_NETWORK_UP,     /* the network is back: do not wait for the next retry */
  PL_ENGINE_IN_CONNECT,        /* .connect; the result has the session */
  PL_ENGINE_IN_SEND,           /* .send; the result has the place. PL_EAGAIN, PL_EMSGSIZE */
  PL_ENGINE_IN_SEND_VOLATILE,  /* .send, outside order and credit: the message may be dropped */
  PL_ENGINE_IN_FINISH,         /* .finish; the result has the place */
  PL_ENGINE_IN_TAKE,           /* .take; only with manual_take */
  PL_ENGINE_IN_PRIORITY,       /* .priority */
  PL_ENGINE_IN_CHANNEL_RESET,  /* .channel_reset: gives up this side's direction of a channel */
  PL_ENGINE_IN_CLOSE,          /* .close */
  PL_ENGINE_IN_ALLOW,          /* .peer: accept this peer from now on. Answers its knock; an older one is called back */
  PL_ENGINE_IN_DENY,           /* .peer: do not answer its calls */
  PL_ENGINE_IN_REFUSE,         /* .peer: answer its calls by REFUSED */
  PL_ENGINE_IN_BLOCK,          /* .peer: do not answer its calls, and have the relay drop them */
  PL_ENGINE_IN_FORGET,         /* .peer: as if nothing had been decided about it */
  PL_ENGINE_IN_INVITE_ADD,     /* .invite_add */
  PL_ENGINE_IN_INVITE_REVOKE,  /* .invite_revoke: whoever comes with it is refused. PL_EINVAL: no such invite */
  PL_ENGINE_IN_CODE_NEW,       /* .code_new; the result has the code. PL_EAGAIN: there are too many */
  PL_ENGINE_IN_CODE_CLAIM,     /* .code_claim; the result has the code. PL_ECODE, PL_EAGAIN, PL_EINVAL (own code) */
  PL_ENGINE_IN_CODE_CANCEL     /* .code_cancel: ends without an action; a code that is over is no error */
} pl_engine_event_type;

/* Whom PL_ENGINE_IN_CONNECT calls. Views of size 0 are absent. */
typedef struct pl_engine_target {
  pl_view peer;     /* the ID, 32 bytes */
  pl_view instance; /* 8 bytes; absent or zeros: any instance may answer */
  pl_view secret;   /* 16 bytes of an invite, or absent */
  pl_view relay;    /* the relay ID that an invite link names, 32 bytes, or absent */
} pl_engine_target;

/* Only the fields of the event's own type exist. */
typedef struct pl_engine_event {
  pl_engine_event_type type;
  uint64_t now_ms; /* of a monotonic clock */
  union {
    struct {
      pl_view data; /* one whole binary message */
    } socket_message;
    struct {
      int error; /* why: PL_ENETWORK, PL_ETLS, PL_ECLOSED …; 0 counts as PL_ENETWORK */
    } socket_closed;
    pl_engine_target connect;
    struct {
      uint32_t session;
      uint8_t channel;
      pl_view data; /* one whole message */
    } send;
    struct {
      uint32_t session;
      uint8_t channel;
    } finish;
    struct {
      uint32_t session;
      uint8_t channel;
      uint64_t place; /* the application took everything below it */
    } take;
    struct {
      uint32_t session;
      uint8_t channel;
      uint32_t value; /* 0 (highest) to 7 */
    } priority;
    struct {
      uint32_t session;
      uint8_t channel;
      uint32_t reason;
    } channel_reset;
    struct {
      uint32_t session;
      uint32_t reason;
      pl_view text;
    } close;
    struct {
      pl_view id; /* 32 bytes */
    } peer;
    struct {
      pl_view secret;      /* 16 bytes */
      uint64_t expires_ms; /* on the clock of now_ms */
      uint32_t uses;       /* 1: lets in one peer; 0: any number */
    } invite_add;
    struct {
      pl_view secret; /* 16 bytes */
    } invite_revoke;
    struct {
      uint32_t lifetime_ms; /* 0: the longest there is */
    } code_new;
    struct {
      pl_view text; /* a code as somebody typed it */
    } code_claim;
    struct {
      uint32_t code;
    } code_cancel;
  };
} pl_engine_event;

/* After each type: the fields that it sets. All actions of a session set .session, .id and .instance. */
typedef enum pl_engine_action_type {
  PL_ENGINE_OUT_CONNECT,    /* open the WebSocket now. .text: the address, empty for the configured one */
  PL_ENGINE_OUT_DISCONNECT, /* send what pl_engine_produce gives, then close it. .error and .reason for the log */
  PL_ENGINE_OUT_ONLINE,     /* logged in. .id: the relay's ID, which the shell pins when none was pinned */
  PL_ENGINE_OUT_OFFLINE,    /* .error, .reason; .time_ms: the next try, PL_NEVER for none */
  PL_ENGINE_OUT_CHECKING,   /* nothing comes from the relay; until ALIVE or OFFLINE, no peer is known to be absent */
  PL_ENGINE_OUT_ALIVE,      /* the relay was heard again, after CHECKING */
  PL_ENGINE_OUT_KNOCK,     /* a stranger asks to be let in. .id, .instance; .text: the name it gives itself, or empty */
  PL_ENGINE_OUT_SESSION,   /* the other side started a session. .text: its application; .data: its name */
  PL_ENGINE_OUT_LINKED,    /* the session has a confirmed link. .text: the peer's application; .data: its name */
  PL_ENGINE_OUT_UNLINKED,  /* the session lost its last link, or its call was turned away. .reason; .time_ms: when this
                            * side calls again, PL_NEVER: it is the peer's turn */
  PL_ENGINE_OUT_MESSAGE,   /* .channel, .data; .place: for PL_ENGINE_IN_TAKE */
  PL_ENGINE_OUT_VOLATILE,  /* .channel, .data */
  PL_ENGINE_OUT_END,       /* the peer's direction of .channel ended, at .place */
  PL_ENGINE_OUT_WRITABLE,  /* .channel takes messages again, after PL_EAGAIN */
  PL_ENGINE_OUT_DELIVERED, /* the peer's application took everything of .channel below .place */
  PL_ENGINE_OUT_CHANNEL_RESET,  /* the peer gave up its direction of .channel. .reason, .place */
  PL_ENGINE_OUT_LOST,           /* one message of .channel, which ends at .place, may not have arrived. Comes before
                                 * STREAM_RESET and SESSION_CLOSED, once for each such message */
  PL_ENGINE_OUT_STREAM_RESET,   /* the peer lost its state: all channels start again at place 0 */
  PL_ENGINE_OUT_SESSION_CLOSED, /* .error, .reason, .text. The number of the session may be used again from now on */
  PL_ENGINE_OUT_INVITE_CLAIMED, /* .id used the invite whose secret is .data */
  PL_ENGINE_OUT_CODE,      /* .code has a number. .text: what to tell the other person; .time_ms: valid until then */
  PL_ENGINE_OUT_CODE_BUSY, /* somebody else tried .code while the first one was still trying it, and was refused */
  PL_ENGINE_OUT_PAIRED, /* .code succeeded. .id (allowed from now on), .instance, .text: its name. .session: on the side
                         * that made the code, 0 if there were too many; on the other side SESSION follows */
  PL_ENGINE_OUT_CODE_ENDED, /* .code failed. .error, .reason */
  PL_ENGINE_OUT_LOG         /* .text: one line, event=… key=value */
} pl_engine_action_type;

/* Flat, unlike an event, because code that executes actions passes on the same few fields for every type. */
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

/* The results of a step. */
typedef struct pl_engine_result {
  const pl_engine_action *actions; /* to execute in this order; owned by the engine, valid until the next step */
  size_t action_count;
  uint32_t session; /* of CONNECT; 0 after other events and errors */
  uint32_t code;    /* of CODE_NEW and CODE_CLAIM; 0 after other events and errors */
  uint64_t place;   /* of SEND and FINISH: where the message, or the direction, ends */
} pl_engine_result;

int pl_engine_new(const pl_engine_config *config, pl_engine **out) PL_MUST_USE;
void pl_engine_free(pl_engine *e);

/* Feeds one event and fills *out. Returns 0 or an error of the event (PL_EAGAIN for a full window, PL_EINVAL …);
 * actions may come with either. */
int pl_engine_step(pl_engine *e, const pl_engine_event *in, pl_engine_result *out) PL_MUST_USE;

/* Returns the latest time at which PL_ENGINE_IN_TIME is wanted, or PL_NEVER. */
uint64_t pl_engine_deadline(const pl_engine *e);

/* Writes the next WebSocket message to send, produced now, as whole envelopes. Returns its size, or 0 when there is
 * nothing to send. capacity must be at least 65,543 (one largest envelope). Call it when the socket can take more. */
size_t pl_engine_produce(pl_engine *e, uint64_t now_ms, uint8_t *out, size_t capacity) PL_MUST_USE;
bool pl_engine_has_output(const pl_engine *e);

/* Returns the size of the largest message that this session can send now, which both sides take, or 0 when there is no
 * such session. */
uint32_t pl_engine_message_max(const pl_engine *e, uint32_t session);

#endif
