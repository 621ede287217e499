/* See sim_inside.h: what the relay holds for a client, compared with the client. */
#include <string.h>

#include "client/core/engine/engine_session.h"
#include "client/core/engine/engine_state.h"
#include "client/core/session/session_state.h"
#include "relay/core/nameplates.h"
#include "relay/core/peers.h"
#include "relay/core/router.h"
#include "sim_inside_walk.h"
#include "sim_js.h"
#include "sim_promises.h"

/* ---- the window of a link ---------------------------------------------------------------------------------------- */

/* What a session has in flight may all wait in the relay, and must fit the window there, which does not count headers.
 */
static void check_flight(const sim_walk *x, const pl_session *s) {
  for (const pl_node *n = s->links.next; n != &s->links; n = n->next) {
    const pl_session_link *l = PL_CONTAINER(n, pl_session_link, node);
    sim_must(x, l->in_flight <= l->window || sim_credit_in_flight(l, PL_CONST_ENVELOPE_HEADER_BYTES) <= l->window,
             "a session has more in flight than the window of its link");
  }
}

/* ---- numbers of codes -------------------------------------------------------------------------------------------- */

static bool has_code(const pl_engine *e, uint32_t number) {
  for (size_t i = 0; i < PL_ENGINE_CODES_MAX; i++)
    if (e->codes[i].handle && !e->codes[i].claimer && e->codes[i].code.number == number) return true;
  return false;
}

static sim_inside_code *noted(sim_inside *inside, uint32_t number) {
  for (size_t i = 0; i < SIM_INSIDE_CODES; i++)
    if (inside->codes[i].number == number) return &inside->codes[i];
  return NULL;
}

/* Returns true when all that the client has to say has come. A line that was cut loses what was on its way. */
static bool has_arrived(const sim_client *c) {
  const sim_pipe *up = &c->conn->up;
  return !up->first && !up->blocked && !up->silent && !pl_engine_has_output(c->engine);
}

/* A client that had a code while it was on this connection says so when the code is over. So its number is free as soon
 * as all that the client has to say has come. A client that was not logged in then, or found no memory to say it,
 * leaves the number to expire. */
static void check_number(const sim_walk *x, const sim_client *c, const pl_relay_nameplate *n) {
  sim_inside *inside = &x->v->inside;
  uint64_t conn = c->conn->relay_conn->number;
  sim_inside_code *code = noted(inside, n->number);
  if (has_code(c->engine, n->number) && c->online) {
    if (!code) code = &inside->codes[inside->code_count++ % SIM_INSIDE_CODES];
    *code = (sim_inside_code){n->number, conn, n->expires_ms};
  } else if (code && code->conn == conn && code->expires_ms == n->expires_ms && has_arrived(c) && !x->stands) {
    sim_must(x, n->expires_ms <= x->now_ms, "a code is over, and its number is not free");
  }
}

static void check_numbers(const sim_walk *x, const sim_client *c) {
  const pl_relay_presence *p = c->conn->relay_conn->presence;
  for (const pl_node *at = p->nameplates.next; at != &p->nameplates; at = at->next) {
    const pl_relay_nameplate *n = PL_CONTAINER(at, pl_relay_nameplate, same_owner);
    if (memcmp(n->instance, c->config.instance, 8) == 0) check_number(x, c, n);
  }
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

/* The relay has the lists that the client has told it of, when all that the client has to say has come. Entries for
 * which there is no room are ignored, so a list that is full is not compared. */
static void check_lists(const sim_walk *x, const sim_client *c) {
  const pl_relay *relay = x->v->core;
  const pl_relay_conn *conn = c->conn->relay_conn;
  if (!c->online || !has_arrived(c) || pl_relay_peers_is_full(relay, &conn->peers)) return;
  uint32_t listed = 0;
  for (const pl_node *n = c->engine->peers.next; n != &c->engine->peers; n = n->next) {
    const pl_engine_peer *p = PL_CONTAINER(n, const pl_engine_peer, node);
    bool allowed = false, blocked = false;
    pl_relay_peers_ask(&conn->peers, pl_relay_peers_entry(relay, p->id), &allowed, &blocked);
    bool allows = p->decision == PL_ENGINE_ALLOWED, blocks = p->decision == PL_ENGINE_BLOCKED;
    sim_must(x, allowed == allows && blocked == blocks, "a client lets in others than the relay was told");
    listed += allows || blocks;
  }
  sim_must(x, listed == conn->peers.count, "the relay has entries of a list that the client does not have");
}

/* ---- clients ----------------------------------------------------------------------------------------------------- */

void sim_walk_clients(sim_walk *x) {
  sim_world *w = x->v->relay->world;
  for (int i = 0; i < w->clients_count; i++) {
    sim_client *c = &w->clients[i];
    const sim_conn *k = c->conn;
    if (!c->engine || sim_js_is(c->engine) || !k || !k->relay_conn || k->worker != x->v) continue;
    for (size_t s = 0; s < SIM_SESSIONS; s++) {
      const pl_engine_session *session =
          c->sessions[s].used ? pl_engine_session_by_number(c->engine, c->sessions[s].number) : NULL;
      if (session) check_flight(x, session->core);
    }
    if (!k->relay_conn->presence || w->starving || w->forgetful) continue;
    check_numbers(x, c);
    if (!w->limits) check_lists(x, c);
  }
}
