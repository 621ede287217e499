/* See sim_inside.h. This file has the turns, the connections, the accounts and the timers. A turn that changed the
 * number of anything is followed by a walk through all that the worker holds; so is one turn in a few of the others. */
#include "sim_inside.h"

#include <string.h>

#include "relay/core/accounts.h"
#include "relay/core/bus.h"
#include "relay/core/keys.h"
#include "relay/core/queue.h"
#include "relay/core/rates.h"
#include "relay/core/router.h"
#include "sim_inside_walk.h"
#include "sim_limits.h"

enum { WALK_EVERY = 16, DEEP_EVERY = 64, CROWD_PLACES = 16384, MINUTE_US = 60000000 };

void sim_inside_fail(const sim_walk *x, const char *what) {
  sim_fail(x->v->relay->world, "inside the relay's worker %u: %s", x->v->number, what);
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

#define SHAPE_FACTOR UINT64_C(0x9e3779b97f4a7c15)
#define IN(state) (1u << PL_RELAY_CONN_##state)

/* The lists of a relay: which states are in them, and how long a connection may stay. */
static const struct list_rule {
  size_t list;
  unsigned states;
  int setting; /* -1: no limit of time */
} list_rules[] = {
    {offsetof(pl_relay, connecting), IN(HTTP) | IN(LOGIN) | IN(STORING), PL_RELAY_SET_LOGIN_TIMEOUT_MS},
    {offsetof(pl_relay, answering), IN(ANSWER), PL_RELAY_SET_HTTP_TIMEOUT_MS},
    {offsetof(pl_relay, quiet), IN(READY), PL_RELAY_SET_PING_INTERVAL_MS},
    {offsetof(pl_relay, pinged), IN(READY), PL_RELAY_SET_DEAD_AFTER_MS},
    {offsetof(pl_relay, closing), IN(CLOSING) | IN(FINISHING), PL_RELAY_SET_CLOSE_TIMEOUT_MS},
    {offsetof(pl_relay, aborted), IN(GONE), -1},
};

static const pl_node *list_of(const pl_relay *relay, const struct list_rule *rule) {
  return (const pl_node *)(const void *)((const char *)relay + rule->list);
}

static bool has_job(const sim_walk *x, const pl_relay_conn *conn) {
  for (size_t i = 0; i < SIM_JOBS; i++) {
    const sim_job *job = &x->v->relay->jobs[i];
    if (job->used && job->conn == conn) return job->worker == x->v;
  }
  return false;
}

/* Whatever can be written was written in this turn, and what is left waits for a socket that is full. */
static void walk_output(const sim_walk *x, const pl_relay_conn *conn, bool full) {
  bool waits = pl_relay_out_size(&conn->out) || pl_relay_out_body(conn).size;
  sim_must(x, waits || (conn->control.size == 0 && pl_list_empty(&conn->turns)), "something waits behind nothing");
  sim_must(x, !waits || full, "output waits though its socket is free");
  sim_must(x, !conn->out.memory == (pl_relay_out_size(&conn->out) == 0), "an output buffer is kept though it is empty");
  sim_must(x, !conn->blocked || waits, "a socket counts as full though nothing waits for it");
  sim_must(x, !conn->stuck_ms || waits, "a socket counts as stuck though nothing waits for it");
  sim_must(x, conn->stuck_ms <= x->now_ms, "a socket is stuck from a later time on");
}

/* A socket that takes nothing is found at the next ping or read after STALL_TIMEOUT_MS, or is dead by then. */
static void walk_stalled(const sim_walk *x, const sim_conn *k) {
  uint64_t longest_ms = sim_set(x, PL_RELAY_SET_STALL_TIMEOUT_MS) + sim_set(x, PL_RELAY_SET_PING_INTERVAL_MS) +
                        sim_set(x, PL_RELAY_SET_DEAD_AFTER_MS);
  sim_must(x, x->stands || !k->down.blocked || x->now_ms <= k->took_us / 1000 + longest_ms,
           "a socket takes nothing, and is kept");
}

/* A connection that logged in. */
static void walk_ready(const sim_walk *x, const pl_relay_conn *conn, bool pinged) {
  uint64_t lag = sim_set(x, PL_RELAY_SET_PING_INTERVAL_MS) / 64;
  uint64_t asked_ms = conn->listed_ms + sim_set(x, PL_RELAY_SET_PING_INTERVAL_MS);
  sim_must(x, !pinged || asked_ms <= x->now_ms, "a ping starts the time of silence again");
  sim_must(x, conn->presence && sim_listed(&conn->same_id), "a socket that logged in has no ID");
  sim_must(x, !conn->prologue, "what only a login needs is kept");
  sim_must(x, conn->pinged == pinged, "a ping is noted for a socket that has none, or the other way round");
  sim_must(x, conn->heard_ms <= conn->listed_ms + lag, "the time of silence does not start again with what comes");
  sim_must(x, conn->part.size == 0 || conn->in_message, "half an envelope is kept though its message is over");
  sim_must(x, !conn->close_sent, "a socket in use has been told that it is closed");
}

static void walk_left(const sim_walk *x, const pl_relay_conn *conn) {
  bool login =
      IN(HTTP) & 1u << conn->state || conn->state == PL_RELAY_CONN_LOGIN || conn->state == PL_RELAY_CONN_STORING;
  sim_must(x, !conn->presence && !sim_listed(&conn->same_id), "a socket has an ID without a login, or keeps it");
  sim_must(x, !login || conn->prologue, "a login has lost what it needs");
  sim_must(x, !conn->slots[0].at && !conn->slots[1].at, "a socket has links without a login, or keeps them");
  sim_must(x, !conn->peers.keys && !conn->untold_to, "a socket has a list of peers without a login, or keeps it");
  sim_must(x, (conn->state != PL_RELAY_CONN_STORING && conn->state != PL_RELAY_CONN_GONE) || conn->lookup_pending,
           "a login waits for an answer that the store will not give");
}

static void walk_held(sim_walk *x, const pl_relay_conn *conn, const sim_walk_links *links) {
  uint64_t held = (conn->out.memory ? conn->out.capacity : 0) + links->queued + links->handshakes;
  sim_must(x, conn->queued == links->queued, "a socket's queued bytes are not those of its links");
  sim_must(x, sim_length(&conn->turns) == links->queues, "a queue has no turn, or one too many");
  sim_must(x, conn->held == held, "a socket does not hold what is counted for it");
  sim_must(x, sim_listed(&conn->same_account) == (held > 0), "its account does not list a socket that holds something");
  sim_must(x, conn->account, "a connection has no account");
  x->held += held;
  x->queued += links->queued;
  x->queues += links->queues;
}

/* Of two addresses at one place the counts add up, so other connections at the place are counted as well. */
static void walk_crowd(const sim_walk *x, const pl_relay_conn *conn) {
  const sim_world *w = x->v->relay->world;
  const pl_relay_crowd *crowd = &x->relay->shared->crowd;
  bool counted = conn->state != PL_RELAY_CONN_GONE && !pl_relay_address_exempt(x->relay, conn->address);
  if (x->relay->config.trusted_count == 0)
    sim_must(x, (conn->crowd_key != 0) == counted, "a connection is not counted for its address, or still is");
  if (!conn->crowd_key || !x->deep) return;
  for (unsigned row = 0; row < 2; row++) {
    uint64_t place = (conn->crowd_key >> (row * 32)) % CROWD_PLACES, there = 0;
    for (size_t i = 0; i < w->conns_used; i++) {
      const pl_relay_conn *other = w->conns[i].client_state == SIM_CONN_FREE ? NULL : w->conns[i].relay_conn;
      there += other && other->crowd_key && (other->crowd_key >> (row * 32)) % CROWD_PLACES == place;
    }
    sim_must(x, PL_RELAY_LOAD(crowd->counts[row * CROWD_PLACES + place]) == there,
             "an address has not as many connections as are counted for it");
  }
}

/* What a client takes of its rates is never more than all of them at once. */
static void walk_rates(const sim_walk *x, const pl_relay_conn *conn) {
  uint64_t now_us = x->now_ms * 1000, opens = sim_set(x, PL_RELAY_SET_OPENS_PER_MINUTE),
           changes = sim_set(x, PL_RELAY_SET_CHANGES_PER_MINUTE), first = sim_set(x, PL_RELAY_SET_PEERS_PER_SOCKET);
  sim_must(x, conn->opens_us <= now_us + sim_set(x, PL_RELAY_SET_OPEN_BURST) * (MINUTE_US / opens),
           "a socket has made more calls than it may");
  sim_must(x, conn->changes_us <= now_us + (changes + first) * (MINUTE_US / changes),
           "a socket has made more changes than it may");
}

/* A login moves the connection to the account of its ID when it comes from this machine. */
static void walk_key(const sim_walk *x, const pl_relay_conn *conn, bool ready) {
  bool login = conn->state == PL_RELAY_CONN_LOGIN || conn->state == PL_RELAY_CONN_STORING;
  if (!x->deep || !(ready || login)) return;
  uint64_t key = pl_relay_account_key(conn, ready ? conn->presence->id : NULL);
  sim_must(x, conn->account->key == key, "a connection is in the account of somebody else");
}

/* A connection that came in this turn was charged to its address. */
static void walk_new(const sim_walk *x, const pl_relay_conn *conn) {
  const pl_relay_rate *rate = &x->relay->shared->connects;
  bool is_new = conn->state == PL_RELAY_CONN_HTTP && conn->listed_ms == x->now_ms;
  if (!is_new || !conn->crowd_key) return;
  sim_must(x, pl_relay_rate_key_left(rate, conn->crowd_key, x->now_ms) < rate->burst,
           "a connection does not count for its address");
}

static void walk_conn(sim_walk *x, pl_relay_conn *conn, const struct list_rule *rule) {
  const sim_conn *k = conn->shell;
  bool gone = conn->state == PL_RELAY_CONN_GONE, ready = conn->state == PL_RELAY_CONN_READY;
  sim_must(x, conn->relay == x->relay && rule->states & 1u << conn->state,
           "a connection is in the list of another state");
  sim_must(x, !conn->is_dirty && !sim_listed(&conn->dirty),
           "a turn is over and a connection still has something to tell");
  sim_must(x, !conn->lookup_pending || has_job(x, conn), "a lookup is pending that the store does not know");
  sim_must(x, gone || (k->relay_conn == conn && k->worker == x->v), "the shell does not have this connection");
  sim_walk_links links = sim_walk_conn_links(x, conn);
  walk_held(x, conn, &links);
  walk_crowd(x, conn);
  if (!gone) walk_output(x, conn, k->down.blocked);
  if (ready) walk_stalled(x, k);
  if (ready)
    walk_ready(x, conn, rule->setting == PL_RELAY_SET_DEAD_AFTER_MS);
  else
    walk_left(x, conn);
  walk_key(x, conn, ready);
  walk_new(x, conn);
  walk_rates(x, conn);
  sim_walk_list(x, &conn->peers);
  x->account_entries += conn->peers.count;
  x->untold += conn->untold_to != 0;
  x->untold_bits += (uint64_t)__builtin_popcountll(conn->untold_to);
  x->pending += conn->lookup_pending;
  x->conns++;
  x->sockets += !gone;
  x->ready += ready;
}

static void walk_conns(sim_walk *x, const struct list_rule *rule) {
  const pl_node *list = list_of(x->relay, rule);
  uint64_t last_ms = 0;
  for (const pl_node *n = list->next; n != list; n = n->next) {
    pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, timed);
    walk_conn(x, conn, rule);
    if (rule->setting < 0) continue;
    uint64_t due_ms = conn->listed_ms + x->relay->config.settings[rule->setting];
    sim_must(x, last_ms <= conn->listed_ms && conn->listed_ms <= x->now_ms, "a list is not in the order of time");
    last_ms = conn->listed_ms;
    if (due_ms < x->due_ms) x->due_ms = due_ms;
  }
}

