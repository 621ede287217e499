/* See nameplates.h. The table is a hash by number, since clients can ask for numbers; expiry is exact where a number is
 * looked up, and memory is taken back by a wheel of coarse steps, so that no choice of lifetimes costs time. */
#include "nameplates.h"

#include <string.h>

enum {
  FIRST_BUCKETS = 64,
  STEP_MS = 10000, /* of the wheel, which must reach beyond CODE_LIFETIME_MS */
  DRAWS = 128,
  SPACE_PER_CODE = 100,
  CHANGES_PER_CODE = 8 /* all workers hear of each */
};
_Static_assert(PL_RELAY_NAMEPLATE_WHEEL *STEP_MS > PL_CONST_CODE_LIFETIME_MS + STEP_MS, "the wheel is too small");

/* ---- the table ------------------------------------------------------------------------------------------------- */

int pl_relay_nameplates_init(pl_relay *relay) {
  pl_relay_nameplates *all = &relay->nameplates;
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++) pl_list_init(&all->wheel[i]);
  all->due_ms = PL_NEVER;
  all->buckets = pl_alloc(FIRST_BUCKETS * sizeof *all->buckets);
  all->bucket_count = FIRST_BUCKETS;
  return all->buckets ? 0 : PL_ENOMEM;
}

static pl_relay_nameplate **bucket_of(const pl_relay *relay, uint32_t number) {
  uint64_t hash = pl_relay_router_hash(relay, &number, sizeof number);
  return &relay->nameplates.buckets[hash & (relay->nameplates.bucket_count - 1)];
}

static void grow(pl_relay *relay) {
  pl_relay_nameplates *all = &relay->nameplates;
  pl_relay_nameplate **old = all->buckets;
  size_t count = all->bucket_count;
  pl_relay_nameplate **wider = pl_alloc(2 * count * sizeof *wider);
  if (!wider) return; /* the chains just grow longer */
  all->buckets = wider;
  all->bucket_count = 2 * count;
  for (size_t i = 0; i < count; i++)
    while (old[i]) {
      pl_relay_nameplate *n = old[i];
      old[i] = n->next;
      pl_relay_nameplate **bucket = bucket_of(relay, n->number);
      n->next = *bucket;
      *bucket = n;
    }
  pl_free(old);
}

static void drop(pl_relay *relay, pl_relay_nameplate *n) {
  pl_relay_nameplate **at = bucket_of(relay, n->number);
  while (*at != n) at = &(*at)->next;
  *at = n->next;
  pl_list_remove(&n->due);
  pl_list_remove(&n->same_owner);
  relay->stats.nameplates--;
  n->owner->nameplate_count--;
  pl_relay_router_release(relay, n->owner);
  pl_free(n);
}

pl_relay_nameplate *pl_relay_nameplates_find(pl_relay *relay, uint32_t number, uint64_t now_ms) {
  pl_relay_nameplate *n = *bucket_of(relay, number);
  while (n && n->number != number) n = n->next;
  if (!n || now_ms < n->expires_ms) return n;
  drop(relay, n);
  return NULL;
}

static bool is_of(const pl_relay_nameplate *n, const uint8_t id[32], const uint8_t instance[8]) {
  return memcmp(n->owner->id, id, 32) == 0 && memcmp(n->instance, instance, 8) == 0;
}

static void watch(pl_relay_nameplates *all, pl_relay_nameplate *n) {
  uint64_t step = n->expires_ms / STEP_MS + 1; /* looked at when the step has begun */
  pl_list_append(&all->wheel[step % PL_RELAY_NAMEPLATE_WHEEL], &n->due);
  if (step * STEP_MS < all->due_ms) all->due_ms = step * STEP_MS;
}

