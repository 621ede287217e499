/* Outgoing files: offered, read, sent. */
#include <string.h>

#include "transfer_internal.h"

bool pl_transfer_has_room(const pl_transfer *t, const uint8_t *group) {
  return t->count[1] < PL_TRANSFER_FILES_MAX && pl_transfer_group_open(t, group) < PL_TRANSFER_GROUP_OPEN_MAX;
}

int pl_transfer_add(pl_transfer *t, const pl_transfer_file *file) {
  if (file->name.size == 0 || file->name.size > 1024 || file->media_type.size > 127) return PL_EINVAL;
  if (file->modified_ns > INT64_MAX) return PL_EINVAL;
  if (pl_transfer_entry_find(t, true, file->id)) return PL_ESTATE;
  if (!pl_transfer_has_room(t, file->group)) return PL_EAGAIN;
  pl_transfer_file like = *file;
  like.outgoing = true;
  if (like.flags & (PL_CONST_FILE_FLAG_STREAM | PL_CONST_FILE_FLAG_FOLDER)) like.size = 0;
  pl_transfer_entry *e = pl_transfer_entry_new(t, &like);
  if (!e) return PL_ENOMEM;
  pl_transfer_say_offer(t, e);
  return 0;
}

/* ---- what to read ---- */

/* Makes all wants that are out stale, and reads again from what is sent next. */
static void entry_read_again(pl_transfer_entry *e) {
  e->generation++;
  e->read_to = e->next;
  e->want_open = false;
}

void pl_transfer_restart_sending(pl_transfer_entry *e) {
  entry_read_again(e);
  e->allowed = false;
  e->file.state = PL_TRANSFER_ASKING;
  pl_list_remove(&e->sending);
}

static bool entry_may_send(const pl_transfer_entry *e) {
  return e->allowed && e->file.state == PL_TRANSFER_MOVING && !e->file.held_here && !e->file.held_there;
}

static pl_transfer_entry *entry_to_read(pl_transfer *t) {
  pl_transfer_entry *ready[PL_TRANSFER_AT_ONCE];
  size_t count = 0;
  for (pl_node *n = t->sending.next; n != &t->sending && count < PL_TRANSFER_AT_ONCE; n = n->next) {
    pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, sending);
    if (entry_may_send(e) && !e->want_open) ready[count++] = e;
  }
  return count ? ready[t->turn++ % count] : NULL;
}

int pl_transfer_message_max(pl_transfer *t, uint64_t size) {
  if (size <= PL_TRANSFER_HEAD_BYTES) return PL_EINVAL;
  uint64_t piece = size - PL_TRANSFER_HEAD_BYTES;
  t->piece = piece < PL_CONST_FILE_PIECE_BYTES ? (uint32_t)piece : PL_CONST_FILE_PIECE_BYTES;
  return 0;
}

bool pl_transfer_next_want(pl_transfer *t, pl_transfer_want *out) {
  pl_transfer_entry *e = entry_to_read(t);
  if (!e) return false;
  *out = (pl_transfer_want){.file = &e->file, .generation = e->generation, .offset = e->read_to};
  memcpy(out->id, e->file.id, sizeof out->id);
  uint64_t left = pl_transfer_is_stream(e) ? t->piece : e->file.size - e->read_to;
  out->size = left < t->piece ? (uint32_t)left : t->piece;
  out->end = left == 0;
  e->want_open = out->end || pl_transfer_is_stream(e);
  e->read_to += out->size;
  return true;
}

/* ---- what was read ---- */

/* Returns the file when this is still what goes out next, or NULL. A file that was held meanwhile is read again later.
 */
static pl_transfer_entry *entry_of_want(pl_transfer *t, const pl_transfer_want *want) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, true, want->id);
  if (!e || want->generation != e->generation || want->offset != e->next) return NULL;
  if (entry_may_send(e)) return e;
  entry_read_again(e);
  return NULL;
}

