/* The top of the relay's core: life of a relay, what the shell calls, and what is due when. */
#include <string.h>

#include "accounts.h"
#include "bus.h"
#include "conn.h"
#include "crowd.h"
#include "elsewhere.h"
#include "front.h"
#include "knocks.h"
#include "leave.h"
#include "link.h"
#include "nameplates.h"
#include "queue.h"
#include "rates.h"
#include "router.h"

enum {
  HOUR_MS = 3600000,
  MINUTE_MS = 60000,
  OVER_LIMIT_SPARE = 64, /* connections beyond SOCKETS_MAX that are told so instead of being closed at once */
  STOOD_STILL_MS = 1000,
  DUE_AT_ONCE = 64, /* connections of each kind for which pl_relay_time does what is due, so that others wait little */
  DUE_LATE_MS = 64  /* twice as many for each such delay, so that nothing is ever much too late */
};

/* ---- the relay --------------------------------------------------------------------------------------------------- */

static void relay_init_lists(pl_relay *relay) {
  pl_node *lists[] = {&relay->dirty,  &relay->aborted, &relay->connecting, &relay->answering, &relay->quiet,
                      &relay->pinged, &relay->closing, &relay->opens,      &relay->queues,    &relay->untold};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(lists); i++) pl_list_init(lists[i]);
}

pl_relay_shared *pl_relay_shared_new(const uint32_t settings[PL_RELAY_SETTINGS]) {
  pl_relay_shared *shared = pl_alloc(sizeof *shared);
  if (!shared) return NULL;
  if (pl_relay_rate_init(&shared->connects, settings[PL_RELAY_SET_CONNECTS_PER_MINUTE], MINUTE_MS) == 0 &&
      pl_relay_rate_init(&shared->registrations, settings[PL_RELAY_SET_REGISTRATIONS_PER_HOUR], HOUR_MS) == 0 &&
      pl_relay_rate_init(&shared->knocks, settings[PL_RELAY_SET_KNOCKS_PER_ADDRESS], MINUTE_MS) == 0 &&
      pl_relay_rate_init(&shared->knocks_from, settings[PL_RELAY_SET_KNOCKS_PER_CALLER], MINUTE_MS) == 0 &&
      pl_relay_rate_init(&shared->knocks_to, settings[PL_RELAY_SET_KNOCKS_PER_CALLEE], MINUTE_MS) == 0 &&
      pl_relay_rate_init(&shared->codes, settings[PL_RELAY_SET_CODES_PER_MINUTE], MINUTE_MS) == 0 &&
      pl_relay_rate_init(&shared->claims, settings[PL_RELAY_SET_CLAIMS_PER_MINUTE], MINUTE_MS) == 0 &&
      pl_relay_rate_init(&shared->code_misses, settings[PL_RELAY_SET_CODE_MISSES_PER_MINUTE], MINUTE_MS) == 0 &&
      pl_relay_rate_init_large(&shared->caller_to, pl_relay_knocks_of_caller(settings), MINUTE_MS) == 0 &&
      pl_relay_rate_init_large(&shared->address_to, pl_relay_knocks_of_address(settings), MINUTE_MS) == 0 &&
      pl_relay_rate_init_large(&shared->newcomers, 1, MINUTE_MS) == 0 && pl_relay_crowd_init(&shared->crowd) == 0 &&
      pl_relay_pairs_init(&shared->pairs) == 0)
    return shared;
  pl_relay_shared_free(shared);
  return NULL;
}

void pl_relay_shared_free(pl_relay_shared *shared) {
  if (!shared) return;
  pl_relay_rate_deinit(&shared->connects);
  pl_relay_rate_deinit(&shared->registrations);
  pl_relay_rate_deinit(&shared->knocks);
  pl_relay_rate_deinit(&shared->knocks_from);
  pl_relay_rate_deinit(&shared->knocks_to);
  pl_relay_rate_deinit(&shared->caller_to);
  pl_relay_rate_deinit(&shared->address_to);
  pl_relay_rate_deinit(&shared->newcomers);
  pl_relay_crowd_deinit(&shared->crowd);
  pl_relay_rate_deinit(&shared->codes);
  pl_relay_rate_deinit(&shared->claims);
  pl_relay_rate_deinit(&shared->code_misses);
  pl_relay_pairs_deinit(&shared->pairs);
  pl_free(shared);
}

