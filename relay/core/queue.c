/* See queue.h. Envelopes are appended to one open binary frame, so that many travel in one message. The 4 bytes of its
 * header are reserved, and filled in when the frame is closed. Output buffers come from a pool and go back when they
 * are empty: an idle socket has none. */
#include "queue.h"

#include <string.h>

#include "accounts.h"
#include "conn.h"

enum {
  RESERVED = 4,
  FRAME_MAX = 65535,
  COST_MIN = 24,
  CHUNK_MIN = 1024, /* bytes of a chunk of a link's queue */
  CHUNK_MAX = 16384,
  QUANTUM = 16384,   /* bytes that one link may move in one turn */
  BODY_PIECE = 65536 /* bytes of a page that are written at once */
};

/* ---- output buffers ------------------------------------------------------------------------------------------ */

size_t pl_relay_out_size(const pl_relay_out *out) {
  return out->end - out->start;
}

pl_view pl_relay_out_body(const pl_relay_conn *conn) {
  return conn->prologue ? conn->prologue->body : (pl_view){0};
}

static uint8_t *out_pool_get(pl_relay_conn *conn, size_t capacity) {
  pl_relay *relay = conn->relay;
  uint8_t *memory;
  if (capacity == PL_RELAY_OUT_SMALL && relay->free_small_count)
    memory = relay->free_small[--relay->free_small_count];
  else if (capacity == PL_RELAY_OUT_LARGE && relay->free_large_count)
    memory = relay->free_large[--relay->free_large_count];
  else
    memory = pl_realloc(NULL, capacity);
  if (memory) pl_relay_hold(conn, capacity, 0);
  return memory;
}

static void out_pool_put(pl_relay_conn *conn, uint8_t *memory, size_t capacity) {
  pl_relay *relay = conn->relay;
  pl_relay_hold(conn, 0, capacity);
  if (capacity == PL_RELAY_OUT_SMALL && relay->free_small_count < PL_RELAY_OUT_SMALL_KEPT)
    relay->free_small[relay->free_small_count++] = memory;
  else if (capacity == PL_RELAY_OUT_LARGE && relay->free_large_count < PL_RELAY_OUT_LARGE_KEPT)
    relay->free_large[relay->free_large_count++] = memory;
  else
    pl_free(memory);
}

void pl_relay_out_deinit(pl_relay_conn *conn) {
  pl_relay_out *out = &conn->out;
  if (out->memory) out_pool_put(conn, out->memory, out->capacity);
  *out = (pl_relay_out){0};
}

static void out_move_to(pl_relay_out *out, uint8_t *memory) {
  uint32_t size = out->end - out->start;
  if (size) memmove(memory, out->memory + out->start, size);
  out->frame_at -= out->frame_open ? out->start : 0;
  out->start = 0;
  out->end = size;
}

static bool out_resize(pl_relay_conn *conn, uint32_t capacity) {
  pl_relay_out *out = &conn->out;
  uint8_t *memory = out_pool_get(conn, capacity);
  if (!memory) return false;
  uint8_t *old = out->memory;
  out_move_to(out, memory);
  if (old) out_pool_put(conn, old, out->capacity);
  out->memory = memory;
  out->capacity = capacity;
  return true;
}

/* Makes sure that n more bytes fit at the end. Returns false when they would not, or memory ran out. */
static bool out_make_room(pl_relay_conn *conn, size_t n) {
  pl_relay_out *out = &conn->out;
  if (out->capacity - out->end >= n) return true;
  size_t needed = pl_relay_out_size(out) + n;
  if (needed > PL_RELAY_OUT_LARGE) return false;
  if (out->memory && needed <= out->capacity) {
    out_move_to(out, out->memory);
    return true;
  }
  return out_resize(conn, needed <= PL_RELAY_OUT_SMALL ? PL_RELAY_OUT_SMALL : PL_RELAY_OUT_LARGE);
}

