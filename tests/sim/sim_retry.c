/* See sim_retry.h. */
#include "sim_retry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/engine/engine_link.h"

enum {
  MIN_MS = 250,
  MAX_MS = 10000,
  EARLY_FOR_MS = 120000,
  LATE_MS = 30000,
  HELD_MS = 10000,
  FAILED_MUCH = 6, /* SUPERSEDED counts like this many failures */
  AT_ONCE = 3,     /* calls after UNAVAILABLE */
  READ_FIRST_MS = 1000,
  BET_WON = 28 /* the logarithm of a million million */
};

void sim_retry_init(sim_world *w) {
  w->retry = calloc(1, sizeof *w->retry);
  if (!w->retry) abort();
}

void sim_retry_free(sim_world *w) {
  free(w->retry);
  w->retry = NULL;
}

static sim_retry_client *retry_of(sim_client *c) {
  sim_retry_client *r = &c->world->retry->clients[c->index];
  if (r->life == c->life) return r;
  *r = (sim_retry_client){.life = c->life, .wait_ms = PL_NEVER, .told_ms = PL_NEVER};
  return r;
}

void sim_retry_carried(sim_client *c) {
  retry_of(c)->carried = true;
}

static uint64_t jitter_bound(unsigned doublings) {
  uint64_t most = (uint64_t)MIN_MS << (doublings < FAILED_MUCH ? doublings : FAILED_MUCH);
  return most < MAX_MS ? most : MAX_MS;
}

/* A single wait may be as short as chance has it, many in a row may not. `sum` is the logarithm of how much likelier
 * these waits are with a jitter that favours short ones: a bet that wins a factor of a million million in one world of
 * as many, when waits are as random as they must be. */
static void judge_wait(sim_client *c, double *sum, uint64_t wait_ms, uint64_t bound_ms, const char *what) {
  const double favour = 0.3;
  double part = wait_ms + 1 < bound_ms ? (double)(wait_ms + 1) / (double)bound_ms : 1;
  *sum += log(favour) + (favour - 1) * log(part);
  if (*sum > BET_WON) sim_fail(c->world, "client %d: %s too soon, again and again", c->index, what);
}

/* ---- connections ("Reconnect") ----------------------------------------------------------------------------------- */

static void note_offline(sim_client *c, sim_retry_client *r, const pl_engine_action *a) {
  sim_world *w = c->world;
  uint64_t now_ms = sim_now_ms(w);
  bool online = r->online_ms != 0;
  if (online && (r->carried || now_ms - r->online_ms >= HELD_MS)) {
    r->failures = 0;
    r->since_ms = now_ms;
  }
  if (a->reason == PL_REASON_SUPERSEDED) r->failures = FAILED_MUCH;
  r->online_ms = 0;
  r->socket = false;
  r->told_ms = r->wait_ms = PL_NEVER;
  if (a->time_ms == PL_NEVER) return;
  uint64_t bound_ms = now_ms - r->since_ms >= EARLY_FOR_MS ? LATE_MS : jitter_bound(r->failures);
  uint64_t wait_ms = a->time_ms - now_ms;
  if (a->time_ms < now_ms || wait_ms >= bound_ms)
    sim_fail(w, "client %d waits %d ms before it connects again, at most %d are due", c->index, (int)wait_ms,
             (int)bound_ms);
  judge_wait(c, &w->retry->connects, wait_ms, bound_ms, "it connects again");
  r->failures++;
  r->wait_ms = a->time_ms;
}

static void note_connect(sim_client *c, sim_retry_client *r, const pl_engine_event *in) {
  bool asked = in->type == PL_ENGINE_IN_START || in->type == PL_ENGINE_IN_NETWORK_UP;
  if (r->socket) sim_fail(c->world, "client %d connects beside its socket", c->index);
  if (!asked && sim_now_ms(c->world) < r->wait_ms)
    sim_fail(c->world, "client %d connects before its wait is over", c->index);
  if (asked) r->failures = 0;
  if (in->type == PL_ENGINE_IN_START) r->since_ms = sim_now_ms(c->world);
  r->wait_ms = PL_NEVER;
  r->carried = false;
  r->socket = true;
}

static void note_actions(sim_client *c, sim_retry_client *r, const pl_engine_event *in, const pl_engine_result *out) {
  for (size_t i = 0; i < out->action_count; i++) {
    const pl_engine_action *a = &out->actions[i];
    if (a->type == PL_ENGINE_OUT_OFFLINE) note_offline(c, r, a);
    if (a->type == PL_ENGINE_OUT_ONLINE) r->online_ms = sim_now_ms(c->world);
    if (a->type == PL_ENGINE_OUT_CONNECT) note_connect(c, r, in);
  }
  if (r->wait_ms != PL_NEVER && sim_now_ms(c->world) > r->wait_ms && c->engine->connection == PL_ENGINE_CONN_WAITING)
    sim_fail(c->world, "client %d does not connect though its wait is over", c->index);
}

