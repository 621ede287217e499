/* Rates: of connections, registrations and knocks by address, of knocks by ID, of OPENs by socket. Memory is fixed: a
 * table of sets of four, where a newcomer takes the place of the one that is nearest to having none taken. Each rate is
 * one number, the time at which everything taken so far is paid for (the "generic cell rate algorithm"). */
#include <string.h>

#include "shares.h"

enum { WAYS = 4 };

static int init(pl_relay_rate *rate, uint64_t count, uint64_t period_ms, size_t entries) {
  *rate = (pl_relay_rate){.interval_us = period_ms * 1000 / count, .burst = count, .sets = entries / WAYS};
  if (rate->interval_us == 0) rate->interval_us = 1;
  rate->entries = pl_alloc(entries * sizeof *rate->entries);
  return rate->entries ? 0 : PL_ENOMEM;
}

int pl_relay_rate_init(pl_relay_rate *rate, uint64_t count, uint64_t period_ms) {
  return init(rate, count, period_ms, PL_RELAY_RATE_TABLE);
}

int pl_relay_rate_init_large(pl_relay_rate *rate, uint64_t count, uint64_t period_ms) {
  return init(rate, count, period_ms, PL_RELAY_RATE_TABLE_LARGE);
}

void pl_relay_rate_deinit(pl_relay_rate *rate) {
  pl_free(rate->entries);
  rate->entries = NULL;
}

static bool is_loopback(const uint8_t address[16]) {
  static const uint8_t v6[16] = {[15] = 1}, mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
  return memcmp(address, v6, 16) == 0 || memcmp(address, mapped, 13) == 0;
}

bool pl_relay_address_exempt(const pl_relay *relay, const uint8_t address[16]) {
  return pl_relay_setting_of(relay, PL_RELAY_SET_LOOPBACK_EXEMPT) && is_loopback(address);
}

/* One customer: an IPv4 address, or the /56 of an IPv6 one. */
uint64_t pl_relay_address_key(const pl_relay *relay, const uint8_t address[16]) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  size_t size = memcmp(address, mapped, 12) == 0 ? 16 : 7;
  uint64_t key = pl_relay_router_hash(relay, address, size);
  return key ? key : 1;
}

static pl_relay_rate_entry *find(const pl_relay_rate *rate, uint64_t key) {
  pl_relay_rate_entry *set = rate->entries + key % rate->sets * WAYS;
  for (size_t i = 0; i < WAYS; i++)
    if (PL_RELAY_LOAD(set[i].key) == key) return &set[i];
  return NULL;
}

static pl_relay_rate_entry *place(const pl_relay_rate *rate, uint64_t key) {
  pl_relay_rate_entry *set = rate->entries + key % rate->sets * WAYS, *best = set;
  for (size_t i = 1; i < WAYS; i++)
    if (PL_RELAY_LOAD(set[i].due_us) < PL_RELAY_LOAD(best->due_us)) best = &set[i];
  PL_RELAY_STORE(best->key, key);
  PL_RELAY_STORE(best->due_us, 0);
  return best;
}

static bool allows(uint64_t due_us, uint64_t now_us, uint64_t interval_us, uint64_t burst) {
  return due_us <= now_us || due_us - now_us <= (burst - 1) * interval_us;
}

static void take(uint64_t *due_us, uint64_t now_us, uint64_t interval_us) {
  *due_us = (*due_us > now_us ? *due_us : now_us) + interval_us;
}

uint64_t pl_relay_rate_key_left(const pl_relay_rate *rate, uint64_t key, uint64_t now_ms) {
  const pl_relay_rate_entry *e = find(rate, key);
  uint64_t due_us = e ? PL_RELAY_LOAD(e->due_us) : 0, now_us = now_ms * 1000;
  if (due_us <= now_us) return rate->burst;
  uint64_t taken = (due_us - now_us + rate->interval_us - 1) / rate->interval_us;
  return taken < rate->burst ? rate->burst - taken : 0;
}

bool pl_relay_rate_key_allows(const pl_relay_rate *rate, uint64_t key, uint64_t now_ms) {
  const pl_relay_rate_entry *e = find(rate, key);
  return !e || allows(PL_RELAY_LOAD(e->due_us), now_ms * 1000, rate->interval_us, rate->burst);
}

void pl_relay_rate_key_take(pl_relay_rate *rate, uint64_t key, uint64_t now_ms) {
  pl_relay_rate_entry *e = find(rate, key);
  if (!e) e = place(rate, key);
  uint64_t due_us = PL_RELAY_LOAD(e->due_us);
  take(&due_us, now_ms * 1000, rate->interval_us);
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

bool pl_relay_rate_resolve(pl_relay_conn *conn, const pl_relay_http_request *request, uint64_t now_ms) {
  const pl_relay_config *config = &conn->relay->config;
  uint8_t address[16];
  if (!pl_relay_rate_trusted(conn->relay, conn->address)) return true;
  if (pl_relay_forwarded_for(request->forwarded_for, config->trusted, config->trusted_count, address) == 0) {
    memcpy(conn->address, address, 16);
    /* "127.0.0.1", said by a proxy, is not this machine's own, which LOOPBACK_EXEMPT means: no real address is 1::… */
    if (is_loopback(address)) conn->address[1] = 1;
  }
  if (!pl_relay_crowd_enter(conn) || pl_relay_account_enter(conn, pl_relay_account_key(conn, NULL)) != 0) return false;
  return pl_relay_rate_connect(conn->relay, conn->address, now_ms);
}

bool pl_relay_rate_open(pl_relay_conn *conn, uint64_t now_ms) {
  uint64_t interval_us = 60000000 / pl_relay_setting_of(conn->relay, PL_RELAY_SET_OPENS_PER_MINUTE);
  if (!allows(conn->opens_us, now_ms * 1000, interval_us, pl_relay_setting_of(conn->relay, PL_RELAY_SET_OPEN_BURST)))
    return false;
  take(&conn->opens_us, now_ms * 1000, interval_us);
  return true;
}

bool pl_relay_rate_change(pl_relay_conn *conn, uint32_t count, uint64_t now_ms) {
  const pl_relay *relay = conn->relay;
  uint64_t per_minute = pl_relay_setting_of(relay, PL_RELAY_SET_CHANGES_PER_MINUTE),
           interval_us = 60000000 / per_minute;
  uint64_t burst =
      per_minute + pl_relay_setting_of(relay, PL_RELAY_SET_PEERS_PER_SOCKET); /* the first list is no change */
  for (uint32_t i = 0; i < count; i++) {
    if (!allows(conn->changes_us, now_ms * 1000, interval_us, burst)) return false;
    take(&conn->changes_us, now_ms * 1000, interval_us);
  }
  return true;
}