uint64_t pl_relay_shared_sockets(const pl_relay_shared *shared) {
  return atomic_load(&shared->sockets);
}

pl_relay *pl_relay_new(const pl_relay_config *config) {
  pl_relay *relay = pl_alloc(sizeof *relay);
  if (!relay) return NULL;
  relay->config = *config;
  relay_init_lists(relay);
  relay->turn = 1;
  relay->shared = config->shared;
  if (!relay->shared) relay->shared = relay->own_shared = pl_relay_shared_new(config->settings);
  if (relay->shared && pl_relay_accounts_init(relay) == 0 && pl_relay_router_init(relay) == 0 &&
      pl_relay_nameplates_init(relay) == 0 && pl_relay_bus_init(relay) == 0)
    return relay;
  pl_relay_free(relay);
  return NULL;
}

static void relay_free_list(pl_node *list) {
  while (!pl_list_empty(list)) {
    pl_relay_conn *conn = PL_CONTAINER(list->next, pl_relay_conn, timed);
    if (conn->state == PL_RELAY_CONN_GONE)
      pl_relay_conn_free(conn);
    else
      pl_relay_closed(conn, 0);
  }
}

void pl_relay_free(pl_relay *relay) {
  if (!relay) return;
  pl_node *lists[] = {&relay->connecting, &relay->answering, &relay->quiet,
                      &relay->pinged,     &relay->closing,   &relay->aborted};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(lists); i++) relay_free_list(lists[i]);
  pl_relay_elsewhere_deinit(relay);
  pl_relay_bus_deinit(relay);
  pl_relay_accounts_deinit(relay);
  pl_relay_nameplates_deinit(relay);
  pl_relay_router_deinit(relay);
  pl_relay_shared_free(relay->own_shared);
  while (relay->free_small_count) pl_free(relay->free_small[--relay->free_small_count]);
  while (relay->free_large_count) pl_free(relay->free_large[--relay->free_large_count]);
  pl_free(relay);
}

pl_relay_stats pl_relay_get_stats(const pl_relay *relay) {
  pl_relay_stats stats = relay->stats;
  stats.queued_bytes = relay->queued_bytes;
  return stats;
}

const uint8_t *pl_relay_id(const pl_relay *relay) {
  return relay->config.identity->id;
}

/* ---- open, receive, closed --------------------------------------------------------------------------------------- */

static pl_relay_conn *relay_new_conn(pl_relay *relay, uint64_t now_ms) {
  pl_relay_conn *conn = pl_alloc(sizeof *conn);
  pl_relay_prologue *prologue = pl_alloc(sizeof *prologue);
  if (!conn || !prologue) {
    pl_free(conn);
    pl_free(prologue);
    return NULL;
  }
  conn->relay = relay;
  conn->prologue = prologue;
  conn->number = ++relay->next_number;
  conn->heard_ms = conn->listed_ms = now_ms;
  pl_list_init(&conn->dirty);
  pl_list_init(&conn->same_id);
  pl_list_init(&conn->same_account);
  pl_list_init(&conn->untold);
  pl_list_init(&conn->turns);
  pl_list_append(&relay->connecting, &conn->timed);
  pl_buffer_init(&conn->control, PL_RELAY_CONTROL_QUEUE_MAX);
  pl_buffer_init(&conn->part, PL_RELAY_ENVELOPE_MAX);
  pl_ws_init(&conn->ws, true, false, PL_RELAY_LOGIN_MESSAGE_MAX);
  pl_relay_http_init(&prologue->http, pl_relay_setting_of(relay, PL_RELAY_SET_HTTP_HEAD_MAX),
                     pl_relay_setting_of(relay, PL_RELAY_SET_HTTP_HEADERS_MAX));
  return conn;
}

