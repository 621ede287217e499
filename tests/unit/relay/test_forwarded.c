/* Trusted proxies: addresses and ranges as text, and whose word about an address counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/forwarded.h"
#include "world.h"

#define V4(a, b, c, d) \
  { [10] = 0xff, [11] = 0xff, [12] = a, b, c, d }

/* A copy without spare bytes, so that a read beyond its end is seen. */
static int parse(const char *text, uint8_t out[16]) {
  size_t size = strlen(text);
  uint8_t *copy = malloc(size + !size);
  memcpy(copy, text, size);
  int rc = pl_relay_address_parse((pl_view){copy, size}, out);
  free(copy);
  return rc;
}

static pl_view view(const char *text) {
  return (pl_view){(const uint8_t *)text, strlen(text)};
}

static void test_addresses(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint8_t bytes[16];
  } good[] = {
      {"192.0.2.1", V4(192, 0, 2, 1)},
      {"192.0.2.1:8080", V4(192, 0, 2, 1)},
      {"0.0.0.0", V4(0, 0, 0, 0)},
      {"255.255.255.255", V4(255, 255, 255, 255)},
      {"::", {0}},
      {"::1", {[15] = 1}},
      {"[::1]:443", {[15] = 1}},
      {"[2001:DB8::7]", {0x20, 1, 0xd, 0xb8, [15] = 7}},
      {"2001:db8::", {0x20, 1, 0xd, 0xb8}},
      {"1:2:3:4:5:6:7:8", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
      {"1:2:3:4:5:6:7::", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7}},
      {"::ffff:192.0.2.1", V4(192, 0, 2, 1)},
      {"64:ff9b::1.2.3.4", {0, 0x64, 0xff, 0x9b, [12] = 1, 2, 3, 4}},
  };
  static const char *const bad[] = {"",
                                    " ",
                                    "1",
                                    "1.2.3",
                                    "1.2.3.4.5",
                                    "1.2.3.256",
                                    "01.2.3.4",
                                    "1.2.3.4 ",
                                    "1.2.3.4:",
                                    "1.2.3.4:x",
                                    "unknown",
                                    "_hidden",
                                    ":",
                                    ":::",
                                    "1::2::3",
                                    "1:2:3:4:5:6:7",
                                    "1:2:3:4:5:6:7:8:9",
                                    "12345::",
                                    "g::",
                                    "1:",
                                    ":1",
                                    "[::1",
                                    "[]",
                                    "[::1]x",
                                    "[1.2.3.4]:1",
                                    "1:2:3:4:5:6:7:1.2.3.4",
                                    "::1%lo",
                                    "1:2:3:4:5:6:7:8::",
                                    "1.2.3.4:999999",
                                    "99999999999.1.1.1",
                                    "1:2:3:4::5:6:7:8"};
  uint8_t out[16];
  for (size_t i = 0; i < PL_ARRAY_LENGTH(good); i++) {
    assert_int_equal(parse(good[i].text, out), 0);
    assert_memory_equal(out, good[i].bytes, 16);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(bad); i++)
    if (parse(bad[i], out) == 0) fail_msg("taken: \"%s\"", bad[i]);
}

static bool within(const char *range, const char *address) {
  pl_relay_cidr cidr;
  uint8_t bytes[16];
  assert_int_equal(pl_relay_cidr_parse(view(range), &cidr), 0);
  assert_int_equal(parse(address, bytes), 0);
  return pl_relay_cidr_has(&cidr, 1, bytes);
}

