/* What is changed on its way, or sent by anybody on the way, costs a link but never a session. */
#include "client/core/engine/engine_state.h"
#include "pair.h"

typedef struct fault {
  uint8_t type;    /* of the envelopes that are changed */
  unsigned passes; /* this many of them pass first */
  unsigned left;   /* then this many are changed */
  int from;        /* of this client; -1: of any */
  unsigned opens;  /* OPENs seen */
  bool let_link;   /* the first two records of each link pass: both HELLOs */
} fault;
static fault f;

static bool change(net *x, int from, const pl_envelope *e) {
  (void)x;
  f.opens += e->type == PL_ENV_OPEN;
  if (e->type == PL_ENV_OPEN && f.let_link) f.passes = 2;
  if (e->type != f.type || (f.from >= 0 && from != f.from)) return false;
  if (f.passes) {
    f.passes--;
  } else if (f.left) {
    f.left--;
    ((uint8_t *)(uintptr_t)e->payload.data)[e->payload.size - 1] ^= 1;
  }
  return false;
}

static void start(uint32_t *a, uint32_t *b) {
  pair_start(&n, NULL, NULL);
  pair_link(&n, a, b);
  f = (fault){.from = -1};
  n.drop = change;
}

static void session_goes_on(uint32_t a, uint32_t b) {
  net_forget(&n, 0);
  net_forget(&n, 1);
  assert_int_equal(net_send(&n, 0, a, 5, "there", 5), 0);
  assert_int_equal(net_send(&n, 1, b, 5, "back", 4), 0);
  net_run(&n, 15000);
  for (int i = 0; i < 2; i++) {
    net_seen *m = net_find(&n, i, PL_ENGINE_OUT_MESSAGE, 0);
    assert_non_null(m);
    assert_int_equal(m->a.channel, 5);
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_MESSAGE), 1);
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_LOST) + net_count(&n, i, PL_ENGINE_OUT_STREAM_RESET), 0);
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  }
}

static void a_changed_record_costs_the_link(void **state) {
  (void)state;
  uint32_t a, b;
  for (int from = 0; from < 2; from++) {
    start(&a, &b);
    f.type = PL_ENV_DATA;
    f.left = 1;
    f.from = from;
    assert_int_equal(net_send(&n, from, from ? b : a, 0, "secret", 6), 0);
    net_settle(&n);
    for (int i = 0; i < 2; i++)
      assert_int_equal(net_find(&n, i, PL_ENGINE_OUT_UNLINKED, 0)->a.reason, PL_REASON_CORRUPT);
    assert_string_equal(net_find(&n, 1 - from, PL_ENGINE_OUT_LOG, 0)->text,
                        "event=record_refused reason=a proof or a seal is wrong");
    net_run(&n, 5000);
    assert_int_equal(net_count(&n, 1 - from, PL_ENGINE_OUT_MESSAGE), 1);
    assert_memory_equal(net_find(&n, 1 - from, PL_ENGINE_OUT_MESSAGE, 0)->data, "secret", 6);
    session_goes_on(a, b);
    net_deinit(&n);
  }
}

static bool repeat(net *x, int from, const pl_envelope *e) {
  if (from == 0 && e->type == PL_ENV_DATA && f.left) {
    f.left--;
    for (int k = 0; k < NET_LINKS; k++)
      if (x->links[k].linked && x->links[k].caller_number == e->link)
        net_to_client(x, 1, e->type, e->flags, x->links[k].callee_number, e->payload.data, e->payload.size);
  }
  return false;
}

static void a_repeated_record_costs_the_link(void **state) {
  (void)state;
  uint32_t a, b;
  start(&a, &b);
  n.drop = repeat;
  f.left = 1;
  assert_int_equal(net_send(&n, 0, a, 0, "once", 4), 0);
  net_run(&n, 5000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_UNLINKED), 1);
  session_goes_on(a, b);
}

