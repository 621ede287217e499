/* Rules of the engine that heal by themselves when they are broken. So they are tested by the envelopes that are said,
 * and when, not only by what arrives in the end. */
#include "client/core/noise/noise.h"
#include "said.h"

/* ---- calls ------------------------------------------------------------------------------------------------------- */

/* A call that waits is answered by a CONNECT to its caller. Both calls would cross. */
static void a_call_that_waits_serves_a_connect(void **state) {
  (void)state;
  uint32_t session;
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
  assert_int_equal(connect_to(1, 0, &session), 0);
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_OPEN], 0);
  assert_int_equal(said[1].count[PL_ENV_ACCEPT], 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_LINKED), 1);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_LINKED, 0)->a.session, session);
}

/* If its caller says no more, this side calls after two seconds. */
static void a_call_that_waited_in_vain_is_made_from_here(void **state) {
  (void)state;
  uint32_t session;
  lost_from = 0;
  lost_type = PL_ENV_DATA;
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(connect_to(1, 0, &session), 0);
  net_run(&n, 1999);
  assert_int_equal(said[1].count[PL_ENV_OPEN], 0);
  net_run(&n, 1);
  assert_int_equal(said[1].count[PL_ENV_OPEN], 1);
}

/* However long a call waited, its caller has ten seconds for its first record from ACCEPT on. */
static void ten_seconds_are_counted_from_accept(void **state) {
  (void)state;
  n.open_timeout_ms = 30000;
  net_connect(&n, 0, 1, NULL, NULL);
  net_run(&n, 9000);
  n.clients[0].frozen = true;
  assert_int_equal(net_allow(&n, 1, 0), 0);
  net_run(&n, 9999);
  assert_int_equal(said[1].count[PL_ENV_ACCEPT], 1);
  assert_int_equal(said[1].count[PL_ENV_RESET], 0);
  net_run(&n, 1);
  assert_int_equal(said[1].count[PL_ENV_RESET], 1);
  assert_int_equal(reason_said(1), PL_REASON_TIMEOUT);
}

/* A stranger whose call is over is called back: this very peer, and only once. */
/* Client 0 knocks and falls silent. It is allowed only after its call has ended, so client 1 calls back. */
static void knock_fall_silent_be_allowed(void) {
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  n.clients[0].frozen = true;
  net_run(&n, 4000);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_OPEN], 1);
}

static void a_knocker_that_has_gone_is_called_back(void **state) {
  (void)state;
  knock_fall_silent_be_allowed();
  assert_memory_equal(said[1].last[PL_ENV_OPEN], n.clients[0].config.identity.id, 32);
  assert_memory_equal(said[1].last[PL_ENV_OPEN] + 32, n.clients[0].config.instance, 8);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_OPEN], 1);
}

static void a_knocker_that_is_called_already_is_not_called_back(void **state) {
  (void)state;
  uint32_t session;
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  n.clients[0].frozen = true;
  net_run(&n, 3000);
  assert_int_equal(connect_to(1, 0, &session), 0);
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_OPEN], 1);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_OPEN], 1);
}

/* Of two strangers that wait, the one is let in that is meant. */
static void the_other_stranger_still_waits(void **state) {
  (void)state;
  assert_non_null(net_add(&n, 2, 3, 3, NULL));
  net_tell(&n, 2, PL_ENGINE_IN_START);
  for (int i = 0; i <= 2; i += 2) net_connect(&n, i, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 2);
  assert_int_equal(net_allow(&n, 1, 2), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 2, PL_ENGINE_OUT_LINKED), 1);
  assert_int_equal(said[1].count[PL_ENV_ACCEPT], 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 0);
}

/* A call back that is not wanted any more is withdrawn at the relay, too. */
static void a_call_back_is_withdrawn(void **state) {
  for (int block = 0; block < 2; block++) {
    if (block) {
      (void)pair_teardown(state);
      (void)setup_shy(state);
    }
    knock_fall_silent_be_allowed();
    unsigned before = said[1].count[PL_ENV_RESET];
    assert_int_equal(net_decide(&n, 1, block ? PL_ENGINE_IN_BLOCK : PL_ENGINE_IN_DENY, 0), 0);
    net_settle(&n);
    assert_int_equal(said[1].count[PL_ENV_RESET], before + 1);
    assert_int_equal(said[1].link[PL_ENV_RESET], said[1].link[PL_ENV_OPEN]);
    assert_int_equal(reason_said(1), PL_REASON_CLOSED);
    net_run(&n, 60000);
    assert_int_equal(said[1].count[PL_ENV_OPEN], 1);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  }
}

