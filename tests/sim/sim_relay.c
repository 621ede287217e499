/* The relay's shell: it carries bytes to and from the cores of the workers, and is their store. What the store
 * committed survives a crash. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_greedy.h"
#include "sim_limits.h"

enum { SOCKET_BUFFER = 140 * 1024, RECORD = 66000 };
#define STORE_STREAM UINT64_C(517008179065) /* a stream in which no listed seed registers late */

const uint8_t sim_address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

/* In most worlds only the lookup takes time, and the registration that follows takes none. In some it takes as long
 * again. Meanwhile the client may leave, or the same ID may be registered over another socket. */
static uint64_t job_takes_us(sim_relay *r, bool registers) {
  sim_world *w = r->world;
  uint64_t most = w->now_us < r->store_slow_until_us ? SIM_MS(5000) : SIM_MS(5);
  if (!registers) return sim_below(&w->random, most);
  return r->registers_late ? sim_below(&r->store_random, most) : 0;
}

static void add_job(sim_worker *v, pl_relay_conn *conn, const uint8_t id[32], bool registers,
                    const pl_relay_token_claim *claim) {
  sim_relay *r = v->relay;
  sim_world *w = r->world;
  for (size_t i = 0; i < SIM_JOBS; i++) {
    sim_job *job = &r->jobs[i];
    if (job->used) continue;
    *job = (sim_job){.used = true, .registers = registers, .claims = claim != NULL, .worker = v, .conn = conn};
    memcpy(job->id, id, 32);
    if (claim) job->claim = *claim;
    r->jobs_used++;
    job->done_us = w->now_us + job_takes_us(r, registers);
    return;
  }
  sim_fail(w, "the store's queue has no bound: %d lookups wait", SIM_JOBS);
}

static void on_lookup(void *user, pl_relay_conn *conn, const uint8_t id[32]) {
  add_job(user, conn, id, false, NULL);
}

static void on_register(void *user, pl_relay_conn *conn, const uint8_t id[32], const pl_relay_token_claim *claim) {
  add_job(user, conn, id, true, claim);
}

static void write_some(sim_conn *k) {
  sim_world *w = k->world;
  pl_view out;
  bool waited = k->down.blocked;
  k->down.blocked = false;
  while (k->relay_conn && pl_relay_conn_output(k->relay_conn, &out)) {
    size_t n = sim_pipe_write(w, &k->down, out.data, out.size);
    sim_wire_written(k, out.data, n);
    if (n || !waited) k->took_us = w->now_us;
    waited = true;
    if (n == 0) {
      k->down.blocked = true;
      return;
    }
    w->figures.down_writes++;
    w->figures.down_bytes += n;
    pl_relay_conn_sent(k->relay_conn, n, sim_now_ms(w));
  }
}

static void on_flush(void *user, pl_relay_conn *conn) {
  sim_conn *k = pl_relay_conn_shell(conn);
  if (k)
    write_some(k);
  else
    sim_bus_flush(user);
}

static size_t on_send(void *user, pl_relay_conn *conn, pl_view bytes) {
  sim_conn *k = pl_relay_conn_shell(conn);
  (void)user;
  if (!k || k->down.blocked) return 0;
  k->took_us = k->world->now_us;
  size_t n = sim_pipe_write(k->world, &k->down, bytes.data, bytes.size);
  k->world->figures.down_writes++;
  k->world->figures.down_bytes += n;
  sim_wire_written(k, bytes.data, n);
  return n;
}

static void on_log(void *user, pl_relay_log_level level, const pl_relay_conn *conn, const char *event,
                   const char *detail) {
  sim_worker *v = user;
  (void)level;
  sim_trace(v->relay->world, "relay    worker=%u conn=%d %s %s", v->number, conn ? (int)pl_relay_conn_number(conn) : 0,
            event, detail ? detail : "");
  sim_inside_log(v, conn, event, detail);
}

