/* One side of file transfers against any messages, mixed with what its owner does; and safe names. Bytes must be stored
 * in order, once, and no more than were offered; messages that are sent must decode; the number of files must stay
 * bounded. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/transfer/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IDS = 8 };

static uint64_t stored[IDS]; /* by id: where the next STORE must start */
static uint64_t said;        /* words */
static bool blocked;
static pl_transfer *t;

static void check(bool holds) {
  if (!holds) abort();
}

static unsigned number_of(const uint8_t *id) {
  return id[0] % IDS;
}

static void act(void *context, const pl_transfer_action *a) {
  unsigned n = number_of(a->file->id);
  (void)context;
  if (a->type == PL_TRANSFER_STORE) {
    bool stream = a->file->flags & PL_CONST_FILE_FLAG_STREAM;
    check(a->offset == stored[n] && a->data.size > 0);
    stored[n] += a->data.size;
    check(stored[n] <= (stream ? INT64_MAX : a->file->size));
    uint8_t sum = 0; /* reads all bytes */
    for (size_t i = 0; i < a->data.size; i++) sum = (uint8_t)(sum + a->data.data[i]);
    (void)sum;
  }
  if (a->type == PL_TRANSFER_FINISH) check(a->size == stored[n]);
  if (a->type == PL_TRANSFER_OVER && !a->file->outgoing) stored[n] = 0;
}

static int send_bytes(void *context, const uint8_t *head, size_t head_size, pl_view body) {
  static uint8_t whole[PL_TRANSFER_HEAD_BYTES + PL_CONST_FILE_PIECE_BYTES + 64];
  pl_wire_file_data d;
  pl_wire_file_end e;
  (void)context;
  if (blocked) return PL_EAGAIN;
  memcpy(whole, head, head_size);
  if (body.size) memcpy(whole + head_size, body.data, body.size);
  check(pl_wire_file_data_decode(&d, whole, head_size + body.size) == 0 ||
        pl_wire_file_end_decode(&e, whole, head_size + body.size) == 0);
  return 0;
}

static int step(const pl_transfer_event *in) {
  return pl_transfer_step(t, in);
}

/* An id is one small number repeated, so that inputs need not guess it. */
static void set_id(uint8_t *id, uint8_t n) {
  memset(id, n % IDS, PL_CONST_FILE_ID_BYTES);
}

static void message(pl_reader *r, uint8_t with) {
  uint8_t bytes[512] = {pl_read_u8(r)};
  size_t n = 1 + with % 64;
  set_id(bytes + 1, pl_read_u8(r));
  if (n > pl_reader_left(r)) n = pl_reader_left(r);
  pl_read_bytes(r, bytes + 17, n);
  uint8_t *copy = malloc(17 + n); /* memory of its own, so that a sanitizer sees a read beyond it */
  check(copy);
  memcpy(copy, bytes, 17 + n);
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE, .message = {with >> 6, {copy, 17 + n}}};
  check(pl_transfer_step(t, &in) == 0);
  free(copy);
}

static void offer(uint8_t n, uint8_t with) {
  uint8_t out[128];
  pl_wire_file_offer m = {.type = PL_CONST_FILE_OFFER, .flags = with & 3, .size = with >> 2};
  set_id(m.id, n);
  if (with & 0x40) memset(m.group, 0xaa, sizeof m.group);
  int size = pl_wire_file_offer_encode(&m, out, sizeof out);
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE, .message = {PL_CONST_CHAT_CHANNEL, {out, (size_t)size}}};
  check(pl_transfer_step(t, &in) == 0);
}

static void add(uint8_t n, uint8_t with) {
  pl_transfer_file f = {.flags = with & 3, .size = (uint64_t)with * 3000, .name = {(const uint8_t *)"name", 4}};
  set_id(f.id, n);
  if (with & 4) memset(f.group, 0xaa, sizeof f.group);
  (void)step(&(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}});
}

