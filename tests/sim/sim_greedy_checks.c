/* What must hold for what an attacker hears. */
#include <string.h>

#include "sim_greedy.h"

enum {
  CODE_ANSWER = 33, /* bytes of code_answer */
  /* A socket hears at most this many bytes that nobody else sent: a head and HELLO, WELCOME, a refusal; then one for
   * each byte that it sent; then pings. */
  ANSWER_FIRST = 1500,
  ANSWER_PER_SECOND = 40
};

static void broken(sim_greedy_socket *s, const char *what) {
  sim_fail(s->world, "an attacker (socket %u%s%s): %s", (unsigned)s->serial, s->probe ? ", probe " : "",
           s->probe ? s->probe->name : "", what);
}

/* ---- what the relay answers by itself ---------------------------------------------------------------------------- */

/* Reasons on link 0 that a socket may hear though it did nothing wrong. */
static bool is_ordinary_end(int reason) {
  switch (reason) {
    case PL_REASON_DRAINING:
    case PL_REASON_FULL:
    case PL_REASON_RATE:
    case PL_REASON_STORE:
    case PL_REASON_SUPERSEDED:
    case PL_REASON_TIMEOUT:
      return true;
    default:
      return false;
  }
}

static void probe_done(sim_greedy_socket *s) {
  s->world->greedy->answered++;
  sim_trace(s->world, "greedy   socket %u: probe %s is answered", (unsigned)s->serial, s->probe->name);
  sim_greedy_leave(s, true);
}

void sim_greedy_status(sim_greedy_socket *s, int status) {
  const sim_greedy_probe *p = s->probe;
  if (status == 101) {
    if (p && s->probed && p->stage == SIM_GREEDY_HTTP) broken(s, "an upgrade that must be refused is granted");
    return;
  }
  s->refused = true;
  if (status == 429 || status == 503) { /* too many connections of its address, or in all */
    s->probe = NULL;
    return;
  }
  if (!p || !s->probed || p->answer.status <= 0)
    sim_fail(s->world, "an attacker (socket %u%s%s): its request is refused with %d", (unsigned)s->serial,
             p ? ", probe " : "", p ? p->name : "", status);
  if (status != p->answer.status)
    sim_fail(s->world, "an attacker: probe %s is answered by %d instead of %d", p->name, status, p->answer.status);
  probe_done(s);
}

/* RESET on link 0. */
static void refused(sim_greedy_socket *s, int reason) {
  const sim_greedy_probe *p = s->probe;
  s->refused = true;
  sim_trace(s->world, "greedy   socket %u is refused: %s", (unsigned)s->serial, pl_reason_name(reason));
  if (p && s->probed && p->answer.reason == reason) {
    s->rst_seen = true;
    return;
  }
  if (is_ordinary_end(reason) && !(p && s->probed && reason == PL_REASON_RATE)) {
    s->probe = NULL;
    return;
  }
  if (!p || !s->probed)
    sim_fail(s->world, "an attacker (socket %u) is refused with %s for nothing", (unsigned)s->serial,
             pl_reason_name(reason));
  sim_fail(s->world, "an attacker: probe %s is refused with %s", p->name, pl_reason_name(reason));
}

void sim_greedy_closes(sim_greedy_socket *s, int code) {
  const sim_greedy_probe *p = s->probe;
  if (!p || !s->probed) {
    if (!s->refused) broken(s, "its connection is closed without a reason");
    sim_greedy_leave(s, sim_chance(&s->world->greedy->random, 70));
    return;
  }
  if (p->answer.reason && !s->rst_seen) broken(s, "its connection is closed without RESET");
  if (!p->answer.reason && !p->answer.code) broken(s, "its connection is closed though it must go on");
  if (p->answer.code && code != p->answer.code)
    sim_fail(s->world, "an attacker: probe %s is closed with %d instead of %d", p->name, code, p->answer.code);
  probe_done(s);
}

/* The connection is gone. Only a relay that goes down leaves a probe without its answer. */
void sim_greedy_ends(sim_greedy_socket *s) {
  const sim_greedy_probe *p = s->probe;
  const sim_relay *r = &s->world->relay;
  bool down = !r->up || r->ends_us != SIM_NEVER || s->world->greedy->relay_since_us > s->opened_us;
  if (!p || !s->probed || down) return;
  if (p->answer.status >= 0) broken(s, "its connection ends without an answer");
  s->world->greedy->answered++;
}

