/* Speaks Pairlink (docs/protocol.md): real logins and links; handshakes and records are random bytes, which a relay
 * cannot tell from real ones. */
#include <string.h>

#include "load.h"

enum { HANDSHAKE1_BYTES = 120, HANDSHAKE2_BYTES = 72, CONTROL_MAX = 2200, STUFFING_BYTES = 16384, OPENS_AT_ONCE = 3 };

static void path(const bench_conn *c, char *out, size_t size) {
  (void)c;
  snprintf(out, size, "/pairlink");
}

static void opened(bench_conn *c) {
  (void)c;
} /* the relay speaks first */

static void send_envelope(bench_conn *c, uint8_t type, uint32_t link, const uint8_t *payload, size_t size) {
  uint8_t message[CONTROL_MAX];
  pl_envelope_put_header(message, type, 0, size, link);
  memcpy(message + PL_CONST_ENVELOPE_HEADER_BYTES, payload, size);
  bench_ws_send(c, 2, message, PL_CONST_ENVELOPE_HEADER_BYTES + size);
}

static void take_limits(bench_gen *g, pl_view limits) {
  pl_reader r = pl_reader_of(limits.data, limits.size);
  pl_wire_limit limit;
  while (pl_reader_left(&r) && pl_wire_limit_read(&limit, &r) == 0) {
    if (limit.id == PL_LIMIT_MESSAGE_MAX) g->message_max = limit.value;
    if (limit.id == PL_LIMIT_LINK_WINDOW) g->link_window = limit.value;
  }
}

/* Answers HELLO with LOGIN. */
static void login(bench_conn *c, pl_view hello_bytes) {
  bench_gen *g = c->gen;
  pl_wire_hello hello;
  uint8_t payload[PL_CONST_ENVELOPE_HEADER_BYTES + 512];
  if (pl_wire_hello_decode(&hello, hello_bytes.data, hello_bytes.size) != 0 ||
      hello.version_min > PL_CONST_PROTOCOL_VERSION) {
    bench_conn_fail(c, "a HELLO that cannot be read");
    return;
  }
  take_limits(g, hello.limits);
  memcpy(c->relay_id, hello.relay_id, sizeof c->relay_id);
  pl_wire_login m = {.version = PL_CONST_PROTOCOL_VERSION, .flags = PL_CONST_LOGIN_FLAG_LISTEN};
  memcpy(m.peer_id, c->identity.id, sizeof m.peer_id);
  memcpy(m.instance, c->instance, sizeof m.instance);
  for (size_t i = 0; i < sizeof m.nonce; i++) m.nonce[i] = (uint8_t)(bench_random(g) >> 32);
  m.origin = (pl_view){(const uint8_t *)g->origin, strlen(g->origin)};
  int size = pl_wire_login_encode(&m, payload, sizeof payload);
  if (size < PL_SIGNATURE_BYTES) {
    bench_conn_fail(c, "LOGIN does not fit");
    return;
  }
  size_t unsigned_bytes = (size_t)size - PL_SIGNATURE_BYTES;
  pl_login_transcript(c->login_hash, hello_bytes, (pl_view){payload, unsigned_bytes});
  pl_login_sign_client(payload + unsigned_bytes, c->login_hash, &c->identity);
  send_envelope(c, PL_ENV_LOGIN, 0, payload, (size_t)size);
}

void bench_pairlink_open(bench_conn *c) {
  bench_gen *g = c->gen;
  pl_wire_open m = {.handshake = {g->pool, HANDSHAKE1_BYTES}};
  uint8_t payload[CONTROL_MAX / 2];
  memcpy(m.target_id, c->other->identity.id, sizeof m.target_id);
  memcpy(m.target_instance, c->other->instance, sizeof m.target_instance);
  c->generation = c->generation % PL_CONST_LINK_GENERATION_MAX + 1;
  c->link = pl_link_number_make(false, c->generation, 0);
  c->opens++;
  int size = pl_wire_open_encode(&m, payload, sizeof payload);
  if (size > 0) send_envelope(c, PL_ENV_OPEN, c->link, payload, (size_t)size);
}

static void welcomed(bench_conn *c, pl_view bytes) {
  bench_gen *g = c->gen;
  pl_wire_welcome m;
  if (pl_wire_welcome_decode(&m, bytes.data, bytes.size) != 0) {
    bench_conn_fail(c, "a WELCOME that cannot be read");
    return;
  }
  if (g->options.verify || g->greeted == 0) {
    pl_view signed_part = {bytes.data, bytes.size - PL_SIGNATURE_BYTES};
    if (pl_login_verify_relay(m.signature, c->login_hash, signed_part, c->relay_id) != 0) {
      bench_conn_fail(c, "a WELCOME with a wrong signature");
      return;
    }
  }
  take_limits(g, m.limits);
  bench_conn_state(c, BENCH_JOINING);
  c->attempts = c->opens = 0;
  if (!c->other)
    bench_joined(c);
  else if (c->role == BENCH_CALLER || c->role == BENCH_STUFFER)
    bench_pairlink_open(c); /* the relay keeps the OPEN until the callee has logged in */
}

static void offered(bench_conn *c, uint32_t link) {
  c->link = link;
  send_envelope(c, PL_ENV_ACCEPT, link, c->gen->pool, HANDSHAKE2_BYTES);
  bench_joined(c);
}

