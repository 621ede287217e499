/* The bounds of a transfer, message by message: what is just allowed and what is one too many, in which state of a file
 * each event and each message counts, and what it leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/transfer/transfer_internal.h"

enum { PIECE = PL_CONST_FILE_PIECE_BYTES, CHAT = PL_CONST_CHAT_CHANNEL, FILES = PL_CONST_FILE_CHANNEL };

static pl_transfer *t;

/* ---- what the transfer does -------------------------------------------------------------------------------------- */

static struct {
  unsigned count[PL_TRANSFER_OVER + 1];
  pl_transfer_action last; /* its views and file are gone, but for `first` and numbers */
  uint8_t id[16], data[64];
} acted;

static struct {
  unsigned count;
  int answer;
  uint8_t head[128];
  size_t head_size, body_size;
} sent;

static void act(void *context, const pl_transfer_action *action) {
  (void)context;
  acted.count[action->type]++;
  acted.last = *action;
  memcpy(acted.id, action->file->id, 16);
  if (action->data.size) memcpy(acted.data, action->data.data, action->data.size < 64 ? action->data.size : 64);
}

static int send(void *context, const uint8_t *head, size_t head_size, pl_view body) {
  (void)context;
  if (sent.answer) return sent.answer;
  sent.count++;
  memcpy(sent.head, head, head_size);
  sent.head_size = head_size;
  sent.body_size = body.size;
  return 0;
}

static void quiet(void) {
  memset(&acted, 0, sizeof acted);
  memset(&sent, 0, sizeof sent);
}

static int start(void **state) {
  (void)state;
  const pl_transfer_sink sink = {.act = act, .send = send};
  quiet();
  return pl_transfer_new(&sink, &t);
}

static int end(void **state) {
  (void)state;
  pl_transfer_free(t);
  return 0;
}

static void restart(void) {
  (void)end(NULL);
  assert_int_equal(start(NULL), 0);
}

/* ---- shorthands -------------------------------------------------------------------------------------------------- */

/* The id of a file or a group: it differs from others in its last bytes only. */
static const uint8_t *id_of(unsigned n) {
  static uint8_t ids[8][16];
  static unsigned next;
  uint8_t *id = ids[next++ % 8];
  memset(id, 0x44, 16);
  id[14] = (uint8_t)(n >> 8);
  id[15] = (uint8_t)n;
  return id;
}

static int add(unsigned n, unsigned group, uint8_t flags, uint64_t size, size_t name, size_t media_type) {
  static const uint8_t text[2000] = "name";
  pl_transfer_file f = {.flags = flags, .size = size, .name = {text, name}, .media_type = {text, media_type}};
  memcpy(f.id, id_of(n), 16);
  if (group) memcpy(f.group, id_of(group), 16);
  return pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}});
}

static int tell(pl_transfer_event_type type, unsigned n, uint64_t offset, uint8_t why) {
  return pl_transfer_step(t, &(pl_transfer_event){.type = type, .about = {id_of(n), offset, why}});
}

static int hear(uint8_t channel, const uint8_t *bytes, int size) {
  assert_true(size > 0);
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE, .message = {channel, {bytes, (size_t)size}}};
  return pl_transfer_step(t, &in);
}

static int offer(unsigned n, unsigned group, uint8_t flags, uint64_t size) {
  uint8_t out[200];
  pl_wire_file_offer m = {.type = PL_CONST_FILE_OFFER, .flags = flags, .size = size, .name = {(const uint8_t *)"a", 1}};
  memcpy(m.id, id_of(n), 16);
  if (group) memcpy(m.group, id_of(group), 16);
  return hear(CHAT, out, pl_wire_file_offer_encode(&m, out, sizeof out));
}

static void get(unsigned n, uint64_t offset) {
  uint8_t out[64];
  pl_wire_file_get m = {.type = PL_CONST_FILE_GET, .offset = offset};
  memcpy(m.id, id_of(n), 16);
  assert_int_equal(hear(CHAT, out, pl_wire_file_get_encode(&m, out, sizeof out)), 0);
}

static void stop(unsigned n, uint8_t why) {
  uint8_t out[64];
  pl_wire_file_stop m = {.type = PL_CONST_FILE_STOP, .why = why};
  memcpy(m.id, id_of(n), 16);
  assert_int_equal(hear(CHAT, out, pl_wire_file_stop_encode(&m, out, sizeof out)), 0);
}

static void hold(unsigned n, uint8_t held, uint8_t why) {
  uint8_t out[64];
  pl_wire_file_hold m = {.type = PL_CONST_FILE_HOLD, .held = held, .why = why};
  memcpy(m.id, id_of(n), 16);
  assert_int_equal(hear(CHAT, out, pl_wire_file_hold_encode(&m, out, sizeof out)), 0);
}

