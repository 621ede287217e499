/* Creates and frees a client. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aead_openssl.h"
#include "client_relay.h"
#include "client_transport.h"
#include "identity_file.h"
#include "low_fds.h"
#include "session_table.h"
#include "wake.h"

static int load_identity(const char *file, pl_identity *identity, char why[PL_WHY_MAX]) {
  char *path = pl_path_of(file, "XDG_CONFIG_HOME", ".config", "identity", why);
  if (!path) return pl_path_error(PL_EIDENTITY);
  int error = pl_identity_load(identity, path, why);
  free(path);
  return error;
}

static int make_engine(pairlink *p, const pairlink_options *o) {
  char why[PL_WHY_MAX] = "";
  pl_engine_config config;
  memset(&config, 0, sizeof config);
  int error = load_identity(o->identity_file, &config.identity, why);
  if (error) {
    pl_client_log(p, PAIRLINK_LOG_ERROR, "%s", why);
    return error;
  }
  memcpy(p->id_bytes, config.identity.id, 32);
  pl_id_format(p->id, config.identity.id);
  randombytes_buf(config.instance, sizeof config.instance);
  randombytes_buf(config.seed, sizeof config.seed);
  config.origin = p->url.origin;
  config.relay_id = p->relay_known ? p->relay_bytes : NULL;
  config.token = o->token;
  config.application = o->application;
  config.name = o->name;
  config.listen = o->listen != 0;
  config.accept_all = o->accept_all != 0;
  config.message_max = o->message_max;
  config.channel_window = o->channel_window;
  config.session_window = o->session_window;
  config.session_timeout_ms = o->session_timeout_ms;
  config.sessions_max = o->sessions_max;
  config.manual_take = o->manual_take != 0;
  config.aead = &pl_aead_openssl;
  error = pl_engine_new(&config, &p->engine);
  pl_identity_deinit(&config.identity);
  sodium_memzero(&config, sizeof config);
  return error;
}

static int check_options(const pairlink_options *o) {
  if (!o || o->size != sizeof *o || !o->relay || !o->callback || !o->application) return PL_EINVAL;
  if (strlen(o->application) >= PL_APPLICATION_MAX || (o->name && strlen(o->name) >= PL_NAME_MAX)) return PL_EINVAL;
  if (o->message_max > (1U << 30) || o->channel_window > (1U << 31)) return PL_EINVAL;
  uint32_t message = o->message_max ? o->message_max : PL_ENGINE_DEFAULT_MESSAGE_MAX, window = o->channel_window;
  return window && window < message + 1 ? PL_EINVAL : 0;
}

int pairlink_new(const pairlink_options *options, pairlink **out) {
  if (!out) return PL_EINVAL;
  *out = NULL;
  int error = check_options(options);
  if (error) return error;
  pairlink *p = pl_alloc(sizeof *p);
  if (!p) return PL_ENOMEM;
  p->callback = options->callback;
  p->log = options->log;
  p->user = options->user;
  p->process = pl_process_now();
  p->epoll_fd = p->timer_fd = p->wakeup_fd = -1;
  p->timer_ms = PL_NEVER;
  pl_engine_action_queue_init(&p->queue);
  p->message_max = options->message_max ? options->message_max : PL_ENGINE_DEFAULT_MESSAGE_MAX;
  if (sodium_init() < 0) error = PL_ESYSTEM;
  pl_client_sessions_init(p);
  if (!error) error = pl_client_find_relay(p, options);
  if (!error) error = make_engine(p, options);
  pl_low_fds_hold();
  if (!error) error = pl_client_open_transport(p, options->ca_file, !options->no_proxy);
  if (!error) error = pl_client_wake_open(p);
  pl_low_fds_release();
  if (error) {
    pairlink_free(p);
    return error;
  }
  pl_client_wake_now(p); /* dispatch is due now: the first one connects */
  *out = p;
  return 0;
}

void pairlink_free(pairlink *p) {
  if (!p) return;
  if (p->dispatching) {
    p->free_wanted = true;
    return;
  }
  if (!pl_client_is_inherited(p) || pl_transport_detach(p->transport)) pl_transport_free(p->transport);
  pl_engine_free(p->engine);
  pl_engine_action_queue_deinit(&p->queue);
  pl_client_sessions_free_all(p);
  pl_client_wake_close(p);
  free(p->relays_file);
  pl_free(p);
}

int pairlink_identity_read(const char *identity_file, char id[PAIRLINK_ID_CHARS + 1], char *why, size_t why_size) {
  pl_identity identity;
  char line[PL_WHY_MAX] = "";
  if (!id) return PL_EINVAL;
  int error = load_identity(identity_file, &identity, line);
  if (!error) {
    pl_id_format(id, identity.id);
    pl_identity_deinit(&identity);
  }
  if (why && why_size) snprintf(why, why_size, "%s", line);
  return error;
}
