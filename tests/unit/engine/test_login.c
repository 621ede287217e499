/* The socket to the relay: login, pins, retries, liveness, and what a hostile relay may send. */
#include "client/core/engine/engine_state.h"
#include "pair.h"

static void one(const pl_engine_config *config) {
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, config));
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_settle(&n);
}

static void the_relays_id_is_reported_and_pinned(void **state) {
  (void)state;
  assert_memory_equal(net_find(&n, 0, PL_ENGINE_OUT_ONLINE, 0)->a.id, n.relay.id, 32);
  uint8_t seed[32] = {0xef};
  assert_int_equal(pl_identity_from_seed(&n.relay, seed), 0); /* another relay takes its place */
  net_cut(&n, 0);
  net_run(&n, 5000);
  net_seen *off = net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 1);
  assert_non_null(off);
  assert_int_equal(off->a.error, PL_ERELAYKEY);
  assert_int_equal(off->a.time_ms, PL_NEVER);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 1);
}

static void another_relay_than_pinned_is_refused(void **state) {
  (void)state;
  uint8_t pin[32] = {1};
  pl_engine_config config = {.relay_id = pin};
  one(&config);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.error, PL_ERELAYKEY);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 0);
}

static void a_relay_that_cannot_sign_is_refused(void **state) {
  (void)state;
  net_init(&n);
  n.wrong_signature = true;
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 0);
  net_seen *off = net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0);
  assert_int_equal(off->a.error, PL_ECRYPTO);
  assert_int_equal(off->a.time_ms, PL_NEVER);
}

static void an_unreachable_relay_is_tried_with_growing_pauses(void **state) {
  (void)state;
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  n.clients[0].reachable = false;
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_run(&n, 120000);
  size_t early = net_count(&n, 0, PL_ENGINE_OUT_CONNECT);
  assert_true(early >= 12 && early <= 120);
  net_run(&n, 600000);
  size_t late = net_count(&n, 0, PL_ENGINE_OUT_CONNECT) - early;
  assert_true(late >= 20 && late <= 120);
  n.clients[0].reachable = true;
  net_tell(&n, 0, PL_ENGINE_IN_NETWORK_UP);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 1); /* at once */
}

static bool pong_lost;
static bool drop_pings(net *x, int from, const pl_envelope *e) {
  (void)x;
  (void)from;
  return pong_lost && e->type == PL_ENV_PING;
}

static void silence_is_noticed_within_45_seconds(void **state) {
  (void)state;
  n.drop = drop_pings;
  pong_lost = false;
  net_run(&n, 600000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0); /* pings were answered, so it stays */
  pong_lost = true;
  net_run(&n, 66000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.error, PL_ETIMEDOUT);
  assert_true(net_count(&n, 0, PL_ENGINE_OUT_ONLINE) >= 2);
}

static void after_sleep_the_relay_is_asked_at_once(void **state) {
  (void)state;
  net_run(&n, 1000);
  uint64_t before = n.envelopes;
  n.now_ms += 3600000; /* the computer slept */
  net_tell(&n, 0, PL_ENGINE_IN_TIME);
  net_settle(&n);
  assert_int_equal(n.envelopes, before + 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
}

/* An engine that is called late reads what came before any timer counts. Here the answer to a PING was there all the
 * time: the connection stays, and the wait for an answer starts again. */
static void after_a_stop_it_reads_before_it_judges(void **state) {
  (void)state;
  static const uint64_t stops[] = {2000, 9000, 25000, 52000, 3600000};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(stops); i++) {
    one(NULL);
    for (int k = 0; !n.clients[0].in; k++) { /* until PING was sent and its answer waits to be read */
      assert_true(k < 10);
      n.now_ms = pl_engine_deadline(n.clients[0].engine);
      net_tell(&n, 0, PL_ENGINE_IN_TIME);
      (void)net_turn(&n);
    }
    n.now_ms = pl_engine_deadline(n.clients[0].engine) + stops[i];
    net_do(&n, 0, &(pl_engine_event){.type = i % 2 ? PL_ENGINE_IN_NETWORK_UP : PL_ENGINE_IN_TIME});
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
    assert_true(pl_engine_deadline(n.clients[0].engine) > n.now_ms);
    net_run(&n, 60000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
    net_deinit(&n);
  }
}

static void a_relay_that_is_dead_is_noticed_by_a_host_that_is_always_late(void **state) {
  (void)state;
  n.clients[0].frozen = true;
  for (int i = 0; i < 20 && !net_count(&n, 0, PL_ENGINE_OUT_OFFLINE); i++) {
    n.now_ms += 10000;
    net_tell(&n, 0, PL_ENGINE_IN_TIME);
  }
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.error, PL_ETIMEDOUT);
}

