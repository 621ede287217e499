/* What all commands that need the relay have in common: a client in a poll loop with the command's own descriptors,
 * messages about the connection, Ctrl-C, and an orderly end.
 *
 * A command embeds a job as the first member of its own struct, passes that struct as `user` to job_init, and gets it
 * back in each hook as `j->user`. Everything runs in the main thread. */
#ifndef PL_CLI_JOB_H
#define PL_CLI_JOB_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>

#include "cli.h"
#include "people.h"

enum {
  JOB_FDS = 3,                     /* the most descriptors that a command may poll for */
  JOB_SAY_WAITING_AFTER_MS = 1500, /* how long the other side may take before the user is told */
  JOB_CALL_AGAIN_MS = 1000         /* how long to wait before calling again after a session was closed */
};

typedef struct job job;

/* All but on_event may be NULL. */
typedef struct job_hooks {
  void (*on_event)(job *j, const pairlink_event *e); /* each event but ONLINE, OFFLINE, CHECKING and STOPPED */
  void (*on_online)(job *j);                         /* the relay is reached for the first time */
  void (*on_interrupt)(job *j);                      /* a signal ends the program; the client still runs */
  size_t (*prepare)(job *j, struct pollfd *fds);     /* before each poll: fills up to JOB_FDS, returns how many */
  void (*on_ready)(job *j, const struct pollfd *fds, size_t count); /* after the poll, with what prepare filled in */
  void (*on_tick)(job *j);                                          /* the time `tick_ms` has come */
} job_hooks;

struct job {
  const cli *c;
  const job_hooks *hooks;
  pairlink *client;
  void *user;
  contacts people;                     /* stay open until the program ends */
  char link[PAIRLINK_INVITE_LINK_MAX]; /* an invite link of this job that is not noted as over; or "" */
  int signal_fd;
  sigset_t old_signals;
  bool was_online, is_online, said_offline, said_checking, ending, interrupted, stopped;
  bool back_is_said;            /* the command says itself when the connection is back, so the job does not */
  uint64_t started_ms, tick_ms; /* tick_ms: when to call on_tick next; 0: never */
  uint64_t back_ms;             /* when the relay was last reached, or heard again after a silence */
  int exit_code;
  int offline_error;     /* of the last OFFLINE */
  char offline_why[512]; /* its reason, safe to print */
  bool turned_away;      /* the relay answers, but does not let us in for now */
};

/* Makes the client from `options` and the program's options, with the user's name, and turns away whom the user blocked
 * or forgot. May change *options. Returns 0, or an exit code after printing an error; nothing is to be freed then. */
int job_init(job *j, const cli *c, const job_hooks *hooks, pairlink_options *options, void *user);
/* Runs until job_end and the client has stopped. Frees the client. Returns the exit code. */
int job_run(job *j);
/* Stops the client; job_run will return this code. Later calls change nothing. */
void job_end(job *j, int exit_code);
/* Ends the job because memory ran out. */
void job_no_memory(job *j);
/* Makes the invite link of this job, which is over with the job. Later commands remember it. Returns PAIRLINK_EURL when
 * this relay has no links, or another error. */
int job_new_link(job *j, uint32_t valid_s, char link[PAIRLINK_INVITE_LINK_MAX]);
/* The same. Returns 0, or an exit code after printing an error. */
int job_invite(job *j, uint32_t valid_s, char link[PAIRLINK_INVITE_LINK_MAX]);

/* Ends the job because a session was refused, and says why. accepted_before: that person let this side in once, and not
 * by a link that may be over. */
void job_refused(job *j, const pairlink_event *closed, bool accepted_before);
/* Returns true when the other side turned away the call of a session that has ended. It did not close it: that is how a
 * program that is busy, or does something else, refuses. */
bool job_is_turned_away(const pairlink_event *closed);
/* Returns true when it may be said that someone is not there: the relay is known to be alive, and has been for long
 * enough to pass on an answer. */
bool job_knows_who_is_there(const job *j);

/* The monotonic clock. */
uint64_t job_now_ms(void);
uint64_t job_now_us(void);

/* Returns a command line to type on the other side: `words`, plus --relay unless the relay is the built-in one. Valid
 * until the next call. */
const char *job_command_there(const job *j, const char *words);
/* Returns what to call someone: the contact's name, else the short ID. Valid until the fourth call after this one. */
const char *job_name(const job *j, const char *id);

#endif
