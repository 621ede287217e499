/* Pairing by code: applications make codes, use them rightly and wrongly, and cancel them. Only a client that used the
 * right code may be paired, only one for each code, and a wrong guess must end the code. */
#include <string.h>

#include "sim.h"

enum { SESSIONS_ROOM = SIM_SESSIONS / 2 };

static size_t sessions_of(const sim_client *c) {
  size_t used = 0;
  for (size_t i = 0; i < SIM_SESSIONS; i++) used += c->sessions[i].used;
  return used;
}

static sim_code *entry_of(sim_client *c, uint32_t handle) {
  for (size_t i = 0; i < SIM_CODES; i++) {
    sim_code *k = &c->world->codes[i];
    if (k->handle == handle && k->client == c->index && k->life == c->life) return k;
  }
  return NULL;
}

static sim_code *entry_new(sim_client *c, uint32_t handle) {
  sim_world *w = c->world;
  sim_code *k = &w->codes[w->code_count++ % SIM_CODES];
  *k = (sim_code){.client = c->index, .life = c->life, .handle = handle, .of = -1};
  return k;
}

void sim_codes_make(sim_client *c) {
  pl_engine_event in = {.type = PL_ENGINE_IN_CODE_NEW};
  in.code_new.lifetime_ms = (uint32_t)sim_log_between(&c->world->code_random, 500, 600000);
  pl_engine_result out;
  int rc = sim_client_begin(c, &in, &out);
  if (rc == 0) (void)entry_new(c, out.code);
  if (rc && rc != PL_EAGAIN && rc != PL_ESTATE) sim_fail(c->world, "client %d cannot make a code: %d", c->index, rc);
  sim_client_end(c, &out);
}

/* Returns a code that was shown; it may be over. */
static int any_shown(const sim_world *w, sim_random *r) {
  size_t first = (size_t)sim_below(r, SIM_CODES);
  for (size_t i = 0; i < SIM_CODES; i++) {
    size_t at = (first + i) % SIM_CODES;
    if (w->codes[at].shown) return (int)at;
  }
  return -1;
}

static void use(sim_client *c) {
  sim_world *w = c->world;
  sim_random *r = &w->code_random;
  int at = any_shown(w, r);
  if (at < 0 || w->codes[at].client == c->index || sessions_of(c) > SESSIONS_ROOM ||
      sessions_of(&w->clients[w->codes[at].client]) > SESSIONS_ROOM)
    return;
  char text[PL_CODE_TEXT_MAX];
  pl_code code = w->codes[at].code;
  bool right = sim_chance(r, 75);
  if (!right) code.words[sim_below(r, PL_CONST_CODE_WORDS)] ^= (uint16_t)sim_between(r, 1, PL_CONST_WORDS_COUNT - 1);
  pl_code_format(&code, text);
  pl_engine_event in = {.type = PL_ENGINE_IN_CODE_CLAIM, .code_claim = {{(const uint8_t *)text, strlen(text)}}};
  pl_engine_result out;
  int rc = sim_client_begin(c, &in, &out);
  if (rc == 0) {
    w->codes[at].wrong |= !right;
    uint32_t made = w->codes[at].handle;
    sim_code *k = entry_new(c, out.code);
    k->of = w->codes[at].handle == made && &w->codes[at] != k ? at : -1;
    k->wrong = !right;
  } else if (rc != PL_EAGAIN && rc != PL_ESTATE && rc != PL_EINVAL) {
    sim_fail(w, "client %d cannot use a code: %d", c->index, rc);
  }
  sim_client_end(c, &out);
}

static void cancel(sim_client *c) {
  sim_world *w = c->world;
  for (size_t i = 0; i < SIM_CODES; i++) {
    sim_code *k = &w->codes[i];
    if (!k->handle || k->over || k->client != c->index || k->life != c->life) continue;
    k->over = true;
    pl_engine_event in = {.type = PL_ENGINE_IN_CODE_CANCEL, .code_cancel = {k->handle}};
    (void)sim_client_step(c, &in);
    return;
  }
}

