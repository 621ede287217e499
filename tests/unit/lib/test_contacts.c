/* The contact file: what is stored, names that cannot be confused, several programs at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/contacts.h"

static char folder[64], identity[80], file[96], why[PL_WHY_MAX];
static contacts people;
static contact_news news;

static void again(void) {
  contacts_close(&people);
  assert_int_equal(contacts_open(&people, identity, why), 0);
}

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pairlink-test-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  snprintf(identity, sizeof identity, "%s/me", folder);
  snprintf(file, sizeof file, "%s.contacts", identity);
  return contacts_open(&people, identity, why);
}

static int tear_down(void **state) {
  char lock[120];
  (void)state;
  contacts_close(&people);
  snprintf(lock, sizeof lock, "%s.lock", file);
  unlink(file);
  unlink(lock);
  return rmdir(folder);
}

static const char *id_of(unsigned n) {
  static char ids[4][55];
  static unsigned next;
  char *id = ids[next++ % 4];
  uint8_t seed[PL_SEED_BYTES] = {(uint8_t)n, (uint8_t)(n >> 8), 77};
  pl_identity who;
  assert_int_equal(pl_identity_from_seed(&who, seed), 0);
  pl_id_format(id, who.id);
  return id;
}

static void pair(unsigned n, const char *own_name) {
  contact c = {.how = CONTACT_BY_CODE, .paired_s = 1000 + n};
  snprintf(c.id, sizeof c.id, "%s", id_of(n));
  snprintf(c.own_name, sizeof c.own_name, "%s", own_name);
  snprintf(c.relay, sizeof c.relay, "wss://relay.example");
  assert_int_equal(contacts_add(&people, &c, &news, why), 0);
}

static void what_is_stored_is_found_again(void **state) {
  struct stat st;
  (void)state;
  assert_null(contacts_find(&people, "Ana"));
  pair(1, "Ana");
  assert_true(news.is_new);
  assert_string_equal(news.namesake, "");
  assert_int_equal(contacts_set_compared(&people, "ANA", 5000, why), 0);
  assert_int_equal(contacts_block(&people, id_of(1), true, why), 0);
  pair(2, "Bo");
  assert_int_equal(contacts_set_my_name(&people, " Me,  myself ", why), 0);
  again();
  assert_int_equal(people.count, 2);
  assert_string_equal(people.my_name, "Me myself");
  const contact *ana = contacts_find(&people, "ana");
  assert_non_null(ana);
  assert_ptr_equal(ana, contacts_find(&people, id_of(1)));
  assert_string_equal(ana->id, id_of(1));
  assert_string_equal(ana->own_name, "Ana");
  assert_string_equal(ana->relay, "wss://relay.example");
  assert_int_equal(ana->how, CONTACT_BY_CODE);
  assert_int_equal(ana->paired_s, 1001);
  assert_int_equal(ana->compared_s, 5000);
  assert_true(ana->blocked);
  assert_false(contacts_find(&people, "Bo")->blocked);
  assert_int_equal(stat(file, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
}

/* Whom the user forgot is kept, by the last name, until the user takes it back or pairs with them. */
static void who_was_forgotten_is_kept(void **state) {
  (void)state;
  pair(1, "Ana");
  pair(2, "Bo");
  pair(3, "Cem");
  assert_int_equal(contacts_block(&people, "Bo", true, why), 0);
  assert_int_equal(contacts_forget(&people, "ana", 50, why), 0);
  assert_int_equal(contacts_forget(&people, "Bo", 60, why), 0);
  assert_int_equal(contacts_rename(&people, "Cem", "Ana", why), 0); /* the name is free */
  assert_int_equal(contacts_forget(&people, "Ana", 70, why), 0);
  again();
  assert_int_equal(people.count, 0);
  assert_int_equal(people.forgotten_count, 3);
  assert_null(contacts_find(&people, id_of(1)));
  const contact_forgotten *f = contacts_find_forgotten(&people, id_of(1));
  assert_non_null(f);
  assert_string_equal(f->name, "Ana");
  assert_int_equal(f->since_s, 50);
  assert_false(f->blocked);
  assert_true(contacts_find_forgotten(&people, "bo")->blocked);
  assert_string_equal(contacts_find_forgotten(&people, "ANA")->id, id_of(3)); /* the last one */
  assert_int_equal(contacts_take_back(&people, "Ana", why), 0);
  assert_int_equal(contacts_take_back(&people, id_of(3), why), PL_ESTATE);
  pair(2, "Bo");
  again();
  assert_int_equal(people.forgotten_count, 1);
  assert_false(contacts_find(&people, "Bo")->blocked);
  assert_string_equal(contacts_find_forgotten(&people, "Ana")->id, id_of(1));
}

