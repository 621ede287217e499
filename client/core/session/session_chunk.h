/* Chooses which part of a channel the next DATA frame carries. */
#ifndef PL_SESSION_CHUNK_H
#define PL_SESSION_CHUNK_H

#include "session_state.h"

typedef struct pl_session_chunk {
  uint64_t from;
  size_t bytes;
  uint8_t flags;
  bool reset; /* CHANNEL_RESET instead of DATA */
} pl_session_chunk;

/* Fills *out with the channel's next frame, of at most `room` bytes. Returns false when nothing may go now. */
bool pl_session_channel_next_chunk(const pl_session *s, const pl_session_channel *c, size_t room,
                                   pl_session_chunk *out);
void pl_session_channel_chunk_sent(pl_session *s, pl_session_channel *c, const pl_session_chunk *chunk);
bool pl_session_channel_waits_for_credit(const pl_session *s, const pl_session_channel *c);

#endif
