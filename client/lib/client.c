/* Options, creation and destruction of a client. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "aead_openssl.h"
#include "client.h"
#include "low_fds.h"

enum { DEFAULT_MESSAGE_MAX = 262144 }; /* the engine's */

/* The public numbers are the tables' numbers. */
#define PL_ERROR(name, number, text, hint) _Static_assert((int)PAIRLINK_##name == (number), "error " #name);
#include "errors.def"
#define PL_REASON(name, number, text) _Static_assert((int)PAIRLINK_REASON_##name == (number), "reason " #name);
#include "wire.def"
_Static_assert((int)PAIRLINK_ID_CHARS == (int)PL_ID_CHARS, "length of an ID");
_Static_assert((int)PAIRLINK_URL_MAX == (int)PL_URL_TEXT_MAX, "length of an address");
_Static_assert((int)PAIRLINK_CHANNELS_MAX == (int)PL_CONST_CHANNELS_MAX, "number of channels");

const char *pairlink_error_text(int error) {
  return pl_error_text(error);
}
const char *pairlink_error_hint(int error) {
  return pl_error_hint(error);
}
const char *pairlink_reason_text(int reason) {
  return pl_reason_text(reason);
}
const char *pairlink_version(void) {
  return PAIRLINK_VERSION;
}

uint64_t pl_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool pl_client_is_inherited(const pairlink *p) {
  return pl_process_is_another(&p->process);
}

void pl_client_log(pairlink *p, pairlink_log_level level, const char *format, ...) {
  char line[PL_WHY_MAX + 256];
  if (!p->log) return;
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  p->log(level, line, p->user);
}

void pairlink_options_init(pairlink_options *options) {
  memset(options, 0, sizeof *options);
  options->size = sizeof *options;
  options->application = "pipe/1";
}

/* ---- what it connects to ------------------------------------------------------------------------------ */

static int take_relay_id(pairlink *p, const uint8_t id[32], const char *from) {
  if (p->relay_known && memcmp(p->relay_bytes, id, 32) != 0) {
    pl_client_log(p, PAIRLINK_LOG_ERROR, "the relay %s has another ID than %s says", p->url.origin, from);
    return PL_ERELAYKEY;
  }
  memcpy(p->relay_bytes, id, 32);
  pl_id_format(p->relay_id, id);
  p->relay_known = true;
  return 0;
}

static int take_address(pairlink *p, const char *relay) {
  pl_invite_link link;
  if (!strchr(relay, '#')) return pl_url_parse(&p->url, relay);
  int error = pl_invite_link_parse(&link, relay);
  if (error) return error;
  p->url = link.url;
  error = take_relay_id(p, link.relay, "the invite link");
  sodium_memzero(&link, sizeof link);
  return error;
}

/* As an ID, or as the invite link that names it. */
static int take_expected(pairlink *p, const char *text) {
  uint8_t id[32];
  pl_invite_link link;
  int error;
  if (!strchr(text, '#')) {
    error = pl_id_parse(id, text, strlen(text));
    return error ? error : take_relay_id(p, id, "the program");
  }
  error = pl_invite_link_parse(&link, text);
  if (!error) error = take_relay_id(p, link.relay, "the invite link");
  sodium_memzero(&link, sizeof link);
  return error;
}

static int find_relay(pairlink *p, const pairlink_options *o) {
  uint8_t id[32];
  char why[PL_WHY_MAX] = "";
  int error = take_address(p, o->relay);
  if (error) return error;
  pl_url_format(&p->url, p->url_text, sizeof p->url_text);
  if (o->relay_id) {
    error = take_expected(p, o->relay_id);
    if (error) return error;
  }
  p->relays_file = pl_path_of(o->relays_file, "XDG_STATE_HOME", ".local/state", "known_relays", why);
  if (!p->relays_file) {
    int no_path = pl_path_error(PL_EIO);
    pl_client_log(p, PAIRLINK_LOG_ERROR, "%s", why);
    return no_path;
  }
  int found = pl_relays_find(p->relays_file, p->url.origin, id, why);
  if (found < 0) {
    pl_client_log(p, PAIRLINK_LOG_ERROR, "%s", why);
    return found;
  }
  p->relay_pinned = found == 1;
  return found ? take_relay_id(p, id, p->relays_file) : 0;
}

/* ---- the parts ---------------------------------------------------------------------------------------- */

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

static void on_open(void *user) {
  pl_engine_event event = {.type = PL_ENGINE_IN_SOCKET_OPEN};
  (void)pl_client_step(user, &event);
}

static void on_message(void *user, const uint8_t *data, size_t size) {
  pl_engine_event event = {.type = PL_ENGINE_IN_SOCKET_MESSAGE, .data = {data, size}};
  (void)pl_client_step(user, &event);
}

