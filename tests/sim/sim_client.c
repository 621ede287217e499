/* The client's shell: the WebSocket side of a connection, actions in order, output while the socket takes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/engine/engine_session.h"
#include "client/core/session/session_base.h"
#include "client/core/session/session_state.h"
#include "sim.h"
#include "sim_greedy.h"
#include "sim_js.h"
#include "sim_limits.h"
#include "sim_promises.h"

enum { SOCKET_MAX = 65536, SPIN_MAX = 20000, PRODUCE_BYTES = 140000 };

static const char request[] =
    "GET /pairlink HTTP/1.1\r\nHost: relay.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: pairlink.v1\r\n";

void sim_client_init(sim_world *w, int index) {
  sim_client *c = &w->clients[index];
  sim_random *r = &w->random;
  uint8_t seed[32];
  c->bytes_per_ms = w->bytes_per_ms && sim_chance(r, 70) ? w->bytes_per_ms : 0;
  c->world = w;
  c->index = index;
  sim_fill(r, seed, sizeof seed);
  if (pl_identity_from_seed(&c->config.identity, seed) != 0) abort();
  int first = (int)sim_below(r, (uint64_t)w->clients_count);
  if (w->twins && first < index) c->config.identity = w->clients[first].config.identity;
  sim_fill(r, c->config.instance, sizeof c->config.instance);
  c->config.origin = "http://relay.example";
  c->config.aead = &sim_records_aead;
  c->config.application = "sim/1";
  c->config.listen = true;
  c->config.accept_all = sim_chance(r, 70);
  c->config.message_max = w->message_max;
  c->config.channel_window = w->message_max + 1 + (uint32_t)sim_log_between(r, 1, w->message_max * 4);
  if (w->flood || w->long_fat) c->config.channel_window = w->message_max * 8;
  c->config.session_window = c->config.channel_window + sim_log_between(r, 1, c->config.channel_window * 3);
  c->config.manual_take = w->manual_take;
  c->config.session_timeout_ms = sim_chance(r, 30) ? (uint32_t)sim_between(r, 5000, 600000) : 0;
  if (w->strangers && sim_chance(&w->extra, 70)) c->config.accept_all = false;
  if (w->new_links) c->config.replace_after_bytes = sim_log_between(&w->extra, 2000, w->long_fat ? 400000 : 1000000);
  if (w->lossy) c->lossy_until_us = w->healed_us;
  c->restart_us = w->now_us + sim_below(r, SIM_MS(3000));
  c->take_at_us = c->next_act_us = SIM_NEVER;
  sim_limits_client(c);
}

void sim_client_start(sim_client *c) {
  sim_world *w = c->world;
  sim_fill(&w->random, c->config.seed, sizeof c->config.seed);
  pl_engine_action_queue_init(&c->queue);
  if (pl_engine_new(&c->config, &c->engine) != 0) abort();
  c->restart_us = SIM_NEVER;
  c->life++;
  c->online = c->stopped = false;
  sim_alive_start(c);
  sim_trace(w, "client %d starts its life %d", c->index, c->life);
  pl_engine_event start = {.type = PL_ENGINE_IN_START};
  sim_client_step(c, &start);
  if (c->engine) sim_app_started(c);
}

static void leave_socket(sim_client *c, bool clean) {
  sim_conn *k = c->conn;
  c->conn = NULL;
  if (k) sim_conn_client_leaves(k, clean);
}

void sim_client_crash(sim_client *c, uint64_t down_us, bool new_instance) {
  sim_world *w = c->world;
  if (!c->engine) return;
  sim_trace(w, "client %d crashes%s", c->index, new_instance ? ", and comes back as another instance" : "");
  pl_engine_free(c->engine);
  c->engine = NULL;
  leave_socket(c, false);
  memset(c->sessions, 0, sizeof c->sessions);
  if (new_instance) sim_fill(&w->random, c->config.instance, sizeof c->config.instance);
  c->restart_us = w->now_us + down_us;
  c->next_act_us = c->take_at_us = SIM_NEVER;
}

void sim_client_deinit(sim_client *c) {
  if (c->engine) pl_engine_action_queue_deinit(&c->queue);
  if (c->in_hand) pl_engine_queued_action_free(c->in_hand);
  c->in_hand = NULL;
  pl_engine_free(c->engine);
  c->engine = NULL;
}

/* ---- actions ----------------------------------------------------------------------------------------------------- */

