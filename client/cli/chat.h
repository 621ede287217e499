/* `pairlink chat`: lines to and from one contact.
 *
 * Outwards: a line is in the outbox, on disk, before a session gets it; what a session could not deliver goes over the
 * next one, with the same ID. Inwards: a message is shown, then its ID remembered on disk, then taken. So a crash loses
 * nothing, and shows nothing twice but perhaps the one line that was being written. */
#ifndef PL_CLI_CHAT_H
#define PL_CLI_CHAT_H

#include "job.h"
#include "outbox.h"
#include "output.h"
#include "pairing.h"

enum { CHAT_INPUT = 65536 };

typedef struct chat_session {
  struct chat_session *next; /* older ones */
  pairlink_session *session;
  bool blocked; /* until WRITABLE */
} chat_session;

/* What came and is not shown yet; also things without text, so that they are taken in order. */
typedef struct chat_item {
  struct chat_item *next;
  pairlink_session *session; /* NULL: closed meanwhile */
  uint64_t place;
  bool has_id;
  uint8_t id[OUTBOX_ID_BYTES];
  size_t size, written;
  char line[];
} chat_item;

typedef struct chat_job {
  job base;
  const char *target_text, *send;
  bool claims; /* uses a code; without that and a target it makes one */
  target target;
  pairing code;
  char peer[PAIRLINK_ID_CHARS + 1], who[CONTACT_NAME_MAX]; /* "" until a code told */
  outbox box;
  bool box_open;
  chat_session *sessions; /* the newest first */
  chat_item *items, *last_item;
  output out;
  bool names; /* the sender's name before each line */
  bool said_kept, said_sending, was_linked, said_unlinked;
  size_t delivered; /* since it was last said */
  char input[CHAT_INPUT];
  size_t input_size;
  bool input_ended, skip_line; /* skip_line: the rest of one that is too long */
  bool unsent;                 /* something was dropped: said, and in the exit code */
} chat_job;

/* chat_lines.c */
void chat_read_input(chat_job *j);
bool chat_add_line(chat_job *j, const char *text, size_t size); /* false: the job ends */
void chat_received(chat_job *j, const pairlink_event *e, bool is_chat);
void chat_write_output(chat_job *j);
void chat_items_free(chat_job *j);
void chat_session_gone(chat_job *j, const pairlink_session *s); /* its items have nobody to be taken from */

/* chat.c */
void chat_send(chat_job *j); /* whatever waits and can go */

#endif
