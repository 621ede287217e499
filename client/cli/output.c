#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REGULAR, OWN_PIPE, SHARED_PIPE, SOCKET, TERMINAL, OTHER };

bool chunks_append(chunks *q, const void *bytes, size_t size, uint64_t place) {
  chunk *c = malloc(sizeof *c + size);
  if (!c) return false;
  c->next = NULL;
  c->place = place;
  c->size = size;
  c->written = 0;
  if (size) memcpy(c->bytes, bytes, size);
  if (q->last)
    q->last->next = c;
  else
    q->first = c;
  q->last = c;
  return true;
}

void chunks_drop_first(chunks *q) {
  chunk *c = q->first;
  q->first = c->next;
  if (!q->first) q->last = NULL;
  free(c);
}

void chunks_deinit(chunks *q) {
  while (q->first) chunks_drop_first(q);
}

/* O_NONBLOCK belongs to the open file, which a shell or a pipeline shares. Opening a pipe again gives an open file of
 * its own. */
void output_open(output *o, int fd) {
  struct stat st;
  char path[32];
  o->fd = fd;
  o->kind = OTHER;
  if (isatty(fd)) {
    o->kind = TERMINAL;
  } else if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    o->kind = REGULAR;
  } else if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
    o->kind = SOCKET;
  } else if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    o->kind = own >= 0 && dup2(own, fd) == fd ? OWN_PIPE : SHARED_PIPE;
    if (own >= 0) close(own);
  }
}

bool output_never_waits(const output *o) {
  return o->kind == REGULAR || o->kind == OWN_PIPE || o->kind == SOCKET;
}

void output_close(output *o) {
  if (o->fd >= 0) close(o->fd);
  o->fd = -1;
}

long output_write(output *o, const uint8_t *bytes, size_t size) {
  ssize_t n;
  /* A pipe or terminal that polls as writable takes PIPE_BUF without blocking. */
  if ((o->kind == SHARED_PIPE || o->kind == TERMINAL) && size > PIPE_BUF) size = PIPE_BUF;
  if (o->kind == SOCKET)
    n = send(o->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  else
    n = write(o->fd, bytes, size);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
  return (long)n;
}
