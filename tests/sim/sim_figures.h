/* Figures: what one run or many of them counted. A figure is one line of the list below; sums, reports and bands follow
 * from it. */
#ifndef PL_SIM_FIGURES_H
#define PL_SIM_FIGURES_H

#include <stddef.h>
#include <stdint.h>

/* FIGURE(name, how it is combined over runs: SUM or MOST, what reports call it) */
#define SIM_FIGURES(FIGURE)                                                \
  FIGURE(steps, SUM, "steps")                                              \
  FIGURE(faults, SUM, "faults")                                            \
  FIGURE(crashes, SUM, "crashes of clients")                               \
  FIGURE(dials, SUM, "sockets opened")                                     \
  FIGURE(logins, SUM, "logins")                                            \
  FIGURE(refused, SUM, "connections refused")                              \
  FIGURE(sessions, SUM, "sessions")                                        \
  FIGURE(links, SUM, "sessions linked")                                    \
  FIGURE(unlinks, SUM, "sessions unlinked")                                \
  FIGURE(switches, SUM, "links that a session began to send on")           \
  FIGURE(checks, SUM, "checks of a silent relay")                          \
  FIGURE(waits_ms, SUM, "ms of waits before connecting again")             \
  FIGURE(stream_resets, SUM, "stream resets")                              \
  FIGURE(sent, SUM, "messages sent")                                       \
  FIGURE(read, SUM, "messages read")                                       \
  FIGURE(delivered, SUM, "messages delivered")                             \
  FIGURE(lost, SUM, "messages lost")                                       \
  FIGURE(up_frames, SUM, "WebSocket messages to the relay")                \
  FIGURE(up_bytes, SUM, "bytes to the relay")                              \
  FIGURE(twice_bytes, SUM, "bytes sent again")                             \
  FIGURE(twice_frames, SUM, "WebSocket messages with bytes sent again")    \
  FIGURE(twice_permille, SUM, "per mille of bytes sent again")             \
  FIGURE(pongs, SUM, "pings of the relay answered")                        \
  FIGURE(down_writes, SUM, "writes to sockets of the relay")               \
  FIGURE(down_bytes, SUM, "bytes from the relay")                          \
  FIGURE(bus_batches, SUM, "writes between workers")                       \
  FIGURE(bus_bytes, SUM, "bytes between workers")                          \
  FIGURE(forwarded, SUM, "envelopes forwarded")                            \
  FIGURE(relay_dropped, SUM, "envelopes dropped by the relay")             \
  FIGURE(volatile_dropped, SUM, "volatile envelopes dropped by the relay") \
  FIGURE(overflows, SUM, "overflows")                                      \
  FIGURE(queued_most, MOST, "bytes queued at most")                        \
  FIGURE(dropped, SUM, "records dropped on their way")                     \
  FIGURE(paired, SUM, "paired by code")                                    \
  FIGURE(shortages, SUM, "clients ended because memory ran out")           \
  FIGURE(heal_ms, SUM, "ms to heal")                                       \
  FIGURE(heal_most_ms, MOST, "ms to heal at most")

typedef struct sim_figures {
#define FIELD(name, kind, label) uint64_t name;
  SIM_FIGURES(FIELD)
#undef FIELD
} sim_figures;

typedef enum sim_figure_kind { SIM_FIGURE_SUM, SIM_FIGURE_MOST } sim_figure_kind;

typedef struct sim_figure {
  const char *name, *label;
  sim_figure_kind kind;
} sim_figure;

enum { SIM_FIGURE_COUNT = sizeof(sim_figures) / sizeof(uint64_t) };

extern const sim_figure sim_figure_list[SIM_FIGURE_COUNT]; /* in the order of the struct's fields */

uint64_t sim_figure_get(const sim_figures *f, size_t which);
void sim_figures_add(sim_figures *sum, const sim_figures *one);
void sim_figures_print(const sim_figures *f); /* one a line, on stdout */

#endif
