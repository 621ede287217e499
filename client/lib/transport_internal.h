/* What the files of the transport share: its state, and how it is changed.
 *
 * Layers, top first; each calls only what stands below it:
 *   transport.c           the API; hands the connection to stream.c after the first message
 *   transport_lws.c       what libwebsockets reports about a connection
 *   transport_connect.c   from a relay's address to connections that are being made
 *   transport_state.c     ending and dropping; ca_store.c, lws_context.c, transport_loop.c, stream.c, resolve.c,
 * race.c, proxy.c */
#ifndef PL_LIB_TRANSPORT_INTERNAL_H
#define PL_LIB_TRANSPORT_INTERNAL_H

#include "ca_store.h"
#include "lws_context.h"
#include "proxy.h"
#include "race.h"
#include "resolve.h"
#include "stream.h"
#include "transport.h"

enum {
  PL_TRANSPORT_FIRST_MAX = 4096, /* bytes of the first message, a HELLO */
  PL_TRANSPORT_TEXT_MAX = 640
};

typedef enum pl_transport_state {
  PL_TRANSPORT_IDLE,
  PL_TRANSPORT_RESOLVING,
  PL_TRANSPORT_CONNECTING,
  PL_TRANSPORT_OPEN,
  PL_TRANSPORT_CLOSING
} pl_transport_state;

/* The attempt to connect to one of the relay's addresses. */
typedef struct pl_transport_attempt {
  pl_transport *transport;
  struct lws *wsi; /* NULL: not started, failed, or the winner */
} pl_transport_attempt;

struct pl_transport {
  int epoll_fd;    /* pl_transport_fd; watches the loop, and the socket of the stream */
  uv_loop_t *loop; /* with `lws`, from connecting to the first message; NULL: there is none */
  pl_lws lws;
  struct lws *wsi; /* the connection, once it is open, until the stream takes it over */
  pl_url url;
  pl_proxy proxy;
  pl_transport_handlers on;
  char *ca_file;
  pl_ca_store *authorities; /* of the last connection with TLS, or NULL */
  bool use_proxy, proxied;
  pl_transport_state state;
  pl_resolve *resolve;
  pl_addresses addresses;
  pl_race race;
  pl_transport_attempt attempts[PL_ADDRESSES_MAX];
  bool attempt_failed; /* an attempt failed; the next turn starts another one or ends */
  bool closed;         /* on_closed is due */
  unsigned close_ticks;
  int error; /* with text: why the connection ends */
  char text[PL_TRANSPORT_TEXT_MAX];
  bool certificate_bad;
  pl_buffer first; /* the first message, the only one that libwebsockets reads; see transport_take_over */
  bool first_came;
  pl_stream *stream;                  /* reads and writes from then on */
  uint64_t tick_at_ms, tick_every_ms; /* limits connecting and closing; PL_NEVER: there is no tick */
  void (*on_tick)(pl_transport *t);
};

/* Remembers why the connection ends. */
void pl_transport_set_error(pl_transport *t, int error, const char *text);
/* Makes on_closed due at the end of this turn. text: NULL keeps the error that was set before. */
void pl_transport_end(pl_transport *t, int error, const char *text);
/* These two must not be called from within a callback of libwebsockets. They report nothing. */
void pl_transport_drop_attempts(pl_transport *t);
void pl_transport_drop(pl_transport *t); /* the connection and all attempts */
/* Makes the transport idle again, after a drop or at the end of a connection. */
void pl_transport_reset(pl_transport *t);
/* Calls back in a turn again and again, every every_ms milliseconds or later. Time in which the host makes no turn is
 * one tick. libwebsockets' own timers do not start outside its callbacks. */
void pl_transport_start_ticks(pl_transport *t, uint64_t every_ms, void (*on_tick)(pl_transport *t));
void pl_transport_stop_ticks(pl_transport *t);
uint64_t pl_transport_now_ms(void);

/* Makes the loop, if there is none. Returns 0 or PL_ENOMEM. */
int pl_transport_open_loop(pl_transport *t) PL_MUST_USE;
/* Frees libwebsockets' context and the loop. There must be no connection of libwebsockets and no lookup any more. */
void pl_transport_close_loop(pl_transport *t);

/* Starts to connect; url: NULL is an address that could not be parsed. */
void pl_transport_start(pl_transport *t, const pl_url *url);
/* Starts the next attempt, in addition to those under way; ends when none is left. */
void pl_transport_start_next(pl_transport *t);
/* Remembers why no connection came about, in words for people; lws_text is libwebsockets' or NULL. */
void pl_transport_connect_failed(pl_transport *t, const char *lws_text);

/* For pl_lws_init: the callback of every connection. */
extern const struct lws_protocols pl_transport_protocols[2];

#endif