/* A login during which the program was stopped continues when the answer is there. */
static void a_stop_during_the_login_does_not_end_it(void **state) {
  (void)state;
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  net_tell(&n, 0, PL_ENGINE_IN_START);
  (void)net_turn(&n); /* connected; HELLO is on its way */
  n.now_ms += 50000;
  net_tell(&n, 0, PL_ENGINE_IN_TIME);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 1);
  net_run(&n, 60000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
}

static size_t pings;
static bool count_pings(net *x, int from, const pl_envelope *e) {
  (void)x;
  (void)from;
  pings += e->type == PL_ENV_PING;
  return pong_lost && e->type == PL_ENV_PING;
}

/* The interval starts again with each answer, although the answer might have come later still. */
static void an_idle_relay_is_asked_once_per_interval(void **state) {
  (void)state;
  n.drop = count_pings;
  pong_lost = false;
  net_settle(&n);
  pings = 0;
  net_run(&n, 600000);
  assert_in_range(pings, 29, 30); /* every 20 s, the initial PING_INTERVAL_MS */
}

/* However often the engine is told that the network is back, it sends one PING and waits once, for five seconds. */
static void the_network_may_be_back_more_than_once(void **state) {
  (void)state;
  for (int asked_before = 0; asked_before < 2; asked_before++) {
    one(NULL);
    n.drop = count_pings;
    pings = 0;
    pong_lost = false;
    if (asked_before) {
      n.now_ms = pl_engine_deadline(n.clients[0].engine);
      net_tell(&n, 0, PL_ENGINE_IN_TIME); /* PING is queued, but not sent yet */
    }
    for (int i = 0; i < 1000; i++) net_tell(&n, 0, PL_ENGINE_IN_NETWORK_UP);
    net_settle(&n);
    assert_int_equal(pings, 1);
    net_run(&n, 15000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
    pong_lost = true; /* it is another network */
    uint64_t told_ms = n.now_ms;
    for (; !net_count(&n, 0, PL_ENGINE_OUT_OFFLINE); net_run(&n, 100)) {
      net_tell(&n, 0, PL_ENGINE_IN_NETWORK_UP);
      assert_true(n.now_ms <= told_ms + 5000); /* being told again does not move it */
    }
    assert_true(n.now_ms >= told_ms + 5000);
    net_deinit(&n);
  }
}

/* A relay that logs the client in and then drops it is called less and less, as one that cannot be reached. */
static void welcome_alone_is_no_reason_to_hurry(void **state) {
  (void)state;
  for (uint64_t end_ms = n.now_ms + 120000; n.now_ms < end_ms;) {
    if (n.clients[0].connected) net_cut(&n, 0);
    net_run(&n, 10);
  }
  size_t logins = net_count(&n, 0, PL_ENGINE_OUT_ONLINE);
  assert_in_range(logins, 12, 60);
  net_run(&n, 40000);
  assert_true(n.clients[0].connected);
  net_forget(&n, 0);
  net_cut(&n, 0); /* it had held, so the first wait is short */
  net_settle(&n);
  assert_in_range(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.time_ms, n.now_ms, n.now_ms + 250);
}

/* A connection that carried a peer's record was of use, however short it was. */
static void a_connection_that_was_of_use_is_made_again_soon(void **state) {
  (void)state;
  for (int i = 0; i < 20; i++) {
    net_forget(&n, 0);
    net_cut(&n, 0);
    net_settle(&n);
    assert_in_range(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.time_ms, n.now_ms, n.now_ms + 250);
    for (int k = 0; k < 100 && !net_count(&n, 0, PL_ENGINE_OUT_LINKED); k++) net_run(&n, 100);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
  }
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
    net_seen *off = net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0);
    assert_int_equal(off->a.error, cases[i].error);
    assert_int_equal(off->a.time_ms, PL_NEVER);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CONNECT), 1);
    net_deinit(&n);
  }
  one(NULL);
  reset_on_link_zero(PL_REASON_FULL);
  net_run(&n, 15000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 2);
  net_deinit(&n);
}

