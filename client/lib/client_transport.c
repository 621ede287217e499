#include "client_transport.h"

#include <stdio.h>

#include "step.h"

static void transport_opened(void *user) {
  pl_engine_event event = {.type = PL_ENGINE_IN_SOCKET_OPEN};
  (void)pl_client_step(user, &event);
}

static void transport_received(void *user, const uint8_t *data, size_t size) {
  pl_engine_event event = {.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{data, size}}};
  (void)pl_client_step(user, &event);
}

static void transport_closed(void *user, int error, const char *text) {
  pairlink *p = user;
  pl_engine_event event = {.type = PL_ENGINE_IN_SOCKET_CLOSED, .socket_closed = {error}};
  snprintf(p->offline_text, sizeof p->offline_text, "%s", text);
  (void)pl_client_step(p, &event);
}

static size_t transport_produce(void *user, uint8_t *out, size_t capacity) {
  return pl_client_produce(user, out, capacity);
}

static bool transport_has_output(void *user) {
  return pl_client_has_output(user);
}

int pl_client_open_transport(pairlink *p, const char *ca_file, bool use_proxy) {
  const pl_transport_handlers handlers = {.on_open = transport_opened,
                                          .on_message = transport_received,
                                          .on_closed = transport_closed,
                                          .produce = transport_produce,
                                          .has_output = transport_has_output,
                                          .user = p};
  return pl_transport_new(&p->url, ca_file, use_proxy, &handlers, &p->transport);
}
