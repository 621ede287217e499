/* Link numbers of one socket: two tables, one numbered by the client and one by the relay. */
#ifndef PL_RELAY_SLOTS_H
#define PL_RELAY_SLOTS_H

#include "internal.h"

/* The half that this number names now, or NULL: closed, another generation, beyond the tables. */
static inline pl_relay_half *pl_relay_slots_find(const pl_relay_conn *conn, uint32_t number) {
  const pl_relay_slots *slots = &conn->slots[number >> 31];
  uint32_t slot = number & 0xffff;
  if (slot >= slots->count || slots->at[slot].number != number) return NULL;
  return slots->at[slot].half;
}

/* Puts the half where its number says; PL_ENOMEM. The slot must be below LINK_SLOTS and free. */
int pl_relay_slots_put(pl_relay_conn *conn, pl_relay_half *half, uint32_t number) PL_MUST_USE;
/* Whether the slot of this number, of any generation, is taken. */
bool pl_relay_slots_taken(const pl_relay_conn *conn, uint32_t number);
/* A free number of the relay's side, of the slot's next generation; 0: none is free. */
uint32_t pl_relay_slots_next(const pl_relay_conn *conn);
void pl_relay_slots_remove(pl_relay_half *half);
void pl_relay_slots_deinit(pl_relay_conn *conn);

#endif
