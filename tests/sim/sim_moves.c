/* See sim_moves.h. The relay has no reason to say GOING_AWAY before it ends, so the world says it in the relay's place,
 * behind what the relay has written. Worlds with attackers and with small limits have enough of their own. */
#include "sim_moves.h"

#include <string.h>

#include "sim_greedy.h"
#include "sim_promises.h"

#define STREAM UINT64_C(530000004088) /* a stream in which no listed seed has such a relay */

enum { MOVES_PERCENT = 6, TOLD_PERCENT = 60, ALSO_AT_PERCENT = 30, DELAY_MOST_MS = 60000 };

void sim_moves_init(sim_world *w) {
  sim_random_init(&w->moves_random, w->seed + STREAM);
  w->moves = sim_chance(&w->moves_random, MOVES_PERCENT);
}

static bool is_online(const sim_client *c) {
  const sim_conn *k = c->conn;
  return c->engine && c->online && !c->stopped && k && k->client_state == SIM_CONN_OPEN && !k->down.silent &&
         c->asleep_until_us <= c->world->now_us;
}

static void tell(sim_client *c) {
  static const char other[] = "ws://other.example/pairlink";
  sim_world *w = c->world;
  uint8_t message[PL_CONST_ENVELOPE_HEADER_BYTES + 64];
  pl_wire_going_away g = {.delay_ms = (uint32_t)sim_log_between(&w->moves_random, 1, DELAY_MOST_MS)};
  if (sim_chance(&w->moves_random, ALSO_AT_PERCENT)) g.urls = (pl_view){(const uint8_t *)other, sizeof other - 1};
  int n = pl_wire_going_away_encode(&g, message + PL_CONST_ENVELOPE_HEADER_BYTES, 64);
  pl_envelope_put_header(message, PL_ENV_GOING_AWAY, 0, (size_t)n, 0);
  sim_trace(w, "client %d is told to move within %d ms", c->index, (int)g.delay_ms);
  pl_engine_event in = {.type = PL_ENGINE_IN_SOCKET_MESSAGE};
  in.socket_message.data = (pl_view){message, PL_CONST_ENVELOPE_HEADER_BYTES + (size_t)n};
  sim_client_step(c, &in);
}

bool sim_moves_fault(sim_world *w) {
  if (!w->moves || w->greedy || w->limits || !sim_chance(&w->moves_random, TOLD_PERCENT)) return false;
  sim_client *c = &w->clients[sim_below(&w->moves_random, (uint64_t)w->clients_count)];
  if (!is_online(c)) return false;
  tell(c);
  return true;
}
