/* Who may reach whom: knocks, invites, crossing calls, instances. */
#include "pair.h"

static const uint8_t secret[16] = {7, 7, 7}, other_secret[16] = {8};

static void start_shy(void) {
  pl_engine_config shy = {.listen = true, .name = "Shy"};
  pl_engine_config caller = {.name = "Caller", .application = "chat/1"};
  pair_start(&n, &caller, &shy);
}

static void stranger(int i, uint8_t who) {
  pl_engine_config config = {.listen = true, .accept_all = true};
  assert_non_null(net_add(&n, i, who, (uint8_t)(10 + i), &config));
  net_tell(&n, i, PL_ENGINE_IN_START);
  net_settle(&n);
}

static void a_knock_is_shown_once_and_accepted_while_it_waits(void **state) {
  (void)state;
  net_connect(&n, 0, 1, NULL, NULL);
  net_run(&n, 1000);
  net_seen *k = net_find(&n, 1, PL_ENGINE_OUT_KNOCK, 0);
  assert_non_null(k);
  assert_memory_equal(k->a.id, n.clients[0].config.identity.id, 32);
  assert_string_equal(k->text, "Caller");
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 0);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
  assert_string_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION, 0)->text, "chat/1");
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
}

static void an_ignored_knock_looks_like_nobody(void **state) {
  (void)state;
  uint32_t s = net_connect(&n, 0, 1, NULL, NULL);
  net_run(&n, 120000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1); /* however often it tried */
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 0);
  assert_int_equal(net_close(&n, 0, s), 0);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
}

static void a_knock_that_was_forgotten_is_told_again(void **state) {
  (void)state;
  net_connect(&n, 0, 1, NULL, NULL);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
  pl_view caller = {n.clients[0].config.identity.id, 32};
  assert_int_equal(net_do(&n, 1, &(pl_engine_event){.type = PL_ENGINE_IN_FORGET, .peer = {caller}}), 0);
  net_run(&n, 120000); /* it calls again */
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 2);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  net_run(&n, 120000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
}

static bool drop_data(net *x, int from, const pl_envelope *e) {
  (void)x;
  return from == 0 && e->type == PL_ENV_DATA;
}

static bool is_linked(net *x) {
  return net_count(x, 0, PL_ENGINE_OUT_LINKED) == 1 && net_count(x, 1, PL_ENGINE_OUT_LINKED) == 1;
}

static void a_caller_that_is_allowed_later_is_dialled_back(void **state) {
  (void)state;
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  while (n.links[0].used && n.links[0].callee >= 0) net_run(&n, 1); /* until no OFFER waits */
  for (int k = 0; k < NET_LINKS; k++) assert_true(!n.links[k].used || n.links[k].callee < 0);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  assert_true(net_until(&n, 5000, is_linked));
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION), 0); /* it asked for the session, so it has the number */
  uint32_t b = net_find(&n, 1, PL_ENGINE_OUT_SESSION, 0)->a.session;
  assert_int_equal(net_send(&n, 1, b, 0, "you rang", 8), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_MESSAGE), 1);
}

static void denied_and_blocked_stay_outside(void **state) {
  (void)state;
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_DENY, 0), 0);
  net_run(&n, 60000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_BLOCK, 0), 0);
  net_run(&n, 60000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 0);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  assert_true(net_until(&n, 20000, is_linked));
}

/* It is told at once, however often it calls, and never asks. A later word of its callee counts. */
static void a_refused_caller_is_told(void **state) {
  (void)state;
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_REFUSE, 0), 0);
  for (size_t k = 0; k < 2; k++) {
    net_connect(&n, 0, 1, NULL, NULL);
    net_settle(&n);
    net_seen *end = net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, k);
    assert_int_equal(end->a.error, PL_EREFUSED);
    assert_int_equal(end->a.reason, PL_REASON_REFUSED);
  }
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 0);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_FORGET, 0), 0);
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  assert_true(net_until(&n, 20000, is_linked));
}

