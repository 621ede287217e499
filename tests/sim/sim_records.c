/* What clients write into records (docs/protocol.md, section 6). The engine seals its records by the table below, which
 * looks at the plaintext and leaves the work to libsodium, and opens them in the same way. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/session/session_base.h"
#include "client/core/session/session_chunk.h"
#include "client/core/session/session_flight.h"
#include "client/core/session/session_link.h"
#include "sim_greedy.h"
#include "sim_heard.h"
#include "sim_promises.h"

enum { SHARED_BYTES = 16384, PROBE_MS = 1000 };

static sim_client *producing; /* the client whose record is sealed; pl_aead hands in nothing that names it */

/* A record that is being sealed. */
typedef struct record {
  sim_client *c;
  const pl_engine_link *link;
  const pl_engine_session *owner;
  const pl_session *s;
  const pl_session_link *l;
  sim_session_seen *seen;
  size_t size;
  unsigned kinds;                   /* bits: which types of frame are in it */
  uint8_t first, last;              /* types */
  bool data_of[SIM_CHANNELS];       /* it has DATA of this channel */
  bool large_of[SIM_CHANNELS];      /* … in a frame larger than channels that share a record may use */
  uint8_t lowest;                   /* the least urgent priority of which it has DATA */
  const pl_session_channel *latest; /* the channel of its last DATA or CHANNEL_RESET */
} record;

#define KIND(type) (1u << PL_FRAME_##type)

static void wrong(const record *r, const char *what) __attribute__((noreturn));
static void wrong(const record *r, const char *what) {
  sim_fail(r->c->world, "client %d, session %x, link %x: a record %s", r->c->index, (unsigned)r->owner->number,
           (unsigned)r->link->number, what);
}

