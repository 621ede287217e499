/* Preloaded into a program, to stop it at a certain moment of its work with the disk.
 *
 * PL_SYNC_GATE, PL_SYNC_LOG: each sync of a file or file system by one of its threads (not the main thread) waits until
 * the test lets it through. It takes one byte from the FIFO that PL_SYNC_GATE names; at its end, all are let through.
 * Before it waits, it writes a line to the file that PL_SYNC_LOG names: what it calls, and the path.
 *
 * PL_KILL_AFTER_NAMES: the program is killed right after it has given a file its name for the N-th time. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) int fdatasync(int fd);
__attribute__((visibility("default"))) int syncfs(int fd);
__attribute__((visibility("default"))) int renameat2(int from_dir, const char *from, int to_dir, const char *to,
                                                     unsigned flags);

static void wait_at_gate(const char *name, int fd) {
  static int gate = -2; /* of the only thread that syncs */
  char byte, link[64], at[4096], line[5000];
  const char *path = getenv("PL_SYNC_GATE"), *log = getenv("PL_SYNC_LOG");
  if (!path || !log || syscall(SYS_gettid) == getpid()) return;
  int out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, at, sizeof at);
  int n = snprintf(line, sizeof line, "%s %.*s\n", name, length > 0 ? (int)length : 0, at);
  if (out < 0 || write(out, line, (size_t)n) != n) abort();
  close(out);
  if (gate == -2) gate = open(path, O_RDONLY | O_CLOEXEC);
  if (gate < 0 || read(gate, &byte, 1) < 0) abort();
}

int fsync(int fd) {
  wait_at_gate("fsync", fd);
  return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  wait_at_gate("fdatasync", fd);
  return (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd) {
  wait_at_gate("syncfs", fd);
  return (int)syscall(SYS_syncfs, fd);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  static int count;
  const char *at = getenv("PL_KILL_AFTER_NAMES");
  int result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
  if (result == 0 && at && ++count == atoi(at)) raise(SIGKILL);
  return result;
}