static void going_away_moves_within_the_delay(void **state) {
  (void)state;
  uint8_t p[4];
  pl_put_u32(p, 5000);
  net_to_client(&n, 0, PL_ENV_GOING_AWAY, 0, 0, p, 4);
  net_settle(&n);
  net_run(&n, 5001);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.reason, PL_REASON_DRAINING);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 2);
}

static void going_away_before_the_login_is_out_of_turn(void **state) {
  (void)state;
  static const uint8_t p[4] = {0};
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_tell(&n, 0, PL_ENGINE_IN_SOCKET_OPEN);
  n.clients[0].connected = true;
  net_to_client(&n, 0, PL_ENV_GOING_AWAY, 0, 0, p, sizeof p);
  net_turn(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.error, PL_EPROTOCOL);
  net_deinit(&n);
}

/* An address that does not answer gives way to the next, the configured one included. One that answers is kept. */
static void going_away_names_other_addresses(void **state) {
  (void)state;
  static const char urls[] = "http://no.test\nwss://other-scheme.test\nws://a.test:1/pairlink\nws://b c\nws://b.test";
  uint8_t p[4 + sizeof urls - 1] = {0};
  one(NULL);
  memcpy(p + 4, urls, sizeof urls - 1);
  net_to_client(&n, 0, PL_ENV_GOING_AWAY, 0, 0, p, sizeof p);
  net_settle(&n);
  n.clients[0].reachable = false;
  net_run(&n, 60000);
  assert_string_equal(net_find(&n, 0, PL_ENGINE_OUT_CONNECT, 1)->text, "ws://a.test:1/pairlink");
  assert_string_equal(net_find(&n, 0, PL_ENGINE_OUT_CONNECT, 2)->text, "ws://b.test");
  assert_string_equal(net_find(&n, 0, PL_ENGINE_OUT_CONNECT, 3)->text, "");
  assert_string_equal(net_find(&n, 0, PL_ENGINE_OUT_CONNECT, 4)->text, "ws://a.test:1/pairlink");
  n.clients[0].reachable = true;
  net_run(&n, 60000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 2);
  size_t answered = net_count(&n, 0, PL_ENGINE_OUT_CONNECT) - 1;
  net_cut(&n, 0);
  net_run(&n, 30000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 3);
  assert_string_equal(net_find(&n, 0, PL_ENGINE_OUT_CONNECT, answered + 1)->text,
                      net_find(&n, 0, PL_ENGINE_OUT_CONNECT, answered)->text);
}

static bool was_offline_twice(net *of) {
  return net_count(of, 0, PL_ENGINE_OUT_OFFLINE) == 2;
}

/* When another relay answers at an address of GOING_AWAY, that costs one attempt but not the connection. */
static void another_relay_at_a_named_address_is_left(void **state) {
  (void)state;
  static const char url[] = "ws://a.test";
  uint8_t p[4 + sizeof url - 1] = {0}, seed[32] = {0xef};
  pl_identity right;
  one(NULL);
  right = n.relay;
  assert_int_equal(pl_identity_from_seed(&n.relay, seed), 0);
  memcpy(p + 4, url, sizeof url - 1);
  net_to_client(&n, 0, PL_ENV_GOING_AWAY, 0, 0, p, sizeof p);
  assert_true(net_until(&n, 30000, was_offline_twice));
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 1)->a.error, PL_ENETWORK);
  assert_true(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 1)->a.time_ms != PL_NEVER);
  n.relay = right;
  net_run(&n, 30000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 2);
}

static int refusal;

static bool refuse_logins(net *x, int from, const pl_envelope *e) {
  uint8_t payload[2];
  if (e->type != PL_ENV_LOGIN || !refusal) return false;
  pl_put_u16(payload, (uint16_t)refusal);
  net_to_client(x, from, PL_ENV_RESET, 0, 0, payload, sizeof payload);
  return true;
}

