/* Several sessions, links, invites and codes at once: what is done with one of them does not depend on those before it
 * in a table, and leaves the others alone. Then the exact ends of calls and links: who is told what, and when the next
 * call is made. */
#include "client/core/engine/engine_dial.h"
#include "client/core/engine/engine_invite.h"
#include "client/core/engine/engine_session.h"
#include "client/core/session/session_state.h"
#include "said.h"

static pl_engine *engine(int i) {
  return n.clients[i].engine;
}

static const pl_engine_config open_to_all = {.listen = true, .accept_all = true};

/* Clients 2 to `last` listen, too. */
static void start_more(int last) {
  for (int i = 2; i <= last; i++) {
    assert_non_null(net_add(&n, i, (uint8_t)(i + 1), (uint8_t)(i + 1), &open_to_all));
    net_tell(&n, i, PL_ENGINE_IN_START);
  }
  net_settle(&n);
}

static uint32_t call(int i, int to) {
  uint32_t session;
  assert_int_equal(connect_to(i, to, &session), 0);
  net_settle(&n);
  return session;
}

static const pl_engine_action *end_of(int i, uint32_t session) {
  for (size_t k = 0;; k++) {
    net_seen *s = net_find(&n, i, PL_ENGINE_OUT_SESSION_CLOSED, k);
    if (!s || s->a.session == session) return s ? &s->a : NULL;
  }
}

static void expect_end(int i, uint32_t session, int error, int reason) {
  const pl_engine_action *a = end_of(i, session);
  assert_non_null(a);
  assert_int_equal(a->error, error);
  assert_int_equal(a->reason, reason);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* One session is over, one waits for the answer to CLOSE, one was never linked, and two are linked. */
static void stopping_reaches_every_session(void **state) {
  (void)state;
  start_more(5);
  uint32_t waits = call(0, 2);
  n.clients[3].frozen = true;
  uint32_t never = call(0, 3);
  uint32_t linked[] = {call(0, 4), call(0, 5)};
  assert_int_equal(net_close(&n, 0, pair_numbers.a), 0);
  net_settle(&n);
  n.clients[2].frozen = true;
  assert_int_equal(net_close(&n, 0, waits), 0);
  net_settle(&n);
  assert_true(engine(0)->sessions[0]->lingering);
  assert_true(pl_session_is_closing(engine(0)->sessions[1]->core));
  net_tell(&n, 0, PL_ENGINE_IN_STOP);
  expect_end(0, never, PL_OK, PL_REASON_CLOSED);
  net_settle(&n);
  assert_null(end_of(0, waits));
  for (int k = 0; k < 2; k++) {
    expect_end(0, linked[k], PL_OK, PL_REASON_CLOSED);
    assert_int_equal(net_count(&n, 4 + k, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  }
  net_run(&n, 10000);
  expect_end(0, waits, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 1);
}

/* Both close, and neither hears it. A new session of the one ends the old one at the other, and its link, though links
 * and sessions with others come before it. */
static void the_old_session_ends_and_no_other(void **state) {
  (void)state;
  start_more(3);
  (void)call(2, 1);
  uint32_t old = call(0, 1);
  (void)call(3, 1);
  uint32_t at_1 = net_find(&n, 1, PL_ENGINE_OUT_SESSION, 1)->a.session;
  net_link *l = &n.links[1];
  assert_int_equal(l->caller, 0);
  lost_links[0] = l->caller_number;
  lost_links[1] = l->callee_number;
  assert_int_equal(net_close(&n, 0, old), 0);
  assert_int_equal(net_close(&n, 1, at_1), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  (void)call(0, 1);
  expect_end(1, at_1, PL_OK, PL_REASON_CLOSED);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(said[1].count[PL_ENV_RESET], 1);
  assert_int_equal(said[1].link[PL_ENV_RESET], lost_links[1]);
  assert_int_equal(reason_said(1), PL_REASON_CLOSED);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 4);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_UNLINKED), 0);
}

static size_t remembered(int i) {
  size_t count = 0;
  for (size_t k = 0; k < engine(i)->session_slots; k++) {
    const pl_engine_session *s = engine(i)->sessions[k];
    count += s && s->lingering;
  }
  return count;
}

/* However often a peer starts and closes a session, four of them are remembered beside the new one: the last four. */
static void four_closed_sessions_of_a_peer_are_remembered(void **state) {
  (void)state;
  uint32_t numbers[9];
  start_more(2);
  uint32_t others = call(2, 1);
  assert_int_equal(net_close(&n, 2, others), 0); /* this one is of another peer, and older than all */
  net_settle(&n);
  for (size_t k = 0; k < PL_ARRAY_LENGTH(numbers); k++) {
    uint32_t session = call(0, 1);
    numbers[k] = net_find(&n, 1, PL_ENGINE_OUT_SESSION, k + 1)->a.session;
    assert_int_equal(remembered(1), 1 + (k < 4 ? k : 4));
    assert_int_equal(net_close(&n, 0, session), 0);
    net_run(&n, 10);
    assert_int_equal(remembered(1), 1 + (k < 4 ? k + 1 : 5));
  }
  for (size_t k = 0; k < PL_ARRAY_LENGTH(numbers); k++) {
    bool there = false;
    for (size_t i = 0; i < engine(1)->session_slots; i++)
      there |= engine(1)->sessions[i] && engine(1)->sessions[i]->number == numbers[k];
    assert_int_equal(there, k >= 4);
  }
}

static unsigned accepted;

static bool lose_answers_but_one(net *x, int from, const pl_envelope *v) {
  lost_from = -1;
  (void)look(x, from, v);
  return from == 1 && v->type == PL_ENV_ACCEPT && ++accepted > 1;
}

/* A session that was closed before the peer said HELLO ends when a newer one with that very instance is linked. */
static void what_was_never_heard_ends_with_the_next(void **state) {
  (void)state;
  start_more(2);
  (void)call(0, 2); /* comes before it in the table */
  lost_from = 1;
  lost_type = PL_ENV_DATA;
  uint32_t first = call(0, 1);
  assert_int_equal(net_close(&n, 0, first), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  n.drop = lose_answers_but_one; /* else it would end with the answer to the call that it makes again */
  accepted = 0;
  uint32_t second = call(0, 1);
  expect_end(0, first, PL_OK, PL_REASON_CLOSED);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 1)->a.session, second);
  assert_int_equal(reason_said(0), PL_REASON_CLOSED); /* of the call that it was making again */
  assert_int_equal(said[0].link[PL_ENV_RESET], said[0].link[PL_ENV_OPEN]);
}

