/* A thread that works for the main thread: a lock and a condition by which it gets its work, and a descriptor by which
 * it reports. What the lock protects, and what the descriptor means, is up to its owner.
 *
 * The thread receives no signals, so Ctrl-C goes to the main thread. */
#ifndef PL_CLI_FILE_THREAD_H
#define PL_CLI_FILE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

typedef struct file_thread {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t given; /* there is work, or `stop` was set */
  int done_fd;          /* an eventfd that does not block */
  bool stop;            /* under the mutex: `run` is to return */
} file_thread;

/* Starts a thread that runs `run(context)`. Returns 0, or an errno and keeps nothing. */
int file_thread_start(file_thread *t, void *(*run)(void *), void *context);
/* Sets `stop`, waits until the thread has ended, and frees what file_thread_start made. */
void file_thread_end(file_thread *t);

#endif
