/* RFC 6455 framing: what must be accepted in any chunks, and what must be refused with which code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/ws/ws.h"

enum { MAX = 100000 };
static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

typedef struct wire {
  uint8_t bytes[300000];
  size_t size;
} wire;

/* Appends a frame. `first` is FIN, reserved bits and opcode, `length` what the header says, in `form` 7, 16 or 64 bits.
 */
static void put_raw(wire *w, uint8_t first, const void *payload, size_t size, uint64_t length, int form, bool masked) {
  uint8_t *p = w->bytes + w->size, *start = p;
  *p++ = first;
  *p++ = (uint8_t)((masked ? 0x80 : 0) | (form == 7 ? (int)length : form == 16 ? 126 : 127));
  if (form == 16) {
    pl_put_u16(p, (uint16_t)length);
    p += 2;
  } else if (form == 64) {
    pl_put_u64(p, length);
    p += 8;
  }
  if (masked) {
    memcpy(p, mask, 4);
    p += 4;
  }
  if (size) memcpy(p, payload, size);
  if (masked) pl_ws_mask(p, size, mask, 0);
  w->size += (size_t)(p + size - start);
}

/* What a test reads, and with what: by default as a server that takes no text. */
static wire input;
static pl_ws reader;

static int start_as(bool server) {
  input.size = 0;
  pl_ws_init(&reader, server, false, MAX);
  return 0;
}

static int start(void **state) {
  (void)state;
  return start_as(true);
}

static int start_client(void **state) {
  (void)state;
  return start_as(false);
}

static int end(void **state) {
  (void)state;
  pl_ws_deinit(&reader);
  return 0;
}

static void put(wire *w, uint8_t first, const void *payload, size_t size) {
  put_raw(w, first, payload, size, size, size < 126 ? 7 : size < 65536 ? 16 : 64, true);
}

/* What was read, in chunks, as text: "T:…;" "B:…;" "C1000:…;" "9:…;" for events, and "!code" for a failure. */
typedef struct result {
  char text[250000];
  size_t size;
} result;

static void note(result *r, const char *tag, const uint8_t *data, size_t size) {
  size_t n = strlen(tag);
  memcpy(r->text + r->size, tag, n);
  if (size) memcpy(r->text + r->size + n, data, size);
  r->text[r->size + n + size] = ';';
  r->size += n + size + 1;
  r->text[r->size] = '\0';
}

static bool pieces; /* messages come in pieces, and are joined here */

static void read_all(const wire *w, size_t chunk, result *r) {
  static uint8_t copy[sizeof w->bytes], joined[sizeof w->bytes];
  size_t joined_size = 0;
  pl_ws ws;
  pl_ws_event e;
  char tag[16];
  r->size = 0;
  r->text[0] = '\0';
  memcpy(copy, w->bytes, w->size);
  pl_ws_init(&ws, true, true, MAX);
  if (pieces) pl_ws_take_pieces(&ws);
  for (size_t at = 0; at < w->size;) {
    size_t n = w->size - at < chunk ? w->size - at : chunk, left = n;
    uint8_t *p = copy + at;
    int rc;
    while ((rc = pl_ws_read(&ws, &p, &left, &e)) > 0) {
      if (e.type == PL_WS_TEXT || e.type == PL_WS_BINARY) {
        if (e.size) memcpy(joined + joined_size, e.data, e.size);
        joined_size += e.size;
        assert_true(e.last || (pieces && e.size));
        if (!e.last) continue;
        e.data = joined;
        e.size = joined_size;
        joined_size = 0;
      }
      if (e.type == PL_WS_CLOSE)
        snprintf(tag, sizeof tag, "C%d:", e.close_code);
      else
        snprintf(tag, sizeof tag, "%c:", e.type == PL_WS_TEXT ? 'T' : e.type == PL_WS_BINARY ? 'B' : '0' + e.type);
      note(r, tag, e.data, e.size);
    }
    if (rc < 0) {
      snprintf(tag, sizeof tag, "!%d", ws.close_code);
      note(r, tag, NULL, 0);
      assert_int_equal(pl_ws_read(&ws, &p, &left, &e), rc); /* and again the same */
      break;
    }
    assert_int_equal(left, 0);
    at += n;
  }
  pl_ws_deinit(&ws);
}

/* Expects the same result however the bytes are cut into chunks. */
static void expect(const wire *w, const char *text) {
  static result r;
  const size_t chunks[] = {1, 2, 3, 5, 7, 16, 1000, sizeof w->bytes};
  for (size_t i = 0; i < 2 * PL_ARRAY_LENGTH(chunks); i++) {
    pieces = i % 2;
    read_all(w, chunks[i / 2], &r);
    assert_string_equal(r.text, text);
  }
}

