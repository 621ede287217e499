/* The line in which a pairing code is typed, without the terminal: bytes from the keyboard in, the line and what to
 * show behind it out. No I/O.
 *
 * A code is a number, then CODE_LINE_WORDS words. Between parts there is one hyphen, however many hyphens and spaces
 * come, and also none needs to come between number and word; capitals are taken as small letters. What cannot be part
 * of a code is dropped. So a code that is pasted arrives whole, whatever was around its parts. */
#ifndef PL_CLI_CODE_LINE_H
#define PL_CLI_CODE_LINE_H

#include <pairlink.h>
#include <stdbool.h>
#include <stddef.h>

enum { CODE_LINE_WORDS = 2, CODE_LINE_HINT_MAX = 120 };

/* The n-th word of the list, in alphabetical order; NULL beyond: pairlink_word, or a test's own. */
typedef const char *code_word_function(unsigned n);

typedef enum code_line_result {
  CODE_LINE_GOES_ON,
  CODE_LINE_DONE,   /* text is a whole code */
  CODE_LINE_ABORTED /* Ctrl-C, or Ctrl-D on an empty line */
} code_line_result;

typedef struct code_line {
  code_word_function *word;
  char text[PAIRLINK_CODE_MAX];
  size_t size;
  bool asked;      /* Enter was pressed too early: say what is missing */
  unsigned escape; /* inside of a key's escape sequence */
} code_line;

typedef struct code_line_view {
  bool wrong;                    /* the last part of the text can't be part of a code */
  char rest[PAIRLINK_CODE_MAX];  /* what would complete the word that is being typed */
  char hint[CODE_LINE_HINT_MAX]; /* what may follow, or what is wrong; "" for nothing */
} code_line_view;

void code_line_init(code_line *line, code_word_function *word);
code_line_result code_line_key(code_line *line, unsigned char byte);
void code_line_look(const code_line *line, code_line_view *view);

#endif
