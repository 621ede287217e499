#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

pl_relay_log_level pl_log_level = PL_RELAY_LOG_INFO;
static const char *const names[] = {"error", "warn", "info", "debug"};

int pl_log_level_of(const char *name) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(names); i++)
    if (strcmp(names[i], name) == 0) return (int)i;
  return -1;
}

void pl_log_write(pl_relay_log_level level, const char *format, ...) {
  if (level > pl_log_level) return;
  char line[1024];
  struct timespec now;
  struct tm utc;
  va_list args;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
  n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %s ", now.tv_nsec / 1000000, names[level]);
  va_start(args, format);
  int m = vsnprintf(line + n, sizeof line - n, format, args);
  va_end(args);
  if (m < 0) return;
  n += (size_t)m;
  if (n > sizeof line - 2) n = sizeof line - 2;
  line[n] = '\n';
  fwrite(line, 1, n + 1, stderr); /* one call, so that lines of several threads do not mix */
}

void pl_log_keep_streams(void) {
  int fd;
  do fd = open("/dev/null", fcntl(0, F_GETFD) < 0 ? O_WRONLY : O_RDONLY);
  while (fd >= 0 && fd <= 2);
  if (fd > 2) close(fd);
}