static void flush_and_close(sim_client *c) {
  uint8_t close[2 + PL_WS_HEADER_MAX] = {0};
  sim_conn *k = c->conn;
  if (!k) return;
  if (k->client_state == SIM_CONN_OPEN) {
    sim_client_pump(c);
    static const uint8_t mask[4] = {0};
    size_t n = pl_ws_put_header(close, PL_WS_CLOSE, 2, mask);
    pl_put_u16(close + n, PL_WS_CODE_NORMAL);
    if (sim_pipe_room(&k->up) >= n + 2) (void)sim_pipe_write(c->world, &k->up, close, n + 2);
  }
  leave_socket(c, true);
}

static bool is_refusal(pl_view line) {
  static const char event[] = "event=record_refused";
  return line.size >= sizeof event - 1 && memcmp(line.data, event, sizeof event - 1) == 0;
}

static void obey(sim_client *c, const pl_engine_action *a) {
  sim_world *w = c->world;
  switch (a->type) {
    case PL_ENGINE_OUT_CONNECT:
      if (c->conn) sim_fail(w, "client %d wants a second socket", c->index);
      c->conn = sim_conn_dial(w, c);
      break;
    case PL_ENGINE_OUT_DISCONNECT:
      flush_and_close(c);
      break;
    case PL_ENGINE_OUT_ONLINE:
      c->online = true;
      sim_admission_online(c);
      break;
    case PL_ENGINE_OUT_OFFLINE:
      c->online = false;
      if (a->time_ms != PL_NEVER) w->figures.waits_ms += a->time_ms - sim_now_ms(w);
      if (a->time_ms == PL_NEVER && !c->stopped && !sim_admission_gives_up(c, a->reason))
        sim_fail(w, "client %d gave up: reason %d", c->index, a->reason);
      break;
    case PL_ENGINE_OUT_LOG:
      if (!w->tampered && !sim_greedy_forges(w) && is_refusal(a->text))
        sim_fail(w, "client %d refuses a record that nobody changed", c->index);
      sim_trace(w, "client %d %.*s", c->index, (int)a->text.size, (const char *)a->text.data);
      break;
    default:
      sim_app_action(c, a);
  }
}

static const char *const event_names[] = {
    "time",     "start",  "stop",   "open",     "message",  "closed",     "network",    "connect", "send",
    "volatile", "finish", "take",   "priority", "reset",    "close",      "allow",      "deny",    "refuse",
    "block",    "forget", "invite", "revoke",   "code-new", "code-claim", "code-cancel"};
static const char *const action_names[] = {"connect",       "disconnect", "online",       "offline",        "checking",
                                           "alive",         "knock",      "session",      "linked",         "unlinked",
                                           "message",       "volatile",   "end",          "writable",       "delivered",
                                           "channel-reset", "lost",       "stream-reset", "session-closed", "claimed",
                                           "code",          "code-busy",  "paired",       "code-ended",     "log"};

/* What a line of the trace says about an event. */
typedef struct traced {
  uint32_t session;
  uint8_t channel;
  size_t size;
  uint64_t place;
} traced;

