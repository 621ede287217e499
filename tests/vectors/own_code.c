/* Vectors of pairing codes and safety phrases: how codes are read, one exchange step by step, phrases. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "client/core/code/code.h"
#include "client/core/cpace/cpace.h"
#include "client/core/identity/identity.h"
#include "client/core/words/words.h"
#include "own.h"

#define LABEL(name) ((pl_view){(const uint8_t *)PL_LABEL_##name, sizeof PL_LABEL_##name - 1})

static void identity_of(pl_identity *identity, uint8_t number) {
  uint8_t seed[32];
  own_fill(seed, sizeof seed, number);
  OWN_CHECK(pl_identity_from_seed(identity, seed) == 0);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static const pl_code sample = {.number = 4821, .words = {217, 1999}};

static void add_read(json_t *list, const char *text, const pl_code *expected) {
  json_t *entry = json_object(), *words = json_array();
  pl_code code;
  OWN_CHECK(pl_code_parse(&code, (pl_view){(const uint8_t *)text, strlen(text)}) == 0);
  OWN_CHECK(code.number == expected->number && memcmp(code.words, expected->words, sizeof code.words) == 0);
  own_set_text(entry, "text", text);
  own_set_number(entry, "number", code.number);
  for (size_t i = 0; i < PL_CONST_CODE_WORDS; i++) own_append(words, json_string(pl_word(code.words[i])));
  OWN_CHECK(json_object_set_new(entry, "words", words) == 0);
  own_append(list, entry);
}

/* Expands a pattern, in which a and b stand for the sample's words, and A and B for the same in capitals. */
static const char *spell(const char *pattern, char out[128]) {
  size_t used = 0;
  for (; *pattern; pattern++) {
    bool word = strchr("abAB", *pattern);
    const char *text = word ? pl_word(sample.words[*pattern == 'b' || *pattern == 'B']) : NULL;
    for (; text && *text; text++) out[used++] = *pattern < 'a' ? (char)(*text - 'a' + 'A') : *text;
    if (!word) out[used++] = *pattern;
  }
  out[used] = '\0';
  return out;
}

static json_t *read_codes(void) {
  static const char *const patterns[] = {
      "4821-a-b",
      "4821-A-B",
      "4821 a b",
      "4821 - a - b",
      "  4821-a-b\n",
      "4821--a---b",
      "4821 \t a  \r\n b",
      "4821\xc2\xa0"
      "a\xc2\xa0"
      "b\xc2\xa0",
      "4821\xe2\x80\x94"
      "a\xe2\x80\x93"
      "B",
      "4821ab",
      "4821a-b",
      "4821-ab",
      "4821_a_b",
      "4821, a, b",
      "4821 , a , b",
      "4821.a.b",
      "4821:a/b;",
      "(4821-a-b)",
      "\xe2\x80\x9c"
      "4821-a-b\xe2\x80\x9d.",
      "\xe2\x81\xa6"
      "4821-a-b\xe2\x81\xa9",
      "4821-a-\xc2\xad"
      "b",
      "4821\xe2\x88\x92"
      "a\xd8\x8c b",
      "\xd9\xa4\xd9\xa8\xd9\xa2\xd9\xa1-a-b",
      "\xdb\xb4\xdb\xb8\xdb\xb2\xdb\xb1 a b",
      "-4821-a-b-",
  };
  json_t *list = json_array();
  char text[128];
  for (size_t i = 0; i < PL_ARRAY_LENGTH(patterns); i++) add_read(list, spell(patterns[i], text), &sample);
  const pl_code ends[] = {{1000, {0, 0}}, {9999999, {2047, 2047}}, {123456, {1024, 3}}};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(ends); i++) {
    pl_code_format(&ends[i], text);
    add_read(list, text, &ends[i]);
  }
  return list;
}

