/* See sim_engine.h. */
#include "sim_engine.h"

#include <sodium.h>
#include <string.h>

#include "client/core/engine/engine_connection.h"
#include "client/core/engine/engine_link.h"
#include "client/core/engine/engine_peers.h"
#include "client/core/engine/engine_session.h"
#include "client/core/engine/engine_state.h"
#include "client/core/session/session_state.h"

/* The step that is looked at. */
typedef struct look {
  sim_client *c;
  const pl_engine *e;
  size_t links, held; /* links that are listed, and slots that hold one */
  unsigned doubtful;
} look;

static void must(const look *x, bool good, const char *what) {
  if (!good) sim_fail(x->c->world, "client %d: %s", x->c->index, what);
}

static bool is_session(const pl_engine *e, const pl_engine_session *s) {
  return s->slot < e->session_slots && e->sessions[s->slot] == s;
}

/* Returns true when the engine looks at what has this node by then, or now. */
static bool due_by(const pl_engine *e, pl_heap_node node, uint64_t deadline) {
  if (deadline == PL_NEVER) return true;
  return node.at && (node.key <= deadline || node.key <= e->now_ms);
}

/* ---- links (docs/protocol.md, sections 2 and 6) ------------------------------------------------------------------ */

/* Returns true when a call of this side that was accepted has made this OFFER, which was parked behind it, useless. */
static bool is_crossed(const pl_engine *e, const pl_engine_link *parked) {
  for (const pl_node *n = e->links.next; n != &e->links; n = n->next) {
    const pl_engine_link *l = PL_CONTAINER(n, const pl_engine_link, node);
    if (l->state != PL_ENGINE_LINK_UP || !l->opener || l->is_code || l->since_ms <= parked->since_ms) continue;
    if (memcmp(l->id, parked->id, 32) == 0 && memcmp(l->instance, parked->instance, 8) == 0) return true;
  }
  return false;
}

static void check_link(look *x, const pl_engine_link *l) {
  const pl_engine *e = x->e;
  const pl_engine_slots *slots = l->opener ? &e->own : &e->relays;
  size_t slot = pl_link_number_slot(l->number);
  x->links++;
  x->doubtful += l->doubtful;
  must(x, slot < slots->count && slots->list[slot].link == l, "a link is not in the slot of its number");
  must(x, slots->list[slot].generation == pl_link_number_generation(l->number), "a link has a wrong generation");
  must(x, !l->session || is_session(e, l->session), "a link has a session that has ended");
  must(x, !l->session || !l->is_code, "a link of a code has a session");
  must(x, !pl_list_empty(&l->of_session) == (l->session != NULL), "a session does not list its link");
  must(x, !l->listed || l->state == PL_ENGINE_LINK_OFFERED, "a call that was answered is listed as one that waits");
  must(x, due_by(x->e, l->time, pl_engine_link_deadline(x->e, l)), "a link has a timer that is not in the heap");
  must(x, !l->code || (l->code->handle && l->code->link == l), "a link has a code that does not have it");
  if (l->state == PL_ENGINE_LINK_OPENING && !l->is_code)
    must(x, l->session && l->session->opening == l, "a session does not know of its call");
  if (l->state == PL_ENGINE_LINK_UP && !l->is_code) must(x, l->session, "a link that is up has no session");
  must(x, !l->parked || l->state == PL_ENGINE_LINK_OFFERED, "a call that was answered is parked");
  must(x, !l->parked || !is_crossed(e, l), "a call stays parked behind one that was accepted");
}

static void count_held(look *x, const pl_engine_slots *slots) {
  for (size_t i = 0; i < slots->count; i++) x->held += slots->list[i].link != NULL;
}

