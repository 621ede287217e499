/* See sim_promises.h. Each rule names its place in docs/protocol.md. */
#include "sim_promises.h"
#include "sim_engine.h"
#include "sim_greedy.h"
#include "sim_heard.h"
#include "sim_limits.h"
#include "sim_retry.h"
#include "sim_whom.h"

#include <stdlib.h>
#include <string.h>

#include "client/core/engine/engine_link.h"
#include "client/core/engine/engine_session.h"
#include "client/core/session/session_base.h"
#include "client/core/session/session_link.h"

#define STREAM UINT64_C(710000000300) /* a stream in which no listed seed is made faultless */

enum {
  LINE_LEAST = 100, /* bytes per ms: on a slower line, what waits ahead may take longer than a timer */
  CONNECT_MS = 30000,
  LOGIN_MS = 15000,
  NETWORK_UP_MS = 5000,
  LATE_MS = 2000,
  READ_FIRST_MS = 1000,
  REMEMBERED_MS = 500, /* for so long, what belongs to a session that is over may be on its way */
  LINK_AGE_MS = 900000,
  CLOSE_MS = 10000,
  CLOSE_AGAIN_MS = 1000,
  LINGER_MS = 15000,
  ACK_MS = 25
};

void sim_promises_init(sim_world *w) {
  w->promises = calloc(1, sizeof *w->promises);
  if (!w->promises) abort();
  sim_random_init(&w->promises->random, w->seed + STREAM);
  sim_retry_init(w);
}

void sim_promises_free(sim_world *w) {
  sim_retry_free(w);
  free(w->promises);
  w->promises = NULL;
}

/* Returns how many bytes a ms pass the slowest line. A small socket that waits for a far receiver is slow, too. */
static uint64_t line_rate(const sim_world *w) {
  uint64_t socket = w->relay_socket_bytes < w->socket_bytes ? w->relay_socket_bytes : w->socket_bytes;
  uint64_t rate = socket * 1000 / (w->delay_us + w->jitter_us + 1) + 1;
  return w->bytes_per_ms && w->bytes_per_ms < rate ? w->bytes_per_ms : rate;
}

/* Worlds without faults are rare, so some others are made faultless. Attackers and small limits are faults. */
void sim_promises_scene(sim_world *w) {
  if (sim_chance(&w->promises->random, 5) && !w->greedy && !w->limits) {
    w->faults_left = 0;
    w->lossy = w->hostile = w->starving = w->forgetful = w->strangers = w->pairing = false;
  }
  w->promises->faultless = w->faults_left == 0 && !w->lossy && !w->starving && !w->forgetful && !w->strangers &&
                           !w->pairing && !w->flood && !w->greedy && !w->limits && line_rate(w) >= LINE_LEAST;
}

sim_session_seen *sim_promises_seen(sim_client *c, const pl_engine_session *s) {
  if (s->slot >= SIM_SEEN_SESSIONS) return NULL;
  sim_session_seen *seen = &c->world->promises->clients[c->index].sessions[s->slot];
  if (seen->number == s->number) return seen;
  *seen = (sim_session_seen){.number = s->number, .link_ms = PL_NEVER, .unlinked_ms = sim_now_ms(c->world)};
  seen->closing_ms = seen->close_said_ms = seen->close_heard_ms = seen->lingering_ms = PL_NEVER;
  seen->aged_ms = seen->replace_ms = seen->behind_ms = seen->waiting_ms = seen->ack_ms = PL_NEVER;
  return seen;
}

static sim_client_seen *client_seen(sim_client *c) {
  sim_client_seen *p = &c->world->promises->clients[c->index];
  if (p->life == c->life) return p;
  *p = (sim_client_seen){.life = c->life};
  p->connect_ms = p->opened_ms = p->online_ms = p->heard_ms = p->asked_ms = p->late_ms = p->reads_till_ms = PL_NEVER;
  p->closed_ms = PL_NEVER;
  return p;
}

/* ---- the connection (section 9) ---------------------------------------------------------------------------------- */

void sim_promises_before(sim_client *c) {
  sim_client_seen *p = client_seen(c);
  p->deadline_ms = pl_engine_deadline(c->engine);
  sim_heard_begin(c);
  sim_retry_before(c);
}

static bool has_socket(const sim_client_seen *p) {
  return p->connection >= PL_ENGINE_CONN_CONNECTING;
}