/* A call of somebody whom this side calls, too, belongs to that session, whatever is before it in the table. */
static void a_call_finds_the_session_that_calls(void **state) {
  (void)state;
  static const pl_engine_config shy = {.listen = true};
  (void)pair_teardown(state);
  pair_start(&n, &shy, NULL);
  listen_in();
  start_more(2);
  (void)call(0, 2);
  uint32_t closed = call(0, 1);
  assert_int_equal(net_close(&n, 0, closed), 0);
  net_settle(&n);
  lost_from = 0;
  lost_type = PL_ENV_OPEN;
  uint32_t calls = net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  net_forget(&n, 0);
  (void)call(1, 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_KNOCK) + net_count(&n, 0, PL_ENGINE_OUT_SESSION), 0);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LINKED, 0)->a.session, calls);
  assert_memory_equal(engine(0)->sessions[2]->instance, n.clients[1].config.instance, 8);
  assert_int_equal(reason_said(0), PL_REASON_CROSSED); /* its own call is not needed any more */
}

static const uint8_t *secret_of(uint8_t k) {
  static uint8_t secret[16];
  memset(secret, k, sizeof secret);
  return secret;
}

/* Denied and blocked peers lose what they claimed: an invite for one peer ends, one for several is free again. */
static void only_the_invites_of_a_peer_are_taken_back(void **state) {
  for (int block = 0; block < 2; block++) {
    (void)pair_teardown(state);
    (void)setup(state);
    for (uint8_t k = 1; k <= 4; k++) {
      assert_int_equal(net_invite(&n, 1, secret_of(k), n.now_ms + 60000, k < 4), 0);
      pl_engine_invite *i = &engine(1)->invites[k - 1];
      i->claimed = k != 1;
      memcpy(i->bound_to, n.clients[0].config.identity.id, 32);
      if (k == 2) i->bound_to[31] ^= 1; /* somebody else's */
    }
    assert_int_equal(net_decide(&n, 1, block ? PL_ENGINE_IN_BLOCK : PL_ENGINE_IN_DENY, 0), 0);
    assert_int_equal(engine(1)->invite_count, 4); /* the one that ended is kept, so that others are told */
    for (size_t i = 0; i < 4; i++) {
      const pl_engine_invite *v = &engine(1)->invites[i];
      assert_int_equal(v->revoked, v->secret[0] == 3);
      assert_int_equal(v->expires_ms, n.now_ms + (v->revoked ? 0 : 60000));
    }
    for (uint8_t k = 1; k <= 4; k++) {
      bool claimed = false;
      for (size_t i = 0; i < engine(1)->invite_count; i++)
        if (engine(1)->invites[i].secret[0] == k) claimed = engine(1)->invites[i].claimed;
      assert_int_equal(claimed, k == 2);
      pl_engine_event in = {.type = PL_ENGINE_IN_INVITE_REVOKE, .invite_revoke = {{secret_of(k), 16}}};
      assert_int_equal(net_do(&n, 1, &in), k == 3 ? PL_EINVAL : 0);
    }
  }
}

