/* The exit codes of the program: the codes, their meaning, and which error of the library leads to which. */
#ifndef PL_CLI_EXIT_CODE_H
#define PL_CLI_EXIT_CODE_H

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
  EXIT_INTERRUPTED = 130 /* any other signal ends the program with 128 plus its number, too */
};

/* One row for each code above, in ascending order. */
typedef struct exit_code_row {
  int code;
  const char *word;    /* the `error` of --json; never changes */
  const char *meaning; /* for --help, and for --json when nothing else was said */
} exit_code_row;

extern const exit_code_row exit_codes[];
extern const unsigned exit_code_count;

/* Returns the row of a code; that of EXIT_OTHER for an unknown one. */
const exit_code_row *exit_code_find(int code);

/* Returns the exit code for an error of the library (PAIRLINK_E…). */
int exit_code_of_error(int error);

#endif
