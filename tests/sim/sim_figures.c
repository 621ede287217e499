/* See sim_figures.h. A struct of figures is read as an array: all its fields have the same type. */
#include "sim_figures.h"

#include <inttypes.h>
#include <stdio.h>

const sim_figure sim_figure_list[SIM_FIGURE_COUNT] = {
#define ROW(name, kind, label) {#name, label, SIM_FIGURE_##kind},
    SIM_FIGURES(ROW)
#undef ROW
};

uint64_t sim_figure_get(const sim_figures *f, size_t which) {
  return ((const uint64_t *)f)[which];
}

void sim_figures_add(sim_figures *sum, const sim_figures *one) {
  uint64_t *to = (uint64_t *)sum;
  for (size_t i = 0; i < SIM_FIGURE_COUNT; i++) {
    uint64_t value = sim_figure_get(one, i);
    if (sim_figure_list[i].kind == SIM_FIGURE_SUM)
      to[i] += value;
    else if (value > to[i])
      to[i] = value;
  }
}

void sim_figures_print(const sim_figures *f) {
  for (size_t i = 0; i < SIM_FIGURE_COUNT; i++)
    (void)printf("%16" PRIu64 "  %s\n", sim_figure_get(f, i), sim_figure_list[i].label);
}
