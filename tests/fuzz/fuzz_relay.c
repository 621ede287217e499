/* The relay's core and four clients: one sends raw bytes, three are logged in and send, hang up or stop reading as the
 * input says, while time passes. No bound may ever be exceeded, and nothing may be left over at the end.
 *
 * Input: a byte of options, then a list of steps: operation and client (1 byte), length (1 byte), that many bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/ws/ws.h"
#include "relay/core/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PEERS = 4, QUEUED_MAX = 4 << 20 };

typedef struct peer {
  pl_relay_conn *conn;
  pl_ws ws;
  uint8_t hello[512];
  size_t hello_size;
  bool upgraded, reads;
} peer;

static peer peers[PEERS];
static pl_relay *relay;
static pl_identity relay_identity, identities[PEERS];
static uint64_t now_ms;
static size_t logins;

static void lookup(void *user, pl_relay_conn *conn, const uint8_t id[32]) {
  (void)user;
  (void)id;
  pl_relay_registered(conn, logins++ % 2 ? PL_RELAY_REGISTRATION_ABSENT : PL_RELAY_REGISTRATION_KNOWN, now_ms);
}

static void register_id(void *user, pl_relay_conn *conn, const uint8_t id[32], const pl_relay_token_claim *claim) {
  (void)user;
  if (pl_id_check(id) != 0) abort();
  pl_relay_registered(conn, claim ? PL_RELAY_REGISTRATION_ABSENT : PL_RELAY_REGISTRATION_NEW, now_ms);
}

/* ---- identities without cryptography allow a thousand times as many runs ----------------------------------------- */

int pl_identity_from_seed(pl_identity *identity, const uint8_t seed[32]) {
  memcpy(identity->id, seed, 32);
  return 0;
}

void pl_identity_deinit(pl_identity *identity) {
  *identity = (pl_identity){0};
}

int pl_id_check(const uint8_t id[32]) {
  return id[31] ? PL_EID : 0;
}

void pl_login_transcript(uint8_t t[64], pl_view hello, pl_view login) {
  memset(t, (int)(hello.size + login.size), 64);
}

void pl_login_sign_client(uint8_t signature[64], const uint8_t t[64], const pl_identity *client) {
  memcpy(signature, t, 32);
  memcpy(signature + 32, client->id, 32);
}

int pl_login_verify_client(const uint8_t signature[64], const uint8_t t[64], const uint8_t client_id[32]) {
  return memcmp(signature, t, 32) == 0 && memcmp(signature + 32, client_id, 32) == 0 ? 0 : PL_ECRYPTO;
}

