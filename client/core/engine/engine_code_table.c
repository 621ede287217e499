/* See engine_code_table.h. */
#include "engine_code_table.h"

#include <sodium.h>

#include "engine_actions.h"
#include "engine_alive.h"
#include "engine_invite.h"
#include "engine_link.h"

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

pl_engine_code_run *pl_engine_code_add(pl_engine *e, bool claimer, uint64_t lifetime_ms) {
  pl_engine_code_run *c = NULL;
  for (size_t i = 0; !c && i < PL_ENGINE_CODES_MAX; i++)
    if (!e->codes[i].handle) c = &e->codes[i];
  if (!c) return NULL;
  if (++e->code_handles == 0) e->code_handles = 1;
  *c = (pl_engine_code_run){.handle = e->code_handles, .claimer = claimer, .expires_ms = e->now_ms + lifetime_ms};
  pl_engine_wake_at(e, c->expires_ms);
  return c;
}

/* ---- the relay --------------------------------------------------------------------------------------------------- */

static void code_tell(pl_engine *e, uint8_t op, uint32_t tag, uint32_t number, uint64_t lifetime_ms) {
  uint8_t payload[16];
  pl_wire_code code = {.op = op, .tag = tag, .number = number, .lifetime_ms = (uint32_t)lifetime_ms};
  int n = e->connection == PL_ENGINE_CONN_ONLINE ? pl_wire_code_encode(&code, payload, sizeof payload) : 0;
  if (n > 0) pl_engine_control_lossy(e, PL_ENV_CODE, 0, payload, (size_t)n);
}

void pl_engine_code_end_number(pl_engine *e, uint32_t number) {
  if (number) code_tell(e, PL_CONST_CODE_END, 0, number, 0);
}

void pl_engine_code_ask_number(pl_engine *e, pl_engine_code_run *c) {
  c->asked = true;
  code_tell(e, PL_CONST_CODE_MAKE, c->handle, c->code.number,
            c->expires_ms > e->now_ms ? c->expires_ms - e->now_ms : 1);
  pl_engine_alive_expect(e);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

void pl_engine_code_over(pl_engine *e, pl_engine_code_run *c, int reason) {
  if (c->link) pl_engine_link_forget(e, c->link, reason);
  if (!c->claimer) pl_engine_code_end_number(e, c->code.number);
  if (c->guess_sent) (void)pl_engine_invite_revoke(e, c->secrets.dial);
  sodium_memzero(c, sizeof *c);
}

void pl_engine_code_end(pl_engine *e, pl_engine_code_run *c, int error, int reason) {
  pl_engine_action a = {.type = PL_ENGINE_OUT_CODE_ENDED, .code = c->handle, .error = error, .reason = reason};
  pl_engine_code_over(e, c, reason);
  pl_engine_out_once(e, a);
}