/* A blocked ID stays blocked when it is refused, and learns nothing, also when it proves an invite that is over: its
 * call is not even accepted. */
static void a_blocked_caller_is_not_told(void **state) {
  (void)state;
  assert_int_equal(net_invite(&n, 1, secret, n.now_ms, 1), 0);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_BLOCK, 0), 0);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_REFUSE, 0), 0);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_DENY, 0), 0);
  net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  assert_false(n.links[0].linked);
  net_run(&n, 60000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED) + net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 0);
}

/* An ignored caller learns nothing, even if it proves an invite that is over; one that is valid lets it in, and with it
 * the ID is not ignored or refused any more. */
static void a_valid_invite_lets_in_whom_the_user_had_turned_away(void **state) {
  (void)state;
  static const pl_engine_event_type words[] = {PL_ENGINE_IN_DENY, PL_ENGINE_IN_REFUSE};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(words); k++) {
    start_shy();
    assert_int_equal(net_invite(&n, 1, other_secret, n.now_ms, 1), 0);
    assert_int_equal(net_decide(&n, 1, words[k], 0), 0);
    uint32_t session = net_connect(&n, 0, 1, NULL, other_secret);
    net_run(&n, 60000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), k);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 0);
    if (k == 0) assert_int_equal(net_close(&n, 0, session), 0);
    net_settle(&n);
    assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 60000, 1), 0);
    session = net_connect(&n, 0, 1, NULL, secret);
    net_settle(&n);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
    assert_int_equal(net_close(&n, 0, session), 0);
    net_run(&n, 20000);
    net_connect(&n, 0, 1, NULL, NULL); /* without the invite it has to ask, as before all of this */
    net_settle(&n);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
    net_deinit(&n);
  }
}

static uint32_t link_then_deny(uint32_t *b) {
  start_shy();
  assert_int_equal(net_allow(&n, 1, 0), 0);
  uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
  assert_true(net_until(&n, 5000, is_linked));
  *b = net_find(&n, 1, PL_ENGINE_OUT_SESSION, 0)->a.session;
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_DENY, 0), 0);
  return a;
}

/* A caller whose session has just ended may be told so again, but has to ask for a new one. */
static void after_the_end_a_stranger_asks_again(void **state) {
  (void)state;
  uint32_t b, a = link_then_deny(&b);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_FORGET, 0), 0);
  assert_int_equal(net_close(&n, 1, b), 0);
  net_settle(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.session, a);
  net_connect(&n, 0, 1, NULL, NULL);
  net_run(&n, 60000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  net_run(&n, 15000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 2);
}

/* A peer that is blocked after its call was accepted gets no session. */
static void a_block_comes_before_the_first_record(void **state) {
  (void)state;
  assert_int_equal(net_allow(&n, 1, 0), 0);
  n.drop = drop_data;
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_true(n.links[0].linked);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_BLOCK, 0), 0);
  n.drop = NULL; /* HELLO is sent again */
  net_run(&n, 60000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION) + net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 0);
}

static void a_call_back_is_called_off(void **state) {
  (void)state;
  static const pl_engine_event_type words[] = {PL_ENGINE_IN_DENY, PL_ENGINE_IN_BLOCK};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(words); k++) {
    start_shy();
    uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
    net_settle(&n);
    n.clients[0].reachable = false;
    net_cut(&n, 0);
    net_run(&n, 4000);
    assert_int_equal(net_allow(&n, 1, 0), 0);
    net_run(&n, 10000);
    assert_int_equal(net_decide(&n, 1, words[k], 0), 0);
    assert_int_equal(net_close(&n, 0, a), 0);
    n.clients[0].reachable = true;
    net_run(&n, 60000);
    for (int i = 0; i < 2; i++)
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION) + net_count(&n, i, PL_ENGINE_OUT_LINKED), 0);
    net_deinit(&n);
  }
}

