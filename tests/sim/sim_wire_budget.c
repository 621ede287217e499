/* Budgets, counted outside. What the relay charges is not always seen, so each budget has two counts: what was charged
 * at least, and at most. The relay must refuse what even the lower count does not cover, and must not refuse what even
 * the higher one covers. */
#include <stdlib.h>
#include <string.h>

#include "sim_wire_state.h"

enum {
  MINUTE_MS = 60000,
  KEPT_PART = 4,    /* the part of a budget of knocks that newcomers have for themselves */
  OF_ONE_PART = 16, /* the part of the waiting OPENs of one ID that one socket may have, */
  OF_ONE_MIN = 8,   /* but at least this many */
  CLAIMS_WAITING = 16,
  CALL_BYTES = 2048,
  CHUNK_BYTES = 32768
};

/* ---- counting ---------------------------------------------------------------------------------------------------- */

typedef struct rate {
  uint64_t interval_us, burst;
} rate;

static rate rate_of(uint64_t count, uint64_t period_ms) {
  uint64_t interval_us = period_ms * 1000 / count;
  return (rate){interval_us ? interval_us : 1, count};
}

static rate setting_rate(const sim_wire *o, enum pl_relay_setting setting) {
  return rate_of(sim_wire_setting(o, setting), MINUTE_MS);
}

static bool allows(rate r, uint64_t due_us, uint64_t now_us) {
  return due_us <= now_us || due_us - now_us <= (r.burst - 1) * r.interval_us;
}

static uint64_t left(rate r, uint64_t due_us, uint64_t now_us) {
  uint64_t taken = due_us <= now_us ? 0 : (due_us - now_us + r.interval_us - 1) / r.interval_us;
  return taken < r.burst ? r.burst - taken : 0;
}

static void charge(rate r, uint64_t *due_us, uint64_t now_us) {
  *due_us = (*due_us > now_us ? *due_us : now_us) + r.interval_us;
}

static uint64_t relay_us(const sim_wire *o) {
  return sim_wire_now_ms(o) * 1000;
}

typedef enum kind { CONNECTS, KNOCKS, KNOCKS_FROM, KNOCKS_TO, CALLER_TO, ADDRESS_TO, CODES, CLAIMS, MISSES } kind;

static sim_wire_budget *budget_of(sim_wire *o, kind k, uint64_t from, uint64_t to) {
  uint64_t name[3] = {(uint64_t)k, from, to}, key = sim_wire_hash(name, sizeof name);
  for (size_t i = 0; i < o->budget_count; i++)
    if (o->budgets[i].key == key) return &o->budgets[i];
  sim_wire_grow((void **)&o->budgets, o->budget_count, &o->budget_capacity, sizeof *o->budgets);
  o->budgets[o->budget_count] = (sim_wire_budget){.key = key};
  return &o->budgets[o->budget_count++];
}

static uint64_t id_key(const uint8_t id[32]) {
  return sim_wire_hash(id, 32);
}

static uint64_t address_key(const sim_wire_conn *c) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  return sim_wire_hash(c->address, memcmp(c->address, mapped, 12) == 0 ? 16 : 7);
}

static bool is_exempt(const sim_wire_conn *c) {
  static const uint8_t v6[16] = {[15] = 1}, mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
  return sim_wire_setting(c->wire, PL_RELAY_SET_LOOPBACK_EXEMPT) &&
         (memcmp(c->address, v6, 16) == 0 || memcmp(c->address, mapped, 13) == 0);
}

/* What this budget says about one more use: certainly allowed, certainly not, or neither. */
typedef struct verdict {
  bool surely, maybe;
} verdict;

static verdict ask(const sim_wire_budget *b, rate r, uint64_t now_us) {
  return (verdict){allows(r, b->most_us, now_us), allows(r, b->least_us, now_us)};
}

static void take(sim_wire_budget *b, rate r, uint64_t now_us, verdict v) {
  if (v.surely) charge(r, &b->least_us, now_us);
  if (v.maybe) charge(r, &b->most_us, now_us);
}

/* Charges a budget that a connection shares with others, and remembers what came of the bytes that are looked at. */
static void take_shared(sim_wire *o, sim_wire_budget *b, rate r, verdict v) {
  take(b, r, relay_us(o), v);
  if (!v.surely || !o->charging) return;
  sim_wire_grow((void **)&o->charges, o->charge_count, &o->charge_capacity, sizeof *o->charges);
  o->charges[o->charge_count++] = (sim_wire_charge){(size_t)(b - o->budgets), r.interval_us};
}

