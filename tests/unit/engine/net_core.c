#include "net_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/ws/ws.h"

uint32_t net_core_settings[PL_RELAY_SETTINGS];

static pl_relay *core;
static struct peer {
  pl_relay_conn *conn;
  pl_ws ws;
  bool upgraded, ends;
} peers[NET_CLIENTS];

static void lookup(void *user, pl_relay_conn *conn, const uint8_t id[32]) {
  (void)id;
  pl_relay_registered(conn, PL_RELAY_REGISTRATION_KNOWN, ((net *)user)->now_ms);
}

void net_core_init(net *n) {
  (void)n;
  pl_relay_settings_init(net_core_settings);
}

void net_core_start(net *n) {
  pl_relay_config config = {.identity = &n->relay, .hooks = {.lookup = lookup}, .user = n};
  assert_null(core);
  memcpy(config.settings, net_core_settings, sizeof config.settings);
  memset(config.hash_seed, 7, sizeof config.hash_seed);
  core = pl_relay_new(&config);
  assert_non_null(core);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static void to_client(net *n, int i, const uint8_t *data, size_t size) {
  net_client *c = &n->clients[i];
  net_message *m = calloc(1, sizeof *m + size);
  assert_non_null(m);
  m->size = size;
  if (size) memcpy(m->bytes, data, size);
  *c->in_end = m;
  c->in_end = &m->next;
}

void net_to_client(net *n, int i, uint8_t type, uint8_t flags, uint32_t link, const void *payload, size_t size) {
  uint8_t envelope[2048];
  assert_true(size + 8 <= sizeof envelope);
  pl_envelope_put_header(envelope, type, flags, size, link);
  if (size) memcpy(envelope + 8, payload, size);
  if (n->clients[i].connected) to_client(n, i, envelope, size + 8);
}

static void on_bytes(net *n, int i, pl_view out) {
  struct peer *p = &peers[i];
  uint8_t *copy = malloc(out.size), *at = copy;
  size_t size = out.size;
  pl_ws_event e;
  assert_non_null(copy);
  memcpy(copy, out.data, out.size);
  if (!p->upgraded) {
    uint8_t *end = memmem(copy, size, "\r\n\r\n", 4);
    assert_non_null(end);
    p->upgraded = true;
    size -= (size_t)(end + 4 - copy);
    at = end + 4;
  }
  while (pl_ws_read(&p->ws, &at, &size, &e) > 0)
    if (e.type == PL_WS_BINARY) to_client(n, i, e.data, e.size);
  free(copy);
}

static void turn(net *n) {
  pl_relay_conn *conn;
  pl_view out;
  while (core && (conn = pl_relay_next_dirty(core))) {
    int i = (int)((struct peer *)pl_relay_conn_shell(conn) - peers);
    while (pl_relay_conn_output(conn, &out)) {
      on_bytes(n, i, out);
      pl_relay_conn_sent(conn, out.size, n->now_ms);
    }
    if (pl_relay_conn_get_wish(conn) != PL_RELAY_WISH_NONE) peers[i].ends = true;
  }
}

static void receive(net *n, int i, const void *data, size_t size) {
  uint8_t *copy = malloc(size);
  assert_non_null(copy);
  memcpy(copy, data, size);
  if (peers[i].conn) pl_relay_receive(peers[i].conn, copy, size, n->now_ms);
  free(copy);
  turn(n);
}

static void frame(net *n, int i, const uint8_t *data, size_t size) {
  static const uint8_t mask[4] = {1, 2, 3, 4};
  uint8_t *bytes = malloc(size + PL_WS_HEADER_MAX);
  assert_non_null(bytes);
  size_t head = pl_ws_put_header(bytes, PL_WS_BINARY, size, mask);
  memcpy(bytes + head, data, size);
  pl_ws_mask(bytes + head, size, mask, 0);
  receive(n, i, bytes, head + size);
  free(bytes);
}

/* ---- instead of the model ---------------------------------------------------------------------------------------- */

void net_relay_connected(net *n, int i) {
  static const char request[] =
      "GET /pairlink HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: pairlink.v1\r\n\r\n";
  const uint8_t address[16] = {0x20, 1, 0xd, 0xb8, (uint8_t)i};
  uint8_t challenge[32] = {(uint8_t)i};
  struct peer *p = &peers[i];
  pl_put_u32(challenge + 4, ++n->logins);
  *p = (struct peer){.ends = !core};
  pl_ws_init(&p->ws, false, false, 1 << 20);
  p->conn = core ? pl_relay_open(core, address, challenge, p, n->now_ms) : NULL;
  receive(n, i, request, sizeof request - 1);
}

void net_relay_closed(net *n, int i) {
  struct peer *p = &peers[i];
  if (p->conn) pl_relay_closed(p->conn, n->now_ms);
  pl_ws_deinit(&p->ws);
  *p = (struct peer){0};
  turn(n);
}

void net_relay_message(net *n, int i, const uint8_t *data, size_t size) {
  uint8_t *kept = malloc(size);
  size_t used = 0;
  pl_reader r = pl_reader_of(data, size);
  pl_envelope v;
  assert_non_null(kept);
  while (pl_envelope_next(&r, &v) > 0) {
    n->envelopes++;
    if (getenv("NET_TRACE"))
      print_message("%llu: %d %s link %08x %u bytes\n", (unsigned long long)n->now_ms, i, pl_envelope_name(v.type),
                    v.link, (unsigned)v.payload.size);
    if (n->drop && n->drop(n, i, &v)) continue;
    memcpy(kept + used, v.payload.data - 8, v.payload.size + 8);
    used += v.payload.size + 8;
  }
  if (used) frame(n, i, kept, used);
  free(kept);
}

void net_relay_time(net *n) {
  for (int i = 0; i < NET_CLIENTS; i++)
    if (peers[i].ends) net_cut(n, i);
  if (core) pl_relay_time(core, n->now_ms);
  turn(n);
}

uint64_t net_relay_deadline(const net *n) {
  for (int i = 0; i < NET_CLIENTS; i++)
    if (peers[i].ends) return n->now_ms;
  return core ? pl_relay_deadline(core) : PL_NEVER;
}

void net_core_crash(net *n) {
  pl_relay *old = core;
  core = NULL;
  for (int i = 0; i < NET_CLIENTS; i++) net_cut(n, i);
  pl_relay_free(old);
}

void net_core_deinit(net *n) {
  net_deinit(n);
  pl_relay_free(core);
  core = NULL;
}

pl_relay_stats net_core_stats(void) {
  return pl_relay_get_stats(core);
}
