/* libwebsockets' context on a libuv loop: created when it is first needed, and destroyed without side effects on the
 * rest of the process. */
#ifndef PL_LIB_LWS_CONTEXT_H
#define PL_LIB_LWS_CONTEXT_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <uv.h>

enum { PL_LWS_CHUNK = 65536 }; /* bytes that libwebsockets hands over at a time */

typedef struct pl_lws {
  struct lws_context *context; /* NULL until it is opened */
  struct lws_vhost *vhost;
  const struct lws_protocols *protocols;
  int event_fd;  /* of the context itself, or -1; see context_hold_number */
  int holder_fd; /* a file that nobody else has, for occupying that number, or -1 */
} pl_lws;

/* `protocols` is as for libwebsockets and must outlive the context. */
void pl_lws_init(pl_lws *l, const struct lws_protocols *protocols);
/* Creates the context unless there is one. `user` is what lws_context_user returns. ca_file may be NULL. Returns 0 or
 * PL_ESYSTEM. */
int pl_lws_open(pl_lws *l, uv_loop_t *loop, void *user, const char *ca_file, bool tls);
/* Destroys the context; all its connections must be gone. Returns false when it must stay, half destroyed: the loop
 * must then not run again. */
bool pl_lws_close(pl_lws *l, uv_loop_t *loop);

#endif
