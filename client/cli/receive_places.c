/* Where each file goes below the folder, and what is already there: a part file, or a copy from an earlier run, here or
 * in another folder. A file is opened only when its turn comes, so that a peer cannot make this program open many
 * files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_stat.h"
#include "receive.h"

/* ---- places ------------------------------------------------------------------------------------------- */

/* Puts a group's first folder under a new name, so that its files are not mixed with existing ones. */
static int place_top(receive_job *j, const uint8_t *id, char *path, size_t size) {
  receiving_unit *unit = receiving_find(&j->state, j->s.peer, id);
  char *slash = strchr(path, '/'), rest[PL_TRANSFER_NAME_MAX], name[FILE_LEAF_MAX], why[PL_WHY_MAX];
  if (!unit || !unit->is_group || !slash) return 0;
  snprintf(rest, sizeof rest, "%s", slash + 1);
  *slash = '\0';
  const char *here = json_string_value(json_object_get(unit->tops, path));
  if (!here) {
    int error = file_place_new_folder(j->root, path, name);
    if (error) return error;
    file_folders_top_is_new(&j->folders, name);
    (void)receiving_keep_top(&j->state, unit, path, name, why);
    here = name;
  }
  return snprintf(path, size, "%s/%s", here, rest) < (int)size ? 0 : ENAMETOOLONG;
}

/* Says once that hidden names are changed: the user might not find them otherwise. */
static void say_hidden(receive_job *j, const pl_transfer_file *f, const char *path) {
  char hidden[PL_TRANSFER_NAME_MAX];
  if (j->keep_hidden || j->hidden_said || !f->name.size || !memchr(f->name.data, '.', f->name.size)) return;
  (void)pl_transfer_safe_name(f->name, true, hidden);
  if (strcmp(path, hidden) == 0) return;
  j->hidden_said = true;
  ui_note("Names that start with a dot are saved with _ instead. --hidden keeps them, below the first folder.");
}

static int find_path(receive_job *j, const pl_transfer_file *f, char *path, size_t size) {
  (void)pl_transfer_safe_name(f->name, j->keep_hidden, path);
  say_hidden(j, f, path);
  return place_top(j, receive_unit_of(f), path, size);
}

/* Puts the unit and the name of its folder on the disk before its first part file exists: without them, the part file
 * could not be resumed. */
static void sync_units(receive_job *j) {
  char why[PL_WHY_MAX];
  if (receiving_sync(&j->state, why) == 0 || j->sync_failed) return;
  j->sync_failed = true;
  ui_note("After an interruption this will start from the beginning: %s", why);
}

static int use_folder(receive_job *j, incoming *in, const char *path) {
  const char *leaf;
  in->folder = file_folder_use(&j->folders, path, &leaf);
  if (!in->folder) return errno;
  snprintf(in->leaf, sizeof in->leaf, "%s", leaf);
  return 0;
}

static void leave_folder(receive_job *j, incoming *in) {
  if (in->folder) file_folder_release(&j->folders, in->folder);
  in->folder = NULL;
}

/* The folder was removed while it was open. */
static void leave_removed_folder(receive_job *j, incoming *in) {
  in->folder->gone = true;
  leave_folder(j, in);
}

/* Opens the part file in its folder. */
static int open_part_at(receive_job *j, incoming *in, const char *path) {
  int error = use_folder(j, in, path);
  if (error) return error;
  file_place_part_name(in->leaf, in->id, in->part);
  in->target.fd = file_place_part(in->folder->fd, in->part, &in->target.stored_to);
  if (in->target.fd >= 0) return 0;
  error = errno;
  in->part[0] = '\0'; /* it belongs to another program, or does not exist */
  return error;
}

static int open_part(receive_job *j, incoming *in) {
  char path[PL_TRANSFER_NAME_MAX + FILE_LEAF_MAX];
  int error = find_path(j, in->file, path, sizeof path);
  if (error) return error;
  sync_units(j);
  error = open_part_at(j, in, path);
  if (error == ENOENT && in->folder) {
    leave_removed_folder(j, in);
    error = open_part_at(j, in, path);
  }
  if (error) return error;
  in->target.hash = file_hash_new();
  return in->target.hash ? 0 : ENOMEM;
}

int receive_empty_part(incoming *in) {
  in->target.stored_to = in->target.flushed_to = 0;
  in->target.failed = false;
  if (ftruncate(in->target.fd, 0) != 0) return errno;
  return file_hash_reset(in->target.hash) ? 0 : ENOMEM;
}

