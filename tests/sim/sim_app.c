/* Applications: they connect, send, finish, give up, close and take at random, and check everything they are told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_greedy.h"
#include "sim_js.h"
#include "sim_limits.h"
#include "sim_promises.h"

enum { BURST_MAX = 12, STREAMS_ROOM = 4000 };

/* Returns the client of this ID and instance, else one of this ID, else -1. */
int sim_client_of(const sim_world *w, const uint8_t id[32], const uint8_t instance[8]) {
  int found = -1;
  for (int i = 0; i < w->clients_count; i++) {
    if (memcmp(w->clients[i].config.identity.id, id, 32) != 0) continue;
    if (memcmp(w->clients[i].config.instance, instance, 8) == 0) return i;
    if (found < 0) found = i;
  }
  return found;
}

bool sim_same_id(const sim_world *w, int a, int b) {
  return memcmp(w->clients[a].config.identity.id, w->clients[b].config.identity.id, 32) == 0;
}

sim_session *sim_session_of(sim_client *c, uint32_t number) {
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    if (c->sessions[i].used && c->sessions[i].number == number) return &c->sessions[i];
  }
  return NULL;
}

sim_session *sim_session_new(sim_client *c, uint32_t number, int peer) {
  if (sim_session_of(c, number)) sim_fail(c->world, "client %d: session %x starts twice", c->index, (unsigned)number);
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    if (c->sessions[i].used) continue;
    c->sessions[i] = (sim_session){.used = true, .number = number, .peer = peer, .unlinked_ms = sim_now_ms(c->world)};
    return &c->sessions[i];
  }
  sim_fail(c->world, "client %d has more sessions than there are peers", c->index);
}

static void plan_act(sim_client *c) {
  sim_world *w = c->world;
  c->next_act_us = w->phase == SIM_ACTIVE ? w->now_us + sim_below(&w->random, SIM_MS(2 * w->act_mean_ms)) : SIM_NEVER;
}

static void plan_take(sim_client *c) {
  sim_world *w = c->world;
  if (!c->config.manual_take || c->take_at_us != SIM_NEVER) return;
  uint64_t most = w->phase == SIM_ACTIVE && sim_chance(&w->random, 20) ? SIM_MS(20000) : SIM_MS(200);
  c->take_at_us = w->now_us + sim_below(&w->random, most);
}

void sim_app_started(sim_client *c) {
  sim_strangers_started(c);
  plan_act(c);
}

/* ---- acting ------------------------------------------------------------------------------------------------------ */

static void connect_somewhere(sim_client *c) {
  sim_world *w = c->world;
  int peer = (int)sim_below(&w->random, (uint64_t)w->clients_count);
  peer = sim_strangers_peer(c, sim_crowds_peer(c, peer));
  if (peer == c->index) return;
  bool twin = sim_same_id(w, peer, c->index);
  size_t used = 0;
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    used += c->sessions[i].used;
    if (c->sessions[i].used && c->sessions[i].peer == peer && !sim_chance(&w->random, 5)) return;
  }
  if (used > SIM_SESSIONS / 2) return;
  const sim_client *other = &w->clients[peer];
  pl_engine_target to = {.peer = {other->config.identity.id, 32}};
  if (twin || sim_chance(&w->random, 30)) to.instance = (pl_view){other->config.instance, 8};
  if (w->strangers && sim_chance(&w->extra, 50)) to.secret = sim_strangers_secret(c, peer);
  for (int i = 0; i < w->clients_count; i++) c->dialled[i] |= sim_same_id(w, i, peer);
  pl_engine_result out;
  int rc = sim_client_begin(c, &(pl_engine_event){.type = PL_ENGINE_IN_CONNECT, .connect = to}, &out);
  sim_trace(w, "client %d session %x is with client %d", c->index, (unsigned)out.session, peer);
  if (rc == PL_ENOMEM && (w->starving || sim_limits_no_session(c))) {
    sim_client_end(c, &out);
    return;
  }
  if (rc != 0) sim_fail(w, "client %d cannot connect: %d", c->index, rc);
  sim_session *s = sim_session_of(c, out.session);
  if (!s) {
    s = sim_session_new(c, out.session, peer);
    if (to.instance.size) memcpy(s->peer_instance, to.instance.data, 8);
  }
  if (to.secret.size) s->invited = true; /* also one that was called without it before */
  sim_client_end(c, &out);
}

