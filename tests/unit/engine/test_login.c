/* The socket to the relay: login, pins, retries, liveness, and what a hostile relay may send. */
#include "pair.h"

static net n;

static void one(const pl_engine_config *config) {
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, config));
  net_do(&n, 0, &(pl_engine_event){.type = PL_IN_START});
  net_settle(&n);
}

static void the_relays_id_is_reported_and_pinned(void **state) {
  (void)state;
  one(NULL);
  assert_memory_equal(net_find(&n, 0, PL_OUT_ONLINE, 0)->a.id, n.relay.id, 32);
  uint8_t seed[32] = {0xef};
  assert_int_equal(pl_identity_from_seed(&n.relay, seed), 0); /* another relay takes its place */
  net_cut(&n, 0);
  net_run(&n, 5000);
  net_seen *off = net_find(&n, 0, PL_OUT_OFFLINE, 1);
  assert_non_null(off);
  assert_int_equal(off->a.error, PL_ERELAYKEY);
  assert_int_equal(off->a.time_ms, PL_NEVER);
  assert_int_equal(net_count(&n, 0, PL_OUT_ONLINE), 1);
  net_deinit(&n);
}

static void another_relay_than_pinned_is_refused(void **state) {
  (void)state;
  uint8_t pin[32] = {1};
  pl_engine_config config = {.relay_id = pin};
  one(&config);
  assert_int_equal(net_find(&n, 0, PL_OUT_OFFLINE, 0)->a.error, PL_ERELAYKEY);
  assert_int_equal(net_count(&n, 0, PL_OUT_ONLINE), 0);
  net_deinit(&n);
}

static void a_relay_that_cannot_sign_is_refused(void **state) {
  (void)state;
  net_init(&n);
  n.wrong_signature = true;
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  net_do(&n, 0, &(pl_engine_event){.type = PL_IN_START});
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 0, PL_OUT_ONLINE), 0);
  assert_int_equal(net_find(&n, 0, PL_OUT_OFFLINE, 0)->a.error, PL_ECRYPTO);
  net_deinit(&n);
}

static void an_unreachable_relay_is_tried_with_growing_pauses(void **state) {
  (void)state;
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  n.clients[0].reachable = false;
  net_do(&n, 0, &(pl_engine_event){.type = PL_IN_START});
  net_run(&n, 120000);
  size_t early = net_count(&n, 0, PL_OUT_CONNECT);
  assert_true(early >= 12 && early <= 120);
  net_run(&n, 600000);
  size_t late = net_count(&n, 0, PL_OUT_CONNECT) - early;
  assert_true(late >= 20 && late <= 120);
  n.clients[0].reachable = true;
  net_do(&n, 0, &(pl_engine_event){.type = PL_IN_NETWORK_UP});
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_OUT_ONLINE), 1); /* at once */
  net_deinit(&n);
}

static bool pong_lost;
static bool drop_pings(net *x, int from, const pl_envelope *e) {
  (void)x;
  (void)from;
  return pong_lost && e->type == PL_ENV_PING;
}

static void silence_is_noticed_within_45_seconds(void **state) {
  (void)state;
  one(NULL);
  n.drop = drop_pings;
  pong_lost = false;
  net_run(&n, 600000);
  assert_int_equal(net_count(&n, 0, PL_OUT_OFFLINE), 0); /* answered pings keep it */
  pong_lost = true;
  net_run(&n, 66000);
  assert_int_equal(net_find(&n, 0, PL_OUT_OFFLINE, 0)->a.error, PL_ETIMEDOUT);
  assert_true(net_count(&n, 0, PL_OUT_ONLINE) >= 2);
  net_deinit(&n);
}

static void after_sleep_the_relay_is_asked_at_once(void **state) {
  (void)state;
  one(NULL);
  net_run(&n, 1000);
  uint64_t before = n.envelopes;
  n.now_ms += 3600000; /* the computer slept */
  net_do(&n, 0, &(pl_engine_event){.type = PL_IN_TIME});
  net_settle(&n);
  assert_int_equal(n.envelopes, before + 1);
  assert_int_equal(net_count(&n, 0, PL_OUT_OFFLINE), 0);
  net_deinit(&n);
}

static void reset_on_link_zero(uint16_t reason) {
  uint8_t p[2];
  pl_put_u16(p, reason);
  net_to_client(&n, 0, PL_ENV_RESET, 0, 0, p, 2);
  net_settle(&n);
}

