/* The bytes and the end of each received file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_stat.h"
#include "receive.h"

/* ---- bytes -------------------------------------------------------------------------------------------- */

static void receive_on_store(receive_job *j, const pl_transfer_action *a) {
  incoming *in = a->file->user;
  file_task *task = file_writer_task(j->writer, FILE_TASK_WRITE, &in->target, a->data.size);
  if (!task) {
    job_no_memory(&j->s.base);
    return;
  }
  task->offset = a->offset;
  memcpy(task->bytes, a->data.data, a->data.size);
  j->due = task;
}

static void receive_on_finish(receive_job *j, const pl_transfer_action *a) {
  incoming *in = a->file->user;
  file_task *task = file_writer_task(j->writer, FILE_TASK_FINISH, &in->target, 0);
  if (!task) {
    job_no_memory(&j->s.base);
    return;
  }
  in->size = a->size;
  task->offset = a->size;
  memcpy(task->sha256, a->sha256, sizeof task->sha256);
  j->due = task;
}

/* Messages are taken in order, so one that needs no writing waits for those before it. */
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
    job_no_memory(&s->base);
    return;
  }
  task->place = place;
  task->generation = s->generation;
  file_writer_give(j->writer, task);
}

/* ---- results of the writer ---------------------------------------------------------------------------- */

