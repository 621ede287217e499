/* What the relay promises, judged from outside. The observer reads what arrives at the relay and what the relay writes,
 * as WebSocket frames and envelopes, and keeps a model of its own of connections, links, codes and budgets. It knows
 * the relay's settings, and nothing else of its inside. It draws no random numbers and changes nothing.
 *
 *   sim_wire.c          the hooks; what is due at the end of a turn
 *   sim_wire_stream.c   from bytes to envelopes
 *   sim_wire_conn.c     what a connection may say when: login, lists of peers, the end
 *   sim_wire_slot.c     the link numbers of a connection
 *   sim_wire_link.c     links: which RESET may end them, and what it may cut off
 *   sim_wire_journal.c  what the relay owes one side of a link, in order
 *   sim_wire_call.c     calls: who gets them, and what their callers may learn when
 *   sim_wire_code.c     the numbers of pairing codes
 *   sim_wire_budget.c   budgets, counted outside
 *   sim_wire_client.c   what clients send
 *
 * docs/simulator.md, "What the relay promises, seen on the wire", lists the promises and their exceptions. */
#ifndef PL_SIM_WIRE_H
#define PL_SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_wire sim_wire;
typedef struct sim_wire_conn sim_wire_conn;
struct sim_world;
struct sim_relay;
struct sim_conn;
struct sim_worker;

void sim_wire_init(struct sim_world *w);
void sim_wire_free(struct sim_world *w);
/* The relay starts, and remembers nothing. */
void sim_wire_relay_starts(struct sim_relay *r);
/* The relay may lack memory, or did not run for a while. Until it starts again, it may refuse anything and be late with
 * anything, and only what it must never do is judged. */
void sim_wire_doubt(struct sim_world *w);

/* ---- a connection ------------------------------------------------------------------------------------------------ */
/* The relay was offered this connection from this address, and has taken it or not. */
void sim_wire_accepted(struct sim_conn *k, const uint8_t address[16]);
/* These bytes come to the relay. Call it before the relay handles them. */
void sim_wire_arrives(struct sim_conn *k, const uint8_t *data, size_t n);
/* The socket took these bytes of the relay. */
void sim_wire_written(struct sim_conn *k, const uint8_t *data, size_t n);
/* The relay no longer has this connection. */
void sim_wire_relay_left(struct sim_conn *k);
/* The connection is of no use to either side. */
void sim_wire_release(struct sim_conn *k);
/* One message of an honest client, before it is sent, or as it came. */
void sim_wire_sent(struct sim_conn *k, const uint8_t *message, size_t n);
void sim_wire_received(struct sim_conn *k, const uint8_t *message, size_t n);

/* Returns true when a socket of the ID has changed its list of peers since then. */
bool sim_wire_list_changed(const sim_wire *o, const uint8_t id[32], uint64_t since_us);

/* ---- workers ----------------------------------------------------------------------------------------------------- */
/* A worker has done everything that followed from an event. */
void sim_wire_turn(struct sim_worker *v);
/* The bus took, or brought, n bytes. */
void sim_wire_bus_sent(struct sim_relay *r, unsigned from, unsigned to, size_t n);
void sim_wire_bus_came(struct sim_relay *r, unsigned from, unsigned to, size_t n);
/* Everything on its way from one worker to the other is lost. */
void sim_wire_bus_lost(struct sim_relay *r, unsigned from, unsigned to);
/* Returns true when two workers gave this number at the same time, and somebody else keeps it. */
bool sim_wire_number_is_lost(const struct sim_world *w, uint32_t number, const uint8_t id[32],
                             const uint8_t instance[8]);

#endif
