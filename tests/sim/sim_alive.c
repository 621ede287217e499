/* What an application is told of the relay (docs/protocol.md, section 9, "Alive, or being checked"): nobody is called
 * absent while it is the relay that may be gone. */
#include "client/core/engine/engine_link.h"
#include "client/core/engine/engine_state.h"
#include "sim.h"
#include "sim_js.h"

enum { CHECK_AFTER_MS = 1000 };

/* A step in which the connection ends says so last, after the sessions that lose their links with it. */
static bool goes_offline(const pl_engine_result *out) {
  for (size_t i = 0; i < out->action_count; i++)
    if (out->actions[i].type == PL_ENGINE_OUT_OFFLINE) return true;
  return false;
}

static bool calls_absent(const pl_engine_action *a) {
  return a->type == PL_ENGINE_OUT_UNLINKED ||
         (a->type == PL_ENGINE_OUT_SESSION_CLOSED && a->reason == PL_REASON_TIMEOUT && a->error == PL_ETIMEDOUT);
}

static void see(sim_client *c, const pl_engine_action *a, bool silent, bool ends) {
  sim_world *w = c->world;
  switch (a->type) {
    case PL_ENGINE_OUT_CHECKING:
      if (c->checking || !c->told_online) sim_fail(w, "client %d checks a connection twice, or none", c->index);
      if (!silent) sim_fail(w, "client %d checks a relay that it has just heard", c->index);
      c->checking = true;
      w->figures.checks++;
      break;
    case PL_ENGINE_OUT_ALIVE:
      if (!c->checking || silent) sim_fail(w, "client %d has not heard the relay again", c->index);
      c->checking = false;
      break;
    case PL_ENGINE_OUT_ONLINE:
    case PL_ENGINE_OUT_OFFLINE:
      c->told_online = a->type == PL_ENGINE_OUT_ONLINE;
      c->checking = false;
      c->asked_ms = PL_NEVER;
      break;
    default:
      if (calls_absent(a) && c->told_online && silent && !c->checking && !ends && !c->stopped)
        sim_fail(w, "client %d calls a peer absent, while the relay is silent", c->index);
      break;
  }
}

/* A second after PING the application knows, if nothing came. Until then the engine wants to be called. */
static void check_ping(sim_client *c) {
  const pl_engine *e = c->engine;
  if (e->connection != PL_ENGINE_CONN_ONLINE || e->answer_by_ms == PL_NEVER || e->checking) return;
  uint64_t at = e->asked_ms + CHECK_AFTER_MS;
  if (at < e->judge_from_ms) at = e->judge_from_ms;
  if (sim_now_ms(c->world) > at || pl_engine_deadline(e) > at)
    sim_fail(c->world, "client %d does not say that its PING has no answer", c->index);
}

/* What has no answer leads to a PING, as soon as nothing came for a second. */
static void check_asked(sim_client *c) {
  const pl_engine *e = c->engine;
  if (c->asked_ms == PL_NEVER || e->connection != PL_ENGINE_CONN_ONLINE || e->answer_by_ms != PL_NEVER) return;
  uint64_t at = c->relay_heard_ms + CHECK_AFTER_MS;
  if (at < c->asked_ms) at = c->asked_ms;
  if (at < e->judge_from_ms) at = e->judge_from_ms;
  if (sim_now_ms(c->world) > at || pl_engine_deadline(e) > at)
    sim_fail(c->world, "client %d has no answer, and does not ask whether the relay is there", c->index);
}

static bool has_an_answer(const pl_envelope *e) {
  pl_wire_code code;
  if (e->type == PL_ENV_CODE)
    return pl_wire_code_decode(&code, e->payload.data, e->payload.size) == 0 && code.op == PL_CONST_CODE_MAKE;
  return e->type == PL_ENV_OPEN || e->type == PL_ENV_CLAIM;
}

/* What had to wait for the socket is not looked at: since it was asked, the relay may have been heard. */
void sim_alive_sent(sim_client *c, const uint8_t *message, size_t n) {
  pl_reader r = pl_reader_of(message, n);
  pl_envelope e;
  if (sim_js_runs() || c->had_output) return;
  while (pl_envelope_next(&r, &e) > 0)
    if (has_an_answer(&e)) c->asked_ms = sim_now_ms(c->world);
  check_asked(c);
}

/* Returns how many calls of this side have had no answer in time. */
static size_t calls_due(const sim_client *c) {
  const pl_engine *e = c->engine;
  size_t count = 0;
  for (const pl_node *at = e->links.next; at != &e->links; at = at->next) {
    const pl_engine_link *l = PL_CONTAINER(at, const pl_engine_link, node);
    count += l->opener && !l->failed && pl_engine_link_deadline(e, l) <= sim_now_ms(c->world);
  }
  return count;
}

void sim_alive_before(sim_client *c, const pl_engine_event *in) {
  if (sim_js_runs()) return;
  c->calls_due = in->type == PL_ENGINE_IN_TIME ? calls_due(c) : 0;
  c->had_output = pl_engine_has_output(c->engine);
}

static void check_calls(sim_client *c, bool silent, bool ends) {
  if (!c->calls_due || !silent || c->checking || ends || c->stopped || !c->told_online) return;
  if (calls_due(c) < c->calls_due)
    sim_fail(c->world, "client %d gives up a call, and does not check the relay that is silent", c->index);
}

void sim_alive_start(sim_client *c) {
  c->told_online = c->checking = false;
  c->relay_heard_ms = 0;
  c->asked_ms = PL_NEVER;
}

void sim_alive_step(sim_client *c, const pl_engine_event *in, const pl_engine_result *out) {
  uint64_t now_ms = sim_now_ms(c->world);
  if (in->type == PL_ENGINE_IN_SOCKET_OPEN || in->type == PL_ENGINE_IN_SOCKET_MESSAGE) {
    c->relay_heard_ms = now_ms;
    c->asked_ms = PL_NEVER;
  }
  bool silent = now_ms - c->relay_heard_ms >= CHECK_AFTER_MS, ends = goes_offline(out);
  for (size_t i = 0; i < out->action_count; i++) see(c, &out->actions[i], silent, ends);
  if (sim_js_runs()) return;
  check_ping(c);
  check_asked(c);
  check_calls(c, silent, ends);
}
