/* Readers, writers, buffers, lists, and the codec's refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/wire/wire.h"

static void reader_gives_zeros_after_a_short_read(void **state) {
  (void)state;
  uint8_t in[] = {0x12, 0x34, 0x56};
  pl_reader r = pl_reader_of(in, sizeof in);
  assert_int_equal(pl_read_u16(&r), 0x1234);
  assert_int_equal(pl_read_u32(&r), 0);
  assert_true(r.bad);
  assert_int_equal(pl_read_u8(&r), 0);
  assert_int_equal(pl_reader_left(&r), 0);
}

static void writer_keeps_what_fits_and_says_full(void **state) {
  (void)state;
  uint8_t out[5] = {0};
  pl_writer w = pl_writer_of(out, sizeof out);
  pl_write_u32(&w, 0x01020304);
  pl_write_u16(&w, 0x0506);
  pl_write_u8(&w, 7);
  assert_true(w.full);
  assert_int_equal(pl_writer_used(&w), 4);
  assert_int_equal(pl_get_u32(out), 0x01020304);
  assert_int_equal(out[4], 0);
}

static void buffer_is_bounded_and_first_in_first_out(void **state) {
  (void)state;
  pl_buffer b;
  pl_buffer_init(&b, 1000);
  uint8_t chunk[300];
  for (unsigned i = 0; i < sizeof chunk; i++) chunk[i] = (uint8_t)i;
  assert_int_equal(pl_buffer_append(&b, chunk, 300), 0);
  assert_int_equal(pl_buffer_append(&b, chunk, 300), 0);
  assert_int_equal(pl_buffer_append(&b, chunk, 300), 0);
  assert_int_equal(pl_buffer_append(&b, chunk, 101), PL_EAGAIN);
  assert_int_equal(b.size, 900);
  pl_buffer_consume(&b, 450);
  assert_int_equal(pl_buffer_append(&b, chunk, 300), 0);
  assert_memory_equal(pl_buffer_data(&b), chunk + 150, 150);
  assert_memory_equal(pl_buffer_data(&b) + 450, chunk, 300);
  pl_buffer other;
  pl_buffer_init(&other, 10);
  assert_int_equal(pl_buffer_append(&other, NULL, 0), 0);
  assert_null(pl_buffer_data(&other));
  pl_alloc_fail_at(1);
  assert_int_equal(pl_buffer_append(&other, chunk, 1), PL_ENOMEM);
  pl_alloc_fail_at(0);
  pl_buffer_deinit(&b);
  pl_buffer_deinit(&other);
  pl_buffer_init(&other, SIZE_MAX); /* holds less than 4 GiB all the same */
  assert_null(pl_buffer_reserve(&other, (size_t)UINT32_MAX + 1));
}

enum { BACKLOG_MAX = 1000, BACKLOG_PIECE = 10, BACKLOG_PIECES = 1000 };

/* A backlog that is full loses its oldest piece for each new one. To move all others each time would cost as much as is
 * kept. */
static void buffer_that_stays_full_seldom_moves(void **state) {
  (void)state;
  pl_buffer b;
  uint8_t piece[BACKLOG_PIECE];
  pl_buffer_init(&b, BACKLOG_MAX);
  for (uint8_t i = 0; i < BACKLOG_MAX / BACKLOG_PIECE; i++) {
    memset(piece, i, sizeof piece);
    assert_int_equal(pl_buffer_append(&b, piece, sizeof piece), 0);
  }
  int moves = 0;
  for (unsigned i = 0; i < BACKLOG_PIECES; i++) {
    pl_buffer_consume(&b, sizeof piece);
    const uint8_t *kept = pl_buffer_data(&b);
    memset(piece, (uint8_t)(i + BACKLOG_MAX / BACKLOG_PIECE), sizeof piece);
    assert_int_equal(pl_buffer_append(&b, piece, sizeof piece), 0);
    moves += pl_buffer_data(&b) != kept;
    assert_int_equal(b.size, BACKLOG_MAX);
    assert_true(b.capacity <= 2 * BACKLOG_MAX);
    assert_int_equal(pl_buffer_data(&b)[0], (uint8_t)(i + 1));
    assert_int_equal(pl_buffer_data(&b)[BACKLOG_MAX - 1], piece[0]);
  }
  /* Once to more memory, then once each time that as much was taken as is kept. */
  assert_true(moves <= 1 + BACKLOG_PIECES * BACKLOG_PIECE / BACKLOG_MAX);
  pl_buffer_deinit(&b);
}