static void out_close_frame(pl_relay_out *out) {
  if (!out->frame_open) return;
  out->frame_open = false;
  size_t payload = out->end - out->frame_at - RESERVED;
  uint8_t *frame = out->memory + out->frame_at;
  if (payload >= 126) {
    pl_ws_put_header(frame, PL_WS_BINARY, payload, NULL);
  } else if (out->frame_at == out->start) { /* a short header has two bytes fewer: the frame starts later */
    out->start += 2;
    pl_ws_put_header(frame + 2, PL_WS_BINARY, payload, NULL);
  } else {
    memmove(frame + 2, frame + RESERVED, payload);
    out->end -= 2;
    pl_ws_put_header(frame, PL_WS_BINARY, payload, NULL);
  }
}

/* Makes room for one envelope in the open frame or in a new one. Returns NULL when there is none. */
static uint8_t *out_envelope_room(pl_relay_conn *conn, size_t size) {
  pl_relay_out *out = &conn->out;
  if (out->frame_open && out->end - out->frame_at - RESERVED + size > FRAME_MAX) out_close_frame(out);
  if (!out_make_room(conn, size + 10)) return NULL;
  if (size > FRAME_MAX) {
    out->end += (uint32_t)pl_ws_put_header(out->memory + out->end, PL_WS_BINARY, size, NULL);
  } else if (!out->frame_open) {
    out->frame_open = true;
    out->frame_at = out->end;
    out->end += RESERVED;
  }
  uint8_t *at = out->memory + out->end;
  out->end += (uint32_t)size;
  if (!conn->is_dirty) pl_relay_conn_mark(conn);
  return at;
}

bool pl_relay_out_frame(pl_relay_conn *conn, int opcode, const void *data, size_t size) {
  pl_relay_out *out = &conn->out;
  out_close_frame(out);
  if (!out_make_room(conn, size + 10)) return false;
  if (opcode >= 0) out->end += (uint32_t)pl_ws_put_header(out->memory + out->end, opcode, size, NULL);
  if (size) memcpy(out->memory + out->end, data, size);
  out->end += (uint32_t)size;
  pl_relay_conn_mark(conn);
  return true;
}

static bool out_put_envelope(pl_relay_conn *conn, uint8_t type, uint8_t flags, uint32_t link, pl_view payload) {
  uint8_t *at = out_envelope_room(conn, PL_RELAY_HEADER + payload.size);
  if (!at) return false;
  pl_envelope_put_header(at, type, flags, payload.size, link);
  if (payload.size) memcpy(at + PL_RELAY_HEADER, payload.data, payload.size);
  return true;
}

void pl_relay_out_last(pl_relay_conn *conn, uint8_t type, uint32_t link, pl_view payload) {
  if (!out_put_envelope(conn, type, 0, link, payload)) pl_relay_conn_abort(conn);
}

void pl_relay_out_expect_end(pl_relay_conn *conn) {
  if (!conn->out.memory) (void)!out_resize(conn, PL_RELAY_OUT_END); /* otherwise what is written finds no memory */
}

bool pl_relay_conn_output(pl_relay_conn *conn, pl_view *out) {
  if (conn->state == PL_RELAY_CONN_ABORTED) return false;
  out_close_frame(&conn->out);
  size_t size = pl_relay_out_size(&conn->out);
  *out = size ? (pl_view){conn->out.memory + conn->out.start, size} : pl_relay_out_body(conn);
  if (!size && out->size > BODY_PIECE) out->size = BODY_PIECE;
  return out->size > 0;
}

void pl_relay_out_sent(pl_relay_conn *conn, size_t n) {
  pl_relay_out *out = &conn->out;
  if (pl_relay_out_size(out)) {
    out->start += (uint32_t)n;
    if (out->start == out->end) pl_relay_out_deinit(conn);
  } else {
    conn->prologue->body.data += n;
    conn->prologue->body.size -= n;
  }
  conn->blocked = false;
  if (n) conn->stuck_ms = 0;
}

