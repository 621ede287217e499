#include "session_table.h"

#include <string.h>

pairlink_session *pl_client_session_find(pairlink *p, uint32_t number) {
  pl_node *bucket = &p->sessions[number % PL_SESSION_BUCKETS];
  for (pl_node *n = bucket->next; n != bucket; n = n->next) {
    pairlink_session *s = PL_CONTAINER(n, pairlink_session, node);
    if (s->number == number && !s->ended) return s;
  }
  return NULL;
}

pairlink_session *pl_client_session_with(pairlink *p, const uint8_t peer[32]) {
  char id[PL_ID_CHARS + 1];
  pl_id_format(id, peer);
  for (size_t i = 0; i < PL_SESSION_BUCKETS; i++) {
    for (pl_node *n = p->sessions[i].next; n != &p->sessions[i]; n = n->next) {
      pairlink_session *s = PL_CONTAINER(n, pairlink_session, node);
      if (!s->ended && strcmp(s->peer, id) == 0) return s;
    }
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
  s->number = number;
  pl_list_append(&s->client->sessions[number % PL_SESSION_BUCKETS], &s->node);
}

void pl_client_session_free(pairlink_session *s) {
  pl_list_remove(&s->node);
  pl_free(s);
}

void pl_client_sessions_free_all(pairlink *p) {
  for (size_t i = 0; i < PL_SESSION_BUCKETS; i++)
    while (!pl_list_empty(&p->sessions[i]))
      pl_client_session_free(PL_CONTAINER(p->sessions[i].next, pairlink_session, node));
}

bool pl_client_has_sessions(const pairlink *p) {
  for (size_t i = 0; i < PL_SESSION_BUCKETS; i++)
    if (!pl_list_empty(&p->sessions[i])) return true;
  return false;
}