void sim_wire_budget_unread(sim_wire_conn *c) {
  sim_wire *o = c->wire;
  if (o->reads != c) return;
  for (size_t i = 0; i < o->charge_count; i++) o->budgets[o->charges[i].budget].least_us -= o->charges[i].interval_us;
  o->charge_count = 0;
}

static verdict both(verdict a, verdict b) {
  return (verdict){a.surely && b.surely, a.maybe && b.maybe};
}

/* What a budget of the connection's address says. Behind a proxy that the relay trusts, the address is not known. */
static verdict ask_address(const sim_wire_conn *c, kind k, rate r) {
  if (is_exempt(c)) return (verdict){true, true};
  if (c->proxied) return (verdict){false, true};
  return ask(budget_of(c->wire, k, address_key(c), 0), r, relay_us(c->wire));
}

static void take_address(const sim_wire_conn *c, kind k, rate r, verdict v) {
  if (!is_exempt(c) && !c->proxied) take_shared(c->wire, budget_of(c->wire, k, address_key(c), 0), r, v);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* The most that may wait for the sockets of a worker, and for the other workers. */
static uint64_t held_at_most(const sim_wire *o, unsigned worker) {
  uint64_t sum = 0;
  for (size_t i = 0; i < o->world->conns_used; i++) {
    const sim_wire_conn *c = o->conns[i];
    if (!c || (c->worker != worker && o->world->relay.worker_count == 1)) continue;
    uint64_t waits = sim_wire_waiting(c);
    if (waits < c->most_waited) waits = c->most_waited;
    if (waits || sim_wire_was_blocked(c, o->world->now_us)) sum += 2 * waits + SIM_WIRE_OUT;
  }
  for (const pl_node *n = o->calls.next; n != &o->calls; n = n->next) sum += CALL_BYTES;
  return sum + (o->world->relay.worker_count - 1) * (uint64_t)SIM_WIRE_OUT;
}

static bool may_be_above(const sim_wire *o, unsigned worker, unsigned percent) {
  return held_at_most(o, worker) > (uint64_t)sim_wire_setting(o, PL_RELAY_SET_QUEUE_TOTAL_MAX) / 100 * percent;
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

uint32_t sim_wire_connections(const sim_wire *o) {
  uint32_t n = 0;
  for (size_t i = 0; i < o->world->conns_used; i++) {
    const sim_conn *k = &o->world->conns[i];
    n += k->client_state != SIM_CONN_FREE && k->accepted && !k->relay_left;
  }
  return n;
}

void sim_wire_budget_connect(sim_wire_conn *c, bool taken) {
  sim_wire *o = c->wire;
  rate r = setting_rate(o, PL_RELAY_SET_CONNECTS_PER_MINUTE);
  verdict v = ask_address(c, CONNECTS, r);
  uint64_t room = (uint64_t)sim_wire_setting(o, PL_RELAY_SET_SOCKETS_MAX) *
                  sim_wire_setting(o, PL_RELAY_SET_ADDRESS_SHARE_PERCENT) / 100;
  bool drains = o->world->relay.ends_us != SIM_NEVER;
  if (taken && !v.maybe) sim_wire_blame(o, "more connections of one address are taken than CONNECTS_PER_MINUTE");
  if (!taken && v.surely && !drains && sim_wire_connections(o) <= room && !o->doubt)
    sim_wire_blame(o, "a connection is refused, though its address may have it");
  if (!drains) take_address(c, CONNECTS, r, (verdict){taken, true});
}

/* ---- OPEN -------------------------------------------------------------------------------------------------------- */

static bool has_pair(uint8_t (*pairs)[64], size_t count, const uint8_t a[32], const uint8_t b[32]) {
  for (size_t i = 0; i < count; i++)
    if ((memcmp(pairs[i], a, 32) == 0 && memcmp(pairs[i] + 32, b, 32) == 0) ||
        (memcmp(pairs[i], b, 32) == 0 && memcmp(pairs[i] + 32, a, 32) == 0))
      return true;
  return false;
}

static void add_pair(uint8_t (**pairs)[64], size_t *count, size_t *capacity, const sim_wire_link *link) {
  if (has_pair(*pairs, *count, link->caller_id, link->target)) return;
  void *items = *pairs;
  sim_wire_grow(&items, *count, capacity, sizeof **pairs);
  *pairs = items;
  memcpy((*pairs)[*count], link->caller_id, 32);
  memcpy((*pairs)[(*count)++] + 32, link->target, 32);
}

/* The two IDs are linked, as far as the relay must know, or may know. */
void sim_wire_pair(sim_wire *o, const sim_wire_link *link, bool for_certain) {
  if (link->claim) return;
  if (for_certain) add_pair(&o->pairs, &o->pair_count, &o->pair_capacity, link);
  add_pair(&o->maybe_pairs, &o->maybe_count, &o->maybe_capacity, link);
}

static bool is_friend(const sim_wire *o, const sim_wire_conn *c, const sim_wire_link *link, bool for_certain) {
  if (memcmp(c->id, link->target, 32) == 0) return true;
  if (for_certain ? has_pair(o->pairs, o->pair_count, c->id, link->target)
                  : has_pair(o->maybe_pairs, o->maybe_count, c->id, link->target))
    return true;
  return sim_wire_lists(o, link->target, c->id, PL_CONST_PEERS_ALLOW, c->worker, for_certain);
}

/* The calls to this ID that are not decided: of one socket, or of all. */
static uint32_t undecided(const sim_wire *o, const sim_wire_link *but, const sim_wire_conn *of) {
  uint32_t n = 0;
  for (pl_node *at = o->calls.next; at != &o->calls; at = at->next) {
    const sim_wire_link *link = PL_CONTAINER(at, sim_wire_link, node);
    if (link == but || link->claim != but->claim || memcmp(link->target, but->target, 32) != 0) continue;
    n += !of || (memcmp(link->caller_id, of->id, 32) == 0 && memcmp(link->caller_instance, of->instance, 8) == 0);
  }
  return n;
}

static rate knocks_part(const sim_wire *o, uint64_t part) {
  uint64_t all = sim_wire_setting(o, PL_RELAY_SET_KNOCKS_PER_CALLEE);
  return rate_of(all / part ? all / part : 1, MINUTE_MS);
}

/* Returns true when the callee's budgets of knocks, or of waiting calls, may be used up. */
static bool may_be_unseen(sim_wire *o, const sim_wire_conn *c, sim_wire_link *link, bool friend) {
  uint32_t most = sim_wire_setting(o, PL_RELAY_SET_FRIEND_OFFERS_PER_ID),
           other = sim_wire_setting(o, PL_RELAY_SET_OFFERS_PER_ID);
  if (other < most) most = other;
  uint32_t of_one = most / OF_ONE_PART > OF_ONE_MIN ? most / OF_ONE_PART : OF_ONE_MIN;
  bool limited = undecided(o, link, c) >= of_one || undecided(o, link, NULL) >= most - most / KEPT_PART;
  if (friend) return limited;
  uint64_t now_us = relay_us(o), from = id_key(c->id), to = id_key(link->target),
           address = is_exempt(c) ? from : address_key(c);
  rate all = setting_rate(o, PL_RELAY_SET_KNOCKS_PER_CALLEE), one = knocks_part(o, 8), half = knocks_part(o, 2);
  uint64_t *by_caller = &budget_of(o, CALLER_TO, from, to)->most_us;
  limited |= c->proxied || !allows(one, *by_caller, now_us);
  charge(one, by_caller, now_us);
  uint64_t *by_address = &budget_of(o, ADDRESS_TO, address, to)->most_us;
  limited |= left(half, *by_address, now_us) <= half.burst / KEPT_PART;
  charge(half, by_address, now_us);
  uint64_t *at_all = &budget_of(o, KNOCKS_TO, to, 0)->most_us;
  limited |= left(all, *at_all, now_us) <= all.burst / KEPT_PART;
  charge(all, at_all, now_us);
  return limited;
}

static rate opens_rate(const sim_wire *o) {
  rate r = setting_rate(o, PL_RELAY_SET_OPENS_PER_MINUTE);
  r.burst = sim_wire_setting(o, PL_RELAY_SET_OPEN_BURST);
  return r;
}

/* What the budgets of strangers say, which are charged before the one of the socket's OPENs. */
static verdict knock(sim_wire *o, const sim_wire_conn *c, const sim_wire_link *link, bool friend) {
  uint64_t now_us = relay_us(o);
  rate from = setting_rate(o, PL_RELAY_SET_KNOCKS_PER_CALLER),
       address = setting_rate(o, PL_RELAY_SET_KNOCKS_PER_ADDRESS);
  verdict by_caller = ask(budget_of(o, KNOCKS_FROM, id_key(c->id), 0), from, now_us);
  verdict by_address = ask_address(c, KNOCKS, address);
  verdict v = both(by_caller, by_address), paid = {v.surely && link->strange && !link->hazy, v.maybe && !friend};
  take_shared(o, budget_of(o, KNOCKS_FROM, id_key(c->id), 0), from, paid);
  take_address(c, KNOCKS, address, paid);
  return (verdict){v.surely || friend, v.maybe || !link->strange};
}

void sim_wire_budget_open(sim_wire_conn *c, sim_wire_link *link) {
  sim_wire *o = c->wire;
  bool friend = is_friend(o, c, link, true);
  link->strange = !is_friend(o, c, link, false);
  verdict v = both(knock(o, c, link, friend), ask(&c->opens, opens_rate(o), relay_us(o)));
  take(&c->opens, opens_rate(o), relay_us(o), (verdict){v.surely && !link->hazy, v.maybe});
  link->may_rate = !v.surely || may_be_above(o, c->worker, 75);
  link->must_rate = !v.maybe && !link->hazy;
  link->limited = may_be_unseen(o, c, link, friend) || link->may_rate;
}

void sim_wire_budget_claim(sim_wire_conn *c, sim_wire_link *link) {
  sim_wire *o = c->wire;
  uint64_t now_us = relay_us(o);
  rate claims = setting_rate(o, PL_RELAY_SET_CLAIMS_PER_MINUTE),
       misses = setting_rate(o, PL_RELAY_SET_CODE_MISSES_PER_MINUTE);
  verdict v = both(ask_address(c, CLAIMS, claims), ask_address(c, MISSES, misses));
  take_address(c, CLAIMS, claims, (verdict){v.surely && !link->hazy, v.maybe});
  v = both(v, ask(&c->opens, opens_rate(o), now_us));
  take(&c->opens, opens_rate(o), now_us, (verdict){v.surely && !link->hazy, v.maybe});
  link->may_rate = !v.surely || may_be_above(o, c->worker, 75);
  link->must_rate = !v.maybe && !link->hazy;
  link->limited = link->may_rate || undecided(o, link, NULL) >= CLAIMS_WAITING;
}

void sim_wire_budget_missed(sim_wire_conn *c, bool for_certain) {
  rate misses = setting_rate(c->wire, PL_RELAY_SET_CODE_MISSES_PER_MINUTE);
  take_address(c, MISSES, misses, (verdict){for_certain, !for_certain});
}

bool sim_wire_budget_may_miss(sim_wire_conn *c) {
  return ask_address(c, MISSES, setting_rate(c->wire, PL_RELAY_SET_CODE_MISSES_PER_MINUTE)).surely;
}

/* Returns true when the budget surely covers one more code, and charges it as far as it may have been charged. */
bool sim_wire_budget_code(sim_wire_conn *c) {
  rate codes = setting_rate(c->wire, PL_RELAY_SET_CODES_PER_MINUTE);
  verdict v = ask_address(c, CODES, codes);
  take_address(c, CODES, codes, (verdict){false, true});
  return v.surely;
}

/* A new code was given. */
void sim_wire_budget_code_given(sim_wire_conn *c) {
  rate codes = setting_rate(c->wire, PL_RELAY_SET_CODES_PER_MINUTE);
  if (!ask_address(c, CODES, codes).maybe)
    sim_wire_blame(c->wire, "more codes are given to one address than CODES_PER_MINUTE");
  take_address(c, CODES, codes, (verdict){true, false});
}

void sim_wire_budget_refused(sim_wire_conn *c, const sim_wire_link *link) {
  if (!link->may_rate && !c->wire->doubt)
    sim_wire_blame(c->wire, "RATE for %s that every budget covers", link->claim ? "a CLAIM" : "an OPEN");
}

/* ---- OFFER ------------------------------------------------------------------------------------------------------- */

/* Counts the offers that wait for the sockets of this ID at this worker. */
static uint32_t offers_waiting(const sim_wire_conn *of, const sim_wire_link *like) {
  const sim_wire *o = of->wire;
  uint32_t n = 0;
  for (pl_node *at = o->calls.next; at != &o->calls; at = at->next) {
    const sim_wire_link *link = PL_CONTAINER(at, sim_wire_link, node);
    const sim_wire_conn *c = link->end[SIM_WIRE_CALLEE].conn;
    if (!c || c->worker != of->worker || sim_wire_blocked(c) || memcmp(c->id, of->id, 32) != 0) continue;
    n += link->claim == like->claim && link->strange == like->strange &&
         sim_wire_end_is_open(&link->end[SIM_WIRE_CALLEE]) && !link->accepted && !link->hazy;
  }
  return n;
}

static void offered_stranger(sim_wire_conn *c, sim_wire_link *link) {
  sim_wire *o = c->wire;
  const sim_wire_conn *caller = link->end[SIM_WIRE_CALLER].conn;
  if (!caller || caller->proxied || link->arrived_us != o->world->now_us) return; /* when it was charged is past */
  uint64_t now_us = relay_us(o), from = id_key(caller->id), to = id_key(c->id),
           address = is_exempt(caller) ? from : address_key(caller);
  struct {
    sim_wire_budget *b;
    rate r;
  } budgets[] = {
      {NULL, knocks_part(o, 8)}, {NULL, knocks_part(o, 2)}, {NULL, setting_rate(o, PL_RELAY_SET_KNOCKS_PER_CALLEE)}};
  for (size_t i = 0; i < 3; i++) {
    sim_wire_budget *b = i == 0   ? budget_of(o, CALLER_TO, from, to)
                         : i == 1 ? budget_of(o, ADDRESS_TO, address, to)
                                  : budget_of(o, KNOCKS_TO, to, 0);
    if (!allows(budgets[i].r, b->least_us, now_us))
      sim_wire_blame(o, "a callee gets more knocks than its budget allows");
    charge(budgets[i].r, &b->least_us, now_us);
  }
}

void sim_wire_budget_offered(sim_wire_conn *c, sim_wire_link *link) {
  sim_wire *o = c->wire;
  uint32_t most = link->claim     ? CLAIMS_WAITING
                  : link->strange ? sim_wire_setting(o, PL_RELAY_SET_OFFERS_PER_ID)
                                  : sim_wire_setting(o, PL_RELAY_SET_FRIEND_OFFERS_PER_ID) +
                                        sim_wire_setting(o, PL_RELAY_SET_OFFERS_PER_ID);
  if (!link->over && offers_waiting(c, link) > most)
    sim_wire_blame(o, "more calls wait for one ID than its budget allows");
  if (!link->claim && link->strange) offered_stranger(c, link);
}

/* ---- OVERFLOW ---------------------------------------------------------------------------------------------------- */

static uint64_t held_at_least(const sim_wire_end *end) {
  const sim_wire_link *link = PL_CONTAINER(end - end->side, sim_wire_link, end);
  bool sure = sim_wire_end_is_open(end) && !link->crosses && !link->hazy && end->to.reliable == end->to.count;
  return sure && end->to.cost > SIM_WIRE_OUT ? end->to.cost - SIM_WIRE_OUT : 0;
}

/* Returns whether something else must have paid before this side of a link. */
static bool is_not_the_largest(const sim_wire_end *end) {
  if (!end->conn) return true;
  uint64_t most = 2 * end->to.peak + CHUNK_BYTES;
  for (size_t i = 0; i < SIM_WIRE_ENDS; i++)
    for (const sim_wire_end *other = end->conn->ends[i]; other; other = other->next)
      if (other != end && held_at_least(other) > most) return true;
  return false;
}

static bool is_full(const sim_wire_end *end) {
  const sim_wire *o = end->conn ? end->conn->wire : NULL;
  if (!o) return false;
  return end->to.peak > sim_wire_setting(o, PL_RELAY_SET_LINK_WINDOW) ||
         2 * end->conn->most_waited + SIM_WIRE_OUT > sim_wire_setting(o, PL_RELAY_SET_SOCKET_QUEUE_MAX);
}

static bool is_stuck(const sim_wire_end *end) {
  if (!end->conn || !sim_wire_blocked(end->conn)) return false;
  uint64_t now_us = end->conn->wire->world->now_us;
  return now_us - end->conn->took_us >= SIM_MS(sim_wire_setting(end->conn->wire, PL_RELAY_SET_STALL_TIMEOUT_MS));
}

void sim_wire_overflow(sim_wire_end *end) {
  sim_wire *o = end->conn->wire;
  sim_wire_link *link = sim_wire_link_of(end);
  const sim_wire_end *other = sim_wire_other(end);
  if (!link->accepted) {
    sim_wire_blame(o, "OVERFLOW ends a call that was not accepted");
    return;
  }
  bool heard = link->overflown; /* the other side was told so, and the cause was looked for then */
  link->overflown = true;
  if (heard || link->hazy || o->doubt || is_full(end) || is_full(other) || is_stuck(end) || is_stuck(other)) return;
  if (sim_wire_was_blocked(end->conn, end->conn->settled_us)) return; /* when it was decided is not seen */
  /* The other one may have been stuck, and was ended for that. What crosses the bus comes later. */
  if (link->crosses && (!other->conn || other->conn->ended)) return;
  if (!may_be_above(o, end->worker, 90))
    sim_wire_blame(o, "OVERFLOW ends link %x, and nothing was full", (unsigned)end->number);
  else if (!link->crosses && is_not_the_largest(end) && is_not_the_largest(other))
    sim_wire_blame(o, "OVERFLOW ends a link that was not the largest of its socket");
}