/* ---- control envelopes ------------------------------------------------------------------------------------------ */

bool pl_relay_out_control_flags(pl_relay_conn *conn, uint8_t type, uint8_t flags, uint32_t link, pl_view payload,
                                unsigned percent) {
  if (conn->control.size == 0 && pl_relay_out_size(&conn->out) < PL_RELAY_OUT_DIRECT)
    return out_put_envelope(conn, type, flags, link, payload);
  size_t size = PL_RELAY_HEADER + payload.size;
  if (conn->control.size + size > conn->control.max / 100 * percent) return false;
  uint8_t *at = pl_buffer_reserve(&conn->control, size);
  if (!at) return false;
  pl_envelope_put_header(at, type, flags, payload.size, link);
  if (payload.size) memcpy(at + PL_RELAY_HEADER, payload.data, payload.size);
  pl_buffer_commit(&conn->control, size);
  return true;
}

static bool out_refill_control(pl_relay_conn *conn) {
  while (conn->control.size && pl_relay_out_size(&conn->out) < PL_RELAY_OUT_DIRECT) {
    const uint8_t *envelope = pl_buffer_data(&conn->control);
    size_t size = pl_relay_envelope_size(envelope);
    uint8_t *at = out_envelope_room(conn, size);
    if (!at) return false;
    memcpy(at, envelope, size);
    pl_buffer_consume(&conn->control, size);
  }
  pl_buffer_trim(&conn->control);
  return conn->control.size == 0;
}

/* ---- link queues -------------------------------------------------------------------------------------- */

void pl_relay_queue_init(pl_relay_half *half, pl_relay_queue *queue) {
  *queue = (pl_relay_queue){.half = half};
  half->queue = queue;
  pl_list_init(&queue->turn);
  pl_list_init(&queue->all);
}

static size_t queue_cost(size_t envelope) {
  return envelope - PL_RELAY_HEADER > COST_MIN ? envelope - PL_RELAY_HEADER : COST_MIN;
}

static bool envelope_is_volatile(const uint8_t *envelope) {
  return envelope[0] == PL_ENV_DATA && (envelope[1] & PL_CONST_ENVELOPE_FLAG_VOLATILE);
}

static void queue_count_memory(pl_relay_half *half, size_t add, size_t remove) {
  pl_relay_queue *q = half->queue;
  q->memory += add - remove;
  half->conn->queued += add - remove;
  pl_relay_hold(half->conn, add, remove);
}

static void queue_drop_chunk(pl_relay_half *half) {
  pl_relay_queue *q = half->queue;
  pl_relay_chunk *chunk = q->head;
  q->head = chunk->next;
  if (!q->head) q->tail = NULL;
  if (q->scan == chunk) q->scan = NULL;
  queue_count_memory(half, 0, sizeof *chunk + chunk->capacity);
  pl_free(chunk);
}

void pl_relay_queue_clear(pl_relay_half *half) {
  pl_relay_queue *q = half->queue;
  while (q->head) queue_drop_chunk(half);
  pl_list_remove(&q->turn);
  pl_list_remove(&q->all);
  q->cost = q->volatile_count = 0;
}

/* Drops the oldest volatile envelope: it loses its type and is skipped when its turn comes. Returns false when there is
 * none. */
static bool queue_drop_volatile(pl_relay_half *half) {
  pl_relay_queue *q = half->queue;
  while (q->volatile_count && q->head) {
    if (!q->scan) {
      q->scan = q->head;
      q->scan_at = q->head->start;
    }
    if (q->scan_at < q->scan->start) q->scan_at = q->scan->start;
    if (q->scan_at == q->scan->end) {
      if (!q->scan->next) return false;
      q->scan = q->scan->next;
      q->scan_at = q->scan->start;
      continue;
    }
    uint8_t *envelope = q->scan->bytes + q->scan_at;
    size_t size = pl_relay_envelope_size(envelope);
    q->scan_at += (uint32_t)size;
    if (!envelope_is_volatile(envelope)) continue;
    envelope[0] = 0;
    q->volatile_count--;
    q->cost -= queue_cost(size);
    half->conn->relay->stats.volatile_dropped++;
    return true;
  }
  return false;
}