static bool send_one(sim_client *c, sim_session *s, int channel) {
  sim_world *w = c->world;
  sim_side *side = &s->sides[channel];
  sim_stream *st = sim_stream_out(c, s, channel);
  uint32_t size = sim_size(w, st);
  sim_text_of(w, st, st->count, w->text, size);
  pl_engine_event in = {.type = PL_ENGINE_IN_SEND};
  in.send.session = s->number;
  in.send.channel = sim_channel_numbers[channel];
  in.send.data = (pl_view){w->text, size};
  pl_engine_result out;
  int rc = sim_client_begin(c, &in, &out);
  if (rc == 0) {
    sim_ledger_sent(w, st, size, out.place);
  } else if (rc == PL_EAGAIN) {
    side->wants_writable = true;
    if (!sim_js_runs()) sim_credit_refused(c, s, channel, size);
  } else if (!(rc == PL_ESTATE && (st->finished || s->closing)) && rc != PL_EMSGSIZE &&
             !(rc == PL_ENOMEM && w->starving)) {
    sim_fail(w, "client %d cannot send: %d", c->index, rc);
  }
  sim_client_end(c, &out);
  return rc == 0;
}

static void send_burst(sim_client *c, sim_session *s, int channel) {
  uint32_t number = s->number;
  uint64_t count = sim_between(&c->world->random, 1, BURST_MAX);
  while (count-- && s->used && s->number == number && send_one(c, s, channel)) continue;
}

static void send_volatile(sim_client *c, sim_session *s, int channel) {
  sim_world *w = c->world;
  uint64_t number = sim_ledger_volatile_sent(c, s);
  pl_put_u64(w->text, number);
  pl_put_u64(w->text + 8, number ^ w->seed);
  pl_engine_event in = {.type = PL_ENGINE_IN_SEND_VOLATILE};
  in.send.session = s->number;
  in.send.channel = sim_channel_numbers[channel];
  in.send.data = (pl_view){w->text, (size_t)sim_between(&w->random, 16, 2000)};
  (void)sim_client_step(c, &in);
}

static void finish(sim_client *c, sim_session *s, int channel) {
  sim_world *w = c->world;
  sim_stream *st = sim_stream_out(c, s, channel);
  if (st->finished || s->closing || st->count == 0) return;
  pl_engine_event in = {.type = PL_ENGINE_IN_FINISH, .finish = {s->number, sim_channel_numbers[channel]}};
  pl_engine_result out;
  st->finished = true;
  st->end++;
  int rc = sim_client_begin(c, &in, &out);
  uint64_t place = out.place;
  sim_client_end(c, &out);
  if (rc == PL_ENOMEM && w->starving) {
    st->finished = false;
    st->end--;
    return;
  }
  if (rc != 0) sim_fail(w, "client %d cannot finish: %d", c->index, rc);
  if (place != st->end) sim_fail(w, "stream %u: its end has a wrong place", st->id);
}

static void give_up(sim_client *c, sim_session *s, int channel) {
  sim_stream *st = sim_stream_out(c, s, channel);
  if (st->was_reset || s->closing || st->count == 0) return;
  pl_engine_event in = {.type = PL_ENGINE_IN_CHANNEL_RESET,
                        .channel_reset = {s->number, sim_channel_numbers[channel], 7}};
  bool was = st->was_reset, finished = st->finished;
  st->was_reset = st->finished = true; /* what was not delivered is given up on purpose */
  if (sim_client_step(c, &in) != 0) {
    st->was_reset = was;
    st->finished = finished;
    return;
  }
  s->sides[channel].wants_writable = false;
  for (size_t i = 0; i < st->count; i++) {
    if (st->messages[i].fate == SIM_SENT) st->messages[i].fate = SIM_GIVEN_UP;
  }
}

static void close_session(sim_client *c, sim_session *s) {
  pl_engine_event in = {.type = PL_ENGINE_IN_CLOSE, .close = {.session = s->number, .reason = PL_REASON_CLOSED}};
  s->closing = true;
  (void)sim_client_step(c, &in);
}

static sim_session *any_session(sim_client *c) {
  size_t first = (size_t)sim_below(&c->world->random, SIM_SESSIONS);
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    sim_session *s = &c->sessions[(first + i) % SIM_SESSIONS];
    if (s->used) return s;
  }
  return NULL;
}

