/* Preloaded into a program under test to make allocations fail: those that its own code or libpairlink requests.
 * Allocations by other libraries succeed, because how those libraries handle a lack of memory is not tested here.
 *
 *   PL_FAIL_AT=N       the N-th allocation fails (1 is the first); 0 or unset: none fails
 *   PL_FAIL_FROM=1     all allocations from the N-th on fail
 *   PL_FAIL_REPORT=F   when the program ends, F gets the number of allocations and the call stack of the first one that
 *                      failed, innermost first, as addresses for addr2line
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own names for the functions that are replaced here, because dlsym would allocate. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

enum { RANGES_MAX = 8, FRAMES_MAX = 12 };

typedef struct range {
  uintptr_t from, to, base;
} range;

static range own[RANGES_MAX];
static size_t own_count;
static long fail_at;
static bool fail_from;
static atomic_long asked;
static atomic_bool has_failed;
static void *frames[FRAMES_MAX]; /* call stack of the first allocation that failed */
static int frame_count;

static int note_object(struct dl_phdr_info *info, size_t size, void *first) {
  (void)size;
  bool is_program = *(bool *)first;
  *(bool *)first = false; /* the program itself comes first */
  if (!is_program && !strstr(info->dlpi_name, "libpairlink")) return 0;
  for (int i = 0; i < info->dlpi_phnum && own_count < RANGES_MAX; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    uintptr_t from = info->dlpi_addr + p->p_vaddr;
    if (p->p_type == PT_LOAD && p->p_flags & PF_X) own[own_count++] = (range){from, from + p->p_memsz, info->dlpi_addr};
  }
  return 0;
}

static const range *range_of(uintptr_t address) {
  for (size_t i = 0; i < own_count; i++)
    if (address >= own[i].from && address < own[i].to) return &own[i];
  return NULL;
}

__attribute__((constructor)) static void begin(void) {
  const char *at = getenv("PL_FAIL_AT"), *from = getenv("PL_FAIL_FROM");
  bool first = true;
  fail_at = at ? strtol(at, NULL, 10) : 0;
  fail_from = from && *from == '1';
  dl_iterate_phdr(note_object, &first);
  (void)backtrace(frames, FRAMES_MAX); /* its first call loads a library */
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("PL_FAIL_REPORT");
  int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
  if (fd < 0) return;
  dprintf(fd, "%ld", atomic_load(&asked));
  for (int i = 0; i < frame_count; i++) {
    const range *r = range_of((uintptr_t)frames[i]);
    if (r) dprintf(fd, " %lx", (unsigned long)((uintptr_t)frames[i] - r->base));
  }
  close(fd);
}

static bool must_fail(const void *caller) {
  if (!range_of((uintptr_t)caller)) return false;
  long n = atomic_fetch_add(&asked, 1) + 1;
  if (!fail_at || (fail_from ? n < fail_at : n != fail_at)) return false;
  if (!atomic_exchange(&has_failed, true)) frame_count = backtrace(frames, FRAMES_MAX);
  errno = ENOMEM;
  return true;
}

#define CALLER __builtin_return_address(0)
#pragma GCC visibility push(default)

void *malloc(size_t size) {
  return must_fail(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  return must_fail(CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  return must_fail(CALLER) ? NULL : __libc_realloc(old, size);
}

char *strndup(const char *text, size_t most) {
  size_t n = strnlen(text, most);
  char *copy = must_fail(CALLER) ? NULL : __libc_malloc(n + 1);
  if (!copy) return NULL;
  memcpy(copy, text, n);
  copy[n] = '\0';
  return copy;
}

char *strdup(const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = must_fail(CALLER) ? NULL : __libc_malloc(n);
  return copy ? memcpy(copy, text, n) : NULL;
}

/* These allocate inside the C library on the program's behalf. */
static int print(const void *caller, char **out, const char *format, va_list args) {
  if (!must_fail(caller)) return vasprintf(out, format, args);
  *out = NULL;
  return -1;
}

int asprintf(char **out, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = print(CALLER, out, format, args);
  va_end(args);
  return n;
}

int __asprintf_chk(char **out, int flag, const char *format, ...);
int __asprintf_chk(char **out, int flag, const char *format, ...) {
  va_list args;
  (void)flag;
  va_start(args, format);
  int n = print(CALLER, out, format, args);
  va_end(args);
  return n;
}

FILE *open_memstream(char **text, size_t *size) {
  static FILE *(*real)(char **, size_t *);
  if (must_fail(CALLER)) return NULL;
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "open_memstream");
  return real ? real(text, size) : NULL;
}
#pragma GCC visibility pop
