/* Decides from the environment whether a connection goes through a proxy: https_proxy for wss, http_proxy for ws,
 * all_proxy for both, with the exceptions in no_proxy. Connections to this machine never do. HTTP_PROXY in capitals is
 * ignored, because a CGI request could set it (httpoxy). */
#ifndef PL_LIB_PROXY_H
#define PL_LIB_PROXY_H

#include "url.h"

typedef struct pl_proxy {
  char host[PL_HOST_MAX];
  char credentials[96]; /* user:password, or "" */
  uint16_t port;
} pl_proxy;

typedef const char *pl_getenv(const char *name);

/* Returns 1 when the connection goes through *proxy, 0 when it goes directly, and PL_EURL when the proxy that is set
 * cannot be used. */
int pl_proxy_for(const pl_url *url, pl_getenv *get, pl_proxy *proxy) PL_MUST_USE;
/* secure_getenv, to be passed as get. */
const char *pl_proxy_environment(const char *name);

#endif
