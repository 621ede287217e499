/* Preloaded into a program, to stop it at a certain moment of its work with the disk, or to make the disk fail.
 *
 * PL_SYNC_GATE, PL_GATE_LOG: each sync of a file or file system by one of its threads (not the main thread) waits until
 * the test lets it through. It takes one byte from the FIFO that PL_SYNC_GATE names; at its end, all are let through.
 * Before it waits, it writes a line to the file that PL_GATE_LOG names: what it calls, and the path.
 *
 * PL_WRITE_GATE: likewise each pwritev of a thread.
 *
 * PL_NO_SYNCFS: the file system cannot be synced as a whole.
 *
 * PL_SYNC_ERROR, PL_RANGE_ERROR: the first fdatasync of a part file, or the first wait for a range of a file, fails
 * with this errno. The kernel reports such an error once, too.
 *
 * PL_KILL_AFTER_NAMES: the program is killed right after it has given a file its name for the N-th time. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define HOOK __attribute__((visibility("default")))
HOOK int fsync(int fd);
HOOK int fdatasync(int fd);
HOOK int syncfs(int fd);
HOOK int sync_file_range(int fd, off_t offset, off_t size, unsigned flags);
HOOK ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset);
HOOK int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);

static const char *path_of(int fd, char at[4096]) {
  char link[64];
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, at, 4095);
  at[length > 0 ? length : 0] = '\0';
  return at;
}

/* gate: the descriptor of the FIFO, -2 until it is open; used by one thread. */
static void wait_at_gate(const char *variable, int *gate, const char *name, int fd) {
  char at[4096], line[5000], byte;
  const char *path = getenv(variable), *log = getenv("PL_GATE_LOG");
  if (!path || !log || syscall(SYS_gettid) == getpid()) return;
  int out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  int n = snprintf(line, sizeof line, "%s %s\n", name, path_of(fd, at));
  if (out < 0 || write(out, line, (size_t)n) != n) abort();
  close(out);
  if (*gate == -2) *gate = open(path, O_RDONLY | O_CLOEXEC);
  if (*gate < 0 || read(*gate, &byte, 1) < 0) abort();
}

static void wait_to_sync(const char *name, int fd) {
  static int gate = -2;
  wait_at_gate("PL_SYNC_GATE", &gate, name, fd);
}

/* Returns true the first time when the variable is set, and sets errno. */
static bool fails(const char *variable, bool *failed) {
  const char *error = getenv(variable);
  if (!error || *failed) return false;
  *failed = true;
  errno = atoi(error);
  return true;
}

int fsync(int fd) {
  wait_to_sync("fsync", fd);
  return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  static bool failed;
  char at[4096];
  wait_to_sync("fdatasync", fd);
  if (strstr(path_of(fd, at), ".part") && fails("PL_SYNC_ERROR", &failed)) return -1;
  return (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd) {
  if (getenv("PL_NO_SYNCFS")) {
    errno = EOPNOTSUPP;
    return -1;
  }
  wait_to_sync("syncfs", fd);
  return (int)syscall(SYS_syncfs, fd);
}

int sync_file_range(int fd, off_t offset, off_t size, unsigned flags) {
  static bool failed;
  if ((flags & SYNC_FILE_RANGE_WAIT_BEFORE) && fails("PL_RANGE_ERROR", &failed)) return -1;
  return (int)syscall(SYS_sync_file_range, fd, offset, size, flags);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
  static int gate = -2;
  wait_at_gate("PL_WRITE_GATE", &gate, "pwritev", fd);
  /* The system call takes the offset in two halves; on a 64-bit machine the lower one holds all of it. */
  return syscall(SYS_pwritev, fd, pieces, count, (long)offset, (long)((uint64_t)offset >> 32));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  static int count;
  const char *at = getenv("PL_KILL_AFTER_NAMES");
  int result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
  if (result == 0 && at && ++count == atoi(at)) raise(SIGKILL);
  return result;
}