/* The server at an address of GOING_AWAY refuses the login for good. The configured address may serve all the same.
 * There a terminal reason is final. */
static void a_refusal_at_a_named_address_is_not_final(void **state) {
  (void)state;
  static const int reasons[] = {PL_REASON_ORIGIN, PL_REASON_DENIED, PL_REASON_LOGIN_FAILED, PL_REASON_UNSUPPORTED};
  static const char url[] = "ws://a.test";
  uint8_t p[4 + sizeof url - 1] = {0};
  memcpy(p + 4, url, sizeof url - 1);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(reasons); i++) {
    refusal = 0;
    one(NULL);
    n.drop = refuse_logins;
    net_to_client(&n, 0, PL_ENV_GOING_AWAY, 0, 0, p, sizeof p);
    net_settle(&n);
    refusal = reasons[i];
    assert_true(net_until(&n, 30000, was_offline_twice));
    assert_string_equal(net_find(&n, 0, PL_ENGINE_OUT_CONNECT, 1)->text, url);
    assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 1)->a.reason, reasons[i]);
    assert_true(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 1)->a.time_ms != PL_NEVER);
    refusal = 0;
    net_run(&n, 30000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 2);
    assert_string_equal(net_find(&n, 0, PL_ENGINE_OUT_CONNECT, 2)->text, "");
    refusal = reasons[i];
    net_cut(&n, 0);
    net_run(&n, 120000);
    net_run(&n, 120000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 2);
    net_deinit(&n);
  }
}

/* Any bytes from a relay: nothing crashes, a broken message ends the socket, and the client comes back. */
static void a_hostile_relay_gets_nowhere(void **state) {
  (void)state;
  static const uint8_t types[] = {0, 1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x7f, 0x80, 0xff};
  one(NULL);
  uint8_t junk[3000];
  for (int round = 0; round < 4000; round++) {
    for (size_t i = 0; i < sizeof junk; i++) junk[i] = (uint8_t)(pair_random(&n) >> 20);
    uint8_t type = types[pair_random(&n) % sizeof types];
    uint32_t link = pair_random(&n) % 3 ? (uint32_t)pair_random(&n) : 0;
    if (pair_random(&n) % 2)
      link = pl_link_number_make(true, 1 + (uint32_t)round % 30000, (uint32_t)pair_random(&n) % 2048);
    size_t size = pair_random(&n) % 4 ? pair_random(&n) % 200 : pair_random(&n) % sizeof junk;
    if (!n.clients[0].connected) net_run(&n, 30000);
    net_to_client(&n, 0, type, (uint8_t)round, link, junk, size);
    if (pair_random(&n) % 8 == 0 && n.clients[0].in) n.clients[0].in->size -= pair_random(&n) % 7;
    net_settle(&n);
    if (n.clients[0].connected && !pl_engine_has_output(n.clients[0].engine)) continue;
    net_run(&n, 100);
    if (net_count(&n, 0, PL_ENGINE_OUT_OFFLINE) && net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.time_ms == PL_NEVER) {
      net_deinit(&n); /* a RESET or an unknown type that ends all tries */
      one(NULL);
    }
    net_forget(&n, 0);
  }
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
  c.application = "a";
  c.session_window = 100;
  assert_int_equal(pl_engine_new(&c, &e), PL_EINVAL);
  c.session_window = 101;
  c.sessions_max = 65536;
  assert_int_equal(pl_engine_new(&c, &e), PL_EINVAL);
  c.sessions_max = 65535;
  c.name = "0123456789012345678901234567890123456789012345678901234567890123x"; /* 65 bytes */
  assert_int_equal(pl_engine_new(&c, &e), PL_EINVAL);
  c.name++;
  assert_int_equal(pl_engine_new(&c, &e), 0);
  pl_engine_free(e);
  c.origin = NULL;
  assert_int_equal(pl_engine_new(&c, &e), PL_EURL);
}

