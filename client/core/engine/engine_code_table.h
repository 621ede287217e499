/* The table of pairing codes: finding one, asking the relay for its number, ending it. */
#ifndef PL_ENGINE_CODE_TABLE_H
#define PL_ENGINE_CODE_TABLE_H

#include "engine_state.h"

pl_engine_code_run *pl_engine_code_add(pl_engine *e, bool claimer, uint64_t lifetime_ms); /* NULL when all are in use */
pl_engine_code_run *pl_engine_code_find(pl_engine *e, uint32_t handle);                   /* NULL when there is none */
/* Returns the code that this side made and that has this number, or NULL. */
pl_engine_code_run *pl_engine_code_by_number(pl_engine *e, uint32_t number);

void pl_engine_code_ask_number(pl_engine *e, pl_engine_code_run *c);
void pl_engine_code_end_number(pl_engine *e, uint32_t number); /* tells the relay that others may get the number */

/* Wipes a code and frees its place. Its link is reset with `reason`, or stays as it is when that is 0. */
void pl_engine_code_over(pl_engine *e, pl_engine_code_run *c, int reason);
/* The same, and reports CODE_ENDED. */
void pl_engine_code_end(pl_engine *e, pl_engine_code_run *c, int error, int reason);

#endif
