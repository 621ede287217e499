/* No memory that is freed still holds a secret: neither an invite's, nor the key of an identity, nor the words of a
 * code. The linker puts a watch on pl_free (--wrap). */
#include <malloc.h>

#include "client/core/engine/action_queue.h"
#include "pair.h"

enum { WATCHED_MAX = 4 };

static pl_view watched[WATCHED_MAX];
static size_t watched_count, freed;

void __real_pl_free(void *memory);
void __wrap_pl_free(void *memory);
void __wrap_pl_free(void *memory) {
  size_t size = memory ? malloc_usable_size(memory) : 0;
  for (size_t i = 0; i < watched_count; i++)
    if (size && memmem(memory, size, watched[i].data, watched[i].size)) fail_msg("secret %zu is not wiped", i);
  freed += memory != NULL;
  __real_pl_free(memory);
}

static void watch(const void *secret, size_t size) {
  assert_true(watched_count < WATCHED_MAX);
  watched[watched_count++] = (pl_view){secret, size};
}

static int unwatch(void **state) {
  (void)state;
  watched_count = 0;
  return 0;
}

static void the_words_of_a_code(void **state) {
  (void)state;
  static const char text[] = "4821-copper-violin";
  pl_engine_action_queue q;
  pl_engine_action a = {.type = PL_ENGINE_OUT_CODE, .text = {(const uint8_t *)text, sizeof text - 1}};
  pl_engine_action_queue_init(&q);
  assert_non_null(pl_engine_action_queue_add(&q, &a));
  assert_non_null(pl_engine_action_queue_add(&q, &a));
  watch(text, sizeof text - 1);
  freed = 0;
  pl_engine_queued_action_free(pl_engine_action_queue_take(&q));
  pl_engine_action_queue_deinit(&q);
  assert_int_equal(freed, 2);
}

/* Of links and sessions that end, and of engines. */
static void invites_and_identities(void **state) {
  (void)state;
  static const uint8_t secret[16] = "0123456789abcde";
  pl_identity identity[2];
  pl_engine_config shy = {.listen = true};
  pair_start(&n, NULL, &shy);
  for (int i = 0; i < 2; i++) {
    identity[i] = n.clients[i].config.identity;
    watch(identity[i].secret, sizeof identity[i].secret);
  }
  watch(secret, sizeof secret);
  assert_int_equal(net_invite(&n, 1, secret, n.now_ms + 60000, 1), 0);
  uint32_t session = net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  assert_int_equal(net_count(&n, 1, PL_ENGINE_OUT_SESSION), 1);
  net_cut(&n, 1);
  net_run(&n, 10000);
  assert_int_equal(net_close(&n, 0, session), 0);
  net_run(&n, 30000);
  net_connect(&n, 0, 1, NULL, secret);
  net_settle(&n);
  freed = 0;
  for (int i = 0; i < 2; i++) net_remove(&n, i);
  assert_true(freed > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(the_words_of_a_code, unwatch),
      cmocka_unit_test_teardown(invites_and_identities, unwatch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
