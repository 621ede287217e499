/* Addresses of relays and invite links: text in, checked parts out. Pure, no globals. Whatever a user or a web page
 * hands over is parsed here and nowhere else. */
#ifndef PL_LIB_URL_H
#define PL_LIB_URL_H

#include "../core/base/base.h"

enum { PL_HOST_MAX = 254, PL_PATH_MAX = 128, PL_URL_TEXT_MAX = 512, PL_ORIGIN_MAX = 256 };

typedef struct pl_url {
  bool tls;
  bool ip; /* host is an address, not a name */
  uint16_t port;
  char host[PL_HOST_MAX];           /* lower case; IPv6 without brackets */
  char path[PL_PATH_MAX];           /* of the WebSocket: ends in /pairlink */
  char authority[PL_HOST_MAX + 10]; /* host, in brackets if IPv6, and the port unless it is the default */
  char origin[PL_ORIGIN_MAX];       /* as in WHATWG URL: https://relay.example, http://127.0.0.1:8787 */
} pl_url;

/* ws, wss, http or https. PL_EURL for anything else, for user names, queries, fragments, bad ports and odd bytes. */
int pl_url_parse(pl_url *url, const char *text) PL_MUST_USE;
/* The WebSocket's address, into PL_URL_TEXT_MAX bytes. */
void pl_url_format(const pl_url *url, char *out, size_t size);
/* Is this address the same machine? Then proxies are never asked. */
bool pl_url_is_loopback(const pl_url *url);

typedef struct pl_invite_link {
  pl_url url;
  uint8_t peer[32], relay[32], secret[16];
} pl_invite_link;

/* Tells a link from an ID or address without judging it. */
bool pl_invite_link_looks_like(const char *text);
/* docs/protocol.md, section 7. PL_ELINK when anything is wrong with it, its check bytes too. */
int pl_invite_link_parse(pl_invite_link *link, const char *text) PL_MUST_USE;
/* PL_EMSGSIZE when it does not fit; PL_EURL when the relay lies below the root of its host, which no link says. */
int pl_invite_link_format(const pl_url *url, const uint8_t peer[32], const uint8_t relay[32], const uint8_t secret[16],
                          char *out, size_t size) PL_MUST_USE;

#endif