static void what_is_not_configured_has_a_default(void **state) {
  (void)state;
  pl_engine *e;
  const pl_engine_config c = {.origin = "http://a", .instance = {1}};
  assert_int_equal(pl_engine_new(&c, &e), 0);
  assert_int_equal(e->config.message_max, 262144);
  assert_int_equal(e->config.channel_window, 1 << 20);
  assert_int_equal(e->config.session_window, 8 << 20);
  assert_int_equal(e->config.session_timeout_ms, 3600000);
  assert_int_equal(e->config.sessions_max, 1024);
  assert_int_equal(e->config.replace_after_bytes, 1 << 30);
  assert_int_equal(pl_engine_deadline(e), PL_NEVER);
  pl_engine_free(e);
}

/* Each comes first or second from the relay. The client answers with RESET, and tries again or gives up. */
static void a_relay_that_speaks_out_of_turn_is_left(void **state) {
  (void)state;
  static const uint8_t types[] = {PL_ENV_DATA,  PL_ENV_OFFER, PL_ENV_PONG, PL_ENV_WELCOME,
                                  PL_ENV_HELLO, PL_ENV_LOGIN, 0x7f};
  uint8_t payload[100] = {0};
  for (size_t k = 0; k < 2 * PL_ARRAY_LENGTH(types); k++) {
    net_init(&n);
    assert_non_null(net_add(&n, 0, 1, 1, NULL));
    net_tell(&n, 0, PL_ENGINE_IN_START);
    if (k % 2)
      net_settle(&n);
    else
      net_tell(&n, 0, PL_ENGINE_IN_SOCKET_OPEN);
    n.clients[0].connected = true;
    bool harmless = k % 2 && types[k / 2] != PL_ENV_OFFER && types[k / 2] != PL_ENV_WELCOME &&
                    types[k / 2] != PL_ENV_HELLO && types[k / 2] != PL_ENV_LOGIN && types[k / 2] != 0x7f;
    net_to_client(&n, 0, types[k / 2], 0, 0, payload,
                  sizeof payload > 8 && types[k / 2] == PL_ENV_PONG ? 8 : sizeof payload);
    net_turn(&n);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), harmless ? 0 : 1);
    if (!harmless) assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.error, PL_EPROTOCOL);
    net_deinit(&n);
  }
}

static void a_relay_of_another_version_is_given_up(void **state) {
  (void)state;
  for (uint8_t version = 0; version < 3; version += 2) {
    uint8_t hello[128];
    pl_wire_hello h = {.version_min = version, .version_max = version};
    int size = pl_wire_hello_encode(&h, hello, sizeof hello);
    net_init(&n);
    assert_non_null(net_add(&n, 0, 1, 1, NULL));
    net_tell(&n, 0, PL_ENGINE_IN_START);
    net_tell(&n, 0, PL_ENGINE_IN_SOCKET_OPEN);
    n.clients[0].connected = true;
    net_to_client(&n, 0, PL_ENV_HELLO, 0, 0, hello, (size_t)size);
    net_turn(&n);
    net_seen *off = net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0);
    assert_int_equal(off->a.reason, PL_REASON_UNSUPPORTED);
    assert_int_equal(off->a.time_ms, PL_NEVER);
    net_deinit(&n);
  }
}