static uint8_t *queue_room(pl_relay_half *half, size_t size) {
  pl_relay_queue *q = half->queue;
  pl_relay_conn *conn = half->conn;
  if (!q->tail || q->tail->capacity - q->tail->end < size) {
    size_t capacity = q->memory < CHUNK_MIN ? CHUNK_MIN : q->memory < CHUNK_MAX ? q->memory : CHUNK_MAX;
    if (capacity < size) capacity = size;
    if (conn->queued + capacity > pl_relay_setting_of(conn->relay, PL_RELAY_SET_SOCKET_QUEUE_MAX)) return NULL;
    pl_relay_chunk *chunk = pl_realloc(NULL, sizeof *chunk + capacity);
    if (!chunk) return NULL;
    *chunk = (pl_relay_chunk){.capacity = (uint32_t)capacity};
    if (q->tail)
      q->tail->next = chunk;
    else
      q->head = chunk;
    q->tail = chunk;
    queue_count_memory(half, sizeof *chunk + capacity, 0);
    if (pl_list_empty(&q->turn)) {
      pl_list_append(&conn->turns, &q->turn);
      pl_list_append(&conn->relay->queues, &q->all);
    }
  }
  uint8_t *at = q->tail->bytes + q->tail->end;
  q->tail->end += (uint32_t)size;
  return at;
}

/* Copies what still counts into fresh chunks and frees the old ones, one by one. The old ones stop counting first, so
 * that a full budget leaves room for the copy. Returns false when memory ran out: records are lost then, so the
 * connection is aborted. */
static bool queue_compact(pl_relay_half *half) {
  pl_relay_queue *q = half->queue;
  pl_relay_chunk *old = q->head;
  bool good = true;
  queue_count_memory(half, 0, q->memory);
  q->head = q->tail = q->scan = NULL;
  while (old) {
    pl_relay_chunk *next = old->next;
    for (uint32_t at = old->start; good && at < old->end;) {
      const uint8_t *envelope = old->bytes + at;
      size_t size = pl_relay_envelope_size(envelope);
      uint8_t *to = envelope[0] ? queue_room(half, size) : NULL;
      if (to) memcpy(to, envelope, size);
      good = to || !envelope[0];
      at += (uint32_t)size;
    }
    pl_free(old);
    old = next;
  }
  if (!good) pl_relay_conn_abort(half->conn);
  return good;
}

/* Makes room within the window, by dropping volatile envelopes if it must. Dropped ones keep their memory until their
 * turn comes, or until they are about half of the queue. */
static bool queue_make_window(pl_relay_half *half, size_t cost) {
  size_t window = pl_relay_setting_of(half->conn->relay, PL_RELAY_SET_LINK_WINDOW);
  while (half->queue->cost + cost > window)
    if (!queue_drop_volatile(half)) return false;
  return half->queue->memory <= 2 * window || queue_compact(half);
}

static pl_relay_put queue_no_room(const pl_relay_half *half, const uint8_t *envelope) {
  bool drops = envelope_is_volatile(envelope);
  half->conn->relay->stats.volatile_dropped += drops;
  return drops ? PL_RELAY_PUT_TAKEN : PL_RELAY_PUT_OVERFLOW;
}

