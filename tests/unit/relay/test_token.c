/* Admission by invite: what the relay's core gives the store about the token of a login. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/core/state.h"
#include "world.h"

static size_t registrations;
static pl_relay_token_claim seen_claim;
static bool claimed;

static void note_claim(void *user, pl_relay_conn *conn, const uint8_t id[32], const pl_relay_token_claim *claim) {
  (void)id;
  registrations++;
  claimed = claim != NULL;
  if (claim) seen_claim = *claim;
  pl_relay_registered(conn, PL_RELAY_REGISTRATION_ABSENT, ((world *)user)->now_ms);
}

/* With admission by invite, the store gets the proof of a token, and what the proof must be about. Without a proof it
 * is not asked. */
static void test_proof_of_a_token(void **state) {
  static const char origin[] = "http://relay";
  world *w = *state;
  w->admission = PL_RELAY_ADMIT_INVITE;
  world_restart(w);
  w->relay->config.hooks.register_id = note_claim;
  registrations = 0;
  claimed = false;
  for (size_t size = 0; size <= PL_TOKEN_PROOF_BYTES; size += PL_TOKEN_PROOF_BYTES) {
    client *c = client_new(w, 1);
    uint8_t login[512], t[64], proof[PL_TOKEN_PROOF_BYTES];
    memset(proof, 7, sizeof proof);
    client_upgrade(c);
    pl_wire_login l = {.version = 1, .origin = {(const uint8_t *)origin, sizeof origin - 1}};
    l.token_proof = (pl_view){proof, size};
    memcpy(l.peer_id, c->identity.id, 32);
    memcpy(l.instance, c->instance, 8);
    int n = pl_wire_login_encode(&l, login, sizeof login);
    assert_true(n > 64);
    pl_login_transcript(t, (pl_view){c->hello, c->hello_size}, (pl_view){login, (size_t)n - 64});
    pl_login_sign_client(login + n - 64, t, &c->identity);
    client_send(c, PL_ENV_LOGIN, 0, 0, login, (size_t)n);
    assert_int_equal(client_refusal(c), PL_REASON_DENIED);
    assert_int_equal(claimed, size > 0);
    if (!size) continue;
    assert_memory_equal(seen_claim.proof, proof, sizeof proof);
    pl_login_transcript(t, (pl_view){c->hello, c->hello_size}, (pl_view){login, (size_t)n - 64 - size - 1});
    assert_memory_equal(seen_claim.transcript, t, sizeof t);
  }
  assert_int_equal(registrations, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {world_test(test_proof_of_a_token)};
  return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
