#include "code_line.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { CTRL_C = 3, CTRL_D = 4, CTRL_H = 8, TAB = 9, CTRL_U = 21, CTRL_W = 23, ESCAPE = 27, DELETE = 127 };
enum { PASTE_BEGINS = 200, PASTE_ENDS = 201, NUMBER_MAX = 1000 };

void code_line_init(code_line *line, code_word_function *word) {
  memset(line, 0, sizeof *line);
  line->word = word;
}

/* ---- parts -------------------------------------------------------------------------------------------- */

/* Returns what follows the last hyphen. */
static const char *line_part(const code_line *line) {
  const char *hyphen = strrchr(line->text, '-');
  return hyphen ? hyphen + 1 : line->text;
}

/* Returns which part is being typed: 0 for the number, 1 and 2 for the words. */
static unsigned part_index(const code_line *line) {
  unsigned n = 0;
  for (const char *c = line->text; *c; c++) n += *c == '-';
  return n;
}

typedef struct matches {
  unsigned first, count; /* the words with this start: a run in the list */
  bool exact;            /* the first of them is exactly this text */
} matches;

static matches line_match(const code_line *line, const char *start) {
  size_t size = strlen(start);
  matches m = {0, 0, false};
  unsigned low = 0, high = PAIRLINK_WORD_COUNT; /* searches the first word that does not sort before `start` */
  while (low < high) {
    unsigned middle = (low + high) / 2;
    const char *word = line->word(middle);
    if (word && strcmp(word, start) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  m.first = low;
  for (const char *word; (word = line->word(low)) && strncmp(word, start, size) == 0; low++) m.count++;
  m.exact = m.count && strcmp(line->word(m.first), start) == 0;
  return m;
}

static bool part_is_whole(const code_line *line) {
  const char *at = line_part(line);
  if (part_index(line) == 0) return strlen(at) >= CODE_DIGITS_MIN;
  return *at && line_match(line, at).exact;
}

static void code_line_append(code_line *line, const char *text) {
  size_t n = strlen(text);
  if (line->size + n >= sizeof line->text) return;
  memcpy(line->text + line->size, text, n + 1);
  line->size += n;
}

/* ---- pasted text -------------------------------------------------------------------------------------- */

static void forget_raw(code_line *line) {
  sodium_memzero(line->raw, line->raw_size);
  line->raw_size = 0;
  line->is_found = line->is_link = false;
}

/* Keeps the end of a text that is too long. */
static void keep_raw(code_line *line, unsigned char byte) {
  if (line->raw_size + 1 == sizeof line->raw) {
    line->raw_size /= 2;
    memmove(line->raw, line->raw + sizeof line->raw - 1 - line->raw_size, line->raw_size);
  }
  line->raw[line->raw_size++] = byte < ' ' ? ' ' : (char)byte;
  line->raw[line->raw_size] = '\0';
}

static invitation_kind look_into_raw(code_line *line) {
  char found[PAIRLINK_INVITE_LINK_MAX];
  invitation_kind kind = invitation_find(line->raw, line->word, found);
  size_t size = strlen(found);
  line->is_link = kind == INVITATION_LINK || kind == INVITATION_BROKEN_LINK;
  line->is_found = kind == INVITATION_CODE && size < sizeof line->text;
  if (line->is_link) memcpy(line->link, found, size + 1);
  if (line->is_found) {
    memcpy(line->text, found, size + 1);
    line->size = size;
  }
  sodium_memzero(found, sizeof found);
  return kind;
}

const char *code_line_text(const code_line *line) {
  return line->is_link ? line->link : line->text;
}

/* ---- keys --------------------------------------------------------------------------------------------- */

/* Completes the word as far as all candidates agree. */
static void line_complete(code_line *line) {
  char more[PAIRLINK_CODE_MAX] = "";
  size_t typed = strlen(line_part(line)), n;
  if (part_index(line) == 0 || typed == 0) return;
  matches m = line_match(line, line_part(line));
  if (!m.count || m.exact) return;
  const char *first = line->word(m.first);
  for (n = typed; first[n]; n++) {
    unsigned i = 1;
    while (i < m.count && line->word(m.first + i)[n] == first[n]) i++;
    if (i < m.count) break;
  }
  snprintf(more, sizeof more, "%.*s", (int)(n - typed), first + typed);
  code_line_append(line, more);
}

/* Adds the hyphen before the next part, if this part is complete. A word that is not in the list is accepted: the view
 * marks it, and what follows may be right. */
static void line_separate(code_line *line) {
  line_complete(line);
  const char *at = line_part(line);
  bool hopeless = part_index(line) > 0 && *at && line_match(line, at).count == 0;
  if ((hopeless || part_is_whole(line)) && part_index(line) < CODE_WORDS) code_line_append(line, "-");
}

/* Completes as a shell does: first as far as it is unambiguous; starts the next part only when this one is complete. */
static void line_tab(code_line *line) {
  size_t before = line->size;
  line_complete(line);
  if (line->size == before || line_match(line, line_part(line)).count == 1) line_separate(line);
}

static void line_character(code_line *line, unsigned char byte) {
  char text[2] = {(char)byte, '\0'};
  bool digit = byte >= '0' && byte <= '9', letter = byte >= 'a' && byte <= 'z';
  if (byte >= 'A' && byte <= 'Z') {
    text[0] = (char)(byte - 'A' + 'a');
    letter = true;
  }
  bool over = part_index(line) == 0 || (part_is_whole(line) && line_match(line, line_part(line)).count == 1);
  if (letter && over) line_separate(line); /* no word of a code begins another */
  unsigned index = part_index(line);
  line->asked = index == 0 && letter;
  if (index == 0 ? digit && strlen(line_part(line)) < CODE_DIGITS_MAX : letter) code_line_append(line, text);
}

static void remove_last(code_line *line) {
  if (line->size) line->text[--line->size] = '\0';
}

/* Removes the last part, back to the hyphen before it. */
static void remove_part(code_line *line) {
  do remove_last(line);
  while (line->size && line->text[line->size - 1] != '-');
}

/* Returns the first word that is not in the list, of those before the last part, and sets *size to its length. Returns
 * NULL when all are. */
static const char *wrong_word(const code_line *line, size_t *size) {
  char word[PAIRLINK_CODE_MAX];
  const char *at = strchr(line->text, '-');
  for (const char *end; at && (end = strchr(at + 1, '-')); at = end) {
    *size = (size_t)(end - at - 1);
    snprintf(word, sizeof word, "%.*s", (int)*size, at + 1);
    if (!line_match(line, word).exact) return at + 1;
  }
  return NULL;
}

static code_line_result code_line_enter(code_line *line) {
  size_t size;
  if (look_into_raw(line) == INVITATION_LINK) return CODE_LINE_DONE;
  line->asked = true;
  if (line->is_link) return CODE_LINE_CONTINUES;
  line_complete(line);
  if (part_index(line) == CODE_WORDS && part_is_whole(line) && !wrong_word(line, &size)) return CODE_LINE_DONE;
  return CODE_LINE_CONTINUES;
}

/* Returns true when the byte belongs to the escape sequence of an arrow, a function key, or a mark around a paste. */
static bool in_escape(code_line *line, unsigned char byte) {
  if (line->escape == 0 && byte != ESCAPE) return false;
  if (line->escape == 0) {
    line->escape = 1;
    line->number = 0;
  } else if (line->escape == 1) {
    line->escape = byte == '[' || byte == 'O' ? 2 : 0;
  } else if (byte >= '0' && byte <= '9' && line->number < NUMBER_MAX) {
    line->number = 10 * line->number + byte - '0';
  } else if (byte >= 0x40 && byte <= 0x7e) {
    line->escape = 0;
    if (byte == '~' && line->number == PASTE_BEGINS) line->pasting = true;
    if (byte == '~' && line->number == PASTE_ENDS) line->pasting = false;
  }
  return true;
}

/* A key that deletes removes all of a link, because nobody edits a link by hand. */
static code_line_result line_edit(code_line *line, unsigned char byte) {
  bool all = byte == CTRL_U || line->is_link;
  if (line->is_link && byte == TAB) return CODE_LINE_CONTINUES;
  forget_raw(line);
  if (all)
    code_line_init(line, line->word);
  else if (byte == CTRL_W)
    remove_part(line);
  else if (byte == TAB)
    line_tab(line);
  else
    remove_last(line);
  return CODE_LINE_CONTINUES;
}

static code_line_result text_byte(code_line *line, unsigned char byte) {
  /* Other dashes and line ends in a paste separate parts, too. */
  bool separates = byte == ' ' || byte == '-' || byte == '_' || byte >= 0xc0 || (line->pasting && byte < ' ');
  keep_raw(line, byte);
  if (separates || strstr(line->raw, "://")) (void)look_into_raw(line);
  if (line->is_link || line->is_found) return CODE_LINE_CONTINUES;
  if (separates)
    line_separate(line);
  else
    line_character(line, byte);
  return CODE_LINE_CONTINUES;
}

code_line_result code_line_key(code_line *line, unsigned char byte) {
  if (byte == CTRL_C) return CODE_LINE_ABORTED;
  if (in_escape(line, byte)) return CODE_LINE_CONTINUES;
  if (line->pasting) return text_byte(line, byte);
  if (byte == '\r' || byte == '\n') return code_line_enter(line);
  if (byte == CTRL_D) return line->size || line->is_link ? code_line_enter(line) : CODE_LINE_ABORTED;
  line->asked = false;
  bool edits = byte == CTRL_H || byte == DELETE || byte == CTRL_W || byte == CTRL_U || byte == TAB;
  return edits ? line_edit(line, byte) : text_byte(line, byte);
}

/* ---- the view ----------------------------------------------------------------------------------------- */

static void list_words(const code_line *line, const matches *m, char hint[CODE_LINE_HINT_MAX]) {
  size_t used = 0;
  for (unsigned i = 0; i < m->count; i++) {
    const char *word = line->word(m->first + i);
    if (used + strlen(word) + 4 > CODE_LINE_HINT_MAX / 2) {
      snprintf(hint + used, CODE_LINE_HINT_MAX - used, " …");
      return;
    }
    used += (size_t)snprintf(hint + used, CODE_LINE_HINT_MAX - used, "%s%s", i ? " " : "", word);
  }
}

static void look_at_word(const code_line *line, code_line_view *view) {
  const char *at = line_part(line);
  bool last = part_index(line) == CODE_WORDS;
  matches m = line_match(line, at);
  if (!*at)
    snprintf(view->hint, sizeof view->hint, last ? "one more word" : "then two words");
  else if (m.count == 1)
    snprintf(view->rest, sizeof view->rest, "%s", line->word(m.first) + strlen(at));
  else if (m.count && !(m.exact && last))
    list_words(line, &m, view->hint);
  view->wrong = *at && m.count == 0;
  if (view->wrong) snprintf(view->hint, sizeof view->hint, "no word starts with “%s”", at);
}

void code_line_look(const code_line *line, code_line_view *view) {
  size_t size;
  memset(view, 0, sizeof *view);
  if (line->is_link) {
    view->wrong = line->asked;
    if (line->asked) snprintf(view->hint, sizeof view->hint, "the link must be whole, with everything after the #");
    return;
  }
  const char *wrong = wrong_word(line, &size);
  if (part_index(line) > 0) look_at_word(line, view);
  if (wrong) {
    view->wrong = true;
    snprintf(view->hint, sizeof view->hint, "“%.*s” is not a word of a code", (int)size, wrong);
  }
  if (line->size == 0 || (line->asked && part_index(line) == 0))
    snprintf(view->hint, sizeof view->hint, "a number and two words, like 4821-copper-violin; or a link");
  else if (line->asked && !*view->hint)
    snprintf(view->hint, sizeof view->hint, "something is missing");
}
