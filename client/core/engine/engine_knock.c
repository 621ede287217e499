/* Whom the user allows, denies and blocks; strangers that asked (docs/protocol.md, section 7). */
#include <string.h>

#include "engine_internal.h"

pl_engine_peer_entry *pl_engine_peer_find(pl_engine *e, const uint8_t id[32]) {
  for (size_t i = 0; i < e->peer_count; i++)
    if (memcmp(e->peers[i].id, id, 32) == 0) return &e->peers[i];
  return NULL;
}

static pl_engine_peer_entry *peer_add(pl_engine *e, const uint8_t id[32]) {
  pl_engine_peer_entry *p = pl_engine_peer_find(e, id);
  if (p || e->peer_count >= PL_ENGINE_PEERS_MAX) return p;
  if (e->peer_count % 16 == 0) {
    pl_engine_peer_entry *list = pl_realloc(e->peers, (e->peer_count + 16) * sizeof *list);
    if (!list) return NULL;
    e->peers = list;
  }
  p = &e->peers[e->peer_count++];
  *p = (pl_engine_peer_entry){0};
  memcpy(p->id, id, 32);
  return p;
}

/* ---- the relay's copy of the lists (docs/protocol.md, section 4): only spares us what we would not answer ---- */

enum { TOLD_MAX = 4096 }; /* no relay keeps more for one socket */

static void tell(pl_engine *e, uint8_t op, const uint8_t *ids, size_t count) {
  uint8_t payload[2 + 32 * PL_CONST_PEERS_IDS_MAX];
  pl_wire_peers peers = {.op = op, .ids = {ids, 32 * count}};
  int size =
      e->connection == PL_ENGINE_CONN_ONLINE && count ? pl_wire_peers_encode(&peers, payload, sizeof payload) : 0;
  if (size > 0) (void)pl_engine_control(e, PL_ENV_PEERS, 0, payload, (size_t)size);
}

static void tell_some(pl_engine *e, uint8_t op, size_t *left) {
  uint8_t ids[32 * PL_CONST_PEERS_IDS_MAX];
  size_t count = 0;
  for (size_t i = 0; i < e->peer_count && *left; i++) {
    const pl_engine_peer_entry *p = &e->peers[i];
    if (!(op == PL_CONST_PEERS_BLOCK ? p->blocked : p->allowed)) continue;
    memcpy(ids + 32 * count++, p->id, 32);
    --*left;
    if (count < PL_CONST_PEERS_IDS_MAX) continue;
    tell(e, op, ids, count);
    count = 0;
  }
  tell(e, op, ids, count);
}

void pl_engine_peers_tell_all(pl_engine *e) {
  size_t left = TOLD_MAX;
  tell_some(e, PL_CONST_PEERS_BLOCK, &left);
  tell_some(e, PL_CONST_PEERS_ALLOW, &left);
}

/* ---- knocks --------------------------------------------------------------------------------------------------- */

static pl_engine_knock *knock_find(pl_engine *e, const uint8_t id[32]) {
  for (size_t i = 0; i < PL_ENGINE_KNOCKS_MAX; i++)
    if (e->knocks[i].used && memcmp(e->knocks[i].id, id, 32) == 0) return &e->knocks[i];
  return NULL;
}

/* A free place, else the one that asked longest ago. */
static pl_engine_knock *knock_place(pl_engine *e) {
  pl_engine_knock *oldest = &e->knocks[0];
  for (size_t i = 0; i < PL_ENGINE_KNOCKS_MAX; i++) {
    if (!e->knocks[i].used) return &e->knocks[i];
    if (e->knocks[i].at_ms < oldest->at_ms) oldest = &e->knocks[i];
  }
  return oldest;
}

void pl_engine_knock_add(pl_engine *e, const pl_engine_link *l) {
  pl_engine_knock *k = knock_find(e, l->id);
  bool known = k;
  if (!known) k = knock_place(e);
  bool muted = known && k->muted;
  *k = (pl_engine_knock){.used = true, .muted = muted, .at_ms = e->now_ms};
  memcpy(k->id, l->id, 32);
  memcpy(k->instance, l->instance, 8);
  if (known) return;
  pl_engine_action a = {.type = PL_ENGINE_OUT_KNOCK, .text = pl_engine_keep_text(e, (pl_view){l->name, l->name_size})};
  memcpy(a.id, l->id, 32);
  memcpy(a.instance, l->instance, 8);
  (void)pl_engine_out(e, a);
}

