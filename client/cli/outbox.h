/* What a chat keeps on disk: the messages that the contact has not taken yet, and the IDs of the contact's messages
 * that were shown already. Both are files in $XDG_STATE_HOME/pairlink/outbox, mode 0600, one pair for each own ID and
 * contact, used by one program at a time.
 *
 * Invariants: a message is on disk before it is first sent, its ID never changes, and it leaves the outbox only once it
 * was delivered. A record that a crash left half written is dropped at the next start.
 *
 * Functions that return int return 0 or an error, with one line on what is wrong in `why`. */
#ifndef PL_CLI_OUTBOX_H
#define PL_CLI_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/private_file.h"

enum { OUTBOX_ID_BYTES = 16, OUTBOX_TEXT_MAX = 60000, OUTBOX_SEEN_MAX = 1024, OUTBOX_FULL_BYTES = 4 << 20 };

typedef struct outbox_message {
  struct outbox_message *next;
  uint8_t id[OUTBOX_ID_BYTES];
  uint64_t written_ms; /* Unix time when it was written; 0: not known */
  const void *session; /* the session that has it now; NULL: it waits */
  const void *noted;   /* the session that was told when it was written */
  uint64_t place;      /* where it ends in that session */
  size_t size;
  char text[];
} outbox_message;

typedef struct outbox {
  int lock_fd, fd, seen_fd;
  char *path, *seen_path;
  outbox_message *first, *last;
  size_t count, bytes; /* of the messages that are not delivered */
  size_t written;      /* bytes of delivered messages in the file, since it was last rewritten */
  uint8_t seen[OUTBOX_SEEN_MAX][OUTBOX_ID_BYTES];
  size_t seen_count, seen_next, seen_written;
} outbox;

/* Opens or creates the files for a contact. Returns PL_ESTATE when another program uses them. Call outbox_close also
 * after an error. */
int outbox_open(outbox *o, const char *own_id, const char *peer_id, char why[PL_WHY_MAX]) PL_MUST_USE;
void outbox_close(outbox *o);

/* Appends a message with a new ID, written now. It is safely on disk only after outbox_sync. Returns PL_EMSGSIZE when
 * it is longer than OUTBOX_TEXT_MAX. */
int outbox_add(outbox *o, const char *text, size_t size, char why[PL_WHY_MAX]) PL_MUST_USE;
int outbox_sync(outbox *o, char why[PL_WHY_MAX]) PL_MUST_USE;
/* Removes and frees a message that the contact has taken. */
void outbox_delivered(outbox *o, outbox_message *m);
/* Returns true when a message was written so long ago that the contact should be told when. */
bool outbox_is_late(const outbox_message *m);
/* Returns true when OUTBOX_FULL_BYTES wait: do not add more. */
bool outbox_is_full(const outbox *o);

/* Returns true when the ID is among the last OUTBOX_SEEN_MAX that were given to outbox_remember. */
bool outbox_seen(const outbox *o, const uint8_t id[OUTBOX_ID_BYTES]);
/* Stores the ID of a message of the contact that was shown. */
int outbox_remember(outbox *o, const uint8_t id[OUTBOX_ID_BYTES], char why[PL_WHY_MAX]) PL_MUST_USE;

#endif
