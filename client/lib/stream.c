#include "stream.h"

#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../core/wire/wire.h"
#include "../core/ws/ws.h"
#include "stream_socket.h"

enum {
  /* Bytes of the largest message. Its frame fits one segment of a loopback interface, where a second segment of a few
   * bytes would cost as much as the first. Every envelope of a client fits but DATA, which is made to fit. */
  SEND_CAPACITY = 65408,
  READS_PER_TURN = 16,
  SENDS_PER_TURN = 32,
  MASKS_BYTES = 1024
};

struct pl_stream {
  int epoll;
  pl_stream_socket socket;
  pl_stream_handlers on;
  pl_ws ws;
  uint8_t *in, *out;
  size_t out_start, out_size; /* the part of a frame that is not written yet */
  uint32_t events;            /* that epoll reports */
  bool due, blocked, closing, close_sent, ended, freed;
  bool running; /* in a turn, which frees it at its end if need be */
  bool pong_due;
  uint8_t pong[PL_WS_CONTROL_MAX];
  size_t pong_size;
  uint8_t masks[MASKS_BYTES]; /* random bytes for masks */
  size_t masks_left;
};

static void stream_end(pl_stream *s, int error, const char *text) {
  if (s->ended) return;
  s->ended = true;
  s->on.on_end(s->on.user, error, text);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static const uint8_t *next_mask(pl_stream *s) {
  if (s->masks_left == 0) {
    randombytes_buf(s->masks, sizeof s->masks);
    s->masks_left = sizeof s->masks;
  }
  s->masks_left -= 4;
  return s->masks + s->masks_left;
}

/* Puts the header directly before the payload, which was written behind the room for the longest header. */
static void put_frame_header(pl_stream *s, int opcode, size_t size) {
  const uint8_t *mask = next_mask(s);
  size_t header = pl_ws_header_size(size, true);
  s->out_start = PL_WS_HEADER_MAX - header;
  s->out_size = header + size;
  pl_ws_put_header(s->out + s->out_start, opcode, size, mask);
  pl_ws_mask(s->out + PL_WS_HEADER_MAX, size, mask, 0);
}

static void put_close_frame(pl_stream *s, uint16_t code) {
  uint8_t *payload = s->out + PL_WS_HEADER_MAX;
  put_frame_header(s, PL_WS_CLOSE, pl_ws_put_close(payload, code, ""));
  s->close_sent = true;
}

/* Returns false when there is nothing to write. */
static bool next_frame(pl_stream *s) {
  if (s->out_size) return true;
  if (s->close_sent) return false;
  if (s->pong_due) {
    s->pong_due = false;
    memcpy(s->out + PL_WS_HEADER_MAX, s->pong, s->pong_size);
    put_frame_header(s, PL_WS_PONG, s->pong_size);
    return true;
  }
  size_t n = s->on.produce(s->on.user, s->out + PL_WS_HEADER_MAX, SEND_CAPACITY);
  if (s->freed || s->ended) return false;
  if (n)
    put_frame_header(s, PL_WS_BINARY, n);
  else if (s->closing)
    put_close_frame(s, PL_WS_CODE_NORMAL);
  return s->out_size > 0;
}

static bool is_writable(const pl_stream *s) {
  struct pollfd fd = {.fd = s->socket.fd, .events = POLLOUT};
  return poll(&fd, 1, 0) == 1;
}

/* Writes what is left of the frame. Returns the number of bytes taken, 0 for "not now", or -1 for the end. */
static long write_some(pl_stream *s) {
  return pl_stream_socket_write(&s->socket, s->out + s->out_start, s->out_size);
}

static void write_frames(pl_stream *s) {
  if (!pl_stream_socket_flush(&s->socket)) {
    stream_end(s, PL_ENETWORK, "the connection was lost");
    return;
  }
  s->blocked = pl_stream_socket_waits(&s->socket);
  for (int i = 0; i < SENDS_PER_TURN && !s->blocked && next_frame(s);) {
    long n = write_some(s);
    if (n < 0) {
      stream_end(s, PL_ENETWORK, "the connection was lost");
      return;
    }
    s->out_start += (size_t)n;
    s->out_size -= (size_t)n;
    if (s->out_size == 0) i++;
    /* The next message is only produced when it can be written: what waits in the socket can no longer be reordered. */
    bool waits = pl_stream_socket_waits(&s->socket);
    s->blocked = n == 0 || waits || (s->out_size == 0 && !is_writable(s));
  }
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void refuse_frame(pl_stream *s, int error) {
  const char *text = s->ws.close_code == PL_WS_CODE_UNSUPPORTED ? "the relay sent text"
                     : s->ws.close_code == PL_WS_CODE_TOO_BIG   ? "the relay sent a message that is too large"
                                                                : "the relay sent invalid WebSocket frames";
  if (s->out_size == 0 && !s->close_sent) {
    put_close_frame(s, s->ws.close_code);
    (void)write_some(s);
  }
  stream_end(s, error == PL_ENOMEM ? PL_ENOMEM : PL_EPROTOCOL, text);
}

static void on_stream_frame(pl_stream *s, const pl_ws_event *e) {
  if (e->type == PL_WS_BINARY) {
    if (!s->close_sent) s->on.on_message(s->on.user, e->data, e->size);
  } else if (e->type == PL_WS_PING) {
    memcpy(s->pong, e->data, e->size);
    s->pong_size = e->size;
    s->pong_due = s->due = true;
  } else if (e->type == PL_WS_CLOSE && s->close_sent) {
    stream_end(s, PL_ECLOSED, "closed");
  } else if (e->type == PL_WS_CLOSE) {
    if (s->out_size == 0) {
      put_close_frame(s, e->close_code);
      (void)write_some(s);
    }
    stream_end(s, PL_ENETWORK, "the connection was lost");
  }
}

static void stream_take(pl_stream *s, size_t size) {
  uint8_t *at = s->in;
  pl_ws_event event;
  int rc;
  while (!s->ended && !s->freed && (rc = pl_ws_read(&s->ws, &at, &size, &event)) != 0) {
    if (rc < 0)
      refuse_frame(s, rc);
    else
      on_stream_frame(s, &event);
  }
}

static void read_frames(pl_stream *s) {
  for (int i = 0; i < READS_PER_TURN && !s->ended && !s->freed; i++) {
    size_t n = pl_stream_socket_read(&s->socket, s->in);
    bool drained = s->socket.drained, ended = s->socket.ended;
    stream_take(s, n);
    if (s->freed) return;
    if (ended && s->close_sent)
      stream_end(s, PL_ECLOSED, "closed");
    else if (ended)
      stream_end(s, PL_ENETWORK, "the connection was lost");
    if (drained) break;
  }
  if (!s->freed && pl_stream_socket_waits(&s->socket)) s->blocked = true;
}

/* ---- freeing ----------------------------------------------------------------------------------------------------- */

static void stream_release(pl_stream *s) {
  if (s->events) (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->socket.fd, NULL);
  pl_stream_socket_deinit(&s->socket);
  pl_ws_deinit(&s->ws);
  pl_free(s->in);
  pl_free(s->out);
  pl_free(s);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static void stream_watch(pl_stream *s) {
  struct epoll_event event = {.events = EPOLLIN | (s->blocked ? (uint32_t)EPOLLOUT : 0)};
  if (s->ended || s->freed || event.events == s->events) return;
  if (epoll_ctl(s->epoll, s->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->socket.fd, &event) == 0)
    s->events = event.events;
}

bool pl_stream_is_due(const pl_stream *s) {
  return s->due && !s->blocked && !s->ended;
}

static void stream_turn(pl_stream *s) {
  read_frames(s);
  if (s->ended || s->freed) return;
  if (s->blocked && is_writable(s)) {
    s->due = true;
    s->blocked = false;
  }
  if (pl_stream_is_due(s)) {
    s->due = false;
    write_frames(s);
    if (s->ended || s->freed) return;
    s->due = s->out_size || (!s->close_sent && (s->pong_due || s->closing || s->on.has_output(s->on.user)));
  }
  stream_watch(s);
}

void pl_stream_turn(pl_stream *s) {
  if (s->ended) return;
  s->running = true;
  stream_turn(s);
  s->running = false;
  if (s->freed) stream_release(s);
}

void pl_stream_want_write(pl_stream *s) {
  s->due = true;
}

void pl_stream_close(pl_stream *s) {
  s->closing = s->due = true;
}

/* ---- creating and freeing ---------------------------------------------------------------------------------------- */

pl_stream *pl_stream_new(int epoll, int take_fd, SSL *take_ssl, const pl_stream_handlers *handlers) {
  pl_stream *s = pl_alloc(sizeof *s);
  if (!s) {
    SSL_free(take_ssl);
    close(take_fd);
    return NULL;
  }
  s->epoll = epoll;
  s->on = *handlers;
  s->in = pl_realloc(NULL, PL_STREAM_SOCKET_READ);
  s->out = pl_realloc(NULL, PL_WS_HEADER_MAX + SEND_CAPACITY);
  pl_ws_init(&s->ws, false, false, PL_LIMIT_HIGHEST_MESSAGE_MAX);
  int error = pl_stream_socket_init(&s->socket, take_fd, take_ssl);
  stream_watch(s);
  if (!error && s->in && s->out && s->events) return s;
  stream_release(s);
  return NULL;
}

/* Handlers may call this, so a turn frees the memory when it ends. */
void pl_stream_free(pl_stream *s) {
  if (!s || s->freed) return;
  s->freed = true;
  if (!s->running) stream_release(s);
}

void pl_stream_detach(pl_stream *s, int nowhere) {
  pl_stream_socket_detach(&s->socket, nowhere);
}