static const pl_session_channel *channel_of(const record *r, uint8_t number, int *index) {
  *index = sim_channel_index(r->c->world, number);
  const pl_session_channel *k = pl_session_channel_known(r->s, number);
  if (!k) wrong(r, "names a channel that is not there");
  return k;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

/* The first frame of a link, and alone there when this side opened it. It lists what was received. */
static void see_hello(record *r, pl_view body) {
  pl_wire_frame_hello f;
  if (pl_wire_frame_hello_decode(&f, body.data, body.size)) wrong(r, "has a HELLO that does not decode");
  const pl_session *s = r->s;
  if (f.epoch != s->epoch || f.peer_epoch != s->peer_epoch || f.link_seq != r->l->seq)
    wrong(r, "has a HELLO of another state");
  if (f.message_max != s->config.message_max || f.channel_window != s->config.channel_window ||
      f.session_limit != s->taken_sum + s->config.session_window)
    wrong(r, "has a HELLO with wrong windows");
  bool listed[SIM_CHANNELS] = {false};
  pl_reader list = pl_reader_of(f.channels.data, f.channels.size);
  pl_wire_channel_state state;
  while (pl_reader_left(&list) && pl_wire_channel_state_read(&state, &list) == 0) {
    int i;
    const pl_session_channel *k = channel_of(r, state.channel, &i);
    listed[i] = true;
    if (state.received_to != k->received_to || state.taken_to != k->taken_to ||
        state.limit != k->taken_to + s->config.channel_window)
      wrong(r, "has a HELLO with wrong places");
  }
  for (int i = 0; i < SIM_CHANNELS; i++) {
    const pl_session_channel *k = pl_session_channel_known(s, sim_channel_numbers[i]);
    if (k && k->received_to && !listed[i]) wrong(r, "has a HELLO without a channel that was received on");
  }
}

/* "Acknowledging": what is said is true, and after an ACK the peer has been told everything. */
static void see_ack(record *r, pl_view body) {
  pl_wire_frame_ack f;
  if (pl_wire_frame_ack_decode(&f, body.data, body.size)) wrong(r, "has an ACK that does not decode");
  /* A session that says CLOSE on each link, whatever comes, counts nothing any more. */
  if (f.counter != r->link->keys.received_counter && !r->s->failed) wrong(r, "has an ACK with a wrong counter");
  if (r->seen) r->seen->ack_ms = PL_NEVER;
  pl_reader list = pl_reader_of(f.channels.data, f.channels.size);
  pl_wire_channel_ack a;
  while (pl_reader_left(&list) && pl_wire_channel_ack_read(&a, &list) == 0) {
    int i;
    const pl_session_channel *k = channel_of(r, a.channel, &i);
    if (a.received_to != k->received_to || a.taken_to != k->taken_to) wrong(r, "has an ACK with wrong places");
    if (!r->seen) continue;
    r->seen->told[i].received_to = a.received_to;
    r->seen->told[i].taken_to = a.taken_to;
  }
  for (int i = 0; r->seen && i < SIM_CHANNELS; i++) {
    const pl_session_channel *k = pl_session_channel_known(r->s, sim_channel_numbers[i]);
    if (k && (r->seen->told[i].received_to != k->received_to || r->seen->told[i].taken_to != k->taken_to))
      wrong(r, "has an ACK that leaves out a channel");
  }
}

static void see_credit(record *r, pl_view body) {
  pl_wire_frame_credit f;
  if (pl_wire_frame_credit_decode(&f, body.data, body.size)) wrong(r, "has a CREDIT that does not decode");
  if (r->last != PL_FRAME_ACK) wrong(r, "has a CREDIT that does not follow an ACK");
  if (f.session_limit != r->s->taken_sum + r->s->config.session_window) wrong(r, "grants another session_limit");
  pl_reader list = pl_reader_of(f.channels.data, f.channels.size);
  pl_wire_channel_credit k;
  while (pl_reader_left(&list) && pl_wire_channel_credit_read(&k, &list) == 0) {
    int i;
    if (k.limit != channel_of(r, k.channel, &i)->taken_to + r->s->config.channel_window)
      wrong(r, "grants another limit");
  }
}

static void see_data(record *r, uint8_t number, bool large) {
  int i;
  const pl_session_channel *k = channel_of(r, number, &i);
  r->data_of[i] = true;
  r->large_of[i] |= large;
  r->latest = k;
  if (k->priority > r->lowest || !(r->kinds & (KIND(DATA) | KIND(CHANNEL_RESET)))) r->lowest = k->priority;
}

/* "No wait without an end": a PROBE asks after a second without an answer. One that the socket did not take at once may
 * meet an answer that came since. */
static void see_probe(record *r, uint32_t number) {
  if (!r->seen) return;
  r->seen->probe = number;
  if (r->s->probed_ms != sim_now_ms(r->c->world)) return;
  if (r->seen->waiting_ms == PL_NEVER || sim_now_ms(r->c->world) < r->seen->waiting_ms + PROBE_MS)
    wrong(r, "has a PROBE though nothing was awaited for long");
}

static void see_frame(record *r, uint8_t type, pl_view body) {
  pl_wire_frame_probe probe;
  if (r->last == PL_FRAME_ACK && type != PL_FRAME_CREDIT) wrong(r, "has an ACK without CREDIT");
  switch (type) {
    case PL_FRAME_HELLO:
      see_hello(r, body);
      break;
    case PL_FRAME_ACK:
      see_ack(r, body);
      break;
    case PL_FRAME_CREDIT:
      see_credit(r, body);
      break;
    case PL_FRAME_DATA:
      see_data(r, body.data[0], body.size > 10 + SHARED_BYTES);
      break;
    case PL_FRAME_CHANNEL_RESET:
      see_data(r, body.data[0], false);
      break;
    case PL_FRAME_PROBE:
      if (pl_wire_frame_probe_decode(&probe, body.data, body.size) || (r->seen && probe.number == r->seen->probe))
        wrong(r, "has a PROBE without a new number");
      see_probe(r, probe.number);
      break;
    case PL_FRAME_CLOSE:
      if (r->seen) r->seen->close_said_ms = sim_now_ms(r->c->world);
      break;
    default:
      break;
  }
}

/* ---- whole records ----------------------------------------------------------------------------------------------- */

/* Until a link is confirmed it carries HELLO only, and that first. */
static void check_start(const record *r) {
  bool hello = r->kinds & KIND(HELLO);
  if (r->link->keys.next_counter == 0 && r->first != PL_FRAME_HELLO) wrong(r, "is the first of a link, without HELLO");
  if (r->link->keys.next_counter == 0 && r->link->opener && r->kinds != KIND(HELLO))
    wrong(r, "is the caller's first, and has more than HELLO");
  if (!r->l->confirmed && r->kinds != KIND(HELLO)) wrong(r, "uses a link that is not confirmed");
  if (!hello && r->l != r->s->current && r->kinds != KIND(PROBE_REPLY)) wrong(r, "goes over another link");
}

/* "Volatile messages": the relay may drop the record only if it holds nothing else. */
static void check_flags(const record *r, uint8_t flags) {
  bool may_be_dropped = flags & PL_CONST_ENVELOPE_FLAG_VOLATILE, volatiles = r->kinds & KIND(VOLATILE);
  if (may_be_dropped != volatiles) wrong(r, "has the wrong flag");
  if (volatiles && r->kinds != KIND(VOLATILE)) wrong(r, "has a volatile message beside other frames");
}

/* A session that is closing or over says nothing new. */
static void check_end(const record *r) {
  unsigned reliable = KIND(DATA) | KIND(CHANNEL_RESET) | KIND(VOLATILE);
  if (r->s->state != PL_SESSION_STATE_OPEN && r->kinds & reliable) wrong(r, "goes on after CLOSE");
}

/* "Pacing": a record is added only while less is in flight than the relay lets wait. */
static void check_pacing(const record *r) {
  if (!(r->kinds & (KIND(DATA) | KIND(VOLATILE)))) return;
  uint64_t before = r->l->in_flight - r->size - PL_SESSION_RECORD_COST;
  uint64_t largest = PL_CONST_ENVELOPE_PAYLOAD_MAX + PL_CONST_ENVELOPE_HEADER_BYTES;
  uint64_t most = r->l->window > 2 * largest ? r->l->window - largest : largest;
  if (before >= most) wrong(r, "goes beyond what may be in flight");
}

/* Returns true when the channel could have sent at any time while the record was written: what others sent since cannot
 * have given it credit. */
static bool could_send(const record *r, const pl_session_channel *k) {
  pl_session_chunk chunk;
  bool bulk = k->end - k->cursor > SHARED_BYTES;
  if (r->l->in_flight >= pl_session_flight_limit(r->s, r->l, bulk)) return false;
  if (r->s->sent_sum + r->s->reserved + (k->end - k->started_to) > r->s->session_limit) return false;
  return pl_session_channel_next_chunk(r->s, k, 1, &chunk);
}

/* Channels of the same priority take turns: the one that sent last is the last of them. */
static bool gave_way(const record *r) {
  const pl_session_channel *k = r->latest;
  if (!k || pl_list_empty(&k->sending) || k->sending.next == &r->s->sending) return true;
  return PL_CONTAINER(k->sending.next, pl_session_channel, sending)->priority > k->priority;
}

/* A more urgent channel goes first, and a frame that others wait for is short. */
static void check_turns(const record *r) {
  if (!(r->kinds & (KIND(DATA) | KIND(CHANNEL_RESET)))) return;
  if (!gave_way(r)) wrong(r, "has data of a channel that keeps its turn");
  for (int i = 0; i < SIM_CHANNELS; i++) {
    const pl_session_channel *k = pl_session_channel_known(r->s, sim_channel_numbers[i]);
    if (!k || k->cursor == k->end) continue;
    if (k->priority < r->lowest && could_send(r, k)) wrong(r, "has data that is less urgent than what waits");
    for (int other = 0; other < SIM_CHANNELS; other++)
      if (other != i && r->large_of[other]) wrong(r, "has a large frame while another channel waits");
  }
}

static void look(record *r, pl_view plain, uint8_t flags) {
  pl_reader in = pl_reader_of(plain.data, plain.size);
  uint8_t type;
  pl_view body;
  int rc;
  while ((rc = pl_frame_next(&in, &type, &body)) > 0) {
    see_frame(r, type, body);
    if (!r->kinds) r->first = type;
    r->kinds |= 1u << type;
    r->last = type;
  }
  if (rc < 0 || !r->kinds) wrong(r, "cannot be read");
  bool asks = r->kinds & ~(KIND(ACK) | KIND(CREDIT) | KIND(PROBE_REPLY));
  if (r->seen && asks && r->seen->waiting_ms == PL_NEVER) r->seen->waiting_ms = sim_now_ms(r->c->world);
  if (r->last == PL_FRAME_ACK) wrong(r, "has an ACK without CREDIT");
  check_start(r);
  check_flags(r, flags);
  check_end(r);
  check_pacing(r);
  check_turns(r);
}

static const pl_engine_link *link_sealed_by(const pl_engine *e, const void *key) {
  for (const pl_node *n = e->links.next; n != &e->links; n = n->next) {
    const pl_engine_link *l = PL_CONTAINER(n, const pl_engine_link, node);
    if (l->keys.sealing == key) return l;
  }
  return NULL;
}

static void look_at_record(const void *key, pl_view plain, uint8_t flags) {
  record r = {.c = producing, .size = plain.size};
  r.link = link_sealed_by(producing->engine, key);
  r.owner = r.link ? r.link->session : NULL;
  if (!r.owner || sim_greedy_is(r.c->world, r.owner->id)) return; /* an attacker uses whichever channels it likes */
  r.s = r.owner->core;
  r.l = pl_session_link_find(r.s, r.link->number);
  r.seen = sim_promises_seen(r.c, r.owner);
  if (r.l) look(&r, plain, flags);
}

/* ---- the cipher -------------------------------------------------------------------------------------------------- */

static void *begin(const uint8_t key[32], bool sealing) {
  (void)sealing;
  uint8_t *copy = malloc(32);
  if (copy) memcpy(copy, key, 32);
  return copy;
}

static bool seal(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *plain, size_t size, uint8_t *out) {
  if (producing && ad.size == 2) look_at_record(key, (pl_view){plain, size}, ad.data[1]);
  return crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, size, ad.data, ad.size, NULL, nonce, key) == 0;
}