static void the_oldest_of_too_many_is_dropped(void **state) {
  (void)state;
  for (unsigned n = 0; n <= CONTACTS_FORGOTTEN_MAX; n++) {
    FILE *f = fopen(file, "a");
    assert_non_null(f);
    if (n == CONTACTS_FORGOTTEN_MAX)
      fprintf(f, "{\"id\":\"%s\",\"name\":\"Ana\"}\n", id_of(n));
    else
      fprintf(f, "{\"forgotten\":\"%s\",\"name\":\"Bo\",\"since_s\":%u}\n", id_of(n), n);
    assert_int_equal(fclose(f), 0);
  }
  assert_int_equal(chmod(file, 0600), 0);
  again();
  assert_int_equal(people.forgotten_count, CONTACTS_FORGOTTEN_MAX);
  assert_int_equal(contacts_forget(&people, "Ana", 1, why), 0);
  again();
  assert_int_equal(people.forgotten_count, CONTACTS_FORGOTTEN_MAX);
  assert_null(contacts_find_forgotten(&people, id_of(0)));
  assert_non_null(contacts_find_forgotten(&people, id_of(1)));
  assert_non_null(contacts_find_forgotten(&people, "Ana"));
}

static void changes_and_removals(void **state) {
  (void)state;
  pair(1, "Ana");
  pair(2, "Bo");
  assert_int_equal(contacts_rename(&people, "bo", "Ana", why), PL_ESTATE);
  assert_non_null(strstr(why, "“Ana”"));
  assert_int_equal(contacts_rename(&people, "nobody", "Al", why), PL_ESTATE);
  assert_non_null(strstr(why, "no contact “nobody”"));
  assert_int_equal(contacts_rename(&people, "bo", "\033\n", why), PL_EINVAL);
  assert_int_equal(contacts_rename(&people, "bo", "BO", why), 0); /* its own name is not taken */
  assert_int_equal(contacts_rename(&people, "bo", "My  friend\n", why), 0);
  again();
  assert_string_equal(contacts_find(&people, "my friend")->own_name, "Bo");
  assert_int_equal(contacts_forget(&people, id_of(1), 5, why), 0);
  assert_int_equal(contacts_forget(&people, id_of(1), 5, why), PL_ESTATE);
  again();
  assert_int_equal(people.count, 1);
  assert_null(contacts_find(&people, "Ana"));
  assert_int_equal(contacts_block(&people, "my friend", true, why), 0);
  assert_int_equal(contacts_block(&people, "my friend", false, why), 0);
  assert_false(contacts_find(&people, "My friend")->blocked);
  assert_int_equal(contacts_set_my_name(&people, "Me", why), 0);
  assert_int_equal(contacts_set_my_name(&people, "", why), 0);
  again();
  assert_string_equal(people.my_name, "");
}

/* A name proves nothing: someone else with the same name is stored under another one, and told apart by the ID. */
static void a_known_name_with_another_id_is_another_contact(void **state) {
  (void)state;
  pair(1, "Ana");
  pair(2, "ANA");
  assert_true(news.is_new);
  assert_string_equal(news.namesake, "Ana");
  assert_string_equal(news.who.name, "ANA 2");
  assert_string_equal(contacts_find(&people, "ana")->id, id_of(1));
  assert_int_equal(contacts_rename(&people, "ana", "Sister", why), 0);
  pair(3, "sister");
  assert_string_equal(news.namesake, "Sister");
  pair(4, "ana"); /* what the sister calls herself */
  assert_string_equal(news.namesake, "Sister");
  pair(1, "Ana");
  assert_false(news.is_new);
  assert_false(news.has_new_name);
  assert_string_equal(news.who.name, "Sister");
}

