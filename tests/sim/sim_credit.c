/* Credit, exactly: what a session counts, what it may keep and send, and what its two ends know of each other
 * (docs/protocol.md, section 6, "Channels and offsets"). */
#include <string.h>

#include "client/core/engine/engine_session.h"
#include "client/core/session/session_base.h"
#include "sim_promises.h"

enum { HELLO_MOST = 256 }; /* bytes of a record with HELLO and all channels of these worlds */

/* ---- what a session counts (section 6, "Channels and offsets") --------------------------------------------------- */

typedef struct sums {
  uint64_t sent, waiting, reserved, received, taken;
  unsigned beyond_out, beyond_in; /* directions that were given up, whose end needs no credit */
} sums;

static void check_channel(sim_client *c, const pl_session *s, const pl_session_channel *k, sums *t) {
  sim_world *w = c->world;
  bool order = k->peer_taken_to <= k->peer_received_to && k->peer_received_to <= k->cursor && k->cursor <= k->sent_to &&
               k->sent_to <= k->started_to && k->started_to <= k->end;
  if (!order) sim_fail(w, "client %d: the places of channel %d are out of order", c->index, k->number);
  if (k->sent_to > k->limit + k->was_reset)
    sim_fail(w, "client %d: beyond the limit of channel %d", c->index, k->number);
  if (k->limit < k->peer_taken_to + s->peer_channel_window && !w->starving)
    sim_fail(w, "client %d knows what was taken of channel %d, and not the credit for it", c->index, k->number);
  if (k->end - k->peer_taken_to > s->config.channel_window + k->finished)
    sim_fail(w, "client %d keeps more of channel %d than its window", c->index, k->number);
  if (k->taken_to > k->delivered_to || k->delivered_to > k->received_to)
    sim_fail(w, "client %d: the received places of channel %d are out of order", c->index, k->number);
  if (k->received_to > k->taken_to + s->config.channel_window + k->ended)
    sim_fail(w, "client %d was sent more on channel %d than it granted", c->index, k->number);
  t->sent += k->sent_to;
  t->waiting += k->end - k->peer_taken_to;
  t->reserved += k->started_to - k->sent_to;
  t->received += k->received_to;
  t->taken += k->taken_to;
  t->beyond_out += k->finished;
  t->beyond_in += k->ended && k->taken_to < k->received_to;
}

/* A HELLO does not wait for room, because the other side asks for it again and again. No record that holds anything
 * else but volatile messages has an entry without places. */
uint64_t sim_credit_in_flight(const pl_session_link *l, size_t header) {
  uint64_t sum = 0;
  for (uint64_t i = l->sent_first; i < l->sent_last; i++) {
    const pl_session_sent *e = &l->sent[i & (l->sent_capacity - 1)];
    bool hello = !e->places && e->bytes <= HELLO_MOST;
    if (e->bytes && !hello) sum += e->bytes - header;
  }
  return sum;
}

static void check_links(sim_client *c, const pl_session *s) {
  for (const pl_node *n = s->links.next; n != &s->links; n = n->next) {
    const pl_session_link *l = PL_CONTAINER(n, const pl_session_link, node);
    uint64_t record = PL_CONST_ENVELOPE_PAYLOAD_MAX + PL_CONST_ENVELOPE_HEADER_BYTES;
    uint64_t most = l->window > 2 * record ? l->window : 2 * record;
    if (l->in_flight > most && sim_credit_in_flight(l, 0) > most)
      sim_fail(c->world, "client %d has more in flight than the relay lets wait", c->index);
  }
}

