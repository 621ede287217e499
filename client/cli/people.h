/* The contacts as commands use them: whom an argument means, what to call someone, and what is printed and stored after
 * pairing. Functions that return int return 0, or an exit code after printing an error. */
#ifndef PL_CLI_PEOPLE_H
#define PL_CLI_PEOPLE_H

#include "cli.h"
#include "contacts.h"

/* The other side of a command. Must live as long as the client, because the options point to `relay`. */
typedef struct target {
  char text[PAIRLINK_INVITE_LINK_MAX];  /* an ID or an invite link, for pairlink_connect */
  char relay[PAIRLINK_INVITE_LINK_MAX]; /* the contact's relay, used when the command line names none */
  bool is_link;
} target;

/* Opens the contacts of the identity. contacts_close frees them. */
int people_open(const cli *c, contacts *s);

/* Finds whom `text` means: a contact's name, an ID, or an invite link. Sets o->relay or o->relay_id where the command
 * line leaves them open. */
int people_find(const cli *c, const char *text, target *out, pairlink_options *o);

/* Writes the contact's name, or the short ID when it is no contact. Returns out. */
const char *people_name(const contacts *s, const char *id, char out[CONTACT_NAME_MAX]);

/* Stores someone as a contact after pairing, and warns when a contact with another ID has a similar name. own_name is
 * what they call themselves, unchecked; may be NULL. Sets *who to the contact. */
int people_paired(contacts *s, const pairlink *client, const char *id, const char *own_name, contact_how how,
                  contact *who);

/* Stores the one whom an invite link led to as a contact. Does nothing for the user's own ID and for contacts. */
void people_met_by_link(contacts *s, const pairlink *client, const pairlink_session *session);

/* Warns when a contact with another ID has this name or one that looks like it. */
void people_warn_namesake(const contacts *s, const char *id, const char *own_name);

/* Prints "Paired with Ana." */
void people_say_paired(const contact *who);

/* Returns a name as one would type it in a shell, in quotes where needed. Valid until the fourth call after this one.
 */
const char *people_quoted(const char *name);

/* Writes a date in local time: "2026-11-27". Returns out. */
const char *people_date(int64_t when_s, char out[16]);

#endif
