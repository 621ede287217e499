/* `pairlink chat`: lines to and from one contact.
 *
 * Sending: a line is written to the outbox on disk before a session gets it. What one session could not deliver is sent
 * again over the next, with the same ID. Receiving: a message is shown, then its ID is stored on disk, then the message
 * is taken. So a crash loses nothing, and shows at most one line twice: the one that was being written.
 *
 * chat.c is the command; it calls chat_lines.c, and never the other way round. */
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
  bool has_note;
  uint8_t note_id[OUTBOX_ID_BYTES]; /* of the text that comes next */
  uint64_t note_written_ms;         /* when it was written; 0: not said */
} chat_session;

/* A message that is not shown yet. One without text is kept, too, so that all are taken in order. */
typedef struct chat_item {
  struct chat_item *next;
  pairlink_session *session; /* NULL: closed since */
  uint64_t place;
  bool has_id;
  uint8_t id[OUTBOX_ID_BYTES];
  size_t size, written;
  char line[];
} chat_item;

typedef struct chat_job {
  job base;
  const char *target_text, *send;
  bool claims; /* --code: uses a code; with neither a code nor a target, the command makes a code */
  target target;
  pairing code;
  char peer[PAIRLINK_ID_CHARS + 1], who[CONTACT_NAME_MAX]; /* the contact's ID and name; "" until paired by code */
  outbox box;
  bool box_open;
  chat_session *sessions; /* the newest first */
  chat_item *items, *last_item;
  output out;
  bool names; /* stdout is a terminal: print the contact's name before each line */
  bool said_kept, said_sending, was_linked, said_unlinked;
  size_t delivered; /* messages delivered since the user was last told */
  char input[CHAT_INPUT];
  size_t input_size;
  bool input_ended, skip_line; /* skip_line: drop the rest of a line that is too long */
  bool unsent;                 /* a message was dropped; the user was told, and the exit code will be EXIT_OTHER */
} chat_job;

/* ---- chat_lines.c ---- */
/* Reads stdin, and puts whole lines into the outbox, on disk. Ends the job when that fails. */
void chat_read_input(chat_job *j);
/* Queues a MESSAGE or END event for stdout. is_chat: it is in the format of chat/1, else bytes of a pipe. */
void chat_received(chat_job *j, const pairlink_event *e, bool is_chat);
/* Writes queued items to stdout, as many as it takes now, and takes them from their sessions. */
void chat_write_output(chat_job *j);
/* Keeps the items of a session that is closed, but no longer takes them. */
void chat_session_gone(chat_job *j, const pairlink_session *s);
void chat_items_free(chat_job *j);

#endif
