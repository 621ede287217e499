/* See engine_handshake.h. */
#include "engine_handshake.h"

#include <sodium.h>
#include <string.h>

#include "engine_invite.h"
#include "engine_random.h"

static void handshake_put(pl_writer *w, uint8_t type, const void *value, size_t size) {
  if (size == 0) return;
  pl_write_u8(w, type);
  pl_write_u16(w, (uint16_t)size);
  pl_write_bytes(w, value, size);
}

static void handshake_put_own(const pl_engine *e, pl_writer *w) {
  handshake_put(w, PL_EXT_APPLICATION, e->application, e->application_size);
  handshake_put(w, PL_EXT_NAME, e->name, e->name_size);
}

/* The ephemeral key is drawn first, since an invite's proof is bound to it. */
int pl_engine_handshake_write1(pl_engine *e, pl_engine_link *l, uint8_t *out, size_t capacity) {
  uint8_t extensions[256], payload[512], ephemeral[32], e_public[32];
  pl_writer w = pl_writer_of(extensions, sizeof extensions);
  pl_engine_rng_bytes(&e->rng, ephemeral, sizeof ephemeral);
  int rc = pl_noise_start_caller(&l->call->handshake, &e->config.identity, l->id);
  if (rc) return rc;
  if (l->session->has_secret) {
    uint8_t proof[40];
    if (crypto_scalarmult_base(e_public, ephemeral)) return PL_ECRYPTO;
    pl_engine_invite_prove(proof, l->session->secret, e->config.identity.id, l->id, e_public);
    handshake_put(&w, PL_EXT_INVITE, proof, sizeof proof);
  }
  handshake_put_own(e, &w);
  pl_wire_handshake1 h = {.version = PL_CONST_PROTOCOL_VERSION};
  memcpy(h.caller_instance, e->config.instance, 8);
  memcpy(h.callee_instance, l->instance, 8);
  h.extensions = (pl_view){extensions, pl_writer_used(&w)};
  int n = pl_wire_handshake1_encode(&h, payload, sizeof payload);
  return n < 0 ? n : pl_noise_write(&l->call->handshake, ephemeral, (pl_view){payload, (size_t)n}, out, capacity);
}

static int handshake_split(const pl_engine *e, pl_engine_link *l) {
  int rc = pl_noise_split(&l->call->handshake, &l->keys);
  if (rc == 0) pl_noise_link_use(&l->keys, e->config.aead);
  return rc;
}

int pl_engine_handshake_write2(pl_engine *e, pl_engine_link *l, uint8_t *out, size_t capacity) {
  uint8_t extensions[256], payload[512], ephemeral[32];
  pl_writer w = pl_writer_of(extensions, sizeof extensions);
  pl_engine_rng_bytes(&e->rng, ephemeral, sizeof ephemeral);
  handshake_put_own(e, &w);
  pl_wire_handshake2 h = {.version = PL_CONST_PROTOCOL_VERSION};
  memcpy(h.callee_instance, e->config.instance, 8);
  h.extensions = (pl_view){extensions, pl_writer_used(&w)};
  int n = pl_wire_handshake2_encode(&h, payload, sizeof payload);
  if (n < 0) return n;
  n = pl_noise_write(&l->call->handshake, ephemeral, (pl_view){payload, (size_t)n}, out, capacity);
  if (n < 0) return n;
  int rc = handshake_split(e, l);
  return rc ? rc : n;
}

/* Keeps the first value of its type, unless it is too long. */
static void handshake_keep(uint8_t *to, size_t max, uint8_t *size, bool *known, pl_view value) {
  bool first = !*known;
  *known = true;
  if (!first || value.size > max) return;
  if (value.size) memcpy(to, value.data, value.size);
  *size = (uint8_t)value.size;
}

static int handshake_read(pl_engine_link *l, pl_view extensions, pl_view *proof) {
  pl_reader r = pl_reader_of(extensions.data, extensions.size);
  bool invite = false, application = false, name = false;
  while (pl_reader_left(&r)) {
    pl_wire_extension x;
    if (pl_wire_extension_read(&x, &r)) return PL_EPROTOCOL;
    if (x.type == PL_EXT_INVITE && !invite) {
      *proof = x.value;
      invite = true;
    }
    if (x.type == PL_EXT_APPLICATION)
      handshake_keep(l->call->application, sizeof l->call->application, &l->call->application_size, &application,
                     x.value);
    if (x.type == PL_EXT_NAME) handshake_keep(l->call->name, sizeof l->call->name, &l->call->name_size, &name, x.value);
  }
  return 0;
}

int pl_engine_handshake_read1(pl_engine *e, pl_engine_link *l, pl_view message) {
  uint8_t payload[2048];
  pl_wire_handshake1 h;
  int rc = pl_noise_start_callee(&l->call->handshake, &e->config.identity, l->id);
  if (rc) return rc;
  int n = pl_noise_read(&l->call->handshake, message, payload, sizeof payload);
  if (n < 0) return n;
  rc = pl_noise_check_caller(&l->call->handshake, l->id);
  if (rc) return rc;
  if (n > 0 && payload[0] != PL_CONST_PROTOCOL_VERSION) return PL_ESTATE;
  if (pl_wire_handshake1_decode(&h, payload, (size_t)n)) return PL_EPROTOCOL;
  bool for_me = sodium_is_zero(h.callee_instance, 8) || memcmp(h.callee_instance, e->config.instance, 8) == 0;
  if (!for_me || memcmp(h.caller_instance, l->instance, 8) != 0) return PL_EPROTOCOL;
  pl_view proof = {NULL, 0};
  rc = handshake_read(l, h.extensions, &proof);
  if (rc || proof.size == 0) return rc;
  return pl_engine_invite_check(e, l, proof, message.data) < 0 ? PL_EREFUSED : 0;
}

int pl_engine_handshake_read2(pl_engine *e, pl_engine_link *l, pl_view message) {
  uint8_t payload[2048];
  pl_wire_handshake2 h;
  pl_view proof;
  int n = pl_noise_read(&l->call->handshake, message, payload, sizeof payload);
  if (n < 0) return n;
  int rc = handshake_split(e, l);
  if (rc) return rc;
  if (n > 0 && payload[0] != PL_CONST_PROTOCOL_VERSION) return PL_ESTATE;
  if (pl_wire_handshake2_decode(&h, payload, (size_t)n) || sodium_is_zero(h.callee_instance, 8)) return PL_EPROTOCOL;
  if (!sodium_is_zero(l->instance, 8) && memcmp(l->instance, h.callee_instance, 8) != 0) return PL_EPROTOCOL;
  memcpy(l->instance, h.callee_instance, 8);
  return handshake_read(l, h.extensions, &proof);
}
