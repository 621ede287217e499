#include "session_table.h"

#include <sodium.h>
#include <string.h>

void pl_client_sessions_init(pairlink *p) {
  pl_list_init(&p->sessions);
  pl_table_init(&p->by_number);
  pl_table_init(&p->by_peer);
  randombytes_buf(p->table_key, sizeof p->table_key);
}

pairlink_session *pl_client_session_find(pairlink *p, uint32_t number) {
  for (pl_table_node *n = pl_table_first(&p->by_number, number); n; n = pl_table_next(n)) {
    pairlink_session *s = PL_CONTAINER(n, pairlink_session, by_number);
    if (!s->ended) return s;
  }
  return NULL;
}

static uint64_t session_hash(const pairlink *p, const char *peer) {
  uint64_t hash;
  _Static_assert(sizeof hash == crypto_shorthash_BYTES && sizeof p->table_key == crypto_shorthash_KEYBYTES, "they fit");
  crypto_shorthash((uint8_t *)&hash, (const uint8_t *)peer, PL_ID_CHARS, p->table_key);
  return hash;
}

pairlink_session *pl_client_session_with(pairlink *p, const uint8_t peer[32]) {
  char id[PL_ID_CHARS + 1];
  pl_id_format(id, peer);
  for (pl_table_node *n = pl_table_first(&p->by_peer, session_hash(p, id)); n; n = pl_table_next(n)) {
    pairlink_session *s = PL_CONTAINER(n, pairlink_session, by_peer);
    if (!s->ended && strcmp(s->peer, id) == 0) return s;
  }
  return NULL;
}

pairlink_session *pl_client_session_new(pairlink *p, const uint8_t peer[32], bool incoming) {
  pairlink_session *s = pl_alloc(sizeof *s);
  if (!s) return NULL;
  s->client = p;
  s->incoming = incoming;
  pl_id_format(s->peer, peer);
  pl_list_init(&s->node);
  return s;
}

void pl_client_session_add(pairlink_session *s, uint32_t number) {
  pairlink *p = s->client;
  s->number = number;
  pl_list_append(&p->sessions, &s->node);
  pl_table_put(&p->by_number, &s->by_number, number);
  pl_table_put(&p->by_peer, &s->by_peer, session_hash(p, s->peer));
}

void pl_client_session_free(pairlink_session *s) {
  if (!pl_list_empty(&s->node)) {
    pl_list_remove(&s->node);
    pl_table_remove(&s->client->by_number, &s->by_number);
    pl_table_remove(&s->client->by_peer, &s->by_peer);
  }
  pl_free(s);
}

void pl_client_sessions_free_all(pairlink *p) {
  while (!pl_list_empty(&p->sessions)) pl_client_session_free(PL_CONTAINER(p->sessions.next, pairlink_session, node));
  pl_table_deinit(&p->by_number);
  pl_table_deinit(&p->by_peer);
}

bool pl_client_has_sessions(const pairlink *p) {
  return !pl_list_empty(&p->sessions);
}
