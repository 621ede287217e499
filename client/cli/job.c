#include "job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "links.h"

const char *job_name(const job *j, const char *id) {
  static char names[4][CONTACT_NAME_MAX];
  static unsigned turn;
  return people_name(&j->people, id, names[turn++ % 4]);
}

const char *job_command_there(const job *j, const char *words) {
  static char text[PAIRLINK_URL_MAX + 256];
  const char *relay = j->c->relay ? j->c->relay : j->c->default_relay;
  FILE *out = fmemopen(text, sizeof text, "w");
  if (!out) return words;
  fputs(words, out);
  if (j->c->relay || !j->c->default_is_built_in) {
    fputs(" --relay ", out);
    ui_quoted(out, strchr(relay, '#') ? pairlink_relay_url(j->client) : relay); /* never the secret in a link */
  }
  return fclose(out) == 0 ? text : words;
}

static void note_link(const job *j, int64_t until_s) {
  char why[PL_WHY_MAX] = "";
  int error = links_note(j->c->identity, j->link, until_s, (int64_t)time(NULL), why);
  if (error) ui_note("  the link will not be remembered: %s", *why ? why : pairlink_error_text(error));
}

static void note_link_over(job *j) {
  if (*j->link) note_link(j, (int64_t)time(NULL));
  j->link[0] = '\0';
}

int job_new_link(job *j, uint32_t valid_s, char link[PAIRLINK_INVITE_LINK_MAX]) {
  int error = pairlink_invite_new(j->client, valid_s, link, PAIRLINK_INVITE_LINK_MAX);
  if (error) return error;
  note_link_over(j);
  snprintf(j->link, sizeof j->link, "%s", link);
  note_link(j, (int64_t)time(NULL) + valid_s);
  return 0;
}

int job_invite(job *j, uint32_t valid_s, char link[PAIRLINK_INVITE_LINK_MAX]) {
  int error = job_new_link(j, valid_s, link);
  if (error != PAIRLINK_EURL) return error ? ui_fail("cannot make an invite link", error, NULL) : 0;
  ui_error("cannot make an invite link", "links lead to the root of a host, and the address of this relay has a path",
           "use a code, or give the relay a host name of its own");
  return EXIT_USAGE;
}

bool job_is_turned_away(const pairlink_event *closed) {
  return closed->error == PAIRLINK_EREFUSED && !*pairlink_session_application(closed->session);
}

void job_refused(job *j, const pairlink_event *closed, bool accepted_before) {
  char what[CONTACT_NAME_MAX + 32], text[200];
  if (!accepted_before || !job_is_turned_away(closed)) {
    int error = closed->error ? closed->error : PAIRLINK_EREFUSED;
    job_end(j, ui_fail("the other side refused", error, ui_clean(closed->text, text, sizeof text)));
    return;
  }
  snprintf(what, sizeof what, "%s no longer accepts you", job_name(j, closed->peer));
  ui_error(what, "refused: they may have removed you from their contacts",
           "ask them for a new code or link, and pair again");
  job_end(j, EXIT_REFUSED);
  j->stopped = true; /* an earlier session with them cannot be closed: they take no call of it */
}

uint64_t job_now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t job_now_ms(void) {
  return job_now_us() / 1000;
}

void job_end(job *j, int exit_code) {
  if (j->ending) return;
  j->ending = true;
  j->exit_code = exit_code;
  pairlink_stop(j->client);
}

void job_no_memory(job *j) {
  if (!j->ending) job_end(j, ui_fail("cannot continue", PAIRLINK_ENOMEM, NULL));
}

/* "in 3 s", "now" */
static const char *retry_text(int64_t retry_ms, char out[32]) {
  if (retry_ms < 1000)
    snprintf(out, 32, "now");
  else
    snprintf(out, 32, "in %lld s", (long long)((retry_ms + 500) / 1000));
  return out;
}

static void job_give_up(job *j) {
  char what[PAIRLINK_URL_MAX + 64];
  if (j->turned_away && j->offline_error != PAIRLINK_ESTORE) {
    ui_error("the relay accepts no more connections", j->offline_why,
             "close another command or tab that uses this identity, or try again later");
    job_end(j, EXIT_REFUSED);
    return;
  }
  snprintf(what, sizeof what, "cannot connect to the relay %s", pairlink_relay_url(j->client));
  job_end(j, ui_fail(what, j->offline_error ? j->offline_error : PAIRLINK_ENETWORK, j->offline_why));
}

