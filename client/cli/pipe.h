/* Connects stdin and stdout to one peer after the other: the shared part of listen and connect.
 *
 * A pipe_peer is a session whose bytes may go to stdout. One peer is active. With listen --keep others wait, and the
 * session windows hold back what they send. A direction is over when its receiver has taken its end. */
#ifndef PL_CLI_PIPE_H
#define PL_CLI_PIPE_H

#include "job.h"
#include "output.h"

enum {
  INPUT_CHUNK = 65024, /* the largest message that fits one record; 64 KiB would need two */
  WAITING_MAX = 16
};

typedef struct pipe_peer {
  struct pipe_peer *next;
  pairlink_session *session;
  chunks received;
  uint64_t finish_place, end_place;
  bool was_linked, unlinked, unlinked_said; /* unlinked: not linked now; unlinked_said: and the user was told */
  bool end_received, end_taken;             /* of the peer's direction */
  bool finished, finish_delivered;          /* of this side's direction */
  bool lost, closing;                       /* lost: not everything will arrive */
} pipe_peer;

/* First member of the struct of listen and of connect. All zero, but for send_max = INPUT_CHUNK, before job_init. */
typedef struct pipe_job {
  job base;
  bool is_listen, keep, by_link; /* by_link: it was reached by an invite link */
  pipe_peer *active, *waiting;   /* waiting: in the order they came */
  output out;
  uint8_t input[INPUT_CHUNK];
  size_t input_size, input_sent, send_max;
  bool input_ended, send_blocked; /* send_blocked: until WRITABLE */
} pipe_job;

/* Runs the job on stdin and stdout, then frees the peers. Returns the exit code. */
int pipe_run(pipe_job *j);

/* The parts of job_hooks that listen and connect share. */
size_t pipe_prepare(pipe_job *j, struct pollfd *fds);
void pipe_ready(pipe_job *j, const struct pollfd *fds, size_t count);
void pipe_interrupt(pipe_job *j);
/* Handles an event of a session that was given to pipe_add. */
void pipe_event(pipe_job *j, const pairlink_event *e);

/* Makes a session one of the job's peers. Returns 0, PAIRLINK_EAGAIN when WAITING_MAX wait already, or PAIRLINK_ENOMEM.
 */
int pipe_add(pipe_job *j, pairlink_session *s);
/* Ends the session, which may be NULL, and the command because memory ran out. */
void pipe_no_memory(pipe_job *j, pairlink_session *s);

#endif
