#include "contacts.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "../core/names/names.h"
#include "../lib/private_file.h"
#include "ui.h"

enum { FILE_MAX = 8 << 20, TRIES_MAX = 100000 };

static const char *const how_texts[] = {"id", "code", "link"};

const char *contact_how_text(contact_how how) {
  return how_texts[how];
}

/* ---- names -------------------------------------------------------------------------------------------- */

/* Writes an ID in its normal form. Returns false when the text is not an ID. */
static bool normal_id(const char *text, char out[PAIRLINK_ID_CHARS + 1]) {
  uint8_t bytes[PL_ID_BYTES];
  if (pl_id_parse(bytes, text, strlen(text)) != 0) return false;
  pl_id_format(out, bytes);
  return true;
}

/* Words with a meaning of their own for listen --accept. */
static bool is_reserved_word(const char *name) {
  return strcasecmp(name, "ask") == 0 || strcasecmp(name, "all") == 0 || strcasecmp(name, "contacts") == 0;
}

/* Returns the bytes of the white space that `at` starts with, of any width or script; 0 when it is something else. */
static size_t space_at(const char *at) {
  static const char *const wide[] = {"\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
  if (*at == ' ' || *at == '\t' || *at == '\n') return 1;
  if (strncmp(at, "\xe2\x80", 2) == 0 && (unsigned char)at[2] >= 0x80 && (unsigned char)at[2] <= 0x8a) return 3;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(wide); i++)
    if (strncmp(at, wide[i], strlen(wide[i])) == 0) return strlen(wide[i]);
  return 0;
}

bool contact_name_clean(const char *text, char out[CONTACT_NAME_MAX]) {
  char id[PAIRLINK_ID_CHARS + 1];
  size_t used = 0;
  bool gap = false;
  while (*text) {
    size_t blank = space_at(text), n = blank ? 0 : ui_printable(text);
    bool taken = n && *text != '#' && *text != ',' && !(used == 0 && *text == '-');
    if (taken && used + (gap && used) + n >= CONTACT_NAME_MAX) break;
    if (taken && gap && used) out[used++] = ' ';
    if (taken) memcpy(out + used, text, n);
    used += taken ? n : 0;
    gap = blank || (gap && !taken);
    text += blank ? blank : n ? n : 1;
  }
  out[used] = '\0';
  return used && !is_reserved_word(out) && !normal_id(out, id);
}

/* Writes the name in lower case, of all scripts, for comparing. Bytes that are not UTF-8 stay as they are. */
static void name_fold(const char *name, char out[4 * CONTACT_NAME_MAX]) {
  static locale_t utf8;
  if (!utf8) utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
  locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
  size_t used = 0;
  for (mbstate_t in = {0}, back = {0}; *name;) {
    wchar_t c = (unsigned char)*name < 0x80 ? (wchar_t)*name : 0;
    size_t n = c ? 1 : mbrtowc(&c, name, strlen(name), &in);
    size_t m = n && n <= 4 ? wcrtomb(out + used, (wchar_t)towlower((wint_t)c), &back) : 0;
    if (!m || m > 4) {
      out[used] = *name;
      m = n = 1;
      memset(&in, 0, sizeof in);
      memset(&back, 0, sizeof back);
    }
    used += m;
    name += n;
  }
  out[used] = '\0';
  if (utf8) uselocale(before);
}

static bool same_name(const char *a, const char *b) {
  char left[4 * CONTACT_NAME_MAX], right[4 * CONTACT_NAME_MAX];
  if (!*a || !*b) return false;
  name_fold(a, left);
  name_fold(b, right);
  return strcmp(left, right) == 0;
}

static bool looks_like(const char *a, const char *b) {
  const pl_view left = {(const uint8_t *)a, strlen(a)}, right = {(const uint8_t *)b, strlen(b)};
  return same_name(a, b) || pl_names_alike(left, right);
}

/* ---- finding ------------------------------------------------------------------------------------------ */