/* Another worker is one more connection: it has an account and link queues, and nothing of a login. */
static void walk_node(sim_walk *x, unsigned number) {
  pl_relay_bus_node *node = &x->relay->nodes[number];
  pl_relay_conn *conn = &node->conn;
  sim_relay *r = x->v->relay;
  sim_walk_links links = sim_walk_conn_links(x, conn);
  walk_held(x, conn, &links);
  sim_must(x, !conn->lost || x->forgets, "a worker that must be told everything again was told nothing");
  sim_must(x, conn->state == PL_RELAY_CONN_BUS && !sim_listed(&conn->timed), "another worker is in a list of sockets");
  walk_output(x, conn, r->bus[x->v->number][number].blocked);
  if (node->missed && node->ask_ms < x->due_ms) x->due_ms = node->ask_ms;
  x->untold_bits -= node->untold;
  x->conns++;
}

/* ---- accounts ---------------------------------------------------------------------------------------------------- */

static uint64_t walk_account(sim_walk *x, const pl_relay_account *account) {
  uint64_t held = 0;
  for (const pl_node *n = account->conns.next; n != &account->conns; n = n->next) {
    const pl_relay_conn *conn = PL_CONTAINER(n, pl_relay_conn, same_account);
    sim_must(x, conn->account == account, "an account lists a connection of another one");
    held += conn->held;
  }
  sim_must(x, account->held == held, "an account does not hold what its connections hold");
  sim_must(x, sim_listed(&account->holding) == (held > 0),
           "an account that holds something is not listed, or still is");
  sim_must(x, account->conn_count, "an account is kept that has no connection");
  x->members += account->conn_count;
  x->account_entries -= account->peer_entries;
  return held;
}

