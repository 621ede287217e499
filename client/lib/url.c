#include "url.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "../core/identity/identity.h"
#include "../core/wire/wire.h"

enum { INVITE_BODY = PL_CONST_INVITE_BYTES - 4, INVITE_CHARS = 114 };

static const struct {
  const char *prefix;
  bool tls;
} schemes[] = {{"ws://", false}, {"wss://", true}, {"http://", false}, {"https://", true}};

/* Path of the WebSocket when the relay lies at the root of its host. */
static const char root_path[] = "/pairlink";

static bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static const char *take_scheme(const char *text, bool *tls) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(schemes); i++) {
    const char *p = schemes[i].prefix, *t = text;
    while (*p && (char)pl_ascii_lower((uint8_t)*t) == *p) p++, t++;
    if (!*p) {
      *tls = schemes[i].tls;
      return t;
    }
  }
  return NULL;
}

/* Accepts a name or an IPv4 address. "1.2.3" and "0x7f.1" are addresses to a browser and would be names here, so a host
 * whose last label starts with a digit must be a plain IPv4 address. */
static int check_name(pl_url *url) {
  struct in_addr v4;
  url->ip = inet_pton(AF_INET, url->host, &v4) == 1;
  if (url->ip) return 0;
  size_t label = 0;
  const char *last = url->host;
  for (const char *c = url->host; *c; c++) {
    if (*c == '.') {
      if (label == 0) return PL_EURL;
      label = 0;
      last = c + 1;
    } else if (is_alnum(*c) || *c == '-' || *c == '_') {
      if (++label > 63) return PL_EURL;
    } else {
      return PL_EURL;
    }
  }
  return *last >= '0' && *last <= '9' ? PL_EURL : 0;
}

static int take_host(pl_url *url, const char **at) {
  const char *start = *at, *end;
  if (*start == '[') {
    struct in6_addr v6;
    start++;
    end = strchr(start, ']');
    if (!end || end == start || (size_t)(end - start) >= INET6_ADDRSTRLEN) return PL_EURL;
    char text[INET6_ADDRSTRLEN] = "";
    memcpy(text, start, (size_t)(end - start));
    if (inet_pton(AF_INET6, text, &v6) != 1) return PL_EURL;
    if (!inet_ntop(AF_INET6, &v6, url->host, sizeof url->host)) return PL_EURL;
    url->ip = true;
    *at = end + 1;
    return 0;
  }
  end = start + strcspn(start, ":/?#");
  if (end == start || (size_t)(end - start) >= sizeof url->host) return PL_EURL;
  for (size_t i = 0; i < (size_t)(end - start); i++) url->host[i] = (char)pl_ascii_lower((uint8_t)start[i]);
  *at = end;
  return check_name(url);
}

static int take_port(pl_url *url, const char **at) {
  const char *c = *at;
  uint32_t port = 0;
  url->port = url->tls ? 443 : 80;
  if (*c != ':') return 0;
  c++;
  if (*c < '0' || *c > '9') return PL_EURL;
  for (; *c >= '0' && *c <= '9'; c++) {
    port = port * 10 + (uint32_t)(*c - '0');
    if (port > 65535) return PL_EURL;
  }
  if (port == 0) return PL_EURL;
  url->port = (uint16_t)port;
  *at = c;
  return 0;
}

static int take_path(pl_url *url, const char *at) {
  const size_t tail_size = sizeof root_path - 1;
  size_t n = strlen(at);
  if (n && *at != '/') return PL_EURL;
  for (const char *c = at; *c; c++)
    if (!is_alnum((char)pl_ascii_lower((uint8_t)*c)) && !strchr("/-._~%", *c)) return PL_EURL;
  while (n && at[n - 1] == '/') n--;
  if (n >= tail_size && memcmp(at + n - tail_size, root_path, tail_size) == 0) n -= tail_size;
  if (n + sizeof root_path > sizeof url->path) return PL_EURL;
  memcpy(url->path, at, n);
  memcpy(url->path + n, root_path, sizeof root_path);
  return 0;
}