static void buffer_does_without_memory_what_it_can(void **state) {
  (void)state;
  pl_buffer b;
  uint8_t piece[256];
  for (unsigned i = 0; i < sizeof piece; i++) piece[i] = (uint8_t)i;
  pl_buffer_init(&b, 1000);
  assert_int_equal(pl_buffer_append(&b, piece, 256), 0);
  pl_buffer_consume(&b, 10);
  pl_alloc_fail_at(1);
  assert_int_equal(pl_buffer_append(&b, piece, 10), 0);
  assert_int_equal(pl_alloc_fail_at(1), 0);
  assert_int_equal(pl_buffer_append(&b, piece, 1), PL_ENOMEM);
  pl_alloc_fail_at(0);
  assert_int_equal(b.size, 256);
  assert_memory_equal(pl_buffer_data(&b), piece + 10, 246);
  assert_memory_equal(pl_buffer_data(&b) + 246, piece, 10);
  pl_buffer_deinit(&b);
}

static void list_keeps_order_and_forgets_removed(void **state) {
  (void)state;
  pl_node head, a, b;
  pl_list_init(&head);
  pl_list_init(&a);
  pl_list_init(&b);
  assert_true(pl_list_empty(&head));
  pl_list_append(&head, &a);
  pl_list_append(&head, &b);
  assert_ptr_equal(head.next, &a);
  pl_list_remove(&a);
  pl_list_remove(&a);
  assert_ptr_equal(head.next, &b);
  pl_list_remove(&b);
  assert_true(pl_list_empty(&head));
}

static void hello_goes_round(void **state) {
  (void)state;
  uint8_t limits[12] = {0, 1, 0, 4, 0, 0, 0, 2, 0, 16, 0, 0}, out[256];
  pl_wire_hello in = {.version_min = 1, .version_max = 2, .features = 7, .limits = {limits, 12}}, back;
  memset(in.challenge, 0xab, 32);
  int n = pl_wire_hello_encode(&in, out, sizeof out);
  assert_int_equal(n, 4 + 64 + 4 + 1 + 12);
  assert_int_equal(pl_wire_hello_decode(&back, out, (size_t)n), 0);
  assert_int_equal(back.limits.size, 12);
  assert_memory_equal(back.challenge, in.challenge, 32);
  for (int cut = 0; cut < n; cut++) assert_int_equal(pl_wire_hello_decode(&back, out, (size_t)cut), PL_EPROTOCOL);
  out[n] = 0;
  assert_int_equal(pl_wire_hello_decode(&back, out, (size_t)n + 1), PL_EPROTOCOL);
  assert_int_equal(pl_wire_hello_encode(&in, out, (size_t)n - 1), PL_EMSGSIZE);
}

static void fields_over_their_maximum_are_refused(void **state) {
  (void)state;
  uint8_t out[512], text[124] = {0};
  pl_wire_reset reset = {.reason = 1, .text = {text, 124}};
  assert_int_equal(pl_wire_reset_encode(&reset, out, sizeof out), PL_EMSGSIZE);
  uint8_t in[126] = {0};
  assert_int_equal(pl_wire_reset_decode(&reset, in, 126), PL_EPROTOCOL);
  assert_int_equal(pl_wire_reset_decode(&reset, in, 125), 0);
}

