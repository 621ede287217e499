/* Shared by tests of what the engines say: a pair of clients whose envelopes are counted, kept, lost and changed. */
#ifndef TEST_SAID_H
#define TEST_SAID_H

#include "pair.h"

enum { TYPES = 256, LAST_MAX = 2048 };

typedef struct envelopes {
  unsigned count[TYPES];
  uint32_t link[TYPES]; /* of the last one */
  size_t size[TYPES];
  uint8_t last[TYPES][LAST_MAX];
} envelopes;

static envelopes said[NET_CLIENTS];
static int lost_from, lost_type; /* what is lost on its way to the relay; -1: nothing */
static uint32_t lost_links[2];   /* of client 0 and 1: what is lost of DATA, if not 0 */
static bool spoil_accept;        /* each ACCEPT is changed on its way */

static inline bool look(net *x, int from, const pl_envelope *v) {
  envelopes *s = &said[from];
  s->count[v->type]++;
  s->link[v->type] = v->link;
  s->size[v->type] = v->payload.size < LAST_MAX ? v->payload.size : LAST_MAX;
  if (s->size[v->type]) memcpy(s->last[v->type], v->payload.data, s->size[v->type]);
  if (spoil_accept && v->type == PL_ENV_ACCEPT) {
    for (int k = 0; k < NET_LINKS; k++) {
      net_link *l = &x->links[k];
      if (!l->used || l->callee != from || l->callee_number != v->link) continue;
      s->last[v->type][v->payload.size - 1] ^= 1;
      l->linked = true;
      net_to_client(x, l->caller, v->type, 0, l->caller_number, s->last[v->type], v->payload.size);
    }
    return true;
  }
  if (v->type == PL_ENV_DATA && from < 2 && v->link == lost_links[from]) return true;
  return from == lost_from && v->type == lost_type;
}

static inline void listen_in(void) {
  memset(said, 0, sizeof said);
  lost_from = lost_type = -1;
  lost_links[0] = lost_links[1] = 0;
  spoil_accept = false;
  n.drop = look;
}

static inline int setup(void **state) {
  (void)pair_setup(state);
  listen_in();
  return 0;
}

static inline int setup_linked(void **state) {
  (void)pair_setup_linked(state);
  listen_in();
  return 0;
}

/* Client 1 lets nobody in by itself. */
static inline int setup_shy(void **state) {
  (void)state;
  pl_engine_config shy = {.listen = true};
  pair_start(&n, NULL, &shy);
  listen_in();
  return 0;
}

static inline unsigned reason_said(int i) {
  assert_true(said[i].count[PL_ENV_RESET] > 0);
  return pl_get_u16(said[i].last[PL_ENV_RESET]);
}

static inline void tell_reset(int i, uint32_t link, uint16_t reason) {
  uint8_t payload[2];
  pl_put_u16(payload, reason);
  net_to_client(&n, i, PL_ENV_RESET, 0, link, payload, sizeof payload);
  net_settle(&n);
}

static inline int connect_to(int i, int to, uint32_t *session) {
  pl_engine_result out;
  pl_engine_event in = {.type = PL_ENGINE_IN_CONNECT, .connect = {.peer = {n.clients[to].config.identity.id, 32}}};
  in.connect.instance = (pl_view){n.clients[to].config.instance, 8};
  int rc = net_do_for(&n, i, &in, &out);
  *session = out.session;
  return rc;
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, setup, pair_teardown)
#define LINKED(name) cmocka_unit_test_setup_teardown(name, setup_linked, pair_teardown)
#define SHY(name) cmocka_unit_test_setup_teardown(name, setup_shy, pair_teardown)

#endif
