/* See nameplates.h. The table is a seeded hash by number, because clients can ask for numbers. Expiry is exact where a
 * number is looked up. Memory is freed by a wheel of coarse steps, so that no choice of lifetimes costs time. What has
 * expired counts for CODES_TOTAL until then, for up to one step. */
#include "nameplates.h"

#include <string.h>

#include "bus.h"
#include "conn.h"
#include "keys.h"
#include "queue.h"
#include "rates.h"

enum {
  FIRST_BUCKETS = 16,
  STEP_MS = 10000, /* one step of the wheel; all steps together must exceed CODE_LIFETIME_MS */
  DRAWS = 128,     /* tries to find a free number */
  SPACE_PER_CODE = 100,
  CHANGES_PER_CODE = 8 /* what one CODE costs of CHANGES_PER_MINUTE, because every worker is told of it */
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

static pl_relay_nameplate **nameplate_bucket(const pl_relay *relay, uint32_t number) {
  uint64_t hash = pl_relay_hash(relay, &number, sizeof number);
  return &relay->nameplates.buckets[hash & (relay->nameplates.bucket_count - 1)];
}

static void nameplates_grow(pl_relay *relay) {
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
      pl_relay_nameplate **bucket = nameplate_bucket(relay, n->number);
      n->next = *bucket;
      *bucket = n;
    }
  pl_free(old);
}

static void nameplate_drop(pl_relay *relay, pl_relay_nameplate *n) {
  pl_relay_nameplate **at = nameplate_bucket(relay, n->number);
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
  pl_relay_nameplate *n = *nameplate_bucket(relay, number);
  while (n && n->number != number) n = n->next;
  if (!n || now_ms < n->expires_ms) return n;
  nameplate_drop(relay, n);
  return NULL;
}

static bool nameplate_is_of(const pl_relay_nameplate *n, const uint8_t id[32], const uint8_t instance[8]) {
  return memcmp(n->owner->id, id, 32) == 0 && memcmp(n->instance, instance, 8) == 0;
}

static void nameplate_watch(pl_relay_nameplates *all, pl_relay_nameplate *n) {
  uint64_t step = n->expires_ms / STEP_MS + 1; /* the first step that starts after the expiry */
  pl_list_append(&all->wheel[step % PL_RELAY_NAMEPLATE_WHEEL], &n->due);
  if (step * STEP_MS < all->due_ms) all->due_ms = step * STEP_MS;
}

static bool nameplates_are_full(const pl_relay *relay) {
  return relay->stats.nameplates >= pl_relay_setting_of(relay, PL_RELAY_SET_CODES_TOTAL);
}

/* Returns NULL at CODES_TOTAL, or when memory ran out. */
static pl_relay_nameplate *nameplate_add(pl_relay *relay, uint32_t number, const uint8_t id[32],
                                         const uint8_t instance[8], uint64_t expires_ms) {
  pl_relay_nameplates *all = &relay->nameplates;
  if (nameplates_are_full(relay)) return NULL;
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
  nameplate_watch(all, n);
  if (++relay->stats.nameplates > all->bucket_count) nameplates_grow(relay);
  pl_relay_nameplate **bucket = nameplate_bucket(relay, number);
  n->next = *bucket;
  *bucket = n;
  return n;
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

uint64_t pl_relay_nameplates_deadline(const pl_relay *relay) {
  return relay->nameplates.due_ms;
}

static void nameplates_sweep(pl_relay *relay, pl_node *list, uint64_t now_ms) {
  for (pl_node *at = list->next, *next; at != list; at = next) {
    next = at->next;
    pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, due);
    if (now_ms >= n->expires_ms) nameplate_drop(relay, n);
  }
}

/* Sweeps every step that has started since the last call, each at most once, then finds the next one that holds
 * anything. */
void pl_relay_nameplates_time(pl_relay *relay, uint64_t now_ms) {
  pl_relay_nameplates *all = &relay->nameplates;
  if (now_ms < all->due_ms) return;
  uint64_t now = now_ms / STEP_MS, from = all->due_ms / STEP_MS;
  if (now - from >= PL_RELAY_NAMEPLATE_WHEEL) from = now - PL_RELAY_NAMEPLATE_WHEEL + 1;
  for (uint64_t step = from; step <= now; step++)
    nameplates_sweep(relay, &all->wheel[step % PL_RELAY_NAMEPLATE_WHEEL], now_ms);
  all->due_ms = PL_NEVER;
  for (uint64_t step = now + PL_RELAY_NAMEPLATE_WHEEL - 1; step > now; step--)
    if (!pl_list_empty(&all->wheel[step % PL_RELAY_NAMEPLATE_WHEEL])) all->due_ms = step * STEP_MS;
}

