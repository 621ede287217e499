/* The memory of messages that came in pieces: of those that are finished the largest is kept to be used again, and each
 * other one is freed. The linker counts calls of pl_free (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/core/session/session.h"

static unsigned freed;
static pl_session_pieces pieces;

void __real_pl_free(void *memory);
void __wrap_pl_free(void *memory);
void __wrap_pl_free(void *memory) {
  freed += memory != NULL;
  __real_pl_free(memory);
}

static pl_session_piece *finished(size_t capacity) {
  pl_session_piece *p = pl_alloc(sizeof *p + capacity);
  assert_non_null(p);
  p->capacity = capacity;
  p->next = pieces.finished;
  return pieces.finished = p;
}

static int start(void **state) {
  (void)state;
  pieces = (pl_session_pieces){NULL, NULL};
  freed = 0;
  return 0;
}

static void the_largest_is_kept(void **state) {
  (void)state;
  pl_session_pieces_release(&pieces);
  assert_null(pieces.spare);
  pl_session_piece *large = finished(300);
  (void)finished(100);
  (void)finished(200);
  pl_session_pieces_release(&pieces);
  assert_null(pieces.finished);
  assert_ptr_equal(pieces.spare, large);
  assert_int_equal(freed, 2);
  (void)finished(299);
  pl_session_pieces_release(&pieces);
  assert_ptr_equal(pieces.spare, large);
  assert_int_equal(freed, 3);
  pl_session_piece *larger = finished(301);
  pl_session_pieces_release(&pieces);
  assert_ptr_equal(pieces.spare, larger);
  assert_int_equal(freed, 4);
  pl_session_pieces_deinit(&pieces);
  assert_int_equal(freed, 5);
}

static void nothing_is_left(void **state) {
  (void)state;
  (void)finished(100);
  pl_session_pieces_release(&pieces);
  (void)finished(50);
  (void)finished(100);
  pl_session_pieces_deinit(&pieces);
  assert_int_equal(freed, 3);
  assert_null(pieces.finished);
  assert_null(pieces.spare);
  pl_session_pieces_deinit(&pieces); /* once more does no harm */
  assert_int_equal(freed, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(the_largest_is_kept, start),
      cmocka_unit_test_setup(nothing_is_left, start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
