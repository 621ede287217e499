/* Two sessions joined by links with delay and bandwidth, without keys, in virtual time. */
#ifndef TEST_TWO_H
#define TEST_TWO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/session/session.h"
#include "client/core/wire/wire.h"

typedef struct two_record {
  struct two_record *next;
  uint64_t arrives_us, counter;
  uint32_t link;
  size_t size;
  uint8_t bytes[];
} two_record;

typedef struct two_seen {
  pl_session_action a;
  uint64_t ms;
  size_t size;
  uint8_t *data;
} two_seen;

typedef struct two_side {
  pl_session *session;
  pl_session_pieces pieces;
  two_record *in, **in_end;
  uint64_t counters[256], free_us; /* of the sending direction */
  two_seen *seen;
  size_t seen_count, seen_capacity;
  uint64_t records_out, bytes_out;
  int rc;         /* of the last step */
  uint64_t place; /* of the last step */
  int broke;      /* of the last record on which a step failed */
  bool refuse;    /* the sink has no memory */
  uint32_t dropped[32];
  size_t dropped_count;
} two_side;

typedef struct two {
  uint64_t now_us, delay_us, bytes_per_s; /* 0: without limit */
  two_side side[2];
  bool (*drop)(struct two *t, int from, const two_record *r);
  uint64_t random;
  uint32_t window;
} two;

void two_init(two *t, const pl_session_config *a, const pl_session_config *b);
void two_deinit(two *t);
void two_link(two *t, uint32_t id, int opener);
void two_unlink(two *t, uint32_t id);
int two_step(two *t, int i, pl_session_event in);
void two_run(two *t, uint64_t ms);
void two_close_over(two *t, int i);
int two_send(two *t, int i, uint8_t channel, const void *data, size_t size);
/* Gives side i these frames as its next record. */
int two_feed(two *t, int i, uint32_t link, const void *frames, size_t size);
size_t two_count(const two *t, int i, pl_session_action_type type);
two_seen *two_find(two *t, int i, pl_session_action_type type, size_t skip);
uint64_t two_random(two *t);

#endif
