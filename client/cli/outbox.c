/* Both files are journals: records of length ‖ checksum ‖ body are appended, and each start rewrites the file without
 * the records that are no longer needed.
 *
 * Outbox: body = 'T' ‖ ID ‖ Unix ms u64 when the next message was written, 'M' ‖ ID ‖ text for a message, 'D' ‖ ID once
 * it was delivered. Seen: body = ID. A 'D' is not synced: when a crash loses it, the message is sent once more, and the
 * contact recognizes its ID. */
#include "outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/wire/wire.h"
#include "../lib/private_file.h"

enum {
  HEAD = 8,
  TIME_BODY = 1 + OUTBOX_ID_BYTES + 8,
  BODY_MAX = 1 + OUTBOX_ID_BYTES + OUTBOX_TEXT_MAX,
  JOURNAL_MAX = 64 << 20,
  SEEN_REWRITE = 16384
};

static uint32_t record_checksum(const uint8_t *body, size_t size) {
  uint8_t hash[crypto_generichash_BYTES_MIN];
  crypto_generichash(hash, sizeof hash, body, size, NULL, 0);
  return pl_get_u32(hash);
}

/* ---- one journal -------------------------------------------------------------------------------------- */

/* Appends a record in one write, so that a crash leaves a prefix of it at most. */
static int append_record(int fd, const uint8_t *body, size_t size, char *why) {
  uint8_t record[HEAD + BODY_MAX];
  pl_put_u32(record, (uint32_t)size);
  pl_put_u32(record + 4, record_checksum(body, size));
  memcpy(record + HEAD, body, size);
  off_t end = lseek(fd, 0, SEEK_END);
  if (end >= 0 && pl_file_write_all(fd, record, HEAD + size) == 0) return 0;
  int error = pl_why(why, PL_EIO, "cannot write the outbox: %s", strerror(errno));
  if (end >= 0 && ftruncate(fd, end) != 0) return error; /* half a record would hide all later ones */
  return error;
}

/* Reads a whole file. A missing file counts as empty. */
static int read_records(const char *path, uint8_t **out, size_t *size, char *why) {
  int error = pl_file_read(path, 077, JOURNAL_MAX, out, size, why);
  return error == PL_ESTATE ? 0 : error;
}

/* Sets *body to the next whole record. Returns false at the end, or at the first record that is torn. */
static bool next_record(pl_view *rest, pl_view *body) {
  if (!rest->data || rest->size < HEAD) return false;
  size_t size = pl_get_u32(rest->data);
  if (size == 0 || size > BODY_MAX || size > rest->size - HEAD) return false;
  *body = (pl_view){rest->data + HEAD, size};
  if (record_checksum(body->data, size) != pl_get_u32(rest->data + 4)) return false;
  rest->data += HEAD + size;
  rest->size -= HEAD + size;
  return true;
}

static int open_to_append(const char *path, char *why) {
  int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) (void)pl_why(why, 0, "cannot open %s: %s", path, strerror(errno));
  return fd;
}

/* ---- messages and IDs in memory ----------------------------------------------------------------------- */