pl_relay_conn *pl_relay_open(pl_relay *relay, const uint8_t address[16], const uint8_t challenge[32], void *shell,
                             uint64_t now_ms) {
  uint64_t limit = pl_relay_setting_of(relay, PL_RELAY_SET_SOCKETS_MAX);
  if (relay->draining || atomic_load(&relay->shared->sockets) >= limit + OVER_LIMIT_SPARE) return NULL;
  if (!pl_relay_rate_trusted(relay, address) && !pl_relay_rate_connect(relay, address, now_ms)) return NULL;
  pl_relay_conn *conn = relay_new_conn(relay, now_ms);
  if (!conn) return NULL;
  if (!PL_RELAY_LOAD(relay->shared->started_ms)) PL_RELAY_STORE(relay->shared->started_ms, now_ms);
  conn->shell = shell;
  memcpy(conn->address, address, 16);
  memcpy(conn->prologue->challenge, challenge, 32);
  if (pl_relay_account_enter(conn, pl_relay_account_key(conn, NULL)) != 0 ||
      (!pl_relay_rate_trusted(relay, address) && !pl_relay_crowd_enter(conn))) {
    pl_relay_conn_free(conn);
    return NULL;
  }
  if (atomic_fetch_add(&relay->shared->sockets, 1) >= limit) conn->prologue->over_limit = true;
  relay->stats.sockets++;
  relay->stats.opened++;
  return conn;
}

/* Ends a connection that keeps sending but has taken no output for STALL_TIMEOUT_MS, because it holds memory for
 * nothing. */
static void relay_check_output(pl_relay_conn *conn, uint64_t now_ms) {
  if (pl_relay_out_size(&conn->out) == 0) return;
  if (!conn->stuck_ms)
    conn->stuck_ms = now_ms;
  else if (now_ms - conn->stuck_ms >= pl_relay_setting_of(conn->relay, PL_RELAY_SET_STALL_TIMEOUT_MS))
    pl_relay_link_end_stuck(conn);
}

/* Returns true when the process or its machine was stopped: the relay is called much later than it asked for. */
static bool relay_stood_still(const pl_relay *relay, uint64_t now_ms) {
  uint64_t deadline = pl_relay_deadline(relay);
  return now_ms > deadline && now_ms - deadline > STOOD_STILL_MS;
}

bool pl_relay_receive(pl_relay_conn *conn, uint8_t *data, size_t size, uint64_t now_ms) {
  pl_relay *relay = conn->relay;
  uint64_t before = relay->stats.forwarded;
  conn->heard_ms = now_ms;
  /* The order of the list is exact to a part of the interval: moving the connection at every read would cost too much.
   */
  if (conn->state == PL_RELAY_CONN_READY &&
      (conn->pinged || now_ms - conn->listed_ms > pl_relay_setting_of(relay, PL_RELAY_SET_PING_INTERVAL_MS) / 64)) {
    if (relay_stood_still(relay, now_ms))
      conn->stuck_ms = 0; /* before the connection moves: the deadline depends on the list */
    conn->pinged = false;
    pl_relay_conn_list(conn, &relay->quiet, now_ms);
    relay_check_output(conn, now_ms);
  }
  pl_relay_front_receive(conn, data, size, now_ms);
  return relay->stats.forwarded != before;
}