/* "Read first, judge later": a client that comes late judges nothing for a second, once. */
static void note_lateness(sim_client_seen *p, uint64_t now_ms) {
  if (p->reads_till_ms != PL_NEVER) {
    if (now_ms >= p->reads_till_ms) p->reads_till_ms = PL_NEVER;
  } else if (has_socket(p) && p->deadline_ms < now_ms && now_ms - p->deadline_ms >= LATE_MS) {
    if (p->late_ms == PL_NEVER) p->late_ms = now_ms; /* the wait for an answer starts again once */
    p->reads_till_ms = now_ms + READ_FIRST_MS;
  }
}

/* Returns when a client in this state may call its connection dead at the earliest. */
static uint64_t dead_ms(const sim_client_seen *p, const pl_engine *e) {
  if (p->connection == PL_ENGINE_CONN_CONNECTING) return p->connect_ms + CONNECT_MS;
  if (p->connection != PL_ENGINE_CONN_ONLINE) return p->opened_ms + LOGIN_MS;
  uint64_t asks_ms = p->heard_ms + e->ping_interval_ms;
  if (p->late_ms != PL_NEVER && p->late_ms < asks_ms) asks_ms = p->late_ms;
  uint64_t at = asks_ms + e->dead_after_ms - e->ping_interval_ms;
  return p->asked_ms != PL_NEVER && p->asked_ms + NETWORK_UP_MS < at ? p->asked_ms + NETWORK_UP_MS : at;
}

static void check_disconnect(sim_client *c, const sim_client_seen *p, const pl_engine_event *in,
                             const pl_engine_action *a) {
  sim_world *w = c->world;
  if (a->error != PL_ETIMEDOUT || in->type == PL_ENGINE_IN_SOCKET_MESSAGE) return; /* the relay may say so, too */
  if (p->reads_till_ms != PL_NEVER) sim_fail(w, "client %d judges before it has read", c->index);
  if (sim_now_ms(w) < dead_ms(p, c->engine))
    sim_fail(w, "client %d gives up a connection before its answer is due", c->index);
}

static void note_connection(sim_client *c, sim_client_seen *p, const pl_engine_event *in, const pl_engine_result *out) {
  uint64_t now_ms = sim_now_ms(c->world);
  if (in->type == PL_ENGINE_IN_SOCKET_OPEN) p->opened_ms = now_ms;
  if (in->type == PL_ENGINE_IN_NETWORK_UP && p->asked_ms == PL_NEVER) p->asked_ms = now_ms;
  if (in->type == PL_ENGINE_IN_SOCKET_OPEN || in->type == PL_ENGINE_IN_SOCKET_MESSAGE) {
    p->heard_ms = now_ms;
    p->asked_ms = p->late_ms = PL_NEVER;
  }
  note_lateness(p, now_ms);
  for (size_t i = 0; i < out->action_count; i++) {
    const pl_engine_action *a = &out->actions[i];
    if (a->type == PL_ENGINE_OUT_DISCONNECT) check_disconnect(c, p, in, a);
    if (a->type == PL_ENGINE_OUT_ONLINE) p->online_ms = now_ms;
    if (a->type != PL_ENGINE_OUT_CONNECT) continue;
    p->connect_ms = now_ms;
    p->asked_ms = p->late_ms = p->reads_till_ms = PL_NEVER;
  }
  p->connection = c->engine->connection;
}

/* A time of 0 or in the past stands for nothing in an engine: it would look like a client that comes late. */
static void check_deadline(sim_client *c) {
  uint64_t at = pl_engine_deadline(c->engine);
  if (at < c->engine->now_ms) sim_fail(c->world, "client %d asks to be called in the past", c->index);
}

/* ---- the other end ----------------------------------------------------------------------------------------------- */

static bool closes_with(const sim_client *c, const uint8_t id[32]) {
  for (size_t i = 0; i < c->engine->session_slots; i++) {
    const pl_engine_session *s = c->engine->sessions[i];
    if (s && s->core->state != PL_SESSION_STATE_OPEN && memcmp(s->id, id, 32) == 0) return true;
  }
  return false;
}