/* A relay lets each link come up and then changes records: calls become fewer and fewer, but never end. */
static void a_relay_that_always_changes_records_is_called_less_and_less(void **state) {
  (void)state;
  uint32_t a, b;
  start(&a, &b);
  f.type = PL_ENV_DATA;
  f.let_link = true;
  f.left = UINT32_MAX;
  assert_int_equal(net_send(&n, 0, a, 0, "patience", 8), 0);
  net_run(&n, 60000);
  unsigned first = f.opens;
  net_run(&n, 600000);
  assert_true(first >= 4);
  assert_true(f.opens - first >= 30 && f.opens - first < 400);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 0);
  f.left = 0;
  net_run(&n, 30000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
  session_goes_on(a, b);
}

static void changed_answers_and_first_records_are_asked_for_again(void **state) {
  (void)state;
  static const uint8_t types[] = {PL_ENV_ACCEPT, PL_ENV_DATA};
  for (size_t k = 0; k < 2; k++) {
    pair_start(&n, NULL, NULL);
    f = (fault){.type = types[k], .left = 6, .from = -1};
    n.drop = change;
    uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
    net_run(&n, 60000);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
    assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 1);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
    assert_true(f.opens >= 4);
    session_goes_on(
        a, net_find(&n, 1, PL_ENGINE_OUT_SESSION, 0) ? net_find(&n, 1, PL_ENGINE_OUT_SESSION, 0)->a.session : 0);
    net_deinit(&n);
  }
}

static void tell_both(uint16_t reason) {
  uint8_t payload[2];
  pl_put_u16(payload, reason);
  for (int k = 0; k < NET_LINKS; k++) {
    net_link *l = &n.links[k];
    if (!l->used || !l->linked) continue;
    net_to_client(&n, l->caller, PL_ENV_RESET, 0, l->caller_number, payload, 2);
    net_to_client(&n, l->callee, PL_ENV_RESET, 0, l->callee_number, payload, 2);
    n.clients[l->callee].slot_used[pl_link_number_slot(l->callee_number)] = false;
    l->used = false;
  }
}

static void the_word_of_a_relay_ends_no_session(void **state) {
  (void)state;
  static const uint16_t reasons[] = {PL_REASON_REFUSED, PL_REASON_PROTOCOL, PL_REASON_UNSUPPORTED,
                                     PL_REASON_REVOKED, PL_REASON_CLOSED,   0xffff};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(reasons); k++) {
    uint32_t a, b;
    start(&a, &b);
    tell_both(reasons[k]);
    net_settle(&n);
    for (int i = 0; i < 2; i++) assert_int_equal(net_find(&n, i, PL_ENGINE_OUT_UNLINKED, 0)->a.reason, reasons[k]);
    net_run(&n, 5000);
    session_goes_on(a, b);
    net_deinit(&n);
  }
}

static void a_relay_that_ends_every_link_is_called_less_and_less(void **state) {
  (void)state;
  uint32_t a, b;
  start(&a, &b);
  for (int second = 0; second < 600; second++) {
    tell_both(PL_REASON_REFUSED);
    net_run(&n, 1000);
  }
  assert_true(f.opens >= 30 && f.opens < 400);
  session_goes_on(a, b);
  tell_both(PL_REASON_REFUSED); /* a link that held for a minute starts a new count */
  net_run(&n, 15000);
  net_run(&n, 61000);
  net_forget(&n, 0);
  tell_both(PL_REASON_REFUSED);
  net_settle(&n);
  net_seen *lost = net_find(&n, 0, PL_ENGINE_OUT_UNLINKED, 0);
  if (lost->a.time_ms != PL_NEVER) assert_true(lost->a.time_ms < n.now_ms + 4000);
  net_run(&n, 15000);
  session_goes_on(a, b);
}