void pl_relay_closed(pl_relay_conn *conn, uint64_t now_ms) {
  conn->relay->stats.sockets--;
  atomic_fetch_sub(&conn->relay->shared->sockets, 1);
  pl_relay_crowd_leave(conn);
  pl_relay_conn_move(conn, PL_RELAY_CONN_GONE, now_ms);
  pl_relay_conn_leave(conn);
  pl_list_remove(&conn->dirty);
  conn->is_dirty = false;
  if (!conn->lookup_pending) pl_relay_conn_free(conn);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* Returns the oldest connection of a list if it has been there for this long. */
static pl_relay_conn *relay_due(const pl_node *list, uint64_t now_ms, uint64_t after_ms) {
  if (pl_list_empty(list)) return NULL;
  pl_relay_conn *conn = PL_CONTAINER(list->next, pl_relay_conn, timed);
  return now_ms >= conn->listed_ms + after_ms ? conn : NULL;
}

/* Keeps the time at which the connection was listed, so that both lists stay in order. */
static void relay_ping(pl_relay_conn *conn, uint64_t now_ms) {
  conn->pinged = true;
  pl_relay_conn_list(conn, &conn->relay->pinged, conn->listed_ms);
  relay_check_output(conn, now_ms);
  if (pl_relay_out_size(&conn->out) < PL_RELAY_OUT_DIRECT)
    (void)!pl_relay_out_frame(conn, PL_WS_PING, NULL, 0); /* when memory runs out, the ping counts as sent */
}

static void relay_late_close(pl_relay_conn *conn, uint64_t now_ms) {
  if (conn->state == PL_RELAY_CONN_CLOSING) {
    pl_relay_conn_move(conn, PL_RELAY_CONN_FINISHING, now_ms);
    pl_relay_conn_mark(conn);
  } else {
    pl_relay_conn_abort(conn);
  }
}

/* After a standstill no connection counts as silent for longer than the interval of pings: all that were silent for
 * that long are pinged again. Nor does any count as stalled, because nothing was written meanwhile. */
static void relay_ping_again(pl_relay *relay, uint64_t now_ms) {
  pl_node asked;
  uint64_t longest = pl_relay_setting_of(relay, PL_RELAY_SET_PING_INTERVAL_MS),
           least = now_ms > longest ? now_ms - longest : 0;
  pl_list_init(&asked);
  while (!pl_list_empty(&relay->quiet) || !pl_list_empty(&relay->pinged)) { /* the pinged ones are older */
    pl_node *from = pl_list_empty(&relay->pinged) ? &relay->quiet : &relay->pinged;
    pl_relay_conn *conn = PL_CONTAINER(from->next, pl_relay_conn, timed);
    conn->pinged = false;
    conn->stuck_ms = 0;
    pl_relay_conn_list(conn, &asked, conn->listed_ms > least ? conn->listed_ms : least);
  }
  while (!pl_list_empty(&asked)) {
    pl_relay_conn *conn = PL_CONTAINER(asked.next, pl_relay_conn, timed);
    pl_relay_conn_list(conn, &relay->quiet, conn->listed_ms);
  }
}

/* After a standstill, what peers have sent meanwhile is read first, and only the next turn looks for those that are
 * late. Returns true when that must wait. */
static bool relay_put_off(pl_relay *relay, uint64_t now_ms) {
  if (relay->judge_ms) {
    if (now_ms < relay->judge_ms) return true;
    relay->judge_ms = 0;
    return false;
  }
  if (!relay_stood_still(relay, now_ms)) return false;
  relay->judge_ms = now_ms + 1;
  relay_ping_again(relay, now_ms);
  return true;
}

/* What is due for one connection of a list. */
typedef void (*relay_duty)(pl_relay_conn *conn, uint64_t now_ms);

static void relay_late_login(pl_relay_conn *conn, uint64_t now_ms) {
  pl_relay_conn_log(conn, PL_RELAY_LOG_DEBUG, "timeout", "before login");
  if (conn->state == PL_RELAY_CONN_HTTP)
    pl_relay_conn_abort(conn);
  else
    pl_relay_conn_refuse(conn, PL_REASON_TIMEOUT, now_ms);
}

static void relay_late_answer(pl_relay_conn *conn, uint64_t now_ms) {
  (void)now_ms;
  pl_relay_conn_abort(conn);
}

static void relay_dead(pl_relay_conn *conn, uint64_t now_ms) {
  (void)now_ms;
  pl_relay_conn_log(conn, PL_RELAY_LOG_INFO, "dead", NULL);
  pl_relay_conn_abort(conn);
}

/* Does what is due after the time of the setting, for a part of the connections when it is due for many. The rest is
 * overdue then, and the deadline says so. */
static void relay_do_due(pl_relay *relay, const pl_node *list, enum pl_relay_setting setting, relay_duty duty,
                         uint64_t now_ms) {
  const uint64_t after_ms = pl_relay_setting_of(relay, setting);
  pl_relay_conn *conn = relay_due(list, now_ms, after_ms);
  if (!conn) return;
  uint64_t late_ms = now_ms - conn->listed_ms - after_ms;
  unsigned doublings = late_ms / DUE_LATE_MS < 32 ? (unsigned)(late_ms / DUE_LATE_MS) : 32;
  for (uint64_t left = (uint64_t)DUE_AT_ONCE << doublings; conn && left > 0; left--) {
    duty(conn, now_ms);
    conn = relay_due(list, now_ms, after_ms);
  }
}

void pl_relay_time(pl_relay *relay, uint64_t now_ms) {
  pl_relay_nameplates_time(relay, now_ms);
  pl_relay_elsewhere_time(relay, now_ms);
  if (relay_put_off(relay, now_ms)) return;
  pl_relay_link_time(relay, now_ms);
  relay_do_due(relay, &relay->connecting, PL_RELAY_SET_LOGIN_TIMEOUT_MS, relay_late_login, now_ms);
  relay_do_due(relay, &relay->answering, PL_RELAY_SET_HTTP_TIMEOUT_MS, relay_late_answer, now_ms);
  relay_do_due(relay, &relay->closing, PL_RELAY_SET_CLOSE_TIMEOUT_MS, relay_late_close, now_ms);
  relay_do_due(relay, &relay->quiet, PL_RELAY_SET_PING_INTERVAL_MS, relay_ping, now_ms);
  relay_do_due(relay, &relay->pinged, PL_RELAY_SET_DEAD_AFTER_MS, relay_dead, now_ms);
}

static void relay_sooner(uint64_t *deadline, const pl_relay *relay, const pl_node *list,
                         enum pl_relay_setting setting) {
  if (pl_list_empty(list)) return;
  const pl_relay_conn *conn = PL_CONTAINER(list->next, pl_relay_conn, timed);
  uint64_t at = conn->listed_ms + pl_relay_setting_of(relay, setting);
  if (at < *deadline) *deadline = at;
}

uint64_t pl_relay_deadline(const pl_relay *relay) {
  if (relay->judge_ms) return relay->judge_ms;
  uint64_t deadline = PL_NEVER;
  relay_sooner(&deadline, relay, &relay->connecting, PL_RELAY_SET_LOGIN_TIMEOUT_MS);
  relay_sooner(&deadline, relay, &relay->answering, PL_RELAY_SET_HTTP_TIMEOUT_MS);
  relay_sooner(&deadline, relay, &relay->closing, PL_RELAY_SET_CLOSE_TIMEOUT_MS);
  relay_sooner(&deadline, relay, &relay->quiet, PL_RELAY_SET_PING_INTERVAL_MS);
  relay_sooner(&deadline, relay, &relay->pinged, PL_RELAY_SET_DEAD_AFTER_MS);
  const uint64_t others[] = {pl_relay_link_deadline(relay), pl_relay_nameplates_deadline(relay),
                             pl_relay_elsewhere_deadline(relay)};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(others); i++)
    if (others[i] < deadline) deadline = others[i];
  return deadline;
}