static void saved(unsigned n) {
  uint8_t out[64];
  pl_wire_file_saved m = {.type = PL_CONST_FILE_SAVED};
  memcpy(m.id, id_of(n), 16);
  assert_int_equal(hear(CHAT, out, pl_wire_file_saved_encode(&m, out, sizeof out)), 0);
}

static void data(unsigned n, uint64_t offset, size_t size) {
  uint8_t out[300], bytes[200];
  for (size_t k = 0; k < size; k++) bytes[k] = (uint8_t)(offset + k);
  pl_wire_file_data m = {.type = PL_CONST_FILE_DATA, .offset = offset, .bytes = {bytes, size}};
  memcpy(m.id, id_of(n), 16);
  assert_int_equal(hear(FILES, out, pl_wire_file_data_encode(&m, out, sizeof out)), 0);
}

static void finish(unsigned n, uint64_t size) {
  uint8_t out[100];
  pl_wire_file_end m = {.type = PL_CONST_FILE_END, .size = size};
  memcpy(m.id, id_of(n), 16);
  memset(m.sha256, 0x77, 32);
  assert_int_equal(hear(FILES, out, pl_wire_file_end_encode(&m, out, sizeof out)), 0);
}

static uint64_t place;

/* Says the next word. Returns its type, or 0; `word` has its bytes. */
static uint8_t word[PL_TRANSFER_WORD_MAX];
static uint8_t say(void) {
  size_t size = pl_transfer_next_word(t, word);
  if (!size) return 0;
  pl_transfer_word_sent(t, ++place);
  return word[0];
}

static void expect_stop(unsigned n, uint8_t why) {
  pl_wire_file_stop m;
  size_t size = pl_transfer_next_word(t, word);
  assert_int_equal(pl_wire_file_stop_decode(&m, word, size), 0);
  assert_int_equal(m.type, PL_CONST_FILE_STOP);
  assert_int_equal(m.why, why);
  assert_memory_equal(m.id, id_of(n), 16);
  assert_int_equal(say(), PL_CONST_FILE_STOP);
}

static void expect_get(unsigned n, uint64_t offset) {
  pl_wire_file_get m;
  size_t size = pl_transfer_next_word(t, word);
  assert_int_equal(pl_wire_file_get_decode(&m, word, size), 0);
  assert_int_equal(m.type, PL_CONST_FILE_GET);
  assert_int_equal(m.offset, offset);
  assert_memory_equal(m.id, id_of(n), 16);
  assert_int_equal(say(), PL_CONST_FILE_GET);
}

static void expect_over(unsigned n, uint8_t why, bool by_peer) {
  assert_int_equal(acted.count[PL_TRANSFER_OVER], 1);
  assert_int_equal(acted.last.why, why);
  assert_int_equal(acted.last.by_peer, by_peer);
  assert_memory_equal(acted.id, id_of(n), 16);
  quiet();
}

static pl_transfer_entry *entry(bool outgoing, unsigned n) {
  return pl_transfer_entry_find(t, outgoing, id_of(n));
}

