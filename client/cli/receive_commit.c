/* Complete files go to the disk in batches, and only then the sender hears that they are saved: it may delete its
 * copies then.
 *
 * A file passes two barriers. After the first, its bytes are on the disk. It is noted in the journal, gets its name,
 * and after the second barrier the name and the journal are on the disk, too. One batch of the sync thread is the first
 * barrier of some files and the second of others. No batch waits for more files: the next one is what was completed
 * while the thread was busy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_stat.h"
#include "receive.h"

void receive_release(receive_job *j, incoming *in) {
  if (in->over && in->target.pending == 0 && !in->syncing) receive_free_incoming(j, in);
}

/* ---- a file that cannot be saved ---------------------------------------------------------------------- */

bool receive_is_full_error(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

void receive_on_full(receive_job *j, incoming *in, uint64_t stored) {
  char text[PROGRESS_TEXT_MAX];
  if (!in->disk_full) share_tell_disk_full(&j->s, in->id, in->line.name);
  if (!in->disk_full && !j->full_said) { /* once, however many files wait */
    uint64_t missing = in->size > stored ? in->size - stored : 0;
    char what[400];
    snprintf(what, sizeof what, "the disk is full: %s waits", in->line.name);
    ui_error(what, NULL, "free some space; the transfer then resumes automatically");
    if (missing) ui_say("  Still to come: %s", progress_bytes(missing, text));
    j->full_said = true;
  }
  in->disk_full = true;
  in->retry_ms = job_now_ms() + RECEIVE_RETRY_MS;
  (void)share_about(&j->s, PL_TRANSFER_STORE_FAILED, in->id, stored, PL_CONST_FILE_HELD_DISK_FULL);
}

static void commit_failed(receive_job *j, incoming *in, int error) {
  bool again = receive_is_full_error(error) && in->step == RECEIVE_BYTES;
  in->step = RECEIVE_MOVING;
  receive_move_to(&j->files, in);
  /* Which of its bytes are on the disk is not known now, so all of them are sent again. */
  int emptied = again ? receive_empty_part(in) : 0;
  if (again && !emptied)
    receive_on_full(j, in, 0);
  else
    receive_cannot_write(j, in->id, in->line.name, emptied ? emptied : error);
}

/* ---- names -------------------------------------------------------------------------------------------- */

/* Where an open folder is now: asked once for all of its files in a batch. */
typedef struct folder_place {
  const file_folder *folder;
  char path[4096];
} folder_place;

/* Returns the absolute path of a file in an open folder, or NULL when memory ran out. */
static char *path_of_entry(folder_place *place, const file_folder *folder, const char *name) {
  char link[64], *path;
  if (place->folder != folder) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder->fd);
    ssize_t n = readlink(link, place->path, sizeof place->path - 1);
    place->path[n > 0 ? n : 0] = '\0';
    place->folder = folder;
  }
  return asprintf(&path, "%s/%s", place->path, name) < 0 ? NULL : path;
}

static receiving_saved saved_of(const incoming *in) {
  receiving_saved saved = {.size = in->size, .mtime_ns = in->mtime_ns, .path = in->path};
  memcpy(saved.id, in->id, sizeof saved.id);
  memcpy(saved.unit, in->unit, sizeof saved.unit);
  return saved;
}

static void tell_forgetful(const char *why) {
  ui_note("It may be sent again: %s", why);
}

/* Adds the line for the journal under this name. Returns 0, or ENOMEM. */
static int add_line(receive_job *j, incoming *in, const char *name, json_t *lines, folder_place *place) {
  free(in->path);
  in->path = path_of_entry(place, in->folder, name);
  if (!in->path || !lines) return ENOMEM;
  receiving_saved saved = saved_of(in);
  if (!receiving_saved_line(&j->state, &saved, in->sha256, j->s.peer, lines)) tell_forgetful(in->path);
  return 0;
}

static void note_lines(receive_job *j, json_t *take_lines) {
  char why[PL_WHY_MAX] = "out of memory";
  if (receiving_saved_note(&j->state, take_lines, why)) tell_forgetful(why);
}

/* Renames the part file, whose line is in the journal. When the name is taken, notes the next free one and tries that.
 */
static int give_name(receive_job *j, incoming *in) {
  char name[FILE_LEAF_MAX];
  int error = file_place_finish(in->folder->fd, in->part, in->leaf);
  while (error == EEXIST) {
    json_t *lines = json_array();
    error = file_place_free_name(in->folder->fd, in->leaf, name);
    if (!error) error = add_line(j, in, name, lines, &(folder_place){0});
    if (error) {
      json_decref(lines);
      return error;
    }
    note_lines(j, lines);
    error = file_place_finish(in->folder->fd, in->part, name);
  }
  if (error) return error;
  in->part[0] = '\0';
  in->named = true;
  return 0;
}

static void name_one(receive_job *j, incoming *in) {
  int error = in->path ? give_name(j, in) : ENOMEM;
  if (!error) {
    receive_commit(j, in, RECEIVE_NAME);
    return;
  }
  in->step = RECEIVE_MOVING;
  receive_move_to(&j->files, in);
  if (receive_is_full_error(error))
    receive_on_full(j, in, in->target.stored_to);
  else
    receive_cannot_write(j, in->id, in->line.name, error);
}