static traced trace_event(const pl_engine_event *in, const pl_engine_result *out) {
  switch (in->type) {
    case PL_ENGINE_IN_SOCKET_MESSAGE:
      return (traced){.size = in->socket_message.data.size};
    case PL_ENGINE_IN_CONNECT:
      return (traced){.session = out->session};
    case PL_ENGINE_IN_SEND:
    case PL_ENGINE_IN_SEND_VOLATILE:
      return (traced){in->send.session, in->send.channel, in->send.data.size, out->place};
    case PL_ENGINE_IN_FINISH:
      return (traced){in->finish.session, in->finish.channel, 0, out->place};
    case PL_ENGINE_IN_TAKE:
      return (traced){in->take.session, in->take.channel, 0, in->take.place};
    case PL_ENGINE_IN_PRIORITY:
      return (traced){.session = in->priority.session, .channel = in->priority.channel};
    case PL_ENGINE_IN_CHANNEL_RESET:
      return (traced){.session = in->channel_reset.session, .channel = in->channel_reset.channel};
    case PL_ENGINE_IN_CLOSE:
      return (traced){.session = in->close.session};
    default:
      return (traced){0};
  }
}

static void trace_step(sim_client *c, const pl_engine_event *in, int rc, const pl_engine_result *out) {
  sim_world *w = c->world;
  if (!w->trace) return;
  traced t = trace_event(in, out);
  if (in->type != PL_ENGINE_IN_TIME || out->action_count)
    sim_trace(w, "client %d < %s session=%x channel=%d size=%d place=%d: %d", c->index, event_names[in->type],
              (unsigned)t.session, t.channel, (int)t.size, (int)t.place, rc);
  for (size_t i = 0; i < out->action_count; i++) {
    const pl_engine_action *a = &out->actions[i];
    if (a->type == PL_ENGINE_OUT_LOG) continue;
    sim_trace(w, "client %d > %s session=%x channel=%d place=%d size=%d error=%d reason=%d", c->index,
              action_names[a->type], (unsigned)a->session, a->channel, (int)a->place, (int)a->data.size, a->error,
              a->reason);
  }
}

static void check_spin(sim_client *c) {
  sim_world *w = c->world;
  if (c->step_at_us != w->now_us) c->steps_there = 0;
  c->step_at_us = w->now_us;
  if (++c->steps_there > SPIN_MAX) sim_fail(w, "client %d spins", c->index);
}

static void check_waits(sim_client *c) {
  uint64_t at = pl_engine_deadline(c->engine);
  if (!c->stopped && at == PL_NEVER && !sim_admission_waits(c))
    sim_fail(c->world, "client %d waits without an end", c->index);
}

/* Returns a number for the link on which a session sends, or 0. */
static uint32_t link_in_use(const sim_client *c, const sim_session *s) {
  const pl_engine_session *session = pl_engine_session_by_number(c->engine, s->number);
  if (session && session->core->current) return session->core->current->id;
  size_t count;
  const sim_js_session *all = sim_js_sessions(c->engine, &count);
  for (size_t i = 0; i < count; i++)
    if (all[i].number == s->number) return all[i].link;
  return 0;
}

/* Notes on which link a session sends: the order of volatile messages depends on it. */
static void see_link(sim_client *c, sim_session *s) {
  uint32_t link = link_in_use(c, s);
  if (link == s->sending_link) return;
  s->sending_link = link;
  s->link_changed_us = c->world->now_us;
  c->world->figures.switches += link != 0;
}

/* Makes one of the next allocations fail, now and then. */
static bool starve(sim_world *w) {
  if (!w->starving || w->phase != SIM_ACTIVE || !sim_chance(&w->extra, 10)) return false;
  (void)pl_alloc_fail_at((long)sim_between(&w->extra, 1, 4));
  return true;
}

int sim_client_begin(sim_client *c, const pl_engine_event *in, pl_engine_result *out) {
  *out = (pl_engine_result){0};
  if (!c->engine) return PL_ENOMEM; /* the client ended while its application was acting */
  check_spin(c);
  pl_engine_event now = *in;
  now.now_ms = sim_now_ms(c->world);
  bool armed = starve(c->world);
  if (!sim_js_runs()) sim_promises_before(c);
  sim_alive_before(c, &now);
  int rc = pl_engine_step(c->engine, &now, out);
  c->starved = pl_alloc_fail_at(0) == 0 && armed;
  trace_step(c, &now, rc, out);
  sim_alive_step(c, &now, out);
  if (!sim_js_runs()) sim_promises_after(c, &now, out);
  return rc;
}