/* A proof is of one invite. One that does not fit any says nothing. */
static void a_proof_is_compared_with_each_invite(void **state) {
  (void)state;
  const uint8_t *me = n.clients[1].config.identity.id;
  uint8_t proof[41] = {0}, ephemeral[32] = {4};
  for (uint8_t k = 1; k <= 3; k++) assert_int_equal(net_invite(&n, 1, secret_of(k), n.now_ms + 1000 * k, 1), 0);
  n.now_ms += 1000;
  net_tell(&n, 1, PL_ENGINE_IN_TIME);
  for (uint8_t k = 1; k <= 4; k++) {
    pl_engine_call call = {0};
    pl_engine_link l = {.call = &call, .number = 0};
    memcpy(l.id, n.clients[0].config.identity.id, 32);
    pl_engine_invite_prove(proof, secret_of(k), l.id, me, ephemeral);
    for (size_t size = 39; size <= 41; size++) {
      int rc = pl_engine_invite_check(engine(1), &l, (pl_view){proof, size}, ephemeral);
      assert_int_equal(rc, size != 40 || k == 4 ? 0 : k == 1 ? -1 : 1); /* the first one has expired */
      assert_int_equal(l.has_invite, size >= 40 && k != 4);
    }
    if (k < 4) assert_memory_equal(call.invite, secret_of(k), 16);
  }
}

static uint32_t code_of(pl_engine_event_type type, const char *text) {
  pl_engine_result out;
  pl_engine_event in = {.type = type};
  if (text) in.code_claim.text = (pl_view){(const uint8_t *)text, strlen(text)};
  assert_int_equal(net_do_for(&n, 0, &in, &out), 0);
  return out.code;
}

/* After each login the numbers are asked for, and the claims made, again: of all codes but those that are over. */
static void all_codes_go_on_after_a_login(void **state) {
  (void)state;
  uint32_t over = code_of(PL_ENGINE_IN_CODE_NEW, NULL);
  for (int k = 0; k < 2; k++) {
    code_of(PL_ENGINE_IN_CODE_CLAIM, "4821-copper-violin");
    code_of(PL_ENGINE_IN_CODE_NEW, NULL);
  }
  net_settle(&n);
  assert_int_equal(net_do(&n, 0, &(pl_engine_event){.type = PL_ENGINE_IN_CODE_CANCEL, .code_cancel = {over}}), 0);
  net_settle(&n);
  net_cut(&n, 0);
  memset(said, 0, sizeof said);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_ONLINE), 2);
  assert_int_equal(said[0].count[PL_ENV_CODE], 2);
  assert_int_equal(said[0].count[PL_ENV_CLAIM], 2);
  net_cut(&n, 0);
  n.clients[0].reachable = false;
  net_run(&n, 600000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CODE_ENDED), 4);
}

/* ---- the next call ----------------------------------------------------------------------------------------------- */

/* A call that failed is made again, or ends the session, by its reason. Where there is too little of something, it is
 * not made at once. */
