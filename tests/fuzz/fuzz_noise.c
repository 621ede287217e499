/* Identity texts, handshake messages and records. Half of the inputs are used as they are and must be refused. The
 * other half overwrite a part of a genuine message, which must be refused exactly when that changed it. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/noise/noise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct scene {
  pl_identity caller, callee;
  pl_noise_handshake waiting_callee, waiting_caller; /* before message 1, before message 2 */
  pl_noise_link link;                                /* before the first record */
  uint8_t messages[3][256];
  size_t sizes[3];
} scene;

static scene genuine;

static void check(bool holds) {
  if (!holds) abort();
}

static void set_up(void) {
  static const uint8_t seeds[2][32] = {{1}, {2}}, ephemerals[2][32] = {{3}, {4}}, text[] = "some text";
  scene *s = &genuine;
  pl_view payload = {text, sizeof text};
  uint8_t out[256];
  pl_noise_handshake caller, callee;
  pl_noise_link link;
  check(pl_identity_from_seed(&s->caller, seeds[0]) == 0 && pl_identity_from_seed(&s->callee, seeds[1]) == 0);
  check(pl_noise_start_caller(&caller, &s->caller, s->callee.id) == 0);
  check(pl_noise_start_callee(&callee, &s->callee, s->caller.id) == 0);
  s->waiting_callee = callee;
  s->sizes[0] = (size_t)pl_noise_write(&caller, ephemerals[0], payload, s->messages[0], sizeof s->messages[0]);
  s->waiting_caller = caller;
  check(pl_noise_read(&callee, (pl_view){s->messages[0], s->sizes[0]}, out, sizeof out) == (int)sizeof text);
  s->sizes[1] = (size_t)pl_noise_write(&callee, ephemerals[1], payload, s->messages[1], sizeof s->messages[1]);
  check(pl_noise_read(&caller, (pl_view){s->messages[1], s->sizes[1]}, out, sizeof out) == (int)sizeof text);
  check(pl_noise_split(&caller, &link) == 0 && pl_noise_split(&callee, &s->link) == 0);
  s->sizes[2] = (size_t)pl_noise_seal(&link, 0x13, 0, text, sizeof text, s->messages[2]);
}

static bool taken(unsigned which, const uint8_t *message, size_t size) {
  static uint8_t out[65536];
  if (which == 2) {
    pl_noise_link link = genuine.link;
    return pl_noise_open(&link, 0x13, 0, message, size, out) >= 0;
  }
  pl_noise_handshake hs = which == 0 ? genuine.waiting_callee : genuine.waiting_caller;
  int rc = pl_noise_read(&hs, (pl_view){message, size}, out, sizeof out);
  if (rc < 0) check(pl_noise_read(&hs, (pl_view){message, size}, out, sizeof out) == PL_ESTATE);
  return rc >= 0;
}

static void laid_over(unsigned which, const uint8_t *data, size_t size) {
  uint8_t changed[256];
  bool same = true;
  memcpy(changed, genuine.messages[which], sizeof changed);
  for (size_t i = 0; i < size && i < genuine.sizes[which]; i++) {
    changed[i] ^= data[i];
    same = same && data[i] == 0;
  }
  check(taken(which, changed, genuine.sizes[which]) == same);
}

static void id_text(const uint8_t *data, size_t size) {
  uint8_t id[32];
  char text[55];
  if (pl_id_parse(id, (const char *)data, size) != 0) return;
  pl_id_format(text, id);
  for (size_t i = 0; i < 54; i++) check(text[i] == (char)data[i] || text[i] == (char)(data[i] | 0x20));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (genuine.sizes[2] == 0) set_up();
  if (size == 0 || size > 65600) return 0;
  unsigned which = data[0] % 7;
  data++;
  size--;
  if (which < 3) {
    bool is_genuine = size == genuine.sizes[which] && memcmp(data, genuine.messages[which], size) == 0;
    check(taken(which, data, size) == is_genuine);
  } else if (which < 6) {
    laid_over(which - 3, data, size);
  } else {
    id_text(data, size);
  }
  return 0;
}
