/* See sim_watch.h. Handlers use only what is safe in them: they read the world, format into a buffer on their stack and
 * write it by a system call. */
#include "sim_watch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* Of the sanitizers' runtime, when there is one. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
/* The C library's own: ThreadSanitizer replaces sigaction by one that holds signals back while a loop calls nothing. */
extern int __sigaction(int number, const struct sigaction *new_action, struct sigaction *old_action);

enum { ALTERNATE_STACK = 65536 };

static const struct {
  int number;
  const char *name;
} crashes[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"}};
enum { CRASHES = sizeof crashes / sizeof *crashes };

static const sim_world *volatile watched; /* NULL: nothing is printed */
static const char *replay_command;
static unsigned limit_s;
static uint64_t step_seen, seed_seen;
static unsigned seconds_seen; /* of processor time in that step */
static struct sigaction before[CRASHES];

/* ---- the line ---------------------------------------------------------------------------------------------------- */
typedef struct line {
  char text[512];
  size_t size;
} line;

static void add(line *l, const char *text) {
  while (*text && l->size < sizeof l->text) l->text[l->size++] = *text++;
}

static void add_number(line *l, uint64_t number, int digits) {
  char text[21] = {0};
  size_t at = sizeof text - 1;
  for (; number || digits > 0; digits--, number /= 10) text[--at] = (char)('0' + number % 10);
  add(l, text + at);
}

/* "seed 7 crashes at 1.000000 s, step 12: SIGSEGV", and the command that replays it. Only the first call prints. */
static void print(const char *verb, const char *what) {
  const sim_world *w = watched;
  line l = {.size = 0};
  if (!w) return;
  watched = NULL;
  add(&l, "seed ");
  add_number(&l, w->seed, 1);
  add(&l, verb);
  add_number(&l, w->now_us / 1000000, 1);
  add(&l, ".");
  add_number(&l, w->now_us % 1000000, 6);
  add(&l, " s, step ");
  add_number(&l, w->steps, 1);
  add(&l, ": ");
  add(&l, what);
  add(&l, "\nreplay it: ");
  add(&l, replay_command);
  add(&l, " --seed ");
  add_number(&l, w->seed, 1);
  add(&l, " --trace\n");
  (void)syscall(SYS_write, STDERR_FILENO, l.text, l.size);
}

/* ---- crashes ----------------------------------------------------------------------------------------------------- */

/* Whoever handled the signal before does it again: a sanitizer reports where it happened, the system writes a core. A
 * fault repeats when this returns. A signal that was sent must be sent again. */
static void on_crash(int number, siginfo_t *info, void *context) {
  (void)context;
  for (size_t i = 0; i < CRASHES; i++) {
    if (crashes[i].number != number) continue;
    print(" crashes at ", crashes[i].name);
    (void)sigaction(number, &before[i], NULL);
  }
  if (info->si_code <= 0) (void)raise(number);
}

static void on_death(void) {
  print(" crashes at ", "a sanitizer's report");
}

/* An endless recursion leaves no room on the ordinary stack. AddressSanitizer brings a stack, which it also frees. */
static void use_alternate_stack(void) {
  static char space[ALTERNATE_STACK];
  stack_t stack;
  if (sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE)) return;
  stack = (stack_t){.ss_sp = space, .ss_size = sizeof space};
  if (sigaltstack(&stack, NULL) != 0) abort();
}

/* ---- hangs ------------------------------------------------------------------------------------------------------- */

/* Comes after each second of processor time, so a busy machine makes no step look endless. */
static void on_second(int number) {
  const sim_world *w = watched;
  (void)number;
  if (!w) return;
  if (w->steps != step_seen || w->seed != seed_seen) {
    step_seen = w->steps;
    seed_seen = w->seed;
    seconds_seen = 0;
    return;
  }
  if (++seconds_seen < limit_s) return;
  print(" hangs at ", "it takes more processor time than any step needs");
  (void)syscall(SYS_exit_group, SIM_WATCH_HANGS);
}

void sim_watch_start(const sim_world *w, const char *replay, unsigned step_s) {
  replay_command = replay;
  limit_s = step_s;
  seconds_seen = 0;
  watched = w;
  use_alternate_stack();
  struct sigaction crash = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  for (size_t i = 0; i < CRASHES; i++) {
    struct sigaction old;
    if (sigaction(crashes[i].number, &crash, &old) != 0) abort();
    if (!(old.sa_flags & SA_SIGINFO) || old.sa_sigaction != on_crash) before[i] = old;
  }
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(on_death);
  struct sigaction second = {.sa_handler = on_second, .sa_flags = SA_RESTART | SA_ONSTACK};
  struct itimerval every_second = {{1, 0}, {1, 0}};
  if (__sigaction(SIGPROF, &second, NULL) != 0 || setitimer(ITIMER_PROF, &every_second, NULL) != 0) abort();
}

void sim_watch_end(void) {
  struct itimerval never = {{0, 0}, {0, 0}};
  (void)setitimer(ITIMER_PROF, &never, NULL);
  watched = NULL;
}
