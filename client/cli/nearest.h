/* "Did you mean …?" */
#ifndef PL_CLI_NEAREST_H
#define PL_CLI_NEAREST_H

#include <stddef.h>

/* Returns the name that was probably meant, out of name(0), name(1) … up to NULL. Returns NULL when none is close. */
const char *nearest_name(const char *typed, const char *(*name)(size_t));

#endif
