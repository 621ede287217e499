/* Limits how many bytes of a transfer are in flight. A higher limit makes a transfer faster when the receiver is far
 * away or stores in batches; but what is in flight is sent again when an end is killed.
 *
 * So the limit starts at a small part of all bytes, and is doubled as long as that makes the transfer at least an
 * eighth faster. A doubling that does not is undone, and tried again more and more rarely. A limit is *expensive* when
 * losing it once, together with all that was lost before, would repeat more than 1 of 200 bytes: it is tried only when
 * nothing queues up on the way, and must make the transfer a third faster. When something else slows the sender, such
 * as the session's window, the limit stays. Each measurement lasts one *period*. Pure. */
#ifndef PL_CLI_FILE_FLOW_H
#define PL_CLI_FILE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

enum { FILE_FLOW_LEAST = 256 << 10, FILE_FLOW_MOST = 4 << 20, FILE_FLOW_PART = 512, FILE_FLOW_CHEAP_PART = 200 };

typedef struct file_flow {
  uint64_t whole, start, limit, under_way, delivered; /* bytes; under_way: in flight */
  uint64_t lost;                                      /* bytes in flight when connections ended */
  uint64_t rate;                                      /* bytes per second, before the doubling that is being tried */
  uint64_t latency_us;                                /* the shortest on this connection */
  bool trying, was_full;           /* trying: a doubled limit; was_full: the limit held bytes back in this period */
  unsigned rest, rest_next;        /* periods to wait before the next try, and after the next failed one */
  uint64_t period_us, period_from; /* when this period started (0: not yet), and `delivered` at that time */
} file_flow;

/* bytes: how many will be sent; 0: not known. */
void file_flow_init(file_flow *f, uint64_t bytes);
/* Returns true when the limit allows more. Ask only when there is something to send. */
bool file_flow_may_send(file_flow *f);
void file_flow_sent(file_flow *f, uint64_t bytes);
/* Bytes that were sent at sent_us have been acknowledged. */
void file_flow_arrived(file_flow *f, uint64_t bytes, uint64_t sent_us, uint64_t now_us);
/* Everything in flight was lost. */
void file_flow_lost(file_flow *f);
/* There is a new connection: starts measuring again. */
void file_flow_new_connection(file_flow *f);

#endif
