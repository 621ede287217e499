/* Lists of allowed and blocked IDs, as sockets send them with PEERS: one for each socket, here or on another worker.
 * An entry is the seeded hash of an ID, with its lowest bit as the flag of a block. Lists are sorted, so both forms of
 * an ID have the same place. */
#ifndef PL_RELAY_PEERS_H
#define PL_RELAY_PEERS_H

#include "state.h"

enum { PL_RELAY_PEERS_BLOCK = 1 };

/* Returns the entry that allows this ID. */
uint64_t pl_relay_peers_entry(const pl_relay *relay, const uint8_t id[32]);
/* Enters or removes an entry, which replaces the other form of the same ID. Returns true when that changed the list. */
bool pl_relay_peers_set(pl_relay *relay, pl_relay_peer_list *list, uint64_t entry, bool forget);
/* Returns true when a limit allows no further entry in this list. */
bool pl_relay_peers_is_full(const pl_relay *relay, const pl_relay_peer_list *list);
/* Sets *allowed or *blocked when the list has an entry of that form for this ID; `entry` is the one that allows it. */
void pl_relay_peers_ask(const pl_relay_peer_list *list, uint64_t entry, bool *allowed, bool *blocked);
void pl_relay_peers_deinit(pl_relay *relay, pl_relay_peer_list *list);

#endif
