/* The outbox of `pairlink chat`: what is found again, however the program ended. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/cli/outbox.h"

static char folder[64], why[PL_WHY_MAX];
static outbox box;

static void again(void) {
  outbox_close(&box);
  assert_int_equal(outbox_open(&box, "own", "peer", why), 0);
}

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pairlink-test-XXXXXX");
  if (!mkdtemp(folder) || setenv("XDG_STATE_HOME", folder, 1) != 0) return -1;
  return outbox_open(&box, "own", "peer", why);
}

static int tear_down(void **state) {
  static const char *const names[] = {"pairlink/outbox/own-peer", "pairlink/outbox/own-peer.seen",
                                      "pairlink/outbox/own-peer.lock"};
  char path[160];
  (void)state;
  outbox_close(&box);
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  snprintf(path, sizeof path, "%s/pairlink/outbox", folder);
  rmdir(path);
  snprintf(path, sizeof path, "%s/pairlink", folder);
  rmdir(path);
  return rmdir(folder);
}

static void add(const char *text) {
  assert_int_equal(outbox_add(&box, text, strlen(text), why), 0);
}

static void undelivered_messages_are_found_again(void **state) {
  uint8_t id[OUTBOX_ID_BYTES];
  struct stat st;
  (void)state;
  add("one");
  add("two");
  add("three");
  assert_int_equal(outbox_sync(&box, why), 0);
  memcpy(id, box.first->next->id, sizeof id);
  outbox_delivered(&box, box.first);
  again();
  assert_int_equal(box.count, 2);
  assert_string_equal(box.first->text, "two");
  assert_memory_equal(box.first->id, id, sizeof id);
  assert_string_equal(box.last->text, "three");
  assert_int_equal(stat(box.path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  outbox_delivered(&box, box.first);
  outbox_delivered(&box, box.first);
  again();
  assert_null(box.first);
  assert_int_equal(stat(box.path, &st), 0);
  assert_int_equal(st.st_size, 0);
}

/* A message of an hour ago says so, also after a restart; one of now does not. */
static void when_a_message_was_written_is_kept(void **state) {
  (void)state;
  add("one");
  add("two");
  assert_false(outbox_is_late(box.first));
  uint64_t written_ms = box.first->written_ms;
  assert_true(written_ms > UINT64_C(1700000000000));
  again();
  assert_int_equal(box.first->written_ms, written_ms);
  box.first->written_ms -= 3600000;
  assert_true(outbox_is_late(box.first));
  box.last->written_ms += 3600000; /* the clock was set back since */
  assert_false(outbox_is_late(box.last));
}

/* A journal of an earlier version has no times. */
static void a_message_without_a_time_is_found(void **state) {
  uint8_t record[8 + 1 + OUTBOX_ID_BYTES + 3] = {0}, hash[crypto_generichash_BYTES_MIN];
  size_t size = sizeof record - 8;
  (void)state;
  record[8] = 'M';
  memcpy(record + sizeof record - 3, "old", 3);
  crypto_generichash(hash, sizeof hash, record + 8, size, NULL, 0);
  pl_put_u32(record, (uint32_t)size);
  pl_put_u32(record + 4, pl_get_u32(hash));
  int fd = open(box.path, O_WRONLY | O_APPEND);
  assert_int_equal(write(fd, record, sizeof record), sizeof record);
  close(fd);
  add("new");
  again();
  again();
  assert_int_equal(box.count, 2);
  assert_string_equal(box.first->text, "old");
  assert_int_equal(box.first->written_ms, 0);
  assert_false(outbox_is_late(box.first));
  assert_true(box.last->written_ms > 0);
}

/* The file is cut at every byte of the last record: the records before it stay whole, and new ones can follow. */
static void a_torn_last_record_is_dropped(void **state) {
  struct stat before, after;
  (void)state;
  add("first");
  assert_int_equal(stat(box.path, &before), 0);
  add("second, which is torn");
  assert_int_equal(stat(box.path, &after), 0);
  for (off_t size = after.st_size - 1; size >= before.st_size; size--) {
    assert_int_equal(truncate(box.path, size), 0);
    again();
    assert_int_equal(box.count, 1);
    assert_string_equal(box.first->text, "first");
    add("second, which is torn");
    again();
    assert_int_equal(box.count, 2);
  }
}

static void a_changed_record_is_dropped(void **state) {
  (void)state;
  add("first");
  add("second");
  int fd = open(box.path, O_WRONLY);
  assert_int_equal(lseek(fd, -1, SEEK_END) > 0, 1);
  assert_int_equal(write(fd, "X", 1), 1);
  close(fd);
  again();
  assert_int_equal(box.count, 1);
}

static void the_last_1024_ids_are_known(void **state) {
  uint8_t id[OUTBOX_ID_BYTES] = {0};
  (void)state;
  for (uint32_t i = 0; i < 1500; i++) {
    pl_put_u32(id, i);
    assert_false(outbox_seen(&box, id));
    assert_int_equal(outbox_remember(&box, id, why), 0);
    if (i % 500 == 3) again();
  }
  again();
  for (uint32_t i = 0; i < 1500; i++) {
    pl_put_u32(id, i);
    assert_int_equal(outbox_seen(&box, id), i >= 1500 - OUTBOX_SEEN_MAX);
  }
}

static void one_program_at_a_time(void **state) {
  outbox other;
  (void)state;
  assert_int_equal(outbox_open(&other, "own", "peer", why), PL_ESTATE);
  assert_non_null(strstr(why, "is already running"));
  outbox_close(&other);
}

static void files_that_others_can_read_are_refused(void **state) {
  (void)state;
  add("secret");
  assert_int_equal(chmod(box.path, 0644), 0);
  outbox_close(&box);
  assert_int_equal(outbox_open(&box, "own", "peer", why), PL_EIO);
  assert_non_null(strstr(why, "chmod 600"));
  outbox_close(&box);
}

#define WITH_OUTBOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_OUTBOX(undelivered_messages_are_found_again),
      WITH_OUTBOX(when_a_message_was_written_is_kept),
      WITH_OUTBOX(a_message_without_a_time_is_found),
      WITH_OUTBOX(a_torn_last_record_is_dropped),
      WITH_OUTBOX(a_changed_record_is_dropped),
      WITH_OUTBOX(the_last_1024_ids_are_known),
      WITH_OUTBOX(one_program_at_a_time),
      WITH_OUTBOX(files_that_others_can_read_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
