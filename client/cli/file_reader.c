#include "file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_stat.h"
#include "file_thread.h"

enum { SLOT_BYTES = PL_TRANSFER_HEAD_BYTES + PL_CONST_FILE_PIECE_BYTES };

struct file_reader {
  file_thread thread;
  int stop_fd; /* readable when the thread is to end */
  /* Counts since the start, not places in the ring: first ≤ seen ≤ done ≤ end ≤ first + FILE_READ_AHEAD. seen is the
   * value of done when the main thread last looked; thread.done_fd is readable while seen < done. */
  size_t first, seen, done, end;
  file_piece pieces[FILE_READ_AHEAD];
  uint8_t *memory;
};

/* ---- files -------------------------------------------------------------------------------------------- */

static bool is_still_the_same(const file_source *s) {
  struct stat st;
  return fstat(s->fd, &st) == 0 && (uint64_t)st.st_size == s->size && file_mtime_ns(&st) == s->mtime_ns;
}

static uint8_t open_source(file_source *s) {
  if (!s->hash) s->hash = file_hash_new();
  if (!s->hash) return PL_CONST_FILE_UNREADABLE;
  if (!s->path || s->fd >= 0) return 0;
  s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (s->fd < 0) return errno == ENOENT ? PL_CONST_FILE_CHANGED : PL_CONST_FILE_UNREADABLE;
  return is_still_the_same(s) ? 0 : PL_CONST_FILE_CHANGED;
}