/* An answer that does not open may have been changed on its way. Each new call waits longer, so that whoever does that
 * cannot cause calls at will. */
static void answers_that_are_changed_slow_calls_down(void **state) {
  (void)state;
  spoil_accept = true;
  uint32_t session = net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 1);
  assert_int_equal(reason_said(0), PL_REASON_CORRUPT);
  net_run(&n, 60000);
  assert_in_range(said[0].count[PL_ENV_OPEN], 5, 25);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  spoil_accept = false;
  net_run(&n, 10000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0)->a.session, session);
}

/* A call that nobody answers ends thirteen seconds after it was made: the relay had three, and this side adds ten. */
static void a_call_that_got_lost_is_made_again(void **state) {
  (void)state;
  lost_from = 0;
  lost_type = PL_ENV_OPEN;
  for (int k = 0; k < 2; k++) {
    net_connect(&n, 0, 1, NULL, NULL);
    net_run(&n, 1000);
  }
  net_run(&n, 10999);
  assert_int_equal(said[0].count[PL_ENV_RESET], 0);
  net_run(&n, 1);
  assert_int_equal(reason_said(0), PL_REASON_TIMEOUT);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 3);
  net_run(&n, 999);
  assert_int_equal(said[0].count[PL_ENV_RESET], 1);
  lost_from = -1;
  net_run(&n, 1);
  assert_int_equal(said[0].count[PL_ENV_RESET], 2);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
}

/* A call for any instance is for any instance again, when the one that answered went before it said anything. */
static void any_instance_may_answer_the_next_call(void **state) {
  (void)state;
  pl_engine_config listener = {.listen = true, .accept_all = true};
  lost_from = 1;
  lost_type = PL_ENV_DATA;
  uint32_t session = net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_ACCEPT], 1);
  net_remove(&n, 1);
  assert_non_null(net_add(&n, 2, 2, 9, &listener)); /* the same person */
  net_tell(&n, 2, PL_ENGINE_IN_START);
  net_run(&n, 20000);
  net_seen *linked = net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0);
  assert_non_null(linked);
  assert_int_equal(linked->a.session, session);
  assert_memory_equal(linked->a.instance, n.clients[2].config.instance, 8);
}

/* ---- the end of links -------------------------------------------------------------------------------------------- */

static void the_end_of_the_socket_is_the_reason(void **state) {
  (void)state;
  net_cut(&n, 0);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_UNLINKED, 0)->a.reason, PL_REASON_GONE);
  net_settle(&n);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_UNLINKED, 0)->a.reason, PL_REASON_GONE);
}

/* A link that was dropped because a queue was full comes back a little later, not at once, and not before that. */
static void a_link_that_overflowed_comes_back_soon(void **state) {
  (void)state;
  bool waited = false;
  for (int k = 0; k < 5; k++) {
    net_forget(&n, 0);
    tell_reset(0, n.links[0].caller_number, PL_REASON_OVERFLOW);
    net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_UNLINKED, 0);
    assert_non_null(s);
    assert_int_equal(s->a.reason, PL_REASON_OVERFLOW);
    assert_in_range(s->a.time_ms, n.now_ms, n.now_ms + 250);
    waited |= s->a.time_ms > n.now_ms;
    memset(&n.links[0], 0, sizeof n.links[0]);
    net_run(&n, 5000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
  }
  assert_true(waited);
}

/* What may not come on a link ends that link, and says why. */
static void what_may_not_come_on_a_link_ends_it(void **state) {
  (void)state;
  net_to_client(&n, 0, PL_ENV_ACCEPT, 0, n.links[0].caller_number, "x", 1);
  net_settle(&n);
  assert_int_equal(said[0].count[PL_ENV_RESET], 1);
  assert_int_equal(reason_said(0), PL_REASON_PROTOCOL);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
  net_run(&n, 10000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 2);
}

/* Both close, and neither hears it. When the one starts a new session, the other ends the old one with its link, so
 * that nothing more is said there. */
