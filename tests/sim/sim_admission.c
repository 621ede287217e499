/* Who may log in, and from where: relays that ask for a token or admit nobody new, IDs that are revoked, clients at
 * several addresses and behind a proxy. A client that is refused for good tries again when its application tells it
 * to. When faults are over, the operator admits everybody. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "sim_limits.h"

static const char token[] = "an access token";
static const char *const alternatives =
    "ws://relay2.example/pairlink\nwss://relay3.example/pairlink\nws://relay.example:8787/pairlink\nws:// /";
static const char *const public_urls[] = {"http://relay.example", "http://relay2.example", "http://relay.example:8787",
                                          NULL};
static const char *const origins[] = {"https://page.example", NULL};
static const char *const proxies = "10.9.0.0/16";
static const char *const proxy = "10.9.8.7";

static pl_view view_of(const char *text) {
  return (pl_view){(const uint8_t *)text, strlen(text)};
}

void sim_admission_scene(sim_world *w) {
  sim_limits *l = w->limits;
  sim_random *r = &l->admission_random;
  if (!l->admitting) return;
  l->proxied = sim_chance(r, 40);
  l->moves = sim_chance(r, 40);
  l->page = sim_chance(r, 30);
  for (int i = 0; i < SIM_CLIENTS; i++) l->place[i] = (sim_place)sim_below(r, SIM_PLACE_HERE + 1);
}

void sim_admission_relay(sim_world *w) {
  sim_limits *l = w->limits;
  sim_random *r = &l->admission_random;
  pl_relay_config *config = &w->relay.config;
  if (!l->admitting) return;
  if (sim_chance(r, 60)) config->admission = sim_chance(r, 70) ? PL_RELAY_ADMIT_INVITE : PL_RELAY_ADMIT_CLOSED;
  l->token_uses = (unsigned)sim_between(r, 1, SIM_CLIENTS);
  if (l->moves) {
    config->alternatives = alternatives;
    config->public_urls = public_urls;
  }
  if (l->page) config->origins = origins;
  if (!l->proxied) return;
  if (pl_relay_cidr_parse(view_of(proxies), &l->proxy) != 0) sim_fail(w, "%s is not a range", proxies);
  config->trusted = &l->proxy;
  config->trusted_count = 1;
}

/* ---- where a client is --------------------------------------------------------------------------------------- */

static void write_address(sim_place place, int index, char *out, size_t size) {
  switch (place) {
    case SIM_PLACE_SUBNET: /* in the same /56 as the shared one */
      (void)snprintf(out, size, "2001:db8::%d:0:0:0:2", index);
      break;
    case SIM_PLACE_OTHER:
      (void)snprintf(out, size, "2001:DB8:%d:0:1::a", index + 1);
      break;
    case SIM_PLACE_IPV4:
      (void)snprintf(out, size, "10.0.0.%d", index + 1);
      break;
    case SIM_PLACE_HERE:
      (void)snprintf(out, size, "%s", index % 2 ? "127.0.0.1" : "::1");
      break;
    default:
      (void)snprintf(out, size, "2001:db8::1");
  }
}

/* Writes the field as proxies do: perhaps with a port, behind what the client claimed, and followed by more proxies. */
static void write_forwarded(sim_limits *l, int index, const char *address) {
  sim_random *r = &l->admission_random;
  bool v4 = strchr(address, '.');
  const char *before = sim_chance(r, 30) ? "nonsense, " : "", *after = sim_chance(r, 30) ? ", 10.9.1.1" : "";
  if (sim_chance(r, 30))
    (void)snprintf(l->fields[index], sizeof l->fields[index], "X-Forwarded-For: %s%s%s%s:443%s\r\n", before,
                   v4 ? "" : "[", address, v4 ? "" : "]", after);
  else
    (void)snprintf(l->fields[index], sizeof l->fields[index], "X-Forwarded-For: %s%s%s\r\n", before, address, after);
}

static void write_origin(sim_limits *l, int index) {
  static const char *const own[] = {"http://relay.example", "http://Relay.Example:80", "https://page.example"};
  char *fields = l->fields[index];
  size_t used = strlen(fields);
  const char *origin = own[sim_below(&l->admission_random, PL_ARRAY_LENGTH(own))];
  (void)snprintf(fields + used, sizeof l->fields[index] - used, "Origin: %s\r\n", origin);
}

void sim_admission_client(sim_client *c) {
  sim_world *w = c->world;
  sim_limits *l = w->limits;
  sim_random *r = &l->admission_random;
  sim_relay *relay = &w->relay;
  char address[64];
  int i = c->index;
  if (!l->admitting) return;
  write_address(l->place[i], i, address, sizeof address);
  if (l->proxied) write_forwarded(l, i, address);
  if (l->page) write_origin(l, i);
  if (pl_relay_address_parse(view_of(l->proxied ? proxy : address), l->address[i]) != 0)
    sim_fail(w, "%s is not an address", address);
  l->revoked[i] = sim_chance(r, 15);
  l->has_token[i] = sim_chance(r, 60);
  if (l->has_token[i] || sim_chance(r, 30)) c->config.token = l->has_token[i] ? token : "a guess";
  if (relay->config.admission != PL_RELAY_ADMIT_OPEN && sim_chance(r, 50))
    memcpy(relay->known[relay->known_count++], c->config.identity.id, 32);
}