/* The same holds for a name that only looks alike: the list never shows two that a reader could confuse. */
static void a_name_that_looks_like_a_known_one(void **state) {
  static const char *const names[] = {"Ana\ufe0f", "An\u2800a", "\u0410na", "\uff21na"};
  (void)state;
  pair(1, "Ana");
  for (size_t i = 0; i < PL_ARRAY_LENGTH(names); i++) {
    pair((unsigned)(2 + i), names[i]);
    assert_string_equal(news.namesake, "Ana");
    assert_non_null(strchr(news.who.name, (int)('2' + i)));
  }
  pair(9, "Anna");
  assert_string_equal(news.namesake, "");
}

static void pairing_again_keeps_the_users_decisions(void **state) {
  (void)state;
  pair(1, "Ana");
  assert_int_equal(contacts_rename(&people, "ana", "Sister", why), 0);
  assert_int_equal(contacts_set_compared(&people, "sister", 5000, why), 0);
  assert_int_equal(contacts_block(&people, "sister", true, why), 0);
  contact c = {.how = CONTACT_BY_ID, .paired_s = 9000, .own_name = "Anna"};
  for (size_t i = 0; i < PAIRLINK_ID_CHARS; i++) /* as somebody may type it */
    c.id[i] = (char)(id_of(1)[i] >= 'a' ? id_of(1)[i] - 32 : id_of(1)[i]);
  assert_int_equal(contacts_add(&people, &c, &news, why), 0);
  assert_int_equal(people.count, 1);
  assert_false(news.is_new);
  assert_true(news.has_new_name);
  assert_string_equal(news.who.name, "Sister");
  assert_string_equal(news.who.own_name, "Anna");
  assert_string_equal(news.who.relay, "wss://relay.example");
  assert_int_equal(news.who.how, CONTACT_BY_CODE);
  assert_int_equal(news.who.compared_s, 5000);
  assert_true(news.who.blocked);
  c.id[3] = '!';
  assert_int_equal(contacts_add(&people, &c, &news, why), PL_EID);
}

static void names_of_others_are_made_safe(void **state) {
  static const struct {
    const char *in, *out; /* NULL: not a name */
  } cases[] = {
      {"Ana", "Ana"},
      {"  Zoë \t 漢字\n🙂 ", "Zoë 漢字 🙂"},
      {"a\033[31mb\x07", "a[31mb"},
      {"\xe2\x80\xae"
       "Ana\xe2\x80\x8b\xc2\xad",
       "Ana"}, /* direction, zero width, soft hyphen */
      {"Ana\xc2\xa0"
       "\xe3\x80\x80"
       "2",
       "Ana 2"}, /* spaces that look alike */
      {"--help", "help"},
      {"a#b, c", "ab c"},
      {"- # ,", NULL},
      {"", NULL},
      {"\n", NULL},
      {"All", NULL},
      {"ask", NULL},
  };
  char out[CONTACT_NAME_MAX];
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    assert_int_equal(contact_name_clean(cases[i].in, out), cases[i].out != NULL);
    if (cases[i].out) assert_string_equal(out, cases[i].out);
    if (cases[i].out) assert_true(contact_name_clean(out, out));
  }
  assert_false(contact_name_clean(id_of(1), out)); /* would name another contact */
  char text[200] = "";
  for (int i = 0; i < 60; i++) strcat(text, "é");
  assert_true(contact_name_clean(text, out));
  assert_int_equal(strlen(out), 64);
}

