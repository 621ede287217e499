/* The numbers of pairing codes: what is given, what a claim of it meets, and when it is over. */
#include <stdlib.h>
#include <string.h>

#include "sim_wire_state.h"

enum {
  TAG_AT = 1,
  KEPT_MS = 20000 /* for so long the relay may count a code that has expired against CODES_TOTAL */
};

static bool is_of(const sim_wire_code *code, const sim_wire_conn *c) {
  return memcmp(code->id, c->id, 32) == 0 && memcmp(code->instance, c->instance, 8) == 0;
}

/* Returns true when the code surely lives, as far as this worker can know. */
static bool lives(const sim_wire *o, const sim_wire_code *code, unsigned worker) {
  return !code->hazy && !code->ended_us && sim_wire_now_ms(o) < code->expires_ms &&
         (code->made_at == worker || !code->crowded) && sim_wire_known(o, &code->made, worker);
}

/* Returns true when the code is surely over, as far as this worker knows. */
static bool is_over(const sim_wire *o, const sim_wire_code *code, unsigned worker) {
  if (code->hazy) return false;
  return sim_wire_now_ms(o) >= code->expires_ms || (code->ended_us && sim_wire_known(o, &code->ended, worker));
}

/* Two workers gave one number at the same time: the owner with the smaller ID and instance keeps it. Who is called by a
 * claim meanwhile, is open. */
static void note_rivals(sim_wire_code *a, sim_wire_code *b) {
  int order = memcmp(a->id, b->id, 32);
  if (order == 0) order = memcmp(a->instance, b->instance, 8);
  a->hazy = b->hazy = true;
  a->rival = b->rival = true;
  (order < 0 ? b : a)->lost = true;
}

bool sim_wire_number_is_lost(const sim_world *w, uint32_t number, const uint8_t id[32], const uint8_t instance[8]) {
  const sim_wire *o = w->observer;
  bool lost = false, kept = false;
  for (size_t i = 0; i < o->code_count; i++) {
    const sim_wire_code *code = &o->codes[i];
    if (code->number != number || !code->rival || code->ended_us || sim_wire_now_ms(o) >= code->expires_ms) continue;
    kept |= !code->lost;
    lost |= code->lost && memcmp(code->id, id, 32) == 0 && memcmp(code->instance, instance, 8) == 0;
  }
  return lost && kept;
}

static sim_wire_code *newest_of(sim_wire *o, uint32_t number) {
  for (size_t i = o->code_count; i-- > 0;)
    if (o->codes[i].number == number) return &o->codes[i];
  return NULL;
}

/* ---- CODE -------------------------------------------------------------------------------------------------------- */

static void end_arrives(sim_wire_conn *c, uint32_t number) {
  sim_wire *o = c->wire;
  c->code_end_us = o->world->now_us;
  for (size_t i = 0; i < o->code_count; i++) {
    sim_wire_code *code = &o->codes[i];
    if (code->number != number || !is_of(code, c) || code->ended_us) continue;
    if (sim_wire_known(o, &code->made, c->worker) && !sim_wire_may_have_ended(c)) {
      code->ended_us = o->world->now_us;
      code->ended.set = false;
      code->ends_at = c->worker;
      o->codes_fresh = true;
    } else {
      code->hazy = true; /* the worker may not know what it should end, or not hear of it */
      code->rival = false;
    }
  }
}

/* Returns true when this worker may still count a code that is over. */
static bool may_be_kept(const sim_wire *o, const sim_wire_code *code) {
  bool expired = !code->ended_us || code->ended_us >= SIM_MS(code->expires_ms);
  return expired && sim_wire_now_ms(o) < code->expires_ms + KEPT_MS;
}

/* Returns true when the ID, or all IDs, perhaps have as many codes as they may have. */
static bool may_have_too_many(sim_wire *o, const sim_wire_conn *c) {
  uint32_t own = o->unseen_codes, all = own;
  for (size_t i = 0; i < o->code_count; i++) {
    const sim_wire_code *code = &o->codes[i];
    bool over = is_over(o, code, c->worker);
    all += !over || may_be_kept(o, code);
    own += !over && memcmp(code->id, c->id, 32) == 0;
  }
  for (size_t i = 0; i < o->world->conns_used; i++) {
    const sim_wire_conn *asking = o->conns[i];
    if (!asking || asking->ended) continue;
    all += (uint32_t)asking->asked_count;
    if (memcmp(asking->id, c->id, 32) == 0) own += (uint32_t)asking->asked_count;
  }
  return own >= sim_wire_setting(o, PL_RELAY_SET_CODES_PER_ID) || all >= sim_wire_setting(o, PL_RELAY_SET_CODES_TOTAL);
}

/* Returns true when the number may have an owner. Of two that got it at the same time, either may be the one. Somebody
 * who has asked for it may have it, and not have been told. */
static bool may_be_taken(const sim_wire *o, uint32_t number, unsigned worker) {
  for (size_t i = 0; i < o->world->conns_used; i++)
    for (size_t k = 0; o->conns[i] && k < o->conns[i]->asked_count; k++)
      if (o->conns[i]->asked[k].number == number) return true;
  if (o->unseen_codes) return true;
  for (size_t i = 0; i < o->code_count; i++)
    if (o->codes[i].number == number && !is_over(o, &o->codes[i], worker)) return true;
  return false;
}

