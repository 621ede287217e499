/* What came for one side of a link, in order, until the relay has written it. Of each envelope only its size and a hash
 * are kept. */
#include <stdlib.h>

#include "sim_wire_state.h"

enum { COST_MIN = 24 };

static uint64_t cost_of(const sim_wire_entry *e) {
  return e->size > COST_MIN ? e->size : COST_MIN;
}

bool sim_wire_entry_may_drop(const sim_wire_entry *e) {
  return e->type == PL_ENV_DATA && (e->flags & PL_CONST_ENVELOPE_FLAG_VOLATILE);
}

bool sim_wire_journal_may_skip(const sim_wire_journal *j) {
  return j->count && (j->unsure || sim_wire_entry_may_drop(&j->at[j->first]));
}

static void widen(sim_wire_journal *j) {
  size_t capacity = j->capacity ? 2 * j->capacity : 16;
  sim_wire_entry *at = malloc(capacity * sizeof *at);
  if (!at) abort();
  for (size_t i = 0; i < j->count; i++) at[i] = j->at[(j->first + i) & (j->capacity - 1)];
  free(j->at);
  j->at = at;
  j->capacity = capacity;
  j->first = 0;
}

static void append(sim_wire_journal *j, sim_wire_entry entry) {
  if (j->count == j->capacity) widen(j);
  j->at[(j->first + j->count) & (j->capacity - 1)] = entry;
  j->count++;
  j->reliable += !sim_wire_entry_may_drop(&entry);
  j->cost += cost_of(&entry);
  if (j->cost > j->peak) j->peak = j->cost;
}

void sim_wire_journal_add(sim_wire_journal *j, uint8_t type, uint8_t flags, pl_view payload) {
  append(j, (sim_wire_entry){sim_wire_hash(payload.data, payload.size), (uint32_t)payload.size, type, flags});
}

void sim_wire_journal_repeat(sim_wire_journal *j, uint8_t type, uint64_t hash, uint32_t size) {
  append(j, (sim_wire_entry){hash, size, type, 0});
}

const sim_wire_entry *sim_wire_journal_first(const sim_wire_journal *j) {
  return j->count ? &j->at[j->first] : NULL;
}

void sim_wire_journal_take(sim_wire_journal *j) {
  const sim_wire_entry *e = &j->at[j->first];
  j->cost -= cost_of(e);
  j->reliable -= !sim_wire_entry_may_drop(e);
  j->unsure -= j->unsure > 0;
  j->first = (j->first + 1) & (j->capacity - 1);
  j->count--;
}

void sim_wire_journal_clear(sim_wire_journal *j) {
  j->first = j->count = j->reliable = j->unsure = 0;
  j->cost = j->peak = 0;
}

void sim_wire_journal_free(sim_wire_journal *j) {
  free(j->at);
  *j = (sim_wire_journal){0};
}

bool sim_wire_entry_is(const sim_wire_entry *e, uint8_t type, uint8_t flags, pl_view payload) {
  return e->type == type && e->flags == flags && e->size == payload.size &&
         e->hash == sim_wire_hash(payload.data, payload.size);
}
