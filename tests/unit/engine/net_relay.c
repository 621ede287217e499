/* The model of the relay: login, OPEN to OFFER, ACCEPT, DATA, RESET, and the timeout of an OPEN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net.h"

void net_to_client(net *n, int i, uint8_t type, uint8_t flags, uint32_t link, const void *payload, size_t size) {
  net_client *c = &n->clients[i];
  if (!c->connected) return;
  net_message *m = calloc(1, sizeof *m + size + 8);
  assert_non_null(m);
  m->size = size + 8;
  pl_envelope_put_header(m->bytes, type, flags, size, link);
  if (size) memcpy(m->bytes + 8, payload, size);
  *c->in_end = m;
  c->in_end = &m->next;
}

static void reset_to(net *n, int i, uint32_t link, uint16_t reason) {
  uint8_t p[2];
  pl_put_u16(p, reason);
  if (i >= 0) net_to_client(n, i, PL_ENV_RESET, 0, link, p, 2);
}

static uint8_t hello_payload[128];
static int hello_size(net *n, net_client *c) {
  pl_wire_hello h = {.version_min = 1, .version_max = 1};
  uint8_t limits[6];
  pl_put_u16(limits, PL_LIMIT_OPEN_TIMEOUT_MS);
  pl_put_u32(limits + 2, n->open_timeout_ms);
  h.limits = (pl_view){limits, sizeof limits};
  memcpy(h.relay_id, n->relay.id, 32);
  memcpy(h.challenge, c->challenge, 32);
  return pl_wire_hello_encode(&h, hello_payload, sizeof hello_payload);
}

void net_relay_connected(net *n, int i) {
  net_client *c = &n->clients[i];
  c->challenge[0]++;
  c->challenge[1] = (uint8_t)i;
  int size = hello_size(n, c);
  assert_true(size > 0);
  net_to_client(n, i, PL_ENV_HELLO, 0, 0, hello_payload, (size_t)size);
}

static bool same_peer(const net_client *c, const uint8_t id[32], const uint8_t instance[8]) {
  static const uint8_t zero[8];
  bool any = memcmp(instance, zero, 8) == 0;
  if (!c->logged_in || memcmp(c->id, id, 32) != 0) return false;
  return any ? c->listen : memcmp(c->instance, instance, 8) == 0;
}

static void offer(net *n, net_link *l, int callee) {
  net_client *c = &n->clients[callee];
  const net_client *from = &n->clients[l->caller];
  uint32_t slot = 0;
  while (slot < 64 && c->slot_used[slot]) slot++;
  if (slot == 64) return;
  c->slot_used[slot] = true;
  l->callee = callee;
  l->callee_number = pl_link_number_make(true, ++c->generations[slot], slot);
  uint8_t p[2048];
  memcpy(p, from->id, 32);
  memcpy(p + 32, from->instance, 8);
  memcpy(p + 40, l->handshake, l->handshake_size);
  net_to_client(n, callee, PL_ENV_OFFER, 0, l->callee_number, p, 40 + l->handshake_size);
}

static void try_offer(net *n, net_link *l) {
  int best = -1;
  for (int k = 0; k < NET_CLIENTS; k++) {
    if (k == l->caller || !same_peer(&n->clients[k], l->target, l->target_instance)) continue;
    if (best < 0 || n->clients[k].serial > n->clients[best].serial) best = k;
  }
  if (best >= 0) offer(n, l, best);
}

static void free_link(net *n, net_link *l) {
  if (l->callee >= 0) n->clients[l->callee].slot_used[pl_link_number_slot(l->callee_number)] = false;
  l->used = false;
}

static void login(net *n, int i, pl_view payload) {
  net_client *c = &n->clients[i];
  pl_wire_login l;
  assert_int_equal(pl_wire_login_decode(&l, payload.data, payload.size), 0);
  uint8_t t[64], welcome[66] = {1, 0, 0};
  int size = hello_size(n, c);
  pl_login_transcript(t, (pl_view){hello_payload, (size_t)size}, (pl_view){payload.data, payload.size - 64});
  assert_int_equal(pl_login_verify_client(l.signature, t, l.peer_id), 0);
  memcpy(c->id, l.peer_id, 32);
  memcpy(c->instance, l.instance, 8);
  c->listen = l.flags & PL_CONST_LOGIN_FLAG_LISTEN;
  c->logged_in = true;
  c->serial = ++n->logins;
  uint8_t w[3 + 64] = {1, 0, 0};
  (void)welcome;
  pl_login_sign_relay(w + 3, t, (pl_view){w, 3}, &n->relay);
  if (n->wrong_signature) w[10] ^= 1;
  net_to_client(n, i, PL_ENV_WELCOME, 0, 0, w, sizeof w);
  for (int k = 0; k < NET_LINKS; k++) {
    net_link *x = &n->links[k];
    if (x->used && !x->linked && !x->refused && x->callee < 0 && x->caller != i &&
        same_peer(c, x->target, x->target_instance))
      offer(n, x, i);
  }
}

static void open_link(net *n, int i, uint32_t number, pl_view payload) {
  for (int k = 0; k < NET_LINKS; k++) {
    net_link *l = &n->links[k];
    if (l->used) continue;
    memset(l, 0, sizeof *l);
    l->used = true;
    l->caller = i;
    l->callee = -1;
    l->caller_number = number;
    l->opened_ms = n->now_ms;
    memcpy(l->target, payload.data, 32);
    memcpy(l->target_instance, payload.data + 32, 8);
    l->handshake_size = payload.size - 40;
    memcpy(l->handshake, payload.data + 40, l->handshake_size);
    try_offer(n, l);
    return;
  }
  fail();
}

static net_link *link_of(net *n, int i, uint32_t number, bool *is_caller) {
  for (int k = 0; k < NET_LINKS; k++) {
    net_link *l = &n->links[k];
    if (!l->used) continue;
    *is_caller = l->caller == i && l->caller_number == number;
    if (*is_caller || (l->callee == i && l->callee_number == number)) return l;
  }
  return NULL;
}

static void route(net *n, int i, const pl_envelope *v) {
  bool is_caller;
  net_link *l = link_of(n, i, v->link, &is_caller);
  if (!l) return;
  int to = is_caller ? l->callee : l->caller;
  uint32_t number = is_caller ? l->callee_number : l->caller_number;
  if (v->type == PL_ENV_ACCEPT) {
    assert_false(is_caller);
    assert_false(l->linked);
    l->linked = true;
    net_to_client(n, to, v->type, 0, number, v->payload.data, v->payload.size);
  } else if (v->type == PL_ENV_DATA) {
    assert_true(l->linked);
    net_to_client(n, to, v->type, v->flags, number, v->payload.data, v->payload.size);
  } else if (v->type == PL_ENV_RESET) {
    if (l->linked || is_caller) {
      if (to >= 0) net_to_client(n, to, v->type, 0, number, v->payload.data, v->payload.size);
      free_link(n, l);
    } else {
      n->clients[l->callee].slot_used[pl_link_number_slot(l->callee_number)] = false;
      l->callee = -1;
      l->refused = true; /* the caller is told UNAVAILABLE when its time is over */
    }
  }
}

