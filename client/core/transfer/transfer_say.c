/* What goes over CHAT_CHANNEL about files, made when it can be sent. */
#include <string.h>

#include "transfer_internal.h"

void pl_transfer_say(pl_transfer *t, pl_transfer_entry *e, uint8_t what) {
  e->say |= what;
  t->words_due = true;
}

/* ---- last words --------------------------------------------------------------------------------------- */

static void drop_first_said(pl_transfer *t) {
  t->last_first = (t->last_first + 1) % PL_LAST_WORDS_MAX;
  t->last_count--;
  t->last_said--;
}

/* In a full ring what was said gives way, then what is new: it can only be a peer that offers and does not listen. */
void pl_transfer_say_last(pl_transfer *t, uint8_t type, const uint8_t *id, uint8_t why) {
  t->words_due = true;
  if (t->last_count == PL_LAST_WORDS_MAX && t->last_said) drop_first_said(t);
  if (t->last_count == PL_LAST_WORDS_MAX) return;
  pl_last_word *w = &t->last_words[(t->last_first + t->last_count++) % PL_LAST_WORDS_MAX];
  w->type = type;
  w->why = why;
  memcpy(w->id, id, sizeof w->id);
}

void pl_transfer_say_last_again(pl_transfer *t) {
  t->last_said = 0;
  t->words_due = true;
}

void pl_transfer_heard(pl_transfer *t, uint64_t place) {
  while (t->last_said && t->last_words[t->last_first].place <= place) drop_first_said(t);
}

bool pl_transfer_is_heard(const pl_transfer *t) {
  return t->last_count == 0;
}

static pl_last_word *next_last_word(pl_transfer *t) {
  if (t->last_said == t->last_count) return NULL;
  return &t->last_words[(t->last_first + t->last_said) % PL_LAST_WORDS_MAX];
}

/* ---- the next word ------------------------------------------------------------------------------------ */

static uint8_t due(const pl_transfer_entry *e) {
  bool get_waits = e->offer_due || e->file.held_here;
  if (e->say & PL_SAY_OFFER) return PL_SAY_OFFER;
  if (e->say & PL_SAY_GET && !get_waits) return PL_SAY_GET;
  return e->say & PL_SAY_HOLD;
}

/* The file to speak about; NULL when there is none, or when a last word comes first. */
static pl_transfer_entry *next_speaker(pl_transfer *t) {
  if (!t->words_due || next_last_word(t)) return NULL;
  for (int side = 0; side < 2; side++) {
    for (pl_node *n = t->files[side].next; n != &t->files[side]; n = n->next) {
      pl_transfer_entry *e = PL_CONTAINER(n, pl_transfer_entry, node);
      if (due(e)) return e;
    }
  }
  t->words_due = false;
  return NULL;
}

static int put_last_word(const pl_last_word *w, uint8_t *out) {
  if (w->type == PL_CONST_FILE_SAVED) {
    pl_wire_file_saved m = {.type = w->type};
    memcpy(m.id, w->id, sizeof m.id);
    return pl_wire_file_saved_encode(&m, out, PL_TRANSFER_WORD_MAX);
  }
  pl_wire_file_stop m = {.type = w->type, .why = w->why};
  memcpy(m.id, w->id, sizeof m.id);
  return pl_wire_file_stop_encode(&m, out, PL_TRANSFER_WORD_MAX);
}

static int put_offer(const pl_transfer_file *f, uint8_t *out) {
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

static int put_word(const pl_transfer_entry *e, uint8_t *out) {
  uint8_t what = due(e);
  if (what == PL_SAY_OFFER) return put_offer(&e->file, out);
  if (what == PL_SAY_GET) {
    pl_wire_file_get m = {.type = PL_CONST_FILE_GET, .offset = e->next};
    memcpy(m.id, e->file.id, sizeof m.id);
    return pl_wire_file_get_encode(&m, out, PL_TRANSFER_WORD_MAX);
  }
  pl_wire_file_hold m = {.type = PL_CONST_FILE_HOLD, .held = e->file.held_here != 0, .why = e->file.held_here};
  memcpy(m.id, e->file.id, sizeof m.id);
  return pl_wire_file_hold_encode(&m, out, PL_TRANSFER_WORD_MAX);
}

size_t pl_transfer_next_word(pl_transfer *t, uint8_t out[PL_TRANSFER_WORD_MAX]) {
  pl_transfer_entry *e = next_speaker(t);
  const pl_last_word *last = next_last_word(t);
  int n = 0;
  if (last)
    n = put_last_word(last, out);
  else if (e)
    n = put_word(e, out);
  return n > 0 ? (size_t)n : 0;
}

void pl_transfer_word_sent(pl_transfer *t, uint64_t place) {
  pl_transfer_entry *e = next_speaker(t);
  pl_last_word *last = next_last_word(t);
  if (last) {
    last->place = place;
    t->last_said++;
  } else if (e) {
    uint8_t what = due(e);
    e->say &= (uint8_t)~what;
    if (what == PL_SAY_GET) e->get_said = e->gap_said = true; /* what comes until it is obeyed is of another place */
  }
}
