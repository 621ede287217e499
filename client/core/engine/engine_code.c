/* Pairing codes: what the application asks, nameplates, time. See engine_code.h; the exchange is in engine_exchange.c.
 */
#include <sodium.h>
#include <string.h>

#include "engine_internal.h"

/* ---- the table ------------------------------------------------------------------------------------------------- */

pl_engine_code_run *pl_engine_code_find(pl_engine *e, uint32_t handle) {
  for (size_t i = 0; handle && i < PL_ENGINE_CODES_MAX; i++)
    if (e->codes[i].handle == handle) return &e->codes[i];
  return NULL;
}

pl_engine_code_run *pl_engine_code_by_number(pl_engine *e, uint32_t number) {
  for (size_t i = 0; number && i < PL_ENGINE_CODES_MAX; i++) {
    pl_engine_code_run *c = &e->codes[i];
    if (c->handle && !c->claimer && c->code.number == number) return c;
  }
  return NULL;
}

static pl_engine_code_run *code_new(pl_engine *e, bool claimer, uint64_t lifetime_ms) {
  pl_engine_code_run *c = NULL;
  for (size_t i = 0; !c && i < PL_ENGINE_CODES_MAX; i++)
    if (!e->codes[i].handle) c = &e->codes[i];
  if (!c) return NULL;
  if (++e->code_handles == 0) e->code_handles = 1;
  *c = (pl_engine_code_run){.handle = e->code_handles, .claimer = claimer, .expires_ms = e->now_ms + lifetime_ms};
  pl_engine_wake_at(e, c->expires_ms);
  return c;
}

/* ---- towards the relay ----------------------------------------------------------------------------------------- */

static void say(pl_engine *e, uint8_t op, uint32_t tag, uint32_t number, uint64_t lifetime_ms) {
  uint8_t payload[16];
  pl_wire_code code = {.op = op, .tag = tag, .number = number, .lifetime_ms = (uint32_t)lifetime_ms};
  int n = e->connection == PL_ENGINE_CONN_ONLINE ? pl_wire_code_encode(&code, payload, sizeof payload) : 0;
  if (n > 0) (void)pl_engine_control(e, PL_ENV_CODE, 0, payload, (size_t)n);
}

static void end_number(pl_engine *e, uint32_t number) {
  if (number) say(e, PL_CONST_CODE_END, 0, number, 0);
}

static void ask(pl_engine *e, pl_engine_code_run *c) {
  c->asked = true;
  say(e, PL_CONST_CODE_MAKE, c->handle, c->code.number, c->expires_ms > e->now_ms ? c->expires_ms - e->now_ms : 1);
}