static void a_relay_that_says_nothing_is_left(void **state) {
  (void)state;
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_tell(&n, 0, PL_ENGINE_IN_SOCKET_OPEN);
  n.clients[0].wants_connect = false;
  net_run(&n, 14000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
  net_run(&n, 2000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.error, PL_ETIMEDOUT);
  net_run(&n, 15000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 1);
}

static void commands_that_make_no_sense_are_refused(void **state) {
  (void)state;
  uint8_t bytes[40] = {1};
  const uint8_t *id = n.relay.id; /* any valid ID */
  const struct {
    pl_engine_event in;
    int error;
  } cases[] = {
      {{.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {bytes, 31}}}, PL_EID},
      {{.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {bytes, 32}}}, PL_EID}, /* not a point of the curve */
      {{.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {id, 32}, .instance = {bytes, 7}}}, PL_EINVAL},
      {{.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {id, 32}, .secret = {bytes, 15}}}, PL_EINVAL},
      {{.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {id, 32}, .relay = {bytes, 31}}}, PL_EINVAL},
      {{.type = PL_ENGINE_IN_SEND, .send = {.session = 99}}, PL_ESTATE},
      {{.type = PL_ENGINE_IN_SEND_VOLATILE, .send = {.session = 99}}, PL_ESTATE},
      {{.type = PL_ENGINE_IN_FINISH, .finish = {.session = 99}}, PL_ESTATE},
      {{.type = PL_ENGINE_IN_TAKE, .take = {.session = 99}}, PL_ESTATE},
      {{.type = PL_ENGINE_IN_PRIORITY, .priority = {.session = 99}}, PL_ESTATE},
      {{.type = PL_ENGINE_IN_CHANNEL_RESET, .channel_reset = {.session = 99}}, PL_ESTATE},
      {{.type = PL_ENGINE_IN_CLOSE, .close = {.session = 99}}, PL_ESTATE},
      {{.type = PL_ENGINE_IN_ALLOW, .peer = {{bytes, 31}}}, PL_EID},
      {{.type = PL_ENGINE_IN_DENY, .peer = {{bytes, 31}}}, PL_EID},
      {{.type = PL_ENGINE_IN_REFUSE, .peer = {{bytes, 31}}}, PL_EID},
      {{.type = PL_ENGINE_IN_BLOCK, .peer = {{bytes, 31}}}, PL_EID},
      {{.type = PL_ENGINE_IN_FORGET, .peer = {{bytes, 31}}}, PL_EID},
      {{.type = PL_ENGINE_IN_INVITE_ADD, .invite_add = {.secret = {bytes, 15}, .uses = 1}}, PL_EINVAL},
      {{.type = PL_ENGINE_IN_INVITE_REVOKE, .invite_revoke = {{bytes, 15}}}, PL_EINVAL},
      {{.type = PL_ENGINE_IN_CODE_CLAIM, .code_claim = {{bytes, 15}}}, PL_ECODE},
      {{.type = PL_ENGINE_IN_CODE_CANCEL + 1}, PL_EINVAL},
  };
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    pl_engine_result out;
    assert_int_equal(net_do_for(&n, 0, &cases[k].in, &out), cases[k].error);
    assert_int_equal(out.session, 0);
    assert_int_equal(out.code, 0);
  }
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static uint32_t taken_limit(const pl_engine *e, uint16_t id) {
  switch (id) {
    case PL_LIMIT_MESSAGE_MAX:
      return e->message_max;
    case PL_LIMIT_LINK_WINDOW:
      return e->link_window;
    case PL_LIMIT_LINK_SLOTS:
      return e->link_slots;
    case PL_LIMIT_OPEN_TIMEOUT_MS:
      return e->open_timeout_ms;
    case PL_LIMIT_PING_INTERVAL_MS:
      return e->ping_interval_ms;
    default:
      return e->dead_after_ms;
  }
}

/* Greets client 0 with these limits, behind one that it does not know. */
static const pl_engine *greet(const uint16_t *ids, const uint32_t *values, size_t count) {
  uint8_t hello[128], limits[60] = {0x77, 0x77};
  for (size_t k = 0; k < count; k++) {
    pl_put_u16(limits + 6 * (k + 1), ids[k]);
    pl_put_u32(limits + 6 * (k + 1) + 2, values[k]);
  }
  pl_wire_hello h = {.version_min = 1, .version_max = 1, .limits = {limits, 6 * (count + 1)}};
  int size = pl_wire_hello_encode(&h, hello, sizeof hello);
  assert_true(size > 0);
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_tell(&n, 0, PL_ENGINE_IN_SOCKET_OPEN);
  uint8_t message[200];
  pl_envelope_put_header(message, PL_ENV_HELLO, 0, (size_t)size, 0);
  memcpy(message + 8, hello, (size_t)size);
  pl_engine_event in = {.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{message, 8 + (size_t)size}}};
  assert_int_equal(net_do(&n, 0, &in), 0);
  assert_true(pl_engine_has_output(n.clients[0].engine)); /* LOGIN */
  return n.clients[0].engine;
}

