/* See world.h. */
#include "world.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_known(world *w, const uint8_t id[32]) {
  for (size_t i = 0; i < w->known_count; i++)
    if (memcmp(w->known[i], id, 32) == 0) return true;
  return false;
}

static pl_relay_registration find(world *w, const uint8_t id[32]) {
  if (w->store_broken) return PL_RELAY_REGISTRATION_FAILED;
  if (memcmp(w->revoked, id, 32) == 0) return PL_RELAY_REGISTRATION_REVOKED;
  return is_known(w, id) ? PL_RELAY_REGISTRATION_KNOWN : PL_RELAY_REGISTRATION_ABSENT;
}

static void lookup(void *user, pl_relay_conn *conn, const uint8_t id[32]) {
  world *w = user;
  if (w->hold_lookups) {
    w->held[w->held_count].conn = conn;
    memcpy(w->held[w->held_count++].id, id, 32);
  } else {
    pl_relay_registered(conn, find(w, id), w->now_ms);
  }
}

static void register_id(void *user, pl_relay_conn *conn, const uint8_t id[32], const pl_relay_token_claim *claim) {
  world *w = user;
  pl_relay_registration result = find(w, id);
  assert_int_equal(pl_id_check(id), 0);
  assert_null(claim); /* tests with tokens have their own */
  if (result == PL_RELAY_REGISTRATION_ABSENT) {
    memcpy(w->known[w->known_count++ % WORLD_IDS], id, 32);
    result = PL_RELAY_REGISTRATION_NEW;
  }
  pl_relay_registered(conn, result, w->now_ms);
}

void world_answer(world *w) {
  w->hold_lookups = false;
  for (size_t i = 0; i < w->held_count; i++) pl_relay_registered(w->held[i].conn, find(w, w->held[i].id), w->now_ms);
  w->held_count = 0;
}

void world_init(world *w, const world_setting *settings) {
  *w = (world){.now_ms = 1000};
  pl_list_init(&w->clients);
  pl_relay_settings_init(w->settings);
  for (; settings && settings->value; settings++) w->settings[settings->name] = settings->value;
}

static size_t take(void *user, pl_relay_conn *conn, pl_view bytes);

void world_start(world *w) {
  pl_relay_config config = {.admission = w->admission,
                            .public_urls = w->public_urls,
                            .alternatives = w->alternatives,
                            .hooks = {.lookup = lookup, .register_id = register_id},
                            .user = w};
  const uint8_t seed[32] = {42};
  if (w->sends) config.hooks.send = take;
  config.worker = w->worker;
  config.workers = w->workers;
  config.shared = w->shared;
  config.trusted = w->trusted;
  config.trusted_count = w->trusted != NULL;
  memcpy(config.settings, w->settings, sizeof config.settings);
  assert_int_equal(pl_identity_from_seed(&w->identity, seed), 0);
  config.identity = &w->identity;
  w->relay = pl_relay_new(&config);
  assert_non_null(w->relay);
}

void world_free_clients(world *w) {
  for (pl_node *n = w->clients.next, *next; n != &w->clients; n = next) {
    next = n->next;
    client_free(PL_CONTAINER(n, client, in_world));
  }
}

void world_end(world *w) {
  world_free_clients(w);
  pl_relay_stats stats = pl_relay_get_stats(w->relay);
  assert_int_equal(stats.sockets, 0);
  assert_int_equal(stats.links, 0);
  assert_int_equal(stats.ready, 0);
  assert_int_equal(stats.queued_bytes, 0);
  pl_relay_free(w->relay);
  w->relay = NULL;
}

void world_restart(world *w) {
  world_end(w);
  w->now_ms = 1000;
  w->known_count = w->held_count = 0;
  w->next_challenge = 0;
  world_start(w);
}

int world_setup(void **state) {
  world *w = calloc(1, sizeof *w);
  if (!w) return -1;
  world_init(w, *state);
  world_start(w);
  *state = w;
  return 0;
}

int world_teardown(void **state) {
  world *w = *state;
  world_end(w);
  free(w);
  return 0;
}

void world_pass(world *w, uint64_t ms) {
  const uint64_t end = w->now_ms + ms;
  uint64_t at;
  while ((at = pl_relay_deadline(w->relay)) < end) {
    if (at > w->now_ms) w->now_ms = at;
    pl_relay_time(w->relay, w->now_ms);
    world_turn(w);
  }
  world_stop(w, end - w->now_ms);
}

