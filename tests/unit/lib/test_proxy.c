/* Which connections go through a proxy, as the environment says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/lib/proxy.h"

static struct { const char *name, *value; } environment[2];

static const char *get(const char *name) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(environment); i++)
    if (environment[i].name && strcmp(environment[i].name, name) == 0) return environment[i].value;
  return NULL;
}

static int proxy_for(const char *address, pl_proxy *proxy) {
  pl_url url;
  assert_int_equal(pl_url_parse(&url, address), 0);
  return pl_proxy_for(&url, get, proxy);
}

static void set(const char *name1, const char *value1, const char *name2, const char *value2) {
  environment[0].name = name1;
  environment[0].value = value1;
  environment[1].name = name2;
  environment[1].value = value2;
}

static int clear(void **state) {
  (void)state;
  set(NULL, NULL, NULL, NULL);
  return 0;
}

static void test_variables(void **state) {
  pl_proxy proxy;
  (void)state;
  assert_int_equal(proxy_for("ws://a.example", &proxy), 0);
  set("http_proxy", "http://p:3128/", "https_proxy", "q:1");
  assert_int_equal(proxy_for("ws://a.example", &proxy), 1);
  assert_string_equal(proxy.host, "p");
  assert_int_equal(proxy.port, 3128);
  assert_string_equal(proxy.credentials, "");
  assert_int_equal(proxy_for("wss://a.example", &proxy), 1);
  assert_string_equal(proxy.host, "q");
  set("HTTP_PROXY", "p:1", NULL, NULL); /* a header of a CGI request could have set it */
  assert_int_equal(proxy_for("ws://a.example", &proxy), 0);
  set("all_proxy", "http://u:w@[::2]:99", "https_proxy", "");
  assert_int_equal(proxy_for("wss://a.example", &proxy), 1);
  assert_string_equal(proxy.host, "::2");
  assert_string_equal(proxy.credentials, "u:w");
  assert_int_equal(proxy.port, 99);
  set("http_proxy", "p", NULL, NULL);
  assert_int_equal(proxy_for("ws://a.example", &proxy), 1);
  assert_int_equal(proxy.port, 80);
}

static void test_never_for_this_machine(void **state) {
  pl_proxy proxy;
  (void)state;
  set("http_proxy", "p:1", "https_proxy", "p:1");
  assert_int_equal(proxy_for("ws://127.0.0.1:8787", &proxy), 0);
  assert_int_equal(proxy_for("ws://localhost:8787", &proxy), 0);
  assert_int_equal(proxy_for("wss://[::1]", &proxy), 0);
}

static void test_no_proxy(void **state) {
  static const struct {
    const char *list, *url;
    int proxied;
  } cases[] = {
      {"*", "ws://a.example", 0},
      {"example", "ws://a.example", 0},
      {".example", "ws://a.example", 0},
      {"a.example", "ws://a.example", 0},
      {"A.EXAMPLE", "ws://a.example", 0},
      {"b.example, a.example", "ws://a.example", 0},
      {"a.example:80", "ws://a.example", 0},
      {"a.example:81", "ws://a.example", 1},
      {"xample", "ws://a.example", 1},
      {"b.a.example", "ws://a.example", 1},
      {"10.0.0.1", "ws://10.0.0.1", 0},
      {"0.0.1", "ws://10.0.0.1", 1},
      {"[fd00::1]", "ws://[fd00::1]", 0},
      {"", "ws://a.example", 1},
      {" , ,", "ws://a.example", 1},
  };
  pl_proxy proxy;
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    set("http_proxy", "p:1", "no_proxy", cases[i].list);
    if (proxy_for(cases[i].url, &proxy) != cases[i].proxied) fail_msg("%s for %s", cases[i].list, cases[i].url);
  }
}

static void test_unusable(void **state) {
  static const char *const cases[] = {"socks5://p:1", "https://p:1", "http://p:0", "http://", "p:x", "http://u@"};
  pl_proxy proxy;
  (void)state;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    set("http_proxy", cases[i], NULL, NULL);
    if (proxy_for("ws://a.example", &proxy) != PL_EURL) fail_msg("%s is accepted", cases[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_variables, clear),
      cmocka_unit_test_setup(test_never_for_this_machine, clear),
      cmocka_unit_test_setup(test_no_proxy, clear),
      cmocka_unit_test_setup(test_unusable, clear),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
