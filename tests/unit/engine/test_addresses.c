/* The addresses that GOING_AWAY names: which ones fit, in which order they are tried, and the origin of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/engine/engine_address.h"

enum { SIZE_MOST = 250 };

static pl_engine engine;
static char own_origin[64];

static void take(const char *origin, const char *urls, size_t size) {
  strcpy(own_origin, origin);
  engine = (pl_engine){.origin = own_origin};
  pl_engine_addresses_take(&engine, (pl_view){(const uint8_t *)urls, size});
}

static void take_text(const char *origin, const char *urls) {
  take(origin, urls, strlen(urls));
}

static void expect_next(const char *address, const char *origin) {
  char got[256];
  const char *at = pl_engine_address(&engine);
  if (address)
    assert_string_equal(at, address);
  else
    assert_null(at);
  pl_engine_address_origin(&engine, got);
  assert_string_equal(got, origin);
  pl_engine_addresses_turn(&engine);
}

static void test_they_take_turns_with_the_own_one(void **state) {
  (void)state;
  take_text("https://own", "wss://a.test/pairlink\nwss://b.test:8787?x\nwss://c#y");
  for (int i = 0; i < 2; i++) {
    expect_next("wss://a.test/pairlink", "https://a.test");
    expect_next("wss://b.test:8787?x", "https://b.test:8787");
    expect_next("wss://c#y", "https://c");
    expect_next(NULL, "https://own");
  }
}

static void test_none(void **state) {
  (void)state;
  take_text("http://own", "");
  expect_next(NULL, "http://own");
  expect_next(NULL, "http://own");
}

static void test_with_tls_only_when_the_own_one_has_it(void **state) {
  (void)state;
  take_text("https://own", "ws://a\nhttps://b\nwss://c");
  expect_next("wss://c", "https://c");
  expect_next(NULL, "https://own");
  take_text("http://own", "wss://a\nws://b\n\nWS://c\n");
  expect_next("ws://b", "http://b");
  expect_next(NULL, "http://own");
}

static void test_sizes(void **state) {
  char url[SIZE_MOST + 1];
  (void)state;
  take_text("http://own", "ws://");
  assert_int_equal(engine.addresses.count, 0);
  take_text("http://own", "ws://a");
  assert_int_equal(engine.addresses.count, 1);
  memset(url, 'a', sizeof url);
  memcpy(url, "ws://", 5);
  take("http://own", url, SIZE_MOST);
  assert_int_equal(engine.addresses.count, 1);
  assert_int_equal(strlen(pl_engine_address(&engine)), SIZE_MOST);
  take("http://own", url, SIZE_MOST + 1);
  assert_int_equal(engine.addresses.count, 0);
}

/* As many as there is room for; a smaller one may still fit behind one that did not. */
static void test_room(void **state) {
  enum { EACH = 200 };
  char urls[2000];
  size_t size = 0, room = sizeof engine.addresses.text;
  (void)state;
  for (size_t i = 0; i < sizeof urls / (EACH + 1); i++, size += EACH + 1) {
    memset(urls + size, 'a', EACH);
    memcpy(urls + size, "ws://", 5);
    urls[size + EACH] = '\n';
  }
  take("http://own", urls, size);
  assert_int_equal(engine.addresses.count, room / (EACH + 1));
  for (size_t i = 0; i < room / (EACH + 1); i++) {
    assert_int_equal(strlen(pl_engine_address(&engine)), EACH);
    pl_engine_addresses_turn(&engine);
  }
  assert_null(pl_engine_address(&engine));
}

static void test_characters(void **state) {
  (void)state;
  for (int c = 1; c < 256; c++) {
    char url[] = "ws://a_b";
    url[6] = (char)c;
    take("http://own", url, sizeof url - 1);
    assert_int_equal(engine.addresses.count, (c > ' ' && c < 0x7f) || c == '\n');
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_they_take_turns_with_the_own_one),
      cmocka_unit_test(test_none),
      cmocka_unit_test(test_with_tls_only_when_the_own_one_has_it),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_room),
      cmocka_unit_test(test_characters),
  };
  return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