void pl_login_sign_relay(uint8_t signature[64], const uint8_t t[64], pl_view welcome, const pl_identity *own) {
  (void)welcome;
  memcpy(signature, t, 32);
  memcpy(signature + 32, own->id, 32);
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

/* The relay's own output must always be well-formed. */
static void on_output(peer *p, const uint8_t *data, size_t size) {
  static uint8_t copy[256 * 1024];
  pl_ws_event e;
  if (size > sizeof copy) abort();
  memcpy(copy, data, size);
  uint8_t *at = copy;
  if (!p->upgraded) {
    uint8_t *end = memmem(copy, size, "\r\n\r\n", 4);
    if (!end) return;
    p->upgraded = size > 12 && memcmp(copy, "HTTP/1.1 101", 12) == 0;
    if (!p->upgraded) return;
    size -= (size_t)(end + 4 - copy);
    at = end + 4;
  }
  int rc;
  while ((rc = pl_ws_read(&p->ws, &at, &size, &e)) > 0) {
    if (e.type != PL_WS_BINARY) continue;
    pl_reader r = pl_reader_of(e.data, e.size);
    pl_envelope one;
    int more;
    while ((more = pl_envelope_next(&r, &one)) > 0) {
      if ((int)one.payload.size > pl_envelope_max(one.type)) abort();
      if (one.type != PL_ENV_HELLO || one.payload.size > sizeof p->hello) continue;
      p->hello_size = one.payload.size;
      memcpy(p->hello, one.payload.data, one.payload.size);
    }
    if (more < 0) abort();
  }
  if (rc < 0) abort();
}

static size_t take(void *user, pl_relay_conn *conn, pl_view bytes) {
  peer *p = pl_relay_conn_shell(conn);
  (void)user;
  if (!p->reads) return 0;
  on_output(p, bytes.data, bytes.size);
  return bytes.size;
}

static void hang_up(peer *p) {
  if (p->conn) pl_relay_closed(p->conn, now_ms);
  p->conn = NULL;
  pl_ws_deinit(&p->ws);
}

static void turn(void) {
  pl_relay_conn *conn;
  pl_view out;
  while ((conn = pl_relay_next_dirty(relay))) {
    peer *p = pl_relay_conn_shell(conn);
    while (p->reads && pl_relay_conn_output(conn, &out)) {
      on_output(p, out.data, out.size);
      pl_relay_conn_sent(conn, out.size, now_ms);
    }
    pl_relay_conn_wish wish = pl_relay_conn_get_wish(conn);
    if (wish == PL_RELAY_WISH_ABORT || (wish == PL_RELAY_WISH_FINISH && p->reads)) hang_up(p);
  }
  if (pl_relay_get_stats(relay).queued_bytes > QUEUED_MAX || !pl_relay_bounds_hold(relay)) abort();
}

static void receive(peer *p, const uint8_t *data, size_t size) {
  static uint8_t copy[70000];
  if (!p->conn) return;
  memcpy(copy, data, size);
  pl_relay_receive(p->conn, copy, size, now_ms);
  turn();
}

/* Sends one message that the relay reads in two parts, cut after `cut` sevenths. */
static void message_cut(peer *p, const uint8_t *data, size_t size, size_t cut) {
  static const uint8_t mask[4] = {1, 2, 3, 4};
  static uint8_t frame[70000];
  size_t n = pl_ws_put_header(frame, PL_WS_BINARY, size, mask), first = (n + size) * cut / 7;
  if (size) memcpy(frame + n, data, size);
  pl_ws_mask(frame + n, size, mask, 0);
  if (first) receive(p, frame, first);
  receive(p, frame + first, n + size - first);
}

static void message(peer *p, const uint8_t *data, size_t size) {
  message_cut(p, data, size, 0);
}

static void connect_peer(peer *p) {
  uint8_t address[16] = {0x20}, challenge[32] = {9};
  *p = (peer){.reads = true};
  pl_ws_init(&p->ws, false, false, 1 << 20);
  p->conn = pl_relay_open(relay, address, challenge, p, now_ms);
}

static void login(peer *p, size_t who) {
  static const char request[] =
      "GET /pairlink HTTP/1.1\r\nHost: r\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: pairlink.v1\r\n\r\n";
  uint8_t out[600], t[64];
  pl_wire_login l = {.version = 1, .flags = 1};
  receive(p, (const uint8_t *)request, sizeof request - 1);
  memcpy(l.peer_id, identities[who].id, 32);
  int n = pl_wire_login_encode(&l, out + 8, sizeof out - 8);
  if (!p->conn || !p->hello_size) return;
  pl_envelope_put_header(out, PL_ENV_LOGIN, 0, (size_t)n, 0);
  pl_login_transcript(t, (pl_view){p->hello, p->hello_size}, (pl_view){out + 8, (size_t)n - 64});
  pl_login_sign_client(out + 8 + n - 64, t, &identities[who]);
  message(p, out, (size_t)n + 8);
}

/* Sends a well-formed OPEN from one client to another, which few inputs would contain by chance. */
static void open_link(peer *p, size_t to, const uint8_t *data, size_t size) {
  uint8_t out[8 + 41] = {0};
  pl_envelope_put_header(out, PL_ENV_OPEN, 0, 41, 0x10000u | (size ? data[0] & 7u : 0u));
  memcpy(out + 8, identities[to % PEERS].id, 32);
  message(p, out, sizeof out);
}

/* Asks for, ends or claims a nameplate of one of a few numbers. */
static void nameplate(peer *p, const uint8_t *data) {
  uint8_t out[8 + 16] = {0};
  uint32_t number = PL_CONST_CODE_NUMBER_MIN + (data[2] & 3u);
  pl_wire_code code = {.op = data[2] & 8 ? PL_CONST_CODE_MAKE : PL_CONST_CODE_END, .tag = data[1], .number = number};
  bool claim = data[2] & 16;
  int n = claim ? 12 : pl_wire_code_encode(&code, out + 8, sizeof out - 8);
  if (claim) pl_put_u32(out + 8, number);
  pl_envelope_put_header(out, claim ? PL_ENV_CLAIM : PL_ENV_CODE, 0, (size_t)n, claim ? 0x10000u | (data[1] & 7) : 0);
  message(p, out, 8 + (size_t)n);
}

/* Sends one or two envelopes whose link number is likely to exist. */
static void envelope(peer *p, const uint8_t *data, size_t size, size_t cut) {
  static const uint8_t types[] = {PL_ENV_DATA, PL_ENV_ACCEPT, PL_ENV_RESET, PL_ENV_PING};
  static uint8_t out[8 + 60000];
  if (size < 3) return;
  if (data[0] & 0x40) {
    nameplate(p, data);
    return;
  }
  size_t length = data[2] < 250 ? (size_t)data[2] : 60000;
  uint32_t link = (data[1] & 0x80 ? 0x80000000u : 0u) | (uint32_t)((data[1] >> 4 & 7) + 1) << 16 | (data[1] & 7);
  pl_envelope_put_header(out, types[data[0] & 3], data[0] >> 7, length, link);
  memset(out + 8, data[2], length);
  if (data[0] & 0x20 &&
      length == 60000) { /* two envelopes of the same link, which the relay forwards straight from its read buffer */
    pl_put_u16(out + 2, 20000);
    memcpy(out + 20008, out, 4);
    pl_put_u16(out + 20010, 39992 - 8 * (data[0] >> 4 & 1)); /* the second one is whole, or lacks some bytes */
    memcpy(out + 20012, out + 4, 4);
  }
  message_cut(p, out, 8 + length, cut);
}

static void step(uint8_t op, const uint8_t *data, size_t size) {
  peer *p = &peers[op & 3];
  switch (op >> 2 & 7) {
    case 0:
      receive(p, data, size);
      break;
    case 1:
      message_cut(p, data, size, op >> 5);
      break;
    case 2:
      open_link(p, size ? data[0] >> 6 : 0, data, size);
      break;
    case 3:
    case 4:
      envelope(p, data, size, op >> 5);
      break;
    case 5:
      p->reads = op & 0x80;
      break;
    case 6:
      now_ms += size * 40;
      pl_relay_time(relay, now_ms);
      turn();
      break;
    default:
      hang_up(p);
      connect_peer(p);
      if (op & 0x80) login(p, (op >> 5) & 3);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t seeds[PEERS + 1][32] = {{1}, {2}, {3}, {4}, {5}};
  pl_relay_config config = {.hooks = {.lookup = lookup, .register_id = register_id}};
  if (size > 4096) return 0;
  for (size_t i = 0; i < PEERS; i++)
    if (identities[i].id[0] == 0 && pl_identity_from_seed(&identities[i], seeds[i]) != 0) abort();
  if (pl_identity_from_seed(&relay_identity, seeds[PEERS]) != 0) abort();
  config.identity = &relay_identity;
  if (size && data[0] & 2) config.hooks.send = take;
  pl_relay_settings_init(config.settings);
  config.settings[PL_RELAY_SET_LINK_WINDOW] = 131072;
  config.settings[PL_RELAY_SET_QUEUE_TOTAL_MAX] = 2 << 20;
  config.settings[PL_RELAY_SET_LINK_SLOTS] = 8;
  relay = pl_relay_new(&config);
  if (!relay) return 0;
  now_ms = 1;
  logins = 0;
  for (size_t i = 0; i < PEERS; i++) {
    connect_peer(&peers[i]);
    if (i && size && data[0] & 1) login(&peers[i], i);
  }
  for (size_t at = 1; at + 2 <= size;) {
    size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
    step(data[at], data + at + 2, n);
    at += 2 + n;
  }
  for (size_t i = 0; i < PEERS; i++) hang_up(&peers[i]);
  pl_relay_time(relay, now_ms + PL_CONST_CODE_LIFETIME_MS + 20000);
  pl_relay_stats stats = pl_relay_get_stats(relay);
  if (stats.nameplates) abort();
  if (stats.sockets || stats.links || stats.ready || stats.queued_bytes) abort();
  pl_relay_free(relay);
  return 0;
}