/* Queues a step's actions, as the library's shell does. Returns false when memory ran out for one. */
static bool queue_all(sim_client *c, const pl_engine_result *out) {
  sim_world *w = c->world;
  for (size_t i = 0; i < out->action_count; i++) {
    if (out->actions[i].type == PL_ENGINE_OUT_LOG) {
      obey(c, &out->actions[i]);
      continue;
    }
    bool fails = w->forgetful && w->phase == SIM_ACTIVE && sim_chance(&w->queue_random, 1);
    if (fails) (void)pl_alloc_fail_at(1);
    (void)pl_engine_action_queue_add(&c->queue, &out->actions[i]);
    (void)pl_alloc_fail_at(0);
  }
  return !c->queue.broken;
}

static void obey_queue(sim_client *c) {
  while ((c->in_hand = pl_engine_action_queue_take(&c->queue))) {
    obey(c, &c->in_hand->action);
    pl_engine_queued_action_free(c->in_hand);
  }
}

/* What the application was not told cannot be told later, so the client ends; its host starts it again. */
static void end_without_memory(sim_client *c) {
  sim_world *w = c->world;
  uint64_t down_us = sim_log_between(&w->queue_random, SIM_MS(1), SIM_MS(30000));
  sim_trace(w, "client %d has no memory for what its application must be told", c->index);
  w->figures.shortages++;
  sim_client_crash(c, down_us, sim_chance(&w->queue_random, 30));
}

void sim_client_end(sim_client *c, const pl_engine_result *out) {
  if (!c->engine) return;
  bool whole = queue_all(c, out);
  obey_queue(c);
  if (!whole) {
    end_without_memory(c);
    return;
  }
  sim_client_pump(c);
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    sim_session *s = &c->sessions[i];
    if (!s->used) continue;
    see_link(c, s);
    sim_ledger_bounds(c, s);
  }
  check_waits(c);
}

