/* What the world of a seed is like, in one line: a feature of worlds is one row of the table in sim_character.c. */
#ifndef PL_SIM_CHARACTER_H
#define PL_SIM_CHARACTER_H

#include "sim.h"

/* Of a world that has run: "2 clients, 1 worker, …". Cuts what does not fit. */
void sim_character(const sim_world *w, char *out, size_t size);

#endif
