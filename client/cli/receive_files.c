/* Offers, places, bytes and ends of what is received. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_out.h"
#include "receive.h"

/* ---- units: what is accepted at once ------------------------------------------------------------------ */

static const uint8_t *unit_of(const pl_transfer_file *f) {
  return pl_transfer_has_group(f->group) ? f->group : f->id;
}

static receive_unit *find_unit(receive_job *j, const uint8_t id[16]) {
  for (size_t i = 0; i < j->unit_count; i++)
    if (memcmp(j->units[i].id, id, 16) == 0) return &j->units[i];
  return NULL;
}

void receive_unit_known(receive_job *j, const uint8_t id[16], uint64_t files) {
  if (find_unit(j, id)) return;
  if (j->unit_count == RECEIVE_UNITS_MAX) memmove(j->units, j->units + 1, --j->unit_count * sizeof *j->units);
  receive_unit *u = &j->units[j->unit_count++];
  *u = (receive_unit){.files = files};
  memcpy(u->id, id, 16);
  for (size_t i = 0; i < j->state.saved_count; i++)
    if (memcmp(j->state.saved[i].unit, id, 16) == 0 &&
        receiving_saved_find(&j->state, j->state.saved[i].id) == &j->state.saved[i])
      u->done++;
}

static void unit_over(receive_job *j, const uint8_t id[16]) {
  receiving_unit *kept = receiving_find(&j->state, j->s.peer, id);
  if (kept) receiving_remove(&j->state, kept);
}

/* One file of a unit is over; with the last, nothing needs to be remembered. */
static void count_done(receive_job *j, const uint8_t id[16]) {
  receive_unit *u = find_unit(j, id);
  if (u && ++u->done >= u->files) unit_over(j, id);
}

