/* The bytes and the end of each received file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

static void on_retried(receive_job *j, incoming *in, int error) {
  if (error) {
    in->retry_ms = job_now_ms() + RECEIVE_RETRY_MS;
    return;
  }
  in->disk_full = false;
  if (j->full_said) ui_say("There is room again: resuming %s.", in->line.name);
  j->full_said = false;
  (void)share_about(&j->s, PL_TRANSFER_ROOM, in->id, 0, 0);
}

/* The file that was already here is the same as the sender's. It goes to the disk like a new one, because the run that
 * saved it may have ended before that. */
static void on_same(receive_job *j, incoming *in) {
  const char *leaf;
  bool is_there = in->path && receiving_saved_find(&j->state, in->id, true);
  if (is_there) in->folder = file_folder_use(&j->folders, in->path + strlen(j->folder) + (j->folder[1] != '\0'), &leaf);
  if (in->folder)
    receive_commit(j, in, RECEIVE_BYTES_AND_NAME);
  else
    receive_start_again(j, in); /* it was changed or moved since the comparison */
}

/* Gives a complete part file the time that the sender said, before it goes to the disk. One in the future would mislead
 * programs that look for what is newer; a day is left for clocks and time zones that are set wrong. */
static void keep_time(const incoming *in) {
  enum { DAY_S = 24 * 60 * 60 };
  uint64_t modified_ns = in->file->modified_ns, second_ns = 1000000000;
  uint64_t seconds = modified_ns / second_ns; /* compared before it becomes a time_t, which may have 32 bits */
  struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {(time_t)seconds, (long)(modified_ns % second_ns)}};
  if (modified_ns && seconds <= (uint64_t)time(NULL) + DAY_S) (void)futimens(in->target.fd, times);
}

static void on_finished(receive_job *j, incoming *in, const file_task *task) {
  if (task->error == ECANCELED && !in->looked_at && !in->copied) return; /* a piece before it found no room */
  memcpy(in->sha256, task->sha256, sizeof in->sha256);
  if (task->error && (in->looked_at || in->copied)) {
    receive_start_again(j, in);
  } else if (in->looked_at) {
    on_same(j, in);
  } else if (!task->error) {
    keep_time(in);
    receive_commit(j, in, RECEIVE_BYTES);
  } else if (receive_is_full_error(task->error)) {
    receive_on_full(j, in, task->stored_to);
  } else {
    if (task->error != EBADMSG)
      share_file_error(&j->s, in->id, in->line.name, "unwritable", strerror(task->error), NULL);
    uint8_t why = task->error == EBADMSG ? PL_CONST_FILE_DAMAGED : PL_CONST_FILE_UNWRITABLE;
    (void)share_about(&j->s, PL_TRANSFER_FINISHED, in->id, 0, why);
  }
}

static void on_stored(receive_job *j, incoming *in, const file_task *task) {
  if (in->looked_at) return;            /* on_finished sees the error, too */
  if (task->error == ECANCELED) return; /* a task before it failed, so this piece will be requested again */
  if (!task->error) {
    (void)share_about(&j->s, PL_TRANSFER_STORED, in->id, task->stored_to, 0);
  } else if (receive_is_full_error(task->error)) {
    receive_on_full(j, in, task->stored_to);
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
    if (in) {
      in->target.pending--;
      receive_release(j, in);
    }
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

/* A file is over. When it failed, what has come of it is useless. */
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
  j->incoming_count--;
  if (a->why) receive_discard(in);
  receive_release(j, in);
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
    bool is_file = !f->outgoing && f->state != PL_TRANSFER_ASKING && !(f->flags & PL_CONST_FILE_FLAG_FOLDER);
    incoming *in = is_file ? f->user : NULL;
    if (in && (f->stored || f->size == 0 || !pl_transfer_has_group(f->group)))
      share_draw_file(&j->s, &in->line, f->stored, f->size, receive_note_of(f));
  }
  share_draw_end(&j->s);
}

void receive_files_free(receive_job *j) {
  pl_node *lists[] = {&j->queue, &j->files, &j->complete, &j->syncing};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(lists); i++)
    while (!pl_list_empty(lists[i])) receive_free_incoming(j, PL_CONTAINER(lists[i]->next, incoming, node));
  for (; j->above_count; j->above_count--) close(j->above[j->above_count - 1].fd);
}