static pl_relay_put queue_put(pl_relay_half *half, const uint8_t *envelope, size_t size) {
  uint8_t *at = queue_make_window(half, queue_cost(size)) ? queue_room(half, size) : NULL;
  if (at) {
    memcpy(at, envelope, size);
    pl_put_u32(at + 4, half->number);
    half->queue->cost += queue_cost(size);
    half->queue->volatile_count += envelope_is_volatile(envelope);
    return PL_RELAY_PUT_QUEUED;
  }
  return queue_no_room(half, envelope);
}

pl_relay_put pl_relay_out_data(pl_relay_half *half, const uint8_t *envelope, size_t size) {
  pl_relay_conn *conn = half->conn;
  pl_relay *relay = conn->relay;
  if (half->queue->head) return queue_put(half, envelope, size);
  if (pl_relay_out_size(&conn->out) >= PL_RELAY_OUT_DIRECT && !conn->blocked && relay->config.hooks.flush) {
    relay->config.hooks.flush(relay->config.user, conn);
    conn->blocked = pl_relay_out_size(&conn->out) >= PL_RELAY_OUT_DIRECT;
  }
  if (pl_relay_out_size(&conn->out) >= PL_RELAY_OUT_DIRECT || conn->control.size)
    return queue_put(half, envelope, size);
  uint8_t *at = out_envelope_room(conn, size);
  if (at) {
    memcpy(at, envelope, size);
    pl_put_u32(at + 4, half->number);
    return PL_RELAY_PUT_TAKEN;
  }
  /* Memory ran out. What is queued now goes out after the bytes that are on their way, so there must be some. */
  return pl_relay_out_size(&conn->out) ? queue_put(half, envelope, size) : queue_no_room(half, envelope);
}

size_t pl_relay_out_room(const pl_relay_half *half) {
  const pl_relay_out *out = &half->conn->out;
  size_t used = pl_relay_out_size(out), frame = out->frame_open ? out->end - out->frame_at - RESERVED : 0;
  if (half->queue->head || half->conn->control.size || used >= PL_RELAY_OUT_DIRECT) return 0;
  return PL_RELAY_OUT_DIRECT - used < FRAME_MAX - frame ? PL_RELAY_OUT_DIRECT - used : FRAME_MAX - frame;
}

uint8_t *pl_relay_out_run(pl_relay_half *half, const uint8_t *data, size_t size) {
  uint8_t *at = out_envelope_room(half->conn, size);
  if (at) memcpy(at, data, size);
  return at;
}

/* Without an output buffer, nothing waits in the queues either: see queue.h. */
bool pl_relay_out_lend_ready(const pl_relay_half *half) {
  const pl_relay_conn *conn = half->conn;
  return conn->relay->config.hooks.send && conn->state == PL_RELAY_CONN_READY && !conn->blocked && !conn->out.memory;
}

void pl_relay_out_lend(pl_relay_half *half, uint8_t *data, size_t size) {
  pl_relay_conn *conn = half->conn;
  const pl_relay_hooks *hooks = &conn->relay->config.hooks;
  size_t header = pl_ws_header_size(size, false), whole = header + size;
  uint8_t *frame = data - header;
  pl_ws_put_header(frame, PL_WS_BINARY, size, NULL);
  size_t taken = hooks->send(conn->relay->config.user, conn, (pl_view){frame, whole});
  if (taken == whole) return;
  conn->blocked = true;
  if (!pl_relay_out_frame(conn, -1, frame + taken, whole - taken)) pl_relay_conn_abort(conn);
}

bool pl_relay_out_reset(pl_relay_half *half, pl_view payload) {
  if (half->queue->head) {
    uint8_t *at = queue_room(half, PL_RELAY_HEADER + payload.size);
    if (at) {
      pl_envelope_put_header(at, PL_ENV_RESET, 0, payload.size, half->number);
      if (payload.size) memcpy(at + PL_RELAY_HEADER, payload.data, payload.size);
      half->queue->cost += queue_cost(PL_RELAY_HEADER + payload.size);
      return false;
    }
    pl_relay_queue_clear(half);
  }
  if (!pl_relay_out_control(half->conn, PL_ENV_RESET, half->number, payload, 100)) pl_relay_conn_abort(half->conn);
  return true;
}