void net_relay_message(net *n, int i, const uint8_t *data, size_t size) {
  pl_reader r = pl_reader_of(data, size);
  pl_envelope v;
  int rc;
  while ((rc = pl_envelope_next(&r, &v)) > 0) {
    n->envelopes++;
    if (getenv("NET_TRACE"))
      print_message("%llu: %d %s link %08x %u bytes\n", (unsigned long long)n->now_ms, i, pl_envelope_name(v.type),
                    v.link, (unsigned)v.payload.size);
    if (n->drop && n->drop(n, i, &v)) continue;
    if (!n->clients[i].connected) return;
    switch (v.type) {
      case PL_ENV_LOGIN:
        login(n, i, v.payload);
        break;
      case PL_ENV_PING:
        net_to_client(n, i, PL_ENV_PONG, 0, 0, v.payload.data, v.payload.size);
        break;
      case PL_ENV_OPEN:
        open_link(n, i, v.link, v.payload);
        break;
      default:
        route(n, i, &v);
    }
  }
  assert_int_equal(rc, 0);
}

void net_relay_closed(net *n, int i) {
  net_client *c = &n->clients[i];
  for (int k = 0; k < NET_LINKS; k++) {
    net_link *l = &n->links[k];
    if (!l->used || (l->caller != i && l->callee != i)) continue;
    bool is_caller = l->caller == i;
    if (!l->linked && !is_caller) {
      l->callee = -1;
      l->refused = true;
      continue;
    }
    reset_to(n, is_caller ? l->callee : l->caller, is_caller ? l->callee_number : l->caller_number, PL_REASON_GONE);
    if (l->callee != i) free_link(n, l);
    l->used = false;
  }
  c->logged_in = false;
  memset(c->slot_used, 0, sizeof c->slot_used);
}

void net_relay_time(net *n) {
  for (int k = 0; k < NET_LINKS; k++) {
    net_link *l = &n->links[k];
    if (!l->used || l->linked || n->now_ms < l->opened_ms + n->open_timeout_ms) continue;
    reset_to(n, l->caller, l->caller_number, PL_REASON_UNAVAILABLE);
    if (l->callee >= 0) reset_to(n, l->callee, l->callee_number, PL_REASON_TIMEOUT);
    free_link(n, l);
  }
}

uint64_t net_relay_deadline(const net *n) {
  uint64_t at = PL_NEVER;
  for (int k = 0; k < NET_LINKS; k++) {
    const net_link *l = &n->links[k];
    if (l->used && !l->linked && l->opened_ms + n->open_timeout_ms < at) at = l->opened_ms + n->open_timeout_ms;
  }
  return at;
}