/* Returns true when the peer is closing a session with this client, or did so a moment ago. When another starts at
 * once, the call of the new one may come ahead of the CLOSE of the old one. And when this side has lost its state and
 * calls while that CLOSE is on its way, the CLOSE ends the session that it has just begun. */
static bool peer_closes(sim_client *c, const pl_engine_action *a) {
  const sim_client *peer = sim_peer_there(c->world, a->id, a->instance);
  if (!peer) return false;
  const sim_client_seen *p = &c->world->promises->clients[peer->index];
  bool closed = p->life == peer->life && p->closed_ms != PL_NEVER &&
                memcmp(p->closed_with, c->config.identity.id, 32) == 0 &&
                sim_now_ms(c->world) < p->closed_ms + REMEMBERED_MS;
  return closed || closes_with(peer, c->config.identity.id);
}

static void note_closed(sim_client *c, const pl_engine_action *a) {
  sim_client_seen *p = client_seen(c);
  p->closed_ms = sim_now_ms(c->world);
  memcpy(p->closed_with, a->id, 32);
}

/* A side that still has the state of a session is not a reason to start its streams again, and one that has not closed
 * it, not a reason to end it. */
static void check_end(sim_client *c, const pl_engine_action *a) {
  sim_world *w = c->world;
  size_t slot = (a->session & 0xffff) - 1;
  bool reset = a->type == PL_ENGINE_OUT_STREAM_RESET, closed = a->type == PL_ENGINE_OUT_SESSION_CLOSED;
  if (slot >= SIM_SEEN_SESSIONS || (!reset && !closed) || c->stopped) return;
  sim_session_seen *seen = &w->promises->clients[c->index].sessions[slot];
  if (seen->number != a->session) return;
  if (reset) memset(seen->told, 0, sizeof seen->told);
  if (closed && a->error != PL_OK && a->error != PL_ECLOSED) return;
  const sim_client *peer = sim_peer_there(w, a->id, a->instance);
  const pl_engine_session *other = peer ? sim_other_end(peer, seen->epoch, seen->peer_epoch) : NULL;
  if (closed) note_closed(c, a);
  if (peer_closes(c, a)) return;
  if (other && other->core->state == PL_SESSION_STATE_OPEN)
    sim_fail(w, "client %d: session %x %s, but its peer still has it", c->index, (unsigned)a->session,
             reset ? "starts its streams again" : "is closed");
}

/* ---- how soon a session recovers --------------------------------------------------------------------------------- */

