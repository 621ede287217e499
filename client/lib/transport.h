/* One WebSocket to one relay, by libwebsockets on a libuv loop of its own. Knows names, addresses, proxies, TLS and
 * frames; knows nothing of the protocol inside. Never blocks. One thread.
 *
 * on_open and on_message are called from pl_transport_turn; on_closed too, once for each pl_transport_connect, also
 * for one that never opened. None is called from another function of this header. */
#ifndef PL_LIB_TRANSPORT_H
#define PL_LIB_TRANSPORT_H

#include "url.h"

typedef struct pl_transport pl_transport;

typedef struct pl_transport_handlers {
  void (*on_open)(void *user);
  void (*on_message)(void *user, const uint8_t *data, size_t size); /* one whole binary message */
  void (*on_closed)(void *user, int error, const char *text);       /* PL_ENETWORK, PL_ETLS, PL_ECLOSED …; why */
  size_t (*produce)(void *user, uint8_t *out, size_t capacity);     /* the next message to send, 0 for none */
  bool (*has_output)(void *user);
  void *user;
} pl_transport_handlers;

/* url and handlers are copied; ca_file may be NULL. */
int pl_transport_new(const pl_url *url, const char *ca_file, bool use_proxy, const pl_transport_handlers *handlers,
                     pl_transport **out) PL_MUST_USE;
/* In a forked child: from here on nothing that is done to this transport reaches the parent's connection. False: it
 * cannot even be freed. NULL is fine. */
bool pl_transport_part(pl_transport *t) PL_MUST_USE;
/* Drops the connection and everything else; NULL is fine. Not from within a handler. */
void pl_transport_free(pl_transport *t);

/* To be polled for reading; and how long at most until the next turn: 0 now, -1 for as long as the fd is silent. */
int pl_transport_fd(const pl_transport *t);
int pl_transport_timeout_ms(const pl_transport *t);
/* Does what is due, without waiting. */
void pl_transport_turn(pl_transport *t);

/* Starts to connect, at the address of pl_transport_new or at another; a connection that is still there is dropped
 * without a word. url: NULL is no address, which ends at once with PL_EURL. */
void pl_transport_connect(pl_transport *t, const pl_url *url);
/* Sends what produce still gives, then closes; on_closed follows. */
void pl_transport_disconnect(pl_transport *t);
/* There may be something to produce. */
void pl_transport_want_write(pl_transport *t);
/* No connection, and none being made or closed. */
bool pl_transport_is_idle(const pl_transport *t);

#endif
