/* `pairlink receive`: files of one person into one folder. receive.c: the command. */
#ifndef PL_CLI_RECEIVE_H
#define PL_CLI_RECEIVE_H

#include "file_place.h"
#include "file_state.h"
#include "file_writer.h"
#include "share.h"

/* Open files: those that the other side may send now, and all, with those that it holds. */
enum { RECEIVE_AT_ONCE = 16, RECEIVE_OPEN_MAX = 256, RECEIVE_RETRY_MS = 3000, RECEIVE_ENDS_MAX = 64 };

/* A wanted file; `user` of the transfer's. It lives until the writer has done with it. */
typedef struct incoming {
  pl_node node;
  const pl_transfer_file *file; /* until it is over */
  file_target target;           /* the thread's while it has tasks */
  uint8_t id[16], unit[16];
  uint64_t size;
  int folder;
  char leaf[FILE_LEAF_MAX], part[FILE_LEAF_MAX]; /* part: "" when there is none */
  share_line line;
  bool started;   /* its turn came: it has its place, or is looked at */
  bool looked_at; /* it is here from before: is it what is offered? */
  bool copied;    /* from where it was saved before: is that what is offered? */
  bool counted;   /* in `done` of its unit */
  bool over, drop_part, disk_full;
  uint64_t retry_ms; /* when to look for room again; 0: not, or it is being done */
} incoming;

/* An offer that was declined, or stopped as a whole, in this session. */
typedef struct receive_end {
  uint8_t id[16];
  bool declined; /* here: what comes of it is declined without a question */
} receive_end;

typedef struct receive_job {
  share s;
  target from;
  const char *from_text, *into;
  bool yes, fresh, by_code, clean, keep_hidden;
  char code[PAIRLINK_CODE_MAX];
  char folder[PL_WHY_MAX * 8]; /* absolute */
  int root;
  receiving state;
  receiving_unit *unit; /* what is still to come into this folder, and is waited for; of `state` */
  bool state_open, saved_loaded;
  file_writer *writer;
  file_task *due;                /* of the message that is being handled: gets its place, and goes to the writer */
  pl_node files;                 /* incoming, in the order they were wanted */
  bool sync_failed, hidden_said; /* once each */
  size_t saved, failed, there;   /* there: offered again, and the same as was saved before */
  bool declined, unit_failed;
  receive_end ends[RECEIVE_ENDS_MAX]; /* a ring */
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

/* receive_offers.c: what is offered, and what is accepted at once */
void receive_offered(receive_job *j, const pl_transfer_action *a);
void receive_answer(receive_job *j); /* of the terminal */
void receive_count_done(receive_job *j, incoming *in, const uint8_t unit[16]);
void receive_here_already(receive_job *j, const pl_transfer_file *f, receiving_saved *saved);
void receive_unit_stopped(receive_job *j, const uint8_t unit[16]); /* nothing more of it comes */
bool receive_is_unfinished(const receive_job *j);
void receive_safe_text(pl_view name, char *out, size_t size);
const uint8_t *receive_unit_of(const pl_transfer_file *f);
/* What was offered is over as a whole. */
void receive_offer_over(receive_job *j, const pl_transfer_file *f, uint8_t why, bool by_peer);

/* receive_places.c: where each file goes, and what is there of it */
void receive_prepare_file(receive_job *j, pl_transfer_file *f);
void receive_start_files(receive_job *j); /* those whose turn it is */
void receive_copied(receive_job *j, incoming *in, const file_task *task);
void receive_start_again(receive_job *j, incoming *in); /* what was there is not what is offered */
void receive_give(receive_job *j, file_task_kind kind, incoming *in, uint64_t offset, size_t size);
void receive_free_incoming(incoming *in);
/* Forgets what is still to come into the folder, and removes its part files. An exit code. */
int receive_clean(receive_job *j);

/* receive_files.c: bytes and ends */
void receive_act(share *s, const pl_transfer_action *a);
void receive_handled(share *s, uint64_t place);
void receive_written(receive_job *j); /* what the writer has done */
void receive_retry(receive_job *j);   /* room, for those that found none */
bool receive_is_disk_full(const receive_job *j);
uint64_t receive_arrived(const share *s);
void receive_draw(receive_job *j);
void receive_files_free(receive_job *j);

/* receive_ends.c: offers that are over as a whole */
void receive_new_session(receive_job *j);                      /* what was declined may be asked about again */
void receive_offer_told(receive_job *j, const uint8_t *unit);  /* event `offer`: it may end again */
bool receive_is_declined(receive_job *j, const uint8_t *unit); /* here, as a whole */
/* One event `error` with the id of the offer: what of it has no end yet will have none. */
void receive_end_offer(receive_job *j, const uint8_t *unit, const char *name, uint8_t why, bool by_peer);

#endif