int pl_url_parse(pl_url *url, const char *text) {
  memset(url, 0, sizeof *url);
  const char *at = text ? take_scheme(text, &url->tls) : NULL;
  if (!at || strlen(text) >= PL_URL_TEXT_MAX) return PL_EURL;
  int error = take_host(url, &at);
  if (!error) error = take_port(url, &at);
  if (!error) error = take_path(url, at);
  if (error) return error;
  bool v6 = strchr(url->host, ':') != NULL;
  char port[8] = "";
  if (url->port != (url->tls ? 443 : 80)) snprintf(port, sizeof port, ":%u", url->port);
  snprintf(url->authority, sizeof url->authority, "%s%s%s%s", v6 ? "[" : "", url->host, v6 ? "]" : "", port);
  int n = snprintf(url->origin, sizeof url->origin, "%s://%s", url->tls ? "https" : "http", url->authority);
  return n > 255 ? PL_EURL : 0; /* LOGIN has 255 bytes for the origin */
}

void pl_url_format(const pl_url *url, char *out, size_t size) {
  snprintf(out, size, "%s://%s%s", url->tls ? "wss" : "ws", url->authority, url->path);
}

bool pl_url_is_loopback(const pl_url *url) {
  struct in_addr v4;
  struct in6_addr v6;
  size_t n = strlen(url->host);
  if (strcmp(url->host, "localhost") == 0) return true;
  if (n > 10 && strcmp(url->host + n - 10, ".localhost") == 0) return true;
  if (inet_pton(AF_INET, url->host, &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, url->host, &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

bool pl_invite_link_looks_like(const char *text) {
  return strchr(text, '#') != NULL || strstr(text, "://") != NULL;
}

static void invite_check(uint8_t check[4], const uint8_t body[INVITE_BODY]) {
  uint8_t hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, (const uint8_t *)PL_LABEL_INVITE_CHECK, sizeof PL_LABEL_INVITE_CHECK - 1);
  crypto_hash_sha256_update(&state, body, INVITE_BODY);
  crypto_hash_sha256_final(&state, hash);
  memcpy(check, hash, 4);
}

int pl_invite_link_parse(pl_invite_link *link, const char *text) {
  uint8_t raw[PL_CONST_INVITE_BYTES], check[4];
  char address[PL_URL_TEXT_MAX];
  size_t got = 0;
  memset(link, 0, sizeof *link);
  const char *hash = strchr(text, '#');
  if (!hash || (size_t)(hash - text) >= sizeof address || strlen(hash + 1) != INVITE_CHARS) return PL_ELINK;
  memcpy(address, text, (size_t)(hash - text));
  address[hash - text] = '\0';
  /* The page may lie at any path; its relay is at the root. */
  char *host = strstr(address, "://");
  char *path = host ? strchr(host + 3, '/') : NULL;
  if (path) *path = '\0';
  if (pl_url_parse(&link->url, address) != 0) return PL_ELINK;
  if (sodium_base642bin(raw, sizeof raw, hash + 1, INVITE_CHARS, NULL, &got, NULL,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      got != sizeof raw)
    return PL_ELINK;
  invite_check(check, raw);
  if (raw[0] != 1 || memcmp(check, raw + INVITE_BODY, 4) != 0) return PL_ELINK;
  memcpy(link->peer, raw + 1, 32);
  memcpy(link->relay, raw + 33, 32);
  memcpy(link->secret, raw + 65, 16);
  sodium_memzero(raw, sizeof raw);
  return pl_id_check(link->peer) != 0 || pl_id_check(link->relay) != 0 ? PL_ELINK : 0;
}

int pl_invite_link_format(const pl_url *url, const uint8_t peer[32], const uint8_t relay[32], const uint8_t secret[16],
                          char *out, size_t size) {
  uint8_t raw[PL_CONST_INVITE_BYTES];
  char text[INVITE_CHARS + 1];
  if (strcmp(url->path, root_path) != 0) return PL_EURL;
  raw[0] = 1;
  memcpy(raw + 1, peer, 32);
  memcpy(raw + 33, relay, 32);
  memcpy(raw + 65, secret, 16);
  invite_check(raw + INVITE_BODY, raw);
  sodium_bin2base64(text, sizeof text, raw, sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(raw, sizeof raw);
  int n = snprintf(out, size, "%s/#%s", url->origin, text);
  sodium_memzero(text, sizeof text);
  return n < 0 || (size_t)n >= size ? PL_EMSGSIZE : 0;
}
