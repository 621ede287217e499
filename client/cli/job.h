/* What listen, connect and ping have in common: a client in a poll loop beside the program's own descriptors, words
 * about the connection, Ctrl-C, and an end in order. */
#ifndef PL_CLI_JOB_H
#define PL_CLI_JOB_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>

#include "cli.h"
#include "people.h"

enum { JOB_FDS = 3 }; /* of the command's own */

typedef struct job job;

typedef struct job_hooks {
  /* Everything but ONLINE, OFFLINE and STOPPED, which the job sees to itself; `online` is called after it was said. */
  void (*on_event)(job *j, const pairlink_event *e);
  void (*on_online)(job *j);
  void (*on_interrupt)(job *j);                  /* before the client is stopped; may be NULL */
  size_t (*prepare)(job *j, struct pollfd *fds); /* fills up to JOB_FDS */
  void (*on_ready)(job *j, const struct pollfd *fds, size_t count);
  void (*on_tick)(job *j); /* the time of `tick_ms` passed; may be NULL */
} job_hooks;

struct job {
  const cli *c;
  const job_hooks *hooks;
  pairlink *client;
  void *user;
  contacts people; /* open as long as the program runs */
  int signal_fd;
  sigset_t old_signals;
  bool was_online, is_online, said_offline, ending, interrupted, stopped;
  bool back_is_said;            /* the command itself says when the connection is back */
  uint64_t started_ms, tick_ms; /* tick_ms: when to call on_tick; 0: never */
  int exit_code;
  int offline_error; /* the last one, and why */
  char offline_why[512];
  bool turned_away; /* the relay answers, and does not let us in for now */
};

/* Makes the client; the program's options over defaults, my name, blocked contacts blocked. 0, or an exit code after
 * saying why. */
int job_init(job *j, const cli *c, const job_hooks *hooks, pairlink_options *options, void *user);
/* Runs until job_end; gives the exit code. Frees everything. */
int job_run(job *j);
/* Closes all and ends with this code; the first call counts. */
void job_end(job *j, int exit_code);
/* The same for want of memory: what cannot be kept is not waited for. */
void job_no_memory(job *j);
/* An invite link. 0, or an exit code after saying why. */
int job_invite(job *j, uint32_t valid_s, char link[PAIRLINK_INVITE_LINK_MAX]);
uint64_t job_now_ms(void);
/* A command line for the other side: `words`, with the relay if that is not the built-in one. In one buffer. */
const char *job_command_there(const job *j, const char *words);
/* What to call someone: the contact's name, else the short ID. In one of four buffers that take turns. */
const char *job_name(const job *j, const char *id);

#endif
