/* Parses the global options, then runs a command; prints the help of the whole program. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "command.h"
#include "nearest.h"

#define COMMAND_ADDRESS(name) &command_##name,
const command *const commands[] = {COMMANDS(COMMAND_ADDRESS) NULL};
#undef COMMAND_ADDRESS

/* ---- help ---------------------------------------------------------------------------------------------- */

static const char before[] =
    "Talk to anyone by their ID, end-to-end encrypted, through a relay that cannot read what you send.";

static const char examples[] =
    "Examples, on two machines:\n"
    "  $ pairlink send holiday.zip --relay wss://relay.example   # shows a code\n"
    "  $ pairlink receive --relay wss://relay.example            # asks for it\n"
    "\n"
    "  $ export PAIRLINK_RELAY=wss://relay.example               # set it once\n"
    "  $ pairlink pair                                           # shows a code\n"
    "  $ pairlink pair --code                                    # asks for it\n"
    "  $ pairlink chat Ana                                       # where you met\n"
    "\n"
    "Exit codes:\n";

static void print_command(FILE *out, const char *name, const char *arguments, const char *summary) {
  char start[64];
  snprintf(start, sizeof start, "%s %s", name, arguments);
  int more = 0; /* bytes beyond the columns: … takes three bytes and one column */
  for (const char *at = start; *at; at++) more += ((unsigned char)*at & 0xc0) == 0x80;
  fprintf(out, "  %-*s %s\n", 24 + more, start, summary);
}

/* The text around the options, as argp wants it: the part before them, \v, the part after. */
static const char *help_text(void) {
  static char doc[6000];
  FILE *out = fmemopen(doc, sizeof doc, "w");
  if (!out) return before;
  fprintf(out, "%s\vCommands (pairlink COMMAND --help says more):\n", before);
  for (const command *const *c = commands; *c; c++) print_command(out, (*c)->name, (*c)->arguments, (*c)->summary);
  print_command(out, "help", "[COMMAND]", "print this text, or the help of a command");
  fprintf(out, "\n%s", examples);
  for (unsigned i = 0; i < exit_code_count; i++) fprintf(out, "  %-4d %s\n", exit_codes[i].code, exit_codes[i].meaning);
  return fclose(out) == 0 ? doc : before;
}

/* ---- commands ------------------------------------------------------------------------------------------ */

static const command *find_command(const char *name) {
  for (const command *const *c = commands; *c; c++)
    if (strcmp((*c)->name, name) == 0) return *c;
  return NULL;
}

static int command_run(const cli *c, const command *what, int argc, char **argv) {
  char name[64];
  snprintf(name, sizeof name, "pairlink %s", what->name);
  argv[0] = name;
  return what->run(c, argc, argv);
}

static const char *name_to_compare(size_t i) {
  if (i == 0) return "help";
  return commands[i - 1] ? commands[i - 1]->name : NULL;
}

static int unknown_command(const char *name) {
  char safe[80], hint[128];
  const char *meant = nearest_name(name, name_to_compare);
  snprintf(hint, sizeof hint, "%s%s%spairlink help lists them", meant ? "did you mean " : "", meant ? meant : "",
           meant ? "? " : "");
  ui_error("there is no such command", ui_clean(name, safe, sizeof safe), hint);
  return EXIT_USAGE;
}

static int run_help(const cli *c, const char *doc, int argc, char **argv) {
  static char flag[] = "--help";
  bool of_command = argc > 1 && argv[1][0] != '-' && strcmp(argv[1], "help") != 0;
  const command *what = of_command ? find_command(argv[1]) : NULL;
  if (of_command && !what) return unknown_command(argv[1]);
  if (!what) {
    command_print_help(doc);
    return EXIT_OK;
  }
  char *arguments[] = {argv[0], flag, NULL};
  return command_run(c, what, 2, arguments);
}

/* ---- the process --------------------------------------------------------------------------------------- */

/* Runs at exit: fails the program when stdout did not take everything, including what argp printed. */
static void check_stdout(int code, void *context) {
  const char *what, *why, *hint;
  (void)context;
  if (fflush(stdout) == 0 && !ferror(stdout)) return;
  int error = errno;
  ui_last_error(&what, &why, &hint);
  if (!*what && error != EPIPE) ui_error("stdout cannot be written", strerror(error), NULL); /* a reader may leave */
  _exit(code ? code : EXIT_IO);
}

/* Opens /dev/null for each standard stream that is closed. Otherwise a socket would get its number. */
static void open_standard_streams(void) {
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) _exit(EXIT_IO);
}

/* Keeps the identity's secret key out of core dumps, which a service may collect, and away from debuggers of the same
 * user. */
static void forbid_core_dumps(void) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static const char *from_environment(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

int main(int argc, char **argv) {
  static cli c = {.relay_wait_s = 10};
  open_standard_streams();
  forbid_core_dumps();
  (void)on_exit(check_stdout, NULL);
  mallopt(M_TRIM_THRESHOLD, 16 << 20); /* messages come and go: keep their pages instead of returning them each time */
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  signal(SIGPIPE, SIG_IGN);
  argp_program_version = "pairlink " PAIRLINK_VERSION;
  argp_err_exit_status = EXIT_USAGE;
  setvbuf(stderr, NULL, _IOLBF, 0);
  const char *doc = help_text();
  int at = command_parse_program(&c, doc, argc, argv);
  c.default_relay = from_environment("PAIRLINK_RELAY");
  c.default_is_built_in = !c.default_relay;
  if (!c.default_relay) c.default_relay = DEFAULT_RELAY;
  if (!c.token) c.token = from_environment("PAIRLINK_TOKEN");
  argv += at;
  argc -= at;
  const command *what = find_command(argv[0]);
  if (what) return command_run(&c, what, argc, argv);
  if (strcmp(argv[0], "help") == 0) return run_help(&c, doc, argc, argv);
  return unknown_command(argv[0]);
}
