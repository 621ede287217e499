/* How much of a file is under way at most. More makes a receiver faster that stores in batches, or is far away; and
 * what is under way may be sent again when an end is killed. So it begins with a small part of all that is to be sent,
 * and is doubled as long as that makes it a quarter faster; a doubling that does not is taken back, and tried again
 * ever more rarely. What would cost, with all that was lost already, more than one in 200 of all bytes is tried only
 * where nothing queues up, and has to make it a third faster. Where something else holds the sender, such as the
 * session's window, nothing is doubled. Pure. */
#ifndef PL_CLI_FILE_FLOW_H
#define PL_CLI_FILE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

enum { FILE_FLOW_LEAST = 256 << 10, FILE_FLOW_MOST = 4 << 20, FILE_FLOW_PART = 512, FILE_FLOW_CHEAP_PART = 200 };

typedef struct file_flow {
  uint64_t whole, start, limit, under_way, delivered; /* bytes */
  uint64_t lost;                                      /* was under way when a connection ended */
  uint64_t rate;                                      /* bytes a second, before the doubling that is being tried */
  uint64_t latency_us;                                /* the shortest since the connection was made */
  bool trying, was_full;         /* was_full: in the while that runs, the limit held something back */
  unsigned rest, rest_next;      /* whiles without a try: still, and after the next one that fails */
  uint64_t while_us, while_from; /* the while that runs: since when, and what was delivered before; 0: none */
} file_flow;

void file_flow_init(file_flow *f, uint64_t bytes); /* how much is to be sent; 0: not known */
bool file_flow_may_send(file_flow *f);             /* asked when there is something to send */
void file_flow_sent(file_flow *f, uint64_t bytes);
void file_flow_arrived(file_flow *f, uint64_t bytes, uint64_t sent_us, uint64_t now_us);
void file_flow_lost(file_flow *f);    /* all that is under way */
void file_flow_new_way(file_flow *f); /* another connection: what was found with the old one says nothing */

#endif