/* An incoming file that is asked for from `offset` on. */
static void receive(unsigned n, uint8_t flags, uint64_t size, uint64_t offset) {
  assert_int_equal(offer(n, 0, flags, size), 0);
  assert_int_equal(tell(PL_TRANSFER_ACCEPT, n, 0, 0), 0);
  assert_int_equal(acted.count[PL_TRANSFER_PREPARE], 1);
  assert_int_equal(tell(PL_TRANSFER_READY, n, offset, 0), 0);
  expect_get(n, offset);
  quiet();
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

/* A letter for each state in which the event is allowed: asking, preparing, moving, ending. */
static void events_have_their_states(void **state) {
  (void)state;
  static const struct {
    pl_transfer_event_type type;
    const char *incoming, *outgoing;
  } cases[] = {
      {PL_TRANSFER_PAUSE, "apme", "apme"}, {PL_TRANSFER_RESUME, "apme", "apme"}, {PL_TRANSFER_READ_FAILED, "", "apme"},
      {PL_TRANSFER_TAKEN, "", "apme"},     {PL_TRANSFER_KEPT, "", "apme"},       {PL_TRANSFER_READY, "p", ""},
      {PL_TRANSFER_STORED, "apme", ""},    {PL_TRANSFER_STORE_FAILED, "me", ""}, {PL_TRANSFER_AGAIN, "me", ""},
      {PL_TRANSFER_FINISHED, "apme", ""},  {PL_TRANSFER_ACCEPT, "a", ""},        {PL_TRANSFER_STOP, "apme", "apme"}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++)
    for (int outgoing = 0; outgoing < 2; outgoing++)
      for (size_t s = 0; s < 4; s++) {
        if (outgoing && cases[k].type == PL_TRANSFER_ACCEPT) continue; /* means a group */
        restart();
        assert_int_equal(outgoing ? add(1, 0, 0, 100, 1, 0) : offer(1, 0, 0, 100), 0);
        entry(outgoing, 1)->file.state = (pl_transfer_state)s;
        bool allowed = strchr(outgoing ? cases[k].outgoing : cases[k].incoming, "apme"[s]);
        assert_int_equal(tell(cases[k].type, 1, 0, PL_CONST_FILE_CANCELLED), allowed ? 0 : PL_ESTATE);
        assert_int_equal(tell(cases[k].type, 2, 0, PL_CONST_FILE_CANCELLED),
                         cases[k].type == PL_TRANSFER_ACCEPT ? 0 : PL_ESTATE);
      }
  assert_int_equal(tell((pl_transfer_event_type)(PL_TRANSFER_FINISHED + 1), 1, 0, 1), PL_EINVAL);
}

static void room_is_told_to_a_file_that_waits_for_it(void **state) {
  (void)state;
  receive(1, 0, 100, 0);
  assert_int_equal(tell(PL_TRANSFER_ROOM, 1, 0, 0), PL_ESTATE);
  assert_int_equal(tell(PL_TRANSFER_PAUSE, 1, 0, 0), 0);
  assert_int_equal(tell(PL_TRANSFER_ROOM, 1, 0, 0), PL_ESTATE);
  assert_int_equal(tell(PL_TRANSFER_RESUME, 1, 0, 0), 0);
  assert_int_equal(say(), PL_CONST_FILE_HOLD);
  data(1, 0, 50);
  assert_int_equal(tell(PL_TRANSFER_STORE_FAILED, 1, 51, PL_CONST_FILE_HELD_DISK_FULL), PL_EINVAL);
  assert_int_equal(tell(PL_TRANSFER_STORE_FAILED, 1, 20, PL_CONST_FILE_HELD_DISK_FULL), 0);
  assert_int_equal(entry(false, 1)->next, 20);
  assert_int_equal(entry(false, 1)->file.stored, 20);
  assert_int_equal(entry(false, 1)->file.held_here, PL_CONST_FILE_HELD_DISK_FULL);
  pl_wire_file_hold m;
  size_t size = pl_transfer_next_word(t, word);
  assert_int_equal(pl_wire_file_hold_decode(&m, word, size), 0);
  assert_int_equal(m.held, 1);
  assert_int_equal(m.why, PL_CONST_FILE_HELD_DISK_FULL);
  assert_int_equal(say(), PL_CONST_FILE_HOLD);
  assert_int_equal(say(), 0); /* the rest is asked for when there is room */
  acted.count[PL_TRANSFER_STORE] = 0;
  data(1, 20, 10); /* meanwhile nothing is taken */
  assert_int_equal(acted.count[PL_TRANSFER_STORE], 0);
  assert_int_equal(tell(PL_TRANSFER_ROOM, 1, 0, 0), 0);
  expect_get(1, 20);
  assert_int_equal(say(), PL_CONST_FILE_HOLD);
  quiet();
  assert_int_equal(tell(PL_TRANSFER_STORE_FAILED, 1, 20, 99), 0);
  expect_over(1, PL_CONST_FILE_UNWRITABLE, false);
  expect_stop(1, PL_CONST_FILE_UNWRITABLE);
}

/* ---- outgoing ---------------------------------------------------------------------------------------------------- */

static void offers_have_limits(void **state) {
  (void)state;
  static const struct {
    size_t name, media_type;
    int rc;
  } cases[] = {{0, 0, PL_EINVAL}, {1, 0, 0}, {1024, 127, 0}, {1025, 0, PL_EINVAL}, {1, 128, PL_EINVAL}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    assert_int_equal(add(1 + (unsigned)k, 0, 0, 5, cases[k].name, cases[k].media_type), cases[k].rc);
    if (cases[k].rc) continue;
    const pl_transfer_file *f = pl_transfer_find(t, true, id_of(1 + (unsigned)k));
    assert_int_equal(f->name.size, cases[k].name);
    assert_int_equal(f->media_type.size, cases[k].media_type);
    assert_memory_equal(f->name.data, "n", 1);
    if (f->media_type.size) assert_memory_equal(f->media_type.data, "name", 4);
  }
  assert_int_equal(add(2, 0, 0, 5, 1, 0), PL_ESTATE);
  assert_int_equal(add(20, 0, PL_CONST_FILE_FLAG_STREAM, 5, 1, 0), 0);
  assert_int_equal(add(21, 0, PL_CONST_FILE_FLAG_FOLDER, 5, 1, 0), 0);
  assert_int_equal(pl_transfer_find(t, true, id_of(20))->size, 0);
  assert_int_equal(pl_transfer_find(t, true, id_of(21))->size, 0);
}

static void files_and_groups_have_limits(void **state) {
  (void)state;
  for (unsigned k = 1; k <= 512; k++) assert_int_equal(add(k, 5000, 0, 5, 1, 0), 0);
  assert_int_equal(add(513, 5000, 0, 5, 1, 0), PL_EAGAIN);
  assert_int_equal(add(513, 5001, 0, 5, 1, 0), 0);
  for (unsigned k = 514; k <= 1024; k++) assert_int_equal(add(k, 0, 0, 5, 1, 0), 0);
  assert_int_equal(add(1025, 0, 0, 5, 1, 0), PL_EAGAIN);
  saved(3);
  expect_over(3, 0, true);
  assert_int_equal(add(1025, 5000, 0, 5, 1, 0), 0);
  unsigned n = 0;
  for (const pl_transfer_file *f = NULL; (f = pl_transfer_each(t, f));) n++;
  assert_int_equal(n, 1024);
}

static void pieces_fit_the_messages_of_the_peer(void **state) {
  (void)state;
  static const struct {
    uint64_t size;
    uint32_t piece;
  } cases[] = {{PL_TRANSFER_HEAD_BYTES + 1, 1},
               {PL_TRANSFER_HEAD_BYTES + PIECE - 1, PIECE - 1},
               {PL_TRANSFER_HEAD_BYTES + PIECE, PIECE},
               {PL_TRANSFER_HEAD_BYTES + PIECE + 1, PIECE},
               {UINT64_MAX, PIECE}};
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE_MAX};
  for (in.message_max.size = 0; in.message_max.size <= PL_TRANSFER_HEAD_BYTES; in.message_max.size++)
    assert_int_equal(pl_transfer_step(t, &in), PL_EINVAL);
  assert_int_equal(t->piece, PIECE);
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    in.message_max.size = cases[k].size;
    assert_int_equal(pl_transfer_step(t, &in), 0);
    assert_int_equal(t->piece, cases[k].piece);
  }
}

