/* See engine_address.h. */
#include "engine_address.h"

#include <string.h>

static bool address_is_fit(const pl_engine *e, const uint8_t *url, size_t size) {
  const char *scheme = strncmp(e->origin, "https:", 6) == 0 ? "wss://" : "ws://"; /* stays with TLS */
  size_t scheme_size = strlen(scheme);
  if (size <= scheme_size || size > 250 || memcmp(url, scheme, scheme_size) != 0) return false;
  for (size_t i = 0; i < size; i++)
    if (url[i] <= ' ' || url[i] >= 0x7f) return false;
  return true;
}

void pl_engine_addresses_take(pl_engine *e, pl_view urls) {
  pl_engine_addresses *a = &e->addresses;
  const uint8_t *at = urls.data;
  size_t left = urls.size, used = 0;
  *a = (pl_engine_addresses){0};
  while (left) {
    const uint8_t *end = memchr(at, '\n', left);
    size_t size = end ? (size_t)(end - at) : left;
    if (address_is_fit(e, at, size) && used + size + 1 <= sizeof a->text) {
      memcpy(a->text + used, at, size);
      used += size + 1;
      a->count++;
    }
    at += size + (end != NULL);
    left -= size + (end != NULL);
  }
  a->now = a->count ? 1 : 0;
}

void pl_engine_addresses_turn(pl_engine *e) {
  pl_engine_addresses *a = &e->addresses;
  a->now = (uint8_t)((a->now + 1) % (a->count + 1));
}

const char *pl_engine_address(const pl_engine *e) {
  const char *at = e->addresses.text;
  if (!e->addresses.now) return NULL;
  for (unsigned i = 1; i < e->addresses.now; i++) at += strlen(at) + 1;
  return at;
}

void pl_engine_address_origin(const pl_engine *e, char origin[256]) {
  const char *url = pl_engine_address(e);
  if (!url) {
    memcpy(origin, e->origin, strlen(e->origin) + 1);
    return;
  }
  const char *host = strstr(url, "://") + 3;
  size_t scheme = (size_t)(host - url), host_size = strcspn(host, "/?#");
  memcpy(origin, "http", 4);
  memcpy(origin + 4, url + 2, scheme - 2);
  memcpy(origin + 4 + scheme - 2, host, host_size);
  origin[4 + scheme - 2 + host_size] = '\0';
}