/* NULL: no memory, or as many as may be. */
static pl_relay_nameplate *add(pl_relay *relay, uint32_t number, const uint8_t id[32], const uint8_t instance[8],
                               uint64_t expires_ms) {
  pl_relay_nameplates *all = &relay->nameplates;
  if (relay->stats.nameplates >= pl_relay_setting_of(relay, PL_RELAY_SET_CODES_TOTAL)) return NULL;
  pl_relay_nameplate *n = pl_alloc(sizeof *n);
  pl_relay_presence *owner = n ? pl_relay_router_get(relay, id, true) : NULL;
  if (!owner) {
    pl_free(n);
    return NULL;
  }
  *n = (pl_relay_nameplate){.owner = owner, .number = number, .expires_ms = expires_ms};
  memcpy(n->instance, instance, 8);
  owner->nameplate_count++;
  pl_list_append(&owner->nameplates, &n->same_owner);
  watch(all, n);
  if (++relay->stats.nameplates > all->bucket_count) grow(relay);
  pl_relay_nameplate **bucket = bucket_of(relay, number);
  n->next = *bucket;
  *bucket = n;
  return n;
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

uint64_t pl_relay_nameplates_deadline(const pl_relay *relay) {
  return relay->nameplates.due_ms;
}

static void sweep(pl_relay *relay, pl_node *list, uint64_t now_ms) {
  for (pl_node *at = list->next, *next; at != list; at = next) {
    next = at->next;
    pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, due);
    if (now_ms >= n->expires_ms) drop(relay, n);
  }
}

/* Every step that has begun since, at most once round; then the next that has something to look at. */
void pl_relay_nameplates_time(pl_relay *relay, uint64_t now_ms) {
  pl_relay_nameplates *all = &relay->nameplates;
  if (now_ms < all->due_ms) return;
  uint64_t now = now_ms / STEP_MS, from = all->due_ms / STEP_MS;
  if (now - from >= PL_RELAY_NAMEPLATE_WHEEL) from = now - PL_RELAY_NAMEPLATE_WHEEL + 1;
  for (uint64_t step = from; step <= now; step++) sweep(relay, &all->wheel[step % PL_RELAY_NAMEPLATE_WHEEL], now_ms);
  all->due_ms = PL_NEVER;
  for (uint64_t step = now + PL_RELAY_NAMEPLATE_WHEEL - 1; step > now; step--)
    if (!pl_list_empty(&all->wheel[step % PL_RELAY_NAMEPLATE_WHEEL])) all->due_ms = step * STEP_MS;
}

void pl_relay_nameplates_deinit(pl_relay *relay) {
  if (!relay->nameplates.buckets) return;
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++) sweep(relay, &relay->nameplates.wheel[i], UINT64_MAX);
  pl_free(relay->nameplates.buckets);
  relay->nameplates.buckets = NULL;
}

/* ---- the bus ----------------------------------------------------------------------------------------------------- */

static void put(const pl_relay_nameplate *n, uint8_t out[PL_RELAY_BUS_CODE_BYTES]) {
  pl_put_u32(out, n->number);
  pl_put_u64(out + 4, n->expires_ms);
  memcpy(out + 12, n->owner->id, 32);
  memcpy(out + 44, n->instance, 8);
}

static void tell(const pl_relay_nameplate *n, enum pl_relay_bus_type type, pl_relay *relay) {
  uint8_t payload[PL_RELAY_BUS_CODE_BYTES];
  put(n, payload);
  for (unsigned i = 0; i < relay->node_count; i++)
    if (i != relay->config.worker) pl_relay_bus_say(&relay->nodes[i], type, payload, sizeof payload);
}

void pl_relay_nameplates_tell_all(pl_relay *relay, pl_relay_bus_node *node) {
  uint8_t payload[PL_RELAY_BUS_CODE_BYTES];
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++)
    for (const pl_node *at = relay->nameplates.wheel[i].next; at != &relay->nameplates.wheel[i]; at = at->next) {
      const pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, due);
      if (n->node != relay->config.worker) continue;
      put(n, payload);
      pl_relay_bus_say(node, PL_RELAY_BUS_CODE, payload, sizeof payload);
    }
}

void pl_relay_nameplates_drop_node(pl_relay *relay, uint8_t node) {
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++)
    for (pl_node *at = relay->nameplates.wheel[i].next, *next; at != &relay->nameplates.wheel[i]; at = next) {
      next = at->next;
      pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, due);
      if (n->node == node) drop(relay, n);
    }
}

