/* The link numbers of a connection: which link has which slot now. */
#include "sim_wire_state.h"

sim_wire_link *sim_wire_link_of(sim_wire_end *end) {
  return PL_CONTAINER(end - end->side, sim_wire_link, end);
}

sim_wire_end *sim_wire_other(sim_wire_end *end) {
  return end->side == SIM_WIRE_CALLER ? end + 1 : end - 1;
}

static bool same_slot(uint32_t a, uint32_t b) {
  return (a & 0x8000ffffu) == (b & 0x8000ffffu);
}

sim_wire_end *sim_wire_find_slot(sim_wire_conn *c, uint32_t number) {
  sim_wire_end *end = c->ends[number % SIM_WIRE_ENDS];
  while (end && !same_slot(end->number, number)) end = end->next;
  return end;
}

/* Takes an end out of the list of its connection. */
static void take_out(sim_wire_end *end) {
  sim_wire_conn *c = end->conn;
  sim_wire_end **at = end->replaced ? &c->replaced : &c->ends[end->number % SIM_WIRE_ENDS];
  while (*at != end) at = &(*at)->next;
  *at = end->next;
}

void sim_wire_detach(sim_wire_end *end) {
  take_out(end);
  end->conn = NULL;
  sim_wire_journal_free(&end->to);
  sim_wire_call_free(sim_wire_link_of(end));
}

/* Returns true while the other side has not heard of the link's end, or may still be offered it. */
static bool is_unheard(sim_wire_end *end) {
  return sim_wire_end_is_open(sim_wire_other(end)) || sim_wire_link_of(end)->listed;
}

/* The slot's last link has ended for this side. It is kept while the other side has not heard of that, because the
 * relay may turn out to have ended the socket before it read how the client ended the link. */
static void replace(sim_wire_end *before) {
  sim_wire_conn *c = before->conn;
  for (sim_wire_end *end = c->replaced, *next; end; end = next) {
    next = end->next;
    if (!is_unheard(end)) sim_wire_detach(end);
  }
  if (!is_unheard(before)) {
    sim_wire_detach(before);
    return;
  }
  take_out(before);
  sim_wire_journal_clear(&before->to);
  before->replaced = true;
  before->next = c->replaced;
  c->replaced = before;
}

void sim_wire_attach(sim_wire_conn *c, sim_wire_link *link, int side, uint32_t number) {
  sim_wire_end *end = &link->end[side], *before = sim_wire_find_slot(c, number);
  if (before) replace(before);
  end->conn = c;
  end->number = number;
  end->was_there = true;
  end->worker = c->worker;
  end->next = c->ends[number % SIM_WIRE_ENDS];
  c->ends[number % SIM_WIRE_ENDS] = end;
  link->hostile |= c->k->hostile_peer;
}

bool sim_wire_end_is_open(const sim_wire_end *end) {
  return end->conn && !end->conn->ended && !end->reset_arrived && !end->reset_written;
}