static void walk_accounts(sim_walk *x) {
  const pl_relay_accounts *accounts = &x->relay->accounts;
  uint64_t held = 0, count = 0;
  for (const pl_node *n = accounts->all.next; n != &accounts->all; n = n->next) {
    held += walk_account(x, PL_CONTAINER(n, pl_relay_account, all));
    count++;
  }
  sim_must(x, count == accounts->count, "the accounts are not as many as are counted");
  sim_must(x, accounts->holders == sim_length(&accounts->holding), "the holders are not as many as are counted");
  sim_must(x, x->members == x->conns, "the connections of all accounts are not as many as are counted");
  sim_must(x, x->account_entries == 0, "the lists of an account are not as long as is counted");
  sim_must(x, held == x->held && held == x->relay->queued_bytes, "the bytes that wait are not as many as are counted");
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

static void walk_sums(const sim_walk *x) {
  const pl_relay *relay = x->relay;
  sim_must(x, relay->stats.sockets == x->sockets, "the sockets are not as many as are counted");
  sim_must(x, relay->stats.ready == x->ready, "the logins are not as many as are counted");
  sim_must(x, relay->stats.links == x->links, "the links are not as many as are counted");
  sim_must(x, sim_length(&relay->opens) == x->timed, "a call has no deadline, or a link that is no call has one");
  sim_must(x, sim_length(&relay->queues) == x->queues, "a queue is not in the list of all queues, or still is");
  sim_must(x, relay->peer_entries == x->entries, "the entries of lists are not as many as are counted");
  sim_must(x, sim_length(&relay->untold) == x->untold, "a list that must still be told is not noted, or still is");
  sim_must(x, x->untold_bits == 0, "the lists that a worker must be told are not as many as are counted");
  sim_must(x, x->targets == 0, "the calls to an ID are not as many as are counted");
  sim_must(x, x->knocks == 0 && x->claims == 0, "the knocks or claims at an ID are not as many as are counted");
  sim_must(x, x->waiting == 0, "a call waits that is in no list, or one that does not wait is in it");
}

/* The relay asks to be called for the earliest of all that has a time limit, and nothing is overdue. */
static void walk_deadline(const sim_walk *x) {
  uint64_t asked_ms = pl_relay_deadline(x->relay);
  sim_must(x, asked_ms == x->due_ms || x->relay->judge_ms, "the relay does not ask for the earliest of its timers");
  sim_must(x, asked_ms >= x->now_ms || x->stands, "something is overdue");
  sim_must(x, !x->relay->judge_ms || x->poor, "the relay takes a late turn for a standstill");
  sim_must(x, x->relay->draining == (x->v->relay->ends_us != SIM_NEVER), "the relay does not know that it drains");
  if (x->relay->draining)
    sim_must(x, x->ready == 0 && pl_list_empty(&x->relay->connecting), "a relay that drains keeps a connection");
}

static void walk_shared(const sim_walk *x) {
  const sim_relay *r = x->v->relay;
  uint64_t sockets = 0, pending = 0;
  for (unsigned i = 0; i < r->worker_count; i++) sockets += r->workers[i].core->stats.sockets;
  for (size_t i = 0; x->deep && i < SIM_JOBS; i++) pending += r->jobs[i].used && r->jobs[i].worker == x->v;
  sim_must(x, !x->deep || pending == x->pending, "the store looks up more than is pending");
  sim_must(x, PL_RELAY_LOAD(x->relay->shared->sockets) == sockets, "all sockets are not as many as are counted");
}

static void walk(sim_worker *v, bool deep) {
  const sim_world *w = v->relay->world;
  sim_walk_offer offers[SIM_INSIDE_OFFERS];
  sim_walk x = {.v = v, .relay = v->core, .now_ms = sim_now_ms(w), .due_ms = PL_NEVER, .deep = deep, .offers = offers};
  x.poor = w->limits && w->limits->poor;
  x.stands = sim_poor_stands(w) || v->core->judge_ms;
  x.forgets = sim_poor_forgets(w);
  for (size_t i = 0; i < PL_ARRAY_LENGTH(list_rules); i++) walk_conns(&x, &list_rules[i]);
  for (unsigned i = 0; i < v->core->node_count; i++) walk_node(&x, i);
  sim_walk_presences(&x);
  sim_walk_nameplates(&x);
  walk_accounts(&x);
  walk_sums(&x);
  sim_walk_budget(&x);
  walk_deadline(&x);
  walk_shared(&x);
  sim_walk_offers(&x);
  sim_walk_clients(&x);
  if (v->core->node_count) sim_walk_bus(&x);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static uint64_t add_slots(uint64_t shape, const pl_node *list) {
  for (const pl_node *n = list->next; n != list; n = n->next)
    shape = (shape + PL_CONTAINER(n, pl_relay_conn, timed)->next_slot) * SHAPE_FACTOR;
  return shape;
}

/* Returns a number that changes with most of what is made or ends, and with every call that is placed: that takes a
 * slot of its callee. */
static uint64_t shape_of(const pl_relay *relay) {
  const pl_relay_stats *s = &relay->stats;
  const uint64_t parts[] = {s->sockets,         s->opened,  s->links,
                            s->logins,          s->ready,   s->nameplates,
                            s->overflows,       s->refused, relay->presence_count,
                            relay->peer_entries};
  uint64_t shape = 0;
  for (size_t i = 0; i < PL_ARRAY_LENGTH(parts); i++) shape = (shape + parts[i]) * SHAPE_FACTOR;
  for (unsigned i = 0; i < relay->node_count; i++) shape = (shape + relay->nodes[i].conn.next_slot) * SHAPE_FACTOR;
  return add_slots(add_slots(shape, &relay->quiet), &relay->pinged);
}

void sim_inside_turn(sim_worker *v) {
  sim_inside *inside = &v->inside;
  uint64_t shape = shape_of(v->core), turn = inside->turns++;
  /* Logins on other workers do not change the shape, and matter to calls that wait. */
  bool waits = v->core->node_count && !pl_list_empty(&v->core->opens);
  if (!pl_relay_bounds_hold(v->core))
    sim_fail(v->relay->world, "inside the relay's worker %u: a queue is beyond its bounds", v->number);
  if (shape != inside->shape || waits || turn % WALK_EVERY == 0) walk(v, turn % DEEP_EVERY == 0);
  inside->shape = shape;
  sim_inside_paid(v);
}
