/* `pairlink receive`: the command itself. */
#include "receive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "code_prompt.h"
#include "command.h"
#include "file_state.h"

enum {
  OPTION_YES = 'y',
  OPTION_INTO = 'o',
  OPTION_FROM = 'f',
  OPTION_JSON = 256,
  OPTION_NEW,
  OPTION_CLEAN,
  OPTION_KEEP_HIDDEN
};
enum { IDLE_MS = 2000, STDIN_WAIT_MS = 1000 };

/* ---- the end ------------------------------------------------------------------------------------------ */

static int receive_exit_code_of(const receive_job *j) {
  if (j->failed == 0) return j->declined && j->saved + j->there == 0 ? EXIT_REFUSED : EXIT_OK;
  return j->failed_why == PL_CONST_FILE_CANCELLED ? EXIT_REFUSED : EXIT_IO;
}

static void receive_say_failed(const receive_job *j) {
  char text[80];
  snprintf(text, sizeof text, "%zu saved, %zu failed", j->saved, j->failed);
  if (j->failed && j->saved) ui_say("%s.", text);
  if (j->failed && j->saved + j->failed > 1) ui_keep_error(text, share_why(j->failed_why, false), NULL);
  if (!j->failed && j->declined) ui_keep_error("the offer was declined", NULL, NULL);
}

static void receive_finish(receive_job *j) {
  ui_status(NULL, 0);
  if (j->saved > 1 && !j->failed) ui_say("All saved: %zu files. SHA-256 matches.", j->saved);
  receive_say_failed(j);
  job_end(&j->s.base, receive_exit_code_of(j));
}

/* Returns true when everything that was offered is done. The writer may still have tasks: those that only carry a
 * place, and those of files that are over. */
static bool receive_is_complete(const receive_job *j) {
  bool something = j->saved + j->failed + j->there > 0 || j->declined;
  return something && j->terminal < 0 && !receive_is_unfinished(j) && !pl_transfer_each(j->s.transfer, NULL);
}

/* A page stays connected, so the command ends when nothing more comes for IDLE_MS. */
static void receive_check_end(receive_job *j) {
  uint64_t now = job_now_ms();
  if (j->s.base.ending || !receive_is_complete(j) || !file_writer_is_idle(j->writer)) {
    j->idle_ms = 0;
    return;
  }
  if (!j->idle_ms) j->idle_ms = now;
  if (share_may_end(&j->s) && now >= j->idle_ms + IDLE_MS) receive_finish(j);
}

/* Nothing more comes, but something that was offered is neither here nor declined: nobody answered the question. */
static void receive_end_incomplete(receive_job *j) {
  char what[80] = "nothing was received";
  size_t here = j->saved + j->there;
  if (here) snprintf(what, sizeof what, "only a part was received: %zu %s", here, here == 1 ? "file" : "files");
  ui_error(what, "the other side left", "ask them to send again");
  job_end(&j->s.base, j->failed ? receive_exit_code_of(j) : EXIT_PEER_GONE);
}

static void receive_on_left(share *s) {
  receive_job *j = receive_of(s);
  if (receive_is_complete(j)) {
    receive_finish(j);
  } else if (receive_is_unfinished(j)) {
    ui_say("%s stopped. The transfer resumes when they send again. Press Ctrl-C to stop here.", s->who);
  } else {
    receive_end_incomplete(j);
  }
}

static void receive_on_new_session(share *s) {
  receive_of(s)->idle_ms = 0;
  receive_new_session(receive_of(s));
}

/* ---- hooks of the job --------------------------------------------------------------------------------- */

static int receive_load_saved(receive_job *j) {
  char why[PL_WHY_MAX] = "";
  if (j->saved_loaded) return 0;
  j->saved_loaded = true;
  int error = receiving_load_saved(&j->state, j->s.peer, why);
  return error ? ui_fail("the list of files received before cannot be read", error, why) : 0;
}

static void receive_on_event(job *base, const pairlink_event *e) {
  receive_job *j = base->user;
  pairing_state state = pairing_event(&j->s.code, e);
  if (state == PAIRING_FAILED) job_end(base, j->s.code.exit_code);
  if (state == PAIRING_DONE) {
    share_paired(&j->s, &j->s.code.who);
    claimed_add(pairlink_id(base->client), j->code, j->s.peer);
    sodium_memzero(j->code, sizeof j->code);
    int code = receive_load_saved(j);
    if (code) job_end(base, code);
  }
  if (e->type == PAIRLINK_EVENT_LINKED && j->from.is_link && strcmp(e->peer, j->s.peer) == 0) {
    people_met_by_link(&base->people, base->client, e->session);
    snprintf(j->s.who, sizeof j->s.who, "%s", job_name(base, e->peer));
  }
  share_event(&j->s, e);
}

static void receive_on_tick(job *base) {
  receive_job *j = base->user;
  share_tick(&j->s);
  receive_retry(j);
  receive_check_end(j);
  receive_draw(j);
}

