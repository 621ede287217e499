#include "pair.h"

uint64_t pair_random(pair *p, uint64_t below) {
  p->random ^= p->random << 13;
  p->random ^= p->random >> 7;
  p->random ^= p->random << 17;
  return p->random % below;
}

void pair_id(unsigned n, uint8_t id[16]) {
  memset(id, 0xee, 16);
  id[0] = (uint8_t)(n >> 8);
  id[1] = (uint8_t)n;
}

static unsigned number_of(const uint8_t *id) {
  unsigned n = (unsigned)id[0] << 8 | id[1];
  assert_true(n < PAIR_FILES);
  return n;
}

/* Returns the bytes of a file from a place on, at least one piece. */
static const uint8_t *bytes_at(unsigned n, uint64_t place) {
  enum { PERIOD = 65521 };
  static uint8_t pattern[PERIOD + PL_CONST_FILE_PIECE_BYTES];
  if (pattern[1] == 0)
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i % PERIOD * 31 + i % PERIOD / 256 + 1);
  return pattern + (place + n * 977u) % PERIOD;
}

/* Stands in for the hash: the number and the size of the file. */
static void hash_of(unsigned n, uint64_t size, uint8_t sha256[32]) {
  memset(sha256, 0, 32);
  sha256[0] = (uint8_t)n;
  pl_put_u64(sha256 + 8, size);
}

/* ---- queues ---- */

static pair_message *put(pair_queue *q, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  pair_message *m = calloc(1, sizeof *m + a_size + b_size);
  assert_non_null(m);
  m->size = a_size + b_size;
  memcpy(m->bytes, a, a_size);
  if (b_size) memcpy(m->bytes + a_size, b, b_size);
  if (q->last)
    q->last->next = m;
  else
    q->first = m;
  q->last = m;
  q->count++;
  return m;
}

static pair_message *take(pair_queue *q) {
  pair_message *m = q->first;
  if (!m) return NULL;
  q->first = m->next;
  if (!q->first) q->last = NULL;
  q->count--;
  return m;
}

static void clear(pair *p) {
  pair_message *m;
  for (int i = 0; i < 4; i++)
    while ((m = take(&p->queue[i / 2][i % 2]))) free(m);
}

/* ---- what the sides do ---- */

/* Every other file says when it was changed. */
static uint64_t modified_of(unsigned n) {
  return n % 2 ? 1000000000000000000u + n : 0;
}

static void sender_act(void *context, const pl_transfer_action *a) {
  pair *p = context;
  if (a->type != PL_TRANSFER_OVER) return;
  unsigned n = number_of(a->file->id);
  assert_false(p->sender_over[n]);
  p->sender_over[n] = true;
  p->sender_why[n] = a->why;
  if (a->why == 0) assert_true(p->files[n].saved);
}

static int sender_send(void *context, const uint8_t *head, size_t head_size, pl_view body) {
  pair *p = context;
  if (p->queue[1][1].count >= p->window) return PL_EAGAIN;
  (void)put(&p->queue[1][1], head, head_size, body.data, body.size);
  p->sent_bytes += body.size;
  return 0;
}

static int receiver_send(void *context, const uint8_t *head, size_t head_size, pl_view body) {
  (void)context, (void)head, (void)head_size, (void)body;
  fail();
  return 0;
}

