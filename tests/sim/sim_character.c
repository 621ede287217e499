/* See sim_character.h. */
#include "sim_character.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
  size_t at; /* of a bool in sim_world */
  const char *name;
} features[] = {
    {offsetof(sim_world, flood), "a flood"},
    {offsetof(sim_world, large), "large messages"},
    {offsetof(sim_world, long_fat), "lines that hold much"},
    {offsetof(sim_world, new_links), "links replaced early"},
    {offsetof(sim_world, lossy), "lossy lines"},
    {offsetof(sim_world, hostile), "a hostile relay"},
    {offsetof(sim_world, twins), "shared IDs"},
    {offsetof(sim_world, strangers), "strangers"},
    {offsetof(sim_world, pairing), "codes"},
    {offsetof(sim_world, moves), "clients told to move"},
    {offsetof(sim_world, starving), "engines short of memory"},
    {offsetof(sim_world, forgetful), "shells short of memory"},
    {offsetof(sim_world, relay.registers_late), "late registrations"},
    {offsetof(sim_world, split_reads), "split reads"},
    {offsetof(sim_world, manual_take), "messages taken by hand"},
};

void sim_character(const sim_world *w, char *out, size_t size) {
  char rate[32] = "unlimited";
  if (w->bytes_per_ms) (void)snprintf(rate, sizeof rate, "%" PRIu32 " bytes/ms", w->bytes_per_ms);
  int n = snprintf(
      out, size,
      "%d clients, %u worker%s, delay %.1f to %.1f ms, rate %s, messages up to %" PRIu32 " bytes, active for %.0f s",
      w->clients_count, w->relay.worker_count, w->relay.worker_count == 1 ? "" : "s", w->delay_us / 1e3,
      (w->delay_us + w->jitter_us) / 1e3, rate, w->message_max, (double)(w->healed_us - SIM_START_US) / 1e6);
  for (size_t i = 0; i < sizeof features / sizeof *features && n > 0 && (size_t)n < size; i++) {
    if (*(const bool *)((const char *)w + features[i].at))
      n += snprintf(out + n, size - (size_t)n, ", %s", features[i].name);
  }
}
