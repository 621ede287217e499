/* pl-bench-load measures a server that joins sockets in pairs, with one thread, one epoll set and many sockets.
 *
 * Every pair has a caller and a callee. The caller keeps `window` messages of `size` bytes in flight: the callee sends
 * each message back, and the caller replaces each one that returned. So a message crosses the server twice per round.
 * Both crossings count as envelopes, and p50 and p99 are times of rounds. A message starts with the time when it was
 * made and a bit that says which end made it. Messages that are due on a socket after one read are sent with one call.
 * What differs between servers (their framing and greeting) is a `bench_dialect`. */
#ifndef PL_BENCH_LOAD_H
#define PL_BENCH_LOAD_H

#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/types.h>

#include "client/core/identity/identity.h"
#include "client/core/wire/wire.h"
#include "client/tls/tls_bio.h"

enum { BENCH_STAMP_BYTES = 8, BENCH_TEXT_MAX = 512, BENCH_HEAD_MAX = 14 };

typedef enum bench_role {
  BENCH_CALLER,
  BENCH_CALLEE,
  BENCH_IDLE,    /* greets, then stays silent */
  BENCH_STUFFER, /* fills the link to a frozen callee up to its window, or without a limit (--flood) */
  BENCH_FROZEN   /* stops reading once it is joined */
} bench_role;

typedef enum bench_state {
  BENCH_CLOSED,
  BENCH_CONNECTING,
  BENCH_SECURING,  /* TLS handshake */
  BENCH_UPGRADING, /* HTTP */
  BENCH_GREETING,  /* the dialect's own greeting, a login */
  BENCH_JOINING,   /* known to the server, not yet joined with the other end */
  BENCH_READY
} bench_state;

typedef enum bench_mode {
  BENCH_MODE_CELL,
  BENCH_MODE_STORM,
  BENCH_MODE_OUTAGE,
  BENCH_MODE_DEPARTURES,
  BENCH_MODE_SIGNATURES
} bench_mode;

/* How sockets leave: their process ends, and their connections are closed (EXIT) or reset (RESET); or by WebSocket's
 * closing handshake (CLOSE). LOGIN: they do not leave, but log in. */
typedef enum bench_leave {
  BENCH_LEAVE_NONE,
  BENCH_LEAVE_EXIT,
  BENCH_LEAVE_RESET,
  BENCH_LEAVE_CLOSE,
  BENCH_LEAVE_LOGIN
} bench_leave;

typedef struct bench_options {
  const char *server, *host, *label;
  int port;
  bench_mode mode;
  bool tls, both, batch, verify, flood, slow, again, announce;
  uint32_t pairs, from, pause_ms, window, size, idle, frozen, sockets, concurrency, leavers, leavers_port;
  bench_leave leave;
  double seconds, warmup_seconds, patience_seconds;
  pid_t server_pid; /* 0 when it is not known; CPU and memory are not reported then */
} bench_options;

typedef struct bench_gen bench_gen;
typedef struct bench_conn bench_conn;

/* Writes masked bytes; with key 0 it copies. */
typedef struct bench_out {
  uint8_t *at;
  uint64_t key; /* the mask twice, rotated so that its first byte belongs to *at */
} bench_out;

typedef struct bench_dialect {
  const char *name;
  const char *subprotocol; /* NULL when there is none */
  bool websocket;
  bool batched_by_default; /* its clients put several messages into one WebSocket message */
  void (*path)(const bench_conn *c, char *out, size_t size);
  void (*opened)(bench_conn *c);                                  /* the stream is open */
  void (*bytes)(bench_conn *c, const uint8_t *data, size_t size); /* stream, or payload of binary messages */
  void (*text)(bench_conn *c, const uint8_t *data, size_t size);  /* one text message; NULL when it is an error */
  size_t (*message_bytes)(const bench_conn *c);                   /* size of one message in the stream */
  void (*put)(bench_out *out, const bench_conn *c, uint64_t stamp);
  size_t (*emit)(bench_conn *c, const uint64_t *stamps, size_t n,
                 uint8_t *out); /* NULL when the generator frames messages itself */
} bench_dialect;

extern const bench_dialect bench_dialect_pairlink, bench_dialect_raw, bench_dialect_ws, bench_dialect_socketio,
    bench_dialect_nats, bench_dialect_nats_tcp;
const bench_dialect *bench_dialect_find(const char *server);

struct bench_conn {
  bench_gen *gen;
  bench_conn *other; /* NULL for an idle socket */
  SSL *ssl;
  pl_tls_bio bio;
  pl_buffer out;
  int fd;
  uint32_t pair;
  bench_role role;
  bench_state state;
  bool write_armed;
  bool stopped; /* frozen: does not read */
  /* WebSocket, from the server */
  uint8_t head[BENCH_HEAD_MAX], head_size, opcode;
  bool in_frame, fin;
  uint64_t frame_left;
  uint8_t *text;
  size_t text_size;
  /* the dialect's stream: the start of an item in `part`, then `skip` bytes of a message whose stamp is known */
  uint8_t *part;
  size_t part_size, part_capacity, skip;
  uint64_t stamp;
  char prefix[48]; /* nats: what goes before each message */
  size_t prefix_size;
  /* pairlink */
  pl_identity identity;
  uint8_t instance[8], login_hash[PL_TRANSCRIPT_BYTES], relay_id[32];
  uint32_t link, generation;
  uint64_t stuffed_bytes;
  uint64_t resume_ns; /* --pause: when it makes its next message; 0 while one is in flight */
  /* reconnecting (outage) */
  uint64_t retry_at_ns;
  uint32_t attempts, opens;
};

