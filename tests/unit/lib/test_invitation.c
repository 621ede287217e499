/* Finding the code or link in a text that somebody was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/cli/invitation.h"
#include "client/core/identity/identity.h"
#include "client/lib/url.h"

static const char *const words[] = {"acid", "cop", "copper", "copy", "oak", "vine", "violet", "violin"};

static const char *word(unsigned n) {
  return n < sizeof words / sizeof *words ? words[n] : NULL;
}

static char link_text[PAIRLINK_INVITE_LINK_MAX], found[PAIRLINK_INVITE_LINK_MAX];

static int make_link(void **state) {
  uint8_t secret[16] = {3}, seed[32] = {1};
  pl_identity person, relay;
  pl_url url;
  (void)state;
  if (pl_identity_from_seed(&person, seed) != 0) return -1;
  seed[0] = 2;
  if (pl_identity_from_seed(&relay, seed) != 0 || pl_url_parse(&url, "wss://relay.example:8443") != 0) return -1;
  return pl_invite_link_format(&url, person.id, relay.id, secret, link_text, sizeof link_text);
}

/* Returns the text with the link in place of each @. */
static char *with_link(const char *text) {
  char *out = malloc(strlen(text) + 4 * sizeof link_text), *at = out;
  assert_non_null(out);
  for (; *text; text++) {
    if (*text == '@')
      at = stpcpy(at, link_text);
    else
      *at++ = *text;
  }
  *at = '\0';
  return out;
}

static void a_link_is_found_in_the_text_around_it(void **state) {
  static const char *const texts[] = {
      "@",
      "  @\r\n",
      "talk to me: @ ok?",
      "talk to me:@, ok?",
      "(@)",
      "<@>.",
      "pairlink pair '@'",
      "{\"event\":\"link\",\"link\":\"@\"}",
      "Code  4821-copper-violin        valid 10 minutes\n\nOr by this link:\n  @\n",
      "see https://relay.example/#about first, then @",
      "http:// is a scheme; @",
      "# @ #",
  };
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char *text = with_link(texts[i]);
    if (invitation_find(text, word, found) != INVITATION_LINK) fail_msg("no link in: %s", text);
    assert_string_equal(found, link_text);
    free(text);
  }
}

static void a_link_that_was_broken_into_lines_is_joined(void **state) {
  char text[2 * PAIRLINK_INVITE_LINK_MAX];
  size_t size = strlen(link_text);
  (void)state;
  for (size_t at = strcspn(link_text, "#") + 1; at < size; at += 7) {
    snprintf(text, sizeof text, "here: %.*s\r\n   %s ok?", (int)at, link_text, link_text + at);
    assert_int_equal(invitation_find(text, word, found), INVITATION_LINK);
    assert_string_equal(found, link_text);
  }
}

static void a_link_that_is_not_whole_is_told_apart(void **state) {
  char text[2 * PAIRLINK_INVITE_LINK_MAX];
  (void)state;
  for (size_t size = strlen("https://r"); size < strlen(link_text); size++) {
    snprintf(text, sizeof text, "here: %.*s", (int)size, link_text);
    assert_int_equal(invitation_find(text, word, found), INVITATION_BROKEN_LINK);
  }
  snprintf(text, sizeof text, "%s", link_text);
  text[60] = text[60] == 'A' ? 'B' : 'A';
  assert_int_equal(invitation_find(text, word, found), INVITATION_BROKEN_LINK);
  strcat(text, " or 4821-copper-violin");
  assert_int_equal(invitation_find(text, word, found), INVITATION_CODE);
}