static void a_new_session_ends_the_link_of_the_old_one(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) lost_links[i] = i ? n.links[0].callee_number : n.links[0].caller_number;
  assert_int_equal(net_close(&n, 0, pair_numbers.a), 0);
  assert_int_equal(net_close(&n, 1, pair_numbers.b), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_RESET], 1);
  assert_int_equal(said[1].link[PL_ENV_RESET], lost_links[1]);
  assert_int_equal(reason_said(1), PL_REASON_CLOSED);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 2);
}

/* A session that was closed before its peer said HELLO is over when a newer one with that peer is linked. */
static void a_newer_session_ends_one_that_was_never_heard(void **state) {
  (void)state;
  lost_from = 1;
  lost_type = PL_ENV_DATA;
  uint32_t first = net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 0);
  assert_int_equal(net_close(&n, 0, first), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  lost_from = -1;
  uint32_t second = net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0)->a.session, second);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.session, first);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
}

/* Both sides are told how the other one calls itself, and what it is. */
static void sessions_say_who_the_peer_is(void **state) {
  (void)state;
  pl_engine_config a = {.name = "Ada", .application = "chat/1"};
  pl_engine_config b = {.name = "Bo", .application = "chat/2", .listen = true, .accept_all = true};
  pair_start(&n, &a, &b);
  pair_link(&n, &pair_numbers.a, &pair_numbers.b);
  static const struct {
    int side;
    pl_engine_action_type type;
    const char *name, *application;
  } cases[] = {{0, PL_ENGINE_OUT_LINKED, "Bo", "chat/2"},
               {1, PL_ENGINE_OUT_SESSION, "Ada", "chat/1"},
               {1, PL_ENGINE_OUT_LINKED, "Ada", "chat/1"}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    net_seen *s = net_find(&n, cases[k].side, cases[k].type, 0);
    assert_string_equal(s->text, cases[k].application);
    assert_int_equal(s->size, strlen(cases[k].name));
    assert_memory_equal(s->data, cases[k].name, s->size);
  }
}

/* What was acknowledged is not asked about. */
static void a_session_without_work_is_silent(void **state) {
  (void)state;
  for (int k = 0; k < 5; k++) {
    assert_int_equal(net_send(&n, 0, pair_numbers.a, 0, "x", 1), 0);
    assert_int_equal(net_send(&n, 1, pair_numbers.b, 0, "y", 1), 0);
    net_run(&n, 100);
  }
  net_run(&n, 100);
  for (int i = 0; i < 2; i++) said[i].count[PL_ENV_DATA] = 0;
  net_run(&n, 60000);
  for (int i = 0; i < 2; i++) assert_int_equal(said[i].count[PL_ENV_DATA], 0);
}

/* A session that was to be at another relay ends after the login, and those behind it in the table are called. */
static void sessions_for_another_relay_end(void **state) {
  (void)state;
  static const uint8_t other[32] = {9};
  pl_engine_config listener = {.listen = true, .accept_all = true};
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  assert_non_null(net_add(&n, 1, 2, 2, &listener));
  pl_engine_event in = {.type = PL_ENGINE_IN_CONNECT};
  in.connect.peer = (pl_view){n.clients[1].config.identity.id, 32};
  in.connect.relay = (pl_view){other, 32};
  pl_engine_result out;
  assert_int_equal(net_do_for(&n, 0, &in, &out), 0);
  uint32_t second = net_connect(&n, 0, 1, NULL, NULL);
  for (int i = 1; i >= 0; i--) net_tell(&n, i, PL_ENGINE_IN_START);
  net_settle(&n);
  net_seen *closed = net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0);
  assert_non_null(closed);
  assert_int_equal(closed->a.session, out.session);
  assert_int_equal(closed->a.error, PL_ELINK);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0)->a.session, second);
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static uint8_t too_large[16777217];

