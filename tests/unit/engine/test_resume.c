/* Sessions that resume after the loss of sockets, links, envelopes and state. */
#include "pair.h"

enum { COUNT = 24, MAX = 2000 };

/* What one run of a fixed conversation saw: each side sends COUNT messages and finishes. */
typedef struct talk {
  uint32_t session[2], sent[2], got[2];
  size_t ends[2];
  bool finished[2];
} talk;

static bool talk_turn(talk *t) {
  static uint8_t message[MAX];
  for (int i = 0; i < 2; i++) {
    if (!t->session[i]) {
      net_seen *s = net_find(&n, i, PL_ENGINE_OUT_SESSION, 0);
      if (s) t->session[i] = s->a.session;
    }
    /* one at a time, so that the conversation takes many turns */
    for (int k = 0; t->session[i] && t->sent[i] < COUNT && k < 1; k++) {
      size_t size = numbered(message, (uint8_t)(t->sent[i] % 2), t->sent[i] / 2, MAX);
      assert_int_equal(net_send(&n, i, t->session[i], (uint8_t)(t->sent[i] % 2), message, size), 0);
      t->sent[i]++;
    }
    if (t->sent[i] == COUNT && !t->finished[i]) {
      assert_int_equal(net_finish(&n, i, t->session[i], 0), 0);
      t->finished[i] = true;
    }
  }
  return net_turn(&n);
}

static bool talk_done(talk *t) {
  bool done = true;
  for (int i = 0; i < 2; i++) {
    uint32_t even = check_numbered(&n, i, 0, 0, MAX), odd = check_numbered(&n, i, 1, 0, MAX);
    t->ends[i] = net_count(&n, i, PL_ENGINE_OUT_END);
    assert_true(even <= COUNT / 2 && odd <= COUNT / 2 && t->ends[i] <= 1);
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_STREAM_RESET), 0);
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_LOST), 0);
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 0);
    done &= even == COUNT / 2 && odd == COUNT / 2 && t->ends[i] == 1;
  }
  return done;
}

static uint64_t trouble_at;
static bool trouble;
static int trouble_side;

/* From the chosen envelope on, nothing from one side passes until its socket is cut. */
static bool drop_from_here(net *x, int from, const pl_envelope *e) {
  (void)e;
  if (x->envelopes == trouble_at) trouble = true;
  return trouble && from == trouble_side;
}

static void talk_start(talk *t) {
  memset(t, 0, sizeof *t);
  pair_start(&n, NULL, NULL);
  trouble = false;
  t->session[0] = net_connect(&n, 0, 1, NULL, NULL);
}

static uint64_t envelopes_of_a_talk(void) {
  talk t;
  n.drop = NULL;
  talk_start(&t);
  uint64_t from = n.envelopes;
  for (int k = 0; !talk_done(&t); k++) {
    assert_true(k < 1000);
    if (!talk_turn(&t)) net_run(&n, 30);
  }
  uint64_t used = n.envelopes - from;
  net_deinit(&n);
  return used;
}

static void finish_talk(talk *t) {
  uint64_t until = n.now_ms + 120000;
  for (;;) {
    bool moved = talk_turn(t);
    if (trouble && trouble_side >= 0) {
      net_cut(&n, trouble_side);
      trouble = false;
      n.drop = NULL;
    }
    if (moved) continue;
    if (talk_done(t)) return;
    assert_true(n.now_ms < until);
    net_run(&n, 100);
  }
}

static void a_socket_may_die_at_every_point(void **state) {
  (void)state;
  uint64_t all = envelopes_of_a_talk();
  assert_true(all > 20);
  for (int side = 0; side < 2; side++)
    for (uint64_t k = 1; k <= all; k++) {
      talk t;
      talk_start(&t);
      trouble_side = side;
      trouble_at = n.envelopes + k;
      n.drop = drop_from_here;
      finish_talk(&t);
      net_deinit(&n);
    }
}

static void both_sockets_may_die_as_when_a_relay_restarts(void **state) {
  (void)state;
  uint64_t all = envelopes_of_a_talk();
  for (uint64_t k = 1; k <= all; k++) {
    talk t;
    talk_start(&t);
    trouble_side = 0;
    trouble_at = n.envelopes + k;
    n.drop = drop_from_here;
    while (!trouble && talk_turn(&t)) {
    }
    for (int i = 0; i < 2; i++) n.clients[i].reachable = false;
    for (int i = 0; i < 2; i++) net_cut(&n, i);
    net_run(&n, 1500);
    for (int i = 0; i < 2; i++) n.clients[i].reachable = true;
    n.drop = NULL;
    trouble = false;
    finish_talk(&t);
    net_deinit(&n);
  }
}