static void obey_wish(sim_conn *k) {
  sim_world *w = k->world;
  pl_relay_conn *conn = k->relay_conn;
  pl_relay_conn_wish wish = pl_relay_conn_get_wish(conn);
  pl_view out;
  if (wish == PL_RELAY_WISH_ABORT) {
    pl_relay_closed(conn, sim_now_ms(w));
    sim_conn_relay_leaves(k, false);
  } else if (wish == PL_RELAY_WISH_FINISH && !k->relay_finishing && !pl_relay_conn_output(conn, &out)) {
    k->relay_finishing = true; /* until the other side closes too, or the core's timer fires */
    uint64_t at = w->now_us + k->down.delay_us;
    k->down.end_us = at > k->down.last_arrival_us ? at : k->down.last_arrival_us;
  }
}

static void check_bounds(const sim_worker *v) {
  const sim_relay *r = v->relay;
  sim_world *w = r->world;
  pl_relay_stats stats = pl_relay_get_stats(v->core);
  uint64_t buffers = stats.sockets + r->worker_count - 1;
  if (stats.queued_bytes > w->figures.queued_most) w->figures.queued_most = stats.queued_bytes;
  /* Each socket and each other worker may have an output buffer beyond the budget, and one record is being handled. */
  if (stats.queued_bytes > r->config.settings[PL_RELAY_SET_QUEUE_TOTAL_MAX] + buffers * SOCKET_BUFFER + RECORD)
    sim_fail(w, "the relay's worker %u holds %d bytes, more than its budget", v->number, (int)stats.queued_bytes);
}

/* Works as the shell does: first the bus is flushed, then the sockets. When that closed a socket, the other workers
 * are told in another turn, which follows at once. */
void sim_relay_turn(sim_worker *v) {
  pl_relay_conn *conn;
  bool closed = false;
  if (!v->core) return;
  sim_greedy_turn(v);
  sim_bus_flush(v);
  while ((conn = pl_relay_next_dirty(v->core))) {
    sim_conn *k = pl_relay_conn_shell(conn);
    write_some(k);
    if (k->relay_conn) obey_wish(k);
    closed |= !k->relay_conn;
  }
  if (closed) sim_bus_flush(v);
  check_bounds(v);
  sim_inside_turn(v);
  sim_limits_check(v);
  sim_wire_turn(v);
}

void sim_relay_init(sim_world *w) {
  sim_relay *r = &w->relay;
  sim_random *random = &w->random;
  uint8_t seed[32];
  r->world = w;
  sim_random_init(&r->store_random, w->seed + STORE_STREAM);
  r->registers_late = sim_chance(&r->store_random, 8);
  pl_relay_settings_init(r->config.settings);
  sim_fill(random, seed, sizeof seed);
  if (pl_identity_from_seed(&r->identity, seed) != 0) abort();
  r->config.identity = &r->identity;
  uint32_t *set = r->config.settings;
  if (sim_chance(random, 60)) set[PL_RELAY_SET_LINK_WINDOW] = 131072;
  if (sim_chance(random, 50)) set[PL_RELAY_SET_SOCKET_QUEUE_MAX] = 262144;
  if (sim_chance(random, 30)) set[PL_RELAY_SET_QUEUE_TOTAL_MAX] = 1048576;
  if (sim_chance(random, 50)) set[PL_RELAY_SET_MESSAGE_MAX] = (uint32_t)sim_between(random, 66000, 262144);
  if (sim_chance(random, 30)) set[PL_RELAY_SET_LINK_SLOTS] = (uint32_t)sim_between(random, 4, 16);
  if (sim_chance(random, 50)) /* an answer must be able to arrive in time */
    set[PL_RELAY_SET_OPEN_TIMEOUT_MS] = (uint32_t)sim_between(random, 300, 5000) + w->delay_us / 100;
  uint32_t slow_ms =
      w->bytes_per_ms ? 250000 / w->bytes_per_ms : 0; /* the time for what may wait ahead of the answer to a ping */
  if (sim_chance(random, 50)) {
    set[PL_RELAY_SET_PING_INTERVAL_MS] = (uint32_t)sim_between(random, 1000, 20000) + slow_ms;
    set[PL_RELAY_SET_DEAD_AFTER_MS] = 2 * set[PL_RELAY_SET_PING_INTERVAL_MS] + (uint32_t)sim_between(random, 500, 5000);
  }
  if (w->flood && sim_chance(random, 70))
    set[PL_RELAY_SET_QUEUE_TOTAL_MAX] = (uint32_t)sim_between(random, 500000, 900000);
  r->config.hooks.lookup = on_lookup;
  r->config.hooks.register_id = on_register;
  r->config.hooks.log = on_log;
  if (sim_chance(random, 50)) {
    r->config.hooks.flush = on_flush;
    r->config.hooks.send = on_send;
  }
  r->worker_count = 1;
}

