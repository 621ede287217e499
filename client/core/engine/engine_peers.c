/* See engine_peers.h. */
#include "engine_peers.h"

#include <string.h>

#include "engine_actions.h"
#include "engine_hash.h"
#include "engine_link.h"

enum {
  PEERS_MAX = 65536,
  TOLD_MAX = 4096 /* no relay keeps more for one socket */
};

pl_engine_peer *pl_engine_peer_find(const pl_engine *e, const uint8_t id[32]) {
  for (pl_table_node *n = pl_table_first(&e->peers_by_id, pl_engine_hash(e, id)); n; n = pl_table_next(n)) {
    pl_engine_peer *p = PL_CONTAINER(n, pl_engine_peer, by_id);
    if (memcmp(p->id, id, 32) == 0) return p;
  }
  return NULL;
}

pl_engine_peer *pl_engine_peer_add(pl_engine *e, const uint8_t id[32]) {
  pl_engine_peer *p = pl_engine_peer_find(e, id);
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

void pl_engine_peers_deinit(pl_engine *e) {
  while (!pl_list_empty(&e->peers)) {
    pl_engine_peer *p = PL_CONTAINER(e->peers.next, pl_engine_peer, node);
    pl_list_remove(&p->node);
    pl_free(p);
  }
  pl_table_deinit(&e->peers_by_id);
}

bool pl_engine_peer_is_blocked(const pl_engine *e, const uint8_t id[32]) {
  const pl_engine_peer *p = pl_engine_peer_find(e, id);
  return p && p->blocked;
}

bool pl_engine_peer_is_welcome(const pl_engine *e, const uint8_t id[32]) {
  const pl_engine_peer *p = pl_engine_peer_find(e, id);
  return e->config.accept_all || (p && p->allowed);
}

/* ---- the relay's copy of the lists (docs/protocol.md, section 4) ---- */

static void peers_tell(pl_engine *e, uint8_t op, const uint8_t *ids, size_t count) {
  uint8_t payload[2 + 32 * PL_CONST_PEERS_IDS_MAX];
  pl_wire_peers peers = {.op = op, .ids = {ids, 32 * count}};
  if (e->connection != PL_ENGINE_CONN_ONLINE || count == 0) return;
  int size = pl_wire_peers_encode(&peers, payload, sizeof payload);
  if (size > 0) pl_engine_control_lossy(e, PL_ENV_PEERS, 0, payload, (size_t)size);
}

void pl_engine_peer_tell(pl_engine *e, uint8_t op, const uint8_t id[32]) {
  peers_tell(e, op, id, 1);
}

static void peers_tell_some(pl_engine *e, uint8_t op, size_t *left) {
  uint8_t ids[32 * PL_CONST_PEERS_IDS_MAX];
  size_t count = 0;
  for (const pl_node *n = e->peers.next; n != &e->peers && *left; n = n->next) {
    const pl_engine_peer *p = PL_CONTAINER(n, const pl_engine_peer, node);
    if (!(op == PL_CONST_PEERS_BLOCK ? p->blocked : p->allowed)) continue;
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