static bool drop_one_record(net *x, int from, const pl_envelope *e) {
  (void)from;
  return x->envelopes == trouble_at && e->type == PL_ENV_DATA;
}

static void any_one_record_may_be_lost_on_a_live_link(void **state) {
  (void)state;
  uint64_t all = envelopes_of_a_talk();
  for (uint64_t k = 1; k <= all; k++) {
    talk t;
    talk_start(&t);
    trouble_side = -1;
    trouble_at = n.envelopes + k;
    n.drop = drop_one_record;
    finish_talk(&t);
    net_deinit(&n);
  }
}

static unsigned loss_percent;
static bool drop_some_records(net *x, int from, const pl_envelope *e) {
  (void)from;
  return e->type == PL_ENV_DATA && pair_random(x) % 100 < loss_percent;
}

static void many_records_may_be_lost_on_live_links(void **state) {
  (void)state;
  for (unsigned seed = 1; seed <= 60; seed++) {
    talk t;
    talk_start(&t);
    n.random = seed * 0x9e3779b97f4a7c15u;
    loss_percent = seed % 4 * 10 + 5;
    trouble_side = -1;
    n.drop = drop_some_records;
    finish_talk(&t);
    net_deinit(&n);
  }
}

static void random_troubles(void **state) {
  (void)state;
  for (unsigned seed = 1; seed <= 150; seed++) {
    talk t;
    talk_start(&t);
    n.random = seed * 0xd1342543de82ef95u;
    loss_percent = seed % 5 * 5;
    trouble_side = -1;
    n.drop = drop_some_records;
    for (int k = 0; k < 40; k++) {
      talk_turn(&t);
      int i = (int)(pair_random(&n) % 2);
      switch (pair_random(&n) % 8) {
        case 0:
          net_cut(&n, i);
          break;
        case 1:
          n.clients[i].frozen = !n.clients[i].frozen;
          break;
        case 2:
          net_run(&n, pair_random(&n) % 5000);
          break;
        case 3:
          n.clients[i].reachable = !n.clients[i].reachable;
          break;
        case 4:
          net_tell(&n, i, PL_ENGINE_IN_NETWORK_UP);
          break;
        default:
          break;
      }
    }
    for (int i = 0; i < 2; i++) {
      n.clients[i].frozen = false;
      n.clients[i].reachable = true;
    }
    finish_talk(&t);
    net_deinit(&n);
  }
}

static bool drop_fifth(net *x, int from, const pl_envelope *e) {
  (void)from;
  return e->type == PL_ENV_DATA && pair_random(x) % 5 == 0;
}

static void large_transfer_survives_loss(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a, b = pair_numbers.b;
  n.drop = drop_fifth;
  pair_exchange(&n, a, b, 200, 3, 40000);
}

static void a_peer_that_lost_its_state_is_reported(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  assert_int_equal(net_send(&n, 0, a, 0, "taken", 5), 0);
  net_run(&n, 100);
  n.clients[1].frozen = true;
  assert_int_equal(net_send(&n, 0, a, 0, "lost", 4), 0);
  assert_int_equal(net_send(&n, 0, a, 1, "lost, too", 9), 0);
  net_settle(&n);
  net_remove(&n, 1); /* the process dies and comes back with its identity, but without its state */
  pl_engine_config listener = {.listen = true, .accept_all = true};
  assert_non_null(net_add(&n, 1, 2, 2, &listener));
  net_tell(&n, 1, PL_ENGINE_IN_START);
  net_run(&n, 5000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_STREAM_RESET), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LOST), 2);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_LOST, 0)->a.place, 11);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_STREAM_RESET), 0);
  assert_int_equal(net_send(&n, 0, a, 0, "again", 5), 0);
  net_run(&n, 100);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
  net_seen *m = net_find(&n, 1, PL_ENGINE_OUT_MESSAGE, 0);
  assert_int_equal(m->a.place, 6);
  assert_int_equal(net_send(&n, 1, m->a.session, 0, "back", 4), 0);
  net_run(&n, 100);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_MESSAGE), 1);
}