/* ---- moves (section 9) ------------------------------------------------------------------------------------------- */

/* The last GOING_AWAY counts. One that came late reads first. */
static void check_move(sim_client *c, const sim_retry_client *r) {
  if (r->told_ms == PL_NEVER || c->engine->connection != PL_ENGINE_CONN_ONLINE) return;
  uint64_t now_ms = sim_now_ms(c->world), awake_ms = c->asleep_until_us / 1000 + READ_FIRST_MS + 1;
  if (now_ms > r->told_ms + r->delay_ms && now_ms > awake_ms)
    sim_fail(c->world, "client %d was told to move within %d ms, and stays", c->index, (int)r->delay_ms);
}

/* ---- calls ("Who dials again") ----------------------------------------------------------------------------------- */

static void judge_call(sim_client *c, const pl_engine_session *s, sim_retry_call *call, int reason) {
  bool patient = reason == PL_REASON_RATE || reason == PL_REASON_OVERFLOW || reason == PL_REASON_FULL ||
                 reason == PL_REASON_CORRUPT;
  unsigned failures = call->failures++;
  if (patient && failures < AT_ONCE) {
    failures = AT_ONCE;
    call->failures = AT_ONCE + 1;
  }
  if (failures < AT_ONCE) return;
  uint64_t now_ms = sim_now_ms(c->world);
  uint64_t wait_ms = s->dial_at_ms == PL_NEVER ? 0 : s->dial_at_ms - now_ms;
  if (s->dial_at_ms == PL_NEVER && !s->opening) return;
  if (wait_ms >= MAX_MS) sim_fail(c->world, "client %d waits too long before it calls again", c->index);
  judge_wait(c, &c->world->retry->calls, wait_ms, jitter_bound(failures - AT_ONCE), "it calls again");
}

/* A call that waited for its answer before this step, and was answered by RESET in it. */
static void note_reset(sim_client *c, sim_retry_client *r, const pl_envelope *v) {
  pl_wire_reset reset;
  if (pl_wire_reset_decode(&reset, v->payload.data, v->payload.size) || pl_engine_link_find(c->engine, v->link)) return;
  for (size_t i = 0; i < SIM_SEEN_SESSIONS && i < c->engine->session_slots; i++) {
    const pl_engine_session *s = c->engine->sessions[i];
    sim_retry_call *call = &r->calls[i];
    if (!s || s->number != call->session || call->link != v->link || s->lingering) continue;
    call->link = 0;
    uint32_t current = s->core->current ? s->core->current->id : 0;
    if (current == call->current && PL_REASON_IS_RETRYABLE(reset.reason)) judge_call(c, s, call, reset.reason);
  }
}

static void note_message(sim_client *c, sim_retry_client *r, pl_view message) {
  pl_reader in = pl_reader_of(message.data, message.size);
  pl_envelope v;
  pl_wire_going_away g;
  while (pl_envelope_next(&in, &v) > 0) {
    if (v.type == PL_ENV_RESET && v.link) note_reset(c, r, &v);
    if (v.type != PL_ENV_GOING_AWAY || pl_wire_going_away_decode(&g, v.payload.data, v.payload.size)) continue;
    r->told_ms = sim_now_ms(c->world);
    r->delay_ms = g.delay_ms;
  }
}

void sim_retry_before(sim_client *c) {
  sim_retry_client *r = retry_of(c);
  for (size_t i = 0; i < SIM_SEEN_SESSIONS && i < c->engine->session_slots; i++) {
    const pl_engine_session *s = c->engine->sessions[i];
    sim_retry_call *call = &r->calls[i];
    if (!s || s->number != call->session) *call = (sim_retry_call){.session = s ? s->number : 0};
    if (!s) continue;
    uint32_t current = s->core->current ? s->core->current->id : 0;
    if (current && current != call->current) call->failures = 0;
    call->current = current;
    call->link = s->opening ? s->opening->number : 0;
  }
}

void sim_retry_after(sim_client *c, const pl_engine_event *in, const pl_engine_result *out) {
  sim_retry_client *r = retry_of(c);
  if (c->engine->connection == PL_ENGINE_CONN_ONLINE && in->type == PL_ENGINE_IN_SOCKET_MESSAGE)
    note_message(c, r, in->socket_message.data);
  note_actions(c, r, in, out);
  check_move(c, r);
}
