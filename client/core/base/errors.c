#include "base.h"

static const struct {
  int number;
  const char *text, *hint;
} errors[] = {
#define PL_ERROR(name, number, text, hint) {number, text, hint},
#include "errors.def"
};

const char *pl_error_text(int error) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(errors); i++)
    if (errors[i].number == error) return errors[i].text;
  return "unknown error";
}

const char *pl_error_hint(int error) {
  for (size_t i = 0; i < PL_ARRAY_LENGTH(errors); i++)
    if (errors[i].number == error) return errors[i].hint;
  return "";
}