/* Two workers gave one number to two owners, who both asked for it at one instant: all workers keep the same one. */
static bool goes_before(const pl_relay_nameplate *n, const uint8_t id[32], const uint8_t instance[8]) {
  int order = memcmp(n->owner->id, id, 32);
  return order ? order < 0 : memcmp(n->instance, instance, 8) < 0;
}

static uint32_t life_of(uint32_t wanted_ms) {
  return wanted_ms == 0 || wanted_ms > PL_CONST_CODE_LIFETIME_MS ? PL_CONST_CODE_LIFETIME_MS : wanted_ms;
}

void pl_relay_nameplates_from_bus(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms) {
  const uint8_t *payload = e->payload.data;
  if (e->payload.size != PL_RELAY_BUS_CODE_BYTES) return;
  uint32_t number = pl_get_u32(payload);
  uint64_t expires_ms = pl_get_u64(payload + 4), latest_ms = now_ms + PL_CONST_CODE_LIFETIME_MS;
  const uint8_t *id = payload + 12, *instance = payload + 44;
  pl_relay_nameplate *n = pl_relay_nameplates_find(relay, number, now_ms);
  bool same = n && is_of(n, id, instance);
  if (e->type == PL_RELAY_BUS_CODE_END) {
    if (same) drop(relay, n);
    return;
  }
  if (expires_ms <= now_ms || (n && !same && goes_before(n, id, instance))) return;
  if (n && !same) {
    drop(relay, n);
    n = NULL;
  }
  if (!n) n = add(relay, number, id, instance, expires_ms < latest_ms ? expires_ms : latest_ms);
  if (n) n->node = node;
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

/* A keyed hash of what never comes twice: nobody who sees numbers can tell the next. */
static uint64_t draw(pl_relay *relay) {
  uint8_t input[24] = "nameplate";
  pl_put_u32(input + 12, relay->config.worker);
  pl_put_u64(input + 16, ++relay->nameplates.drawn);
  return pl_relay_router_hash(relay, input, sizeof input);
}

/* 0: none was free among so many. */
static uint32_t free_number(pl_relay *relay, uint64_t now_ms) {
  uint32_t workers = relay->node_count ? relay->node_count : 1, first = PL_CONST_CODE_NUMBER_MIN, end = 10 * first;
  while (end - first < SPACE_PER_CODE * (relay->stats.nameplates + 1) && end <= PL_CONST_CODE_NUMBER_MAX) end *= 10;
  first += (relay->config.worker + workers - first % workers) % workers; /* the first of this worker's own */
  for (int i = 0; i < DRAWS; i++) {
    uint32_t number = first + (uint32_t)(draw(relay) % ((end - first + workers - 1) / workers)) * workers;
    if (!pl_relay_nameplates_find(relay, number, now_ms)) return number;
  }
  return 0;
}

/* Those of this ID, over all its instances, that are not over. */
static uint32_t count_of(pl_relay *relay, pl_relay_presence *owner, uint64_t now_ms) {
  for (pl_node *at = owner->nameplates.next, *next; at != &owner->nameplates; at = next) {
    next = at->next;
    pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, same_owner);
    if (now_ms >= n->expires_ms) drop(relay, n); /* the socket that asks keeps the owner */
  }
  return owner->nameplate_count;
}

/* A number that the client had is asked for again: only after a start of the relay it can be unknown, and nobody shall
 * find out by asking which numbers are in use. */
static uint32_t wanted_number(pl_relay_conn *conn, uint32_t wanted, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  if (now_ms - PL_RELAY_LOAD(relay->shared->started_ms) >= PL_CONST_CODE_LIFETIME_MS ||
      !pl_relay_rate_allows(relay, &relay->shared->code_misses, conn->address, now_ms))
    return 0;
  if (!pl_relay_nameplates_find(relay, wanted, now_ms)) return wanted;
  pl_relay_nameplates_missed(conn, now_ms);
  return 0;
}

