/* The links of claims, and what both sides say over them. */
#ifndef PL_ENGINE_EXCHANGE_H
#define PL_ENGINE_EXCHANGE_H

#include "engine_state.h"

void pl_engine_code_claim(pl_engine *e, pl_engine_code_run *c); /* sends CLAIM, if it is time for that */
/* Returns 0, or a reason to end the connection. */
int pl_engine_code_claim_came(pl_engine *e, uint32_t number, pl_view payload);

/* ACCEPT came for a claim; a message, or RESET, came over the link of a code. plain: not used. */
int pl_engine_code_accepted(pl_engine *e, pl_engine_link *l, pl_view payload); /* returns 0 */
void pl_engine_code_data_came(pl_engine *e, pl_engine_link *l, const pl_envelope *v, uint8_t *plain);
void pl_engine_code_reset_came(pl_engine *e, pl_engine_link *l, int reason);

/* Frees the link of a code, and continues without it. A RESET with the reason `sent` goes out, unless that is 0; `came`
 * says why the link is lost. */
void pl_engine_code_link_lost(pl_engine *e, pl_engine_link *l, int sent, int came);

/* Ends the claim with success, because the creator called by its dial secret. Returns false when the caller is not let
 * in after all, because memory ran out. */
bool pl_engine_code_called(pl_engine *e, uint32_t handle, const pl_engine_link *l) PL_MUST_USE;

#endif