static void the_reason_decides_about_the_next_call(void **state) {
  static const struct {
    int reason;
    unsigned failures; /* 0: the session ends */
  } cases[] = {{PL_REASON_GONE, 1},      {PL_REASON_UNAVAILABLE, 1}, {PL_REASON_TIMEOUT, 1},  {PL_REASON_CLOSED, 1},
               {PL_REASON_NODE_LOST, 1}, {PL_REASON_RATE, 5},        {PL_REASON_OVERFLOW, 5}, {PL_REASON_FULL, 5},
               {PL_REASON_CORRUPT, 5},   {PL_REASON_REFUSED, 0},     {PL_REASON_PROTOCOL, 0}, {PL_REASON_REVOKED, 0}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    (void)pair_teardown(state);
    (void)setup(state);
    n.clients[1].frozen = true;
    uint32_t session = call(0, 1);
    pl_engine_session *s = engine(0)->sessions[0];
    tell_reset(0, said[0].link[PL_ENV_OPEN], (uint16_t)cases[k].reason);
    if (cases[k].failures == 0) {
      const pl_engine_action *a = end_of(0, session);
      assert_non_null(a);
      assert_int_equal(a->reason, cases[k].reason);
      assert_true(a->error != 0);
      assert_null(engine(0)->sessions[0]);
      continue;
    }
    assert_int_equal(s->failures, cases[k].failures);
    assert_int_equal(said[0].count[PL_ENV_OPEN], cases[k].failures == 1 || s->dial_at_ms == PL_NEVER ? 2 : 1);
    if (cases[k].failures == 1) continue;
    if (s->dial_at_ms != PL_NEVER) assert_in_range(s->dial_at_ms, n.now_ms, n.now_ms + 500);
    s->failures = 9; /* more than that stays */
    net_run(&n, 600);
    tell_reset(0, said[0].link[PL_ENV_OPEN], (uint16_t)cases[k].reason);
    assert_int_equal(s->failures, 10);
  }
}

/* A session that lost its link, and that nothing would bring another one, is called again: at once by the side that
 * wished for it, else after two seconds. */
static void a_forgotten_session_is_called_again(void **state) {
  for (int wished = 0; wished < 2; wished++) {
    (void)pair_teardown(state);
    (void)setup_linked(state);
    tell_reset(1, n.links[0].callee_number, PL_REASON_GONE);
    pl_engine_session *s = engine(1)->sessions[0];
    assert_false(s->own_wish || s->opened_last);
    assert_true(s->dial_at_ms != PL_NEVER);
    s->dial_at_ms = PL_NEVER; /* a call was accepted, and its link is gone */
    s->own_wish = wished;
    n.drop = look;
    assert_int_equal(net_send(&n, 1, s->number, 0, "x", 1), 0);
    assert_int_equal(s->failures, wished);
    if (wished)
      assert_true(s->dial_at_ms == n.now_ms || s->opening);
    else
      assert_in_range(s->dial_at_ms, n.now_ms + 2000, n.now_ms + 2999);
  }
}

/* After a login the side that called calls at once, and the other one two seconds later. */
static void sessions_are_called_after_a_login(void **state) {
  for (int i = 0; i < 2; i++) {
    (void)pair_teardown(state);
    (void)setup_linked(state);
    net_cut(&n, i);
    n.clients[1 - i].frozen = true;
    said[i].count[PL_ENV_OPEN] = 0;
    while (net_count(&n, i, PL_ENGINE_OUT_ONLINE) < 2) net_run(&n, 1);
    assert_int_equal(said[i].count[PL_ENV_OPEN], i == 0);
    if (i) assert_in_range(engine(1)->sessions[0]->dial_at_ms, n.now_ms + 1999, n.now_ms + 2999);
  }
}

/* A caller whose session has just ended may have missed that. So its call is accepted, and it is the first record that
 * decides. */
static void a_call_after_the_end_is_accepted_first(void **state) {
  static const pl_engine_config shy = {.listen = true};
  (void)pair_teardown(state);
  pair_start(&n, NULL, &shy);
  listen_in();
  assert_int_equal(net_allow(&n, 1, 0), 0);
  uint32_t first = call(0, 1);
  assert_int_equal(net_close(&n, 0, first), 0);
  net_settle(&n);
  assert_int_equal(net_decide(&n, 1, PL_ENGINE_IN_FORGET, 0), 0);
  memset(said, 0, sizeof said);
  (void)call(0, 1);
  assert_true(said[1].count[PL_ENV_ACCEPT] > 0);
  assert_int_equal(reason_said(1), PL_REASON_CLOSED);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
}

/* Calls back are ended of the peer that is denied, by all bytes of its ID. */
static void the_call_back_of_another_peer_goes_on(void **state) {
  (void)state;
  uint8_t ids[2][32] = {{0}};
  const uint8_t instance[8] = {4};
  memcpy(ids[0], n.clients[0].config.identity.id, 32);
  memcpy(ids[1], ids[0], 32);
  ids[1][31] ^= 1;
  for (int k = 0; k < 2; k++) assert_non_null(pl_engine_session_new(engine(1), ids[k], instance));
  pl_engine_event deny = {.type = PL_ENGINE_IN_DENY, .peer = {{ids[1], 32}}};
  assert_int_equal(net_do(&n, 1, &deny), 0);
  assert_non_null(engine(1)->sessions[0]);
  assert_null(engine(1)->sessions[1]);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0); /* nobody knew of it */
}

