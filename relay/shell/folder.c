#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell.h"

__attribute__((format(printf, 2, 3))) static bool folder_refuse(char why[PL_FOLDER_WHY], const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why, PL_FOLDER_WHY, format, args);
  va_end(args);
  return false;
}

/* A user who may write in the folder could replace the key and the database. */
static bool check_owner(const char *data, bool as_command, char why[PL_FOLDER_WHY]) {
  struct stat about;
  if (stat(data, &about) != 0)
    return folder_refuse(why, "the data folder %s cannot be used: %s", data, strerror(errno));
  bool root_helps = as_command && geteuid() == 0;
  if (about.st_uid != geteuid() && !root_helps)
    return folder_refuse(why,
                         "the data folder %s belongs to another user (%u; this is user %u)\n"
                         "  run the relay as that user, or run chown -R %u on the folder",
                         data, about.st_uid, geteuid(), geteuid());
  if (about.st_mode & 022)
    return folder_refuse(why,
                         "the data folder %s has mode %04o, so others may change what is in it\n"
                         "  run chmod 700 %s once you are sure that nobody did",
                         data, about.st_mode & 07777U, data);
  return true;
}

bool pl_folder_open(const char *data, bool as_command, char why[PL_FOLDER_WHY]) {
  if (mkdir(data, 0700) != 0 && errno != EEXIST)
    return folder_refuse(why, "the data folder %s cannot be created: %s\n  name another with --data", data,
                         strerror(errno));
  if (access(data, R_OK | W_OK | X_OK) != 0)
    return folder_refuse(why, "the data folder %s cannot be used: %s\n  change its owner, or name another with --data",
                         data, strerror(errno));
  return check_owner(data, as_command, why);
}

/* Reports the process that holds the lock, which the lock file names. */
static bool say_holder(int fd, const char *data, char why[PL_FOLDER_WHY]) {
  char holder[16] = "";
  ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
  if (n <= 0 || strspn(holder, "0123456789") == 0) strcpy(holder, "?");
  holder[strspn(holder, "0123456789?")] = '\0';
  return folder_refuse(why,
                       "another relay uses the data folder %s: process %s\n"
                       "  stop that one, or name another folder with --data",
                       data, holder);
}

bool pl_folder_lock(const char *data, char why[PL_FOLDER_WHY]) {
  char path[PL_PATH_BYTES];
  if ((size_t)snprintf(path, sizeof path, "%s/relay.lock", data) >= sizeof path)
    return folder_refuse(why, "the data folder's name is too long");
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return folder_refuse(why, "%s: %s", path, strerror(errno));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    bool held = errno == EWOULDBLOCK;
    if (!held) folder_refuse(why, "%s cannot be locked: %s", path, strerror(errno));
    if (held) say_holder(fd, data, why);
    close(fd);
    return false;
  }
  /* The descriptor stays open for the life of the process, and so does the lock. On a full disk the file stays empty.
   */
  if (ftruncate(fd, 0) == 0) (void)!dprintf(fd, "%d\n", (int)getpid());
  return true;
}
