/* See engine_link.h. Numbers and generations: docs/protocol.md, section 2. */
#include "engine_link.h"

#include <sodium.h>
#include <string.h>

#include "engine_actions.h"
#include "engine_hash.h"

enum { OFFER_TIMEOUT_MS = 70000 /* longer than any relay lets an OFFER wait */ };

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
  size_t i = e->own.lowest;
  while (i < e->own.count && e->own.list[i].link) i++;
  e->own.lowest = i;
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
  if (pl_heap_reserve(&e->link_times, e->link_count + 1)) return NULL;
  pl_engine_link *l = pl_alloc(sizeof *l);
  if (!l) return NULL;
  l->call = pl_alloc(sizeof *l->call);
  l->number = opener ? link_own_number(e, &slot) : link_relays_number(e, offered_number, &slot);
  if (!l->number || !l->call) {
    pl_free(l->call);
    pl_free(l);
    return NULL;
  }
  slot->link = l;
  l->opener = opener;
  l->state = opener ? PL_ENGINE_LINK_OPENING : PL_ENGINE_LINK_OFFERED;
  l->since_ms = e->now_ms;
  pl_list_append(&e->links, &l->node);
  pl_list_init(&l->of_session);
  l->time.order = e->links_made++;
  e->link_count++;
  pl_engine_link_touch(e, l);
  return l;
}

void pl_engine_link_join(pl_engine_link *l, pl_engine_session *s) {
  pl_node *before = s->links.prev; /* which is older in the session's list */
  while (before != &s->links && PL_CONTAINER(before, pl_engine_link, of_session)->time.order > l->time.order)
    before = before->prev;
  pl_list_append(before->next, &l->of_session); /* that is, in front of the one behind it */
  l->session = s;
}

void pl_engine_link_end_call(pl_engine_link *l) {
  if (l->call) sodium_memzero(l->call, sizeof *l->call);
  pl_free(l->call);
  l->call = NULL;
}

/* ---- calls that wait --------------------------------------------------------------------------------------------- */

void pl_engine_link_offer_add(pl_engine *e, pl_engine_link *l) {
  pl_table_put(&e->offers, &l->offer, pl_engine_hash(e, l->id));
  l->listed = true;
}

static void link_offer_remove(pl_engine *e, pl_engine_link *l) {
  if (l->listed) pl_table_remove(&e->offers, &l->offer);
  l->listed = false;
}

static pl_engine_link *link_offer_of(pl_table_node *n, const uint8_t caller[32]) {
  for (; n; n = pl_table_next(n)) {
    pl_engine_link *l = PL_CONTAINER(n, pl_engine_link, offer);
    if (memcmp(l->id, caller, 32) == 0) return l;
  }
  return NULL;
}

pl_engine_link *pl_engine_link_offer_first(const pl_engine *e, const uint8_t caller[32]) {
  return link_offer_of(pl_table_first(&e->offers, pl_engine_hash(e, caller)), caller);
}

pl_engine_link *pl_engine_link_offer_next(const pl_engine_link *l) {
  return link_offer_of(pl_table_next(&l->offer), l->id);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

uint64_t pl_engine_link_deadline(const pl_engine *e, const pl_engine_link *l) {
  if (l->is_code) return l->until_ms;
  switch (l->state) {
    case PL_ENGINE_LINK_OPENING:
      return l->since_ms + e->open_timeout_ms + PL_ENGINE_OPEN_GRACE_MS;
    case PL_ENGINE_LINK_OFFERED:
      return l->since_ms + OFFER_TIMEOUT_MS;
    case PL_ENGINE_LINK_ACCEPTED:
      return l->since_ms + PL_ENGINE_ACCEPT_TIMEOUT_MS;
    default:
      return l->failed ? e->now_ms : PL_NEVER;
  }
}

void pl_engine_link_touch(pl_engine *e, pl_engine_link *l) {
  if (l->state != PL_ENGINE_LINK_OFFERED) link_offer_remove(e, l);
  uint64_t at = pl_engine_link_deadline(e, l);
  pl_heap_set(&e->link_times, &l->time, at < e->now_ms ? e->now_ms : at);
  pl_engine_wake_at(e, at);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

pl_engine_link *pl_engine_link_find(pl_engine *e, uint32_t number) {
  const pl_engine_slot *slot = link_slot_of(e, number);
  return slot && slot->link && slot->link->number == number ? slot->link : NULL;
}

void pl_engine_link_forget(pl_engine *e, pl_engine_link *l, int reason) {
  pl_engine_slot *slot = link_slot_of(e, l->number);
  if (slot && slot->link == l) {
    slot->link = NULL;
    if (!pl_link_number_relay_side(l->number) && pl_link_number_slot(l->number) < e->own.lowest)
      e->own.lowest = pl_link_number_slot(l->number);
  }
  if (reason) pl_engine_control_reset(e, l->number, reason);
  if (l->session && l->session->opening == l) l->session->opening = NULL;
  if (l->code) l->code->link = NULL;
  if (l->doubtful) e->refusals--;
  pl_list_remove(&l->node);
  pl_list_remove(&l->of_session);
  link_offer_remove(e, l);
  pl_heap_remove(&e->link_times, &l->time);
  e->link_count--;
  pl_engine_link_end_call(l);
  pl_noise_link_deinit(&l->keys);
  pl_free(l);
}
