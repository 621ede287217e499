/* Handshakes that decrypt but say what no honest peer says, and the limits of an engine. */
#include "client/core/engine/engine.h"
#include "client/core/noise/noise.h"
#include "pair.h"

static const uint8_t ephemeral[32] = {5, 1};

static pl_view extensions_of(uint8_t kind) {
  static const uint8_t cut[] = {PL_EXT_NAME, 0, 9, 'x'}, empty[] = {PL_EXT_NAME, 0, 0},
                       unknown[] = {0xee, 0, 1, 'x', PL_EXT_APPLICATION, 0, 1, 'y'},
                       twice[] = {PL_EXT_NAME, 0, 2, 'a', 'b', PL_EXT_NAME, 0, 1, 'c'};
  static uint8_t longer[3 + 65] = {PL_EXT_NAME, 0, 65, 'd'};
  switch (kind) {
    case 1:
      return (pl_view){cut, sizeof cut};
    case 2:
      return (pl_view){empty, sizeof empty};
    case 3:
      return (pl_view){unknown, sizeof unknown};
    case 4:
      return (pl_view){twice, sizeof twice};
    case 5:
      return (pl_view){longer, sizeof longer};
    default:
      return (pl_view){NULL, 0};
  }
}

/* ---- message 2, from a callee that the test plays ---------------------------------------------------------------- */

static void answer(pl_view payload) {
  pl_noise_handshake hs;
  uint8_t message[2048], read[1024];
  const net_link *l = &n.links[0];
  assert_true(l->used);
  assert_int_equal(pl_noise_start_callee(&hs, &n.clients[1].config.identity, n.clients[0].config.identity.id), 0);
  assert_true(pl_noise_read(&hs, (pl_view){l->handshake, l->handshake_size}, read, sizeof read) > 0);
  int size = pl_noise_write(&hs, ephemeral, payload, message, sizeof message);
  assert_true(size > 0);
  pl_noise_handshake_deinit(&hs);
  net_to_client(&n, 0, PL_ENV_ACCEPT, 0, l->caller_number, message, (size_t)size);
  n.links[0].linked = true;
  net_settle(&n);
}

static pl_view second(uint8_t out[512], uint8_t version, const uint8_t *instance, uint8_t extensions) {
  pl_wire_handshake2 h = {.version = version, .extensions = extensions_of(extensions)};
  memcpy(h.callee_instance, instance, 8);
  int size = pl_wire_handshake2_encode(&h, out, 512);
  assert_true(size > 0);
  return (pl_view){out, (size_t)size};
}

static void call_by_hand(const uint8_t *instance) {
  pair_start(&n, NULL, NULL);
  n.clients[1].frozen = true;
  net_connect(&n, 0, 1, instance, NULL);
  net_settle(&n);
}

/* What is wrong in a message that decrypts comes from the peer itself: the session ends with that reason. */
static void an_answer_that_opens_and_is_wrong_ends_the_session(void **state) {
  (void)state;
  static const uint8_t mine[8] = {2, 2, 2, 2, 2, 2, 2, 2}, other[8] = {9}, zero[8] = {0};
  static const struct {
    uint8_t version, extensions;
    const uint8_t *instance, *called;
    int reason;
  } cases[] = {{2, 0, mine, NULL, PL_REASON_UNSUPPORTED},
               {1, 0, zero, NULL, PL_REASON_PROTOCOL},
               {1, 1, mine, NULL, PL_REASON_PROTOCOL},
               {1, 0, other, mine, PL_REASON_PROTOCOL}};
  uint8_t payload[512];
  for (size_t k = 0; k <= PL_ARRAY_LENGTH(cases); k++) {
    bool cut_short = k == PL_ARRAY_LENGTH(cases);
    call_by_hand(cut_short ? NULL : cases[k].called);
    if (cut_short)
      answer((pl_view){(const uint8_t *)"\x01", 1});
    else
      answer(second(payload, cases[k].version, cases[k].instance, cases[k].extensions));
    net_seen *closed = net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0);
    assert_non_null(closed);
    assert_int_equal(closed->a.error, PL_EPROTOCOL);
    assert_int_equal(closed->a.reason, cut_short ? PL_REASON_PROTOCOL : cases[k].reason);
    net_deinit(&n);
  }
  for (uint8_t good = 2; good <= 3; good++) { /* empty and unknown extensions are ignored */
    call_by_hand(mine);
    answer(second(payload, 1, mine, good));
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
    net_deinit(&n);
  }
}

