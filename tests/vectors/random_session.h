/* Random runs of two sessions, of which one is written down: applications that send, take late, give up; records that
 * are lost; links that are replaced and lost; a peer that loses its state. What is on its way at a time fits one
 * record, so that a record's number means the same to every implementation. */
#ifndef PL_RANDOM_SESSION_H
#define PL_RANDOM_SESSION_H

#include <jansson.h>
#include <stdint.h>

json_t *random_session(uint64_t seed); /* a trace as in schema/vectors/session.json; the caller releases it */

#endif