static void receiver_act(void *context, const pl_transfer_action *a) {
  pair *p = context;
  unsigned n = number_of(a->file->id);
  pair_file *f = &p->files[n];
  switch (a->type) {
    case PL_TRANSFER_OFFERED:
      f->known = true;
      if (f->saved) {
        pair_event(p, 1, PL_TRANSFER_FINISHED, n, 0, 0);
      } else if (f->wanted || p->auto_accept) {
        pair_event(p, 1, PL_TRANSFER_ACCEPT, n, 0, 0);
      } else {
        f->asked++;
      }
      return;
    case PL_TRANSFER_PREPARE:
      if (f->saved) { /* the sender has not heard that yet */
        pair_event(p, 1, PL_TRANSFER_FINISHED, n, 0, 0);
        return;
      }
      f->wanted = true;
      f->handed_to = f->stored;
      f->finish_due = false;
      if (a->file->flags & PL_CONST_FILE_FLAG_FOLDER) {
        f->saved = true;
        pair_event(p, 1, PL_TRANSFER_FINISHED, n, 0, 0);
      } else {
        pair_event(p, 1, PL_TRANSFER_READY, n, f->stored, 0);
      }
      return;
    case PL_TRANSFER_STORE:
      assert_int_equal(a->offset, f->handed_to);
      assert_memory_equal(a->data.data, bytes_at(n, a->offset), a->data.size);
      f->handed_to += a->data.size;
      return;
    case PL_TRANSFER_FINISH:
      assert_int_equal(a->size, f->handed_to);
      assert_int_equal(a->file->modified_ns, modified_of(n)); /* whatever was lost since the offer */
      f->finish_due = true;
      f->finish_size = a->size;
      f->damaged = pl_get_u64(a->sha256 + 8) != a->size || a->sha256[0] != (uint8_t)n;
      return;
    case PL_TRANSFER_OVER:
      f->over = true;
      f->over_why = a->why;
      if (a->why) f->handed_to = f->stored, f->finish_due = false;
      return;
    default:
      return;
  }
}

static void make(pair *p, int side) {
  const pl_transfer_sink sender = {sender_act, sender_send, p}, receiver = {receiver_act, receiver_send, p};
  assert_int_equal(pl_transfer_new(side ? &receiver : &sender, &p->t[side]), 0);
}

void pair_init(pair *p, uint64_t seed) {
  memset(p, 0, sizeof *p);
  p->random = seed * 0x9e3779b97f4a7c15u + 1;
  p->window = 8;
  p->room = UINT64_MAX;
  p->auto_accept = true;
  make(p, 0);
  make(p, 1);
}

void pair_deinit(pair *p) {
  clear(p);
  pl_transfer_free(p->t[0]);
  pl_transfer_free(p->t[1]);
}

int pair_event(pair *p, int side, pl_transfer_event_type type, unsigned n, uint64_t offset, uint8_t why) {
  uint8_t id[16];
  pair_id(n, id);
  return pl_transfer_step(p->t[side], &(pl_transfer_event){.type = type, .about = {id, offset, why}});
}

int pair_add(pair *p, unsigned n, uint8_t flags, uint64_t size, unsigned group, unsigned group_files) {
  pl_transfer_file f = {.flags = flags, .size = flags ? 0 : size, .group_files = group_files};
  pair_id(n, f.id);
  if (group) memset(f.group, (int)group, sizeof f.group);
  f.name = (pl_view){(const uint8_t *)"name", 4};
  f.modified_ns = modified_of(n);
  p->sizes[n] = size;
  return pl_transfer_step(p->t[0], &(pl_transfer_event){.type = PL_TRANSFER_ADD, .add = {&f}});
}

void pair_begun(pair *p) {
  clear(p);
  for (int side = 0; side < 2; side++)
    assert_int_equal(pl_transfer_step(p->t[side], &(pl_transfer_event){.type = PL_TRANSFER_BEGUN}), 0);
}

void pair_restart(pair *p, int side) {
  pl_transfer_free(p->t[side]);
  make(p, side);
  if (side == 1) {
    for (unsigned n = 0; n < PAIR_FILES; n++)
      p->files[n].handed_to = p->files[n].stored, p->files[n].finish_due = false;
  } else {
    for (unsigned n = 0; n < PAIR_FILES; n++)
      if (p->sizes[n] && !p->sender_over[n]) assert_int_equal(pair_add(p, n, 0, p->sizes[n], 0, 0), 0);
  }
  pair_begun(p);
}

/* ---- one thing at a time ---- */

static bool deliver(pair *p, int side, int channel) {
  pair_message *m = take(&p->queue[side][channel]);
  if (!m) return false;
  pl_transfer_event in = {.type = PL_TRANSFER_MESSAGE, .message = {(uint8_t)channel, {m->bytes, m->size}}};
  assert_int_equal(pl_transfer_step(p->t[side], &in), 0);
  pl_transfer_event heard = {.type = PL_TRANSFER_HEARD, .heard = {m->place}};
  if (m->place) assert_int_equal(pl_transfer_step(p->t[!side], &heard), 0);
  free(m);
  return true;
}

