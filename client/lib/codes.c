/* The public functions about pairing codes, words and safety phrases. */
#include <string.h>

#include "../core/code/code.h"
#include "../core/words/words.h"
#include "step.h"

_Static_assert((int)PAIRLINK_WORD_COUNT == (int)PL_CONST_WORDS_COUNT, "number of words");
_Static_assert((int)PAIRLINK_PHRASE_MAX == (int)PL_PHRASE_TEXT_MAX, "length of a phrase");

static int start_code(pairlink *p, const pl_engine_event *event, unsigned *code) {
  pl_engine_result result;
  int error = pl_client_step_for(p, event, &result);
  *code = error ? 0 : result.code;
  return error;
}

int pairlink_code_new(pairlink *p, uint32_t valid_s, unsigned *code) {
  if (!p || !code) return PL_EINVAL;
  const uint32_t max_s = PL_CONST_CODE_LIFETIME_MS / 1000;
  pl_engine_event event = {.type = PL_ENGINE_IN_CODE_NEW};
  event.code_new.lifetime_ms = 1000 * (valid_s < max_s ? valid_s : max_s);
  return start_code(p, &event, code);
}

int pairlink_code_claim(pairlink *p, const char *text, unsigned *code) {
  if (!p || !text || !code) return PL_EINVAL;
  pl_engine_event event = {.type = PL_ENGINE_IN_CODE_CLAIM, .code_claim = {{(const uint8_t *)text, strlen(text)}}};
  return start_code(p, &event, code);
}

int pairlink_code_cancel(pairlink *p, unsigned code) {
  if (!p) return PL_EINVAL;
  pl_engine_event event = {.type = PL_ENGINE_IN_CODE_CANCEL, .code_cancel = {code}};
  return pl_client_step(p, &event);
}

const char *pairlink_word(unsigned n) {
  return pl_word(n);
}

int pairlink_safety_phrase(const char *id, const char *other_id, char *phrase, size_t size) {
  uint8_t ids[2][PL_CONST_ID_BYTES];
  char text[PL_PHRASE_TEXT_MAX];
  if (!id || !other_id || !phrase) return PL_EINVAL;
  int error = pl_id_parse(ids[0], id, strlen(id));
  if (!error) error = pl_id_parse(ids[1], other_id, strlen(other_id));
  if (error) return error;
  pl_phrase(text, ids[0], ids[1]);
  if (strlen(text) >= size) return PL_EMSGSIZE;
  memcpy(phrase, text, strlen(text) + 1);
  return 0;
}
