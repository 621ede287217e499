#include "file_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_place.h"
#include "file_sync.h"

enum { SPARE_FOLDERS_MAX = 8 };

void file_folders_init(file_folders *all, int root) {
  memset(all, 0, sizeof *all);
  all->root = root;
  pl_list_init(&all->list);
}

static void folder_free(file_folder *folder) {
  pl_list_remove(&folder->node);
  if (folder->fd >= 0) close(folder->fd);
  free(folder);
}

void file_folders_deinit(file_folders *all) {
  for (size_t i = 0; i < all->above_count; i++) close(all->above[i].fd);
  while (!pl_list_empty(&all->list)) folder_free(PL_CONTAINER(all->list.next, file_folder, node));
  free(all->noted);
}

/* Looks from the folder that was used last on: the next file usually goes into the same one. */
static file_folder *find_open(const file_folders *all, const char *path, size_t size) {
  for (pl_node *n = all->list.prev; n != &all->list; n = n->prev) {
    file_folder *folder = PL_CONTAINER(n, file_folder, node);
    if (!folder->gone && strncmp(folder->path, path, size) == 0 && folder->path[size] == '\0') return folder;
  }
  return NULL;
}

static void drop_spare(file_folders *all) {
  for (pl_node *n = all->list.next; n != &all->list && all->spare > SPARE_FOLDERS_MAX;) {
    file_folder *folder = PL_CONTAINER(n, file_folder, node);
    n = n->next;
    if (folder->users) continue;
    folder_free(folder);
    all->spare--;
  }
}

void file_folder_release(file_folders *all, file_folder *folder) {
  if (--folder->users) return;
  all->spare++;
  drop_spare(all);
}

/* Notes a folder above another one. When too many wait to be synced, syncs this one at once. */
static int note_above(void *context, int take_fd) {
  file_folders *all = context;
  if (all->above_count < FILE_FOLDER_ABOVE_MAX) {
    all->above[all->above_count++] = (file_folder_above){take_fd, 0};
    return 0;
  }
  int error = file_sync_one(take_fd, true);
  close(take_fd);
  return error;
}

/* Returns true when this program, or an earlier run, may have created the root. It did not when the root is a mount
 * point, or when this user may not create anything in the folder above. */
static bool root_may_be_ours(const file_folders *all) {
  struct stat root, above;
  if (fstat(all->root, &root) == 0 && fstatat(all->root, "..", &above, 0) == 0 && root.st_dev != above.st_dev)
    return false;
  return faccessat(all->root, "..", W_OK, AT_EACCESS) == 0 || (errno != EACCES && errno != EROFS);
}

/* The root may be new, too. A folder that cannot be opened can only be synced with all of its file system. */
static int note_root(file_folders *all) {
  int error = 0;
  if (!all->root_noted && root_may_be_ours(all)) {
    int fd = openat(all->root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    error = fd >= 0 ? note_above(all, fd) : syncfs(all->root) != 0 ? errno : 0;
  }
  all->root_noted = !error;
  return error;
}

/* Returns how many bytes of `path` are folders that `noted` has, too. Files come folder by folder, so one path tells
 * enough. */
static size_t noted_part(const char *noted, const char *path) {
  size_t same = 0;
  for (size_t i = 0;; i++) {
    bool ends = (path[i] == '\0' || path[i] == '/') && (noted[i] == '\0' || noted[i] == '/');
    if (ends) same = i;
    if (path[i] == '\0' || path[i] != noted[i]) return same;
  }
}

/* Opens the folder, and notes what is above it. Returns a descriptor, or -1 with errno. */
static int open_noted(file_folders *all, const char *path) {
  int error = note_root(all);
  int fd =
      error ? -1 : file_place_folder(all->root, path, all->noted ? noted_part(all->noted, path) : 0, note_above, all);
  if (!error && fd < 0) error = errno;
  if (!error) {
    free(all->noted);
    all->noted = strdup(path); /* without it, more is synced than needed */
  }
  errno = error;
  return fd;
}

static file_folder *open_folder(file_folders *all, const char *path, size_t size) {
  file_folder *folder = calloc(1, sizeof *folder + size + 1);
  if (!folder) return NULL;
  memcpy(folder->path, path, size);
  folder->users = 1;
  pl_list_init(&folder->node);
  pl_list_append(&all->list, &folder->node);
  folder->fd = open_noted(all, folder->path);
  if (folder->fd >= 0) return folder;
  int error = errno;
  folder->gone = true;
  file_folder_release(all, folder);
  errno = error;
  return NULL;
}

file_folder *file_folder_use(file_folders *all, const char *path, const char **leaf) {
  const char *slash = strrchr(path, '/');
  size_t size = slash ? (size_t)(slash - path) : 0;
  *leaf = slash ? slash + 1 : path;
  file_folder *folder = find_open(all, path, size);
  if (!folder) return open_folder(all, path, size);
  if (folder->users++ == 0) all->spare--;
  pl_list_remove(&folder->node);
  pl_list_append(&all->list, &folder->node);
  return folder;
}

void file_folders_top_is_new(file_folders *all, const char *name) {
  size_t size = strlen(name);
  for (pl_node *n = all->list.next; n != &all->list; n = n->next) {
    file_folder *folder = PL_CONTAINER(n, file_folder, node);
    bool is_below = strncmp(folder->path, name, size) == 0 && (folder->path[size] == '/' || !folder->path[size]);
    if (is_below) folder->gone = true;
  }
  free(all->noted);
  all->noted = NULL;
}

bool file_folders_next_above(file_folders *all, file_folder_above *out) {
  if (!all->above_count) return false;
  *out = all->above[--all->above_count];
  return true;
}
