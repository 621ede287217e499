/* See shares.h. */
#include "shares.h"

#include <string.h>

enum { FIRST_BUCKETS = 256, PERCENT = 100, CALLS_PERCENT = 75, QUEUES_PERCENT = 90 };

/* ---- accounts ---------------------------------------------------------------------------------------------------- */

int pl_relay_accounts_init(pl_relay *relay) {
  pl_relay_accounts *accounts = &relay->accounts;
  pl_list_init(&accounts->all);
  pl_list_init(&accounts->holding);
  accounts->buckets = pl_alloc(FIRST_BUCKETS * sizeof *accounts->buckets);
  accounts->bucket_count = FIRST_BUCKETS;
  return accounts->buckets ? 0 : PL_ENOMEM;
}

void pl_relay_accounts_deinit(pl_relay *relay) {
  pl_free(relay->accounts.buckets);
  relay->accounts.buckets = NULL;
}

static pl_relay_account **bucket_of(const pl_relay_accounts *accounts, uint64_t key) {
  return &accounts->buckets[key & (accounts->bucket_count - 1)];
}

/* Twice the buckets; without memory for them the chains just grow longer. */
static void grow(pl_relay_accounts *accounts) {
  pl_relay_account **wider = pl_alloc(2 * accounts->bucket_count * sizeof *wider);
  if (!wider) return;
  pl_free(accounts->buckets);
  accounts->buckets = wider;
  accounts->bucket_count *= 2;
  for (pl_node *n = accounts->all.next; n != &accounts->all; n = n->next) {
    pl_relay_account *account = PL_CONTAINER(n, pl_relay_account, all), **bucket = bucket_of(accounts, account->key);
    account->next = *bucket;
    *bucket = account;
  }
}

static pl_relay_account *get(pl_relay_accounts *accounts, uint64_t key) {
  for (pl_relay_account *a = *bucket_of(accounts, key); a; a = a->next)
    if (a->key == key) return a;
  pl_relay_account *account = pl_alloc(sizeof *account);
  if (!account) return NULL;
  account->key = key;
  pl_list_init(&account->conns);
  pl_list_init(&account->holding);
  pl_list_append(&accounts->all, &account->all);
  pl_relay_account **bucket = bucket_of(accounts, key);
  account->next = *bucket;
  *bucket = account;
  if (++accounts->count > accounts->bucket_count) grow(accounts);
  return account;
}

static void release(pl_relay_accounts *accounts, pl_relay_account *account) {
  if (account->conn_count) return;
  pl_relay_account **at = bucket_of(accounts, account->key);
  while (*at != account) at = &(*at)->next;
  *at = account->next;
  pl_list_remove(&account->all);
  accounts->count--;
  pl_free(account);
}

static void list_if(bool wanted, pl_node *list, pl_node *node) {
  pl_list_remove(node);
  if (wanted) pl_list_append(list, node);
}

/* Those that hold anything are listed, so that who holds most is found among these, however many others are idle. */
void pl_relay_hold(pl_relay_conn *conn, size_t add, size_t remove) {
  pl_relay_accounts *accounts = &conn->relay->accounts;
  pl_relay_account *account = conn->account;
  bool conn_held = conn->held, account_held = account->held;
  conn->held += add - remove;
  account->held += add - remove;
  conn->relay->queued_bytes += add - remove;
  if (conn_held != (conn->held > 0)) list_if(!conn_held, &account->conns, &conn->same_account);
  if (account_held == (account->held > 0)) return;
  list_if(!account_held, &accounts->holding, &account->holding);
  accounts->holders += account_held ? (uint64_t)-1 : 1;
}

static void move_held(pl_relay_conn *conn, pl_relay_account *to) {
  size_t held = conn->held;
  if (conn->account) pl_relay_hold(conn, 0, held);
  if (conn->account) conn->account->peer_entries -= conn->peers.count;
  conn->account = to;
  if (to) pl_relay_hold(conn, held, 0);
  if (to) to->peer_entries += conn->peers.count;
}

int pl_relay_account_enter(pl_relay_conn *conn, uint64_t key) {
  pl_relay_account *account = get(&conn->relay->accounts, key);
  if (!account) return PL_ENOMEM;
  account->conn_count++; /* before it leaves the other, which may be the same */
  pl_relay_account *before = conn->account;
  move_held(conn, account);
  if (before) {
    before->conn_count--;
    release(&conn->relay->accounts, before);
  }
  return 0;
}

void pl_relay_account_leave(pl_relay_conn *conn) {
  pl_relay_account *account = conn->account;
  if (!account) return;
  move_held(conn, NULL);
  account->conn_count--;
  release(&conn->relay->accounts, account);
}

uint64_t pl_relay_account_key(const pl_relay_conn *conn, const uint8_t id[32]) {
  if (!pl_relay_address_exempt(conn->relay, conn->address)) return pl_relay_address_key(conn->relay, conn->address);
  return id ? pl_relay_router_hash(conn->relay, id, 32)
            : pl_relay_router_hash(conn->relay, &conn->number, sizeof conn->number);
}

/* ---- the budget -------------------------------------------------------------------------------------------------- */

static bool above(const pl_relay *relay, unsigned percent) {
  return relay->queued_bytes > (uint64_t)pl_relay_setting_of(relay, PL_RELAY_SET_QUEUE_TOTAL_MAX) * percent / PERCENT;
}