static bool is_full(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static void on_full(receive_job *j, incoming *in, uint64_t stored) {
  char text[PROGRESS_TEXT_MAX];
  if (!in->disk_full) {
    uint64_t missing = in->size > stored ? in->size - stored : 0;
    char what[400];
    snprintf(what, sizeof what, "the disk is full: %s waits", in->line.name);
    ui_error(what, NULL, "free some space; the transfer then resumes automatically");
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
  ui_say("There is room again: resuming %s.", in->line.name);
  (void)share_about(&j->s, PL_TRANSFER_ROOM, in->id, 0, 0);
}

static void tell_saved(receive_job *j, const incoming *in, const receiving_saved *saved, const char *name) {
  char path[1024], shown[256];
  const receiving_unit *u = receiving_find(&j->state, j->s.peer, in->unit);
  if (strcmp(name, in->leaf) != 0)
    ui_say("%s already exists: saved as %s", in->line.name, ui_clean(name, shown, sizeof shown));
  if (!u || u->files <= 1) ui_say("Saved: %s. SHA-256 matches.", ui_clean(saved->path, path, sizeof path));
  share_tell_done(&j->s, in->id, in->line.name, saved->path, saved->size, saved->sha256);
}

/* Writes the absolute path of a file in an open folder. */
static void path_of_entry(int folder, const char *name, char *out, size_t size) {
  char link[64], there[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  ssize_t n = readlink(link, there, sizeof there - 1);
  there[n > 0 ? n : 0] = '\0';
  (void)snprintf(out, size, "%s/%s", there, name);
}

static int save_incoming(receive_job *j, incoming *in, const uint8_t sha256[FILE_HASH_BYTES]) {
  char name[FILE_LEAF_MAX], path[4096 + FILE_LEAF_MAX], why[PL_WHY_MAX];
  struct stat st;
  receiving_saved saved = {.size = in->size, .path = path, .checked = true};
  int error = file_place_finish(in->folder, in->part, in->leaf, name);
  if (error) return error;
  in->part[0] = '\0';
  path_of_entry(in->folder, name, path, sizeof path);
  if (fstat(in->target.fd, &st) == 0) saved.mtime_ns = file_mtime_ns(&st);
  memcpy(saved.id, in->id, sizeof saved.id);
  memcpy(saved.unit, in->unit, sizeof saved.unit);
  memcpy(saved.sha256, sha256, FILE_HASH_BYTES);
  if (receiving_saved_add(&j->state, &saved, j->s.peer, why)) ui_note("It may be sent again: %s", why);
  j->saved++;
  j->done_bytes += in->size;
  tell_saved(j, in, &saved, name);
  return 0;
}

/* The file that was already here is the same as the sender's. */
static void on_same(receive_job *j, incoming *in, const uint8_t sha256[FILE_HASH_BYTES]) {
  char text[1024];
  receiving_saved *saved = receiving_saved_find(&j->state, in->id, true);
  if (!saved) { /* it was changed or moved since the comparison */
    receive_start_again(j, in);
    return;
  }
  uint8_t id[16];
  memcpy(id, in->id, sizeof id);
  saved->checked = true;
  memcpy(saved->unit, in->unit, sizeof saved->unit);
  j->there++;
  ui_note("Already here, SHA-256 matches: %s", ui_clean(saved->path, text, sizeof text));
  share_tell_done(&j->s, in->id, in->line.name, saved->path, in->size, sha256);
  receive_count_done(j, in, in->unit);
  (void)share_about(&j->s, PL_TRANSFER_FINISHED, id, 0, 0);
}

static void on_finished(receive_job *j, incoming *in, const file_task *task) {
  if (task->error && (in->looked_at || in->copied)) {
    receive_start_again(j, in);
    return;
  }
  if (in->looked_at) {
    on_same(j, in, task->sha256);
    return;
  }
  int error = task->error ? task->error : save_incoming(j, in, task->sha256);
  if (is_full(error)) {
    on_full(j, in, task->stored_to);
  } else if (error) {
    if (error != EBADMSG) share_file_error(&j->s, in->id, in->line.name, "unwritable", strerror(error), NULL);
    uint8_t why = error == EBADMSG ? PL_CONST_FILE_DAMAGED : PL_CONST_FILE_UNWRITABLE;
    (void)share_about(&j->s, PL_TRANSFER_FINISHED, in->id, 0, why);
  } else {
    uint8_t id[16];
    memcpy(id, in->id, sizeof id);
    receive_count_done(j, in, in->unit);
    (void)share_about(&j->s, PL_TRANSFER_FINISHED, id, 0, 0);
  }
}

static void on_stored(receive_job *j, incoming *in, const file_task *task) {
  if (in->looked_at) return;            /* on_finished sees the error, too */
  if (task->error == ECANCELED) return; /* a task before it failed, so this piece will be requested again */
  if (!task->error) {
    (void)share_about(&j->s, PL_TRANSFER_STORED, in->id, task->stored_to, 0);
  } else if (is_full(task->error)) {
    on_full(j, in, task->stored_to);
  } else {
    share_file_error(&j->s, in->id, in->line.name, "unwritable", strerror(task->error), NULL);
    (void)share_about(&j->s, PL_TRANSFER_STORE_FAILED, in->id, task->stored_to, PL_CONST_FILE_UNWRITABLE);
  }
}

void receive_written(receive_job *j) {
  file_task *task;
  while ((task = file_writer_done(j->writer))) {
    incoming *in = task->target ? PL_CONTAINER(task->target, incoming, target) : NULL;
    j->idle_ms = 0;
    if (in) in->target.pending++;         /* keeps `in` until the end of this turn */
    bool starved = task->error == ENOMEM; /* not the file's fault; the piece is not stored, so it is not taken */
    if (starved) {
      job_no_memory(&j->s.base);
    } else if (in && !in->over) {
      if (task->kind == FILE_TASK_FINISH)
        on_finished(j, in, task);
      else if (task->kind == FILE_TASK_RETRY)
        on_retried(j, in, task->error);
      else if (task->kind == FILE_TASK_COPY)
        receive_copied(j, in, task);
      else
        on_stored(j, in, task);
    }
    if (j->s.current && task->generation == j->s.generation && !starved)
      (void)pairlink_take(j->s.current, PL_CONST_FILE_CHANNEL, task->place);
    file_writer_return(j->writer, task);
    if (in && --in->target.pending == 0 && in->over) receive_free_incoming(in);
  }
}

/* Returns the file after this one; the first for NULL. */
static incoming *each_incoming(const receive_job *j, const incoming *after) {
  const pl_node *n = after ? after->node.next : j->files.next;
  return n == &j->files ? NULL : PL_CONTAINER(n, incoming, node);
}

void receive_retry(receive_job *j) {
  uint64_t now = job_now_ms();
  for (incoming *in = NULL; (in = each_incoming(j, in));) {
    if (!in->retry_ms || in->retry_ms > now || in->over || in->target.pending) continue;
    uint64_t left = in->size > in->target.stored_to ? in->size - in->target.stored_to : 1;
    in->retry_ms = 0;
    receive_give(j, FILE_TASK_RETRY, in, 0,
                 left < PL_CONST_FILE_PIECE_BYTES ? (size_t)left : PL_CONST_FILE_PIECE_BYTES);
  }
}

/* ---- ends --------------------------------------------------------------------------------------------- */

/* A file is over. When it failed, its part file is useless. */
static void receive_on_over(receive_job *j, const pl_transfer_action *a) {
  incoming *in = a->file->user;
  uint8_t unit[16];
  bool undecided = a->file->state == PL_TRANSFER_ASKING;
  memcpy(unit, receive_unit_of(a->file), sizeof unit);
  if (a->why && !undecided) {
    j->failed++;
    j->failed_why = a->why;
    char name[256];
    receive_safe_text(a->file->name, name, sizeof name);
    if (a->why != PL_CONST_FILE_UNWRITABLE)
      share_file_error(&j->s, a->file->id, name, share_why_token(a->why), share_why(a->why, a->by_peer), NULL);
    receive_count_done(j, in, unit);
    /* The sender stopped the whole unit: nothing more of it comes. */
    if ((a->why == PL_CONST_FILE_CANCELLED || a->why == PL_CONST_FILE_DECLINED) && a->by_peer) {
      const receiving_unit *u = receiving_find(&j->state, j->s.peer, unit);
      if (u && u->done < u->files) receive_offer_over(j, a->file, a->why, true);
      receive_unit_stopped(j, unit);
    }
  }
  if (a->why && undecided && a->by_peer) receive_offer_over(j, a->file, a->why, true);
  if (!in) return;
  in->file = NULL;
  in->over = true;
  in->drop_part = a->why != 0;
  if (in->target.pending == 0) receive_free_incoming(in);
}

void receive_act(share *s, const pl_transfer_action *a) {
  receive_job *j = receive_of(s);
  if (a->file->outgoing) return;
  switch (a->type) {
    case PL_TRANSFER_OFFERED:
      receive_offered(j, a);
      break;
    case PL_TRANSFER_PREPARE:
      receive_prepare_file(j, a->file);
      break;
    case PL_TRANSFER_STORE:
      receive_on_store(j, a);
      break;
    case PL_TRANSFER_FINISH:
      receive_on_finish(j, a);
      break;
    case PL_TRANSFER_OVER:
      receive_on_over(j, a);
      break;
    default:
      break;
  }
}

bool receive_is_disk_full(const receive_job *j) {
  for (const incoming *in = NULL; (in = each_incoming(j, in));)
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

static const char *receive_note_of(const pl_transfer_file *f) {
  if (f->held_here == PL_CONST_FILE_HELD_DISK_FULL) return "the disk is full";
  if (f->held_here || f->held_there) return "paused";
  return f->state == PL_TRANSFER_ENDING ? "checking" : "";
}

void receive_draw(receive_job *j) {
  if (j->terminal >= 0 || !share_draw_begin(&j->s)) return;
  for (pl_transfer_file *f = NULL; (f = pl_transfer_each(j->s.transfer, f));) {
    incoming *in = !f->outgoing && f->state != PL_TRANSFER_ASKING ? f->user : NULL;
    if (in && (f->stored || f->size == 0 || !pl_transfer_has_group(f->group)))
      share_draw_file(&j->s, &in->line, f->stored, f->size, receive_note_of(f));
  }
  share_draw_end(&j->s);
}

void receive_files_free(receive_job *j) {
  while (!pl_list_empty(&j->files)) receive_free_incoming(PL_CONTAINER(j->files.next, incoming, node));
}
