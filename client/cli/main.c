/* Global options, then a command with its own. */
#include <argp.h>
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

#include "cli.h"
#include "contacts.h"

/* The one list of commands: for running, --help and completion. */
const command commands[] = {
    {"send", "PATH…", "send files and folders, by a code or to a contact", command_send, send_options, "FILE"},
    {"receive", "", "receive files, by a code or from a contact", command_receive, receive_options, NULL},
    {"pair", "[LINK|ID]", "become contacts, by a code, a link or an ID", command_pair, pair_options, "CONTACT"},
    {"chat", "[NAME|ID|LINK]", "exchange messages; what cannot go yet is kept", command_chat, chat_options, "CONTACT"},
    {"contacts", "[ACTION]", "list them, rename, block, forget, compare phrases", command_contacts, contacts_options,
     "rename block unblock forget phrase compared CONTACT"},
    {"listen", "", "wait for someone, join stdin and stdout to them", command_listen, listen_options, NULL},
    {"connect", "NAME|ID|LINK", "reach someone, join stdin and stdout to them", command_connect, connect_options,
     "CONTACT"},
    {"ping", "NAME|ID", "measure the round trip to someone who listens", command_ping, ping_options, "CONTACT"},
    {"name", "[NAME]", "how you show yourself to others", command_name, NULL, NULL},
    {"id", "", "print your ID; needs no relay", command_id, NULL, NULL},
    {"forget", "", "forget the relay's pinned ID, if it was set up anew", command_forget, NULL, NULL},
    {"completion", "bash|zsh|fish", "print a script for your shell", command_completion, NULL, "bash zsh fish"},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

#define DEFAULT_RELAY "ws://127.0.0.1:8787"

enum { OPTION_RELAY_WAIT = 256, OPTION_TOKEN, OPTION_NAME };

const struct argp_option global_options[] = {
    {"relay", 'r', "URL", 0,
     "Relay, or the address of its page (default: that of the link or contact, else $PAIRLINK_RELAY, "
     "else " DEFAULT_RELAY ")",
     0},
    {"identity", 'i', "FILE", 0, "Identity file, made if missing (default: ~/.config/pairlink/identity)", 0},
    {"ca", 'c', "FILE", 0, "Trust these certificates (PEM) instead of the system's", 0},
    {"token", OPTION_TOKEN, "TOKEN", 0,
     "Access token of a relay that admits by invitation (default: $PAIRLINK_TOKEN, which keeps it out of the list of"
     " processes)",
     0},
    {"name", OPTION_NAME, "NAME", 0,
     "How you call yourself to whom you pair with, this time (default: what pairlink name says)", 0},
    {"relay-wait", OPTION_RELAY_WAIT, "SECONDS", 0,
     "How long to try for a relay that was never reached; 0: for ever (default: 10)", 0},
    {"verbose", 'v', NULL, 0, "Say more about what happens", 0},
    {0},
};

static const char before[] =
    "Talk to anyone by their ID, end-to-end encrypted, through a relay that cannot read along.";

static const char after[] =
    "Examples, on two machines:\n"
    "  $ pairlink send holiday.zip --relay wss://relay.example   # shows a code\n"
    "  $ pairlink receive --relay wss://relay.example            # asks for it\n"
    "\n"
    "  $ export PAIRLINK_RELAY=wss://relay.example               # or once for all\n"
    "  $ pairlink pair                                           # shows a code\n"
    "  $ pairlink pair --code                                    # asks for it\n"
    "  $ pairlink chat Ana                                       # goes where you met\n"
    "\n"
    "Exit codes:\n"
    "  0    all went well, and the other side has everything\n"
    "  1    something unexpected\n"
    "  2    wrong usage, or no such ID, link or address\n"
    "  3    the relay cannot be reached\n"
    "  4    refused, by the other side or the relay\n"
    "  5    the other side is gone, or did not answer\n"
    "  6    an identity, key or certificate is wrong\n"
    "  7    reading or writing here failed\n"
    "  8    the code was wrong, used up, or is not there any more\n"
    "  9    the disk is full\n"
    "  10   the relay is reached, but cannot store new IDs right now\n"
    "  130  interrupted by Ctrl-C\n";

typedef struct parsed {
  cli c;
  int command_index; /* of the command in argv; 0: none */
} parsed;

static bool read_seconds(const char *text, unsigned *out) {
  char *end;
  errno = 0;
  unsigned long n = strtoul(text, &end, 10);
  *out = (unsigned)n;
  return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && n <= 1000000;
}

bool option_take(const option_place *places, size_t count, int key, const char *arg, struct argp_state *state) {
  for (size_t i = 0; i < count; i++) {
    const option_place *p = &places[i];
    if (p->key != key) continue;
    if (key == ARGP_KEY_ARG && *p->text) argp_usage(state);
    if (p->flag)
      *p->flag = true;
    else
      *p->text = arg;
    return true;
  }
  return false;
}

static error_t take_global(cli *c, int key, char *arg, struct argp_state *state) {
  const option_place places[] = {
      {'r', .text = &c->relay},          {'i', .text = &c->identity}, {'c', .text = &c->ca},
      {OPTION_TOKEN, .text = &c->token}, {'v', .flag = &c->verbose},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case OPTION_RELAY_WAIT:
      if (!read_seconds(arg, &c->relay_wait_s)) argp_error(state, "--relay-wait takes seconds, not '%s'", arg);
      return 0;
    case OPTION_NAME: {
      static char name[CONTACT_NAME_MAX];
      if (*arg && !contact_name_clean(arg, name)) argp_error(state, "that cannot be a name: '%s'", arg);
      c->name = name;
      return 0;
    }
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static error_t main_parse(int key, char *arg, struct argp_state *state) {
  parsed *p = state->input;
  switch (key) {
    case ARGP_KEY_ARG: /* the command: the rest is its own */
      p->command_index = state->next - 1;
      state->next = state->argc;
      return 0;
    case ARGP_KEY_NO_ARGS:
      argp_error(state, "name a command, such as pair or chat; pairlink help lists them");
      return EINVAL;
    default:
      return take_global(&p->c, key, arg, state);
  }
}

static const struct argp parser = {
    .options = global_options, .parser = main_parse, .args_doc = "COMMAND [ARGUMENT…]", .doc = NULL};

/* ---- the arguments of a command ------------------------------------------------------------------------ */

static cli *global_place; /* where the options of the whole program go */

static error_t parse_global(int key, char *arg, struct argp_state *state) {
  return take_global(state->input, key, arg, state);
}

static error_t hand_on(int key, char *arg, struct argp_state *state) {
  (void)arg;
  if (key != ARGP_KEY_INIT) return ARGP_ERR_UNKNOWN;
  state->child_inputs[0] = state->input;
  state->child_inputs[1] = global_place;
  return 0;
}

void command_parse(const struct argp *own, int argc, char **argv, void *input) {
  const struct argp bare = {.options = own->options, .parser = own->parser};
  const struct argp global = {.options = global_options, .parser = parse_global};
  const struct argp_child parts[] = {{&bare, 0, NULL, 0}, {&global, 0, "Options of every command:", 1}, {0}};
  const struct argp whole = {.parser = hand_on, .args_doc = own->args_doc, .doc = own->doc, .children = parts};
  argp_parse(&whole, argc, argv, 0, NULL, input);
  ui_init(global_place->verbose);
}

/* ---- help ---------------------------------------------------------------------------------------------- */

/* The text around the options: what it is for, the commands, and the rest. */
static const char *whole_doc(void) {
  static char doc[6000];
  size_t used = (size_t)snprintf(doc, sizeof doc, "%s\vCommands (pairlink COMMAND --help says more):\n", before);
  for (const command *c = commands; c->name && used < sizeof doc; c++) {
    char start[64];
    snprintf(start, sizeof start, "%s %s", c->name, c->arguments);
    int more = 0; /* bytes than columns: … is three in one */
    for (const char *at = start; *at; at++) more += ((unsigned char)*at & 0xc0) == 0x80;
    used += (size_t)snprintf(doc + used, sizeof doc - used, "  %-*s %s\n", 24 + more, start, c->summary);
  }
  if (used < sizeof doc)
    snprintf(doc + used, sizeof doc - used, "  %-24s %s\n\n%s", "help [COMMAND]", "this text, or that of a command",
             after);
  return doc;
}

static const command *find_command(const char *name) {
  for (const command *c = commands; c->name; c++)
    if (strcmp(c->name, name) == 0) return c;
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
  return commands[i - 1].name;
}

static int unknown_command(const char *name) {
  char safe[80], hint[128];
  const char *meant = nearest_name(name, name_to_compare);
  snprintf(hint, sizeof hint, "%s%s%spairlink help lists them", meant ? "did you mean " : "", meant ? meant : "",
           meant ? "? " : "");
  ui_error("there is no such command", ui_clean(name, safe, sizeof safe), hint);
  return EXIT_USAGE;
}

static int run_help(const cli *c, const struct argp *main_parser, int argc, char **argv) {
  static char flag[] = "--help";
  bool of_command = argc > 1 && argv[1][0] != '-' && strcmp(argv[1], "help") != 0;
  const command *what = of_command ? find_command(argv[1]) : NULL;
  if (of_command && !what) return unknown_command(argv[1]);
  if (!what) {
    static char name[] = "pairlink";
    argp_help(main_parser, stdout, ARGP_HELP_STD_HELP & ~(ARGP_HELP_EXIT_OK | ARGP_HELP_EXIT_ERR), name);
    return EXIT_OK;
  }
  char *arguments[] = {argv[0], flag, NULL};
  return command_run(c, what, 2, arguments);
}

/* What was written to stdout has to arrive there, also what argp wrote before it ended the program. */
static void check_stdout(int code, void *context) {
  const char *what, *why, *hint;
  (void)context;
  if (fflush(stdout) == 0 && !ferror(stdout)) return;
  int error = errno;
  ui_last_error(&what, &why, &hint);
  if (!*what && error != EPIPE) ui_error("stdout cannot be written", strerror(error), NULL); /* a reader may leave */
  _exit(code ? code : EXIT_IO);
}

/* A closed standard stream would give its number to a socket. */
static void open_standard_streams(void) {
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) _exit(EXIT_IO);
}

/* The identity's secret would be in a core dump, which may go to a service that collects them, and in what a debugger
 * of the same user sees. */
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
  struct argp with_doc = parser;
  static parsed p = {.c = {.relay_wait_s = 10}};
  open_standard_streams();
  forbid_core_dumps();
  (void)on_exit(check_stdout, NULL);
  mallopt(M_TRIM_THRESHOLD, 16 << 20); /* messages come and go: their pages need not be given back each time */
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  signal(SIGPIPE, SIG_IGN);
  with_doc.doc = whole_doc();
  argp_program_version = "pairlink " PAIRLINK_VERSION;
  argp_err_exit_status = EXIT_USAGE;
  setvbuf(stderr, NULL, _IOLBF, 0);
  argp_parse(&with_doc, argc, argv, ARGP_IN_ORDER, NULL, &p);
  ui_init(p.c.verbose);
  p.c.default_relay = from_environment("PAIRLINK_RELAY");
  p.c.default_is_built_in = !p.c.default_relay;
  if (!p.c.default_relay) p.c.default_relay = DEFAULT_RELAY;
  global_place = &p.c;
  if (!p.c.token) p.c.token = from_environment("PAIRLINK_TOKEN");
  argv += p.command_index;
  argc -= p.command_index;
  const command *what = find_command(argv[0]);
  if (what) return command_run(&p.c, what, argc, argv);
  if (strcmp(argv[0], "help") == 0) return run_help(&p.c, &with_doc, argc, argv);
  return unknown_command(argv[0]);
}