/* Sends up to the window less one record, as a good client does. */
void bench_pairlink_stuff(bench_conn *c) {
  bench_gen *g = c->gen;
  const size_t each = PL_CONST_ENVELOPE_HEADER_BYTES + STUFFING_BYTES;
  size_t total = g->link_window - PL_CONST_ENVELOPE_PAYLOAD_MAX;
  uint8_t header[PL_CONST_ENVELOPE_HEADER_BYTES];
  if (g->options.flood)
    total = (size_t)g->link_window * 2 + (8u << 20); /* more than the window and the kernel's buffers */
  pl_envelope_put_header(header, PL_ENV_DATA, 0, STUFFING_BYTES, c->link);
  while (c->stuffed_bytes + each <= total && c->state == BENCH_READY && c->link) {
    bench_out w = bench_ws_begin(g, g->tx, 2, each);
    bench_out_put(&w, header, sizeof header);
    bench_out_message(&w, c, 0, STUFFING_BYTES);
    bench_conn_send(c, g->tx, (size_t)(w.at - g->tx));
    c->stuffed_bytes += each;
  }
}

static void reset(bench_conn *c, const pl_envelope *e) {
  bench_gen *g = c->gen;
  pl_wire_reset m;
  char why[96];
  if (pl_wire_reset_decode(&m, e->payload.data, e->payload.size) != 0) m.reason = 0;
  if (e->link == 0) {
    snprintf(why, sizeof why, "the relay ended the socket: %s", pl_reason_name(m.reason));
    bench_conn_fail(c, why);
    return;
  }
  if (e->link != c->link) return;
  g->resets++;
  c->link = 0;
  if (c->state == BENCH_READY && c->role == BENCH_STUFFER) return; /* the relay may do that to bound its memory */
  bench_conn_state(c, BENCH_JOINING);
  if (!g->reconnects) {
    snprintf(why, sizeof why, "link reset: %s", pl_reason_name(m.reason));
    bench_conn_fail(c, why);
  } else if (c->role == BENCH_CALLER) {
    double wait_s = c->opens < OPENS_AT_ONCE ? 0 : 0.25 * (double)(1u << ((c->opens - OPENS_AT_ONCE) & 7));
    c->retry_at_ns = bench_clock_ns() + (uint64_t)((wait_s > 10 ? 10 : wait_s) * bench_fraction(g) * 1e9) + 1;
  }
}

static void control(bench_conn *c, const pl_envelope *e) {
  switch (e->type) {
    case PL_ENV_HELLO:
      if (c->state == BENCH_GREETING) login(c, e->payload);
      break;
    case PL_ENV_WELCOME:
      if (c->state == BENCH_GREETING) welcomed(c, e->payload);
      break;
    case PL_ENV_OFFER:
      if (c->state == BENCH_JOINING && c->other) offered(c, e->link);
      break;
    case PL_ENV_ACCEPT:
      if (c->state == BENCH_JOINING && e->link == c->link) bench_joined(c);
      break;
    case PL_ENV_RESET:
      reset(c, e);
      break;
    default:
      break; /* GOING_AWAY, PONG and newer types */
  }
}

/* Starts an envelope from its first bytes. Returns true when only the length of the rest matters. */
static bool begin_data(bench_conn *c, const uint8_t *head) {
  size_t length = pl_get_u16(head + 2);
  if (head[0] != PL_ENV_DATA || length <= BENCH_STAMP_BYTES) return false;
  c->stamp = pl_get_u64(head + PL_CONST_ENVELOPE_HEADER_BYTES);
  c->skip = length - BENCH_STAMP_BYTES;
  return true;
}

static void bytes(bench_conn *c, const uint8_t *data, size_t size) {
  enum { HEAD = PL_CONST_ENVELOPE_HEADER_BYTES, START = HEAD + BENCH_STAMP_BYTES };
  while (size && c->state != BENCH_CLOSED && !c->stopped) {
    size_t n;
    if (c->skip) {
      n = bench_skip(c, size);
    } else if (c->part_size == 0 && size >= START && begin_data(c, data)) {
      n = START;
    } else if (c->part_size < HEAD) {
      n = bench_part_fill(c, HEAD, data, size);
    } else {
      size_t length = pl_get_u16(c->part + 2);
      bool is_data = c->part[0] == PL_ENV_DATA && length > BENCH_STAMP_BYTES;
      n = bench_part_fill(c, is_data ? START : HEAD + length, data, size);
    }
    if (c->state == BENCH_CLOSED) return;
    data += n;
    size -= n;
    if (c->part_size < HEAD) continue;
    if (c->part_size == START && begin_data(c, c->part)) {
      c->part_size = 0;
    } else if (c->part_size == HEAD + (size_t)pl_get_u16(c->part + 2)) {
      pl_envelope e = {.type = c->part[0], .flags = c->part[1], .link = pl_get_u32(c->part + 4)};
      e.payload = (pl_view){c->part + HEAD, c->part_size - HEAD};
      c->part_size = 0; /* the bytes stay until the next fill */
      control(c, &e);
    }
  }
}

static size_t message_bytes(const bench_conn *c) {
  return PL_CONST_ENVELOPE_HEADER_BYTES + c->gen->options.size;
}

static void put(bench_out *out, const bench_conn *c, uint64_t stamp) {
  uint8_t header[PL_CONST_ENVELOPE_HEADER_BYTES];
  pl_envelope_put_header(header, PL_ENV_DATA, 0, c->gen->options.size, c->link);
  bench_out_put(out, header, sizeof header);
  bench_out_message(out, c, stamp, c->gen->options.size);
}

const bench_dialect bench_dialect_pairlink = {.name = "pairlink",
                                              .subprotocol = "pairlink.v1",
                                              .websocket = true,
                                              .batched_by_default = true,
                                              .path = path,
                                              .opened = opened,
                                              .bytes = bytes,
                                              .message_bytes = message_bytes,
                                              .put = put};