static uint64_t unix_ms(void) {
  struct timespec now;
  return clock_gettime(CLOCK_REALTIME, &now) == 0 ? (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 : 0;
}

static int keep_message(outbox *o, const uint8_t id[OUTBOX_ID_BYTES], uint64_t written_ms, pl_view text) {
  outbox_message *m = calloc(1, sizeof *m + text.size + 1);
  if (!m) return PL_ENOMEM;
  memcpy(m->id, id, OUTBOX_ID_BYTES);
  m->written_ms = written_ms;
  m->size = text.size;
  if (text.size) memcpy(m->text, text.data, text.size);
  if (o->last)
    o->last->next = m;
  else
    o->first = m;
  o->last = m;
  o->count++;
  o->bytes += text.size;
  return 0;
}

static void drop_message(outbox *o, const uint8_t id[OUTBOX_ID_BYTES]) {
  outbox_message *before = NULL;
  for (outbox_message *m = o->first; m; before = m, m = m->next) {
    if (memcmp(m->id, id, OUTBOX_ID_BYTES) != 0) continue;
    if (before)
      before->next = m->next;
    else
      o->first = m->next;
    if (o->last == m) o->last = before;
    o->count--;
    o->bytes -= m->size;
    free(m);
    return;
  }
}

static void note_seen(outbox *o, const uint8_t id[OUTBOX_ID_BYTES]) {
  memcpy(o->seen[o->seen_next], id, OUTBOX_ID_BYTES);
  o->seen_next = (o->seen_next + 1) % OUTBOX_SEEN_MAX;
  if (o->seen_count < OUTBOX_SEEN_MAX) o->seen_count++;
}

static size_t put_message(uint8_t *body, const outbox_message *m) {
  body[0] = 'M';
  memcpy(body + 1, m->id, OUTBOX_ID_BYTES);
  memcpy(body + 1 + OUTBOX_ID_BYTES, m->text, m->size);
  return 1 + OUTBOX_ID_BYTES + m->size;
}

static size_t put_time(uint8_t *body, const outbox_message *m) {
  body[0] = 'T';
  memcpy(body + 1, m->id, OUTBOX_ID_BYTES);
  pl_put_u64(body + 1 + OUTBOX_ID_BYTES, m->written_ms);
  return TIME_BODY;
}

static uint8_t *put_record(uint8_t *at, size_t body_size) {
  pl_put_u32(at, (uint32_t)body_size);
  pl_put_u32(at + 4, record_checksum(at + HEAD, body_size));
  return at + HEAD + body_size;
}

static int write_outbox(outbox *o, char *why) {
  uint8_t *all = malloc(o->bytes + o->count * (HEAD + TIME_BODY + HEAD + 1 + OUTBOX_ID_BYTES) + 1), *at = all;
  if (!all) return PL_ENOMEM;
  for (const outbox_message *m = o->first; m; m = m->next) {
    if (m->written_ms) at = put_record(at, put_time(at + HEAD, m));
    at = put_record(at, put_message(at + HEAD, m));
  }
  int error = pl_file_put(o->path, all, (size_t)(at - all), true, why);
  free(all);
  o->written = 0;
  if (error) return error;
  if (o->fd >= 0) close(o->fd);
  o->fd = open_to_append(o->path, why);
  return o->fd < 0 ? PL_EIO : 0;
}

static int write_seen(outbox *o, char *why) {
  static uint8_t all[OUTBOX_SEEN_MAX * (HEAD + OUTBOX_ID_BYTES)];
  uint8_t *at = all;
  for (size_t i = 0; i < o->seen_count; i++) {
    size_t oldest = o->seen_count < OUTBOX_SEEN_MAX ? 0 : o->seen_next;
    memcpy(at + HEAD, o->seen[(oldest + i) % OUTBOX_SEEN_MAX], OUTBOX_ID_BYTES);
    at = put_record(at, OUTBOX_ID_BYTES);
  }
  int error = pl_file_put(o->seen_path, all, (size_t)(at - all), true, why);
  if (error) return error;
  if (o->seen_fd >= 0) close(o->seen_fd);
  o->seen_written = 0;
  o->seen_fd = open_to_append(o->seen_path, why);
  return o->seen_fd < 0 ? PL_EIO : 0;
}

/* ---- opening ------------------------------------------------------------------------------------------ */

/* time: the last 'T' before this record, or empty. */
static int load_record(outbox *o, pl_view body, pl_view *time) {
  enum { TEXT = 1 + OUTBOX_ID_BYTES };
  if (body.size < TEXT) return 0;
  if (body.data[0] == 'D') drop_message(o, body.data + 1);
  if (body.data[0] == 'T' && body.size == TIME_BODY) *time = body;
  if (body.data[0] != 'M') return 0;
  bool dated = time->size && memcmp(time->data + 1, body.data + 1, OUTBOX_ID_BYTES) == 0;
  return keep_message(o, body.data + 1, dated ? pl_get_u64(time->data + TEXT) : 0,
                      (pl_view){body.data + TEXT, body.size - TEXT});
}

static int load_outbox(outbox *o, char *why) {
  uint8_t *all;
  pl_view rest, body, time = {0};
  int error = read_records(o->path, &all, &rest.size, why);
  rest.data = all;
  while (!error && next_record(&rest, &body)) error = load_record(o, body, &time);
  free(all);
  return error ? error : write_outbox(o, why);
}

static int load_seen(outbox *o, char *why) {
  uint8_t *all;
  pl_view rest, body;
  int error = read_records(o->seen_path, &all, &rest.size, why);
  rest.data = all;
  while (!error && next_record(&rest, &body))
    if (body.size == OUTBOX_ID_BYTES) note_seen(o, body.data);
  free(all);
  return error ? error : write_seen(o, why);
}

/* Two programs with the same outbox would both send it. */
static int lock_outbox(outbox *o, char *why) {
  int error = pl_file_lock(o->path, false, &o->lock_fd, why);
  return error == PL_ESTATE ? pl_why(why, PL_ESTATE, "a chat with this contact is already running") : error;
}

int outbox_open(outbox *o, const char *own_id, const char *peer_id, char why[PL_WHY_MAX]) {
  char name[160];
  memset(o, 0, sizeof *o);
  o->lock_fd = o->fd = o->seen_fd = -1;
  snprintf(name, sizeof name, "outbox/%s-%s", own_id, peer_id);
  o->path = pl_path_of(NULL, "XDG_STATE_HOME", ".local/state", name, why);
  if (!o->path) return pl_path_error(PL_EIO);
  if (asprintf(&o->seen_path, "%s.seen", o->path) < 0) o->seen_path = NULL;
  int error = o->seen_path ? pl_folders_for(o->path, why) : PL_ENOMEM;
  if (!error) error = lock_outbox(o, why);
  if (!error) error = load_outbox(o, why);
  if (!error) error = load_seen(o, why);
  return error;
}

static void close_one(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

void outbox_close(outbox *o) {
  while (o->first) {
    outbox_message *m = o->first;
    o->first = m->next;
    free(m);
  }
  close_one(&o->fd);
  close_one(&o->seen_fd);
  close_one(&o->lock_fd);
  free(o->path);
  free(o->seen_path);
  o->path = o->seen_path = NULL;
}

/* ---- use ---------------------------------------------------------------------------------------------- */

int outbox_add(outbox *o, const char *text, size_t size, char why[PL_WHY_MAX]) {
  uint8_t id[OUTBOX_ID_BYTES], body[BODY_MAX];
  if (size > OUTBOX_TEXT_MAX) return PL_EMSGSIZE;
  randombytes_buf(id, sizeof id);
  int error = keep_message(o, id, unix_ms(), (pl_view){(const uint8_t *)text, size});
  if (error) return error;
  error = append_record(o->fd, body, put_time(body, o->last), why);
  if (!error) error = append_record(o->fd, body, put_message(body, o->last), why);
  if (error) drop_message(o, id);
  return error;
}

int outbox_sync(outbox *o, char why[PL_WHY_MAX]) {
  return fdatasync(o->fd) == 0 ? 0 : pl_why(why, PL_EIO, "cannot write %s: %s", o->path, strerror(errno));
}

void outbox_delivered(outbox *o, outbox_message *m) {
  uint8_t body[1 + OUTBOX_ID_BYTES] = {'D'};
  memcpy(body + 1, m->id, OUTBOX_ID_BYTES);
  (void)append_record(o->fd, body, sizeof body, NULL);
  o->written += HEAD + 1 + OUTBOX_ID_BYTES + m->size;
  drop_message(o, body + 1);
  if (o->written > OUTBOX_FULL_BYTES && !o->first) (void)write_outbox(o, NULL);
}

bool outbox_is_late(const outbox_message *m) {
  uint64_t now = unix_ms();
  return m->written_ms && now > m->written_ms && now - m->written_ms >= PL_CONST_CHAT_LATE_MS;
}

bool outbox_is_full(const outbox *o) {
  return o->bytes + o->count * 64 >= OUTBOX_FULL_BYTES;
}

bool outbox_seen(const outbox *o, const uint8_t id[OUTBOX_ID_BYTES]) {
  for (size_t i = 0; i < o->seen_count; i++)
    if (memcmp(o->seen[i], id, OUTBOX_ID_BYTES) == 0) return true;
  return false;
}

int outbox_remember(outbox *o, const uint8_t id[OUTBOX_ID_BYTES], char why[PL_WHY_MAX]) {
  note_seen(o, id);
  if (++o->seen_written > SEEN_REWRITE) return write_seen(o, why);
  return append_record(o->seen_fd, id, OUTBOX_ID_BYTES, why);
}
