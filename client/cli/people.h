/* The contacts as commands use them: whom a word of the command line means, what to call someone, and what is said and
 * kept once two have found each other. */
#ifndef PL_CLI_PEOPLE_H
#define PL_CLI_PEOPLE_H

#include "cli.h"
#include "contacts.h"

typedef struct target {
  char text[PAIRLINK_INVITE_LINK_MAX]; /* an ID or an invite link: for pairlink_connect */
  char
      relay[PAIRLINK_INVITE_LINK_MAX]; /* where it leads, if the command line does not say; pointed to by the options */
  bool is_link;
} target;

/* Opens the contacts of the identity; 0, or an exit code after saying why. */
int people_open(const cli *c, contacts *s);

/* Whom `text` means: a contact's name, an ID, or an invite link. Sets the options' relay or relay_id where the command
 * line leaves them open. 0, or an exit code after saying why. */
int people_find(const cli *c, const char *text, target *out, pairlink_options *o);

/* The name that I gave, else the short form of the ID. */
const char *people_name(const contacts *s, const char *id, char out[CONTACT_NAME_MAX]);

/* Remembers someone after pairing, and warns where a name is known with another ID. own_name: as it came. 0 and *who,
 * or an exit code after saying why. */
int people_paired(contacts *s, const pairlink *client, const char *id, const char *own_name, contact_how how,
                  contact *who);

/* Whom an invite link led to is a contact from then on, as after a code; nothing for oneself and for contacts. */
void people_met_by_link(contacts *s, const pairlink *client, const pairlink_session *session);

/* Says that someone new has the name of somebody else; nothing when it is not so. */
void people_warn_namesake(const contacts *s, const char *id, const char *own_name);

/* "Paired with Ana." */
void people_say_paired(const contact *who);

/* A name as one would type it in a shell: in quotes where it needs them. In one of four buffers that take turns. */
const char *people_quoted(const char *name);

/* "2026-11-27" here. */
const char *people_date(int64_t when_s, char out[16]);
#endif