static uint64_t later(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* Returns since when nothing disturbs this client and its way to the relay, or SIM_NEVER. */
static uint64_t calm_us(const sim_client *c) {
  const sim_world *w = c->world;
  const sim_conn *k = c->conn;
  if (!c->engine || c->stopped || c->engine->connection != PL_ENGINE_CONN_ONLINE || !k || k->up.silent ||
      k->down.silent || w->starving || w->forgetful || (w->strangers && w->phase == SIM_ACTIVE))
    return SIM_NEVER;
  uint64_t at = later(later(c->asleep_until_us, c->cut_off_until_us), later(c->lossy_until_us, c->hostile_until_us));
  at = later(at, later(k->up.held_until_us, k->down.held_until_us));
  at = later(at, SIM_MS(w->promises->clients[c->index].online_ms));
  return later(at, w->phase == SIM_ACTIVE ? 0 : w->healed_us);
}

/* Returns since when the relay runs and nothing holds up its bus. */
static uint64_t relay_calm_us(const sim_relay *r) {
  const sim_limits *l = r->world->limits;
  uint64_t at = l ? later(l->asleep_until_us, l->woke_us) : 0;
  for (unsigned i = 0; r->shared && i < r->worker_count; i++)
    for (unsigned k = 0; k < r->worker_count; k++) at = later(at, r->bus[i][k].held_until_us);
  return at;
}

/* Returns how long it takes at most until what both sides want is done: a lost link is found out about, the other side
 * is called (it may be waiting for an answer of its own), and HELLO comes through what waits on the slowest line. */
uint64_t sim_promises_patience_ms(const sim_client *c, const pl_engine_session *s) {
  const sim_world *w = c->world;
  uint64_t waits = (uint64_t)w->clients_count * (c->engine->link_window + UINT64_C(140000));
  uint64_t line_ms = waits / line_rate(w);
  uint64_t way_ms = 8 * (w->delay_us + w->jitter_us + w->relay.bus_delay_us + w->relay.bus_jitter_us) / 1000;
  bool slots =
      w->relay.config.settings[PL_RELAY_SET_LINK_SLOTS] >= 2 * SIM_CLIENTS; /* else a peer may have none free */
  if (w->promises->faultless && slots) return 3000 + way_ms + line_ms;
  uint64_t call_ms = 2 * (c->engine->open_timeout_ms + PL_ENGINE_OPEN_GRACE_MS);
  return 40000 + call_ms + way_ms + line_ms + (UINT64_C(20000) << s->core->patience);
}

/* Returns true when both sides of the session have been undisturbed since `since_ms` and for as long as recovery may
 * take. */
static bool is_overdue(const sim_client *c, const pl_engine_session *s, uint64_t since_ms) {
  sim_world *w = c->world;
  if (since_ms == PL_NEVER) return false;
  const sim_client *peer = sim_peer_there(w, s->id, s->instance);
  if (!peer || peer == c) return false;
  const pl_engine_session *other = sim_other_end(peer, s->core->epoch, s->core->peer_epoch);
  if (!other || other->core->state != PL_SESSION_STATE_OPEN || s->core->state != PL_SESSION_STATE_OPEN) return false;
  uint64_t a = calm_us(c), b = calm_us(peer);
  if (a == SIM_NEVER || b == SIM_NEVER || !w->relay.up) return false;
  uint64_t from_us = later(later(a, b), later(SIM_MS(since_ms), relay_calm_us(&w->relay)));
  uint64_t patience_ms = later(sim_promises_patience_ms(c, s), sim_promises_patience_ms(peer, other));
  return w->now_us > from_us + SIM_MS(patience_ms);
}

/* "Replacing a link" (section 5): it is due when the link has carried too much, or is too old and carries more. */
static void note_age(const sim_client *c, sim_session_seen *seen, const pl_engine_link *l) {
  uint64_t now_ms = sim_now_ms(c->world);
  bool due = l->bytes >= c->engine->config.replace_after_bytes;
  if (!due && now_ms >= l->since_ms + LINK_AGE_MS) {
    if (seen->aged_ms == PL_NEVER) {
      seen->aged_ms = now_ms;
      seen->aged_bytes = l->bytes;
    }
    due = l->bytes > seen->aged_bytes;
  }
  if (due && seen->replace_ms == PL_NEVER) seen->replace_ms = now_ms;
}

static void note_link(sim_client *c, const pl_engine_session *s, sim_session_seen *seen) {
  const pl_session_link *current = s->core->current;
  uint64_t now_ms = sim_now_ms(c->world);
  uint32_t number = current ? current->id : 0;
  if (number != seen->link) {
    seen->link = number;
    seen->link_ms = now_ms;
    seen->aged_ms = seen->replace_ms = PL_NEVER;
  }
  if (number) {
    seen->unlinked_ms = PL_NEVER;
    const pl_engine_link *l = pl_engine_link_find(c->engine, number);
    if (l && l->opener) note_age(c, seen, l);
  } else if (seen->unlinked_ms == PL_NEVER) {
    seen->unlinked_ms = now_ms;
  }
}

/* Returns true when each client surely has a slot for every link, and everything else that it needs. */
static bool suffices(const sim_world *w) {
  return !w->limits || !w->limits->tight || w->phase != SIM_ACTIVE;
}

static void check_recovery(sim_client *c, const pl_engine_session *s, sim_session_seen *seen) {
  sim_world *w = c->world;
  if (suffices(w) && is_overdue(c, s, seen->unlinked_ms))
    sim_fail(w, "client %d: session %x stays without a link", c->index, (unsigned)s->number);
  if (is_overdue(c, s, seen->replace_ms) && !w->limits)
    sim_fail(w, "client %d: session %x keeps a link past its limit", c->index, (unsigned)s->number);
}

static void note_once(uint64_t *at, bool holds, uint64_t now_ms) {
  if (!holds)
    *at = PL_NEVER;
  else if (*at == PL_NEVER)
    *at = now_ms;
}

/* Returns true when this much has passed since then, without the time for which the client did not run. */
static bool has_passed(const sim_client *c, uint64_t since_ms, uint64_t ms) {
  uint64_t awake_ms = c->asleep_until_us / 1000 + READ_FIRST_MS, ends_ms = since_ms + ms;
  return since_ms != PL_NEVER && sim_now_ms(c->world) > later(ends_ms, awake_ms + 1);
}

static bool has_room(const sim_client *c) {
  const sim_conn *k = c->conn;
  return k && k->client_state == SIM_CONN_OPEN && k->relay_conn && !k->up.silent && k->up.waiting == 0;
}

/* Returns how long it takes until a side of a linked session knows what the other one has to tell: an ACK waits 25 ms.
 */
static uint64_t news_ms(const sim_world *w, const pl_engine *e) {
  uint64_t way_us = 2 * (w->delay_us + w->jitter_us) + 4 * (w->relay.bus_delay_us + w->relay.bus_jitter_us);
  uint64_t waits = (uint64_t)w->clients_count * (e->link_window + UINT64_C(140000)); /* of all who send to it */
  return 100 + way_us / 1000 + waits / line_rate(w);
}

/* Returns how many places a knows to be taken, for which it has new credit, too. */
static uint64_t known_taken(const pl_session *a, const pl_session *b) {
  uint64_t taken = 0, window = b->config.session_window;
  for (int i = 0; i < SIM_CHANNELS; i++) {
    const pl_session_channel *out = pl_session_channel_known(a, sim_channel_numbers[i]);
    if (out) taken += out->peer_taken_to;
  }
  uint64_t credit = a->session_limit > window ? a->session_limit - window : 0;
  return taken < credit ? taken : credit;
}

/* In a world without faults, news of what was taken, and the credit for it, come at once. */
static void check_news(sim_client *c, const pl_engine_session *s, sim_session_seen *seen) {
  sim_world *w = c->world;
  if (!w->promises->faultless) return;
  const sim_client *peer = sim_peer_there(w, s->id, s->instance);
  const pl_engine_session *other = peer ? sim_other_end(peer, s->core->epoch, s->core->peer_epoch) : NULL;
  bool both = other && s->core->current && other->core->current && s->core->state == PL_SESSION_STATE_OPEN &&
              other->core->state == PL_SESSION_STATE_OPEN && s->core->current->id == seen->link;
  uint64_t known = both ? known_taken(s->core, other->core) : 0;
  if (!both || known >= seen->behind_to || seen->link_ms == sim_now_ms(w)) seen->behind_ms = PL_NEVER;
  if (!both || known >= other->core->taken_sum) return;
  if (seen->behind_ms == PL_NEVER) {
    seen->behind_ms = sim_now_ms(w);
    seen->behind_to = other->core->taken_sum;
  }
  if (sim_now_ms(w) > seen->behind_ms + news_ms(w, c->engine))
    sim_fail(w, "client %d: session %x is not told what its peer took", c->index, (unsigned)s->number);
}

/* "Acknowledging": 25 ms after the first record that asks for it, if the socket takes it. */
static void check_ack(sim_client *c, const pl_engine_session *s, sim_session_seen *seen) {
  note_once(&seen->ack_ms, s->core->ack_due && s->core->current, sim_now_ms(c->world));
  if (!c->world->starving && has_room(c) &&
      has_passed(c, later(seen->ack_ms, seen->ack_ms == PL_NEVER ? 0 : seen->link_ms), ACK_MS))
    sim_fail(c->world, "client %d: session %x does not acknowledge", c->index, (unsigned)s->number);
}

/* ---- worlds without faults --------------------------------------------------------------------------------------- */

static bool was_linked(sim_client *c, uint32_t number) {
  const sim_session_seen *seen = &c->world->promises->clients[c->index].sessions[(number & 0xffff) - 1];
  return (number & 0xffff) <= SIM_SEEN_SESSIONS && seen->number == number && seen->linked;
}

/* Where nothing goes wrong, nothing is lost, and nobody has to begin again. */
static void check_faultless(sim_client *c, const pl_engine_action *a) {
  sim_world *w = c->world;
  if (c->stopped || peer_closes(c, a) || closes_with(c, a->id)) return;
  switch (a->type) {
    case PL_ENGINE_OUT_OFFLINE:
    case PL_ENGINE_OUT_STREAM_RESET:
    case PL_ENGINE_OUT_UNLINKED:
      sim_fail(w, "client %d, session %x: action %d in a world without faults", c->index, (unsigned)a->session,
               a->type);
    case PL_ENGINE_OUT_SESSION_CLOSED:
      if (a->error == PL_ETIMEDOUT && was_linked(c, a->session))
        sim_fail(w, "client %d, session %x: timed out in a world without faults", c->index, (unsigned)a->session);
      break;
    default:
      break;
  }
}

/* … and no call runs into the caller's own timer, and no accepted call is left without its first record. */
static void check_calls(const sim_client *c) {
  sim_world *w = c->world;
  uint64_t now_ms = sim_now_ms(w), way_ms = 2000 + news_ms(w, c->engine);
  for (const pl_node *n = c->engine->links.next; n != &c->engine->links; n = n->next) {
    const pl_engine_link *l = PL_CONTAINER(n, const pl_engine_link, node);
    if (l->state == PL_ENGINE_LINK_OPENING && now_ms > l->since_ms + c->engine->open_timeout_ms + way_ms)
      sim_fail(w, "client %d hears nothing of its call %x", c->index, (unsigned)l->number);
    if (l->state == PL_ENGINE_LINK_ACCEPTED && now_ms > l->since_ms + way_ms)
      sim_fail(w, "client %d accepted call %x and hears nothing more", c->index, (unsigned)l->number);
  }
}

/* ---- "End" (section 6) ------------------------------------------------------------------------------------------- */

static void check_closing(sim_client *c, const pl_engine_session *s, sim_session_seen *seen) {
  sim_world *w = c->world;
  const pl_session *core = s->core;
  note_once(&seen->closing_ms, core->state == PL_SESSION_STATE_CLOSING, sim_now_ms(w));
  note_once(&seen->lingering_ms, s->lingering, sim_now_ms(w));
  if (has_passed(c, seen->closing_ms, CLOSE_MS))
    sim_fail(w, "client %d: session %x has been closing for too long", c->index, (unsigned)s->number);
  if (has_passed(c, seen->lingering_ms, LINGER_MS))
    sim_fail(w, "client %d remembers session %x for too long", c->index, (unsigned)s->number);
  if (seen->closing_ms == PL_NEVER || !core->current || !has_room(c)) return;
  uint64_t said_ms = seen->close_said_ms == PL_NEVER ? 0 : seen->close_said_ms;
  if (has_passed(c, later(later(said_ms, seen->closing_ms), seen->link_ms), CLOSE_AGAIN_MS + READ_FIRST_MS))
    sim_fail(w, "client %d does not repeat the CLOSE of session %x", c->index, (unsigned)s->number);
}

/* ---- after each step --------------------------------------------------------------------------------------------- */

/* Returns true when there is something for which the peer's answer is awaited. */
static bool is_waiting(const pl_session *s) {
  return s->current && (s->waiting || s->current->sent_first < s->current->sent_last);
}

static void look_at_session(sim_client *c, const pl_engine_session *s) {
  sim_session_seen *seen = sim_promises_seen(c, s);
  sim_credit_check(c, s);
  if (!seen) return;
  note_link(c, s, seen);
  check_recovery(c, s, seen);
  check_news(c, s, seen);
  check_ack(c, s, seen);
  check_closing(c, s, seen);
  sim_heard_check(c, s, seen);
  sim_whom_check_session(c, s, seen);
  note_once(&seen->waiting_ms, is_waiting(s->core), sim_now_ms(c->world));
  seen->linked = s->linked;
  seen->open = s->core->state == PL_SESSION_STATE_OPEN;
  seen->epoch = s->core->epoch;
  seen->peer_epoch = s->core->peer_epoch;
}

void sim_promises_after(sim_client *c, const pl_engine_event *in, const pl_engine_result *out) {
  const pl_engine *e = c->engine;
  sim_retry_after(c, in, out);
  note_connection(c, client_seen(c), in, out);
  for (size_t i = 0; i < out->action_count; i++) {
    if (c->world->promises->faultless) check_faultless(c, &out->actions[i]);
    check_end(c, &out->actions[i]);
  }
  if (c->world->promises->faultless) check_calls(c);
  for (size_t i = 0; i < e->session_slots; i++)
    if (e->sessions[i] && !sim_greedy_is(c->world, e->sessions[i]->id)) look_at_session(c, e->sessions[i]);
  sim_whom_check_links(c);
  check_deadline(c);
  sim_engine_check(c, in);
}
