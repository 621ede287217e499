/* See engine_peers.h. */
#include "engine_peers.h"

#include <string.h>

#include "engine_actions.h"
#include "engine_hash.h"
#include "engine_link.h"

enum {
  PEERS_MAX = 65536,
  TURNED_AWAY_MAX = 1024, /* peers that are ignored or refused; the oldest decision is forgotten first */
  TOLD_MAX = 4096         /* no relay keeps more for one socket */
};

static pl_engine_peer *peer_find(const pl_engine *e, const uint8_t id[32]) {
  for (pl_table_node *n = pl_table_first(&e->peers_by_id, pl_engine_hash(e, id)); n; n = pl_table_next(n)) {
    pl_engine_peer *p = PL_CONTAINER(n, pl_engine_peer, by_id);
    if (memcmp(p->id, id, 32) == 0) return p;
  }
  return NULL;
}

/* Returns the entry of the ID, or a new one. Returns NULL when room or memory ran out. */
static pl_engine_peer *peer_add(pl_engine *e, const uint8_t id[32]) {
  pl_engine_peer *p = peer_find(e, id);
  if (p || e->peer_count >= PEERS_MAX) return p;
  p = pl_alloc(sizeof *p);
  if (!p) return NULL;
  memcpy(p->id, id, 32);
  pl_list_init(&p->node);
  pl_list_append(&e->peers, &p->node);
  pl_table_put(&e->peers_by_id, &p->by_id, pl_engine_hash(e, id));
  e->peer_count++;
  return p;
}

static void peer_remove(pl_engine *e, pl_engine_peer *p) {
  pl_list_remove(&p->node);
  pl_table_remove(&e->peers_by_id, &p->by_id);
  pl_free(p);
  e->peer_count--;
}

void pl_engine_peers_deinit(pl_engine *e) {
  while (!pl_list_empty(&e->peers)) peer_remove(e, PL_CONTAINER(e->peers.next, pl_engine_peer, node));
  pl_table_deinit(&e->peers_by_id);
}

pl_engine_decision pl_engine_peer_decision(const pl_engine *e, const uint8_t id[32]) {
  const pl_engine_peer *p = peer_find(e, id);
  return p ? p->decision : PL_ENGINE_UNDECIDED;
}

bool pl_engine_peer_is_blocked(const pl_engine *e, const uint8_t id[32]) {
  return pl_engine_peer_decision(e, id) == PL_ENGINE_BLOCKED;
}

bool pl_engine_peer_is_welcome(const pl_engine *e, const uint8_t id[32]) {
  pl_engine_decision decision = pl_engine_peer_decision(e, id);
  return decision == PL_ENGINE_ALLOWED || (decision == PL_ENGINE_UNDECIDED && e->config.accept_all);
}

/* ---- the relay's copy of the lists (docs/protocol.md, section 4) ---- */

static void peers_tell(pl_engine *e, uint8_t op, const uint8_t *ids, size_t count) {
  uint8_t payload[2 + 32 * PL_CONST_PEERS_IDS_MAX];
  pl_wire_peers peers = {.op = op, .ids = {ids, 32 * count}};
  if (e->connection != PL_ENGINE_CONN_ONLINE || count == 0) return;
  int size = pl_wire_peers_encode(&peers, payload, sizeof payload);
  if (size > 0) pl_engine_control_lossy(e, PL_ENV_PEERS, 0, payload, (size_t)size);
}

static bool peer_is_listed(pl_engine_decision d) {
  return d == PL_ENGINE_ALLOWED || d == PL_ENGINE_BLOCKED;
}

static void peer_tell_change(pl_engine *e, const uint8_t id[32], pl_engine_decision from, pl_engine_decision to) {
  if (from == to) return;
  if (to == PL_ENGINE_ALLOWED)
    peers_tell(e, PL_CONST_PEERS_ALLOW, id, 1);
  else if (to == PL_ENGINE_BLOCKED)
    peers_tell(e, PL_CONST_PEERS_BLOCK, id, 1);
  else if (peer_is_listed(from))
    peers_tell(e, PL_CONST_PEERS_FORGET, id, 1);
}