/* ---- message 1, from a caller that the test plays ---------------------------------------------------------------- */

static void offer_by(pl_noise_handshake *hs, pl_view payload, const uint8_t caller_instance[8]) {
  uint8_t out[2048];
  memcpy(out, n.clients[0].config.identity.id, 32);
  memcpy(out + 32, caller_instance, 8);
  assert_int_equal(pl_noise_start_caller(hs, &n.clients[0].config.identity, n.clients[1].config.identity.id), 0);
  int size = pl_noise_write(hs, ephemeral, payload, out + 40, sizeof out - 40);
  assert_true(size > 0);
  net_to_client(&n, 1, PL_ENV_OFFER, 0, pl_link_number_make(true, 7, 3), out, 40 + (size_t)size);
}

static void offer(pl_view payload, const uint8_t caller_instance[8]) {
  pl_noise_handshake hs;
  offer_by(&hs, payload, caller_instance);
  pl_noise_handshake_deinit(&hs);
}

enum { ACCEPTED = -1 };
static int said;
static uint8_t answered[2048];
static size_t answered_size;
static bool see_answer(net *x, int from, const pl_envelope *e) {
  (void)x;
  if (from == 1 && e->type == PL_ENV_ACCEPT) {
    said = ACCEPTED;
    answered_size = e->payload.size;
    memcpy(answered, e->payload.data, answered_size);
  }
  if (from == 1 && e->type == PL_ENV_RESET) said = pl_get_u16(e->payload.data);
  return from == 1;
}

static void a_call_that_opens_and_is_wrong_is_dropped(void **state) {
  (void)state;
  static const uint8_t one[8] = {1, 1, 1, 1, 1, 1, 1, 1}, two[8] = {2, 2, 2, 2, 2, 2, 2, 2}, zero[8] = {0};
  static const struct {
    uint8_t version, extensions;
    const uint8_t *caller, *callee, *outside;
    int said;                                    /* the reason of the RESET, 0 for none */
  } cases[] = {{2, 0, one, zero, one, ACCEPTED}, /* to be told why; see below */
               {1, 0, two, zero, one, 0},        {1, 0, one, one, one, 0},        {1, 1, one, two, one, 0},
               {1, 0, one, two, zero, 0},        {1, 3, one, two, one, ACCEPTED}, {1, 2, one, zero, one, ACCEPTED}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    uint8_t payload[512];
    pl_wire_handshake1 h = {.version = cases[k].version, .extensions = extensions_of(cases[k].extensions)};
    memcpy(h.caller_instance, cases[k].caller, 8);
    memcpy(h.callee_instance, cases[k].callee, 8);
    int size = pl_wire_handshake1_encode(&h, payload, sizeof payload);
    assert_true(size > 0);
    pair_start(&n, NULL, NULL);
    n.drop = see_answer;
    said = 0;
    offer((pl_view){payload, (size_t)size}, cases[k].outside);
    net_settle(&n);
    assert_int_equal(said, cases[k].said);
    if (!said && cases[k].outside != zero) {
      net_seen *log = net_find(&n, 1, PL_ENGINE_OUT_LOG, 0);
      assert_non_null(log);
      assert_non_null(strstr(log->text, pl_error_text(PL_EPROTOCOL)));
    }
    said = 0;
    offer((pl_view){(const uint8_t *)"\x01", 1},
          cases[k].outside); /* cut short; if the first was accepted, its slot is in use */
    net_settle(&n);
    assert_int_not_equal(said, ACCEPTED);
    net_deinit(&n);
  }
}

static void the_first_of_two_names_counts_and_one_that_is_too_long_is_none(void **state) {
  (void)state;
  static const char *const names[] = {"ab", ""};
  pl_engine_config listener = {.listen = true};
  static const uint8_t instance[8] = {9};
  for (uint8_t k = 0; k < PL_ARRAY_LENGTH(names); k++) {
    uint8_t payload[512];
    pl_wire_handshake1 h = {.version = 1, .extensions = extensions_of(4 + k)};
    memcpy(h.caller_instance, instance, 8);
    int size = pl_wire_handshake1_encode(&h, payload, sizeof payload);
    assert_true(size > 0);
    pair_start(&n, NULL, &listener);
    offer((pl_view){payload, (size_t)size}, instance);
    net_settle(&n);
    assert_string_equal(net_find(&n, 1, PL_ENGINE_OUT_KNOCK, 0)->text, names[k]);
    net_deinit(&n);
  }
}