bool receive_is_unfinished(const receive_job *j) {
  for (size_t i = 0; i < j->unit_count; i++)
    if (j->units[i].done < j->units[i].files) return true;
  return j->files != NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

typedef struct offer_words {
  char name[256], size[PROGRESS_TEXT_MAX];
  uint64_t bytes;
  uint32_t files;
} offer_words;

static void safe_text(pl_view name, char *out, size_t size) {
  char safe[PL_TRANSFER_NAME_MAX];
  (void)pl_transfer_safe_name(name, safe);
  ui_clean(safe, out, size);
}

/* What a unit is, from one of its files: a group is called by its folder. */
static void describe(const pl_transfer_file *f, offer_words *w) {
  bool group = pl_transfer_has_group(f->group);
  safe_text(f->name, w->name, sizeof w->name);
  w->bytes = group ? f->group_bytes : f->size;
  w->files = group ? f->group_files : 1;
  if (group && strchr(w->name, '/')) w->name[strcspn(w->name, "/") + 1] = '\0';
  if (f->flags & PL_CONST_FILE_FLAG_STREAM)
    snprintf(w->size, sizeof w->size, "of unknown size");
  else
    progress_bytes(w->bytes, w->size);
}

/* What was offered is over as a whole. */
static void end_offer(receive_job *j, const pl_transfer_file *f, uint8_t why, bool by_peer) {
  offer_words w;
  describe(f, &w);
  receive_end_offer(j, unit_of(f), w.name, why, by_peer);
}

static void tell_offer(receive_job *j, const pl_transfer_file *f, const offer_words *w) {
  char id[FILE_HEX_CHARS];
  receive_offer_told(j, unit_of(f));
  if (!j->s.json) return;
  json_t *size = share_size(w->bytes, f->flags & PL_CONST_FILE_FLAG_STREAM);
  share_json(&j->s, json_out("offer", "{s:s, s:o, s:o, s:I}", "id", file_hex(unit_of(f), 16, id), "name",
                             json_out_text(w->name), "size", size, "files", (json_int_t)w->files));
}

static void accept(receive_job *j, const pl_transfer_file *f, const offer_words *w) {
  uint8_t id[16];
  char why[PL_WHY_MAX] = "", name[256];
  memcpy(id, unit_of(f), sizeof id);
  snprintf(name, sizeof name, "%s", w->name);
  receiving_unit unit = {.is_group = pl_transfer_has_group(f->group), .folder = j->folder, .name = name};
  unit.bytes = w->bytes;
  unit.files = w->files;
  memcpy(unit.id, id, sizeof id);
  memcpy(unit.peer, j->s.peer, sizeof unit.peer);
  receiving_unit *kept = receiving_add(&j->state, &unit, why);
  if (!kept || *why) ui_note("After an interruption this will begin anew: %s", kept ? why : "out of memory");
  receive_unit_known(j, id, w->files);
  (void)share_about(&j->s, PL_TRANSFER_ACCEPT, id, 0, 0);
}

static void say_receiving(const receive_job *j, const offer_words *w) {
  if (w->files > 1)
    ui_say("Receiving %s from %s: %u files, %s", w->name, j->s.who, w->files, w->size);
  else
    ui_say("Receiving %s (%s) from %s", w->name, w->size, j->s.who);
}

static void decline(receive_job *j, const pl_transfer_file *f) {
  uint8_t id[16];
  memcpy(id, unit_of(f), sizeof id);
  j->declined = true;
  end_offer(j, f, PL_CONST_FILE_DECLINED, false);
  (void)share_about(&j->s, PL_TRANSFER_STOP, id, 0, PL_CONST_FILE_DECLINED);
}

static void ask(receive_job *j, const pl_transfer_file *f, const offer_words *w) {
  if (j->terminal >= 0) return; /* one at a time: the others wait */
  j->terminal = ui_terminal();
  if (j->terminal < 0) {
    ui_say("%s wants to send %s (%s), and there is nobody to ask.", j->s.who, w->name, w->size);
    ui_say("  To accept without a question: pairlink receive --yes");
    decline(j, f);
    return;
  }
  memcpy(j->asked, unit_of(f), sizeof j->asked);
  ui_status(NULL, 0);
  if (w->files > 1)
    dprintf(j->terminal, "%s wants to send %s: %u files, %s. Accept? [Y/n] ", j->s.who, w->name, w->files, w->size);
  else
    dprintf(j->terminal, "%s wants to send %s (%s). Accept? [Y/n] ", j->s.who, w->name, w->size);
}

static pl_transfer_file *next_question(const receive_job *j, const uint8_t *unit) {
  for (pl_transfer_file *f = NULL; (f = pl_transfer_each(j->s.transfer, f));)
    if (!f->outgoing && f->state == PL_TRANSFER_ASKING && (!unit || memcmp(unit_of(f), unit, 16) == 0)) return f;
  return NULL;
}

static void decide(receive_job *j, const pl_transfer_file *f);

void receive_answer(receive_job *j) {
  char line[64] = "";
  offer_words w;
  ssize_t n = read(j->terminal, line, sizeof line - 1);
  close(j->terminal);
  j->terminal = -1;
  pl_transfer_file *f = next_question(j, j->asked);
  bool yes = n > 0 && (line[0] == 'y' || line[0] == 'Y' || line[0] == '\n');
  if (f && yes) {
    describe(f, &w);
    accept(j, f, &w);
  } else if (f) {
    decline(j, f);
  } else {
    ui_say("It is not offered any more.");
  }
  f = next_question(j, NULL);
  if (f) decide(j, f);
}

/* Who typed a code wants the file: it is shown, not asked about. */
static void decide(receive_job *j, const pl_transfer_file *f) {
  offer_words w;
  describe(f, &w);
  if (j->by_code || j->yes) {
    say_receiving(j, &w);
    accept(j, f, &w);
  } else {
    ask(j, f, &w);
  }
}

static void say_there(receive_job *j, const receiving_saved *saved) {
  char text[1024];
  j->there++;
  const char *slash = strrchr(saved->path, '/'), *name = slash ? slash + 1 : saved->path;
  ui_note("Here already: %s", ui_clean(name, text, sizeof text));
  share_tell_done(&j->s, saved->id, name, saved->path, saved->size, saved->sha256);
}

/* Saved in an earlier run, or in this one while the word of it was on its way. */
static bool answer_saved(receive_job *j, const pl_transfer_file *f) {
  const receiving_saved *saved = receiving_saved_find(&j->state, f->id);
  if (!saved) return false;
  say_there(j, saved);
  (void)share_about(&j->s, PL_TRANSFER_FINISHED, f->id, 0, 0);
  return true;
}

static void on_offered(receive_job *j, const pl_transfer_action *a) {
  const pl_transfer_file *f = a->file;
  offer_words w;
  const receiving_unit *kept = receiving_find(&j->state, j->s.peer, unit_of(f));
  j->idle_ms = 0;
  if (answer_saved(j, f)) return;
  if (!kept && receive_is_declined(j, unit_of(f))) { /* one more file of a folder that was declined */
    decline(j, f);
    return;
  }
  describe(f, &w);
  if (!kept) {
    if (a->first) tell_offer(j, f, &w);
    if (a->first || j->terminal < 0) decide(j, f);
    return;
  }
  if (!find_unit(j, unit_of(f))) {
    tell_offer(j, f, &w);
    ui_say("Going on with %s (%s) from %s", w.name, w.size, j->s.who);
    receive_unit_known(j, unit_of(f), w.files);
  }
  uint8_t id[16];
  memcpy(id, unit_of(f), sizeof id);
  (void)share_about(&j->s, PL_TRANSFER_ACCEPT, id, 0, 0);
}

/* ---- places ------------------------------------------------------------------------------------------- */

/* The first folder of a group gets a name of its own, so that it is not mixed with what is there. */
static int place_top(receive_job *j, const uint8_t *unit, char *path, size_t size) {
  receiving_unit *kept = receiving_find(&j->state, j->s.peer, unit);
  char *slash = strchr(path, '/'), rest[PL_TRANSFER_NAME_MAX], name[FILE_LEAF_MAX], why[PL_WHY_MAX];
  if (!kept || !kept->is_group || !slash) return 0;
  snprintf(rest, sizeof rest, "%s", slash + 1);
  *slash = '\0';
  const char *here = json_string_value(json_object_get(kept->tops, path));
  if (!here) {
    int error = file_place_new_folder(j->root, path, name);
    if (error) return error;
    (void)json_object_set_new(kept->tops, path, json_string(name));
    (void)receiving_write(&j->state, why);
    here = name;
  }
  return snprintf(path, size, "%s/%s", here, rest) < (int)size ? 0 : ENAMETOOLONG;
}

static int open_part(receive_job *j, incoming *in, const char *path, const pl_transfer_file *f) {
  const char *leaf;
  in->folder = file_place_folder(j->root, path, &leaf);
  if (in->folder < 0) return errno;
  snprintf(in->leaf, sizeof in->leaf, "%s", leaf);
  file_place_part_name(in->leaf, in->id, in->part);
  in->target.fd = file_place_part(in->folder, in->part, &in->target.stored_to);
  if (in->target.fd < 0) return errno;
  bool too_long = !(f->flags & PL_CONST_FILE_FLAG_STREAM) && in->target.stored_to > f->size;
  if (too_long) {
    if (ftruncate(in->target.fd, 0) != 0) return errno;
    in->target.stored_to = 0;
  }
  in->target.hash = file_hash_new();
  return in->target.hash ? 0 : ENOMEM;
}

static void free_incoming(receive_job *j, incoming *in) {
  for (incoming **at = &j->files; *at; at = &(*at)->next)
    if (*at == in) {
      *at = in->next;
      break;
    }
  if (in->drop_part && in->folder >= 0) (void)unlinkat(in->folder, in->part, 0);
  if (in->target.fd >= 0) close(in->target.fd);
  if (in->folder >= 0) close(in->folder);
  EVP_MD_CTX_free(in->target.hash);
  free(in);
}

static incoming *new_incoming(receive_job *j, pl_transfer_file *f) {
  incoming *in = calloc(1, sizeof *in);
  if (!in) return NULL;
  memcpy(in->id, f->id, sizeof in->id);
  memcpy(in->unit, unit_of(f), sizeof in->unit);
  in->size = f->size;
  in->folder = in->target.fd = -1;
  share_line_init(&in->line, f->id, f->name);
  safe_text(f->name, in->line.name, sizeof in->line.name);
  in->line.is_stream = f->flags & PL_CONST_FILE_FLAG_STREAM;
  in->next = j->files;
  j->files = in;
  f->user = in;
  return in;
}

static void cannot_write(receive_job *j, const uint8_t *id, const char *name, int error) {
  uint8_t copy[16];
  memcpy(copy, id, sizeof copy);
  share_file_error(&j->s, copy, name, "unwritable",
                   error == EBUSY ? "another program is receiving it" : strerror(error), NULL);
  (void)share_about(&j->s, PL_TRANSFER_STOP, copy, 0, PL_CONST_FILE_UNWRITABLE);
}

static void prepare_folder(receive_job *j, const pl_transfer_file *f, const char *path) {
  uint8_t unit[16];
  char name[256];
  memcpy(unit, unit_of(f), sizeof unit);
  int error = file_place_empty(j->root, path);
  if (error) {
    safe_text(f->name, name, sizeof name);
    cannot_write(j, f->id, name, error);
    return;
  }
  char whole[PL_TRANSFER_NAME_MAX + FILE_LEAF_MAX + sizeof j->folder];
  snprintf(whole, sizeof whole, "%s/%s", j->folder, path);
  safe_text(f->name, name, sizeof name);
  share_tell_done(&j->s, f->id, name, whole, 0, NULL);
  j->saved++;
  count_done(j, unit);
  (void)share_about(&j->s, PL_TRANSFER_FINISHED, f->id, 0, 0);
}

static void give(receive_job *j, file_task_kind kind, incoming *in, uint64_t offset, size_t size) {
  file_task *task = file_writer_task(j->writer, kind, &in->target, size);
  if (!task) {
    job_end(&j->s.base, ui_fail("cannot go on", PAIRLINK_ENOMEM, NULL));
    return;
  }
  task->offset = offset;
  task->generation = 0; /* of no session: nothing is taken */
  file_writer_give(j->writer, task);
}

static void on_prepare(receive_job *j, pl_transfer_file *f) {
  char path[PL_TRANSFER_NAME_MAX + FILE_LEAF_MAX];
  if (answer_saved(j, f)) return;
  (void)pl_transfer_safe_name(f->name, path);
  int error = place_top(j, unit_of(f), path, sizeof path);
  if (!error && f->flags & PL_CONST_FILE_FLAG_FOLDER) {
    prepare_folder(j, f, path);
    return;
  }
  incoming *in = new_incoming(j, f);
  if (!error) error = in ? open_part(j, in, path, f) : ENOMEM;
  if (error) {
    cannot_write(j, f->id, in ? in->line.name : "a file", error);
    return;
  }
  /* What is there is hashed while the rest is on its way. */
  uint64_t there = in->target.stored_to;
  if (there) give(j, FILE_TASK_HASH, in, there, 0);
  (void)share_about(&j->s, PL_TRANSFER_READY, in->id, there, 0);
}

/* ---- bytes -------------------------------------------------------------------------------------------- */

static void on_store(receive_job *j, const pl_transfer_action *a) {
  incoming *in = a->file->user;
  file_task *task = file_writer_task(j->writer, FILE_TASK_WRITE, &in->target, a->data.size);
  if (!task) {
    job_end(&j->s.base, ui_fail("cannot go on", PAIRLINK_ENOMEM, NULL));
    return;
  }
  task->offset = a->offset;
  memcpy(task->bytes, a->data.data, a->data.size);
  j->due = task;
}

static void on_finish(receive_job *j, const pl_transfer_action *a) {
  incoming *in = a->file->user;
  file_task *task = file_writer_task(j->writer, FILE_TASK_FINISH, &in->target, 0);
  if (!task) {
    job_end(&j->s.base, ui_fail("cannot go on", PAIRLINK_ENOMEM, NULL));
    return;
  }
  in->size = a->size;
  task->offset = a->size;
  memcpy(task->sha256, a->sha256, sizeof task->sha256);
  j->due = task;
}

/* Taken in order: also what needed no writing waits for what does. */
void receive_handled(share *s, uint64_t place) {
  receive_job *j = receive_of(s);
  file_task *task = j->due;
  j->due = NULL;
  j->idle_ms = 0;
  if (!task && file_writer_is_idle(j->writer)) {
    (void)pairlink_take(s->current, PL_CONST_FILE_CHANNEL, place);
    return;
  }
  if (!task) task = file_writer_task(j->writer, FILE_TASK_TAKE, NULL, 0);
  if (!task) {
    job_end(&s->base, ui_fail("cannot go on", PAIRLINK_ENOMEM, NULL));
    return;
  }
  task->place = place;
  task->generation = s->generation;
  file_writer_give(j->writer, task);
}

/* ---- what the writer has done ------------------------------------------------------------------------- */

static bool is_full(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static void on_full(receive_job *j, incoming *in, uint64_t stored) {
  char text[PROGRESS_TEXT_MAX];
  if (!in->disk_full) {
    uint64_t missing = in->size > stored ? in->size - stored : 0;
    char what[400];
    snprintf(what, sizeof what, "the disk is full: %s waits", in->line.name);
    ui_error(what, NULL, "make room, and it goes on by itself");
    share_tell_disk_full(&j->s, in->id, in->line.name);
    if (missing) ui_say("  Still to come: %s", progress_bytes(missing, text));
  }
  in->disk_full = true;
  in->retry_ms = job_now_ms() + RECEIVE_RETRY_MS;
  (void)share_about(&j->s, PL_TRANSFER_STORE_FAILED, in->id, stored, PL_CONST_FILE_HELD_DISK_FULL);
}

static void on_retried(receive_job *j, incoming *in, int error) {
  if (error) {
    in->retry_ms = job_now_ms() + RECEIVE_RETRY_MS;
    return;
  }
  in->disk_full = false;
  ui_say("There is room again: %s goes on.", in->line.name);
  (void)share_about(&j->s, PL_TRANSFER_ROOM, in->id, 0, 0);
}

static void tell_saved(receive_job *j, const incoming *in, const receiving_saved *saved, const char *name) {
  char path[1024], shown[256];
  const receive_unit *u = find_unit(j, in->unit);
  if (strcmp(name, in->leaf) != 0)
    ui_say("%s was there already: saved as %s", in->line.name, ui_clean(name, shown, sizeof shown));
  if (!u || u->files <= 1) ui_say("Saved: %s. SHA-256 matches.", ui_clean(saved->path, path, sizeof path));
  share_tell_done(&j->s, in->id, in->line.name, saved->path, saved->size, saved->sha256);
}

/* The absolute path of a file in an open folder. */
static void path_in(int folder, const char *name, char *out, size_t size) {
  char link[64], there[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  ssize_t n = readlink(link, there, sizeof there - 1);
  there[n > 0 ? n : 0] = '\0';
  (void)snprintf(out, size, "%s/%s", there, name);
}

static int put_in_place(receive_job *j, incoming *in, const uint8_t sha256[FILE_HASH_BYTES]) {
  char name[FILE_LEAF_MAX], path[4096 + FILE_LEAF_MAX], why[PL_WHY_MAX];
  struct stat st;
  receiving_saved saved = {.size = in->size, .path = path};
  int error = file_place_finish(in->folder, in->part, in->leaf, name);
  if (error) return error;
  in->drop_part = false;
  path_in(in->folder, name, path, sizeof path);
  if (fstat(in->target.fd, &st) == 0) saved.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
  memcpy(saved.id, in->id, sizeof saved.id);
  memcpy(saved.unit, in->unit, sizeof saved.unit);
  memcpy(saved.sha256, sha256, FILE_HASH_BYTES);
  if (receiving_saved_add(&j->state, &saved, j->s.peer, why)) ui_note("It may be sent again: %s", why);
  j->saved++;
  j->done_bytes += in->size;
  tell_saved(j, in, &saved, name);
  return 0;
}

static void on_finished(receive_job *j, incoming *in, const file_task *task) {
  int error = task->error ? task->error : put_in_place(j, in, task->sha256);
  if (is_full(error)) {
    on_full(j, in, task->stored_to);
  } else if (error) {
    if (error != EBADMSG) share_file_error(&j->s, in->id, in->line.name, "unwritable", strerror(error), NULL);
    uint8_t why = error == EBADMSG ? PL_CONST_FILE_DAMAGED : PL_CONST_FILE_UNWRITABLE;
    (void)share_about(&j->s, PL_TRANSFER_FINISHED, in->id, 0, why);
  } else {
    uint8_t id[16];
    memcpy(id, in->id, sizeof id);
    count_done(j, in->unit);
    (void)share_about(&j->s, PL_TRANSFER_FINISHED, id, 0, 0);
  }
}

static void on_stored(receive_job *j, incoming *in, const file_task *task) {
  if (task->error == ECANCELED) return; /* one before it failed: it is asked for again */
  if (!task->error) {
    (void)share_about(&j->s, PL_TRANSFER_STORED, in->id, task->stored_to, 0);
  } else if (is_full(task->error)) {
    on_full(j, in, task->stored_to);
  } else {
    share_file_error(&j->s, in->id, in->line.name, "unwritable", strerror(task->error), NULL);
    (void)share_about(&j->s, PL_TRANSFER_STORE_FAILED, in->id, task->stored_to, PL_CONST_FILE_UNWRITABLE);
  }
}

static incoming *owner_of(const receive_job *j, const file_target *t) {
  for (incoming *in = j->files; in; in = in->next)
    if (&in->target == t) return in;
  return NULL;
}

void receive_written(receive_job *j) {
  file_task *task;
  while ((task = file_writer_done(j->writer))) {
    incoming *in = task->target ? owner_of(j, task->target) : NULL;
    j->idle_ms = 0;
    if (in) in->target.pending++; /* it stays until the end of this */
    if (in && !in->over) {
      if (task->kind == FILE_TASK_FINISH)
        on_finished(j, in, task);
      else if (task->kind == FILE_TASK_RETRY)
        on_retried(j, in, task->error);
      else
        on_stored(j, in, task);
    }
    if (j->s.current && task->generation == j->s.generation)
      (void)pairlink_take(j->s.current, PL_CONST_FILE_CHANNEL, task->place);
    file_writer_return(j->writer, task);
    if (in && --in->target.pending == 0 && in->over) free_incoming(j, in);
  }
}

void receive_retry(receive_job *j) {
  uint64_t now = job_now_ms();
  for (incoming *in = j->files; in; in = in->next) {
    if (!in->retry_ms || in->retry_ms > now || in->over || in->target.pending) continue;
    uint64_t left = in->size > in->target.stored_to ? in->size - in->target.stored_to : 1;
    in->retry_ms = 0;
    give(j, FILE_TASK_RETRY, in, 0, left < PL_CONST_FILE_PIECE_BYTES ? (size_t)left : PL_CONST_FILE_PIECE_BYTES);
  }
}

/* ---- ends --------------------------------------------------------------------------------------------- */

/* Wanted, and not to come: what is there of it is of no use any more. */
static void on_over(receive_job *j, const pl_transfer_action *a) {
  incoming *in = a->file->user;
  uint8_t unit[16];
  bool undecided = a->file->state == PL_TRANSFER_ASKING;
  memcpy(unit, unit_of(a->file), sizeof unit);
  if (a->why && !undecided) {
    j->failed++;
    j->failed_why = a->why;
    char name[256];
    safe_text(a->file->name, name, sizeof name);
    if (a->why != PL_CONST_FILE_UNWRITABLE)
      share_file_error(&j->s, a->file->id, name, share_why_token(a->why), share_why(a->why, a->by_peer), NULL);
    count_done(j, unit);
    /* A stop of the whole: nothing more of it comes. */
    receive_unit *u = find_unit(j, unit);
    if (u && (a->why == PL_CONST_FILE_CANCELLED || a->why == PL_CONST_FILE_DECLINED) && a->by_peer) {
      if (u->done < u->files) end_offer(j, a->file, a->why, true);
      u->done = u->files;
      unit_over(j, unit);
    }
  }
  if (a->why && undecided && a->by_peer) end_offer(j, a->file, a->why, true);
  if (!in) return;
  in->over = true;
  in->drop_part = a->why != 0;
  if (in->target.pending == 0) free_incoming(j, in);
}

void receive_act(share *s, const pl_transfer_action *a) {
  receive_job *j = receive_of(s);
  if (a->file->outgoing) return;
  switch (a->type) {
    case PL_TRANSFER_OFFERED:
      on_offered(j, a);
      break;
    case PL_TRANSFER_PREPARE:
      on_prepare(j, a->file);
      break;
    case PL_TRANSFER_STORE:
      on_store(j, a);
      break;
    case PL_TRANSFER_FINISH:
      on_finish(j, a);
      break;
    case PL_TRANSFER_OVER:
      on_over(j, a);
      break;
    default:
      break;
  }
}

bool receive_is_disk_full(const receive_job *j) {
  for (const incoming *in = j->files; in; in = in->next)
    if (in->disk_full) return true;
  return false;
}

uint64_t receive_arrived(const share *s) {
  const receive_job *j = (const receive_job *)s;
  uint64_t sum = j->done_bytes;
  for (pl_transfer_file *f = NULL; (f = pl_transfer_each(s->transfer, f));)
    if (!f->outgoing) sum += f->stored;
  return sum;
}

static const char *note_of(const pl_transfer_file *f) {
  if (f->held_here == PL_CONST_FILE_HELD_DISK_FULL) return "the disk is full";
  if (f->held_here || f->held_there) return "paused";
  return f->state == PL_TRANSFER_ENDING ? "checking" : "";
}

void receive_draw(receive_job *j) {
  if (j->terminal >= 0 || !share_draw_begin(&j->s)) return;
  for (pl_transfer_file *f = NULL; (f = pl_transfer_each(j->s.transfer, f));) {
    incoming *in = !f->outgoing && f->state != PL_TRANSFER_ASKING ? f->user : NULL;
    if (in && (f->stored || f->size == 0 || !pl_transfer_has_group(f->group)))
      share_draw_file(&j->s, &in->line, f->stored, f->size, note_of(f));
  }
  share_draw_end(&j->s);
}

void receive_files_free(receive_job *j) {
  while (j->files) free_incoming(j, j->files);
}