static void what_no_relay_says_is_a_violation(void **state) {
  (void)state;
  static const pl_wire_code codes[] = {{.op = PL_CONST_CODE_END, .tag = 1, .number = PL_CONST_CODE_NUMBER_MIN},
                                       {.op = PL_CONST_CODE_MAKE, .tag = 1, .number = PL_CONST_CODE_NUMBER_MAX + 1},
                                       {.op = PL_CONST_CODE_MAKE, .tag = 1, .number = PL_CONST_CODE_NUMBER_MIN - 1}};
  for (size_t k = 0; k <= PL_ARRAY_LENGTH(codes) + 2; k++) {
    uint8_t payload[16];
    (void)pair_teardown(state);
    (void)setup(state);
    if (k < PL_ARRAY_LENGTH(codes)) {
      int size = pl_wire_code_encode(&codes[k], payload, sizeof payload);
      assert_true(size > 0);
      net_to_client(&n, 0, PL_ENV_CODE, 0, 0, payload, (size_t)size);
    } else if (k == PL_ARRAY_LENGTH(codes) + 2) {
      net_cut(&n, 0);
      for (net_forget(&n, 0); !n.clients[0].in;) { /* until HELLO is on its way */
        assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 0);
        n.now_ms = pl_engine_deadline(n.clients[0].engine);
        net_tell(&n, 0, PL_ENGINE_IN_TIME);
        (void)net_turn(&n);
      }
      n.clients[0].in->size -= 60;
      pl_put_u16(n.clients[0].in->bytes + 2, (uint16_t)(n.clients[0].in->size - 8));
      net_forget(&n, 0);
    } else if (k == PL_ARRAY_LENGTH(codes)) {
      net_to_client(&n, 0, PL_ENV_CODE, 0, 0, payload, 2); /* cut short */
    } else {
      pl_engine_event in = {.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{too_large, sizeof too_large}}};
      net_do(&n, 0, &in);
    }
    net_turn(&n);
    net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_DISCONNECT, 0);
    assert_non_null(s);
    assert_int_equal(s->a.error, PL_EPROTOCOL);
    assert_int_equal(s->a.reason, PL_REASON_PROTOCOL);
    assert_int_equal(reason_said(0), PL_REASON_PROTOCOL);
    assert_int_equal(said[0].link[PL_ENV_RESET], 0);
    assert_true(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.time_ms != PL_NEVER);
  }
}

static void an_event_that_does_not_exist_is_refused(void **state) {
  (void)state;
  assert_int_equal(net_tell(&n, 0, (pl_engine_event_type)(PL_ENGINE_IN_CODE_CANCEL + 1)), PL_EINVAL);
}

/* A host that is called late twice, but hears the relay in between, waits for an answer each time. Here the answers are
 * late, too. */
static void what_was_heard_ends_being_late(void **state) {
  (void)state;
  static const uint8_t data[8] = {0};
  lost_from = 0;
  lost_type = PL_ENV_PING;
  for (unsigned k = 1; k <= 3; k++) {
    while (said[0].count[PL_ENV_PING] < k) {
      n.now_ms = pl_engine_deadline(n.clients[0].engine);
      net_tell(&n, 0, PL_ENGINE_IN_TIME);
      (void)net_turn(&n);
    }
    n.now_ms += 40000;
    net_tell(&n, 0, PL_ENGINE_IN_TIME);
    n.now_ms += 1500;
    net_tell(&n, 0, PL_ENGINE_IN_TIME);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
    (void)net_turn(&n);
    said[0].count[PL_ENV_PING] = k;
    net_to_client(&n, 0, PL_ENV_PONG, 0, 0, data, sizeof data);
    net_settle(&n);
  }
}

/* ---- several sessions -------------------------------------------------------------------------------------------- */

static void start_three(void) {
  pl_engine_config listener = {.listen = true, .accept_all = true};
  assert_non_null(net_add(&n, 2, 3, 3, &listener));
  net_tell(&n, 2, PL_ENGINE_IN_START);
  net_settle(&n);
}

/* Stopping closes each session, whatever became of those before it in the table. */
static void stopping_closes_all_sessions(void **state) {
  (void)state;
  start_three();
  uint32_t first = net_connect(&n, 0, 2, NULL, NULL);
  net_settle(&n);
  uint32_t second = net_connect(&n, 0, 2, n.clients[2].config.instance, NULL);
  assert_int_equal(first, second);
  assert_int_equal(net_close(&n, 0, pair_numbers.a), 0);
  net_settle(&n); /* it lingers, in the first place of the table */
  net_tell(&n, 0, PL_ENGINE_IN_STOP);
  net_settle(&n);
  net_seen *closed = net_find(&n, 2, PL_ENGINE_OUT_SESSION_CLOSED, 0);
  assert_non_null(closed);
  assert_int_equal(closed->a.reason, PL_REASON_CLOSED);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 1)->a.session, first);
}

static size_t envelopes_of(const uint8_t *message, size_t size) {
  pl_reader r = pl_reader_of(message, size);
  pl_envelope v;
  size_t count = 0;
  while (pl_envelope_next(&r, &v) > 0) count++;
  return count;
}

