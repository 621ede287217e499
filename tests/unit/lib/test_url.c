/* Relay addresses and invite links: what is accepted, what it is turned into, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/identity/identity.h"
#include "client/lib/url.h"

static void test_addresses_become_one_form(void **state) {
  static const struct {
    const char *in, *url, *origin, *host;
    uint16_t port;
    bool tls;
  } cases[] = {
      {"ws://127.0.0.1:8787", "ws://127.0.0.1:8787/pairlink", "http://127.0.0.1:8787", "127.0.0.1", 8787, false},
      {"ws://127.0.0.1:8787/pairlink", "ws://127.0.0.1:8787/pairlink", "http://127.0.0.1:8787", "127.0.0.1", 8787,
       false},
      {"http://Relay.Example/", "ws://relay.example/pairlink", "http://relay.example", "relay.example", 80, false},
      {"HTTPS://relay.example", "wss://relay.example/pairlink", "https://relay.example", "relay.example", 443, true},
      {"wss://relay.example:443", "wss://relay.example/pairlink", "https://relay.example", "relay.example", 443, true},
      {"ws://relay.example:443", "ws://relay.example:443/pairlink", "http://relay.example:443", "relay.example", 443,
       false},
      {"wss://relay.example/a/b/", "wss://relay.example/a/b/pairlink", "https://relay.example", "relay.example", 443,
       true},
      {"wss://relay.example/a/pairlink/", "wss://relay.example/a/pairlink", "https://relay.example", "relay.example",
       443, true},
      {"ws://[::1]:8787", "ws://[::1]:8787/pairlink", "http://[::1]:8787", "::1", 8787, false},
      {"ws://[0:0:0:0:0:0:0:1]", "ws://[::1]/pairlink", "http://[::1]", "::1", 80, false},
      {"ws://[2001:DB8::A]:1", "ws://[2001:db8::a]:1/pairlink", "http://[2001:db8::a]:1", "2001:db8::a", 1, false},
      {"ws://my_host-1.local:65535", "ws://my_host-1.local:65535/pairlink", "http://my_host-1.local:65535",
       "my_host-1.local", 65535, false},
  };
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    pl_url url;
    char text[PL_URL_TEXT_MAX];
    if (pl_url_parse(&url, cases[i].in) != 0) fail_msg("%s is refused", cases[i].in);
    pl_url_format(&url, text, sizeof text);
    assert_string_equal(text, cases[i].url);
    assert_string_equal(url.origin, cases[i].origin);
    assert_string_equal(url.host, cases[i].host);
    assert_int_equal(url.port, cases[i].port);
    assert_int_equal(url.tls, cases[i].tls);
    pl_url again;
    assert_int_equal(pl_url_parse(&again, text), 0); /* the normalised form is stable */
    assert_memory_equal(&again, &url, sizeof url);
  }
}

static void test_addresses_refused(void **state) {
  static const char *const cases[] = {
      "",
      "relay.example",
      "relay.example:8787",
      "ftp://relay.example",
      "ws:/relay",
      "ws:relay",
      "ws://",
      "ws:///",
      "ws://:8787",
      "ws://host:",
      "ws://host:0",
      "ws://host:65536",
      "ws://host:99999999999999999999",
      "ws://host:80a",
      "ws://host:-1",
      "ws://host:+80",
      "ws://host: 80",
      "ws://user@host",
      "ws://user:pass@host",
      "ws://host?x=1",
      "ws://host/?x",
      "ws://host#x",
      "ws://host/#x",
      "ws://ho st",
      "ws://host/a b",
      "ws://host\n",
      "ws://host/\r\nX: y",
      "ws://host/\x80",
      "ws://h\xc3\xb6st",
      "ws://.host",
      "ws://host..x",
      "ws://[::1",
      "ws://[]",
      "ws://[::g]",
      "ws://[127.0.0.1]",
      "ws://[::1]x",
      "ws://127.1",
      "ws://256.1.1.1",
      "ws://1.2.3.4.5",
      "ws://host.1",
      "ws://[fe80::1%eth0]",
      " ws://host",
      "ws://host ",
      "ws://%68ost",
      "ws://host\\x",
      "ws://host/<>",
  };
  pl_url url;
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++)
    if (pl_url_parse(&url, cases[i]) != PL_EURL) fail_msg("%s is accepted", cases[i]);
  assert_int_equal(pl_url_parse(&url, NULL), PL_EURL);
  char large[1000];
  memset(large, 'a', sizeof large);
  memcpy(large, "ws://", 5);
  for (size_t n = 60; n < sizeof large; n += 7) { /* one label is at most 63, everything at most 255 */
    large[n] = '\0';
    assert_int_equal(pl_url_parse(&url, large), n > 5 + 63 ? PL_EURL : 0);
    large[n] = 'a';
  }
}

static void test_loopback(void **state) {
  static const struct {
    const char *url;
    bool loopback;
  } cases[] = {{"ws://localhost", true},
               {"ws://x.localhost", true},
               {"ws://127.9.9.9", true},
               {"ws://[::1]", true},
               {"ws://[::ffff:127.0.0.1]", true},
               {"ws://xlocalhost", false},
               {"ws://localhost.example", false},
               {"ws://128.0.0.1", false},
               {"ws://[::2]", false}};
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    pl_url url;
    assert_int_equal(pl_url_parse(&url, cases[i].url), 0);
    assert_int_equal(pl_url_is_loopback(&url), cases[i].loopback);
  }
}

