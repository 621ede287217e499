/* What `send` and `receive` have in common: one person, the sessions with them, and the transfer over the newest; words
 * about the connection, texts that come meanwhile, lines of progress, objects for scripts.
 *
 * A session of theirs that is new, or was reset, begins the transfer anew (docs/protocol.md, section 8, "Resuming");
 * who was started again calls, so both call. */
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

typedef struct share_hooks {
  void (*act)(share *s, const pl_transfer_action *a);
  void (*begun)(share *s);  /* a session is there, new or reset */
  void (*linked)(share *s); /* it has a connection, at first or again */
  void (*delivered)(share *s, unsigned channel, uint64_t place);
  void (*writable)(share *s); /* FILE_CHANNEL takes more */
  void (*left)(share *s);     /* the other side closed the session */
  /* Bytes of a message on FILE_CHANNEL go out; 0, PAIRLINK_EAGAIN, or PAIRLINK_EMSGSIZE after share_learn_limit. NULL
   * for who sends none. */
  int (*send)(share *s, const uint8_t *head, size_t head_size, pl_view body);
  /* A message on FILE_CHANNEL was handled: take it, now or when it is stored. */
  void (*handled)(share *s, uint64_t place);
  /* How much has arrived of what moves, for "going on at …"; 0: nothing that could be said. */
  uint64_t (*arrived)(const share *s);
} share_hooks;

/* A file on the screen. */
typedef struct share_line {
  uint8_t id[16];
  char name[256]; /* clean */
  bool is_stream; /* the size is not known */
  progress rate;
  uint64_t told_ms; /* event `progress` */
} share_line;

struct share {
  job base;
  const share_hooks *hooks;
  pairing code;
  pl_transfer *transfer;
  bool json, failed; /* failed: stdout takes no more */
  char peer[PAIRLINK_ID_CHARS + 1], who[CONTACT_NAME_MAX];
  pairlink_session *current; /* linked last; what comes over others is from before */
  uint32_t generation;       /* of the current session: places of another mean nothing */
  bool linked, was_linked, lost_said, words_blocked;
  uint64_t words_place; /* of CHAT_CHANNEL: where what was said last ends */
  uint64_t deaf_ms; /* since when nobody is there to hear what is still to be said; 0: somebody is, or all is said */
  uint64_t unlinked_ms; /* since when; 0: it is linked, or was not yet */
  unsigned sessions;    /* open, with them */
  bool closing_old;     /* the current one is given up, to call again */
  uint64_t call_ms;     /* when to call again; 0: not */
  uint64_t drawn_ms;
  char lines[SHARE_LINES_MAX][PROGRESS_LINE_MAX];
  size_t line_count;
  uint8_t seen[SHARE_TEXTS_SEEN][16];
  size_t seen_count; /* ever */
};

/* Makes the client, for application chat/1. 0, or an exit code after saying why. */
int share_init(share *s, const cli *c, const job_hooks *job_hooks_of, const share_hooks *hooks, pairlink_options *o);
void share_deinit(share *s);
/* Whom it is about, from now on: lets them in, and calls them. 0, or an exit code after saying why. */
int share_with(share *s, const char *id_or_link);
/* After pairing: the session is on its way, or this is it. */
void share_paired(share *s, const contact *who);

void share_event(share *s, const pairlink_event *e); /* of a session */
void share_tick(share *s);                           /* sets the next tick, at most a second away */
void share_say_words(share *s);                      /* what the transfer has to say */
/* How much they take in one message. False: too little, and this is the end. */
bool share_learn_limit(share *s);
/* Returns true when they have heard all that was said about files, or nobody has been there to hear it for a while. */
bool share_may_end(share *s);
int share_step(share *s, const pl_transfer_event *in);
/* Tells a file event about one file. */
int share_about(share *s, pl_transfer_event_type type, const uint8_t *id, uint64_t offset, uint8_t why);

/* ---- for people and for scripts ---- */
void share_line_init(share_line *line, const uint8_t *id, pl_view name);
/* Progress, on the terminal and as events: begin (false: not due yet), each file that moves, end. */
bool share_draw_begin(share *s);
void share_draw_file(share *s, share_line *line, uint64_t bytes, uint64_t size, const char *note);
void share_draw_end(share *s);
/* Around json_out: a reader of stdout that is gone ends the program. */
void share_json(share *s, bool written);
/* One file went wrong: said as words and as event `error`. */
void share_file_error(share *s, const uint8_t *id, const char *name, const char *error, const char *text,
                      const char *hint);
/* The event alone, where the words were said otherwise. */
void share_tell_error(share *s, const uint8_t *id, const char *name, const char *error, const char *text,
                      const char *hint);
/* Event `done`. path and sha256 may be NULL: a folder has no hash. */
void share_tell_done(share *s, const uint8_t *id, const char *name, const char *path, uint64_t size,
                     const uint8_t *sha256);
/* Event `waiting`: the file has not ended, and continues without anybody's help. */
void share_tell_disk_full(share *s, const uint8_t *id, const char *name);
/* For the "o" of json_out: null when it is not known. */
json_t *share_size(uint64_t size, bool is_stream);
/* What is told at the end: event `error` for an exit code that is none of success. Gives the code. */
int share_finish(share *s, int exit_code);
/* The words and the token for `why` of a FILE_STOP: "declined" … */
const char *share_why(uint8_t why, bool by_peer);
const char *share_why_token(uint8_t why);
/* Says with which command line it goes on: after the options of the whole program `what`, `word` quoted (NULL:
 * none), and `more`, which is not for typing. */
void share_say_command(const share *s, const char *what, const char *word, const char *more);

#endif
