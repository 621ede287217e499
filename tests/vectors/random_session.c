/* A random run of a session against another one. What happens to the first one, A, is written down as a trace. */
#include "random_session.h"

#include <stdlib.h>
#include <string.h>

#include "own_session.h"

enum { CHANNELS = 7, STEPS = 110, LINK_SLOTS = TRACE_LINKS, WAITING_MAX = 120, TAKES = 512 };

typedef struct parcel {
  struct parcel *next;
  uint64_t arrives_ms, counter;
  uint32_t link;
  bool to_a, down; /* down: the end of the link instead of a record */
  size_t size;
  uint8_t bytes[];
} parcel;

/* Messages and ends that an application has not taken, in the order in which they came. */
typedef struct takes {
  struct {
    uint8_t channel;
    uint64_t place;
  } list[TAKES];
  size_t first, count;
} takes;

typedef struct world {
  trace a;
  pl_session *b;
  pl_session_pieces b_pieces;
  pl_session_config b_config;
  uint64_t random;
  unsigned loss, delay_ms; /* loss: of 1,000 records; delay_ms: one way */
  parcel *first, **last;
  uint64_t counters[2][LINK_SLOTS]; /* of records sent, by side */
  bool up[2][LINK_SLOTS];           /* as far as the side knows */
  uint32_t links;
  uint64_t written[256]; /* by B: where the next message of a channel starts */
  size_t waiting[2];     /* messages that are not delivered, by sender */
  takes held[2];
  bool over;
} world;

