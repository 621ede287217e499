/* `pairlink receive`: receives files of one person into one folder.
 *
 * receive_ends.c knows which offers are over, receive_offers.c what is accepted, receive_places.c where each file goes,
 * receive_files.c the bytes and the end of each file, and receive.c is the command. Each calls only those before it.
 *
 * A *unit* is what is accepted at once: a single file, or a group of files and folders that were sent together. */
#ifndef PL_CLI_RECEIVE_H
#define PL_CLI_RECEIVE_H

#include "file_place.h"
#include "file_writer.h"
#include "receiving.h"
#include "share.h"

/* RECEIVE_AT_ONCE: the most files in transfer at the same time. RECEIVE_OPEN_MAX: including those that the sender has
 * paused. */
enum { RECEIVE_AT_ONCE = 16, RECEIVE_OPEN_MAX = 256, RECEIVE_RETRY_MS = 3000, RECEIVE_ENDS_MAX = 64 };

/* An accepted file: the `user` of the transfer's file. It lives until the writer thread is done with it. */
typedef struct incoming {
  pl_node node;
  const pl_transfer_file *file; /* NULL when it is over */
  file_target target;           /* belongs to the writer thread while it has tasks */
  uint8_t id[16], unit[16];
  uint64_t size;
  int folder;                                    /* the open folder that it goes into; -1: none */
  char leaf[FILE_LEAF_MAX], part[FILE_LEAF_MAX]; /* its name, and the name of its part file or "" */
  share_line line;
  bool started;   /* its turn came: it has a part file, or is being compared */
  bool looked_at; /* a file from an earlier run is compared with the offered one */
  bool copied;    /* the part file is a copy from another folder, which is compared with the offered file */
  bool counted;   /* in `done` of its unit */
  bool over, drop_part, disk_full;
  uint64_t retry_ms; /* when to look for disk space again; 0: not planned */
} incoming;

/* An offer that was declined or stopped as a whole in this session. */
typedef struct receive_end {
  uint8_t id[16];
  bool declined; /* by this side: more of it is declined without asking */
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
  receiving_unit *unit; /* the unfinished unit in `state` that this run resumes, or NULL */
  bool state_open, saved_loaded;
  file_writer *writer;
  file_task *due;                /* made for the message in progress; receive_handled gives it to the writer */
  pl_node files;                 /* of struct incoming, in the order they were accepted */
  bool sync_failed, hidden_said; /* the user was told, once */
  size_t saved, failed, there;   /* there: offered again, and already here */
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
  return (receive_job *)s; /* share is the first member */
}

static inline bool receive_is_stream(const pl_transfer_file *f) {
  return f->flags & PL_CONST_FILE_FLAG_STREAM;
}

/* ---- receive_ends.c: offers that are over as a whole ---- */

/* Forgets all ends: a new session may ask again about what was declined. */
void receive_new_session(receive_job *j);
/* The event `offer` was printed (again), so this unit may end again. */
void receive_offer_told(receive_job *j, const uint8_t *unit);
/* Returns true when this side declined the unit as a whole. */
bool receive_is_declined(receive_job *j, const uint8_t *unit);
/* Prints one event `error` with the id of the offer, which ends every file of it that has no end yet. */
void receive_end_offer(receive_job *j, const uint8_t *unit, const char *name, uint8_t why, bool by_peer);

/* ---- receive_offers.c: what is offered, and what is accepted ---- */

/* Returns the ID of the unit that a file belongs to: of its group, or its own. */
const uint8_t *receive_unit_of(const pl_transfer_file *f);
/* Writes an offered name so that it is safe to print. */
void receive_safe_text(pl_view name, char *out, size_t size);
/* Handles an offer: asks, accepts, resumes, or declines it. */
void receive_offered(receive_job *j, const pl_transfer_action *a);
/* Reads the answer to the question on the terminal. */
void receive_answer(receive_job *j);
/* Counts one file of a unit as over. in: that file, or NULL. */
void receive_count_done(receive_job *j, incoming *in, const uint8_t unit[16]);
/* Tells the sender that a file is here already, because it came in this run, perhaps with another offer. */
void receive_here_already(receive_job *j, const pl_transfer_file *f, receiving_saved *saved);
/* The other side stopped the unit: nothing more of it comes. */
void receive_unit_stopped(receive_job *j, const uint8_t unit[16]);
/* The offer that the file belongs to is over as a whole. */
void receive_offer_over(receive_job *j, const pl_transfer_file *f, uint8_t why, bool by_peer);
bool receive_is_unfinished(const receive_job *j);

/* ---- receive_places.c: where each file goes, and what is already there ---- */

/* Handles an accepted file: it waits for its turn. A folder is made at once. */
void receive_prepare_file(receive_job *j, pl_transfer_file *f);
/* Starts the files whose turn it is. */
void receive_start_files(receive_job *j);
/* The writer has finished a FILE_TASK_COPY. */
void receive_copied(receive_job *j, incoming *in, const file_task *task);
/* The file that was already here differs from the offered one: receives it from the start. */
void receive_start_again(receive_job *j, incoming *in);
/* Gives the writer a task that takes nothing from the session. */
void receive_give(receive_job *j, file_task_kind kind, incoming *in, uint64_t offset, size_t size);
void receive_free_incoming(incoming *in);
/* Forgets what is still to come into the folder, and removes its part files. Returns an exit code. */
int receive_clean(receive_job *j);

/* ---- receive_files.c: the bytes and the end of each file ---- */

/* Hooks of share: see share_hooks. */
void receive_act(share *s, const pl_transfer_action *a);
void receive_handled(share *s, uint64_t place);
uint64_t receive_arrived(const share *s);
/* Handles what the writer has finished. */
void receive_written(receive_job *j);
/* Looks for disk space again, for files that found none. */
void receive_retry(receive_job *j);
bool receive_is_disk_full(const receive_job *j);
void receive_draw(receive_job *j);
void receive_files_free(receive_job *j);

#endif