void pl_relay_nameplates_deinit(pl_relay *relay) {
  if (!relay->nameplates.buckets) return;
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++)
    nameplates_sweep(relay, &relay->nameplates.wheel[i], UINT64_MAX);
  pl_free(relay->nameplates.buckets);
  relay->nameplates.buckets = NULL;
}

/* ---- the bus ----------------------------------------------------------------------------------------------------- */

static void nameplate_put(const pl_relay_nameplate *n, uint8_t out[PL_RELAY_BUS_CODE_BYTES]) {
  pl_put_u32(out, n->number);
  pl_put_u64(out + 4, n->expires_ms);
  memcpy(out + 12, n->owner->id, 32);
  memcpy(out + 44, n->instance, 8);
}

static void nameplate_tell(pl_relay *relay, const pl_relay_nameplate *n, enum pl_relay_bus_type type) {
  uint8_t payload[PL_RELAY_BUS_CODE_BYTES];
  nameplate_put(n, payload);
  pl_relay_bus_say_all(relay, type, payload, sizeof payload);
}

void pl_relay_nameplates_tell_node(pl_relay *relay, pl_relay_bus_node *node) {
  uint8_t payload[PL_RELAY_BUS_CODE_BYTES];
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++)
    for (const pl_node *at = relay->nameplates.wheel[i].next; at != &relay->nameplates.wheel[i]; at = at->next) {
      const pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, due);
      if (!n->ours) continue;
      nameplate_put(n, payload);
      pl_relay_bus_say(node, PL_RELAY_BUS_CODE, payload, sizeof payload);
    }
  for (size_t i = 0; i < PL_RELAY_NAMEPLATES_ENDED; i++) {
    const uint8_t *ended = relay->nameplates.ended[i];
    if (pl_get_u32(ended)) pl_relay_bus_say(node, PL_RELAY_BUS_CODE_END, ended, PL_RELAY_BUS_CODE_BYTES);
  }
}

/* ---- ends that may have been lost -------------------------------------------------------------------------------- */

static void nameplate_remember_end(pl_relay *relay, const pl_relay_nameplate *n) {
  pl_relay_nameplates *all = &relay->nameplates;
  nameplate_put(n, all->ended[all->next_ended++ % PL_RELAY_NAMEPLATES_ENDED]);
}

/* Tells all workers that the nameplate has ended, and remembers it, because a worker that does not hear of it keeps the
 * nameplate and tells it again after a loss. Only the last ends are remembered: the nameplate of an older one that was
 * lost lives until it expires. */
static void nameplate_tell_end(pl_relay *relay, const pl_relay_nameplate *n) {
  nameplate_remember_end(relay, n);
  nameplate_tell(relay, n, PL_RELAY_BUS_CODE_END);
}

/* Returns true when the end of this number is remembered. The number is not given meanwhile: after a loss, its end
 * would be told again, and taken for the end of the new nameplate. */
static bool nameplate_ended_lately(const pl_relay *relay, uint32_t number) {
  for (size_t i = 0; i < PL_RELAY_NAMEPLATES_ENDED; i++)
    if (pl_get_u32(relay->nameplates.ended[i]) == number) return true;
  return false;
}

/* Returns true when a client of this worker has ended the nameplate that another worker tells of. A number that its
 * owner was given again expires later. */
static bool nameplate_has_ended(const pl_relay *relay, const uint8_t *payload) {
  for (size_t i = 0; i < PL_RELAY_NAMEPLATES_ENDED; i++) {
    const uint8_t *ended = relay->nameplates.ended[i];
    if (memcmp(ended, payload, 4) == 0 && memcmp(ended + 12, payload + 12, PL_RELAY_BUS_CODE_BYTES - 12) == 0 &&
        pl_get_u64(payload + 4) <= pl_get_u64(ended + 4))
      return true;
  }
  return false;
}

/* ---- what others tell -------------------------------------------------------------------------------------------- */

