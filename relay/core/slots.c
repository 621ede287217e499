/* See slots.h. The tables grow to the highest slot in use and never shrink while the socket lives. */
#include "slots.h"

#include <string.h>

#include "bus.h"

enum { FIRST_SLOTS = 4 };

static uint32_t slots_limit(const pl_relay_conn *conn) {
  return conn->state == PL_RELAY_CONN_BUS ? PL_RELAY_BUS_SLOTS
                                          : pl_relay_setting_of(conn->relay, PL_RELAY_SET_LINK_SLOTS);
}

static int slots_grow(pl_relay_conn *conn, pl_relay_slots *slots, uint32_t slot) {
  uint32_t limit = slots_limit(conn);
  uint32_t count = slots->count ? slots->count : FIRST_SLOTS;
  while (count <= slot) count *= 2;
  if (count > limit) count = limit;
  pl_relay_slot *at = pl_realloc(slots->at, count * sizeof *at);
  if (!at) return PL_ENOMEM;
  memset(at + slots->count, 0, (count - slots->count) * sizeof *at);
  slots->at = at;
  slots->count = count;
  return 0;
}

int pl_relay_slots_put(pl_relay_conn *conn, pl_relay_half *half, uint32_t number) {
  pl_relay_slots *slots = &conn->slots[pl_link_number_relay_side(number)];
  uint32_t slot = pl_link_number_slot(number);
  if (slot >= slots->count && slots_grow(conn, slots, slot) != 0) return PL_ENOMEM;
  slots->at[slot] = (pl_relay_slot){half, number};
  conn->last_half = half;
  half->conn = conn;
  half->number = number;
  return 0;
}

bool pl_relay_slots_taken(const pl_relay_conn *conn, uint32_t number) {
  const pl_relay_slots *slots = &conn->slots[pl_link_number_relay_side(number)];
  return pl_link_number_slot(number) < slots->count && slots->at[pl_link_number_slot(number)].half;
}

uint32_t pl_relay_slots_next(const pl_relay_conn *conn) {
  const pl_relay_slots *slots = &conn->slots[1];
  uint32_t slot = conn->next_slot;
  while (slot < slots->count && slots->at[slot].half) slot++;
  if (slot >= slots_limit(conn)) return 0;
  uint32_t last = slot < slots->count ? pl_link_number_generation(slots->at[slot].number) : 0;
  return pl_link_number_make(true, last < PL_CONST_LINK_GENERATION_MAX ? last + 1 : 1, slot);
}

void pl_relay_slots_remove(pl_relay_half *half) {
  pl_relay_conn *conn = half->conn;
  uint32_t slot = pl_link_number_slot(half->number);
  bool relay_side = pl_link_number_relay_side(half->number);
  conn->slots[relay_side].at[slot].half = NULL; /* the number stays, so that the next generation can follow it */
  if (relay_side && slot < conn->next_slot) conn->next_slot = slot;
  if (conn->last_half == half) conn->last_half = NULL;
  half->conn = NULL;
}

void pl_relay_slots_take_back(pl_relay_half *half) {
  pl_relay_slot *slot = &half->conn->slots[1].at[pl_link_number_slot(half->number)];
  uint32_t generation = pl_link_number_generation(half->number);
  slot->number = pl_link_number_make(true, generation - 1, pl_link_number_slot(half->number));
  pl_relay_slots_remove(half);
}

void pl_relay_slots_deinit(pl_relay_conn *conn) {
  for (size_t i = 0; i < 2; i++) {
    pl_free(conn->slots[i].at);
    conn->slots[i] = (pl_relay_slots){0};
  }
}