static pl_relay_nameplate *make(pl_relay_conn *conn, const pl_wire_code *code, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_relay_nameplate *n = code->number ? pl_relay_nameplates_find(relay, code->number, now_ms) : NULL;
  if (n && is_of(n, conn->presence->id, conn->instance)) return n; /* it has come back: nothing changed */
  if (!pl_relay_rate_allows(relay, &relay->shared->codes, conn->address, now_ms) ||
      count_of(relay, conn->presence, now_ms) >= pl_relay_setting_of(relay, PL_RELAY_SET_CODES_PER_ID) ||
      pl_relay_bus_is_behind(relay))
    return NULL;
  pl_relay_rate_take(relay, &relay->shared->codes, conn->address, now_ms);
  uint32_t number = code->number ? wanted_number(conn, code->number, now_ms) : free_number(relay, now_ms);
  if (!number) return NULL;
  n = add(relay, number, conn->presence->id, conn->instance, now_ms + life_of(code->lifetime_ms));
  if (!n) return NULL;
  n->node = (uint8_t)relay->config.worker;
  tell(n, PL_RELAY_BUS_CODE, relay);
  return n;
}

static void answer(pl_relay_conn *conn, const pl_wire_code *code, const pl_relay_nameplate *n, uint64_t now_ms) {
  uint8_t payload[16];
  pl_wire_code out = {.op = PL_CONST_CODE_MAKE, .tag = code->tag};
  if (n) {
    out.number = n->number;
    out.lifetime_ms = (uint32_t)(n->expires_ms - now_ms);
  }
  int size = pl_wire_code_encode(&out, payload, sizeof payload);
  if (size < 0 || !pl_relay_out_control(conn, PL_ENV_CODE, 0, (pl_view){payload, (size_t)size}, 100))
    pl_relay_conn_abort(conn);
}

static bool number_valid(const pl_wire_code *code) {
  if (code->number == 0) return code->op == PL_CONST_CODE_MAKE;
  return code->number >= PL_CONST_CODE_NUMBER_MIN && code->number <= PL_CONST_CODE_NUMBER_MAX;
}

void pl_relay_nameplates_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_wire_code code;
  if (e->link != 0 || e->payload.size > (size_t)pl_envelope_max(PL_ENV_CODE) ||
      pl_wire_code_decode(&code, e->payload.data, e->payload.size) != 0 || !number_valid(&code) ||
      (code.op != PL_CONST_CODE_MAKE && code.op != PL_CONST_CODE_END)) {
    pl_relay_conn_refuse(conn, PL_REASON_PROTOCOL, now_ms);
    return;
  }
  if (!pl_relay_rate_change(conn, CHANGES_PER_CODE, now_ms)) {
    pl_relay_conn_refuse(conn, PL_REASON_RATE, now_ms);
    return;
  }
  if (code.op == PL_CONST_CODE_MAKE) {
    answer(conn, &code, make(conn, &code, now_ms), now_ms);
    return;
  }
  pl_relay_nameplate *n = pl_relay_nameplates_find(relay, code.number, now_ms);
  if (!n || !is_of(n, conn->presence->id, conn->instance)) return;
  tell(n, PL_RELAY_BUS_CODE_END, relay);
  drop(relay, n);
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

bool pl_relay_nameplates_may_claim(pl_relay_conn *claimer, uint64_t now_ms) {
  pl_relay *relay = claimer->relay;
  pl_relay_shared *shared = relay->shared;
  if (!pl_relay_rate_allows(relay, &shared->claims, claimer->address, now_ms) ||
      !pl_relay_rate_allows(relay, &shared->code_misses, claimer->address, now_ms))
    return false;
  pl_relay_rate_take(relay, &shared->claims, claimer->address, now_ms);
  return true;
}

void pl_relay_nameplates_missed(pl_relay_conn *claimer, uint64_t now_ms) {
  pl_relay_rate_take(claimer->relay, &claimer->relay->shared->code_misses, claimer->address, now_ms);
}