/* What each of these holders may hold of the budget. One full output buffer is nobody's fault. */
static uint64_t share_of(const pl_relay *relay, uint64_t holders) {
  uint64_t all = (uint64_t)pl_relay_setting_of(relay, PL_RELAY_SET_QUEUE_TOTAL_MAX) * CALLS_PERCENT / PERCENT;
  uint64_t share = all / (holders ? holders : 1);
  return share > PL_RELAY_OUT_LARGE ? share : PL_RELAY_OUT_LARGE;
}

bool pl_relay_budget_takes_call(const pl_relay_conn *caller) {
  pl_relay *relay = caller->relay;
  if (!above(relay, CALLS_PERCENT)) return true;
  uint64_t holders = relay->accounts.holders, in_account = caller->account->conn_count;
  if (caller->account->held > share_of(relay, holders) && caller->held > share_of(relay, holders * in_account))
    return false;
  return pl_relay_budget_make_room(relay, NULL) && !above(relay, QUEUES_PERCENT);
}

static pl_relay_account *largest_account(const pl_relay *relay) {
  const pl_node *holding = &relay->accounts.holding;
  pl_relay_account *largest = NULL;
  for (pl_node *n = holding->next; n != holding; n = n->next) {
    pl_relay_account *a = PL_CONTAINER(n, pl_relay_account, holding);
    if (!largest || a->held > largest->held) largest = a;
  }
  return largest;
}

/* The one that holds most; one with queues goes before all without. */
static pl_relay_conn *largest_conn(const pl_relay_account *account) {
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

static pl_relay_half *largest_of(const pl_node *list, size_t node) {
  pl_relay_queue *largest = NULL;
  for (const pl_node *n = list->next; n != list; n = n->next) {
    pl_relay_queue *q = (pl_relay_queue *)(void *)((char *)(uintptr_t)n - node);
    if (!largest || q->memory > largest->memory) largest = q;
  }
  return largest ? PL_CONTAINER(largest, pl_relay_half, queue) : NULL;
}

/* The fullest connection of the fullest address. NULL: nothing of that address can be given up. */
static pl_relay_conn *next_to_pay(const pl_relay *relay) {
  const pl_relay_account *account = largest_account(relay);
  return account ? largest_conn(account) : NULL;
}

/* Its largest queue, or the largest of all if no connection pays first. */
static pl_relay_half *queue_of(const pl_relay *relay, const pl_relay_conn *conn) {
  return conn ? largest_of(&conn->turns, offsetof(pl_relay_queue, turn))
              : largest_of(&relay->queues, offsetof(pl_relay_queue, all));
}

/* What it holds only ends with itself. */
static void end_holder(pl_relay_conn *conn) {
  pl_relay_conn_log(conn, PL_RELAY_LOG_INFO, "overflow", "its buffer");
  pl_relay_conn_abort(conn);
  pl_relay_out_deinit(conn);
}

bool pl_relay_budget_make_room(pl_relay *relay, const pl_relay_half *half) {
  while (above(relay, QUEUES_PERCENT)) {
    pl_relay_conn *conn = next_to_pay(relay);
    pl_relay_half *queue = queue_of(relay, conn);
    if (queue && queue == half) return false;
    if (queue)
      pl_relay_link_overflow(queue);
    else if (conn)
      end_holder(conn);
    else
      return true; /* nothing is left to give up */
  }
  return true;
}

/* ---- connections by address -------------------------------------------------------------------------------------- */

/* Numbers without keys: an address is counted at one place of each row, and its number is at most the smaller one. So
 * memory is fixed, nothing is forgotten, and no lock is needed. */
enum { ROWS = 2, PLACES = 16384, OVER_SHARE_SPARE = 64 };

int pl_relay_crowd_init(pl_relay_crowd *crowd) {
  crowd->counts = pl_alloc(ROWS * PLACES * sizeof *crowd->counts);
  return crowd->counts ? 0 : PL_ENOMEM;
}

void pl_relay_crowd_deinit(pl_relay_crowd *crowd) {
  pl_free(crowd->counts);
  crowd->counts = NULL;
}

static _Atomic uint32_t *place_of(const pl_relay_crowd *crowd, uint64_t key, unsigned row) {
  return &crowd->counts[row * PLACES + (key >> (row * 32)) % PLACES];
}

bool pl_relay_crowd_enter(pl_relay_conn *conn) {
  pl_relay *relay = conn->relay;
  if (pl_relay_address_exempt(relay, conn->address)) return true;
  uint64_t most = (uint64_t)pl_relay_setting_of(relay, PL_RELAY_SET_SOCKETS_MAX) *
                  pl_relay_setting_of(relay, PL_RELAY_SET_ADDRESS_SHARE_PERCENT) / PERCENT;
  uint64_t others = UINT64_MAX;
  conn->crowd_key = pl_relay_address_key(relay, conn->address);
  for (unsigned row = 0; row < ROWS; row++) {
    uint64_t n = atomic_fetch_add(place_of(&relay->shared->crowd, conn->crowd_key, row), 1);
    if (n < others) others = n;
  }
  if (others >= (most ? most : 1)) conn->prologue->over_limit = true;
  if (others < most + OVER_SHARE_SPARE) return true;
  pl_relay_crowd_leave(conn);
  return false;
}

void pl_relay_crowd_leave(pl_relay_conn *conn) {
  if (!conn->crowd_key) return;
  for (unsigned row = 0; row < ROWS; row++)
    atomic_fetch_sub(place_of(&conn->relay->shared->crowd, conn->crowd_key, row), 1);
  conn->crowd_key = 0;
}
