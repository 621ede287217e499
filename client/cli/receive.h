/* `pairlink receive`: receives files of one person into one folder.
 *
 * receive_ends.c knows which offers are over, receive_offers.c what is accepted, receive_places.c where each file goes,
 * receive_commit.c puts complete files on the disk, receive_files.c knows the bytes and the end of each file, and
 * receive.c is the command. Each calls only those before it.
 *
 * A *unit* is what is accepted at once: a single file, or a group of files and folders that were sent together. */
#ifndef PL_CLI_RECEIVE_H
#define PL_CLI_RECEIVE_H

#include "file_folder.h"
#include "file_place.h"
#include "file_sync.h"
#include "file_writer.h"
#include "receiving.h"
#include "share.h"

/* RECEIVE_AT_ONCE: the most files in transfer at the same time, or as many more as have RECEIVE_AT_ONCE_BYTES in all.
 * RECEIVE_OPEN_MAX: including those that the sender has paused and those that wait for the disk. */
enum {
  RECEIVE_AT_ONCE = 16,
  RECEIVE_AT_ONCE_BYTES = 1 << 20,
  RECEIVE_OPEN_MAX = 256,
  RECEIVE_RETRY_MS = 3000,
  RECEIVE_ENDS_MAX = 64
};

/* Which barrier a complete file waits for. First its bytes go to the disk under the name of the part file, so that a
 * file that has its final name is whole. Then it gets that name, and the name goes to the disk. Only then it is saved.
 */
typedef enum receive_step { RECEIVE_MOVING, RECEIVE_BYTES, RECEIVE_NAME, RECEIVE_BYTES_AND_NAME } receive_step;

/* An accepted file or empty folder: the `user` of the transfer's file. It lives until no thread uses it. */
typedef struct incoming {
  pl_node node;                 /* in `queue`, `files`, `complete` or `syncing` of the job */
  const pl_transfer_file *file; /* NULL when it is over */
  file_target target;           /* belongs to the writer thread while it has tasks */
  uint8_t id[16], unit[16];
  uint64_t size;
  file_folder *folder;                           /* that it goes into, or NULL */
  char leaf[FILE_LEAF_MAX], part[FILE_LEAF_MAX]; /* its name, and the name of its part file or "" */
  receive_step step;
  bool syncing; /* the sync thread uses its descriptors */
  int sync_error;
  uint8_t sha256[FILE_HASH_BYTES];
  int64_t mtime_ns;
  char *path; /* absolute; NULL until it has its name */
  share_line line;
  bool started;   /* its turn came: it has a part file, or is being compared */
  bool looked_at; /* a file from an earlier run is compared with the offered one */
  bool copied;    /* the part file is a copy from another folder, which is compared with the offered file */
  bool counted;   /* in `done` of its unit */
  bool named;     /* it has its name from this transfer */
  bool over, disk_full;
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
  file_sync *sync;
  file_folders folders;
  file_task *due;                /* made for the message in progress; receive_handled gives it to the writer */
  pl_node queue, files;          /* of struct incoming: those whose turn did not come yet; those that are in transfer */
  pl_node complete, syncing;     /* those for the next batch of the sync thread; those in the present one */
  size_t incoming_count, opened; /* those that are not over; those whose turn came */
  size_t open_max;               /* RECEIVE_OPEN_MAX, or fewer when this program may not open as many */
  file_folder_above above[FILE_FOLDER_ABOVE_MAX]; /* in the present batch */
  size_t above_count;
  int above_error;               /* of syncing one of them in this run: no file is saved any more */
  int journal_error;             /* of syncing the journal of saved files */
  bool sync_failed, hidden_said; /* the user was told, once */
  bool full_said;                /* the user was told that the disk is full, and not yet that there is room */
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
/* Sets open_max. */
void receive_set_open_max(receive_job *j);
/* Starts the files whose turn it is. */
void receive_start_files(receive_job *j);
/* The writer has finished a FILE_TASK_COPY. */
void receive_copied(receive_job *j, incoming *in, const file_task *task);
/* The file that was already here differs from the offered one: receives it from the start. */
void receive_start_again(receive_job *j, incoming *in);
/* Gives the writer a task that takes nothing from the session. */
void receive_give(receive_job *j, file_task_kind kind, incoming *in, uint64_t offset, size_t size);
/* The file is over and not saved: removes what has come of it. Another offer may come at once, so this does not wait
 * for the threads. */
void receive_discard(incoming *in);
void receive_free_incoming(receive_job *j, incoming *in);
/* Forgets what is still to come into the folder, and removes its part files. Returns an exit code. */
int receive_clean(receive_job *j);

/* The file is complete, or was compared and is the same: it is saved after the steps that are left. */
void receive_commit(receive_job *j, incoming *in, receive_step step);
/* The file cannot be written: tells the user and the other side. */
void receive_cannot_write(receive_job *j, const uint8_t *id, const char *name, int error);
/* Moves a file to the end of a list of the job. */
void receive_move_to(pl_node *list, incoming *in);
/* Drops what is in the part file. Returns 0 or an errno. */
int receive_empty_part(incoming *in);

/* ---- receive_commit.c: complete files go to the disk in batches ---- */

/* Handles what the sync thread has finished, and starts the next batch. Files are never kept back for a larger batch:
 * while the disk works on one, the next one grows. */
void receive_commit_go_on(receive_job *j);
/* The file has no room on the disk. What is not below `stored` must be sent again once there is room. */
void receive_on_full(receive_job *j, incoming *in, uint64_t stored);
bool receive_is_full_error(int error);
/* Frees a file that is over, unless a thread still uses it. */
void receive_release(receive_job *j, incoming *in);

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
