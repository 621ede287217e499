/* What is said about files on CHAT_CHANNEL. A message is made only when it can be sent. */
#include <string.h>

#include "transfer_internal.h"

void pl_transfer_say(pl_transfer *t, pl_transfer_entry *e, uint8_t what) {
  e->say |= what;
  if (pl_list_empty(&e->speaking)) pl_list_append(&t->speaking, &e->speaking);
}

void pl_transfer_say_offer(pl_transfer *t, pl_transfer_entry *e) {
  pl_transfer_say(t, e, PL_TRANSFER_SAY_OFFER | (e->file.modified_ns ? PL_TRANSFER_SAY_TIME : 0));
}

/* ---- last words ---- */

static void last_word_drop(pl_transfer *t) {
  t->last_first = (t->last_first + 1) % PL_TRANSFER_LAST_WORDS_MAX;
  t->last_count--;
  t->last_said--;
}

/* When the ring is full, the oldest word that was said is dropped for the new one; when none was said yet, the new one
 * is dropped. Only a peer that keeps offering without taking the answers gets that far. */
void pl_transfer_say_last(pl_transfer *t, uint8_t type, const uint8_t *id, uint8_t why) {
  if (t->last_count == PL_TRANSFER_LAST_WORDS_MAX && t->last_said) last_word_drop(t);
  if (t->last_count == PL_TRANSFER_LAST_WORDS_MAX) return;
  pl_transfer_last_word *w = &t->last_words[(t->last_first + t->last_count++) % PL_TRANSFER_LAST_WORDS_MAX];
  w->type = type;
  w->why = why;
  memcpy(w->id, id, sizeof w->id);
}

void pl_transfer_say_last_again(pl_transfer *t) {
  t->last_said = 0;
}

void pl_transfer_heard(pl_transfer *t, uint64_t place) {
  while (t->last_said && t->last_words[t->last_first].place <= place) last_word_drop(t);
}

bool pl_transfer_is_heard(const pl_transfer *t) {
  return t->last_count == 0;
}

static pl_transfer_last_word *last_word_next(pl_transfer *t) {
  if (t->last_said == t->last_count) return NULL;
  return &t->last_words[(t->last_first + t->last_said) % PL_TRANSFER_LAST_WORDS_MAX];
}

/* ---- the next word ---- */

static uint8_t entry_due(const pl_transfer_entry *e) {
  bool get_waits = e->offer_due || e->file.held_here;
  if (e->say & PL_TRANSFER_SAY_TIME) return PL_TRANSFER_SAY_TIME;
  if (e->say & PL_TRANSFER_SAY_OFFER) return PL_TRANSFER_SAY_OFFER;
  if (e->say & PL_TRANSFER_SAY_GET && !get_waits) return PL_TRANSFER_SAY_GET;
  return e->say & PL_TRANSFER_SAY_HOLD;
}

/* Returns the file to speak about, or NULL when there is none or a last word comes first. A file that has to wait
 * leaves the list: what ends its waiting says something, too. */
static pl_transfer_entry *entry_to_say(pl_transfer *t) {
  if (last_word_next(t)) return NULL;
  while (!pl_list_empty(&t->speaking)) {
    pl_transfer_entry *e = PL_CONTAINER(t->speaking.next, pl_transfer_entry, speaking);
    if (entry_due(e)) return e;
    pl_list_remove(&e->speaking);
  }
  return NULL;
}

static int last_word_encode(const pl_transfer_last_word *w, uint8_t *out) {
  if (w->type == PL_CONST_FILE_SAVED) {
    pl_wire_file_saved m = {.type = w->type};
    memcpy(m.id, w->id, sizeof m.id);
    return pl_wire_file_saved_encode(&m, out, PL_TRANSFER_WORD_MAX);
  }
  pl_wire_file_stop m = {.type = w->type, .why = w->why};
  memcpy(m.id, w->id, sizeof m.id);
  return pl_wire_file_stop_encode(&m, out, PL_TRANSFER_WORD_MAX);
}

static int offer_encode(const pl_transfer_file *f, uint8_t *out) {
  pl_wire_file_offer m = {.type = PL_CONST_FILE_OFFER, .flags = f->flags, .size = f->size};
  if (f->flags & PL_CONST_FILE_FLAG_STREAM) m.size = 0;
  memcpy(m.id, f->id, sizeof m.id);
  memcpy(m.group, f->group, sizeof m.group);
  m.group_files = f->group_files;
  m.group_bytes = f->group_bytes;
  m.name = f->name;
  m.media_type = f->media_type;
  return pl_wire_file_offer_encode(&m, out, PL_TRANSFER_WORD_MAX);
}

static int time_encode(const pl_transfer_file *f, uint8_t *out) {
  pl_wire_file_time m = {.type = PL_CONST_FILE_TIME, .modified_ns = f->modified_ns};
  memcpy(m.id, f->id, sizeof m.id);
  return pl_wire_file_time_encode(&m, out, PL_TRANSFER_WORD_MAX);
}

static int entry_encode(const pl_transfer_entry *e, uint8_t *out) {
  uint8_t what = entry_due(e);
  if (what == PL_TRANSFER_SAY_TIME) return time_encode(&e->file, out);
  if (what == PL_TRANSFER_SAY_OFFER) return offer_encode(&e->file, out);
  if (what == PL_TRANSFER_SAY_GET) {
    pl_wire_file_get m = {.type = PL_CONST_FILE_GET, .offset = e->next};
    memcpy(m.id, e->file.id, sizeof m.id);
    return pl_wire_file_get_encode(&m, out, PL_TRANSFER_WORD_MAX);
  }
  pl_wire_file_hold m = {.type = PL_CONST_FILE_HOLD, .held = e->file.held_here != 0, .why = e->file.held_here};
  memcpy(m.id, e->file.id, sizeof m.id);
  return pl_wire_file_hold_encode(&m, out, PL_TRANSFER_WORD_MAX);
}

size_t pl_transfer_next_word(pl_transfer *t, uint8_t out[PL_TRANSFER_WORD_MAX]) {
  pl_transfer_entry *e = entry_to_say(t);
  const pl_transfer_last_word *last = last_word_next(t);
  int n = 0;
  if (last)
    n = last_word_encode(last, out);
  else if (e)
    n = entry_encode(e, out);
  return n > 0 ? (size_t)n : 0;
}

void pl_transfer_word_sent(pl_transfer *t, uint64_t place) {
  pl_transfer_entry *e = entry_to_say(t);
  pl_transfer_last_word *last = last_word_next(t);
  if (last) {
    last->place = place;
    t->last_said++;
  } else if (e) {
    uint8_t what = entry_due(e);
    e->say &= (uint8_t)~what;
    if (what == PL_TRANSFER_SAY_GET)
      e->get_said = e->gap_said = true; /* until the peer obeys, bytes of other places may come */
  }
}
