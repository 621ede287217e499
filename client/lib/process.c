#include "process.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint *number; /* alone in a page that the kernel clears in a forked child */
static unsigned numbers;    /* numbers given so far, by this process and its ancestors */

static atomic_uint *make_page(void) {
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return NULL;
  if (madvise(page, size, MADV_WIPEONFORK) == 0) return page;
  munmap(page, size);
  return NULL;
}

pl_process pl_process_now(void) {
  pl_process now = {.pid = getpid()};
  pthread_mutex_lock(&lock);
  if (!number) number = make_page();
  if (number && atomic_load(number) == 0) atomic_store(number, ++numbers);
  now.number = number;
  if (number) now.made_in = atomic_load(number);
  pthread_mutex_unlock(&lock);
  return now;
}

bool pl_process_is_another(const pl_process *made) {
  if (!made->number) return getpid() != made->pid;
  return atomic_load_explicit(made->number, memory_order_relaxed) != made->made_in;
}
