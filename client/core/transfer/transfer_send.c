/* Outgoing files: offered, read, sent. */
#include <string.h>

#include "transfer_internal.h"

static bool is_stream(const pl_transfer_entry *e) {
  return e->file.flags & PL_CONST_FILE_FLAG_STREAM;
}

int pl_transfer_add(pl_transfer *t, const pl_transfer_file *file) {
  size_t group_open = 0;
  if (file->name.size == 0 || file->name.size > 1024 || file->media_type.size > 127) return PL_EINVAL;
  if (pl_transfer_entry_find(t, true, file->id)) return PL_ESTATE;
  for (pl_node *n = t->files[1].next; n != &t->files[1]; n = n->next)
    group_open += pl_transfer_in_group(PL_CONTAINER(n, pl_transfer_entry, node), file->group);
  if (t->count[1] >= PL_TRANSFER_FILES_MAX || group_open >= PL_TRANSFER_GROUP_OPEN_MAX) return PL_EAGAIN;
  pl_transfer_file like = *file;
  like.outgoing = true;
  if (like.flags & (PL_CONST_FILE_FLAG_STREAM | PL_CONST_FILE_FLAG_FOLDER)) like.size = 0;
  pl_transfer_entry *e = pl_transfer_entry_new(t, &like);
  if (!e) return PL_ENOMEM;
  pl_transfer_say(t, e, PL_SAY_OFFER);
  return 0;
}

/* ---- what to read ------------------------------------------------------------------------------------- */

/* The wants that are out are stale from now on. */
static void read_again(pl_transfer_entry *e) {
  e->generation++;
  e->read_to = e->next;
  e->want_open = false;
}

void pl_transfer_restart_sending(pl_transfer_entry *e) {
  read_again(e);
  e->allowed = false;
  e->file.state = PL_TRANSFER_ASKING;
}

static bool may_send(const pl_transfer_entry *e) {
  return e->allowed && e->file.state == PL_TRANSFER_MOVING && !e->file.held_here && !e->file.held_there;
}

static pl_transfer_entry *next_reader(pl_transfer *t) {
  pl_transfer_entry *ready[PL_TRANSFER_AT_ONCE];
  size_t count = 0;
  for (pl_node *n = t->files[1].next; n != &t->files[1] && count < PL_TRANSFER_AT_ONCE; n = n->next) {
    pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
    if (may_send(e) && !e->want_open) ready[count++] = e;
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
  pl_transfer_entry *e = next_reader(t);
  if (!e) return false;
  *out = (pl_transfer_want){.file = &e->file, .generation = e->generation, .offset = e->read_to};
  memcpy(out->id, e->file.id, sizeof out->id);
  uint64_t left = is_stream(e) ? t->piece : e->file.size - e->read_to;
  out->size = left < t->piece ? (uint32_t)left : t->piece;
  out->end = left == 0;
  e->want_open = out->end || is_stream(e);
  e->read_to += out->size;
  return true;
}

/* ---- what was read ------------------------------------------------------------------------------------ */

/* The file, if this is still what goes out next. A file that was held meanwhile is read again later. */
static pl_transfer_entry *wanted(pl_transfer *t, const pl_transfer_want *want) {
  pl_transfer_entry *e = pl_transfer_entry_find(t, true, want->id);
  if (!e || want->generation != e->generation || want->offset != e->next) return NULL;
  if (may_send(e)) return e;
  read_again(e);
  return NULL;
}

int pl_transfer_read(pl_transfer *t, const pl_transfer_event *in) {
  uint8_t head[PL_TRANSFER_HEAD_BYTES];
  pl_transfer_entry *e = wanted(t, in->want);
  if (!e) return 0;
  if (in->data.size == 0 || in->data.size > in->want->size) return PL_EINVAL;
  if (in->data.size > t->piece) { /* the peer takes less than when it was asked for */
    read_again(e);
    return 0;
  }
  pl_wire_file_data m = {.type = PL_CONST_FILE_DATA, .offset = e->next};
  memcpy(m.id, e->file.id, sizeof m.id);
  int n = pl_wire_file_data_encode(&m, head, sizeof head);
  if (n < 0) return n;
  int error = t->sink.send(t->sink.context, head, (size_t)n, in->data);
  if (error == PL_EMSGSIZE && in->data.size > t->piece) {
    read_again(e);
    return 0;
  }
  if (error) return error;
  e->next += in->data.size;
  if (is_stream(e)) {
    e->want_open = false;
    e->read_to = e->next;
  } else if (in->data.size < in->want->size) {
    read_again(e);
  }
  return 0;
}

int pl_transfer_read_end(pl_transfer *t, const pl_transfer_event *in) {
  uint8_t bytes[64];
  pl_transfer_entry *e = wanted(t, in->want);
  if (!e) return 0;
  if (!is_stream(e) && !in->want->end) return PL_EINVAL;
  pl_wire_file_end m = {.type = PL_CONST_FILE_END, .size = e->next};
  memcpy(m.id, e->file.id, sizeof m.id);
  memcpy(m.sha256, in->sha256, sizeof m.sha256);
  int n = pl_wire_file_end_encode(&m, bytes, sizeof bytes);
  if (n < 0) return n;
  int error = t->sink.send(t->sink.context, bytes, (size_t)n, (pl_view){NULL, 0});
  if (error) return error;
  e->file.size = e->next;
  e->file.state = PL_TRANSFER_ENDING;
  e->want_open = false;
  return 0;
}

/* ---- leave to send ------------------------------------------------------------------------------------ */

static bool can_go_on_at(const pl_transfer_entry *e, uint64_t offset) {
  if (is_stream(e)) return offset >= e->kept_from && offset <= e->next;
  return offset <= e->file.size;
}

void pl_transfer_on_get(pl_transfer *t, pl_view message) {
  pl_wire_file_get m;
  if (pl_wire_file_get_decode(&m, message.data, message.size)) return;
  pl_transfer_entry *e = pl_transfer_entry_find(t, true, m.id);
  if (!e) pl_transfer_say_last(t, PL_CONST_FILE_STOP, m.id, PL_CONST_FILE_CANCELLED); /* the end crossed an offer */
  if (!e || e->file.flags & PL_CONST_FILE_FLAG_FOLDER) return;
  if (!can_go_on_at(e, m.offset)) {
    pl_transfer_say_last(t, PL_CONST_FILE_STOP, m.id, PL_CONST_FILE_CHANGED);
    pl_transfer_over(t, e, PL_CONST_FILE_CHANGED, false);
    return;
  }
  bool goes_on = e->allowed && e->file.state == PL_TRANSFER_MOVING && m.offset == e->next;
  if (!goes_on) {
    e->next = m.offset;
    read_again(e);
  }
  e->allowed = true;
  e->file.held_there = 0;
  e->file.state = PL_TRANSFER_MOVING;
  e->file.stored = m.offset;
  pl_transfer_tell(t, e);
}