static void every_list_item_has_its_true_size(void **state) {
  (void)state;
  uint8_t out[64];
  assert_int_equal(pl_wire_limit_encode(&(pl_wire_limit){0}, out, sizeof out), 6);
  assert_int_equal(pl_wire_channel_state_encode(&(pl_wire_channel_state){0}, out, sizeof out), 25);
  assert_int_equal(pl_wire_channel_ack_encode(&(pl_wire_channel_ack){0}, out, sizeof out), 17);
  assert_int_equal(pl_wire_channel_credit_encode(&(pl_wire_channel_credit){0}, out, sizeof out), 9);
}

static void envelopes_never_pass_their_message(void **state) {
  (void)state;
  uint8_t message[20];
  pl_envelope_put_header(message, PL_ENV_DATA, 1, 4, pl_link_number_make(true, 5, 9));
  memcpy(message + 8, "abcd", 4);
  pl_envelope_put_header(message + 12, PL_ENV_RESET, 0, 1, 0);
  pl_reader r = pl_reader_of(message, sizeof message);
  pl_envelope e;
  assert_int_equal(pl_envelope_next(&r, &e), 1);
  assert_int_equal(e.payload.size, 4);
  assert_true(pl_link_number_relay_side(e.link));
  assert_int_equal(pl_link_number_generation(e.link), 5);
  assert_int_equal(pl_link_number_slot(e.link), 9);
  assert_int_equal(pl_envelope_next(&r, &e), PL_EPROTOCOL);
}

