/* One WebSocket to one relay, opened by libwebsockets on a libuv loop of its own. It handles names, addresses, proxies,
 * TLS and frames, and knows nothing of the protocol inside. It never blocks, and one thread uses it.
 *
 * Handlers are called only from pl_transport_turn. on_closed is called once for each pl_transport_connect, also when
 * the connection never opened, unless another pl_transport_connect replaced it. */
#ifndef PL_LIB_TRANSPORT_H
#define PL_LIB_TRANSPORT_H

#include "url.h"

typedef struct pl_transport pl_transport;

typedef struct pl_transport_handlers {
  void (*on_open)(void *user);
  void (*on_message)(void *user, const uint8_t *data, size_t size); /* one whole binary message */
  void (*on_closed)(void *user, int error, const char *text);       /* PL_ENETWORK, PL_ETLS, PL_ECLOSED …; why */
  size_t (*produce)(void *user, uint8_t *out, size_t capacity);     /* writes the next message; 0: there is none */
  bool (*has_output)(void *user);
  void *user;
} pl_transport_handlers;

/* url, ca_file (may be NULL) and handlers are copied. */
int pl_transport_new(const pl_url *url, const char *ca_file, bool use_proxy, const pl_transport_handlers *handlers,
                     pl_transport **out) PL_MUST_USE;
/* In a forked child: detaches the copy from the parent's connection, so that it can be freed. Returns false when that
 * failed; then it must not even be freed. NULL is fine. */
bool pl_transport_detach(pl_transport *t) PL_MUST_USE;
/* Drops the connection and frees everything. NULL is fine. Must not be called from a handler. */
void pl_transport_free(pl_transport *t);

/* Returns the descriptor to poll for reading. */
int pl_transport_fd(const pl_transport *t);
/* Returns the longest time until the next turn: 0 for now, -1 for as long as the descriptor is not readable. */
int pl_transport_timeout_ms(const pl_transport *t);
/* Does what is due, without waiting. */
void pl_transport_turn(pl_transport *t);

/* Starts to connect to the address of pl_transport_new or to another one; an earlier connection is dropped and not
 * reported. url: NULL stands for an address that could not be parsed, and on_closed reports PL_EURL. */
void pl_transport_connect(pl_transport *t, const pl_url *url);
/* Sends what produce still gives, then closes; on_closed follows. */
void pl_transport_disconnect(pl_transport *t);
/* Says that produce may have something. */
void pl_transport_want_write(pl_transport *t);
/* Returns true when there is no connection and none is being opened or closed. */
bool pl_transport_is_idle(const pl_transport *t);

#endif