/* What several sessions have to say goes in one message, as far as it fits. */
static void sessions_share_a_message(void **state) {
  (void)state;
  static uint8_t out[65543], text[64000];
  pl_engine *e = n.clients[0].engine;
  start_three();
  uint32_t other = net_connect(&n, 0, 2, NULL, NULL);
  net_run(&n, 1000);
  assert_int_equal(net_send(&n, 0, pair_numbers.a, 0, "x", 1), 0);
  assert_int_equal(net_send(&n, 0, other, 0, "y", 1), 0);
  size_t size = pl_engine_produce(e, n.now_ms, out, sizeof out);
  assert_int_equal(envelopes_of(out, size), 2);
  assert_int_equal(pl_engine_produce(e, n.now_ms, out, sizeof out), 0);
  net_relay_message(&n, 0, out, size);
  net_run(&n, 1000);
  /* What does not fit is said in the next message, and nothing of it gets lost. */
  assert_int_equal(net_send(&n, 0, pair_numbers.a, 0, text, 100), 0);
  assert_int_equal(net_send(&n, 0, other, 0, text, sizeof text), 0);
  assert_int_equal(net_send(&n, 0, other, 0, text, sizeof text), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 2, PL_ENGINE_OUT_MESSAGE), 3);
  net_run(&n, 1000);
  /* A volatile message cannot be cut: what is left of this message is too small for it. */
  pl_engine_event dropped = {.type = PL_ENGINE_IN_SEND_VOLATILE, .send = {other, 1, {text, 30000}}};
  assert_int_equal(net_send(&n, 0, pair_numbers.a, 0, text, sizeof text), 0);
  assert_int_equal(net_do(&n, 0, &dropped), 0);
  size = pl_engine_produce(e, n.now_ms, out, sizeof out);
  assert_int_equal(envelopes_of(out, size), 1);
  net_relay_message(&n, 0, out, size);
  net_settle(&n);
  assert_int_equal(net_count(&n, 2, PL_ENGINE_OUT_VOLATILE), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 3);
}

/* However much is to be said before any record, a message is as large as it may be, and no envelope is cut. */
static void control_envelopes_take_turns_of_messages(void **state) {
  (void)state;
  static uint8_t out[65543];
  pl_engine *e = n.clients[0].engine;
  uint8_t seed[32] = {0};
  pl_identity peer;
  for (uint32_t k = 0; k < 3000; k++) {
    pl_put_u32(seed, k);
    assert_int_equal(pl_identity_from_seed(&peer, seed), 0);
    pl_engine_event in = {.type = PL_ENGINE_IN_ALLOW, .peer = {{peer.id, 32}}};
    assert_int_equal(net_do(&n, 0, &in), 0);
  }
  size_t total = 0, messages = 0;
  for (size_t size; (size = pl_engine_produce(e, n.now_ms, out, sizeof out)) > 0; messages++) {
    assert_true(size <= sizeof out);
    total += envelopes_of(out, size);
  }
  assert_int_equal(total, 3000);
  assert_int_equal(messages, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SHY(a_call_that_waits_serves_a_connect),
      SHY(a_call_that_waited_in_vain_is_made_from_here),
      SHY(ten_seconds_are_counted_from_accept),
      SHY(a_knocker_that_has_gone_is_called_back),
      SHY(a_knocker_that_is_called_already_is_not_called_back),
      SHY(the_other_stranger_still_waits),
      SHY(a_call_back_is_withdrawn),
      PAIR(answers_that_are_changed_slow_calls_down),
      PAIR(a_call_that_got_lost_is_made_again),
      PAIR(any_instance_may_answer_the_next_call),
      LINKED(the_end_of_the_socket_is_the_reason),
      LINKED(a_link_that_overflowed_comes_back_soon),
      LINKED(what_may_not_come_on_a_link_ends_it),
      LINKED(a_new_session_ends_the_link_of_the_old_one),
      PAIR(a_newer_session_ends_one_that_was_never_heard),
      test_of_own(sessions_say_who_the_peer_is),
      LINKED(a_session_without_work_is_silent),
      test_of_own(sessions_for_another_relay_end),
      PAIR(what_no_relay_says_is_a_violation),
      PAIR(an_event_that_does_not_exist_is_refused),
      PAIR(what_was_heard_ends_being_late),
      LINKED(stopping_closes_all_sessions),
      LINKED(sessions_share_a_message),
      PAIR(control_envelopes_take_turns_of_messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