static int give(const pl_transfer_want *want, size_t size) {
  static const uint8_t bytes[2 * PIECE];
  return pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_READ, .read = {want, {bytes, size}}});
}

static int give_end(const pl_transfer_want *want) {
  static const uint8_t sha256[32] = {5};
  return pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_READ_END, .read_end = {want, sha256}});
}

static void expect_want(pl_transfer_want *w, uint64_t offset, uint32_t size, bool at_end) {
  assert_true(pl_transfer_next_want(t, w));
  assert_int_equal(w->offset, offset);
  assert_int_equal(w->size, size);
  assert_int_equal(w->end, at_end);
}

/* Two pieces, the rest, and the end, which is wanted once. */
static void a_file_is_read_piece_by_piece(void **state) {
  (void)state;
  pl_transfer_want w[4], none;
  assert_int_equal(add(1, 0, 0, 2 * PIECE + 5, 1, 0), 0);
  assert_false(pl_transfer_next_want(t, &none)); /* nobody asked for it */
  get(1, 0);
  assert_int_equal(acted.count[PL_TRANSFER_TOLD], 1);
  assert_true(acted.last.by_peer);
  expect_want(&w[0], 0, PIECE, false);
  expect_want(&w[1], PIECE, PIECE, false);
  expect_want(&w[2], 2 * PIECE, 5, false);
  expect_want(&w[3], 2 * PIECE + 5, 0, true);
  assert_false(pl_transfer_next_want(t, &none));
  assert_int_equal(give(&w[1], PIECE), 0); /* out of turn: nothing is sent */
  assert_int_equal(sent.count, 0);
  assert_int_equal(give(&w[0], 0), PL_EINVAL);
  assert_int_equal(give(&w[0], PIECE + 1), PL_EINVAL);
  sent.answer = PL_EAGAIN;
  assert_int_equal(give(&w[0], PIECE), PL_EAGAIN);
  sent.answer = 0;
  for (int k = 0; k < 3; k++) {
    assert_int_equal(give_end(&w[k]), PL_EINVAL); /* not at its end */
    assert_int_equal(give(&w[k], w[k].size), 0);
    assert_int_equal(sent.count, k + 1);
    pl_wire_file_data m;
    assert_int_equal(sent.head_size, PL_TRANSFER_HEAD_BYTES);
    assert_int_equal(pl_wire_file_data_decode(&m, sent.head, sent.head_size), 0);
    assert_int_equal(m.offset, w[k].offset);
    assert_memory_equal(m.id, id_of(1), 16);
    assert_int_equal(sent.body_size, w[k].size);
  }
  sent.answer = PL_EAGAIN;
  assert_int_equal(give_end(&w[3]), PL_EAGAIN);
  assert_int_equal(entry(true, 1)->file.state, PL_TRANSFER_MOVING);
  sent.answer = 0;
  assert_int_equal(give_end(&w[3]), 0);
  pl_wire_file_end m;
  assert_int_equal(pl_wire_file_end_decode(&m, sent.head, sent.head_size), 0);
  assert_int_equal(m.size, 2 * PIECE + 5);
  assert_int_equal(m.sha256[0], 5);
  assert_int_equal(entry(true, 1)->file.state, PL_TRANSFER_ENDING);
  assert_false(pl_transfer_next_want(t, &none));
  static const uint64_t taken[] = {10, 9, 2 * PIECE + 6, 2 * PIECE + 5}, stored[] = {10, 10, 10, 2 * PIECE + 5};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(taken); k++) {
    assert_int_equal(tell(PL_TRANSFER_TAKEN, 1, taken[k], 0), 0);
    assert_int_equal(entry(true, 1)->file.stored, stored[k]);
  }
  quiet();
  saved(1);
  expect_over(1, 0, true);
}

