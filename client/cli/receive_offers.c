/* Offers: asks about them or accepts them, and counts their files. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json_out.h"
#include "receive.h"

/* ---- units -------------------------------------------------------------------------------------------- */

const uint8_t *receive_unit_of(const pl_transfer_file *f) {
  return pl_transfer_has_group(f->group) ? f->group : f->id;
}

static receiving_unit *unit_offered(const receive_job *j, const pl_transfer_file *f) {
  return receiving_find(&j->state, j->s.peer, receive_unit_of(f));
}

/* After its last file a unit is no longer stored. A group stays in memory, because it knows the names of its folders.
 */
static void check_done(receive_job *j, receiving_unit *u) {
  if (u->done < u->files) return;
  if (u->is_group)
    receiving_forget(&j->state, u);
  else
    receiving_remove(&j->state, u);
}

void receive_count_done(receive_job *j, incoming *in, const uint8_t unit[16]) {
  receiving_unit *u = receiving_find(&j->state, j->s.peer, unit);
  if (!u || (in && in->counted)) return;
  if (in) in->counted = true;
  u->done++;
  check_done(j, u);
}

void receive_unit_stopped(receive_job *j, const uint8_t unit[16]) {
  receiving_unit *u = receiving_find(&j->state, j->s.peer, unit);
  if (u) receiving_remove(&j->state, u);
}

