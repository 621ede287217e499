/* Reads the pairing code that the other side shows: from PAIRLINK_CODE, else from stdin unless that is a terminal or
 * data, else by a question on the terminal, which completes words while they are typed. Never from the command line. */
#ifndef PL_CLI_CODE_PROMPT_H
#define PL_CLI_CODE_PROMPT_H

#include "people.h"

/* Finds the code in the text that comes, and writes it to `code`. When the text holds an invite link instead, `code` is
 * "" and *who and *o are set as by people_find. Waits as long as the person takes, so call it before making the client.
 * stdin_is_data: never reads stdin. Returns 0, or an exit code after printing an error. */
int code_prompt_read(const cli *c, bool stdin_is_data, char code[PAIRLINK_CODE_MAX], target *who, pairlink_options *o);

#endif