static void peers_tell_some(pl_engine *e, uint8_t op, size_t *left) {
  uint8_t ids[32 * PL_CONST_PEERS_IDS_MAX];
  size_t count = 0;
  for (const pl_node *n = e->peers.next; n != &e->peers && *left; n = n->next) {
    const pl_engine_peer *p = PL_CONTAINER(n, const pl_engine_peer, node);
    if (p->decision != (op == PL_CONST_PEERS_BLOCK ? PL_ENGINE_BLOCKED : PL_ENGINE_ALLOWED)) continue;
    memcpy(ids + 32 * count++, p->id, 32);
    --*left;
    if (count < PL_CONST_PEERS_IDS_MAX) continue;
    peers_tell(e, op, ids, count);
    count = 0;
  }
  peers_tell(e, op, ids, count);
}

void pl_engine_peers_tell_all(pl_engine *e) {
  size_t left = TOLD_MAX;
  peers_tell_some(e, PL_CONST_PEERS_BLOCK, &left);
  peers_tell_some(e, PL_CONST_PEERS_ALLOW, &left);
}

/* ---- decisions ---- */

static bool peer_is_turned_away(pl_engine_decision d) {
  return d == PL_ENGINE_IGNORED || d == PL_ENGINE_REFUSED;
}

static void peers_forget_oldest(pl_engine *e) {
  for (pl_node *n = e->peers.next; n != &e->peers; n = n->next) {
    pl_engine_peer *p = PL_CONTAINER(n, pl_engine_peer, node);
    if (!peer_is_turned_away(p->decision)) continue;
    e->turned_away--;
    peer_remove(e, p);
    return;
  }
}

int pl_engine_peer_decide(pl_engine *e, const uint8_t id[32], pl_engine_decision decision) {
  pl_engine_peer *p = decision == PL_ENGINE_UNDECIDED ? peer_find(e, id) : peer_add(e, id);
  if (!p) return decision == PL_ENGINE_UNDECIDED ? 0 : PL_ENOMEM;
  peer_tell_change(e, id, p->decision, decision);
  if (peer_is_turned_away(p->decision)) e->turned_away--;
  p->decision = decision;
  if (peer_is_turned_away(decision)) {
    pl_list_remove(&p->node);
    pl_list_append(&e->peers, &p->node);
    if (++e->turned_away > TURNED_AWAY_MAX) peers_forget_oldest(e);
  } else if (decision == PL_ENGINE_UNDECIDED) {
    peer_remove(e, p);
  }
  return 0;
}

void pl_engine_peer_readmit(pl_engine *e, const uint8_t id[32]) {
  if (peer_is_turned_away(pl_engine_peer_decision(e, id)) && pl_engine_peer_decide(e, id, PL_ENGINE_UNDECIDED)) return;
}

/* ---- knocks ---- */

pl_engine_knock *pl_engine_knock_find(pl_engine *e, const uint8_t id[32]) {
  for (size_t i = 0; i < PL_ENGINE_KNOCKS_MAX; i++)
    if (e->knocks[i].used && memcmp(e->knocks[i].id, id, 32) == 0) return &e->knocks[i];
  return NULL;
}

/* Returns a free place, else that of the oldest knock. */
static pl_engine_knock *knock_place(pl_engine *e) {
  pl_engine_knock *oldest = &e->knocks[0];
  for (size_t i = 0; i < PL_ENGINE_KNOCKS_MAX; i++) {
    if (!e->knocks[i].used) return &e->knocks[i];
    if (e->knocks[i].at_ms < oldest->at_ms) oldest = &e->knocks[i];
  }
  return oldest;
}

void pl_engine_knock_add(pl_engine *e, const pl_engine_link *l) {
  if (pl_engine_peer_decision(e, l->id) != PL_ENGINE_UNDECIDED) return;
  pl_engine_knock *k = pl_engine_knock_find(e, l->id);
  bool known = k;
  if (!known) k = knock_place(e);
  *k = (pl_engine_knock){.used = true, .at_ms = e->now_ms};
  memcpy(k->id, l->id, 32);
  memcpy(k->instance, l->instance, 8);
  if (known) return;
  pl_engine_action a = {.type = PL_ENGINE_OUT_KNOCK,
                        .text = pl_engine_keep_text(e, (pl_view){l->call->name, l->call->name_size})};
  memcpy(a.id, l->id, 32);
  memcpy(a.instance, l->instance, 8);
  pl_engine_out_lossy(e, a);
}
