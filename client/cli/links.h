/* The invite links that this identity gave out. A command ends with its links; the next one still tells whoever opens
 * such a link that it is over, instead of asking its user about a stranger (docs/protocol.md, section 7, "Invite
 * links"). They lie next to the identity: FILE.links for `--identity FILE`, else $XDG_CONFIG_HOME/pairlink/links, one
 * line of JSON each, mode 0600. Several programs can use the file at the same time.
 *
 * Functions that return int return 0 or an error, with one line on what is wrong in `why`. */
#ifndef PL_CLI_LINKS_H
#define PL_CLI_LINKS_H

#include <pairlink.h>
#include <stdint.h>

#include "../lib/private_file.h"

enum {
  LINKS_MAX = 900, /* fewer than the library keeps, so that there is room for open ones */
  LINKS_DAYS = 30  /* how long a link is kept when it is over */
};

/* Notes a link, or when it is over. Until until_s (seconds since 1970) it may be open in the command that made it. */
int links_note(const char *identity_file, const char *link, int64_t until_s, int64_t now_s,
               char why[PL_WHY_MAX]) PL_MUST_USE;

/* Tells a client which links are over. */
int links_tell(const char *identity_file, pairlink *client, int64_t now_s, char why[PL_WHY_MAX]) PL_MUST_USE;

#endif
