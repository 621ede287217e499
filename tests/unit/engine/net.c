#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void net_init(net *n) {
  memset(n, 0, sizeof *n);
  uint8_t seed[32] = {0xee};
  assert_int_equal(pl_identity_from_seed(&n->relay, seed), 0);
  n->now_ms = 1000;
  n->open_timeout_ms = 3000;
  n->random = 88172645463325252u;
  for (int i = 0; i < NET_CLIENTS; i++) n->clients[i].in_end = &n->clients[i].in;
}

static void drop_queue(net_client *c) {
  while (c->in) {
    net_message *m = c->in;
    c->in = m->next;
    free(m);
  }
  c->in_end = &c->in;
}

void net_forget(net *n, int i) {
  net_client *c = &n->clients[i];
  for (size_t k = 0; k < c->seen_count; k++) free(c->seen[k].data);
  free(c->seen);
  c->seen = NULL;
  c->seen_count = c->seen_capacity = 0;
}

void net_remove(net *n, int i) {
  net_client *c = &n->clients[i];
  net_relay_closed(n, i);
  drop_queue(c);
  pl_engine_free(c->engine);
  net_forget(n, i);
  memset(c, 0, sizeof *c);
  c->in_end = &c->in;
}

void net_deinit(net *n) {
  for (int i = 0; i < NET_CLIENTS; i++) net_remove(n, i);
}

pl_engine *net_add(net *n, int i, uint8_t who, uint8_t instance, const pl_engine_config *extra) {
  net_client *c = &n->clients[i];
  pl_engine_config config = {0};
  if (extra) config = *extra;
  uint8_t seed[32] = {who, 1};
  assert_int_equal(pl_identity_from_seed(&config.identity, seed), 0);
  if (!extra || !extra->instance[0]) memset(config.instance, instance, 8);
  memset(config.seed, who ^ instance << 4, 32);
  config.seed[0] = (uint8_t)n->logins;
  config.origin = "http://127.0.0.1:8787";
  if (!config.application) config.application = "pipe/1";
  c->config = config;
  c->auto_take = !config.manual_take;
  c->reachable = true;
  if (pl_engine_new(&config, &c->engine)) return NULL;
  return c->engine;
}

static void see(net_client *c, const pl_engine_action *a) {
  if (c->seen_count == c->seen_capacity) {
    c->seen_capacity = c->seen_capacity ? 2 * c->seen_capacity : 64;
    c->seen = realloc(c->seen, c->seen_capacity * sizeof *c->seen);
    assert_non_null(c->seen);
  }
  net_seen *s = &c->seen[c->seen_count++];
  memset(s, 0, sizeof *s);
  s->a = *a;
  s->size = a->data.size;
  if (a->data.size) {
    s->data = malloc(a->data.size);
    assert_non_null(s->data);
    memcpy(s->data, a->data.data, a->data.size);
  }
  size_t t = a->text.size < sizeof s->text - 1 ? a->text.size : sizeof s->text - 1;
  if (t) memcpy(s->text, a->text.data, t);
  s->a.data = s->a.text = (pl_view){NULL, 0};
}

static void from_client(net *n, int i) {
  net_client *c = &n->clients[i];
  static uint8_t out[300000];
  size_t size;
  while (c->connected && (size = pl_engine_produce(c->engine, n->now_ms, out, sizeof out)) > 0) {
    if (size > c->max_out) c->max_out = size;
    c->bytes_out += size;
    net_relay_message(n, i, out, size);
  }
}

static void execute(net *n, int i, const pl_engine_result *list) {
  net_client *c = &n->clients[i];
  for (size_t k = 0; k < list->action_count; k++) {
    const pl_engine_action *a = &list->actions[k];
    see(c, a);
    if (a->type == PL_ENGINE_OUT_CONNECT) c->wants_connect = true;
    if (a->type == PL_ENGINE_OUT_DISCONNECT) {
      from_client(n, i);
      net_relay_closed(n, i);
      drop_queue(c);
      c->connected = c->wants_connect = false;
    }
  }
}

int net_do_for(net *n, int i, const pl_engine_event *in, pl_engine_result *out) {
  pl_engine_event now = *in;
  now.now_ms = n->now_ms;
  n->steps++;
  int rc = pl_engine_step(n->clients[i].engine, &now, out);
  execute(n, i, out);
  *out = (pl_engine_result){.session = out->session, .code = out->code, .place = out->place};
  return rc;
}

int net_do(net *n, int i, const pl_engine_event *in) {
  pl_engine_result out;
  return net_do_for(n, i, in, &out);
}

int net_tell(net *n, int i, pl_engine_event_type type) {
  return net_do(n, i, &(pl_engine_event){.type = type});
}

void net_cut(net *n, int i) {
  net_client *c = &n->clients[i];
  if (!c->connected) return;
  net_relay_closed(n, i);
  drop_queue(c);
  c->connected = false;
  net_do(n, i, &(pl_engine_event){.type = PL_ENGINE_IN_SOCKET_CLOSED, .socket_closed = {PL_ENETWORK}});
}

