/* The table of pairing codes: finding one, asking the relay for its number, ending it. */
#ifndef PL_ENGINE_CODE_TABLE_H
#define PL_ENGINE_CODE_TABLE_H

#include "engine_state.h"

pl_engine_code_run *pl_engine_code_add(pl_engine *e, bool claimer, uint64_t lifetime_ms); /* NULL: no place is free */
pl_engine_code_run *pl_engine_code_find(pl_engine *e, uint32_t handle);                   /* or NULL */
pl_engine_code_run *pl_engine_code_by_number(pl_engine *e, uint32_t number); /* of this side's own; or NULL */

void pl_engine_code_ask_number(pl_engine *e, pl_engine_code_run *c);
void pl_engine_code_end_number(pl_engine *e, uint32_t number); /* tells the relay that it can give it to others */

/* Wipes a code and frees its place. reason: of the RESET for its link, 0 leaves the link. */
void pl_engine_code_over(pl_engine *e, pl_engine_code_run *c, int reason);
/* The same, and reports CODE_ENDED. */
void pl_engine_code_end(pl_engine *e, pl_engine_code_run *c, int error, int reason);

#endif
