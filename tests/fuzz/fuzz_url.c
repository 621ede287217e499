/* Addresses and invite links: any text is refused, or gives parts that hold what url.h promises and that say the same
 * when they are written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/proxy.h"
#include "client/lib/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
  if (!holds) abort();
}

static void check_url(const pl_url *url) {
  char text[PL_URL_TEXT_MAX];
  pl_url again;
  must(url->port != 0 && url->host[0]);
  must(memchr(url->host, 0, sizeof url->host) && memchr(url->path, 0, sizeof url->path));
  must(memchr(url->authority, 0, sizeof url->authority) && memchr(url->origin, 0, sizeof url->origin));
  size_t path = strlen(url->path);
  must(path >= 9 && strcmp(url->path + path - 9, "/pairlink") == 0);
  for (const char *c = url->origin; *c; c++) must((unsigned char)*c > 0x20 && (unsigned char)*c < 0x7f);
  pl_url_format(url, text, sizeof text);
  must(strlen(text) + 1 < sizeof text);
  must(pl_url_parse(&again, text) == 0);
  must(again.tls == url->tls && again.ip == url->ip && again.port == url->port);
  must(strcmp(again.host, url->host) == 0 && strcmp(again.path, url->path) == 0);
  must(strcmp(again.origin, url->origin) == 0 && strcmp(again.authority, url->authority) == 0);
  (void)pl_url_is_loopback(url);
}

static void check_link(const pl_invite_link *link) {
  char text[640];
  pl_invite_link again;
  must(pl_invite_link_format(&link->url, link->peer, link->relay, link->secret, text, sizeof text) == 0);
  must(pl_invite_link_looks_like(text) && pl_invite_link_parse(&again, text) == 0);
  must(memcmp(again.peer, link->peer, 32) == 0 && memcmp(again.relay, link->relay, 32) == 0);
  must(memcmp(again.secret, link->secret, 16) == 0 && strcmp(again.url.origin, link->url.origin) == 0);
}

static const char *proxy_text;

static const char *environment(const char *name) {
  return strstr(name, "no_proxy") || strstr(name, "NO_PROXY") ? NULL : proxy_text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  pl_url url;
  pl_invite_link link;
  pl_proxy proxy;
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  text[size] = '\0';
  if (pl_url_parse(&url, text) == 0) check_url(&url);
  (void)pl_invite_link_looks_like(text);
  if (pl_invite_link_parse(&link, text) == 0) {
    check_url(&link.url);
    check_link(&link);
  }
  must(pl_url_parse(&url, "wss://relay.example") == 0);
  proxy_text = text; /* whatever the environment holds */
  if (pl_proxy_for(&url, environment, &proxy) == 1) must(proxy.port != 0 && memchr(proxy.host, 0, sizeof proxy.host));
  free(text);
  return 0;
}