/* Without a number for a link it is not called at once. */
static void a_call_without_a_number_waits(void **state) {
  (void)state;
  engine(0)->link_slots = 0;
  (void)call(0, 1);
  assert_int_equal(said[0].count[PL_ENV_OPEN], 0);
  assert_true(engine(0)->sessions[0]->failures >= 5);
}

/* A call whose answer was changed is no link that ended by a fault. */
static void an_answer_that_was_changed_is_no_fault_of_a_link(void **state) {
  (void)state;
  spoil_accept = true;
  (void)call(0, 1);
  assert_int_equal(reason_said(0), PL_REASON_CORRUPT);
  assert_int_equal(engine(0)->sessions[0]->faults, 0);
  assert_int_equal(engine(0)->sessions[0]->unlink_reason, 0);
}

/* Of two strangers that wait, the one is taken that this side wants to talk to. */
static void the_right_stranger_is_taken(void **state) {
  static const pl_engine_config shy = {.listen = true};
  (void)pair_teardown(state);
  pair_start(&n, NULL, &shy);
  listen_in();
  start_more(2);
  (void)call(2, 1);
  (void)call(0, 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 2);
  uint32_t session = call(1, 0);
  assert_int_equal(said[1].count[PL_ENV_OPEN], 0);
  assert_int_equal(said[1].count[PL_ENV_ACCEPT], 1);
  assert_int_equal(net_find(&n, 1, PL_ENGINE_OUT_LINKED, 0)->a.session, session);
  assert_int_equal(net_count(&n, 2, PL_ENGINE_OUT_LINKED), 0);
}

/* ---- faults of links --------------------------------------------------------------------------------------------- */

/* Faults in a row are counted. One that comes after the link held for a minute is the first of a new row. */
static void a_link_that_held_for_a_minute_starts_a_new_count(void **state) {
  static const struct {
    uint64_t held_ms;
    uint16_t reason;
    unsigned faults;
  } cases[] = {{59999, PL_REASON_PROTOCOL, 6}, {60000, PL_REASON_PROTOCOL, 1}, {0, PL_REASON_REFUSED, 6},
               {60000, PL_REASON_GONE, 5},     {0, PL_REASON_CORRUPT, 6},      {600000, PL_REASON_CORRUPT, 1}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    (void)pair_teardown(state);
    (void)setup_linked(state);
    pl_engine_session *s = engine(0)->sessions[0];
    pl_engine_link *l = PL_CONTAINER(engine(0)->links.next, pl_engine_link, node);
    s->faults = 5;
    l->since_ms = n.now_ms - cases[k].held_ms;
    tell_reset(0, l->number, cases[k].reason);
    assert_int_equal(s->faults, cases[k].faults);
    assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_UNLINKED, 0)->a.reason, cases[k].reason);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  }
}

/* Before the first HELLO such a RESET is the answer to the call, and there is nothing to keep. */
static void a_call_may_be_refused_after_it_was_accepted(void **state) {
  (void)state;
  lost_from = 1;
  lost_type = PL_ENV_DATA;
  uint32_t session = call(0, 1);
  assert_int_equal(said[1].count[PL_ENV_ACCEPT], 1);
  tell_reset(0, said[0].link[PL_ENV_OPEN], PL_REASON_REFUSED);
  expect_end(0, session, PL_EREFUSED, PL_REASON_REFUSED);
  assert_int_equal(said[0].count[PL_ENV_RESET], 0); /* the link is over already */
  assert_int_equal(said[0].count[PL_ENV_OPEN], 1);
}

/* When the socket is lost, that is the reason, whatever became of an earlier link. */
static void a_lost_socket_is_the_reason_whatever_was_before(void **state) {
  (void)state;
  engine(0)->sessions[0]->unlink_reason = PL_REASON_REPLACED;
  net_cut(&n, 0);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_UNLINKED, 0)->a.reason, PL_REASON_GONE);
}

/* The side that answered a CLOSE resets the link when the answer has gone out. */
static void the_link_of_a_closed_session_is_reset(void **state) {
  (void)state;
  assert_int_equal(net_close(&n, 0, pair_numbers.a), 0);
  net_settle(&n);
  assert_int_equal(said[0].count[PL_ENV_RESET] + said[1].count[PL_ENV_RESET], 1);
  assert_int_equal(reason_said(said[0].count[PL_ENV_RESET] ? 0 : 1), PL_REASON_CLOSED);
  for (int i = 0; i < 2; i++) {
    assert_true(pl_list_empty(&engine(i)->links));
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  }
}

