/* Bands: what each figure of many seeds was, per seed, and how far it may move. A file holds them for several numbers
 * of seeds. How the widths are chosen is in docs/simulator.md. */
#ifndef PL_SIM_BANDS_H
#define PL_SIM_BANDS_H

#include "sim_batch.h"
#include "sim_figures.h"

typedef struct sim_band {
  double baseline, low, high; /* per seed; of a MOST figure, the largest of all seeds */
  bool known;
} sim_band;

typedef struct sim_bands {
  uint64_t seeds; /* the seeds from 1 on that they are of */
  sim_band at[SIM_FIGURE_COUNT];
} sim_bands;

/* Reads the bands of the largest number of seeds in `file` that is not above `seeds`. Says on stderr why it cannot. */
bool sim_bands_read(const char *file, uint64_t seeds, sim_bands *out);
/* Prints each figure that is outside its band when `print` is set, and returns how many there are. A MOST figure is
 * judged only for the very seeds that its band is of. */
size_t sim_bands_judge(const sim_bands *bands, const sim_batch *b, bool print);
/* Writes the bands that follow from a run of seeds from 1 on, and from one of the same seeds with other chances. Says
 * on stderr why it cannot. */
bool sim_bands_write(const char *file, const sim_batch *b, const sim_batch *shaken);

#endif
