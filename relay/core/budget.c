/* See budget.h. */
#include "budget.h"

#include "accounts.h"
#include "conn.h"

enum { CALLS_PERCENT = 75, QUEUES_PERCENT = 90 };

static bool budget_above(const pl_relay *relay, unsigned percent) {
  return relay->queued_bytes > (uint64_t)pl_relay_setting_of(relay, PL_RELAY_SET_QUEUE_TOTAL_MAX) * percent / 100;
}

/* Returns the share of each of `holders`: at least one full output buffer. */
static uint64_t budget_share(const pl_relay *relay, uint64_t holders) {
  uint64_t all = (uint64_t)pl_relay_setting_of(relay, PL_RELAY_SET_QUEUE_TOTAL_MAX) * CALLS_PERCENT / 100;
  uint64_t share = all / (holders ? holders : 1);
  return share > PL_RELAY_OUT_LARGE ? share : PL_RELAY_OUT_LARGE;
}

bool pl_relay_budget_refuses(const pl_relay_conn *caller) {
  const pl_relay *relay = caller->relay;
  uint64_t holders = relay->accounts.holders, in_account = caller->account->conn_count;
  return budget_above(relay, CALLS_PERCENT) && caller->account->held > budget_share(relay, holders) &&
         caller->held > budget_share(relay, holders * in_account);
}

bool pl_relay_budget_is_full(const pl_relay *relay) {
  return budget_above(relay, QUEUES_PERCENT);
}

static pl_relay_account *budget_largest_account(const pl_relay *relay) {
  const pl_node *holding = &relay->accounts.holding;
  pl_relay_account *largest = NULL;
  for (pl_node *n = holding->next; n != holding; n = n->next) {
    pl_relay_account *a = PL_CONTAINER(n, pl_relay_account, holding);
    if (!largest || a->held > largest->held) largest = a;
  }
  return largest;
}

/* Returns the connection that holds most. A connection with link queues comes before any that has none. */
static pl_relay_conn *budget_largest_conn(const pl_relay_account *account) {
  pl_relay_conn *largest = NULL;
  for (const pl_node *n = account->conns.next; n != &account->conns; n = n->next) {
    pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_account);
    bool queues = !pl_list_empty(&conn->turns), others = largest && !pl_list_empty(&largest->turns);
    bool may_end =
        conn->state != PL_RELAY_CONN_ABORTED && conn->state != PL_RELAY_CONN_GONE && conn->state != PL_RELAY_CONN_BUS;
    if (!queues && (others || !may_end)) continue;
    if (!largest || queues != others || conn->held > largest->held) largest = conn;
  }
  return largest;
}

static pl_relay_half *budget_largest_queue(const pl_node *list, size_t node) {
  pl_relay_queue *largest = NULL;
  for (const pl_node *n = list->next; n != list; n = n->next) {
    pl_relay_queue *q = (pl_relay_queue *)(void *)((char *)(uintptr_t)n - node);
    if (!largest || q->memory > largest->memory) largest = q;
  }
  return largest ? largest->half : NULL;
}

/* Ends a connection that holds much outside of link queues. */
static void budget_end_holder(pl_relay_conn *conn) {
  pl_relay_conn_log(conn, PL_RELAY_LOG_INFO, "overflow", "its buffer");
  pl_relay_conn_abort(conn);
  pl_relay_out_deinit(conn);
}

pl_relay_half *pl_relay_budget_next_to_pay(pl_relay *relay) {
  while (pl_relay_budget_is_full(relay)) {
    const pl_relay_account *account = budget_largest_account(relay);
    pl_relay_conn *conn = account ? budget_largest_conn(account) : NULL;
    /* When the largest account has nothing to give up, the largest queue of any account is given up. */
    pl_relay_half *half = conn ? budget_largest_queue(&conn->turns, offsetof(pl_relay_queue, turn))
                               : budget_largest_queue(&relay->queues, offsetof(pl_relay_queue, all));
    if (half || !conn) return half;
    budget_end_holder(conn);
  }
  return NULL;
}
