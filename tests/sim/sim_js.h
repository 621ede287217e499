/* Worlds in which some clients run the JavaScript engine (pl-sim-js). Such an engine lives in a process of node's,
 * behind a pipe (js_engine.mjs); the simulator holds an idle C engine in its place, in whose state there is nothing to
 * check. In the other programs all engines are C. */
#ifndef PL_SIM_JS_H
#define PL_SIM_JS_H

#include "sim.h"

/* Returns true in pl-sim-js, where the state of a client's engine may be out of sight. */
bool sim_js_runs(void);
/* Returns true when this engine of a client stands for one in JavaScript. */
bool sim_js_is(const pl_engine *e);

/* A session of such an engine. */
typedef struct sim_js_session {
  uint32_t number, link;       /* link: a number for the one on which it sends, or 0. No two links have the same */
  uint8_t id[32], instance[8]; /* instance: zeros while it is unknown */
} sim_js_session;

/* Returns all sessions of such an engine, valid until its next step, and none of another one. */
const sim_js_session *sim_js_sessions(const pl_engine *e, size_t *count);

/* What pl-sim-js calls in place of the engine's functions: see CMakeLists.txt. */
int sim_js_new(const pl_engine_config *config, pl_engine **out);
void sim_js_free(pl_engine *e);
int sim_js_step(pl_engine *e, const pl_engine_event *in, pl_engine_result *out);
uint64_t sim_js_deadline(const pl_engine *e);
size_t sim_js_produce(pl_engine *e, uint64_t now_ms, uint8_t *out, size_t capacity);

#endif