static void knocks_that_are_remembered_are_bounded(void **state) {
  (void)state;
  for (uint8_t who = 20; who < 120; who++) {
    stranger(2, who);
    net_connect(&n, 2, 1, NULL, NULL);
    net_settle(&n);
    net_remove(&n, 2);
  }
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 100);
}

static void an_invite_lets_its_caller_in(void **state) {
  (void)state;
  assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 60000, 1), 0);
  net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 0);
  net_seen *c = net_find(&n, 1, PL_ENGINE_OUT_INVITE_CLAIMED, 0);
  assert_non_null(c);
  assert_memory_equal(c->a.id, n.clients[0].config.identity.id, 32);
  assert_memory_equal(c->data, secret, 16);
  net_cut(&n, 0);
  net_run(&n, 90000); /* its later calls succeed, though the invite has expired */
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 2);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_INVITE_CLAIMED), 1);
}

static void a_wrong_secret_is_a_knock(void **state) {
  (void)state;
  assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 60000, 1), 0);
  net_connect(&n, 0, 1, NULL, other_secret);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
}

static void an_expired_or_revoked_invite_does_not_help(void **state) {
  (void)state;
  assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 1000, 1), 0);
  net_run(&n, 1000);
  net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_EREFUSED);
  assert_int_equal(net_invite(&n, 1, other_secret, n.now_ms + 60000, 1), 0);
  pl_engine_event in = {.type = PL_ENGINE_IN_INVITE_REVOKE, .invite_revoke = {{other_secret, 16}}};
  assert_int_equal(net_do(&n, 1, &in), 0);
  assert_int_equal(net_do(&n, 1, &in), PL_EINVAL);
  net_connect(&n, 0, 1, NULL, other_secret);
  net_settle(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 1)->a.error, PL_EREFUSED);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED) + net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 0);
}

static void an_invite_that_is_over_does_not_shut_out_an_allowed_caller(void **state) {
  (void)state;
  for (int late = 0; late < 2; late++) { /* it expires before the call, or before its first record comes */
    start_shy();
    assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 1000 * (uint64_t)late, 1), 0);
    assert_int_equal(net_allow(&n, 1, 0), 0);
    if (late) n.drop = drop_data;
    net_connect(&n, 0, 1, NULL, secret);
    net_run(&n, 1500);
    n.drop = NULL;
    assert_true(net_until(&n, 5000, is_linked));
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_INVITE_CLAIMED), 0);
    net_deinit(&n);
  }
}

static void a_claimed_invite_is_bound(void **state) {
  (void)state;
  stranger(2, 3);
  assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 60000, 1), 0);
  net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  net_connect(&n, 2, 1, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_find(&n, 2, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_EREFUSED);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
}

/* An invite stays good for the one that it is bound to, for a new session as well, and long after its end. */
static void whom_an_invite_is_bound_to_may_come_again(void **state) {
  (void)state;
  assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 10000, 1), 0);
  uint32_t session = net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_close(&n, 0, session), 0);
  net_run(&n, 30000); /* the session is forgotten, and the invite has expired */
  net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 2);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_INVITE_CLAIMED), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 0);
}

static void a_denied_peer_cannot_come_again_by_its_invite(void **state) {
  (void)state;
  for (uint32_t single = 0; single < 2; single++) {
    start_shy();
    assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 60000, single), 0);
    uint32_t session = net_connect(&n, 0, 1, NULL, secret);
    net_settle(&n);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
    assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_DENY, 0), 0);
    net_close(&n, 0, session);
    net_run(&n, 30000);
    net_connect(&n, 0, 1, NULL, secret);
    net_run(&n, 5000);
    /* A link for several peers lets in everyone who has it while it is valid, so the same peer claims it again. */
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_INVITE_CLAIMED), single ? 1 : 2);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), single ? 1 : 2);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 0); /* it is ignored */
    net_deinit(&n);
  }
}

