/* Where a pairing code comes from that the other side shows: PAIRLINK_CODE, stdin if it is no terminal and not data, or
 * a question on the terminal, where words are completed while they are typed. Never the command line. */
#ifndef PL_CLI_CODE_PROMPT_H
#define PL_CLI_CODE_PROMPT_H

#include "people.h"

/* In whatever text comes, the code is found, into `code`; or an invite link: then `code` is "", and *who and *o are as
 * people_find makes them. It takes as long as the person takes, so it comes before the client is made. 0, or an exit
 * code after saying why. */
int code_prompt_read(const cli *c, bool stdin_is_data, char code[PAIRLINK_CODE_MAX], target *who, pairlink_options *o);

#endif