int pl_transfer_read(pl_transfer *t, const pl_transfer_want *want, pl_view data) {
  uint8_t head[PL_TRANSFER_HEAD_BYTES];
  pl_transfer_entry *e = entry_of_want(t, want);
  if (!e) return 0;
  if (data.size == 0 || data.size > want->size) return PL_EINVAL;
  if (data.size > t->piece) { /* the peer takes smaller messages than when this piece was asked for */
    entry_read_again(e);
    return 0;
  }
  pl_wire_file_data m = {.type = PL_CONST_FILE_DATA, .offset = e->next};
  memcpy(m.id, e->file.id, sizeof m.id);
  int n = pl_wire_file_data_encode(&m, head, sizeof head);
  if (n < 0) return n;
  int error = t->sink.send(t->sink.context, head, (size_t)n, data);
  if (error == PL_EMSGSIZE && data.size > t->piece) {
    entry_read_again(e);
    return 0;
  }
  if (error) return error;
  e->next += data.size;
  if (pl_transfer_is_stream(e)) {
    e->want_open = false;
    e->read_to = e->next;
  } else if (data.size < want->size) {
    entry_read_again(e);
  }
  return 0;
}

int pl_transfer_read_end(pl_transfer *t, const pl_transfer_want *want, const uint8_t sha256[32]) {
  uint8_t bytes[64];
  pl_transfer_entry *e = entry_of_want(t, want);
  if (!e) return 0;
  if (!pl_transfer_is_stream(e) && !want->end) return PL_EINVAL;
  pl_wire_file_end m = {.type = PL_CONST_FILE_END, .size = e->next};
  memcpy(m.id, e->file.id, sizeof m.id);
  memcpy(m.sha256, sha256, sizeof m.sha256);
  int n = pl_wire_file_end_encode(&m, bytes, sizeof bytes);
  if (n < 0) return n;
  int error = t->sink.send(t->sink.context, bytes, (size_t)n, (pl_view){NULL, 0});
  if (error) return error;
  e->file.size = e->next;
  e->file.state = PL_TRANSFER_ENDING;
  e->want_open = false;
  pl_list_remove(&e->sending);
  return 0;
}

/* ---- what the peer says ---- */

static bool entry_can_resume_at(const pl_transfer_entry *e, uint64_t offset) {
  if (pl_transfer_is_stream(e)) return offset >= e->kept_from && offset <= e->next;
  return offset <= e->file.size;
}

void pl_transfer_on_get(pl_transfer *t, pl_transfer_entry *e, pl_view message) {
  pl_wire_file_get m;
  if (pl_wire_file_get_decode(&m, message.data, message.size)) return;
  if (!e)
    pl_transfer_say_last(t, PL_CONST_FILE_STOP, m.id, PL_CONST_FILE_CANCELLED); /* its end and this message crossed */
  if (!e || e->file.flags & PL_CONST_FILE_FLAG_FOLDER) return;
  if (!entry_can_resume_at(e, m.offset)) {
    pl_transfer_say_last(t, PL_CONST_FILE_STOP, m.id, PL_CONST_FILE_CHANGED);
    pl_transfer_over(t, e, PL_CONST_FILE_CHANGED, false);
    return;
  }
  bool in_place = e->allowed && e->file.state == PL_TRANSFER_MOVING && m.offset == e->next;
  if (!in_place) {
    e->next = m.offset;
    entry_read_again(e);
  }
  e->allowed = true;
  e->file.held_there = 0;
  e->file.state = PL_TRANSFER_MOVING;
  if (pl_list_empty(&e->sending)) pl_list_append(&t->sending, &e->sending);
  e->file.stored = m.offset;
  pl_transfer_tell(t, e);
}

void pl_transfer_on_saved(pl_transfer *t, pl_transfer_entry *e, pl_view message) {
  pl_wire_file_saved m;
  if (!e || pl_wire_file_saved_decode(&m, message.data, message.size)) return;
  e->file.stored = pl_transfer_is_stream(e) ? e->next : e->file.size;
  pl_transfer_over(t, e, 0, true);
}

/* ---- what the owner says ---- */

int pl_transfer_taken(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  (void)t;
  if (in->about.offset > e->file.stored && in->about.offset <= e->next) e->file.stored = in->about.offset;
  return 0;
}

int pl_transfer_kept(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) {
  (void)t;
  e->kept_from = in->about.offset;
  return 0;
}
