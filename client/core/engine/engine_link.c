/* See engine_link.h. Numbers and generations: docs/protocol.md, section 2. */
#include "engine_link.h"

#include <sodium.h>
#include <string.h>

int pl_engine_control(pl_engine *e, uint8_t type, uint32_t link, const void *payload, size_t size) {
  uint8_t *p = pl_buffer_reserve(&e->control, PL_CONST_ENVELOPE_HEADER_BYTES + size);
  if (!p) return PL_ENOMEM;
  pl_envelope_put_header(p, type, 0, size, link);
  if (size) memcpy(p + PL_CONST_ENVELOPE_HEADER_BYTES, payload, size);
  pl_buffer_commit(&e->control, PL_CONST_ENVELOPE_HEADER_BYTES + size);
  return 0;
}

void pl_engine_control_lossy(pl_engine *e, uint8_t type, uint32_t link, const void *payload, size_t size) {
  if (pl_engine_control(e, type, link, payload, size)) return;
}

void pl_engine_control_reset(pl_engine *e, uint32_t link, int reason) {
  uint8_t payload[2];
  pl_put_u16(payload, (uint16_t)reason);
  pl_engine_control_lossy(e, PL_ENV_RESET, link, payload, sizeof payload); /* without it the other side times out */
}

void pl_engine_slots_deinit(pl_engine_slots *s) {
  pl_free(s->list);
  *s = (pl_engine_slots){0};
}

/* Returns the slot, making room for it, or NULL when memory ran out. */
static pl_engine_slot *link_slot_at(pl_engine_slots *s, size_t slot) {
  if (slot >= s->count) {
    size_t count = s->count ? s->count : 8;
    while (count <= slot) count *= 2;
    pl_engine_slot *list = pl_realloc(s->list, count * sizeof *list);
    if (!list) return NULL;
    memset(list + s->count, 0, (count - s->count) * sizeof *list);
    s->list = list;
    s->count = count;
  }
  return &s->list[slot];
}

static pl_engine_slot *link_slot_of(pl_engine *e, uint32_t number) {
  pl_engine_slots *s = pl_link_number_relay_side(number) ? &e->relays : &e->own;
  size_t slot = pl_link_number_slot(number);
  return slot < s->count ? &s->list[slot] : NULL;
}

/* Takes a number of this side: the lowest free slot with its next generation. Returns 0 when there is none. */
static uint32_t link_own_number(pl_engine *e, pl_engine_slot **slot) {
  size_t i = 0;
  while (i < e->own.count && e->own.list[i].link) i++;
  if (i >= e->link_slots || !(*slot = link_slot_at(&e->own, i))) return 0;
  uint16_t g = (*slot)->generation;
  (*slot)->generation = g >= PL_CONST_LINK_GENERATION_MAX ? 1 : (uint16_t)(g + 1);
  return pl_link_number_make(false, (*slot)->generation, (uint32_t)i);
}

/* Takes the slot of a number that the relay gave. Returns 0 when it is in use or memory ran out. */
static uint32_t link_relays_number(pl_engine *e, uint32_t number, pl_engine_slot **slot) {
  *slot = link_slot_at(&e->relays, pl_link_number_slot(number));
  if (!*slot || (*slot)->link) return 0;
  (*slot)->generation = (uint16_t)pl_link_number_generation(number);
  return number;
}

bool pl_engine_link_number_is_new(pl_engine *e, uint32_t number) {
  const pl_engine_slot *slot = link_slot_of(e, number);
  return pl_link_number_relay_side(number) && pl_link_number_generation(number) != 0 &&
         pl_link_number_slot(number) < e->link_slots && (!slot || !slot->link);
}

pl_engine_link *pl_engine_link_new(pl_engine *e, bool opener, uint32_t offered_number) {
  pl_engine_slot *slot = NULL;
  pl_engine_link *l = pl_alloc(sizeof *l);
  if (!l) return NULL;
  l->number = opener ? link_own_number(e, &slot) : link_relays_number(e, offered_number, &slot);
  if (!l->number) {
    pl_free(l);
    return NULL;
  }
  slot->link = l;
  l->opener = opener;
  l->state = opener ? PL_ENGINE_LINK_OPENING : PL_ENGINE_LINK_OFFERED;
  l->since_ms = e->now_ms;
  pl_list_append(&e->links, &l->node);
  return l;
}

pl_engine_link *pl_engine_link_find(pl_engine *e, uint32_t number) {
  const pl_engine_slot *slot = link_slot_of(e, number);
  return slot && slot->link && slot->link->number == number ? slot->link : NULL;
}

void pl_engine_link_forget(pl_engine *e, pl_engine_link *l, int reason) {
  pl_engine_slot *slot = link_slot_of(e, l->number);
  if (slot && slot->link == l) slot->link = NULL;
  if (reason) pl_engine_control_reset(e, l->number, reason);
  if (l->session && l->session->opening == l) l->session->opening = NULL;
  if (l->code) l->code->link = NULL;
  if (l->doubtful) e->refusals--;
  pl_list_remove(&l->node);
  pl_noise_handshake_deinit(&l->handshake);
  pl_noise_link_deinit(&l->keys);
  sodium_memzero(l->invite, sizeof l->invite);
  pl_free(l);
}
