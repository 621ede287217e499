#include "race.h"

#include <stdio.h>
#include <string.h>

void pl_addresses_add(pl_addresses *list, const char *text) {
  if (list->count == PL_ADDRESSES_MAX || strlen(text) >= PL_ADDRESS_CHARS) return;
  for (size_t i = 0; i < list->count; i++)
    if (strcmp(list->text[i], text) == 0) return;
  snprintf(list->text[list->count++], PL_ADDRESS_CHARS, "%s", text);
}

void pl_addresses_interleave(pl_addresses *out, const pl_addresses *first, const pl_addresses *other) {
  out->count = 0;
  for (size_t i = 0; i < PL_ADDRESSES_MAX; i++) {
    if (i < first->count) pl_addresses_add(out, first->text[i]);
    if (i < other->count) pl_addresses_add(out, other->text[i]);
  }
}

void pl_race_begin(pl_race *r, size_t count) {
  *r = (pl_race){.count = count};
}

bool pl_race_next(pl_race *r, size_t *number) {
  if (r->started == r->count) return false;
  *number = r->started++;
  r->since_start = 0;
  return true;
}

bool pl_race_tick(pl_race *r, bool connected) {
  r->ticks++;
  r->since_start++;
  return r->started < r->count && r->since_start >= (connected ? PL_RACE_PATIENCE : 1);
}

bool pl_race_is_over(const pl_race *r) {
  return r->ticks >= PL_RACE_TICKS_MAX;
}