static void a_caller_that_lost_its_state_starts_again(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a, b = pair_numbers.b;
  assert_int_equal(net_send(&n, 0, a, 0, "first", 5), 0);
  assert_int_equal(net_send(&n, 1, b, 0, "answer", 6), 0);
  net_run(&n, 100);
  net_remove(&n, 0);
  assert_int_equal(net_send(&n, 1, b, 0, "to nobody", 9), 0);
  net_settle(&n);
  assert_non_null(net_add(&n, 0, 1, 1, NULL));
  net_tell(&n, 0, PL_ENGINE_IN_START);
  net_settle(&n);
  a = net_connect(&n, 0, 1, NULL, NULL);
  assert_int_equal(net_send(&n, 0, a, 0, "second", 6), 0);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_STREAM_RESET), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_LOST), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 2);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_MESSAGE), 0);
  assert_int_equal(net_send(&n, 1, b, 0, "heard", 5), 0);
  net_run(&n, 1000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_MESSAGE), 1);
}

static uint32_t deaf_link;
static bool drop_on_one_link(net *x, int from, const pl_envelope *e) {
  (void)x;
  return from == 0 && e->type == PL_ENV_DATA && e->link == deaf_link;
}

static void a_link_that_swallows_everything_is_replaced(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  net_run(&n, 100);
  deaf_link = pl_link_number_make(false, 1, 0);
  n.drop = drop_on_one_link;
  assert_int_equal(net_send(&n, 0, a, 0, "hello?", 6), 0);
  net_run(&n, 3500);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 0);
  net_run(&n, 1000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_UNLINKED, 0)->a.reason, PL_REASON_TIMEOUT);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
}

static void an_old_link_is_replaced_without_a_pause(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  uint32_t first = n.links[0].caller_number;
  uint32_t sent = 0;
  uint8_t message[MAX];
  for (int minute = 0; minute < 35; minute++) {
    size_t size = numbered(message, 0, sent++, MAX);
    assert_int_equal(net_send(&n, 0, a, 0, message, size), 0);
    net_settle(&n);
    assert_int_equal(check_numbered(&n, 1, 0, 0, MAX), sent);
    net_run(&n, 60000);
  }
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_UNLINKED), 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_UNLINKED), 0);
  int links = 0;
  for (int k = 0; k < NET_LINKS; k++) links += n.links[k].used;
  assert_int_equal(links, 1);
  for (int k = 0; k < NET_LINKS; k++)
    if (n.links[k].used) assert_int_not_equal(n.links[k].caller_number, first);
}

static void an_idle_session_continues_after_an_hour(void **state) {
  (void)state;
  uint32_t a = pair_numbers.a;
  net_run(&n, 3500000);
  net_cut(&n, 1);
  assert_int_equal(net_send(&n, 0, a, 0, "still there?", 12), 0);
  net_run(&n, 30000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_STREAM_RESET), 0);
}

static void a_session_without_a_link_times_out(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config short_patience = {.session_timeout_ms = 60000};
  pair_start(&n, &short_patience, NULL);
  pair_link(&n, &a, &b);
  net_remove(&n, 1);
  assert_int_equal(net_send(&n, 0, a, 0, "x", 1), 0);
  net_run(&n, 59000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  net_run(&n, 2000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_ETIMEDOUT);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LOST), 1);
}

static void the_other_side_dials_when_the_opener_does_not(void **state) {
  (void)state;
  n.clients[0].frozen = true; /* the opener is suspended, and does not notice that its socket dies */
  net_relay_closed(&n, 0);
  net_run(&n, 1900);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_UNLINKED), 1);
  uint64_t before = n.envelopes;
  net_run(&n, 1200);
  assert_true(n.envelopes > before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_own(a_socket_may_die_at_every_point),
      test_of_own(both_sockets_may_die_as_when_a_relay_restarts),
      test_of_own(any_one_record_may_be_lost_on_a_live_link),
      test_of_own(many_records_may_be_lost_on_live_links),
      test_of_own(random_troubles),
      test_of_linked(large_transfer_survives_loss),
      test_of_linked(a_peer_that_lost_its_state_is_reported),
      test_of_linked(a_caller_that_lost_its_state_starts_again),
      test_of_linked(a_link_that_swallows_everything_is_replaced),
      test_of_linked(an_old_link_is_replaced_without_a_pause),
      test_of_linked(an_idle_session_continues_after_an_hour),
      test_of_own(a_session_without_a_link_times_out),
      test_of_linked(the_other_side_dials_when_the_opener_does_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