void sim_greedy_late(sim_greedy_socket *s) {
  const sim_conn *k = s->conn;
  bool heard = k->relay_conn && !k->up.silent && !k->down.silent;
  if (heard) broken(s, "no answer comes");
  sim_greedy_leave(s, false);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* Before ACCEPT a caller hears of nobody whether they are there. */
static void check_unanswered(sim_greedy_socket *s, const sim_greedy_link *l, int reason) {
  sim_world *w = s->world;
  uint64_t timeout_us = SIM_MS(w->relay.config.settings[PL_RELAY_SET_OPEN_TIMEOUT_MS]);
  if (reason == PL_REASON_UNAVAILABLE) {
    if (w->now_us / 1000 < (l->opened_us + timeout_us) / 1000) broken(s, "UNAVAILABLE comes before OPEN_TIMEOUT_MS");
  } else if (reason == PL_REASON_PROTOCOL) {
    if (!l->broken && !l->ours) broken(s, "a call that broke nothing is answered by PROTOCOL");
  } else if (reason == PL_REASON_OVERFLOW) {
    if (!l->ours && !l->proper) broken(s, "OVERFLOW on a call that nobody accepted");
  } else if (reason != PL_REASON_RATE) {
    sim_fail(w, "an attacker hears %s before its call is accepted", pl_reason_name(reason));
  }
}

/* A wrong guess burns a code: its maker knows that already, and nobody may guess at it again. */
static void code_burns(sim_greedy_socket *s, uint32_t nameplate) {
  sim_world *w = s->world;
  sim_greedy *g = w->greedy;
  bool all = w->code_count <= SIM_CODES && !w->tampered;
  int made = 0, alive = 0;
  for (size_t i = 0; all && i < SIM_CODES; i++) {
    const sim_code *k = &w->codes[i];
    if (k->of >= 0 || !k->shown || k->code.number != nameplate) continue;
    made++;
    alive += !k->over && k->life == w->clients[k->client].life && w->clients[k->client].engine;
  }
  if (made == 1 && alive) broken(s, "a code lives on after its guess");
  g->burnt_us[g->burnt_count % SIM_GREEDY_BURNT] = w->now_us;
  g->burnt[g->burnt_count++ % SIM_GREEDY_BURNT] = nameplate;
}

/* Returns true when the code was burnt before this time, and its number belongs to no newer code. */
static bool is_burnt(const sim_world *w, uint32_t nameplate, uint64_t since_us) {
  const sim_greedy *g = w->greedy;
  size_t made = 0;
  bool burnt = false;
  for (size_t i = 0; i < SIM_GREEDY_BURNT; i++) burnt |= g->burnt[i] == nameplate && g->burnt_us[i] < since_us;
  for (size_t i = 0; i < SIM_CODES; i++)
    made += w->codes[i].of < 0 && w->codes[i].shown && w->codes[i].code.number == nameplate;
  return burnt && made == 1 && w->code_count <= SIM_CODES;
}

/* Nobody finds out by trying which numbers there are: few tries of an address may miss. */
static void misses_number(sim_greedy_socket *s) {
  sim_world *w = s->world;
  uint32_t each_minute = w->relay.config.settings[PL_RELAY_SET_CODE_MISSES_PER_MINUTE];
  unsigned *misses = &w->greedy->attackers[s->attacker].misses[s->address[6]];
  uint64_t minutes = (w->now_us - w->greedy->relay_since_us) / 60000000;
  if (++*misses > each_minute * (minutes + 2)) broken(s, "it may try too many numbers of codes");
}

static void hears_reset(sim_greedy_socket *s, const pl_envelope *e) {
  sim_greedy_link *l = sim_greedy_link_at(s, e->link);
  pl_wire_reset reset;
  if (pl_wire_reset_decode(&reset, e->payload.data, e->payload.size) != 0) broken(s, "RESET does not decode");
  if (e->link == 0) {
    refused(s, reset.reason);
    return;
  }
  if (s->probe && s->probed && e->link == s->probe_link && s->probe->answer.link_reason) {
    if (reset.reason != s->probe->answer.link_reason)
      sim_fail(s->world, "an attacker: probe %s has its link reset with %s", s->probe->name,
               pl_reason_name(reset.reason));
    s->rst_seen = true;
  }
  if (!l || l->spoilt) return;
  bool own = !pl_link_number_relay_side(e->link);
  if (own && l->state == SIM_GREEDY_OPENED && !l->claim) check_unanswered(s, l, reset.reason);
  if (own && reset.reason == PL_REASON_NO_CODE && l->claim) misses_number(s);
  if (own && l->claim && reset.reason == PL_REASON_WRONG_CODE) code_burns(s, l->nameplate);
  l->state = SIM_GREEDY_FREE;
}

static void hears_accept(sim_greedy_socket *s, const pl_envelope *e) {
  sim_greedy_link *l = sim_greedy_link_at(s, e->link);
  if (!l || l->unsure) return;
  if (pl_link_number_relay_side(e->link)) broken(s, "ACCEPT on a link that it did not open");
  if (l->state == SIM_GREEDY_DONE) return;
  if (l->state != SIM_GREEDY_OPENED) broken(s, "ACCEPT on a link that was not opened");
  if (!l->ours && !l->claim && !l->proper) broken(s, "its forged handshake is accepted");
  bool by_client = e->payload.size == CODE_ANSWER; /* attackers, who may take a number over, say something shorter */
  if (l->claim && by_client && is_burnt(s->world, l->nameplate, l->opened_us))
    broken(s, "a code is answered again after its guess");
  l->state = SIM_GREEDY_LINKED;
  if (l->proper) sim_greedy_accepted(s, e);
}

/* DATA must come from the other side of this link, once and in order. Only volatile ones may be missing. */
static void hears_data(sim_greedy_socket *s, const pl_envelope *e) {
  sim_greedy_link *l = sim_greedy_link_at(s, e->link);
  const uint8_t *at = e->payload.data;
  if (!l || l->unsure || l->state == SIM_GREEDY_DONE) return;
  if (l->state != SIM_GREEDY_LINKED) broken(s, "DATA on a link that is not linked");
  if (l->proper) sim_greedy_peer_data(s, e);
  if (!l->ours || l->claim || l->proper) return;
  if (e->payload.size < SIM_GREEDY_DATA || pl_get_u32(at) != SIM_GREEDY_MAGIC) broken(s, "DATA of somebody else");
  uint32_t serial = pl_get_u32(at + 4), number = pl_get_u32(at + 8), seq = pl_get_u32(at + SIM_GREEDY_MARK);
  bool is_volatile = e->flags & PL_CONST_ENVELOPE_FLAG_VOLATILE;
  if (l->from_serial == 0) { /* the socket that accepted */
    l->from_serial = serial;
    l->from_link = number;
  }
  if (l->from_serial != serial || l->from_link != number) broken(s, "DATA of another link");
  if (is_volatile != at[SIM_GREEDY_MARK + 4]) broken(s, "the flag of DATA was changed");
  if (is_volatile ? seq <= l->seen[1] : seq != l->seen[0] + 1) broken(s, "DATA out of order, or lost without a RESET");
  l->seen[is_volatile] = seq;
}

static const sim_greedy_socket *socket_of(const sim_greedy *g, uint32_t serial) {
  for (size_t i = 0; i < SIM_GREEDY_SOCKETS; i++)
    if (g->sockets[i].conn && g->sockets[i].serial == serial) return &g->sockets[i];
  return NULL;
}

/* Only attackers call attackers, and honest clients that have a session with one; the relay says who it was. */
static void hears_offer(sim_greedy_socket *s, const pl_envelope *e) {
  sim_world *w = s->world;
  uint32_t slot = pl_link_number_slot(e->link);
  const uint8_t *at = e->payload.data;
  if (!pl_link_number_relay_side(e->link) || pl_link_number_generation(e->link) == 0 ||
      slot >= w->relay.config.settings[PL_RELAY_SET_LINK_SLOTS])
    broken(s, "an OFFER with a number that the relay may not choose");
  if (slot >= SIM_GREEDY_SLOTS) return;
  sim_greedy_link *l = &s->offered[slot];
  if (l->state == SIM_GREEDY_OPENED || l->state == SIM_GREEDY_LINKED) broken(s, "an OFFER on a link that is in use");
  *l = (sim_greedy_link){.number = e->link, .state = SIM_GREEDY_OPENED, .ours = true, .opened_us = w->now_us};
  l->claim = e->type == PL_ENV_CLAIM;
  if (l->claim) return;
  if (!sim_greedy_is(w, at)) {
    l->ours = false;
    if (!sim_greedy_met(w, at)) broken(s, "an honest client calls it for no reason");
    return;
  }
  if (e->payload.size < 40 + SIM_GREEDY_MARK || pl_get_u32(at + 40) != SIM_GREEDY_MAGIC) return;
  l->from_serial = pl_get_u32(at + 44);
  l->from_link = pl_get_u32(at + 48);
  const sim_greedy_socket *from = socket_of(w->greedy, l->from_serial);
  if (from && (memcmp(sim_greedy_identity(from)->id, at, 32) != 0 || memcmp(from->instance, at + 32, 8) != 0))
    broken(s, "an OFFER names another caller");
}

/* Returns true for what somebody else sent, or what ends it. */
static bool is_passed_on(sim_greedy_socket *s, const pl_envelope *e) {
  const sim_greedy_link *l;
  if (e->type != PL_ENV_RESET)
    return e->type == PL_ENV_DATA || e->type == PL_ENV_OFFER || e->type == PL_ENV_CLAIM || e->type == PL_ENV_ACCEPT;
  if (pl_link_number_relay_side(e->link)) return true;
  l = sim_greedy_link_at(s, e->link);
  return l && (l->state == SIM_GREEDY_LINKED || l->claim);
}

static void hears_pong(sim_greedy_socket *s) {
  if (!s->probe || !s->probed) return;
  if (s->probe->answer.link_reason && !s->rst_seen) broken(s, "its link is not reset");
  if (!s->probe->answer.link_reason && !s->probe->answer.silence) broken(s, "its violation is not answered");
  probe_done(s);
}

static void hears_login(sim_greedy_socket *s, const pl_envelope *e) {
  bool hello = e->type == PL_ENV_HELLO;
  if (s->stage != (hello ? SIM_GREEDY_HELLO : SIM_GREEDY_WELCOME)) {
    bool accepted = s->probe && s->probed && !hello;
    broken(s, accepted ? "its login is accepted" : "HELLO or WELCOME at a wrong time");
  }
  if (hello) {
    if (e->payload.size > sizeof s->hello) broken(s, "a HELLO that is too long");
    memcpy(s->hello, e->payload.data, e->payload.size);
    s->hello_size = e->payload.size;
  }
  s->stage = hello ? SIM_GREEDY_LOGIN : SIM_GREEDY_READY;
  sim_greedy_probe_ready(s);
}

static void check_answers(sim_greedy_socket *s) {
  uint64_t seconds = (s->world->now_us - s->opened_us) / 1000000;
  if (s->answer_bytes > ANSWER_FIRST + s->up_bytes + ANSWER_PER_SECOND * seconds)
    broken(s, "the relay answers with much more than it got");
}

void sim_greedy_hears(sim_greedy_socket *s, const pl_envelope *e) {
  sim_trace(s->world, "greedy   socket %u hears %s link=%x size=%d", (unsigned)s->serial, pl_envelope_name(e->type),
            (unsigned)e->link, (int)e->payload.size);
  if (!is_passed_on(s, e)) s->answer_bytes += 8 + e->payload.size;
  check_answers(s);
  if (s->stage < SIM_GREEDY_READY && e->type != PL_ENV_HELLO && e->type != PL_ENV_WELCOME &&
      (e->type != PL_ENV_RESET || e->link != 0))
    broken(s, "something else than HELLO, WELCOME and RESET comes before WELCOME");
  switch (e->type) {
    case PL_ENV_HELLO:
    case PL_ENV_WELCOME:
      hears_login(s, e);
      break;
    case PL_ENV_OFFER:
    case PL_ENV_CLAIM:
      hears_offer(s, e);
      if (!s->probe) sim_greedy_offered(s, e->link);
      break;
    case PL_ENV_ACCEPT:
      hears_accept(s, e);
      break;
    case PL_ENV_DATA:
      hears_data(s, e);
      break;
    case PL_ENV_RESET:
      hears_reset(s, e);
      break;
    case PL_ENV_PONG:
      hears_pong(s);
      break;
    default:
      break;
  }
}
