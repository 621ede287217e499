/* See accounts.h. */
#include "accounts.h"

#include "keys.h"

enum { FIRST_BUCKETS = 256 };

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

static pl_relay_account **account_bucket(const pl_relay_accounts *accounts, uint64_t key) {
  return &accounts->buckets[key & (accounts->bucket_count - 1)];
}

/* Doubles the buckets. Without memory for that the chains just grow longer. */
static void accounts_grow(pl_relay_accounts *accounts) {
  pl_relay_account **wider = pl_alloc(2 * accounts->bucket_count * sizeof *wider);
  if (!wider) return;
  pl_free(accounts->buckets);
  accounts->buckets = wider;
  accounts->bucket_count *= 2;
  for (pl_node *n = accounts->all.next; n != &accounts->all; n = n->next) {
    pl_relay_account *account = PL_CONTAINER(n, pl_relay_account, all),
                     **bucket = account_bucket(accounts, account->key);
    account->next = *bucket;
    *bucket = account;
  }
}

static pl_relay_account *account_get(pl_relay_accounts *accounts, uint64_t key) {
  for (pl_relay_account *a = *account_bucket(accounts, key); a; a = a->next)
    if (a->key == key) return a;
  pl_relay_account *account = pl_alloc(sizeof *account);
  if (!account) return NULL;
  account->key = key;
  pl_list_init(&account->conns);
  pl_list_init(&account->holding);
  pl_list_append(&accounts->all, &account->all);
  pl_relay_account **bucket = account_bucket(accounts, key);
  account->next = *bucket;
  *bucket = account;
  if (++accounts->count > accounts->bucket_count) accounts_grow(accounts);
  return account;
}

static void account_release(pl_relay_accounts *accounts, pl_relay_account *account) {
  if (account->conn_count) return;
  pl_relay_account **at = account_bucket(accounts, account->key);
  while (*at != account) at = &(*at)->next;
  *at = account->next;
  pl_list_remove(&account->all);
  accounts->count--;
  pl_free(account);
}

static void account_list_if(bool wanted, pl_node *list, pl_node *node) {
  pl_list_remove(node);
  if (wanted) pl_list_append(list, node);
}

/* Keeps lists of the accounts and connections that hold anything, so that budget.c looks for the largest only among
 * these. */
void pl_relay_hold(pl_relay_conn *conn, size_t add, size_t remove) {
  pl_relay_accounts *accounts = &conn->relay->accounts;
  pl_relay_account *account = conn->account;
  bool conn_held = conn->held, account_held = account->held;
  conn->held += add - remove;
  account->held += add - remove;
  conn->relay->queued_bytes += add - remove;
  if (conn_held != (conn->held > 0)) account_list_if(!conn_held, &account->conns, &conn->same_account);
  if (account_held == (account->held > 0)) return;
  account_list_if(!account_held, &accounts->holding, &account->holding);
  accounts->holders += account_held ? (uint64_t)-1 : 1;
}

static void account_move_held(pl_relay_conn *conn, pl_relay_account *to) {
  size_t held = conn->held;
  if (conn->account) pl_relay_hold(conn, 0, held);
  if (conn->account) conn->account->peer_entries -= conn->peers.count;
  conn->account = to;
  if (to) pl_relay_hold(conn, held, 0);
  if (to) to->peer_entries += conn->peers.count;
}

int pl_relay_account_enter(pl_relay_conn *conn, uint64_t key) {
  pl_relay_account *account = account_get(&conn->relay->accounts, key);
  if (!account) return PL_ENOMEM;
  account->conn_count++; /* counted before it leaves the old account, which may be the same one and must not be freed */
  pl_relay_account *before = conn->account;
  account_move_held(conn, account);
  if (before) {
    before->conn_count--;
    account_release(&conn->relay->accounts, before);
  }
  return 0;
}

void pl_relay_account_leave(pl_relay_conn *conn) {
  pl_relay_account *account = conn->account;
  if (!account) return;
  account_move_held(conn, NULL);
  account->conn_count--;
  account_release(&conn->relay->accounts, account);
}

uint64_t pl_relay_account_key(const pl_relay_conn *conn, const uint8_t id[32]) {
  if (!pl_relay_address_exempt(conn->relay, conn->address)) return pl_relay_address_key(conn->relay, conn->address);
  return id ? pl_relay_hash(conn->relay, id, 32) : pl_relay_hash(conn->relay, &conn->number, sizeof conn->number);
}
