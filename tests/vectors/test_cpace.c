/* The published vector of CPace with ristretto255 and SHA-512, step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/cpace/cpace.h"
#include "vector_file.h"

static pl_view view(const pl_bytes *b) {
  return (pl_view){b->data, b->size};
}

static void every_step_gives_the_published_value(void **state) {
  (void)state;
  json_t *v = vector_file("cpace-ristretto255-sha512.json");
  pl_bytes prs, ci, sid, g, scalar[2], share[2], ad[2], isk;
  vector_hex(&prs, v, "PRS");
  vector_hex(&ci, v, "CI");
  vector_hex(&sid, v, "sid");
  vector_hex(&g, v, "g");
  vector_hex(&scalar[0], v, "ya");
  vector_hex(&scalar[1], v, "yb");
  vector_hex(&share[0], v, "Ya");
  vector_hex(&share[1], v, "Yb");
  vector_hex(&ad[0], v, "ADa");
  vector_hex(&ad[1], v, "ADb");
  vector_hex(&isk, v, "ISK_initiator_responder");
  uint8_t generator[32], key[64];
  pl_cpace_side side[2];
  assert_int_equal(pl_cpace_generator(generator, view(&prs), view(&ci), view(&sid)), 0);
  assert_memory_equal(generator, g.data, 32);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(pl_cpace_share(side[i].share, generator, scalar[i].data), 0);
    assert_memory_equal(side[i].share, share[i].data, 32);
    side[i].associated_data = view(&ad[i]);
  }
  for (int i = 0; i < 2; i++) {
    assert_int_equal(pl_cpace_key(key, scalar[i].data, i == 0, view(&sid), &side[0], &side[1]), 0);
    assert_memory_equal(key, isk.data, 64);
  }
  json_decref(v);
}

static void published_invalid_points_are_refused(void **state) {
  (void)state;
  json_t *v = vector_file("cpace-ristretto255-sha512.json");
  json_t *points = json_object_get(v, "invalid_points");
  assert_true(json_array_size(points) > 0);
  pl_cpace_side a = {.associated_data = {NULL, 0}}, b = a;
  uint8_t scalar[32] = {5}, key[64];
  for (size_t i = 0; i < json_array_size(points); i++) {
    const char *hex = json_string_value(json_array_get(points, i));
    assert_int_equal(strlen(hex), 64);
    for (size_t k = 0; k < 32; k++) {
      char byte[3] = {hex[2 * k], hex[2 * k + 1], '\0'};
      b.share[k] = (uint8_t)strtoul(byte, NULL, 16);
    }
    assert_int_equal(pl_cpace_key(key, scalar, true, (pl_view){NULL, 0}, &a, &b), PL_ECRYPTO);
  }
  json_decref(v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_step_gives_the_published_value),
      cmocka_unit_test(published_invalid_points_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