static void check_links(look *x) {
  for (const pl_node *n = x->e->links.next; n != &x->e->links; n = n->next)
    check_link(x, PL_CONTAINER(n, const pl_engine_link, node));
  count_held(x, &x->e->own);
  count_held(x, &x->e->relays);
  must(x, x->held == x->links, "a slot keeps a link that is over");
  must(x, x->e->refusals == x->doubtful, "the calls that are accepted to be refused are miscounted");
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

/* Returns true when memory ran out for a record of this session. Its link ends with the next timer. */
static bool has_failed(const look *x, const pl_engine_session *s) {
  for (const pl_node *n = x->e->links.next; n != &x->e->links; n = n->next) {
    const pl_engine_link *l = PL_CONTAINER(n, pl_engine_link, node);
    if (l->session == s && l->failed) return true;
  }
  return false;
}

/* What a session may have to send, and when it must be called, is known to the engine at once. */
static void check_session(const look *x, const pl_engine_session *s) {
  const pl_engine_link *l = s->opening;
  must(x, s->slot < x->e->session_slots && x->e->sessions[s->slot] == s, "a session is in another slot");
  must(x, !l || (l->session == s && l->opener && l->state == PL_ENGINE_LINK_OPENING), "a session keeps a call");
  must(x, !l || !s->lingering, "a session that is over still calls");
  must(x, !s->linked || pl_session_is_linked(s->core), "a session without a link is linked for its application");
  must(x, !pl_list_empty(&s->ready) || !pl_session_has_output(s->core) || has_failed(x, s),
       "a session has output, and does not say so");
  must(x, due_by(x->e, s->time, pl_engine_session_deadline(x->e, s)), "a session's timer is not in the heap");
  must(x, x->e->next_ms <= pl_engine_session_deadline(x->e, s) || x->e->next_ms <= x->e->now_ms,
       "a session has a timer of which the engine does not know");
}

static void check_sessions(const look *x) {
  size_t sessions = 0;
  for (size_t i = 0; i < x->e->session_slots; i++) {
    if (!x->e->sessions[i]) continue;
    sessions++;
    check_session(x, x->e->sessions[i]);
  }
  must(x, x->e->by_id.count == sessions && x->e->session_count == sessions, "sessions are miscounted");
  must(x, x->e->next_ms <= pl_engine_connection_deadline(x->e), "the connection has a timer that nobody waits for");
}

/* ---- who is let in (section 7) ----------------------------------------------------------------------------------- */

static void check_codes(const look *x) {
  for (size_t i = 0; i < PL_ENGINE_CODES_MAX; i++) {
    const pl_engine_code_run *c = &x->e->codes[i];
    must(x, !c->link || (c->handle && c->link->code == c), "a code has a link that is not its own");
    must(x, !c->handle || x->e->next_ms <= c->expires_ms, "a code ends at a time that nobody waits for");
  }
}

/* An ID about which something was decided has nothing to ask any more. */
static void check_strangers(const look *x) {
  size_t turned_away = 0;
  for (const pl_node *n = x->e->peers.next; n != &x->e->peers; n = n->next) {
    const pl_engine_peer *p = PL_CONTAINER(n, const pl_engine_peer, node);
    must(x, p->decision != PL_ENGINE_UNDECIDED, "an ID is kept of which nothing is known");
    turned_away += p->decision == PL_ENGINE_IGNORED || p->decision == PL_ENGINE_REFUSED;
    for (size_t k = 0; k < PL_ENGINE_KNOCKS_MAX; k++)
      must(x, !x->e->knocks[k].used || memcmp(x->e->knocks[k].id, p->id, 32) != 0, "a knock stays after its answer");
  }
  must(x, turned_away == x->e->turned_away, "the ignored and refused IDs are counted wrong");
}

static bool has_claimed(const pl_engine_invite *v, const uint8_t id[32]) {
  return v->claimed && memcmp(v->bound_to, id, 32) == 0;
}

/* Ignoring, refusing and blocking end what the ID was given: invites that it claimed, and calls back. */
static void check_refused(const look *x, const uint8_t id[32]) {
  for (size_t i = 0; i < x->e->invite_count; i++)
    must(x, !has_claimed(&x->e->invites[i], id), "an ID that was refused keeps its invite");
  for (size_t i = 0; i < x->e->session_slots; i++) {
    const pl_engine_session *s = x->e->sessions[i];
    must(x, !s || s->announced || s->lingering || memcmp(s->id, id, 32) != 0, "an ID that was refused is called back");
  }
}

void sim_engine_check(sim_client *c, const pl_engine_event *in) {
  look x = {.c = c, .e = c->engine};
  check_links(&x);
  check_sessions(&x);
  check_codes(&x);
  check_strangers(&x);
  bool away = in->type == PL_ENGINE_IN_DENY || in->type == PL_ENGINE_IN_REFUSE || in->type == PL_ENGINE_IN_BLOCK;
  if (away && in->peer.id.size == 32 && !c->starved) check_refused(&x, in->peer.id.data);
}
