/* `pairlink pair`: makes two people contacts of each other, by a code, an invite link or an ID. It opens a session and
 * closes it once it was linked, so that each side knows that the other has the contact, too. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "code_prompt.h"
#include "command.h"
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
  char invite[PAIRLINK_INVITE_LINK_MAX], invited[PAIRLINK_ID_CHARS + 1]; /* invited: the ID that used the link */
  bool invite_made;                                                      /* the link was shown, or there can be none */
  pairlink_session *session;
  bool paired;    /* `person` is a contact; the other side may not have heard of it yet */
  contact person; /* the new contact */
} pair_job;

/* ---- the end ------------------------------------------------------------------------------------------ */

static void pair_done(pair_job *j, const contact *who) {
  j->person = *who;
  j->paired = true;
  j->base.tick_ms = job_now_ms() + LINK_WAIT_MS; /* time for the other side to learn it */
}

static void pair_finish(pair_job *j) {
  if (j->session) (void)pairlink_close(j->session, PAIRLINK_REASON_CLOSED, "paired");
  job_end(&j->base, EXIT_OK);
}

/* After pairing by link or ID. After pairing by code, pairing.c does this. */
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

static void pair_failed(pair_job *j, const pairlink_event *e) {
  char text[200];
  bool turned_away = !j->who.is_link && job_is_turned_away(e);
  if (turned_away && contacts_find(&j->base.people, e->peer)) {
    job_refused(&j->base, e, true);
  } else if (turned_away) {
    ui_error("not paired", "refused: they do not accept you", "ask them for a code or link, and pair by that");
    job_end(&j->base, EXIT_REFUSED);
  } else {
    job_end(&j->base,
            ui_fail("not paired", e->error ? e->error : PAIRLINK_EREFUSED, ui_clean(e->text, text, sizeof text)));
  }
}

static void pair_on_closed(pair_job *j, const pairlink_event *e) {
  if (e->session == j->session) j->session = NULL;
  if (j->base.ending || e->session == NULL) return;
  if (j->paired && strcmp(e->peer, j->person.id) == 0)
    pair_finish(j);
  else if (!j->paired && j->who.text[0])
    pair_failed(j, e);
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

/* Shows an invite link, unless the relay's address has a path: such a relay has codes only. */
static void pair_make_invite(pair_job *j) {
  enum { ROWS_OF_CODE = 6 }; /* for the code and the text around code and link */
  int error = job_new_link(&j->base, INVITE_VALID_S, j->invite), columns = ui_columns();
  if (error == PAIRLINK_EURL) return;
  if (error) {
    job_end(&j->base, ui_fail("cannot make an invite link", error, NULL));
    return;
  }
  ui_say("Pair by this link, also in a browser. It works once, and as long as the code:\n  %s", j->invite);
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

/* Shows the link before the code: people look for the code first, and what is above it may scroll away. */
static void pair_on_event_with_invite(job *base, const pairlink_event *e) {
  pair_job *j = base->user;
  bool first = e->type == PAIRLINK_EVENT_CODE && !j->invite_made && !base->ending;
  if (first) pair_make_invite(j);
  pair_on_event(base, e);
  if (first) tell_invite(j);
  j->invite_made = j->invite_made || first;
}

static void pair_on_tick(job *base) {
  pair_job *j = base->user;
  if (j->paired) pair_finish(j);
}

/* ---- the user's name for them ------------------------------------------------------------------------- */

static int rename_to(contacts *s, contact *who, const char *name) {
  char why[PL_WHY_MAX] = "";
  int error = contacts_rename(s, who->id, name, why);
  if (error == PAIRLINK_ESTATE || error == PAIRLINK_EINVAL) {
    ui_error(why, NULL, "choose another name");
    return EXIT_USAGE;
  }
  if (error) return ui_fail("cannot save the name", error, why);
  *who = *contacts_find(s, who->id);
  return 0;
}

/* Asks for a name once the connection is closed. An empty line keeps the name that they have. */
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

static const struct argp_option pair_options[] = {
    {"code", OPTION_CODE, NULL, 0,
     "Ask for the code that the other side shows (or take it from PAIRLINK_CODE, or the first line of stdin)", 0},
    {"as", OPTION_AS, "NAME", 0, "Your name for them, instead of asking for it", 0},
    {"yes", 'y', NULL, 0, "Ask nothing: keep the name they give themselves", 0},
    {"no-qr", OPTION_NO_QR, NULL, 0, "Show no QR code", 0},
    {"json", OPTION_JSON, NULL, 0, "For scripts: one JSON object per line on stdout", 0},
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
        argp_error(state, "--code takes no argument, because others can see command lines: it asks for the code");
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static int pair_start(pair_job *j, const cli *c) {
  static const job_hooks hooks = {
      .on_event = pair_on_event_with_invite, .on_online = pair_on_online, .on_tick = pair_on_tick};
  pairlink_options o;
  pairlink_options_init(&o);
  o.application = "pair/1";
  o.listen = 1;
  o.manual_take = 1; /* messages that come here are never taken, so their sender keeps them */
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

static int pair_run(const cli *c, int argc, char **argv) {
  static pair_job only;
  pair_job *j = &only;
  command_parse(&command_pair, argc, argv, j);
  int code = pair_start(j, c);
  sodium_memzero(j->code_text, sizeof j->code_text);
  if (!code) code = job_run(&j->base);
  sodium_memzero(&j->code.text, sizeof j->code.text);
  if (code == EXIT_OK && j->paired) code = name_them(j);
  if (j->json && !json_out_failure(code)) code = EXIT_IO;
  return code;
}

const command command_pair = {
    .name = "pair",
    .arguments = "[LINK|ID]",
    .summary = "become contacts, by a code, a link or an ID",
    .completes = "CONTACT",
    .run = pair_run,
    .argp = {.options = pair_options,
             .parser = pair_parse,
             .args_doc = "[LINK|ID]\n--code",
             .doc =
                 "Makes you and someone else contacts of each other. Without an argument it shows a code, and a link "
                 "with its QR code. The other side enters the code in `pairlink pair --code` or in the page. A code is "
                 "valid for ten minutes, and for one try: one wrong entry cancels it. To pair by ID, each of you runs "
                 "pairlink pair with the ID of the other."}};