static void an_invite_is_claimed_by_the_first_record_alone(void **state) {
  (void)state;
  stranger(2, 3);
  assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 60000, 1), 0);
  n.drop = drop_data; /* a replayed or stolen message 1: nothing follows it */
  net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_INVITE_CLAIMED), 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 0);
  net_connect(&n, 2, 1, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_INVITE_CLAIMED), 1);
  n.drop = NULL;
  net_run(&n, 20000); /* the slower one is refused at its first record, and told why */
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_EREFUSED);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
}

/* Both call at the same moment: in every order of events each side has one session. */
static void calls_that_cross_become_one_session(void **state) {
  (void)state;
  for (int variant = 0; variant < 8; variant++) {
    pl_engine_config both = {.listen = true, .accept_all = variant & 1};
    net_init(&n);
    net_add(&n, variant & 2 ? 1 : 0, 1, 1, &both);
    net_add(&n, variant & 2 ? 0 : 1, 2, 2, &both);
    for (int i = 0; i < 2; i++) net_tell(&n, i, PL_ENGINE_IN_START);
    net_settle(&n);
    uint32_t s[2];
    for (int i = 0; i < 2; i++) {
      const uint8_t *instance = variant & 4 ? n.clients[1 - i].config.instance : NULL;
      s[i] = net_connect(&n, i, 1 - i, instance, NULL);
    }
    net_settle(&n);
    for (int i = 0; i < 2; i++) assert_int_equal(net_send(&n, i, s[i], 0, "hi", 2), 0);
    net_run(&n, 15000);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_LINKED), 1);
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION), 0);
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 0);
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_MESSAGE), 1);
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_UNLINKED), 0);
      assert_int_equal(net_find(&n, i, PL_ENGINE_OUT_MESSAGE, 0)->a.session, s[i]);
    }
    net_deinit(&n);
  }
}

static bool accept_of_1(net *x, int from, const pl_envelope *e) {
  (void)x;
  return from == 1 && e->type == PL_ENV_ACCEPT;
}

static void a_parked_call_is_taken_when_the_own_one_fails(void **state) {
  (void)state;
  pl_engine_config both = {.listen = true};
  net_init(&n);
  net_add(&n, 0, 1, 1, &both);
  net_add(&n, 1, 2, 2, &both);
  int smaller = memcmp(n.clients[0].config.identity.id, n.clients[1].config.identity.id, 32) < 0 ? 0 : 1;
  if (smaller != 0) { /* make client 0 the smaller side: it parks the call */
    net_remove(&n, 0);
    net_remove(&n, 1);
    net_add(&n, 0, 2, 2, &both);
    net_add(&n, 1, 1, 1, &both);
  }
  for (int i = 0; i < 2; i++) net_tell(&n, i, PL_ENGINE_IN_START);
  net_settle(&n);
  n.drop = accept_of_1;
  for (int i = 0; i < 2; i++) net_connect(&n, i, 1 - i, NULL, NULL);
  net_run(&n, 2900);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 0);
  n.drop = NULL;
  net_run(&n, 20000);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_LINKED), 1);
}