static void check_sums(sim_client *c, const pl_session *s) {
  sim_world *w = c->world;
  sums t = {0};
  for (int i = 0; i < SIM_CHANNELS; i++) {
    const pl_session_channel *k = pl_session_channel_known(s, sim_channel_numbers[i]);
    if (k) check_channel(c, s, k, &t);
  }
  if (t.sent != s->sent_sum || t.waiting != s->waiting || t.reserved != s->reserved || t.received != s->received_sum ||
      t.taken != s->taken_sum)
    sim_fail(w, "client %d: a session's sums are not the sums of its channels", c->index);
  if (s->waiting > s->config.session_window + t.beyond_out)
    sim_fail(w, "client %d keeps more than the session's window", c->index);
  if (s->received_sum > s->taken_sum + s->config.session_window + t.beyond_in)
    sim_fail(w, "client %d was sent more than it granted in all", c->index);
  check_links(c, s);
}

/* ---- what two ends know of each other ---------------------------------------------------------------------------- */

sim_client *sim_peer_there(sim_world *w, const uint8_t id[32], const uint8_t instance[8]) {
  for (int i = 0; i < w->clients_count; i++) {
    sim_client *c = &w->clients[i];
    if (c->engine && memcmp(c->config.instance, instance, 8) == 0 && memcmp(c->config.identity.id, id, 32) == 0)
      return c;
  }
  return NULL;
}

/* Returns the peer's session that has these two epochs, or NULL. */
const pl_engine_session *sim_other_end(const sim_client *peer, uint64_t epoch, uint64_t peer_epoch) {
  const pl_engine *e = peer->engine;
  if (!epoch || !peer_epoch) return NULL;
  for (size_t i = 0; i < e->session_slots; i++) {
    const pl_engine_session *s = e->sessions[i];
    if (s && s->core->epoch == peer_epoch && s->core->peer_epoch == epoch) return s;
  }
  return NULL;
}

/* Nobody knows of more than the other side did: no place is acknowledged that did not come, no credit is used that was
 * not given. */
static void check_between(sim_world *w, const pl_session *a, const pl_session *b) {
  if (a->session_limit > b->taken_sum + b->config.session_window)
    sim_fail(w, "a session has more credit than its peer gave");
  uint64_t known = 0;
  for (int i = 0; i < SIM_CHANNELS; i++) {
    const pl_session_channel *out = pl_session_channel_known(a, sim_channel_numbers[i]),
                             *in = pl_session_channel_known(b, sim_channel_numbers[i]);
    uint64_t received_to = in ? in->received_to : 0, taken_to = in ? in->taken_to : 0;
    if (received_to > (out ? out->sent_to : 0)) sim_fail(w, "a session received what its peer did not send");
    if (!out) continue;
    if (out->limit > taken_to + b->config.channel_window) sim_fail(w, "a channel has more credit than its peer gave");
    if (out->peer_received_to > received_to || out->peer_taken_to > taken_to)
      sim_fail(w, "a session knows of more than its peer received or took");
    known += out->peer_taken_to;
  }
  if (a->session_limit < known + b->config.session_window && !w->starving)
    sim_fail(w, "a session knows what its peer took, and not the credit for it");
}

void sim_credit_check(sim_client *c, const pl_engine_session *s) {
  sim_world *w = c->world;
  check_sums(c, s->core);
  const sim_client *peer = sim_peer_there(w, s->id, s->instance);
  const pl_engine_session *other = peer ? sim_other_end(peer, s->core->epoch, s->core->peer_epoch) : NULL;
  if (!other) return;
  check_between(w, s->core, other->core);
  check_between(w, other->core, s->core);
}

/* ---- the application's room -------------------------------------------------------------------------------------- */

void sim_credit_refused(sim_client *c, const sim_session *s, int channel, uint32_t size) {
  const pl_engine_session *session = pl_engine_session_by_number(c->engine, s->number);
  const pl_session_channel *k = session ? pl_session_channel_known(session->core, sim_channel_numbers[channel]) : NULL;
  if (!k) return;
  bool fits = k->end - k->peer_taken_to + size + 1 <= c->config.channel_window &&
              session->core->waiting + size + 1 <= c->config.session_window &&
              k->ends_last - k->ends_first < PL_SESSION_MESSAGES_MAX;
  if (fits) sim_fail(c->world, "client %d: PL_EAGAIN though there is room", c->index);
}