static contact *find_contact(const contacts *s, const char *name_or_id) {
  char id[PAIRLINK_ID_CHARS + 1], name[CONTACT_NAME_MAX];
  bool is_id = normal_id(name_or_id, id);
  if (!is_id && !contact_name_clean(name_or_id, name)) return NULL;
  for (size_t i = 0; i < s->count; i++)
    if (is_id ? strcmp(s->list[i].id, id) == 0 : same_name(s->list[i].name, name)) return &s->list[i];
  return NULL;
}

const contact *contacts_find(const contacts *s, const char *name_or_id) {
  return find_contact(s, name_or_id);
}

static contact_forgotten *find_forgotten(const contacts *s, const char *name_or_id) {
  char id[PAIRLINK_ID_CHARS + 1], name[CONTACT_NAME_MAX];
  bool is_id = normal_id(name_or_id, id);
  if (!is_id && !contact_name_clean(name_or_id, name)) return NULL;
  for (size_t i = s->forgotten_count; i-- > 0;)
    if (is_id ? strcmp(s->forgotten[i].id, id) == 0 : same_name(s->forgotten[i].name, name)) return &s->forgotten[i];
  return NULL;
}

const contact_forgotten *contacts_find_forgotten(const contacts *s, const char *name_or_id) {
  return find_forgotten(s, name_or_id);
}

const contact *contacts_namesake(const contacts *s, const char *id, const char *name) {
  char clean[CONTACT_NAME_MAX];
  if (!contact_name_clean(name, clean)) return NULL;
  for (size_t i = 0; i < s->count; i++) {
    const contact *c = &s->list[i];
    if (strcasecmp(c->id, id) != 0 && (looks_like(c->name, clean) || looks_like(c->own_name, clean))) return c;
  }
  return NULL;
}

static bool is_taken(const contacts *s, const char *name) {
  for (size_t i = 0; i < s->count; i++)
    if (looks_like(s->list[i].name, name)) return true;
  return false;
}

/* Writes a name that looks like no other in the list: "Ana", else "Ana 2", "Ana 3" …, cut so that the number fits. */
static void free_name(const contacts *s, const contact *paired, char out[CONTACT_NAME_MAX]) {
  char base[CONTACT_NAME_MAX], number[16];
  if (!contact_name_clean(paired->own_name, base)) snprintf(base, sizeof base, "%.8s", paired->id);
  snprintf(out, CONTACT_NAME_MAX, "%s", base);
  for (unsigned n = 2; is_taken(s, out) && n < TRIES_MAX; n++) {
    size_t room = CONTACT_NAME_MAX - 1 - (size_t)snprintf(number, sizeof number, " %u", n), size = strlen(base);
    while (size > room || (size && ((unsigned char)base[size] & 0xc0) == 0x80)) size--;
    snprintf(out, CONTACT_NAME_MAX, "%.*s%s", (int)size, base, number);
  }
}

/* ---- the file ----------------------------------------------------------------------------------------- */

static void put_json_text(json_t *object, const char *key, const char *value) {
  if (*value) json_object_set_new(object, key, json_string(value));
}

static char *line_of(const contact *c) {
  json_t *o = json_object();
  put_json_text(o, "id", c->id);
  put_json_text(o, "name", c->name);
  put_json_text(o, "own_name", c->own_name);
  put_json_text(o, "relay", c->relay);
  put_json_text(o, "paired", how_texts[c->how]);
  json_object_set_new(o, "paired_s", json_integer(c->paired_s));
  if (c->compared_s) json_object_set_new(o, "compared_s", json_integer(c->compared_s));
  if (c->blocked) json_object_set_new(o, "blocked", json_true());
  char *line = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
  json_decref(o);
  return line;
}

static char *line_of_forgotten(const contact_forgotten *f) {
  json_t *o = json_pack("{s:s, s:s, s:I}", "forgotten", f->id, "name", f->name, "since_s", (json_int_t)f->since_s);
  if (o && f->blocked) json_object_set_new(o, "blocked", json_true());
  char *line = o ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
  json_decref(o);
  return line;
}

static void get_json_text(const json_t *o, const char *key, char *out, size_t size) {
  const char *value = json_string_value(json_object_get(o, key));
  snprintf(out, size, "%s", value ? value : "");
}

