/* What honest clients send: nothing on links that they know to be over, and the volatile flag on volatile records only.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_wire_state.h"

/* Set where records can be read (sim_sodium.c): the stand-in for the cipher leaves them as they are. */
extern const bool sim_records_are_plain __attribute__((weak));

enum { COUNTER = 8, TAG = 16 };

static uint32_t *known_of(sim_wire_conn *c, uint32_t link) {
  for (size_t i = 0; i < c->known_count; i++)
    if (c->known_over[i] == link) return &c->known_over[i];
  return NULL;
}

/* Both sides use the lowest free slot, so a list of the slots that are over is short. */
static void note_over(sim_wire_conn *c, uint32_t link) {
  if (known_of(c, link)) return;
  for (size_t i = 0; i < c->known_count; i++) {
    if (((c->known_over[i] ^ link) & 0x8000ffffu) != 0) continue;
    c->known_over[i] = link; /* of an earlier generation */
    return;
  }
  sim_wire_grow((void **)&c->known_over, c->known_count, &c->known_capacity, sizeof *c->known_over);
  c->known_over[c->known_count++] = link;
}

/* A record with VOLATILE frames holds nothing else, and has the flag; no other record has it. */
static void check_flag(sim_wire_conn *c, const pl_envelope *e) {
  if (!&sim_records_are_plain || e->payload.size < COUNTER + TAG) return;
  pl_reader r = pl_reader_of(e->payload.data + COUNTER, e->payload.size - COUNTER - TAG);
  bool flagged = e->flags & PL_CONST_ENVELOPE_FLAG_VOLATILE;
  uint8_t type;
  pl_view body;
  size_t volatiles = 0, others = 0;
  while (pl_frame_next(&r, &type, &body) > 0) {
    volatiles += type == PL_FRAME_VOLATILE;
    others += type != PL_FRAME_VOLATILE;
  }
  if (flagged != (volatiles > 0) || (volatiles && others))
    sim_wire_blame(c->wire, "client %d sends a record of %zu volatile and %zu other frames with flags %x",
                   c->k->client->index, volatiles, others, e->flags);
}

/* What is said on the link of a CLAIM is no record, and waits among the control envelopes, also behind a RESET. */
static void check_data(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire_end *end = sim_wire_find_slot(c, e->link);
  if (!end || end->number != e->link || sim_wire_link_of(end)->claim) return;
  if (known_of(c, e->link))
    sim_wire_blame(c->wire, "client %d sends DATA on link %x, which it knows to be over", c->k->client->index,
                   (unsigned)e->link);
  check_flag(c, e);
}

void sim_wire_client_sends(sim_wire_conn *c, const uint8_t *message, size_t n) {
  pl_reader r = pl_reader_of(message, n);
  pl_envelope e;
  while (pl_envelope_next(&r, &e) > 0) {
    if (e.type == PL_ENV_DATA) {
      check_data(c, &e);
    } else if (e.type == PL_ENV_RESET && e.link) {
      note_over(c, e.link);
    }
  }
  if (r.bad) sim_wire_blame(c->wire, "client %d sends an envelope that is cut short", c->k->client->index);
}

void sim_wire_client_hears(sim_wire_conn *c, const uint8_t *message, size_t n) {
  pl_reader r = pl_reader_of(message, n);
  pl_envelope e;
  while (pl_envelope_next(&r, &e) > 0)
    if (e.type == PL_ENV_RESET && e.link) note_over(c, e.link);
}
