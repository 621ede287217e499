/* What an attacker's socket sends and hears, and the links that it knows. Everything that it sends on a link says from
 * which socket and link it comes, so that whoever hears it can tell whether the relay brought it to the right place. */
#include <string.h>

#include "sim_greedy.h"

static const char head[] =
    "GET /pairlink HTTP/1.1\r\nHost: relay.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: pairlink.v1\r\n\r\n";

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

bool sim_greedy_room(const sim_greedy_socket *s, size_t n) {
  return s->conn && s->stage >= SIM_GREEDY_HTTP && sim_pipe_room(&s->conn->up) >= n + PL_WS_HEADER_MAX;
}

bool sim_greedy_raw(sim_greedy_socket *s, const void *data, size_t n) {
  sim_conn *k = s->conn;
  if (!k || s->stage < SIM_GREEDY_HTTP || sim_pipe_room(&k->up) < n) return false;
  (void)sim_pipe_write(s->world, &k->up, data, n);
  s->up_bytes += n;
  return true;
}

bool sim_greedy_frame(sim_greedy_socket *s, int first_byte, const void *payload, size_t n) {
  sim_world *w = s->world;
  uint8_t mask[4];
  sim_fill(&w->greedy->random, mask, sizeof mask);
  size_t header = pl_ws_put_header(w->wire, first_byte & 15, n, mask);
  w->wire[0] = (uint8_t)first_byte;
  if (n) memcpy(w->wire + header, payload, n);
  pl_ws_mask(w->wire + header, n, mask, 0);
  return sim_greedy_raw(s, w->wire, header + n);
}

static void trace_message(sim_greedy_socket *s, const void *payload, size_t n) {
  pl_reader r = pl_reader_of(payload, n);
  pl_envelope e;
  if (!s->world->trace) return;
  while (pl_envelope_next(&r, &e) > 0)
    sim_trace(s->world, "greedy   socket %u says %s link=%x size=%d", (unsigned)s->serial, pl_envelope_name(e.type),
              (unsigned)e.link, (int)e.payload.size);
}

/* Some messages come in two fragments, with a control frame between them. */
bool sim_greedy_message(sim_greedy_socket *s, const void *payload, size_t n) {
  sim_random *r = &s->world->greedy->random;
  const uint8_t *p = payload;
  trace_message(s, payload, n);
  if (sim_chance(r, 10) && sim_greedy_room(s, n + 64)) {
    size_t first = (size_t)sim_below(r, n + 1);
    return sim_greedy_frame(s, PL_WS_BINARY, p, first) && sim_greedy_frame(s, 0x80 | PL_WS_PONG, "", 0) &&
           sim_greedy_frame(s, 0x80 | PL_WS_CONTINUATION, p + first, n - first);
  }
  return sim_greedy_frame(s, 0x80 | PL_WS_BINARY, payload, n);
}

bool sim_greedy_envelope(sim_greedy_socket *s, uint8_t type, uint8_t flags, uint32_t link, const void *payload,
                         size_t n) {
  uint8_t *out = s->world->scratch;
  pl_envelope_put_header(out, type, flags, n, link);
  if (n) memmove(out + 8, payload, n);
  return sim_greedy_message(s, out, 8 + n);
}

/* Sends the head at once, or, of a slow socket, one more byte. */
bool sim_greedy_head(sim_greedy_socket *s) {
  if (s->next_byte_us == SIM_NEVER) return sim_greedy_raw(s, head, sizeof head - 1);
  if (s->head_sent == sizeof head - 3) return false; /* the end of the head never comes */
  return sim_greedy_raw(s, head + s->head_sent++, 1);
}

/* ---- login ------------------------------------------------------------------------------------------------------- */

const pl_identity *sim_greedy_identity(const sim_greedy_socket *s) {
  return &s->world->greedy->attackers[s->attacker].ids[s->identity];
}

size_t sim_greedy_login(sim_greedy_socket *s, pl_wire_login *login, const pl_identity *signer, uint8_t out[1200]) {
  static const char origin[] = "http://relay.example";
  uint8_t transcript[64];
  if (!login->origin.data) login->origin = (pl_view){(const uint8_t *)origin, sizeof origin - 1};
  sim_fill(&s->world->greedy->random, login->nonce, sizeof login->nonce);
  int n = pl_wire_login_encode(login, out, 1200);
  if (n < PL_SIGNATURE_BYTES) return 0;
  size_t before = (size_t)n - PL_SIGNATURE_BYTES;
  pl_login_transcript(transcript, (pl_view){s->hello, s->hello_size}, (pl_view){out, before});
  pl_login_sign_client(out + before, transcript, signer);
  return (size_t)n;
}