void pl_relay_nameplates_drop_node(pl_relay *relay, uint8_t node) {
  for (size_t i = 0; i < PL_RELAY_NAMEPLATE_WHEEL; i++)
    for (pl_node *at = relay->nameplates.wheel[i].next, *next; at != &relay->nameplates.wheel[i]; at = next) {
      next = at->next;
      pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, due);
      if (n->node == node && !n->ours) nameplate_drop(relay, n);
    }
}

/* Decides when two owners got the same number from two workers at once. Returns true when this nameplate stays; all
 * workers decide alike. */
static bool nameplate_goes_before(const pl_relay_nameplate *n, const uint8_t id[32], const uint8_t instance[8]) {
  int order = memcmp(n->owner->id, id, 32);
  return order ? order < 0 : memcmp(n->instance, instance, 8) < 0;
}

static uint32_t nameplate_life(uint32_t wanted_ms) {
  return wanted_ms == 0 || wanted_ms > PL_CONST_CODE_LIFETIME_MS ? PL_CONST_CODE_LIFETIME_MS : wanted_ms;
}

/* Two workers may have given this number to the same client: it asked the second, which had lost what the first said.
 * All workers take the one with the lower number for the giver, and the later end, which the client was told. */
static void nameplate_agree(pl_relay *relay, pl_relay_nameplate *n, uint8_t node, uint64_t expires_ms) {
  if (node < n->node) n->node = node;
  if (expires_ms <= n->expires_ms) return;
  n->expires_ms = expires_ms;
  pl_list_remove(&n->due);
  nameplate_watch(&relay->nameplates, n);
}

void pl_relay_nameplates_from_bus(pl_relay *relay, uint8_t node, const pl_envelope *e, uint64_t now_ms) {
  const uint8_t *payload = e->payload.data;
  if (e->payload.size != PL_RELAY_BUS_CODE_BYTES) return;
  uint32_t number = pl_get_u32(payload);
  uint64_t expires_ms = pl_get_u64(payload + 4), latest_ms = now_ms + PL_CONST_CODE_LIFETIME_MS;
  const uint8_t *id = payload + 12, *instance = payload + 44;
  pl_relay_nameplate *n = pl_relay_nameplates_find(relay, number, now_ms);
  bool same = n && nameplate_is_of(n, id, instance);
  if (e->type == PL_RELAY_BUS_CODE_END) {
    if (!same || n->expires_ms > expires_ms) return; /* it was given again since */
    if (n->ours) nameplate_remember_end(relay, n);
    nameplate_drop(relay, n);
    return;
  }
  if (expires_ms <= now_ms || (n && !same && nameplate_goes_before(n, id, instance))) return;
  if (!same && nameplate_has_ended(relay, payload)) {
    pl_relay_bus_say_all(relay, PL_RELAY_BUS_CODE_END, payload, e->payload.size);
    return;
  }
  if (n && !same) {
    nameplate_drop(relay, n);
    n = NULL;
  }
  if (expires_ms > latest_ms) expires_ms = latest_ms;
  if (n) {
    nameplate_agree(relay, n, node, expires_ms);
    return;
  }
  n = nameplate_add(relay, number, id, instance, expires_ms);
  if (n)
    n->node = node;
  else if (!nameplates_are_full(relay))
    relay->nodes[node].missed = true;
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

/* Hashes a value that never repeats, with the secret seed, so that nobody can predict the next number from earlier
 * ones. */
static uint64_t nameplate_draw(pl_relay *relay) {
  uint8_t input[24] = "nameplate";
  pl_put_u32(input + 12, relay->config.worker);
  pl_put_u64(input + 16, ++relay->nameplates.drawn);
  return pl_relay_hash(relay, input, sizeof input);
}

/* Returns 0 when none of DRAWS numbers was free. */
static uint32_t nameplate_free_number(pl_relay *relay, uint64_t now_ms) {
  uint32_t workers = relay->node_count ? relay->node_count : 1, first = PL_CONST_CODE_NUMBER_MIN, end = 10 * first;
  while (end - first < SPACE_PER_CODE * (relay->stats.nameplates + 1) && end <= PL_CONST_CODE_NUMBER_MAX) end *= 10;
  first += (relay->config.worker + workers - first % workers) % workers; /* the first of this worker's own */
  for (int i = 0; i < DRAWS; i++) {
    uint32_t number = first + (uint32_t)(nameplate_draw(relay) % ((end - first + workers - 1) / workers)) * workers;
    if (!pl_relay_nameplates_find(relay, number, now_ms) && !nameplate_ended_lately(relay, number)) return number;
  }
  return 0;
}

/* Counts the nameplates of this ID, over all its instances, that have not expired. */
static uint32_t nameplates_of(pl_relay *relay, pl_relay_presence *owner, uint64_t now_ms) {
  for (pl_node *at = owner->nameplates.next, *next; at != &owner->nameplates; at = next) {
    next = at->next;
    pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, same_owner);
    /* This does not free `owner`, which the asking socket still uses. */
    if (now_ms >= n->expires_ms) nameplate_drop(relay, n);
  }
  return owner->nameplate_count;
}

