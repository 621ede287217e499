/* Whom an argument means and which relay it leads to, names as a shell needs them, and QR codes that fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/people.h"
#include "client/cli/qr.h"

static char folder[64], identity[80], ana[55];
static cli c;
static target found;
static pairlink_options options;

static int set_up(void **state) {
  const uint8_t seed[PL_SEED_BYTES] = {5};
  char why[PL_WHY_MAX];
  contacts s;
  contact paired = {.how = CONTACT_BY_CODE, .paired_s = 1, .own_name = "Ana", .relay = "wss://relay.example/pairlink"};
  contact_news news;
  pl_identity who;
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pairlink-test-XXXXXX");
  if (!mkdtemp(folder) || pl_identity_from_seed(&who, seed)) return -1;
  snprintf(identity, sizeof identity, "%s/me", folder);
  pl_id_format(ana, who.id);
  memcpy(paired.id, ana, sizeof ana);
  c = (cli){.identity = identity, .default_relay = "ws://default"};
  pairlink_options_init(&options);
  int error = contacts_open(&s, identity, why);
  if (!error) error = contacts_add(&s, &paired, &news, why);
  contacts_close(&s);
  return error;
}

static int tear_down(void **state) {
  char path[120];
  (void)state;
  snprintf(path, sizeof path, "%s.contacts", identity);
  unlink(path);
  snprintf(path, sizeof path, "%s.contacts.lock", identity);
  unlink(path);
  return rmdir(folder);
}

static void a_name_leads_to_the_id_and_the_relay(void **state) {
  (void)state;
  assert_int_equal(people_find(&c, "ana", &found, &options), 0);
  assert_string_equal(found.text, ana);
  assert_string_equal(options.relay, "wss://relay.example/pairlink");
  assert_false(found.is_link);
}

static void an_option_wins(void **state) {
  (void)state;
  c.relay = "ws://other";
  assert_int_equal(people_find(&c, "Ana", &found, &options), 0);
  assert_null(options.relay); /* the job uses the option */
  assert_int_equal(people_find(&c, "https://relay.example/#abc", &found, &options), 0);
  assert_null(options.relay);
  assert_ptr_equal(options.relay_id, found.text); /* the relay must have the ID in the link */
}

static void links_and_unknown_ids_are_passed_on_unchanged(void **state) {
  char other[55];
  (void)state;
  assert_int_equal(people_find(&c, "https://relay.example/#abc", &found, &options), 0);
  assert_true(found.is_link);
  assert_ptr_equal(options.relay, found.text);
  pairlink_options_init(&options);
  memset(other, 'a', 54);
  other[54] = '\0';
  assert_int_equal(people_find(&c, other, &found, &options), 0);
  assert_string_equal(found.text, other);
  assert_null(options.relay);
}

static void an_argument_that_means_nobody_is_refused(void **state) {
  char why[PL_WHY_MAX], text[PAIRLINK_INVITE_LINK_MAX + 2];
  contacts s;
  (void)state;
  assert_int_equal(people_find(&c, "Bo", &found, &options), EXIT_USAGE);
  assert_int_equal(people_find(&c, "4821-copper-violin", &found, &options), EXIT_USAGE);
  memset(text, '#', sizeof text);
  text[sizeof text - 1] = '\0';
  assert_int_equal(people_find(&c, text, &found, &options), EXIT_USAGE);
  assert_int_equal(contacts_open(&s, identity, why), 0);
  assert_int_equal(contacts_block(&s, "Ana", true, why), 0);
  contacts_close(&s);
  assert_int_equal(people_find(&c, "Ana", &found, &options), EXIT_REFUSED);
  assert_int_equal(people_find(&c, ana, &found, &options), EXIT_REFUSED);
}

static void names_are_quoted_where_a_shell_needs_it(void **state) {
  (void)state;
  assert_string_equal(people_quoted("Ana"), "Ana");
  assert_string_equal(people_quoted("Zoë_2.b"), "Zoë_2.b");
  assert_string_equal(people_quoted("Ana 2"), "'Ana 2'");
  assert_string_equal(people_quoted("It's $(me)"), "'It'\\''s $(me)'");
  assert_string_equal(people_quoted(""), "''");
}

static void a_qr_code_that_does_not_fit_is_not_started(void **state) {
  char *text = NULL;
  size_t size = 0;
  (void)state;
  FILE *out = open_memstream(&text, &size);
  assert_non_null(out);
  assert_false(qr_print(out, "https://relay.example/", 20, 100));
  char *much = calloc(1, 4001);
  assert_non_null(much);
  memset(much, 'x', 4000);
  assert_false(qr_print(out, much, 1000, 1000));
  fflush(out);
  assert_int_equal(size, 0);
  assert_false(qr_print(out, "https://relay.example/", 100, 14));
  assert_int_equal(ftell(out), 0);
  assert_true(qr_print(out, "https://relay.example/", 31, 15)); /* 25 modules, margins of 2, 2 columns before */
  assert_int_equal(fclose(out), 0);
  size_t lines = 0;
  for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
  assert_int_equal(lines, 15);
  free(much);
  free(text);
}

#define WITH_CONTACT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_CONTACT(a_name_leads_to_the_id_and_the_relay),
      WITH_CONTACT(an_option_wins),
      WITH_CONTACT(links_and_unknown_ids_are_passed_on_unchanged),
      WITH_CONTACT(an_argument_that_means_nobody_is_refused),
      cmocka_unit_test(names_are_quoted_where_a_shell_needs_it),
      cmocka_unit_test(a_qr_code_that_does_not_fit_is_not_started),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
