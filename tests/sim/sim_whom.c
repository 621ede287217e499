/* See sim_whom.h. */
#include "sim_whom.h"

#include <string.h>

static const uint8_t any_instance[8];

static bool is_any(const uint8_t instance[8]) {
  return memcmp(instance, any_instance, 8) == 0;
}

/* Returns true when this side is still calling the same peer for another session, such as one that it is closing. */
static bool calls_again(const pl_engine *e, const pl_engine_link *accepted) {
  for (size_t i = 0; i < e->session_slots; i++) {
    const pl_engine_session *s = e->sessions[i];
    if (s && s->opening && memcmp(s->id, accepted->id, 32) == 0) return true;
  }
  return false;
}

/* "Both call at once": the call of the other side, which waited for the answer to this one, is not needed any more. */
static bool waits_behind(const pl_engine *e, const pl_engine_link *accepted) {
  if (calls_again(e, accepted)) return false;
  for (const pl_node *n = e->links.next; n != &e->links; n = n->next) {
    const pl_engine_link *l = PL_CONTAINER(n, const pl_engine_link, node);
    if (l->parked && memcmp(l->id, accepted->id, 32) == 0 && memcmp(l->instance, accepted->instance, 8) == 0)
      return true;
  }
  return false;
}

static void check_link(const sim_client *c, const pl_engine_link *l) {
  const pl_engine_session *s = l->session;
  if (!s) return;
  bool accepted = l->opener && l->state == PL_ENGINE_LINK_UP && l->since_ms == c->engine->now_ms;
  if (accepted && waits_behind(c->engine, l))
    sim_fail(c->world, "client %d: a call waits behind %x, which was accepted", c->index, (unsigned)l->number);
  bool same = memcmp(s->id, l->id, 32) == 0 &&
              (memcmp(s->instance, l->instance, 8) == 0 || (l->state == PL_ENGINE_LINK_OPENING && is_any(l->instance)));
  if (!same) sim_fail(c->world, "client %d: session %x has a link with somebody else", c->index, (unsigned)s->number);
}

void sim_whom_check_links(const sim_client *c) {
  for (const pl_node *n = c->engine->links.next; n != &c->engine->links; n = n->next)
    check_link(c, PL_CONTAINER(n, const pl_engine_link, node));
}

void sim_whom_check_session(const sim_client *c, const pl_engine_session *s, sim_session_seen *seen) {
  if (seen->bound && memcmp(seen->instance, s->instance, 8) != 0)
    sim_fail(c->world, "client %d: session %x changes to another instance", c->index, (unsigned)s->number);
  seen->bound = s->was_linked;
  memcpy(seen->instance, s->instance, 8);
}