static void a_code_is_found_in_the_text_around_it(void **state) {
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"4821-copper-violin", "4821-copper-violin"},
      {" 4821 - COPPER   Violin \n", "4821-copper-violin"},
      {"Code  4821-copper-violin        valid 10 minutes; on the other side: pairlink pair --code",
       "4821-copper-violin"},
      {"pairlink pair 4821-copper-violin", "4821-copper-violin"},
      {"use 4821-copper-violin, ok?", "4821-copper-violin"},
      {"It is “4821–copper‑violin”.", "4821-copper-violin"},
      {"{\"event\":\"code\",\"code\":\"4821-copper-violin\",\"valid_ms\":600000}", "4821-copper-violin"},
      {"call 5555 oak vine street 7, and take 4821-copper-violin", "4821-copper-violin"},
      {"at 10:30, room 1234: 4821 copper violin", "4821-copper-violin"},
      {"123456789-oak-cop", "123456789-oak-cop"},
      {"4821\xc2\xa0oak\tvine", "4821-oak-vine"},
      {"4821-copper-violets 4821-copper-violet", "4821-copper-violet"},
      {"4821copperviolin", "4821-copper-violin"},
      {"4821 , copper , violin", "4821-copper-violin"},
      {"the code is 4821.copper.violin.", "4821-copper-violin"},
      {"[4821_copper_violin]", "4821-copper-violin"},
      {"\xd9\xa4\xd9\xa8\xd9\xa2\xd9\xa1-copper-violin", "4821-copper-violin"},
      {"\xe2\x81\xa6"
       "4821-copper-violin\xe2\x81\xa9",
       "4821-copper-violin"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (invitation_find(cases[i].in, word, found) != INVITATION_CODE) fail_msg("no code in: %s", cases[i].in);
    assert_string_equal(found, cases[i].out);
  }
}

static void nothing_is_found_where_there_is_nothing(void **state) {
  static const char *const texts[] = {
      "",
      "hello",
      "482-oak-vine",
      "0821-oak-vine",
      "1234567890-oak-vine",
      "4821",
      "4821-oak",
      "4821-oak-vin",
      "4821-oak-vines",
      "x4821-oak-vine",
      "4821oak",
      "4821-oak-vi7",
      "4821-oak-vine5x",
      "4821oakvines",
      "4821 oak vinevine",
      "\xe2\x80",
      "4821\xe2",
      "#",
      "://",
      "ftp://host/#x",
      "x#y",
  };
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (invitation_find(texts[i], word, found) != INVITATION_NONE) fail_msg("something in: %s", texts[i]);
    assert_string_equal(found, "");
  }
}

/* Pieces of links and codes in any order and length: nothing is read or written out of bounds. */
static void any_text_does_no_harm(void **state) {
  static const char *const pieces[] = {"http", "https", "://", "#",         "/", " ",
                                       "-",    "4821",  "oak", "-oak-vine", "A", "\xe2\x80\x93"};
  uint32_t seed = 7;
  (void)state;
  for (int round = 0; round < 3000; round++) {
    size_t size = 0, room = 1 + (size_t)round;
    char *text = malloc(room); /* exactly as large as the text, so that a sanitizer sees reads beyond it */
    assert_non_null(text);
    for (;;) {
      seed = seed * 1664525 + 1013904223;
      const char *piece = seed >> 28 == 15 ? link_text : pieces[(seed >> 20) % (sizeof pieces / sizeof *pieces)];
      if (size + strlen(piece) + 1 > room) break;
      memcpy(text + size, piece, strlen(piece));
      size += strlen(piece);
    }
    text[size] = '\0';
    invitation_kind kind = invitation_find(text, word, found);
    assert_true(strlen(found) < sizeof found && (kind != INVITATION_NONE || !*found));
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_link_is_found_in_the_text_around_it),
      cmocka_unit_test(a_link_that_was_broken_into_lines_is_joined),
      cmocka_unit_test(a_link_that_is_not_whole_is_told_apart),
      cmocka_unit_test(a_code_is_found_in_the_text_around_it),
      cmocka_unit_test(nothing_is_found_where_there_is_nothing),
      cmocka_unit_test(any_text_does_no_harm),
  };
  return cmocka_run_group_tests(tests, make_link, NULL);
}