/* Returns the number that a client had before and asks for again, or 0 when it cannot have it. Only a restart makes the
 * relay forget a number too early, so numbers are given back only within CODE_LIFETIME_MS of the start. Misses are
 * charged, so that nobody finds out by asking which numbers are in use. */
static uint32_t nameplate_wanted_number(pl_relay_conn *conn, uint32_t wanted, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  if (now_ms - PL_RELAY_LOAD(relay->shared->started_ms) >= PL_CONST_CODE_LIFETIME_MS ||
      !pl_relay_rate_allows(relay, &relay->shared->code_misses, conn->address, now_ms))
    return 0;
  if (!pl_relay_nameplates_find(relay, wanted, now_ms)) return wanted;
  pl_relay_nameplates_missed(conn, now_ms);
  return 0;
}

static pl_relay_nameplate *nameplate_make(pl_relay_conn *conn, const pl_wire_code *code, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_relay_nameplate *n = code->number ? pl_relay_nameplates_find(relay, code->number, now_ms) : NULL;
  if (n && nameplate_is_of(n, conn->presence->id, conn->instance))
    return n; /* the client has come back: nothing changed */
  if (!pl_relay_rate_allows(relay, &relay->shared->codes, conn->address, now_ms) ||
      nameplates_of(relay, conn->presence, now_ms) >= pl_relay_setting_of(relay, PL_RELAY_SET_CODES_PER_ID) ||
      pl_relay_bus_is_behind(relay))
    return NULL;
  pl_relay_rate_take(relay, &relay->shared->codes, conn->address, now_ms);
  uint32_t number =
      code->number ? nameplate_wanted_number(conn, code->number, now_ms) : nameplate_free_number(relay, now_ms);
  if (!number) return NULL;
  n = nameplate_add(relay, number, conn->presence->id, conn->instance, now_ms + nameplate_life(code->lifetime_ms));
  if (!n) return NULL;
  n->node = (uint8_t)relay->config.worker;
  n->ours = true;
  nameplate_tell(relay, n, PL_RELAY_BUS_CODE);
  return n;
}

static void nameplate_answer(pl_relay_conn *conn, const pl_wire_code *code, const pl_relay_nameplate *n,
                             uint64_t now_ms) {
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

static bool nameplate_number_valid(const pl_wire_code *code) {
  if (code->number == 0) return code->op == PL_CONST_CODE_MAKE;
  return code->number >= PL_CONST_CODE_NUMBER_MIN && code->number <= PL_CONST_CODE_NUMBER_MAX;
}

int pl_relay_nameplates_receive(pl_relay_conn *conn, const pl_envelope *e, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  pl_wire_code code;
  if (pl_wire_code_decode(&code, e->payload.data, e->payload.size) != 0 || !nameplate_number_valid(&code) ||
      (code.op != PL_CONST_CODE_MAKE && code.op != PL_CONST_CODE_END))
    return PL_REASON_PROTOCOL;
  if (!pl_relay_rate_change(conn, CHANGES_PER_CODE, now_ms)) return PL_REASON_RATE;
  if (code.op == PL_CONST_CODE_MAKE) {
    nameplate_answer(conn, &code, nameplate_make(conn, &code, now_ms), now_ms);
    return 0;
  }
  pl_relay_nameplate *n = pl_relay_nameplates_find(relay, code.number, now_ms);
  if (!n || !nameplate_is_of(n, conn->presence->id, conn->instance)) return 0;
  nameplate_tell_end(relay, n);
  nameplate_drop(relay, n);
  return 0;
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