static void terminal_reasons_end_the_retries(void **state) {
  (void)state;
  static const struct {
    uint16_t reason;
    int error;
  } cases[] = {{PL_REASON_REVOKED, PL_EDENIED},
               {PL_REASON_DENIED, PL_EDENIED},
               {PL_REASON_ORIGIN, PL_EURL},
               {PL_REASON_LOGIN_FAILED, PL_ECRYPTO},
               {PL_REASON_UNSUPPORTED, PL_EPROTOCOL}};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    one(NULL);
    reset_on_link_zero(cases[i].reason);
    net_run(&n, 300000);
    net_seen *off = net_find(&n, 0, PL_OUT_OFFLINE, 0);
    assert_int_equal(off->a.error, cases[i].error);
    assert_int_equal(off->a.time_ms, PL_NEVER);
    assert_int_equal(net_count(&n, 0, PL_OUT_CONNECT), 1);
    net_deinit(&n);
  }
  one(NULL);
  reset_on_link_zero(PL_REASON_FULL);
  net_run(&n, 15000);
  assert_int_equal(net_count(&n, 0, PL_OUT_ONLINE), 2);
  net_deinit(&n);
}

static void going_away_moves_within_the_delay(void **state) {
  (void)state;
  one(NULL);
  uint8_t p[4];
  pl_put_u32(p, 5000);
  net_to_client(&n, 0, PL_ENV_GOING_AWAY, 0, 0, p, 4);
  net_settle(&n);
  net_run(&n, 5001);
  assert_int_equal(net_find(&n, 0, PL_OUT_OFFLINE, 0)->a.reason, PL_REASON_DRAINING);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 0, PL_OUT_ONLINE), 2);
  net_deinit(&n);
}

/* Any bytes from a relay: never a crash; a broken message ends the socket, and the client comes back. */
static void a_hostile_relay_gets_nowhere(void **state) {
  (void)state;
  static const uint8_t types[] = {0, 1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x7f, 0x80, 0xff};
  one(NULL);
  uint8_t junk[3000];
  for (int round = 0; round < 4000; round++) {
    for (size_t i = 0; i < sizeof junk; i++) junk[i] = (uint8_t)(pair_random(&n) >> 20);
    uint8_t type = types[pair_random(&n) % sizeof types];
    uint32_t link = pair_random(&n) % 3 ? (uint32_t)pair_random(&n) : 0;
    if (pair_random(&n) % 2) link = pl_link_make(true, 1 + (uint32_t)round % 30000, (uint32_t)pair_random(&n) % 2048);
    size_t size = pair_random(&n) % 4 ? pair_random(&n) % 200 : pair_random(&n) % sizeof junk;
    if (!n.clients[0].connected) net_run(&n, 30000);
    net_to_client(&n, 0, type, (uint8_t)round, link, junk, size);
    if (pair_random(&n) % 8 == 0 && n.clients[0].in) n.clients[0].in->size -= pair_random(&n) % 7;
    net_settle(&n);
    if (n.clients[0].connected && !pl_engine_has_output(n.clients[0].engine)) continue;
    net_run(&n, 100);
    if (net_count(&n, 0, PL_OUT_OFFLINE) && net_find(&n, 0, PL_OUT_OFFLINE, 0)->a.time_ms == PL_NEVER) {
      net_deinit(&n); /* a RESET or an unknown type that says never come back */
      one(NULL);
    }
    net_forget(&n, 0);
  }
  net_deinit(&n);
}

static void bad_configs_are_refused(void **state) {
  (void)state;
  pl_engine *e;
  pl_engine_config c = {.origin = "http://a"};
  assert_int_equal(pl_engine_new(&c, &e), PL_EINVAL); /* no instance */
  c.instance[0] = 1;
  c.message_max = 100;
  c.channel_window = 100;
  assert_int_equal(pl_engine_new(&c, &e), PL_EINVAL);
  c.channel_window = 101;
  c.application = "a name of an application that is far too long";
  assert_int_equal(pl_engine_new(&c, &e), PL_EINVAL);
  c.application = NULL;
  c.origin = NULL;
  assert_int_equal(pl_engine_new(&c, &e), PL_EURL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_relays_id_is_reported_and_pinned),
      cmocka_unit_test(another_relay_than_pinned_is_refused),
      cmocka_unit_test(a_relay_that_cannot_sign_is_refused),
      cmocka_unit_test(an_unreachable_relay_is_tried_with_growing_pauses),
      cmocka_unit_test(silence_is_noticed_within_45_seconds),
      cmocka_unit_test(after_sleep_the_relay_is_asked_at_once),
      cmocka_unit_test(terminal_reasons_end_the_retries),
      cmocka_unit_test(going_away_moves_within_the_delay),
      cmocka_unit_test(a_hostile_relay_gets_nowhere),
      cmocka_unit_test(bad_configs_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