static void test_ranges(void **state) {
  (void)state;
  assert_true(within("10.0.0.0/8", "10.255.0.1"));
  assert_false(within("10.0.0.0/8", "11.0.0.1"));
  assert_true(within("192.0.2.128/25", "192.0.2.129"));
  assert_false(within("192.0.2.128/25", "192.0.2.127"));
  assert_true(within("127.0.0.1", "127.0.0.1"));
  assert_false(within("127.0.0.1", "127.0.0.2"));
  assert_true(within("0.0.0.0/0", "8.8.8.8"));
  assert_false(within("0.0.0.0/0", "::1"));
  assert_true(within("::/0", "8.8.8.8"));
  assert_true(within("fd00::/8", "fd12::1"));
  assert_false(within("fd00::/8", "fe80::1"));
  assert_true(within("::ffff:10.0.0.0/104", "10.1.2.3"));
  static const char *const bad[] = {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/",   "::/129",
                                    "/8",         "10.0.0.0/8x", "10.0.0.0/-1", "host"};
  pl_relay_cidr cidr;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(bad); i++)
    assert_int_equal(pl_relay_cidr_parse(view(bad[i]), &cidr), PL_EINVAL);
}

static void test_last_untrusted_hop(void **state) {
  (void)state;
  static const struct {
    const char *header, *address;
  } cases[] = {
      {"192.0.2.7", "192.0.2.7"},
      {"1.1.1.1, 192.0.2.7", "192.0.2.7"},
      {"junk,  192.0.2.7 , 10.0.0.3,10.0.0.2", "192.0.2.7"},
      {"10.0.0.3, 10.0.0.2", "10.0.0.3"},
      {"192.0.2.7, junk", NULL},
      {"192.0.2.7,", NULL},
      {"", NULL},
      {",", NULL},
      {"junk, 10.0.0.2", NULL},
  };
  pl_relay_cidr cidr;
  uint8_t out[16], expected[16];
  assert_int_equal(pl_relay_cidr_parse(view("10.0.0.0/8"), &cidr), 0);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    int rc = pl_relay_forwarded_for(view(cases[i].header), &cidr, 1, out);
    assert_int_equal(rc, cases[i].address ? 0 : PL_EINVAL);
    if (!cases[i].address) continue;
    assert_int_equal(parse(cases[i].address, expected), 0);
    assert_memory_equal(out, expected, 16);
  }
}

/* ---- at the relay ---- */

/* Sends a GET from the address of `home`, perhaps with X-Forwarded-For. Returns its status, or 0 when the connection
 * was refused. */
static int get(world *w, uint8_t home, const char *forwarded) {
  char request[256];
  client *c = client_new(w, home);
  if (!c->conn) {
    client_free(c);
    return 0;
  }
  snprintf(request, sizeof request, "GET /none HTTP/1.1\r\nHost: relay\r\n%s%s%s\r\n",
           forwarded ? "X-Forwarded-For: " : "", forwarded ? forwarded : "", forwarded ? "\r\n" : "");
  client_receive(c, request, strlen(request));
  world_turn(w);
  int status = atoi(c->http + 9);
  client_free(c);
  return status;
}

static void test_rates_by_forwarded_address(void **state) {
  world *w = *state;
  pl_relay_cidr trusted; /* client 1 is in this range, client 2 is not */
  assert_int_equal(pl_relay_cidr_parse(view("2001:db8:100::/40"), &trusted), 0);
  w->trusted = &trusted;
  world_restart(w);
  for (int i = 0; i < 2; i++) assert_int_equal(get(w, 1, "192.0.2.1"), 404);
  assert_int_equal(get(w, 1, "192.0.2.1"), 429);
  assert_int_equal(get(w, 1, "192.0.2.2"), 404);
  for (int i = 0; i < 2; i++) assert_int_equal(get(w, 1, "127.0.0.1"), 404); /* it is not exempt */
  assert_int_equal(get(w, 1, "127.0.0.1"), 429);
  for (int i = 0; i < 2; i++) assert_int_equal(get(w, 1, "junk"), 404); /* counted as the proxy's own */
  assert_int_equal(get(w, 1, NULL), 429);
  for (int i = 0; i < 2; i++) assert_int_equal(get(w, 2, i ? "192.0.2.8" : "192.0.2.9"), 404);
  assert_int_equal(get(w, 2, "192.0.2.10"), 0); /* a header from any other address does not count */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_addresses),
      cmocka_unit_test(test_ranges),
      cmocka_unit_test(test_last_untrusted_hop),
      world_test_with(test_rates_by_forwarded_address, {PL_RELAY_SET_CONNECTS_PER_MINUTE, 2}),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
