#include "two.h"

static const pl_session_config usual = {.message_max = 262144, .channel_window = 1 << 20, .session_window = 8 << 20};

static void init_side(two_side *s, const pl_session_config *config, uint64_t seed) {
  pl_session_config c = config ? *config : usual;
  c.seed = seed;
  c.pieces = &s->pieces;
  s->in_end = &s->in;
  assert_int_equal(pl_session_new(&c, &s->session), 0);
}

void two_init(two *t, const pl_session_config *a, const pl_session_config *b) {
  memset(t, 0, sizeof *t);
  t->now_us = 5000000;
  t->random = 0x2545f4914f6cdd1du;
  t->window = 1 << 20;
  init_side(&t->side[0], a, 11);
  init_side(&t->side[1], b, 22);
}

void two_deinit(two *t) {
  for (int i = 0; i < 2; i++) {
    two_side *s = &t->side[i];
    pl_session_free(s->session);
    pl_session_pieces_deinit(&s->pieces);
    while (s->in) {
      two_record *r = s->in;
      s->in = r->next;
      free(r);
    }
    for (size_t k = 0; k < s->seen_count; k++) free(s->seen[k].data);
    free(s->seen);
  }
}

uint64_t two_random(two *t) {
  t->random ^= t->random << 13;
  t->random ^= t->random >> 7;
  t->random ^= t->random << 17;
  return t->random;
}

typedef struct context {
  two *t;
  two_side *s;
} context;

static int take(void *p, const pl_session_action *a) {
  context *c = p;
  two_side *s = c->s;
  if (s->refuse) return PL_ENOMEM;
  if (s->seen_count == s->seen_capacity) {
    s->seen_capacity = s->seen_capacity ? 2 * s->seen_capacity : 64;
    s->seen = realloc(s->seen, s->seen_capacity * sizeof *s->seen);
    assert_non_null(s->seen);
  }
  if (a->type == PL_SESSION_DROP_LINK) s->dropped[s->dropped_count++ % 32] = a->link;
  two_seen *e = &s->seen[s->seen_count++];
  *e = (two_seen){.a = *a, .ms = c->t->now_us / 1000, .size = a->data.size};
  if (a->data.size) {
    e->data = malloc(a->data.size);
    assert_non_null(e->data);
    memcpy(e->data, a->data.data, a->data.size);
  }
  return 0;
}

int two_step(two *t, int i, pl_session_event in) {
  two_side *s = &t->side[i];
  context c = {t, s};
  pl_session_sink sink = {take, &c};
  pl_session_result result;
  in.now_ms = t->now_us / 1000;
  pl_session_pieces_release(&s->pieces);
  s->rc = pl_session_step(s->session, &in, &sink, &result);
  s->place = result.place;
  return s->rc;
}

void two_close_over(two *t, int i) {
  context c = {t, &t->side[i]};
  pl_session_sink sink = {take, &c};
  assert_int_equal(pl_session_close_over(t->side[i].session, &sink), 0);
}

void two_link(two *t, uint32_t id, int opener) {
  for (int i = 0; i < 2; i++) {
    t->side[i].counters[id % 256] = 0;
    pl_session_event up = {.type = PL_SESSION_LINK_UP, .link_up = {id, t->window, i == opener, .smaller = i == 0}};
    assert_int_equal(two_step(t, i, up), 0);
  }
}

void two_unlink(two *t, uint32_t id) {
  for (int i = 0; i < 2; i++) {
    for (two_record **p = &t->side[i].in; *p;) {
      two_record *r = *p;
      if (r->link != id) {
        p = &r->next;
        continue;
      }
      *p = r->next;
      free(r);
    }
    t->side[i].in_end = &t->side[i].in;
    while (*t->side[i].in_end) t->side[i].in_end = &(*t->side[i].in_end)->next;
    assert_int_equal(two_step(t, i, (pl_session_event){.type = PL_SESSION_LINK_DOWN, .link_down = {id}}), 0);
  }
}