static void errors_and_reasons_have_words(void **state) {
  (void)state;
  assert_string_equal(pl_error_text(PL_EAGAIN), "not now: the send window is full");
  assert_string_equal(pl_error_text(-999), "unknown error");
  assert_string_equal(pl_error_hint(-999), "");
#define PL_ERROR(name, number, text, hint)             \
  assert_string_equal(pl_error_text(PL_##name), text); \
  assert_string_equal(pl_error_hint(PL_##name), hint);
#include "errors.def"
  assert_string_equal(pl_reason_name(PL_REASON_UNAVAILABLE), "UNAVAILABLE");
  assert_string_equal(pl_reason_name(0xffff), "reason");
  assert_true(strlen(pl_reason_text(PL_REASON_GONE)) > 0);
  assert_int_equal(pl_envelope_max(PL_ENV_LOGIN), 1024);
  assert_int_equal(pl_envelope_max(0x7f), -1);
  assert_int_equal(pl_envelope_sender(0x7f), 0);
  assert_string_equal(pl_envelope_name(PL_ENV_OPEN), "OPEN");
}

/* Each number of the table has its own name, text and size. */
static void the_tables_answer_for_each_number(void **state) {
  (void)state;
#define PL_REASON(name, number, text)                 \
  assert_string_equal(pl_reason_name(number), #name); \
  assert_string_equal(pl_reason_text(number), text);
#define PL_ENVELOPE(name, number, max_bytes, sender, text) \
  assert_string_equal(pl_envelope_name(number), #name);    \
  assert_int_equal(pl_envelope_max(number), max_bytes);    \
  assert_int_equal(pl_envelope_sender(number), PL_SENDER_##sender);
#include "wire.def"
  assert_string_equal(pl_reason_name(0x999), "reason");
  assert_string_equal(pl_reason_text(0x999), "for a reason this version does not know");
  assert_string_equal(pl_envelope_name(0x7f), "unknown");
  assert_int_equal(pl_envelope_max(0x7f), -1);
  assert_int_equal(pl_envelope_sender(0x7f), 0);
}

/* The first byte of a character says how many follow. Those that cannot be first are not read, whatever follows. */
static void bytes_that_start_no_character(void **state) {
  (void)state;
  uint32_t value;
  for (unsigned first = 0x80; first <= 0xff; first++)
    for (unsigned next = 0x80; next <= 0xbf; next++) {
      const uint8_t text[] = {(uint8_t)first, (uint8_t)next, 0x80, 0x80};
      if (first < 0xc2 || first > 0xf4) assert_int_equal(pl_utf8_read(text, sizeof text, &value), 0);
    }
}

/* The bounds of RFC 3629: lengths, surrogates, the last character. */
static void characters_have_bounds(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t size, length;
    uint32_t value;
  } cases[] = {{"\x7f", 1, 1, 0x7f},
               {"\xc2\x80", 2, 2, 0x80},
               {"\xc2\x80", 1, 0, 0},
               {"\xdf\xbf", 2, 2, 0x7ff},
               {"\xe0\x9f\xbf", 3, 0, 0},
               {"\xe0\xa0\x80", 3, 3, 0x800},
               {"\xe0\xa0\x80", 2, 0, 0},
               {"\xed\x9f\xbf", 3, 3, 0xd7ff},
               {"\xed\xa0\x80", 3, 0, 0},
               {"\xed\xbf\xbf", 3, 0, 0},
               {"\xee\x80\x80", 3, 3, 0xe000},
               {"\xf0\x8f\xbf\xbf", 4, 0, 0},
               {"\xf0\x90\x80\x80", 4, 4, 0x10000},
               {"\xf0\x90\x80\x80", 3, 0, 0},
               {"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
               {"\xf4\x90\x80\x80", 4, 0, 0}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    uint32_t value = 0;
    assert_int_equal(pl_utf8_read((const uint8_t *)cases[k].text, cases[k].size, &value), cases[k].length);
    if (cases[k].length) assert_int_equal(value, cases[k].value);
  }
}

static void every_error_has_its_hint(void **state) {
  (void)state;
#define PL_ERROR(name, number, text, hint)          \
  assert_string_equal(pl_error_text(number), text); \
  assert_string_equal(pl_error_hint(number), hint);
#include "errors.def"
  assert_string_equal(pl_error_text(-9999), "unknown error");
  assert_string_equal(pl_error_hint(-9999), "");
}

/* The hook counts only while a failure is asked for. */
static void a_failure_is_counted_down(void **state) {
  (void)state;
  unsigned long failures = pl_alloc_failures();
  pl_free(pl_alloc(1));
  assert_int_equal(pl_alloc_fail_at(2), 0);
  pl_free(pl_alloc(1));
  assert_int_equal(pl_alloc_fail_at(1), 1);
  assert_null(pl_alloc(1));
  assert_int_equal(pl_alloc_failures(), failures + 1);
  pl_free(pl_alloc(1));
  assert_int_equal(pl_alloc_fail_at(1), 0);
  assert_null(pl_realloc(NULL, 1));
  assert_int_equal(pl_alloc_failures(), failures + 2);
  assert_int_equal(pl_alloc_fail_at(0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reader_gives_zeros_after_a_short_read),
      cmocka_unit_test(writer_keeps_what_fits_and_says_full),
      cmocka_unit_test(buffer_is_bounded_and_first_in_first_out),
      cmocka_unit_test(buffer_that_stays_full_seldom_moves),
      cmocka_unit_test(buffer_does_without_memory_what_it_can),
      cmocka_unit_test(list_keeps_order_and_forgets_removed),
      cmocka_unit_test(hello_goes_round),
      cmocka_unit_test(fields_over_their_maximum_are_refused),
      cmocka_unit_test(every_list_item_has_its_true_size),
      cmocka_unit_test(envelopes_never_pass_their_message),
      cmocka_unit_test(bytes_that_start_no_character),
      cmocka_unit_test(characters_have_bounds),
      cmocka_unit_test(every_error_has_its_hint),
      cmocka_unit_test(a_failure_is_counted_down),
      cmocka_unit_test(errors_and_reasons_have_words),
      cmocka_unit_test(the_tables_answer_for_each_number),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