void sim_app_act(sim_client *c) {
  sim_world *w = c->world;
  sim_random *r = &w->random;
  plan_act(c);
  if (sim_crowds_act(c)) return;
  if (w->pairing && sim_chance(&w->code_random, 15)) {
    sim_codes_act(c);
    return;
  }
  if (w->strangers && sim_chance(&w->extra, 15)) {
    sim_strangers_act(c);
    return;
  }
  sim_session *s = any_session(c);
  int channel = (int)sim_below(r, SIM_CHANNELS);
  uint64_t dice = sim_below(r, 100);
  if (!s || dice < 8) {
    connect_somewhere(c);
  } else if (w->stream_count > STREAMS_ROOM) {
    return;
  } else if (dice < 72) {
    if (!s->sides[channel].wants_writable || sim_chance(r, 10)) send_burst(c, s, channel);
  } else if (dice < 82) {
    send_volatile(c, s, channel);
  } else if (dice < 85) {
    finish(c, s, channel);
  } else if (dice < 87) {
    give_up(c, s, channel);
  } else if (dice < 92) {
    pl_engine_event in = {.type = PL_ENGINE_IN_PRIORITY, .priority = {s->number, sim_channel_numbers[channel], 0}};
    in.priority.value = (uint32_t)sim_below(r, 8);
    (void)sim_client_step(c, &in);
  } else if (dice < 94) {
    close_session(c, s);
  } else if (dice < 96) {
    (void)sim_client_step(c, &(pl_engine_event){.type = PL_ENGINE_IN_NETWORK_UP});
  } else {
    int peer = (int)sim_below(r, (uint64_t)w->clients_count);
    if (peer != c->index) sim_strangers_allow(c, peer);
  }
}

/* Takes what was read on one channel, or on all. */
void sim_app_take(sim_client *c, bool all) {
  sim_world *w = c->world;
  c->take_at_us = SIM_NEVER;
  bool left = false;
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    for (int k = 0; k < SIM_CHANNELS; k++) {
      sim_session *s = &c->sessions[i];
      sim_side *side = &s->sides[k];
      if (!s->used || side->taken_to == side->read_to) continue;
      if (!all && !sim_chance(&w->random, 60)) {
        left = true;
        continue;
      }
      side->taken_to = side->read_to;
      if (side->in) side->in->taken_to = side->in->read_to;
      pl_engine_event in = {.type = PL_ENGINE_IN_TAKE, .take = {s->number, sim_channel_numbers[k], side->read_to}};
      int rc = sim_client_step(c, &in);
      if (rc != 0 && s->used && !s->closing) sim_fail(w, "client %d cannot take: %d", c->index, rc);
    }
  }
  if (left) plan_take(c);
}

/* ---- being told -------------------------------------------------------------------------------------------------- */

static sim_session *session_for(sim_client *c, const pl_engine_action *a) {
  sim_session *s = sim_session_of(c, a->session);
  if (!s) sim_fail(c->world, "client %d is told of session %x, which it does not have", c->index, (unsigned)a->session);
  return s;
}

static void session_begins(sim_client *c, const pl_engine_action *a) {
  int peer = sim_client_of(c->world, a->id, a->instance);
  if (peer < 0) sim_fail(c->world, "client %d: a session with nobody", c->index);
  sim_strangers_begin(c, peer);
  sim_session *s = sim_session_new(c, a->session, peer);
  memcpy(s->peer_instance, a->instance, 8);
  c->world->figures.sessions++;
}

/* A session ends because a side wants it to, by its timeout, because there is another one with the same peer, or
 * because its invite is over or the peer refuses this client. Nothing else may end it, not even a relay that repeats
 * and changes records. */
static void check_end(sim_client *c, const sim_session *s, const pl_engine_action *a) {
  sim_world *w = c->world;
  bool wish = a->error == PL_OK || a->error == PL_ECLOSED, late = a->error == PL_ETIMEDOUT,
       second = a->error == PL_ESTATE,
       refused = a->error == PL_EREFUSED && (s->invited || sim_strangers_refused(c, s->peer));
  if (!wish && !late && !second && !refused)
    sim_fail(w, "client %d: session %x ends with error %d", c->index, (unsigned)s->number, a->error);
  uint64_t timeout_ms = c->config.session_timeout_ms ? c->config.session_timeout_ms : 3600000;
  if (late && !s->closing && !c->stopped && (s->linked || sim_now_ms(w) < s->unlinked_ms + timeout_ms))
    sim_fail(w, "client %d: session %x timed out too early", c->index, (unsigned)s->number);
}