void world_stop(world *w, uint64_t ms) {
  w->now_ms += ms;
  pl_relay_time(w->relay, w->now_ms);
  world_turn(w);
}

/* ---- what a client gets -------------------------------------------------------------------------------------- */

static void on_envelope(client *c, const pl_envelope *e) {
  seen *s = &c->got[c->got_count++ % PL_ARRAY_LENGTH(c->got)];
  s->type = e->type;
  s->flags = e->flags;
  s->link = e->link;
  s->size = e->payload.size;
  c->got_bytes += e->payload.size;
  memcpy(s->payload, e->payload.data, e->payload.size < sizeof s->payload ? e->payload.size : sizeof s->payload);
  if (e->type == PL_ENV_HELLO) {
    c->hello_size = e->payload.size;
    memcpy(c->hello, e->payload.data, e->payload.size);
  }
}

static void on_frames(client *c, uint8_t *data, size_t size) {
  pl_ws_event event;
  int rc;
  while ((rc = pl_ws_read(&c->ws, &data, &size, &event)) > 0) {
    if (event.type == PL_WS_CLOSE) c->close_code = event.close_code;
    if (event.type != PL_WS_BINARY) continue;
    pl_reader r = pl_reader_of(event.data, event.size);
    pl_envelope e;
    int more;
    while ((more = pl_envelope_next(&r, &e)) > 0) on_envelope(c, &e);
    assert_int_equal(more, 0); /* whole envelopes, always */
  }
  assert_int_equal(rc, 0); /* the relay's framing is right, always */
}

static void on_bytes(client *c, const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size);
  size_t at = 0;
  c->writes++;
  memcpy(copy, data, size);
  while (!c->upgraded && at < size && c->http_size < sizeof c->http - 1) {
    c->http[c->http_size++] = (char)copy[at++];
    c->upgraded = c->http_size >= 4 && memcmp(c->http + c->http_size - 4, "\r\n\r\n", 4) == 0 &&
                  memcmp(c->http, "HTTP/1.1 101", 12) == 0;
  }
  if (c->upgraded && at < size) on_frames(c, copy + at, size - at);
  free(copy);
}

static size_t take(void *user, pl_relay_conn *conn, pl_view bytes) {
  client *c = pl_relay_conn_shell(conn);
  size_t n = !c->reads ? 0 : bytes.size < c->takes ? bytes.size : c->takes;
  (void)user;
  assert_true(bytes.size > 0);
  if (n) on_bytes(c, bytes.data, n);
  return n;
}

static void flush(client *c) {
  pl_view out;
  size_t left = c->takes;
  while (c->reads && left && pl_relay_conn_output(c->conn, &out)) {
    size_t n = out.size < left ? out.size : left;
    on_bytes(c, out.data, n);
    pl_relay_conn_sent(c->conn, n, c->w->now_ms);
    left -= n;
  }
  c->finished = !pl_relay_conn_output(c->conn, &out) && pl_relay_conn_get_wish(c->conn) == PL_RELAY_WISH_FINISH;
  c->aborted = pl_relay_conn_get_wish(c->conn) == PL_RELAY_WISH_ABORT;
}

void world_turn(world *w) {
  pl_relay_conn *conn;
  while ((conn = pl_relay_next_dirty(w->relay))) flush(pl_relay_conn_shell(conn));
  assert_true(pl_relay_bounds_hold(w->relay));
}

void client_writable(client *c) {
  flush(c);
}

/* ---- what a client does ------------------------------------------------------------------------------------------ */

client *client_new(world *w, uint8_t seed) {
  return client_new_at(w, seed, seed);
}

client *client_new_at(world *w, uint16_t seed, uint8_t home) {
  const uint8_t far[16] = {0x20, 1, 0xd, 0xb8, home}, local[16] = {[15] = 1};
  uint8_t secret[32] = {(uint8_t)seed, 1, (uint8_t)(seed >> 8)}, challenge[32] = {++w->next_challenge};
  client *c = calloc(1, sizeof *c);
  c->w = w;
  pl_list_init(&c->in_world);
  pl_list_append(&w->clients, &c->in_world);
  c->reads = true;
  c->takes = SIZE_MAX;
  c->instance[0] = (uint8_t)seed;
  c->instance[1] = w->next_challenge;
  assert_int_equal(pl_identity_from_seed(&c->identity, secret), 0);
  pl_ws_init(&c->ws, false, false, 1 << 20);
  c->conn = pl_relay_open(w->relay, home == HOME_LOCAL ? local : far, challenge, c, w->now_ms);
  return c;
}