static void make_id(uint8_t id[32], uint8_t seed_byte) {
  uint8_t seed[32];
  pl_identity identity;
  memset(seed, seed_byte, sizeof seed);
  assert_int_equal(pl_identity_from_seed(&identity, seed), 0);
  memcpy(id, identity.id, 32);
}

static void make_link(char *text, size_t size, const char *address) {
  uint8_t peer[32], relay[32], secret[16];
  pl_url url;
  make_id(peer, 1);
  make_id(relay, 2);
  memset(secret, 3, sizeof secret);
  assert_int_equal(pl_url_parse(&url, address), 0);
  assert_int_equal(pl_invite_link_format(&url, peer, relay, secret, text, size), 0);
}

static void test_link_there_and_back(void **state) {
  char text[640];
  uint8_t peer[32], relay[32];
  pl_invite_link link;
  (void)state;
  make_id(peer, 1);
  make_id(relay, 2);
  make_link(text, sizeof text, "wss://relay.example:8443");
  assert_true(strncmp(text, "https://relay.example:8443/#", 28) == 0);
  assert_int_equal(strlen(text), 28 + 114);
  assert_int_equal(pl_invite_link_parse(&link, text), 0);
  assert_string_equal(link.url.origin, "https://relay.example:8443");
  assert_string_equal(link.url.path, "/pairlink");
  assert_memory_equal(link.peer, peer, 32);
  assert_memory_equal(link.relay, relay, 32);
  for (size_t i = 0; i < 16; i++) assert_int_equal(link.secret[i], 3);
  char paged[700]; /* the page may lie at any path; its relay is at the root */
  snprintf(paged, sizeof paged, "https://relay.example:8443/app/index.html#%s", text + 28);
  assert_int_equal(pl_invite_link_parse(&link, paged), 0);
  assert_string_equal(link.url.path, "/pairlink");
}

/* Such a link would lead to another relay or to none. */
static void test_no_link_to_a_relay_below_the_root(void **state) {
  static const char *const below[] = {"wss://h/a", "wss://h/a/pairlink", "wss://h/pairlink/pairlink/"};
  static const char *const root[] = {"wss://h", "wss://h/", "wss://h/pairlink"};
  char text[640];
  uint8_t peer[32], relay[32], secret[16] = {0};
  pl_url url;
  (void)state;
  make_id(peer, 1);
  make_id(relay, 2);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(below); i++) {
    assert_int_equal(pl_url_parse(&url, below[i]), 0);
    assert_int_equal(pl_invite_link_format(&url, peer, relay, secret, text, sizeof text), PL_EURL);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(root); i++) {
    assert_int_equal(pl_url_parse(&url, root[i]), 0);
    assert_int_equal(pl_invite_link_format(&url, peer, relay, secret, text, sizeof text), 0);
  }
}

static void test_link_that_does_not_fit(void **state) {
  char text[640];
  uint8_t zero[32] = {0};
  pl_url url;
  (void)state;
  assert_int_equal(pl_url_parse(&url, "ws://h"), 0);
  make_link(text, sizeof text, "ws://h");
  size_t need = strlen(text) + 1;
  assert_int_equal(pl_invite_link_format(&url, zero, zero, zero, text, need - 1), PL_EMSGSIZE);
  assert_int_equal(pl_invite_link_format(&url, zero, zero, zero, text, need), 0);
}

/* The check bytes reveal a change of any character of the fragment. */
static void test_link_any_change_is_refused(void **state) {
  char text[640];
  pl_invite_link link;
  (void)state;
  make_link(text, sizeof text, "http://127.0.0.1:8787");
  char *fragment = strchr(text, '#') + 1;
  for (size_t i = 0; fragment[i]; i++) {
    char old = fragment[i];
    fragment[i] = old == 'A' ? 'B' : 'A';
    assert_int_equal(pl_invite_link_parse(&link, text), PL_ELINK);
    fragment[i] = old;
  }
  assert_int_equal(pl_invite_link_parse(&link, text), 0);
  fragment[113] = '\0';
  assert_int_equal(pl_invite_link_parse(&link, text), PL_ELINK);
}

static void test_link_refused(void **state) {
  char text[640], other[800];
  pl_invite_link link;
  (void)state;
  make_link(text, sizeof text, "http://127.0.0.1:8787");
  const char *fragment = strchr(text, '#') + 1;
  static const char *const formats[] = {
      "%s",          "#%s",           "127.0.0.1:8787/#%s", "ftp://host/#%s", "http:///#%s",
      "http://h/%s", "http://h/#%sA", "http://h/# %s",      "http://u@h/#%s", "http://h/#%s="};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(formats); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(other, sizeof other, formats[i], fragment);
#pragma GCC diagnostic pop
    if (pl_invite_link_parse(&link, other) != PL_ELINK) fail_msg("%s is accepted", other);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_addresses_become_one_form),
      cmocka_unit_test(test_addresses_refused),
      cmocka_unit_test(test_loopback),
      cmocka_unit_test(test_link_there_and_back),
      cmocka_unit_test(test_no_link_to_a_relay_below_the_root),
      cmocka_unit_test(test_link_that_does_not_fit),
      cmocka_unit_test(test_link_any_change_is_refused),
      cmocka_unit_test(test_link_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