void sim_app_action(sim_client *c, const pl_engine_action *a) {
  sim_world *w = c->world;
  sim_session *s;
  if (sim_greedy_told(c, a)) return;
  switch (a->type) {
    case PL_ENGINE_OUT_KNOCK:
      sim_strangers_knock(c, a);
      break;
    case PL_ENGINE_OUT_CODE:
    case PL_ENGINE_OUT_CODE_BUSY:
    case PL_ENGINE_OUT_PAIRED:
    case PL_ENGINE_OUT_CODE_ENDED:
      sim_codes_action(c, a);
      break;
    case PL_ENGINE_OUT_INVITE_CLAIMED:
      sim_strangers_claimed(c, a);
      break;
    case PL_ENGINE_OUT_SESSION:
      session_begins(c, a);
      break;
    case PL_ENGINE_OUT_LINKED:
      s = session_for(c, a);
      if (s->linked) sim_fail(w, "client %d: session %x is linked twice", c->index, (unsigned)a->session);
      if (!pl_get_u64(a->instance)) sim_fail(w, "client %d: session %x is with nobody", c->index, (unsigned)a->session);
      s->linked = true;
      memcpy(s->peer_instance, a->instance, 8);
      if (sim_client_of(w, a->id, a->instance) >= 0) s->peer = sim_client_of(w, a->id, a->instance);
      w->figures.links++;
      break;
    case PL_ENGINE_OUT_UNLINKED:
      s = session_for(c, a);
      if (!s->linked && !PL_REASON_IS_RETRYABLE(a->reason)) break; /* its call was turned away */
      if (!s->linked) sim_fail(w, "client %d: session %x is unlinked twice", c->index, (unsigned)a->session);
      s->linked = false;
      s->unlinked_ms = sim_now_ms(w);
      w->figures.unlinks++;
      break;
    case PL_ENGINE_OUT_MESSAGE:
      sim_ledger_read(c, session_for(c, a), a);
      plan_take(c);
      break;
    case PL_ENGINE_OUT_VOLATILE:
      sim_ledger_volatile(c, session_for(c, a), a);
      break;
    case PL_ENGINE_OUT_END:
      sim_ledger_end(c, session_for(c, a), a);
      plan_take(c);
      break;
    case PL_ENGINE_OUT_CHANNEL_RESET:
      sim_ledger_channel_reset(c, session_for(c, a), a);
      plan_take(c);
      break;
    case PL_ENGINE_OUT_WRITABLE:
      session_for(c, a)->sides[sim_channel_index(w, a->channel)].wants_writable = false;
      break;
    case PL_ENGINE_OUT_DELIVERED:
      sim_ledger_delivered(c, session_for(c, a), a);
      break;
    case PL_ENGINE_OUT_LOST:
      sim_ledger_lost(c, session_for(c, a), a);
      break;
    case PL_ENGINE_OUT_STREAM_RESET:
      w->figures.stream_resets++;
      sim_ledger_streams_end(c, session_for(c, a));
      break;
    case PL_ENGINE_OUT_SESSION_CLOSED:
      s = session_for(c, a);
      check_end(c, s, a);
      sim_ledger_streams_end(c, s);
      s->used = false;
      break;
    default:
      break;
  }
}

/* ---- when faults are over ---------------------------------------------------------------------------------------- */

void sim_app_heal(sim_client *c) {
  for (int i = 0; i < c->world->clients_count; i++) c->decided[i] = SIM_ALLOWED;
  c->next_act_us = SIM_NEVER;
  if (!c->engine) return;
  sim_strangers_allow_all(c);
  sim_app_take(c, true);
}

/* The peer of the session is there, as the same instance. */
static bool peer_is_there(const sim_client *c, const sim_session *s) {
  const sim_client *peer = &c->world->clients[s->peer];
  static const uint8_t none[8] = {0};
  return peer->engine &&
         (memcmp(s->peer_instance, none, 8) == 0 || memcmp(s->peer_instance, peer->config.instance, 8) == 0);
}

bool sim_app_settled(const sim_client *c, char *why, size_t size) {
  if (!c->engine) {
    (void)snprintf(why, size, "client %d is not there", c->index);
    return false;
  }
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    const sim_session *s = &c->sessions[i];
    if (!s->used || !peer_is_there(c, s)) continue;
    if (!s->linked && sim_limits_may_wait(c, s)) continue;
    if (!s->linked) {
      (void)snprintf(why, size, "client %d: session %x is not linked", c->index, (unsigned)s->number);
      return false;
    }
    for (int k = 0; k < SIM_CHANNELS; k++) {
      const sim_side *side = &s->sides[k];
      const sim_stream *st = side->out;
      if (side->wants_writable) {
        (void)snprintf(why, size, "client %d: channel %d is not writable", c->index, sim_channel_numbers[k]);
        return false;
      }
      if (st && !st->was_reset && st->delivered_to != st->end) {
        (void)snprintf(why, size, "stream %u is delivered to %d of %d", st->id, (int)st->delivered_to, (int)st->end);
        return false;
      }
    }
  }
  return true;
}
