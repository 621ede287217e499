/* The one place that reads proxy variables: https_proxy for wss, http_proxy for ws, all_proxy for both, no_proxy
 * against them; never for this machine itself. HTTP_PROXY in capitals is ignored, as everywhere (httpoxy). */
#ifndef PL_LIB_PROXY_H
#define PL_LIB_PROXY_H

#include "url.h"

typedef struct pl_proxy {
  char host[PL_HOST_MAX];
  char credentials[96]; /* user:password, or "" */
  uint16_t port;
} pl_proxy;

typedef const char *pl_getenv(const char *name);

/* 1: go through *proxy, 0: directly, PL_EURL: a proxy is set that cannot be used. */
int pl_proxy_for(const pl_url *url, pl_getenv *get, pl_proxy *proxy) PL_MUST_USE;
/* secure_getenv, for get. */
const char *pl_proxy_environment(const char *name);

#endif