static void two_instances_of_one_id_can_talk(void **state) {
  (void)state;
  pl_engine_config listener = {.listen = true, .accept_all = true};
  net_init(&n);
  net_add(&n, 0, 1, 1, NULL);
  net_add(&n, 1, 1, 2, &listener);
  for (int i = 0; i < 2; i++) net_tell(&n, i, PL_ENGINE_IN_START);
  net_settle(&n);
  uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
  assert_int_equal(net_send(&n, 0, a, 0, "me", 2), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
  pl_engine_event self = {
      .type = PL_ENGINE_IN_CONNECT,
      .connect = {.peer = {n.clients[0].config.identity.id, 32}, .instance = {n.clients[0].config.instance, 8}}};
  assert_int_equal(net_do(&n, 0, &self), PL_EINVAL);
}

/* Client 0 calls any instance of an ID. The newest one, 2, is slow to answer; meanwhile 1, another instance, calls 0.
 */
static uint32_t called_by_another_instance(void) {
  pl_engine_config listener = {.listen = true, .accept_all = true};
  uint8_t caller = 1; /* a seed whose ID is larger, so that it accepts at once */
  net_init(&n);
  net_add(&n, 0, caller, 1, &listener);
  net_add(&n, 1, 3, 2, &listener);
  while (memcmp(n.clients[0].config.identity.id, n.clients[1].config.identity.id, 32) < 0) {
    net_remove(&n, 0);
    net_add(&n, 0, caller += 10, 1, &listener);
  }
  net_add(&n, 2, 3, 3, &listener);
  for (int i = 0; i < 3; i++) {
    net_tell(&n, i, PL_ENGINE_IN_START);
    net_settle(&n);
  }
  n.clients[2].frozen = true;
  uint32_t a = net_connect(&n, 0, 2, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_send(&n, 0, a, 0, "for whoever comes", 17), 0);
  net_connect(&n, 1, 0, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0)->a.session, a);
  assert_memory_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0)->a.instance, n.clients[1].config.instance, 8);
  return a;
}

static void the_instance_that_calls_first_is_the_one(void **state) {
  (void)state;
  uint32_t a = called_by_another_instance();
  n.clients[2].frozen = false; /* its ACCEPT comes now */
  net_run(&n, 20000);
  assert_int_equal(net_send(&n, 0, a, 0, "goes on", 7), 0);
  net_run(&n, 20000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 2);
  assert_int_equal(net_count(&n, 2, PL_ENGINE_OUT_SESSION), 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_STREAM_RESET), 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_UNLINKED), 0);
}

/* The same, but the one that called is lost before the other's ACCEPT comes. Nobody is called while a call is open, so
 * the end of that call has to start the next one. */
static void the_instance_that_called_is_dialled_when_it_is_lost(void **state) {
  (void)state;
  pl_engine_config listener = {.listen = true, .accept_all = true};
  uint32_t a = called_by_another_instance();
  net_remove(&n, 1);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_UNLINKED), 1);
  net_add(&n, 1, 3, 2, &listener); /* it is back, and does not call by itself */
  net_tell(&n, 1, PL_ENGINE_IN_START);
  n.clients[2].frozen = false; /* its ACCEPT comes now */
  net_run(&n, 20000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 2);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 1)->a.session, a);
}

/* A link whose HELLOs do not agree yet binds the session to its instance already: calls go to that one. */
static void a_call_beside_a_link_that_is_not_in_step_keeps_the_instance(void **state) {
  (void)state;
  pl_engine_config listener = {.listen = true, .accept_all = true};
  net_init(&n);
  net_add(&n, 0, 1, 1, &listener);
  net_add(&n, 1, 2, 2, NULL); /* does not listen: calls to any instance find nobody */
  for (int i = 0; i < 2; i++) net_tell(&n, i, PL_ENGINE_IN_START);
  net_settle(&n);
  uint32_t b = net_connect(&n, 1, 0, NULL, NULL);
  assert_int_equal(net_send(&n, 1, b, 0, "before", 6), 0);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_MESSAGE), 1);
  net_remove(&n, 0);
  net_add(&n, 0, 1, 1, &listener); /* its state is lost, so the first HELLOs on a link do not agree */
  n.drop = drop_data;
  net_tell(&n, 0, PL_ENGINE_IN_START);
  uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
  net_run(&n, 8000);
  n.drop = NULL;
  net_run(&n, 20000);
  net_seen *linked = net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0);
  assert_int_equal(linked->a.session, a);
  assert_memory_equal(linked->a.instance, n.clients[1].config.instance, 8);
  net_cut(&n, 1);
  net_run(&n, 20000);
  assert_int_equal(net_send(&n, 1, b, 0, "after", 5), 0);
  net_run(&n, 5000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_MESSAGE, 0)->a.session, a);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION), 0);
}

/* The application does not know of a call back that nobody answers. Its timeout starts with the application's CONNECT.
 */