static size_t receive_prepare(job *base, struct pollfd *fds) {
  receive_job *j = base->user;
  size_t count = 2;
  receive_written(j);
  receive_commit_go_on(j);
  receive_start_files(j);
  receive_commit_go_on(j); /* empty folders are complete as soon as they have started */
  receive_draw(j);
  fds[0] = (struct pollfd){.fd = file_writer_fd(j->writer), .events = POLLIN};
  fds[1] = (struct pollfd){.fd = file_sync_fd(j->sync), .events = POLLIN};
  if (j->terminal >= 0) fds[count++] = (struct pollfd){.fd = j->terminal, .events = POLLIN};
  return count;
}

static void receive_on_ready(job *base, const struct pollfd *fds, size_t count) {
  receive_job *j = base->user;
  for (size_t i = 2; i < count; i++)
    if (fds[i].revents && fds[i].fd == j->terminal) receive_answer(j);
}

static void receive_on_interrupt(job *base) {
  receive_job *j = base->user;
  char text[PROGRESS_TEXT_MAX];
  ui_status(NULL, 0);
  if (j->terminal >= 0) close(j->terminal);
  j->terminal = -1;
  if (!receive_is_unfinished(j)) return;
  ui_say("Stopped at %s.", progress_bytes(receive_arrived(&j->s), text));
  share_say_command(&j->s, "receive --into", j->folder, "");
}

/* ---- the sender --------------------------------------------------------------------------------------- */

/* Waits a moment: a code on a pipe comes soon or not at all. */
static bool code_is_on_stdin(void) {
  struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
  int size = 0;
  if (isatty(STDIN_FILENO) || poll(&fd, 1, STDIN_WAIT_MS) <= 0) return false;
  if (!(fd.revents & POLLIN)) return false;
  return ioctl(STDIN_FILENO, FIONREAD, &size) == 0 && size > 0;
}

static int receive_use_code(receive_job *j, const cli *c, pairlink_options *o) {
  j->by_code = true;
  return code_prompt_read(c, false, j->code, &j->from, o);
}

/* Finds the sender: the one that the command line names, else the one of an unfinished transfer into this folder, else
 * the one that a code or link leads to. Called before the client is made, because a person may take long to type a
 * code. */
static int receive_find_peer(receive_job *j, const cli *c, pairlink_options *o) {
  const char *env = getenv("PAIRLINK_CODE");
  if (j->from_text) return people_find(c, j->from_text, &j->from, o);
  if ((env && *env) || code_is_on_stdin()) return receive_use_code(j, c, o);
  j->unit = j->fresh ? NULL : receiving_first(&j->state, NULL);
  if (!j->unit) return receive_use_code(j, c, o);
  snprintf(j->from.text, sizeof j->from.text, "%s", j->unit->peer);
  return 0;
}

static int receive_resume_with(receive_job *j, const char *peer) {
  int code = share_with(&j->s, peer);
  return code ? code : receive_load_saved(j);
}

static int receive_reach(receive_job *j) {
  char peer[PAIRLINK_ID_CHARS + 1], name[256];
  if (j->unit) {
    ui_say("Resuming %s. Waiting for %s. (Use --new to enter a code.)", ui_clean(j->unit->name, name, sizeof name),
           job_name(&j->s.base, j->unit->peer));
    j->unit->live = true;
  }
  if (!*j->code) return receive_resume_with(j, j->from.text);
  if (!claimed_find(pairlink_id(j->s.base.client), j->code, peer))
    return pairing_claim(&j->s.code, &j->s.base, j->code, j->s.json);
  ui_say("You used this code before, with %s. Resuming with them.", job_name(&j->s.base, peer));
  return receive_resume_with(j, peer);
}