/* Gives these files their names, after all of them are in the journal. */
static void name_all(receive_job *j, pl_node *list) {
  struct stat st;
  folder_place place = {0};
  json_t *lines = json_array();
  for (pl_node *n = list->next; n != list; n = n->next) {
    incoming *in = PL_CONTAINER(n, incoming, node);
    if (fstat(in->target.fd, &st) == 0) in->mtime_ns = file_mtime_ns(&st);
    (void)add_line(j, in, in->leaf, lines, &place);
  }
  if (!pl_list_empty(list)) note_lines(j, lines);
  if (pl_list_empty(list)) json_decref(lines);
  while (!pl_list_empty(list)) name_one(j, PL_CONTAINER(list->next, incoming, node));
}

/* ---- saved -------------------------------------------------------------------------------------------- */

static void tell_saved(receive_job *j, const incoming *in) {
  char path[1024], shown[256];
  const receiving_unit *u = receiving_find(&j->state, j->s.peer, in->unit);
  const char *name = strrchr(in->path, '/') + 1;
  if (strcmp(name, in->leaf) != 0)
    ui_say("%s already exists: saved as %s", in->line.name, ui_clean(name, shown, sizeof shown));
  if (!u || u->files <= 1) ui_say("Saved: %s. SHA-256 matches.", ui_clean(in->path, path, sizeof path));
}

/* Remembers a file for the rest of this run. */
static void remember_saved(receive_job *j, const incoming *in) {
  receiving_saved saved = saved_of(in);
  saved.checked = true;
  saved.path = strdup(in->path);
  if (receiving_saved_put(&j->state, &saved)) job_no_memory(&j->s.base);
}

/* The file that was already here is the same as the sender's. */
static void tell_same(receive_job *j, const incoming *in) {
  char text[1024];
  receiving_saved *saved = receiving_saved_find(&j->state, in->id, true);
  if (saved) {
    saved->checked = true;
    memcpy(saved->unit, in->unit, sizeof saved->unit);
  }
  j->there++;
  ui_note("Already here, SHA-256 matches: %s", ui_clean(in->path, text, sizeof text));
}

static void commit_saved(receive_job *j, incoming *in) {
  uint8_t id[16];
  memcpy(id, in->id, sizeof id);
  bool is_folder = in->target.fd < 0;
  if (in->looked_at) {
    tell_same(j, in);
  } else {
    if (!is_folder) {
      remember_saved(j, in);
      tell_saved(j, in);
    }
    j->saved++;
    j->done_bytes += in->size;
  }
  share_tell_done(&j->s, id, in->line.name, in->path, in->size, is_folder ? NULL : in->sha256);
  receive_count_done(j, in, in->unit);
  (void)share_about(&j->s, PL_TRANSFER_FINISHED, id, 0, 0);
}

/* ---- batches ------------------------------------------------------------------------------------------ */

static void batch_add(receive_job *j, int fd, bool is_folder, int *error) {
  *error = 0;
  if (!file_sync_add(j->sync, fd, is_folder, error)) job_no_memory(&j->s.base);
}

static void add_incoming(receive_job *j, incoming *in) {
  file_folder *folder = in->folder;
  in->syncing = true;
  receive_move_to(&j->syncing, in);
  if (in->step != RECEIVE_NAME) batch_add(j, in->target.fd, false, &in->sync_error);
  if (in->step == RECEIVE_BYTES || !folder->changed) return;
  folder->changed = false;
  batch_add(j, folder->fd, true, &folder->sync_error);
}

static void add_above(receive_job *j) {
  file_folder_above *above = j->above;
  while (j->above_count < PL_ARRAY_LENGTH(j->above) && file_folders_next_above(&j->folders, &above[j->above_count])) {
    batch_add(j, above[j->above_count].fd, true, &above[j->above_count].error);
    j->above_count++;
  }
}

static void start_batch(receive_job *j) {
  file_journal *journal = &j->state.saved_journal;
  /* The journal comes first: a name that is on the disk without its line would be given to another copy again. */
  if (journal->dirty) batch_add(j, journal->fd, false, &j->journal_error);
  journal->dirty = false;
  add_above(j);
  while (!pl_list_empty(&j->complete)) add_incoming(j, PL_CONTAINER(j->complete.next, incoming, node));
  file_sync_start(j->sync);
}

static void end_above(receive_job *j) {
  for (; j->above_count; j->above_count--) {
    const file_folder_above *above = &j->above[j->above_count - 1];
    if (above->error) j->above_error = above->error;
    close(above->fd);
  }
}

static int error_of(const receive_job *j, const incoming *in) {
  if (in->sync_error || in->step == RECEIVE_BYTES) return in->sync_error;
  return j->above_error ? j->above_error : in->folder->sync_error;
}

static void end_batch(receive_job *j) {
  pl_node naming;
  pl_list_init(&naming);
  if (j->journal_error) tell_forgetful(strerror(j->journal_error));
  j->journal_error = 0;
  end_above(j);
  while (!pl_list_empty(&j->syncing)) {
    incoming *in = PL_CONTAINER(j->syncing.next, incoming, node);
    int error = error_of(j, in);
    in->syncing = false;
    receive_move_to(in->step == RECEIVE_BYTES ? &naming : &j->files, in);
    if (in->over) {
      receive_release(j, in);
    } else if (error) {
      commit_failed(j, in, error);
    } else if (in->step != RECEIVE_BYTES) {
      commit_saved(j, in);
    }
  }
  name_all(j, &naming);
}

void receive_commit_go_on(receive_job *j) {
  if (file_sync_done(j->sync)) end_batch(j);
  if (file_sync_is_idle(j->sync) && !pl_list_empty(&j->complete) && !j->s.base.ending) start_batch(j);
}
