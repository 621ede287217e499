/* What was sent, and what must hold for what arrives: within a channel nothing is lost, doubled, changed or out of
 * order; what did not arrive is reported; no window is overdrawn. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

const uint8_t sim_channel_numbers[SIM_CHANNELS] = {0, 1, 2, 254};

enum { HEAD = 8 };

int sim_channel_index(sim_world *w, uint8_t number) {
  for (int i = 0; i < SIM_CHANNELS; i++) {
    if (sim_channel_numbers[i] == number) return i;
  }
  sim_fail(w, "something happened on channel %d, which is not used", number);
}

/* The first message of a stream is long enough to name it. */
uint32_t sim_size(sim_world *w, const sim_stream *st) {
  sim_random *r = &w->random;
  uint32_t least = st->count == 0 ? HEAD : 0;
  if (sim_chance(r, 10)) return least;
  uint32_t most = w->large ? w->message_max : w->message_max < 4000 ? w->message_max : 4000;
  if (sim_chance(r, 3)) most = w->message_max;
  uint32_t size = (uint32_t)sim_log_between(r, 1, most);
  return size < least ? least : size;
}

void sim_text_of(const sim_world *w, const sim_stream *st, size_t index, uint8_t *out, uint32_t size) {
  uint64_t word = (w->seed * 31 + st->id) * 0x9e3779b97f4a7c15u + index;
  uint8_t head[HEAD];
  pl_put_u32(head, st->id);
  pl_put_u32(head + 4, (uint32_t)index);
  memcpy(out, head, size < HEAD ? size : HEAD);
  uint32_t at = HEAD;
  for (; at + 8 <= size; at += 8) {
    word += 6364136223846793005u;
    memcpy(out + at, &word, 8);
  }
  word += 6364136223846793005u;
  if (at < size) memcpy(out + at, &word, size - at);
}

static sim_stream *stream_new(sim_world *w) {
  if (w->stream_count == w->stream_capacity) {
    w->stream_capacity = w->stream_capacity ? w->stream_capacity * 2 : 64;
    w->streams = realloc(w->streams, w->stream_capacity * sizeof *w->streams);
    if (!w->streams) abort();
  }
  sim_stream *st = calloc(1, sizeof *st);
  if (!st) abort();
  st->id = (uint32_t)w->stream_count;
  w->streams[w->stream_count++] = st;
  return st;
}

sim_stream *sim_stream_out(sim_client *c, sim_session *s, int channel) {
  sim_side *side = &s->sides[channel];
  if (side->out) return side->out;
  sim_stream *st = stream_new(c->world);
  st->sender = c->index;
  st->receiver = s->peer;
  st->channel = channel;
  side->out = st;
  return st;
}

void sim_ledger_sent(sim_world *w, sim_stream *st, uint32_t size, uint64_t place) {
  if (st->count == st->capacity) {
    st->capacity = st->capacity ? st->capacity * 2 : 16;
    st->messages = realloc(st->messages, st->capacity * sizeof *st->messages);
    if (!st->messages) abort();
  }
  st->end += size + 1;
  if (place != st->end) sim_fail(w, "stream %u: a message ends at place %d, not %d", st->id, (int)st->end, (int)place);
  st->messages[st->count++] = (sim_message){.place = place, .size = size};
  w->figures.sent++;
}

/* ---- the receiver ------------------------------------------------------------------------------------------------ */

static void bind_stream(sim_client *c, sim_session *s, int channel, pl_view data) {
  sim_world *w = c->world;
  if (data.size < HEAD) sim_fail(w, "client %d: a stream starts with a message that does not name it", c->index);
  uint32_t id = pl_get_u32(data.data);
  if (id >= w->stream_count) sim_fail(w, "client %d: a stream that was not sent", c->index);
  sim_stream *st = w->streams[id];
  if (!sim_same_id(w, st->sender, s->peer) || !sim_same_id(w, st->receiver, c->index) || st->channel != channel)
    sim_fail(w, "stream %u of client %d came to client %d from client %d", id, st->sender, c->index, s->peer);
  if (st->bound) sim_fail(w, "stream %u was read before: its messages are doubled", id);
  st->bound = true;
  st->receiver_life = c->life;
  s->sides[channel].in = st;
}

