/* pl-bench-peers: what a message costs a client that has many peers.
 *
 *   pl-bench-peers echo PORT PEERS
 *     PEERS listening peers in one process, which send back what they get. Prints their IDs, then "ready", and lives
 *     until its standard input ends. Each is an engine of the client's core on a plain socket.
 *   pl-bench-peers hub URL FOLDER CLIENTS BUSY SECONDS MESSAGES RELAY
 *     CLIENTS clients of libpairlink, usually one, which is what is measured. Reads IDs from its standard input up to
 *     "ready", opens a session with each, by the clients in turn, and lets BUSY of them (0: all, by turns) answer
 *     messages of 64 bytes, WINDOW at a time. Stops after SECONDS or after MESSAGES (0: no limit). Prints one line of
 *     JSON: CPU of this process, and of the relay with the process ID RELAY (0: not known), for one message and its
 *     answer; memory of a session; descriptors.
 *   pl-bench-peers crowd URL FOLDER CLIENTS
 *     CLIENTS clients of libpairlink in one thread, all online. Prints how many descriptors and how much memory one
 *     takes. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stddef.h>
#include <stdint.h>

uint64_t bench_peers_now_ms(void);
/* These return the exit code. */
int bench_peers_echo(int port, size_t count);
typedef struct bench_peers_hub_options {
  const char *url, *folder;
  size_t clients, busy;
  double seconds;
  uint64_t messages;
  int relay; /* its process ID, or 0 */
} bench_peers_hub_options;
int bench_peers_hub(const bench_peers_hub_options *o);
int bench_peers_crowd(const char *url, const char *folder, size_t clients);

#endif
