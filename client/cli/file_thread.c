#include "file_thread.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void thread_free(file_thread *t) {
  pthread_mutex_destroy(&t->mutex);
  pthread_cond_destroy(&t->given);
  close(t->done_fd);
}

int file_thread_start(file_thread *t, void *(*run)(void *), void *context) {
  sigset_t all, before;
  *t = (file_thread){.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (t->done_fd < 0) return errno;
  pthread_mutex_init(&t->mutex, NULL);
  pthread_cond_init(&t->given, NULL);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&t->thread, NULL, run, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) thread_free(t);
  return error;
}

void file_thread_end(file_thread *t) {
  pthread_mutex_lock(&t->mutex);
  t->stop = true;
  pthread_cond_signal(&t->given);
  pthread_mutex_unlock(&t->mutex);
  pthread_join(t->thread, NULL);
  thread_free(t);
}