/* Before anything was agreed on, the reason of a RESET is the answer to the call. */
static void a_call_may_be_refused(void **state) {
  (void)state;
  static const uint16_t reasons[] = {PL_REASON_REFUSED, PL_REASON_PROTOCOL, PL_REASON_UNSUPPORTED, PL_REASON_REVOKED};
  for (size_t k = 0; k < 2 * PL_ARRAY_LENGTH(reasons); k++) {
    uint8_t payload[2];
    pl_put_u16(payload, reasons[k / 2]);
    pair_start(&n, NULL, NULL);
    n.clients[1].frozen = true;
    (void)net_connect(&n, 0, 1, NULL, NULL);
    net_turn(&n);
    if (k % 2) { /* accepted, not confirmed */
      n.clients[1].frozen = false;
      while (!n.links[0].linked) net_turn(&n);
      n.clients[1].frozen = true;
      net_turn(&n);
    }
    net_to_client(&n, 0, PL_ENV_RESET, 0, n.links[0].caller_number, payload, 2);
    net_settle(&n);
    net_seen *closed = net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0);
    assert_non_null(closed);
    assert_int_equal(closed->a.reason, reasons[k / 2]);
    net_deinit(&n);
  }
}

/* Seals frames of the test's choice with the keys of client i's link. */
static void say(int i, const void *frames, size_t size) {
  uint8_t record[256];
  pl_engine_link *l = PL_CONTAINER(n.clients[i].engine->links.next, pl_engine_link, node);
  int sealed = pl_noise_seal(&l->keys, PL_ENV_DATA, 0, frames, size, record);
  assert_true(sealed > 0);
  uint8_t envelope[300];
  pl_envelope_put_header(envelope, PL_ENV_DATA, 0, (size_t)sealed, l->number);
  memcpy(envelope + PL_CONST_ENVELOPE_HEADER_BYTES, record, (size_t)sealed);
  net_relay_message(&n, i, envelope, PL_CONST_ENVELOPE_HEADER_BYTES + (size_t)sealed);
}

static void a_peer_that_breaks_the_protocol_is_told_by_close(void **state) {
  (void)state;
  static const uint8_t cut_short[] = {PL_FRAME_DATA, 0, 9, 1};
  for (int cut = 0; cut < 2; cut++) {
    uint32_t a, b;
    start(&a, &b);
    assert_int_equal(net_send(&n, 1, b, 0, "not taken", 9), 0);
    say(0, cut_short, sizeof cut_short);
    if (cut) { /* CLOSE is lost; it is sent again on the peer's next link */
      f.type = PL_ENV_DATA;
      f.left = 1;
      f.from = 1;
    }
    net_run(&n, 14000);
    net_seen *told = net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0),
             *own = net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0);
    assert_non_null(told);
    assert_non_null(own);
    assert_int_equal(told->a.reason, PL_REASON_PROTOCOL);
    assert_int_equal(own->a.error, PL_EPROTOCOL);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_LOST), 1);
    assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
    net_run(&n, 20000);
    for (int i = 0; i < 2; i++) assert_true(pl_list_empty(&n.clients[i].engine->links));
    net_deinit(&n);
  }
}

static void a_peer_that_keeps_breaking_it_is_cut_off(void **state) {
  (void)state;
  static const uint8_t cut_short[] = {PL_FRAME_HELLO, 0, 9, 1};
  uint32_t a, b;
  start(&a, &b);
  say(0, cut_short, sizeof cut_short);
  say(0, cut_short, sizeof cut_short);
  net_run(&n, 1000);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_SESSION_CLOSED), 1);
    assert_true(pl_list_empty(&n.clients[i].engine->links));
  }
}

static void a_message_too_large_for_the_peer_is_told_to_it(void **state) {
  (void)state;
  static uint8_t large[5000];
  pl_engine_config small = {.listen = true, .accept_all = true, .message_max = 1000, .channel_window = 2000};
  pair_start(&n, NULL, &small);
  uint32_t a = net_connect(&n, 0, 1, NULL, NULL);
  assert_int_equal(net_send(&n, 0, a, 0, large, sizeof large), 0);
  net_run(&n, 2000);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_EMSGSIZE);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LOST), 1);
  net_seen *told = net_find(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED, 0);
  assert_non_null(told);
  assert_int_equal(told->a.error, PL_EREFUSED);
  assert_string_equal(told->text, "message too large");
}