static void test_messages(void **state) {
  (void)state;
  put(&input, 0x81, "hello", 5);
  put(&input, 0x82, "", 0);
  put(&input, 0x82, "bin", 3);
  put(&input, 0x89, "p", 1);
  put(&input, 0x8a, "", 0);
  put(&input, 0x88,
      "\x03\xe8"
      "bye",
      5);
  expect(&input, "T:hello;B:;B:bin;9:p;::;C1000:bye;");
}

static void test_fragments_with_control_frames_between(void **state) {
  (void)state;
  put(&input, 0x01, "\xe2\x82", 2); /* a character cut in two */
  put(&input, 0x89, "x", 1);
  put(&input, 0x00, "", 0);
  put(&input, 0x00,
      "\xac"
      "1",
      2);
  put(&input, 0x8a, "y", 1);
  put(&input, 0x80, "end", 3);
  put(&input, 0x82, "next", 4);
  expect(&input,
         "9:x;::y;T:\xe2\x82\xac"
         "1end;B:next;");
}

static void test_sizes(void **state) {
  (void)state;
  static result r;
  static uint8_t data[MAX];
  const size_t sizes[] = {125, 126, 127, 65535, 65536, MAX};
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7 + 1);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(sizes); i++) {
    input.size = 0;
    put(&input, 0x82, data, sizes[i]);
    for (size_t chunk = 4093; chunk < 200000; chunk *= 40) {
      read_all(&input, chunk, &r);
      assert_int_equal(r.size, sizes[i] + 3);
      assert_memory_equal(r.text + 2, data, sizes[i]);
    }
  }
}

static void test_whole_frame_is_not_copied(void **state) {
  (void)state;
  pl_ws_event e;
  put(&input, 0x82, "in place", 8);
  uint8_t *p = input.bytes;
  size_t left = input.size;
  pl_alloc_fail_at(1); /* makes any allocation fail */
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), 1);
  pl_alloc_fail_at(0);
  assert_ptr_equal(e.data, input.bytes + 6);
  assert_memory_equal(e.data, "in place", 8);
}

static void test_refused_headers(void **state) {
  (void)state;
  const struct {
    uint8_t first;
    uint64_t length;
    int form;
    bool masked;
    const char *result;
  } cases[] = {
      {0x82, 3, 7, false, "!1002;"}, /* not masked */
      {0xc2, 3, 7, true, "!1002;"},  /* reserved bits */
      {0xa2, 3, 7, true, "!1002;"},
      {0x92, 3, 7, true, "!1002;"},
      {0x83, 3, 7, true, "!1002;"}, /* reserved opcodes */
      {0x87, 3, 7, true, "!1002;"},
      {0x8b, 3, 7, true, "!1002;"},
      {0x8f, 3, 7, true, "!1002;"},
      {0x09, 3, 7, true, "!1002;"},    /* a fragmented ping */
      {0x89, 126, 16, true, "!1002;"}, /* a long ping */
      {0x82, 125, 16, true, "!1002;"}, /* not minimal */
      {0x82, 65535, 64, true, "!1002;"},
      {0x82, 3, 64, true, "!1002;"},
      {0x80, 3, 7, true, "!1002;"},        /* continues nothing */
      {0x82, MAX + 1, 64, true, "!1009;"}, /* too big */
      {0x82, 0x7fffffffffffffffu, 64, true, "!1009;"},
      {0x82, 0xffffffffffffffffu, 64, true, "!1002;"}, /* the top bit must be 0 */
      {0x88, 1, 7, true, "!1002;"},                    /* half a close code */
  };
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    input.size = 0;
    put_raw(&input, cases[i].first, "abc", cases[i].length < 3 ? (size_t)cases[i].length : 3, cases[i].length,
            cases[i].form, cases[i].masked);
    expect(&input, cases[i].result);
  }
}

static void test_refused_sequences(void **state) {
  (void)state;
  static uint8_t big[60000];
  put(&input, 0x01, "a", 1);
  put(&input, 0x82, "b", 1); /* a new message inside another */
  expect(&input, "!1002;");
  input.size = 0;
  put(&input, 0x02, big, sizeof big);
  put(&input, 0x80, big, sizeof big); /* together they exceed the limit */
  expect(&input, "!1009;");
}

static void test_announced_length_allocates_nothing(void **state) {
  (void)state;
  pl_ws_event e;
  put_raw(&input, 0x82, "abc", 3, MAX, 64, true);
  uint8_t *p = input.bytes;
  size_t left = input.size;
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), 0);
  assert_true(reader.message.capacity <= 256);
}

