/* The parts of a transfer, from the bottom to the top: transfer_files.c, transfer_say.c, then transfer_send.c and
 * transfer_receive.c, which know nothing of each other, and transfer.c. */
#ifndef PL_TRANSFER_INTERNAL_H
#define PL_TRANSFER_INTERNAL_H

#include "transfer.h"

/* What is still to be said about a file, in this order; a GET waits while the file is held here or its offer is due. */
enum { PL_TRANSFER_SAY_TIME = 1, PL_TRANSFER_SAY_OFFER = 2, PL_TRANSFER_SAY_GET = 4, PL_TRANSFER_SAY_HOLD = 8 };

enum {
  PL_TRANSFER_LAST_WORDS_MAX = PL_TRANSFER_FILES_MAX + 128,
  PL_TRANSFER_ACCEPTED_MAX = 64,
  PL_TRANSFER_BUCKETS = 512
};

typedef struct pl_transfer_entry {
  pl_node node;
  pl_node speaking; /* in `speaking` of the transfer while something is to be said */
  pl_node sending;  /* outgoing: in `sending` of the transfer while it may be read */
  struct pl_transfer_entry *next_in_bucket;
  pl_transfer_file file;
  uint8_t say;   /* PL_TRANSFER_SAY_… */
  uint64_t next; /* outgoing: the place that is sent next; incoming: the place that is expected next */
  /* outgoing */
  bool allowed;        /* FILE_GET came in this session */
  bool want_open;      /* a want is out whose size is not known in advance (of a stream), or the one with `end` */
  uint32_t generation; /* of the wants; those of earlier generations are stale */
  uint64_t read_to;    /* wants are out up to this place */
  uint64_t kept_from;  /* of a stream: what is before this place cannot be read again */
  /* incoming */
  bool offer_due;  /* the session is new: the sender will offer the file again */
  bool get_said;   /* FILE_GET was said in this session */
  bool gap_said;   /* FILE_GET was said, and nothing in place came since then */
  uint8_t bytes[]; /* name, media type */
} pl_transfer_entry;

/* How a file ended, or that a file does not exist: said until the peer has heard it, even in later sessions. */
typedef struct pl_transfer_last_word {
  uint8_t type, why;
  uint8_t id[PL_CONST_FILE_ID_BYTES];
  uint64_t place; /* in CHAT_CHANNEL, once it was said in this session */
} pl_transfer_last_word;

/* An outgoing group, and how many of its files are not over. */
typedef struct pl_transfer_group {
  uint8_t id[PL_CONST_FILE_ID_BYTES];
  uint32_t open;
} pl_transfer_group;

/* Nothing that happens once for each file walks all files: there is a table by id, and lists of those that are next. */
struct pl_transfer {
  pl_transfer_sink sink;
  pl_node files[2]; /* incoming, outgoing */
  size_t count[2];
  pl_transfer_entry *buckets[2][PL_TRANSFER_BUCKETS];
  pl_node speaking; /* entries in the order in which they got something to say; some have to wait with it */
  pl_node sending;  /* outgoing entries that are MOVING and wanted in this session */
  pl_transfer_group groups[PL_TRANSFER_FILES_MAX];
  size_t group_count;
  size_t asking; /* incoming files that are not decided */
  bool starved;  /* an offer found no memory in this step */
  size_t turn;
  pl_transfer_last_word last_words[PL_TRANSFER_LAST_WORDS_MAX]; /* a ring */
  size_t last_first, last_count, last_said; /* last_said: of the first ones, how many were said in this session */
  uint32_t piece;                           /* bytes in one FILE_DATA at most */
  uint8_t accepted[PL_TRANSFER_ACCEPTED_MAX][PL_CONST_FILE_ID_BYTES]; /* groups; a ring */
  size_t accepted_count, accepted_next;
  uint8_t time_id[PL_CONST_FILE_ID_BYTES]; /* of the latest FILE_TIME whose file is not offered yet */
  uint64_t time_ns;                        /* of that file; 0: none came */
};

/* ---- transfer_files.c: the files, and what the owner is told about them ---- */
pl_transfer_entry *pl_transfer_entry_find(const pl_transfer *t, bool outgoing, const uint8_t *id);
pl_transfer_entry *pl_transfer_entry_new(pl_transfer *t, const pl_transfer_file *like); /* or NULL, and t->starved */
size_t pl_transfer_group_open(const pl_transfer *t, const uint8_t *group);              /* of outgoing files */
bool pl_transfer_in_group(const pl_transfer_entry *e, const uint8_t *group);
bool pl_transfer_is_stream(const pl_transfer_entry *e);
void pl_transfer_act(const pl_transfer *t, const pl_transfer_action *action);
void pl_transfer_tell(pl_transfer *t, pl_transfer_entry *e); /* PL_TRANSFER_TOLD */

/* Tells the owner PL_TRANSFER_OVER, and frees the entry. */
void pl_transfer_over(pl_transfer *t, pl_transfer_entry *e, uint8_t why, bool by_peer);

/* ---- transfer_say.c: what is said on CHAT_CHANNEL ---- */
void pl_transfer_say(pl_transfer *t, pl_transfer_entry *e, uint8_t what);
void pl_transfer_say_offer(pl_transfer *t, pl_transfer_entry *e); /* with its time, if that is known */
void pl_transfer_say_last(pl_transfer *t, uint8_t type, const uint8_t *id, uint8_t why);
void pl_transfer_say_last_again(pl_transfer *t); /* the session is new: says again all that the peer has not heard */
void pl_transfer_heard(pl_transfer *t, uint64_t place);

/* ---- transfer_send.c: outgoing files ---- */
int pl_transfer_add(pl_transfer *t, const pl_transfer_file *file) PL_MUST_USE;
int pl_transfer_read(pl_transfer *t, const pl_transfer_want *want, pl_view data) PL_MUST_USE;
int pl_transfer_read_end(pl_transfer *t, const pl_transfer_want *want, const uint8_t sha256[32]) PL_MUST_USE;
int pl_transfer_message_max(pl_transfer *t, uint64_t size) PL_MUST_USE;
int pl_transfer_taken(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) PL_MUST_USE;
int pl_transfer_kept(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) PL_MUST_USE;
void pl_transfer_on_get(pl_transfer *t, pl_transfer_entry *e, pl_view message);
void pl_transfer_on_saved(pl_transfer *t, pl_transfer_entry *e, pl_view message);
void pl_transfer_restart_sending(pl_transfer_entry *e);

/* ---- transfer_receive.c: incoming files ---- */
int pl_transfer_accept(pl_transfer *t, const uint8_t *id) PL_MUST_USE;
void pl_transfer_unaccept(pl_transfer *t, const uint8_t *group);
int pl_transfer_ready(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) PL_MUST_USE;
int pl_transfer_stored(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) PL_MUST_USE;
int pl_transfer_store_failed(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) PL_MUST_USE;
int pl_transfer_room(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) PL_MUST_USE;
int pl_transfer_again(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) PL_MUST_USE;
int pl_transfer_finished(pl_transfer *t, pl_transfer_entry *e, const pl_transfer_event *in) PL_MUST_USE;
void pl_transfer_on_time(pl_transfer *t, pl_transfer_entry *e, pl_view message);
void pl_transfer_on_offer(pl_transfer *t, pl_transfer_entry *e, pl_view message);
void pl_transfer_on_data(pl_transfer *t, pl_transfer_entry *e, pl_view message);
void pl_transfer_on_end(pl_transfer *t, pl_transfer_entry *e, pl_view message);

#endif
