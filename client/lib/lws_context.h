/* libwebsockets' context on a libuv loop: created when it is first needed, and destroyed without side effects on the
 * rest of the process. */
#ifndef PL_LIB_LWS_CONTEXT_H
#define PL_LIB_LWS_CONTEXT_H

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <uv.h>

#include "process.h"

enum { PL_LWS_CHUNK = 65536 /* bytes that libwebsockets hands over at a time */ };

typedef struct pl_lws {
  struct lws_context *context; /* NULL until it is opened */
  struct lws_vhost *vhost;
  const struct lws_protocols *protocols;
  int event_fd;          /* of the context itself, or -1 */
  bool guarded;          /* the descriptors that all contexts share are kept for this one */
  pl_process guarded_in; /* the process in which they count this one as a user */
} pl_lws;

/* `protocols` is as for libwebsockets and must outlive the context. */
void pl_lws_init(pl_lws *l, const struct lws_protocols *protocols);
/* Creates the context unless there is one. `user` is what lws_context_user returns. With `tls`, the callback of the
 * protocols must give the SSL_CTX its certificate authorities. Returns 0 or PL_ESYSTEM. */
int pl_lws_open(pl_lws *l, uv_loop_t *loop, void *user, bool tls);
/* Takes the socket and the TLS (NULL: plain) of an open connection away from libwebsockets, which gets an unconnected
 * socket instead and must then close the connection. They belong to the caller, who calls pl_lws_taken when
 * libwebsockets is through. Returns false, with nothing changed, when descriptors ran out. */
bool pl_lws_take(struct lws *wsi, int *fd, SSL **ssl);
void pl_lws_taken(SSL *ssl);
/* Destroys the context; all its connections must be gone. Returns false when it must stay, half destroyed: the loop
 * must then not run again. */
bool pl_lws_close(pl_lws *l, uv_loop_t *loop);

#endif