/* Returns false when the line is damaged. Such a line is never skipped, because it may be a blocked contact's. */
static bool read_contact(const json_t *o, contact *c) {
  char how[8], id[64];
  memset(c, 0, sizeof *c);
  get_json_text(o, "id", id, sizeof id);
  get_json_text(o, "name", c->name, sizeof c->name);
  get_json_text(o, "own_name", c->own_name, sizeof c->own_name);
  get_json_text(o, "relay", c->relay, sizeof c->relay);
  get_json_text(o, "paired", how, sizeof how);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(how_texts); i++)
    if (strcmp(how, how_texts[i]) == 0) c->how = (contact_how)i;
  c->paired_s = json_integer_value(json_object_get(o, "paired_s"));
  c->compared_s = json_integer_value(json_object_get(o, "compared_s"));
  c->blocked = json_is_true(json_object_get(o, "blocked"));
  char name[CONTACT_NAME_MAX];
  return normal_id(id, c->id) && contact_name_clean(c->name, name) && strcmp(name, c->name) == 0;
}

/* Like read_contact. */
static bool read_forgotten(const json_t *o, contact_forgotten *f) {
  char id[64], name[CONTACT_NAME_MAX];
  memset(f, 0, sizeof *f);
  get_json_text(o, "forgotten", id, sizeof id);
  get_json_text(o, "name", f->name, sizeof f->name);
  f->since_s = json_integer_value(json_object_get(o, "since_s"));
  f->blocked = json_is_true(json_object_get(o, "blocked"));
  return normal_id(id, f->id) && contact_name_clean(f->name, name) && strcmp(name, f->name) == 0;
}

static void remove_forgotten(contacts *s, contact_forgotten *f) {
  memmove(f, f + 1, (size_t)(s->forgotten + s->forgotten_count - f - 1) * sizeof *f);
  s->forgotten_count--;
}

static int append_forgotten(contacts *s, const contact_forgotten *f) {
  if (s->forgotten_count >= CONTACTS_FORGOTTEN_MAX) remove_forgotten(s, s->forgotten);
  contact_forgotten *grown = realloc(s->forgotten, (s->forgotten_count + 1) * sizeof *grown);
  if (!grown) return PL_ENOMEM;
  s->forgotten = grown;
  s->forgotten[s->forgotten_count++] = *f;
  return 0;
}

static int append_contact(contacts *s, const contact *c) {
  contact *grown = realloc(s->list, (s->count + 1) * sizeof *grown);
  if (!grown) return PL_ENOMEM;
  s->list = grown;
  s->list[s->count++] = *c;
  return 0;
}

static int read_contact_line(contacts *s, const char *line, size_t size, unsigned number, char *why) {
  contact c;
  contact_forgotten f;
  json_t *o = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
  const json_t *me = json_object_get(o, "my_name");
  int error = 0;
  if (me)
    (void)contact_name_clean(json_is_string(me) ? json_string_value(me) : "", s->my_name);
  else if (json_object_get(o, "forgotten") && read_forgotten(o, &f) && !find_forgotten(s, f.id))
    error = append_forgotten(s, &f);
  else if (!o || !read_contact(o, &c) || find_contact(s, c.id) || find_contact(s, c.name))
    error = pl_why(why, PL_EIO, "line %u of %s is damaged; repair or remove it", number, s->path);
  else
    error = append_contact(s, &c);
  json_decref(o);
  return error;
}

static void drop_contacts(contacts *s) {
  free(s->list);
  free(s->forgotten);
  s->list = NULL;
  s->forgotten = NULL;
  s->count = s->forgotten_count = 0;
  s->my_name[0] = '\0';
}

static int load_contacts(contacts *s, char *why) {
  uint8_t *all;
  size_t size;
  drop_contacts(s);
  int error = pl_file_read(s->path, 077, FILE_MAX, &all, &size, why);
  if (error) return error == PL_ESTATE ? 0 : error;
  unsigned number = 0;
  for (const char *at = (const char *)all, *end = at + size; !error && at < end;) {
    size_t n = strcspn(at, "\n");
    if (n) error = read_contact_line(s, at, n, ++number, why);
    at += n + 1;
  }
  free(all);
  if (error) drop_contacts(s);
  return error;
}