const uint8_t *sim_admission_address(const sim_client *c) {
  const sim_limits *l = c->world->limits;
  return l && l->admitting ? l->address[c->index] : sim_address;
}

const char *sim_admission_fields(const sim_client *c) {
  const sim_limits *l = c->world->limits;
  return l ? l->fields[c->index] : "";
}

/* ---- the store's answer -------------------------------------------------------------------------------------- */

static bool shows_token(const sim_job *job) {
  uint8_t key[32];
  crypto_hash_sha256(key, (const uint8_t *)token, strlen(token));
  return job->claims && pl_token_verify(job->claim.proof, key, job->claim.transcript) == 0;
}

static bool is_known(const sim_relay *r, const uint8_t id[32]) {
  for (size_t i = 0; i < r->known_count; i++)
    if (memcmp(r->known[i], id, 32) == 0) return true;
  return false;
}

/* A refusal stands until the client is online: another one of the same ID may be admitted before this one hears of it.
 */
static void note_refusal(sim_limits *l, const sim_world *w, const uint8_t id[32]) {
  for (int i = 0; i < w->clients_count; i++)
    if (memcmp(w->clients[i].config.identity.id, id, 32) == 0) l->refused[i] = true;
}

/* `result` is what an open relay would be told. */
pl_relay_registration sim_admission_judge(sim_relay *r, const sim_job *job, pl_relay_registration result) {
  sim_world *w = r->world;
  sim_limits *l = w->limits;
  if (!l || !l->admitting) return result;
  int who = sim_client_of(w, job->id, (const uint8_t[8]){0});
  if (result == PL_RELAY_REGISTRATION_KNOWN && who >= 0 && l->revoked[who]) result = PL_RELAY_REGISTRATION_REVOKED;
  if (result == PL_RELAY_REGISTRATION_ABSENT && l->token_uses && shows_token(job)) {
    l->token_uses--;
    memcpy(r->known[r->known_count++], job->id, 32);
    result = PL_RELAY_REGISTRATION_NEW;
  }
  bool refused = result == PL_RELAY_REGISTRATION_REVOKED ||
                 (result == PL_RELAY_REGISTRATION_ABSENT && r->config.admission != PL_RELAY_ADMIT_OPEN);
  if (refused) note_refusal(l, w, job->id);
  return result;
}

/* ---- what clients make of it --------------------------------------------------------------------------------- */

void sim_admission_online(const sim_client *c) {
  const sim_world *w = c->world;
  sim_limits *l = w->limits;
  if (!l || !l->admitting) return;
  l->refused[c->index] = false;
  if (!is_known(&w->relay, c->config.identity.id))
    sim_fail(c->world, "client %d logged in though nobody admitted it", c->index);
}

bool sim_admission_gives_up(sim_client *c, int reason) {
  sim_world *w = c->world;
  sim_limits *l = w->limits;
  if (!l || !l->refused[c->index] || (reason != PL_REASON_DENIED && reason != PL_REASON_REVOKED)) return false;
  l->retry_us[c->index] = w->now_us + sim_log_between(&l->admission_random, SIM_MS(10), SIM_MS(60000));
  return true;
}

bool sim_admission_waits(const sim_client *c) {
  const sim_limits *l = c->world->limits;
  return l && l->retry_us[c->index];
}

uint64_t sim_admission_due(const sim_world *w) {
  uint64_t at = SIM_NEVER;
  for (int i = 0; i < w->clients_count; i++)
    if (w->limits->retry_us[i] && w->limits->retry_us[i] < at) at = w->limits->retry_us[i];
  return at;
}

/* The application tries again. Only a new engine takes another token. */
static void try_again(sim_client *c) {
  if (c->stopped) return;
  if (!c->engine) {
    if (c->world->limits->has_token[c->index]) c->config.token = token;
    return;
  }
  sim_trace(c->world, "client %d tries to log in again", c->index);
  if (c->config.token == token || c->world->relay.config.admission != PL_RELAY_ADMIT_INVITE) {
    (void)sim_client_step(c, &(pl_engine_event){.type = PL_ENGINE_IN_START});
    return;
  }
  sim_client_crash(c, 0, false);
  if (c->world->limits->has_token[c->index]) c->config.token = token;
}

void sim_admission_happen(sim_world *w) {
  sim_limits *l = w->limits;
  for (int i = 0; i < w->clients_count; i++) {
    if (!l->retry_us[i] || l->retry_us[i] > w->now_us) continue;
    l->retry_us[i] = 0;
    if (w->clients[i].asleep_until_us > w->now_us)
      l->retry_us[i] = w->clients[i].asleep_until_us; /* its application does not run either */
    else
      try_again(&w->clients[i]);
  }
}

void sim_admission_heal(sim_world *w) {
  sim_limits *l = w->limits;
  sim_relay *r = &w->relay;
  if (!l->admitting) return;
  l->token_uses = 1000;
  for (int i = 0; i < w->clients_count; i++) {
    const uint8_t *id = w->clients[i].config.identity.id;
    l->revoked[i] = false;
    l->has_token[i] = true;
    bool lacks_token = r->config.admission == PL_RELAY_ADMIT_INVITE && !is_known(r, id);
    if (l->retry_us[i] || lacks_token) l->retry_us[i] = w->now_us;
    if (r->config.admission == PL_RELAY_ADMIT_CLOSED && !is_known(r, id)) memcpy(r->known[r->known_count++], id, 32);
  }
}