bool receive_is_unfinished(const receive_job *j) {
  for (receiving_unit *u = NULL; (u = receiving_each(&j->state, u));)
    if (u->live && u->done < u->files) return true;
  return j->incoming_count > 0;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

typedef struct offer_words {
  char name[256], size[PROGRESS_TEXT_MAX];
  uint64_t bytes;
  uint32_t files;
} offer_words;

void receive_safe_text(pl_view name, char *out, size_t size) {
  char safe[PL_TRANSFER_NAME_MAX];
  (void)pl_transfer_safe_name(name, false, safe);
  ui_clean(safe, out, size);
}

/* Describes the unit of a file. A group is called by its first folder. */
static void describe_unit(const pl_transfer_file *f, offer_words *w) {
  bool group = pl_transfer_has_group(f->group);
  receive_safe_text(f->name, w->name, sizeof w->name);
  w->bytes = group ? f->group_bytes : f->size;
  w->files = group ? f->group_files : 1;
  if (group && strchr(w->name, '/')) w->name[strcspn(w->name, "/") + 1] = '\0';
  if (f->flags & PL_CONST_FILE_FLAG_STREAM)
    snprintf(w->size, sizeof w->size, "of unknown size");
  else
    progress_bytes(w->bytes, w->size);
}

void receive_offer_over(receive_job *j, const pl_transfer_file *f, uint8_t why, bool by_peer) {
  offer_words w;
  describe_unit(f, &w);
  receive_end_offer(j, receive_unit_of(f), w.name, why, by_peer);
}

static void receive_tell_offer(receive_job *j, const pl_transfer_file *f, const offer_words *w) {
  char id[FILE_HEX_CHARS];
  receive_offer_told(j, receive_unit_of(f));
  if (!j->s.json) return;
  json_t *size = share_size(w->bytes, f->flags & PL_CONST_FILE_FLAG_STREAM);
  share_json(&j->s, json_out("offer", "{s:s, s:o, s:o, s:I}", "id", file_hex(receive_unit_of(f), 16, id), "name",
                             json_out_text(w->name), "size", size, "files", (json_int_t)w->files));
}

static void say_receiving(const receive_job *j, const offer_words *w) {
  if (w->files > 1)
    ui_say("Receiving %s from %s: %u files, %s", w->name, j->s.who, w->files, w->size);
  else
    ui_say("Receiving %s (%s) from %s", w->name, w->size, j->s.who);
}

static void decline_unit(receive_job *j, const pl_transfer_file *f) {
  uint8_t id[16];
  memcpy(id, receive_unit_of(f), sizeof id);
  j->declined = true;
  receive_offer_over(j, f, PL_CONST_FILE_DECLINED, false);
  receive_unit_stopped(j, id);
  (void)share_about(&j->s, PL_TRANSFER_STOP, id, 0, PL_CONST_FILE_DECLINED);
}

/* Removes one finished group when there is no room for a new unit. It was kept only for files that might still come. */
static void drop_finished_group(receive_job *j) {
  receiving_unit *u = NULL;
  while (j->state.unit_count == RECEIVING_UNITS_MAX && (u = receiving_each(&j->state, u)))
    if (!u->kept && u->done >= u->files) {
      receiving_remove(&j->state, u);
      return;
    }
}

static receiving_unit *new_unit(receive_job *j, const pl_transfer_file *f, const offer_words *w) {
  char name[256];
  snprintf(name, sizeof name, "%s", w->name);
  receiving_unit unit = {.is_group = pl_transfer_has_group(f->group), .name = name, .bytes = w->bytes};
  unit.files = w->files;
  unit.live = true;
  memcpy(unit.id, receive_unit_of(f), sizeof unit.id);
  memcpy(unit.peer, j->s.peer, sizeof unit.peer);
  drop_finished_group(j);
  return receiving_add(&j->state, &unit);
}

static void accept_unit(receive_job *j, const pl_transfer_file *f, const offer_words *w) {
  uint8_t id[16];
  char why[PL_WHY_MAX] = "out of memory";
  receiving_unit *unit = unit_offered(j, f);
  memcpy(id, receive_unit_of(f), sizeof id);
  if (!unit) unit = new_unit(j, f, w);
  if (!unit && j->state.unit_count < RECEIVING_UNITS_MAX) {
    job_no_memory(&j->s.base);
    return;
  }
  if (!unit) {
    ui_say("%s is declined: too many transfers are unfinished.", w->name);
    decline_unit(j, f);
    return;
  }
  unit->accepted = true;
  if (receiving_keep(&j->state, unit, why))
    ui_note("After an interruption this will start from the beginning: %s", why);
  (void)share_about(&j->s, PL_TRANSFER_ACCEPT, id, 0, 0);
}

static void ask_about(receive_job *j, const pl_transfer_file *f, const offer_words *w) {
  if (j->terminal >= 0) return; /* one question at a time; the other offers wait */
  if (!j->s.json) j->terminal = ui_terminal();
  if (j->terminal < 0) {
    ui_say("%s wants to send %s (%s). Declined, because %s.", j->s.who, w->name, w->size,
           j->s.json ? "nothing is asked with --json" : "there is no terminal to ask on");
    ui_say("  To accept without asking: pairlink receive --yes");
    decline_unit(j, f);
    return;
  }
  memcpy(j->asked, receive_unit_of(f), sizeof j->asked);
  ui_status(NULL, 0);
  if (w->files > 1)
    dprintf(j->terminal, "%s wants to send %s: %u files, %s. Accept? [Y/n] ", j->s.who, w->name, w->files, w->size);
  else
    dprintf(j->terminal, "%s wants to send %s (%s). Accept? [Y/n] ", j->s.who, w->name, w->size);
}

static pl_transfer_file *next_question(const receive_job *j, const uint8_t *unit) {
  for (pl_transfer_file *f = NULL; (f = pl_transfer_each(j->s.transfer, f));)
    if (!f->outgoing && f->state == PL_TRANSFER_ASKING && (!unit || memcmp(receive_unit_of(f), unit, 16) == 0))
      return f;
  return NULL;
}

static void decide_about(receive_job *j, const pl_transfer_file *f);

void receive_answer(receive_job *j) {
  char line[64] = "";
  offer_words w;
  ssize_t n = read(j->terminal, line, sizeof line - 1);
  close(j->terminal);
  j->terminal = -1;
  pl_transfer_file *f = next_question(j, j->asked);
  bool yes = n > 0 && (line[0] == 'y' || line[0] == 'Y' || line[0] == '\n');
  if (f && yes) {
    describe_unit(f, &w);
    accept_unit(j, f, &w);
  } else if (f) {
    decline_unit(j, f);
  } else {
    ui_say("This is no longer offered.");
  }
  f = next_question(j, NULL);
  if (f) decide_about(j, f);
}

/* Accepts without asking after a code, because someone who types a code wants the file. */
static void decide_about(receive_job *j, const pl_transfer_file *f) {
  offer_words w;
  describe_unit(f, &w);
  if (j->by_code || j->yes) {
    say_receiving(j, &w);
    accept_unit(j, f, &w);
  } else {
    ask_about(j, f, &w);
  }
}

/* A file seems to be here already, unchanged: accepts it without asking, to compare the two. */
static void look_at(receive_job *j, const pl_transfer_file *f, const offer_words *w) {
  uint8_t id[16];
  memcpy(id, f->id, sizeof id);
  if (!unit_offered(j, f)) (void)new_unit(j, f, w); /* to count its files; without it, receive may end a little early */
  (void)share_about(&j->s, PL_TRANSFER_ACCEPT, id, 0, 0);
}

/* The file counts in the unit that it is offered with now. */
void receive_here_already(receive_job *j, const pl_transfer_file *f, receiving_saved *saved) {
  offer_words w;
  uint8_t id[16];
  memcpy(id, f->id, sizeof id);
  if (memcmp(saved->unit, receive_unit_of(f), sizeof saved->unit) != 0) {
    memcpy(saved->unit, receive_unit_of(f), sizeof saved->unit);
    describe_unit(f, &w);
    if (!unit_offered(j, f)) (void)new_unit(j, f, &w);
    receive_count_done(j, NULL, saved->unit);
  }
  (void)share_about(&j->s, PL_TRANSFER_FINISHED, id, 0, 0);
}

static void resume_unit(receive_job *j, const pl_transfer_file *f, receiving_unit *unit, const offer_words *w) {
  uint8_t id[16];
  memcpy(id, unit->id, sizeof id);
  if (!unit->live) {
    receive_tell_offer(j, f, w);
    ui_say("Resuming %s (%s) from %s", w->name, w->size, j->s.who);
    unit->live = true;
  }
  (void)share_about(&j->s, PL_TRANSFER_ACCEPT, id, 0, 0);
}

void receive_offered(receive_job *j, const pl_transfer_action *a) {
  const pl_transfer_file *f = a->file;
  offer_words w;
  receiving_saved *saved = receiving_saved_find(&j->state, f->id, true);
  receiving_unit *unit = unit_offered(j, f);
  j->idle_ms = 0;
  if (saved && saved->checked) { /* saved in this run, but the sender does not know yet */
    receive_here_already(j, f, saved);
    return;
  }
  if (!(unit && unit->accepted) && receive_is_declined(j, receive_unit_of(f))) { /* one more file of a declined unit */
    decline_unit(j, f);
    return;
  }
  describe_unit(f, &w);
  if (saved && !receive_is_stream(f) && saved->size == f->size) {
    look_at(j, f, &w);
  } else if (unit && unit->accepted) {
    resume_unit(j, f, unit, &w);
  } else {
    if (a->first) receive_tell_offer(j, f, &w);
    if (a->first || j->terminal < 0) decide_about(j, f);
  }
}
