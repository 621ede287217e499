/* The commands of the program, and the parsing of their arguments.
 *
 * To add a command: write NAME.c with its `const command command_NAME`, and add NAME to COMMANDS and to CMakeLists.txt.
 * Running it, --help and the completion of shells all follow from that. */
#ifndef PL_CLI_COMMAND_H
#define PL_CLI_COMMAND_H

#include <argp.h>

#include "cli.h"

typedef struct command {
  const char *name, *arguments, *summary; /* its line in `pairlink --help` */
  struct argp argp;                       /* its options and its own --help; options may be NULL */
  /* What its arguments can be, for completion. Words in small letters complete the first argument only. CONTACT, FILE,
   * DIR and COMMAND complete any. NULL: nothing to complete. The argument of an option is completed by the name that it
   * has in argp.options, with | between alternatives. */
  const char *completes;
  int (*run)(const cli *c, int argc, char **argv); /* argv[0] is "pairlink NAME"; returns an exit code */
} command;

/* All commands, in the order of `pairlink --help`. */
#define COMMANDS(X) \
  X(send)           \
  X(receive)        \
  X(pair)           \
  X(chat)           \
  X(contacts)       \
  X(listen)         \
  X(connect)        \
  X(ping)           \
  X(name)           \
  X(id)             \
  X(forget)         \
  X(completion)

#define DECLARE_COMMAND(name) extern const command command_##name;
COMMANDS(DECLARE_COMMAND)
#undef DECLARE_COMMAND

extern const command *const commands[]; /* ends with NULL */

/* ---- arguments ---- */

#define DEFAULT_RELAY "ws://127.0.0.1:8787" /* used when nothing else names a relay */

extern const struct argp_option global_options[]; /* of the whole program */

/* Parses the options that stand before the command, into `c`. Returns the index of the command in argv. `c` must live
 * as long as the program: command_parse puts the global options of a command there, too. Ends the program with
 * EXIT_USAGE when an option is wrong or no command is given. */
int command_parse_program(cli *c, const char *doc, int argc, char **argv);
/* Prints the help of the whole program to stdout. */
void command_print_help(const char *doc);

/* Parses the arguments of a command with its argp; `input` is the `state->input` of its parser. Global options may
 * stand among them. Ends the program when they are wrong. */
void command_parse(const command *of, int argc, char **argv, void *input);

/* Where an option that needs no code of its own is stored: its argument in *text, or true in *flag. The key
 * ARGP_KEY_ARG stands for the single argument of a command. */
typedef struct option_place {
  int key;
  const char **text;
  bool *flag;
} option_place;

/* Stores an option in its place. Returns false when the key has none. Ends the program on a second ARGP_KEY_ARG. */
bool option_take(const option_place *places, size_t count, int key, const char *arg, struct argp_state *state);

#endif
