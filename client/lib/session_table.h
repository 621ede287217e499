/* The application's handles of sessions, found by the engine's number and by peer. */
#ifndef PL_LIB_SESSION_TABLE_H
#define PL_LIB_SESSION_TABLE_H

#include "client.h"

struct pairlink_session {
  pl_node node;
  pl_table_node by_number, by_peer;
  pairlink *client;
  uint32_t number;              /* the engine's */
  bool linked, incoming, ended; /* ended: CLOSED is queued or delivered */
  char peer[PL_ID_CHARS + 1];
  char application[PL_APPLICATION_MAX], name[PL_NAME_MAX];
  void *user;
};

void pl_client_sessions_init(pairlink *p);
/* Returns the session with this number that has not ended, or NULL. */
pairlink_session *pl_client_session_find(pairlink *p, uint32_t number);
/* Returns a session with this peer that has not ended, or NULL. */
pairlink_session *pl_client_session_with(pairlink *p, const uint8_t peer[32]);
/* Returns a new session that has no number and is not in the table yet, or NULL when memory ran out. */
pairlink_session *pl_client_session_new(pairlink *p, const uint8_t peer[32], bool incoming);
/* Gives a session its number and puts it into the table. */
void pl_client_session_add(pairlink_session *s, uint32_t number);
/* Takes a session out of the table, if it is there, and frees it. */
void pl_client_session_free(pairlink_session *s);
void pl_client_sessions_free_all(pairlink *p);
bool pl_client_has_sessions(const pairlink *p);

#endif