void sim_relay_start(sim_relay *r) {
  sim_fill(&r->world->random, r->config.hash_seed, sizeof r->config.hash_seed);
  sim_wire_relay_starts(r);
  if (r->world->limits && r->world->limits->poor) sim_wire_doubt(r->world);
  sim_bus_start(r);
  for (unsigned i = 0; i < r->worker_count; i++) {
    sim_worker *v = &r->workers[i];
    *v = (sim_worker){.relay = r, .number = i};
    r->config.user = v;
    r->config.shared = r->shared;
    r->config.worker = i;
    r->config.workers = r->shared ? r->worker_count : 0;
    v->core = pl_relay_new(&r->config);
    if (!v->core) abort();
  }
  sim_greedy_relay_starts(r->world);
  r->up = true;
  r->restart_us = r->ends_us = SIM_NEVER;
  sim_inside_started(r);
  sim_trace(r->world, "relay    starts with %u worker%s", r->worker_count, r->worker_count > 1 ? "s" : "");
}

void sim_relay_crash(sim_relay *r, uint64_t down_us, bool silent) {
  sim_world *w = r->world;
  if (!r->up) return;
  sim_trace(w, "relay    crashes%s", silent ? ", and its machine with it" : "");
  for (size_t i = 0; i < SIM_CONNS; i++) {
    sim_conn *k = &w->conns[i];
    if (k->client_state == SIM_CONN_FREE || k->relay_left) continue;
    if (silent) k->up.silent = k->down.silent = true;
    if (k->accepted) sim_conn_relay_leaves(k, false);
  }
  sim_relay_deinit(r);
  memset(r->jobs, 0, sizeof r->jobs);
  r->jobs_used = 0;
  r->restart_us = w->now_us + down_us;
}

/* Adds what a worker counted in its life. */
static void count_worker(sim_world *w, const pl_relay *core) {
  sim_figures *f = &w->figures;
  if (!core) return;
  pl_relay_stats stats = pl_relay_get_stats(core);
  f->logins += stats.logins;
  f->refused += stats.refused;
  f->forwarded += stats.forwarded;
  f->relay_dropped += stats.dropped;
  f->volatile_dropped += stats.volatile_dropped;
  f->overflows += stats.overflows;
}

void sim_relay_deinit(sim_relay *r) {
  for (unsigned i = 0; i < r->worker_count; i++) {
    count_worker(r->world, r->workers[i].core);
    pl_relay_free(r->workers[i].core);
    r->workers[i].core = NULL;
  }
  sim_bus_end(r);
  r->up = false;
}

/* Picks a worker, as the kernel spreads connections over them. */
static sim_worker *any_worker(sim_relay *r) {
  return &r->workers[r->worker_count > 1 ? sim_below(&r->world->extra, r->worker_count) : 0];
}

void sim_relay_accept(sim_relay *r, sim_conn *k) {
  sim_world *w = r->world;
  uint8_t challenge[32];
  sim_fill(&w->random, challenge, sizeof challenge);
  k->accepted = true;
  k->worker = any_worker(r);
  const uint8_t *address = k->greedy ? sim_greedy_address(k) : sim_admission_address(k->client);
  sim_poor_hunger(w);
  k->relay_conn = pl_relay_open(k->worker->core, address, challenge, k, sim_now_ms(w));
  sim_wire_accepted(k, address);
  if (!k->relay_conn) sim_conn_relay_leaves(k, false);
  sim_relay_turn(k->worker);
  sim_poor_fed(w);
}

void sim_relay_bytes(sim_conn *k, uint8_t *data, size_t n) {
  sim_greedy_before(k);
  sim_poor_hunger(k->world);
  sim_wire_arrives(k, data, n);
  pl_relay_receive(k->relay_conn, data, n, sim_now_ms(k->world));
  sim_greedy_after(k, n);
  sim_relay_turn(k->worker);
  sim_poor_fed(k->world);
}

