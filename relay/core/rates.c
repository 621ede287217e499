/* See rates.h. The use of one key is kept as one number: the time at which all of it is paid for (the "generic cell
 * rate algorithm"). Memory is fixed: in its set of four a new key replaces the key whose time comes first. */
#include "rates.h"

#include <string.h>

#include "keys.h"

enum {
  RATE_TABLE = 4096, /* entries of a rate */
  RATE_TABLE_LARGE = 32768,
  MINUTE_US = 60000000
};

static int rate_init(pl_relay_rate *rate, uint64_t count, uint64_t period_ms, size_t entries) {
  *rate =
      (pl_relay_rate){.interval_us = period_ms * 1000 / count, .burst = count, .sets = entries / PL_RELAY_SHARED_WAYS};
  if (rate->interval_us == 0) rate->interval_us = 1;
  rate->entries = pl_alloc(entries * sizeof *rate->entries);
  return rate->entries ? 0 : PL_ENOMEM;
}

int pl_relay_rate_init(pl_relay_rate *rate, uint64_t count, uint64_t period_ms) {
  return rate_init(rate, count, period_ms, RATE_TABLE);
}

int pl_relay_rate_init_large(pl_relay_rate *rate, uint64_t count, uint64_t period_ms) {
  return rate_init(rate, count, period_ms, RATE_TABLE_LARGE);
}

void pl_relay_rate_deinit(pl_relay_rate *rate) {
  pl_free(rate->entries);
  rate->entries = NULL;
}

static pl_relay_rate_entry *rate_find(const pl_relay_rate *rate, uint64_t key) {
  pl_relay_rate_entry *set = rate->entries + key % rate->sets * PL_RELAY_SHARED_WAYS;
  for (size_t i = 0; i < PL_RELAY_SHARED_WAYS; i++)
    if (PL_RELAY_LOAD(set[i].key) == key) return &set[i];
  return NULL;
}

static pl_relay_rate_entry *rate_place(const pl_relay_rate *rate, uint64_t key) {
  pl_relay_rate_entry *set = rate->entries + key % rate->sets * PL_RELAY_SHARED_WAYS, *best = set;
  for (size_t i = 1; i < PL_RELAY_SHARED_WAYS; i++)
    if (PL_RELAY_LOAD(set[i].due_us) < PL_RELAY_LOAD(best->due_us)) best = &set[i];
  PL_RELAY_STORE(best->key, key);
  PL_RELAY_STORE(best->due_us, 0);
  return best;
}

static bool rate_allows(uint64_t due_us, uint64_t now_us, uint64_t interval_us, uint64_t burst) {
  return due_us <= now_us || due_us - now_us <= (burst - 1) * interval_us;
}

static void rate_take(uint64_t *due_us, uint64_t now_us, uint64_t interval_us) {
  *due_us = (*due_us > now_us ? *due_us : now_us) + interval_us;
}

uint64_t pl_relay_rate_key_left(const pl_relay_rate *rate, uint64_t key, uint64_t now_ms) {
  const pl_relay_rate_entry *e = rate_find(rate, key);
  uint64_t due_us = e ? PL_RELAY_LOAD(e->due_us) : 0, now_us = now_ms * 1000;
  if (due_us <= now_us) return rate->burst;
  uint64_t taken = (due_us - now_us + rate->interval_us - 1) / rate->interval_us;
  return taken < rate->burst ? rate->burst - taken : 0;
}

bool pl_relay_rate_key_allows(const pl_relay_rate *rate, uint64_t key, uint64_t now_ms) {
  const pl_relay_rate_entry *e = rate_find(rate, key);
  return !e || rate_allows(PL_RELAY_LOAD(e->due_us), now_ms * 1000, rate->interval_us, rate->burst);
}

void pl_relay_rate_key_take(pl_relay_rate *rate, uint64_t key, uint64_t now_ms) {
  pl_relay_rate_entry *e = rate_find(rate, key);
  if (!e) e = rate_place(rate, key);
  uint64_t due_us = PL_RELAY_LOAD(e->due_us);
  rate_take(&due_us, now_ms * 1000, rate->interval_us);
  PL_RELAY_STORE(e->due_us, due_us);
}

bool pl_relay_rate_allows(const pl_relay *relay, const pl_relay_rate *rate, const uint8_t address[16],
                          uint64_t now_ms) {
  return pl_relay_address_exempt(relay, address) ||
         pl_relay_rate_key_allows(rate, pl_relay_address_key(relay, address), now_ms);
}

void pl_relay_rate_take(const pl_relay *relay, pl_relay_rate *rate, const uint8_t address[16], uint64_t now_ms) {
  if (!pl_relay_address_exempt(relay, address))
    pl_relay_rate_key_take(rate, pl_relay_address_key(relay, address), now_ms);
}

bool pl_relay_rate_connect(pl_relay *relay, const uint8_t address[16], uint64_t now_ms) {
  if (!pl_relay_rate_allows(relay, &relay->shared->connects, address, now_ms)) return false;
  pl_relay_rate_take(relay, &relay->shared->connects, address, now_ms);
  return true;
}

bool pl_relay_rate_trusted(const pl_relay *relay, const uint8_t address[16]) {
  return pl_relay_cidr_has(relay->config.trusted, relay->config.trusted_count, address);
}

bool pl_relay_rate_open(pl_relay_conn *conn, uint64_t now_ms) {
  uint64_t interval_us = MINUTE_US / pl_relay_setting_of(conn->relay, PL_RELAY_SET_OPENS_PER_MINUTE);
  if (!rate_allows(conn->opens_us, now_ms * 1000, interval_us,
                   pl_relay_setting_of(conn->relay, PL_RELAY_SET_OPEN_BURST)))
    return false;
  rate_take(&conn->opens_us, now_ms * 1000, interval_us);
  return true;
}

bool pl_relay_rate_change(pl_relay_conn *conn, uint32_t count, uint64_t now_ms) {
  const pl_relay *relay = conn->relay;
  uint64_t per_minute = pl_relay_setting_of(relay, PL_RELAY_SET_CHANGES_PER_MINUTE),
           interval_us = MINUTE_US / per_minute;
  uint64_t burst = per_minute + pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_PER_SOCKET); /* the first list is free */
  for (uint32_t i = 0; i < count; i++) {
    if (!rate_allows(conn->changes_us, now_ms * 1000, interval_us, burst)) return false;
    rate_take(&conn->changes_us, now_ms * 1000, interval_us);
  }
  return true;
}
