#include "session_base.h"

int pl_session_emit(pl_session *s, pl_session_action action) {
  return s->out->take(s->out->context, &action);
}

pl_session_channel *pl_session_channel_known(const pl_session *s, uint8_t number) {
  return number < s->channel_slots ? s->channels[number] : NULL;
}

/* Most sessions use one channel or a few, so the list is as long as the highest number asks for. */
static bool channel_slot_reserve(pl_session *s, uint8_t number) {
  size_t slots = s->channel_slots ? s->channel_slots : 2;
  while (slots <= number) slots *= 2;
  if (slots == s->channel_slots) return true;
  pl_session_channel **list = pl_alloc(slots * sizeof(pl_session_channel *));
  if (!list) return false;
  for (size_t i = 0; i < s->channel_slots; i++) list[i] = s->channels[i];
  pl_free(s->channels);
  s->channels = list;
  s->channel_slots = slots;
  return true;
}

pl_session_channel *pl_session_channel_get(pl_session *s, uint8_t number) {
  if (number >= PL_CONST_CHANNELS_MAX) return NULL;
  pl_session_channel *c = pl_session_channel_known(s, number);
  if (c || !channel_slot_reserve(s, number)) return c;
  c = pl_alloc(sizeof *c);
  if (!c) return NULL;
  c->number = number;
  c->priority = 4;
  c->limit = s->peer_channel_window;
  pl_list_init(&c->sending);
  pl_list_init(&c->changed);
  return s->channels[number] = c;
}

static void channel_free(pl_session_channel *c) {
  pl_list_remove(&c->sending);
  pl_list_remove(&c->changed);
  pl_free(c->ring);
  pl_free(c->ends);
  pl_free(c->partial);
  pl_free(c);
}

void pl_session_drop_streams(pl_session *s) {
  for (size_t i = 0; i < s->channel_slots; i++)
    if (s->channels[i]) channel_free(s->channels[i]);
  pl_free(s->channels);
  s->channels = NULL;
  s->channel_slots = 0;
  s->sent_sum = s->reserved = s->session_limit = s->waiting = s->received_sum = s->taken_sum = 0;
  s->unacked_bytes = s->untold_taken = 0;
  s->stretched = NULL;
}

/* splitmix64: epochs must differ, but need not be secret. */
uint64_t pl_session_new_epoch(pl_session *s) {
  uint64_t z = 0;
  while (z == 0) {
    s->random += 0x9e3779b97f4a7c15u;
    z = s->random;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
  }
  return z;
}

void pl_session_progress(pl_session *s) {
  s->progress_ms = s->now_ms;
  s->probes_open = 0;
  s->was_late = false;
}

void pl_session_be_patient(pl_session *s) {
  if (s->patience < PL_SESSION_PATIENCE_MAX) s->patience++;
}