static json_t *refused_codes(void) {
  static const struct {
    const char *why, *pattern;
  } cases[] = {
      {"empty", ""},
      {"only spaces", "  "},
      {"a number alone", "4821"},
      {"a word too few", "4821-a"},
      {"a word too many", "4821-a-b-a"},
      {"no number", "a-b"},
      {"the number at the end", "a-b-4821"},
      {"a number that is too small", "999-a-b"},
      {"a number that is too large", "10000000-a-b"},
      {"a number of many digits", "184467440737095520821-a-b"},
      {"a leading zero", "04821-a-b"},
      {"a letter in the number", "48z1-a-b"},
      {"a word that is not in the list", "4821-a-xyzzy"},
      {"a word with a letter more", "4821-a-bx"},
      {"a word with a digit", "4821-a-b7"},
      {"a very long word", "4821-a-bbbbbbbb"},
      {"a gap within the number", "48 21-a-b"},
      {"a gap within a word", "4821-a-whin ny"},
      {"a word too many, without gaps", "4821aba"},
      {"a letter before", "x4821-a-b"},
      {"a digit behind", "4821ab7"},
      {"a letter that is not plain", "4821-a-whinn\xc3\xbd"},
      {"a symbol",
       "4821\xe2\x98\x85"
       "a-b"},
      {"a Kelvin sign, which some systems make a small k",
       "4821-a-\xe2\x84\xaa"
       "ayak"},
      {"another script", "4821-a-\xd0\xba\xd0\xbe\xd1\x82"},
  };
  json_t *list = json_array();
  char text[128];
  for (size_t i = 0; i < PL_ARRAY_LENGTH(cases); i++) {
    json_t *entry = json_object();
    pl_code code;
    spell(cases[i].pattern, text);
    OWN_CHECK(pl_code_parse(&code, (pl_view){(const uint8_t *)text, strlen(text)}) == PL_ECODE);
    own_set_text(entry, "why", cases[i].why);
    own_set_text(entry, "text", text);
    own_append(list, entry);
  }
  return list;
}

/* ---- the exchange ------------------------------------------------------------------------------------------------ */

static void add_person(json_t *entry, const char *key, const pl_code_person *p) {
  json_t *object = json_object();
  own_set_hex(object, "id", p->id, 32);
  own_set_hex(object, "instance", p->instance, 8);
  own_set_hex(object, "name", p->name, p->name_size);
  OWN_CHECK(json_object_set_new(entry, key, object) == 0);
}

static pl_code_person person_of(uint8_t number, const char *name) {
  pl_identity identity;
  pl_code_person p = {.name_size = (uint8_t)strlen(name)};
  identity_of(&identity, number);
  memcpy(p.id, identity.id, 32);
  own_fill(p.instance, 8, number);
  memcpy(p.name, name, p.name_size);
  return p;
}

/* Takes the steps a second time, written from the specification alone. */
static void add_inside(json_t *entry, const pl_code *code, const uint8_t relay[32], const uint8_t sid[16],
                       const uint8_t scalar[32], const uint8_t shares[2][32]) {
  char words[64];
  uint8_t ci[128], generator[32], isk[64], tag[32];
  int prs = snprintf(words, sizeof words, "%s-%s", pl_word(code->words[0]), pl_word(code->words[1]));
  size_t n = sizeof PL_LABEL_CODE - 1;
  memcpy(ci, PL_LABEL_CODE, n);
  memcpy(ci + n, relay, 32);
  pl_put_u32(ci + n + 32, code->number);
  OWN_CHECK(pl_cpace_generator(generator, (pl_view){(const uint8_t *)words, (size_t)prs}, (pl_view){ci, n + 36},
                               (pl_view){sid, 16}) == 0);
  pl_cpace_side claimer = {.associated_data = LABEL(CODE_CLAIMER)}, creator = {.associated_data = LABEL(CODE_CREATOR)};
  memcpy(claimer.share, shares[0], 32);
  memcpy(creator.share, shares[1], 32);
  OWN_CHECK(pl_cpace_key(isk, scalar, true, (pl_view){sid, 16}, &claimer, &creator) == 0);
  crypto_auth_hmacsha256_state h;
  crypto_auth_hmacsha256_init(&h, isk, sizeof isk);
  crypto_auth_hmacsha256_update(&h, claimer.associated_data.data, claimer.associated_data.size);
  crypto_auth_hmacsha256_final(&h, tag);
  own_set_text(entry, "prs", words);
  own_set_hex(entry, "ci", ci, n + 36);
  own_set_hex(entry, "generator", generator, sizeof generator);
  own_set_hex(entry, "isk", isk, sizeof isk);
  own_set_hex(entry, "claimer_tag", tag, sizeof tag);
}

