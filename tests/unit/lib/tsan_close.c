/* libuv 1.44 closes descriptors by syscall(SYS_close), which ThreadSanitizer does not see: it believes that the number
 * still belongs to the thread that opened it, and reports a race when another thread gets that number. This replacement
 * turns such a call into a close that it sees. */
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define PL_UNDER_TSAN
#endif
#endif

typedef long system_call(long number, ...);

#ifdef PL_UNDER_TSAN
__attribute__((visibility("default"))) long syscall(long number, ...) {
  long a[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_close) return close((int)a[0]);
  system_call *next = (system_call *)dlsym(RTLD_NEXT, "syscall");
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
#endif
