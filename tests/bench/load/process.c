/* CPU and memory of a process, from /proc. CPU is the scheduler's own sum in nanoseconds over all threads (user and
 * system). /proc/PID/stat has the same in steps of 10 ms, and is used where the other is missing. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"

static bool read_file(const char *path, char *out, size_t size) {
  FILE *f = fopen(path, "r");
  if (!f) return false;
  size_t n = fread(out, 1, size - 1, f);
  fclose(f);
  out[n] = '\0';
  return n > 0;
}

static double cpu_by_ticks(pid_t pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  if (!read_file(path, text, sizeof text)) return -1;
  const char *p = strrchr(text, ')'); /* the name before it may contain anything */
  unsigned long user = 0, system = 0;
  if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) return -1;
  return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double bench_process_cpu_s(pid_t pid) {
  char path[300], text[128];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR *tasks = opendir(path);
  if (!tasks) return -1;
  double sum = 0;
  bool exact = true;
  for (struct dirent *e; (e = readdir(tasks)) != NULL;) {
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, e->d_name);
    if (read_file(path, text, sizeof text))
      sum += strtod(text, NULL) / 1e9;
    else if (access(path, F_OK) != 0 && access("/proc/self/schedstat", F_OK) != 0)
      exact = false;
  }
  closedir(tasks);
  return exact ? sum : cpu_by_ticks(pid);
}

double bench_process_rss_kb(pid_t pid) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  if (!read_file(path, text, sizeof text)) return -1;
  const char *p = strstr(text, "VmRSS:");
  return p ? strtod(p + 6, NULL) : -1;
}

double bench_own_cpu_s(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