static uint8_t read_whole(const file_source *s, uint8_t *out, size_t size, uint64_t offset) {
  while (size) {
    ssize_t n = pread(s->fd, out, size, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return PL_CONST_FILE_UNREADABLE;
    if (n == 0) return PL_CONST_FILE_CHANGED;
    out += n;
    offset += (uint64_t)n;
    size -= (size_t)n;
  }
  return 0;
}

/* Continues the hash up to `to`, with `bytes` where they cover it, else with the file. */
static uint8_t hash_to(file_source *s, uint64_t to, const uint8_t *bytes, uint64_t bytes_at) {
  if (s->hashed_to >= to) return 0;
  if (s->hashed_to < bytes_at || !bytes) {
    uint64_t until = bytes ? bytes_at : to;
    if (file_hash_range(s->hash, s->fd, s->hashed_to, until)) return PL_CONST_FILE_UNREADABLE;
    s->hashed_to = until;
  }
  if (s->hashed_to < to &&
      EVP_DigestUpdate(s->hash, bytes + (s->hashed_to - bytes_at), (size_t)(to - s->hashed_to)) != 1)
    return PL_CONST_FILE_UNREADABLE;
  s->hashed_to = to;
  return 0;
}

/* ---- a stream ----------------------------------------------------------------------------------------- */

/* Copies bytes of a stream that were read before, from `offset` on. Returns how many; 0: they are not kept. */
static size_t from_kept(file_reader *r, const file_source *s, uint64_t offset, uint8_t *out, size_t size) {
  size_t n = 0;
  pthread_mutex_lock(&r->thread.mutex);
  for (const file_kept *k = s->kept; k && n == 0; k = k->next) {
    if (offset < k->offset || offset >= k->offset + k->size) continue;
    n = k->size - (size_t)(offset - k->offset);
    if (n > size) n = size;
    memcpy(out, k->bytes + (offset - k->offset), n);
  }
  pthread_mutex_unlock(&r->thread.mutex);
  return n;
}

static bool keep_stream_bytes(file_reader *r, file_source *s, const uint8_t *bytes, size_t size) {
  file_kept *k = malloc(sizeof *k + size);
  if (!k) return false;
  k->next = NULL;
  k->offset = s->stream_to;
  k->size = size;
  memcpy(k->bytes, bytes, size);
  pthread_mutex_lock(&r->thread.mutex);
  if (s->last_kept)
    s->last_kept->next = k;
  else
    s->kept = k;
  s->last_kept = k;
  pthread_mutex_unlock(&r->thread.mutex);
  return true;
}

/* Reads standard input. It may stay silent for long, so stop_fd interrupts the wait. */
static ssize_t read_stdin(const file_reader *r, uint8_t *out, size_t size) {
  for (;;) {
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = r->stop_fd, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return -1;
    if (fds[1].revents) return -1;
    if (!fds[0].revents) continue;
    ssize_t n = read(STDIN_FILENO, out, size);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    return n;
  }
}

/* Fills a piece with what one read gives. */
static uint8_t read_stream(file_reader *r, file_piece *p) {
  file_source *s = p->source;
  p->size = from_kept(r, s, p->want.offset, p->bytes, p->want.size);
  if (p->size) return 0;
  if (p->want.offset != s->stream_to) return PL_CONST_FILE_CHANGED;
  ssize_t n = s->stream_ended ? 0 : read_stdin(r, p->bytes, p->want.size);
  if (n < 0) return PL_CONST_FILE_UNREADABLE;
  s->stream_ended = n == 0;
  p->size = (size_t)n;
  if (n == 0) return 0;
  if (EVP_DigestUpdate(s->hash, p->bytes, p->size) != 1 || !keep_stream_bytes(r, s, p->bytes, p->size))
    return PL_CONST_FILE_UNREADABLE;
  s->stream_to += p->size;
  s->hashed_to = s->stream_to;
  return 0;
}

void file_reader_forget(file_reader *r, file_source *s, uint64_t before) {
  pthread_mutex_lock(&r->thread.mutex);
  while (s->kept && s->kept->offset + s->kept->size <= before) {
    file_kept *k = s->kept;
    s->kept = k->next;
    if (!s->kept) s->last_kept = NULL;
    free(k);
  }
  pthread_mutex_unlock(&r->thread.mutex);
}

/* ---- the thread --------------------------------------------------------------------------------------- */

static uint8_t end_hash(file_piece *p) {
  file_source *s = p->source;
  if (!s->hashed) {
    uint8_t why = s->path ? hash_to(s, s->size, NULL, 0) : 0;
    if (why) return why;
    if (s->path && !is_still_the_same(s)) return PL_CONST_FILE_CHANGED;
    if (!file_hash_end(s->hash, s->sha256)) return PL_CONST_FILE_UNREADABLE;
    s->hashed = true;
  }
  p->type = PL_TRANSFER_READ_END;
  return 0;
}

static uint8_t read_piece(file_reader *r, file_piece *p) {
  file_source *s = p->source;
  uint8_t why = open_source(s);
  if (why) return why;
  if (p->want.end) return end_hash(p);
  p->type = PL_TRANSFER_READ;
  if (!s->path) {
    why = read_stream(r, p);
    return why || p->size ? why : end_hash(p);
  }
  p->size = p->want.size;
  why = read_whole(s, p->bytes, p->size, p->want.offset);
  return why ? why : hash_to(s, p->want.offset + p->size, p->bytes, p->want.offset);
}

static void *reader_run(void *context) {
  file_reader *r = context;
  pthread_mutex_lock(&r->thread.mutex);
  for (;;) {
    while (!r->thread.stop && r->done == r->end) pthread_cond_wait(&r->thread.given, &r->thread.mutex);
    if (r->thread.stop) break;
    file_piece *p = &r->pieces[r->done % FILE_READ_AHEAD];
    pthread_mutex_unlock(&r->thread.mutex);
    errno = 0;
    p->why = read_piece(r, p);
    if (p->why) p->type = PL_TRANSFER_READ_FAILED;
    p->no_memory = p->why && errno == ENOMEM;
    pthread_mutex_lock(&r->thread.mutex);
    if (r->seen == r->done) (void)eventfd_write(r->thread.done_fd, 1);
    r->done++;
  }
  pthread_mutex_unlock(&r->thread.mutex);
  return NULL;
}

/* ---- the main thread's side --------------------------------------------------------------------------- */

static void reader_destroy(file_reader *r) {
  if (r->stop_fd >= 0) close(r->stop_fd);
  free(r->memory);
  free(r);
}

file_reader *file_reader_new(void) {
  file_reader *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int error = r->stop_fd < 0 ? errno : 0;
  r->memory = malloc((size_t)FILE_READ_AHEAD * SLOT_BYTES);
  for (size_t i = 0; r->memory && i < FILE_READ_AHEAD; i++)
    r->pieces[i].bytes = r->memory + i * SLOT_BYTES + PL_TRANSFER_HEAD_BYTES;
  if (!r->memory) error = ENOMEM;
  if (!error) error = file_thread_start(&r->thread, reader_run, r);
  if (!error) return r;
  reader_destroy(r);
  errno = error;
  return NULL;
}

void file_reader_free(file_reader *r) {
  if (!r) return;
  (void)eventfd_write(r->stop_fd, 1); /* interrupts the wait for a pipe */
  file_thread_end(&r->thread);
  reader_destroy(r);
}

int file_reader_fd(const file_reader *r) {
  return r->thread.done_fd;
}

/* Needs no lock: only the main thread changes `first` and `end`. */
bool file_reader_has_room(const file_reader *r) {
  return r->end - r->first < FILE_READ_AHEAD;
}

void file_reader_ask(file_reader *r, file_source *source, const pl_transfer_want *want) {
  file_piece *p = &r->pieces[r->end % FILE_READ_AHEAD];
  p->source = source;
  p->want = *want;
  p->size = 0;
  p->why = 0;
  source->pending++;
  pthread_mutex_lock(&r->thread.mutex);
  r->end++;
  pthread_cond_signal(&r->thread.given);
  pthread_mutex_unlock(&r->thread.mutex);
}

static void look_for_done(file_reader *r) {
  eventfd_t count;
  pthread_mutex_lock(&r->thread.mutex);
  if (r->seen < r->done) (void)eventfd_read(r->thread.done_fd, &count);
  r->seen = r->done;
  pthread_mutex_unlock(&r->thread.mutex);
}

file_piece *file_reader_first(file_reader *r) {
  look_for_done(r);
  return r->first < r->seen ? &r->pieces[r->first % FILE_READ_AHEAD] : NULL;
}

void file_reader_drop(file_reader *r) {
  r->pieces[r->first++ % FILE_READ_AHEAD].source->pending--;
}

void file_source_close(file_source *s) {
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
  EVP_MD_CTX_free(s->hash);
  s->hash = NULL;
  s->hashed_to = 0;
  while (s->kept) {
    file_kept *k = s->kept;
    s->kept = k->next;
    free(k);
  }
  s->last_kept = NULL;
}
