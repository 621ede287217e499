/* What CPace must refuse, and that the keys agree exactly when all inputs are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/cpace/cpace.h"

static pl_view text(const char *s) {
  return (pl_view){(const uint8_t *)s, strlen(s)};
}

typedef struct run {
  const char *prs[2], *ci[2], *sid[2];
} run;

/* Runs both sides. Returns whether their keys agree. */
static bool agrees(const run *r) {
  uint8_t generator[2][32], scalar[2][32], key[2][64];
  pl_cpace_side side[2] = {{.associated_data = text("ADa")}, {.associated_data = text("ADb")}};
  for (int i = 0; i < 2; i++) {
    memset(scalar[i], 7 + i, 32);
    assert_int_equal(pl_cpace_generator(generator[i], text(r->prs[i]), text(r->ci[i]), text(r->sid[i])), 0);
    assert_int_equal(pl_cpace_share(side[i].share, generator[i], scalar[i]), 0);
  }
  for (int i = 0; i < 2; i++)
    assert_int_equal(pl_cpace_key(key[i], scalar[i], i == 0, text(r->sid[i]), &side[0], &side[1]), 0);
  return memcmp(key[0], key[1], 64) == 0;
}

static void keys_agree_only_when_all_inputs_do(void **state) {
  (void)state;
  assert_true(agrees(&(run){{"copper violin", "copper violin"}, {"ci", "ci"}, {"sid", "sid"}}));
  assert_false(agrees(&(run){{"copper violin", "copper violet"}, {"ci", "ci"}, {"sid", "sid"}}));
  assert_false(agrees(&(run){{"copper violin", "copper violin"}, {"ci", "cj"}, {"sid", "sid"}}));
  assert_false(agrees(&(run){{"copper violin", "copper violin"}, {"ci", "ci"}, {"sid", "sie"}}));
}

static void associated_data_and_roles_are_bound(void **state) {
  (void)state;
  uint8_t generator[32], scalar[32], other[32], key[64], changed[64];
  memset(scalar, 1, 32);
  memset(other, 2, 32);
  pl_cpace_side a = {.associated_data = text("a")}, b = {.associated_data = text("b")};
  assert_int_equal(pl_cpace_generator(generator, text("p"), text(""), text("")), 0);
  assert_int_equal(pl_cpace_share(a.share, generator, scalar), 0);
  assert_int_equal(pl_cpace_share(b.share, generator, other), 0);
  assert_int_equal(pl_cpace_key(key, scalar, true, text(""), &a, &b), 0);
  b.associated_data = text("c");
  assert_int_equal(pl_cpace_key(changed, scalar, true, text(""), &a, &b), 0);
  assert_memory_not_equal(key, changed, 64);
  b.associated_data = text("b");
  assert_int_equal(pl_cpace_key(changed, scalar, false, text(""), &b, &a), 0);
  assert_memory_not_equal(key, changed, 64);
}

/* Lengths below 128 take one byte, others two, with the lower seven bits first. */
static void put_part(pl_writer *w, const void *data, size_t size) {
  pl_write_u8(w, (uint8_t)(size < 128 ? size : 0x80 | (size & 0x7f)));
  if (size >= 128) pl_write_u8(w, (uint8_t)(size >> 7));
  pl_write_bytes(w, data, size);
}

static void lengths_are_written_out(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 90, 107, 108, 109, 110, 111, 126, 127, 128, 129, 255, 256, 300};
  static const uint8_t zeros[128] = {0};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(sizes); k++) {
    uint8_t part[300], all[2000], digest[64], expected[32], generator[32];
    memset(part, 'p', sizeof part);
    pl_writer w = pl_writer_of(all, sizeof all);
    put_part(&w, "CPaceRistretto255", 17);
    put_part(&w, part, sizes[k]);
    size_t used = pl_writer_used(&w);
    put_part(&w, zeros, used + 1 < 128 ? 128 - used - 1 : 0);
    for (int i = 0; i < 2; i++) put_part(&w, part, sizes[k]);
    crypto_hash_sha512(digest, all, pl_writer_used(&w));
    crypto_core_ristretto255_from_hash(expected, digest);
    pl_view view = {part, sizes[k]};
    assert_int_equal(pl_cpace_generator(generator, view, view, view), 0);
    assert_memory_equal(generator, expected, 32);
  }
}

static void points_outside_the_group_are_refused(void **state) {
  (void)state;
  uint8_t generator[32], scalar[32], zero[32] = {0}, key[64];
  memset(scalar, 3, 32);
  pl_cpace_side a = {.associated_data = text("")}, b = {.associated_data = text("")};
  assert_int_equal(pl_cpace_generator(generator, text("p"), text(""), text("")), 0);
  assert_int_equal(pl_cpace_share(a.share, generator, scalar), 0);
  assert_int_equal(pl_cpace_share(b.share, generator, zero), PL_ECRYPTO);
  memset(b.share, 0, 32); /* the neutral element */
  assert_int_equal(pl_cpace_key(key, scalar, true, text(""), &a, &b), PL_ECRYPTO);
  memset(b.share, 0xff, 32); /* does not encode a point */
  assert_int_equal(pl_cpace_key(key, scalar, true, text(""), &a, &b), PL_ECRYPTO);
}

static void parts_over_their_maximum_are_refused(void **state) {
  (void)state;
  static uint8_t big[16384];
  uint8_t generator[32], scalar[32] = {1}, key[64];
  pl_view over = {big, sizeof big}, most = {big, sizeof big - 1}, none = {NULL, 0};
  assert_int_equal(pl_cpace_generator(generator, over, none, none), PL_EMSGSIZE);
  assert_int_equal(pl_cpace_generator(generator, none, over, none), PL_EMSGSIZE);
  assert_int_equal(pl_cpace_generator(generator, none, none, over), PL_EMSGSIZE);
  assert_int_equal(pl_cpace_generator(generator, most, most, most), 0);
  pl_cpace_side a = {.associated_data = over}, b = {.associated_data = none};
  assert_int_equal(pl_cpace_key(key, scalar, true, none, &a, &b), PL_EMSGSIZE);
  assert_int_equal(pl_cpace_key(key, scalar, true, none, &b, &a), PL_EMSGSIZE);
  assert_int_equal(pl_cpace_key(key, scalar, true, over, &b, &b), PL_EMSGSIZE);
  a.associated_data = b.associated_data = most;
  assert_int_equal(pl_cpace_share(a.share, generator, scalar), 0);
  memcpy(b.share, a.share, 32);
  assert_int_equal(pl_cpace_key(key, scalar, true, most, &a, &b), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lengths_are_written_out),
      cmocka_unit_test(keys_agree_only_when_all_inputs_do),
      cmocka_unit_test(associated_data_and_roles_are_bound),
      cmocka_unit_test(points_outside_the_group_are_refused),
      cmocka_unit_test(parts_over_their_maximum_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