static void connecting_to_a_session_that_waits_starts_its_timeout(void **state) {
  (void)state;
  pl_engine_config shy = {.listen = true, .session_timeout_ms = 60000};
  pair_start(&n, NULL, &shy);
  net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  uint8_t instance[8];
  memcpy(instance, n.clients[0].config.instance, sizeof instance);
  n.clients[0].reachable = false;
  net_cut(&n, 0);
  net_run(&n, 4000);
  assert_int_equal(net_allow(&n, 1, 0), 0);
  net_run(&n, 50000);
  uint32_t b = net_connect(&n, 1, 0, instance, NULL);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 0); /* it has the number */
  net_run(&n, 59999);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  net_run(&n, 1);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.session, b);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ETIMEDOUT);
}

static void a_caller_waits_for_a_listener_that_comes_later(void **state) {
  (void)state;
  net_init(&n);
  pl_engine_config listener = {.listen = true, .accept_all = true};
  net_add(&n, 0, 1, 1, NULL);
  net_add(&n, 1, 2, 2, &listener);
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_settle(&n);
  net_connect(&n, 0, 1, NULL, NULL);
  net_run(&n, 60000);
  net_tell(&n, 1, PL_ENGINE_IN_START);
  net_run(&n, 13000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
}

static void a_second_dial_to_the_same_instance_says_so(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  uint32_t second = net_connect(&n, 0, 1, NULL, NULL);
  assert_int_not_equal(second, a);
  net_settle(&n);
  net_seen *closed = net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0);
  assert_int_equal(closed->a.session, second);
  assert_int_equal(closed->a.error, PL_ESTATE);
  assert_int_equal(net_connect(&n, 0, 1, n.clients[1].config.instance, NULL), a);
  assert_int_equal(net_send(&n, 0, a, 0, "fine", 4), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
}

static void connecting_accepts_a_caller_that_knocks(void **state) {
  (void)state;
  uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
  uint64_t opens = n.logins;
  uint32_t b = net_connect(&n, 1, 0, NULL, NULL);
  net_settle(&n);
  assert_int_equal(n.logins, opens);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_LINKED), 1);
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION), 0);
  }
  assert_int_equal(net_send(&n, 1, b, 0, "come in", 7), 0);
  assert_int_equal(net_send(&n, 0, a, 0, "thanks", 6), 0);
  net_run(&n, 10000);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_MESSAGE), 1);
}

static void a_closing_session_gives_way_to_a_new_one(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config both = {.listen = true, .accept_all = true};
  pair_start(&n, &both, &both);
  pair_link(&n, &a, &b);
  net_remove(&n, 1); /* the peer dies; it calls again, as the same instance, while this side still closes */
  assert_int_equal(net_close(&n, 0, a), 0);
  assert_non_null(net_add(&n, 1, 2, 2, &both));
  net_tell(&n, 1, PL_ENGINE_IN_START);
  n.clients[0].frozen = true;
  net_settle(&n);
  uint32_t fresh = net_connect(&n, 1, 0, NULL, NULL);
  net_settle(&n);
  n.clients[0].frozen = false;
  assert_int_equal(net_send(&n, 1, fresh, 0, "new", 3), 0);
  net_run(&n, 30000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.session, a);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_MESSAGE), 1);
  assert_int_not_equal(net_find(&n, 0, PL_ENGINE_OUT_MESSAGE, 0)->a.session, a);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_STREAM_RESET), 0);
}

static void envelopes_out_of_place_reset_the_link(void **state) {
  (void)state;
  uint8_t record[40] = {0};
  uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
  n.clients[1].frozen = true;
  net_turn(&n);
  net_to_client(&n, 0, PL_ENV_DATA, 0, pl_link_number_make(false, 1, 0), record, sizeof record); /* before ACCEPT */
  n.clients[1].frozen = false;
  net_run(&n, 10000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_LINKED), 1); /* called again */
  for (int k = 0; k < NET_LINKS; k++)                          /* a second ACCEPT */
    if (n.links[k].linked) net_to_client(&n, 0, PL_ENV_ACCEPT, 0, n.links[k].caller_number, record, sizeof record);
  net_run(&n, 10000);
  assert_int_equal(net_send(&n, 0, a, 0, "on", 2), 0);
  net_run(&n, 10000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
}