static void a_link_that_carried_much_is_replaced_without_a_pause(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config often = {.replace_after_bytes = 100000, .message_max = 9999, .channel_window = 20000};
  pl_engine_config listener = {.listen = true, .accept_all = true, .message_max = 9999, .channel_window = 20000};
  pair_start(&n, &often, &listener);
  pair_link(&n, &a, &b);
  f = (fault){.from = -1};
  n.drop = change;
  pair_exchange(&n, a, b, 600, 2, 9999);
  uint64_t carried = n.clients[0].bytes_out + n.clients[1].bytes_out;
  assert_true(carried > 1000000);
  assert_true(f.opens >= 5 && f.opens <= carried / 100000);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_UNLINKED), 0);
  net_run(&n, 1000);
  int links = 0;
  for (int k = 0; k < NET_LINKS; k++) links += n.links[k].used;
  assert_int_equal(links, 1);
  session_goes_on(a, b);
}

static bool refuse_opens(net *x, int from, const pl_envelope *e) {
  uint8_t payload[2];
  if (e->type != PL_ENV_OPEN) return false;
  f.opens++;
  pl_put_u16(payload, PL_REASON_REFUSED);
  net_to_client(x, from, PL_ENV_RESET, 0, e->link, payload, sizeof payload);
  return true;
}

/* While a link is in use, the answer to a call is only a hint. */
static void a_refused_replacement_leaves_the_link_that_is_there(void **state) {
  (void)state;
  uint32_t a, b;
  pl_engine_config often = {.replace_after_bytes = 100000, .message_max = 9999, .channel_window = 20000};
  pair_start(&n, &often, NULL);
  pair_link(&n, &a, &b);
  f = (fault){.from = -1};
  n.drop = refuse_opens;
  pair_exchange(&n, a, b, 200, 2, 9999);
  assert_true(f.opens > 0);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_UNLINKED), 0);
  session_goes_on(a, b);
}

/* Ends the first replacement with its first record, as the peer does when that does not open. */
static bool corrupt_first_replacement(net *x, int from, const pl_envelope *e) {
  uint8_t payload[2];
  if (from == 0 && e->type == PL_ENV_OPEN) f.opens++;
  if (from != 0 || e->type != PL_ENV_DATA || f.opens != 1 || pl_link_number_slot(e->link) == 0) return false;
  pl_put_u16(payload, PL_REASON_CORRUPT);
  net_to_client(x, from, PL_ENV_RESET, 0, e->link, payload, sizeof payload);
  return true;
}

/* The session is idle afterwards, so no more traffic reminds the opener of its old link. */
static void a_replacement_that_is_lost_before_it_is_in_step_is_made_again(void **state) {
  (void)state;
  static const uint8_t message[9999];
  uint32_t a, b;
  pl_engine_config often = {.replace_after_bytes = 10000, .message_max = 9999, .channel_window = 20000};
  pl_engine_config listener = {.listen = true, .accept_all = true, .message_max = 9999, .channel_window = 20000};
  pair_start(&n, &often, &listener);
  pair_link(&n, &a, &b);
  f = (fault){.from = -1};
  n.drop = corrupt_first_replacement;
  assert_int_equal(net_send(&n, 0, a, 0, message, sizeof message), 0);
  net_run(&n, 60000);
  assert_int_equal(f.opens, 2);
  const pl_engine_link *used = PL_CONTAINER(n.clients[0].engine->links.next, const pl_engine_link, node);
  assert_ptr_equal(used->node.next, &n.clients[0].engine->links);
  assert_true(used->bytes < 10000);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_UNLINKED), 0);
  session_goes_on(a, b);
}

/* ---- a record that cannot be sealed ------------------------------------------------------------------------------ */

static void *cipher_begin(const uint8_t key[32], bool sealing) {
  static uint8_t unused;
  (void)key;
  return sealing ? &unused : NULL;
}

static bool cipher_seal(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *plain, size_t size,
                        uint8_t *out) {
  (void)key;
  (void)nonce;
  (void)ad;
  (void)plain;
  (void)size;
  (void)out;
  return false;
}

static void cipher_end(void *key) {
  (void)key;
}

static const pl_aead broken_cipher = {cipher_begin, cipher_seal, NULL, cipher_end};

static bool count_pings(net *x, int from, const pl_envelope *e) {
  (void)x;
  f.opens += from == 0 && e->type == PL_ENV_OPEN;
  f.left += from == 0 && e->type == PL_ENV_PING;
  return false;
}