/* A caller of another version that would have been let in is told so at its first record; a stranger hears nothing. */
static void another_version_is_told_to_callers_that_are_let_in(void **state) {
  (void)state;
  for (int let_in = 0; let_in < 2; let_in++) {
    pl_engine_config listener = {.listen = true, .accept_all = let_in};
    uint8_t payload[] = {2, 0xee, 0xee}, out[2048], record[64], instance[8] = {9};
    pl_noise_handshake hs;
    pl_noise_link keys = {0};
    pair_start(&n, NULL, &listener);
    n.drop = see_answer;
    said = 0;
    offer_by(&hs, (pl_view){payload, sizeof payload}, instance);
    net_settle(&n);
    assert_int_equal(said, let_in ? ACCEPTED : 0);
    if (let_in) {
      int size = pl_noise_read(&hs, (pl_view){answered, answered_size}, out, sizeof out);
      assert_true(size > 0);
      assert_int_equal(out[0], PL_CONST_PROTOCOL_VERSION);
      assert_int_equal(pl_noise_split(&hs, &keys), 0);
      size = pl_noise_seal(&keys, PL_ENV_DATA, 0, (const uint8_t *)"future", 6, record);
      assert_true(size > 0);
      net_to_client(&n, 1, PL_ENV_DATA, 0, pl_link_number_make(true, 7, 3), record, (size_t)size);
      net_settle(&n);
      assert_int_equal(said, PL_REASON_UNSUPPORTED);
      assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 0);
      pl_noise_link_deinit(&keys);
    }
    pl_noise_handshake_deinit(&hs);
    net_deinit(&n);
  }
}

static unsigned accepts, resets;
static bool count_answers(net *x, int from, const pl_envelope *e) {
  (void)x;
  accepts += from == 1 && e->type == PL_ENV_ACCEPT;
  resets += from == 1 && e->type == PL_ENV_RESET && pl_get_u16(e->payload.data) == PL_REASON_REFUSED;
  return from == 1;
}