/* Less than was wanted, smaller messages, and a pause: what was read is read again from the place that is next. */
static void what_does_not_fit_any_more_is_read_again(void **state) {
  (void)state;
  pl_transfer_want w, later;
  assert_int_equal(add(1, 0, 0, 10 * PIECE, 1, 0), 0);
  get(1, 0);
  expect_want(&w, 0, PIECE, false);
  expect_want(&later, PIECE, PIECE, false);
  assert_int_equal(give(&w, 7), 0);
  assert_int_equal(sent.count, 1);
  assert_int_equal(give(&later, PIECE), 0); /* stale */
  assert_int_equal(sent.count, 1);
  expect_want(&w, 7, PIECE, false);
  t->piece = 100;
  assert_int_equal(give(&w, 101), 0);
  assert_int_equal(sent.count, 1);
  expect_want(&w, 7, 100, false);
  hold(1, 1, 0);
  assert_int_equal(entry(true, 1)->file.held_there, PL_CONST_FILE_HELD_BY_PERSON);
  assert_int_equal(give(&w, 100), 0);
  assert_int_equal(sent.count, 1);
  assert_false(pl_transfer_next_want(t, &w));
  hold(1, 1, PL_CONST_FILE_HELD_DISK_FULL);
  assert_int_equal(entry(true, 1)->file.held_there, PL_CONST_FILE_HELD_DISK_FULL);
  hold(1, 0, PL_CONST_FILE_HELD_DISK_FULL);
  assert_int_equal(entry(true, 1)->file.held_there, 0);
  assert_int_equal(acted.count[PL_TRANSFER_TOLD], 4);
  expect_want(&w, 7, 100, false);
  assert_int_equal(give(&w, 100), 0);
  assert_int_equal(sent.count, 2);
  get(1, 107); /* in place: what was wanted stays */
  expect_want(&w, 107, 100, false);
  get(1, 107);
  assert_int_equal(give(&w, 100), 0);
  assert_int_equal(sent.count, 3);
  expect_want(&w, 207, 100, false);
  get(1, 50);
  assert_int_equal(entry(true, 1)->file.stored, 50);
  assert_int_equal(give(&w, 100), 0);
  assert_int_equal(sent.count, 3);
  expect_want(&w, 50, 100, false);
}

static void a_file_resumes_within_its_size(void **state) {
  (void)state;
  for (uint64_t more = 0; more < 2; more++) {
    restart();
    assert_int_equal(add(1, 0, 0, 100, 1, 0), 0);
    assert_int_equal(say(), PL_CONST_FILE_OFFER);
    get(1, 100 + more);
    if (!more) {
      assert_int_equal(entry(true, 1)->file.state, PL_TRANSFER_MOVING);
      continue;
    }
    expect_over(1, PL_CONST_FILE_CHANGED, false);
    expect_stop(1, PL_CONST_FILE_CHANGED);
  }
  get(9, 0); /* there is no such file */
  expect_stop(9, PL_CONST_FILE_CANCELLED);
  assert_int_equal(add(2, 0, PL_CONST_FILE_FLAG_FOLDER, 0, 1, 0), 0);
  get(2, 0); /* a folder has no bytes */
  assert_int_equal(entry(true, 2)->file.state, PL_TRANSFER_ASKING);
}

