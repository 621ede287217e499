#include "people.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "invitation.h"

int people_open(const cli *c, contacts *s) {
  char why[PL_WHY_MAX] = "";
  int error = contacts_open(s, c->identity, why);
  return error ? ui_fail("the contacts cannot be read", error, why) : 0;
}

/* ---- whom an argument means --------------------------------------------------------------------------- */

/* A link names its relay. With --relay, that relay must still show the ID that the link names. */
static void by_link(const cli *c, target *out, pairlink_options *o) {
  out->is_link = true;
  if (c->relay)
    o->relay_id = out->text;
  else
    o->relay = out->text;
}

static int by_contact(const cli *c, const contact *who, target *out, pairlink_options *o) {
  if (who->blocked) {
    char what[CONTACT_NAME_MAX + 16], hint[4 * CONTACT_NAME_MAX + 48];
    snprintf(what, sizeof what, "%s is blocked", who->name);
    snprintf(hint, sizeof hint, "pairlink contacts unblock %s, if you want that", people_quoted(who->name));
    ui_error(what, NULL, hint);
    return EXIT_REFUSED;
  }
  snprintf(out->text, sizeof out->text, "%s", who->id);
  snprintf(out->relay, sizeof out->relay, "%s", who->relay);
  if (!c->relay && *out->relay) o->relay = out->relay;
  return 0;
}

static int no_such_person(const char *text) {
  char what[120], safe[80], code[PAIRLINK_INVITE_LINK_MAX];
  bool like_code = *text >= '0' && *text <= '9' && text[strspn(text, "0123456789")] == '-';
  if (like_code || invitation_find(text, pairlink_word, code) == INVITATION_CODE) { /* never prints the code */
    ui_error("a code cannot be given on the command line", "everybody on this machine can read command lines",
             "use --code, and type the code when asked");
    return EXIT_USAGE;
  }
  snprintf(what, sizeof what, "there is no contact “%s”", ui_clean(text, safe, sizeof safe));
  ui_error(what, "it is not an ID or a link either", "pairlink contacts lists your contacts; pairlink pair adds one");
  return EXIT_USAGE;
}

static bool looks_like_id(const char *text) {
  return strlen(text) == PAIRLINK_ID_CHARS &&
         strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == PAIRLINK_ID_CHARS;
}

int people_find(const cli *c, const char *text, target *out, pairlink_options *o) {
  contacts s;
  memset(out, 0, sizeof *out);
  if (strchr(text, '#')) { /* a link: names have no # */
    bool whole = invitation_find(text, pairlink_word, out->text) == INVITATION_LINK;
    if (!whole && strlen(text) >= sizeof out->text) return ui_fail("the link cannot be used", PAIRLINK_ELINK, NULL);
    if (!whole) snprintf(out->text, sizeof out->text, "%s", text); /* the library will say what is wrong with it */
    by_link(c, out, o);
    return 0;
  }
  int code = people_open(c, &s);
  if (code) return code;
  const contact *who = contacts_find(&s, text);
  if (who)
    code = by_contact(c, who, out, o);
  else if (looks_like_id(text))
    snprintf(out->text, sizeof out->text, "%s", text); /* pairlink_connect checks it */
  else
    code = no_such_person(text);
  contacts_close(&s);
  return code;
}

const char *people_name(const contacts *s, const char *id, char out[CONTACT_NAME_MAX]) {
  const contact *who = contacts_find(s, id);
  if (who)
    snprintf(out, CONTACT_NAME_MAX, "%s", who->name);
  else
    ui_short(id, out);
  return out;
}

/* ---- after pairing ------------------------------------------------------------------------------------ */

void people_warn_namesake(const contacts *s, const char *id, const char *own_name) {
  const contact *known = contacts_namesake(s, id, own_name);
  char name[CONTACT_NAME_MAX];
  if (!known || !contact_name_clean(own_name, name)) return;
  ui_warn("Careful: this one calls itself “%s”, but is not the %s that you know: the ID is different.", name,
          known->name);
  ui_say("  It may be %s on a new device, or someone posing as %s. Ask before you trust it.", known->name, known->name);
}

static void say_news(const contacts *s, const contact_news *news, const char *own_name) {
  const contact *who = &news->who;
  if (news->is_new) people_warn_namesake(s, who->id, own_name);
  if (news->is_new && *news->namesake) ui_say("  Saved under another name, “%s”.", who->name);
  if (news->has_new_name) ui_note("%s now goes by the name “%s”.", who->name, who->own_name);
  if (who->blocked)
    ui_warn("%s is still blocked. To unblock: pairlink contacts unblock %s", who->name, people_quoted(who->name));
}

int people_paired(contacts *s, const pairlink *client, const char *id, const char *own_name, contact_how how,
                  contact *who) {
  char why[PL_WHY_MAX] = "";
  contact paired = {.how = how, .paired_s = (int64_t)time(NULL)};
  contact_news news;
  if (strcmp(id, pairlink_id(client)) == 0) {
    ui_error("you paired with yourself", "both sides use the same identity",
             "on one machine, give the second person another identity: pairlink --identity FILE …");
    return EXIT_USAGE;
  }
  snprintf(paired.id, sizeof paired.id, "%s", id);
  snprintf(paired.relay, sizeof paired.relay, "%s", pairlink_relay_url(client));
  (void)contact_name_clean(own_name ? own_name : "", paired.own_name);
  int error = contacts_add(s, &paired, &news, why);
  if (error) return ui_fail("cannot save the contact", error, why);
  *who = news.who;
  say_news(s, &news, paired.own_name);
  return 0;
}

void people_met_by_link(contacts *s, const pairlink *client, const pairlink_session *session) {
  const char *peer = pairlink_session_peer(session);
  contact who;
  if (strcmp(peer, pairlink_id(client)) == 0 || contacts_find(s, peer)) return;
  (void)people_paired(s, client, peer, pairlink_session_name(session), CONTACT_BY_LINK, &who);
}

void people_say_paired(const contact *who) {
  bool named = *who->own_name || strncmp(who->name, who->id, strlen(who->name)) != 0;
  ui_say(named ? "Paired with %s." : "Paired with %s, who shows no name.", who->name);
}

const char *people_quoted(const char *name) {
  static char texts[4][4 * CONTACT_NAME_MAX + 4];
  static unsigned turn;
  char *text = texts[turn++ % 4];
  FILE *out = fmemopen(text, sizeof *texts, "w");
  if (!out) return name;
  ui_quoted(out, name);
  return fclose(out) == 0 ? text : name;
}

const char *people_date(int64_t when_s, char out[16]) {
  time_t when = (time_t)when_s;
  struct tm parts;
  if (!localtime_r(&when, &parts) || strftime(out, 16, "%Y-%m-%d", &parts) == 0) snprintf(out, 16, "?");
  return out;
}
