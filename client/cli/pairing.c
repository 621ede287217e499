#include "pairing.h"

#include <stdio.h>
#include <string.h>

#include "json_out.h"

int pairing_make(pairing *p, job *j, const char *other_side, bool json) {
  memset(p, 0, sizeof *p);
  p->j = j;
  p->other_side = other_side;
  p->json = json;
  int error = pairlink_code_new(j->client, 0, &p->code);
  return error ? ui_fail("cannot make a code", error, NULL) : 0;
}

int pairing_claim(pairing *p, job *j, const char *code, bool json) {
  memset(p, 0, sizeof *p);
  p->j = j;
  p->json = json;
  p->claims = true;
  int error = pairlink_code_claim(j->client, code, &p->code);
  return error ? ui_fail("the code cannot be used", error, NULL)
               : 0; /* never prints the code: it may be nearly right */
}

/* Shows the code, how long it is valid and what to type on the other side, in as few lines as the terminal allows. */
static void show_code(const pairing *p, int64_t valid_ms) {
  const char *there = job_command_there(p->j, p->other_side);
  long long minutes = (long long)(valid_ms + 59999) / 60000;
  char head[PAIRLINK_CODE_MAX + 16], valid[80];
  snprintf(head, sizeof head, "Code  %-24s", p->text);
  snprintf(valid, sizeof valid, "valid %lld minute%s; on the other side:", minutes, minutes == 1 ? "" : "s");
  size_t room = ui_columns() ? (size_t)ui_columns() : SIZE_MAX, first = strlen(head) + 2 + strlen(valid);
  bool all = first + 1 + strlen(there) <= room;
  ui_head("%s%s%s%s%s", head, first <= room ? "  " : "", first <= room ? valid : "", all ? " " : "", all ? there : "");
  if (first > room) ui_say("      %s", valid);
  if (!all) ui_say("      %s", there);
}

/* CODE comes after each login, most often with the same code. */
static void pairing_on_code(pairing *p, const pairlink_event *e) {
  if (strcmp(p->text, e->text) == 0) return;
  bool another = *p->text != '\0';
  snprintf(p->text, sizeof p->text, "%s", e->text);
  if (p->json && !json_out("code", "{s:s, s:I}", "code", p->text, "valid_ms", (json_int_t)e->valid_ms))
    p->exit_code = EXIT_IO;
  if (another) ui_warn("The relay was restarted: this is the new code.");
  show_code(p, e->valid_ms);
}

static pairing_state pairing_failed(pairing *p, int exit_code) {
  p->code = 0;
  p->exit_code = exit_code;
  return PAIRING_FAILED;
}

/* The library opens the session on the side that made the code. When it could not, tries once more. */
static int pairing_find_session(pairing *p, const pairlink_event *e) {
  p->session = e->session;
  int error = p->session || p->claims ? 0 : pairlink_connect(p->j->client, e->peer, &p->session);
  return error ? ui_fail("cannot connect", error, NULL) : 0;
}

static pairing_state pairing_on_paired(pairing *p, const pairlink_event *e) {
  int code = people_paired(&p->j->people, p->j->client, e->peer, e->text, CONTACT_BY_CODE, &p->who);
  if (!code && p->who.blocked) {
    (void)pairlink_block(p->j->client, e->peer);
    code = EXIT_REFUSED;
  }
  if (!code) code = pairing_find_session(p, e);
  if (code) return pairing_failed(p, code);
  if (p->json && !json_out("paired", "{s:s, s:s}", "name", p->who.name, "id", p->who.id))
    return pairing_failed(p, EXIT_IO);
  people_say_paired(&p->who);
  p->code = 0;
  return PAIRING_DONE;
}

static pairing_state pairing_on_ended(pairing *p, const pairlink_event *e) {
  const char *what = "the code could not be used";
  if (!p->claims)
    what = e->error == PAIRLINK_EWRONGCODE ? "the other side entered a wrong code" : "the code is no longer valid";
  if (!p->claims && e->error == PAIRLINK_ETIMEDOUT) {
    ui_error("nobody used the code", "it has expired", "make a new one");
    return pairing_failed(p, EXIT_CODE);
  }
  return pairing_failed(p, ui_fail(what, e->error ? e->error : PAIRLINK_ENOCODE, NULL));
}

pairing_state pairing_event(pairing *p, const pairlink_event *e) {
  if (!p->code || e->code != p->code) return PAIRING_CONTINUES;
  switch (e->type) {
    case PAIRLINK_EVENT_CODE:
      pairing_on_code(p, e);
      return p->exit_code ? pairing_failed(p, p->exit_code) : PAIRING_CONTINUES;
    case PAIRLINK_EVENT_CODE_BUSY:
      ui_warn("A second person just tried this code, and was turned away.");
      ui_say("  If you gave it to one person only, someone else knows it: stop here, and make a new code.");
      return PAIRING_CONTINUES;
    case PAIRLINK_EVENT_PAIRED:
      return pairing_on_paired(p, e);
    case PAIRLINK_EVENT_CODE_ENDED:
      if (p->j->ending) return PAIRING_CONTINUES; /* this side ended it; the reason was printed */
      return pairing_on_ended(p, e);
    default:
      return PAIRING_CONTINUES;
  }
}
