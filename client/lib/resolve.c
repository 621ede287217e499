#include "resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

struct pl_resolve {
  uv_getaddrinfo_t request;
  pl_resolve_done *done; /* NULL: cancelled */
  void *user;
  char host[256];
};

static void resolve_add(pl_addresses *list, const struct addrinfo *a) {
  char text[PL_ADDRESS_CHARS];
  /* the numeric form keeps the scope of a link-local address */
  if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
    pl_addresses_add(list, text);
}

/* The system's order decides which family comes first; after that the families alternate. */
static void resolve_collect(pl_addresses *list, const struct addrinfo *result) {
  pl_addresses first = {.count = 0}, other = {.count = 0};
  int family = AF_UNSPEC;
  for (const struct addrinfo *a = result; a; a = a->ai_next) {
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    if (family == AF_UNSPEC) family = a->ai_family;
    resolve_add(a->ai_family == family ? &first : &other, a);
  }
  pl_addresses_interleave(list, &first, &other);
}

static void on_result(uv_getaddrinfo_t *request, int status, struct addrinfo *result) {
  pl_resolve *r = PL_CONTAINER(request, pl_resolve, request);
  pl_addresses list = {.count = 0};
  char text[400] = "";
  if (status == 0) resolve_collect(&list, result);
  uv_freeaddrinfo(result);
  if (r->done && list.count) {
    r->done(r->user, 0, "", &list);
  } else if (r->done) {
    snprintf(text, sizeof text, "the name %s cannot be resolved%s%s", r->host, status ? ": " : "",
             status ? uv_strerror(status) : "");
    r->done(r->user, PL_ENETWORK, text, NULL);
  }
  pl_free(r);
}

int pl_resolve_start(uv_loop_t *loop, const char *host, pl_resolve_done *done, void *user, pl_resolve **out) {
  struct in_addr v4;
  struct in6_addr v6;
  *out = NULL;
  if (inet_pton(AF_INET, host, &v4) == 1 || inet_pton(AF_INET6, host, &v6) == 1) {
    pl_addresses one = {.count = 1};
    snprintf(one.text[0], sizeof one.text[0], "%s", host);
    done(user, 0, "", &one);
    return 0;
  }
  pl_resolve *r = pl_alloc(sizeof *r);
  if (!r) return PL_ENOMEM;
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
  /* AI_ADDRCONFIG would hide ::1 and 127.0.0.1 on a machine without a network */
  bool local = strcmp(host, "localhost") == 0;
  r->done = done;
  r->user = user;
  snprintf(r->host, sizeof r->host, "%s", host);
  *out = r;
  struct addrinfo plain = hints;
  plain.ai_flags = 0;
  if (uv_getaddrinfo(loop, &r->request, on_result, host, NULL, local ? &plain : &hints) == 0) return 0;
  *out = NULL;
  pl_free(r);
  return PL_ESYSTEM;
}

void pl_resolve_abandon(pl_resolve *r) {
  if (r) r->done = NULL;
}

void pl_resolve_cancel(pl_resolve *r) {
  if (!r) return;
  r->done = NULL;
  (void)uv_cancel((uv_req_t *)&r->request); /* fails once the lookup is running; its result is then ignored */
}
