/* What a chat keeps on disk: the messages that the contact has not taken yet, and which of the contact's messages were
 * shown already. Two files in $XDG_STATE_HOME/pairlink/outbox, mode 0600, one pair for each own ID and contact, used by
 * one program at a time.
 *
 * Invariants: a message is on disk before it is sent for the first time; it has one ID for ever; it leaves the outbox
 * only once it was delivered. A record that a crash left half written is dropped at the next start. */
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
  const void *session; /* handed to this one; NULL: waits */
  uint64_t place;      /* where it ends there */
  size_t size;
  char text[];
} outbox_message;

typedef struct outbox {
  int lock_fd, fd, seen_fd;
  char *path, *seen_path;
  outbox_message *first, *last;
  size_t count, bytes; /* not delivered */
  size_t written;      /* delivered since the file was written anew */
  uint8_t seen[OUTBOX_SEEN_MAX][OUTBOX_ID_BYTES];
  size_t seen_count, seen_next, seen_written;
} outbox;

/* Opens, or makes, the files for a contact; PL_ESTATE when another program uses them. */
int outbox_open(outbox *o, const char *own_id, const char *peer_id, char why[PL_WHY_MAX]) PL_MUST_USE;
void outbox_close(outbox *o);

/* A new message with a new ID; on disk for sure only after outbox_sync. */
int outbox_add(outbox *o, const char *text, size_t size, char why[PL_WHY_MAX]) PL_MUST_USE;
int outbox_sync(outbox *o, char why[PL_WHY_MAX]) PL_MUST_USE;
/* The contact has it: forgets it. */
void outbox_delivered(outbox *o, outbox_message *m);
bool outbox_is_full(const outbox *o);

/* Among the last 1,024 that were remembered? */
bool outbox_seen(const outbox *o, const uint8_t id[OUTBOX_ID_BYTES]);
int outbox_remember(outbox *o, const uint8_t id[OUTBOX_ID_BYTES], char why[PL_WHY_MAX]) PL_MUST_USE;

#endif