static void make_arrives(sim_wire_conn *c, const pl_wire_code *ask) {
  sim_wire *o = c->wire;
  uint8_t tag[4];
  pl_put_u32(tag, ask->tag);
  sim_wire_journal_add(&c->answers, PL_ENV_CODE, 0, (pl_view){tag, sizeof tag});
  c->unsettled = true;
  bool too_many = may_have_too_many(o, c);
  bool taken = ask->number && may_be_taken(o, ask->number, c->worker);
  sim_wire_grow((void **)&c->asked, c->asked_count, &c->asked_capacity, sizeof *c->asked);
  sim_wire_asked *a = &c->asked[c->asked_count++];
  *a = (sim_wire_asked){
      .tag = ask->tag, .number = ask->number, .lifetime_ms = ask->lifetime_ms, .at_us = o->world->now_us};
  const sim_wire_code *own = ask->number ? newest_of(o, ask->number) : NULL;
  a->own = own && is_of(own, c) && !is_over(o, own, c->worker);
  a->sure = sim_wire_budget_code(c) && !o->doubt && !too_many;
  if (ask->number) {
    bool early = sim_wire_now_ms(o) - o->connected_us / 1000 < PL_CONST_CODE_LIFETIME_MS;
    a->sure &= sim_wire_budget_may_miss(c) && early && !taken;
    if (taken && !a->own) sim_wire_budget_missed(c, false);
  }
}

void sim_wire_code_arrives(sim_wire_conn *c, const pl_envelope *e) {
  pl_wire_code code;
  if (pl_wire_code_decode(&code, e->payload.data, e->payload.size) != 0) return;
  if (code.op == PL_CONST_CODE_END)
    end_arrives(c, code.number);
  else if (code.op == PL_CONST_CODE_MAKE)
    make_arrives(c, &code);
}

/* Counts the codes of this ID that surely live. */
static uint32_t living_of(const sim_wire *o, const sim_wire_conn *c) {
  uint32_t n = 0;
  for (size_t i = 0; i < o->code_count; i++)
    n += memcmp(o->codes[i].id, c->id, 32) == 0 && lives(o, &o->codes[i], c->worker);
  return n;
}

/* Where CODES_TOTAL may be used up, a worker has no room for what another one tells it. Notes that for the new code and
 * for those that are on their way. */
static void note_crowded(sim_wire *o) {
  uint32_t all = o->unseen_codes;
  for (size_t i = 0; i < o->code_count; i++) {
    bool counts = may_be_kept(o, &o->codes[i]);
    for (unsigned k = 0; !counts && k < o->world->relay.worker_count; k++) counts = !is_over(o, &o->codes[i], k);
    all += counts;
  }
  for (size_t i = 0; i < o->world->conns_used; i++) all += o->conns[i] ? (uint32_t)o->conns[i]->asked_count : 0;
  if (all <= sim_wire_setting(o, PL_RELAY_SET_CODES_TOTAL)) return;
  for (size_t i = 0; i < o->code_count; i++) o->codes[i].crowded |= !sim_wire_known_to_all(o, &o->codes[i].made);
}

static void given(sim_wire_conn *c, const sim_wire_asked *a, const pl_wire_code *answer) {
  sim_wire *o = c->wire;
  bool at_once = a->at_us == o->world->now_us && c->code_end_us != a->at_us;
  sim_wire_code *before = newest_of(o, answer->number);
  uint64_t expires_ms = sim_wire_now_ms(o) + answer->lifetime_ms;
  if (a->number && answer->number != a->number) sim_wire_blame(o, "a client gets another number than it asked for");
  if (answer->lifetime_ms == 0 || answer->lifetime_ms > PL_CONST_CODE_LIFETIME_MS)
    sim_wire_blame(o, "a code lives for %d ms", (int)answer->lifetime_ms);
  if (before && is_of(before, c) && !is_over(o, before, c->worker)) {
    bool knows = before->made_at == c->worker, again = expires_ms != before->expires_ms;
    if (again && knows && at_once && !before->hazy) sim_wire_blame(o, "a code's life begins again");
    before->hazy |= again && !knows; /* a second worker gave it, and all will take the later end */
    return;
  }
  if (at_once && before && lives(o, before, c->worker))
    sim_wire_blame(o, "the number %u has two owners", (unsigned)answer->number);
  if (at_once) sim_wire_budget_code_given(c);
  /* A worker may have had no memory or no room for another worker's code. Which of the ends that an attacker sends its
   * worker still reads is not known. */
  bool knows_all = o->world->relay.worker_count == 1 ||
                   (!o->doubt && !c->k->hostile_peer && o->code_count < sim_wire_setting(o, PL_RELAY_SET_CODES_TOTAL));
  if (at_once && knows_all && living_of(o, c) >= sim_wire_setting(o, PL_RELAY_SET_CODES_PER_ID))
    sim_wire_blame(o, "an ID gets more codes than CODES_PER_ID");
  size_t at = before ? (size_t)(before - o->codes) : SIZE_MAX;
  sim_wire_grow((void **)&o->codes, o->code_count, &o->code_capacity, sizeof *o->codes);
  sim_wire_code *code = &o->codes[o->code_count++];
  *code = (sim_wire_code){.number = answer->number, .expires_ms = expires_ms, .made_at = c->worker, .hazy = !at_once};
  memcpy(code->id, c->id, 32);
  memcpy(code->instance, c->instance, 8);
  before = at < o->code_count - 1 ? &o->codes[at] : NULL;
  if (before && at_once && !before->hazy && !before->ended_us && sim_wire_now_ms(o) < before->expires_ms)
    note_rivals(before, code);
  o->codes_fresh = true;
  note_crowded(o);
}

