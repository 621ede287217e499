#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contacts.h"

enum { OPTION_RELAY_WAIT = 256, OPTION_TOKEN, OPTION_NAME };

const struct argp_option global_options[] = {
    {"relay", 'r', "URL", 0,
     "Relay, or the address of its page (default: the relay of the link or contact, else $PAIRLINK_RELAY, "
     "else " DEFAULT_RELAY ")",
     0},
    {"identity", 'i', "FILE", 0, "Identity file, created if missing (default: ~/.config/pairlink/identity)", 0},
    {"ca", 'c', "FILE", 0, "Trust these certificates (PEM) instead of the system's", 0},
    {"token", OPTION_TOKEN, "TOKEN", 0,
     "Access token, for a relay that admits by invitation (default: $PAIRLINK_TOKEN, which keeps it out of the process "
     "list)",
     0},
    {"name", OPTION_NAME, "NAME", 0,
     "The name you show to people you pair with, this time only (default: the one set with pairlink name)", 0},
    {"relay-wait", OPTION_RELAY_WAIT, "SECONDS", 0,
     "How long to try a relay that was never reached; 0: without limit (default: 10)", 0},
    {"verbose", 'v', NULL, 0, "Say more about what happens", 0},
    {0},
};

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
  if (option_take(places, sizeof places / sizeof *places, key, arg, state)) return 0;
  switch (key) {
    case OPTION_RELAY_WAIT:
      if (!read_seconds(arg, &c->relay_wait_s)) argp_error(state, "--relay-wait takes seconds, not '%s'", arg);
      return 0;
    case OPTION_NAME: {
      static char name[CONTACT_NAME_MAX];
      if (*arg && !contact_name_clean(arg, name)) argp_error(state, "this cannot be used as a name: '%s'", arg);
      c->name = name;
      return 0;
    }
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

/* ---- the whole program -------------------------------------------------------------------------------- */

typedef struct program_arguments {
  cli *c;
  int command_index; /* 0: no command yet */
} program_arguments;

static cli *program; /* where command_parse stores global options */

static error_t parse_program(int key, char *arg, struct argp_state *state) {
  program_arguments *p = state->input;
  switch (key) {
    case ARGP_KEY_ARG: /* the command; the command parses the rest */
      p->command_index = state->next - 1;
      state->next = state->argc;
      return 0;
    case ARGP_KEY_NO_ARGS:
      argp_error(state, "name a command, such as pair or chat; pairlink help lists them");
      return EINVAL;
    default:
      return take_global(p->c, key, arg, state);
  }
}

static struct argp program_argp(const char *doc) {
  return (struct argp){
      .options = global_options, .parser = parse_program, .args_doc = "COMMAND [ARGUMENT…]", .doc = doc};
}

int command_parse_program(cli *c, const char *doc, int argc, char **argv) {
  const struct argp argp = program_argp(doc);
  program_arguments p = {.c = c};
  program = c;
  argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &p);
  ui_init(c->verbose);
  return p.command_index;
}

void command_print_help(const char *doc) {
  static char name[] = "pairlink";
  const struct argp argp = program_argp(doc);
  argp_help(&argp, stdout, ARGP_HELP_STD_HELP & ~(ARGP_HELP_EXIT_OK | ARGP_HELP_EXIT_ERR), name);
}

/* ---- one command -------------------------------------------------------------------------------------- */

static error_t parse_global(int key, char *arg, struct argp_state *state) {
  return take_global(state->input, key, arg, state);
}

/* Gives each of the two child parsers its input. */
static error_t set_inputs(int key, char *arg, struct argp_state *state) {
  (void)arg;
  if (key != ARGP_KEY_INIT) return ARGP_ERR_UNKNOWN;
  state->child_inputs[0] = state->input;
  state->child_inputs[1] = program;
  return 0;
}

void command_parse(const command *of, int argc, char **argv, void *input) {
  const struct argp own = {.options = of->argp.options, .parser = of->argp.parser};
  const struct argp global = {.options = global_options, .parser = parse_global};
  const struct argp_child parts[] = {{&own, 0, NULL, 0}, {&global, 0, "Options of every command:", 1}, {0}};
  const struct argp whole = {
      .parser = set_inputs, .args_doc = of->argp.args_doc, .doc = of->argp.doc, .children = parts};
  argp_parse(&whole, argc, argv, 0, NULL, input);
  ui_init(program->verbose);
}
