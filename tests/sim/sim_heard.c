/* See sim_heard.h. */
#include "sim_heard.h"

#include "client/core/session/session_link.h"
#include "sim_retry.h"

enum {
  ANSWERED_MS = 500, /* a CLOSE that comes again this soon after the answer has been answered */
  SOON_MS = 10
};

static sim_client *stepping; /* pl_aead hands in nothing that names the client; NULL: none is looked at */

void sim_heard_begin(sim_client *c) {
  stepping = c;
}

static const pl_engine_link *link_opened_by(const pl_engine *e, const void *key) {
  for (const pl_node *n = e->links.next; n != &e->links; n = n->next) {
    const pl_engine_link *l = PL_CONTAINER(n, const pl_engine_link, node);
    if (l->keys.opening == key) return l;
  }
  return NULL;
}

static bool has_close(pl_view plain) {
  pl_reader in = pl_reader_of(plain.data, plain.size);
  uint8_t type;
  pl_view body;
  while (pl_frame_next(&in, &type, &body) > 0)
    if (type == PL_FRAME_CLOSE) return true;
  return false;
}

/* A side that closes by itself need not answer: its own CLOSE is the answer. */
void sim_heard_record(const void *opening, pl_view plain) {
  if (!stepping) return; /* pl-sim-js, where clients are not looked at */
  sim_retry_carried(stepping);
  if (!has_close(plain)) return;
  const pl_engine_link *l = link_opened_by(stepping->engine, opening);
  const pl_engine_session *s = l ? l->session : NULL;
  const pl_session_link *in_step = s ? pl_session_link_find(s->core, l->number) : NULL;
  sim_session_seen *seen = s ? sim_promises_seen(stepping, s) : NULL;
  if (!seen || !in_step || !in_step->confirmed || s->core->state == PL_SESSION_STATE_CLOSING) return;
  seen->close_heard_ms = sim_now_ms(stepping->world);
}

/* "End": each CLOSE is answered by CLOSE, also one that comes again because the answer was lost. */
void sim_heard_check(sim_client *c, const pl_engine_session *s, const sim_session_seen *seen) {
  const sim_conn *k = c->conn;
  uint64_t heard_ms = seen->close_heard_ms, now_ms = sim_now_ms(c->world);
  if (heard_ms == PL_NEVER || !s->core->current || seen->link_ms > heard_ms || c->world->starving) return;
  if (seen->close_said_ms != PL_NEVER && seen->close_said_ms + ANSWERED_MS >= heard_ms) return;
  bool room = k && k->client_state == SIM_CONN_OPEN && k->relay_conn && !k->up.silent && k->up.waiting == 0;
  if (room && now_ms > heard_ms + SOON_MS && now_ms > c->asleep_until_us / 1000 + SOON_MS)
    sim_fail(c->world, "client %d does not answer the CLOSE of session %x", c->index, (unsigned)s->number);
}