static void test_close_codes(void **state) {
  (void)state;
  char text[32];
  for (int code = 0; code <= 5100; code++) {
    uint8_t payload[2];
    bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
    static result r;
    pl_put_u16(payload, (uint16_t)code);
    input.size = 0;
    put(&input, 0x88, payload, 2);
    snprintf(text, sizeof text, good ? "C%d:;" : "!1002;", code);
    read_all(&input, 100, &r);
    assert_string_equal(r.text, text);
  }
  input.size = 0;
  put(&input, 0x88, "", 0);
  expect(&input, "C1005:;");
  input.size = 0;
  put(&input, 0x88, "\x03\xe8\xff", 3);
  expect(&input, "!1007;");
  input.size = 0;
  put(&input, 0x88, "\x03\xe8\xc3", 3); /* a character that is cut off */
  expect(&input, "!1007;");
}

static void test_text_not_allowed(void **state) {
  (void)state;
  pl_ws_event e;
  put(&input, 0x81, "x", 1);
  uint8_t *p = input.bytes;
  size_t left = input.size;
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), PL_EPROTOCOL);
  assert_int_equal(reader.close_code, PL_WS_CODE_UNSUPPORTED);
}

static bool utf8(const char *text, size_t size) {
  pl_utf8 u;
  pl_utf8_init(&u);
  for (size_t i = 0; i < size; i++)
    if (!pl_utf8_feed(&u, (const uint8_t *)text + i, 1)) return false;
  pl_utf8 whole;
  pl_utf8_init(&whole);
  bool good = pl_utf8_feed(&whole, (const uint8_t *)text, size) && pl_utf8_done(&whole);
  assert_int_equal(good, pl_utf8_done(&u));
  return good;
}

#define GOOD(text) assert_true(utf8(text, sizeof text - 1))
#define BAD(text) assert_false(utf8(text, sizeof text - 1))

static void test_utf8(void **state) {
  (void)state;
  GOOD("");
  GOOD("plain text that is longer than eight bytes \x7f");
  GOOD("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
  BAD("\x80");
  BAD("\xc0\xaf");
  BAD("\xc1\xbf");
  BAD("\xe0\x9f\xbf");
  BAD("\xed\xa0\x80");
  BAD("\xf0\x8f\xbf\xbf");
  BAD("\xf4\x90\x80\x80");
  BAD("\xf5\x80\x80\x80");
  BAD("\xff");
  BAD("abcdefgh\xe2\x82");
  BAD("\xe2\x82"
      "a");
  /* In one piece: what comes behind a character of several bytes is checked, too, and nothing is written. */
  static const char tail[] = "\xc3\xa9 and more plain text\xff";
  pl_utf8 u;
  pl_utf8_init(&u);
  assert_true(pl_utf8_feed(&u, (const uint8_t *)tail, sizeof tail - 2));
  assert_false(pl_utf8_feed(&u, (const uint8_t *)tail, sizeof tail - 1));
  static const char *const broken[] = {"\xc3z", "\xe2\x82z", "\xe0\x9f", "\xed\xa0", "\xf4\x90", "\xf0\x90\xc3"};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(broken); i++) {
    pl_utf8_init(&u);
    assert_false(pl_utf8_feed(&u, (const uint8_t *)broken[i], strlen(broken[i])));
  }
}

static void test_close_out(void **state) {
  (void)state;
  uint8_t out[PL_WS_CONTROL_MAX];
  char longer[200];
  memset(longer, 'x', sizeof longer);
  longer[sizeof longer - 1] = 0;
  assert_int_equal(pl_ws_put_close(out, PL_WS_CODE_NONE, "why"), 0);
  assert_int_equal(pl_ws_put_close(out, PL_WS_CODE_NOT_UTF8, "why"), 5);
  assert_int_equal(pl_get_u16(out), PL_WS_CODE_NOT_UTF8);
  assert_memory_equal(out + 2, "why", 3);
  assert_int_equal(pl_ws_put_close(out, PL_WS_CODE_PROTOCOL, longer), PL_WS_CONTROL_MAX);
  assert_int_equal(out[PL_WS_CONTROL_MAX - 1], 'x');
}

static void test_bad_text_fails_at_once(void **state) {
  (void)state;
  put(&input, 0x01, "ok\xff", 3); /* before the message ends */
  expect(&input, "!1007;");
  input.size = 0;
  put(&input, 0x81, "\xe2\x82", 2);
  expect(&input, "!1007;");
}

static void test_client_side(void **state) {
  (void)state;
  pl_ws_event e;
  put_raw(&input, 0x82, "abc", 3, 3, 7, false);
  put_raw(&input, 0x82, "abc", 3, 3, 7, true); /* a server must not mask */
  uint8_t *p = input.bytes;
  size_t left = input.size;
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), 1);
  assert_memory_equal(e.data, "abc", 3);
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), PL_EPROTOCOL);
}

