/* NATS' client protocol, over WebSocket or TCP: each end of a pair subscribes to its own subject, and publishes to the
 * other's. Like NATS' own clients, it sends everything that is due together. */
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum { LINE_MAX_BYTES = 65536 };

static const char CONNECT[] =
    "CONNECT "
    "{\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":\"1\",\"protocol\":1,\"headers\":false}\r\n";

static void path(const bench_conn *c, char *out, size_t size) {
  (void)c;
  snprintf(out, size, "/");
}

static void say(bench_conn *c, const char *text) {
  if (c->gen->dialect->websocket)
    bench_ws_send(c, 2, text, strlen(text));
  else
    bench_conn_send(c, (const uint8_t *)text, strlen(text));
}

static void opened(bench_conn *c) {
  (void)c;
} /* INFO comes first */

static void subject(const bench_conn *c, char *out, size_t size) {
  if (c->other)
    snprintf(out, size, "p.%u.%s", c->pair, c->role == BENCH_CALLER ? "a" : "b");
  else
    snprintf(out, size, "idle.%zu", (size_t)(c - c->gen->conns));
}

static void greet(bench_conn *c) {
  char text[512], own[40], to[40];
  subject(c, own, sizeof own);
  snprintf(text, sizeof text, "%sSUB %s 1\r\nPING\r\n", CONNECT, own);
  if (c->other) {
    subject(c->other, to, sizeof to);
    c->prefix_size = (size_t)snprintf(c->prefix, sizeof c->prefix, "PUB %.30s %u\r\n", to, c->gen->options.size);
  }
  say(c, text);
}

/* Takes a line without its CR LF. */
static void line(bench_conn *c, const char *text) {
  if (strncmp(text, "INFO ", 5) == 0) {
    if (c->state == BENCH_GREETING) greet(c);
  } else if (strcmp(text, "PONG") == 0) {
    /* The subscription is active. The caller starts only when all sockets are joined. */
    bench_conn_state(c, BENCH_JOINING);
    bench_joined(c);
  } else if (strcmp(text, "PING") == 0) {
    say(c, "PONG\r\n");
  } else if (strncmp(text, "-ERR", 4) == 0) {
    bench_conn_fail(c, text);
  }
}

/* Returns the payload's size from "MSG subject sid size", or 0 for another line. */
static size_t message_size(const char *text) {
  if (strncmp(text, "MSG ", 4) != 0) return 0;
  const char *last = strrchr(text, ' ');
  return (size_t)strtoul(last + 1, NULL, 10);
}

/* `part` holds the line that is being received, and for MSG the stamp after it. */
static void bytes(bench_conn *c, const uint8_t *data, size_t size) {
  while (size && c->state != BENCH_CLOSED) {
    if (c->skip) {
      size_t n = bench_skip(c, size);
      data += n;
      size -= n;
      continue;
    }
    const uint8_t *end = c->part_size ? memchr(c->part, '\n', c->part_size) : NULL;
    size_t line_bytes, n;
    if (!end) {
      const uint8_t *found = memchr(data, '\n', size);
      n = found ? (size_t)(found - data) + 1 : size;
      n = bench_part_fill(c, c->part_size + n, data, n);
    } else {
      line_bytes = (size_t)(end - c->part) + 1;
      n = bench_part_fill(c, line_bytes + BENCH_STAMP_BYTES, data, size);
    }
    data += n;
    size -= n;
    if (c->state == BENCH_CLOSED || c->part_size < 2) continue;
    end = memchr(c->part, '\n', c->part_size);
    if (!end && c->part_size > LINE_MAX_BYTES) bench_conn_fail(c, "an endless line");
    if (!end || c->state == BENCH_CLOSED) continue;
    line_bytes = (size_t)(end - c->part) + 1;
    c->part[line_bytes - 2] = '\0'; /* replaces CR;
 stays to be found again */
    size_t payload = message_size((const char *)c->part);
    if (payload == 0) {
      c->part_size = 0;
      line(c, (const char *)c->part);
    } else if (c->part_size == line_bytes + BENCH_STAMP_BYTES) {
      c->stamp = pl_get_u64(c->part + line_bytes);
      c->skip = payload - BENCH_STAMP_BYTES + 2;
      c->part_size = 0;
    }
  }
}

static size_t message_bytes(const bench_conn *c) {
  return c->prefix_size + c->gen->options.size + 2;
}

static void put(bench_out *out, const bench_conn *c, uint64_t stamp) {
  bench_out_put(out, c->prefix, c->prefix_size);
  bench_out_message(out, c, stamp, c->gen->options.size);
  bench_out_put(out, "\r\n", 2);
}

const bench_dialect bench_dialect_nats = {.name = "nats",
                                          .websocket = true,
                                          .batched_by_default = true,
                                          .path = path,
                                          .opened = opened,
                                          .bytes = bytes,
                                          .message_bytes = message_bytes,
                                          .put = put};
const bench_dialect bench_dialect_nats_tcp = {.name = "nats-tcp",
                                              .batched_by_default = true,
                                              .path = path,
                                              .opened = opened,
                                              .bytes = bytes,
                                              .message_bytes = message_bytes,
                                              .put = put};

const bench_dialect *bench_dialect_find(const char *server) {
  static const bench_dialect *const ALL[] = {&bench_dialect_pairlink, &bench_dialect_raw,  &bench_dialect_ws,
                                             &bench_dialect_socketio, &bench_dialect_nats, &bench_dialect_nats_tcp};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(ALL); i++)
    if (strcmp(ALL[i]->name, server) == 0) return ALL[i];
  return NULL;
}
