/* See engine.h. */
#include "engine.h"

#include <sodium.h>
#include <string.h>

#include "engine_actions.h"
#include "engine_command.h"
#include "engine_connection.h"
#include "engine_hash.h"
#include "engine_link.h"
#include "engine_login.h"
#include "engine_peers.h"
#include "engine_random.h"
#include "engine_receive.h"
#include "engine_session.h"
#include "engine_time.h"

enum {
  DEFAULT_CHANNEL_WINDOW = 1 << 20,
  DEFAULT_SESSION_WINDOW = 8 << 20,
  DEFAULT_TIMEOUT_MS = 3600000,
  DEFAULT_SESSIONS_MAX = 1024,
  DEFAULT_REPLACE_BYTES = 1 << 30,
  SESSIONS_LIMIT = 65535
};

static int engine_configure(pl_engine *e, const pl_engine_config *config) {
  pl_engine_config *c = &e->config;
  *c = *config;
  if (!c->origin || strlen(c->origin) > 255) return PL_EURL;
  if (!c->message_max) c->message_max = PL_ENGINE_DEFAULT_MESSAGE_MAX;
  if (!c->channel_window) c->channel_window = DEFAULT_CHANNEL_WINDOW;
  if (!c->session_window) c->session_window = DEFAULT_SESSION_WINDOW;
  if (!c->session_timeout_ms) c->session_timeout_ms = DEFAULT_TIMEOUT_MS;
  if (!c->replace_after_bytes) c->replace_after_bytes = DEFAULT_REPLACE_BYTES;
  if (!c->sessions_max) c->sessions_max = DEFAULT_SESSIONS_MAX;
  if (c->channel_window <= c->message_max || c->session_window <= c->message_max || c->sessions_max > SESSIONS_LIMIT ||
      sodium_is_zero(c->instance, 8))
    return PL_EINVAL;
  size_t application = c->application ? strlen(c->application) : 0, name = c->name ? strlen(c->name) : 0;
  if (application > sizeof e->application || name > sizeof e->name) return PL_EINVAL;
  if (application) memcpy(e->application, c->application, application);
  if (name) memcpy(e->name, c->name, name);
  e->application_size = (uint8_t)application;
  e->name_size = (uint8_t)name;
  e->pinned = c->relay_id;
  if (e->pinned) memcpy(e->relay_id, c->relay_id, 32);
  e->origin = pl_alloc(strlen(c->origin) + 1);
  if (!e->origin) return PL_ENOMEM;
  memcpy(e->origin, c->origin, strlen(c->origin) + 1);
  pl_engine_login_set_token(e, c->token);
  c->origin = c->application = c->name = c->token = NULL;
  c->relay_id = NULL;
  return 0;
}

int pl_engine_new(const pl_engine_config *config, pl_engine **out) {
  *out = NULL;
  pl_engine *e = pl_alloc(sizeof *e);
  if (!e) return PL_ENOMEM;
  pl_list_init(&e->links);
  pl_list_init(&e->ready);
  pl_list_init(&e->peers);
  pl_table_init(&e->offers);
  pl_table_init(&e->by_id);
  pl_table_init(&e->peers_by_id);
  pl_buffer_init(&e->control, PL_ENGINE_CONTROL_BYTES);
  e->connection_ms = e->move_at_ms = e->next_ms = e->answer_by_ms = PL_NEVER;
  pl_engine_rng_init(&e->rng, config->seed);
  pl_engine_hash_init(e, config->seed);
  int rc = engine_configure(e, config);
  if (rc == 0) rc = pl_engine_out_room(e, 64 + PL_ENGINE_OUT_RESERVE(0));
  if (rc) {
    pl_engine_free(e);
    return rc;
  }
  *out = e;
  return 0;
}

void pl_engine_free(pl_engine *e) {
  if (!e) return;
  for (size_t i = 0; i < e->session_slots; i++)
    if (e->sessions[i]) pl_engine_session_free(e, e->sessions[i]);
  while (!pl_list_empty(&e->links)) pl_engine_link_forget(e, PL_CONTAINER(e->links.next, pl_engine_link, node), 0);
  pl_engine_slots_deinit(&e->own);
  pl_engine_slots_deinit(&e->relays);
  pl_table_deinit(&e->offers);
  pl_heap_deinit(&e->link_times);
  pl_table_deinit(&e->by_id);
  pl_heap_deinit(&e->session_times);
  pl_buffer_deinit(&e->control);
  pl_session_pieces_deinit(&e->pieces);
  if (e->invites) sodium_memzero(e->invites, PL_ENGINE_INVITES_MAX * sizeof *e->invites);
  pl_free(e->invites);
  pl_engine_peers_deinit(e);
  pl_free(e->sessions);
  pl_free(e->actions.list);
  pl_free(e->plain);
  pl_free(e->origin);
  sodium_memzero(e, sizeof *e);
  pl_free(e);
}

int pl_engine_step(pl_engine *e, const pl_engine_event *in, pl_engine_result *out) {
  int rc = 0;
  *out = (pl_engine_result){0};
  if (in->now_ms > e->now_ms) e->now_ms = in->now_ms;
  e->actions.count = 0;
  e->text_used = 0;
  pl_session_pieces_release(&e->pieces);
  switch (in->type) {
    case PL_ENGINE_IN_TIME:
      break;
    case PL_ENGINE_IN_SOCKET_OPEN:
      pl_engine_connection_opened(e);
      break;
    case PL_ENGINE_IN_SOCKET_MESSAGE:
      rc = pl_engine_receive(e, in->socket_message.data);
      break;
    case PL_ENGINE_IN_SOCKET_CLOSED:
      pl_engine_connection_closed(e, in->socket_closed.error);
      break;
    case PL_ENGINE_IN_NETWORK_UP:
      pl_engine_connection_network_up(e);
      break;
    default:
      rc = pl_engine_command(e, in, out);
  }
  pl_engine_timers(e);
  out->actions = e->actions.list;
  out->action_count = e->actions.count;
  return rc;
}

uint64_t pl_engine_deadline(const pl_engine *e) {
  return e->next_ms > e->judge_from_ms ? e->next_ms : e->judge_from_ms;
}