static int store_contacts(const contacts *s, char *why) {
  char *text = NULL, *line = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return PL_ENOMEM;
  bool whole = true;
  if (*s->my_name) {
    json_t *me = json_pack("{s:s}", "my_name", s->my_name);
    whole = me && (line = json_dumps(me, JSON_COMPACT)) && fprintf(out, "%s\n", line) > 0;
    free(line);
    json_decref(me);
  }
  for (size_t i = 0; i < s->count && whole; i++) {
    line = line_of(&s->list[i]);
    whole = line && fprintf(out, "%s\n", line) > 0;
    free(line);
  }
  for (size_t i = 0; i < s->forgotten_count && whole; i++) {
    line = line_of_forgotten(&s->forgotten[i]);
    whole = line && fprintf(out, "%s\n", line) > 0;
    free(line);
  }
  whole = fclose(out) == 0 && whole;
  int error = whole ? pl_file_put(s->path, text, size, true, why) : PL_ENOMEM;
  free(text);
  return error;
}

int contacts_open(contacts *s, const char *identity_file, char why[PL_WHY_MAX]) {
  memset(s, 0, sizeof *s);
  if (!identity_file)
    s->path = pl_path_of(NULL, "XDG_CONFIG_HOME", ".config", "contacts", why);
  else if (asprintf(&s->path, "%s.contacts", identity_file) < 0)
    s->path = NULL;
  if (!s->path) return identity_file ? PL_ENOMEM : pl_path_error(PL_EIO);
  int error = load_contacts(s, why);
  if (error) contacts_close(s);
  return error;
}

void contacts_close(contacts *s) {
  drop_contacts(s);
  free(s->path);
  s->path = NULL;
}

/* ---- changes: under a lock, after reading the file again ---------------------------------------------- */

typedef struct change {
  const char *name; /* the new name, or the new relay */
  const contact *paired;
  contact_news *news;
  int64_t when_s;
  bool on;
} change;

static int begin_change(contacts *s, int *lock, char *why) {
  int error = pl_folders_for(s->path, why);
  if (!error) error = pl_file_lock(s->path, true, lock, why);
  if (error) return error;
  error = load_contacts(s, why);
  if (error) close(*lock);
  return error;
}

static int end_change(const contacts *s, int lock, int error, char *why) {
  if (!error) error = store_contacts(s, why);
  close(lock);
  return error;
}

static int change_store(contacts *s, int (*function)(contacts *, const change *, char *), const change *c, char *why) {
  int lock, error = begin_change(s, &lock, why);
  return error ? error : end_change(s, lock, function(s, c, why), why);
}

static int change_one(contacts *s, const char *name_or_id,
                      int (*function)(contacts *, contact *, const change *, char *), const change *c, char *why) {
  char safe[80];
  int lock, error = begin_change(s, &lock, why);
  if (error) return error;
  contact *who = find_contact(s, name_or_id);
  if (who)
    error = function(s, who, c, why);
  else
    error = pl_why(why, PL_ESTATE, "there is no contact “%s”", ui_clean(name_or_id, safe, sizeof safe));
  return end_change(s, lock, error, why);
}

static int do_add(contacts *s, const change *c, char *why) {
  contact_news *news = c->news;
  contact paired = *c->paired;
  if (!normal_id(c->paired->id, paired.id)) return pl_why(why, PL_EID, "this is not an ID");
  if (!contact_name_clean(c->paired->own_name, paired.own_name)) paired.own_name[0] = '\0';
  contact *who = find_contact(s, paired.id);
  memset(news, 0, sizeof *news);
  news->is_new = !who;
  contact_forgotten *before = find_forgotten(s, paired.id);
  if (before) remove_forgotten(s, before);
  const contact *namesake = contacts_namesake(s, paired.id, paired.own_name);
  if (namesake) snprintf(news->namesake, sizeof news->namesake, "%s", namesake->name);
  if (who) {
    news->has_new_name = *who->own_name && *paired.own_name && strcmp(who->own_name, paired.own_name) != 0;
    if (*paired.own_name) memcpy(who->own_name, paired.own_name, sizeof who->own_name);
    if (*paired.relay) memcpy(who->relay, paired.relay, sizeof who->relay);
    if (paired.how != CONTACT_BY_ID) who->how = paired.how; /* an earlier proof by code or link stays */
    who->paired_s = paired.paired_s;
    news->who = *who;
    return 0;
  }
  paired.compared_s = 0;
  paired.blocked = false;
  free_name(s, &paired, paired.name);
  news->who = paired;
  return append_contact(s, &paired);
}