void sim_relay_socket_gone(sim_conn *k) {
  sim_poor_hunger(k->world);
  pl_relay_closed(k->relay_conn, sim_now_ms(k->world));
  sim_conn_relay_leaves(k, false);
  sim_relay_turn(k->worker);
  sim_poor_fed(k->world);
}

void sim_relay_writable(sim_conn *k) {
  sim_poor_hunger(k->world);
  write_some(k);
  if (k->relay_conn) obey_wish(k);
  sim_relay_turn(k->worker);
  sim_poor_fed(k->world);
}

void sim_relay_drain(sim_relay *r) {
  sim_world *w = r->world;
  if (!r->up) return;
  sim_trace(w, "relay    drains");
  uint32_t delay_ms = (uint32_t)sim_below(&w->random, 2000);
  for (unsigned i = 0; i < r->worker_count; i++) pl_relay_drain(r->workers[i].core, delay_ms, sim_now_ms(w));
  r->ends_us = w->now_us + sim_below(&w->random, SIM_MS(3000));
  for (unsigned i = 0; i < r->worker_count; i++) sim_relay_turn(&r->workers[i]);
}

static uint64_t time_due(const sim_worker *v) {
  uint64_t at = pl_relay_deadline(v->core);
  return at == PL_NEVER ? SIM_NEVER : at * 1000;
}

uint64_t sim_relay_due(const sim_relay *r) {
  if (!r->up) return r->restart_us;
  uint64_t at = sim_bus_due(r);
  for (unsigned i = 0; i < r->worker_count; i++) {
    uint64_t due = time_due(&r->workers[i]);
    if (due < at) at = due;
  }
  if (r->ends_us < at) at = r->ends_us;
  for (size_t i = 0; r->jobs_used && i < SIM_JOBS; i++) {
    if (r->jobs[i].used && r->jobs[i].done_us < at) at = r->jobs[i].done_us;
  }
  return sim_poor_relay_due(r->world, at);
}

static pl_relay_registration registration_of(sim_relay *r, const sim_job *job) {
  sim_world *w = r->world;
  if (w->now_us < r->store_slow_until_us && sim_chance(&w->random, 20)) return PL_RELAY_REGISTRATION_FAILED;
  for (size_t i = 0; i < r->known_count; i++) {
    if (memcmp(r->known[i], job->id, 32) == 0) return PL_RELAY_REGISTRATION_KNOWN;
  }
  if (!job->registers || job->claims || r->known_count == SIM_KNOWN) return PL_RELAY_REGISTRATION_ABSENT;
  memcpy(r->known[r->known_count++], job->id, 32);
  return PL_RELAY_REGISTRATION_NEW;
}

void sim_relay_happen(sim_relay *r) {
  sim_world *w = r->world;
  if (!r->up) {
    sim_relay_start(r);
    return;
  }
  if (sim_poor_wakes(w)) return;
  if (r->ends_us <= w->now_us) { /* it has drained, and the next one takes over */
    sim_relay_crash(r, sim_below(&w->random, SIM_MS(1000)), false);
    return;
  }
  for (size_t i = 0; r->jobs_used && i < SIM_JOBS; i++) {
    sim_job *job = &r->jobs[i];
    if (!job->used || w->now_us < job->done_us) continue;
    job->used = false;
    r->jobs_used--;
    pl_relay_registration result = sim_admission_judge(r, job, registration_of(r, job));
    sim_poor_hunger(w);
    pl_relay_registered(job->conn, result, sim_now_ms(w));
    sim_relay_turn(job->worker);
    sim_poor_fed(w);
    return;
  }
  if (sim_bus_happen(r)) return;
  for (unsigned i = 0; i < r->worker_count; i++) {
    sim_worker *v = &r->workers[i];
    if (time_due(v) > w->now_us) continue;
    sim_poor_hunger(w);
    pl_relay_time(v->core, sim_now_ms(w));
    sim_relay_turn(v);
    sim_poor_fed(w);
    return;
  }
}
