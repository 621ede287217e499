/* Asks for a pairing code: never as an argument, which a list of processes would show. */
#ifndef PL_CLI_CODE_PROMPT_H
#define PL_CLI_CODE_PROMPT_H

#include "cli.h"

/* From PAIRLINK_CODE; else the first line of stdin, if that is no terminal (and not a byte beyond the line); else by a
 * prompt on the terminal, which completes words. `stdin_is_data`: stdin is for something else, so it is not read. The
 * text is as it was typed: pairlink_code_claim says whether it is a code. The caller wipes it.
 * 0, or an exit code after saying why. */
int code_prompt_read(bool stdin_is_data, char code[PAIRLINK_CODE_MAX]);

#endif
