/* The lines of a chat: from stdin to the outbox, and from messages to stdout. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/wire/wire.h"
#include "chat.h"

/* ---- from stdin --------------------------------------------------------------------------------------- */

static void too_long(chat_job *j) {
  ui_error("a line was not sent: it is too long", NULL, "send it in pieces, or as a file: pairlink send");
  j->unsent = true;
}

/* Adds a line to the outbox. Returns false after ending the job. */
static bool add_chat_line(chat_job *j, const char *text, size_t size) {
  char why[PL_WHY_MAX] = "";
  if (size && text[size - 1] == '\r') size--;
  if (!size) return true;
  if (size > OUTBOX_TEXT_MAX) {
    too_long(j);
    return true;
  }
  int error = outbox_add(&j->box, text, size, why);
  if (error) job_end(&j->base, ui_fail("the message cannot be saved", error, why));
  return !error;
}

/* Syncs all lines of one read together, before any of them is sent. */
static void sync_lines(chat_job *j) {
  char why[PL_WHY_MAX] = "";
  int error = outbox_sync(&j->box, why);
  if (error) job_end(&j->base, ui_fail("the message cannot be saved", error, why));
}

static void split_lines(chat_job *j) {
  char *at = j->input, *end = j->input + j->input_size, *feed;
  size_t before = j->box.count;
  while ((feed = memchr(at, '\n', (size_t)(end - at)))) {
    if (!j->skip_line && !add_chat_line(j, at, (size_t)(feed - at))) return;
    j->skip_line = false;
    at = feed + 1;
  }
  if (j->input_ended && at < end && !j->skip_line) {
    if (!add_chat_line(j, at, (size_t)(end - at))) return;
    at = end;
  }
  j->input_size = (size_t)(end - at);
  if (j->input_size) memmove(j->input, at, j->input_size);
  if (j->input_size > OUTBOX_TEXT_MAX + 1) {
    if (!j->skip_line) too_long(j);
    j->skip_line = true;
    j->input_size = 0;
  }
  if (j->box.count != before) sync_lines(j);
}

void chat_read_input(chat_job *j) {
  ssize_t n = read(STDIN_FILENO, j->input + j->input_size, sizeof j->input - j->input_size);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n < 0) {
    ui_error("stdin cannot be read", strerror(errno), NULL);
    job_end(&j->base, EXIT_IO);
    return;
  }
  j->input_ended = n == 0;
  j->input_size += (size_t)n;
  split_lines(j);
}

/* ---- to stdout ---------------------------------------------------------------------------------------- */

static void append_item(chat_job *j, chat_item *item) {
  if (j->last_item)
    j->last_item->next = item;
  else
    j->items = item;
  j->last_item = item;
}

/* Takes what the session said about this text: when it was written. Returns "", or the words for it, if it came late.
 */
static const char *late_words(chat_session *s, const uint8_t id[OUTBOX_ID_BYTES], char out[40]) {
  time_t now = time(NULL), when = (time_t)(s->note_written_ms / 1000);
  struct tm then, today;
  *out = '\0';
  bool about = s->has_note && memcmp(s->note_id, id, OUTBOX_ID_BYTES) == 0;
  s->has_note = false;
  if (!about || when <= 0 || when > now - PL_CONST_CHAT_LATE_MS / 1000) return out;
  if (!localtime_r(&when, &then) || !localtime_r(&now, &today)) return out;
  bool same_day = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
  if (strftime(out, 40, same_day ? " (written %H:%M)" : " (written %Y-%m-%d %H:%M)", &then) == 0) *out = '\0';
  return out;
}

/* Keeps what is said about the next text. Everything else of a kind that this version does not know is skipped. */
static void take_note(chat_session *s, const uint8_t *data, size_t size) {
  pl_wire_chat_note note;
  if (size == 0 || data[0] != PL_CONST_CHAT_NOTE || pl_wire_chat_note_decode(&note, data, size) != 0) return;
  s->has_note = true;
  memcpy(s->note_id, note.id, OUTBOX_ID_BYTES);
  s->note_written_ms = note.written_ms;
}

static chat_item *make_item(chat_job *j, const pairlink_event *e, const char *text, size_t size, const char *late) {
  size_t room = strlen(j->who) + strlen(late) + 2 + 4 * size + 2;
  chat_item *item = calloc(1, sizeof *item + room);
  char *copy = malloc(size + 1); /* text has no NUL, and ui_visible needs one */
  if (item && copy) {
    if (size) memcpy(copy, text, size);
    copy[size] = '\0';
    item->session = e->session;
    item->place = e->place;
    if (j->names) item->size = (size_t)sprintf(item->line, "%s%s: ", j->who, late);
    item->size += ui_visible(copy, size, item->line + item->size);
    item->line[item->size++] = '\n';
  } else {
    free(item);
    item = NULL;
  }
  free(copy);
  return item;
}

void chat_received(chat_job *j, const pairlink_event *e, bool is_chat) {
  const uint8_t *data = e->data;
  const char *text = (const char *)data, *late = "";
  char words[40];
  size_t size = e->size;
  bool has_id = is_chat && size > OUTBOX_ID_BYTES && data[0] == PL_CONST_CHAT_TEXT;
  if (has_id) {
    late = late_words(pairlink_session_user(e->session), data + 1, words);
    text += 1 + OUTBOX_ID_BYTES;
    size -= 1 + OUTBOX_ID_BYTES;
  } else if (is_chat) {
    take_note(pairlink_session_user(e->session), data, size);
    size = 0;
  } else if (size && text[size - 1] == '\n') {
    size--; /* from a pipe: plain text */
  }
  chat_item *item = make_item(j, e, text, size, late);
  if (!item) {
    job_no_memory(&j->base);
    return;
  }
  item->has_id = has_id;
  if (has_id) memcpy(item->id, data + 1, OUTBOX_ID_BYTES);
  if (!has_id && (is_chat || e->size == 0)) item->size = 0; /* nothing to show */
  append_item(j, item);
}

static void drop_first_item(chat_job *j) {
  chat_item *item = j->items;
  j->items = item->next;
  if (!j->items) j->last_item = NULL;
  free(item);
}

void chat_items_free(chat_job *j) {
  while (j->items) drop_first_item(j);
}

void chat_session_gone(chat_job *j, const pairlink_session *s) {
  for (chat_item *item = j->items; item; item = item->next)
    if (item->session == s) item->session = NULL;
}

/* Stores the ID of a message that was shown. Returns false after ending the job. */
static bool remember_shown(chat_job *j, const chat_item *item) {
  char why[PL_WHY_MAX] = "";
  if (!item->has_id || outbox_seen(&j->box, item->id)) return true;
  int error = outbox_remember(&j->box, item->id, why);
  if (error) job_end(&j->base, ui_fail("cannot store that a message was shown", error, why));
  return !error;
}

void chat_write_output(chat_job *j) {
  for (int i = 0; i < 16 && j->items; i++) {
    chat_item *item = j->items;
    if (item->written == 0 && item->has_id && outbox_seen(&j->box, item->id)) item->written = item->size;
    long n = item->written < item->size
                 ? output_write(&j->out, (const uint8_t *)item->line + item->written, item->size - item->written)
                 : 0;
    if (n < 0) {
      ui_error("received messages cannot be written to stdout", errno == EPIPE ? "its reader is gone" : strerror(errno),
               NULL);
      job_end(&j->base, EXIT_IO);
      return;
    }
    item->written += (size_t)n;
    if (item->written < item->size || !remember_shown(j, item)) return;
    if (item->session) (void)pairlink_take(item->session, 0, item->place);
    drop_first_item(j);
  }
}
