/* The hash table and the heap of deadlines, compared with plain lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/core/base/heap.h"
#include "client/core/base/table.h"

enum { MANY = 5000 };

typedef struct thing {
  pl_table_node node;
  pl_heap_node time;
  uint64_t hash, key;
  size_t number;
  bool in;
} thing;

typedef struct fixture {
  pl_table table;
  pl_heap heap;
  uint64_t random;
  thing things[MANY];
} fixture;

static int setup(void **state) {
  fixture *f = calloc(1, sizeof *f);
  if (!f) return -1;
  f->random = 1;
  pl_table_init(&f->table);
  for (size_t i = 0; i < MANY; i++) f->things[i].number = f->things[i].time.order = i;
  *state = f;
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  pl_table_deinit(&f->table);
  pl_heap_deinit(&f->heap);
  free(f);
  return 0;
}

static uint64_t next_random(fixture *f) {
  f->random = f->random * 6364136223846793005u + 1442695040888963407u;
  return f->random >> 33;
}

static thing *thing_of(pl_table_node *n) {
  return n ? PL_CONTAINER(n, thing, node) : NULL;
}

static void put(fixture *f, size_t i, uint64_t hash) {
  f->things[i].hash = hash;
  f->things[i].in = true;
  pl_table_put(&f->table, &f->things[i].node, hash);
}

static void take_out(fixture *f, size_t i) {
  f->things[i].in = false;
  pl_table_remove(&f->table, &f->things[i].node);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static void equal_hashes_stay_in_order(void **state) {
  fixture *f = *state;
  enum { HASHES = 40 };
  for (size_t i = 0; i < MANY; i++) put(f, i, i % HASHES); /* the table grows meanwhile */
  assert_int_equal(f->table.count, MANY);
  for (size_t h = 0; h < HASHES; h++) {
    thing *t = thing_of(pl_table_first(&f->table, h));
    for (size_t i = h; i < MANY; i += HASHES, t = thing_of(pl_table_next(&t->node))) assert_ptr_equal(t, &f->things[i]);
    assert_null(t);
  }
  assert_null(pl_table_first(&f->table, HASHES));
}

static void the_current_one_may_be_removed(void **state) {
  fixture *f = *state;
  for (size_t i = 0; i < MANY; i++) put(f, i, i % 3);
  size_t seen = 0;
  for (pl_table_node *n = pl_table_first(&f->table, 1), *next; n; n = next) {
    next = pl_table_next(n);
    if (seen++ % 2) take_out(f, thing_of(n)->number);
  }
  assert_int_equal(seen, (MANY + 1) / 3);
  size_t left = 0;
  for (pl_table_node *n = pl_table_first(&f->table, 1); n; n = pl_table_next(n), left++) assert_true(thing_of(n)->in);
  assert_int_equal(left, (seen + 1) / 2);
}

static void everything_put_in_is_found(void **state) {
  fixture *f = *state;
  for (size_t round = 0; round < 20000; round++) {
    size_t i = next_random(f) % MANY;
    if (f->things[i].in)
      take_out(f, i);
    else
      put(f, i, next_random(f));
  }
  size_t count = 0;
  for (size_t i = 0; i < MANY; i++) {
    thing *t = &f->things[i];
    pl_table_node *n = pl_table_first(&f->table, t->hash);
    while (n && n != &t->node) n = pl_table_next(n);
    assert_int_equal(n != NULL, t->in);
    count += t->in;
  }
  assert_int_equal(f->table.count, count);
}

/* With one bucket, and with 8 that cannot become 16. */
static void it_works_without_memory(void **state) {
  fixture *f = *state;
  for (size_t i = 0; i < 100; i++) {
    bool fails = i != 0 && i != 20;
    if (fails) pl_alloc_fail_at(1);
    put(f, i, i);
    if (fails) pl_alloc_fail_at(0);
    if (i == 19) assert_int_equal(f->table.bucket_count, 1);
  }
  assert_int_equal(f->table.bucket_count, 8);
  for (size_t i = 0; i < 100; i++) assert_ptr_equal(thing_of(pl_table_first(&f->table, i)), &f->things[i]);
  for (size_t i = 0; i < 100; i++) take_out(f, i);
  assert_int_equal(f->table.count, 0);
}

/* ---- the heap ---------------------------------------------------------------------------------------------------- */

/* Returns the one that must come first, by looking at all. */
static thing *earliest(fixture *f) {
  thing *first = NULL;
  for (size_t i = 0; i < MANY; i++) {
    thing *t = &f->things[i];
    if (t->in && (!first || t->key < first->key)) first = t; /* of equal ones the lowest number */
  }
  return first;
}

static void set(fixture *f, size_t i, uint64_t key) {
  f->things[i].key = key;
  f->things[i].in = key != PL_NEVER;
  pl_heap_set(&f->heap, &f->things[i].time, key);
}

static void the_earliest_comes_first(void **state) {
  fixture *f = *state;
  assert_int_equal(pl_heap_reserve(&f->heap, MANY), 0);
  assert_null(pl_heap_first(&f->heap));
  assert_true(pl_heap_key(&f->heap) == PL_NEVER);
  for (size_t round = 0; round < 4000; round++) {
    size_t i = next_random(f) % MANY;
    set(f, i, next_random(f) % 8 ? next_random(f) % 500 : PL_NEVER); /* many are equal */
    if (round % 16) continue;
    const thing *first = earliest(f);
    assert_ptr_equal(pl_heap_first(&f->heap), first ? &first->time : NULL);
    assert_true(pl_heap_key(&f->heap) == (first ? first->key : PL_NEVER));
  }
}

static void they_come_out_in_order(void **state) {
  fixture *f = *state;
  assert_int_equal(pl_heap_reserve(&f->heap, MANY), 0);
  for (size_t i = MANY; i-- > 0;) set(f, i, next_random(f) % 100);
  uint64_t key = 0, order = 0;
  for (size_t i = 0; i < MANY; i++) {
    pl_heap_node *n = pl_heap_first(&f->heap);
    assert_non_null(n);
    assert_true(n->key > key || (n->key == key && (i == 0 || n->order > order)));
    key = n->key;
    order = n->order;
    pl_heap_remove(&f->heap, n);
    pl_heap_remove(&f->heap, n); /* is in none any more */
  }
  assert_int_equal(f->heap.count, 0);
}

static void room_comes_first(void **state) {
  fixture *f = *state;
  pl_alloc_fail_at(1);
  assert_int_equal(pl_heap_reserve(&f->heap, 1), PL_ENOMEM);
  assert_int_equal(pl_heap_reserve(&f->heap, 1), 0);
  set(f, 0, 5);
  pl_alloc_fail_at(1);
  assert_int_equal(pl_heap_reserve(&f->heap, f->heap.capacity + 1), PL_ENOMEM);
  assert_ptr_equal(pl_heap_first(&f->heap), &f->things[0].time); /* as before */
  assert_int_equal(pl_heap_reserve(&f->heap, f->heap.capacity), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(equal_hashes_stay_in_order, setup, teardown),
      cmocka_unit_test_setup_teardown(the_current_one_may_be_removed, setup, teardown),
      cmocka_unit_test_setup_teardown(everything_put_in_is_found, setup, teardown),
      cmocka_unit_test_setup_teardown(it_works_without_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(the_earliest_comes_first, setup, teardown),
      cmocka_unit_test_setup_teardown(they_come_out_in_order, setup, teardown),
      cmocka_unit_test_setup_teardown(room_comes_first, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
