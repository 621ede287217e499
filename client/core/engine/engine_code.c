/* See engine_code.h. */
#include "engine_code.h"

#include <sodium.h>
#include <string.h>

#include "engine_actions.h"
#include "engine_code_table.h"
#include "engine_exchange.h"
#include "engine_random.h"

void pl_engine_code_online(pl_engine *e) {
  e->codes_online_ms = e->now_ms;
  for (size_t i = 0; i < PL_ENGINE_CODES_MAX; i++) {
    pl_engine_code_run *c = &e->codes[i];
    if (!c->handle) continue;
    if (c->claimer)
      pl_engine_code_claim(e, c);
    else
      pl_engine_code_ask_number(e, c);
  }
}

void pl_engine_code_stop(pl_engine *e) {
  for (size_t i = 0; i < PL_ENGINE_CODES_MAX; i++)
    if (e->codes[i].handle) pl_engine_code_end(e, &e->codes[i], PL_ECLOSED, PL_REASON_CLOSED);
}

/* ---- the relay's answer ------------------------------------------------------------------------------------------ */

/* Reports the code to the application: whole, or not at all. */
static void code_show(pl_engine *e, pl_engine_code_run *c) {
  char text[PL_CODE_TEXT_MAX];
  pl_code_format(&c->code, text);
  pl_engine_action a = {.type = PL_ENGINE_OUT_CODE, .code = c->handle, .time_ms = c->expires_ms};
  a.text = pl_engine_keep_text(e, (pl_view){(const uint8_t *)text, strlen(text)});
  c->shown = a.text.size == strlen(text);
  if (c->shown && pl_engine_out(e, a) != 0) c->shown = false;
  sodium_memzero(text, sizeof text);
  if (!c->shown) pl_engine_code_end(e, c, PL_ENOMEM, PL_REASON_CLOSED);
}

/* Handles a number that the relay gave, or gave again after a login. */
static void code_granted(pl_engine *e, pl_engine_code_run *c, const pl_wire_code *code) {
  uint64_t until_ms = e->now_ms + code->lifetime_ms;
  if (until_ms < c->expires_ms) c->expires_ms = until_ms;
  pl_engine_wake_at(e, c->expires_ms);
  if (c->shown) return;
  c->code.number = code->number;
  code_show(e, c);
}

int pl_engine_code_answer_came(pl_engine *e, pl_view payload) {
  pl_wire_code code;
  if (pl_wire_code_decode(&code, payload.data, payload.size) != 0 || code.op != PL_CONST_CODE_MAKE)
    return PL_REASON_PROTOCOL;
  if (code.number && (code.number < PL_CONST_CODE_NUMBER_MIN || code.number > PL_CONST_CODE_NUMBER_MAX))
    return PL_REASON_PROTOCOL;
  pl_engine_code_run *c = pl_engine_code_find(e, code.tag);
  if (!c || c->claimer || !c->asked) { /* the code was cancelled, or its number was not asked for */
    if (!pl_engine_code_by_number(e, code.number)) pl_engine_code_end_number(e, code.number);
    return 0;
  }
  c->asked = false;
  if (c->shown && code.number != c->code.number) { /* the number that the other person has is not valid any more */
    pl_engine_code_end_number(e, code.number);
    pl_engine_code_end(e, c, PL_ENOCODE, PL_REASON_NO_CODE);
  } else if (code.number == 0 || (!c->shown && pl_engine_code_by_number(e, code.number))) {
    pl_engine_code_end(e, c, PL_EAGAIN, PL_REASON_RATE);
  } else {
    code_granted(e, c, &code);
  }
  return 0;
}

/* ---- what the application asks for ------------------------------------------------------------------------------- */

static void code_draw_words(pl_engine *e, pl_code *code) {
  for (size_t i = 0; i < PL_CONST_CODE_WORDS; i++)
    code->words[i] = (uint16_t)pl_engine_rng_below(&e->rng, PL_CONST_WORDS_COUNT); /* a power of two: no bias */
}

int pl_engine_code_new(pl_engine *e, uint32_t lifetime_ms, uint32_t *handle) {
  if (lifetime_ms == 0 || lifetime_ms > PL_CONST_CODE_LIFETIME_MS) lifetime_ms = PL_CONST_CODE_LIFETIME_MS;
  pl_engine_code_run *c = e->stopping ? NULL : pl_engine_code_add(e, false, lifetime_ms);
  if (!c) return e->stopping ? PL_ESTATE : PL_EAGAIN;
  code_draw_words(e, &c->code);
  *handle = c->handle;
  if (e->connection == PL_ENGINE_CONN_ONLINE) pl_engine_code_ask_number(e, c);
  return 0;
}

int pl_engine_code_use(pl_engine *e, pl_view text, uint32_t *handle) {
  pl_code code;
  if (pl_code_parse(&code, text) != 0) return PL_ECODE;
  if (pl_engine_code_by_number(e, code.number)) return PL_EINVAL; /* a code of this side itself */
  pl_engine_code_run *c = e->stopping ? NULL : pl_engine_code_add(e, true, PL_CONST_CODE_LIFETIME_MS);
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

static uint64_t code_deadline(const pl_engine *e, const pl_engine_code_run *c) {
  bool tries = c->claimer && !c->link && !c->guess_sent && e->connection == PL_ENGINE_CONN_ONLINE;
  return tries && c->try_ms < c->expires_ms ? c->try_ms : c->expires_ms;
}

void pl_engine_code_time(pl_engine *e) {
  for (size_t i = 0; i < PL_ENGINE_CODES_MAX; i++) {
    pl_engine_code_run *c = &e->codes[i];
    if (!c->handle) continue;
    if (e->now_ms >= c->expires_ms)
      pl_engine_code_end(e, c, PL_ETIMEDOUT, PL_REASON_TIMEOUT);
    else if (e->now_ms >= code_deadline(e, c))
      pl_engine_code_claim(e, c);
    if (c->handle) pl_engine_wake_at(e, code_deadline(e, c));
  }
}