int sim_client_step(sim_client *c, const pl_engine_event *in) {
  pl_engine_result out;
  int rc = sim_client_begin(c, in, &out);
  sim_client_end(c, &out);
  return rc;
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

/* Places of a client's channels: all that it sent, and those of them that it had not sent before. */
typedef struct places {
  uint64_t all, first;
} places;

static places places_sent(sim_client *c) {
  places sum = {0};
  for (size_t i = 0; i < SIM_SESSIONS; i++) {
    const sim_session *s = &c->sessions[i];
    const pl_engine_session *session = s->used ? pl_engine_session_by_number(c->engine, s->number) : NULL;
    for (size_t k = 0; session && k < SIM_CHANNELS; k++) {
      const pl_session_channel *channel = pl_session_channel_known(session->core, sim_channel_numbers[k]);
      if (!channel) continue;
      sum.all += channel->cursor;
      sum.first += channel->sent_to;
    }
  }
  return sum;
}

/* Says what is produced, and why links are reset. */
static void trace_output(const sim_client *c, size_t n) {
  sim_world *w = c->world;
  if (!w->trace) return;
  sim_trace(w, "client %d produces %d bytes", c->index, (int)n);
  pl_reader in = pl_reader_of(w->scratch, n);
  pl_envelope e;
  pl_wire_reset reset;
  while (pl_envelope_next(&in, &e) > 0)
    if (e.type == PL_ENV_RESET && pl_wire_reset_decode(&reset, e.payload.data, e.payload.size) == 0)
      sim_trace(w, "client %d resets link %x: %s", c->index, (unsigned)e.link, pl_reason_name(reset.reason));
}

static bool send_message(sim_client *c, sim_conn *k, size_t n) {
  sim_world *w = c->world;
  sim_wire_sent(k, w->scratch, n);
  uint8_t mask[4];
  sim_fill(&w->random, mask, sizeof mask);
  size_t header = pl_ws_put_header(w->wire, PL_WS_BINARY, n, mask);
  memcpy(w->wire + header, w->scratch, n);
  pl_ws_mask(w->wire + header, n, mask, 0);
  if (sim_pipe_write(w, &k->up, w->wire, header + n) != header + n) abort(); /* there was room */
  return true;
}

/* At most 64 KiB wait in the socket. A message is written only when all of it fits. */
void sim_client_pump(sim_client *c) {
  sim_world *w = c->world;
  sim_conn *k = c->conn;
  if (!c->engine || c->queue.broken || !k || k->client_state != SIM_CONN_OPEN) return;
  places before = places_sent(c);
  while (k->up.waiting < SOCKET_MAX && sim_pipe_room(&k->up) >= PRODUCE_BYTES + PL_WS_HEADER_MAX) {
    (void)starve(w);
    if (!sim_js_runs()) sim_records_begin(c);
    size_t n = pl_engine_produce(c->engine, sim_now_ms(w), w->scratch, PRODUCE_BYTES);
    (void)pl_alloc_fail_at(0);
    if (n == 0) break;
    places after = places_sent(c); /* producing changes no place but by sending */
    uint64_t again = (after.all - before.all) - (after.first - before.first);
    before = after;
    w->figures.twice_bytes += again;
    w->figures.twice_frames += again > 0;
    w->figures.up_frames++;
    w->figures.up_bytes += n;
    trace_output(c, n);
    if (!sim_js_runs()) sim_records_produced(c, w->scratch, n);
    send_message(c, k, n);
    sim_alive_sent(c, w->scratch, n);
  }
}

/* ---- input ------------------------------------------------------------------------------------------------------- */

void sim_client_established(sim_client *c, sim_conn *k) {
  k->client_state = SIM_CONN_UPGRADING;
  char head[512];
  int n = snprintf(head, sizeof head, "%s%s\r\n", request, sim_admission_fields(c));
  (void)sim_pipe_write(c->world, &k->up, (const uint8_t *)head, (size_t)n);
}

static void refused(sim_client *c, sim_conn *k) {
  if (!sim_limits_may_refuse(c, k->head)) sim_fail(c->world, "the relay refused the upgrade: %.12s", k->head);
  sim_conn_client_leaves(k, false);
  sim_client_socket_gone(c, k, PL_ENETWORK);
}

/* Reads the head of the answer. Returns how many of the bytes belong to it. */
static size_t read_head(sim_client *c, sim_conn *k, const uint8_t *data, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (k->head_size == sizeof k->head) sim_fail(c->world, "the relay's answer has no end");
    k->head[k->head_size++] = (char)data[i];
    if (k->head_size < 4 || memcmp(k->head + k->head_size - 4, "\r\n\r\n", 4) != 0) continue;
    if (memcmp(k->head, "HTTP/1.1 101 ", 13) != 0) {
      refused(c, k);
      return n;
    }
    k->client_state = SIM_CONN_OPEN;
    pl_engine_event open = {.type = PL_ENGINE_IN_SOCKET_OPEN};
    sim_client_step(c, &open);
    return i + 1;
  }
  return n;
}

/* Returns how many copies of one envelope arrive: 0, 1 or 2. */
static size_t copies_of(sim_client *c, const uint8_t *envelope, size_t n) {
  sim_world *w = c->world;
  if (envelope[0] != PL_ENV_DATA) return 1;
  if (w->now_us < c->lossy_until_us && sim_chance(&w->random, w->drop_percent)) {
    w->figures.dropped++;
    sim_trace(w, "client %d misses a record of %d bytes", c->index, (int)n);
    return 0;
  }
  if (w->now_us < c->hostile_until_us && sim_chance(&w->random, 10)) {
    w->tampered = true;
    sim_trace(w, "client %d gets a record twice", c->index);
    return 2;
  }
  return 1;
}

static void change_some(sim_client *c, uint8_t *envelope, size_t n) {
  sim_world *w = c->world;
  if (w->now_us >= c->hostile_until_us || envelope[0] != PL_ENV_DATA || !sim_chance(&w->random, 3)) return;
  size_t at = (size_t)sim_between(&w->random, 8, n - 1);
  envelope[at] ^= (uint8_t)(1 << sim_below(&w->random, 8));
  w->tampered = true;
  sim_trace(w, "client %d gets a changed record", c->index);
}

