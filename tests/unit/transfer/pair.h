/* Two sides that exchange files over a session that can lose everything that is under way: side 0 sends, side 1
 * receives and has a small disk. One seed decides everything. A byte of a file is a function of the file and its place.
 */
#ifndef TEST_TRANSFER_PAIR_H
#define TEST_TRANSFER_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/transfer/transfer.h"

enum { PAIR_FILES = 700, PAIR_PIECE = 4096 };

typedef struct pair_message {
  struct pair_message *next;
  size_t size;
  uint64_t place; /* of a word */
  uint8_t bytes[];
} pair_message;

typedef struct pair_queue {
  pair_message *first, *last;
  size_t count;
} pair_queue;

typedef struct pair_file { /* at the receiver, by the first two bytes of its id */
  bool known, wanted, saved, over, damaged;
  uint8_t over_why;
  uint64_t handed_to, stored; /* bytes of the part file */
  bool finish_due;
  uint64_t finish_size;
  unsigned asked; /* how often the user was asked about it */
  bool doubted;   /* with `doubts`: what is stored was rejected once, and is sent again */
} pair_file;

typedef struct pair {
  pl_transfer *t[2];
  pair_queue queue[2][2]; /* to side, by channel */
  pair_file files[PAIR_FILES];
  uint64_t sizes[PAIR_FILES]; /* at the sender */
  bool sender_over[PAIR_FILES];
  uint8_t sender_why[PAIR_FILES];
  uint64_t stream_read[PAIR_FILES];
  uint64_t random;
  uint64_t sent_bytes, room; /* room: of the receiver's disk */
  size_t window;             /* most messages of FILE_CHANNEL under way */
  bool auto_accept, doubts;
  uint64_t words[2]; /* words said by each side */
} pair;

void pair_init(pair *p, uint64_t seed);
void pair_deinit(pair *p);
uint64_t pair_random(pair *p, uint64_t below);
void pair_id(unsigned n, uint8_t id[16]);
int pair_add(pair *p, unsigned n, uint8_t flags, uint64_t size, unsigned group, unsigned group_files);
void pair_begun(pair *p);             /* the session is reset: everything under way is lost */
void pair_restart(pair *p, int side); /* that side's program restarts; the disk stays */
void pair_step(pair *p);              /* does one random thing */
bool pair_idle(const pair *p);
/* Steps until nothing is left to do, `steps` times at most. */
void pair_run(pair *p, unsigned steps);
int pair_event(pair *p, int side, pl_transfer_event_type type, unsigned n, uint64_t offset, uint8_t why);

#endif