void sim_wire_code_written(sim_wire_conn *c, const pl_envelope *e) {
  sim_wire *o = c->wire;
  if (c->ended) return; /* it came behind what the client said before it left */
  pl_wire_code answer;
  pl_view tag = {e->payload.data + TAG_AT, 4};
  const sim_wire_entry *due = sim_wire_journal_first(&c->answers);
  if (pl_wire_code_decode(&answer, e->payload.data, e->payload.size) != 0 || !due ||
      !sim_wire_entry_is(due, PL_ENV_CODE, 0, tag) || !c->asked_count) {
    sim_wire_blame(o, "the relay writes a CODE that answers nothing");
    return;
  }
  sim_wire_asked a = c->asked[0];
  sim_wire_journal_take(&c->answers);
  memmove(c->asked, c->asked + 1, --c->asked_count * sizeof *c->asked);
  if (answer.number)
    given(c, &a, &answer);
  else if (a.sure)
    sim_wire_blame(o, "a client gets no code, though every budget covers it");
}

/* What a client said last may be what the relay ended its socket for, and not have been obeyed. */
static void doubt_last_ends(sim_wire_conn *c) {
  sim_wire *o = c->wire;
  for (size_t i = 0; i < o->code_count && !c->client_ended; i++) {
    sim_wire_code *code = &o->codes[i];
    if (is_of(code, c) && code->ended_us && sim_wire_ends_unseen(c, code->ended_us)) code->hazy = true;
  }
}

void sim_wire_code_unheard(sim_wire_conn *c) {
  doubt_last_ends(c);
  c->wire->unseen_codes += (uint32_t)c->asked_count;
  c->asked_count = 0;
}

/* ---- CLAIM ------------------------------------------------------------------------------------------------------- */

/* Returns true when there may be codes that nobody has heard of. */
static bool may_be_unseen(const sim_wire *o) {
  for (size_t i = 0; i < o->world->conns_used; i++)
    if (o->conns[i] && o->conns[i]->asked_count) return true;
  return o->unseen_codes;
}

void sim_wire_code_claimed(sim_wire_conn *c, sim_wire_link *link, uint32_t number) {
  sim_wire *o = c->wire;
  const sim_wire_code *code = newest_of(o, number);
  link->code_lives = code && lives(o, code, c->worker);
  link->code_over = code ? is_over(o, code, c->worker) : !may_be_unseen(o);
  link->any_target = !code || code->hazy;
  if (!code) return;
  memcpy(link->target, code->id, 32);
  memcpy(link->target_instance, code->instance, 8);
}

void sim_wire_code_denied(sim_wire_end *end) {
  sim_wire_link *link = sim_wire_link_of(end);
  sim_wire *o = end->conn->wire;
  if (!link->claim || end->side != SIM_WIRE_CALLER)
    sim_wire_blame(o, "NO_CODE ends what is no claim");
  else if (link->code_lives && !o->doubt)
    sim_wire_blame(o, "NO_CODE for a code that lives");
  else if (link->must_rate)
    sim_wire_blame(o, "NO_CODE for a claim that no budget covers");
  else if (link->arrived_us != o->world->now_us && !sim_wire_was_blocked(end->conn, link->arrived_us))
    sim_wire_blame(o, "NO_CODE does not come at once");
  if (link->arrived_us == o->world->now_us) sim_wire_budget_missed(end->conn, true);
}

/* ---- the end of a turn, losses ----------------------------------------------------------------------------------- */

void sim_wire_code_turn(sim_wire *o, unsigned worker) {
  if (!o->codes_fresh) return;
  bool others = false;
  for (size_t i = 0; i < o->code_count; i++) {
    sim_wire_code *code = &o->codes[i];
    bool made = !code->made.set, ended = code->ended_us && !code->ended.set;
    if (made && code->made_at == worker) code->made = sim_wire_stamp_of(o, worker);
    if (ended && code->ends_at == worker) code->ended = sim_wire_stamp_of(o, worker);
    others |= !code->made.set || (code->ended_us && !code->ended.set);
  }
  o->codes_fresh = others;
}

void sim_wire_codes_lost(sim_wire *o) {
  for (size_t i = 0; i < o->code_count; i++) {
    o->codes[i].hazy = true;
    o->codes[i].rival = false;
  }
}
