/* Starts threads that receive no signals, so that Ctrl-C goes to the main thread. */
#ifndef PL_CLI_FILE_THREAD_H
#define PL_CLI_FILE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* Returns 0 or an errno. */
static inline int file_thread_start(pthread_t *thread, void *(*run)(void *), void *context) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(thread, NULL, run, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

#endif
