/* The line in which a pairing code is typed, without the terminal: bytes from the keyboard in, the line and what to
 * show behind it out. An invite link may come instead. No I/O.
 *
 * A code is a number, then CODE_LINE_WORDS words. Between parts there is one hyphen, however many hyphens and spaces
 * come, and also none needs to come between number and word; capitals are taken as small letters. What cannot be part
 * of a code is dropped. A code or link that is pasted is found in whatever is around it. */
#ifndef PL_CLI_CODE_LINE_H
#define PL_CLI_CODE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "invitation.h"

enum { CODE_LINE_WORDS = 2, CODE_LINE_HINT_MAX = 120, CODE_LINE_RAW_MAX = 2048 };

typedef enum code_line_result {
  CODE_LINE_GOES_ON,
  CODE_LINE_DONE,   /* code_line_text is a whole code, or a whole link */
  CODE_LINE_ABORTED /* Ctrl-C, or Ctrl-D on an empty line */
} code_line_result;

typedef struct code_line {
  code_word_function *word;
  char text[PAIRLINK_CODE_MAX];
  size_t size;
  bool asked;                  /* Enter was pressed too early: say what is missing */
  unsigned escape;             /* inside of a key's escape sequence */
  unsigned number;             /* that is in it */
  bool pasting;                /* between the marks that a terminal sets around a paste: a line end is no Enter */
  char raw[CODE_LINE_RAW_MAX]; /* all that came, as it came, since the line was edited by hand */
  size_t raw_size;
  bool is_found;                       /* text is a code out of raw: what comes behind it is dropped */
  bool is_link;                        /* raw holds the beginning of a link; text is of no use */
  char link[PAIRLINK_INVITE_LINK_MAX]; /* what is there of it */
} code_line;

typedef struct code_line_view {
  bool wrong;                    /* the last part of the text can't be part of a code */
  char rest[PAIRLINK_CODE_MAX];  /* what would complete the word that is being typed */
  char hint[CODE_LINE_HINT_MAX]; /* what may follow, or what is wrong; "" for nothing */
} code_line_view;

void code_line_init(code_line *line, code_word_function *word);
code_line_result code_line_key(code_line *line, unsigned char byte);
/* The code or the link, as far as it has come. */
const char *code_line_text(const code_line *line);
void code_line_look(const code_line *line, code_line_view *view);

#endif