void sim_ledger_read(sim_client *c, sim_session *s, const pl_engine_action *a) {
  sim_world *w = c->world;
  int channel = sim_channel_index(w, a->channel);
  sim_side *side = &s->sides[channel];
  if (side->in_ended) sim_fail(w, "client %d: a message after the end of channel %d", c->index, a->channel);
  if (!side->in) bind_stream(c, s, channel, a->data);
  sim_stream *st = side->in;
  if (st->next_read >= st->count) sim_fail(w, "stream %u: a message that was never sent", st->id);
  const sim_message *m = &st->messages[st->next_read];
  sim_text_of(w, st, st->next_read, w->text, m->size);
  if (a->data.size != m->size || (m->size && memcmp(w->text, a->data.data, m->size) != 0))
    sim_fail(w, "stream %u: message %d of %d bytes was due, another of %d came: lost, doubled, changed or out of order",
             st->id, (int)st->next_read, (int)m->size, (int)a->data.size);
  if (a->place != m->place) sim_fail(w, "stream %u: message %d has a wrong place", st->id, (int)st->next_read);
  st->next_read++;
  w->figures.read++;
  side->read_to = st->read_to = m->place;
  if (!c->config.manual_take) side->taken_to = st->taken_to = m->place;
}

void sim_ledger_end(sim_client *c, sim_session *s, const pl_engine_action *a) {
  sim_world *w = c->world;
  sim_side *side = &s->sides[sim_channel_index(w, a->channel)];
  sim_stream *st = side->in;
  if (side->in_ended) sim_fail(w, "client %d: channel %d ends twice", c->index, a->channel);
  if (a->place != side->read_to + 1) sim_fail(w, "client %d: an end at a wrong place", c->index);
  if (st && (!st->finished || st->next_read != st->count || st->end != a->place))
    sim_fail(w, "stream %u: an end before all was read", st->id);
  side->in_ended = true;
  side->read_to = a->place;
  if (st) st->read_to = a->place;
  if (!c->config.manual_take) {
    side->taken_to = a->place;
    if (st) st->taken_to = a->place;
  }
}

void sim_ledger_channel_reset(sim_client *c, sim_session *s, const pl_engine_action *a) {
  sim_world *w = c->world;
  sim_side *side = &s->sides[sim_channel_index(w, a->channel)];
  sim_stream *st = side->in;
  if (side->in_ended) sim_fail(w, "client %d: channel %d is given up after its end", c->index, a->channel);
  if (st && !st->was_reset) sim_fail(w, "stream %u: reported as given up, but its sender did not", st->id);
  side->in_ended = true;
  side->read_to = a->place;
  if (st) st->read_to = a->place;
  if (!c->config.manual_take) {
    side->taken_to = a->place;
    if (st) st->taken_to = a->place;
  }
}

/* ---- the sender -------------------------------------------------------------------------------------------------- */

void sim_ledger_delivered(sim_client *c, sim_session *s, const pl_engine_action *a) {
  sim_world *w = c->world;
  sim_stream *st = s->sides[sim_channel_index(w, a->channel)].out;
  if (!st) sim_fail(w, "client %d: delivered what it did not send", c->index);
  if (a->place <= st->delivered_to) sim_fail(w, "stream %u: delivered goes back", st->id);
  if (a->place > st->end + st->was_reset) sim_fail(w, "stream %u: delivered beyond what was sent", st->id);
  if (st->bound && a->place > st->taken_to && !st->was_reset)
    sim_fail(w, "stream %u: said to be taken to %d, was taken to %d", st->id, (int)a->place, (int)st->taken_to);
  st->delivered_to = a->place;
  for (size_t i = 0; i < st->count; i++) {
    sim_message *m = &st->messages[i];
    if (m->place > a->place || m->fate == SIM_DELIVERED) continue;
    if (m->fate == SIM_LOST) sim_fail(w, "stream %u: message %d was reported lost, now delivered", st->id, (int)i);
    if (i >= st->next_read && !st->was_reset)
      sim_fail(w, "stream %u: message %d is reported delivered, but was not read", st->id, (int)i);
    if (m->fate == SIM_SENT) m->fate = SIM_DELIVERED;
    w->figures.delivered++;
  }
}

void sim_ledger_lost(sim_client *c, sim_session *s, const pl_engine_action *a) {
  sim_world *w = c->world;
  sim_stream *st = s->sides[sim_channel_index(w, a->channel)].out;
  if (!st) sim_fail(w, "client %d lost what it did not send", c->index);
  for (size_t i = 0; i < st->count; i++) {
    sim_message *m = &st->messages[i];
    if (m->place != a->place) continue;
    if (m->fate != SIM_SENT)
      sim_fail(w, "stream %u: message %d is reported lost, its fate was %d", st->id, (int)i, m->fate);
    m->fate = SIM_LOST;
    w->figures.lost++;
    return;
  }
  sim_fail(w, "stream %u: a loss is reported at place %d, where no message ends", st->id, (int)a->place);
}

void sim_ledger_streams_end(sim_client *c, sim_session *s) {
  sim_world *w = c->world;
  for (int i = 0; i < SIM_CHANNELS; i++) {
    sim_stream *st = s->sides[i].out;
    for (size_t k = 0; st && k < st->count; k++) {
      if (st->messages[k].fate == SIM_SENT && !c->starved) /* a starved client may report the end without the losses */
        sim_fail(w, "stream %u: message %d neither arrived nor was reported lost", st->id, (int)k);
    }
    s->sides[i] = (sim_side){0};
  }
}

