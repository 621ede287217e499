#include "low_fds.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

enum { LOW = 3 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned holders;
static bool held[LOW];

static bool all_taken(void) {
  for (int fd = 0; fd < LOW; fd++)
    if (fcntl(fd, F_GETFD) < 0) return false;
  return true;
}

void pl_low_fds_hold(void) {
  pthread_mutex_lock(&mutex);
  holders++;
  while (!all_taken()) {
    int fd = open("/", O_PATH | O_CLOEXEC);
    if (fd >= LOW) close(fd);
    if (fd < 0 || fd >= LOW) break;
    held[fd] = true;
  }
  pthread_mutex_unlock(&mutex);
}

void pl_low_fds_release(void) {
  pthread_mutex_lock(&mutex);
  holders--;
  for (int fd = 0; fd < LOW && holders == 0; fd++) {
    if (held[fd] && fcntl(fd, F_GETFL) & O_PATH) close(fd);
    held[fd] = false;
  }
  pthread_mutex_unlock(&mutex);
}