static void a_stream_resumes_where_it_is_kept(void **state) {
  (void)state;
  static const struct {
    uint64_t offset;
    bool ok;
  } cases[] = {{29, false}, {30, true}, {80, true}, {81, false}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    pl_transfer_want w;
    restart();
    assert_int_equal(add(1, 0, PL_CONST_FILE_FLAG_STREAM, 0, 1, 0), 0);
    get(1, 0);
    expect_want(&w, 0, PIECE, false);
    pl_transfer_want none;
    assert_false(pl_transfer_next_want(t, &none)); /* one at a time */
    pl_transfer_entry *e = entry(true, 1);
    assert_int_equal(give(&w, 80), 0);
    expect_want(&w, 80, PIECE, false);
    assert_int_equal(tell(PL_TRANSFER_KEPT, 1, 30, 0), 0);
    quiet();
    get(1, cases[k].offset);
    assert_int_equal(acted.count[PL_TRANSFER_OVER], !cases[k].ok);
    if (!cases[k].ok) continue;
    assert_int_equal(e->next, cases[k].offset);
    if (cases[k].offset != 80) expect_want(&w, cases[k].offset, PIECE, false);
    assert_int_equal(give_end(&w), 0); /* a stream ends where it is */
    assert_int_equal(e->file.size, cases[k].offset);
  }
}

/* Four files take turns. The fifth one waits. */
static void four_files_take_turns(void **state) {
  (void)state;
  unsigned wanted[6] = {0};
  pl_transfer_want w;
  for (unsigned k = 1; k <= 5; k++) {
    assert_int_equal(add(k, 0, 0, 1000 * PIECE, 1, 0), 0);
    get(k, 0);
  }
  for (int k = 0; k < 40; k++) {
    assert_true(pl_transfer_next_want(t, &w));
    wanted[w.id[15]]++;
  }
  for (unsigned k = 1; k <= 4; k++) assert_int_equal(wanted[k], 10);
  assert_int_equal(wanted[5], 0);
}

/* ---- incoming ---------------------------------------------------------------------------------------------------- */

static void bytes_come_in_order_and_within_the_size(void **state) {
  (void)state;
  static const struct {
    uint64_t offset;
    size_t size;
    int stored; /* -1: too much; -2: a gap, which is asked for */
  } cases[] = {{20, 0, 0},  {20, 1, 1},   {20, 80, 80}, {20, 81, -1}, {0, 20, 0},
               {0, 21, 1},  {19, 1, 0},   {19, 2, 1},   {21, 1, -2},  {100, 1, -1},
               {99, 1, -2}, {101, 1, -1}, {0, 100, 80}, {99, 2, -1},  {UINT64_MAX, 1, -1}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    restart();
    receive(1, 0, 100, 20);
    data(1, cases[k].offset, cases[k].size);
    assert_int_equal(acted.count[PL_TRANSFER_STORE], cases[k].stored > 0);
    if (cases[k].stored > 0) {
      assert_int_equal(acted.last.offset, 20);
      assert_int_equal(acted.last.data.size, cases[k].stored);
      assert_int_equal(acted.data[0], 20);
    }
    if (cases[k].stored == -1) {
      expect_over(1, PL_CONST_FILE_DAMAGED, false);
      expect_stop(1, PL_CONST_FILE_DAMAGED);
      continue;
    }
    assert_int_equal(acted.count[PL_TRANSFER_OVER], 0);
    assert_int_equal(entry(false, 1)->next, 20 + (cases[k].stored > 0 ? (uint64_t)cases[k].stored : 0));
    assert_int_equal(say(), 0); /* a gap right after GET is of bytes that were sent before it */
    data(1, entry(false, 1)->next, 0);
    entry(false, 1)->gap_said = false;
    if (cases[k].stored == -2) {
      data(1, cases[k].offset, cases[k].size);
      expect_get(1, 20);
      data(1, cases[k].offset, cases[k].size);
      assert_int_equal(say(), 0); /* once, until bytes come in place */
    }
  }
}

static void a_stream_has_no_size_until_its_end(void **state) {
  (void)state;
  static const struct {
    uint64_t offset;
    size_t size;
    bool ok;
  } cases[] = {{INT64_MAX - 1, 1, true}, {INT64_MAX - 1, 2, false}, {INT64_MAX, 1, false}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    restart();
    receive(1, PL_CONST_FILE_FLAG_STREAM, 0, INT64_MAX - 1);
    data(1, cases[k].offset, cases[k].size);
    assert_int_equal(acted.count[PL_TRANSFER_STORE], cases[k].ok);
    if (!cases[k].ok) expect_over(1, PL_CONST_FILE_TOO_LARGE, false);
  }
}