static bool speak(pair *p, int side) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  size_t n = pl_transfer_next_word(p->t[side], word);
  if (!n) return false;
  uint64_t place = ++p->words[side];
  put(&p->queue[!side][0], word, n, NULL, 0)->place = place;
  pl_transfer_word_sent(p->t[side], place);
  return true;
}

static bool read_one(pair *p) {
  uint8_t sha256[32];
  pl_transfer_want want;
  if (p->queue[1][1].count >= p->window || !pl_transfer_next_want(p->t[0], &want)) return false;
  unsigned n = number_of(want.id);
  uint64_t left = p->sizes[n] - want.offset;
  bool stream = want.file->flags & PL_CONST_FILE_FLAG_STREAM;
  pl_transfer_event in = {.type = PL_TRANSFER_READ, .read = {.want = &want}};
  size_t size = want.size;
  if (stream && size > PAIR_PIECE) size = PAIR_PIECE;
  if (size > left) size = (size_t)left;
  in.read.data = (pl_view){bytes_at(n, want.offset), size};
  if (want.end || (stream && size == 0)) {
    in = (pl_transfer_event){.type = PL_TRANSFER_READ_END, .read_end = {&want, sha256}};
    hash_of(n, p->sizes[n], sha256);
  }
  assert_int_equal(pl_transfer_step(p->t[0], &in), 0);
  return true;
}

/* Writes some of what was handed over to the disk, which may be full. */
static bool store(pair *p) {
  unsigned start = (unsigned)pair_random(p, PAIR_FILES);
  for (unsigned i = 0; i < PAIR_FILES; i++) {
    unsigned n = (start + i) % PAIR_FILES;
    pair_file *f = &p->files[n];
    uint64_t waits = f->handed_to - f->stored;
    if (waits) {
      uint64_t some = 1 + pair_random(p, waits);
      bool full = some > p->room;
      if (full) some = p->room;
      f->stored += some;
      p->room -= some;
      if (full) f->handed_to = f->stored;
      pair_event(p, 1, full ? PL_TRANSFER_STORE_FAILED : PL_TRANSFER_STORED, n, f->stored,
                 PL_CONST_FILE_HELD_DISK_FULL);
      if (full) f->finish_due = false;
      return true;
    }
    if (f->finish_due && p->doubts && !f->doubted) {
      f->finish_due = false;
      f->doubted = true;
      f->handed_to = f->stored = 0;
      pair_event(p, 1, PL_TRANSFER_AGAIN, n, 0, 0);
      return true;
    }
    if (f->finish_due) {
      f->finish_due = false;
      f->saved = !f->damaged;
      pair_event(p, 1, PL_TRANSFER_FINISHED, n, 0, f->damaged ? PL_CONST_FILE_DAMAGED : 0);
      return true;
    }
  }
  return false;
}

static bool one_of(pair *p, uint64_t kind) {
  switch (kind) {
    case 0:
      return speak(p, 0);
    case 1:
      return speak(p, 1);
    case 2:
      return read_one(p);
    case 3:
      return store(p);
    default:
      return deliver(p, (int)(kind & 1), (int)(kind >> 1 & 1));
  }
}

void pair_step(pair *p) {
  uint64_t first = pair_random(p, 8);
  for (uint64_t i = 0; i < 8; i++)
    if (one_of(p, (first + i) % 8)) return;
}

bool pair_idle(const pair *p) {
  uint8_t word[PL_TRANSFER_WORD_MAX];
  for (int i = 0; i < 4; i++)
    if (p->queue[i / 2][i % 2].count) return false;
  for (int side = 0; side < 2; side++)
    if (pl_transfer_next_word(p->t[side], word)) return false;
  for (unsigned n = 0; n < PAIR_FILES; n++)
    if (p->files[n].handed_to != p->files[n].stored || p->files[n].finish_due) return false;
  return !pl_transfer_each(p->t[0], NULL);
}

void pair_run(pair *p, unsigned steps) {
  while (steps-- && !pair_idle(p)) pair_step(p);
}