static void read_one(uint8_t with) {
  static const uint8_t bytes[PL_CONST_FILE_PIECE_BYTES], sha256[32];
  pl_transfer_want want;
  if (!pl_transfer_next_want(t, &want)) return;
  check(want.size <= PL_CONST_FILE_PIECE_BYTES && want.end == (want.size == 0));
  pl_transfer_event in = {.type = PL_TRANSFER_READ, .read = {.want = &want}};
  in.read.data = (pl_view){bytes, with & 1 ? want.size / 2 : want.size};
  if (want.end || with & 0x80) in = (pl_transfer_event){.type = PL_TRANSFER_READ_END, .read_end = {&want, sha256}};
  (void)step(&in);
}

static void owner(uint8_t what, uint8_t n, uint8_t with) {
  static const pl_transfer_event_type types[] = {
      PL_TRANSFER_PAUSE,       PL_TRANSFER_RESUME,   PL_TRANSFER_STOP,  PL_TRANSFER_TAKEN,  PL_TRANSFER_KEPT,
      PL_TRANSFER_READ_FAILED, PL_TRANSFER_ACCEPT,   PL_TRANSFER_READY, PL_TRANSFER_STORED, PL_TRANSFER_STORE_FAILED,
      PL_TRANSFER_ROOM,        PL_TRANSFER_FINISHED, PL_TRANSFER_AGAIN, PL_TRANSFER_HEARD};
  uint8_t id[PL_CONST_FILE_ID_BYTES];
  set_id(id, n);
  if (with == 0xff) memset(id, 0xaa, sizeof id);
  pl_transfer_event in = {.type = types[what % 14], .about = {id, with % 64, with >> 6}};
  if (in.type == PL_TRANSFER_HEARD) in = (pl_transfer_event){.type = PL_TRANSFER_HEARD, .heard = {with % 64}};
  int rc = step(&in);
  unsigned k = number_of(id);
  if (rc == 0 && in.type == PL_TRANSFER_AGAIN) stored[k] = 0;
  if (rc == 0 && (in.type == PL_TRANSFER_READY || (in.type == PL_TRANSFER_STORE_FAILED && in.about.why == 2)))
    stored[k] = in.about.offset;
}

static void speak(void) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  size_t n = pl_transfer_next_word(t, word);
  check(n <= sizeof word);
  if (n) pl_transfer_word_sent(t, ++said);
}

static void names(const uint8_t *data, size_t size) {
  char out[PL_TRANSFER_NAME_MAX];
  size_t n = pl_transfer_safe_name((pl_view){data, size}, false, out);
  check(n > 0 && n < sizeof out && out[n] == '\0' && out[0] != '/' && out[0] != '.' && out[n - 1] != '/');
  check(out[0] != '-' && !strstr(out, "/.") && !strstr(out, "/-"));
  n = pl_transfer_safe_name((pl_view){data, size}, true, out);
  check(n > 0 && n < sizeof out && out[n] == '\0' && out[0] != '/' && out[0] != '.' && out[n - 1] != '/');
  check(!strstr(out, "/../") && !strstr(out, "/./") && !strstr(out, "//") && !strchr(out, '\\'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const pl_transfer_sink sink = {act, send_bytes, NULL};
  pl_reader r = pl_reader_of(data, size);
  names(data, size < 1024 ? size : 1024);
  memset(stored, 0, sizeof stored);
  check(pl_transfer_new(&sink, &t) == 0);
  for (int k = 0; k < 1000 && pl_reader_left(&r); k++) {
    uint8_t what = pl_read_u8(&r), n = pl_read_u8(&r), with = pl_read_u8(&r);
    blocked = what & 0x80;
    switch (what % 8) {
      case 0:
        (void)step(&(pl_transfer_event){.type = PL_TRANSFER_BEGUN});
        break;
      case 1:
        offer(n, with);
        break;
      case 2:
        add(n, with);
        break;
      case 3:
        read_one(with);
        break;
      case 4:
        speak();
        break;
      case 5:
        message(&r, with);
        break;
      default:
        owner(n >> 4, n, with);
    }
  }
  size_t count = 0;
  for (pl_transfer_file *f = NULL; (f = pl_transfer_each(t, f));) count++;
  check(count <= 2 * IDS + 1);
  pl_transfer_free(t);
  return 0;
}
