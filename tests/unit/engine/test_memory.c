/* Every allocation fails once: nothing crashes or leaks, and what the engine took is still delivered once and in order.
 */
#include "client/core/engine/action_queue.h"
#include "pair.h"

enum { COUNT = 12, MAX = 90000 };

static bool try_new(uint8_t who, pl_engine **out) {
  pl_engine_config config = {.origin = "http://a", .application = "pipe/1"};
  uint8_t seed[32] = {who, 1};
  assert_int_equal(pl_identity_from_seed(&config.identity, seed), 0);
  config.instance[0] = 1;
  int rc = pl_engine_new(&config, out);
  assert_true(rc == 0 || rc == PL_ENOMEM);
  return rc == 0;
}

static void a_new_engine_may_fail(void **state) {
  (void)state;
  for (long k = 1;; k++) {
    pl_engine *e;
    pl_alloc_fail_at(k);
    bool made = try_new(1, &e);
    bool over = pl_alloc_fail_at(0) > 0;
    if (made) pl_engine_free(e);
    assert_true(made || e == NULL);
    if (over) {
      assert_true(made && k > 1);
      return;
    }
    assert_false(made);
  }
}

static uint32_t connect_again(uint32_t have) {
  if (have) return have;
  pl_engine_result out;
  pl_engine_event in = {.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {n.clients[1].config.identity.id, 32}}};
  int rc = net_do_for(&n, 0, &in, &out);
  assert_true(rc == 0 || rc == PL_ENOMEM);
  return out.session;
}

/* Runs one conversation over several sockets while the k-th allocation fails. Returns true when k was not reached. */
static bool conversation(long k) {
  static uint8_t message[MAX];
  uint32_t session[2] = {0}, sent[2] = {0}, got[2] = {0};
  bool finished[2] = {false, false}, cut = false;
  pair_start(&n, NULL, NULL);
  pl_alloc_fail_at(k);
  uint64_t until = n.now_ms + 200000;
  for (bool done = false; !done;) {
    session[0] = connect_again(session[0]);
    for (int i = 0; i < 2; i++) {
      net_seen *s = net_find(&n, i, PL_ENGINE_OUT_SESSION, 0);
      if (s && !session[i]) session[i] = s->a.session;
      while (session[i] && sent[i] < COUNT) {
        size_t size = numbered(message, 0, sent[i], MAX);
        int rc = net_send(&n, i, session[i], 0, message, size);
        assert_true(rc == 0 || rc == PL_ENOMEM || rc == PL_EAGAIN);
        if (rc) break;
        sent[i]++;
      }
      if (sent[i] == COUNT && !finished[i]) finished[i] = net_finish(&n, i, session[i], 0) == 0;
      if (sent[i] == COUNT && !cut) {
        net_cut(&n, 0);
        cut = true;
      }
    }
    if (!net_turn(&n)) net_run(&n, 50);
    done = true;
    for (int i = 0; i < 2; i++) {
      got[i] = check_numbered(&n, i, 0, 0, MAX);
      done &= got[i] == COUNT && net_count(&n, i, PL_ENGINE_OUT_END) == 1;
      assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 0);
    }
    if (n.now_ms >= until)
      print_message("k %ld got %u %u sent %u %u ends %zu %zu\n", k, got[0], got[1], sent[0], sent[1],
                    net_count(&n, 0, PL_ENGINE_OUT_END), net_count(&n, 1, PL_ENGINE_OUT_END));
    assert_true(n.now_ms < until);
  }
  bool never = pl_alloc_fail_at(0) > 0;
  net_deinit(&n);
  return never;
}

static void a_conversation_survives_each_failure(void **state) {
  (void)state;
  long k = 1;
  while (!conversation(k)) k++;
  assert_true(k > 20);
}

static void commands_survive_each_failure(void **state) {
  (void)state;
  static const uint8_t secret[16] = {1};
  for (long k = 1;; k++) {
    pair_start(&n, NULL, NULL);
    pl_alloc_fail_at(k);
    int rc = net_invite(&n, 1, secret, 1u << 30, 1);
    assert_true(rc == 0 || rc == PL_ENOMEM);
    rc = net_allow(&n, 1, 0);
    assert_true(rc == 0 || rc == PL_ENOMEM);
    uint32_t s = connect_again(connect_again(0));
    pl_engine_event send = {.type = PL_ENGINE_IN_SEND_VOLATILE, .send = {s, 0, {secret, 16}}};
    pl_engine_event priority = {.type = PL_ENGINE_IN_PRIORITY, .priority = {s, 9, 0}};
    pl_engine_event reset = {.type = PL_ENGINE_IN_CHANNEL_RESET, .channel_reset = {s, 10, 0}};
    net_settle(&n);
    rc = net_do(&n, 0, &send);
    assert_true(rc == 0 || rc == PL_ENOMEM || rc == PL_EAGAIN);
    rc = net_do(&n, 0, &priority);
    assert_true(rc == 0 || rc == PL_ENOMEM);
    rc = net_do(&n, 0, &reset);
    assert_true(rc == 0 || rc == PL_ENOMEM);
    net_run(&n, 10000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED) > 0, 1);
    net_close(&n, 0, s);
    net_run(&n, 20000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
    bool never = pl_alloc_fail_at(0) > 0;
    net_deinit(&n);
    if (never) return;
  }
}