static void relay_drain_list(pl_node *list, pl_view going_away, uint64_t now_ms) {
  while (!pl_list_empty(list)) {
    pl_relay_conn *conn = PL_CONTAINER(list->next, pl_relay_conn, timed);
    if (conn->state == PL_RELAY_CONN_READY) {
      pl_relay_out_expect_end(conn);
      pl_relay_out_last(conn, PL_ENV_GOING_AWAY, 0, going_away);
    }
    if (conn->state == PL_RELAY_CONN_HTTP)
      pl_relay_conn_abort(conn);
    else
      pl_relay_conn_refuse(conn, PL_REASON_DRAINING, now_ms);
  }
}

void pl_relay_drain(pl_relay *relay, uint32_t delay_ms, uint64_t now_ms) {
  const char *urls = relay->config.alternatives;
  pl_wire_going_away going_away = {.delay_ms = delay_ms, .urls = {(const uint8_t *)urls, urls ? strlen(urls) : 0}};
  uint8_t payload[1024];
  int size = pl_wire_going_away_encode(&going_away, payload, sizeof payload);
  pl_view view = {payload, size < 0 ? 0 : (size_t)size};
  relay->draining = true;
  relay_drain_list(&relay->connecting, view, now_ms);
  relay_drain_list(&relay->quiet, view, now_ms);
  relay_drain_list(&relay->pinged, view, now_ms);
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

void pl_relay_conn_sent(pl_relay_conn *conn, size_t n, uint64_t now_ms) {
  pl_relay_out_sent(conn, n);
  pl_relay_link_refill(conn);
  if (conn->state == PL_RELAY_CONN_ANSWER || conn->state == PL_RELAY_CONN_FINISHING) pl_relay_conn_touch(conn, now_ms);
  if (conn->state == PL_RELAY_CONN_ANSWER && pl_relay_out_size(&conn->out) == 0 && pl_relay_out_body(conn).size == 0)
    pl_relay_conn_move(conn, PL_RELAY_CONN_FINISHING, now_ms);
}
