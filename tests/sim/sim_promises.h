/* What clients promise beyond what their applications see (docs/simulator.md, "What clients promise"): when they give
 * up a connection or a link, what their sessions count, what they grant, what they write into records, and how soon
 * they recover. sim_promises.c looks at a client after each step; sim_records.c looks at each record before it is
 * sealed. Both read engines through their internal headers. They draw no random numbers and change nothing. */
#ifndef PL_SIM_PROMISES_H
#define PL_SIM_PROMISES_H

#include "client/core/engine/engine_state.h"
#include "client/core/session/session_state.h"
#include "sim.h"

enum { SIM_SEEN_SESSIONS = 64 };

/* What was seen of one session of an engine; times are PL_NEVER while they do not apply. */
typedef struct sim_session_seen {
  uint32_t number; /* 0: there is no session in this slot */
  bool linked, open;
  uint64_t epoch, peer_epoch;
  uint32_t link; /* the link that it sends on; 0: none */
  uint64_t link_ms, unlinked_ms, closing_ms, close_said_ms, lingering_ms, aged_ms, replace_ms, behind_ms, waiting_ms,
      ack_ms;
  uint64_t aged_bytes, behind_to; /* behind_to: the peer took this much in all, which this side does not know yet */
  uint64_t close_heard_ms;        /* a CLOSE came that must be answered */
  bool bound;                     /* it is with this instance for good */
  uint8_t instance[8];
  uint32_t probe; /* the number of its last PROBE */
  struct {
    uint64_t received_to, taken_to;
  } told[SIM_CHANNELS]; /* by its ACKs */
} sim_session_seen;

typedef struct sim_client_seen {
  int life;
  pl_engine_connection_state connection;
  uint64_t deadline_ms;            /* before the running step */
  uint64_t connect_ms, opened_ms;  /* of the socket: asked for, open */
  uint64_t online_ms, heard_ms;    /* heard: the last bytes of the relay */
  uint64_t asked_ms;               /* the application said that the network is back, and nothing was heard since */
  uint64_t late_ms, reads_till_ms; /* the client was late, and reads before it judges */
  sim_session_seen sessions[SIM_SEEN_SESSIONS];
  uint64_t closed_ms; /* when a session was last over, and with whom it was */
  uint8_t closed_with[32];
} sim_client_seen;

struct sim_promises {
  sim_random random; /* decides which worlds are made faultless */
  bool faultless;    /* nothing goes wrong in this world */
  sim_client_seen clients[SIM_CLIENTS];
};

/* sim_promises.c */
void sim_promises_init(sim_world *w);
void sim_promises_free(sim_world *w);
void sim_promises_scene(sim_world *w); /* once this world's character is drawn */
void sim_promises_before(sim_client *c);
void sim_promises_after(sim_client *c, const pl_engine_event *in, const pl_engine_result *out);
sim_session_seen *sim_promises_seen(sim_client *c, const pl_engine_session *s); /* NULL: there are too many */
uint64_t sim_promises_patience_ms(const sim_client *c, const pl_engine_session *s);

/* sim_credit.c */
void sim_credit_check(sim_client *c, const pl_engine_session *s);
/* Returns the bytes in flight on a link without HELLOs, less this many bytes for each record. */
uint64_t sim_credit_in_flight(const pl_session_link *l, size_t header);
void sim_credit_refused(sim_client *c, const sim_session *s, int channel, uint32_t size);  /* SEND gave PL_EAGAIN */
sim_client *sim_peer_there(sim_world *w, const uint8_t id[32], const uint8_t instance[8]); /* NULL: it is not running */
/* Returns the peer's session that has these two epochs, or NULL. */
const pl_engine_session *sim_other_end(const sim_client *peer, uint64_t epoch, uint64_t peer_epoch);

/* sim_records.c */
extern const pl_aead sim_records_aead; /* for the engine's configuration */
void sim_records_begin(sim_client *c); /* this client is about to produce */
void sim_records_produced(sim_client *c, const uint8_t *message, size_t size);

#endif