static void test_mask_any_place(void **state) {
  (void)state;
  uint8_t a[64], b[64];
  for (size_t size = 0; size < 40; size++)
    for (size_t at = 0; at < 8; at++) {
      for (size_t i = 0; i < 64; i++) a[i] = b[i] = (uint8_t)i;
      pl_ws_mask(a + 3, size, mask, at);
      for (size_t i = 0; i < size; i++) b[3 + i] ^= mask[(at + i) & 3];
      assert_memory_equal(a, b, 64);
    }
}

static void test_headers_out(void **state) {
  (void)state;
  const struct {
    size_t payload, header;
  } cases[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {1 << 24, 10}};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    uint8_t out[PL_WS_HEADER_MAX];
    assert_int_equal(pl_ws_put_header(out, PL_WS_BINARY, cases[i].payload, NULL), cases[i].header);
    assert_int_equal(pl_ws_header_size(cases[i].payload, false), cases[i].header);
    assert_int_equal(pl_ws_put_header(out, PL_WS_BINARY, cases[i].payload, mask), cases[i].header + 4);
    assert_int_equal(out[0], 0x82);
  }
}

static void test_opening_handshake(void **state) {
  (void)state;
  char accept[PL_WS_ACCEPT_CHARS + 1];
  pl_view key = {(const uint8_t *)"dGhlIHNhbXBsZSBub25jZQ==", 24}; /* RFC 6455, section 1.3 */
  assert_true(pl_ws_key_valid(key));
  pl_ws_accept(accept, key);
  assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const char *bad[] = {"",
                       "dGhlIHNhbXBsZSBub25jZQ=",
                       "dGhlIHNhbXBsZSBub25jZQ===",
                       "dGhlIHNhbXBsZSBub25jZR==",
                       "dGhlIHNhbXBsZSBub25j-Q==",
                       "dGhlIHNhbXBsZSBub25jZQAA",
                       "dGhlIHNhbXBsZSBub25jZQ=A",
                       "dGhlIHNhbXBsZSBub25jZQA=",
                       "dGhlIHNhbXBsZSBub25=ZQ=="};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(bad); i++)
    assert_false(pl_ws_key_valid((pl_view){(const uint8_t *)bad[i], strlen(bad[i])}));
}

static void test_out_of_memory(void **state) {
  (void)state;
  pl_ws_event e;
  put(&input, 0x02, "abc", 3);
  uint8_t *p = input.bytes;
  size_t left = input.size;
  pl_alloc_fail_at(1);
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), PL_ENOMEM);
  pl_alloc_fail_at(0);
  assert_int_equal(reader.close_code, PL_WS_CODE_INTERNAL);
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), PL_ENOMEM);
}

/* A control frame that came whole stays where it is. One that came in parts is gathered until the next call. */
static void test_control_frames_hold_nothing(void **state) {
  (void)state;
  pl_ws_event e;
  put(&input, 0x89, "whole", 5);
  put(&input, 0x89, "parts", 5);
  put(&input, 0x82, "x", 1);
  uint8_t *p = input.bytes;
  const size_t frame = 2 + 4 + 5;
  size_t left = frame;
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), 1);
  assert_ptr_equal(e.data, input.bytes + 6);
  assert_memory_equal(e.data, "whole", 5);
  left = frame - 2;
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), 0);
  left = 2;
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), 1);
  assert_int_equal(e.size, 5);
  assert_memory_equal(e.data, "parts", 5);
  left = 2 + 4 + 1;
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), 1);
  assert_memory_equal(e.data, "x", 1);
  assert_null(reader.control);
}

static void test_out_of_memory_for_a_control_frame(void **state) {
  (void)state;
  pl_ws_event e;
  put(&input, 0x89, "abc", 3);
  uint8_t *p = input.bytes;
  size_t left = input.size - 1;
  pl_alloc_fail_at(1);
  assert_int_equal(pl_ws_read(&reader, &p, &left, &e), PL_ENOMEM);
  pl_alloc_fail_at(0);
  assert_int_equal(reader.close_code, PL_WS_CODE_INTERNAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_messages),
      TEST(test_fragments_with_control_frames_between),
      TEST(test_sizes),
      TEST(test_whole_frame_is_not_copied),
      TEST(test_refused_headers),
      TEST(test_refused_sequences),
      TEST(test_announced_length_allocates_nothing),
      TEST(test_close_codes),
      TEST(test_text_not_allowed),
      TEST(test_utf8),
      TEST(test_close_out),
      TEST(test_bad_text_fails_at_once),
      cmocka_unit_test_setup_teardown(test_client_side, start_client, end),
      TEST(test_mask_any_place),
      TEST(test_headers_out),
      TEST(test_opening_handshake),
      TEST(test_out_of_memory),
      TEST(test_control_frames_hold_nothing),
      TEST(test_out_of_memory_for_a_control_frame),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