static bool accept_waiting(pl_engine *e, const uint8_t id[32]) {
  for (pl_node *n = e->links.next; n != &e->links; n = n->next) {
    pl_engine_link *l = PL_CONTAINER(n, pl_engine_link, node);
    if (l->state != PL_ENGINE_LINK_OFFERED || l->parked || memcmp(l->id, id, 32) != 0) continue;
    pl_engine_offer_accept(e, l);
    return true;
  }
  return false;
}

/* The knocker accepts, since it dials this ID itself. */
static int dial_back(pl_engine *e, const pl_engine_knock *k) {
  if (pl_engine_session_find(e, k->id, k->instance)) return 0;
  pl_engine_session *s = pl_engine_session_new(e, k->id, k->instance);
  if (!s) return PL_ENOMEM;
  pl_engine_dial(e, s);
  return 0;
}

static void let_in(pl_engine *e, pl_engine_peer_entry *p) {
  if (!p->allowed) tell(e, PL_CONST_PEERS_ALLOW, p->id, 1);
  p->allowed = true;
  p->blocked = false;
}

/* Whoever is paired by a code is called by this side, or calls: no knock of it is left to be answered. */
int pl_engine_peer_pair(pl_engine *e, const uint8_t id[32]) {
  pl_engine_peer_entry *p = peer_add(e, id);
  if (!p) return PL_ENOMEM;
  let_in(e, p);
  pl_engine_knock *k = knock_find(e, id);
  if (k) *k = (pl_engine_knock){0};
  (void)accept_waiting(e, id);
  return 0;
}

int pl_engine_peer_allow(pl_engine *e, const uint8_t id[32]) {
  pl_engine_peer_entry *p = peer_add(e, id);
  if (!p) return PL_ENOMEM;
  pl_engine_peer_entry before = *p;
  let_in(e, p);
  pl_engine_knock *k = knock_find(e, id);
  if (!k) return 0;
  pl_engine_knock asked = *k;
  *k = (pl_engine_knock){0};
  int rc = accept_waiting(e, id) ? 0 : dial_back(e, &asked);
  if (rc) { /* nothing is decided: it is still asking */
    *p = before;
    *k = asked;
  }
  return rc;
}

/* A call back that was agreed to and has found nobody yet: the application knows of no session that it could close. */
static void call_off(pl_engine *e, const uint8_t id[32]) {
  for (size_t i = 0; i < e->session_slots; i++) {
    pl_engine_session *s = e->sessions[i];
    if (s && !s->announced && !s->lingering && memcmp(s->id, id, 32) == 0)
      pl_engine_session_end(e, s, PL_OK, PL_REASON_CLOSED, (pl_view){NULL, 0});
  }
}

int pl_engine_peer_deny(pl_engine *e, const uint8_t id[32]) {
  pl_engine_peer_entry *p = pl_engine_peer_find(e, id);
  if (p && p->allowed) tell(e, PL_CONST_PEERS_FORGET, id, 1);
  if (p) p->allowed = false;
  pl_engine_invite_take_back(e, id);
  pl_engine_knock *k = knock_find(e, id);
  if (k) k->muted = true;
  call_off(e, id);
  return 0;
}

int pl_engine_peer_block(pl_engine *e, const uint8_t id[32]) {
  pl_engine_peer_entry *p = peer_add(e, id);
  if (!p) return PL_ENOMEM;
  if (!p->blocked) tell(e, PL_CONST_PEERS_BLOCK, id, 1);
  p->allowed = false;
  p->blocked = true;
  pl_engine_invite_take_back(e, id);
  pl_engine_knock *k = knock_find(e, id);
  if (k) *k = (pl_engine_knock){0};
  call_off(e, id);
  return 0;
}
