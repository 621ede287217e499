/* Link numbers of one socket: two tables, one numbered by the client and one by the relay. */
#ifndef PL_RELAY_SLOTS_H
#define PL_RELAY_SLOTS_H

#include "queue.h"

/* Returns the half that has this number now. Returns NULL when that link is closed, when the slot belongs to another
 * generation, and when it lies beyond the table. */
static inline pl_relay_half *pl_relay_slots_find(const pl_relay_conn *conn, uint32_t number) {
  if (conn->last_half && conn->last_half->number == number) return conn->last_half;
  const pl_relay_slots *slots = &conn->slots[number >> 31];
  uint32_t slot = number & 0xffff;
  if (slot >= slots->count || slots->at[slot].number != number) return NULL;
  return slots->at[slot].half;
}

/* Gives the half its number, whose slot must be below LINK_SLOTS and free. Returns PL_ENOMEM when memory ran out. */
int pl_relay_slots_put(pl_relay_conn *conn, pl_relay_half *half, uint32_t number) PL_MUST_USE;
/* Returns true when the slot of this number is taken, by any generation. */
bool pl_relay_slots_taken(const pl_relay_conn *conn, uint32_t number) PL_MUST_USE;
/* Returns a free number of the relay's side, of the next generation of its slot, or 0 when no slot is free. */
uint32_t pl_relay_slots_next(const pl_relay_conn *conn) PL_MUST_USE;
void pl_relay_slots_remove(pl_relay_half *half);
/* Removes the half from its slot when its number, of the relay's side, was never sent. The number is given again. */
void pl_relay_slots_take_back(pl_relay_half *half);
void pl_relay_slots_deinit(pl_relay_conn *conn);

#endif
