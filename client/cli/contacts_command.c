/* `pairlink contacts` and `pairlink name`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "columns.h"
#include "command.h"
#include "json_out.h"
#include "nearest.h"
#include "people.h"

enum { OPTION_JSON = 256, OPTION_NAMES };

typedef struct contacts_arguments {
  char *words[4]; /* one more than any action takes */
  unsigned count;
  bool json, names;
} contacts_arguments;

static const struct argp_option contacts_options[] = {
    {"json", OPTION_JSON, NULL, 0, "For scripts: one JSON object per line", 0},
    {"names", OPTION_NAMES, NULL, 0, "Only the names, one per line", 0},
    {0},
};

static error_t contacts_parse(int key, char *arg, struct argp_state *state) {
  contacts_arguments *a = state->input;
  const option_place places[] = {
      {OPTION_JSON, .flag = &a->json},
      {OPTION_NAMES, .flag = &a->names},
  };
  if (option_take(places, PL_ARRAY_LENGTH(places), key, arg, state)) return 0;
  switch (key) {
    case ARGP_KEY_ARG:
      if (a->count == 4) argp_usage(state);
      a->words[a->count++] = arg;
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

#define CONTACTS_DOC                                                                                                   \
  "Without an action, lists the people you paired with, and those you forgot. Each is identified by a key, so you "    \
  "can name them as you like."                                                                                         \
  "\v"                                                                                                                 \
  "Actions:\n"                                                                                                         \
  "  rename NAME NEW   give someone another name\n"                                                                    \
  "  block NAME        let nothing from someone through\n"                                                             \
  "  unblock NAME      let someone through again\n"                                                                    \
  "  forget NAME       remove a contact; when they call, they learn that you do not accept them\n"                     \
  "  allow NAME        let someone whom you forgot ask again\n"                                                        \
  "  phrase NAME       show the safety phrase, to compare it with theirs\n"                                            \
  "  compared NAME     note that you compared the phrase and it was the same\n"                                        \
  "\n"                                                                                                                 \
  "Wherever a command takes an ID, it takes the name of a contact, too. Contacts are stored next to the identity: in " \
  "~/.config/pairlink/contacts, or for --identity FILE in FILE.contacts."

static int stdout_failed(void) {
  ui_error("the contacts cannot be written to stdout", NULL, NULL);
  return EXIT_IO;
}

/* ---- the list ----------------------------------------------------------------------------------------- */

static bool print_json(const contact *c) {
  return json_out("contact", "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "name", c->name, "id", c->id, "own_name",
                  c->own_name, "relay", c->relay, "paired", contact_how_text(c->how), "paired_s",
                  (json_int_t)c->paired_s, "compared_s", (json_int_t)c->compared_s, "blocked", (int)c->blocked);
}

static void print_person(const contact *c, unsigned column, bool verbose) {
  char paired[16], compared[16];
  printf("%s%*s  paired by %s %s  %s%s%s", c->name, (int)(column - columns_of(c->name)), "", contact_how_text(c->how),
         people_date(c->paired_s, paired), c->compared_s ? "phrase compared " : "phrase not compared",
         c->compared_s ? people_date(c->compared_s, compared) : "", c->blocked ? "  BLOCKED" : "");
  if (*c->own_name && strcmp(c->own_name, c->name) != 0) printf("  calls itself “%s”", c->own_name);
  putchar('\n');
  if (verbose) printf("  ID %s\n", c->id);
  if (verbose && *c->relay) printf("  at %s\n", c->relay);
}

static bool print_forgotten_json(const contact_forgotten *f) {
  return json_out("forgotten", "{s:s, s:s, s:I, s:b}", "name", f->name, "id", f->id, "since_s", (json_int_t)f->since_s,
                  "blocked", (int)f->blocked);
}

static void print_forgotten(const contact_forgotten *f, unsigned column, bool verbose) {
  char date[16];
  printf("%s%*s  forgotten %s  %s\n", f->name, (int)(column - columns_of(f->name)), "", people_date(f->since_s, date),
         f->blocked ? "BLOCKED" : "not accepted");
  if (verbose) printf("  ID %s\n", f->id);
}

static int compare_contacts(const void *a, const void *b) {
  return strcasecmp(((const contact *)a)->name, ((const contact *)b)->name);
}

static unsigned widest_name(const contacts *s) {
  unsigned column = 0;
  for (size_t i = 0; i < s->count + s->forgotten_count; i++) {
    unsigned width = columns_of(i < s->count ? s->list[i].name : s->forgotten[i - s->count].name);
    if (width > column) column = width;
  }
  return column;
}

static bool list_forgotten(const contacts_arguments *a, const contacts *s, unsigned column, bool verbose) {
  bool written = true;
  for (size_t i = s->forgotten_count; i-- > 0 && written;) {
    if (a->json)
      written = print_forgotten_json(&s->forgotten[i]);
    else if (!a->names)
      print_forgotten(&s->forgotten[i], column, verbose);
  }
  return written;
}

static int list_contacts(const contacts_arguments *a, const contacts *s, bool verbose) {
  unsigned column = widest_name(s);
  bool written = true;
  if (s->count) qsort(s->list, s->count, sizeof *s->list, compare_contacts);
  for (size_t i = 0; i < s->count && written; i++) {
    if (a->json)
      written = print_json(&s->list[i]);
    else if (a->names)
      written = puts(s->list[i].name) >= 0;
    else
      print_person(&s->list[i], column, verbose);
  }
  written = written && list_forgotten(a, s, column, verbose);
  if (fflush(stdout) != 0 || !written || ferror(stdout)) return stdout_failed();
  if (!s->count && !s->forgotten_count && !a->json && !a->names)
    ui_say("No contacts yet. To pair with someone: pairlink pair");
  return EXIT_OK;
}

/* ---- actions ------------------------------------------------------------------------------------------ */

typedef struct action {
  const char *name;
  unsigned arguments; /* including the contact */
  bool of_forgotten;  /* `who` is NULL, and the name is of someone whom the user forgot */
  int (*run)(const cli *c, contacts *s, const contact *who, const contacts_arguments *a, char *why);
} action;

static int action_rename(const cli *c, contacts *s, const contact *who, const contacts_arguments *a, char *why) {
  char before[CONTACT_NAME_MAX], after[CONTACT_NAME_MAX];
  (void)c;
  memcpy(before, who->name, sizeof before);
  int error = contacts_rename(s, a->words[1], a->words[2], why);
  if (!error && contact_name_clean(a->words[2], after)) ui_say("%s is now called %s.", before, after);
  return error;
}

static int action_block(const cli *c, contacts *s, const contact *who, const contacts_arguments *a, char *why) {
  char name[CONTACT_NAME_MAX];
  (void)c;
  memcpy(name, who->name, sizeof name);
  bool on = a->words[0][0] == 'b';
  int error = contacts_block(s, a->words[1], on, why);
  if (!error)
    ui_say(on ? "%s is blocked: nothing from them gets through. This applies to commands started from now on."
              : "%s is no longer blocked.",
           name);
  return error;
}

static int action_forget(const cli *c, contacts *s, const contact *who, const contacts_arguments *a, char *why) {
  char name[CONTACT_NAME_MAX], id[PAIRLINK_ID_CHARS + 1];
  (void)c;
  memcpy(name, who->name, sizeof name);
  memcpy(id, who->id, sizeof id);
  bool blocked = who->blocked;
  int error = contacts_forget(s, a->words[1], (int64_t)time(NULL), why);
  if (error) return error;
  ui_say(blocked ? "%s is no longer a contact, and stays blocked. The ID was %s"
                 : "%s is no longer a contact, and is told so when they call. The ID was %s",
         name, id);
  ui_note("To let them ask again: pairlink contacts allow %s", people_quoted(name));
  return 0;
}

static int action_allow(const cli *c, contacts *s, const contact *who, const contacts_arguments *a, char *why) {
  char name[CONTACT_NAME_MAX] = "";
  (void)c;
  (void)who;
  const contact_forgotten *f = contacts_find_forgotten(s, a->words[1]);
  if (f) memcpy(name, f->name, sizeof name);
  int error = contacts_take_back(s, a->words[1], why);
  if (!error)
    ui_say("%s can ask to connect again, like anybody else. This applies to commands started from now on.", name);
  return error;
}

/* Splits the phrase into two lines of six words. */
static int split_phrase(char *phrase, char **second) {
  char *at = phrase;
  for (int i = 0; i < 6 && at; i++) at = strchr(at + 1, ' ');
  if (!at) return PAIRLINK_EMSGSIZE;
  *at = '\0';
  *second = at + 1;
  return 0;
}

static int action_phrase(const cli *c, contacts *s, const contact *who, const contacts_arguments *a, char *why) {
  char own[PAIRLINK_ID_CHARS + 1], text[PAIRLINK_PHRASE_MAX], date[16], *second;
  (void)s;
  int error = pairlink_identity_read(c->identity, own, why, PL_WHY_MAX);
  if (!error) error = pairlink_safety_phrase(own, who->id, text, sizeof text);
  if (error) return error;
  if (a->json) return json_out("phrase", "{s:s, s:s}", "name", who->name, "phrase", text) ? 0 : PAIRLINK_EIO;
  error = split_phrase(text, &second);
  if (error) return error;
  ui_say("The safety phrase of you and %s:\n", who->name);
  if (printf("  %s\n  %s\n", text, second) < 0 || fflush(stdout) != 0) return PAIRLINK_EIO;
  ui_say(
      "\nRead it to each other, by phone or face to face, not in a chat. If both of you\n"
      "have the same twelve words, nobody stands between you. On the other side:\n"
      "pairlink contacts phrase, or “compare the phrase” in the page.");
  if (who->compared_s)
    ui_note("You compared it on %s.", people_date(who->compared_s, date));
  else
    ui_say("If they are the same: pairlink contacts compared %s", people_quoted(who->name));
  return 0;
}

static int action_compared(const cli *c, contacts *s, const contact *who, const contacts_arguments *a, char *why) {
  char name[CONTACT_NAME_MAX];
  (void)c;
  memcpy(name, who->name, sizeof name);
  int error = contacts_set_compared(s, a->words[1], (int64_t)time(NULL), why);
  if (!error) ui_say("Saved: you and %s compared the phrase.", name);
  return error;
}

static const action actions[] = {
    {"rename", 2, false, action_rename},     {"block", 1, false, action_block}, {"unblock", 1, false, action_block},
    {"forget", 1, false, action_forget},     {"allow", 1, true, action_allow},  {"phrase", 1, false, action_phrase},
    {"compared", 1, false, action_compared},
};

static const char *action_name(size_t i) {
  return i < sizeof actions / sizeof *actions ? actions[i].name : NULL;
}

static int no_such_action(const char *typed) {
  char safe[80], hint[128];
  const char *meant = nearest_name(typed, action_name);
  snprintf(hint, sizeof hint, "%s%s%spairlink contacts --help lists the actions", meant ? "did you mean " : "",
           meant ? meant : "", meant ? "? " : "");
  ui_error("there is no such action", ui_clean(typed, safe, sizeof safe), hint);
  return EXIT_USAGE;
}

static int wrong_arguments(const char *what, const char *why) {
  ui_error(what, why, "pairlink contacts --help lists the actions");
  return EXIT_USAGE;
}

static int run_action(const cli *c, contacts *s, const contacts_arguments *a) {
  char why[PL_WHY_MAX] = "", safe[80];
  const action *what = NULL;
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    if (strcmp(actions[i].name, a->words[0]) == 0) what = &actions[i];
  if (!what) return no_such_action(a->words[0]);
  if (a->count != 1 + what->arguments)
    return wrong_arguments(what->arguments == 2 ? "rename takes two names: the current one and the new one"
                                                : "this action takes the name of one contact",
                           a->count > 1 + what->arguments ? "a name with spaces needs quotes" : NULL);
  const contact *who = contacts_find(s, a->words[1]);
  if (!who && !what->of_forgotten) {
    snprintf(why, sizeof why, "there is no contact “%s”", ui_clean(a->words[1], safe, sizeof safe));
    ui_error(why, NULL, "pairlink contacts lists your contacts");
    return EXIT_USAGE;
  }
  int error = what->run(c, s, who, a, why);
  if (!error) return EXIT_OK;
  if (!*why || (error != PAIRLINK_ESTATE && error != PAIRLINK_EINVAL)) return ui_fail("this did not work", error, why);
  ui_error(why, NULL, "pairlink contacts lists your contacts");
  return EXIT_USAGE;
}

static int contacts_run(const cli *c, int argc, char **argv) {
  contacts_arguments a = {0};
  contacts s;
  command_parse(&command_contacts, argc, argv, &a);
  int code = people_open(c, &s);
  if (code) return code;
  code = a.count ? run_action(c, &s, &a) : list_contacts(&a, &s, c->verbose);
  contacts_close(&s);
  return code;
}

const command command_contacts = {.name = "contacts",
                                  .arguments = "[ACTION]",
                                  .summary = "list them, rename, block, forget, compare phrases",
                                  .completes = "rename block unblock forget allow phrase compared CONTACT",
                                  .run = contacts_run,
                                  .argp = {.options = contacts_options,
                                           .parser = contacts_parse,
                                           .args_doc = "\nrename NAME NEW\nACTION NAME",
                                           .doc = CONTACTS_DOC}};

/* ---- the user's own name ------------------------------------------------------------------------------ */

static error_t parse_name(int key, char *arg, struct argp_state *state) {
  const char **name = state->input;
  if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
  if (*name) argp_error(state, "a name with spaces needs quotes");
  *name = arg;
  return 0;
}

static int name_run(const cli *c, int argc, char **argv) {
  const char *name = NULL;
  char why[PL_WHY_MAX] = "";
  contacts s;
  command_parse(&command_name, argc, argv, &name);
  int code = people_open(c, &s);
  if (code) return code;
  if (name) {
    int error = contacts_set_my_name(&s, name, why);
    if (error == PAIRLINK_EINVAL) {
      ui_error(why, "none of it can be shown, or it would be mistaken for something else", "choose another name");
      code = EXIT_USAGE;
    } else if (error) {
      code = ui_fail("cannot save the name", error, why);
    } else if (*s.my_name) {
      ui_say("People you pair with will see you as %s.", s.my_name);
    } else {
      ui_say("People you pair with will see no name.");
    }
  } else if (!*s.my_name) {
    ui_say("You have no name yet. To set one: pairlink name NAME");
  } else if (printf("%s\n", s.my_name) < 0 || fflush(stdout) != 0) {
    code = stdout_failed();
  }
  contacts_close(&s);
  return code;
}

const command command_name = {
    .name = "name",
    .arguments = "[NAME]",
    .summary = "show or set the name that others see",
    .run = name_run,
    .argp = {.parser = parse_name,
             .args_doc = "[NAME]",
             .doc = "Sets the name that you show to people when you pair with them, or prints it. They may give you "
                    "another name. An empty name ('') shows none."}};