/* Each limit of the relay counts, as far as it is possible. One that it does not name has its initial value. */
static void limits_are_taken_within_bounds(void **state) {
  (void)state;
  static const uint16_t ids[] = {PL_LIMIT_MESSAGE_MAX,     PL_LIMIT_LINK_WINDOW,      PL_LIMIT_LINK_SLOTS,
                                 PL_LIMIT_OPEN_TIMEOUT_MS, PL_LIMIT_PING_INTERVAL_MS, PL_LIMIT_DEAD_AFTER_MS};
  enum { COUNT = PL_ARRAY_LENGTH(ids), NONE = 5 };
  const pl_limit_info *infos[COUNT] = {NULL};
  for (size_t k = 0; k < COUNT; k++) {
    for (const pl_limit_info *i = pl_limit_table; i->name; i++)
      if (i->id == ids[k]) infos[k] = i;
    assert_non_null(infos[k]);
  }
  for (int way = 0; way <= NONE; way++) {
    uint32_t values[COUNT], expected[COUNT];
    for (size_t k = 0; k < COUNT; k++) {
      const uint32_t low = infos[k]->minimum, high = infos[k]->maximum;
      const uint32_t given[] = {low, low - 1, high, high + (high < UINT32_MAX), low + 1 + (uint32_t)k};
      const uint32_t taken[] = {low, low, high, high, low + 1 + (uint32_t)k};
      if (way < NONE) values[k] = given[way];
      expected[k] = way < NONE ? taken[way] : infos[k]->initial;
    }
    const pl_engine *e = greet(ids, values, way < NONE ? COUNT : 0);
    for (size_t k = 0; k < COUNT; k++) assert_int_equal(taken_limit(e, ids[k]), expected[k]);
    net_deinit(&n);
  }
}

/* An origin may have any length up to 255, and none of its bytes is lost. */
static void origins_of_all_lengths(void **state) {
  (void)state;
  char origin[257];
  memset(origin, 'a', sizeof origin);
  for (size_t size = 1; size <= 256; size++) {
    pl_engine *e;
    pl_engine_config c = {.instance = {1}, .origin = origin};
    origin[size] = 0;
    assert_int_equal(pl_engine_new(&c, &e), size <= 255 ? 0 : PL_EURL);
    origin[size] = 'a';
    if (!e) continue;
    assert_int_equal(strlen(e->origin), size);
    pl_engine_free(e);
  }
}

static int one_setup(void **state) {
  (void)state;
  one(NULL);
  return 0;
}

#define test_of_one(f) cmocka_unit_test_setup_teardown(f, one_setup, pair_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_one(the_relays_id_is_reported_and_pinned),
      test_of_own(another_relay_than_pinned_is_refused),
      test_of_own(a_relay_that_cannot_sign_is_refused),
      test_of_own(an_unreachable_relay_is_tried_with_growing_pauses),
      test_of_one(silence_is_noticed_within_45_seconds),
      test_of_one(an_idle_relay_is_asked_once_per_interval),
      test_of_one(after_sleep_the_relay_is_asked_at_once),
      test_of_own(after_a_stop_it_reads_before_it_judges),
      test_of_one(a_relay_that_is_dead_is_noticed_by_a_host_that_is_always_late),
      test_of_own(a_stop_during_the_login_does_not_end_it),
      test_of_own(the_network_may_be_back_more_than_once),
      test_of_one(welcome_alone_is_no_reason_to_hurry),
      test_of_linked(a_connection_that_was_of_use_is_made_again_soon),
      test_of_own(terminal_reasons_end_the_retries),
      test_of_one(going_away_moves_within_the_delay),
      test_of_own(going_away_before_the_login_is_out_of_turn),
      test_of_own(going_away_names_other_addresses),
      test_of_own(another_relay_at_a_named_address_is_left),
      test_of_own(a_refusal_at_a_named_address_is_not_final),
      test_of_own(a_hostile_relay_gets_nowhere),
      test_of_own(bad_configs_are_refused),
      test_of_own(a_relay_that_speaks_out_of_turn_is_left),
      test_of_own(a_relay_of_another_version_is_given_up),
      test_of_own(a_relay_that_says_nothing_is_left),
      test_of_one(commands_that_make_no_sense_are_refused),
      test_of_own(limits_are_taken_within_bounds),
      cmocka_unit_test(origins_of_all_lengths),
      cmocka_unit_test(what_is_not_configured_has_a_default),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