/* The simulator's store takes only a few lookups at a time. */
static bool store_is_busy(const sim_relay *r) {
  size_t used = 0;
  for (size_t i = 0; i < SIM_JOBS; i++) used += r->jobs[i].used;
  return used > SIM_JOBS / 2;
}

bool sim_greedy_log_in(sim_greedy_socket *s) {
  uint8_t out[1200];
  if (store_is_busy(&s->world->relay)) return false;
  const pl_identity *id = sim_greedy_identity(s);
  pl_wire_login login = {.version = PL_CONST_PROTOCOL_VERSION, .flags = s->listen ? PL_CONST_LOGIN_FLAG_LISTEN : 0};
  memcpy(login.peer_id, id->id, 32);
  memcpy(login.instance, s->instance, 8);
  size_t n = sim_greedy_login(s, &login, id, out);
  if (!sim_greedy_envelope(s, PL_ENV_LOGIN, 0, 0, out, n)) return false;
  s->stage = SIM_GREEDY_WELCOME;
  return true;
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

static sim_greedy_link *place_of(sim_greedy_socket *s, uint32_t number) {
  uint32_t slot = pl_link_number_slot(number);
  if (slot >= SIM_GREEDY_SLOTS || pl_link_number_generation(number) == 0) return NULL;
  return pl_link_number_relay_side(number) ? &s->offered[slot] : &s->own[slot];
}

sim_greedy_link *sim_greedy_link_at(sim_greedy_socket *s, uint32_t number) {
  sim_greedy_link *l = place_of(s, number);
  return l && l->number == number ? l : NULL;
}

uint32_t sim_greedy_next_number(sim_greedy_socket *s) {
  uint32_t slots = s->world->relay.config.settings[PL_RELAY_SET_LINK_SLOTS];
  for (uint32_t i = 0; i < SIM_GREEDY_SLOTS && i < slots; i++) {
    const sim_greedy_link *l = &s->own[i];
    if (l->state == SIM_GREEDY_OPENED || l->state == SIM_GREEDY_LINKED) continue;
    uint32_t last = pl_link_number_generation(l->number);
    return pl_link_number_make(false, last < PL_CONST_LINK_GENERATION_MAX ? last + 1 : 1, i);
  }
  return 0;
}

/* Notes an OPEN or CLAIM. One for a slot in use breaks the protocol on its link, or is dropped. */
static void note_call(sim_greedy_socket *s, uint32_t number, bool ours, uint32_t nameplate) {
  sim_greedy_link *l = pl_link_number_relay_side(number) ? NULL : place_of(s, number);
  if (!l) return;
  bool used = l->state == SIM_GREEDY_OPENED || l->state == SIM_GREEDY_LINKED;
  if (used && l->number == number) {
    l->broken = l->unsure = true;
    return;
  }
  if (number == s->peer.link) s->peer.up = false; /* its keys are those of an earlier link with this number */
  bool spoilt = used || l->spoilt;
  *l = (sim_greedy_link){.number = number,
                         .state = SIM_GREEDY_OPENED,
                         .claim = nameplate != 0,
                         .ours = ours,
                         .broken = spoilt,
                         .spoilt = spoilt,
                         .unsure = spoilt,
                         .nameplate = nameplate,
                         .opened_us = s->world->now_us};
}

static void put_mark(const sim_greedy_socket *s, uint8_t *out, uint32_t link) {
  pl_put_u32(out, SIM_GREEDY_MAGIC);
  pl_put_u32(out + 4, s->serial);
  pl_put_u32(out + 8, link);
}

size_t sim_greedy_put_open(sim_greedy_socket *s, uint8_t *out, uint32_t link, const uint8_t id[32],
                           const uint8_t instance[8], size_t handshake) {
  if (handshake < SIM_GREEDY_MARK) handshake = SIM_GREEDY_MARK;
  pl_envelope_put_header(out, PL_ENV_OPEN, 0, 40 + handshake, link);
  memcpy(out + 8, id, 32);
  memcpy(out + 40, instance, 8);
  memset(out + 48, 0xa5, handshake);
  put_mark(s, out + 48, link);
  note_call(s, link, sim_greedy_is(s->world, id), 0);
  return 48 + handshake;
}

/* The honest maker of this code may have to burn it now. */
static void note_guess(sim_world *w, uint32_t nameplate) {
  for (size_t i = 0; i < SIM_CODES; i++) w->codes[i].wrong |= w->codes[i].shown && w->codes[i].code.number == nameplate;
}

size_t sim_greedy_put_claim(sim_greedy_socket *s, uint8_t *out, uint32_t link, uint32_t nameplate) {
  pl_wire_code_start start = {.version = PL_CONST_PROTOCOL_VERSION};
  sim_fill(&s->world->greedy->random, start.sid, sizeof start.sid);
  sim_fill(&s->world->greedy->random, start.share, sizeof start.share); /* hardly ever a point */
  pl_put_u32(out + 8, nameplate);
  int n = pl_wire_code_start_encode(&start, out + 12, 64);
  pl_envelope_put_header(out, PL_ENV_CLAIM, 0, 4 + (size_t)n, link);
  note_call(s, link, true, nameplate);
  note_guess(s->world, nameplate);
  return 12 + (size_t)n;
}

size_t sim_greedy_put_data(sim_greedy_socket *s, uint8_t *out, uint32_t link, bool is_volatile, size_t size) {
  sim_greedy_link *l = sim_greedy_link_at(s, link);
  if (size < SIM_GREEDY_DATA) size = SIM_GREEDY_DATA;
  pl_envelope_put_header(out, PL_ENV_DATA, is_volatile ? PL_CONST_ENVELOPE_FLAG_VOLATILE : 0, size, link);
  memset(out + 8, 0x5a, size);
  put_mark(s, out + 8, link);
  pl_put_u32(out + 8 + SIM_GREEDY_MARK, l ? ++l->sent[is_volatile] : 0);
  out[8 + SIM_GREEDY_MARK + 4] = is_volatile;
  if (l && l->state == SIM_GREEDY_OPENED) l->broken = true;
  return 8 + size;
}

size_t sim_greedy_put_reset(sim_greedy_socket *s, uint8_t *out, uint32_t link, int reason) {
  sim_greedy_link *l = sim_greedy_link_at(s, link);
  pl_envelope_put_header(out, PL_ENV_RESET, 0, 2, link);
  pl_put_u16(out + 8, (uint16_t)reason);
  if (l) l->state = SIM_GREEDY_DONE;
  return 10;
}

/* ---- what it hears ----------------------------------------------------------------------------------------------- */

static void take_frame(sim_greedy_socket *s, const pl_ws_event *event) {
  sim_world *w = s->world;
  pl_envelope e;
  switch (event->type) {
    case PL_WS_BINARY: {
      pl_reader r = pl_reader_of(event->data, event->size);
      int rc = 1;
      while (s->conn && (rc = pl_envelope_next(&r, &e)) > 0) sim_greedy_hears(s, &e);
      if (rc < 0) sim_fail(w, "the relay sends half an envelope");
      break;
    }
    case PL_WS_PING:
      if (s->pongs) (void)sim_greedy_frame(s, 0x80 | PL_WS_PONG, event->data, event->size);
      break;
    case PL_WS_CLOSE:
      s->closing = true;
      sim_greedy_closes(s, event->close_code);
      break;
    default:
      s->answer_bytes += event->size;
      break;
  }
}

/* Reads the head of the relay's answer. Returns how many of the bytes belong to it. */
static size_t read_head(sim_greedy_socket *s, const uint8_t *data, size_t n) {
  sim_conn *k = s->conn;
  for (size_t i = 0; i < n; i++) {
    if (s->input_size == sizeof s->input) sim_fail(s->world, "the relay's answer has no end");
    s->input[s->input_size++] = data[i];
    if (s->input_size < 4 || memcmp(s->input + s->input_size - 4, "\r\n\r\n", 4) != 0) continue;
    int status = (s->input[9] - '0') * 100 + (s->input[10] - '0') * 10 + (s->input[11] - '0');
    s->answer_bytes += s->input_size;
    if (status == 101) {
      s->stage = SIM_GREEDY_HELLO;
      k->client_state = SIM_CONN_OPEN;
    }
    sim_greedy_status(s, status);
    return status == 101 ? i + 1 : n;
  }
  return n;
}

void sim_greedy_bytes(sim_conn *k, uint8_t *data, size_t n) {
  sim_greedy_socket *s = k->greedy;
  if (s->stage == SIM_GREEDY_HTTP && s->refused) return; /* the text behind a refusal */
  size_t used = s->stage == SIM_GREEDY_HTTP ? read_head(s, data, n) : 0, left = n - used;
  uint8_t *at = data + used;
  pl_ws_event event;
  while (s->conn == k && s->stage >= SIM_GREEDY_HELLO) {
    int rc = pl_ws_read(&k->ws, &at, &left, &event);
    if (rc == 0) break;
    if (rc < 0) sim_fail(s->world, "the relay breaks the WebSocket protocol towards an attacker");
    take_frame(s, &event);
  }
}
