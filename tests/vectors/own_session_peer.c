/* The frames that the scripted peer sends. */
#include <string.h>

#include "own_session.h"

uint8_t trace_byte(uint8_t channel, uint64_t place) {
  return (uint8_t)(place * 7 + channel * 31u + 1);
}

void peer_frame(trace *t, uint8_t type, const void *body, size_t size) {
  OWN_CHECK(t->record_size + 3 + size <= sizeof t->record);
  uint8_t *p = t->record + t->record_size;
  p[0] = type;
  pl_put_u16(p + 1, (uint16_t)size);
  if (size) memcpy(p + 3, body, size);
  t->record_size += 3 + size;
}

void peer_hello(trace *t, uint64_t epoch, uint64_t your_epoch, uint32_t seq, const trace_place *places, size_t count) {
  uint8_t states[256], body[512];
  pl_writer list = pl_writer_of(states, sizeof states), w = pl_writer_of(body, sizeof body);
  for (size_t i = 0; i < count; i++)
    pl_wire_channel_state_write(&(pl_wire_channel_state){.channel = places[i].channel,
                                                         .received_to = places[i].received_to,
                                                         .taken_to = places[i].taken_to,
                                                         .limit = places[i].limit},
                                &list);
  pl_wire_frame_hello hello = {.epoch = epoch, .peer_epoch = your_epoch, .link_seq = seq};
  hello.message_max = (uint32_t)json_integer_value(json_object_get(t->root, "peer_message_max"));
  hello.channel_window = (uint32_t)json_integer_value(json_object_get(t->root, "peer_channel_window"));
  hello.session_limit = (uint64_t)json_integer_value(json_object_get(t->root, "peer_session_window"));
  hello.channels = (pl_view){states, pl_writer_used(&list)};
  pl_wire_frame_hello_write(&hello, &w);
  OWN_CHECK(!w.full && !list.full);
  peer_frame(t, PL_FRAME_HELLO, body, pl_writer_used(&w));
}

void peer_data(trace *t, uint8_t channel, uint64_t offset, size_t size, uint8_t flags) {
  uint8_t body[4096];
  OWN_CHECK(size + 10 <= sizeof body);
  body[0] = channel;
  body[1] = flags;
  pl_put_u64(body + 2, offset);
  for (size_t i = 0; i < size; i++) body[10 + i] = trace_byte(channel, offset + i);
  peer_frame(t, PL_FRAME_DATA, body, size + 10);
}

void peer_ack(trace *t, uint64_t counter, const trace_place *places, size_t count) {
  uint8_t items[256], body[512];
  pl_writer list = pl_writer_of(items, sizeof items), w = pl_writer_of(body, sizeof body);
  for (size_t i = 0; i < count; i++)
    pl_wire_channel_ack_write(
        &(pl_wire_channel_ack){
            .channel = places[i].channel, .received_to = places[i].received_to, .taken_to = places[i].taken_to},
        &list);
  pl_wire_frame_ack_write(&(pl_wire_frame_ack){.counter = counter, .channels = {items, pl_writer_used(&list)}}, &w);
  peer_frame(t, PL_FRAME_ACK, body, pl_writer_used(&w));
}

void peer_credit(trace *t, uint64_t session_limit, const trace_place *places, size_t count) {
  uint8_t items[256], body[512];
  pl_writer list = pl_writer_of(items, sizeof items), w = pl_writer_of(body, sizeof body);
  for (size_t i = 0; i < count; i++)
    pl_wire_channel_credit_write(&(pl_wire_channel_credit){.channel = places[i].channel, .limit = places[i].limit},
                                 &list);
  pl_wire_frame_credit f = {.session_limit = session_limit, .channels = {items, pl_writer_used(&list)}};
  pl_wire_frame_credit_write(&f, &w);
  peer_frame(t, PL_FRAME_CREDIT, body, pl_writer_used(&w));
}

void peer_reset(trace *t, uint8_t channel, uint8_t direction, uint16_t reason, uint64_t offset) {
  uint8_t body[12] = {channel, direction};
  pl_put_u16(body + 2, reason);
  pl_put_u64(body + 4, offset);
  peer_frame(t, PL_FRAME_CHANNEL_RESET, body, sizeof body);
}

void peer_probe(trace *t, uint8_t type, uint32_t number) {
  uint8_t body[4];
  pl_put_u32(body, number);
  peer_frame(t, type, body, sizeof body);
}

void peer_close(trace *t, uint16_t reason, const char *text) {
  uint8_t body[125];
  pl_writer w = pl_writer_of(body, sizeof body);
  pl_write_u16(&w, reason);
  pl_write_bytes(&w, text, strlen(text));
  OWN_CHECK(!w.full);
  peer_frame(t, PL_FRAME_CLOSE, body, pl_writer_used(&w));
}
