/* How much of a file is under way at most: what the way holds (rate times shortest latency) and a quarter more, so that
 * it can grow. More would only wait somewhere between, and be sent again when the connection is lost. Pure. */
#ifndef PL_CLI_FILE_FLOW_H
#define PL_CLI_FILE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

enum { FILE_FLOW_LEAST = 256 << 10 };

typedef struct file_flow {
  uint64_t under_way, delivered;      /* bytes */
  uint64_t rate;                      /* bytes a second, of the last while */
  uint64_t latency_us;                /* shortest since the connection was made; 0: none */
  uint64_t while_us, while_delivered; /* the while that runs: since when, and what was delivered before */
} file_flow;

/* One piece on its way. */
typedef struct file_flow_mark {
  uint64_t bytes, sent_us;
} file_flow_mark;

uint64_t file_flow_limit(const file_flow *f);
bool file_flow_may_send(const file_flow *f);
file_flow_mark file_flow_sent(file_flow *f, uint64_t bytes, uint64_t now_us);
void file_flow_arrived(file_flow *f, const file_flow_mark *mark, uint64_t now_us);
void file_flow_lost(file_flow *f);    /* all that is under way */
void file_flow_new_way(file_flow *f); /* another connection: what the old one held says nothing */

#endif