/* A bus between relays may drop a record, and a hostile relay may repeat or change one. Later ones still arrive. */
static pl_view on_its_way(sim_client *c, const uint8_t *data, size_t size) {
  sim_world *w = c->world;
  if (w->now_us >= c->lossy_until_us && w->now_us >= c->hostile_until_us) return (pl_view){data, size};
  size_t kept = 0;
  for (size_t at = 0; at + 8 <= size;) {
    size_t n = 8 + (size_t)pl_get_u16(data + at + 2);
    for (size_t copies = copies_of(c, data + at, n); copies > 0; copies--) {
      memcpy(w->received + kept, data + at, n);
      change_some(c, w->received + kept, n);
      kept += n;
    }
    at += n;
  }
  return (pl_view){w->received, kept};
}

static void take_event(sim_client *c, sim_conn *k, const pl_ws_event *event) {
  sim_world *w = c->world;
  if (event->type == PL_WS_BINARY) {
    sim_greedy_honest_hears(c, event->data, event->size);
    sim_wire_received(k, event->data, event->size);
    pl_engine_event in = {.type = PL_ENGINE_IN_SOCKET_MESSAGE};
    in.socket_message.data = on_its_way(c, event->data, event->size);
    sim_client_step(c, &in);
  } else if (event->type == PL_WS_PING) {
    uint8_t pong[PL_WS_HEADER_MAX + PL_WS_CONTROL_MAX];
    static const uint8_t mask[4] = {0};
    if (event->size > PL_WS_CONTROL_MAX) sim_fail(w, "client %d is asked to repeat too much", c->index);
    size_t n = pl_ws_put_header(pong, PL_WS_PONG, event->size, mask);
    if (event->size) memcpy(pong + n, event->data, event->size);
    w->figures.pongs++;
    if (sim_pipe_room(&k->up) >= n + event->size) (void)sim_pipe_write(w, &k->up, pong, n + event->size);
  }
}

void sim_client_bytes(sim_client *c, sim_conn *k, uint8_t *data, size_t n) {
  size_t head = k->client_state == SIM_CONN_UPGRADING ? read_head(c, k, data, n) : 0;
  uint8_t *at = data + head;
  size_t left = n - head;
  pl_ws_event event;
  while (c->conn == k && k->client_state == SIM_CONN_OPEN) {
    int rc = pl_ws_read(&k->ws, &at, &left, &event);
    if (rc == 0) break;
    if (rc < 0) sim_fail(c->world, "the relay breaks the WebSocket protocol");
    take_event(c, k, &event);
  }
}

void sim_client_socket_gone(sim_client *c, sim_conn *k, int error) {
  if (c->conn != k || !c->engine) return;
  c->conn = NULL;
  pl_engine_event closed = {.type = PL_ENGINE_IN_SOCKET_CLOSED, .socket_closed = {error}};
  sim_client_step(c, &closed);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

uint64_t sim_client_due(const sim_client *c) {
  if (!c->engine) return c->restart_us;
  uint64_t at = pl_engine_deadline(c->engine);
  at = at == PL_NEVER ? SIM_NEVER : at * 1000;
  if (c->next_act_us < at) at = c->next_act_us;
  if (c->take_at_us < at) at = c->take_at_us;
  return at < c->asleep_until_us ? c->asleep_until_us : at;
}

void sim_client_happen(sim_client *c) {
  sim_world *w = c->world;
  if (!c->engine) {
    sim_client_start(c);
    return;
  }
  uint64_t deadline = pl_engine_deadline(c->engine);
  if (deadline != PL_NEVER && deadline * 1000 <= w->now_us) {
    pl_engine_event time = {.type = PL_ENGINE_IN_TIME};
    sim_client_step(c, &time);
  } else if (c->take_at_us <= w->now_us) {
    sim_app_take(c, false);
  } else if (c->next_act_us <= w->now_us) {
    sim_app_act(c);
  }
}