int contacts_add(contacts *s, const contact *paired, contact_news *news, char why[PL_WHY_MAX]) {
  return change_store(s, do_add, &(change){.paired = paired, .news = news}, why);
}

static int do_rename(contacts *s, contact *who, const change *c, char *why) {
  char name[CONTACT_NAME_MAX];
  if (!contact_name_clean(c->name, name)) return pl_why(why, PL_EINVAL, "this cannot be used as a name");
  const contact *other = find_contact(s, name);
  if (other && other != who) return pl_why(why, PL_ESTATE, "there already is a contact “%s”", other->name);
  memcpy(who->name, name, sizeof who->name);
  return 0;
}

int contacts_rename(contacts *s, const char *who, const char *name, char why[PL_WHY_MAX]) {
  return change_one(s, who, do_rename, &(change){.name = name}, why);
}

static int do_forget(contacts *s, contact *who, const change *c, char *why) {
  contact_forgotten f = {.since_s = c->when_s, .blocked = who->blocked};
  (void)why;
  memcpy(f.id, who->id, sizeof f.id);
  memcpy(f.name, who->name, sizeof f.name);
  int error = append_forgotten(s, &f);
  if (error) return error;
  memmove(who, who + 1, (size_t)(s->list + s->count - who - 1) * sizeof *who);
  s->count--;
  return 0;
}

int contacts_forget(contacts *s, const char *who, int64_t now_s, char why[PL_WHY_MAX]) {
  return change_one(s, who, do_forget, &(change){.when_s = now_s}, why);
}

static int do_take_back(contacts *s, const change *c, char *why) {
  char safe[80];
  contact_forgotten *f = find_forgotten(s, c->name);
  if (!f) return pl_why(why, PL_ESTATE, "you have not forgotten “%s”", ui_clean(c->name, safe, sizeof safe));
  remove_forgotten(s, f);
  return 0;
}

int contacts_take_back(contacts *s, const char *who, char why[PL_WHY_MAX]) {
  return change_store(s, do_take_back, &(change){.name = who}, why);
}

static int do_block(contacts *s, contact *who, const change *c, char *why) {
  (void)s;
  (void)why;
  who->blocked = c->on;
  return 0;
}

int contacts_block(contacts *s, const char *who, bool blocked, char why[PL_WHY_MAX]) {
  return change_one(s, who, do_block, &(change){.on = blocked}, why);
}

static int do_compared(contacts *s, contact *who, const change *c, char *why) {
  (void)s;
  (void)why;
  who->compared_s = c->when_s;
  return 0;
}

int contacts_set_compared(contacts *s, const char *who, int64_t when_s, char why[PL_WHY_MAX]) {
  return change_one(s, who, do_compared, &(change){.when_s = when_s}, why);
}

static int do_relay(contacts *s, contact *who, const change *c, char *why) {
  (void)s;
  (void)why;
  snprintf(who->relay, sizeof who->relay, "%s", c->name);
  return 0;
}

int contacts_set_relay(contacts *s, const char *who, const char *relay, char why[PL_WHY_MAX]) {
  return change_one(s, who, do_relay, &(change){.name = relay}, why);
}

static int do_my_name(contacts *s, const change *c, char *why) {
  if (!*c->name)
    s->my_name[0] = '\0';
  else if (!contact_name_clean(c->name, s->my_name))
    return pl_why(why, PL_EINVAL, "this cannot be used as a name");
  return 0;
}

int contacts_set_my_name(contacts *s, const char *name, char why[PL_WHY_MAX]) {
  return change_store(s, do_my_name, &(change){.name = name}, why);
}
