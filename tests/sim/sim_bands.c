/* See sim_bands.h. */
#include "sim_bands.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 5.0        /* standard deviations of what chance does to the mean, to each side */
#define WIDTH_MIN 0.01   /* of the baseline */
#define WIDTH_EVENTS 4.0 /* events in all seeds, for what hardly ever happens */
#define WIDTH_MOST 0.5   /* of the baseline of a MOST figure: it hangs on a single seed */

static const uint64_t sections[] = {500, 2000, 10000};
enum { SECTIONS = sizeof sections / sizeof *sections };

static const char head[] =
    "# What the figures of the simulator are, and the bands that they must stay in. Of a figure that is summed over\n"
    "# seeds, the mean of a seed. Written by ./dev sim --bands --write; docs/simulator.md says how the widths are "
    "chosen.\n"
    "#\n"
    "# figure                   baseline              low             high\n";

/* ---- reading ----------------------------------------------------------------------------------------------------- */
static int figure_of(const char *name) {
  for (int i = 0; i < SIM_FIGURE_COUNT; i++) {
    if (strcmp(name, sim_figure_list[i].name) == 0) return i;
  }
  return -1;
}

/* Reads one line of a section into `out`, when it is the wanted one. */
static bool read_band(const char *file, const char *line, sim_bands *out, bool wanted) {
  char name[64];
  sim_band band = {.known = true};
  if (sscanf(line, "%63s %lf %lf %lf", name, &band.baseline, &band.low, &band.high) != 4) {
    (void)fprintf(stderr, "%s: cannot read: %s", file, line);
    return false;
  }
  int which = figure_of(name);
  if (which < 0) {
    (void)fprintf(stderr, "%s: there is no figure %s\n", file, name);
    return false;
  }
  if (wanted) out->at[which] = band;
  return true;
}

static bool read_all(const char *file, FILE *in, uint64_t seeds, sim_bands *out) {
  char line[256];
  uint64_t section = 0;
  bool wanted = false;
  while (fgets(line, sizeof line, in)) {
    if (*line == '#' || *line == '\n') continue;
    if (sscanf(line, "seeds %" SCNu64, &section) == 1) {
      wanted = section <= seeds && section > out->seeds;
      if (wanted) *out = (sim_bands){.seeds = section};
    } else if (!read_band(file, line, out, wanted)) {
      return false;
    }
  }
  if (out->seeds == 0) (void)fprintf(stderr, "%s: no bands for as few as %" PRIu64 " seeds\n", file, seeds);
  return out->seeds > 0;
}

bool sim_bands_read(const char *file, uint64_t seeds, sim_bands *out) {
  *out = (sim_bands){0};
  FILE *in = fopen(file, "r");
  if (!in) {
    perror(file);
    return false;
  }
  bool good = read_all(file, in, seeds, out);
  (void)fclose(in);
  return good;
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */
static double value_of(const sim_figures *sum, size_t which, uint64_t seeds) {
  double value = (double)sim_figure_get(sum, which);
  return sim_figure_list[which].kind == SIM_FIGURE_SUM ? value / (double)seeds : value;
}

size_t sim_bands_judge(const sim_bands *bands, const sim_batch *b, bool print) {
  size_t outside = 0;
  for (size_t i = 0; i < SIM_FIGURE_COUNT; i++) {
    const sim_band *band = &bands->at[i];
    double value = value_of(&b->sum, i, b->seeds);
    bool sum = sim_figure_list[i].kind == SIM_FIGURE_SUM;
    if (!sum && (b->first != 1 || b->count != bands->seeds)) continue;
    if (band->known && value >= band->low && value <= band->high) continue;
    outside++;
    if (print && !band->known)
      (void)printf("%s has no band\n", sim_figure_list[i].name);
    else if (print)
      (void)printf("%s: %.6g%s, outside %.6g to %.6g; it was %.6g (%s)\n", sim_figure_list[i].name, value,
                   sum ? " a seed" : "", band->low, band->high, band->baseline, sim_figure_list[i].label);
  }
  return outside;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Returns how much the mean of a block moves when its worlds get other chances: a standard deviation. */
static double block_deviation(const sim_batch *b, const sim_batch *shaken, size_t which) {
  double squares = 0;
  for (size_t i = 0; i < b->block_count; i++) {
    double moved =
        value_of(&b->blocks[i], which, SIM_BLOCK_SEEDS) - value_of(&shaken->blocks[i], which, SIM_BLOCK_SEEDS);
    squares += moved * moved;
  }
  return sqrt(squares / (double)b->block_count / 2); /* both of the two moved */
}

static double width_of(const sim_batch *b, const sim_batch *shaken, size_t which, double baseline, uint64_t seeds) {
  if (sim_figure_list[which].kind == SIM_FIGURE_MOST) return WIDTH_MOST * baseline;
  double width = WIDTH * block_deviation(b, shaken, which) / sqrt((double)seeds / SIM_BLOCK_SEEDS);
  return fmax(width, fmax(WIDTH_MIN * baseline, WIDTH_EVENTS / (double)seeds));
}

static void write_section(FILE *out, const sim_batch *b, const sim_batch *shaken, uint64_t seeds) {
  sim_figures sum = {0};
  for (size_t i = 0; i < seeds / SIM_BLOCK_SEEDS; i++) sim_figures_add(&sum, &b->blocks[i]);
  (void)fprintf(out, "\nseeds %" PRIu64 "\n", seeds);
  for (size_t i = 0; i < SIM_FIGURE_COUNT; i++) {
    double baseline = value_of(&sum, i, seeds), width = width_of(b, shaken, i, baseline, seeds);
    (void)fprintf(out, "%-18s %16.6g %16.6g %16.6g\n", sim_figure_list[i].name, baseline, fmax(baseline - width, 0),
                  baseline + width);
  }
}

bool sim_bands_write(const char *file, const sim_batch *b, const sim_batch *shaken) {
  if (b->first != 1 || b->count != sections[SECTIONS - 1] || b->bad) {
    (void)fprintf(stderr, "bands are written from the seeds 1 to %" PRIu64 " without a bad one\n",
                  sections[SECTIONS - 1]);
    return false;
  }
  FILE *out = fopen(file, "w");
  if (!out) {
    perror(file);
    return false;
  }
  (void)fputs(head, out);
  for (size_t i = 0; i < SECTIONS; i++) write_section(out, b, shaken, sections[i]);
  if (fclose(out) == 0) return true;
  perror(file);
  return false;
}