/* A caller whose first record breaks the protocol is told so, and no session is reported. */
static void a_first_record_that_breaks_the_protocol_is_told(void **state) {
  (void)state;
  uint32_t session;
  assert_int_equal(connect_to(0, 1, &session), 0);
  engine(0)->sessions[0]->core->config.message_max = 0; /* which no HELLO may say */
  net_settle(&n);
  assert_int_equal(said[1].count[PL_ENV_RESET], 1);
  assert_int_equal(reason_said(1), PL_REASON_PROTOCOL);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 0);
  assert_int_equal(engine(1)->session_slots == 0 || !engine(1)->sessions[0], 1);
}

/* Without room for a session the caller is told, and calls again. */
static void a_full_table_is_told(void **state) {
  (void)state;
  static const pl_engine_config one = {.listen = true, .accept_all = true, .sessions_max = 1};
  (void)pair_teardown(state);
  pair_start(&n, NULL, &one);
  listen_in();
  start_more(2);
  (void)call(1, 2);
  (void)call(0, 1);
  assert_int_equal(reason_said(1), PL_REASON_FULL);
  assert_int_equal(said[1].count[PL_ENV_RESET], said[1].count[PL_ENV_ACCEPT]); /* each time */
  assert_int_equal(said[0].count[PL_ENV_OPEN], said[1].count[PL_ENV_ACCEPT]);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void names_may_be_as_long_as_their_limits(void **state) {
  (void)state;
  char name[66], application[34];
  memset(name, 'n', sizeof name);
  memset(application, 'a', sizeof application);
  name[65] = application[33] = '\0';
  pl_engine_config config = {.origin = "http://a", .application = application, .name = name, .instance = {1}};
  pl_engine *made;
  assert_int_equal(pl_engine_new(&config, &made), PL_EINVAL);
  name[64] = '\0';
  assert_int_equal(pl_engine_new(&config, &made), PL_EINVAL);
  name[64] = 'n';
  application[32] = '\0';
  assert_int_equal(pl_engine_new(&config, &made), PL_EINVAL);
  name[64] = '\0';
  pl_engine_config listener = {.listen = true, .accept_all = true, .name = name, .application = application};
  (void)pair_teardown(state);
  pair_start(&n, &listener, &listener);
  pair_link(&n, &pair_numbers.a, &pair_numbers.b);
  for (int i = 0; i < 2; i++) {
    net_seen *s = net_find(&n, i, PL_ENGINE_OUT_LINKED, 0);
    assert_int_equal(s->size, 64);
    assert_string_equal(s->text, application);
  }
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

/* A record needs room for the smallest one. What was said before it in the message does not cost it. */
static void a_record_goes_where_the_smallest_one_fits(void **state) {
  (void)state;
  static uint8_t out[65543], text[64000];
  const size_t least = PL_CONST_ENVELOPE_HEADER_BYTES + PL_CONST_RECORD_OVERHEAD_BYTES + PL_SESSION_RECORD_MIN;
  net_run(&n, 1000);
  assert_int_equal(net_send(&n, 0, pair_numbers.a, 0, text, sizeof text), 0);
  assert_int_equal(pl_engine_produce(engine(0), n.now_ms, out, least - 1), 0);
  assert_true(pl_engine_has_output(engine(0)));
  assert_int_equal(pl_engine_produce(engine(0), n.now_ms, out, least), least);
  net_relay_message(&n, 0, out, least);
  assert_int_equal(net_allow(&n, 0, 1), 0); /* PEERS comes first, and the session has more than one record */
  assert_int_equal(net_send(&n, 0, pair_numbers.a, 0, text, sizeof text), 0);
  size_t size = pl_engine_produce(engine(0), n.now_ms, out, 30000);
  assert_int_equal(size, 30000);
  assert_int_equal(out[0], PL_ENV_PEERS);
  net_relay_message(&n, 0, out, size);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 2);
}

static void time_never_goes_back(void **state) {
  (void)state;
  uint8_t out[65543];
  pl_engine *e = engine(0);
  n.now_ms += 500;
  assert_int_equal(pl_engine_produce(e, n.now_ms, out, sizeof out), 0);
  assert_int_equal(e->now_ms, n.now_ms);
  assert_int_equal(pl_engine_produce(e, n.now_ms - 100, out, sizeof out), 0);
  assert_int_equal(e->now_ms, n.now_ms);
  pl_engine_result result;
  assert_int_equal(pl_engine_step(e, &(pl_engine_event){.type = PL_ENGINE_IN_TIME, .now_ms = 1}, &result), 0);
  assert_int_equal(e->now_ms, n.now_ms);
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void a_closed_socket_says_why(void **state) {
  static const int errors[] = {0, PL_ENETWORK, PL_ETLS};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(errors); k++) {
    (void)pair_teardown(state);
    (void)setup(state);
    pl_engine_event in = {.type = PL_ENGINE_IN_SOCKET_CLOSED, .socket_closed = {errors[k]}};
    assert_int_equal(net_do(&n, 0, &in), 0);
    net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0);
    assert_int_equal(s->a.error, errors[k] ? errors[k] : PL_ENETWORK);
    assert_int_equal(s->a.reason, PL_REASON_GONE);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 0);
  }
}