static void a_free_name_is_always_found(void **state) {
  char text[100] = "";
  (void)state;
  for (int i = 0; i < 30; i++) strcat(text, "éa");
  pair(1, text);
  pair(2, text);
  assert_true(strlen(news.who.name) < CONTACT_NAME_MAX);
  assert_string_equal(news.who.name + strlen(news.who.name) - 2, " 2");
  pair(3, "Élan");
  pair(4, "éLAN");
  assert_string_equal(news.who.name, "éLAN 2");
  pair(5, "");
  assert_memory_equal(news.who.name, news.who.id, 8);
  assert_int_equal(strlen(news.who.name), 8);
  pair(6, id_of(1));
  assert_string_equal(news.who.own_name, "");
  again();
  assert_int_equal(people.count, 6);
}

/* Each change reads the file again, under a lock. */
static void programs_at_the_same_time_lose_nothing(void **state) {
  enum { PROGRAMS = 4, EACH = 12 };
  (void)state;
  for (unsigned p = 0; p < PROGRAMS; p++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child) continue;
    int bad = 0;
    for (unsigned i = 0; i < EACH; i++) {
      contact c = {.how = CONTACT_BY_LINK, .paired_s = 1};
      snprintf(c.id, sizeof c.id, "%s", id_of(100 * p + i));
      snprintf(c.own_name, sizeof c.own_name, "Ana");
      bad |= contacts_add(&people, &c, &news, why);
    }
    _exit(bad ? 1 : 0);
  }
  for (int i = 0; i < PROGRAMS; i++) {
    int status = -1;
    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);
  }
  again();
  assert_int_equal(people.count, PROGRAMS * EACH);
  char name[32] = "Ana";
  for (int i = 2; i <= PROGRAMS * EACH + 1; i++) {
    assert_non_null(contacts_find(&people, name));
    snprintf(name, sizeof name, "Ana %d", i);
  }
}

static void put(const char *text) {
  FILE *out = fopen(file, "w");
  assert_non_null(out);
  fputs(text, out);
  fclose(out);
  assert_int_equal(chmod(file, 0600), 0);
  contacts_close(&people);
}

static void a_damaged_file_is_reported_and_not_half_used(void **state) {
  char text[600];
  static const char *const bad[] = {
      "nonsense\n",
      "{}\n",
      "[1]\n",
      "{\"id\":\"abc\",\"name\":\"Ana\"}\n",
      "{\"id\":7,\"name\":\"Ana\"}\n",
      "{\"forgotten\":\"abc\",\"name\":\"Ana\"}\n",
  };
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(bad); i++) {
    snprintf(text, sizeof text, "{\"id\":\"%s\",\"name\":\"Bo\"}\n%s", id_of(1), bad[i]);
    put(text);
    assert_int_equal(contacts_open(&people, identity, why), PL_EIO);
    assert_non_null(strstr(why, "line 2 of"));
    assert_int_equal(people.count, 0);
  }
  snprintf(text, sizeof text, "{\"id\":\"%s\",\"name\":\"a\\u001b[2J\"}\n", id_of(1));
  put(text);
  assert_int_equal(contacts_open(&people, identity, why), PL_EIO);
  snprintf(text, sizeof text, "\n{\"id\":\"%s\",\"name\":\"Bo\",\"later\":1}", id_of(1));
  put(text); /* blank lines, no final line feed, a key of a newer version */
  assert_int_equal(contacts_open(&people, identity, why), 0);
  assert_non_null(contacts_find(&people, "Bo"));
  assert_int_equal(chmod(file, 0640), 0);
  contacts_close(&people);
  assert_int_equal(contacts_open(&people, identity, why), PL_EIO);
  assert_non_null(strstr(why, "chmod 600"));
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FILE(what_is_stored_is_found_again),
      WITH_FILE(who_was_forgotten_is_kept),
      WITH_FILE(the_oldest_of_too_many_is_dropped),
      WITH_FILE(changes_and_removals),
      WITH_FILE(a_known_name_with_another_id_is_another_contact),
      WITH_FILE(a_name_that_looks_like_a_known_one),
      WITH_FILE(pairing_again_keeps_the_users_decisions),
      WITH_FILE(names_of_others_are_made_safe),
      WITH_FILE(a_free_name_is_always_found),
      WITH_FILE(programs_at_the_same_time_lose_nothing),
      WITH_FILE(a_damaged_file_is_reported_and_not_half_used),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
