/* See sim_inside.h: the budget of bytes that wait, and what the relay says in its log while it acts. */
#include <string.h>

#include "relay/core/accounts.h"
#include "relay/core/slots.h"
#include "sim_inside_walk.h"

enum { FULL_PERCENT = 90, CHUNK_MAX = 16384 };

static uint64_t full_from(const pl_relay *relay) {
  return (uint64_t)relay->config.settings[PL_RELAY_SET_QUEUE_TOTAL_MAX] * FULL_PERCENT / 100;
}

static bool is_full(const pl_relay *relay) {
  return relay->queued_bytes > full_from(relay);
}

/* Whoever queues data makes room first, so all queues together fit the budget. Only a RESET is queued without that. */
void sim_walk_budget(const sim_walk *x) {
  sim_must(x, x->queued <= full_from(x->relay) + x->ended * (CHUNK_MAX + sizeof(pl_relay_chunk)),
           "the queues hold more than the budget, and nobody pays");
}

/* ---- who pays ---------------------------------------------------------------------------------------------------- */

/* Returns true when the link's own window, its socket's limit, or a socket that takes nothing may be the cause. */
static bool may_exceed_its_own(const sim_walk *x, const pl_relay_conn *conn) {
  const uint32_t *set = conn->relay->config.settings;
  if (conn->stuck_ms && x->now_ms - conn->stuck_ms >= set[PL_RELAY_SET_STALL_TIMEOUT_MS]) return true;
  bool may = conn->queued + PL_RELAY_ENVELOPE_MAX > set[PL_RELAY_SET_SOCKET_QUEUE_MAX];
  for (const pl_node *n = conn->turns.next; n != &conn->turns; n = n->next)
    may |= PL_CONTAINER(n, pl_relay_queue, turn)->cost + PL_RELAY_ENVELOPE_MAX > set[PL_RELAY_SET_LINK_WINDOW];
  return may;
}

/* Returns true when this connection has something to give up: a queue, or all that it holds. */
static bool can_pay(const pl_relay_conn *conn) {
  return !pl_list_empty(&conn->turns) || (conn->state != PL_RELAY_CONN_ABORTED && conn->state != PL_RELAY_CONN_GONE &&
                                          conn->state != PL_RELAY_CONN_BUS);
}

static bool any_can_pay(const pl_relay_account *account) {
  for (const pl_node *n = account->conns.next; n != &account->conns; n = n->next)
    if (can_pay(PL_CONTAINER(n, pl_relay_conn, same_account))) return true;
  return false;
}

static void check_payer(const sim_walk *x, const pl_relay_conn *payer, bool has_queue) {
  const pl_relay_accounts *accounts = &x->relay->accounts;
  for (const pl_node *n = accounts->holding.next; n != &accounts->holding; n = n->next) {
    const pl_relay_account *other = PL_CONTAINER(n, pl_relay_account, holding);
    if (other->held <= payer->account->held) continue;
    sim_must(x, !any_can_pay(other), "another address holds more");
    return; /* where the fullest address has nothing to give up, the largest queue of all is given up */
  }
  for (const pl_node *n = payer->account->conns.next; n != &payer->account->conns; n = n->next) {
    const pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_account);
    bool queues = !pl_list_empty(&conn->turns);
    sim_must(x, !queues || has_queue, "a socket without a queue pays before one that has some");
    sim_must(x, queues != has_queue || !can_pay(conn) || conn->held <= payer->held,
             "another socket of the address holds more");
  }
}

/* Notes which queue of a socket must be given up: its largest. Nothing is noted when two are as large. */
static void note_payer(sim_inside *inside, const pl_relay_conn *conn) {
  const pl_relay_queue *largest = NULL;
  bool same = false;
  for (const pl_node *n = conn->turns.next; n != &conn->turns; n = n->next) {
    const pl_relay_queue *q = PL_CONTAINER(n, pl_relay_queue, turn);
    same = largest && (q->memory == largest->memory || (same && q->memory < largest->memory));
    if (!largest || q->memory > largest->memory) largest = q;
  }
  if (!largest || same || sim_on_bus(conn) || inside->payer_count == SIM_INSIDE_PAYERS) return;
  uint32_t number = largest->half->number;
  inside->payers[inside->payer_count++] = (sim_inside_offer){conn->number, number};
}

void sim_inside_paid(sim_worker *v) {
  if (v->inside.payer_count == 0) return;
  const sim_world *w = v->relay->world;
  sim_walk x = {.v = v, .relay = v->core};
  for (size_t i = 0; i < v->inside.payer_count; i++)
    for (size_t c = 0; c < w->conns_used; c++) {
      const sim_conn *k = &w->conns[c];
      if (!k->relay_conn || k->worker != v || k->relay_conn->number != v->inside.payers[i].callee) continue;
      sim_must(&x, !pl_relay_slots_find(k->relay_conn, v->inside.payers[i].number),
               "another queue of the socket holds more");
    }
  v->inside.payer_count = 0;
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

void sim_inside_log(sim_worker *v, const pl_relay_conn *conn, const char *event, const char *detail) {
  if (!conn) return;
  sim_walk x = {.v = v, .relay = conn->relay, .now_ms = sim_now_ms(v->relay->world)};
  if (strcmp(event, "dead") == 0) {
    uint64_t silent_ms = x.now_ms - conn->heard_ms, lag_ms = sim_set(&x, PL_RELAY_SET_PING_INTERVAL_MS) / 64;
    sim_must(&x, silent_ms + lag_ms >= sim_set(&x, PL_RELAY_SET_DEAD_AFTER_MS), "a socket is dead too early");
  } else if (strcmp(event, "stalled") == 0) {
    const sim_conn *k = conn->shell;
    sim_must(&x, x.now_ms - k->took_us / 1000 >= sim_set(&x, PL_RELAY_SET_STALL_TIMEOUT_MS),
             "a socket that takes bytes counts as stalled");
  } else if (strcmp(event, "overflow") == 0) {
    sim_inside_paid(v); /* of the one before */
  }
  if (strcmp(event, "overflow") == 0 && is_full(conn->relay) && (detail || !may_exceed_its_own(&x, conn))) {
    check_payer(&x, conn, !detail);
    if (!detail) note_payer(&v->inside, conn);
  }
}