client *client_ready(world *w, uint8_t seed) {
  client *c = client_new(w, seed);
  client_login(c, true);
  return c;
}

void client_hang_up(client *c) {
  if (c->conn) pl_relay_closed(c->conn, c->w->now_ms);
  c->conn = NULL;
  world_turn(c->w);
}

void client_free(client *c) {
  client_hang_up(c);
  pl_list_remove(&c->in_world);
  pl_ws_deinit(&c->ws);
  free(c);
}

void client_receive(client *c, const void *data, size_t size) {
  uint8_t *copy = malloc(size ? size : 1);
  memcpy(copy, data, size);
  pl_relay_receive(c->conn, copy, size, c->w->now_ms);
  free(copy);
}

void client_upgrade(client *c) {
  static const char request[] =
      "GET /pairlink HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
      "13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: pairlink.v1\r\n\r\n";
  client_receive(c, request, sizeof request - 1);
  world_turn(c->w);
}

size_t client_make_login(client *c, bool listen, uint8_t out[512]) {
  static const char origin[] = "http://relay";
  uint8_t t[64];
  pl_wire_login login = {.version = 1, .flags = listen, .origin = {(const uint8_t *)origin, sizeof origin - 1}};
  memcpy(login.peer_id, c->identity.id, 32);
  memcpy(login.instance, c->instance, 8);
  int n = pl_wire_login_encode(&login, out, 512);
  assert_true(n > 64);
  pl_login_transcript(t, (pl_view){c->hello, c->hello_size}, (pl_view){out, (size_t)n - 64});
  pl_login_sign_client(out + n - 64, t, &c->identity);
  return (size_t)n;
}

void client_login(client *c, bool listen) {
  client_upgrade(c);
  assert_true(c->hello_size > 0);
  c->login_size = client_make_login(c, listen, c->login);
  client_send(c, PL_ENV_LOGIN, 0, 0, c->login, c->login_size);
  world_turn(c->w);
  c->read_at = c->got_count;
}

void client_message_in(client *c, const void *data, size_t size, size_t piece) {
  static const uint8_t mask[4] = {1, 2, 3, 4};
  uint8_t *frame = malloc(size + PL_WS_HEADER_MAX);
  size_t n = pl_ws_put_header(frame, PL_WS_BINARY, size, mask);
  if (size) memcpy(frame + n, data, size);
  pl_ws_mask(frame + n, size, mask, 0);
  for (size_t at = 0; at < n + size && c->conn; at += piece) {
    client_receive(c, frame + at, n + size - at < piece ? n + size - at : piece);
    if (piece < n + size) world_turn(c->w);
  }
  free(frame);
}

void client_message(client *c, const void *data, size_t size) {
  client_message_in(c, data, size, size + PL_WS_HEADER_MAX);
}

void client_send(client *c, uint8_t type, uint8_t flags, uint32_t link, const void *payload, size_t size) {
  uint8_t *message = malloc(size + 8);
  pl_envelope_put_header(message, type, flags, size, link);
  if (size) memcpy(message + 8, payload, size);
  client_message(c, message, size + 8);
  free(message);
}

void client_open(client *c, uint32_t link, const client *target, const void *handshake, size_t size) {
  uint8_t payload[2100] = {0};
  memcpy(payload, target->identity.id, 32);
  memcpy(payload + 40, handshake, size);
  client_send(c, PL_ENV_OPEN, 0, link, payload, 40 + size);
}

const seen *client_next(client *c) {
  world_turn(c->w);
  return c->read_at < c->got_count ? &c->got[c->read_at++ % PL_ARRAY_LENGTH(c->got)] : NULL;
}

int client_refusal(client *c) {
  for (const seen *s; (s = client_next(c));)
    if (s->type == PL_ENV_RESET && s->link == 0) return pl_get_u16(s->payload);
  return 0;
}
