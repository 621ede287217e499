/* For programs in which all engines are C; see sim_js.h. */
#include "sim_js.h"

bool sim_js_runs(void) {
  return false;
}

bool sim_js_is(const pl_engine *e) {
  (void)e;
  return false;
}

const sim_js_session *sim_js_sessions(const pl_engine *e, size_t *count) {
  (void)e;
  *count = 0;
  return NULL;
}
