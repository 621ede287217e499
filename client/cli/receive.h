/* `pairlink receive`: files of one person into one folder. receive.c: the command; receive_files.c: the files. */
#ifndef PL_CLI_RECEIVE_H
#define PL_CLI_RECEIVE_H

#include "file_place.h"
#include "file_state.h"
#include "file_writer.h"
#include "share.h"

enum { RECEIVE_UNITS_MAX = 64, RECEIVE_RETRY_MS = 3000 };

/* A wanted file; `user` of the transfer's. It lives until the writer has done with it. */
typedef struct incoming {
  struct incoming *next;
  file_target target; /* the thread's while it has tasks */
  uint8_t id[16], unit[16];
  uint64_t size;
  int folder;
  char leaf[FILE_LEAF_MAX], part[FILE_LEAF_MAX];
  share_line line;
  bool over, drop_part, disk_full;
  uint64_t retry_ms; /* when to look for room again; 0: not, or it is being done */
} incoming;

/* What was accepted at once, in this run. */
typedef struct receive_unit {
  uint8_t id[16];
  uint64_t files, done; /* done: saved, now or earlier, or failed */
} receive_unit;

/* An offer that was declined, or stopped as a whole, in this session. */
typedef struct receive_end {
  uint8_t id[16];
  bool declined; /* here: what comes of it is declined without a question */
} receive_end;

typedef struct receive_job {
  share s;
  target from;
  const char *from_text, *into;
  bool yes, fresh, by_code;
  char code[PAIRLINK_CODE_MAX];
  char folder[PL_WHY_MAX * 8]; /* absolute */
  int root;
  receiving state;
  const receiving_unit *unit; /* what is still to come into this folder, and is waited for; of `state` */
  bool state_open, saved_loaded;
  file_writer *writer;
  file_task *due; /* of the message that is being handled: gets its place, and goes to the writer */
  incoming *files;
  receive_unit units[RECEIVE_UNITS_MAX];
  size_t unit_count;
  size_t saved, failed, there; /* there: offered again, and complete from before */
  bool declined, unit_failed;
  receive_end ends[RECEIVE_UNITS_MAX]; /* a ring */
  size_t end_count;
  uint8_t failed_why;
  uint64_t done_bytes, idle_ms;
  /* the question on the terminal */
  int terminal; /* -1: none is open */
  uint8_t asked[16];
} receive_job;

static inline receive_job *receive_of(share *s) {
  return (receive_job *)s; /* its first member */
}

void receive_act(share *s, const pl_transfer_action *a);
void receive_handled(share *s, uint64_t place);
void receive_written(receive_job *j); /* what the writer has done */
void receive_retry(receive_job *j);   /* room, for those that found none */
bool receive_is_unfinished(const receive_job *j);
bool receive_is_disk_full(const receive_job *j);
uint64_t receive_arrived(const share *s);
void receive_draw(receive_job *j);
void receive_answer(receive_job *j); /* of the terminal */
void receive_files_free(receive_job *j);

/* receive_ends.c */
void receive_new_session(receive_job *j);                      /* what was declined may be asked about again */
void receive_offer_told(receive_job *j, const uint8_t *unit);  /* event `offer`: it may end again */
bool receive_is_declined(receive_job *j, const uint8_t *unit); /* here, as a whole */
/* One event `error` with the id of the offer: what of it has no end yet will have none. */
void receive_end_offer(receive_job *j, const uint8_t *unit, const char *name, uint8_t why, bool by_peer);

void receive_unit_known(receive_job *j, const uint8_t id[16], uint64_t files);

#endif
