/* What a connection may say when: login, lists of peers, its end. */
#include <stdlib.h>
#include <string.h>

#include "sim_wire_state.h"

static int number_of(const sim_wire_conn *c) {
  return c->k->client ? c->k->client->index : -1;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void note_left(const sim_wire_conn *c) {
  sim_wire *o = c->wire;
  if (c->phase != SIM_WIRE_WELCOME) return;
  sim_wire_grow((void **)&o->left, o->left_count, &o->left_capacity, sizeof *o->left);
  sim_wire_left *l = &o->left[o->left_count++];
  *l = (sim_wire_left){.worker = c->worker};
  memcpy(l->id, c->id, 32);
}

void sim_wire_left_turn(sim_wire *o, unsigned worker) {
  size_t kept = 0;
  for (size_t i = 0; i < o->left_count; i++) {
    sim_wire_left *l = &o->left[i];
    if (!l->stamp.set && l->worker == worker) l->stamp = sim_wire_stamp_of(o, worker);
    if (!sim_wire_known_to_all(o, &l->stamp)) o->left[kept++] = *l;
  }
  o->left_count = kept;
}

void sim_wire_conn_ends(sim_wire_conn *c) {
  if (c->ended) return;
  c->ended = true;
  if (sim_wire_ends_unseen(c, c->arrived_us)) sim_wire_budget_unread(c);
  note_left(c);
  sim_wire_call_gone(c);
  sim_wire_code_unheard(c);
  sim_wire_links_of_ended(c);
}

void sim_wire_conn_close_arrives(sim_wire_conn *c) {
  c->client_ended = true;
  sim_wire_conn_ends(c);
}

void sim_wire_conn_close_written(sim_wire_conn *c) {
  c->said_end = true;
  sim_wire_conn_ends(c);
}

/* ---- logins ------------------------------------------------------------------------------------------------------ */

static sim_wire_login *login_of(sim_wire *o, const sim_wire_conn *c) {
  for (size_t i = 0; i < o->login_count; i++) {
    sim_wire_login *l = &o->logins[i];
    if (memcmp(l->id, c->id, 32) == 0 && memcmp(l->instance, c->instance, 8) == 0) return l;
  }
  sim_wire_grow((void **)&o->logins, o->login_count, &o->login_capacity, sizeof *o->logins);
  sim_wire_login *l = &o->logins[o->login_count++];
  *l = (sim_wire_login){0};
  memcpy(l->id, c->id, 32);
  memcpy(l->instance, c->instance, 8);
  return l;
}

static void check_limits(sim_wire_conn *c, pl_view limits) {
  pl_reader r = pl_reader_of(limits.data, limits.size);
  pl_wire_limit limit;
  size_t count = 0;
  while (pl_reader_left(&r) && pl_wire_limit_read(&limit, &r) == 0) {
    for (size_t i = 0; pl_limit_table[i].name; i++)
      if (pl_limit_table[i].id == limit.id && c->wire->world->relay.config.settings[i] == limit.value) count++;
  }
  size_t all = 0;
  while (pl_limit_table[all].name) all++;
  if (count != all) sim_wire_blame(c->wire, "the relay announces other limits than it was set to");
}

static void hello_written(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire *o = c->wire;
  pl_wire_hello hello;
  if (c->phase != SIM_WIRE_NEW || pl_wire_hello_decode(&hello, e->payload.data, e->payload.size) != 0 ||
      memcmp(hello.relay_id, o->world->relay.identity.id, 32) != 0) {
    sim_wire_blame(o, "the relay says a wrong HELLO, or another one");
    return;
  }
  check_limits(c, hello.limits);
  memcpy(c->hello, e->payload.data, e->payload.size);
  c->hello_size = e->payload.size;
  c->hello_ms = sim_wire_now_ms(o);
  c->phase = SIM_WIRE_HELLO;
}

static void login_arrives(sim_wire_conn *c, const pl_envelope *e) {
  if (c->login_came || e->payload.size > sizeof c->sent_login) return;
  c->login_came = true;
  c->login_ms = sim_wire_now_ms(c->wire);
  memcpy(c->sent_login, e->payload.data, e->payload.size);
  c->login_size = e->payload.size;
}

/* Returns what is wrong with the proof of LOGIN, or NULL. */
static const char *login_fault(const sim_wire_conn *c, pl_wire_login *login) {
  static const uint8_t zeros[8];
  uint8_t transcript[64];
  if (!c->login_came || pl_wire_login_decode(login, c->sent_login, c->login_size) != 0) return "no LOGIN";
  if (memcmp(login->instance, zeros, 8) == 0) return "an instance of zeros";
  pl_view hello = {c->hello, c->hello_size}, body = {c->sent_login, c->login_size - PL_CONST_SIGNATURE_BYTES};
  pl_login_transcript(transcript, hello, body);
  if (pl_login_verify_client(login->signature, transcript, login->peer_id) != 0) return "a wrong proof";
  if (pl_id_check(login->peer_id) != 0) return "a key that is no point";
  if (c->login_ms - c->hello_ms > sim_wire_setting(c->wire, PL_RELAY_SET_CHALLENGE_MS)) return "a late proof";
  return NULL;
}

static bool same_instance(const sim_wire_conn *a, const sim_wire_conn *b) {
  return memcmp(a->id, b->id, 32) == 0 && memcmp(a->instance, b->instance, 8) == 0;
}

/* The relay must end older sockets of the instance as soon as their workers know of the new one. */
static void supersede(sim_wire_conn *c) {
  sim_wire *o = c->wire;
  for (size_t i = 0; i < o->world->conns_used; i++) {
    sim_wire_conn *other = o->conns[i];
    if (!other || other == c || !sim_wire_present(other)) continue;
    if (!same_instance(other, c)) continue;
    other->superseded_by = c->serial;
    other->superseded_at.set = other->newer_lost = false;
    other->unsettled = true;
    sim_wire_call_gone(other);
  }
}

/* A login may exceed INSTANCES_PER_ID only by sockets that the relay did not know yet at this worker. One that takes
 * the place of an older socket adds none. */
static void check_instances(sim_wire_conn *c) {
  sim_wire *o = c->wire;
  uint32_t others = 0;
  for (size_t i = 0; i < o->world->conns_used; i++) {
    const sim_wire_conn *other = o->conns[i];
    bool gives_way = other && other != c && same_instance(other, c) && sim_wire_known(o, &other->login, c->worker);
    if (gives_way && (other->superseded_by == c->serial || other->was_superseded)) return;
    if (!other || other == c || !sim_wire_present(other) || sim_wire_blocked(other)) continue;
    if (memcmp(other->id, c->id, 32) != 0 || memcmp(other->instance, c->instance, 8) == 0) continue;
    others += !other->superseded_by && sim_wire_known(o, &other->login, c->worker);
  }
  if (others >= sim_wire_setting(o, PL_RELAY_SET_INSTANCES_PER_ID))
    sim_wire_blame(o, "client %d is let in beside %u instances of its ID", number_of(c), others);
}

static void welcome_written(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire *o = c->wire;
  pl_wire_welcome welcome;
  pl_wire_login login;
  const char *fault = c->phase == SIM_WIRE_HELLO ? login_fault(c, &login) : "no HELLO, or another WELCOME";
  if (fault || pl_wire_welcome_decode(&welcome, e->payload.data, e->payload.size) != 0) {
    sim_wire_blame(o, "WELCOME after %s", fault ? fault : "LOGIN does not decode");
    return;
  }
  check_limits(c, welcome.limits);
  memcpy(c->id, login.peer_id, 32);
  memcpy(c->instance, login.instance, 8);
  c->listens = login.flags & PL_CONST_LOGIN_FLAG_LISTEN;
  c->phase = SIM_WIRE_WELCOME;
  c->serial = login_of(o, c)->newest = ++o->serials;
  c->fresh = true;
  supersede(c);
  check_instances(c);
}

/* ---- lists of peers ---------------------------------------------------------------------------------------------- */

static sim_wire_peer *peer_of(sim_wire_conn *c, const uint8_t id[32]) {
  for (size_t i = 0; i < c->peer_count; i++)
    if (memcmp(c->peers[i].id, id, 32) == 0) return &c->peers[i];
  return NULL;
}

/* Returns true when the relay certainly had room for one more entry. */
static bool list_has_room(const sim_wire_conn *c) {
  const sim_wire *o = c->wire;
  uint64_t all = 0, most = (uint64_t)sim_wire_setting(o, PL_RELAY_SET_PEERS_TOTAL) *
                           sim_wire_setting(o, PL_RELAY_SET_ADDRESS_SHARE_PERCENT) / 100 / o->world->relay.worker_count;
  for (size_t i = 0; i < o->world->conns_used; i++) all += o->conns[i] ? o->conns[i]->peer_count : 0;
  return c->peer_count < sim_wire_setting(o, PL_RELAY_SET_PEERS_PER_SOCKET) && all < most && !o->doubt;
}

static void peers_arrive(sim_wire_conn *c, const pl_envelope *e) {
  pl_wire_peers peers;
  if (pl_wire_peers_decode(&peers, e->payload.data, e->payload.size) != 0) return;
  for (size_t at = 0; at < peers.ids.size; at += 32) {
    sim_wire_peer *p = peer_of(c, peers.ids.data + at);
    bool sure = list_has_room(c);
    if (!p) {
      sim_wire_grow((void **)&c->peers, c->peer_count, &c->peer_capacity, sizeof *c->peers);
      p = &c->peers[c->peer_count++];
      *p = (sim_wire_peer){.op = PL_CONST_PEERS_FORGET};
      memcpy(p->id, peers.ids.data + at, 32);
    }
    if (peers.op == PL_CONST_PEERS_BLOCK) sim_wire_call_blocked(c, p->id);
    p->sure = sure || (p->sure && p->op != PL_CONST_PEERS_FORGET); /* else it takes a place again */
    p->before = p->op;
    p->op = peers.op;
    p->since_us = c->wire->world->now_us;
  }
  c->list.set = false;
  c->fresh = c->list_fresh = true;
}

bool sim_wire_list_changed(const sim_wire *o, const uint8_t id[32], uint64_t since_us) {
  for (size_t i = 0; i < o->world->conns_used; i++) {
    const sim_wire_conn *c = o->conns[i];
    if (!c || c->phase != SIM_WIRE_WELCOME || memcmp(c->id, id, 32) != 0) continue;
    for (size_t k = 0; k < c->peer_count; k++)
      if (c->peers[k].since_us >= since_us) return true;
  }
  return false;
}

bool sim_wire_lists(const sim_wire *o, const uint8_t owner[32], const uint8_t peer[32], uint8_t op, unsigned worker,
                    bool for_certain) {
  for (size_t i = 0; !for_certain && i < o->left_count; i++)
    if (memcmp(o->left[i].id, owner, 32) == 0) return true; /* some worker may still have that socket's list */
  for (size_t i = 0; i < o->world->conns_used; i++) {
    sim_wire_conn *c = o->conns[i];
    if (!c || c->phase != SIM_WIRE_WELCOME || memcmp(c->id, owner, 32) != 0) continue;
    const sim_wire_peer *p = peer_of(c, peer);
    if (!p) continue;
    if (!for_certain) {
      if (p->op == op || p->before == op) return true;
    } else if (p->op == op && p->sure && sim_wire_present(c) && !c->superseded_by && !sim_wire_blocked(c) &&
               sim_wire_known(o, &c->login, worker) && sim_wire_known(o, &c->list, worker)) {
      return true;
    }
  }
  return false;
}

/* ---- ends that are not seen -------------------------------------------------------------------------------------- */

/* Returns true when more instances of this ID may have logged in, at several workers, than INSTANCES_PER_ID allows. The
 * newest is ended then. */
static bool may_be_one_too_many(const sim_wire_conn *c) {
  const sim_wire *o = c->wire;
  uint32_t all = 0;
  if (o->world->relay.worker_count == 1) return false;
  for (size_t i = 0; i < o->world->conns_used; i++) {
    const sim_wire_conn *other = o->conns[i];
    all += other && sim_wire_present(other) && memcmp(other->id, c->id, 32) == 0;
  }
  for (size_t i = 0; i < o->left_count; i++) all += memcmp(o->left[i].id, c->id, 32) == 0;
  return all > sim_wire_setting(o, PL_RELAY_SET_INSTANCES_PER_ID);
}

bool sim_wire_may_have_ended(const sim_wire_conn *c) {
  return sim_wire_blocked(c) && (c->must_end || c->superseded_by || c->provoked || may_be_one_too_many(c));
}

/* Returns true when the relay may end a socket for this envelope: a change beyond its budget, or what a hostile client
 * makes up. */
static bool may_cost_the_socket(const sim_wire_conn *c, const pl_envelope *e) {
  bool harmless = e->type == PL_ENV_DATA || e->type == PL_ENV_ACCEPT;
  return c->k->hostile_peer ? !harmless : e->type == PL_ENV_PEERS || e->type == PL_ENV_CODE;
}

/* ---- what comes, and what is written ----------------------------------------------------------------------------- */

static void reset_arrives(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire *o = c->wire;
  pl_wire_reset reset;
  bool good = pl_wire_reset_decode(&reset, e->payload.data, e->payload.size) == 0;
  if (!c->k->hostile_peer && !o->world->tampered && (!good || reset.reason == PL_REASON_PROTOCOL))
    sim_wire_blame(o, "client %d says that the relay broke the protocol", number_of(c));
  c->client_ended = true;
  sim_wire_conn_ends(c);
}

static void other_arrives(sim_wire_conn *c, const pl_envelope *e) {
  c->provoked |= sim_wire_blocked(c) && may_cost_the_socket(c, e);
  switch (e->type) {
    case PL_ENV_PING:
      sim_wire_journal_add(&c->answers, PL_ENV_PONG, 0, e->payload);
      c->unsettled = true;
      break;
    case PL_ENV_PEERS:
      peers_arrive(c, e);
      break;
    case PL_ENV_CODE:
      sim_wire_code_arrives(c, e);
      break;
    case PL_ENV_OPEN:
    case PL_ENV_CLAIM:
      sim_wire_call_arrives(c, e);
      break;
    default:
      sim_wire_link_arrives(c, e);
  }
}

void sim_wire_conn_arrives(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire *o = c->wire;
  if (c->ended) return;
  bool early = c->phase != SIM_WIRE_WELCOME;
  if (e->type == PL_ENV_RESET && e->link == 0) {
    reset_arrives(c, e);
    return;
  }
  if (!c->k->hostile_peer && (!(pl_envelope_sender(e->type) & PL_SENDER_CLIENT) || early != (e->type == PL_ENV_LOGIN)))
    sim_wire_blame(o, "client %d sends %s %s WELCOME", number_of(c), pl_envelope_name(e->type),
                   early ? "before" : "after");
  if (early) {
    if (e->type == PL_ENV_LOGIN) login_arrives(c, e);
    return;
  }
  other_arrives(c, e);
}

/* Returns true when there may have been no room for this connection, or for one more instance of its ID. */
static bool may_be_full(const sim_wire_conn *c) {
  const sim_wire *o = c->wire;
  pl_wire_login login;
  uint32_t others = 0;
  uint64_t room = (uint64_t)sim_wire_setting(o, PL_RELAY_SET_SOCKETS_MAX) *
                  sim_wire_setting(o, PL_RELAY_SET_ADDRESS_SHARE_PERCENT) / 100;
  if (o->doubt || sim_wire_connections(o) >= room || !c->login_came) return true;
  if (pl_wire_login_decode(&login, c->sent_login, c->login_size) != 0) return true;
  for (size_t i = 0; i < o->world->conns_used; i++) {
    const sim_wire_conn *other = o->conns[i];
    others += other && other != c && sim_wire_present(other) && memcmp(other->id, login.peer_id, 32) == 0;
  }
  for (size_t i = 0; i < o->left_count; i++)
    others += memcmp(o->left[i].id, login.peer_id, 32) == 0 && !sim_wire_known(o, &o->left[i].stamp, c->worker);
  return others >= sim_wire_setting(o, PL_RELAY_SET_INSTANCES_PER_ID);
}

/* Returns what is wrong with a RESET on link 0, or NULL. */
static const char *end_fault(sim_wire_conn *c, int reason) {
  sim_wire *o = c->wire;
  bool early = c->phase != SIM_WIRE_WELCOME;
  switch (reason) {
    case PL_REASON_PROTOCOL:
    case PL_REASON_UNSUPPORTED:
    case PL_REASON_LOGIN_FAILED:
      return c->k->hostile_peer ? NULL : "though it did nothing wrong";
    case PL_REASON_SUPERSEDED:
      c->was_superseded = c->unsettled = true; /* the newer one's WELCOME may come later in this turn */
      return early ? "though it was not let in" : NULL;
    case PL_REASON_DRAINING:
      if (o->world->relay.ends_us == SIM_NEVER) return "though the relay does not drain";
      return early || c->told_to_go ? NULL : "without GOING_AWAY";
    case PL_REASON_TIMEOUT:
      return early ? NULL : "though it has logged in";
    case PL_REASON_STORE:
    case PL_REASON_DENIED:
    case PL_REASON_REVOKED:
    case PL_REASON_ORIGIN:
      return early ? NULL : "though it was let in";
    case PL_REASON_FULL:
      return c->k->hostile_peer || may_be_full(c) ? NULL : "though there is room";
    case PL_REASON_RATE:
      return NULL;
    default:
      return "which no relay says there";
  }
}

static void end_written(sim_wire_conn *c, const pl_envelope *e) {
  pl_wire_reset reset;
  if (pl_wire_reset_decode(&reset, e->payload.data, e->payload.size) != 0) {
    sim_wire_blame(c->wire, "the relay writes a RESET that does not decode");
    return;
  }
  const char *fault = end_fault(c, reset.reason);
  if (fault && !c->ended)
    sim_wire_blame(c->wire, "the relay ends the socket of client %d with %s, %s", number_of(c),
                   pl_reason_name(reset.reason), fault);
  c->said_end = true;
  sim_wire_conn_ends(c);
}

static void answer_written(sim_wire_conn *c, const pl_envelope *e) {
  const sim_wire_entry *due = sim_wire_journal_first(&c->answers);
  if (c->ended) return; /* it came behind what the client said before it left */
  if (!due || !sim_wire_entry_is(due, PL_ENV_PONG, 0, e->payload))
    sim_wire_blame(c->wire, "the relay writes a PONG that answers nothing");
  else
    sim_wire_journal_take(&c->answers);
}

void sim_wire_conn_written(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire *o = c->wire;
  bool early = c->phase != SIM_WIRE_WELCOME;
  if (c->said_end) sim_wire_blame(o, "the relay writes %s after the end", pl_envelope_name(e->type));
  if (early && e->type != PL_ENV_HELLO && e->type != PL_ENV_WELCOME && (e->type != PL_ENV_RESET || e->link))
    sim_wire_blame(o, "the relay writes %s before WELCOME", pl_envelope_name(e->type));
  if (o->verdict[0]) return;
  switch (e->type) {
    case PL_ENV_HELLO:
      hello_written(c, e);
      return;
    case PL_ENV_WELCOME:
      welcome_written(c, e);
      return;
    case PL_ENV_PONG:
      answer_written(c, e);
      return;
    case PL_ENV_CODE:
      sim_wire_code_written(c, e);
      return;
    case PL_ENV_GOING_AWAY:
      c->told_to_go = true;
      if (o->world->relay.ends_us == SIM_NEVER) sim_wire_blame(o, "GOING_AWAY though the relay does not drain");
      return;
    case PL_ENV_OFFER:
    case PL_ENV_CLAIM:
      sim_wire_call_offered(c, e);
      return;
    case PL_ENV_ACCEPT:
    case PL_ENV_DATA:
    case PL_ENV_RESET:
      if (e->link)
        sim_wire_link_written(c, e);
      else if (e->type == PL_ENV_RESET)
        end_written(c, e);
      return;
    default:
      sim_wire_blame(o, "the relay writes %s, which only clients send", pl_envelope_name(e->type));
  }
}

/* ---- at the end of a turn ---------------------------------------------------------------------------------------- */

/* The older sockets of an instance wait for their workers to know of the new one. */
static void stamp_older(const sim_wire_conn *c) {
  for (size_t i = 0; i < c->wire->world->conns_used; i++) {
    sim_wire_conn *other = c->wire->conns[i];
    if (other && other->superseded_by == c->serial) other->superseded_at = c->login;
  }
}

void sim_wire_conn_turn(sim_wire_conn *c) {
  c->fresh = false;
  if (c->phase == SIM_WIRE_WELCOME && !c->login.set) {
    c->login = sim_wire_stamp_of(c->wire, c->worker);
    stamp_older(c);
    sim_wire_call_login(c);
  }
  if (c->list_fresh || !c->list.set) c->list = sim_wire_stamp_of(c->wire, c->worker);
  c->list_fresh = false;
}

void sim_wire_logins_lost(sim_wire *o, unsigned from, unsigned to) {
  for (size_t i = 0; i < o->world->conns_used; i++) {
    sim_wire_conn *c = o->conns[i];
    bool untold = c && c->superseded_by && c->worker == to && !sim_wire_known(o, &c->superseded_at, to);
    if (untold && c->superseded_at.worker == from) c->newer_lost = true;
  }
}

/* Returns true when this socket's worker has surely heard of the newer one of its instance. After a loss it hears of
 * that only while that socket is there. */
static bool knows_newer(const sim_wire_conn *c) {
  const sim_wire *o = c->wire;
  bool there = !c->newer_lost;
  for (size_t i = 0; !there && i < o->world->conns_used; i++)
    there = o->conns[i] && o->conns[i]->serial == c->superseded_by && sim_wire_present(o->conns[i]);
  return there && sim_wire_known(o, &c->superseded_at, c->worker);
}

void sim_wire_conn_settle(sim_wire_conn *c) {
  sim_wire *o = c->wire;
  c->unsettled = false;
  if (c->was_superseded && login_of(o, c)->newest <= c->serial && !o->doubt)
    sim_wire_blame(o, "client %d is told SUPERSEDED, and no newer socket of its instance has come", number_of(c));
  c->was_superseded = false;
  if (c->ended || o->doubt) return;
  if (sim_wire_blocked(c)) {
    c->unsettled = true;
    return;
  }
  if (c->must_end) sim_wire_blame(o, "the links of client %d ended with GONE, and its socket lives", number_of(c));
  if (c->superseded_by) {
    if (knows_newer(c)) sim_wire_blame(o, "client %d has two sockets of one instance", number_of(c));
    c->unsettled = true;
  }
  if (c->answers.reliable) sim_wire_blame(o, "the relay does not answer a PING or CODE of client %d", number_of(c));
  sim_wire_links_settle(c);
}
