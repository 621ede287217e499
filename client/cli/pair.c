/* `pairlink pair`: two people become contacts of each other, by a code, an invite link or an ID, and nothing more. A
 * session is opened for that and closed once it was linked: so each side knows that the other one has it as well. */
#include <argp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "code_prompt.h"
#include "json_out.h"
#include "pairing.h"
#include "qr.h"

enum { OPTION_CODE = 256, OPTION_JSON, OPTION_AS, OPTION_NO_QR, INVITE_VALID_S = 600, LINK_WAIT_MS = 10000 };

typedef struct pair_job {
  job base;
  pairing code;
  const char *target_text, *as;
  bool claims, json, no_qr, yes;
  char code_text[PAIRLINK_CODE_MAX];
  target who;
  char invite[PAIRLINK_LINK_MAX], invited[PAIRLINK_ID_CHARS + 1]; /* invited: who used the link */
  bool invite_made;                                               /* the link was shown, or cannot be */
  pairlink_session *session;
  bool paired; /* both know it, or at least this side does */
  contact person;
} pair_job;

/* ---- the end ------------------------------------------------------------------------------------------ */

static void pair_done(pair_job *j, const contact *who) {
  j->person = *who;
  j->paired = true;
  j->base.tick_ms = job_now_ms() + LINK_WAIT_MS; /* for the other side to know it, too */
}

static void pair_finish(pair_job *j) {
  if (j->session) (void)pairlink_close(j->session, PAIRLINK_REASON_CLOSED, "paired");
  job_end(&j->base, EXIT_OK);
}

/* By link or ID: there was no code that would have said it. */
static void paired_without_code(pair_job *j, const pairlink_session *s, contact_how how) {
  contact who;
  int code =
      people_paired(&j->base.people, j->base.client, pairlink_session_peer(s), pairlink_session_name(s), how, &who);
  if (!code && who.blocked) code = EXIT_REFUSED;
  if (!code && j->json && !json_out("paired", "{s:s, s:s}", "name", who.name, "id", who.id)) code = EXIT_IO;
  if (code) {
    job_end(&j->base, code);
    return;
  }
  people_say_paired(&who);
  pair_done(j, &who);
}

/* ---- events ------------------------------------------------------------------------------------------- */

static void pair_on_linked(pair_job *j, const pairlink_event *e) {
  bool invited = strcmp(e->peer, j->invited) == 0;
  if (!j->paired && (j->who.text[0] || invited))
    paired_without_code(j, e->session, invited || j->who.is_link ? CONTACT_BY_LINK : CONTACT_BY_ID);
  if (j->paired && strcmp(e->peer, j->person.id) == 0) pair_finish(j);
}

static void pair_on_closed(pair_job *j, const pairlink_event *e) {
  char text[200];
  if (e->session == j->session) j->session = NULL;
  if (j->base.ending || e->session == NULL) return;
  if (j->paired && strcmp(e->peer, j->person.id) == 0)
    pair_finish(j);
  else if (!j->paired && j->who.text[0])
    job_end(&j->base,
            ui_fail("not paired", e->error ? e->error : PAIRLINK_EREFUSED, ui_clean(e->text, text, sizeof text)));
}

static void pair_on_event(job *base, const pairlink_event *e) {
  pair_job *j = base->user;
  pairing_state state = pairing_event(&j->code, e);
  if (state == PAIRING_FAILED) job_end(base, j->code.exit_code);
  if (state == PAIRING_DONE) pair_done(j, &j->code.who);
  if (e->type == PAIRLINK_EVENT_INVITE_USED && !j->paired) {
    if (j->code.code) (void)pairlink_code_cancel(base->client, j->code.code);
    snprintf(j->invited, sizeof j->invited, "%s", e->peer);
  }
  if (e->session && j->paired && strcmp(e->peer, j->person.id) == 0) j->session = e->session;
  if (e->type == PAIRLINK_EVENT_LINKED) pair_on_linked(j, e);
  if (e->type == PAIRLINK_EVENT_CLOSED) pair_on_closed(j, e);
}

/* A relay below the root of a host has codes, and no links. */
static void make_invite(pair_job *j) {
  enum { ROWS_OF_CODE = 6 }; /* and of what is said around it and the link */
  int error = pairlink_invite_new(j->base.client, INVITE_VALID_S, j->invite, sizeof j->invite), columns = ui_columns();
  if (error == PAIRLINK_EURL) return;
  if (error) {
    job_end(&j->base, ui_fail("no invite link", error, NULL));
    return;
  }
  ui_say("By this link, also in a browser, good once and as long as the code:\n  %s", j->invite);
  int link_rows = columns ? (int)strlen(j->invite) / columns + 1 : 0;
  if (!j->no_qr && qr_show(j->invite, ROWS_OF_CODE + link_rows)) ui_note("  (the same link, for a phone's camera)");
  ui_say("\nOr by this code:");
}

static void tell_invite(pair_job *j) {
  if (j->json && *j->invite && !json_out("link", "{s:s}", "link", j->invite)) job_end(&j->base, EXIT_IO);
}

static void pair_on_online(job *base) {
  pair_job *j = base->user;
  if (j->target_text || j->claims) {
    if (j->claims) ui_note("Looking for the other side…");
    return;
  }
  int code = pairing_make(&j->code, base, "pairlink pair --code", j->json);
  if (code) job_end(base, code);
}