void sim_codes_act(sim_client *c) {
  uint64_t dice = sim_below(&c->world->code_random, 20);
  if (dice < 9)
    sim_codes_make(c);
  else if (dice < 19)
    use(c);
  else
    cancel(c);
}

/* ---- being told -------------------------------------------------------------------------------------------------- */

/* Returns NULL when the action comes from the step that made the code: it has no entry yet. */
static sim_code *told(sim_client *c, const pl_engine_action *a) {
  sim_code *k = entry_of(c, a->code);
  if (k && k->over && a->type != PL_ENGINE_OUT_CODE_BUSY)
    sim_fail(c->world, "client %d hears again of a code that is over", c->index);
  return k;
}

static void check_paired(sim_client *c, const sim_code *k, int peer) {
  sim_world *w = c->world;
  if (k->of >= 0) {
    if (k->wrong) sim_fail(w, "client %d is paired by a wrong code", c->index);
    if (w->code_count <= SIM_CODES && !sim_same_id(w, peer, w->codes[k->of].client))
      sim_fail(w, "client %d is paired with a client that did not make the code", c->index);
  } else {
    bool used = w->code_count > SIM_CODES; /* then some are forgotten here */
    for (size_t i = 0; !used && i < SIM_CODES; i++) {
      const sim_code *by = &w->codes[i];
      used = by->of >= 0 && &w->codes[by->of] == k && !by->wrong && sim_same_id(w, by->client, peer);
    }
    if (!used) sim_fail(w, "client %d is paired with client %d, who did not use its code", c->index, peer);
  }
}

/* k is NULL for a code that the simulator has forgotten (SIM_CODES), though the client has not. */
static void paired(sim_client *c, sim_code *k, const pl_engine_action *a) {
  int peer = sim_client_of(c->world, a->id, a->instance);
  if (peer < 0) sim_fail(c->world, "client %d is paired with nobody", c->index);
  c->world->figures.paired++;
  if (k) {
    k->over = true;
    check_paired(c, k, peer);
  }
  sim_strangers_note(c, peer, SIM_ALLOWED);
  if (!a->session) return;
  sim_session *s = sim_session_of(c, a->session);
  if (!s) {
    s = sim_session_new(c, a->session, peer);
    memcpy(s->peer_instance, a->instance, 8);
  }
  s->invited = true;
}

/* A nameplate is used again once its code is over. A client that still has the old code then guesses at the new one. */
static bool has_old_number(const sim_world *w, const sim_code *k) {
  const sim_code *made = k->of < 0 ? k : &w->codes[k->of];
  for (size_t i = 0; i < SIM_CODES; i++) {
    const sim_code *other = &w->codes[i];
    if (other != made && other->shown && other->code.number == made->code.number) return true;
  }
  return false;
}

/* When a client is told that its code was wrong, the maker of the code must know already, unless bytes were changed. */
static void check_wrong(sim_client *c, const sim_code *k) {
  sim_world *w = c->world;
  if (w->tampered || w->code_count > SIM_CODES) return;
  if (has_old_number(w, k)) return; /* which of the codes was guessed at is not known here */
  if (!k->wrong) sim_fail(w, "client %d: a code was wrong that nobody used wrongly", c->index);
  if (k->of < 0) return;
  const sim_code *made = &w->codes[k->of];
  if (!made->over && made->life == w->clients[made->client].life)
    sim_fail(w, "client %d: the code lives on after a wrong guess", c->index);
}

void sim_codes_action(sim_client *c, const pl_engine_action *a) {
  sim_code *k = told(c, a);
  if (a->type == PL_ENGINE_OUT_PAIRED) paired(c, k, a);
  if (!k) return;
  switch (a->type) {
    case PL_ENGINE_OUT_CODE:
      k->shown = true;
      if (pl_code_parse(&k->code, a->text) != 0)
        sim_fail(c->world, "client %d is shown something that is not a code", c->index);
      break;
    case PL_ENGINE_OUT_CODE_ENDED:
      k->over = true;
      if (a->error == PL_EWRONGCODE) check_wrong(c, k);
      break;
    default:
      break;
  }
}
