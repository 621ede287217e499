/* The exchange of a pairing code: shares, secrets, proofs. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "../cpace/cpace.h"
#include "../identity/identity.h"
#include "../words/words.h"
#include "code.h"

#define LABEL(name) ((pl_view){(const uint8_t *)PL_LABEL_##name, sizeof PL_LABEL_##name - 1})

static size_t code_put_words(const pl_code *code, char *out, size_t size) {
  size_t used = 0;
  for (size_t i = 0; i < PL_CONST_CODE_WORDS; i++) {
    int n = snprintf(out + used, size - used, "%s%s", i ? "-" : "", pl_word(code->words[i]));
    used += n > 0 ? (size_t)n : 0;
  }
  return used;
}

static size_t code_put_channel(uint8_t out[96], const uint8_t relay_id[32], uint32_t number) {
  pl_writer w = pl_writer_of(out, 96);
  pl_write_bytes(&w, PL_LABEL_CODE, sizeof PL_LABEL_CODE - 1);
  pl_write_bytes(&w, relay_id, 32);
  pl_write_u32(&w, number);
  return pl_writer_used(&w);
}

int pl_code_share(uint8_t share[32], const pl_code *code, const uint8_t relay_id[32],
                  const uint8_t sid[PL_CONST_CODE_SID_BYTES], const uint8_t scalar[32]) {
  char words[PL_CODE_TEXT_MAX];
  uint8_t channel[96], generator[32];
  pl_view prs = {(const uint8_t *)words, code_put_words(code, words, sizeof words)};
  pl_view ci = {channel, code_put_channel(channel, relay_id, code->number)};
  int rc = pl_cpace_generator(generator, prs, ci, (pl_view){sid, PL_CONST_CODE_SID_BYTES});
  if (rc == 0) rc = pl_cpace_share(share, generator, scalar);
  sodium_memzero(words, sizeof words);
  sodium_memzero(generator, sizeof generator);
  return rc;
}

static void code_derive(uint8_t out[32], const uint8_t isk[64], pl_view label) {
  crypto_auth_hmacsha256_state h;
  crypto_auth_hmacsha256_init(&h, isk, PL_CPACE_KEY_BYTES);
  crypto_auth_hmacsha256_update(&h, label.data, label.size);
  crypto_auth_hmacsha256_final(&h, out);
  sodium_memzero(&h, sizeof h);
}

int pl_code_agree(pl_code_secrets *out, const uint8_t scalar[32], bool as_claimer,
                  const uint8_t sid[PL_CONST_CODE_SID_BYTES], const uint8_t claimer_share[32],
                  const uint8_t creator_share[32]) {
  pl_cpace_side claimer = {.associated_data = LABEL(CODE_CLAIMER)}, creator = {.associated_data = LABEL(CODE_CREATOR)};
  uint8_t isk[PL_CPACE_KEY_BYTES], dial[32];
  memcpy(claimer.share, claimer_share, 32);
  memcpy(creator.share, creator_share, 32);
  int rc = pl_cpace_key(isk, scalar, as_claimer, (pl_view){sid, PL_CONST_CODE_SID_BYTES}, &claimer, &creator);
  if (rc) return rc;
  code_derive(out->claimer_tag, isk, LABEL(CODE_CLAIMER));
  code_derive(out->creator_tag, isk, LABEL(CODE_CREATOR));
  code_derive(out->claimer_seal, isk, LABEL(CODE_CLAIMER_SEAL));
  code_derive(out->creator_seal, isk, LABEL(CODE_CREATOR_SEAL));
  code_derive(dial, isk, LABEL(CODE_DIAL));
  memcpy(out->dial, dial, sizeof out->dial);
  sodium_memzero(isk, sizeof isk);
  sodium_memzero(dial, sizeof dial);
  return 0;
}

/* Each key seals one message, so the nonce may be zero. */
static const uint8_t code_nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

int pl_code_prove(uint8_t out[PL_CODE_PROOF_MAX], const pl_code_secrets *secrets, bool by_claimer,
                  const pl_code_person *person) {
  const uint8_t *tag = by_claimer ? secrets->claimer_tag : secrets->creator_tag;
  const uint8_t *key = by_claimer ? secrets->claimer_seal : secrets->creator_seal;
  uint8_t plain[PL_CODE_PROOF_MAX];
  unsigned long long sealed = 0;
  pl_wire_code_person p = {.name = {person->name, person->name_size}};
  memcpy(p.id, person->id, 32);
  memcpy(p.instance, person->instance, 8);
  int n = pl_wire_code_person_encode(&p, plain, sizeof plain - crypto_aead_chacha20poly1305_IETF_ABYTES - 32);
  if (n < 0) return PL_ECRYPTO;
  memcpy(out, tag, 32);
  crypto_aead_chacha20poly1305_ietf_encrypt(out + 32, &sealed, plain, (unsigned long long)n, tag, 32, NULL, code_nonce,
                                            key);
  return 32 + (int)sealed;
}

int pl_code_verify(pl_code_person *out, const pl_code_secrets *secrets, bool by_claimer, pl_view proof) {
  const uint8_t *tag = by_claimer ? secrets->claimer_tag : secrets->creator_tag;
  const uint8_t *key = by_claimer ? secrets->claimer_seal : secrets->creator_seal;
  uint8_t plain[PL_CODE_PROOF_MAX];
  unsigned long long size = 0;
  pl_wire_code_proof p;
  pl_wire_code_person person;
  if (pl_wire_code_proof_decode(&p, proof.data, proof.size) != 0 || sodium_memcmp(p.tag, tag, 32) != 0 ||
      crypto_aead_chacha20poly1305_ietf_decrypt(plain, &size, NULL, p.sealed.data, p.sealed.size, tag, 32, code_nonce,
                                                key) != 0 ||
      pl_wire_code_person_decode(&person, plain, (size_t)size) != 0 || pl_id_check(person.id) != 0 ||
      sodium_is_zero(person.instance, 8))
    return PL_EWRONGCODE;
  *out = (pl_code_person){.name_size = (uint8_t)person.name.size};
  memcpy(out->id, person.id, 32);
  memcpy(out->instance, person.instance, 8);
  if (person.name.size) memcpy(out->name, person.name.data, person.name.size);
  return 0;
}
