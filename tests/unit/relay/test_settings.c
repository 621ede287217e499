/* Settings by name: their ranges, and what does not go together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/core/relay.h"

static void test_every_setting_in_its_range(void **state) {
  uint32_t settings[PL_RELAY_SETTINGS];
  (void)state;
  for (size_t i = 0; i < PL_RELAY_SETTINGS; i++) {
    const pl_relay_setting_info *info = &pl_relay_setting_table[i];
    pl_relay_settings_init(settings);
    assert_in_range(settings[i], info->minimum, info->maximum);
    assert_int_equal(pl_relay_settings_set(settings, info->name, info->minimum), 0);
    assert_int_equal(settings[i], info->minimum);
    if (info->minimum > 0) assert_int_equal(pl_relay_settings_set(settings, info->name, info->minimum - 1), PL_EINVAL);
    assert_int_equal(settings[i], info->minimum);
    assert_int_equal(pl_relay_settings_set(settings, info->name, info->maximum), 0);
    assert_int_equal(settings[i], info->maximum);
    if (info->maximum < UINT32_MAX)
      assert_int_equal(pl_relay_settings_set(settings, info->name, info->maximum + 1), PL_EINVAL);
    assert_int_equal(settings[i], info->maximum);
    for (size_t other = 0; other < PL_RELAY_SETTINGS; other++)
      if (other != i) assert_int_equal(settings[other], pl_relay_setting_table[other].initial);
  }
}

static void test_unknown_names(void **state) {
  uint32_t settings[PL_RELAY_SETTINGS];
  (void)state;
  pl_relay_settings_init(settings);
  assert_int_equal(pl_relay_settings_set(settings, "", 1), PL_EINVAL);
  assert_int_equal(pl_relay_settings_set(settings, "SOCKETS_MA", 1), PL_EINVAL);
  assert_int_equal(pl_relay_settings_set(settings, "sockets_max", 1), PL_EINVAL);
  for (size_t i = 0; i < PL_RELAY_SETTINGS; i++) assert_int_equal(settings[i], pl_relay_setting_table[i].initial);
}

static void test_dead_comes_after_the_ping(void **state) {
  uint32_t settings[PL_RELAY_SETTINGS];
  (void)state;
  pl_relay_settings_init(settings);
  assert_null(pl_relay_settings_check(settings));
  settings[PL_RELAY_SET_DEAD_AFTER_MS] = settings[PL_RELAY_SET_PING_INTERVAL_MS];
  assert_string_equal(pl_relay_settings_check(settings), "DEAD_AFTER_MS must be greater than PING_INTERVAL_MS");
  settings[PL_RELAY_SET_DEAD_AFTER_MS]++;
  assert_null(pl_relay_settings_check(settings));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_setting_in_its_range),
      cmocka_unit_test(test_unknown_names),
      cmocka_unit_test(test_dead_comes_after_the_ping),
  };
  return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
