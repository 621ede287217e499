/* What `send` and `receive` have in common: one other person, the sessions with them, and the transfer over the newest
 * session; messages about the connection, texts that the other person sends meanwhile, progress lines, and objects for
 * scripts.
 *
 * A session that is new, or was reset, starts the transfer again (docs/protocol.md, section 8, "Resuming"). The side
 * that was restarted has to call; since neither knows which one it was, both call.
 *
 * share.c holds the session and the transfer, share_ui.c what is printed. */
#ifndef PL_CLI_SHARE_H
#define PL_CLI_SHARE_H

#include <jansson.h>

#include "../core/transfer/transfer.h"
#include "file_hash.h"
#include "job.h"
#include "pairing.h"
#include "progress.h"

enum { SHARE_LINES_MAX = 4, SHARE_TEXTS_SEEN = 64 };

typedef struct share share;

/* All may be NULL, but act, left and arrived. */
typedef struct share_hooks {
  void (*act)(share *s, const pl_transfer_action *a); /* executes an action of the transfer */
  void (*on_new_session)(share *s);                   /* the current session is new or was reset */
  void (*linked)(share *s); /* the current session has a connection, for the first time or again */
  void (*delivered)(share *s, unsigned channel, uint64_t place);
  void (*writable)(share *s); /* FILE_CHANNEL takes more */
  void (*left)(share *s);     /* the other side closed the session */
  /* Sends one message on FILE_CHANNEL. Returns 0, PAIRLINK_EAGAIN, or PAIRLINK_EMSGSIZE after share_learn_limit. NULL
   * for a command that sends no files. */
  int (*send)(share *s, const uint8_t *head, size_t head_size, pl_view body);
  /* A message on FILE_CHANNEL was handled: the hook takes it, now or when its bytes are stored. */
  void (*handled)(share *s, uint64_t place);
  /* Returns how many bytes have arrived so far, for "resuming at …"; 0: say nothing. */
  uint64_t (*arrived)(const share *s);
} share_hooks;

/* The progress of one file, as a line on the screen and as events. */
typedef struct share_line {
  uint8_t id[16];
  char name[256]; /* safe to print */
  bool is_stream; /* the size is not known */
  progress rate;
  uint64_t told_ms; /* when the last event `progress` was printed */
} share_line;

struct share {
  job base;
  const share_hooks *hooks;
  pairing code;
  pl_transfer *transfer;
  bool json, failed;                                       /* failed: stdout takes no more */
  char peer[PAIRLINK_ID_CHARS + 1], who[CONTACT_NAME_MAX]; /* the other side's ID and name; "" until known */
  pairlink_session *current;                               /* the session linked last; messages of others are ignored */
  uint32_t generation; /* counts current sessions: a place is valid in the generation it came from only */
  bool linked, was_linked, lost_said, words_blocked, by_link;
  uint64_t words_place; /* where the last message of the transfer ends on CHAT_CHANNEL */
  uint64_t deaf_ms;     /* since when messages of the transfer wait and no session is there; 0: not so */
  uint64_t unlinked_ms; /* since when there is no link; 0: linked, or share_tick did not look yet */
  unsigned sessions;    /* open sessions with the other side */
  bool closing_old;     /* the current session is being closed, to call again */
  uint64_t call_ms;     /* when to call again; 0: not planned */
  uint64_t drawn_ms;
  char lines[SHARE_LINES_MAX][PROGRESS_LINE_MAX];
  size_t line_count;
  uint8_t seen[SHARE_TEXTS_SEEN][16]; /* a ring: IDs of texts that were shown */
  size_t seen_count;                  /* of all texts so far */
};

/* Makes the transfer, and the client for application chat/1. Returns 0, or an exit code after printing an error. */
int share_init(share *s, const cli *c, const job_hooks *job_hooks_of, const share_hooks *hooks, pairlink_options *o);
/* Frees the transfer; job_run has freed the client. */
void share_deinit(share *s);
/* Sets the other side, lets it in, and calls it. Returns 0, or an exit code after printing an error. */
int share_with(share *s, const char *id_or_link);
/* Sets the other side after pairing by code. One of the two sides has opened the session already. */
void share_paired(share *s, const contact *who);

/* Handles each event of the job. */
void share_event(share *s, const pairlink_event *e);
/* Handles what is due, and sets the next tick. */
void share_tick(share *s);
/* Sends the messages of the transfer that wait. */
void share_say_words(share *s);
/* Tells the transfer how large a message may be. Returns false, and ends the job, when the other side takes too little
 * for files. */
bool share_learn_limit(share *s);
/* Returns true when the other side has acknowledged every message about files, or has been away for DEAF_MS. */
bool share_may_end(share *s);
/* Gives the transfer an event, then sends its messages. Returns the transfer's result; ends the job on PAIRLINK_ENOMEM.
 */
int share_step(share *s, const pl_transfer_event *in);
/* Gives the transfer an event about one file. */
int share_about(share *s, pl_transfer_event_type type, const uint8_t *id, uint64_t offset, uint8_t why);

/* ---- for people and for scripts ---- */
void share_line_init(share_line *line, const uint8_t *id, pl_view name);
/* Progress, on the terminal and as events: draw_begin (returns false when it is not due yet), then draw_file for each
 * file that moves, then draw_end. */
bool share_draw_begin(share *s);
void share_draw_file(share *s, share_line *line, uint64_t bytes, uint64_t size, const char *note);
void share_draw_end(share *s);
/* Takes the result of json_out: ends the job when stdout did not take the line. */
void share_json(share *s, bool written);
/* Prints that one file failed, also as event `error`. hint may be NULL. */
void share_file_error(share *s, const uint8_t *id, const char *name, const char *error, const char *text,
                      const char *hint);
/* Prints the event `error` alone, when the user was told already. */
void share_tell_error(share *s, const uint8_t *id, const char *name, const char *error, const char *text,
                      const char *hint);
/* Prints the event `done`. path is NULL for a pipe, sha256 for a folder. */
void share_tell_done(share *s, const uint8_t *id, const char *name, const char *path, uint64_t size,
                     const uint8_t *sha256);
/* Prints the event `waiting`: the file has not ended, and continues once there is room. */
void share_tell_disk_full(share *s, const uint8_t *id, const char *name);
/* Returns the size for the "o" of json_out; null for a stream. */
json_t *share_size(uint64_t size, bool is_stream);
/* Removes the progress lines, and prints the event `error` when the command failed. Returns the final exit code. */
int share_finish(share *s, int exit_code);
/* The reason of a FILE_STOP: as words, and as the `error` of events ("declined"). */
const char *share_why(uint8_t why, bool by_peer);
const char *share_why_token(uint8_t why);
/* Prints the command line that resumes: the program's options, then `what`, then `word` quoted (or NULL), then `more`,
 * a remark that is not to be typed. */
void share_say_command(const share *s, const char *what, const char *word, const char *more);

#endif