static bool turn_client(net *n, int i) {
  net_client *c = &n->clients[i];
  bool moved = false;
  if (!c->engine || c->frozen) return false;
  if (c->wants_connect && c->reachable) {
    c->wants_connect = false;
    c->connected = moved = true;
    net_tell(n, i, PL_ENGINE_IN_SOCKET_OPEN);
    net_relay_connected(n, i);
  } else if (c->wants_connect) {
    c->wants_connect = false;
    net_do(n, i, &(pl_engine_event){.type = PL_ENGINE_IN_SOCKET_CLOSED, .socket_closed = {PL_ENETWORK}});
    moved = true;
  }
  while (c->in && c->connected) {
    net_message *m = c->in;
    c->in = m->next;
    if (!c->in) c->in_end = &c->in;
    net_do(n, i, &(pl_engine_event){.type = PL_ENGINE_IN_SOCKET_MESSAGE, .socket_message = {{m->bytes, m->size}}});
    free(m);
    moved = true;
  }
  if (pl_engine_deadline(c->engine) <= n->now_ms) {
    net_tell(n, i, PL_ENGINE_IN_TIME);
    moved = true;
  }
  uint64_t before = c->bytes_out;
  from_client(n, i);
  return moved || c->bytes_out != before;
}

bool net_turn(net *n) {
  bool moved = false;
  net_relay_time(n);
  for (int i = 0; i < NET_CLIENTS; i++) moved |= turn_client(n, i);
  return moved;
}

void net_settle(net *n) {
  for (int k = 0; net_turn(n); k++) assert_true(k < 2000000);
}

static uint64_t next_deadline(net *n) {
  uint64_t at = net_relay_deadline(n);
  for (int i = 0; i < NET_CLIENTS; i++) {
    if (!n->clients[i].engine || n->clients[i].frozen) continue;
    uint64_t d = pl_engine_deadline(n->clients[i].engine);
    if (d < at) at = d;
  }
  return at;
}

bool net_until(net *n, uint64_t ms, bool (*done)(net *n)) {
  uint64_t end = n->now_ms + ms;
  for (;;) {
    net_settle(n);
    if (done && done(n)) return true;
    uint64_t at = next_deadline(n);
    if (at > end) break;
    n->now_ms = at > n->now_ms ? at : n->now_ms + 1;
  }
  n->now_ms = end;
  net_settle(n);
  return done && done(n);
}

void net_run(net *n, uint64_t ms) {
  (void)net_until(n, ms, NULL);
}

net_seen *net_find(net *n, int i, pl_engine_action_type type, size_t skip) {
  net_client *c = &n->clients[i];
  for (size_t k = 0; k < c->seen_count; k++)
    if (c->seen[k].a.type == type && skip-- == 0) return &c->seen[k];
  return NULL;
}

size_t net_count(net *n, int i, pl_engine_action_type type) {
  size_t count = 0;
  for (size_t k = 0; k < n->clients[i].seen_count; k++) count += n->clients[i].seen[k].a.type == type;
  return count;
}

uint32_t net_connect(net *n, int i, int to, const uint8_t *instance, const uint8_t *secret) {
  pl_engine_result out;
  pl_engine_event in = {.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {n->clients[to].config.identity.id, 32}}};
  if (instance) in.connect.instance = (pl_view){instance, 8};
  if (secret) in.connect.secret = (pl_view){secret, 16};
  assert_int_equal(net_do_for(n, i, &in, &out), 0);
  assert_int_not_equal(out.session, 0);
  return out.session;
}

int net_send(net *n, int i, uint32_t session, uint8_t channel, const void *data, size_t size) {
  pl_engine_event in = {.type = PL_ENGINE_IN_SEND, .send = {session, channel, {data, size}}};
  return net_do(n, i, &in);
}

int net_finish(net *n, int i, uint32_t session, uint8_t channel) {
  return net_do(n, i, &(pl_engine_event){.type = PL_ENGINE_IN_FINISH, .finish = {session, channel}});
}

int net_close(net *n, int i, uint32_t session) {
  return net_do(n, i, &(pl_engine_event){.type = PL_ENGINE_IN_CLOSE, .close = {session, PL_REASON_CLOSED, {NULL, 0}}});
}

int net_decide(net *n, int i, pl_engine_event_type type, int whom) {
  return net_do(n, i, &(pl_engine_event){.type = type, .peer = {{n->clients[whom].config.identity.id, 32}}});
}

int net_allow(net *n, int i, int whom) {
  return net_decide(n, i, PL_ENGINE_IN_ALLOW, whom);
}

int net_invite(net *n, int i, const uint8_t secret[16], uint64_t expires_ms, uint32_t uses) {
  pl_engine_event in = {.type = PL_ENGINE_IN_INVITE_ADD, .invite_add = {{secret, 16}, expires_ms, uses}};
  return net_do(n, i, &in);
}