/* ---- volatile messages ------------------------------------------------------------------------------------------- */

uint64_t sim_ledger_volatile_sent(sim_client *c, const sim_session *s) {
  sim_world *w = c->world;
  if (w->volatile_count == w->volatile_capacity) {
    w->volatile_capacity = w->volatile_capacity ? w->volatile_capacity * 2 : 64;
    w->volatiles = realloc(w->volatiles, w->volatile_capacity * sizeof *w->volatiles);
    if (!w->volatiles) abort();
  }
  w->volatiles[w->volatile_count] =
      (sim_volatile){c->index, c->life, s->peer, .session = s->number, .sent_us = w->now_us};
  return w->volatile_count++;
}

/* Returns true when the sender has changed its link since this message: what went over the old link may then arrive
 * after what went over the new one. Volatile messages are in order only within one link. */
static bool link_changed_since(sim_world *w, const sim_volatile *v) {
  sim_client *sender = &w->clients[v->sender];
  const sim_session *s = sender->life == v->sender_life ? sim_session_of(sender, v->session) : NULL;
  return !s || s->link_changed_us >= v->sent_us;
}

/* A volatile message comes at most once, to the client it was sent to, and in order while the link stays. */
void sim_ledger_volatile(sim_client *c, sim_session *s, const pl_engine_action *a) {
  sim_world *w = c->world;
  if (a->data.size < 16) sim_fail(w, "client %d: a volatile message that was not sent", c->index);
  uint64_t number = pl_get_u64(a->data.data);
  if (pl_get_u64(a->data.data + 8) != (number ^ w->seed) || number >= w->volatile_count)
    sim_fail(w, "client %d: a changed volatile message", c->index);
  sim_volatile *v = &w->volatiles[number];
  if (!sim_same_id(w, v->sender, s->peer) || !sim_same_id(w, v->receiver, c->index))
    sim_fail(w, "a volatile message of client %d came to client %d from client %d", v->sender, c->index, s->peer);
  if (v->came) sim_fail(w, "client %d: a volatile message is doubled", c->index);
  v->came = true;
  if (number < s->volatile_seen && !link_changed_since(w, v))
    sim_fail(w, "client %d: a volatile message comes after a later one, on the same link", c->index);
  if (number >= s->volatile_seen) s->volatile_seen = number + 1;
}

void sim_ledger_bounds(sim_client *c, const sim_session *s) {
  sim_world *w = c->world;
  uint64_t timeout_ms = c->config.session_timeout_ms ? c->config.session_timeout_ms : 3600000;
  uint64_t ends_ms = s->unlinked_ms + timeout_ms, awake_ms = c->asleep_until_us / 1000;
  if (awake_ms > s->unlinked_ms && ends_ms < awake_ms + 1001)
    ends_ms = awake_ms + 1001; /* after a suspension it reads for a second first */
  if (!s->linked && sim_now_ms(w) > ends_ms)
    sim_fail(w, "client %d: session %x lives on without a link", c->index, (unsigned)s->number);
  uint64_t out = 0, in = 0, most_out = c->config.session_window, most_in = c->config.session_window;
  for (int i = 0; i < SIM_CHANNELS; i++) {
    const sim_side *side = &s->sides[i];
    if (side->out && !side->out->was_reset) {
      uint64_t held = side->out->end - side->out->delivered_to, end = side->out->finished; /* an end needs no room */
      if (held > c->config.channel_window + end) sim_fail(w, "stream %u holds %d places", side->out->id, (int)held);
      out += held;
      most_out += end;
    }
    uint64_t untaken = side->read_to - side->taken_to;
    uint64_t reset = side->in_ended && (!side->in || side->in->was_reset); /* its end needs no credit */
    if (untaken > c->config.channel_window + reset)
      sim_fail(w, "client %d was given %d places untaken, its window is %d", c->index, (int)untaken,
               (int)c->config.channel_window);
    in += untaken;
    most_in += reset;
  }
  if (out > most_out) sim_fail(w, "client %d holds %d places", c->index, (int)out);
  if (in > most_in) sim_fail(w, "client %d was given %d places untaken in all", c->index, (int)in);
}

void sim_ledger_free(sim_world *w) {
  for (size_t i = 0; i < w->stream_count; i++) {
    free(w->streams[i]->messages);
    free(w->streams[i]);
  }
  free(w->streams);
  w->streams = NULL;
  w->stream_count = w->stream_capacity = 0;
  free(w->volatiles);
  w->volatiles = NULL;
  w->volatile_count = w->volatile_capacity = 0;
}
