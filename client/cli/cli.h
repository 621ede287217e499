/* The `pairlink` program: what its commands share. What a person reads goes to stderr, what a program reads to stdout.
 */
#ifndef PL_CLI_H
#define PL_CLI_H

#include <argp.h>
#include <pairlink.h>
#include <stdbool.h>
#include <stdio.h>

/* Exit codes; listed in --help. */
enum {
  EXIT_OK = 0,
  EXIT_OTHER = 1,
  EXIT_USAGE = 2,
  EXIT_NO_RELAY = 3,
  EXIT_REFUSED = 4,
  EXIT_PEER_GONE = 5,
  EXIT_KEY = 6,
  EXIT_IO = 7,
  EXIT_CODE = 8,
  EXIT_DISK_FULL = 9,
  EXIT_RELAY_STORE = 10,
  EXIT_INTERRUPTED = 130
};

typedef struct cli {
  const char *relay;         /* of --relay; NULL: not given */
  const char *default_relay; /* where neither --relay nor a link or contact says: never NULL */
  bool default_is_built_in;  /* PAIRLINK_RELAY did not say either */
  const char *identity, *ca, *token;
  const char *name;      /* how I call myself this time; NULL: as stored */
  unsigned relay_wait_s; /* how long to try for a relay that was never reached; 0: for ever */
  bool verbose;
} cli;

/* One of the program's commands: what --help and the completion of shells know of it. */
typedef struct command {
  const char *name, *arguments, *summary;
  int (*run)(const cli *c, int argc, char **argv); /* argv[0] is "pairlink NAME" */
  const struct argp_option *options;               /* NULL: none */
  /* What the arguments can be, for completion: words in small letters for the first one, and CONTACT, FILE, DIR or
   * COMMAND; NULL: nothing that could be completed. An option's own argument is taken from its name in `options`, where
   * | stands between. */
  const char *completes;
} command;

/* Where options without a rule of their own go: `text` or `flag`. The key ARGP_KEY_ARG: the one argument that there is.
 */
typedef struct option_place {
  int key;
  const char **text;
  bool *flag;
} option_place;

/* False: the key has no place. */
bool option_take(const option_place *places, size_t count, int key, const char *arg, struct argp_state *state);

/* Parses a command's arguments; ends the program when they are wrong. The options of the whole program may stand among
 * them; they are in the `cli` that the command has. */
void command_parse(const struct argp *own, int argc, char **argv, void *input);

/* Of the names (name(0), name(1) … NULL) the one that was probably meant; NULL: none is close. */
const char *nearest_name(const char *typed, const char *(*name)(size_t));

extern const command commands[]; /* ended by an entry without a name */
extern const struct argp_option global_options[];

extern const struct argp_option listen_options[], connect_options[], chat_options[], ping_options[], contacts_options[],
    pair_options[], send_options[], receive_options[];

int command_send(const cli *c, int argc, char **argv);
int command_receive(const cli *c, int argc, char **argv);
int command_pair(const cli *c, int argc, char **argv);
int command_contacts(const cli *c, int argc, char **argv);
int command_name(const cli *c, int argc, char **argv);
int command_id(const cli *c, int argc, char **argv);
int command_listen(const cli *c, int argc, char **argv);
int command_connect(const cli *c, int argc, char **argv);
int command_chat(const cli *c, int argc, char **argv);
int command_ping(const cli *c, int argc, char **argv);
int command_forget(const cli *c, int argc, char **argv);
int command_completion(const cli *c, int argc, char **argv);

/* ---- ui.c: words for people, on stderr ---------------------------------------------------------------- */
void ui_init(bool verbose);
/* Of the terminal that stderr is; 0 when it is none. */
int ui_columns(void);
int ui_rows(void);
/* A line; and the same dimmed, where colour may be used. Formats hold no text of strangers but by ui_clean. */
void ui_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ui_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What is to be read first. */
void ui_head(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line that must not be overlooked. */
void ui_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What happened, why, what to do: a line each, empty ones left out. */
void ui_error(const char *what, const char *why, const char *hint);
/* The same without a line: why the command will end so, where words for people have said it otherwise. */
void ui_keep_error(const char *what, const char *why, const char *hint);
/* The last error that was said or kept; "" when there was no error. */
void ui_last_error(const char **what, const char **why, const char **hint);
/* Lines at the bottom of a terminal that are drawn anew with each call, below all others; no lines remove them. Nothing
 * where stderr cannot be redrawn (ui_live). */
bool ui_live(void);
void ui_status(const char *const *lines, size_t count);
/* The terminal for a question; -1 when there is none, or this program is in its background. */
int ui_terminal(void);
/* The length of the printable character in UTF-8 that text begins with; 0 for anything that is not. */
size_t ui_printable(const char *text);
/* Text of the other side, made safe to print: one line, no control or direction marks, cut at the size. */
const char *ui_clean(const char *text, char *out, size_t size);
/* The same for a whole message, nothing cut: what could move the cursor is written as \n or \xNN. `text` ends in a NUL
 * (behind `size`); `out` has room for 4 * size + 1 bytes. Gives the length. */
size_t ui_visible(const char *text, size_t size, char *out);
/* As a word for a shell: as it is where it can be, else in '…', or in $'…' if something in it cannot be shown. */
void ui_quoted(FILE *out, const char *text);
/* "abcdefgh…": enough of an ID to tell people apart. */
const char *ui_short(const char *id, char out[16]);
/* For pairlink_options.log; keeps the last error for ui_last_problem. */
void ui_log(pairlink_log_level level, const char *line, void *user);
const char *ui_last_problem(void);
/* Says an error of the library in words and gives its exit code. */
int ui_fail(const char *what, int error, const char *why);
int ui_exit_code(int error);

#endif
