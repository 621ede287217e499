/* For programs in which all engines are C; see sim_js.h. */
#include "sim_js.h"

bool sim_js_runs(void) {
  return false;
}

bool sim_js_is(const pl_engine *e) {
  (void)e;
  return false;
}

uint32_t sim_js_link(const pl_engine *e, uint32_t session) {
  (void)e;
  (void)session;
  return 0;
}