static void close_target(receive_job *j, incoming *in) {
  if (in->target.fd >= 0) close(in->target.fd);
  if (in->target.source >= 0) close(in->target.source);
  leave_folder(j, in);
  EVP_MD_CTX_free(in->target.hash);
  in->target = (file_target){.fd = -1, .source = -1, .pending = in->target.pending};
}

/* Returns true when the file with the name that was given is still as it was then. */
static bool is_as_named(const incoming *in, const char *name) {
  struct stat own, there;
  return fstat(in->target.fd, &own) == 0 && fstatat(in->folder->fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         own.st_dev == there.st_dev && own.st_ino == there.st_ino && file_mtime_ns(&own) == in->mtime_ns;
}

void receive_discard(incoming *in) {
  const char *name = in->named ? strrchr(in->path, '/') + 1 : in->part;
  if (!in->folder || !*name || (in->named && !is_as_named(in, name))) return;
  (void)unlinkat(in->folder->fd, name, 0);
  in->part[0] = '\0';
  in->named = false;
}

/* Removes an empty part file: there is nothing to resume. */
void receive_free_incoming(receive_job *j, incoming *in) {
  bool is_empty = in->target.fd >= 0 && in->target.stored_to == 0;
  if (*in->part && in->folder && is_empty) (void)unlinkat(in->folder->fd, in->part, 0);
  pl_list_remove(&in->node);
  close_target(j, in);
  j->incoming_count -= !in->over;
  j->opened -= in->started;
  free(in->path);
  free(in);
}

/* ---- accepted files ----------------------------------------------------------------------------------- */

static incoming *new_incoming(receive_job *j, pl_transfer_file *f) {
  incoming *in = calloc(1, sizeof *in);
  if (!in) return NULL;
  memcpy(in->id, f->id, sizeof in->id);
  memcpy(in->unit, receive_unit_of(f), sizeof in->unit);
  in->file = f;
  in->size = f->size;
  in->target.fd = in->target.source = -1;
  memcpy(in->line.id, f->id, sizeof in->line.id);
  receive_safe_text(f->name, in->line.name, sizeof in->line.name);
  in->line.is_stream = receive_is_stream(f);
  pl_list_init(&in->node);
  pl_list_append(&j->queue, &in->node);
  j->incoming_count++;
  f->user = in;
  return in;
}

void receive_cannot_write(receive_job *j, const uint8_t *id, const char *name, int error) {
  uint8_t copy[16];
  if (error == ENOMEM) { /* not the file's fault */
    job_no_memory(&j->s.base);
    return;
  }
  memcpy(copy, id, sizeof copy);
  share_file_error(&j->s, copy, name, "unwritable",
                   error == EBUSY ? "another program is receiving it" : strerror(error), NULL);
  (void)share_about(&j->s, PL_TRANSFER_STOP, copy, 0, PL_CONST_FILE_UNWRITABLE);
}

void receive_prepare_file(receive_job *j, pl_transfer_file *f) {
  receiving_saved *saved = receiving_saved_find(&j->state, f->id, true);
  if (saved && saved->checked)
    receive_here_already(j, f, saved);
  else if (!new_incoming(j, f))
    receive_cannot_write(j, f->id, "a file", ENOMEM);
}

/* ---- turns -------------------------------------------------------------------------------------------- */

void receive_give(receive_job *j, file_task_kind kind, incoming *in, uint64_t offset, size_t size) {
  file_task *task = file_writer_task(j->writer, kind, &in->target, size);
  if (!task) {
    job_no_memory(&j->s.base);
    return;
  }
  task->offset = offset;
  task->generation = 0; /* no session: nothing is taken */
  file_writer_give(j->writer, task);
}

static void tell_ready(receive_job *j, const incoming *in, uint64_t offset) {
  (void)share_about(&j->s, PL_TRANSFER_READY, in->id, offset, 0);
}

/* Opens a file that was saved earlier. Returns a descriptor, or -1 when it is gone or changed. */
static int open_saved(const receiving_saved *saved) {
  struct stat st;
  int fd = open(saved->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == saved->size) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

/* Hashes a file that is already here, while the sender hashes its own. Returns false when there is none. */
static bool look_at_saved(receive_job *j, incoming *in) {
  const receiving_saved *saved = receiving_saved_find(&j->state, in->id, true);
  if (!saved || receive_is_stream(in->file) || saved->size != in->size) return false;
  in->target.fd = open_saved(saved);
  in->target.hash = in->target.fd >= 0 ? file_hash_new() : NULL;
  if (!in->target.hash) {
    close_target(j, in);
    return false;
  }
  in->target.read_only = in->looked_at = true;
  in->path = strdup(saved->path);
  in->counted = saved->counted && memcmp(saved->unit, in->unit, sizeof in->unit) == 0;
  receive_give(j, FILE_TASK_HASH, in, in->size, 0);
  tell_ready(j, in, in->size);
  return true;
}

/* Copies a file that was saved in another folder earlier. Returns false when there is none. */
static bool copy_saved(receive_job *j, incoming *in) {
  const receiving_saved *saved = receiving_saved_find(&j->state, in->id, false);
  if (!saved || receive_is_stream(in->file) || saved->size != in->size || in->size == 0) return false;
  in->target.source = open_saved(saved);
  if (in->target.source < 0) return false;
  in->copied = true;
  receive_give(j, FILE_TASK_COPY, in, in->size, 0);
  return true;
}

void receive_copied(receive_job *j, incoming *in, const file_task *task) {
  int error = task->error ? receive_empty_part(in) : 0;
  close(in->target.source);
  in->target.source = -1;
  in->copied = !task->error;
  if (error)
    receive_cannot_write(j, in->id, in->line.name, error);
  else
    tell_ready(j, in, in->target.stored_to);
}

static void place_incoming(receive_job *j, incoming *in) {
  int error = open_part(j, in);
  if (!error && !receive_is_stream(in->file) && in->target.stored_to > in->size) error = receive_empty_part(in);
  if (error) {
    receive_cannot_write(j, in->id, in->line.name, error);
    return;
  }
  if (copy_saved(j, in)) return;
  /* Hashes what is already there while the rest is on its way. */
  uint64_t there = in->target.stored_to;
  if (there) receive_give(j, FILE_TASK_HASH, in, there, 0);
  tell_ready(j, in, there);
}

void receive_start_again(receive_job *j, incoming *in) {
  bool from_elsewhere = in->copied;
  int error = 0;
  in->looked_at = in->copied = false;
  free(in->path);
  in->path = NULL;
  if (!from_elsewhere) {
    close_target(j, in);
    error = open_part(j, in);
  }
  if (!error) error = receive_empty_part(in);
  if (error)
    receive_cannot_write(j, in->id, in->line.name, error);
  else
    (void)share_about(&j->s, PL_TRANSFER_AGAIN, in->id, 0, 0);
}

void receive_move_to(pl_node *list, incoming *in) {
  pl_list_remove(&in->node);
  pl_list_append(list, &in->node);
}

void receive_commit(receive_job *j, incoming *in, receive_step step) {
  in->step = step;
  if (step != RECEIVE_BYTES) in->folder->changed = true;
  receive_move_to(&j->complete, in);
}

static int make_empty_at(receive_job *j, incoming *in, const char *path) {
  int error = use_folder(j, in, path);
  return error ? error : file_place_empty(in->folder->fd, in->leaf);
}

/* Creates an empty folder. Returns 0 or an errno. */
static int place_empty_folder(receive_job *j, incoming *in) {
  char path[PL_TRANSFER_NAME_MAX + FILE_LEAF_MAX];
  int error = find_path(j, in->file, path, sizeof path);
  if (!error) error = make_empty_at(j, in, path);
  if (error == ENOENT && in->folder) {
    leave_removed_folder(j, in);
    error = make_empty_at(j, in, path);
  }
  if (!error && asprintf(&in->path, "%s/%s", j->folder, path) < 0) error = ENOMEM;
  return error;
}

static void start_folder(receive_job *j, incoming *in) {
  int error = place_empty_folder(j, in);
  if (error)
    receive_cannot_write(j, in->id, in->line.name, error);
  else
    receive_commit(j, in, RECEIVE_NAME);
}

static void start_one(receive_job *j, incoming *in) {
  in->started = true;
  j->opened++;
  receive_move_to(&j->files, in);
  if (in->file->flags & PL_CONST_FILE_FLAG_FOLDER)
    start_folder(j, in);
  else if (!look_at_saved(j, in))
    place_incoming(j, in);
}

/* Returns the first file whose turn it is, or NULL when none may start now. */
static incoming *next_turn(const receive_job *j) {
  size_t moving = 0;
  uint64_t bytes = 0;
  if (pl_list_empty(&j->queue) || j->opened >= j->open_max) return NULL;
  incoming *next = PL_CONTAINER(j->queue.next, incoming, node);
  for (pl_node *n = j->files.next; n != &j->files; n = n->next) {
    const incoming *in = PL_CONTAINER(n, incoming, node);
    if (!in->over && in->file->held_there) continue;
    bytes += in->line.is_stream || in->size > RECEIVE_AT_ONCE_BYTES ? RECEIVE_AT_ONCE_BYTES : in->size;
    if (++moving >= RECEIVE_AT_ONCE && bytes >= RECEIVE_AT_ONCE_BYTES) return NULL;
  }
  return next;
}

/* A file that waits takes three descriptors at most: its own, that of its folder, and that of a file it is copied from.
 * The rest is for the connection, for threads, and for folders above others. */
void receive_set_open_max(receive_job *j) {
  enum { EACH = 3, OTHERS = 64 + 2 * FILE_FOLDER_ABOVE_MAX };
  struct rlimit most;
  bool is_low = getrlimit(RLIMIT_NOFILE, &most) == 0 && most.rlim_cur < OTHERS + EACH * RECEIVE_OPEN_MAX;
  size_t room = is_low && most.rlim_cur > OTHERS ? (size_t)(most.rlim_cur - OTHERS) / EACH : 0;
  j->open_max = !is_low ? RECEIVE_OPEN_MAX : room > RECEIVE_AT_ONCE ? room : RECEIVE_AT_ONCE;
}

void receive_start_files(receive_job *j) {
  incoming *in;
  /* Looks from the first again after each, because starting one file can end others. */
  while (!j->s.base.ending && (in = next_turn(j))) start_one(j, in);
}

/* ---- receive --clean ---------------------------------------------------------------------------------- */

typedef struct cleaning {
  size_t files;
  uint64_t bytes;
} cleaning;

static bool is_part_name(const char *name) {
  static const char digits[] = "0123456789abcdef", ending[] = ".part";
  size_t n = strlen(name), tail = 1 + 8 + sizeof ending - 1;
  if (name[0] != '.' || n <= tail + 1 || strcmp(name + n - (sizeof ending - 1), ending) != 0) return false;
  return name[n - tail] == '.' && strspn(name + n - tail + 1, digits) == 8;
}

/* Removes a part file, unless another program is writing it. */
static void clean_part(int folder, const char *name, cleaning *c) {
  uint64_t size = 0;
  struct stat st;
  if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) return;
  int fd = file_place_part(folder, name, &size);
  if (fd < 0) return;
  if (unlinkat(folder, name, 0) == 0) {
    c->files++;
    c->bytes += size;
  }
  close(fd);
}

/* Removes the part files in a folder; with `deep`, in the folders below, too. Closes the descriptor. */
static void clean_folder(int take_folder, bool deep, cleaning *c) {
  DIR *all = take_folder >= 0 ? fdopendir(take_folder) : NULL;
  const struct dirent *one;
  if (!all && take_folder >= 0) close(take_folder);
  while (all && (one = readdir(all))) {
    if (is_part_name(one->d_name)) clean_part(dirfd(all), one->d_name, c);
    if (!deep || strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0) continue;
    int next = openat(dirfd(all), one->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (next >= 0) clean_folder(next, true, c);
  }
  if (all) closedir(all);
}

int receive_clean(receive_job *j) {
  cleaning c = {0};
  char text[PROGRESS_TEXT_MAX], why[PL_WHY_MAX];
  const char *top;
  json_t *here;
  receiving_unit *u;
  clean_folder(openat(j->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), false, &c);
  while ((u = receiving_each(&j->state, NULL))) {
    json_object_foreach(u->tops, top, here) {
      int folder = openat(j->root, json_string_value(here), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (folder >= 0) clean_folder(folder, true, &c);
    }
    receiving_remove(&j->state, u);
  }
  int error = receiving_sync(&j->state, why);
  if (error) return ui_fail("unfinished transfers cannot be forgotten", error, why);
  ui_say("Unfinished transfers are forgotten. Part files removed: %zu (%s)", c.files, progress_bytes(c.bytes, text));
  return 0;
}
