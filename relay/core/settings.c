/* Names, ranges and initial values of all settings, from the two tables. */
#include <string.h>

#include "relay.h"

const pl_relay_setting_info pl_relay_setting_table[PL_RELAY_SETTINGS] = {
#define PL_LIMIT(name, number, initial, minimum, maximum, text) {#name, initial, minimum, maximum, text},
#include "../../schema/wire.def"
#define PL_RELAY_SETTING(name, initial, minimum, maximum, text) {#name, initial, minimum, maximum, text},
#include "settings.def"
};

void pl_relay_settings_init(uint32_t settings[PL_RELAY_SETTINGS]) {
  for (size_t i = 0; i < PL_RELAY_SETTINGS; i++) settings[i] = pl_relay_setting_table[i].initial;
}

int pl_relay_settings_set(uint32_t settings[PL_RELAY_SETTINGS], const char *name, uint32_t value) {
  for (size_t i = 0; i < PL_RELAY_SETTINGS; i++) {
    if (strcmp(pl_relay_setting_table[i].name, name) != 0) continue;
    if (value < pl_relay_setting_table[i].minimum || value > pl_relay_setting_table[i].maximum) return PL_EINVAL;
    settings[i] = value;
    return 0;
  }
  return PL_EINVAL;
}

const char *pl_relay_settings_check(const uint32_t settings[PL_RELAY_SETTINGS]) {
  if (settings[PL_RELAY_SET_DEAD_AFTER_MS] <= settings[PL_RELAY_SET_PING_INTERVAL_MS])
    return "DEAD_AFTER_MS must be greater than PING_INTERVAL_MS";
  return NULL;
}
