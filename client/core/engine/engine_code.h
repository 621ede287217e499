/* Pairing codes in the engine (docs/protocol.md, section 7, "Codes"): those that this side made, and those that it
 * uses.
 *
 *   creator: asked → has a number ⇄ asked again (with each login) → over
 *            its seat: free → taken by a link whose ACCEPT was sent → free, or over with the guess
 *   claimer: waits → CLAIM sent → guess sent → waits for the creator's call → over
 *                 ↖ lost, unavailable ↙
 *
 * What a stranger does ends at most its own link, but for one thing: one wrong guess ends the code. Links of codes have
 * no session; when a code is over, its link may stay a while for the other side's RESET. */
#ifndef PL_ENGINE_CODE_H
#define PL_ENGINE_CODE_H

#include "../code/code.h"

enum {
  PL_ENGINE_CODES_MAX = 8,
  PL_ENGINE_CODE_LEAVE_MS = 10000,
  PL_ENGINE_CODE_BACK_MS = 15000,
  PL_ENGINE_CODE_BACK_TRIES = 3
};

typedef struct pl_engine_code_run {
  uint32_t handle; /* for the application, and the tag of MAKE; 0: this place is free */
  bool claimer;
  bool shown;      /* creator: has a number, which the application knows */
  bool asked;      /* creator: for its number, on this socket */
  bool busy_told;  /* creator: of the link in its seat */
  bool guess_sent; /* claimer */
  pl_code code;
  uint64_t expires_ms, try_ms;
  bool seen; /* claimer: its number was there */
  unsigned failures, missed;
  pl_engine_link *link;                                        /* creator: in its seat; claimer: its claim */
  uint8_t sid[PL_CONST_CODE_SID_BYTES], scalar[32], share[32]; /* claimer, until the answer */
  pl_code_secrets secrets;                                     /* while there is a link, from both shares on */
} pl_engine_code_run;

#endif
