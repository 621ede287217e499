/* See engine_invite.h. */
#include "engine_invite.h"

#include <sodium.h>
#include <string.h>

#include "engine_actions.h"

static pl_engine_invite *invite_find(pl_engine *e, const uint8_t secret[16]) {
  for (size_t i = 0; i < e->invite_count; i++)
    if (sodium_memcmp(e->invites[i].secret, secret, 16) == 0) return &e->invites[i];
  return NULL;
}

static void invite_hint(uint8_t out[PL_CONST_INVITE_HINT_BYTES], const uint8_t secret[16]) {
  uint8_t hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, secret, PL_CONST_INVITE_SECRET_BYTES);
  memcpy(out, hash, PL_CONST_INVITE_HINT_BYTES);
}

static void invite_drop(pl_engine *e, pl_engine_invite *i) {
  *i = e->invites[--e->invite_count];
  sodium_memzero(&e->invites[e->invite_count], sizeof *i);
}

/* Drops expired dial secrets of codes: the application does not know them, so it cannot revoke them. */
static void invite_drop_expired(pl_engine *e) {
  for (size_t i = e->invite_count; i-- > 0;)
    if (e->invites[i].internal && e->now_ms >= e->invites[i].expires_ms) invite_drop(e, &e->invites[i]);
}

/* Ends an invite. One of the application is kept, so that whoever comes with it is told. */
static void invite_end(pl_engine *e, pl_engine_invite *i) {
  if (i->internal) {
    invite_drop(e, i);
    return;
  }
  i->revoked = true;
  i->claimed = false;
  if (e->now_ms < i->expires_ms) i->expires_ms = e->now_ms;
}

/* Invites of the application are kept after their end, so that a peer that comes too late is told. When the table is
 * full, drops the one that expired first. Returns false when none has expired. */
static bool invite_make_room(pl_engine *e) {
  pl_engine_invite *first = NULL;
  for (size_t i = 0; i < e->invite_count; i++)
    if (e->now_ms >= e->invites[i].expires_ms && (!first || e->invites[i].expires_ms < first->expires_ms))
      first = &e->invites[i];
  if (first) invite_drop(e, first);
  return first;
}

int pl_engine_invite_add(pl_engine *e, pl_view secret, uint64_t expires_ms, uint32_t uses, uint32_t code) {
  if (secret.size != PL_CONST_INVITE_SECRET_BYTES || uses > 1) return PL_EINVAL;
  invite_drop_expired(e);
  pl_engine_invite *i = invite_find(e, secret.data);
  if (!i) {
    if (e->invite_count >= PL_ENGINE_INVITES_MAX && !invite_make_room(e)) return PL_EAGAIN;
    if (!e->invites) e->invites = pl_alloc(PL_ENGINE_INVITES_MAX * sizeof *e->invites);
    if (!e->invites) return PL_ENOMEM;
    i = &e->invites[e->invite_count++];
  }
  *i = (pl_engine_invite){.expires_ms = expires_ms, .single = uses == 1, .internal = code, .code = code};
  memcpy(i->secret, secret.data, sizeof i->secret);
  invite_hint(i->hint, i->secret);
  return 0;
}

int pl_engine_invite_revoke(pl_engine *e, const uint8_t secret[16]) {
  pl_engine_invite *i = invite_find(e, secret);
  if (!i || i->revoked) return PL_EINVAL;
  invite_end(e, i);
  return 0;
}

void pl_engine_invite_take_back(pl_engine *e, const uint8_t id[32]) {
  for (size_t n = e->invite_count; n-- > 0;) {
    pl_engine_invite *i = &e->invites[n];
    if (!i->claimed || memcmp(i->bound_to, id, 32) != 0) continue;
    if (i->single)
      invite_end(e, i);
    else
      i->claimed = false;
  }
}

void pl_engine_invite_settle(pl_engine *e, const uint8_t secret[16], const uint8_t id[32]) {
  pl_engine_invite *i = invite_find(e, secret);
  if (!i) return;
  i->code = 0;
  i->claimed = true;
  memcpy(i->bound_to, id, sizeof i->bound_to);
}

void pl_engine_invite_prove(uint8_t out[40], const uint8_t secret[16], const uint8_t caller[32],
                            const uint8_t callee[32], const uint8_t ephemeral[32]) {
  crypto_auth_hmacsha256_state h;
  invite_hint(out, secret);
  crypto_auth_hmacsha256_init(&h, secret, PL_CONST_INVITE_SECRET_BYTES);
  crypto_auth_hmacsha256_update(&h, (const uint8_t *)PL_LABEL_INVITE, sizeof PL_LABEL_INVITE - 1);
  crypto_auth_hmacsha256_update(&h, caller, 32);
  crypto_auth_hmacsha256_update(&h, callee, 32);
  crypto_auth_hmacsha256_update(&h, ephemeral, 32);
  crypto_auth_hmacsha256_final(&h, out + PL_CONST_INVITE_HINT_BYTES);
  sodium_memzero(&h, sizeof h);
}

static bool invite_is_usable(const pl_engine *e, const pl_engine_invite *i, const uint8_t caller[32]) {
  if (i->claimed && memcmp(i->bound_to, caller, 32) == 0) return true;
  return e->now_ms < i->expires_ms && !(i->single && i->claimed);
}

int pl_engine_invite_check(pl_engine *e, pl_engine_link *l, pl_view proof, const uint8_t ephemeral[32]) {
  uint8_t expected[40];
  if (proof.size != sizeof expected) return 0;
  for (size_t n = 0; n < e->invite_count; n++) {
    const pl_engine_invite *i = &e->invites[n];
    if (sodium_memcmp(i->hint, proof.data, sizeof i->hint) != 0) continue;
    pl_engine_invite_prove(expected, i->secret, l->id, e->config.identity.id, ephemeral);
    if (sodium_memcmp(expected, proof.data, sizeof expected) != 0) continue;
    memcpy(l->call->invite, i->secret, sizeof l->call->invite);
    l->has_invite = true;
    return invite_is_usable(e, i, l->id) ? 1 : -1;
  }
  return 0;
}

bool pl_engine_invite_claim(pl_engine *e, const pl_engine_link *l, uint32_t *code) {
  *code = 0;
  pl_engine_invite *i = invite_find(e, l->call->invite);
  if (!i || !invite_is_usable(e, i, l->id)) return false;
  if (i->claimed && memcmp(i->bound_to, l->id, 32) == 0) return true;
  i->claimed = true;
  memcpy(i->bound_to, l->id, 32);
  if (i->internal) {
    *code = i->code;
    i->code = 0;
    return true;
  }
  pl_engine_action a = {.type = PL_ENGINE_OUT_INVITE_CLAIMED};
  memcpy(a.id, l->id, 32);
  a.data = pl_engine_keep_text(e, (pl_view){l->call->invite, sizeof l->call->invite});
  pl_engine_out_once(e, a);
  return true;
}