int two_feed(two *t, int i, uint32_t link, const void *frames, size_t size) {
  uint8_t *copy = malloc(size ? size : 1); /* no larger, so that a sanitizer sees a read beyond it */
  assert_non_null(copy);
  memcpy(copy, frames, size);
  uint64_t counter = t->side[1 - i].counters[link % 256]++;
  int rc = two_step(t, i, (pl_session_event){.type = PL_SESSION_RECORD, .record = {link, counter, {copy, size}}});
  free(copy);
  return rc;
}

static bool produce(two *t, int i) {
  static uint8_t out[65536];
  two_side *s = &t->side[i];
  uint32_t link = 0;
  uint8_t flags = 0;
  if (t->bytes_per_s && s->free_us > t->now_us) return false; /* the socket is full */
  int n = pl_session_produce(s->session, t->now_us / 1000, out, sizeof out, &link, &flags);
  assert_true(n >= 0);
  if (n == 0) return false;
  two_record *r = calloc(1, sizeof *r + (size_t)n);
  assert_non_null(r);
  r->size = (size_t)n;
  r->link = link;
  r->counter = s->counters[link % 256]++;
  memcpy(r->bytes, out, r->size);
  s->records_out++;
  s->bytes_out += r->size + 32;
  uint64_t start = s->free_us > t->now_us ? s->free_us : t->now_us;
  if (t->bytes_per_s) s->free_us = start + (r->size + 32) * 1000000 / t->bytes_per_s;
  r->arrives_us = (t->bytes_per_s ? s->free_us : t->now_us) + t->delay_us;
  if (t->drop && t->drop(t, i, r)) {
    free(r);
    return true;
  }
  two_side *to = &t->side[1 - i];
  *to->in_end = r;
  to->in_end = &r->next;
  return true;
}

static bool turn(two *t) {
  bool moved = false;
  for (int i = 0; i < 2; i++) /* the other side is told of a dropped link, too */
    while (t->side[i].dropped_count) two_unlink(t, t->side[i].dropped[--t->side[i].dropped_count]);
  for (int i = 0; i < 2; i++) {
    two_side *s = &t->side[i];
    while (s->in && s->in->arrives_us <= t->now_us) {
      two_record *r = s->in;
      s->in = r->next;
      if (!s->in) s->in_end = &s->in;
      pl_session_event in = {.type = PL_SESSION_RECORD, .record = {r->link, r->counter, {r->bytes, r->size}}};
      if (two_step(t, i, in)) s->broke = s->rc;
      free(r);
      moved = true;
    }
    if (pl_session_deadline(s->session) <= t->now_us / 1000) {
      two_step(t, i, (pl_session_event){.type = PL_SESSION_TIME});
      moved = true;
    }
    while (produce(t, i)) moved = true;
  }
  return moved;
}

void two_run(two *t, uint64_t ms) {
  uint64_t end = t->now_us + ms * 1000;
  for (;;) {
    for (int k = 0; turn(t); k++) assert_true(k < 100000);
    uint64_t at = end;
    for (int i = 0; i < 2; i++) {
      const two_side *s = &t->side[i];
      uint64_t d = pl_session_deadline(s->session);
      if (d < end / 1000 && d * 1000 < at) at = d * 1000;
      if (s->in && s->in->arrives_us < at) at = s->in->arrives_us;
      if (t->bytes_per_s && s->free_us > t->now_us && s->free_us < at && pl_session_has_output(s->session))
        at = s->free_us;
    }
    if (at >= end) break;
    t->now_us = at > t->now_us ? at : t->now_us + 1;
  }
  t->now_us = end;
}

int two_send(two *t, int i, uint8_t channel, const void *data, size_t size) {
  return two_step(t, i, (pl_session_event){.type = PL_SESSION_SEND, .send = {channel, {data, size}}});
}

size_t two_count(const two *t, int i, pl_session_action_type type) {
  size_t n = 0;
  for (size_t k = 0; k < t->side[i].seen_count; k++) n += t->side[i].seen[k].a.type == type;
  return n;
}

two_seen *two_find(two *t, int i, pl_session_action_type type, size_t skip) {
  for (size_t k = 0; k < t->side[i].seen_count; k++)
    if (t->side[i].seen[k].a.type == type && skip-- == 0) return &t->side[i].seen[k];
  return NULL;
}