static void an_end_fits_what_came(void **state) {
  (void)state;
  static const struct {
    uint8_t flags;
    uint64_t size;
    int what; /* 0: finished; 1: damaged; 2: a gap */
  } cases[] = {{0, 100, 0},
               {0, 99, 1},
               {0, 101, 1},
               {PL_CONST_FILE_FLAG_STREAM, 100, 0},
               {PL_CONST_FILE_FLAG_STREAM, 99, 1},
               {PL_CONST_FILE_FLAG_STREAM, 101, 2}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    restart();
    receive(1, cases[k].flags, 100, 0);
    data(1, 0, 100);
    quiet();
    finish(1, cases[k].size);
    assert_int_equal(acted.count[PL_TRANSFER_FINISH], cases[k].what == 0);
    if (cases[k].what == 1) expect_over(1, PL_CONST_FILE_DAMAGED, false);
    if (cases[k].what == 2) expect_get(1, 100);
    if (cases[k].what != 0) continue;
    assert_int_equal(acted.last.size, 100);
    assert_int_equal(entry(false, 1)->file.state, PL_TRANSFER_ENDING);
    quiet();
    finish(1, 100); /* once */
    assert_int_equal(acted.count[PL_TRANSFER_FINISH], 0);
    assert_int_equal(tell(PL_TRANSFER_FINISHED, 1, 0, 0), 0);
    expect_over(1, 0, false);
    assert_int_equal(say(), PL_CONST_FILE_SAVED);
  }
  restart();
  receive(1, 0, 100, 0);
  data(1, 0, 99);
  finish(1, 100);
  expect_get(1, 99);
}

static void a_file_is_ready_within_its_size(void **state) {
  (void)state;
  static const struct {
    uint8_t flags;
    uint64_t most;
  } cases[] = {{0, 100}, {PL_CONST_FILE_FLAG_STREAM, INT64_MAX}};
  for (size_t k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    restart();
    assert_int_equal(offer(1, 0, cases[k].flags, 100), 0);
    assert_int_equal(tell(PL_TRANSFER_ACCEPT, 1, 0, 0), 0);
    assert_int_equal(tell(PL_TRANSFER_READY, 1, cases[k].most + 1, 0), PL_EINVAL);
    assert_int_equal(entry(false, 1)->file.state, PL_TRANSFER_PREPARING);
    assert_int_equal(tell(PL_TRANSFER_READY, 1, cases[k].most, 0), 0);
    assert_int_equal(entry(false, 1)->file.stored, cases[k].most);
    expect_get(1, cases[k].most);
  }
  static const uint64_t told[] = {30, 29, 51, 50}, stored[] = {30, 30, 30, 50};
  restart();
  receive(1, 0, 100, 0);
  data(1, 0, 50);
  for (size_t k = 0; k < PL_ARRAY_LENGTH(told); k++) {
    assert_int_equal(tell(PL_TRANSFER_STORED, 1, told[k], 0), 0);
    assert_int_equal(entry(false, 1)->file.stored, stored[k]);
  }
  assert_int_equal(tell(PL_TRANSFER_AGAIN, 1, 0, 0), 0);
  expect_get(1, 0);
  assert_int_equal(entry(false, 1)->file.stored, 0);
}

static void an_offer_has_a_largest_size(void **state) {
  (void)state;
  assert_int_equal(offer(1, 0, 0, INT64_MAX), 0);
  assert_int_equal(acted.count[PL_TRANSFER_OFFERED], 1);
  assert_int_equal(offer(2, 0, 0, (uint64_t)INT64_MAX + 1), 0);
  assert_int_equal(acted.count[PL_TRANSFER_OFFERED], 1);
  expect_stop(2, PL_CONST_FILE_TOO_LARGE);
  for (unsigned k = 3; k <= 1025; k++) assert_int_equal(offer(k, 0, 0, 1), 0);
  assert_int_equal(acted.count[PL_TRANSFER_OFFERED], 1024);
  assert_int_equal(offer(1026, 0, 0, 1), 0);
  expect_stop(1026, PL_CONST_FILE_DECLINED);
  quiet();
  assert_int_equal(offer(1, 0, 0, 77), 0); /* its id is another file's */
  expect_over(1, PL_CONST_FILE_DAMAGED, false);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* The last 64 groups that were accepted are known, until the peer or this side stops one. */
static void groups_that_were_accepted_are_known(void **state) {
  (void)state;
  static const uint8_t none[16];
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_ACCEPT, .about = {none, 0, 0}}),
                   PL_EINVAL);
  for (unsigned g = 100; g < 165; g++) {
    assert_int_equal(tell(PL_TRANSFER_ACCEPT, g, 0, 0), 0);
    assert_int_equal(tell(PL_TRANSFER_ACCEPT, g, 0, 0), 0); /* once more counts once */
  }
  stop(130, 0);
  for (unsigned g = 100; g < 166; g++) {
    quiet();
    assert_int_equal(offer(g - 90, g, 0, 1), 0);
    bool known = g > 100 && g < 165 && g != 130;
    assert_int_equal(acted.count[PL_TRANSFER_PREPARE], known);
    assert_int_equal(acted.count[PL_TRANSFER_OFFERED], !known);
  }
}

