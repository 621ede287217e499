/* stdin and stdout joined to one peer after the other: the heart of listen and connect.
 *
 * A pipe_peer is a session whose bytes may go to stdout. One is active; others (listen --keep) wait, their bytes held
 * back by their windows. A direction is over when the side that receives it has taken its end. */
#ifndef PL_CLI_PIPE_H
#define PL_CLI_PIPE_H

#include "job.h"
#include "output.h"

enum {
  INPUT_CHUNK = 65024, /* a message that fits a record: 64 KiB would need two */
  WAITING_MAX = 16
};

typedef struct pipe_peer {
  struct pipe_peer *next;
  pairlink_session *session;
  chunks received;
  uint64_t finish_place, end_place;
  bool was_linked, unlinked, unlinked_said; /* not connected any more, or not yet, and whether that was said */
  bool end_received, end_taken;
  bool finished, finish_delivered; /* this side's direction */
  bool lost, closing;
} pipe_peer;

typedef struct pipe_job {
  job base;
  bool is_listen, keep;
  pipe_peer *active, *waiting; /* waiting: in the order they came */
  output out;
  uint8_t input[INPUT_CHUNK];
  size_t input_size, input_sent, send_max;
  bool input_ended, send_blocked;
  uint64_t taken_bytes, sent_bytes;
  /* listen */
  const char *accept; /* "ask", "all", "contacts", or NULL: only those allowed, and invites */
  bool invite, code;
  char **allowed;
  size_t allowed_count;
  int terminal; /* /dev/tty while a question is open, else -1 */
  char asked[PAIRLINK_ID_CHARS + 1];
  unsigned unasked; /* strangers turned away with a word about it */
} pipe_job;

/* The parts of job_hooks that both use. */
size_t pipe_prepare(pipe_job *j, struct pollfd *fds);
void pipe_ready(pipe_job *j, const struct pollfd *fds, size_t count);
void pipe_interrupt(pipe_job *j);
void pipe_event(pipe_job *j, const pairlink_event *e); /* of a session that is a pipe_peer */
void pipe_free(pipe_job *j);

/* Makes a session one of the job's peers; EAGAIN when too many wait, ENOMEM. */
int pipe_add(pipe_job *j, pairlink_session *s);
/* Ends the session and the command for want of memory; the session may be NULL. */
void pipe_no_memory(pipe_job *j, pairlink_session *s);

#endif