/* ---- from the queues into the output buffer ----------------------------------------------------------- */

/* Moves the oldest envelope. Returns its bytes, or 0 when there is no room for it. */
static size_t queue_move_envelope(pl_relay_half *half) {
  pl_relay_queue *q = half->queue;
  pl_relay_chunk *chunk = q->head;
  const uint8_t *envelope = chunk->bytes + chunk->start;
  size_t size = pl_relay_envelope_size(envelope);
  if (envelope[0]) {
    uint8_t *at = out_envelope_room(half->conn, size);
    if (!at) return 0;
    memcpy(at, envelope, size);
    q->cost -= queue_cost(size);
    q->volatile_count -= envelope_is_volatile(envelope);
  }
  chunk->start += (uint32_t)size;
  if (chunk->start == chunk->end) queue_drop_chunk(half);
  return size;
}

/* Aborts a connection for which something waits while nothing is on its way, because memory ran out: nothing would
 * cause another attempt. */
static void out_refill_failed(pl_relay_conn *conn) {
  if (pl_relay_out_size(&conn->out) == 0) pl_relay_conn_abort(conn);
}

pl_relay_half *pl_relay_out_refill(pl_relay_conn *conn) {
  if (!out_refill_control(conn)) {
    out_refill_failed(conn);
    return NULL;
  }
  while (!pl_list_empty(&conn->turns) && pl_relay_out_size(&conn->out) < PL_RELAY_OUT_DIRECT) {
    pl_relay_half *half = PL_CONTAINER(conn->turns.next, pl_relay_queue, turn)->half;
    pl_relay_queue *q = half->queue;
    for (size_t moved = 0; q->head && moved < QUANTUM && pl_relay_out_size(&conn->out) < PL_RELAY_OUT_DIRECT;) {
      size_t n = queue_move_envelope(half);
      if (n == 0) { /* out of memory: the next attempt is made after more was sent */
        out_refill_failed(conn);
        return NULL;
      }
      moved += n;
    }
    pl_list_remove(&q->turn);
    if (q->head) {
      pl_list_append(&conn->turns, &q->turn);
    } else {
      pl_list_remove(&q->all);
      q->cost = q->volatile_count = 0;
      if (half->ending) return half;
    }
  }
  return NULL;
}

/* ---- the bounds, checked from outside ---------------------------------------------------------------------------- */

/* A RESET may exceed the window, and the last chunk of a queue may be as large as one envelope. */
static bool queue_holds(const pl_relay_queue *q) {
  const pl_relay_conn *conn = q->half->conn;
  size_t window = pl_relay_setting_of(conn->relay, PL_RELAY_SET_LINK_WINDOW);
  return q->cost <= window + COST_MIN + UINT8_MAX && q->memory <= 2 * window + PL_RELAY_ENVELOPE_MAX + CHUNK_MAX &&
         conn->queued <= pl_relay_setting_of(conn->relay, PL_RELAY_SET_SOCKET_QUEUE_MAX) + sizeof(pl_relay_chunk) &&
         conn->control.size <= conn->control.max && conn->out.capacity <= PL_RELAY_OUT_LARGE;
}

bool pl_relay_bounds_hold(const pl_relay *relay) {
  uint64_t outputs = (relay->stats.sockets + relay->node_count) * (uint64_t)PL_RELAY_OUT_LARGE;
  for (const pl_node *n = relay->queues.next; n != &relay->queues; n = n->next)
    if (!queue_holds(PL_CONTAINER(n, pl_relay_queue, all))) return false;
  return relay->queued_bytes <=
         pl_relay_setting_of(relay, PL_RELAY_SET_QUEUE_TOTAL_MAX) + outputs + PL_RELAY_ENVELOPE_MAX;
}