/* The first decision about a peer needs memory. */
static void decisions_say_that_memory_ran_out(void **state) {
  (void)state;
  static const pl_engine_event_type types[] = {PL_ENGINE_IN_ALLOW, PL_ENGINE_IN_BLOCK};
  pair_start(&n, NULL, NULL);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(types); i++) {
    pl_alloc_fail_at(1);
    assert_int_equal(net_decide(&n, 1, types[i], 0), PL_ENOMEM);
    assert_int_equal(pl_alloc_fail_at(0), 0);
  }
  for (size_t i = 0; i < PL_ARRAY_LENGTH(types); i++) assert_int_equal(net_decide(&n, 1, types[i], 0), 0);
}

/* A decision that fails because memory ran out has not happened: the stranger is still asking. */
static void an_answer_that_fails_decides_nothing(void **state) {
  (void)state;
  pl_engine_config shy = {.listen = true};
  int failed = 0;
  for (long k = 1, never = 0; !never; k++) {
    pair_start(&n, NULL, &shy);
    (void)connect_again(0);
    net_settle(&n);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_KNOCK), 1);
    while (n.links[0].used && n.links[0].callee >= 0) net_run(&n, 1); /* until only a call back is left */
    pl_alloc_fail_at(k);
    int rc = net_allow(&n, 1, 0);
    never = pl_alloc_fail_at(0) > 0;
    assert_true(rc == 0 || rc == PL_ENOMEM);
    failed += rc != 0;
    net_run(&n, 60000);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION) > 0, rc == 0);
    net_deinit(&n);
  }
  assert_true(failed > 0);
}

/* The end of a session is reported even when the list of actions is full and cannot grow. */
static void the_end_of_a_session_is_told_without_memory(void **state) {
  (void)state;
  pl_engine_config patience = {.session_timeout_ms = 5000};
  for (int messages = 0; messages <= 160; messages++) {
    pair_start(&n, &patience, NULL);
    uint32_t s = connect_again(0);
    net_settle(&n);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
    net_remove(&n, 1);
    for (int i = 0; i < messages; i++) assert_int_equal(net_send(&n, 0, s, 0, "lost", 4), 0);
    net_run(&n, 100);
    n.now_ms += 10000;
    assert_int_equal(net_tell(&n, 0, PL_ENGINE_IN_TIME), 0); /* called late, so it reads first */
    n.now_ms = pl_engine_deadline(n.clients[0].engine);
    pl_alloc_fail_at(1);
    assert_int_equal(net_tell(&n, 0, PL_ENGINE_IN_TIME), 0);
    pl_alloc_fail_at(0);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_UNLINKED), 1);
    net_deinit(&n);
  }
}

static void add(pl_engine_action_queue *q, uint64_t place, bool good) {
  char data[] = "data", text[] = "text";
  pl_engine_action a = {.type = PL_ENGINE_OUT_MESSAGE, .place = place};
  a.data = (pl_view){(const uint8_t *)data, sizeof data - 1};
  a.text = (pl_view){(const uint8_t *)text, sizeof text - 1};
  assert_true((pl_engine_action_queue_add(q, &a) != NULL) == good);
  memset(data, 'x', sizeof data); /* the queue has copies */
  memset(text, 'x', sizeof text);
}

static void nothing_is_queued_behind_a_gap(void **state) {
  pl_engine_action_queue q;
  (void)state;
  pl_engine_action_queue_init(&q);
  add(&q, 1, true);
  add(&q, 2, true);
  pl_alloc_fail_at(1);
  add(&q, 3, false);
  assert_int_equal(pl_alloc_fail_at(0), 0);
  add(&q, 4, false);
  for (uint64_t place = 1; place <= 2; place++) {
    pl_engine_queued_action *a = pl_engine_action_queue_take(&q);
    assert_non_null(a);
    assert_int_equal(a->action.place, place);
    assert_string_equal((const char *)a->action.data.data, "data");
    assert_string_equal((const char *)a->action.text.data, "text");
    pl_engine_queued_action_free(a);
  }
  assert_true(pl_engine_action_queue_is_empty(&q));
  assert_null(pl_engine_action_queue_take(&q));
  add(&q, 5, false);
  pl_engine_action_queue_deinit(&q);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_own(nothing_is_queued_behind_a_gap),
      test_of_own(a_new_engine_may_fail),
      test_of_own(a_conversation_survives_each_failure),
      test_of_own(commands_survive_each_failure),
      test_of_own(decisions_say_that_memory_ran_out),
      test_of_own(an_answer_that_fails_decides_nothing),
      test_of_own(the_end_of_a_session_is_told_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