static void job_on_offline(job *j, const pairlink_event *e) {
  char why[512], text[32];
  j->is_online = false;
  if (j->ending) return;
  ui_clean(e->error == PAIRLINK_ESTORE ? "" : e->text, why, sizeof why); /* the text of ESTORE says enough */
  if (e->retry_ms == PAIRLINK_NEVER) {
    job_end(j, ui_fail("cannot connect to the relay", e->error, why));
    return;
  }
  j->offline_error = e->error;
  j->turned_away =
      e->reason == PAIRLINK_REASON_FULL || e->reason == PAIRLINK_REASON_RATE || e->error == PAIRLINK_ESTORE;
  snprintf(j->offline_why, sizeof j->offline_why, "%s", why);
  if (!j->was_online && e->error == PAIRLINK_ETLS) { /* trying again would not help */
    job_give_up(j);
    return;
  }
  /* Said once for each loss, not for each attempt. */
  if (!j->said_offline)
    ui_say("%s (%s). Trying again %s.",
           j->was_online    ? "Connection lost"
           : j->turned_away ? "The relay turns us away"
                            : "Cannot reach the relay",
           *why ? why : pairlink_error_text(e->error), retry_text(e->retry_ms, text));
  j->said_offline = true;
}

static void job_on_online(job *j) {
  if (j->said_offline && !j->back_is_said)
    ui_say(j->was_online    ? "Connected to the relay again."
           : j->turned_away ? "The relay lets us in now."
                            : "The relay answers now.");
  j->said_offline = j->said_checking = false;
  j->is_online = true;
  j->back_ms = job_now_ms();
  if (!j->was_online) ui_note("Connected to the relay %s", pairlink_relay_url(j->client));
  bool first = !j->was_online;
  j->was_online = true;
  if (first && j->hooks->on_online) j->hooks->on_online(j);
}

/* Nobody is called absent meanwhile: it may be the relay that does not answer. */
static void job_on_checking(job *j) {
  if (j->ending || j->said_checking) return;
  j->said_checking = true;
  ui_say("Checking the connection…");
}

static void job_on_alive(job *j) {
  if (j->said_checking && !j->ending) ui_say("The relay answers again.");
  j->said_checking = false;
  j->back_ms = job_now_ms();
}

bool job_knows_who_is_there(const job *j) {
  return j->is_online && !pairlink_is_checking(j->client) && job_now_ms() >= j->back_ms + JOB_SAY_WAITING_AFTER_MS;
}

/* When --relay led to a contact at another relay than before, remembers that relay for the next command. */
static void job_note_relay(job *j, const char *peer) {
  char why[PL_WHY_MAX] = "";
  const char *here = pairlink_relay_url(j->client);
  const contact *who = j->c->relay ? contacts_find(&j->people, peer) : NULL;
  if (who && strcmp(who->relay, here) != 0 && contacts_set_relay(&j->people, peer, here, why) != 0)
    ui_note("  %s", why);
}

static void job_on_event(pairlink *p, const pairlink_event *e, void *user) {
  job *j = user;
  (void)p;
  switch (e->type) {
    case PAIRLINK_EVENT_ONLINE:
      if (!j->ending) job_on_online(j);
      break;
    case PAIRLINK_EVENT_OFFLINE:
      job_on_offline(j, e);
      break;
    case PAIRLINK_EVENT_STOPPED:
      j->stopped = true;
      break;
    case PAIRLINK_EVENT_CHECKING:
      job_on_checking(j);
      break;
    default:
      if (e->type == PAIRLINK_EVENT_ALIVE) job_on_alive(j);
      if (e->type == PAIRLINK_EVENT_INVITE_USED) note_link_over(j);
      if (e->type == PAIRLINK_EVENT_LINKED) job_note_relay(j, e->peer);
      j->hooks->on_event(j, e);
      break;
  }
}

static int open_signals(job *j) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, &j->old_signals);
  j->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return j->signal_fd < 0 ? -1 : 0;
}

