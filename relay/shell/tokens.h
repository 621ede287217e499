/* The operator's tokens for `--admission invite`: `pairlink-relay token new|list|revoke`. */
#ifndef PL_SHELL_TOKENS_H
#define PL_SHELL_TOKENS_H

#include <stdint.h>

/* arguments[0] is "new", "list" or "revoke", arguments[1] a token's hint; NULL where none was given. Returns the
 * program's exit code. */
int pl_tokens_command(const char *database, const char *const arguments[2], uint32_t uses, uint32_t days);

#endif