static void a_group_is_asked_about_once(void **state) {
  (void)state;
  static const struct {
    unsigned group;
    bool first;
  } cases[] = {{7, true}, {7, false}, {8, true}, {0, true}, {0, true}, {7, false}};
  for (unsigned k = 0; k < PL_ARRAY_LENGTH(cases); k++) {
    assert_int_equal(offer(1 + k, cases[k].group, 0, 1), 0);
    assert_int_equal(acted.last.type, PL_TRANSFER_OFFERED);
    assert_int_equal(acted.last.first, cases[k].first);
  }
  quiet();
  assert_int_equal(tell(PL_TRANSFER_ACCEPT, 7, 0, 0), 0);
  assert_int_equal(acted.count[PL_TRANSFER_PREPARE], 3);
  assert_int_equal(tell(PL_TRANSFER_STOP, 7, 0, 0), PL_EINVAL);
  assert_int_equal(tell(PL_TRANSFER_STOP, 7, 0, PL_CONST_FILE_CANCELLED), 0);
  assert_int_equal(acted.count[PL_TRANSFER_OVER], 3);
  expect_stop(7, PL_CONST_FILE_CANCELLED);
  assert_int_equal(tell(PL_TRANSFER_STOP, 7, 0, PL_CONST_FILE_CANCELLED), PL_ESTATE);
  stop(8, 0); /* without a reason it is one all the same */
  assert_int_equal(acted.last.why, PL_CONST_FILE_CANCELLED);
  assert_true(acted.last.by_peer);
}

/* ---- last words -------------------------------------------------------------------------------------------------- */

/* A word is forgotten when the peer took it, and those that it did not take are said again in the next session. */
static void last_words_are_kept_until_they_are_heard(void **state) {
  (void)state;
  place = 0;
  for (unsigned k = 1; k <= 3; k++) get(k, 0); /* of no file */
  for (unsigned k = 1; k <= 2; k++) expect_stop(k, PL_CONST_FILE_CANCELLED);
  assert_int_equal(place, 2);
  pl_transfer_event heard = {.type = PL_TRANSFER_HEARD, .heard = {0}};
  assert_int_equal(pl_transfer_step(t, &heard), 0);
  assert_int_equal(t->last_count, 3);
  heard.heard.place = 1;
  assert_int_equal(pl_transfer_step(t, &heard), 0);
  assert_int_equal(t->last_count, 2);
  assert_int_equal(t->last_first, 1);
  assert_int_equal(pl_transfer_step(t, &(pl_transfer_event){.type = PL_TRANSFER_BEGUN}), 0);
  for (unsigned k = 2; k <= 3; k++) expect_stop(k, PL_CONST_FILE_CANCELLED);
  assert_int_equal(say(), 0);
  assert_false(pl_transfer_is_heard(t));
  heard.heard.place = 100;
  assert_int_equal(pl_transfer_step(t, &heard), 0);
  assert_true(pl_transfer_is_heard(t));
}

/* The ring holds 1,152 words. Then one that was said makes room, and without such a one the new word is dropped. */
static void last_words_have_a_limit(void **state) {
  (void)state;
  enum { MOST = 1152 };
  for (unsigned k = 1; k <= MOST + 1; k++) get(k, 0);
  assert_int_equal(t->last_count, MOST);
  expect_stop(1, PL_CONST_FILE_CANCELLED);
  get(5000, 0); /* takes the place of the first one */
  assert_int_equal(t->last_count, MOST);
  assert_int_equal(t->last_first, 1);
  for (unsigned k = 2; k <= MOST; k++) expect_stop(k, PL_CONST_FILE_CANCELLED);
  expect_stop(5000, PL_CONST_FILE_CANCELLED);
  assert_int_equal(say(), 0);
  for (unsigned k = 0; k < MOST; k++) get(6000 + k, 0);
  assert_int_equal(t->last_first, 1);
  for (unsigned k = 0; k < MOST; k++) expect_stop(6000 + k, PL_CONST_FILE_CANCELLED);
}

#define OWN(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      OWN(events_have_their_states),
      OWN(room_is_told_to_a_file_that_waits_for_it),
      OWN(offers_have_limits),
      OWN(files_and_groups_have_limits),
      OWN(pieces_fit_the_messages_of_the_peer),
      OWN(a_file_is_read_piece_by_piece),
      OWN(what_does_not_fit_any_more_is_read_again),
      OWN(a_file_resumes_within_its_size),
      OWN(a_stream_resumes_where_it_is_kept),
      OWN(four_files_take_turns),
      OWN(bytes_come_in_order_and_within_the_size),
      OWN(a_stream_has_no_size_until_its_end),
      OWN(an_end_fits_what_came),
      OWN(a_file_is_ready_within_its_size),
      OWN(an_offer_has_a_largest_size),
      OWN(groups_that_were_accepted_are_known),
      OWN(a_group_is_asked_about_once),
      OWN(last_words_are_kept_until_they_are_heard),
      OWN(last_words_have_a_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
