/* Parses and writes relay addresses and invite links. Pure. All such text from users and web pages is parsed here. */
#ifndef PL_LIB_URL_H
#define PL_LIB_URL_H

#include "../core/base/base.h"

enum { PL_HOST_MAX = 254, PL_PATH_MAX = 128, PL_URL_TEXT_MAX = 512, PL_ORIGIN_MAX = 256 };

typedef struct pl_url {
  bool tls;
  bool ip; /* host is an address, not a name */
  uint16_t port;
  char host[PL_HOST_MAX];           /* lower case; IPv6 without brackets */
  char path[PL_PATH_MAX];           /* the WebSocket's; ends in /pairlink */
  char authority[PL_HOST_MAX + 10]; /* host, in brackets if IPv6, and the port unless it is the default */
  char origin[PL_ORIGIN_MAX];       /* as in WHATWG URL: https://relay.example, http://127.0.0.1:8787 */
} pl_url;

/* Accepts ws, wss, http and https addresses. Returns PL_EURL for everything else, and for addresses with a user name,
 * query, fragment, wrong port or bytes that do not belong there. */
int pl_url_parse(pl_url *url, const char *text) PL_MUST_USE;
/* Writes the address of the WebSocket; PL_URL_TEXT_MAX bytes are enough. */
void pl_url_format(const pl_url *url, char *out, size_t size);
/* Returns true when the address is this machine itself, which is never reached through a proxy. */
bool pl_url_is_loopback(const pl_url *url);

typedef struct pl_invite_link {
  pl_url url;
  uint8_t peer[32], relay[32], secret[16];
} pl_invite_link;

/* Returns true for text that is meant as a link rather than an ID; it may still be a wrong one. */
bool pl_invite_link_looks_like(const char *text);
/* See docs/protocol.md, section 7. Returns PL_ELINK when anything is wrong with it, also with its check bytes. */
int pl_invite_link_parse(pl_invite_link *link, const char *text) PL_MUST_USE;
/* Returns PL_EMSGSIZE when the link does not fit, and PL_EURL when the relay lies below the root of its host, because a
 * link has no room for a path. */
int pl_invite_link_format(const pl_url *url, const uint8_t peer[32], const uint8_t relay[32], const uint8_t secret[16],
                          char *out, size_t size) PL_MUST_USE;

#endif
