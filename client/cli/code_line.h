/* The line in which a pairing code is typed, without the terminal: takes the bytes of the keyboard, and tells the line
 * and the hint to show behind it. An invite link may come instead. No I/O.
 *
 * A code is a number and CODE_WORDS words. The parts are joined by one hyphen, however many hyphens and spaces are
 * typed; between number and first word, none is needed. Capitals become small letters. Characters that cannot be part
 * of a code are dropped. A pasted code or link is found in the text around it. */
#ifndef PL_CLI_CODE_LINE_H
#define PL_CLI_CODE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "invitation.h"

enum { CODE_LINE_HINT_MAX = 120, CODE_LINE_RAW_MAX = 2048 };

typedef enum code_line_result {
  CODE_LINE_CONTINUES,
  CODE_LINE_DONE,   /* code_line_text is a whole code, or a whole link */
  CODE_LINE_ABORTED /* Ctrl-C, or Ctrl-D on an empty line */
} code_line_result;

typedef struct code_line {
  code_word_function *word;
  char text[PAIRLINK_CODE_MAX];
  size_t size;
  bool asked;                  /* Enter was pressed too early: the hint says what is missing */
  unsigned escape;             /* where in the escape sequence of a key; 0: not in one */
  unsigned number;             /* the number in that sequence */
  bool pasting;                /* between the marks that a terminal sets around a paste: a line end is not Enter */
  char raw[CODE_LINE_RAW_MAX]; /* all bytes since the last edit by hand, unchanged */
  size_t raw_size;
  bool is_found;                       /* text is a code found in raw: later bytes are dropped */
  bool is_link;                        /* raw holds at least the start of a link; text is unused */
  char link[PAIRLINK_INVITE_LINK_MAX]; /* the link, as far as it has been typed */
} code_line;

typedef struct code_line_view {
  bool wrong;                    /* the text cannot be part of a code */
  char rest[PAIRLINK_CODE_MAX];  /* what would complete the word that is being typed */
  char hint[CODE_LINE_HINT_MAX]; /* what may follow, or what is wrong; or "" */
} code_line_view;

/* word: the list of words that codes are made of, usually pairlink_word. */
void code_line_init(code_line *line, code_word_function *word);
/* Handles one byte from the keyboard. */
code_line_result code_line_key(code_line *line, unsigned char byte);
/* Returns the code or the link, as far as it has been typed. Valid until the next key. */
const char *code_line_text(const code_line *line);
/* Fills *view with what to show. The caller wipes it: it holds part of the secret code. */
void code_line_look(const code_line *line, code_line_view *view);

#endif