static void on_closed(void *user, int error, const char *text) {
  pairlink *p = user;
  pl_engine_event event = {.type = PL_ENGINE_IN_SOCKET_CLOSED, .error = error};
  snprintf(p->offline_text, sizeof p->offline_text, "%s", text);
  (void)pl_client_step(p, &event);
}

static size_t on_produce(void *user, uint8_t *out, size_t capacity) {
  return pl_client_produce(user, out, capacity);
}

static bool on_has_output(void *user) {
  return pl_client_has_output(user);
}

static int watch(pairlink *p, int fd) {
  struct epoll_event event = {.events = EPOLLIN};
  if (fd < 0 || epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
    pl_client_log(p, PAIRLINK_LOG_ERROR, "cannot watch a descriptor: %s", strerror(errno));
    return PL_ESYSTEM;
  }
  return 0;
}

static int make_shell(pairlink *p, const pairlink_options *o) {
  const pl_transport_handlers handlers = {.on_open = on_open,
                                          .on_message = on_message,
                                          .on_closed = on_closed,
                                          .produce = on_produce,
                                          .has_output = on_has_output,
                                          .user = p};
  int error = pl_transport_new(&p->url, o->ca_file, !o->no_proxy, &handlers, &p->transport);
  if (error) return error;
  p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  p->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  p->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (p->epoll_fd < 0) return PL_ESYSTEM;
  error = watch(p, p->timer_fd);
  if (!error) error = watch(p, p->event_fd);
  if (!error) error = watch(p, p->kick_fd);
  return error ? error : watch(p, pl_transport_fd(p->transport));
}

static int check_options(const pairlink_options *o) {
  if (!o || o->size != sizeof *o || !o->relay || !o->callback || !o->application) return PL_EINVAL;
  if (strlen(o->application) >= PL_ENGINE_APPLICATION_MAX || (o->name && strlen(o->name) >= PL_ENGINE_NAME_MAX))
    return PL_EINVAL;
  if (o->message_max > (1U << 30) || o->channel_window > (1U << 31)) return PL_EINVAL;
  uint32_t message = o->message_max ? o->message_max : DEFAULT_MESSAGE_MAX, window = o->channel_window;
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
  p->epoll_fd = p->timer_fd = p->event_fd = p->kick_fd = -1;
  p->armed_ms = PL_NEVER;
  pl_engine_action_queue_init(&p->queue);
  p->message_max = options->message_max ? options->message_max : DEFAULT_MESSAGE_MAX;
  for (size_t i = 0; i < PL_SESSION_BUCKETS; i++) pl_list_init(&p->sessions[i]);
  if (sodium_init() < 0) error = PL_ESYSTEM;
  if (!error) error = find_relay(p, options);
  if (!error) error = make_engine(p, options);
  pl_low_fds_hold();
  if (!error) error = make_shell(p, options);
  pl_low_fds_release();
  if (error) {
    pairlink_free(p);
    return error;
  }
  pl_client_kick(p); /* the first dispatch connects */
  *out = p;
  return 0;
}

void pairlink_free(pairlink *p) {
  if (!p) return;
  if (p->dispatching) {
    p->free_wanted = true;
    return;
  }
  if (!pl_client_is_inherited(p) || pl_transport_part(p->transport)) pl_transport_free(p->transport);
  pl_engine_free(p->engine);
  pl_engine_action_queue_deinit(&p->queue);
  for (size_t i = 0; i < PL_SESSION_BUCKETS; i++)
    while (!pl_list_empty(&p->sessions[i])) pl_session_drop(PL_CONTAINER(p->sessions[i].next, pairlink_session, node));
  if (p->epoll_fd >= 0) close(p->epoll_fd);
  if (p->timer_fd >= 0) close(p->timer_fd);
  if (p->event_fd >= 0) close(p->event_fd);
  if (p->kick_fd >= 0) close(p->kick_fd);
  free(p->relays_file);
  pl_free(p);
}

/* ---- without a client --------------------------------------------------------------------------------- */

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

int pairlink_relay_forget(const char *relay, const char *relays_file) {
  pl_url url;
  int error = pl_url_parse(&url, relay);
  if (error) return error;
  char *path = pl_path_of(relays_file, "XDG_STATE_HOME", ".local/state", "known_relays", NULL);
  if (!path) return pl_path_error(PL_EIO);
  int result = pl_relays_forget(path, url.origin, NULL);
  free(path);
  return result;
}

/* ---- getters ------------------------------------------------------------------------------------------ */
void *pairlink_user(const pairlink *p) {
  return p->user;
}
const char *pairlink_id(const pairlink *p) {
  return p->id;
}
const char *pairlink_relay_id(const pairlink *p) {
  return p->relay_known ? p->relay_id : NULL;
}
const char *pairlink_relay_url(const pairlink *p) {
  return p->url_text;
}