enum { BENCH_BUCKET_BITS = 6, BENCH_BUCKETS = (64 - BENCH_BUCKET_BITS + 1) << BENCH_BUCKET_BITS };
typedef struct bench_histogram {
  uint64_t counts[BENCH_BUCKETS], total, max;
} bench_histogram;
void bench_histogram_add(bench_histogram *h, uint64_t value);
uint64_t bench_histogram_quantile(const bench_histogram *h, double q);

struct bench_gen {
  bench_options options;
  const bench_dialect *dialect;
  SSL_CTX *tls;
  int epoll;
  bool measuring, reconnects;
  uint64_t now_ns, random;
  uint64_t came_ns, clock_ahead_ns; /* departures: when bytes came; the wall clock minus bench_clock_ns */
  char accept_key[64], upgrade_key[32];
  char origin[128];
  bench_conn *conns; /* callers and callees, then stuffers and frozen, then idle */
  size_t conn_count;
  uint32_t message_max, link_window; /* pairlink: as the relay announced them */
  uint8_t *rx, *tx, *pool, *sealed;  /* sealed: what a read of a TLS socket brought */
  size_t rx_size, tx_size;
  uint64_t *due;
  size_t due_count, due_max;
  /* counters since the start */
  uint64_t greeted, ready, failed, lost, resets;
  bench_histogram rounds;
  uint64_t messages;
  uint64_t slow_start_ns, slow_sips, discarded;
};

/* conn.c: a socket from connect to close */
int bench_conn_start(bench_conn *c);
void bench_conn_event(bench_conn *c, uint32_t events);
void bench_conn_send(bench_conn *c, const uint8_t *data, size_t size);
void bench_conn_state(bench_conn *c, bench_state state);
void bench_conn_fail(bench_conn *c, const char *why);
void bench_conn_close(bench_conn *c);
void bench_conn_stop_reading(bench_conn *c);
size_t bench_conn_discard(bench_conn *c, size_t size);
SSL_CTX *bench_tls_new(void);

/* websocket.c: the client's side of RFC 6455 */
void bench_ws_key(bench_gen *g);
void bench_ws_upgrade(bench_conn *c);
void bench_ws_feed(bench_conn *c, const uint8_t *data, size_t size);
/* Writes one masked frame around `payload`. Returns its size. */
size_t bench_ws_frame(bench_gen *g, uint8_t *out, uint8_t opcode, const void *payload, size_t size);
/* Starts a masked frame with `size` bytes of payload, which the caller writes through the result. */
bench_out bench_ws_begin(bench_gen *g, uint8_t *out, uint8_t opcode, size_t size);
void bench_out_put(bench_out *out, const void *data, size_t size);
void bench_ws_send(bench_conn *c, uint8_t opcode, const void *payload, size_t size);

/* stream.c: what dialects share */
/* Adds to c->part until it holds `want` bytes. Returns how many it took. */
size_t bench_part_fill(bench_conn *c, size_t want, const uint8_t *data, size_t size);
/* Skips within a message whose stamp is known, and reports the message at its end. Returns how many bytes it took. */
size_t bench_skip(bench_conn *c, size_t size);
void bench_out_message(bench_out *out, const bench_conn *c, uint64_t stamp, size_t size);
size_t bench_emit(bench_conn *c, const uint64_t *stamps, size_t n, uint8_t *out);

/* rounds.c: what happens with messages */
void bench_message(bench_conn *c, uint64_t stamp);
void bench_send_due(bench_conn *c);
void bench_joined(bench_conn *c); /* this end is ready; starts the rounds when both are */
void bench_start_rounds(bench_conn *c);
void bench_resume(bench_gen *g); /* --pause: makes the messages that are due */

/* gen.c */
int bench_gen_init(bench_gen *g, const bench_options *options);
void bench_gen_deinit(bench_gen *g);
void bench_turn(bench_gen *g, int timeout_ms);
uint64_t bench_clock_ns(void);
uint64_t bench_random(bench_gen *g);
double bench_fraction(bench_gen *g); /* 0 ≤ x < 1 */

/* pairlink.c */
void bench_pairlink_open(bench_conn *c);
/* Fills the link to a callee that does not read. */
void bench_pairlink_stuff(bench_conn *c);

/* slow.c: lets slow receivers read their next bytes */
void bench_slow_turn(bench_gen *g);

/* process.c: figures of the server's process; negative when they cannot be read */
double bench_process_cpu_s(pid_t pid);
double bench_process_rss_kb(pid_t pid);
double bench_own_cpu_s(void);

/* modes.c: these return 0, or 1 after printing an error */
int bench_mode_cell(bench_gen *g);
int bench_mode_storm(bench_gen *g);
int bench_mode_outage(bench_gen *g);
int bench_mode_departures(bench_gen *g);                 /* departures.c */
int bench_mode_signatures(const bench_options *options); /* signatures.c */
/* Connects conns[first … first+count). Returns true when all reached `state`. */
bool bench_connect(bench_gen *g, size_t first, size_t count, bench_state state);

/* options.c: returns 0, or an exit code + 1 */
int bench_options_parse(bench_options *o, int argc, char **argv);

#endif
