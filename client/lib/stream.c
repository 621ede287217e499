#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/wire/wire.h"
#include "../core/ws/ws.h"

enum {
  /* Bytes of the largest message. Its frame fits one segment of a loopback interface, where a second segment of a few
   * bytes would cost as much as the first. Every envelope of a client fits but DATA, which is made to fit. */
  SEND_CAPACITY = 65408,
  READ_BYTES = 262144,
  READS_PER_TURN = 16,
  SENDS_PER_TURN = 32,
  MASKS_BYTES = 1024
};

struct pl_stream {
  uv_poll_t poll; /* watches own_fd, a duplicate, because libwebsockets watches fd itself on the same loop */
  int own_fd, fd;
  SSL *ssl;
  pl_stream_handlers on;
  pl_ws ws;
  uint8_t *in, *out;
  size_t out_start, out_size; /* the part of a frame that is not written yet */
  int events;                 /* polled for */
  bool due, blocked, closing, close_sent, ended, freed;
  bool pong_due;
  uint8_t pong[PL_WS_CONTROL_MAX];
  size_t pong_size;
  uint8_t masks[MASKS_BYTES]; /* random bytes for masks */
  size_t masks_left;
};

/* ---- the socket -------------------------------------------------------------------------------------------------- */

/* These return a number of bytes, 0 for "not now", or -1 for the end. */

static long after_ssl(pl_stream *s, int n) {
  if (n > 0) return n;
  int error = SSL_get_error(s->ssl, n);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static long after_call(ssize_t n) {
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  return n > 0 ? (long)n : -1;
}

static long read_some(pl_stream *s) {
  if (!s->ssl) return after_call(recv(s->fd, s->in, READ_BYTES, MSG_DONTWAIT));
  ERR_clear_error();
  return after_ssl(s, SSL_read(s->ssl, s->in, READ_BYTES));
}

static long write_some(pl_stream *s) {
  const uint8_t *data = s->out + s->out_start;
  if (!s->ssl) return after_call(send(s->fd, data, s->out_size, MSG_DONTWAIT | MSG_NOSIGNAL));
  ERR_clear_error();
  return after_ssl(s, SSL_write(s->ssl, data, (int)s->out_size));
}

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

/* The next message is only produced when it can be written: what waits in the socket can no longer be reordered. */
static bool is_writable(const pl_stream *s) {
  struct pollfd fd = {.fd = s->fd, .events = POLLOUT};
  return poll(&fd, 1, 0) == 1;
}

static void write_frames(pl_stream *s) {
  s->blocked = false;
  for (int i = 0; i < SENDS_PER_TURN && !s->blocked && next_frame(s);) {
    long n = write_some(s);
    if (n < 0) {
      stream_end(s, PL_ENETWORK, "the connection was lost");
      return;
    }
    s->out_start += (size_t)n;
    s->out_size -= (size_t)n;
    if (s->out_size == 0) i++;
    s->blocked = n == 0 || (s->out_size == 0 && !is_writable(s));
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
    s->on.on_alive(s->on.user);
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
    long n = read_some(s);
    if (n == 0) return;
    if (n > 0)
      stream_take(s, (size_t)n);
    else if (s->close_sent)
      stream_end(s, PL_ECLOSED, "closed");
    else
      stream_end(s, PL_ENETWORK, "the connection was lost");
    if (n < READ_BYTES && !s->ssl) return;
  }
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static void on_stream_poll(uv_poll_t *poll, int status, int events);

static void stream_watch(pl_stream *s) {
  if (s->ended || s->freed) return;
  int events = UV_READABLE | (s->blocked ? UV_WRITABLE : 0);
  if (events == s->events) return;
  s->events = events;
  (void)uv_poll_start(&s->poll, events, on_stream_poll);
}

static void on_stream_poll(uv_poll_t *poll, int status, int events) {
  pl_stream *s = PL_CONTAINER(poll, pl_stream, poll);
  if (s->ended || s->freed) return;
  if (status < 0 || events & UV_READABLE) read_frames(s);
  if (events & UV_WRITABLE && !s->ended && !s->freed) {
    s->due = true;
    s->blocked = false;
  }
  stream_watch(s);
}

bool pl_stream_is_due(const pl_stream *s) {
  return s->due && !s->blocked && !s->ended;
}

void pl_stream_turn(pl_stream *s) {
  if (!pl_stream_is_due(s)) return;
  s->due = false;
  write_frames(s);
  if (s->ended || s->freed) return;
  s->due = s->out_size || s->pong_due || (!s->close_sent && (s->closing || s->on.has_output(s->on.user)));
  stream_watch(s);
}

void pl_stream_want_write(pl_stream *s) {
  s->due = true;
}

void pl_stream_close(pl_stream *s) {
  s->closing = s->due = true;
}

/* ---- creating and freeing ---------------------------------------------------------------------------------------- */

static void stream_release(pl_stream *s) {
  if (s->own_fd >= 0) close(s->own_fd);
  pl_ws_deinit(&s->ws);
  pl_free(s->in);
  pl_free(s->out);
  pl_free(s);
}

static void on_poll_closed(uv_handle_t *handle) {
  stream_release(PL_CONTAINER((uv_poll_t *)handle, pl_stream, poll));
}

pl_stream *pl_stream_new(uv_loop_t *loop, int fd, SSL *ssl, const pl_stream_handlers *handlers) {
  pl_stream *s = pl_alloc(sizeof *s);
  if (!s) return NULL;
  s->fd = fd;
  s->ssl = ssl;
  s->on = *handlers;
  s->in = pl_realloc(NULL, READ_BYTES);
  s->out = pl_realloc(NULL, PL_WS_HEADER_MAX + SEND_CAPACITY);
  s->own_fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  pl_ws_init(&s->ws, false, false, PL_LIMIT_HIGHEST_MESSAGE_MAX);
  if (!s->in || !s->out || s->own_fd < 0 || uv_poll_init(loop, &s->poll, s->own_fd) != 0) {
    stream_release(s);
    return NULL;
  }
  stream_watch(s);
  return s;
}

/* The memory is freed once the loop has closed the handle, so handlers may call this. */
void pl_stream_free(pl_stream *s) {
  if (!s || s->freed) return;
  s->freed = true;
  s->ssl = NULL;
  uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}
