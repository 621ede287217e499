/* Shared by the files of this folder. */
#ifndef PL_TRANSFER_INTERNAL_H
#define PL_TRANSFER_INTERNAL_H

#include "transfer.h"

/* What is still to be said about a file, in this order; a GET waits while it is held here or its offer is due. */
enum { PL_SAY_OFFER = 1, PL_SAY_GET = 2, PL_SAY_HOLD = 4 };

enum { PL_LAST_WORDS_MAX = PL_TRANSFER_FILES_MAX + 128, PL_ACCEPTED_GROUPS_MAX = 64 };

typedef struct pl_transfer_entry {
  pl_node node;
  pl_transfer_file file;
  uint8_t say;
  uint64_t next; /* outgoing: what is sent next. Incoming: the place that is expected */
  /* outgoing */
  bool allowed;        /* FILE_GET came in this session */
  bool want_open;      /* a want is out whose size is not known before (streams), or the one with `end` */
  uint32_t generation; /* of the wants; an older one is stale */
  uint64_t read_to;    /* wants are out up to here */
  uint64_t kept_from;  /* of a stream */
  /* incoming */
  bool offer_due;  /* the session is new: the sender will say FILE_OFFER again */
  bool get_said;   /* in this session */
  bool gap_said;   /* FILE_GET was said, and nothing in place came since */
  uint8_t bytes[]; /* name, media type */
} pl_transfer_entry;

/* What is to be said about a file that is over, or never was; kept until the peer has heard it. */
typedef struct pl_last_word {
  uint8_t type, why;
  uint8_t id[PL_CONST_FILE_ID_BYTES];
  uint64_t place; /* once it was said in this session */
} pl_last_word;

struct pl_transfer {
  pl_transfer_sink sink;
  pl_node files[2]; /* incoming, outgoing */
  size_t count[2];
  bool words_due;
  bool starved; /* this step found no memory */
  size_t turn;
  pl_last_word last_words[PL_LAST_WORDS_MAX]; /* a ring */
  size_t last_first, last_count, last_said;   /* last_said: how many of the first were said in this session */
  uint32_t piece;                             /* bytes in one FILE_DATA at most */
  uint8_t accepted[PL_ACCEPTED_GROUPS_MAX][PL_CONST_FILE_ID_BYTES]; /* a ring */
  size_t accepted_count, accepted_next;
};

/* transfer.c */
pl_transfer_entry *pl_transfer_entry_find(const pl_transfer *t, bool outgoing, const uint8_t *id);
pl_transfer_entry *pl_transfer_entry_new(pl_transfer *t, const pl_transfer_file *like);
bool pl_transfer_in_group(const pl_transfer_entry *e, const uint8_t *group);
void pl_transfer_act(const pl_transfer *t, const pl_transfer_action *action);
/* Forgets the file and tells the owner; the entry is gone afterwards. */
void pl_transfer_over(pl_transfer *t, pl_transfer_entry *e, uint8_t why, bool by_peer);
void pl_transfer_tell(pl_transfer *t, pl_transfer_entry *e); /* PL_TRANSFER_TOLD */

/* transfer_say.c */
void pl_transfer_say(pl_transfer *t, pl_transfer_entry *e, uint8_t what);
void pl_transfer_say_last(pl_transfer *t, uint8_t type, const uint8_t *id, uint8_t why);
void pl_transfer_say_last_again(pl_transfer *t); /* the session is new: all that were not heard */
void pl_transfer_heard(pl_transfer *t, uint64_t place);

/* transfer_send.c */
int pl_transfer_add(pl_transfer *t, const pl_transfer_file *file);
int pl_transfer_read(pl_transfer *t, const pl_transfer_event *in);
int pl_transfer_read_end(pl_transfer *t, const pl_transfer_event *in);
int pl_transfer_message_max(pl_transfer *t, uint64_t size);
void pl_transfer_on_get(pl_transfer *t, pl_view message);
void pl_transfer_restart_sending(pl_transfer_entry *e);

/* transfer_receive.c */
void pl_transfer_on_offer(pl_transfer *t, pl_view message);
void pl_transfer_on_data(pl_transfer *t, pl_view message);
void pl_transfer_on_end(pl_transfer *t, pl_view message);
int pl_transfer_incoming(pl_transfer *t, const pl_transfer_event *in); /* the owner's events about incoming files */
void pl_transfer_unaccept(pl_transfer *t, const uint8_t *group);

#endif