static json_t *exchange_of(uint8_t i, const pl_code *code, const char *claimer_name, const char *creator_name) {
  json_t *entry = json_object();
  pl_identity relay;
  uint8_t sid[16], scalars[2][32], shares[2][32], proof[PL_CODE_PROOF_MAX];
  char text[PL_CODE_TEXT_MAX];
  pl_code_secrets secrets, other;
  pl_code_person claimer = person_of((uint8_t)(0x50 + i), claimer_name), read;
  pl_code_person creator = person_of((uint8_t)(0x30 + i), creator_name);
  identity_of(&relay, (uint8_t)(0x10 + i));
  own_fill(sid, sizeof sid, (uint8_t)(0x70 + i));
  for (uint8_t side = 0; side < 2; side++) {
    own_fill(scalars[side], 32, (uint8_t)(0x80 + 0x20 * side + i));
    OWN_CHECK(pl_code_share(shares[side], code, relay.id, sid, scalars[side]) == 0);
  }
  OWN_CHECK(pl_code_agree(&secrets, scalars[0], true, sid, shares[0], shares[1]) == 0);
  OWN_CHECK(pl_code_agree(&other, scalars[1], false, sid, shares[0], shares[1]) == 0);
  OWN_CHECK(memcmp(&secrets, &other, sizeof secrets) == 0);
  pl_code_format(code, text);
  own_set_text(entry, "code", text);
  own_set_hex(entry, "relay_id", relay.id, 32);
  own_set_hex(entry, "sid", sid, sizeof sid);
  own_set_hex(entry, "claimer_scalar", scalars[0], 32);
  own_set_hex(entry, "creator_scalar", scalars[1], 32);
  own_set_hex(entry, "claimer_share", shares[0], 32);
  own_set_hex(entry, "creator_share", shares[1], 32);
  add_inside(entry, code, relay.id, sid, scalars[0], shares);
  own_set_hex(entry, "creator_tag", secrets.creator_tag, 32);
  own_set_hex(entry, "claimer_seal", secrets.claimer_seal, 32);
  own_set_hex(entry, "creator_seal", secrets.creator_seal, 32);
  own_set_hex(entry, "dial_secret", secrets.dial, sizeof secrets.dial);
  add_person(entry, "claimer", &claimer);
  add_person(entry, "creator", &creator);
  int n = pl_code_prove(proof, &secrets, true, &claimer);
  OWN_CHECK(n > 0 && pl_code_verify(&read, &other, true, (pl_view){proof, (size_t)n}) == 0);
  OWN_CHECK(memcmp(&read, &claimer, sizeof read) == 0);
  own_set_hex(entry, "claimer_proof", proof, (size_t)n);
  n = pl_code_prove(proof, &secrets, false, &creator);
  OWN_CHECK(n > 0 && pl_code_verify(&read, &other, false, (pl_view){proof, (size_t)n}) == 0);
  own_set_hex(entry, "creator_proof", proof, (size_t)n);
  return entry;
}

static json_t *exchanges(void) {
  json_t *list = json_array();
  const pl_code last = {.number = PL_CONST_CODE_NUMBER_MAX, .words = {2047, 0}};
  own_append(list, exchange_of(0, &sample, "Ada", "Gr\xc3\xa4\x66in \xf0\x9f\x90\x99"));
  own_append(list, exchange_of(1, &last, "", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
  return list;
}

/* ---- phrases ----------------------------------------------------------------------------------------------------- */

static json_t *phrases(void) {
  json_t *list = json_array();
  static const uint8_t pairs[][2] = {{0x30, 0x31}, {0x31, 0x32}, {0x32, 0x30}, {0x33, 0x33}};
  for (size_t i = 0; i < PL_ARRAY_LENGTH(pairs); i++) {
    json_t *entry = json_object();
    pl_identity a, b;
    char phrase[PL_PHRASE_TEXT_MAX], turned[PL_PHRASE_TEXT_MAX];
    identity_of(&a, pairs[i][0]);
    identity_of(&b, pairs[i][1]);
    pl_phrase(phrase, a.id, b.id);
    pl_phrase(turned, b.id, a.id);
    OWN_CHECK(strcmp(phrase, turned) == 0);
    own_set_hex(entry, "id", a.id, 32);
    own_set_hex(entry, "other_id", b.id, 32);
    own_set_text(entry, "phrase", phrase);
    own_append(list, entry);
  }
  return list;
}

json_t *own_code(void) {
  json_t *root = json_object();
  own_set_text(
      root, "about",
      "Pairing codes: texts that are codes, texts that are not; exchanges step by step with fixed scalars; the "
      "payloads of DATA. Safety phrases, the same in either order.");
  OWN_CHECK(json_object_set_new(root, "read", read_codes()) == 0);
  OWN_CHECK(json_object_set_new(root, "refused", refused_codes()) == 0);
  OWN_CHECK(json_object_set_new(root, "exchanges", exchanges()) == 0);
  OWN_CHECK(json_object_set_new(root, "phrases", phrases()) == 0);
  return root;
}