/* A connection that held for ten seconds was of use: the tries after it start from the beginning. */
static void a_connection_is_of_use_after_10_s(void **state) {
  for (uint64_t held = 9999; held <= 10000; held++) {
    (void)pair_teardown(state);
    (void)setup(state);
    engine(0)->connect_failures = 5;
    engine(0)->online_ms = n.now_ms - held;
    net_cut(&n, 0);
    assert_int_equal(engine(0)->connect_failures, held == 10000 ? 1 : 6);
  }
}

/* A message for which there is no memory costs the connection, and nothing else. */
static void a_message_without_memory_costs_the_connection(void **state) {
  (void)state;
  static uint8_t large[300000];
  pl_envelope_put_header(large, 0xff, 0, 60000, 0);
  pl_engine_event in = {.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{large, 60008}}};
  pl_alloc_fail_at(1);
  assert_int_equal(net_do(&n, 0, &in), PL_ENOMEM);
  pl_alloc_fail_at(0);
  net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_DISCONNECT, 0);
  assert_int_equal(s->a.error, PL_ENOMEM);
  assert_int_equal(s->a.reason, PL_REASON_OVERFLOW);
  assert_true(net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0)->a.time_ms != PL_NEVER);
  assert_int_equal(net_do(&n, 0, &in), 0); /* nobody listens */
}

/* A pinned relay stays as it was given. */
static void a_pinned_relay_is_copied(void **state) {
  (void)state;
  (void)pair_teardown(state);
  net_init(&n);
  uint8_t relay[32], given[32];
  memcpy(relay, n.relay.id, 32);
  memcpy(given, relay, 32);
  pl_engine_config config = {.relay_id = given};
  assert_non_null(net_add(&n, 0, 1, 1, &config));
  assert_memory_equal(given, relay, 32);
  memset(given, 0, 32);
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_settle(&n);
  assert_memory_equal(net_find(&n, 0, PL_ENGINE_OUT_ONLINE, 0)->a.id, relay, 32);
}

/* The next try comes when it was said, not before. */
static void the_next_try_comes_when_it_was_said(void **state) {
  (void)state;
  n.clients[0].reachable = false;
  net_cut(&n, 0);
  for (size_t k = 0; k < 12; k++) {
    net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, k);
    assert_non_null(s);
    uint64_t at = s->a.time_ms;
    if (at > n.now_ms) {
      assert_int_equal(pl_engine_deadline(engine(0)), at);
      n.now_ms = at - 1;
      net_tell(&n, 0, PL_ENGINE_IN_TIME);
      assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CONNECT), k + 1);
      n.now_ms = at;
    }
    net_tell(&n, 0, PL_ENGINE_IN_TIME);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_CONNECT), k + 2);
    (void)net_turn(&n); /* fails again */
  }
}

/* Only a socket that is there is closed, and only a connection that was wanted goes offline. */
static void stopping_ends_what_is_there(void **state) {
  (void)state;
  (void)pair_teardown(state);
  net_init(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  net_tell(&n, 0, PL_ENGINE_IN_STOP);
  assert_int_equal(n.clients[0].seen_count, 0);
  net_tell(&n, 0, PL_ENGINE_IN_START);
  n.clients[0].reachable = false;
  (void)net_turn(&n);
  net_forget(&n, 0);
  for (int k = 0; k < 20 && engine(0)->connection != PL_ENGINE_CONN_WAITING; k++) (void)net_turn(&n);
  net_forget(&n, 0);
  net_tell(&n, 0, PL_ENGINE_IN_STOP);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_DISCONNECT), 0);
  net_seen *s = net_find(&n, 0, PL_ENGINE_OUT_OFFLINE, 0);
  assert_int_equal(s->a.error, PL_OK);
  assert_int_equal(s->a.reason, PL_REASON_CLOSED);
  assert_true(s->a.time_ms == PL_NEVER);
  assert_true(pl_engine_deadline(engine(0)) == PL_NEVER);
}