void pl_engine_code_online(pl_engine *e) {
  e->codes_online_ms = e->now_ms;
  for (size_t i = 0; i < PL_ENGINE_CODES_MAX; i++) {
    pl_engine_code_run *c = &e->codes[i];
    if (!c->handle) continue;
    if (c->claimer)
      pl_engine_code_claim(e, c);
    else
      ask(e, c);
  }
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

void pl_engine_code_over(pl_engine *e, pl_engine_code_run *c, int reason) {
  if (c->link) pl_engine_link_forget(e, c->link, reason);
  if (!c->claimer) end_number(e, c->code.number);
  if (c->guess_sent) (void)pl_engine_invite_revoke(e, c->secrets.dial);
  sodium_memzero(c, sizeof *c);
}

void pl_engine_code_end(pl_engine *e, pl_engine_code_run *c, int error, int reason) {
  pl_engine_action a = {.type = PL_ENGINE_OUT_CODE_ENDED, .code = c->handle, .error = error, .reason = reason};
  pl_engine_code_over(e, c, reason);
  pl_engine_out_once(e, a);
}

void pl_engine_code_stop(pl_engine *e) {
  for (size_t i = 0; i < PL_ENGINE_CODES_MAX; i++)
    if (e->codes[i].handle) pl_engine_code_end(e, &e->codes[i], PL_ECLOSED, PL_REASON_CLOSED);
}

/* ---- the relay's answer ------------------------------------------------------------------------------------------ */

/* The words are shown whole or not at all. */
static void show(pl_engine *e, pl_engine_code_run *c) {
  char text[PL_CODE_TEXT_MAX];
  pl_code_format(&c->code, text);
  pl_engine_action a = {.type = PL_ENGINE_OUT_CODE, .code = c->handle, .time_ms = c->expires_ms};
  a.text = pl_engine_keep_text(e, (pl_view){(const uint8_t *)text, strlen(text)});
  c->shown = a.text.size == strlen(text);
  if (c->shown && pl_engine_out(e, a) != 0) c->shown = false;
  sodium_memzero(text, sizeof text);
  if (!c->shown) pl_engine_code_end(e, c, PL_ENOMEM, PL_REASON_CLOSED);
}

static void granted(pl_engine *e, pl_engine_code_run *c, const pl_wire_code *code) {
  uint64_t until_ms = e->now_ms + code->lifetime_ms;
  if (until_ms < c->expires_ms) c->expires_ms = until_ms;
  pl_engine_wake_at(e, c->expires_ms);
  if (c->shown) return;
  c->code.number = code->number;
  show(e, c);
}

int pl_engine_code_answer_came(pl_engine *e, pl_view payload) {
  pl_wire_code code;
  if (pl_wire_code_decode(&code, payload.data, payload.size) != 0 || code.op != PL_CONST_CODE_MAKE)
    return PL_REASON_PROTOCOL;
  if (code.number && (code.number < PL_CONST_CODE_NUMBER_MIN || code.number > PL_CONST_CODE_NUMBER_MAX))
    return PL_REASON_PROTOCOL;
  pl_engine_code_run *c = pl_engine_code_find(e, code.tag);
  if (!c || c->claimer || !c->asked) { /* cancelled meanwhile, and not asked for twice */
    if (!pl_engine_code_by_number(e, code.number)) end_number(e, code.number);
    return 0;
  }
  c->asked = false;
  if (c->shown && code.number != c->code.number) { /* what the other person was told leads nowhere now */
    end_number(e, code.number);
    pl_engine_code_end(e, c, PL_ENOCODE, PL_REASON_NO_CODE);
  } else if (code.number == 0 || (!c->shown && pl_engine_code_by_number(e, code.number))) {
    pl_engine_code_end(e, c, PL_EAGAIN, PL_REASON_RATE);
  } else {
    granted(e, c, &code);
  }
  return 0;
}

/* ---- what the application asks ------------------------------------------------------------------------ */

static void draw_words(pl_engine *e, pl_code *code) {
  for (size_t i = 0; i < PL_CONST_CODE_WORDS; i++)
    code->words[i] = (uint16_t)pl_engine_rng_below(&e->rng, PL_CONST_WORDS_COUNT); /* a power of two: no bias */
}

int pl_engine_code_new(pl_engine *e, uint32_t lifetime_ms, uint32_t *handle) {
  if (lifetime_ms == 0 || lifetime_ms > PL_CONST_CODE_LIFETIME_MS) lifetime_ms = PL_CONST_CODE_LIFETIME_MS;
  pl_engine_code_run *c = e->stopping ? NULL : code_new(e, false, lifetime_ms);
  if (!c) return e->stopping ? PL_ESTATE : PL_EAGAIN;
  draw_words(e, &c->code);
  *handle = c->handle;
  if (e->connection == PL_ENGINE_CONN_ONLINE) ask(e, c);
  return 0;
}

int pl_engine_code_use(pl_engine *e, pl_view text, uint32_t *handle) {
  pl_code code;
  if (pl_code_parse(&code, text) != 0) return PL_ECODE;
  if (pl_engine_code_by_number(e, code.number)) return PL_EINVAL; /* its own: nobody else would come to it */
  pl_engine_code_run *c = e->stopping ? NULL : code_new(e, true, PL_CONST_CODE_LIFETIME_MS);
  if (c) c->code = code;
  sodium_memzero(&code, sizeof code);
  if (!c) return e->stopping ? PL_ESTATE : PL_EAGAIN;
  *handle = c->handle;
  pl_engine_code_claim(e, c);
  return 0;
}

void pl_engine_code_cancel(pl_engine *e, uint32_t handle) {
  pl_engine_code_run *c = pl_engine_code_find(e, handle);
  if (c) pl_engine_code_over(e, c, c->claimer ? PL_REASON_CLOSED : PL_REASON_NO_CODE);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static uint64_t deadline_of(const pl_engine *e, const pl_engine_code_run *c) {
  bool tries = c->claimer && !c->link && !c->guess_sent && e->connection == PL_ENGINE_CONN_ONLINE;
  return tries && c->try_ms < c->expires_ms ? c->try_ms : c->expires_ms;
}

void pl_engine_code_time(pl_engine *e) {
  for (size_t i = 0; i < PL_ENGINE_CODES_MAX; i++) {
    pl_engine_code_run *c = &e->codes[i];
    if (!c->handle) continue;
    if (e->now_ms >= c->expires_ms)
      pl_engine_code_end(e, c, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
    else if (e->now_ms >= deadline_of(e, c))
      pl_engine_code_claim(e, c);
    if (c->handle) pl_engine_wake_at(e, deadline_of(e, c));
  }
}