/* The code comes last: people look at it first, and what was above may scroll away. */
static void on_event_with_invite(job *base, const pairlink_event *e) {
  pair_job *j = base->user;
  bool first = e->type == PAIRLINK_EVENT_CODE && !j->invite_made && !base->ending;
  if (first) make_invite(j);
  pair_on_event(base, e);
  if (first) tell_invite(j);
  j->invite_made = j->invite_made || first;
}

static void pair_on_tick(job *base) {
  pair_job *j = base->user;
  if (j->paired) pair_finish(j);
}

static size_t pair_prepare(job *base, struct pollfd *fds) {
  (void)base;
  (void)fds;
  return 0;
}

static void pair_on_ready(job *base, const struct pollfd *fds, size_t count) {
  (void)base;
  (void)fds;
  (void)count;
}

/* ---- my name for them --------------------------------------------------------------------------------- */

static int rename_to(contacts *s, contact *who, const char *name) {
  char why[PL_WHY_MAX] = "";
  int error = contacts_rename(s, who->id, name, why);
  if (error == PAIRLINK_ESTATE || error == PAIRLINK_EINVAL) {
    ui_error(why, NULL, "choose another name");
    return EXIT_USAGE;
  }
  if (error) return ui_fail("the name is not kept", error, why);
  *who = *contacts_find(s, who->id);
  return 0;
}

/* Asked once the connection is closed; an empty line keeps the name. */
static void ask_name(contacts *s, contact *who) {
  char line[4 * CONTACT_NAME_MAX];
  int terminal = isatty(STDERR_FILENO) ? ui_terminal() : -1;
  for (bool asking = terminal >= 0; asking;) {
    dprintf(terminal, "Your name for them [%s]: ", who->name);
    ssize_t n = read(terminal, line, sizeof line - 1);
    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    asking = n > 0 && *line && rename_to(s, who, line) == EXIT_USAGE;
  }
  if (terminal >= 0) close(terminal);
}

static int name_them(pair_job *j) {
  contact *who = &j->person;
  int code = 0;
  if (j->as)
    code = rename_to(&j->base.people, who, j->as);
  else if (!j->json && !j->yes)
    ask_name(&j->base.people, who);
  ui_note("To write to %s: pairlink chat %s", who->name, people_quoted(who->name));
  if (!*j->base.people.my_name && !j->base.c->name)
    ui_note("To give yourself a name that others see: pairlink name NAME");
  return code;
}

/* ---- arguments ---------------------------------------------------------------------------------------- */

const struct argp_option pair_options[] = {
    {"code", OPTION_CODE, NULL, 0,
     "Ask for the code that the other side shows (or take it from the first line of stdin, or from PAIRLINK_CODE)", 0},
    {"as", OPTION_AS, "NAME", 0, "Your name for them, instead of a question", 0},
    {"yes", 'y', NULL, 0, "Ask nothing: keep the name that they give themselves", 0},
    {"no-qr", OPTION_NO_QR, NULL, 0, "Show no QR code", 0},
    {"json", OPTION_JSON, NULL, 0, "For scripts: one object a line on stdout", 0},
    {0},
};

static error_t pair_parse(int key, char *arg, struct argp_state *state) {
  pair_job *j = state->input;
  const option_place places[] = {
      {OPTION_CODE, .flag = &j->claims}, {OPTION_AS, .text = &j->as},     {'y', .flag = &j->yes},
      {OPTION_NO_QR, .flag = &j->no_qr}, {OPTION_JSON, .flag = &j->json}, {ARGP_KEY_ARG, .text = &j->target_text},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case ARGP_KEY_END:
      if (j->target_text && j->claims)
        argp_error(state, "--code takes no code behind it: it would be seen in the list of processes. It asks for it");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static const char doc[] =
    "Makes you and someone else contacts of each other, for good. Without an argument it shows a code, and a link with "
    "its QR code; on the other side, `pairlink pair --code`, or the page, takes the code. A code is good for one try "
    "and "
    "ten minutes: who types it wrong uses it up. With IDs, each of the two names the other's.";

static int pair_start(pair_job *j, const cli *c) {
  static const job_hooks hooks = {on_event_with_invite, pair_on_online, NULL,
                                  pair_prepare,         pair_on_ready,  pair_on_tick};
  pairlink_options o;
  pairlink_options_init(&o);
  o.application = "pair/1";
  o.listen = 1;
  o.manual_take = 1; /* what is said to this command stays with who said it */
  int code = j->target_text ? people_find(c, j->target_text, &j->who, &o) : 0;
  if (!code && j->claims) code = code_prompt_read(c, false, j->code_text, &j->who, &o);
  if (!code) code = job_init(&j->base, c, &hooks, &o, j);
  if (code) return code;
  if (*j->code_text) code = pairing_claim(&j->code, &j->base, j->code_text, j->json);
  int error = !code && *j->who.text ? pairlink_connect(j->base.client, j->who.text, &j->session) : 0;
  if (error) code = ui_fail("cannot pair", error, j->target_text);
  if (code) pairlink_free(j->base.client);
  return code;
}

int command_pair(const cli *c, int argc, char **argv) {
  static const struct argp parser = {
      .options = pair_options, .parser = pair_parse, .args_doc = "[LINK|ID]", .doc = doc};
  static pair_job only;
  pair_job *j = &only;
  command_parse(&parser, argc, argv, j);
  int code = pair_start(j, c);
  sodium_memzero(j->code_text, sizeof j->code_text);
  if (!code) code = job_run(&j->base);
  sodium_memzero(&j->code.text, sizeof j->code.text);
  if (code == EXIT_OK && j->paired) code = name_them(j);
  if (j->json && !json_out_failure(code)) code = EXIT_IO;
  return code;
}