static int receive_open_folder(receive_job *j) {
  const char *into = j->into ? j->into : ".";
  char shown[256], absolute[PATH_MAX];
  if (mkdir(into, 0777) != 0 && errno != EEXIST) {
    ui_error("the folder cannot be created", strerror(errno), ui_clean(into, shown, sizeof shown));
    return EXIT_IO;
  }
  j->root = open(into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (j->root < 0 || !realpath(into, absolute) || strlen(absolute) >= sizeof j->folder) {
    ui_error("the folder cannot be used", strerror(errno), ui_clean(into, shown, sizeof shown));
    return EXIT_IO;
  }
  snprintf(j->folder, sizeof j->folder, "%s", absolute);
  file_folders_init(&j->folders, j->root);
  if (faccessat(j->root, ".", W_OK | X_OK, AT_EACCESS) == 0) return 0;
  ui_error("the folder cannot be written to", strerror(errno), "choose another with --into DIR");
  return EXIT_IO;
}

static int receive_open_state(receive_job *j, const cli *c) {
  char own[PAIRLINK_ID_CHARS + 1], why[PL_WHY_MAX] = "";
  int error = pairlink_identity_read(c->identity, own, why, sizeof why);
  if (!error) error = receiving_open(&j->state, own, j->folder, why);
  j->state_open = !error;
  return error ? ui_fail("cannot start", error, why) : 0;
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

static const struct argp_option receive_options[] = {
    {"into", OPTION_INTO, "DIR", 0, "The folder to put files in, created if missing (default: the current one)", 0},
    {"from", OPTION_FROM, "CONTACT", 0, "Wait for a contact (name or ID) instead of asking for a code", 0},
    {"yes", OPTION_YES, NULL, 0, "Accept without asking", 0},
    {"new", OPTION_NEW, NULL, 0, "Ask for a code, even if a transfer into this folder is unfinished", 0},
    {"clean", OPTION_CLEAN, NULL, 0, "Forget unfinished transfers into this folder, and remove their .part files", 0},
    {"hidden", OPTION_KEEP_HIDDEN, NULL, 0, "Keep names that start with a dot, below the first folder", 0},
    {"json", OPTION_JSON, NULL, 0, "For scripts: one JSON object per line on stdout", 0},
    {0},
};

static error_t receive_parse(int key, char *arg, struct argp_state *state) {
  receive_job *j = state->input;
  const option_place places[] = {
      {OPTION_INTO, .text = &j->into},
      {OPTION_FROM, .text = &j->from_text},
      {OPTION_YES, .flag = &j->yes},
      {OPTION_NEW, .flag = &j->fresh},
      {OPTION_JSON, .flag = &j->s.json},
      {OPTION_CLEAN, .flag = &j->clean},
      {OPTION_KEEP_HIDDEN, .flag = &j->keep_hidden},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case ARGP_KEY_ARG:
      argp_error(state,
                 "a code cannot be given on the command line, which others can see; type it when asked, or pass it in "
                 "PAIRLINK_CODE or as the first line of a pipe");
      return EINVAL;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static int receive_start(receive_job *j, const cli *c) {
  static const job_hooks hooks = {.on_event = receive_on_event,
                                  .on_interrupt = receive_on_interrupt,
                                  .prepare = receive_prepare,
                                  .on_ready = receive_on_ready,
                                  .on_tick = receive_on_tick};
  static const share_hooks sharing = {.act = receive_act,
                                      .on_new_session = receive_on_new_session,
                                      .left = receive_on_left,
                                      .handled = receive_handled,
                                      .arrived = receive_arrived};
  pairlink_options o;
  pairlink_options_init(&o);
  int code = receive_open_folder(j);
  if (!code) code = receive_open_state(j, c);
  if (!code) code = receive_find_peer(j, c, &o);
  if (code) return code;
  receive_set_open_max(j);
  signal(SIGXFSZ, SIG_IGN); /* a file size limit of the shell counts as a full disk */
  j->writer = file_writer_new();
  j->sync = j->writer ? file_sync_new(j->root) : NULL;
  if (!j->sync) return ui_fail("cannot start", errno == ENOMEM ? PAIRLINK_ENOMEM : PAIRLINK_ESYSTEM, strerror(errno));
  code = share_init(&j->s, c, &hooks, &sharing, &o);
  if (code) return code;
  code = receive_reach(j);
  if (!code) return 0;
  pairlink_free(j->s.base.client);
  return code;
}

static void receive_deinit(receive_job *j) {
  file_writer_free(j->writer); /* writes what has come so far */
  file_sync_free(j->sync);
  receive_files_free(j);
  file_folders_deinit(&j->folders);
  share_deinit(&j->s);
  if (j->state_open) receiving_close(&j->state);
  if (j->root >= 0) close(j->root);
}

/* `receive --clean`; needs no relay. */
static int receive_run_clean(receive_job *j, const cli *c) {
  int code = receive_open_folder(j);
  if (!code) code = receive_open_state(j, c);
  if (!code) code = receive_clean(j);
  receive_deinit(j);
  return code;
}

static int receive_run(const cli *c, int argc, char **argv) {
  static receive_job only;
  receive_job *j = &only;
  j->root = j->terminal = -1;
  pl_list_init(&j->queue);
  pl_list_init(&j->files);
  pl_list_init(&j->complete);
  pl_list_init(&j->syncing);
  file_folders_init(&j->folders, -1);
  command_parse(&command_receive, argc, argv, j);
  if (j->clean) return receive_run_clean(j, c);
  int code = receive_start(j, c);
  sodium_memzero(j->code, j->by_code && code ? sizeof j->code : 0);
  if (!code) {
    j->s.base.tick_ms = job_now_ms();
    code = job_run(&j->s.base);
    if (j->s.base.interrupted && receive_is_disk_full(j)) code = EXIT_DISK_FULL;
  }
  code = share_finish(&j->s, code);
  receive_deinit(j);
  return code;
}

const command command_receive = {
    .name = "receive",
    .arguments = "",
    .summary = "receive files, by a code or from a contact",
    .run = receive_run,
    .argp = {.options = receive_options,
             .parser = receive_parse,
             .doc = "Receives files and folders. Asks for the code that the other side shows, or takes it from "
                    "PAIRLINK_CODE or the first line of a pipe, never from the command line. Overwrites nothing. When "
                    "the connection is lost, the transfer resumes when it is back. After Ctrl-C or a crash at either "
                    "end, the same command in the same folder resumes at the byte where it stopped, without a code. "
                    "Exits with 0 once everything that was offered is here and its SHA-256 matches."}};
