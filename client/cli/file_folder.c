#include "file_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
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
  for (size_t i = 0; i < all->made_count; i++) close(all->made[i].fd);
  while (!pl_list_empty(&all->list)) folder_free(PL_CONTAINER(all->list.next, file_folder, node));
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

typedef struct making {
  file_folders *all;
  file_folder *below;
} making;

/* Notes that a folder has a new folder in it. When too many wait to be synced, syncs this one at once. */
static int note_made(void *context, int take_fd) {
  const making *m = context;
  if (m->all->made_count < FILE_FOLDER_MADE_MAX) {
    m->below->users++;
    m->all->made[m->all->made_count++] = (file_folder_made){take_fd, m->below, 0};
    return 0;
  }
  int error = file_sync_one(take_fd, true);
  close(take_fd);
  return error;
}

int file_folder_note_top(file_folders *all, file_folder *below) {
  making m = {all, below};
  int fd = fcntl(all->root, F_DUPFD_CLOEXEC, 0);
  return fd < 0 ? errno : note_made(&m, fd);
}

static file_folder *open_folder(file_folders *all, const char *path, size_t size) {
  file_folder *folder = calloc(1, sizeof *folder + size + 1);
  making m = {all, folder};
  if (!folder) return NULL;
  memcpy(folder->path, path, size);
  folder->users = 1;
  pl_list_init(&folder->node);
  pl_list_append(&all->list, &folder->node);
  folder->fd = file_place_folder(all->root, folder->path, note_made, &m);
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

bool file_folders_next_made(file_folders *all, file_folder_made *out) {
  if (!all->made_count) return false;
  *out = all->made[--all->made_count];
  return true;
}