/* The first signal ends the program cleanly, the second immediately. */
static void job_on_signal(job *j) {
  struct signalfd_siginfo info;
  while (read(j->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
    int code = info.ssi_signo == SIGINT ? EXIT_INTERRUPTED : 128 + (int)info.ssi_signo;
    if (j->interrupted) _exit(code);
    j->interrupted = true;
    if (info.ssi_signo == SIGINT && isatty(STDERR_FILENO)) ui_say("\nClosing. Press Ctrl-C again to quit now.");
    if (!j->ending && j->hooks->on_interrupt) j->hooks->on_interrupt(j);
    job_end(j, code);
    j->exit_code = code;
  }
}

/* A blocked contact gets nothing through, and one that the user forgot is not let in, whatever the command. */
static int turn_people_away(job *j) {
  int error = 0;
  for (size_t i = 0; i < j->people.count && !error; i++) {
    const contact *one = &j->people.list[i];
    error = one->blocked ? pairlink_block(j->client, one->id) : 0;
  }
  for (size_t i = 0; i < j->people.forgotten_count && !error; i++) {
    const contact_forgotten *one = &j->people.forgotten[i];
    error = one->blocked ? pairlink_block(j->client, one->id) : pairlink_refuse(j->client, one->id);
  }
  return error ? ui_fail("cannot turn away the people whom you blocked or forgot", error, NULL) : 0;
}

/* Whoever opens a link of an earlier command is told that it is over. A file that cannot be read stops nothing. */
static int tell_links(const job *j) {
  char why[PL_WHY_MAX] = "";
  int error = links_tell(j->c->identity, j->client, (int64_t)time(NULL), why);
  if (error == PAIRLINK_ENOMEM) return ui_fail("cannot start", error, NULL);
  if (error) ui_note("Earlier invite links are not known: %s", *why ? why : pairlink_error_text(error));
  return 0;
}

static int make_client(job *j, const pairlink_options *options) {
  int error = pairlink_new(options, &j->client);
  if (!error) {
    int code = turn_people_away(j);
    return code ? code : tell_links(j);
  }
  char what[PAIRLINK_URL_MAX + 16];
  snprintf(what, sizeof what, "cannot start%s%s", error == PAIRLINK_EURL ? " with relay " : "",
           error == PAIRLINK_EURL ? options->relay : "");
  return ui_fail(what, error, ui_last_problem());
}

int job_init(job *j, const cli *c, const job_hooks *hooks, pairlink_options *options, void *user) {
  memset(j, 0, sizeof *j);
  j->c = c;
  j->hooks = hooks;
  j->user = user;
  if (!options->relay) options->relay = c->relay ? c->relay : c->default_relay;
  options->identity_file = c->identity;
  options->ca_file = c->ca;
  options->token = c->token;
  options->callback = job_on_event;
  int code = people_open(c, &j->people);
  if (code) return code;
  if (!options->name) options->name = c->name ? c->name : j->people.my_name;
  options->log = ui_log;
  options->user = j;
  if (c->ca && access(c->ca, R_OK) != 0) {
    ui_error("the file given with --ca cannot be read", strerror(errno), NULL);
    return EXIT_IO;
  }
  code = make_client(j, options);
  if (!code && open_signals(j) != 0) {
    ui_error("cannot watch signals", strerror(errno), NULL);
    code = EXIT_OTHER;
  }
  if (code) pairlink_free(j->client);
  return code;
}

/* Returns when to stop trying a relay that was never reached; 0: never. */
static uint64_t give_up_ms(const job *j) {
  if (j->was_online || j->ending || !j->c->relay_wait_s) return 0;
  return j->started_ms + (uint64_t)j->c->relay_wait_s * 1000;
}

static int timeout_of(const job *j) {
  uint64_t now = job_now_ms(), at = give_up_ms(j);
  if (j->tick_ms && (!at || j->tick_ms < at)) at = j->tick_ms;
  if (!at) return -1;
  return at <= now ? 0 : (int)(at - now);
}

static void check_time(job *j) {
  uint64_t now = job_now_ms();
  if (give_up_ms(j) && give_up_ms(j) <= now) job_give_up(j);
  if (!j->tick_ms || j->tick_ms > now) return;
  j->tick_ms = 0;
  if (!j->ending && j->hooks->on_tick) j->hooks->on_tick(j);
}

/* The client has failed, so nothing can be closed cleanly. */
static void client_failed(job *j, int error) {
  int code = ui_fail("cannot continue", error, NULL);
  if (!j->ending || j->exit_code == EXIT_OK) j->exit_code = code;
  j->ending = j->stopped = true;
}

int job_run(job *j) {
  struct pollfd fds[2 + JOB_FDS];
  j->started_ms = job_now_ms(); /* questions asked before do not count as waiting for the relay */
  while (!j->stopped) {
    fds[0] = (struct pollfd){.fd = pairlink_fd(j->client), .events = POLLIN};
    fds[1] = (struct pollfd){.fd = j->signal_fd, .events = POLLIN};
    size_t own = j->ending || !j->hooks->prepare ? 0 : j->hooks->prepare(j, fds + 2);
    if (poll(fds, (nfds_t)(2 + own), timeout_of(j)) < 0 && errno != EINTR) {
      client_failed(j, PAIRLINK_ESYSTEM);
      break;
    }
    if (fds[1].revents) job_on_signal(j);
    int error = fds[0].revents ? pairlink_dispatch(j->client) : 0;
    if (error) client_failed(j, error);
    if (own && !j->ending && j->hooks->on_ready) j->hooks->on_ready(j, fds + 2, own);
    check_time(j);
  }
  int code = j->exit_code;
  note_link_over(j);
  pairlink_free(j->client);
  close(j->signal_fd);
  sigprocmask(SIG_SETMASK, &j->old_signals, NULL); /* Ctrl-C interrupts questions that come after this */
  return code;
}
