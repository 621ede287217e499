/* What needs no engine and no transport: texts, versions, options, getters; and the client's clock and log. */
#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "private_file.h"

/* The numbers in pairlink.h are those of the schema. */
#define PL_ERROR(name, number, text, hint) _Static_assert((int)PAIRLINK_##name == (number), "error " #name);
#include "errors.def"
#define PL_REASON(name, number, text) _Static_assert((int)PAIRLINK_REASON_##name == (number), "reason " #name);
#include "wire.def"
_Static_assert((int)PAIRLINK_ID_CHARS == (int)PL_ID_CHARS, "length of an ID");
_Static_assert((int)PAIRLINK_URL_MAX == (int)PL_URL_TEXT_MAX, "length of an address");
_Static_assert((int)PAIRLINK_CHANNELS_MAX == (int)PL_CONST_CHANNELS_MAX, "number of channels");

const char *pairlink_error_text(int error) {
  return pl_error_text(error);
}
const char *pairlink_error_hint(int error) {
  return pl_error_hint(error);
}
const char *pairlink_reason_text(int reason) {
  return pl_reason_text(reason);
}
const char *pairlink_version(void) {
  return PAIRLINK_VERSION;
}

uint64_t pl_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool pl_client_is_inherited(const pairlink *p) {
  return pl_process_is_another(&p->process);
}

void pl_client_log(pairlink *p, pairlink_log_level level, const char *format, ...) {
  char line[PL_WHY_MAX + 256];
  if (!p->log) return;
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  p->log(level, line, p->user);
}

void pairlink_options_init(pairlink_options *options) {
  memset(options, 0, sizeof *options);
  options->size = sizeof *options;
  options->application = "pipe/1";
}

void *pairlink_user(const pairlink *p) {
  return p->user;
}
const char *pairlink_id(const pairlink *p) {
  return p->id;
}
const char *pairlink_relay_id(const pairlink *p) {
  return p->relay_known ? p->relay_id : NULL;
}
const char *pairlink_relay_url(const pairlink *p) {
  return p->url_text;
}
int pairlink_is_checking(const pairlink *p) {
  return p->checking;
}