/* Calls that are accepted only to be refused are sixteen at a time, and none while this side stops. */
static void few_calls_are_accepted_to_be_refused(void **state) {
  (void)state;
  enum { ALL = 20, MOST = 16 };
  for (int stopping = 0; stopping < 2; stopping++) {
    uint8_t payload[] = {2, 0xee, 0xee}, out[2048];
    static const uint8_t instance[8] = {9};
    uint32_t a, b;
    pl_noise_handshake hs;
    pair_start(&n, NULL, NULL);
    pair_link(&n, &a, &b);
    n.drop = count_answers;
    accepts = resets = 0;
    if (stopping) {
      net_tell(&n, 1, PL_ENGINE_IN_STOP); /* waits for the answer to CLOSE */
      net_settle(&n);
    }
    for (uint32_t k = 1; k <= ALL; k++) {
      memcpy(out, n.clients[0].config.identity.id, 32);
      memcpy(out + 32, instance, 8);
      assert_int_equal(pl_noise_start_caller(&hs, &n.clients[0].config.identity, n.clients[1].config.identity.id), 0);
      int size = pl_noise_write(&hs, ephemeral, (pl_view){payload, sizeof payload}, out + 40, sizeof out - 40);
      assert_true(size > 0);
      pl_noise_handshake_deinit(&hs);
      net_to_client(&n, 1, PL_ENV_OFFER, 0, pl_link_number_make(true, 1, k), out, 40 + (size_t)size);
      net_settle(&n);
    }
    assert_int_equal(accepts, stopping ? 0 : MOST);
    assert_int_equal(resets, stopping ? ALL : ALL - MOST);
    net_deinit(&n);
  }
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void sessions_have_a_limit(void **state) {
  (void)state;
  pl_engine_config few = {.listen = true, .accept_all = true, .sessions_max = 2};
  pair_start(&n, NULL, &few);
  uint8_t instance[8];
  for (uint8_t k = 1; k <= 3; k++) {
    memset(instance, 40 + k, sizeof instance);
    pl_engine_event in = {.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {n.clients[0].config.identity.id, 32}}};
    in.connect.instance = (pl_view){instance, sizeof instance};
    assert_int_equal(net_do(&n, 1, &in), k <= 2 ? 0 : PL_ENOMEM);
  }
  net_connect(&n, 0, 1, NULL, NULL); /* the same for a caller: it is told, and tries again */
  net_run(&n, 2000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
}

static void invites_have_a_limit(void **state) {
  (void)state;
  uint8_t secret[16] = {0};
  pl_engine_event in = {.type = PL_ENGINE_IN_INVITE_ADD, .invite_add = {{secret, 16}, n.now_ms + 1000, 2}};
  assert_int_equal(net_do(&n, 1, &in), PL_EINVAL);
  in.invite_add.uses = 1;
  for (uint32_t k = 0; k < 1024; k++) {
    pl_put_u32(secret, k);
    assert_int_equal(net_do(&n, 1, &in), 0);
  }
  assert_int_equal(net_do(&n, 1, &in), 0); /* the same invite again: it replaces the first */
  secret[15] = 1;
  assert_int_equal(net_do(&n, 1, &in), PL_EAGAIN);
  n.now_ms += 1000; /* all have expired: each makes room for one */
  in.invite_add.expires_ms = n.now_ms + 1000;
  for (uint32_t k = 1024; k < 2048; k++) {
    pl_put_u32(secret, k);
    assert_int_equal(net_do(&n, 1, &in), 0);
  }
  pl_put_u32(secret, 2048);
  assert_int_equal(net_do(&n, 1, &in), PL_EAGAIN);
  in.invite_add.secret.size = 15;
  assert_int_equal(net_do(&n, 1, &in), PL_EINVAL);
}

static void what_is_said_twice_or_too_late_changes_nothing(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  net_run(&n, 60000);
  assert_int_equal(net_tell(&n, 0, PL_ENGINE_IN_START), 0);
  net_tell(&n, 0, PL_ENGINE_IN_NETWORK_UP); /* online: it pings the relay at once */
  assert_true(pl_engine_has_output(n.clients[0].engine));
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 1);
  assert_false(pl_engine_has_output(n.clients[0].engine));
  assert_int_equal(net_send(&n, 0, a, 0, "x", 1), 0);
  n.clients[1].frozen = true; /* so that closing takes long */
  net_tell(&n, 0, PL_ENGINE_IN_STOP);
  uint64_t stops = pl_engine_deadline(n.clients[0].engine);
  assert_int_equal(net_tell(&n, 0, PL_ENGINE_IN_STOP), 0);
  assert_true(pl_engine_deadline(n.clients[0].engine) <= stops);
  assert_int_equal(net_tell(&n, 0, PL_ENGINE_IN_START), PL_ESTATE);
  pl_engine_event in = {.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {n.clients[1].config.identity.id, 32}}};
  assert_int_equal(net_do(&n, 0, &in), PL_ESTATE);
  net_run(&n, 11000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(pl_engine_deadline(n.clients[0].engine), PL_NEVER);
  net_tell(&n, 0, PL_ENGINE_IN_NETWORK_UP);
  net_tell(&n, 0, PL_ENGINE_IN_SOCKET_CLOSED);
  net_do(&n, 0, &(pl_engine_event){.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{(const uint8_t *)"x", 1}}});
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CONNECT), 1);
  assert_false(pl_engine_has_output(n.clients[0].engine));
}