static bool flip_handshake;
static size_t flip_at;
static bool flip(net *x, int from, const pl_envelope *e) {
  (void)x;
  (void)from;
  if (flip_handshake && (e->type == PL_ENV_OPEN || e->type == PL_ENV_ACCEPT || e->type == PL_ENV_DATA)) {
    size_t from_byte = e->type == PL_ENV_OPEN ? 32 : 0;
    if (e->payload.size > from_byte)
      ((uint8_t *)(uintptr_t)e->payload.data)[from_byte + flip_at % (e->payload.size - from_byte)] ^= 0x40;
  }
  return false;
}

static void changed_handshakes_and_records_never_link(void **state) {
  (void)state;
  for (flip_at = 0; flip_at < 140; flip_at++) {
    pair_start(&n, NULL, NULL);
    n.drop = flip;
    flip_handshake = true;
    uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
    (void)net_send(&n, 0, a, 0, "secret", 6);
    net_run(&n, 4000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED) + net_count(&n, 1, PL_ENGINE_OUT_LINKED), 0);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 0);
    net_deinit(&n);
  }
  flip_handshake = false;
}

static int shy_setup(void **state) {
  (void)state;
  start_shy();
  return 0;
}

#define test_of_shy(f) cmocka_unit_test_setup_teardown(f, shy_setup, pair_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_shy(a_knock_is_shown_once_and_accepted_while_it_waits),
      test_of_shy(an_ignored_knock_looks_like_nobody),
      test_of_shy(a_knock_that_was_forgotten_is_told_again),
      test_of_shy(a_caller_that_is_allowed_later_is_dialled_back),
      test_of_shy(denied_and_blocked_stay_outside),
      test_of_shy(a_refused_caller_is_told),
      test_of_shy(a_blocked_caller_is_not_told),
      test_of_own(a_valid_invite_lets_in_whom_the_user_had_turned_away),
      test_of_own(after_the_end_a_stranger_asks_again),
      test_of_shy(a_block_comes_before_the_first_record),
      test_of_own(a_call_back_is_called_off),
      test_of_shy(knocks_that_are_remembered_are_bounded),
      test_of_shy(an_invite_lets_its_caller_in),
      test_of_shy(a_wrong_secret_is_a_knock),
      test_of_shy(an_expired_or_revoked_invite_does_not_help),
      test_of_own(an_invite_that_is_over_does_not_shut_out_an_allowed_caller),
      test_of_shy(a_claimed_invite_is_bound),
      test_of_shy(whom_an_invite_is_bound_to_may_come_again),
      test_of_own(a_denied_peer_cannot_come_again_by_its_invite),
      test_of_shy(an_invite_is_claimed_by_the_first_record_alone),
      test_of_own(calls_that_cross_become_one_session),
      test_of_own(a_parked_call_is_taken_when_the_own_one_fails),
      test_of_own(two_instances_of_one_id_can_talk),
      test_of_own(the_instance_that_calls_first_is_the_one),
      test_of_own(the_instance_that_called_is_dialled_when_it_is_lost),
      test_of_own(a_call_beside_a_link_that_is_not_in_step_keeps_the_instance),
      test_of_own(connecting_to_a_session_that_waits_starts_its_timeout),
      test_of_own(a_caller_waits_for_a_listener_that_comes_later),
      test_of_linked(a_second_dial_to_the_same_instance_says_so),
      test_of_shy(connecting_accepts_a_caller_that_knocks),
      test_of_own(a_closing_session_gives_way_to_a_new_one),
      test_of_pair(envelopes_out_of_place_reset_the_link),
      test_of_own(changed_handshakes_and_records_never_link),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
