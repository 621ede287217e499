/* This side's direction of the channels: what the application wrote and the peer has not taken yet. */
#ifndef PL_SESSION_SEND_H
#define PL_SESSION_SEND_H

#include "session_state.h"

/* Calls of the application. Each returns 0 or the error of its event. */
int pl_session_channel_send(pl_session *s, uint8_t number, pl_view data, uint64_t *place) PL_MUST_USE;
int pl_session_channel_finish(pl_session *s, uint8_t number, uint64_t *place) PL_MUST_USE;
int pl_session_channel_give_up(pl_session *s, uint8_t number, uint16_t reason) PL_MUST_USE;
int pl_session_channel_set_priority(pl_session *s, uint8_t number, uint32_t priority) PL_MUST_USE;
int pl_session_send_volatile(pl_session *s, uint8_t number, pl_view data) PL_MUST_USE;

/* Uses new places from an ACK or HELLO, and frees what the peer took. Lower values than before change nothing. */
int pl_session_channel_taken_by_peer(pl_session *s, pl_session_channel *c, uint64_t received_to,
                                     uint64_t taken_to) PL_MUST_USE;
int pl_session_writable_again(pl_session *s)
    PL_MUST_USE; /* emits WRITABLE for each channel that waits for room and has it */
void pl_session_channel_go_back(pl_session *s, pl_session_channel *c); /* sends again what the peer did not receive */
/* Frees the large rings of channels that are empty, a while after one became so. A channel in use is empty now and
 * then, and would otherwise need new memory each time. */
void pl_session_rings_time(pl_session *s);
uint64_t pl_session_rings_deadline(const pl_session *s);
/* Puts a channel that has something to send, and is not listed, behind those that are as urgent. */
void pl_session_channel_list(pl_session *s, pl_session_channel *c);
void pl_session_channel_copy(const pl_session_channel *c, uint64_t from, uint8_t *out, size_t n);

#endif