/* What a relay of a later version may send, and what no relay may. */
static void envelopes_that_are_not_known(void **state) {
  (void)state;
  static uint8_t large[16777217];
  static const struct {
    uint8_t type;
    size_t size;
    bool harmless;
  } cases[] = {{0xfe, 100, true}, {0xff, 0, true}, {PL_ENV_GOING_AWAY, 3, false}, {PL_ENV_PONG, 2000, false}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    pair_start(&n, NULL, NULL);
    net_to_client(&n, 0, cases[k].type, 0, 0, large, cases[k].size);
    net_turn(&n);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), !cases[k].harmless);
    net_deinit(&n);
  }
  pair_start(&n, NULL, NULL);
  net_do(&n, 0, &(pl_engine_event){.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{large, sizeof large}}});
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.error, PL_EPROTOCOL);
  net_deinit(&n);
  for (size_t at = 0; at + 65536 <= sizeof large - 1; at += 65536)
    pl_envelope_put_header(large + at, 0xff, 0, 65528, 0);
  pair_start(&n, NULL, NULL); /* the largest message there may be */
  net_do(&n, 0, &(pl_engine_event){.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{large, sizeof large - 1}}});
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
  net_deinit(&n);
  pair_start(&n, NULL, NULL);
  net_to_client(&n, 0, PL_ENV_RESET, 0, 0, large, 1); /* cut short: counts as GONE, whatever its reason was */
  net_turn(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.reason, PL_REASON_GONE);
  net_run(&n, 30000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 2);
  net_deinit(&n);
  static const uint16_t codes[] = {PL_REASON_LOGIN_FAILED, PL_REASON_ORIGIN, PL_REASON_SUPERSEDED};
  static const int errors[] = {PL_ECRYPTO, PL_EURL, PL_ENETWORK};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(codes); k++) {
    uint8_t reason[2];
    pl_put_u16(reason, codes[k]);
    pair_start(&n, NULL, NULL);
    net_to_client(&n, 0, PL_ENV_RESET, 0, 0, reason, sizeof reason);
    net_turn(&n);
    assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.error, errors[k]);
    net_deinit(&n);
  }
}

/* The peer starts a new session while this side still closes the old one: the old one ends at once. */
static bool drop_from_1(net *x, int from, const pl_envelope *e) {
  (void)x;
  return from == 1 && e->type == PL_ENV_DATA;
}

static void a_peer_that_starts_again_ends_what_is_being_closed(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config listener = {.listen = true, .accept_all = true};
  pair_start(&n, &listener, NULL);
  pair_link(&n, &a, &b);
  assert_int_equal(net_send(&n, 1, b, 0, "history", 7), 0);
  net_run(&n, 100);
  n.drop = drop_from_1;
  assert_int_equal(net_close(&n, 1, b), 0); /* client 0 does not get this, */
  net_remove(&n, 0);
  net_add(&n, 0, 1, 1, NULL); /* and comes back without its state */
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  n.drop = NULL;
  net_run(&n, 5000);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.session, b);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 2);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
}

/* What is being closed with one peer is not touched by a session with another one: neither by another instance of the
 * same person, nor by another person with the same instance. */
static void others_do_not_end_what_is_being_closed(void **state) {
  (void)state;
  static const pl_engine_config next = {.instance = {1, 1, 1, 1, 1, 1, 1, 2}}, listener = {.listen = true};
  uint32_t a, b;
  pair_start(&n, &listener, NULL);
  pair_link(&n, &a, &b);
  assert_int_equal(net_send(&n, 1, b, 0, "history", 7), 0);
  net_run(&n, 100);
  n.drop = drop_from_1;
  assert_int_equal(net_close(&n, 1, b), 0);
  net_add(&n, 2, 1, 3, NULL);
  net_add(&n, 3, 7, 1, NULL);
  net_add(&n, 4, 1, 0, &next);
  for (int i = 2; i <= 4; i++) {
    net_tell(&n, i, PL_ENGINE_IN_START);
    net_connect(&n, i, 1, NULL, NULL);
    net_settle(&n);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), i);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  }
  net_run(&n, 11000);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.session, b);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ETIMEDOUT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_own(an_answer_that_opens_and_is_wrong_ends_the_session),
      test_of_own(a_call_that_opens_and_is_wrong_is_dropped),
      test_of_own(the_first_of_two_names_counts_and_one_that_is_too_long_is_none),
      test_of_own(another_version_is_told_to_callers_that_are_let_in),
      test_of_own(few_calls_are_accepted_to_be_refused),
      test_of_own(sessions_have_a_limit),
      test_of_pair(invites_have_a_limit),
      test_of_linked(what_is_said_twice_or_too_late_changes_nothing),
      test_of_own(envelopes_that_are_not_known),
      test_of_own(a_peer_that_starts_again_ends_what_is_being_closed),
      test_of_own(others_do_not_end_what_is_being_closed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