static bool open(void *key, const uint8_t nonce[12], pl_view ad, const uint8_t *sealed, size_t size, uint8_t *plain) {
  if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, size + PL_AEAD_TAG_BYTES, ad.data, ad.size,
                                                nonce, key))
    return false;
  sim_heard_record(key, (pl_view){plain, size});
  return true;
}

static void end(void *key) {
  free(key);
}

const pl_aead sim_records_aead = {begin, seal, open, end};

void sim_records_begin(sim_client *c) {
  producing = c;
}

/* ---- envelopes --------------------------------------------------------------------------------------------------- */

/* Where nothing goes wrong, nobody finds fault with what the others say. */
void sim_records_produced(sim_client *c, const uint8_t *message, size_t size) {
  if (!c->world->promises->faultless || c->stopped) return;
  pl_reader in = pl_reader_of(message, size);
  pl_envelope v;
  while (pl_envelope_next(&in, &v) > 0) {
    pl_wire_reset reset;
    if (v.type != PL_ENV_RESET || pl_wire_reset_decode(&reset, v.payload.data, v.payload.size)) continue;
    if (reset.reason == PL_REASON_PROTOCOL || reset.reason == PL_REASON_CORRUPT || reset.reason == PL_REASON_OVERFLOW)
      sim_fail(c->world, "client %d resets link %x with %s in a world without faults", c->index, (unsigned)v.link,
               pl_reason_name(reset.reason));
  }
}