/* An engine that is called 2 s late reads for a second before it judges, while it opens the socket as well. */
static void a_late_call_waits_for_a_second(void **state) {
  for (uint64_t late = 1999; late <= 2000; late++) {
    (void)pair_teardown(state);
    net_init(&n);
    assert_non_null(net_add(&n, 0, 1, 1, NULL));
    net_tell(&n, 0, PL_ENGINE_IN_START);
    n.now_ms += 30000 + late;
    net_tell(&n, 0, PL_ENGINE_IN_TIME);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), late == 1999);
    if (late == 1999) continue;
    assert_int_equal(pl_engine_deadline(engine(0)), n.now_ms + 1000);
    n.now_ms += 999;
    net_tell(&n, 0, PL_ENGINE_IN_TIME);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 0);
    n.now_ms += 1;
    net_tell(&n, 0, PL_ENGINE_IN_TIME);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_OFFLINE), 1);
  }
}

/* A session is told from when on it may measure again. */
static void a_late_call_is_told_to_sessions(void **state) {
  (void)state;
  net_run(&n, 1000);
  n.now_ms = pl_engine_deadline(engine(0)) + 2000;
  net_tell(&n, 0, PL_ENGINE_IN_TIME);
  const pl_session *core = engine(0)->sessions[0]->core;
  assert_int_equal(core->rate.measured_from_ms, n.now_ms);
  assert_int_equal(core->progress_ms, n.now_ms);
  assert_true(core->was_late);
}

/* No login can be taken for another one. */
static void each_login_has_a_nonce_of_its_own(void **state) {
  (void)state;
  uint8_t nonces[3][32];
  for (int k = 0; k < 3; k++) {
    net_cut(&n, 0);
    net_run(&n, 1000);
    pl_wire_login l;
    assert_int_equal(pl_wire_login_decode(&l, said[0].last[PL_ENV_LOGIN], said[0].size[PL_ENV_LOGIN]), 0);
    memcpy(nonces[k], l.nonce, 32);
    for (int j = 0; j < k; j++) assert_memory_not_equal(nonces[k], nonces[j], 8);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      LINKED(stopping_reaches_every_session),
      PAIR(the_old_session_ends_and_no_other),
      PAIR(four_closed_sessions_of_a_peer_are_remembered),
      PAIR(what_was_never_heard_ends_with_the_next),
      PAIR(a_call_finds_the_session_that_calls),
      PAIR(only_the_invites_of_a_peer_are_taken_back),
      PAIR(a_proof_is_compared_with_each_invite),
      PAIR(all_codes_go_on_after_a_login),
      PAIR(the_reason_decides_about_the_next_call),
      PAIR(a_forgotten_session_is_called_again),
      PAIR(sessions_are_called_after_a_login),
      PAIR(a_call_after_the_end_is_accepted_first),
      PAIR(the_call_back_of_another_peer_goes_on),
      PAIR(a_call_without_a_number_waits),
      PAIR(an_answer_that_was_changed_is_no_fault_of_a_link),
      PAIR(the_right_stranger_is_taken),
      PAIR(a_link_that_held_for_a_minute_starts_a_new_count),
      PAIR(a_call_may_be_refused_after_it_was_accepted),
      LINKED(a_lost_socket_is_the_reason_whatever_was_before),
      LINKED(the_link_of_a_closed_session_is_reset),
      PAIR(a_first_record_that_breaks_the_protocol_is_told),
      PAIR(a_full_table_is_told),
      PAIR(names_may_be_as_long_as_their_limits),
      LINKED(a_record_goes_where_the_smallest_one_fits),
      PAIR(time_never_goes_back),
      PAIR(a_closed_socket_says_why),
      PAIR(a_connection_is_of_use_after_10_s),
      PAIR(a_message_without_memory_costs_the_connection),
      PAIR(a_pinned_relay_is_copied),
      PAIR(the_next_try_comes_when_it_was_said),
      PAIR(stopping_ends_what_is_there),
      PAIR(a_late_call_waits_for_a_second),
      LINKED(a_late_call_is_told_to_sessions),
      PAIR(each_login_has_a_nonce_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