static uint64_t draw(world *w) {
  w->random += 0x9e3779b97f4a7c15u;
  uint64_t z = w->random;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static uint64_t below(world *w, uint64_t limit) {
  return draw(w) % limit;
}

/* ---- the line between them ------------------------------------------------------------------------------------- */

static void post(world *w, bool to_a, uint32_t link, const uint8_t *bytes, size_t size, bool down) {
  uint64_t counter = down ? 0 : w->counters[to_a][link]++;
  if (!down && below(w, 1000) < w->loss) return;
  parcel *p = malloc(sizeof *p + size);
  OWN_CHECK(p);
  *p = (parcel){.arrives_ms = w->a.now_ms + w->delay_ms, .counter = counter, .link = link, .to_a = to_a, .down = down};
  p->size = size;
  if (size) memcpy(p->bytes, bytes, size);
  *w->last = p;
  w->last = &p->next;
}

static void hold(world *w, int side, const pl_session_action *action) {
  takes *t = &w->held[side];
  OWN_CHECK(t->count < TAKES);
  size_t at = (t->first + t->count++) % TAKES;
  t->list[at].channel = action->channel;
  t->list[at].place = action->place;
}

/* What applications and owners of both sides do with an action. */
static void note(world *w, int side, const pl_session_action *a) {
  switch (a->type) {
    case PL_SESSION_MESSAGE:
    case PL_SESSION_END:
    case PL_SESSION_WAS_RESET:
      hold(w, side, a);
      break;
    case PL_SESSION_DROP_LINK:
      w->up[side][a->link] = false;
      post(w, side == 1, a->link, NULL, 0, true);
      break;
    case PL_SESSION_STREAM_RESET:
      w->held[side].count = 0;
      if (side == 1) memset(w->written, 0, sizeof w->written);
      break;
    case PL_SESSION_PEER_CLOSED:
    case PL_SESSION_CLOSE_ENDED:
      w->over = true;
      break;
    default:
      break;
  }
}

static void told_a(trace *t, const pl_session_action *a) {
  note(t->user, 0, a);
}

static void record_of_a(trace *t, uint32_t link, const uint8_t *bytes, size_t size) {
  post(t->user, false, link, bytes, size, false);
}

static int told_b(void *context, const pl_session_action *a) {
  note(context, 1, a);
  return 0;
}

static void produce_b(world *w) {
  static uint8_t record[PL_CONST_RECORD_PLAINTEXT_MAX];
  uint32_t link;
  uint8_t flags;
  int n;
  while ((n = pl_session_produce(w->b, w->a.now_ms, record, sizeof record, &link, &flags)) > 0)
    post(w, true, link, record, (size_t)n, false);
  OWN_CHECK(n == 0);
}

static int step_b(world *w, pl_session_event in) {
  pl_session_sink sink = {told_b, w};
  in.now_ms = w->a.now_ms;
  pl_session_pieces_release(&w->b_pieces);
  pl_session_result result;
  int rc = pl_session_step(w->b, &in, &sink, &result);
  if (in.type == PL_SESSION_RECORD) OWN_CHECK(rc == 0);
  if (rc == 0 && in.type == PL_SESSION_SEND) w->written[in.send.channel] = result.place;
  if (rc == 0 && in.type == PL_SESSION_FINISH) w->written[in.finish.channel] = result.place;
  produce_b(w);
  return rc;
}
#define STEP_B(w, ...) step_b(w, (pl_session_event){__VA_ARGS__})

static void arrive(world *w, const parcel *p) {
  bool *up = &w->up[p->to_a ? 0 : 1][p->link];
  if (p->to_a && p->down) {
    if (*up) trace_down(&w->a, p->link);
    *up = false;
  } else if (p->to_a) {
    if (*up) trace_record(&w->a, p->link, p->counter, (pl_view){p->bytes, p->size});
  } else if (p->down) {
    if (*up) STEP_B(w, .type = PL_SESSION_LINK_DOWN, .link_down = {p->link});
    *up = false;
  } else if (*up) {
    STEP_B(w, .type = PL_SESSION_RECORD, .record = {p->link, p->counter, {p->bytes, p->size}});
  }
}

static void timers(world *w) {
  if (w->a.now_ms >= pl_session_deadline(w->a.session)) trace_time(&w->a, 0);
  if (w->a.now_ms >= pl_session_deadline(w->b)) STEP_B(w, .type = PL_SESSION_TIME);
}

/* Lets time pass; everything happens when it is due. */
static void pass(world *w, uint64_t ms) {
  uint64_t end = w->a.now_ms + ms;
  while (!w->over) {
    uint64_t at = end, deadline_a = pl_session_deadline(w->a.session), deadline_b = pl_session_deadline(w->b);
    if (w->first && w->first->arrives_ms < at) at = w->first->arrives_ms;
    if (deadline_a < at) at = deadline_a;
    if (deadline_b < at) at = deadline_b;
    if (at > w->a.now_ms) w->a.now_ms = at;
    parcel *p = w->first;
    if (p && p->arrives_ms <= w->a.now_ms) {
      w->first = p->next;
      if (!w->first) w->last = &w->first;
      arrive(w, p);
      free(p);
    } else if (at >= end) {
      break;
    } else {
      timers(w);
    }
  }
  w->a.now_ms = end;
}

/* ---- what happens ---------------------------------------------------------------------------------------------- */

static size_t message_size(world *w) {
  static const size_t sizes[] = {0, 1, 5, 40, 300};
  uint64_t kind = below(w, 8);
  if (kind < PL_ARRAY_LENGTH(sizes)) return sizes[kind];
  return (size_t)below(w, w->b_config.message_max + (kind == 7 ? 3 : 0)); /* sometimes too large */
}

static bool many_wait(const world *w, int side) {
  return w->waiting[side] > WAITING_MAX;
}

static void send_b(world *w, uint8_t channel, size_t size) {
  uint8_t *data = malloc(size ? size : 1);
  OWN_CHECK(data);
  for (size_t i = 0; i < size; i++) data[i] = trace_byte(channel, w->written[channel] + i);
  (void)STEP_B(w, .type = PL_SESSION_SEND, .send = {channel, {data, size}});
  free(data);
}

static void send(world *w) {
  int side = (int)below(w, 2);
  uint8_t channel = (uint8_t)below(w, CHANNELS);
  for (uint64_t k = 0, count = below(w, 4) ? 1 : below(w, 12); k <= count && !many_wait(w, side); k++) {
    size_t size = message_size(w);
    w->waiting[side]++;
    if (side == 0)
      trace_send(&w->a, channel, size);
    else
      send_b(w, channel, size);
  }
}

static void take(world *w) {
  int side = (int)below(w, 2);
  takes *t = &w->held[side];
  for (uint64_t k = 0, count = 1 + below(w, 12); k < count && t->count; k++) {
    uint8_t channel = t->list[t->first].channel;
    uint64_t place = t->list[t->first].place;
    t->first = (t->first + 1) % TAKES;
    t->count--;
    if (w->waiting[1 - side]) w->waiting[1 - side]--;
    if (side == 0)
      trace_take(&w->a, channel, place);
    else
      OWN_CHECK(STEP_B(w, .type = PL_SESSION_TAKE, .take = {channel, place}) == 0);
  }
}

static void link_up(world *w) {
  if (w->links + 1 >= LINK_SLOTS) return;
  uint32_t link = ++w->links;
  bool by_a = below(w, 2);
  w->up[0][link] = w->up[1][link] = true;
  trace_up(&w->a, link, by_a, true);
  (void)STEP_B(w, .type = PL_SESSION_LINK_UP, .link_up = {link, 1 << 20, .opener = !by_a, .smaller = false});
}

static void link_lost(world *w) {
  for (uint32_t link = 1; link <= w->links; link++) {
    if (!w->up[0][link] || !w->up[1][link] || below(w, 2)) continue;
    trace_down(&w->a, link);
    STEP_B(w, .type = PL_SESSION_LINK_DOWN, .link_down = {link});
    w->up[0][link] = w->up[1][link] = false;
  }
}

static void new_b(world *w) {
  pl_session_free(w->b);
  OWN_CHECK(pl_session_new(&w->b_config, &w->b) == 0);
  w->b_config.seed += 0x100;
  memset(w->written, 0, sizeof w->written);
  w->held[1].count = 0;
}

/* B's program dies and comes back without its state. */
static void state_lost(world *w) {
  for (uint32_t link = 1; link <= w->links; link++) {
    if (w->up[1][link]) post(w, true, link, NULL, 0, true);
    w->up[1][link] = false;
  }
  new_b(w);
}

static void rare(world *w) {
  uint8_t channel = (uint8_t)below(w, CHANNELS);
  switch (below(w, 9)) {
    case 0:
      trace_finish(&w->a, channel);
      break;
    case 1:
      (void)STEP_B(w, .type = PL_SESSION_FINISH, .finish = {channel});
      break;
    case 2:
      trace_reset(&w->a, channel, 9);
      break;
    case 3:
      (void)STEP_B(w, .type = PL_SESSION_CHANNEL_RESET, .channel_reset = {channel, 9});
      break;
    case 4:
      if (pl_session_is_linked(w->a.session)) trace_volatile(&w->a, channel, (size_t)below(w, 64));
      break;
    case 5:
      (void)STEP_B(w, .type = PL_SESSION_SEND_VOLATILE, .send = {channel, {(const uint8_t *)"so", 2}});
      break;
    case 6:
      if (below(w, 4) == 0) state_lost(w);
      break;
    default:
      trace_priority(&w->a, channel, (uint32_t)below(w, 8));
  }
}

static bool has_link(const world *w) {
  for (uint32_t link = 1; link <= w->links; link++)
    if (w->up[0][link] && w->up[1][link]) return true;
  return false;
}

static void happens(world *w) {
  uint64_t kind = below(w, 100);
  if (kind < 35)
    send(w);
  else if (kind < 65)
    take(w);
  else if (kind < 92)
    pass(w, below(w, 3) ? below(w, 40) : below(w, 300));
  else if (kind < 93)
    pass(w, 900 + below(w, 14000));
  else if (kind < 94)
    link_lost(w);
  else if (kind < 96)
    link_up(w);
  else
    rare(w);
  if (!has_link(w) && below(w, 3) == 0) link_up(w);
}

static void close_some(world *w) {
  pass(w, 2000);
  if (w->over) return;
  if (below(w, 2))
    trace_close(&w->a, PL_REASON_CLOSED, "done");
  else
    (void)STEP_B(w, .type = PL_SESSION_CLOSE, .close = {PL_REASON_CLOSED, {(const uint8_t *)"bye", 3}});
  pass(w, 1000);
}

static uint32_t channel_window(world *w, uint32_t message_max) {
  return message_max + 1 + (uint32_t)below(w, below(w, 2) ? 3000 : 100);
}

/* Returns a window that is often so small that messages on several channels have to wait for each other. */
static uint64_t session_window(world *w, uint32_t message_max) {
  return message_max + 1 + below(w, below(w, 2) ? 8000 : message_max);
}

json_t *random_session(uint64_t seed) {
  static const uint32_t message_sizes[] = {50, 400, 1500, 3000};
  world *w = calloc(1, sizeof *w);
  char name[32];
  OWN_CHECK(w);
  w->random = seed * 0x2545f4914f6cdd1du;
  w->last = &w->first;
  w->delay_ms = (unsigned)(1 + below(w, 30));
  w->loss = below(w, 3) ? (unsigned)below(w, 150) : 0;
  uint32_t message_max = message_sizes[below(w, PL_ARRAY_LENGTH(message_sizes))];
  (void)snprintf(name, sizeof name, "seed %llu", (unsigned long long)seed);
  uint32_t window = channel_window(w, message_max);
  trace_begin(&w->a, name, message_max, window, session_window(w, message_max));
  w->a.user = w;
  w->a.record_out = record_of_a;
  w->a.told_too = told_a;
  w->b_config = (pl_session_config){.seed = seed + 2, .message_max = message_max};
  w->b_config.channel_window = channel_window(w, message_max);
  w->b_config.session_window = session_window(w, message_max);
  w->b_config.manual_take = true;
  w->b_config.pieces = &w->b_pieces;
  new_b(w);
  for (int k = 0; k < STEPS && !w->over; k++) happens(w);
  if (!w->over) close_some(w);
  json_t *list = json_array();
  OWN_CHECK(list);
  trace_end(&w->a, list);
  json_t *root = json_incref(json_array_get(list, 0));
  json_decref(list);
  pl_session_free(w->b);
  pl_session_pieces_deinit(&w->b_pieces);
  while (w->first) {
    parcel *p = w->first;
    w->first = p->next;
    free(p);
  }
  free(w);
  return root;
}
