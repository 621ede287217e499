/* Vectors of the login: payloads, transcript, signatures of both sides, token proof. */
#include <sodium.h>
#include <string.h>

#include "client/core/identity/identity.h"
#include "client/core/wire/wire.h"
#include "own.h"

typedef struct login_case {
  const char *name, *origin;
  const char *token; /* NULL: an open relay */
  size_t limits;
  uint8_t flags, registration;
} login_case;

static const login_case cases[] = {
    {"open relay", "http://127.0.0.1:8787", NULL, 6, PL_CONST_LOGIN_FLAG_LISTEN, 0},
    {"known client, no listener, no limits", "https://relay.example", NULL, 0, 0, 1},
    {"with a token", "https://relay.example:8443", "correct horse battery staple", 2, 1, 1},
};

static pl_view limits_of(uint8_t *memory, size_t capacity, size_t count) {
  pl_writer w = pl_writer_of(memory, capacity);
  for (size_t i = 0; i < count; i++) {
    pl_wire_limit limit = {.id = pl_limit_table[i].id, .value = pl_limit_table[i].initial};
    pl_wire_limit_write(&limit, &w);
  }
  OWN_CHECK(!w.full);
  return (pl_view){memory, pl_writer_used(&w)};
}

static size_t make_hello(const login_case *c, const pl_identity *relay, uint8_t *out, size_t capacity) {
  uint8_t limits[64];
  pl_wire_hello hello = {.version_min = 1, .version_max = 1, .limits = limits_of(limits, sizeof limits, c->limits)};
  memcpy(hello.relay_id, relay->id, 32);
  own_fill(hello.challenge, sizeof hello.challenge, 0x40);
  hello.admission = c->token ? 1 : 0;
  int size = pl_wire_hello_encode(&hello, out, capacity);
  OWN_CHECK(size > 0);
  return (size_t)size;
}

/* The proof covers the LOGIN up to the byte before the length of the proof. */
static void prove_token(uint8_t proof[PL_TOKEN_PROOF_BYTES], uint8_t t[64], const char *token, pl_view hello,
                        pl_view login) {
  uint8_t key[32];
  crypto_hash_sha256(key, (const uint8_t *)token, strlen(token));
  pl_login_transcript(t, hello, login);
  pl_token_prove(proof, key, t);
  OWN_CHECK(pl_token_verify(proof, key, t) == 0);
}

static size_t make_login(json_t *entry, const login_case *c, const pl_identity *client, pl_view hello, uint8_t *out,
                         size_t capacity) {
  uint8_t proof[PL_TOKEN_PROOF_BYTES], t[64];
  pl_wire_login login = {.version = 1, .flags = c->flags};
  memcpy(login.peer_id, client->id, 32);
  own_fill(login.instance, sizeof login.instance, 0xa0);
  own_fill(login.nonce, sizeof login.nonce, 0x80);
  login.origin = (pl_view){(const uint8_t *)c->origin, strlen(c->origin)};
  int size = pl_wire_login_encode(&login, out, capacity);
  OWN_CHECK(size > 65);
  if (c->token) {
    pl_view before_proof = {out, (size_t)size - 65};
    prove_token(proof, t, c->token, hello, before_proof);
    own_set_hex(entry, "token_transcript", t, sizeof t);
    own_set_hex(entry, "token_proof", proof, sizeof proof);
    login.token_proof = (pl_view){proof, sizeof proof};
    size = pl_wire_login_encode(&login, out, capacity);
  }
  return (size_t)size - 64;
}

static size_t make_welcome(const login_case *c, uint8_t *out, size_t capacity) {
  uint8_t limits[64];
  pl_wire_welcome welcome = {.registration = c->registration, .limits = limits_of(limits, sizeof limits, c->limits)};
  int size = pl_wire_welcome_encode(&welcome, out, capacity);
  OWN_CHECK(size > 64);
  return (size_t)size - 64;
}

static json_t *login_of(const login_case *c) {
  json_t *entry = json_object();
  pl_identity relay, client;
  uint8_t seed[32], hello[512], login[1024], welcome[512], t[64], signature[64];
  own_set_text(entry, "name", c->name);
  own_fill(seed, sizeof seed, 0x10);
  own_set_hex(entry, "relay_seed", seed, sizeof seed);
  OWN_CHECK(pl_identity_from_seed(&relay, seed) == 0);
  own_fill(seed, sizeof seed, 0x20);
  own_set_hex(entry, "client_seed", seed, sizeof seed);
  OWN_CHECK(pl_identity_from_seed(&client, seed) == 0);
  own_set_text(entry, "origin", c->origin);
  own_set_text(entry, "token", c->token ? c->token : "");

  pl_view hello_view = {hello, make_hello(c, &relay, hello, sizeof hello)};
  own_set_hex(entry, "hello", hello, hello_view.size);
  pl_view login_view = {login, make_login(entry, c, &client, hello_view, login, sizeof login)};
  own_set_hex(entry, "login_unsigned", login, login_view.size);
  pl_login_transcript(t, hello_view, login_view);
  own_set_hex(entry, "transcript", t, sizeof t);
  pl_login_sign_client(signature, t, &client);
  OWN_CHECK(pl_login_verify_client(signature, t, client.id) == 0);
  own_set_hex(entry, "client_signature", signature, sizeof signature);

  pl_view welcome_view = {welcome, make_welcome(c, welcome, sizeof welcome)};
  own_set_hex(entry, "welcome_unsigned", welcome, welcome_view.size);
  pl_login_sign_relay(signature, t, welcome_view, &relay);
  OWN_CHECK(pl_login_verify_relay(signature, t, welcome_view, relay.id) == 0);
  own_set_hex(entry, "relay_signature", signature, sizeof signature);
  return entry;
}

json_t *own_login(void) {
  json_t *root = json_object(), *list = json_array();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) own_append(list, login_of(&cases[i]));
  own_set_text(
      root, "about",
      "Logins: the payloads of HELLO, of LOGIN and WELCOME without their signatures, the transcript T, and the "
      "signatures, which follow the unsigned payloads on the wire. Each byte changed must be refused.");
  OWN_CHECK(json_object_set_new(root, "logins", list) == 0);
  return root;
}
