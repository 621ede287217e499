/* The two handshake messages and what they carry (docs/protocol.md, section 5). Names and keys go into the link. */
#ifndef PL_ENGINE_HANDSHAKE_H
#define PL_ENGINE_HANDSHAKE_H

#include "engine_state.h"

/* Both write a message and return its size, or an error. */
int pl_engine_handshake_write1(pl_engine *e, pl_engine_link *l, uint8_t *out, size_t capacity) PL_MUST_USE;
int pl_engine_handshake_write2(pl_engine *e, pl_engine_link *l, uint8_t *out, size_t capacity) PL_MUST_USE;

/* Both return 0, PL_ECRYPTO (changed on its way), PL_ESTATE (another version) or PL_EPROTOCOL; the first one also
 * PL_EREFUSED, for an invite that is used up or expired. */
int pl_engine_handshake_read1(pl_engine *e, pl_engine_link *l, pl_view message) PL_MUST_USE;
int pl_engine_handshake_read2(pl_engine *e, pl_engine_link *l, pl_view message) PL_MUST_USE;

#endif