/* The link ends with the next step, and the engine does not take this for lateness of its own: the one PING goes with
 * the first call, since the relay was silent before. */
static void a_link_that_cannot_seal_ends_at_once(void **state) {
  (void)state;
  pl_engine_config config = {.aead = &broken_cipher};
  pair_start(&n, &config, NULL);
  net_run(&n, 10000);
  f = (fault){.from = -1};
  n.drop = count_pings;
  (void)net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_true(f.opens > 1); /* it is called again without a wait */
  net_run(&n, 2000);
  assert_int_equal(f.left, 1);
}

/* ---- sessions that were closed ----------------------------------------------------------------------------------- */

static bool lose_records(net *x, int from, const pl_envelope *e) {
  (void)x;
  return from == f.from && e->type == PL_ENV_DATA;
}

/* Both forget nothing of a session for a while, even when the next one has begun. */
static void a_late_call_for_a_closed_session_does_no_harm_to_the_next(void **state) {
  (void)state;
  uint32_t a, b;
  pair_start(&n, NULL, NULL);
  pair_link(&n, &a, &b);
  assert_int_equal(net_send(&n, 0, a, 0, "first", 5), 0);
  net_settle(&n);
  f = (fault){.from = 1};
  n.drop = lose_records;
  assert_int_equal(net_close(&n, 0, a), 0);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 1); /* its answer is lost */
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  n.drop = NULL;
  net_forget(&n, 1);
  uint32_t next = net_connect(&n, 0, 1, n.clients[1].config.instance, NULL);
  assert_int_not_equal(next, a);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_LINKED), 1);
  assert_int_equal(net_send(&n, 0, next, 0, "second", 6), 0);
  net_run(&n, 20000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION_CLOSED), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(net_count(&n, i, PL_ENGINE_OUT_STREAM_RESET), 0);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
}

/* A session that was closed before its first HELLO says nothing more once the peer has the next one. */
static void a_session_that_nobody_heard_of_ends_with_the_next(void **state) {
  (void)state;
  pair_start(&n, NULL, NULL);
  f = (fault){.from = 1};
  n.drop = lose_records;
  uint32_t first = net_connect(&n, 0, 1, NULL, NULL);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_LINKED), 1);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_LINKED), 0);
  assert_int_equal(net_close(&n, 0, first), 0);
  uint32_t next = net_connect(&n, 0, 1, n.clients[1].config.instance, NULL);
  n.drop = NULL;
  net_run(&n, 2000);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED), 1);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.session, first);
  assert_int_equal(net_find(&n, 0, PL_ENGINE_OUT_SESSION_CLOSED, 0)->a.error, PL_OK);
  assert_int_equal(net_send(&n, 0, next, 0, "heard", 5), 0);
  net_run(&n, 20000);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_MESSAGE), 1);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_STREAM_RESET), 0);
  assert_int_equal(net_count(&n, 0, PL_ENGINE_OUT_UNLINKED), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      test_of_own(a_changed_record_costs_the_link),
      test_of_own(a_repeated_record_costs_the_link),
      test_of_own(a_relay_that_always_changes_records_is_called_less_and_less),
      test_of_own(changed_answers_and_first_records_are_asked_for_again),
      test_of_own(the_word_of_a_relay_ends_no_session),
      test_of_own(a_relay_that_ends_every_link_is_called_less_and_less),
      test_of_own(a_call_may_be_refused),
      test_of_own(a_peer_that_breaks_the_protocol_is_told_by_close),
      test_of_own(a_peer_that_keeps_breaking_it_is_cut_off),
      test_of_own(a_message_too_large_for_the_peer_is_told_to_it),
      test_of_own(a_link_that_carried_much_is_replaced_without_a_pause),
      test_of_own(a_refused_replacement_leaves_the_link_that_is_there),
      test_of_own(a_replacement_that_is_lost_before_it_is_in_step_is_made_again),
      test_of_own(a_link_that_cannot_seal_ends_at_once),
      test_of_own(a_late_call_for_a_closed_session_does_no_harm_to_the_next),
      test_of_own(a_session_that_nobody_heard_of_ends_with_the_next),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
