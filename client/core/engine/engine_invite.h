/* Invites: the secret in a link lets one stranger in, or several (docs/protocol.md, section 7). */
#ifndef PL_ENGINE_INVITE_H
#define PL_ENGINE_INVITE_H

#include "engine_state.h"

/* Adds an invite, or changes the one with this secret. uses: 1 for one peer, 0 for any number. code: the handle of the
 * claim whose dial secret this is, 0 for an invite of the application. Returns 0, PL_EINVAL, PL_EAGAIN (too many) or
 * PL_ENOMEM. */
int pl_engine_invite_add(pl_engine *e, pl_view secret, uint64_t expires_ms, uint32_t uses, uint32_t code) PL_MUST_USE;
/* Ends an invite: callers that prove it are refused from now on. PL_EINVAL when there is no such invite, or no more. */
int pl_engine_invite_revoke(pl_engine *e, const uint8_t secret[16]);

/* Ends the invite that let this peer in, because the peer is turned away now. */
void pl_engine_invite_take_back(pl_engine *e, const uint8_t id[32]);

/* The code of this dial secret has succeeded: from now on the invite lets in this ID, and reports nothing. */
void pl_engine_invite_settle(pl_engine *e, const uint8_t secret[16], const uint8_t id[32]);

void pl_engine_invite_prove(uint8_t out[40], const uint8_t secret[16], const uint8_t caller[32],
                            const uint8_t callee[32], const uint8_t ephemeral[32]);

/* Looks for the invite that this proof was made with, and notes it in the link. Returns 0 when there is none, 1 when it
 * lets this caller in, -1 when it is used up or expired. */
int pl_engine_invite_check(pl_engine *e, pl_engine_link *l, pl_view proof, const uint8_t ephemeral[32]) PL_MUST_USE;

/* Uses the link's invite. Returns false when somebody else was faster or its time is over. *code: the handle of the
 * code whose claim waited for this call, which the caller has to tell, or 0. */
bool pl_engine_invite_claim(pl_engine *e, const pl_engine_link *l, uint32_t *code) PL_MUST_USE;

#endif
